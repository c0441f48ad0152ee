//! What a device keeps: its outbox and its place.

mod memory;

use std::error::Error;
use std::future::Future;

use bimip_proto::{ClientRef, Draft, Head, Offset, Row};
use bimip_session::client::Resume;
use thiserror::Error;

pub use self::memory::MemoryStore;

/// Where a device keeps what must outlive a connection. Used by one task, one call at a time.
///
/// # The contract
///
/// 1. **Kept, then returned.** What a method was given is as durable as the store makes anything when it returns.
/// 2. **In order.** [`load`](Self::load) gives drafts in the order in which they were saved.
/// 3. **Idempotent.** A draft, row or place that is saved again replaces itself; forgetting what is not there is
///    no error.
/// 4. **Fail-stop.** After an error nothing more is asked: the client ends, and says why.
pub trait Store: Send + 'static {
    /// What is kept from the last run. Called once, first.
    fn load(&mut self) -> impl Future<Output = Result<Resume, StoreError>> + Send;

    /// Keeps a draft. It has a client reference, and is not sent before this returns.
    fn save_draft(&mut self, draft: &Draft) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Forgets a draft: the server has it under this head, or never will.
    fn forget_draft(
        &mut self,
        client_ref: &ClientRef,
        sent: Option<&Head>,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Keeps a row of the mailbox, before the app is told of it. Until the app says
    /// [`stored`](crate::Client::stored) it comes again with every start; a store whose app keeps its own rows
    /// has nothing to do here.
    fn save_row(&mut self, epoch: u32, row: &Row) -> impl Future<Output = Result<(), StoreError>> + Send {
        let _ = (epoch, row);
        std::future::ready(Ok(()))
    }

    /// Keeps the place: the app has everything up to `seen`, in the mailbox of the store with this epoch. A row of
    /// another epoch means nothing any more.
    fn save_place(&mut self, epoch: u32, seen: Offset)
    -> impl Future<Output = Result<(), StoreError>> + Send;
}

/// The store cannot keep or give what it is asked to.
#[derive(Debug, Error)]
#[error("the store of this device: {0}")]
#[expect(clippy::exhaustive_structs, reason = "whatever the store says")]
pub struct StoreError(#[source] pub Box<dyn Error + Send + Sync>);
