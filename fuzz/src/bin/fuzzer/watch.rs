//! Writes down what broke, and breaks what hangs.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crate::corpus;

/// How often somebody looks whether a run hangs.
const LOOK: Duration = Duration::from_millis(500);

pub(crate) struct Watch {
    now: Arc<Mutex<Now>>,
    report: Arc<Report>,
    found: bool,
}

/// The run under way.
#[derive(Default)]
struct Now {
    bytes: Vec<u8>,
    /// Counts beginnings and ends: odd while a run is under way.
    turn: u64,
}

struct Report {
    target: String,
    folder: PathBuf,
}

impl Watch {
    pub(crate) fn start(target: &str, keep: &Path, hang: Duration) -> io::Result<Self> {
        let report = Arc::new(Report { target: target.to_owned(), folder: keep.join("found") });
        let now = Arc::new(Mutex::new(Now::default()));
        let (seen, reporter) = (Arc::clone(&now), Arc::clone(&report));
        thread::Builder::new().name("watch".into()).spawn(move || look(&seen, &reporter, hang))?;
        Ok(Self { now, report, found: false })
    }

    pub(crate) fn begins(&self, bytes: &[u8]) {
        let mut now = self.now.lock().unwrap_or_else(PoisonError::into_inner);
        now.bytes.clear();
        now.bytes.extend_from_slice(bytes);
        now.turn += 1;
    }

    pub(crate) fn ends(&self) {
        self.now.lock().unwrap_or_else(PoisonError::into_inner).turn += 1;
    }

    pub(crate) fn found(&mut self, what: &str, bytes: &[u8]) -> io::Result<()> {
        self.found = true;
        self.report.write(what, bytes)
    }

    pub(crate) const fn has_found(&self) -> bool {
        self.found
    }
}

fn look(now: &Mutex<Now>, report: &Report, hang: Duration) {
    let (mut turn, mut since) = (0, Instant::now());
    loop {
        thread::sleep(LOOK);
        let now = now.lock().unwrap_or_else(PoisonError::into_inner);
        if now.turn != turn || now.turn.is_multiple_of(2) {
            (turn, since) = (now.turn, Instant::now());
        } else if since.elapsed() >= hang {
            if let Err(error) = report.write("hung", &now.bytes) {
                eprintln!("{}: {error}", report.target);
            }
            process::exit(1);
        }
    }
}

impl Report {
    fn write(&self, what: &str, bytes: &[u8]) -> io::Result<()> {
        fs::create_dir_all(&self.folder)?;
        let file = self.folder.join(corpus::name(bytes));
        fs::write(&file, bytes)?;
        eprintln!(
            "\n{target} {what} over {len} bytes, which are in {file}\nTo see it again:\n  \
             cargo run -p fuzz --bin {target} -- {file}\nOnce it is mended, put the file into \
             fuzz/corpus/{target} under a name that says what it was.",
            target = self.target,
            len = bytes.len(),
            file = file.display(),
        );
        Ok(())
    }
}
