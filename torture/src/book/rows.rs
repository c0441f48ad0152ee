//! A row of a mailbox, against everything that is known of its message.

use bimip_proto::{Entry, Message, Offset, Receipt};

use super::drafts::Side;
use super::mailbox::{Put, print_of};
use super::{Book, Wrong};
use crate::people::{Key, Who};

impl Book {
    /// Row `offset` of a mailbox, by whatever way it was read.
    pub(crate) fn compare(&mut self, of: Who, offset: Offset, entry: &Entry) {
        let print = print_of(entry);
        let mailbox = &mut self.mailboxes[of.at()];
        match mailbox.put(offset.0, print) {
            Put::Same => return,
            Put::Other => {
                return self.wrong(Wrong::Disordered, format!("row {offset} of {} has changed", of.name()));
            }
            Put::New => {}
        }
        match entry {
            Entry::Message(message) => self.message(of, offset.0, message),
            Entry::Receipt(receipt) => self.receipt(of, offset.0, receipt),
            _ => self.wrong(Wrong::Other, format!("row {offset} of {} is of no known kind", of.name())),
        }
    }

    fn message(&mut self, of: Who, offset: u64, message: &Message) {
        let head = &message.head;
        let place = format!("row {offset} of {}", of.name());
        let author = Who::of(&head.from.user);
        let Some(key) = Key::find(&message.body.bytes).filter(|key| Some(key.by) == author) else {
            return self.wrong(Wrong::Other, format!("{place} is not as anybody wrote it"));
        };
        let Some(draft) = self.get_mut(key) else {
            return self.wrong(Wrong::Other, format!("{place} is {key}, which was never sent"));
        };
        let side = if of == key.by { Side::Author } else { Side::Receiver };
        if side == Side::Receiver && draft.to != of || head.to.as_str() != draft.to.name() {
            return self.wrong(Wrong::Other, format!("{place} is {key}, which was not for them"));
        }
        let (known, ack) = (draft.id, draft.ack);
        if let Some(before) = draft.put(side, offset) {
            return self.wrong(Wrong::Doubled, format!("{place} is {key}, and so is row {before}"));
        }
        draft.id = Some(head.id);
        if known.is_some_and(|known| known != head.id) {
            self.wrong(
                Wrong::Doubled,
                format!("{place} is {key} as {}, elsewhere it has another id", head.id),
            );
        }
        if let Some(ack) = ack {
            let elsewhere = ack.offset.is_some_and(|acked| side == Side::Author && acked != offset);
            if elsewhere || ack.id.is_some_and(|acked| acked != head.id) {
                self.wrong(
                    Wrong::Doubled,
                    format!("{place} is {key} as {}, it was acked as {ack:?}", head.id),
                );
            }
        }
        let to = self.to(key);
        let mailbox = &mut self.mailboxes[of.at()];
        mailbox.own(offset, side == Side::Author);
        if !mailbox.rises(head.id) {
            self.wrong(Wrong::Disordered, format!("{place}: the ids of the mailbox do not rise"));
        }
        let partner = if side == Side::Author { to } else { key.by };
        if let Err(words) = self.conversations.next(of, partner, key, head.seq.0, head.id) {
            self.wrong(Wrong::Disordered, format!("{place}: {words}"));
        }
        self.settle(key);
    }

    fn receipt(&mut self, of: Who, offset: u64, receipt: &Receipt) {
        let place = format!("row {offset} of {}", of.name());
        for names in &receipt.messages {
            let by = Who::of(&receipt.by.user);
            let Some(number) = self.conversations.number(of, names.id) else {
                self.wrong(
                    Wrong::Other,
                    format!("{place} is a receipt for {}, which is not their message", names.id),
                );
                continue;
            };
            let key = Key { by: of, number };
            let Some(draft) = self.get_mut(key).filter(|draft| Some(draft.to) == by) else {
                self.wrong(Wrong::Other, format!("{place} is a receipt for {key} by a stranger"));
                continue;
            };
            if std::mem::replace(&mut draft.delivered, true) {
                self.wrong(Wrong::Doubled, format!("{place} says again that {key} was delivered"));
            }
        }
    }
}
