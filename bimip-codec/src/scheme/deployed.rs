//! The layout of the BIMIP server that is in the field: one protobuf `MessageScheme` per frame, other numbers.
//!
//! [`wire`] is the shape of the bytes, generated from the published `.proto`; the rest of this module is its meaning
//! and is reached through [`Codec`](crate::Codec). `docs/protocol/bimip-deployed.md` has the rules by number.
//!
//! The model numbers the rows of a mailbox and gives messages ids of their own. This dialect has neither: it names a
//! message by the other user and by its place in their conversation. So a connection's codec remembers which row each
//! message that it wrote is, until the client has said that it stored it (never more than a window of them).
//!
//! # What is lost
//!
//! Towards a server: the kind of a body, except notification, and its form; the device that a message or signal is
//! addressed to; offsets in drafts; the times of signals, pings and logouts.
//!
//! Towards a client: welcomes, ids of messages, numbers of rows; groups, receipts about messages in them, talks; codes
//! of refusals, which are texts here; the place of a message in a receipt, unless this connection saw the message.

mod decode_client;
mod decode_server;
mod encode_client;
mod encode_server;
mod frame;
mod live;
mod memory;
mod names;
pub mod numbers;
#[rustfmt::skip]
#[allow(missing_docs, clippy::all, reason = "generated; its documentation is the schema's")]
pub mod wire;

pub(crate) use decode_client::decode_client;
pub(crate) use decode_server::decode_server;
pub(crate) use encode_client::encode_client;
pub(crate) use encode_server::encode_server;
pub(crate) use memory::State;

pub use names::ID_BYTES;
