//! A store in memory, for tests, demonstrations and examples: it keeps nothing beyond the process.

use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

use bimip_proto::{Ask, Device, Entry, Found, MessageRef, Offset, UserId};
use bimip_session::ledger::{Book, Committed, Failed, Standing, Ticket, View, find, readable, settle};
use bimip_session::server::Attachment;

use super::{Reader, Storage, StorageError};

/// A [`Book`] behind a lock.
///
/// What is written is what is proven: there is nothing in between that a crash could take back, so clause 5 of
/// the contract holds by itself.
#[derive(Debug)]
pub struct MemoryStorage {
    book: Arc<RwLock<Book>>,
}

/// Reads a [`MemoryStorage`].
#[derive(Debug, Clone)]
pub struct MemoryReader {
    book: Arc<RwLock<Book>>,
}

impl MemoryStorage {
    /// An empty store with an epoch of its own.
    #[must_use]
    pub fn new() -> Self {
        // Without randomness every start looks like the same store; what is lost here is lost anyway.
        Self::with_epoch(getrandom::u32().unwrap_or(1))
    }

    /// An empty store with this epoch, to be compared with another.
    #[must_use]
    pub fn with_epoch(epoch: u32) -> Self {
        Self { book: Arc::new(RwLock::new(Book::new(epoch))) }
    }
}

impl Default for MemoryStorage {
    fn default() -> Self {
        Self::new()
    }
}

impl Storage for MemoryStorage {
    type Reader = MemoryReader;

    fn commit(&mut self, batch: Vec<Ticket>) -> Vec<Result<Committed, Failed>> {
        // The only writer is here, so the lock is free while the batch is decided.
        let Ok(settlement) = settle(batch, &*read(&self.book));
        self.book.write().unwrap_or_else(PoisonError::into_inner).apply(settlement.writes());
        settlement.committed().into_iter().map(Ok).collect()
    }

    fn reader(&self) -> MemoryReader {
        MemoryReader { book: Arc::clone(&self.book) }
    }

    fn close(self) -> Result<(), StorageError> {
        Ok(())
    }
}

impl Reader for MemoryReader {
    fn attach(&self, device: &Device) -> Result<Attachment, StorageError> {
        Ok(read(&self.book).attach(device))
    }

    fn contacts(&self, user: &UserId) -> Result<Vec<UserId>, StorageError> {
        Ok(read(&self.book).contacts(user))
    }

    fn standing(&self, user: &UserId) -> Result<Arc<Standing>, StorageError> {
        let Ok(standing) = read(&self.book).standing(user);
        Ok(standing)
    }

    fn rows(
        &self,
        user: &UserId,
        after: Offset,
        rows: u32,
        bytes: u64,
    ) -> Result<Vec<(Offset, Arc<Entry>)>, StorageError> {
        Ok(read(&self.book).page(user, after, rows, bytes))
    }

    fn query(&self, user: &UserId, ask: &Ask) -> Result<Found, StorageError> {
        let Ok(found) = find(ask, user, &*read(&self.book));
        Ok(found)
    }

    fn message(&self, user: &UserId, message: &MessageRef) -> Result<Option<Arc<Entry>>, StorageError> {
        let Ok(found) = readable(message, user, &*read(&self.book));
        Ok(found)
    }
}

/// A reader that panicked has changed nothing.
fn read(book: &RwLock<Book>) -> RwLockReadGuard<'_, Book> {
    book.read().unwrap_or_else(PoisonError::into_inner)
}
