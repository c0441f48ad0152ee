//! A message: as a client asks for it, and as the server made it.

use bytes::Bytes;

use crate::{
    Address, Alias, AliasKind, Channel, ClientRef, ConversationId, Device, MessageId, MessageRef, Names,
    UnixMs, UserId,
};

/// Position of a message in its conversation: 1, 2, 3, without gaps, the same for everybody.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
#[expect(clippy::exhaustive_structs, reason = "a unit of measure")]
pub struct Seq(pub u64);

/// What a client asks the server to accept.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "clients build it; a new part is a breaking change on purpose")]
pub struct Draft {
    /// The client's own name for it: a draft sent again under the same name is stored once. `None` in dialects
    /// that have no such name; those are never deduplicated.
    pub client_ref: Option<ClientRef>,
    /// To whom.
    pub to: Address,
    /// The client's own clock, carried untouched. Nothing is ordered or expired by it.
    pub client_time: Option<UnixMs>,
    /// What.
    pub body: Body,
}

/// The content of a message. Immutable once accepted, stored once, returned as it was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "clients build it; a new part is a breaking change on purpose")]
pub struct Body {
    /// What it is.
    pub kind: BodyKind,
    /// What its bytes are known to be.
    pub form: Form,
    /// The bytes, as sent. They alias the frame they came in.
    pub bytes: Bytes,
    /// What the sender said about encryption, where its dialect has words for it.
    pub seal: Option<Seal>,
}

/// What a message is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum BodyKind {
    /// An ordinary message.
    Text,
    /// An image, inline or referred to.
    Image,
    /// A form or buttons, for clients that know how to show them.
    Interactive,
    /// A recorded talk.
    Voice {
        /// From START to STOP.
        duration_ms: u32,
    },
    /// A notification: queued like a message and pushed.
    Notification,
    /// A video, referred to.
    Video,
    /// Sound that is no voice of the sender's, music for one, referred to.
    Audio,
    /// A voice message that a client recorded, referred to. What a talk became is [`Voice`](Self::Voice).
    VoiceNote,
    /// A short video that is shown as a circle, referred to.
    CircleVideo,
    /// A sticker, referred to.
    Sticker,
}

/// What is known about the bytes of a body. A codec converts from it when it writes the message in another
/// dialect; nothing is converted when it is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Form {
    /// UTF-8 text.
    Text,
    /// One JSON object in UTF-8.
    Json,
    /// Bytes that only their clients understand.
    Opaque,
    /// One JSON object that is [`Content`](crate::Content) of the message's kind: checked where it can be read, and as its
    /// sender says where it is encrypted.
    Content,
}

/// What the sender said about the encryption of a body; the server relays it untouched.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[expect(clippy::exhaustive_structs, reason = "three fields of the wire, relayed as they are")]
pub struct Seal {
    /// Name of the scheme; empty or `none` when the body is readable.
    pub encryption_type: String,
    /// Whatever the scheme needs beside the body.
    pub encrypted: String,
    /// The sender's signature.
    pub signature: String,
}

impl Seal {
    /// Whether the body is readable without a key.
    #[must_use]
    pub fn is_open(&self) -> bool {
        matches!(self.encryption_type.as_str(), "" | "none")
    }
}

impl Body {
    /// A readable text.
    #[must_use]
    pub fn text(text: &str) -> Self {
        Self {
            kind: BodyKind::Text,
            form: Form::Text,
            bytes: Bytes::copy_from_slice(text.as_bytes()),
            seal: None,
        }
    }

    /// Whether another dialect may look into the bytes.
    #[must_use]
    pub fn is_readable(&self) -> bool {
        self.seal.as_ref().is_none_or(Seal::is_open)
    }
}

/// Everything about a message but its body. The server fills all of it; a decoded one has what its dialect
/// carries, and `NONE`, zero or `None` elsewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "storage backends build it from what they stored")]
pub struct Head {
    /// Its name.
    pub id: MessageId,
    /// The device that wrote it.
    pub from: Device,
    /// To whom.
    pub to: Address,
    /// What the sender called it.
    pub client_ref: Option<ClientRef>,
    /// The sender's clock, untouched.
    pub client_time: Option<UnixMs>,
    /// When the server took it in. Display data.
    pub at: UnixMs,
    /// `at`, or one more than the conversation's last stamp if that is later: unique in the conversation, so
    /// that an [`Alias`] names one message.
    pub stamp: UnixMs,
    /// Its place in the conversation.
    pub seq: Seq,
    /// What it is.
    pub kind: BodyKind,
}

impl Head {
    /// The conversation it belongs to.
    #[must_use]
    pub fn conversation(&self) -> ConversationId {
        ConversationId::of(&self.from.user, &self.to)
    }

    /// The id that the msgpack dialect gives it.
    #[must_use]
    pub fn alias(&self) -> Alias {
        let channel = match self.to {
            Address::User(_) => Channel::Private,
            Address::Group(_) => Channel::Group,
        };
        let kind = match self.kind {
            BodyKind::Voice { duration_ms } => AliasKind::Talk { duration_ms },
            BodyKind::Image => AliasKind::Image,
            BodyKind::Interactive => AliasKind::Interactive,
            BodyKind::Text
            | BodyKind::Notification
            | BodyKind::Video
            | BodyKind::Audio
            | BodyKind::VoiceNote
            | BodyKind::CircleVideo
            | BodyKind::Sticker => AliasKind::Text,
        };
        let to = match &self.to {
            Address::User(user) => user.shared(),
            Address::Group(group) => group.shared(),
        };
        Alias::new(channel, kind, to, self.from.user.shared(), self.stamp)
    }

    /// Every name the message goes by.
    #[must_use]
    pub fn names(&self) -> Names {
        Names { id: self.id, alias: Some(self.alias()), client_ref: self.client_ref.clone() }
    }

    /// How a client names it to the server that it heard it from: by the id, else by its place in the conversation,
    /// else by its alias. It is the one name that the dialect it came in has words for.
    #[must_use]
    pub fn reference(&self) -> MessageRef {
        if !self.id.is_none() {
            MessageRef::Id(self.id)
        } else if self.seq != Seq(0) {
            MessageRef::Place { conversation: self.conversation(), seq: self.seq }
        } else {
            MessageRef::Alias(self.alias())
        }
    }

    /// Whether a row with it in this user's mailbox delivers it: it is to them, or to a group they are in, by
    /// somebody else.
    #[must_use]
    pub fn is_for(&self, user: &UserId) -> bool {
        match &self.to {
            Address::User(to) => to == user,
            Address::Group(_) => self.from.user != *user,
        }
    }

    /// Whether `user` is one the message was sent to, as far as the head alone can say: a group's members are
    /// known to storage only.
    #[must_use]
    pub fn is_to(&self, user: &UserId) -> bool {
        matches!(&self.to, Address::User(to) if to == user)
    }
}

/// A message that the server accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "head and body, complete")]
pub struct Message {
    /// All about it.
    pub head: Head,
    /// What was sent.
    pub body: Body,
}
