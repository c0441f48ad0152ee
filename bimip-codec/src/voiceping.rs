//! VoicePing: msgpack arrays of push-to-talk clients.
//!
//! [`Frame`] is the shape of the bytes, public for tools and proxies; the rest of this module is their meaning
//! and is reached through [`Codec`](crate::Codec). `docs/protocol/voiceping.md` has the rules by number.
//!
//! # What is lost
//!
//! Towards a server:
//! * a draft's `client_ref` and `client_time` (this dialect has neither: it never deduplicates);
//! * [`Form::Opaque`] bodies of kind text or interactive come back as text or JSON if they are readable as such;
//! * [`Form::Text`] that is itself a JSON object is sent inside `{"text": …}`, so that it stays a text.
//!
//! Towards a client:
//! * the message id, offsets, `seq`, `client_ref`, `client_time` and the sender's device: a decoded head has
//!   [`MessageId::NONE`], zeros, `None`, and [`DEVICE`] as device; `at` is the stamp;
//! * whose receipt it is, beyond the user; its time; its grouping: one frame, one message;
//! * a notification is a text; `{"text": …}` without other keys is a plain text; a message id inside JSON is
//!   replaced; what cannot be shown becomes [`SEALED`], [`TOO_LONG`] or [`UNREADABLE`];
//! * welcomes, notes but "not let into a group", refusals of drafts but for that reason, faults, and goodbyes but
//!   "replaced by another device" write nothing;
//! * what it was that a group refused (a join, a draft, a start: each is read as
//!   [`Barred`](bimip_proto::Noted::Barred)), and why a user was not let into one;
//! * why a talk was denied, except busy, which is read as [`Unsupported`](bimip_proto::Reject::Unsupported);
//!   [`Pong`](bimip_proto::ServerPacket::Pong)'s time;
//! * a payload of nil, or a false one in the answer to a start, is as good as none.
//!
//! [`Form::Opaque`]: bimip_proto::Form::Opaque
//! [`Form::Text`]: bimip_proto::Form::Text
//! [`MessageId::NONE`]: bimip_proto::MessageId::NONE

mod builder;
mod decode_client;
mod decode_server;
mod encode_client;
mod encode_server;
mod frame;
mod id;
mod kind;
mod made;
mod msgpack;
mod replay;
mod state;
mod text;
mod value;

pub use builder::FrameBuilder;
pub use frame::Frame;
pub use id::IdText;
pub use kind::Kind;
pub use replay::sound;
pub use text::{SEALED, TOO_LONG, UNREADABLE};
pub use value::{Items, Value};

pub(crate) use decode_client::decode_client;
pub(crate) use decode_server::decode_server;
pub(crate) use encode_client::encode_client;
pub(crate) use encode_server::encode_server;
pub(crate) use made::{Made, encode_shared};
pub(crate) use replay::encode_replay;
pub(crate) use state::State;

/// The device name of somebody heard through this dialect, which does not carry it.
pub const DEVICE: &str = "voiceping";

/// What acknowledgements say.
const ACKNOWLEDGED: &str = "Acknowledged";
/// Why a talk may not start: somebody else talks.
const BUSY: &str = "Busy";
/// Why a talk may not start: any other reason.
const ACK_FAILED: &str = "Ack Failed";
/// What kind 27 says.
const UNAUTHORIZED_GROUP: &str = "Unauthorized Group";
