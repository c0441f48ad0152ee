//! JSON events for those who have no web socket: server-sent events, and batches for those who ask now and then.
//!
//! What is said is what `events` says, frame by frame (`docs/protocol/events.md`); here is how frames stand in a stream of
//! text and in an answer. What is asked for is read by [`rest::StreamAsked`](crate::rest::StreamAsked). Rules:
//! `docs/protocol/streams.md`.

mod batch;
mod sse;

pub use self::batch::Batch;
pub use self::sse::Sse;
