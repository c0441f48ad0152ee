//! The order of every conversation, which is one for both of its users.

use std::collections::BTreeMap;

use bimip_proto::MessageId;

use crate::people::{Key, Who};

#[derive(Debug, Default)]
pub(super) struct Conversations {
    /// The messages in order, by the two users.
    all: BTreeMap<(Who, Who), Vec<(MessageId, Key)>>,
    /// How far each of the two mailboxes is.
    upto: BTreeMap<(Who, Who), u64>,
    /// The last draft of each user in each conversation.
    last: BTreeMap<(Who, Who), u32>,
    /// Ids of messages, to their authors' numbers.
    numbers: BTreeMap<(Who, u64), u32>,
}

impl Conversations {
    /// The next message of the conversation with `partner` in the mailbox of `of`.
    pub(super) fn next(
        &mut self,
        of: Who,
        partner: Who,
        key: Key,
        seq: u64,
        id: MessageId,
    ) -> Result<(), String> {
        let upto = self.upto.entry((of, partner)).or_default();
        *upto += 1;
        if *upto != seq {
            return Err(format!("{key} has the place {seq} in its conversation, {upto} is the next"));
        }
        let order = self.all.entry((of.min(partner), of.max(partner))).or_default();
        let at = usize::try_from(seq - 1).unwrap_or(usize::MAX);
        match order.get(at) {
            Some(known) if *known == (id, key) => Ok(()),
            Some((_, other)) => Err(format!("place {seq} is {key} here and {other} there")),
            None => {
                order.push((id, key));
                self.numbers.insert((key.by, id.sequence()), key.number);
                let to = if key.by == of { partner } else { of };
                match self.last.insert((key.by, to), key.number) {
                    Some(last) if last >= key.number => Err(format!("{key} comes after number {last}")),
                    _ => Ok(()),
                }
            }
        }
    }

    /// Which draft of `by` an id names.
    pub(super) fn number(&self, by: Who, id: MessageId) -> Option<u32> {
        self.numbers.get(&(by, id.sequence())).copied()
    }
}
