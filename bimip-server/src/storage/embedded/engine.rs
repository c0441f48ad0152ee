//! The engine and its two keyspaces, shared by the commit thread and the readers.

use std::fs::File;
use std::sync::atomic::AtomicU64;

use fjall::{Database, Keyspace};

use crate::storage::StorageError;

/// The open store.
pub(super) struct Engine {
    pub(super) db: Database,
    /// Log records by sequence.
    pub(super) log: Keyspace,
    /// Everything else, by tag.
    pub(super) small: Keyspace,
    pub(super) epoch: u32,
    /// The last log record whose batch was proven: readers stop here.
    pub(super) proven: AtomicU64,
    /// Held for as long as anybody may touch the files; the fields above go first.
    pub(super) _lock: File,
}

impl Engine {
    /// For somebody who only reads, and everything.
    pub(super) const fn look_only(db: Database, log: Keyspace, small: Keyspace, lock: File) -> Self {
        Self { db, log, small, epoch: 0, proven: AtomicU64::new(u64::MAX), _lock: lock }
    }
}

impl From<fjall::Error> for StorageError {
    fn from(error: fjall::Error) -> Self {
        match error {
            fjall::Error::Io(error) | fjall::Error::Storage(fjall::LsmError::Io(error)) => Self::Io(error),
            fjall::Error::Locked => Self::InUse,
            error => Self::Engine(error.to_string()),
        }
    }
}

/// A row that is not as it was written.
pub(super) fn damaged(place: impl Into<String>, what: &'static str) -> StorageError {
    StorageError::Damaged { place: place.into(), what }
}
