//! Messages over gRPC: `message.MessageService`, in the words of the API over HTTP and of JSON events.
//!
//! A call is what a request of [`rest`](crate::rest) is, and an event of a stream is what `events` says: this module turns the
//! one into the other, so that what is read, refused and written is decided in one place. Rules: `docs/protocol/grpc.md`.
//!
//! # What is lost
//! * A reaction, a change of a group, presence: their events have a type, a place and their JSON, and no fields of their own.

mod call;
mod event;
mod message;
mod status;
#[rustfmt::skip]
#[allow(missing_docs, clippy::all, reason = "generated; its documentation is the schema's")]
pub mod wire;

pub use self::call::{Call, got, sent};
pub use self::event::events;
pub use self::status::{Code, code};

/// What is known of the service, for whoever asks it to describe itself: a `FileDescriptorSet`.
pub const DESCRIPTORS: &[u8] = include_bytes!("grpc/message.bin");

/// The service, with its package.
pub const SERVICE: &str = "message.MessageService";
