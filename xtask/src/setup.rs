//! Installs what a stage needs and the machine lacks, and says so. What cannot be installed is named.

use std::path::Path;

use crate::shell::{self, Shell, Stop};

/// `cargo clippy` and `cargo fmt`.
pub(crate) fn lint_tools(shell: &Shell) -> Result<(), Stop> {
    for (subcommand, component) in [("fmt", "rustfmt"), ("clippy", "clippy")] {
        if shell::works(shell.cargo(&[subcommand, "--version"])) {
            continue;
        }
        println!("    {component} is missing: installing it with rustup");
        rustup(shell, &["component", "add", component], &format!("the Rust component `{component}`"))?;
    }
    Ok(())
}

/// The standard library for `wasm32-unknown-unknown`.
pub(crate) fn wasm(shell: &Shell) -> Result<(), Stop> {
    const TARGET: &str = "wasm32-unknown-unknown";
    let mut rustc = shell.program("rustc");
    rustc.args(["--print", "sysroot"]);
    let sysroot = shell::read(rustc)?;
    if Path::new(sysroot.trim()).join("lib/rustlib").join(TARGET).join("lib").is_dir() {
        return Ok(());
    }
    println!("    the target {TARGET} is missing: installing it with rustup");
    rustup(shell, &["target", "add", TARGET], &format!("the Rust target `{TARGET}`"))
}

/// A toolchain by its full version, for `rustup run`.
pub(crate) fn toolchain(shell: &Shell, version: &str) -> Result<(), Stop> {
    let mut run = shell.program("rustup");
    run.args(["run", version, "rustc", "--version"]);
    if shell::works(run) {
        return Ok(());
    }
    println!("    Rust {version} is missing: installing it with rustup");
    rustup(shell, &["toolchain", "install", version, "--profile", "minimal"], &format!("Rust {version}"))
}

/// A `python3` that can make virtual environments.
pub(crate) fn python(shell: &Shell) -> Result<(), Stop> {
    if python_works(shell) {
        return Ok(());
    }
    println!("    python3 with venv is missing: installing python3 and python3-venv with apt-get");
    apt_get(shell, &["update", "-q"])?;
    apt_get(shell, &["install", "-y", "-q", "--no-install-recommends", "python3", "python3-venv"])?;
    if python_works(shell) { Ok(()) } else { Err(missing("python3 with its modules venv and ensurepip")) }
}

/// `node` and `npm`: a client of the original router's own encoder runs on them.
pub(crate) fn node(shell: &Shell) -> Result<(), Stop> {
    if node_works(shell) {
        return Ok(());
    }
    println!("    node or npm is missing: installing nodejs and npm with apt-get");
    apt_get(shell, &["update", "-q"])?;
    apt_get(shell, &["install", "-y", "-q", "--no-install-recommends", "nodejs", "npm"])?;
    if node_works(shell) { Ok(()) } else { Err(missing("node and npm")) }
}

fn node_works(shell: &Shell) -> bool {
    ["node", "npm"].iter().all(|program| {
        let mut command = shell.program(*program);
        command.arg("--version");
        shell::works(command)
    })
}

/// `strace`, which shows what the server asks of the system, and answers in its place where a disk has to fail.
pub(crate) fn strace(shell: &Shell) -> Result<(), Stop> {
    if strace_works(shell) {
        return Ok(());
    }
    println!("    strace is missing: installing it with apt-get");
    apt_get(shell, &["update", "-q"])?;
    apt_get(shell, &["install", "-y", "-q", "--no-install-recommends", "strace"])?;
    if strace_works(shell) { Ok(()) } else { Err(missing("strace, on a machine where it may trace")) }
}

fn strace_works(shell: &Shell) -> bool {
    let mut strace = shell.program("strace");
    strace.args(["-f", "-qq", "-o", "/dev/null", "true"]);
    shell::works(strace)
}

fn python_works(shell: &Shell) -> bool {
    let mut python = shell.program("python3");
    python.args(["-c", "import venv, ensurepip"]);
    shell::works(python)
}

fn apt_get(shell: &Shell, arguments: &[&str]) -> Result<(), Stop> {
    let mut id = shell.program("id");
    id.arg("-u");
    let is_root = shell::read(id)?.trim() == "0";
    let mut command = if is_root { shell.program("apt-get") } else { shell.program("sudo") };
    if !is_root {
        command.args(["--non-interactive", "apt-get"]);
    }
    command.args(arguments).env("DEBIAN_FRONTEND", "noninteractive");
    shell::run(command).map_err(|stop| {
        Stop::new(format!("{stop} {}", missing(arguments.last().copied().unwrap_or_default())))
    })
}

fn rustup(shell: &Shell, arguments: &[&str], what: &str) -> Result<(), Stop> {
    let mut command = shell.program("rustup");
    command.args(arguments);
    shell::run(command).map_err(|stop| Stop::new(format!("{stop} {}", missing(what))))
}

fn missing(what: &str) -> Stop {
    Stop::new(format!(
        "Missing and not to be installed from here: {what}. Install it by hand and run me again."
    ))
}
