//! What an app hears.

use bimip_proto::{
    Address, ClientRef, CloseReason, Draft, Fault, Floor, Found, GroupCommand, GroupId, Head, MessageRef,
    Offset, Query, React, Reject, Revise, Row, Status, Talk, UnixMs, UserCommand, Welcome,
};
use bytes::Bytes;

use super::live::Heard;
use super::queries::NoAnswer;
use super::talker::TalkEnd;

/// What an app hears.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// The session is up, in a dialect that does not say where it stands.
    Online,
    /// The session is up and goes on where it was.
    Resumed(Welcome),
    /// The session is up; the server has let go of rows that this device has not seen. They are in the history.
    Gap {
        /// The last row seen before.
        seen: Offset,
        /// Rows are delivered after this one.
        resume_from: Offset,
        /// The server's word.
        welcome: Welcome,
    },
    /// The session is up with another store: rows and offsets of the old one mean nothing here.
    Reset(Welcome),
    /// The connection is gone; the session dials again by itself.
    Offline,
    /// The session is over, and does not dial again by itself.
    Ended(CloseReason),
    /// A draft is stored for everybody it goes to.
    Sent {
        /// The draft's name.
        client_ref: Option<ClientRef>,
        /// What the server made of it.
        head: Head,
        /// Its row in this user's own mailbox.
        offset: Offset,
    },
    /// A draft is not stored and will not be tried again.
    Refused {
        /// The draft.
        draft: Draft,
        /// Why.
        reason: Reject,
    },
    /// The connection broke between a draft and its ack, in a dialect where sending it again could double it.
    Unsure(Draft),
    /// A new row: store it, then call [`stored`](super::ClientSession::stored) with its offset and the epoch of the
    /// welcome that was told last before it.
    Received(Row),
    /// A mark is noted.
    Marked {
        /// About which message.
        message: MessageRef,
        /// What.
        status: Status,
    },
    /// A mark is refused and will not be tried again.
    MarkRefused {
        /// About which message.
        message: MessageRef,
        /// What.
        status: Status,
        /// Why.
        reason: Reject,
    },
    /// A message of this user says something else now, or nothing more.
    Revised {
        /// What was asked for.
        revise: Revise,
        /// Which edition of the message it is.
        edition: u32,
        /// Its row in this user's own mailbox.
        offset: Offset,
    },
    /// An edit or a deletion is refused and will not be tried again.
    RevisionRefused {
        /// What was asked for.
        revise: Revise,
        /// Why.
        reason: Reject,
    },
    /// A reaction of this user is there, or taken back.
    Reacted {
        /// What was asked for.
        react: React,
        /// Which change of the reactions to its message it is; where there was nothing to change, the last one before.
        edition: u32,
        /// How many users have reacted with this emoji, after it.
        count: u32,
        /// Its row in this user's own mailbox; zero where there was nothing to change.
        offset: Offset,
    },
    /// A reaction is refused and will not be tried again.
    ReactionRefused {
        /// What was asked for.
        react: React,
        /// Why.
        reason: Reject,
    },
    /// This is stored there.
    Answer {
        /// What was asked.
        query: Query,
        /// What is there.
        found: Found,
    },
    /// A question has no answer, and is not asked again by itself.
    Unanswered {
        /// What was asked.
        query: Query,
        /// Why there is none.
        why: NoAnswer,
    },
    /// What was asked about a group is done.
    Grouped {
        /// What was asked for.
        command: GroupCommand,
        /// Which change of the group it is; where there was nothing to change, the last one before.
        edition: u32,
        /// Its row in this user's own mailbox; zero where there was nothing to change.
        offset: Offset,
    },
    /// What was asked about a group is refused and will not be tried again.
    GroupRefused {
        /// What was asked for.
        command: GroupCommand,
        /// Why.
        reason: Reject,
    },
    /// What was asked about this user is done.
    UserChanged {
        /// What was asked for.
        command: UserCommand,
        /// The edition of the user's profile after it.
        edition: u32,
        /// Its row in this user's own mailbox; zero where there was nothing to change.
        offset: Offset,
    },
    /// What was asked about this user is refused and will not be tried again.
    UserRefused {
        /// What was asked for.
        command: UserCommand,
        /// Why.
        reason: Reject,
    },
    /// This user is in the group.
    Joined(GroupId),
    /// This user is not in the group, or no more.
    Left(GroupId),
    /// This user is not let into the group, or not heard there.
    Barred {
        /// Which group.
        group: GroupId,
        /// Why.
        reason: Reject,
        /// When to try again, where that may help.
        retry_after_ms: Option<u32>,
    },
    /// Somebody talks to this user.
    Talk(Talk),
    /// The answer to this device's own talk.
    Floor(Floor),
    /// A talk of this device that began with [`press`](super::ClientSession::press) is over.
    TalkEnded {
        /// To whom it was.
        to: Address,
        /// How it ended.
        end: TalkEnd,
    },
    /// Something beside messages: presence, tokens, being seen.
    Heard(Heard),
    /// There is a newer token: keep it for the next start.
    Token {
        /// The token.
        token: Bytes,
        /// When it runs out.
        expires: Option<UnixMs>,
    },
    /// The token runs out soon and the server makes no newer one: get one where the first came from, and hand it over
    /// with [`renew`](super::ClientSession::renew).
    TokenWanted,
    /// The server could not make sense of a packet of this session.
    Fault(Fault),
}
