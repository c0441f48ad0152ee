//! What became of a message: delivered, read, played, forwarded.

use crate::{Alias, ClientRef, ConversationId, Device, MessageId, Seq, UnixMs};

/// What a recipient says about a message.
///
/// `Delivered < Read` only ever rise: a later `Delivered` after `Read` says nothing new. `Played` and
/// `Forwarded` are marks of their own, set once. `Sent` is what the server says by accepting.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Status {
    /// Accepted by the server.
    Sent,
    /// Stored by a device of the recipient.
    Delivered,
    /// Shown to the recipient. Implies delivered.
    Read,
    /// A recording was played.
    Played,
    /// Passed on to somebody else.
    Forwarded,
}

/// What one recipient has said about one message so far: the state behind "receipts only rise".
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub struct Marks(u8);

impl Marks {
    /// Nothing said yet.
    pub const NONE: Self = Self(0);
    const DELIVERED: u8 = 1;
    const READ: u8 = 2;
    const PLAYED: u8 = 4;
    const FORWARDED: u8 = 8;

    /// The marks after hearing `status`; equal to these where it says nothing new.
    #[must_use]
    pub const fn with(self, status: Status) -> Self {
        Self(
            self.0
                | match status {
                    Status::Sent => 0,
                    Status::Delivered => Self::DELIVERED,
                    Status::Read => Self::DELIVERED | Self::READ,
                    Status::Played => Self::PLAYED,
                    Status::Forwarded => Self::FORWARDED,
                },
        )
    }

    /// Whether `status` has been heard, or implied.
    #[must_use]
    pub fn has(self, status: Status) -> bool {
        self.with(status) == self
    }

    /// For storage: four bits.
    #[must_use]
    pub const fn bits(self) -> u8 {
        self.0
    }

    /// From storage.
    #[must_use]
    pub const fn from_bits(bits: u8) -> Self {
        Self(bits & 15)
    }
}

/// How a client names a message: by id, by the alias of the msgpack dialect, or by its place in a conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum MessageRef {
    /// The id.
    Id(MessageId),
    /// The alias; resolved against the session's user.
    Alias(Alias),
    /// Its place in a conversation that the session's user is part of.
    Place {
        /// Which conversation.
        conversation: ConversationId,
        /// Where in it.
        seq: Seq,
    },
}

/// The names a message goes by. A server fills all of them, a dialect writes the one it speaks, and a client
/// gets the ones its dialect carries.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "codecs build it")]
pub struct Names {
    /// The id, or [`MessageId::NONE`].
    pub id: MessageId,
    /// The id of the msgpack dialect.
    pub alias: Option<Alias>,
    /// What its sender called it.
    pub client_ref: Option<ClientRef>,
}

impl Names {
    /// A way to refer to the message in any dialect that carried one of its names.
    #[must_use]
    pub fn reference(&self) -> Option<MessageRef> {
        if self.id.is_none() {
            self.alias.clone().map(MessageRef::Alias)
        } else {
            Some(MessageRef::Id(self.id))
        }
    }
}

/// One row for up to [`RECEIPT_MESSAGES`](crate::limits::RECEIPT_MESSAGES) messages of one author: dialects
/// that have only single receipts write one frame for each.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "codecs and storage backends build it")]
pub struct Receipt {
    /// Who says it, and with which device: that one is not told of its own word again.
    pub by: Device,
    /// What.
    pub status: Status,
    /// When the server heard it.
    pub at: UnixMs,
    /// About which messages.
    pub messages: Vec<Names>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_only_rise() {
        let read = Marks::NONE.with(Status::Read);
        assert!(read.has(Status::Delivered), "read implies delivered");
        assert_eq!(read.with(Status::Delivered), read);
        assert!(!read.has(Status::Played) && !read.has(Status::Forwarded));
        assert!(Marks::NONE.has(Status::Sent), "what is stored is sent");
        assert_eq!(Marks::from_bits(read.bits()), read);
    }
}
