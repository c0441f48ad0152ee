//! Why not: typed answers for refusals, for frames that say nothing, and for goodbyes.

use core::fmt;
use std::borrow::Cow;

use thiserror::Error;

use crate::DeviceName;

/// Why a draft, a mark or a talk was refused. Nothing of it was stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Error)]
#[non_exhaustive]
pub enum Reject {
    /// The same client reference was used before for another content. The first one stands.
    #[error("this client id was used for another message")]
    Conflict,
    /// The frame claimed to be from somebody else.
    #[error("from is not the signed-in user")]
    NotYourself,
    /// A receipt for a message that was not sent to this user. A message that does not exist is answered the
    /// same, so that the answer tells a stranger nothing.
    #[error("no such message for this user")]
    NoSuchMessage,
    /// The message is deleted: it says nothing more, and nothing can be said about what it says.
    #[error("the message is deleted")]
    Deleted,
    /// The user is not in this group, and may not join it. A group that does not exist is answered the same.
    #[error("not a member of this group")]
    NotMember,
    /// The user is in this group, and may not do this there: it takes another [`Role`](crate::Role).
    #[error("your role in this group does not allow it")]
    Role,
    /// The user it is to takes nothing from this one.
    #[error("this user takes no messages from you")]
    Blocked,
    /// There is or was a group of this name.
    #[error("the name of the group is taken")]
    Taken,
    /// There is no room for one more of what a user keeps, or as many reactions as may be, or the group has
    /// [`GROUP_MEMBERS`](crate::limits::GROUP_MEMBERS), or the user is in [`GROUPS_PER_USER`](crate::limits::GROUPS_PER_USER)
    /// groups.
    #[error("no room for another member")]
    Full,
    /// No connection of this device is open that rows are sent to, so nothing was sent that it could have stored.
    #[error("no stream of this device is open")]
    NoStream,
    /// The body is over [`BODY_BYTES`](crate::limits::BODY_BYTES).
    #[error("the message is too large")]
    TooLarge,
    /// The token is not good, or not this user's.
    #[error("the token is not valid")]
    BadToken,
    /// A field that has to be there is not, or holds what it may not hold.
    #[error("the field {0} is missing or not valid")]
    Field(&'static str),
    /// The server does not do this (yet).
    #[error("not supported")]
    Unsupported,
    /// Too much in flight: send again after the hint.
    #[error("busy, try again")]
    Busy,
    /// The store does not take anything: send again after the hint.
    #[error("unavailable, try again")]
    Unavailable,
}

/// What is wrong with a frame that names no message, or with where it came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum FaultKind {
    /// The bytes are not a frame of this dialect.
    Malformed,
    /// Over the size limit.
    TooLong,
    /// A kind or route this server does not know.
    Unknown,
    /// The route number and the payload do not belong together.
    Mismatched,
    /// A route without its payload.
    Missing,
    /// A field that has to be there is not, or holds what it may not hold.
    Field,
    /// Known, but not at this point of the connection.
    OutOfPlace,
    /// Known, but this server does not do it.
    Unsupported,
    /// The frame claimed to be from somebody else.
    NotYourself,
    /// The sign-in was refused.
    Refused,
}

impl FaultKind {
    /// Every kind, for counters and tables.
    pub const ALL: [Self; 10] = [
        Self::Malformed,
        Self::TooLong,
        Self::Unknown,
        Self::Mismatched,
        Self::Missing,
        Self::Field,
        Self::OutOfPlace,
        Self::Unsupported,
        Self::NotYourself,
        Self::Refused,
    ];

    /// The name of the counter that moves.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::TooLong => "too_long",
            Self::Unknown => "unknown",
            Self::Mismatched => "mismatched",
            Self::Missing => "missing",
            Self::Field => "field",
            Self::OutOfPlace => "out_of_place",
            Self::Unsupported => "unsupported",
            Self::NotYourself => "not_yourself",
            Self::Refused => "refused",
        }
    }
}

impl fmt::Display for FaultKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// An answer to a frame that named no message.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "codecs build it")]
pub struct Fault {
    /// What is wrong.
    pub kind: FaultKind,
    /// The kind or route number of the frame in its own dialect; 0 where it could not be read.
    pub origin: u32,
    /// A sentence for the developer at the other end. Never holds bytes of the frame.
    pub details: Cow<'static, str>,
}

/// Why the server ends a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum CloseReason {
    /// The client said goodbye.
    Bye,
    /// The sign-in was refused.
    Refused,
    /// No sign-in within [`SIGN_IN_MS`](crate::limits::SIGN_IN_MS).
    SignInTimeout,
    /// The same device signed in again: the newest wins.
    Replaced {
        /// The device that signed in, where it is another one under a policy of one device.
        by: Option<DeviceName>,
    },
    /// The grant ran out.
    Expired,
    /// The token was revoked.
    Revoked,
    /// The user logged this session, its device or the whole account out.
    LoggedOut,
    /// A frame over the size limit.
    TooLong,
    /// [`STRIKES`](crate::limits::STRIKES) bad frames.
    Strikes,
    /// Nothing was heard for too long.
    Idle,
    /// The peer did not read for too long.
    Slow,
    /// The window of a connection that is told nothing meanwhile is full: come back, and say how far you have stored.
    ComeBack,
    /// The server shuts down: connect again, here or elsewhere.
    GoingAway,
    /// The store failed while the connection was being set up, or there is no room for what was said and no word to say
    /// so.
    Unavailable,
}
