//! Mailboxes, conversations, and what devices and users said: rows in order, and all they refer to.

use bimip_proto::{Address, Entry, Message, Offset, Seq, UnixMs};
use bimip_session::ledger::Known;

use super::checker::Checker;
use crate::storage::embedded::keys::{self, Key};
use crate::storage::embedded::names::{ConversationNo, DeviceNo, UserNo};
use crate::storage::embedded::rows::marks::marked;
use crate::storage::embedded::rows::{self, SHAPE, revised};

impl Checker<'_, '_> {
    pub(super) fn mailbox_row(
        &mut self,
        key: &Key,
        bytes: &[u8],
        value: &[u8],
        user: UserNo,
        offset: Offset,
    ) {
        self.summary.mailbox_rows += 1;
        let Some([sequence]) = self.numbers(key, bytes, value) else { return };
        let before = self.mailbox.replace((user, offset, sequence)).filter(|(owner, ..)| *owner == user);
        match before {
            None if !self.is_user(user) => {
                self.find(key, bytes, "there is no such user");
            }
            Some((_, last, _)) if last.next() != offset => {
                self.find(key, bytes, "rows before it are missing");
            }
            Some((_, _, last)) if sequence <= last && !self.is_fed(sequence) => {
                self.find(
                    key,
                    bytes,
                    format!("log record {sequence} is not after the one of the row before"),
                );
            }
            _ => {}
        }
        if !Self::there(self.rows.has_entry(sequence).map(Some)).unwrap_or(true) {
            self.find(key, bytes, format!("there is no log record {sequence}"));
        }
    }

    pub(super) fn place(
        &mut self,
        key: &Key,
        bytes: &[u8],
        value: &[u8],
        conversation: ConversationNo,
        seq: Seq,
    ) {
        let Some([stamp, sequence]) = self.numbers(key, bytes, value) else { return };
        let stamp = UnixMs(stamp);
        let before = self.history.replace((conversation, seq, stamp)).filter(|(of, ..)| *of == conversation);
        match before {
            None if !self.is_conversation(conversation) => {
                self.find(key, bytes, "there is no such conversation");
            }
            Some((_, last, _)) if last.0 + 1 != seq.0 => {
                self.find(key, bytes, "messages before it are missing");
            }
            Some((_, _, last)) if stamp <= last => {
                self.find(key, bytes, "its stamp is not after the one of the message before");
            }
            _ => {}
        }
        let Some(entry) = self.message(sequence) else {
            return self.find(key, bytes, format!("log record {sequence} is no message that can be read"));
        };
        let Entry::Message(Message { head, .. }) = &*entry else { return };
        if (head.seq, head.stamp) != (seq, stamp) {
            self.find(key, bytes, format!("the message in log record {sequence} has another seq or stamp"));
        } else if self.conversation(&head.conversation()) != Some(conversation) {
            self.find(key, bytes, format!("the message in log record {sequence} is of another conversation"));
        }
    }

    pub(super) fn draft(&mut self, key: &Key, bytes: &[u8], value: &[u8], device: DeviceNo) {
        let Some(numbers) = self.numbers(key, bytes, value) else { return };
        let Key::Known(_, client_ref) = key else { return };
        let Some(user) = self.owner(device) else { return self.find(key, bytes, "there is no such device") };
        let Known::Stored { sequence, offset: Offset(offset), .. } = rows::known(numbers) else { return };
        if let Some(Entry::Group(change)) = Self::there(self.rows.entry(sequence)).as_deref() {
            let by = Self::there(self.rows.user(&change.by.user));
            let by = by.and_then(|user| Self::there(self.rows.device(user, &change.by.name)));
            if by != Some(device) || change.client_ref.as_ref() != Some(client_ref) {
                self.find(
                    key,
                    bytes,
                    format!("the change of a group in log record {sequence} has another name"),
                );
            }
            return;
        }
        if let Some(Entry::User(change)) = Self::there(self.rows.entry(sequence)).as_deref() {
            let by = Self::there(self.rows.user(&change.by.user));
            let by = by.and_then(|user| Self::there(self.rows.device(user, &change.by.name)));
            if by != Some(device) || change.client_ref != *client_ref {
                self.find(
                    key,
                    bytes,
                    format!("the change of a user in log record {sequence} has another name"),
                );
            }
            return;
        }
        if let Some(Entry::Revised(revision)) = Self::there(self.rows.entry(sequence)).as_deref() {
            let by = Self::there(self.rows.user(&revision.by.user));
            let by = by.and_then(|user| Self::there(self.rows.device(user, &revision.by.name)));
            if by != Some(device) || revision.client_ref != *client_ref {
                self.find(key, bytes, format!("the revision in log record {sequence} has another name"));
            }
            return;
        }
        if let Some(Entry::Reacted(reaction)) = Self::there(self.rows.entry(sequence)).as_deref() {
            let by = Self::there(self.rows.user(&reaction.by.user));
            let by = by.and_then(|user| Self::there(self.rows.device(user, &reaction.by.name)));
            if by != Some(device) || reaction.client_ref != *client_ref {
                self.find(key, bytes, format!("the reaction in log record {sequence} has another name"));
            }
            return;
        }
        let Some(entry) = self.message(sequence) else {
            return self.find(key, bytes, format!("log record {sequence} is no message that can be read"));
        };
        let Entry::Message(Message { head, .. }) = &*entry else { return };
        let from = Self::there(self.rows.user(&head.from.user));
        let from = from.and_then(|user| Self::there(self.rows.device(user, &head.from.name)));
        if from != Some(device) || head.client_ref.as_ref() != Some(client_ref) {
            self.find(key, bytes, format!("the message in log record {sequence} is of another draft"));
        }
        if offset == 0 {
            // Its sender has no row of it: only somebody who is not in it can have written it.
            if matches!(head.to, Address::User(_)) && head.seq != Seq(0) {
                self.find(key, bytes, "its row in the sender's mailbox is not named");
            }
            return;
        }
        let row = self.rows.numbers(&keys::row(user, Offset(offset)), String::new);
        if row.is_ok_and(|row| row != Some([sequence])) {
            self.find(key, bytes, format!("row {offset} of the sender's mailbox is of another log record"));
        }
    }

    pub(super) fn marks(&mut self, key: &Key, bytes: &[u8], value: &[u8], sequence: u64, user: UserNo) {
        if marked(value).is_err() {
            return self.find(key, bytes, SHAPE);
        }
        if !self.is_user(user) {
            self.find(key, bytes, "there is no such user");
        }
        match self.message(sequence).as_deref() {
            Some(Entry::Message(message)) if message.head.seq != Seq(0) => {}
            _ => self.find(key, bytes, format!("log record {sequence} is no message that can be read")),
        }
    }

    /// The edition that holds is a revision of that message, and says what the row says.
    pub(super) fn revised(&mut self, key: &Key, bytes: &[u8], value: &[u8], sequence: u64) {
        let Some(numbers) = self.numbers(key, bytes, value) else { return };
        let Some(revised) = revised(numbers) else { return self.find(key, bytes, SHAPE) };
        if self.message(sequence).is_none() {
            self.find(key, bytes, format!("log record {sequence} is no message that can be read"));
        }
        match Self::there(self.rows.entry(revised.sequence)).as_deref() {
            Some(Entry::Revised(it))
                if (it.message.id.sequence(), it.edition, it.is_deletion())
                    == (sequence, revised.edition, revised.deleted) => {}
            _ => {
                let last = revised.sequence;
                self.find(key, bytes, format!("log record {last} is no such revision of the message"));
            }
        }
    }

    pub(super) fn read_upto(
        &mut self,
        key: &Key,
        bytes: &[u8],
        value: &[u8],
        conversation: ConversationNo,
        user: UserNo,
    ) {
        let Some([seq]) = self.numbers(key, bytes, value) else { return };
        if !self.is_user(user) {
            self.find(key, bytes, "there is no such user");
        }
        if !self.is_conversation(conversation) {
            return self.find(key, bytes, "there is no such conversation");
        }
        if let Ok(head) = self.rows.history_head(conversation)
            && seq > head.map_or(0, |(head, _)| head.0)
        {
            self.find(key, bytes, format!("it is at message {seq}, and the conversation ends before it"));
        }
    }

    pub(super) fn cursor(&mut self, key: &Key, bytes: &[u8], value: &[u8], device: DeviceNo) {
        let Some([offset]) = self.numbers(key, bytes, value) else { return };
        let Some(user) = self.owner(device) else { return self.find(key, bytes, "there is no such device") };
        if let Ok(head) = self.rows.mailbox_head(user, u64::MAX, Offset(u64::MAX))
            && offset > head.0
        {
            self.find(key, bytes, format!("it is at row {offset}, and the mailbox ends at {head}"));
        }
    }
}
