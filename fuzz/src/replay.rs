//! Running a target without a fuzzer.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use crate::Entry;

/// The files of a target's corpus, in order of their names.
///
/// # Errors
/// When the directory cannot be read.
pub fn corpus(target: &str) -> io::Result<Vec<PathBuf>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(target);
    let mut files = std::fs::read_dir(folder)?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<io::Result<Vec<_>>>()?;
    files.sort();
    Ok(files)
}

/// Runs a target over the files that the command line names, or over its corpus.
pub fn replay(target: &str, entry: Entry) -> ExitCode {
    let named: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    match run(target, entry, named) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(io::stderr(), "{target}: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(target: &str, entry: Entry, named: Vec<PathBuf>) -> io::Result<()> {
    let files = if named.is_empty() { corpus(target)? } else { named };
    let mut out = io::stdout().lock();
    for file in &files {
        writeln!(out, "{}", file.display())?;
        entry(&std::fs::read(file)?);
    }
    writeln!(out, "{target}: {} files, no panic", files.len())
}
