//! Edits and deletions: editions are dense and the highest holds, whoever has the message is told in order, and of what is
//! deleted nothing leaves any more (I18).

use std::collections::{BTreeMap, BTreeSet};

use bimip_proto::{Address, Device, Entry, Head, Revision, UserId};

use super::findings::Findings;
use super::members::Members;
use super::truth::{head, words_of};
use crate::ledger::{Book, Revised, View};

#[derive(Debug, Default)]
pub(super) struct Revisions {
    /// How long what was read or proven is on its way to a core.
    lag_ms: u64,
    /// The log up to here was looked at.
    upto: u64,
    /// By the log entry of the message.
    deleted: BTreeMap<u64, Deletion>,
    /// By the log entry of the revision.
    readers: BTreeMap<u64, Readers>,
}

/// When a message was deleted, durably.
#[derive(Debug)]
pub(super) struct Deletion {
    pub(super) sequence: u64,
    pub(super) by: Device,
    since_ms: u64,
}

/// Who must be told of a revision, and who may. In a group they differ where somebody came or went in the same moment.
#[derive(Debug, Default)]
struct Readers {
    must: BTreeSet<UserId>,
    may: BTreeSet<UserId>,
}

impl Revisions {
    pub(super) fn new(lag_ms: u64) -> Self {
        Self { lag_ms, ..Self::default() }
    }

    pub(super) fn synced(&mut self, now_ms: u64, durable: &Book, members: &Members) {
        for (sequence, entry) in durable.log_after(self.upto) {
            self.upto = sequence;
            let Entry::Revised(revision) = &**entry else { continue };
            if revision.is_deletion() {
                let deletion = Deletion { sequence, by: revision.by.clone(), since_ms: now_ms };
                self.deleted.entry(revision.message.id.sequence()).or_insert(deletion);
            }
            if let Some(head) = head(durable, revision.message.id.sequence()) {
                self.readers.insert(sequence, readers(durable, &head, members));
            }
        }
    }

    pub(super) fn is_deleted(&self, message: u64) -> bool {
        self.deleted.contains_key(&message)
    }

    /// What has to be shown in place of a log entry.
    pub(super) fn deletion_of(&self, entry: &Entry, sequence: u64) -> Option<&Deletion> {
        if self.deleted.is_empty() { None } else { self.deleted.get(&words_of(entry, sequence)?) }
    }

    /// Whether what is deleted cannot have been read before it was.
    pub(super) const fn is_late(&self, now_ms: u64, deletion: &Deletion) -> bool {
        now_ms > deletion.since_ms + self.lag_ms
    }

    pub(super) fn judge(&self, findings: &mut Findings, durable: &Book, at_rest: bool) {
        let mut all: BTreeMap<u64, Revised> = BTreeMap::new();
        for (sequence, entry) in durable.log() {
            if let Entry::Revised(revision) = &**entry {
                let before = all.entry(revision.message.id.sequence()).or_default();
                judge_one(findings, durable, revision, *before);
                let (edition, deleted) = (revision.edition, revision.is_deletion());
                *before = Revised { edition, sequence, deleted };
            }
        }
        for (message, last) in all {
            let Ok(holds) = durable.revised(message);
            findings.check(holds == last, || format!("I18: of {message} holds {holds:?}, not {last:?}"));
        }
        let mut told: BTreeMap<u64, BTreeSet<&UserId>> = BTreeMap::new();
        for user in durable.users() {
            let mut editions: BTreeMap<u64, u32> = BTreeMap::new();
            for (offset, sequence, entry) in durable.rows(user, bimip_proto::Offset::ZERO) {
                let Entry::Revised(revision) = &**entry else { continue };
                let before = editions.insert(revision.message.id.sequence(), revision.edition);
                // Who left deletes what they wrote there, and has yet to read of it in the feed.
                let feeds = fed(durable, sequence);
                findings.check(feeds || before < Some(revision.edition), || {
                    format!(
                        "I18: {user} is told of edition {} at {offset}, after {before:?}",
                        revision.edition
                    )
                });
                told.entry(sequence).or_default().insert(user);
            }
        }
        for (sequence, readers) in &self.readers {
            let told = told.remove(sequence).unwrap_or_default();
            // What is fed reaches those who are here, in time.
            let fed = fed(durable, *sequence);
            for user in readers.must.iter().filter(|_| at_rest || !fed) {
                findings
                    .check(told.contains(user), || format!("I18: revision {sequence} is not with {user}"));
            }
            for user in told {
                findings.check(readers.may.contains(user), || format!("I9: {user} has revision {sequence}"));
            }
        }
    }
}

/// A revision is its author's, of a message that is there and not deleted, and the next one.
fn judge_one(findings: &mut Findings, durable: &Book, revision: &Revision, before: Revised) {
    let message = revision.message.id;
    let head = head(durable, message.sequence());
    let its = head.as_ref().is_some_and(|head| {
        head.from.user == revision.by.user
            && head.seq == revision.seq
            && head.conversation() == revision.conversation
    });
    findings.check(its, || format!("I18: {} revised {message:?}, which is not theirs", revision.by));
    findings.check(!before.deleted && revision.edition == before.edition + 1, || {
        format!("I18: edition {} of {message:?} comes after {before:?}", revision.edition)
    });
}

fn readers(durable: &Book, head: &Head, members: &Members) -> Readers {
    let mut it = Readers::default();
    match &head.to {
        Address::Group(group) => {
            let saw = |user: &UserId| {
                let Ok(membership) = durable.membership(group, user);
                membership.saw(head.seq)
            };
            let (all, some) = members.between(group);
            it.must.extend(all.into_iter().filter(saw));
            it.may.extend(some);
        }
        Address::User(to) => it.must.extend([to.clone()]),
        _ => {}
    }
    it.must.insert(head.from.user.clone());
    it.may.extend(it.must.iter().cloned());
    it
}

fn fed(durable: &Book, sequence: u64) -> bool {
    let Ok(entry) = durable.entry(sequence);
    match entry.as_deref() {
        Some(Entry::Revised(it)) => match &it.conversation {
            bimip_proto::ConversationId::Group(group) => durable.is_fed(group, sequence),
            _ => false,
        },
        _ => false,
    }
}
