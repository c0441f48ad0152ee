//! The engine and its two keyspaces, shared by the commit thread and the readers.

use std::collections::HashMap;
use std::fs::File;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use bimip_proto::Offset;
use fjall::{Database, Keyspace, Snapshot};

use super::names::UserNo;
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
    /// Rows that are not proven and that the records they refer to do not give away.
    pub(super) late: LateRows,
    /// The moment after that batch. A reader of more than one row at a time sees all of what was proven, and no row of
    /// what was not.
    settled: Mutex<Snapshot>,
    /// Held for as long as anybody may touch the files; the fields above go first.
    pub(super) _lock: File,
}

impl Engine {
    /// For somebody who only reads, and everything.
    pub(super) fn look_only(db: Database, log: Keyspace, small: Keyspace, lock: File) -> Self {
        Self::new(db, log, small, lock, u64::MAX)
    }

    /// As it was opened: all of it is proven, up to this log record.
    pub(super) fn new(db: Database, log: Keyspace, small: Keyspace, lock: File, sequence: u64) -> Self {
        let settled = Mutex::new(db.snapshot());
        let late = LateRows::default();
        Self { db, log, small, epoch: 0, proven: AtomicU64::new(sequence), late, settled, _lock: lock }
    }

    /// Everything that was written so far is proven, up to this log record.
    pub(super) fn prove(&self, sequence: u64) {
        let settled = self.db.snapshot();
        // Nothing that runs under the lock can leave it half changed.
        *self.settled.lock().unwrap_or_else(PoisonError::into_inner) = settled;
        self.proven.store(sequence, Ordering::Release);
    }

    pub(super) fn settled(&self) -> Snapshot {
        self.settled.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// The first row that an unproven batch gave each mailbox of those that refer to older records.
///
/// What is not proven is hidden by the numbers of its records, but for rows that come later than their records do: those
/// that a mailbox is filled with from feeds. A batch is named here before it is written and forgotten when it is proven;
/// a reader looks here after it has chosen its moment of the store.
#[derive(Debug, Default)]
pub(super) struct LateRows {
    first: Mutex<HashMap<UserNo, Offset>>,
}

impl LateRows {
    /// This batch is about to be written.
    pub(super) fn hide(&self, rows: &[(UserNo, Offset)]) {
        if rows.is_empty() {
            return;
        }
        let mut first = self.first();
        for (user, offset) in rows {
            first.entry(*user).or_insert(*offset);
        }
    }

    /// All that was written is proven.
    pub(super) fn show(&self) {
        self.first().clear();
    }

    /// The last row of a mailbox that may be read.
    pub(super) fn upto(&self, user: UserNo) -> Offset {
        self.first().get(&user).map_or(Offset(u64::MAX), |first| Offset(first.0.saturating_sub(1)))
    }

    fn first(&self) -> MutexGuard<'_, HashMap<UserNo, Offset>> {
        // Nothing that holds it can fail halfway.
        self.first.lock().unwrap_or_else(PoisonError::into_inner)
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
