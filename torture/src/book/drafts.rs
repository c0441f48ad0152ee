//! What is known of one draft.

use bimip_proto::{MessageId, UnixMs};

use crate::people::Who;

/// Whose mailbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Author,
    Receiver,
}

/// What an ack said, as far as its dialect has words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ack {
    pub(crate) id: Option<MessageId>,
    /// The row in the author's mailbox.
    pub(crate) offset: Option<u64>,
    /// The time in the msgpack name of the message, unique in its conversation.
    pub(crate) stamp: Option<UnixMs>,
}

#[derive(Debug)]
pub(super) struct Draft {
    pub(super) to: Who,
    /// Sent after the store had failed.
    pub(super) late: bool,
    pub(super) ack: Option<Ack>,
    pub(super) id: Option<MessageId>,
    /// As a walkie heard it.
    pub(super) stamp: Option<UnixMs>,
    pub(super) heard: bool,
    pub(super) delivered: bool,
    /// Offsets are from 1, so 0 is none.
    rows: [u64; 2],
}

impl Draft {
    pub(super) const fn new(to: Who, late: bool) -> Self {
        Self { to, late, ack: None, id: None, stamp: None, heard: false, delivered: false, rows: [0; 2] }
    }

    pub(super) const fn rows(&self) -> [Option<u64>; 2] {
        [self.row(Side::Author), self.row(Side::Receiver)]
    }

    pub(super) const fn row(&self, side: Side) -> Option<u64> {
        match self.rows[side as usize] {
            0 => None,
            offset => Some(offset),
        }
    }

    /// Notes a row. Gives the one that was known before.
    pub(super) const fn put(&mut self, side: Side, offset: u64) -> Option<u64> {
        let before = self.row(side);
        if before.is_none() {
            self.rows[side as usize] = offset;
        }
        before
    }

    /// Seen at every place where it must be.
    pub(super) const fn is_complete(&self) -> bool {
        self.rows[0] != 0 && self.rows[1] != 0 && (self.heard || !self.to.is_walkie())
    }
}
