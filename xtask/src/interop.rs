//! Drives the real server with clients that are not ours: pytest in a virtual environment of its own.

mod independent;

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::ran::{self, Ran};
use crate::setup;
use crate::shell::{self, Shell, Stop};
use crate::sim::take_release;
use crate::stages::Stages;

/// The published schemas: folder, name of the Python module.
const SCHEMAS: [(&str, &str); 2] =
    [("bimip-proto/proto/bimip/v1", "bimip"), ("bimip-proto/proto/bimip/deployed", "deployed")];
const NODE_FOLDER: &str = "interop/node";
const VENV: Venv = Venv { folder: "interop-venv", requirements: "interop/requirements.txt" };

/// A virtual environment below `target`, and the file that says what is in it.
struct Venv {
    folder: &'static str,
    requirements: &'static str,
}

pub(crate) fn run(shell: &Shell, stages: &mut Stages, rest: &[String]) -> Result<(), Stop> {
    if rest == ["--vectors"] {
        return make_vectors(shell, stages);
    }
    let (release, rest) = take_release(rest);
    let (client, rest) = take_client(rest)?;
    let server = build(shell, stages, release)?;
    match client {
        Client::Independent => independent::run(shell, stages, &server, &rest),
        Client::Suite => run_built(shell, stages, Some(server), &rest),
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Client {
    Suite,
    Independent,
}

/// Takes `--client independent` out of the arguments.
fn take_client(rest: Vec<&String>) -> Result<(Client, Vec<&String>), Stop> {
    let Some(at) = rest.iter().position(|argument| *argument == "--client") else {
        return Ok((Client::Suite, rest));
    };
    match rest.get(at + 1).map(|name| name.as_str()) {
        Some("independent") => {}
        other => {
            let other = other.unwrap_or("nothing");
            return Err(Stop::new(format!("`--client` knows `independent`, got {other}.")));
        }
    }
    let others = rest.into_iter().enumerate().filter(|(index, _)| *index != at && *index != at + 1);
    Ok((Client::Independent, others.map(|(_, argument)| argument).collect()))
}

/// Everything, or with arguments for pytest the suite alone, with a server that is there already.
pub(crate) fn run_built(
    shell: &Shell,
    stages: &mut Stages,
    server: Option<PathBuf>,
    rest: &[&String],
) -> Result<(), Stop> {
    let server = server.map_or_else(|| build(shell, stages, false), Ok)?;
    prepare(shell, stages)?;
    let advice = "See the failures above; `cargo xtask interop -k <name> -x` runs one again.";
    stages.stage("interop", advice, || pytest(shell, &server, rest))?;
    if rest.is_empty() { independent::run(shell, stages, &server, rest) } else { Ok(()) }
}

fn prepare(shell: &Shell, stages: &mut Stages) -> Result<(), Stop> {
    let advice = "It needs python3 with venv, Node.js with npm, and the indexes of their packages.";
    stages.stage("interop setup", advice, || {
        setup::python(shell)?;
        VENV.make(shell)?;
        generate(shell)?;
        setup::node(shell)?;
        install_node_modules(shell)
    })
}

/// Writes those files of docs/protocol/vectors that no original encoder wrote.
fn make_vectors(shell: &Shell, stages: &mut Stages) -> Result<(), Stop> {
    prepare(shell, stages)?;
    let mut make = python(shell, &VENV, &["interop/make_vectors.py"]);
    make.env("PYTHONDONTWRITEBYTECODE", "1").env("PYTHONPATH", generated(shell));
    shell::run(make)
}

fn build(shell: &Shell, stages: &mut Stages, release: bool) -> Result<PathBuf, Stop> {
    stages.stage("build server", "See the compiler's errors above.", || {
        let mut cargo = shell.cargo(&["build", "-p", "bimip-server"]);
        if release {
            cargo.arg("--release");
        }
        shell::run(cargo)
    })?;
    Ok(shell.target().join(if release { "release" } else { "debug" }).join("bimip-server"))
}

impl Venv {
    /// Makes it, unless it is there and was made from the same requirements.
    fn make(&self, shell: &Shell) -> Result<(), Stop> {
        let wanted = shell.read_file(self.requirements)?;
        let venv = shell.target().join(self.folder);
        let note = venv.join("requirements.txt");
        if std::fs::read_to_string(&note).is_ok_and(|there| there == wanted)
            && shell::works(python(shell, self, &["--version"]))
        {
            return Ok(());
        }
        println!("    making {} from {}", venv.display(), self.requirements);
        let mut make = shell.program("python3");
        make.args(["-m", "venv", "--clear"]).arg(&venv);
        shell::run(make)?;
        let install = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement"];
        let mut install = python(shell, self, &install);
        install.arg(self.requirements);
        shell::run(install)?;
        shell::write_file(&note, &wanted) // last: a venv without it is made again
    }
}

/// Installs the pinned packages of `interop/node` into `target/interop-node`, unless they are there.
fn install_node_modules(shell: &Shell) -> Result<(), Stop> {
    let folder = shell.target().join("interop-node");
    let note = folder.join("installed.json");
    let wanted = shell.read_file(&format!("{NODE_FOLDER}/package-lock.json"))?;
    if std::fs::read_to_string(&note).is_ok_and(|there| there == wanted) {
        return Ok(());
    }
    println!("    making {} from {NODE_FOLDER}", folder.display());
    shell::write_file(&folder.join("package-lock.json"), &wanted)?;
    let package = shell.read_file(&format!("{NODE_FOLDER}/package.json"))?;
    shell::write_file(&folder.join("package.json"), &package)?;
    let mut npm = shell.program("npm");
    npm.args(["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error", "--prefix"])
        .arg(&folder);
    shell::run(npm)?;
    shell::write_file(&note, &wanted) // last: what is half installed is installed again
}

/// Writes `target/interop-gen/{bimip,deployed,message}_pb2.py`, and the stubs of the service, with the code generator of the
/// protobuf project itself. A module is named after its file, and two files have one name; so each is generated under the name
/// of its module.
fn generate(shell: &Shell) -> Result<(), Stop> {
    let folder = generated(shell);
    std::fs::create_dir_all(&folder)
        .map_err(|error| Stop::new(format!("cannot make {}: {error}", folder.display())))?;
    for (schema, module) in SCHEMAS {
        let file = folder.join(format!("{module}.proto"));
        shell::write_file(&file, &shell.read_file(&format!("{schema}/bimip.proto"))?)?;
        let mut protoc = python(shell, &VENV, &["-m", "grpc_tools.protoc"]);
        protoc.arg(format!("--proto_path={}", folder.display()));
        protoc.arg(format!("--python_out={}", folder.display())).arg(file);
        shell::run(protoc)?;
    }
    let mut protoc = python(shell, &VENV, &["-m", "grpc_tools.protoc"]);
    protoc.args(["--proto_path=bimip-proto/proto/message", "message.proto"]);
    protoc.arg(format!("--python_out={}", folder.display()));
    protoc.arg(format!("--grpc_python_out={}", folder.display()));
    shell::run(protoc)
}

fn pytest(shell: &Shell, server: &Path, rest: &[&String]) -> Result<(), Stop> {
    let mut pytest = pytest_command(python(shell, &VENV, &[]), server);
    pytest.env("PYTHONPATH", generated(shell)).arg("--ignore=interop/independent");
    pytest.env("BIMIP_NODE_MODULES", shell.target().join("interop-node/node_modules"));
    if !rest.iter().any(|argument| argument.contains(".py")) {
        pytest.arg("interop");
    }
    pytest.args(rest);
    let mut ran = Ran::load(shell);
    if rest.is_empty() {
        ran.forget("interop/");
    }
    let result = shell::stream(pytest, |line| ran::see_pytest(line, &mut ran));
    ran.save(shell)?;
    result
}

/// pytest as all runs of it have it; `python` is the one of a virtual environment.
fn pytest_command(mut python: Command, server: &Path) -> Command {
    python.args(["-m", "pytest", "--rootdir=.", "--config-file=interop/pytest.ini", "-v", "--color=no"]);
    python.args(["-p", "no:cacheprovider"]).env("PYTHONDONTWRITEBYTECODE", "1");
    python.env("PYTHONUNBUFFERED", "1").env("BIMIP_SERVER", server);
    python
}

fn generated(shell: &Shell) -> PathBuf {
    shell.target().join("interop-gen")
}

fn python(shell: &Shell, venv: &Venv, arguments: &[&str]) -> Command {
    let mut python = shell.program(shell.target().join(venv.folder).join("bin/python"));
    python.args(arguments);
    python
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_is_taken_out_of_the_arguments() {
        let words = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
        let given = words("-k talk --client independent -x");
        let (client, rest) = take_client(given.iter().collect()).unwrap();
        assert_eq!(client, Client::Independent);
        assert_eq!(rest, ["-k", "talk", "-x"]);
        let given = words("-k talk");
        assert_eq!(take_client(given.iter().collect()).unwrap(), (Client::Suite, given.iter().collect()));
        for wrong in ["--client", "--client somebody"] {
            assert!(take_client(words(wrong).iter().collect()).is_err());
        }
    }
}
