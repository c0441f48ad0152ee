//! What a user's queue holds.

use core::fmt;
use std::sync::Arc;

use crate::{GroupChange, Message, Reaction, Receipt, Revision, UserChange};

/// Position in one mailbox: 1, 2, 3, without gaps. 0 stands before the first row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
#[expect(clippy::exhaustive_structs, reason = "a unit of measure")]
pub struct Offset(pub u64);

impl Offset {
    /// Before the first row: nothing seen yet.
    pub const ZERO: Self = Self(0);

    /// The position after this one.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

impl fmt::Display for Offset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Everything a client must know, whether it is there when it happens or not.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Entry {
    /// A message to or from this user.
    Message(Message),
    /// What somebody said about messages.
    Receipt(Receipt),
    /// A message says something else, or nothing more. Also in the place of a message that was deleted before its row
    /// was delivered.
    Revised(Revision),
    /// Something happened to a group.
    Group(GroupChange),
    /// Somebody reacted to a message, or took a reaction back.
    Reacted(Reaction),
    /// This user changed something about themselves, or in what they keep.
    User(UserChange),
}

/// An entry at its place in a mailbox, as one device sees it.
///
/// `prev` is the row before it in this device's view, which leaves out what the device wrote itself and what its
/// dialect has no words for. A device takes the row when `prev <= seen < offset`: then nothing is missing
/// between.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "place and content, complete")]
pub struct Row {
    /// The row before it in this device's view.
    pub prev: Offset,
    /// Where it stands. [`Offset::ZERO`] from a dialect that does not number its rows.
    pub offset: Offset,
    /// What stands there. Shared: a fan-out hands the same entry to every reader.
    pub entry: Arc<Entry>,
}
