//! `bimip.v1`: one protobuf `MessageScheme` per frame.
//!
//! [`v1`] is the shape of the bytes, generated from the published `bimip.proto` and public for tools and
//! proxies; the rest of this module is its meaning and is reached through [`Codec`](crate::Codec).
//! `docs/protocol/bimip-v1.md` has the rules by number.
//!
//! [`deployed`] is the layout of the server that is in the field, with the same packets.
//!
//! # What is lost
//!
//! Towards a server:
//! * the kind of a body without [`Form::Content`], except notification; its form: every other body arrives as
//!   [`Form::Opaque`], a text as the JSON that other clients of this dialect show, `{"text": …}`;
//! * a `client_time` of zero, a seal whose three fields are empty, the grouping of several delivered messages.
//!
//! Towards a client:
//! * the same of a body; of a recorded talk the payload says its length and where its sound is fetched, `{"kind":
//!   "voice", "duration_ms": …, "uri": …}`;
//! * a `client_time` that is absent or equal to `at`; `stamp`, which is given as `at`;
//! * of an acknowledged draft all but id, sender, target, time and offset; a group it went to is read as a user;
//! * the byte half of a [`Window`](bimip_proto::Window); the grouping of delivered messages in a note;
//! * aliases where a message has an id; which device replaced this one;
//! * talks, and answers to them, write nothing.
//!
//! [`Form::Content`]: bimip_proto::Form::Content
//! [`Form::Opaque`]: bimip_proto::Form::Opaque

mod account;
mod decode_client;
mod decode_server;
pub mod deployed;
mod encode_client;
mod encode_server;
mod frame;
mod group;
mod kind;
mod live;
pub mod numbers;
mod parts;
mod payload;
mod query;
mod reaction;
mod read;
mod revision;
mod row;
mod signal;
mod status;
mod user;
#[rustfmt::skip]
#[allow(missing_docs, clippy::all, reason = "generated; its documentation is the schema's")]
pub mod v1;
mod wire;

pub(crate) use decode_client::decode_client;
pub(crate) use decode_server::decode_server;
pub(crate) use encode_client::encode_client;
pub(crate) use encode_server::{encode_server, encode_shared};
pub(crate) use parts::State;
pub(crate) use row::Made;

pub use encode_server::FEATURES;
