//! What is said about messages before they are here.
//!
//! A large group's messages wait in its feed until somebody reads them, and receipts do not: on another device of an
//! author the receipt is there first (DM-FEED-2). It is kept until the message comes.

use std::collections::VecDeque;

use bimip_proto::{Head, MessageRef, Names, Status, UserId};

use super::kept::Kept;
use super::{Keeper, keys, record};

/// The most marks about messages that are not here. In a group that large an author is told the first of each kind, at
/// most four of a message: room for those of a window of 256 messages. Some are about messages that never come.
pub(super) const EARLY_MARKS: usize = 1024;

/// What somebody says about a message that is not here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Early {
    pub(super) number: u64,
    pub(super) message: MessageRef,
    pub(super) by: UserId,
    pub(super) status: Status,
}

impl Keeper {
    /// Keeps a mark about a message that is not here. Of too many the oldest is forgotten.
    pub(super) fn keep_early(&mut self, names: &Names, by: &UserId, status: Status) {
        let message = match &names.alias {
            _ if !names.id.is_none() => MessageRef::Id(names.id),
            Some(alias) => MessageRef::Alias(alias.clone()),
            None => return,
        };
        let same = |early: &Early| early.message == message && early.by == *by && early.status == status;
        if self.early.iter().any(same) {
            return;
        }
        if self.early.len() >= EARLY_MARKS
            && let Some(oldest) = self.early.pop_front()
        {
            self.delete(keys::early(oldest.number));
        }
        let number = self.number();
        self.put(keys::early(number), record::early_bytes(&message, status, by));
        self.early.push_back(Early { number, message, by: by.clone(), status });
    }

    /// The message is here: what was said about it before.
    pub(super) fn take_early(&mut self, kept: &mut Kept) {
        if self.early.is_empty() {
            return;
        }
        let head = &kept.message.head;
        let mine = head.from.user == self.me.user;
        let message = name_of(head);
        let (now, later): (VecDeque<Early>, _) = self.early.drain(..).partition(|it| it.message == message);
        self.early = later;
        for early in now {
            self.delete(keys::early(early.number));
            if early.by != self.me.user || !mine {
                kept.mark(&early.by, early.status);
            }
        }
    }
}

fn name_of(head: &Head) -> MessageRef {
    if head.id.is_none() { MessageRef::Alias(head.alias()) } else { MessageRef::Id(head.id) }
}
