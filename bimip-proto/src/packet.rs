//! Everything that can be said, by direction.

use bytes::Bytes;

use crate::{
    Address, Aware, Awareness, ClientRef, CloseReason, Device, DeviceName, Draft, Fault, Floor, Found,
    GroupCommand, GroupId, Head, LogOut, MessageRef, Offset, PushToken, Query, React, Reject, Revise, Row,
    Signal, Status, Talk, TokenAnswer, TokenTask, Track, UnixMs, UserCommand, UserId,
};

/// A client's word.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ClientPacket {
    /// Who I am, where the transport's headers did not say it.
    SignIn {
        /// Whose device this claims to be; only compared with what the token says.
        user: Option<UserId>,
        /// Which of my devices this is.
        device: Option<DeviceName>,
        /// The proof, for the authenticator.
        token: Bytes,
    },
    /// Where to push to while I am away.
    PushToken(PushToken),
    /// Please deliver this.
    Send(Draft),
    /// Live voice.
    Talk(Talk),
    /// All rows up to here are stored on this device.
    Dispose(Offset),
    /// These messages arrived, in any order; the cursor stays.
    Delivered(Vec<MessageRef>),
    /// This message of mine says something else from now on, or nothing more.
    Revise(Revise),
    /// I read, played or forwarded this message.
    Mark {
        /// Which.
        message: MessageRef,
        /// What.
        status: Status,
    },
    /// I manage a group.
    Group(GroupCommand),
    /// I change something about my user, or in what they keep.
    User(UserCommand),
    /// I want to be in this group.
    Join(GroupId),
    /// I want to be in it no more.
    Leave(GroupId),
    /// This is what I am doing.
    Aware(Awareness),
    /// This is what I am doing in a conversation.
    Signal(Signal),
    /// This is where I am.
    Track(Track),
    /// Others may see what I am doing, or may not.
    SetVisible {
        /// The client's own name for the request.
        id: Option<ClientRef>,
        /// Whether they may.
        visible: bool,
    },
    /// About a token of mine.
    Token {
        /// What to do.
        task: TokenTask,
        /// The token.
        token: Bytes,
    },
    /// I log out.
    LogOut(LogOut),
    /// What is stored there?
    Query(Query),
    /// Something that its codec could not carry over, beside what it could: refused by its name.
    Unfit {
        /// What the client called it, where that can be read.
        id: Option<ClientRef>,
        /// What is wrong with it.
        reason: Reject,
    },
    /// Are you there?
    Ping(Ping),
    /// I am leaving.
    Bye,
    /// I react to a message, or take a reaction back.
    React(React),
}

/// Whom a frame claimed to be from.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "it said it is me, somebody else, or nothing")]
pub enum Claim {
    /// The session's user, or nobody: nothing to object to.
    Own,
    /// Somebody who is not the session's user.
    Other(UserId),
}

/// A packet and its claim, as a server's decoder gives them.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "codecs build it")]
pub struct Said {
    /// Whom the frame claimed to be from.
    pub claim: Claim,
    /// The kind or route number of the frame, for an answer that names no message.
    pub origin: u32,
    /// What was said.
    pub packet: ClientPacket,
}

impl From<ClientPacket> for Said {
    fn from(packet: ClientPacket) -> Self {
        Self { claim: Claim::Own, origin: 0, packet }
    }
}

/// A question of the application-level heartbeat, echoed in the answer.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[expect(clippy::exhaustive_structs, reason = "codecs build it")]
pub struct Ping {
    /// Comes back in the answer, with whatever meaning the client gives it.
    pub id: Bytes,
}

/// A server's word.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ServerPacket {
    /// You are signed in, and this is where you stand. The first packet of every session.
    Welcome(Welcome),
    /// Your draft is stored for everybody it goes to, durably.
    Accepted {
        /// What you called it.
        client_ref: Option<ClientRef>,
        /// What the server made of it.
        head: Head,
        /// Where it stands in your own mailbox.
        offset: Offset,
    },
    /// Your draft is not stored.
    Rejected {
        /// What you called it.
        client_ref: Option<ClientRef>,
        /// To whom it was, in dialects whose drafts have no names; others may leave it out.
        to: Option<Address>,
        /// Why not.
        reason: Reject,
        /// When to try again, where that may help.
        retry_after_ms: Option<u32>,
    },
    /// Your command is carried out, durably, or refused.
    Noted(Noted),
    /// The next row of your mailbox.
    Deliver(Row),
    /// Somebody talks to you.
    Talk(Talk),
    /// The answer to your talk.
    Floor(Floor),
    /// I am here.
    Pong {
        /// The ping's.
        ping: Ping,
        /// When it was heard.
        at: UnixMs,
    },
    /// Somebody's presence.
    Aware(Aware),
    /// The presence of several who are here, at the beginning of a session. At most
    /// [`AROUND`](crate::limits::AROUND).
    Around(Vec<Aware>),
    /// What somebody does in a conversation.
    Signal {
        /// Who, with which device.
        from: Device,
        /// What.
        signal: Signal,
    },
    /// Where somebody is.
    Track {
        /// Who, with which device.
        from: Device,
        /// Where.
        track: Track,
    },
    /// Whether others see what you are doing: the answer to having set it, told to all of your devices.
    Visible {
        /// The name of the request, where it was this device's or another one's.
        id: Option<ClientRef>,
        /// Whether they do.
        visible: bool,
    },
    /// About your token.
    Token(TokenAnswer),
    /// This is stored there.
    Answer {
        /// What you called the question.
        id: ClientRef,
        /// What is there.
        found: Found,
    },
    /// Your question is not answered.
    Unanswered {
        /// What you called it.
        id: ClientRef,
        /// Why not.
        reason: Reject,
        /// When to try again, where that may help.
        retry_after_ms: Option<u32>,
    },
    /// What you asked for is not done.
    Declined {
        /// The kind or route number of the frame that asked.
        origin: u32,
        /// What you called it.
        id: Option<ClientRef>,
        /// Why not.
        reason: Reject,
        /// When to try again, where that may help.
        retry_after_ms: Option<u32>,
    },
    /// I could not make sense of a frame of yours.
    Fault(Fault),
    /// This connection ends.
    Bye(CloseReason),
}

/// The answer to a command that is not a draft.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Noted {
    /// The cursor stands here: the offset that was asked for, or the last one sent if that was beyond it.
    Disposed(Offset),
    /// The delivered messages are noted.
    Delivered(Vec<MessageRef>),
    /// The mark is noted.
    Marked {
        /// Which message.
        message: MessageRef,
        /// What was said about it.
        status: Status,
    },
    /// The mark is refused.
    Refused {
        /// Which message.
        message: MessageRef,
        /// What was said about it.
        status: Status,
        /// Why not.
        reason: Reject,
        /// When to try again, where that may help.
        retry_after_ms: Option<u32>,
    },
    /// The revision is stored.
    Revised {
        /// Its name.
        client_ref: ClientRef,
        /// Which one it is of its message.
        edition: u32,
        /// Its row in this user's own mailbox.
        offset: Offset,
    },
    /// The revision is refused, and nothing of it is stored.
    Unrevised {
        /// Its name.
        client_ref: ClientRef,
        /// Why not.
        reason: Reject,
        /// When to try again, where that may help.
        retry_after_ms: Option<u32>,
    },
    /// What was asked about a group is done.
    Grouped {
        /// Its name.
        client_ref: ClientRef,
        /// Which change of the group it is. Where there was nothing to change, the last one before.
        edition: u32,
        /// Its row in this user's own mailbox; zero where there was nothing to change, and where the group has a feed.
        offset: Offset,
    },
    /// What was asked about a group is refused, and nothing of it is stored.
    Ungrouped {
        /// Its name.
        client_ref: ClientRef,
        /// Why not.
        reason: Reject,
        /// When to try again, where that may help.
        retry_after_ms: Option<u32>,
    },
    /// What was asked about this user is done.
    UserChanged {
        /// Its name.
        client_ref: ClientRef,
        /// The edition of the user's profile after it.
        edition: u32,
        /// Its row in this user's own mailbox; zero where there was nothing to change.
        offset: Offset,
    },
    /// What was asked about this user is refused, and nothing of it is stored.
    UserUnchanged {
        /// Its name.
        client_ref: ClientRef,
        /// Why not.
        reason: Reject,
        /// When to try again, where that may help.
        retry_after_ms: Option<u32>,
    },
    /// You are in this group.
    Joined(GroupId),
    /// You are not in this group, or no more.
    Left(GroupId),
    /// Your push token is stored, or taken back.
    PushToken {
        /// What you called the request.
        id: Option<ClientRef>,
        /// Whether there is one now.
        registered: bool,
    },
    /// Logged out, as you asked: for a device that is not this one.
    LoggedOut(LogOut),
    /// You are not let into this group.
    Barred {
        /// Which group.
        group: GroupId,
        /// Why not.
        reason: Reject,
        /// When to try again, where that may help.
        retry_after_ms: Option<u32>,
    },
    /// The reaction is there, or taken back.
    Reacted {
        /// Its name.
        client_ref: ClientRef,
        /// Which change of the reactions to its message it is. Where there was nothing to change, the last one before.
        edition: u32,
        /// How many users have reacted with this emoji, after it.
        count: u32,
        /// Its row in this user's own mailbox; zero where there was nothing to change, and where the group has a feed.
        offset: Offset,
    },
    /// The reaction is refused, and nothing of it is stored.
    Unreacted {
        /// Its name.
        client_ref: ClientRef,
        /// Why not.
        reason: Reject,
        /// When to try again, where that may help.
        retry_after_ms: Option<u32>,
    },
}

/// Where a device stands when it connects. The client decides what it means: another epoch is a reset,
/// `seen + 1 < first` a gap, everything else a resumption.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "codecs build it")]
pub struct Welcome {
    /// A random number of the store, changed only by a restore or repair: offsets of another epoch mean
    /// nothing here.
    pub epoch: u32,
    /// This device's cursor: rows after it follow.
    pub resume_from: Offset,
    /// The first row the mailbox still has.
    pub first: Offset,
    /// The last row of the mailbox.
    pub head: Offset,
    /// How much the server sends ahead of the cursor.
    pub window: Window,
    /// Say something at least this often.
    pub heartbeat_ms: u32,
    /// The server's wall clock.
    pub server_time: UnixMs,
    /// This connection's name in the server's logs.
    pub connection_id: u64,
    /// How long a client reference is remembered at least.
    pub dedup_days: u32,
}

/// The bound of what is in flight to one device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "rows and bytes, complete")]
pub struct Window {
    /// Rows.
    pub rows: u32,
    /// Bytes of bodies.
    pub bytes: u64,
}

impl Default for Window {
    fn default() -> Self {
        Self { rows: crate::limits::WINDOW_ROWS, bytes: crate::limits::WINDOW_BYTES }
    }
}
