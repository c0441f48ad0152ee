//! Where rows live: the contract of a storage backend, and the backends.
//!
//! A backend stores and reads rows and decides nothing: who may, who gets it and which numbers are given is
//! settled by [`settle`](bimip_session::ledger::settle()), which reads through the backend's
//! [`View`](bimip_session::ledger::View) inside its transaction and says what to write.
//!
//! # The contract
//!
//! 1. **All or nothing.** The writes of one [`Storage::commit`] become durable together or not at all.
//! 2. **Durable, then proven.** [`Settlement::committed`](bimip_session::ledger::Settlement::committed) is
//!    called when every write is durable, and not before.
//! 3. **Once per key.** What a view answers in one batch includes every batch before it: a key, an offset
//!    or a seq that was given is never given again, also after a crash.
//! 4. **In order.** The answers come in the order of the tickets.
//! 5. **Only what is proven is read.** A [`Reader`] never sees a row whose batch was not proven: what a device
//!    was shown must survive any crash.
//! 6. **Gapless.** A page has no gap after the offset it was asked for.
//! 7. **Fail-stop.** After an error of writing or syncing, every further commit fails until the store is opened
//!    again; reading may go on.
//! 8. **Loud.** A row that cannot be read is an error that names it, never a shorter answer. Opening never
//!    deletes what it does not understand.
//!
//! `conformance` is that contract as a test suite: run it against a backend of your own.

pub mod conformance;
pub mod embedded;
pub mod memory;

use std::io;
use std::sync::Arc;

use bimip_proto::{Ask, Device, Entry, Found, MessageRef, Offset, UserId};
use bimip_session::ledger::{Committed, Failed, Standing, Ticket};
use bimip_session::server::{Answered, Attachment, Lookup, Page, ReadPage};
use thiserror::Error;

/// The name that this version leaves in what it writes.
pub(crate) const THIS_VERSION: &str = concat!("bimip-server ", env!("CARGO_PKG_VERSION"));

/// A store for one node. Used by one thread, which blocks in it.
pub trait Storage: Send + 'static {
    /// Snapshots for pages and attachments, used by other threads meanwhile.
    type Reader: Reader;

    /// Settles a batch and makes it durable, with one sync for all of it. Answers in order.
    fn commit(&mut self, batch: Vec<Ticket>) -> Vec<Result<Committed, Failed>>;

    /// Whether a refusal was for good, until the store is opened again: asked after a commit with a [`Failed`] in
    /// it. A store that may take the next batch all the same, since nothing of this one was written, says no.
    fn is_failed(&self) -> bool {
        true
    }

    /// A reader of everything proven so far and from now on.
    fn reader(&self) -> Self::Reader;

    /// Brings the store into the state from which it opens fastest. Called once, when no more commits come.
    ///
    /// # Errors
    /// When the store could not be written; what was proven is safe all the same.
    fn close(self) -> Result<(), StorageError>
    where
        Self: Sized;
}

/// Reads proven rows.
pub trait Reader: Clone + Send + Sync + 'static {
    /// Where a device stands.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn attach(&self, device: &Device) -> Result<Attachment, StorageError>;

    /// Whom a user has a conversation of two with, once each: at most [`CONTACTS`](bimip_proto::limits::CONTACTS), in
    /// the order of their names.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn contacts(&self, user: &UserId) -> Result<Vec<UserId>, StorageError>;

    /// What a user decided about their account; the default for who never did.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn standing(&self, user: &UserId) -> Result<Arc<Standing>, StorageError>;

    /// Rows of a mailbox.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn rows(
        &self,
        user: &UserId,
        after: Offset,
        rows: u32,
        bytes: u64,
    ) -> Result<Vec<(Offset, Arc<Entry>)>, StorageError>;

    /// The message of that name, if `user` may read it: [`readable`](bimip_session::ledger::readable) over a view of
    /// what is proven.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn message(&self, user: &UserId, message: &MessageRef) -> Result<Option<Arc<Entry>>, StorageError>;

    /// What a user asks about what is stored: [`find`](bimip_session::ledger::find) over a view of one moment of what is
    /// proven.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn query(&self, user: &UserId, ask: &Ask) -> Result<Found, StorageError>;

    /// The answer to a question of the core; a failure is logged and answered as one.
    fn look_up(&self, lookup: &Lookup) -> Answered {
        let found = self.query(&lookup.user, &lookup.ask);
        if let Err(error) = &found {
            tracing::error!(%error, conn = %lookup.conn, "what is stored could not be read");
        }
        Answered { conn: lookup.conn, found: found.ok() }
    }

    /// The answer to a request of the core; a failure is logged and answered as one.
    fn page(&self, request: &ReadPage) -> Page {
        let rows = self.rows(&request.user, request.after, request.rows, request.bytes);
        if let Err(error) = &rows {
            tracing::error!(%error, conn = %request.conn, "a mailbox could not be read");
        }
        Page { conn: request.conn, rows: rows.ok() }
    }
}

/// Why a store cannot do what it is asked.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum StorageError {
    /// The operating system refused.
    #[error("the store's files: {0}")]
    Io(#[from] io::Error),
    /// The engine refused.
    #[error("the store's engine: {0}")]
    Engine(String),
    /// A row holds what no version of this program wrote.
    #[error("the store is damaged at {place}: {what}; restore it from a copy")]
    Damaged {
        /// Which row.
        place: String,
        /// What is wrong with it.
        what: &'static str,
    },
    /// The directory holds a format that this program does not read.
    #[error(
        "the store in this directory has format {found}, written by {}, and this program, {THIS_VERSION}, reads formats up to {known}; use the version that wrote it or a later one, or another directory",
        writer.as_deref().unwrap_or("another version")
    )]
    Format {
        /// What the directory says.
        found: u32,
        /// The latest that this program reads, which is the one it writes.
        known: u32,
        /// The program that brought the store into its format, where the directory says so.
        writer: Option<String>,
    },
    /// The store failed in this boot of the system, and what it had written cannot be written again.
    #[error(
        "the store failed before, and its journals cannot be written anew: {0}; make room on the disk or replace it, then start again"
    )]
    Unmended(#[source] io::Error),
    /// Another process has it open.
    #[error("the store is in use by another process; stop it, or use another directory")]
    InUse,
}
