//! Receipts rise, are told once, and have a cause (I7).

use std::collections::{BTreeMap, BTreeSet};

use bimip_proto::{Device, Entry, Head, MessageId, Names, Status, UserId};

use super::Held;
use super::findings::Findings;
use super::revisions::Revisions;
use super::truth::{all, recipients};
use crate::ledger::{Book, View};

/// Which messages reached some device of a user, by the name that the device's dialect has for them.
#[derive(Debug, Default)]
pub(super) struct Receipts {
    reached: BTreeMap<UserId, (BTreeSet<MessageId>, BTreeSet<String>)>,
}

/// What a user is told about a message by another: the statuses in the order of the rows.
type Told = BTreeMap<(UserId, MessageId, UserId), Vec<Status>>;

impl Receipts {
    pub(super) fn arrives(&mut self, device: &Device, entry: &Entry) {
        if let Entry::Message(message) = entry {
            let head = &message.head;
            if !self.reached.contains_key(&device.user) {
                self.reached.insert(device.user.clone(), Default::default());
            }
            let Some((ids, aliases)) = self.reached.get_mut(&device.user) else { return };
            if head.id.is_none() {
                aliases.insert(head.alias().to_string());
            } else {
                ids.insert(head.id);
            }
        }
    }

    fn has_reached(&self, user: &UserId, names: &Names) -> bool {
        let Some((ids, aliases)) = self.reached.get(user) else { return false };
        ids.contains(&names.id)
            || names.alias.as_ref().is_some_and(|alias| aliases.contains(&alias.to_string()))
    }

    pub(super) fn judge(
        &self,
        findings: &mut Findings,
        durable: &Book,
        held: &[Held<'_>],
        revisions: &Revisions,
        at_rest: bool,
    ) {
        let (mut told, mut heads) = (Told::new(), Vec::new());
        let users: Vec<_> = durable.users().cloned().collect();
        for user in &users {
            for (_, entry) in all(durable, user) {
                match &*entry {
                    Entry::Message(message) if message.head.from.user == *user => {
                        heads.push(message.head.clone());
                    }
                    Entry::Receipt(receipt) => {
                        for names in &receipt.messages {
                            let key = (user.clone(), names.id, receipt.by.user.clone());
                            told.entry(key).or_default().push(receipt.status);
                            findings.check(self.has_reached(&receipt.by.user, names), || {
                                format!("I7: receipt for {:?}, which {} never got", names.id, receipt.by)
                            });
                        }
                    }
                    _ => {}
                }
            }
        }
        for ((user, id, by), statuses) in &told {
            let rank =
                |status: &Status| matches!(status, Status::Delivered | Status::Read).then_some(*status);
            let ranks: Vec<_> = statuses.iter().filter_map(rank).collect();
            let once = statuses.iter().collect::<BTreeSet<_>>().len() == statuses.len();
            findings.check(once && ranks.is_sorted(), || {
                format!("I7: {user} is told of {id:?} by {by}: {statuses:?}")
            });
        }
        // Devices that are bound to say that they have a message.
        let mut speaking: BTreeMap<&UserId, Vec<&Device>> = BTreeMap::new();
        for held in held.iter().filter(|held| at_rest && !held.walkie) {
            speaking.entry(&held.device.user).or_default().push(held.device);
        }
        for head in &heads {
            judge_message(findings, durable, head, (&told, &speaking), revisions);
        }
    }
}

fn judge_message(
    findings: &mut Findings,
    durable: &Book,
    head: &Head,
    (told, speaking): (&Told, &BTreeMap<&UserId, Vec<&Device>>),
    revisions: &Revisions,
) {
    // Who did not have it by then has nothing to say of it.
    let deleted = revisions.is_deleted(head.id.sequence());
    for to in recipients(durable, head) {
        let stored = speaking.get(&to).is_some_and(|devices| devices.iter().any(|it| **it != head.from));
        let known = told.contains_key(&(head.from.user.clone(), head.id, to.clone()));
        findings.check(known || !stored || deleted, || {
            format!("I7: the author of {:?} is not told that {to} has it", head.id)
        });
        let Ok(marks) = durable.marks(head.id.sequence(), &to);
        for author in [&head.from.user, &to] {
            let statuses = told.get(&(author.clone(), head.id, to.clone()));
            let read = statuses.is_some_and(|it| it.contains(&Status::Read));
            findings.check(read == marks.has(Status::Read), || {
                format!("I7: {author} and the mark of {to} on {:?}", head.id)
            });
        }
    }
}
