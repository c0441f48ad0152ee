//! A store of your own: rows in, rows out, and nothing to decide. This one wraps a [`Book`] and counts its syncs.
#![allow(clippy::print_stdout, reason = "an example talks")]

use std::error::Error;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

use bimip_client::{Client, Event, Progress};
use bimip_proto::{Address, Ask, Device, DeviceName, Entry, Found, MessageRef, Offset, UserId};
use bimip_server::storage::conformance::{self, Subject};
use bimip_server::storage::{Reader, Storage, StorageError};
use bimip_server::{OpenAuth, Server};
use bimip_session::ledger::{Book, Committed, Failed, Standing, Ticket, View, find, readable, settle};
use bimip_session::server::Attachment;
use tokio::net::TcpListener;

/// Shared by the one who writes and those who read.
#[derive(Clone)]
struct Shelf {
    book: Arc<RwLock<Book>>,
    syncs: Arc<AtomicU64>,
}

impl Shelf {
    fn new() -> Self {
        // A store that lasts draws its epoch at random once, and keeps it.
        Self { book: Arc::new(RwLock::new(Book::new(1))), syncs: Arc::default() }
    }

    fn book(&self) -> RwLockReadGuard<'_, Book> {
        self.book.read().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Storage for Shelf {
    type Reader = Self;

    fn commit(&mut self, batch: Vec<Ticket>) -> Vec<Result<Committed, Failed>> {
        // Who may, who gets it, which numbers are given: decided here, on what this store answers.
        let settlement = match settle(batch, &*self.book()) {
            Ok(settlement) => settlement,
            Err((_, never)) => match never {},
        };
        // Write all of it or nothing, and sync. After that, and not before, it is proven.
        self.book.write().unwrap_or_else(PoisonError::into_inner).apply(settlement.writes());
        self.syncs.fetch_add(1, Ordering::Relaxed);
        settlement.committed().into_iter().map(Ok).collect()
    }

    fn reader(&self) -> Self {
        self.clone()
    }

    fn close(self) -> Result<(), StorageError> {
        Ok(())
    }
}

impl Reader for Shelf {
    fn attach(&self, device: &Device) -> Result<Attachment, StorageError> {
        Ok(self.book().attach(device))
    }

    fn contacts(&self, user: &UserId) -> Result<Vec<UserId>, StorageError> {
        Ok(self.book().contacts(user))
    }

    fn standing(&self, user: &UserId) -> Result<Arc<Standing>, StorageError> {
        let Ok(standing) = self.book().standing(user);
        Ok(standing)
    }

    fn rows(
        &self,
        user: &UserId,
        after: Offset,
        rows: u32,
        bytes: u64,
    ) -> Result<Vec<(Offset, Arc<Entry>)>, StorageError> {
        Ok(self.book().page(user, after, rows, bytes))
    }

    fn query(&self, user: &UserId, ask: &Ask) -> Result<Found, StorageError> {
        let Ok(found) = find(ask, user, &*self.book());
        Ok(found)
    }

    fn message(&self, user: &UserId, message: &MessageRef) -> Result<Option<Arc<Entry>>, StorageError> {
        // Who may read it is decided here too.
        let Ok(found) = readable(message, user, &*self.book());
        Ok(found)
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    // The contract as a test suite: in a project, this line is a test.
    conformance::suite(&Subject::new(Shelf::new));
    println!("it keeps the contract in {} cases", conformance::CASES.len());

    let shelf = Shelf::new();
    let server = Server::builder().storage(shelf.clone()).authenticate(OpenAuth).start()?;
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("ws://{}/bimip", listener.local_addr()?);
    tokio::spawn(server.clone().serve_http(listener));

    let device = Device::new(UserId::new("alice")?, DeviceName::new("phone")?);
    let (alice, mut events) = Client::builder(device).server(&url).start().await?;
    alice.send_text(Address::User(UserId::new("bob")?), "hello").await?;
    while let Some(event) = events.next_event().await? {
        if let Event::Message(line) = event
            && line.progress == Progress::Sent
        {
            let head = &line.message.head;
            println!("stored as {}, message {} of its log", head.id, head.id.sequence());
            break;
        }
    }
    server.shutdown().await;
    println!("synced: {}", shelf.syncs.load(Ordering::Relaxed) > 0);
    Ok(())
}
