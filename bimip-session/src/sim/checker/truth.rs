//! What the disk says, read so that the checks can be told apart from how it is asked.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bimip_proto::{Address, Entry, Head, MessageId, Offset, UserId};

use crate::ledger::{Book, View};

/// A whole mailbox, as it was stored.
pub(super) fn all(durable: &Book, user: &UserId) -> Vec<(Offset, Arc<Entry>)> {
    durable.rows(user, Offset::ZERO).map(|(offset, _, entry)| (offset, Arc::clone(entry))).collect()
}

/// One row of a mailbox, and the log entry that it refers to.
pub(super) fn row<'b>(durable: &'b Book, user: &UserId, offset: Offset) -> Option<(u64, &'b Arc<Entry>)> {
    let (at, sequence, entry) = durable.rows(user, Offset(offset.0.checked_sub(1)?)).next()?;
    (at == offset).then_some((sequence, entry))
}

/// The message that a log entry says something for: itself, or what is edited by it.
pub(super) fn words_of(entry: &Entry, sequence: u64) -> Option<u64> {
    match entry {
        Entry::Message(_) => Some(sequence),
        Entry::Revised(it) if !it.is_deletion() => Some(it.message.id.sequence()),
        _ => None,
    }
}

/// The message of a log entry.
pub(super) fn head(durable: &Book, sequence: u64) -> Option<Head> {
    let Ok(entry) = durable.entry(sequence);
    match entry.as_deref() {
        Some(Entry::Message(message)) => Some(message.head.clone()),
        _ => None,
    }
}

pub(super) fn is_durable(durable: &Book, head: &Head) -> bool {
    let Ok(entry) = durable.entry(head.id.sequence());
    matches!(entry.as_deref(), Some(Entry::Message(message)) if message.head == *head)
}

/// Everybody it was for. The small groups of a simulated world tell their authors of every member.
pub(super) fn recipients(durable: &Book, head: &Head) -> Vec<UserId> {
    match &head.to {
        Address::User(to) => vec![to.clone()],
        Address::Group(group) => {
            let members = durable.everybody_ever_in(group);
            let saw = members.filter(|(user, it)| **user != head.from.user && it.saw(head.seq));
            saw.map(|(user, _)| user.clone()).collect()
        }
        _ => Vec::new(),
    }
}

pub(super) fn is_theirs(durable: &Book, head: &Head, user: &UserId) -> bool {
    let received = match &head.to {
        Address::User(to) => to == user,
        Address::Group(group) => {
            let Ok(membership) = durable.membership(group, user);
            membership.saw(head.seq)
        }
        _ => false,
    };
    received || head.from.user == *user
}

/// Which messages mailboxes have. It follows a disk that only grows; what it has seen it does not look at again.
#[derive(Debug, Default)]
pub(super) struct Index {
    mailboxes: BTreeMap<UserId, (Offset, BTreeSet<u64>)>,
}

impl Index {
    pub(super) fn has(&mut self, durable: &Book, user: &UserId, id: MessageId) -> bool {
        if !self.mailboxes.contains_key(user) {
            self.mailboxes.insert(user.clone(), Default::default());
        }
        let Some((upto, known)) = self.mailboxes.get_mut(user) else { return false };
        if known.contains(&id.sequence()) {
            return true;
        }
        for (offset, _, entry) in durable.rows(user, *upto) {
            *upto = offset;
            if let Entry::Message(message) = &**entry {
                known.insert(message.head.id.sequence());
            }
        }
        known.contains(&id.sequence())
    }
}
