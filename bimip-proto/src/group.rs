//! Groups that somebody manages: what may be asked of them, and what their members hear of it.

use std::sync::Arc;

use crate::{ClientRef, Device, GroupId, UnixMs, UserId};

/// What a member may do in a group. Each may all that the ones before it may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
#[non_exhaustive]
pub enum Role {
    /// Is in the group.
    #[default]
    Member,
    /// Decides who is in it and what it is called.
    Admin,
    /// Decides who is an admin, and whether there is a group. One at most.
    Owner,
}

/// Who may post to a group, and talk in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
#[non_exhaustive]
pub enum MayPost {
    /// Every member.
    #[default]
    Everyone,
    /// Admins, and the owner.
    Admins,
}

/// What a group is called.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
#[expect(clippy::exhaustive_structs, reason = "clients build it; a new part is a breaking change on purpose")]
pub struct GroupProfile {
    /// Its title, at most [`GROUP_TITLE_BYTES`](crate::limits::GROUP_TITLE_BYTES); empty where it has none.
    pub title: Arc<str>,
    /// What it is about, at most [`GROUP_ABOUT_BYTES`](crate::limits::GROUP_ABOUT_BYTES); empty where nobody said.
    pub about: Arc<str>,
}

/// A client asks for something about a group.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "clients build it; a new part is a breaking change on purpose")]
pub struct GroupCommand {
    /// The client's own name for it, of the same space as the names of drafts: the same name from the same device is
    /// carried out once.
    pub client_ref: ClientRef,
    /// Which group.
    pub group: GroupId,
    /// What.
    pub act: GroupAct,
}

/// What a client asks for about a group.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum GroupAct {
    /// Make it. Whoever asks is its owner.
    Create {
        /// What it is called.
        profile: GroupProfile,
        /// Anybody may join.
        open: bool,
        /// Who may post.
        post: MayPost,
        /// Who else is in it from the start, at most [`GROUP_ADD_USERS`](crate::limits::GROUP_ADD_USERS).
        members: Vec<UserId>,
    },
    /// Change what is named here, and leave the rest.
    Edit {
        /// Its title.
        title: Option<Arc<str>>,
        /// What it is about.
        about: Option<Arc<str>>,
        /// Whether anybody may join.
        open: Option<bool>,
        /// Who may post.
        post: Option<MayPost>,
    },
    /// Take it away. Nobody is in it from then on, and its name is never given again.
    Delete,
    /// Let these users in, at most [`GROUP_ADD_USERS`](crate::limits::GROUP_ADD_USERS).
    Add(Vec<UserId>),
    /// Put this user out.
    Remove(UserId),
    /// Give a member this role. Who gives [`Role::Owner`] away is an admin from then on.
    SetRole {
        /// Which member.
        user: UserId,
        /// Which role.
        role: Role,
    },
    /// Put this user out, if they are in it, and do not let them in again.
    Ban(UserId),
    /// Let this user come again, if they are let in.
    Unban(UserId),
}

impl GroupAct {
    /// The user whose place in the group it is about, if it is one.
    #[must_use]
    pub const fn subject(&self) -> Option<&UserId> {
        match self {
            Self::Remove(user) | Self::Ban(user) | Self::Unban(user) | Self::SetRole { user, .. } => {
                Some(user)
            }
            _ => None,
        }
    }
}

/// A group as one of those who are in it sees it now.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "codecs build it")]
pub struct GroupState {
    /// Which group.
    pub group: GroupId,
    /// Its last change; 0 while nobody ever managed it.
    pub edition: u32,
    /// What it is called.
    pub profile: Arc<GroupProfile>,
    /// Whether anybody may join.
    pub open: bool,
    /// Who may post.
    pub post: MayPost,
    /// How many are in it.
    pub members: u32,
    /// What the one who asks may do in it.
    pub role: Role,
    /// Since when they are in it; `None` where nobody was told that they came, and so no time is kept.
    pub since: Option<UnixMs>,
}

/// Somebody who is in a group.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "codecs build it")]
pub struct GroupMember {
    /// Who.
    pub user: UserId,
    /// What they may do in it.
    pub role: Role,
}

/// What happened to a group: an entry in the mailboxes of those who are in it after that, and of those who are not any
/// more because of it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "codecs and storage backends build it")]
pub struct GroupChange {
    /// Which group.
    pub group: GroupId,
    /// 1 for the first change of a group, 2 for the next. Of two changes the one of the higher edition holds.
    pub edition: u32,
    /// Who did it, with which device.
    pub by: Device,
    /// What that device called it; `None` of a join and a leave, which have no names.
    pub client_ref: Option<ClientRef>,
    /// When the server took it in.
    pub at: UnixMs,
    /// What it is.
    pub what: GroupNews,
    /// What the group is called after it.
    pub profile: Arc<GroupProfile>,
    /// Whether anybody may join after it.
    pub open: bool,
    /// Who may post after it.
    pub post: MayPost,
    /// How many are in the group after it.
    pub members: u32,
}

/// What happened to a group.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum GroupNews {
    /// It was made, with these members beside its owner, who made it.
    Created(Vec<UserId>),
    /// It is called something else, or other rules hold: see the parts of [`GroupChange`].
    Edited,
    /// It is no more.
    Deleted,
    /// These were let in.
    Added(Vec<UserId>),
    /// This user was put out.
    Removed(UserId),
    /// A member has this role. When it is [`Role::Owner`], the owner before is an admin.
    Role {
        /// Which member.
        user: UserId,
        /// Which role.
        role: Role,
    },
    /// This user is not let in any more, and is not in it.
    Banned(UserId),
    /// This user may be let in again.
    Unbanned(UserId),
    /// Whoever did it came in.
    Joined,
    /// Whoever did it left.
    Left {
        /// Who owns the group instead, where it was the owner who left.
        heir: Option<UserId>,
    },
}

impl GroupNews {
    /// The users that it names.
    #[must_use]
    pub fn users(&self) -> &[UserId] {
        match self {
            Self::Created(users) | Self::Added(users) => users,
            Self::Removed(user) | Self::Banned(user) | Self::Unbanned(user) | Self::Role { user, .. } => {
                core::slice::from_ref(user)
            }
            Self::Left { heir: Some(heir) } => core::slice::from_ref(heir),
            _ => &[],
        }
    }
}
