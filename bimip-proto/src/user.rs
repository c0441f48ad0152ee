//! What a user keeps about themselves and about others: a profile, an address book, blocks, devices.

use std::sync::Arc;

use crate::{ClientRef, Device, DeviceName, UnixMs, UserId};

/// What a user tells others about themselves.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
#[expect(clippy::exhaustive_structs, reason = "clients build it; a new part is a breaking change on purpose")]
pub struct UserProfile {
    /// The display name, at most [`USER_NAME_BYTES`](crate::limits::USER_NAME_BYTES); empty where there is none.
    pub name: Arc<str>,
    /// A few words, at most [`USER_ABOUT_BYTES`](crate::limits::USER_ABOUT_BYTES); empty where there are none.
    pub about: Arc<str>,
    /// Where the picture is: a URI of at most [`AVATAR_BYTES`](crate::limits::AVATAR_BYTES), which nothing here looks
    /// at; empty where there is none.
    pub avatar: Arc<str>,
}

/// An entry of a user's address book. Not to be taken for somebody with whom the user has a conversation: one may be
/// without the other.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(clippy::exhaustive_structs, reason = "clients build it; a new part is a breaking change on purpose")]
pub struct Saved {
    /// Who.
    pub user: UserId,
    /// The owner's own name for them, at most [`USER_NAME_BYTES`](crate::limits::USER_NAME_BYTES); empty where there is
    /// none.
    pub name: Arc<str>,
}

/// A client asks for something about its user.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "clients build it; a new part is a breaking change on purpose")]
pub struct UserCommand {
    /// The client's own name for it, of the same space as the names of drafts: the same name from the same device is
    /// carried out once.
    pub client_ref: ClientRef,
    /// What.
    pub act: UserAct,
}

/// What a client asks for about its user.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum UserAct {
    /// Change what is named here of the profile, and leave the rest.
    EditProfile {
        /// The display name.
        name: Option<Arc<str>>,
        /// A few words.
        about: Option<Arc<str>>,
        /// Where the picture is.
        avatar: Option<Arc<str>>,
    },
    /// Put somebody into the address book, or give them another name there.
    Save(Saved),
    /// Take somebody out of the address book.
    Forget(UserId),
    /// Take nothing from this user any more, and show them nothing.
    Block(UserId),
    /// Take a block back.
    Unblock(UserId),
    /// Log a device out and list it no more.
    RemoveDevice(DeviceName),
}

impl UserAct {
    /// The other user whom it is about, if it is about one.
    #[must_use]
    pub const fn subject(&self) -> Option<&UserId> {
        match self {
            Self::Save(Saved { user, .. }) | Self::Forget(user) | Self::Block(user) | Self::Unblock(user) => {
                Some(user)
            }
            _ => None,
        }
    }
}

/// What a user changed about themselves or in what they keep: an entry in their own mailbox, for their own devices.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "codecs and storage backends build it")]
pub struct UserChange {
    /// Who, and with which device.
    pub by: Device,
    /// What that device called it.
    pub client_ref: ClientRef,
    /// When the server took it in.
    pub at: UnixMs,
    /// The edition of the user's profile after it: 1 for the first that they set. Of two profiles the one of the higher
    /// edition holds.
    pub edition: u32,
    /// What it is.
    pub what: UserNews,
}

/// What a user changed.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum UserNews {
    /// Their profile: all of it, as it is from now on.
    Profile(Arc<UserProfile>),
    /// Somebody is in the address book, under this name.
    Saved(Saved),
    /// Somebody is not in the address book any more.
    Forgotten(UserId),
    /// Somebody is blocked.
    Blocked(UserId),
    /// Somebody is not blocked any more.
    Unblocked(UserId),
    /// A device is logged out and not listed any more.
    DeviceRemoved(DeviceName),
}

/// Somebody, as another user sees them who may.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "codecs build it")]
pub struct ProfileState {
    /// Who.
    pub user: UserId,
    /// The edition of the profile; 0 where none was ever set.
    pub edition: u32,
    /// What they tell others about themselves.
    pub profile: Arc<UserProfile>,
    /// When they were last here, as far as it is written down; `None` where that is not known, and of whom it is not
    /// told. Whether they are here now, their presence says.
    pub last_seen: Option<UnixMs>,
}

/// A device, as its own user sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "codecs build it")]
pub struct OwnDevice {
    /// Its name.
    pub name: DeviceName,
    /// When it first signed in, since it is listed.
    pub first_seen: UnixMs,
    /// When it last came or went.
    pub last_seen: UnixMs,
    /// Up to where it has stored the mailbox.
    pub cursor: crate::Offset,
    /// Whether it has a push token.
    pub push: bool,
    /// Tokens that were made up to this date do not let it in; `None` where it was never logged out.
    pub logged_out_before: Option<UnixMs>,
}
