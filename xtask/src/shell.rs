//! Running other programs: from the repository's root, without stdin, with errors that name the command.

use std::ffi::OsString;
use std::fmt;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};

/// Why a command ends early: a sentence for a person.
#[derive(Debug)]
pub(crate) struct Stop(String);

impl Stop {
    pub(crate) fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// Several findings at once, each on its own line.
    pub(crate) fn unless_empty(what: &str, findings: &[String]) -> Result<(), Self> {
        if findings.is_empty() {
            return Ok(());
        }
        Err(Self(format!("{what}\n  {}", findings.join("\n  "))))
    }
}

impl fmt::Display for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The repository and its cargo.
#[derive(Debug)]
pub(crate) struct Shell {
    root: PathBuf,
    cargo: OsString,
}

impl Shell {
    pub(crate) fn new() -> Result<Self, Stop> {
        let manifest =
            std::env::var_os("CARGO_MANIFEST_DIR").ok_or_else(|| Stop::new("run me with `cargo xtask`."))?;
        let root = Path::new(&manifest)
            .parent()
            .ok_or_else(|| Stop::new("the xtask crate has no parent folder."))?;
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        Ok(Self { root: root.to_owned(), cargo })
    }

    /// A path inside the repository.
    pub(crate) fn path(&self, relative: impl AsRef<Path>) -> PathBuf {
        self.root.join(relative)
    }

    /// Where cargo builds, by the same rule as cargo itself.
    pub(crate) fn target(&self) -> PathBuf {
        self.root.join(std::env::var_os("CARGO_TARGET_DIR").unwrap_or_else(|| "target".into()))
    }

    pub(crate) fn read_file(&self, relative: &str) -> Result<String, Stop> {
        read_file(&self.path(relative))
    }

    pub(crate) fn cargo(&self, arguments: &[&str]) -> Command {
        let mut command = self.program(&self.cargo);
        command.args(arguments);
        command
    }

    pub(crate) fn program(&self, name: impl Into<OsString>) -> Command {
        let mut command = Command::new(name.into());
        command.current_dir(&self.root).stdin(Stdio::null());
        // What cargo says about xtask must not reach the builds below it.
        for (name, _) in std::env::vars_os() {
            let text = name.to_string_lossy();
            if text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_MANIFEST_") {
                command.env_remove(&name);
            }
        }
        command
    }
}

pub(crate) fn read_file(path: &Path) -> Result<String, Stop> {
    std::fs::read_to_string(path)
        .map_err(|error| Stop::new(format!("cannot read {}: {error}", path.display())))
}

pub(crate) fn write_file(path: &Path, text: &str) -> Result<(), Stop> {
    let parent = path.parent().unwrap_or(path);
    std::fs::create_dir_all(parent)
        .and_then(|()| std::fs::write(path, text))
        .map_err(|error| Stop::new(format!("cannot write {}: {error}", path.display())))
}

/// Runs it with its output going where ours goes.
pub(crate) fn run(mut command: Command) -> Result<(), Stop> {
    let status = command.status().map_err(|error| not_started(&command, &error))?;
    verdict(&command, status)
}

/// Runs it silently: did it succeed?
pub(crate) fn works(mut command: Command) -> bool {
    command.stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
}

/// Runs it and returns what it wrote to stdout; its stderr goes where ours goes.
pub(crate) fn read(mut command: Command) -> Result<String, Stop> {
    let output = command.stderr(Stdio::inherit()).output().map_err(|error| not_started(&command, &error))?;
    verdict(&command, output.status)?;
    String::from_utf8(output.stdout).map_err(|_| Stop::new(format!("`{}` wrote no UTF-8.", shown(&command))))
}

/// Runs it, prints its stdout and stderr as they come (in one stream, so that they keep their order) and shows
/// each line to `see`.
pub(crate) fn stream(mut command: Command, mut see: impl FnMut(&str)) -> Result<(), Stop> {
    let broken = |error| Stop::new(format!("cannot read the output of a command: {error}"));
    let (reader, writer) = std::io::pipe().map_err(broken)?;
    command.stdout(writer.try_clone().map_err(broken)?).stderr(writer);
    let mut child = command.spawn().map_err(|error| not_started(&command, &error))?;
    let name = shown(&command);
    drop(command); // it holds the writing end: without this the reader never sees the end
    let mut reader = BufReader::new(reader);
    let mut line = Vec::new();
    while reader.read_until(b'\n', &mut line).map_err(broken)? > 0 {
        let text = String::from_utf8_lossy(&line);
        print!("{text}");
        see(text.trim_end());
        line.clear();
    }
    let status = child.wait().map_err(broken)?;
    if status.success() { Ok(()) } else { Err(Stop::new(format!("`{name}` failed ({status})."))) }
}

fn verdict(command: &Command, status: ExitStatus) -> Result<(), Stop> {
    if status.success() { Ok(()) } else { Err(Stop::new(format!("`{}` failed ({status}).", shown(command)))) }
}

fn not_started(command: &Command, error: &std::io::Error) -> Stop {
    Stop::new(format!("`{}` did not start: {error}.", shown(command)))
}

/// The command as a person would type it.
fn shown(command: &Command) -> String {
    let program = Path::new(command.get_program()).file_name().unwrap_or_default();
    let words = std::iter::once(program).chain(command.get_args());
    words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}
