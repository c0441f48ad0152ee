//! The directory of a store: who may use it, what is in it, and how it comes to be.
//!
//! ```text
//! lock              held while the store is open
//! store/format      the format, as text
//! store/writer      which version of this program brought the store into its format, as text
//! store/proven      the number of the last batch that was proven
//! store/engine/     the engine's files
//! store/failed      a note that the store failed (`mend.rs`)
//! store/mend/       its journals, while they are written anew
//! objects/          what messages name: the sound of talks (`objects.rs`)
//! verify/           links to the store's files, while somebody reads all of it (`verify.rs`)
//! store.new/        a store whose making was interrupted: nothing in it was ever proven
//! ```
//!
//! A store is made under another name and gets its own by one rename, so `store` is whole or not there.
//!
//! # Formats
//!
//! | Format | What is new in it |
//! |---|---|
//! | 1 | |
//! | 2 | rows of groups: heads, memberships, the groups of a user |
//! | 3 | rows of accounts: standings, push tokens, contacts |
//!
//! An older format is brought up to date where it lies, when it is opened. What counts is the format in the row of
//! the store's identity: it changes in a durable batch of its own when everything that its format asks for is
//! written, and what is not done yet is done at the next start. The file follows; it keeps versions from opening the engine in vain.

use std::fs::{self, File, TryLockError};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

use super::engine::damaged;
use crate::durable::{create_durably, sync_directory};
use crate::storage::{StorageError, THIS_VERSION};

/// The format that this program writes. It reads all before it, from 1 on.
pub(super) const FORMAT: u32 = 6;

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

    /// Locks a directory that has a store in it; nothing is made where there is none.
    pub(super) fn lock_existing(path: &Path) -> Result<Self, StorageError> {
        if !path.join("store").try_exists()? {
            return Err(io::Error::new(ErrorKind::NotFound, "there is no store in this directory").into());
        }
        Self::lock(path)
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn store(&self) -> PathBuf {
        self.path.join("store")
    }

    /// Whether there is a store. If so, it has a format that this program reads.
    pub(super) fn has_store(&self) -> Result<bool, StorageError> {
        if !self.store().try_exists()? {
            return Ok(false);
        }
        readable(&self.store(), format(&self.store())?)?;
        Ok(true)
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
        note_writer(draft)?;
        note_format(draft)?;
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

/// Refuses a format that this program does not read.
pub(super) fn readable(store: &Path, format: u32) -> Result<(), StorageError> {
    if (1..=FORMAT).contains(&format) {
        return Ok(());
    }
    let writer = fs::read_to_string(store.join("writer")).ok();
    let writer = writer.map(|writer| writer.trim().chars().filter(|char| !char.is_control()).collect());
    Err(StorageError::Format { found: format, known: FORMAT, writer })
}

/// Names this version as the one that brings the store into its format. Before it does: a later name says no more
/// than that it tried.
pub(super) fn note_writer(store: &Path) -> io::Result<()> {
    replace(store, "writer", &format!("{THIS_VERSION}\n"))
}

/// Says which format the store has, after the store itself does.
pub(super) fn note_format(store: &Path) -> io::Result<()> {
    replace(store, "format", &format!("{FORMAT_PREFIX}{FORMAT}\n"))
}

/// Whether the file says the same as the store itself.
pub(super) fn is_noted(store: &Path) -> Result<bool, StorageError> {
    Ok(format(store)? == FORMAT)
}

/// The old text or the new, at any moment.
fn replace(store: &Path, name: &str, text: &str) -> io::Result<()> {
    let draft = store.join(format!("{name}.new"));
    let mut file = File::create(&draft)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(draft, store.join(name))?;
    sync_directory(store)
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
