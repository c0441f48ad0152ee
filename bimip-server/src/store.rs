//! `bimip-server store`: looking after a store while no server runs on it.

use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use bimip_server::storage::StorageError;
use bimip_server::storage::embedded::verify;
use bimip_server::storage::embedded::verify::{Heard, Summary};
use clap::{Args, Subcommand};

const EXAMPLES: &str = "\
Examples:
  bimip-server store verify
      Reads the store in ./bimip-data.
  bimip-server store verify --data /var/lib/bimip && cp -a /var/lib/bimip /backup/
      Makes a copy of a store that is known to be whole.

Stop the server first. Nothing in the store is changed. What is wrong is printed to stdout, one line for each finding
with the key it is at, and a summary at the end; progress goes to stderr. It ends with 0 when the store is whole, and
with 1 when it is damaged or cannot be read.";

#[derive(Debug, Subcommand)]
pub(crate) enum StoreCommand {
    /// Reads every row of a store and says what is damaged.
    #[command(after_help = EXAMPLES)]
    Verify(Verify),
}

#[derive(Debug, Args)]
pub(crate) struct Verify {
    /// The directory of the store.
    #[arg(long, value_name = "DIR", default_value = "./bimip-data")]
    data: PathBuf,
}

impl StoreCommand {
    pub(crate) fn run(&self) -> ExitCode {
        match self {
            Self::Verify(Verify { data }) => verify_store(data),
        }
    }
}

fn verify_store(data: &Path) -> ExitCode {
    let (mut progress, mut unheard) = (Progress::new(), None);
    let read = verify(data, |heard| match heard {
        Heard::Finding(finding) => {
            progress.clear();
            unheard = writeln!(io::stdout(), "{finding}").err().or_else(|| unheard.take());
        }
        Heard::Progress { rows } => progress.show(rows),
        _ => {}
    });
    progress.clear();
    let summary = match read {
        Ok(summary) => summary,
        Err(error) => return refuse(data, &error),
    };
    unheard = table(&summary).err().or(unheard);
    if let Some(error) = unheard {
        eprintln!("the findings could not be printed: {error}");
        return ExitCode::FAILURE;
    }
    if summary.findings > 0 {
        eprintln!(
            "the store in {} is damaged; nothing was changed. Keep a copy of it as it is, and restore the last copy \
             that is whole",
            data.display()
        );
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

fn refuse(data: &Path, error: &StorageError) -> ExitCode {
    let data = data.display();
    match error {
        StorageError::InUse => eprintln!(
            "the store in {data} is in use: a server runs on it. Stop the server and try again, or verify a copy of \
             the directory that was made while it was stopped"
        ),
        StorageError::Io(io) if io.kind() == io::ErrorKind::NotFound => {
            eprintln!("cannot read the store in {data}: {error}; give its directory with --data");
        }
        error => eprintln!("cannot read the store in {data}: {error}"),
    }
    ExitCode::FAILURE
}

fn table(summary: &Summary) -> io::Result<()> {
    let lines = [
        ("users", summary.users),
        ("devices", summary.devices),
        ("conversations", summary.conversations),
        ("groups", summary.groups),
        ("messages", summary.messages),
        ("receipts", summary.receipts),
        ("revisions", summary.revisions),
        ("group changes", summary.group_changes),
        ("reactions", summary.reactions),
        ("user changes", summary.user_changes),
        ("mailbox rows", summary.mailbox_rows),
        ("rows", summary.rows),
        ("bytes", summary.bytes),
        ("findings", summary.findings),
    ];
    let mut stdout = io::stdout().lock();
    for (name, count) in lines {
        writeln!(stdout, "{name:<13} {count:>15}")?;
    }
    stdout.flush()
}

/// How far it is, in a line of its own that comes and goes.
struct Progress {
    since: Instant,
    terminal: bool,
    shown: bool,
}

impl Progress {
    fn new() -> Self {
        Self { since: Instant::now(), terminal: io::stderr().is_terminal(), shown: false }
    }

    fn show(&mut self, rows: u64) {
        let seconds = self.since.elapsed().as_secs();
        if self.terminal {
            eprint!("\r{rows} rows read in {seconds} s");
            self.shown = true;
        } else {
            eprintln!("{rows} rows read in {seconds} s");
        }
    }

    fn clear(&mut self) {
        if std::mem::take(&mut self.shown) {
            eprint!("\r\x1b[K");
        }
    }
}
