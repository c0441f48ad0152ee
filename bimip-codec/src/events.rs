//! `events`: one JSON object a frame, for browsers and everything that has a JSON library.
//!
//! Rules: `docs/protocol/events.md`. An event is flat, `{"type": "typing", "conversation_id": …}`; what a client says may
//! also come as `{"type": …, "payload": {…}}`. Fields that are not known are skipped, and `null` is as good as nothing.
//!
//! # What is lost
//! * Live voice is not spoken: a talk is a message once it has ended.
//! * Which bytes of a JSON payload stood between its fields: it is one object, and comes out as one.
//! * A stamp that differs from the time of acceptance, and what a recording is called in storage.

mod decode_client;
mod decode_server;
pub(crate) mod encode_client;
mod encode_server;
pub(crate) mod fields;
pub(crate) mod group;
pub(crate) mod kinds;
pub(crate) mod message;
mod parts;
pub(crate) mod query;
pub(crate) mod reaction;
pub(crate) mod status;
pub(crate) mod time;
pub(crate) mod user;
pub(crate) mod words;

pub(crate) use self::decode_client::{decode_client, read_awareness};
pub(crate) use self::decode_server::decode_server;
pub(crate) use self::encode_client::encode_client;
pub(crate) use self::encode_server::{encode_server, write_aware};
pub(crate) use self::message::Made;
pub(crate) use self::parts::State;
