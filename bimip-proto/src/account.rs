//! What a user decides about their own account: tokens, logging out, being seen, being woken.

use bytes::Bytes;

use crate::{ClientRef, DeviceName, UnixMs};

/// What to do with a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum TokenTask {
    /// Give me a newer one.
    Refresh,
    /// Let nobody in with it again.
    Revoke,
    /// Is it good?
    Validate,
}

/// The answer to a question about a token.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "codecs build it")]
pub struct TokenAnswer {
    /// What was asked.
    pub task: TokenTask,
    /// The newer token, of a refresh.
    pub token: Option<Bytes>,
    /// When the token runs out, if it does.
    pub expires: Option<UnixMs>,
}

/// What to log out.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum LogOut {
    /// A device: its sessions end, and no token that was made before lets it in again. `None` is the one that says
    /// it.
    Device(Option<DeviceName>),
    /// This session, and the token it came with.
    Session,
    /// All sessions of the user, and all tokens that were made before.
    Account,
}

/// Where to push to while a device is away.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "codecs build it")]
pub struct PushToken {
    /// The client's own name for the request.
    pub id: Option<ClientRef>,
    /// Whose push service it is for, in the words of the client (`fcm`, `apns`); empty where it does not say.
    pub service: String,
    /// What that service gave the device; `None` takes it back.
    pub token: Option<Bytes>,
}
