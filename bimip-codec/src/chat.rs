//! `chat`: JSON entities of messages, several a frame, for the clients of `/chat`.
//!
//! Rules: `docs/protocol/chat.md`. What is said about messages stands in `payload`, a list of entities of one shape; what is
//! beside messages (signing in, the welcome, the heartbeat, the goodbye) is said as in [`events`](crate::events).
//!
//! # What is lost
//! * Live voice, presence, calls, positions, reactions, and what happens to groups and users: there are no words for them.
//! * Of content all but its text and where its attachments are; of other JSON all but its `text`.
//! * What is encrypted, and what is no text: a placeholder stands there.
//! * A stamp that differs from the time of acceptance, and what a recording is called in storage.

mod attached;
mod decode_client;
mod decode_server;
mod encode_client;
mod encode_server;
pub(crate) mod entity;

pub(crate) use self::decode_client::decode_client;
pub(crate) use self::decode_server::decode_server;
pub(crate) use self::encode_client::encode_client;
pub(crate) use self::encode_server::encode_server;
pub(crate) use self::entity::Made;

use bimip_proto::{Offset, Welcome};

/// What the welcome said, at either end.
#[derive(Debug, Default)]
pub(crate) struct State {
    connection_id: Option<u64>,
    /// Rows up to here were missed.
    head: Offset,
}

impl State {
    fn welcomed(&mut self, it: &Welcome) {
        (self.connection_id, self.head) = (Some(it.connection_id), it.head);
    }
}
