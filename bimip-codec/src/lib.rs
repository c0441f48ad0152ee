//! How the packets of bimip are written: bytes to [`bimip_proto`] packets and back, and nothing else.
//!
//! A [`Codec`] stands at one end of one connection. It knows the connection's [`Dialect`] and who is signed in,
//! and remembers the little that a dialect asks for (which form of ids a msgpack client writes, the parts of a
//! receipt that protobuf splits). It touches no socket, clock, thread or source of randomness, and it decides
//! nothing about messages: what a packet leads to is the business of `bimip-session`, which in turn never sees
//! a byte of wire.
//!
//! | [`Dialect`] | on the wire | rules |
//! |---|---|---|
//! | [`VoicePing`](Dialect::VoicePing) | one msgpack array per frame, push-to-talk clients | `docs/protocol/voiceping.md` |
//! | [`Scheme`](Dialect::Scheme) | one protobuf `MessageScheme` per frame, package `bimip.v1` | `docs/protocol/bimip-v1.md` |
//! | [`Deployed`](Dialect::Deployed) | the same in the layout of the deployed server | `docs/protocol/bimip-deployed.md` |
//! | [`Events`](Dialect::Events) | one JSON object per frame | `docs/protocol/events.md` |
//! | [`Chat`](Dialect::Chat) | JSON entities of messages, several per frame | `docs/protocol/chat.md` |
//!
//! # One message, across two dialects
//!
//! A client of the protobuf dialect writes a draft, the server reads it:
//!
//! ```
//! use bimip_codec::{Codec, Dialect, Frames};
//! use bimip_proto::{Address, Body, ClientPacket, ClientRef, Device, DeviceName, Draft, UserId};
//!
//! let alice = Device::new(UserId::new("alice")?, DeviceName::new("phone")?);
//! let draft = Draft {
//!     client_ref: Some(ClientRef::new("c-1")?),
//!     to: Address::User(UserId::new("bob")?),
//!     client_time: None,
//!     body: Body::text("hello"),
//! };
//!
//! let mut phone = Codec::new(Dialect::Scheme);
//! phone.signed_in(&alice);
//! let mut frames = Frames::default();
//! phone.encode_client(&ClientPacket::Send(draft), &mut frames)?;
//!
//! let mut server = Codec::new(Dialect::Scheme);
//! server.signed_in(&alice);
//! let mut said = Vec::new();
//! for frame in frames.drain() {
//!     server.decode_client(frame, &mut said)?;
//! }
//! assert!(matches!(&said[0].packet, ClientPacket::Send(draft) if draft.to.as_str() == "bob"));
//!
//! // What the server delivers to a push-to-talk client of Bob's: the text is unwrapped from its JSON,
//! // and the message gets the id that such clients parse.
//! # use std::sync::Arc;
//! # use bimip_proto::{Entry, Head, Message, MessageId, Offset, Row, Seq, ServerPacket, UnixMs};
//! # let ClientPacket::Send(draft) = said.remove(0).packet else { unreachable!() };
//! # let head = Head {
//! #     id: MessageId::new(1, 1), from: alice, to: draft.to, client_ref: draft.client_ref,
//! #     client_time: None, at: UnixMs(1_763_652_000_000), stamp: UnixMs(1_763_652_000_000), seq: Seq(1),
//! #     kind: draft.body.kind,
//! # };
//! # let entry = Arc::new(Entry::Message(Message { head, body: draft.body }));
//! # let row = Row { prev: Offset::ZERO, offset: Offset(1), entry };
//! let mut walkie = Codec::new(Dialect::VoicePing);
//! walkie.signed_in(&Device::new(UserId::new("bob")?, DeviceName::new("voiceping")?));
//! walkie.encode_server(&ServerPacket::Deliver(row), &mut frames)?;
//! let frame = bimip_codec::voiceping::Frame::decode(frames.drain().next().unwrap())?;
//! assert_eq!(
//!     frame.payload().as_str(),
//!     Some(r#"{"message_id":"1_17_bob_alice_1763652000000.txt","text":"hello"}"#),
//! );
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Hostile bytes
//!
//! Every decoder is total: it never panics, never recurses deeper than [`limits::DEPTH`], and never allocates
//! more than a small multiple of the frame it was given. A frame that says nothing is a [`DecodeError`], which
//! becomes a typed answer ([`DecodeError::fault`]); no frame is a reason for the codec to stop working.
//! Payloads are not copied: they share the memory of the frame they came in.
//!
//! [`limits::DEPTH`]: bimip_proto::limits::DEPTH
#![forbid(unsafe_code)]

mod chat;
mod codec;
pub mod content;
mod dialect;
mod error;
mod events;
mod frames;
pub mod grpc;
mod json;
pub mod rest;
pub mod scheme;
mod shared;
pub mod stream;
pub mod voiceping;

pub use crate::codec::{Codec, Replay};
pub use crate::dialect::{Dialect, DialectError};
pub use crate::error::{DecodeError, EncodeError};
pub use crate::frames::Frames;
pub use crate::shared::Shared;
