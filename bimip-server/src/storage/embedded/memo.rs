//! What the commit thread remembers about users, devices and conversations, so that a message between people
//! who just wrote costs no read.

mod feeds;
mod groups;

use bimip_proto::{ConversationId, Device, Offset, UserId, limits};
use bimip_session::ledger::ConversationHead;

use super::Options;
use super::names::{ConversationNo, DeviceNo, UserNo};
use super::recent::{Recent, Tail};
use super::rows::Rows;
use crate::storage::StorageError;

/// The caches of the commit thread. They hold what the last batch wrote, whether or not it was proven: after a
/// batch that was not, nothing is ever decided again. That a name has no number is remembered too: a new one is
/// asked for twice, when its first message is decided and when it is written.
#[derive(Debug)]
pub(super) struct Memo {
    users: Recent<UserId, Option<OfUser>>,
    devices: Recent<Device, Option<OfDevice>>,
    conversations: Recent<ConversationId, Option<OfConversation>>,
    groups: groups::Groups,
    feeds: feeds::Feeds,
    pub(super) tail: Tail,
}

/// What is remembered of a user.
#[derive(Debug, Clone, Copy)]
pub(super) struct OfUser {
    pub(super) no: UserNo,
    /// The last row of the mailbox; `None` when it was not asked for yet.
    pub(super) head: Option<Offset>,
}

/// What is remembered of a device.
#[derive(Debug, Clone, Copy)]
pub(super) struct OfDevice {
    pub(super) no: DeviceNo,
    /// `None` when it was not asked for yet.
    pub(super) cursor: Option<Offset>,
}

/// What is remembered of a conversation.
#[derive(Debug, Clone, Copy)]
pub(super) struct OfConversation {
    pub(super) no: ConversationNo,
    /// `None` when it was not asked for yet.
    pub(super) head: Option<ConversationHead>,
    /// Of a conversation of two: whether the first of them has blocked the other, and the other the first; `None` when it was
    /// not asked for yet.
    pub(super) blocked: [Option<bool>; 2],
}

impl Memo {
    /// For one question: an alias can mean a few conversations, and a user is in so many groups.
    pub(super) fn passing() -> Self {
        const NAMES: usize = 64;
        Self {
            users: Recent::new(NAMES),
            devices: Recent::new(NAMES),
            conversations: Recent::new(NAMES),
            groups: groups::Groups::new(NAMES, limits::GROUPS_PER_USER),
            feeds: feeds::Feeds::new(NAMES, limits::GROUPS_PER_USER),
            tail: Tail::new(0, 0),
        }
    }

    pub(super) fn new(options: &Options) -> Self {
        Self {
            users: Recent::new(options.names),
            devices: Recent::new(options.names),
            conversations: Recent::new(options.names),
            groups: groups::Groups::new(options.names, options.listed),
            feeds: feeds::Feeds::new(options.names, options.listed),
            tail: Tail::new(options.recent_entries, options.recent_bytes),
        }
    }

    /// Forgets everything.
    pub(super) fn forget(&mut self) {
        let Self { users, devices, conversations, groups, feeds, tail } = self;
        users.forget();
        devices.forget();
        conversations.forget();
        groups.forget();
        feeds.forget();
        tail.forget();
    }

    /// A user, if there is a number for them.
    pub(super) fn user(&mut self, user: &UserId, rows: &Rows<'_>) -> Result<Option<OfUser>, StorageError> {
        if let Some(known) = self.users.get(user) {
            return Ok(known);
        }
        let known = rows.user(user)?.map(|no| OfUser { no, head: None });
        self.users.set(user, known);
        Ok(known)
    }

    pub(super) fn set_user(&mut self, user: &UserId, known: OfUser) {
        self.users.set(user, Some(known));
    }

    /// A device, if there is a number for it.
    pub(super) fn device(
        &mut self,
        device: &Device,
        rows: &Rows<'_>,
    ) -> Result<Option<OfDevice>, StorageError> {
        if let Some(known) = self.devices.get(device) {
            return Ok(known);
        }
        let no = match self.user(&device.user, rows)? {
            Some(user) => rows.device(user.no, &device.name)?,
            None => None,
        };
        let known = no.map(|no| OfDevice { no, cursor: None });
        self.devices.set(device, known);
        Ok(known)
    }

    pub(super) fn set_device(&mut self, device: &Device, known: OfDevice) {
        self.devices.set(device, Some(known));
    }

    /// A conversation, if there is a number for it.
    pub(super) fn conversation(
        &mut self,
        id: &ConversationId,
        rows: &Rows<'_>,
    ) -> Result<Option<OfConversation>, StorageError> {
        if let Some(known) = self.conversations.get(id) {
            return Ok(known);
        }
        let no = match id {
            ConversationId::Direct { 0: low, 1: high, .. } => {
                match (self.user(low, rows)?, self.user(high, rows)?) {
                    (Some(low), Some(high)) => rows.direct(low.no, high.no)?,
                    _ => None,
                }
            }
            ConversationId::Group(group) => rows.group(group)?,
            // A kind that no version of this format has stored.
            _ => None,
        };
        let known = no.map(|no| OfConversation { no, head: None, blocked: [None; 2] });
        self.conversations.set(id, known);
        Ok(known)
    }

    pub(super) fn set_conversation(&mut self, id: &ConversationId, known: OfConversation) {
        self.conversations.set(id, Some(known));
    }

    // ---- what a batch raises, in one step where it is remembered --------------------------------------

    pub(super) fn raise_mailbox(&mut self, user: &UserId, head: Offset) -> Option<UserNo> {
        let raise = |known: &mut OfUser| {
            known.head = Some(head);
            known.no
        };
        self.users.update(user, |known| known.as_mut().map(raise)).flatten()
    }

    pub(super) fn raise_conversation(
        &mut self,
        id: &ConversationId,
        head: ConversationHead,
    ) -> Option<ConversationNo> {
        let raise = |known: &mut OfConversation| {
            known.head = Some(head);
            known.no
        };
        self.conversations.update(id, |known| known.as_mut().map(raise)).flatten()
    }

    /// Whether a user has blocked another one with whom they have a conversation, where that is remembered.
    pub(super) fn has_blocked(&mut self, user: &UserId, other: &UserId) -> Option<bool> {
        let (id, side) = side_of(user, other);
        self.conversations.update(&id, |known| known.as_ref().and_then(|known| known.blocked[side])).flatten()
    }

    /// Remembers it, where the conversation is remembered.
    pub(super) fn set_blocked(&mut self, user: &UserId, other: &UserId, blocked: bool) {
        let (id, side) = side_of(user, other);
        self.conversations.update(&id, |known| {
            if let Some(known) = known {
                known.blocked[side] = Some(blocked);
            }
        });
    }
}

/// The conversation of two users, and which of them the first one is there.
fn side_of(user: &UserId, other: &UserId) -> (ConversationId, usize) {
    (ConversationId::direct(user.clone(), other.clone()), usize::from(user > other))
}
