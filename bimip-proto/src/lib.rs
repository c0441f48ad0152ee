//! The vocabulary of bimip: what can be said, by whom, about what.
//!
//! This crate holds values and nothing else. It does not know how a packet is written (that is
//! `bimip-codec`) nor what follows from it (that is `bimip-session`), and it touches no socket, clock or
//! source of randomness.
//!
//! # The model in three sentences
//!
//! * Every user has one append-only **mailbox** of [`Entry`] values, numbered by [`Offset`] 1, 2, 3.
//! * Every [`Device`] of that user is a cursor in the mailbox; live delivery, offline catch-up and "my other
//!   devices see what I sent" are the same act, moving a reader forward.
//! * A [`Conversation`](ConversationId) gives its messages a dense [`Seq`], the same for everybody: that is
//!   the order of messages, never a clock.
//!
//! # Packets
//!
//! [`ClientPacket`] is everything a client can say, [`ServerPacket`] everything a server can say. They are two
//! types on purpose: a server cannot send a client's word by mistake. What a decoder gives for a client's frame
//! is [`Said`]: the packet, and who its frame claimed to be from. Identity comes from the session, so a claim is
//! something to compare, never something to believe.
//!
//! ```
//! use bimip_proto::{Address, Body, ClientPacket, ClientRef, Draft, UserId};
//!
//! let draft = Draft {
//!     client_ref: Some(ClientRef::new("c-1")?),
//!     to: Address::User(UserId::new("acme_bob")?),
//!     client_time: None,
//!     body: Body::text("hello"),
//! };
//! assert!(matches!(ClientPacket::Send(draft), ClientPacket::Send(_)));
//! # Ok::<(), bimip_proto::IdError>(())
//! ```
#![forbid(unsafe_code)]

mod account;
mod alias;
mod caps;
mod content;
mod conversation;
mod group;
mod id;
mod kinds;
pub mod limits;
mod mailbox;
mod message;
mod message_id;
mod packet;
mod percent;
mod presence;
mod query;
mod reaction;
mod receipt;
mod reject;
mod revision;
mod sound;
mod status;
mod time;
mod unread;
mod user;
mod voice;

pub use crate::account::{LogOut, PushToken, TokenAnswer, TokenTask};
pub use crate::alias::{Alias, AliasError, AliasKind, Channel, Parties};
pub use crate::caps::{Caps, CursorBy, Silence};
pub use crate::content::{Attachment, AttachmentKind, Content, ContentError, Mention};
pub use crate::conversation::{ConversationError, ConversationId};
pub use crate::group::{
    GroupAct, GroupChange, GroupCommand, GroupMember, GroupNews, GroupProfile, GroupState, MayPost, Role,
};
pub use crate::id::{Address, ClientRef, Device, DeviceName, Emoji, GroupId, IdError, TokenId, UserId};
pub use crate::mailbox::{Entry, Offset, Row};
pub use crate::message::{Body, BodyKind, Draft, Form, Head, Message, Seal, Seq};
pub use crate::message_id::{MessageId, MessageIdError};
pub use crate::packet::{Claim, ClientPacket, Noted, Ping, Said, ServerPacket, Welcome, Window};
pub use crate::percent::Percent;
pub use crate::presence::{Act, Aware, Awareness, Location, Presence, Reach, Signal, Track};
pub use crate::query::{
    Ask, ConversationState, Found, HistoryMessage, HistoryPlace, PageFrom, Query, page_rows, status_users,
};
pub use crate::reaction::{
    KnownReaction, React, Reaction, ReactionCount, ReactionPart, ReactionSummary, Reactions,
};
pub use crate::receipt::{Marks, MessageRef, Names, Receipt, Status};
pub use crate::reject::{CloseReason, Fault, FaultKind, Reject};
pub use crate::revision::{Revise, Revision};
pub use crate::sound::SoundName;
pub use crate::status::{
    DeviceState, DeviceStatus, MessageStatus, NotYet, Reached, RecipientStatus, StatusCounts,
};
pub use crate::time::{Now, UnixMs};
pub use crate::unread::{Unread, unread_of};
pub use crate::user::{
    OwnDevice, ProfileState, Saved, UserAct, UserChange, UserCommand, UserNews, UserProfile,
};
pub use crate::voice::{Floor, Talk, TalkAct};
