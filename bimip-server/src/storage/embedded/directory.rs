//! The directory of a store: who may use it, what is in it, and how it comes to be.
//!
//! ```text
//! lock              held while the store is open
//! store/format      the format, as text
//! store/proven      the number of the last batch that was proven
//! store/engine/     the engine's files
//! store.new/        a store whose making was interrupted: nothing in it was ever proven
//! ```
//!
//! A store is made under another name and gets its own by one rename, so `store` is whole or not there.

use std::fs::{self, File, TryLockError};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use super::engine::damaged;
use crate::durable::{create_durably, sync_directory};
use crate::storage::StorageError;

/// The format that this program writes.
pub(super) const FORMAT: u32 = 1;

const FORMAT_PREFIX: &str = "bimip store ";

/// The directory of a store, locked.
#[derive(Debug)]
pub(super) struct Directory {
    path: PathBuf,
    lock: File,
}

impl Directory {
    /// Creates the directory where it is missing, and locks it.
    pub(super) fn lock(path: &Path) -> Result<Self, StorageError> {
        create_durably(path)?;
        let lock = File::options().create(true).truncate(false).write(true).open(path.join("lock"))?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { path: path.to_owned(), lock }),
            Err(TryLockError::WouldBlock) => Err(StorageError::InUse),
            Err(TryLockError::Error(error)) => Err(error.into()),
        }
    }

    pub(super) fn store(&self) -> PathBuf {
        self.path.join("store")
    }

    /// Whether there is a store. If so, it has the format that this program reads.
    pub(super) fn has_store(&self) -> Result<bool, StorageError> {
        if !self.store().try_exists()? {
            return Ok(false);
        }
        match format(&self.store())? {
            FORMAT => Ok(true),
            found => Err(StorageError::Format { found, known: FORMAT }),
        }
    }

    /// An empty place to make a store in.
    pub(super) fn draft(&self) -> Result<PathBuf, StorageError> {
        let draft = self.path.join("store.new");
        match fs::remove_dir_all(&draft) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error.into()),
            _ => fs::create_dir(&draft)?,
        }
        Ok(draft)
    }

    /// Makes a finished draft the store.
    pub(super) fn publish(&self, draft: &Path) -> Result<(), StorageError> {
        let mut format = File::create(draft.join("format"))?;
        writeln!(format, "{FORMAT_PREFIX}{FORMAT}")?;
        format.sync_all()?;
        sync_directory(draft)?;
        fs::rename(draft, self.store())?;
        sync_directory(&self.path)?;
        Ok(())
    }

    pub(super) fn into_lock(self) -> File {
        self.lock
    }
}

/// Where the engine has its files.
pub(super) fn engine(store: &Path) -> PathBuf {
    store.join("engine")
}

/// Where the number of the last proven batch is.
pub(super) fn proven(store: &Path) -> PathBuf {
    store.join("proven")
}

fn format(store: &Path) -> Result<u32, StorageError> {
    let place = "the file `format`";
    let text = match fs::read_to_string(store.join("format")) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => return Err(damaged(place, "it is not there")),
        Err(error) if error.kind() == ErrorKind::InvalidData => return Err(damaged(place, "it is no text")),
        Err(error) => return Err(error.into()),
    };
    let number = text.strip_prefix(FORMAT_PREFIX).and_then(|number| number.trim_end().parse().ok());
    number.ok_or_else(|| damaged(place, "it names no format"))
}
