//! The command line.

use std::path::PathBuf;

pub(crate) const USAGE: &str = "\
Kills the server binary, cuts its power and breaks its disk, and checks what it promised.

usage: cargo xtask kill9 [N] [OPTIONS]
       cargo xtask powercut [N] [OPTIONS]
       cargo xtask faults [OPTIONS]

commands
  kill9 [N]      N lives of one server and one store, each ended by SIGKILL after 50 to 900 ms of load,
                 some already while the store is opened   [20]
  powercut [N]   N lives on a file system of their own that loses what was not synced (needs root), and a
                 control that must lose messages: the same server with syncs that are lies   [3]
  faults         errors of writing and syncing, and a full disk, under the whole server

What is checked: every acked message is in both mailboxes once, a resend has the first ack again, all devices see
one order without gaps, cursors never go back, every delivery has one receipt.

options
  --seed N       the same choices again; how far the clients are by then is up to the machine  [of the clock]
  --server PATH  the server to torture  [built]
  --dir PATH     where stores and file systems are made  [the target directory]
  --release      build with optimisations
  --help         this text

The exit code is 1 when anything was found; the data is kept then, and its path printed.

examples
  cargo xtask kill9 1000 --release
  cargo xtask kill9 --seed 7
  sudo -E cargo xtask powercut 200";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Command {
    Help,
    Kill9,
    PowerCut,
    Faults,
}

#[derive(Debug)]
pub(crate) struct Args {
    pub(crate) command: Command,
    pub(crate) loops: u64,
    pub(crate) seed: u64,
    pub(crate) server: PathBuf,
    dir: PathBuf,
}

impl Args {
    /// `clock` is the seed where none is given.
    pub(crate) fn parse(words: impl IntoIterator<Item = String>, clock: u64) -> Result<Self, String> {
        let mut words = words.into_iter();
        let command = match words.next().as_deref() {
            Some("kill9") => Command::Kill9,
            Some("powercut") => Command::PowerCut,
            Some("faults") => Command::Faults,
            None | Some("help" | "-h" | "--help") => Command::Help,
            Some(other) => return Err(format!("there is no command `{other}`")),
        };
        let loops = if command == Command::Kill9 { 20 } else { 3 };
        let mut args = Self { command, loops, seed: clock, server: PathBuf::new(), dir: PathBuf::new() };
        while let Some(word) = words.next() {
            let mut value = || words.next().ok_or_else(|| format!("`{word}` needs a value"));
            match word.as_str() {
                "--seed" => args.seed = number(&value()?)?,
                "--server" => args.server = value()?.into(),
                "--dir" => args.dir = value()?.into(),
                "-h" | "--help" => args.command = Command::Help,
                count if command != Command::Faults => args.loops = number(count)?.max(1),
                other => return Err(format!("`faults` takes no `{other}`")),
            }
        }
        if args.command != Command::Help && !args.server.is_file() {
            return Err(format!(
                "there is no server at `{}`; give its path with --server",
                args.server.display()
            ));
        }
        Ok(args)
    }

    /// A folder of this run's own.
    pub(crate) fn folder(&self, name: &str) -> Result<PathBuf, String> {
        let folder = self.dir.join(format!("{name}-{}", std::process::id()));
        let folder =
            std::path::absolute(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        std::fs::create_dir_all(&folder)
            .map_err(|error| format!("cannot make {}: {error}", folder.display()))?;
        Ok(folder)
    }
}

fn number(text: &str) -> Result<u64, String> {
    text.parse().map_err(|_| format!("`{text}` is no number and no option"))
}
