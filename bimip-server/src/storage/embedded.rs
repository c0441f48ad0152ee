//! The default store: one directory on a local disk, in the hands of one process.
//!
//! A commit is one batch of the engine ([fjall]), appended to its journal and synced before anybody hears of it.
//!
//! # What is stored
//!
//! A body is stored once, in the keyspace `log`; everything else is small and refers to it, in the keyspace
//! `small`, where the first byte of a key says what it is. Two keyspaces that grow together: one that is rarely
//! written would keep the engine from dropping old journals.
//!
//! | Row | Key | Value |
//! |---|---|---|
//! | log record | sequence | an entry, format 1 (`record.rs`) |
//! | identity | `01` `i` | format, epoch |
//! | tally | `01` `t` | last batch, last sequence, last number of a name |
//! | user | `02` name | number |
//! | device | `03` user, name | number |
//! | conversation of two | `04` low user, high user | number |
//! | conversation of a group | `05` name | number |
//! | mailbox row | `10` user, offset | sequence |
//! | history | `11` conversation, seq | stamp, sequence |
//! | stamp without a message | `12` conversation | stamp |
//! | draft | `13` device, client reference | sequence, offset, digest |
//! | marks | `14` sequence, user | four bits, and when delivered and read (`rows/marks.rs`) |
//! | cursor | `15` device | offset |
//! | what became of a message | `16` sequence | edition that holds, its sequence, whether it is the deletion |
//! | how far it is read | `17` conversation, user | seq |
//! | reactions to a message | `18` sequence | edition, how many of each (`rows/reactions.rs`) |
//! | what a user reacted with | `18` sequence, user | emojis (`rows/reactions.rs`); taken away with the last of them |
//! | group | `20` conversation | what holds, how many (`rows/groups.rs`) |
//! | membership | `21` conversation, user | stays and how far, user (`rows/groups.rs`) |
//! | group of a user | `22` user, conversation | group; taken away when they leave |
//! | feed of a group | `23` conversation, place | sequence; 0 at place 0, which says that there is a feed |
//! | to be pulled | `24` user, conversation | stretches, group (`rows/feeds.rs`); taken away when nothing can come |
//! | what a group is called | `25` conversation | title, about |
//! | standing | `30` user | what the user decided (`rows/account.rs`); no row where nothing was |
//! | push token | `31` user, device | service, token; taken away when the device is logged out |
//! | contact | `32` user, user | the other's name |
//! | what a user keeps | `33` user | profile, entries of the address book (`rows/users.rs`) |
//! | entry of an address book | `34` user, name | the user's own name for them |
//! | block | `35` user, name | nothing; taken away with the block |
//! | last seen | `36` user | when |
//! | listed device | `37` user, device | first and last seen; taken away when it is removed |
//!
//! Numbers are eight bytes, big-endian, so that the order of keys is the order of rows; users, devices and
//! conversations stand in keys by the numbers that their names were given at first sight. The last row of a
//! mailbox or conversation is its head: there are no counters to keep in step. Every value ends with a CRC-32C
//! over its key and itself.
//!
//! # What can go wrong
//!
//! * **A crash** leaves whole batches: the engine drops an unfinished one when it opens its journal.
//! * **An error of writing or syncing** ends writing until the store is opened again; the engine refuses on its own
//!   account too. What was proven before is safe. The batch that failed is refused with an error that asks to try
//!   again; whether its messages are there when the store is opened again is not known before, and a client finds
//!   out by sending them again under the same names: they are stored once. What the system only pretends to have
//!   written is written anew first (`mend.rs`).
//! * **A disk that says it synced and did not** is found out at the next start (`proven.rs`).
//! * **A disk that is nearly full** refuses messages while there is still room for everything else, and takes them
//!   again when somebody made room (`room.rs`).
//! * **Damage** is an error that names the row. Nothing is repaired and nothing is skipped. A batch that needs a
//!   damaged row is refused, and from then on tickets are decided one by one, so that only those are refused that
//!   need it. [`verify()`] reads everything and says what is damaged.

mod background;
mod checksum;
mod commit;
mod directory;
mod engine;
mod fields;
mod journal;
mod keys;
mod manifest;
mod memo;
mod mend;
mod migrate;
mod names;
mod opening;
mod proven;
mod reader;
mod recent;
mod record;
mod retired;
mod room;
mod rows;
pub mod verify;
mod view;
mod writer;

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bimip_session::ledger::{Failure, Ticket};
use fjall::PersistMode;

pub use self::reader::EmbeddedReader;
pub use self::verify::verify;

use self::commit::Answer;
use self::engine::Engine;
use self::memo::Memo;
use self::proven::Proven;
use self::retired::Retired;
use self::room::{Disk, Room};
use self::writer::Tally;
use super::{Storage, StorageError};

/// How long [`close`](Storage::close) waits for the engine to write its tables. What is not written then is read
/// from the journal at the next start.
const CLOSE_FOR: Duration = Duration::from_secs(30);

/// The store in a directory.
pub struct EmbeddedStorage {
    engine: Arc<Engine>,
    memo: Memo,
    tally: Tally,
    proven: Proven,
    disk: Disk,
    retired: Retired,
    store: PathBuf,
    /// A row could not be read: tickets are decided one by one.
    careful: bool,
    /// Why nothing is written any more.
    failed: Option<Failure>,
}

/// How much memory and how many threads a store takes.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Options {
    /// Blocks of tables that are kept in memory, for readers of old rows.
    pub cache_bytes: u64,
    /// Threads that write tables in the background. One is enough for tens of thousands of messages a second,
    /// and more of them take turns waiting for each other.
    pub worker_threads: usize,
    /// Users, devices and conversations whose numbers and heads are remembered: of each up to twice as many, at
    /// about 200 bytes.
    pub names: usize,
    /// Members of groups, and groups of users, that are remembered in lists: of each up to twice as many, at about
    /// 100 bytes.
    pub listed: usize,
    /// The last entries of the log that are remembered, for receipts and resends.
    pub recent_entries: usize,
    /// And at most so many bytes of them.
    pub recent_bytes: u64,
    /// How much of the disk has to be free for a message to be taken; 0 takes them until a write fails, which ends
    /// all writing. Below it messages are refused and everything else goes on. The default is room for what the
    /// engine writes in the background.
    pub min_free_bytes: u64,
}

impl Default for Options {
    fn default() -> Self {
        const MIB: u64 = 1024 * 1024;
        Self {
            cache_bytes: 64 * MIB,
            worker_threads: 1,
            names: 32_768,
            listed: 65_536,
            recent_entries: 4_096,
            recent_bytes: 4 * MIB,
            min_free_bytes: 64 * MIB,
        }
    }
}

impl EmbeddedStorage {
    /// Opens the store in a directory, or makes one where there is none.
    ///
    /// # Errors
    /// [`StorageError::InUse`] when another process has it open, [`StorageError::Format`] when another version
    /// of this program wrote it, [`StorageError::Damaged`] when it is not as it was left.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, StorageError> {
        Self::open_with(path, &Options::default())
    }

    /// Opens the store in a directory with other bounds than the usual ones.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn open_with(path: impl AsRef<Path>, options: &Options) -> Result<Self, StorageError> {
        let opened = opening::open(path.as_ref(), options)?;
        Ok(Self {
            engine: Arc::new(opened.engine),
            memo: Memo::new(options),
            tally: opened.tally,
            proven: opened.proven,
            disk: Disk::of(opened.store.clone(), options.min_free_bytes),
            retired: Retired::new()?,
            store: opened.store,
            careful: false,
            failed: None,
        })
    }

    /// A batch is on the disk.
    fn prove(&mut self, tally: Tally) {
        if tally == self.tally {
            return;
        }
        self.tally = tally;
        self.engine.prove(tally.sequence);
        self.engine.late.show();
        self.retired.look([&self.engine.log, &self.engine.small]);
        if let Err(error) = self.proven.note(tally.batch) {
            // This batch is safe; a disk that cannot take twelve bytes gets no other.
            self.fail(&error.into());
        }
    }

    /// Nothing is written any more.
    fn fail(&mut self, error: &StorageError) -> Failure {
        let failure = match error {
            StorageError::Io(error) if is_full(error.kind()) => Failure::Full,
            _ => Failure::Unavailable,
        };
        tracing::error!(%error, "the store failed and is closed for writing until it is opened again");
        self.leave_a_note();
        self.failed = Some(failure);
        failure
    }

    fn leave_a_note(&self) {
        if let Err(error) = mend::note(&self.store, self.tally.batch) {
            tracing::error!(%error, "restart the machine before the store is opened again: no note of its failure could be left");
        }
    }
}

impl Storage for EmbeddedStorage {
    type Reader = EmbeddedReader;

    fn commit(&mut self, batch: Vec<Ticket>) -> Vec<Answer> {
        if let Some(failure) = self.failed {
            return batch.into_iter().map(|ticket| Err(ticket.failed(failure))).collect();
        }
        let room = self.disk.room();
        if room == Room::All {
            return self.decide(batch);
        }
        // The answers stay in the order of the tickets.
        let (mut admitted, mut refused) = (Vec::new(), Vec::with_capacity(batch.len()));
        for ticket in batch {
            if room == Room::Control && ticket.is_small() {
                admitted.push(ticket);
                refused.push(None);
            } else {
                refused.push(Some(ticket.failed(Failure::Full)));
            }
        }
        let mut decided = self.decide(admitted).into_iter();
        refused.into_iter().filter_map(|refused| refused.map(Err).or_else(|| decided.next())).collect()
    }

    fn is_failed(&self) -> bool {
        self.failed.is_some()
    }

    fn reader(&self) -> EmbeddedReader {
        EmbeddedReader::new(Arc::clone(&self.engine))
    }

    fn close(self) -> Result<(), StorageError> {
        if self.failed.is_some() {
            return Err(StorageError::Engine("it failed and could not be brought into order".to_owned()));
        }
        self.bring_into_order().inspect_err(|_| self.leave_a_note())
    }
}

impl EmbeddedStorage {
    fn bring_into_order(&self) -> Result<(), StorageError> {
        let Engine { db, log, small, .. } = &*self.engine;
        let deadline = Instant::now() + CLOSE_FOR;
        for keyspace in [log, small] {
            keyspace.rotate_memtable()?;
        }
        for keyspace in [log, small] {
            while keyspace.sealed_memtable_count() > 0 && Instant::now() < deadline {
                // Says so when the background could not write a table: then nothing is to be waited for.
                db.persist(PersistMode::Buffer)?;
                std::thread::sleep(Duration::from_millis(2));
            }
        }
        db.persist(PersistMode::SyncAll)?;
        self.proven.sync()?;
        Ok(())
    }
}

impl std::fmt::Debug for EmbeddedStorage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut f = f.debug_struct("EmbeddedStorage");
        f.field("epoch", &self.engine.epoch).field("tally", &self.tally).field("failed", &self.failed);
        f.finish_non_exhaustive()
    }
}

/// Whether an operator can help by making room.
const fn is_full(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::StorageFull | ErrorKind::QuotaExceeded)
}
