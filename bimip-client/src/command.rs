//! What an app asks of the driver, and what it is told when that cannot be.

use bimip_proto::{
    Address, Ask, Body, ClientRef, ContentError, Draft, Emoji, Found, GroupAct, GroupId, MessageRef, Offset,
    Reject, Status, UnixMs, UserAct,
};
use bimip_session::client::{Live, NotNow};
use bytes::Bytes;
use thiserror::Error;
use tokio::sync::oneshot;

use crate::store::StoreError;

/// Commands on their way to the driver. A caller waits while there are more.
pub(crate) const COMMANDS: usize = 64;

#[derive(Debug)]
pub(crate) enum Command {
    Send(Box<Draft>, oneshot::Sender<Result<ClientRef, SendError>>),
    Retry(ClientRef, oneshot::Sender<Result<ClientRef, RetryError>>),
    Discard(ClientRef, oneshot::Sender<Result<(), RetryError>>),
    Mark(MessageRef, Status, oneshot::Sender<Result<(), MarkError>>),
    Group(GroupId, GroupAct, oneshot::Sender<Result<ClientRef, GroupError>>),
    Revise(MessageRef, Option<Body>, oneshot::Sender<Result<(), MarkError>>),
    User(UserAct, oneshot::Sender<Result<ClientRef, UserError>>),
    Ask(Ask, oneshot::Sender<Result<Found, AskError>>),
    React(MessageRef, Emoji, bool, oneshot::Sender<Result<(), MarkError>>),
    Stored(u32, Offset),
    Delivered(Vec<MessageRef>),
    Live(Box<Live>, oneshot::Sender<bool>),
    Join(GroupId),
    LeaveGroup(GroupId),
    Press(Address, oneshot::Sender<Result<(), NotNow>>),
    Voice(Bytes, oneshot::Sender<bool>),
    Release,
    Renew(Bytes, Option<UnixMs>),
    Redial,
    Leave(oneshot::Sender<()>),
}

/// The client has ended: it left, or its store failed. Its events say which.
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
    /// A draft of this name waits for the server already: names are for one message each. Here it is back.
    #[error("another message of this name is on its way; give each message a name of its own, or none")]
    Named(Box<Draft>),
    /// It is not the content of a message of its kind.
    #[error(transparent)]
    Content(#[from] ContentError),
    /// Nobody is there to send it. Whether a draft that was on its way to the store is kept, the store knows.
    #[error(transparent)]
    Closed(#[from] Closed),
}

/// Why a message was not sent again, or not discarded.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum RetryError {
    /// There is no message of this name that failed: it is on its way, or the server has it, or it was never there.
    #[error("no message of this name has failed")]
    NotFailed,
    /// The outbox is full.
    #[error("the outbox is full; try again when earlier drafts are answered")]
    Full,
    /// Nobody is there to do it.
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
    /// It is not the content of a message of its kind.
    #[error(transparent)]
    Content(#[from] ContentError),
    /// Nobody is there to say it.
    #[error(transparent)]
    Closed(#[from] Closed),
}

/// Why a command about a group was not taken.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum GroupError {
    /// [`Config::unnoted_marks`](crate::Config::unnoted_marks) wait for the server already.
    #[error("too many commands wait for the server; try again when earlier ones are answered")]
    Full,
    /// Nobody is there to say it.
    #[error(transparent)]
    Closed(#[from] Closed),
}

/// Why a command about the user was not taken.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum UserError {
    /// [`Config::unnoted_marks`](crate::Config::unnoted_marks) wait for the server already.
    #[error("too many commands wait for the server; try again when earlier ones are answered")]
    Full,
    /// Nobody is there to say it.
    #[error(transparent)]
    Closed(#[from] Closed),
}

/// Why a question has no answer. It changed nothing, and may be asked again as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum AskError {
    /// There is no connection, or it went before the answer came.
    #[error("there is no connection; ask again when there is")]
    Offline,
    /// [`QUERIES_IN_FLIGHT`](bimip_proto::limits::QUERIES_IN_FLIGHT) wait for the server already.
    #[error("too many questions wait for the server; ask again when earlier ones are answered")]
    Full,
    /// The server says no.
    #[error("the server does not answer: {reason}")]
    Refused {
        /// Why.
        reason: Reject,
        /// When to ask again, where that may help.
        retry_after_ms: Option<u32>,
    },
    /// Nobody is there to ask.
    #[error(transparent)]
    Closed(#[from] Closed),
}

/// Why a talk does not begin.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum PressError {
    /// The session is down, another talk is under way, or the dialect has no live voice.
    #[error("not now: the client is offline, or talks already")]
    NotNow,
    /// Nobody is there to say it.
    #[error(transparent)]
    Closed(#[from] Closed),
}

/// Why a history was not read.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ReadError {
    /// The store says so.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The runtime shuts down.
    #[error(transparent)]
    Closed(#[from] Closed),
}
