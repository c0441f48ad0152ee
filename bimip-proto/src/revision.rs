//! What becomes of a message's text after it was sent: edits, and its deletion for everybody.

use crate::{
    Address, Alias, AliasKind, Body, Channel, ClientRef, ConversationId, Device, MessageRef, Names, Seq,
    UnixMs,
};

/// A client asks that a message of its user say something else, or nothing more.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "clients build it; a new part is a breaking change on purpose")]
pub struct Revise {
    /// The client's own name for it: the same name from the same device is stored once.
    pub client_ref: ClientRef,
    /// Which message.
    pub message: MessageRef,
    /// What it says from now on; `None` deletes it.
    pub body: Option<Body>,
}

/// A message says something else, or nothing more. Messages never change where they are stored: a revision is an entry
/// of its own, in the mailboxes of those who have the message.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "codecs and storage backends build it")]
pub struct Revision {
    /// Which message.
    pub message: Names,
    /// Its conversation.
    pub conversation: ConversationId,
    /// Its place there, so that who does not have it yet knows where it belongs.
    pub seq: Seq,
    /// 1 for the first revision of a message, 2 for the next. The highest one holds; nothing comes after a deletion.
    pub edition: u32,
    /// Who revised it: its author.
    pub by: Device,
    /// The author's name for the revision.
    pub client_ref: ClientRef,
    /// When the server took it in; of an edit a time that no message and no other edit of the conversation has, so that
    /// dialects which name messages by it have a name for the edit.
    pub at: UnixMs,
    /// What the message says now; `None`: it is deleted.
    pub body: Option<Body>,
}

impl Revision {
    /// Whether it takes the message away.
    #[must_use]
    pub const fn is_deletion(&self) -> bool {
        self.body.is_none()
    }

    /// What an edit is called in the dialect that names messages by their time, where it is a text of its own; `None` for a
    /// deletion, and for an edit by a stranger to its conversation.
    #[must_use]
    pub fn alias(&self) -> Option<Alias> {
        self.body.as_ref()?;
        let to = self.conversation.to_of(&self.by.user)?;
        let channel = if matches!(to, Address::Group(_)) { Channel::Group } else { Channel::Private };
        Some(Alias::new(channel, AliasKind::Text, to.as_str().into(), self.by.user.as_str().into(), self.at))
    }
}
