//! What an app asks of the driver, and what it is told when that cannot be.

use bimip_proto::{ClientRef, Draft, MessageRef, Offset, Status};
use bimip_session::client::Live;
use thiserror::Error;
use tokio::sync::oneshot;

/// Commands on their way to the driver. A caller waits while there are more.
pub(crate) const COMMANDS: usize = 64;

#[derive(Debug)]
pub(crate) enum Command {
    Send(Box<Draft>, oneshot::Sender<Result<ClientRef, SendError>>),
    Mark(MessageRef, Status, oneshot::Sender<Result<(), MarkError>>),
    Stored(Offset),
    Live(Box<Live>, oneshot::Sender<bool>),
    Leave(oneshot::Sender<()>),
}

/// The client has ended: it left, the server ended it, or its store failed. Its events say which.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the client has ended")]
#[expect(clippy::exhaustive_structs, reason = "no, and nothing else")]
pub struct Closed;

/// Why a draft was not taken.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SendError {
    /// [`Config::unacked_drafts`](crate::Config::unacked_drafts) wait for the server already. Here it is back.
    #[error("the outbox is full; send again when earlier drafts are answered")]
    Full(Box<Draft>),
    /// Nobody is there to send it. Whether a draft that was on its way to the store is kept, the store knows.
    #[error(transparent)]
    Closed(#[from] Closed),
}

/// Why a mark was not taken.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum MarkError {
    /// [`Config::unnoted_marks`](crate::Config::unnoted_marks) wait for the server already. Here it is back.
    #[error("too many marks wait for the server; mark again when earlier ones are answered")]
    Full(MessageRef),
    /// Nobody is there to say it.
    #[error(transparent)]
    Closed(#[from] Closed),
}
