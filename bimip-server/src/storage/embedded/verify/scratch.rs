//! A look-alike of the engine's directory that an engine may open without touching the store.
//!
//! Opening an engine writes: it cuts the end off a journal, and tidies up. So it gets copies of everything it may
//! write to, and links to its tables, which are never written twice: it can take away a link, not the table.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

/// The directory, until this is dropped.
#[derive(Debug)]
pub(super) struct Scratch {
    path: PathBuf,
}

impl Scratch {
    /// Made beside the store, so that links reach; what an interrupted look left there is taken away.
    pub(super) fn of(engine: &Path, beside: &Path) -> io::Result<Self> {
        let scratch = Self { path: beside.join("verify") };
        scratch.clear()?;
        alike(engine, &scratch.path)?;
        Ok(scratch)
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    fn clear(&self) -> io::Result<()> {
        match fs::remove_dir_all(&self.path) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if let Err(error) = self.clear() {
            let path = self.path.display();
            tracing::warn!(%error, "{path} could not be taken away; it is safe to delete");
        }
    }
}

fn alike(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir(to)?;
    let tables = from.file_name().is_some_and(|name| name == "tables");
    for file in fs::read_dir(from)? {
        let file = file?;
        let (from, to) = (file.path(), to.join(file.file_name()));
        if file.file_type()?.is_dir() {
            alike(&from, &to)?;
        } else if !tables || fs::hard_link(&from, &to).is_err() {
            fs::copy(&from, &to)?;
        }
    }
    Ok(())
}
