//! What devices hold at the end: all of their mailbox, in order, once; in the midst of things, its start (I8).

use std::sync::Arc;

use bimip_proto::{Address, Entry, Offset};

use super::Held;
use super::findings::Findings;
use super::revisions::Revisions;
use super::truth::words_of;
use crate::ledger::Book;

pub(super) fn judge(
    findings: &mut Findings,
    durable: &Book,
    held: &[Held<'_>],
    revisions: &Revisions,
    at_rest: bool,
) {
    for held in held {
        let rows = durable.rows(&held.device.user, Offset::ZERO);
        let want: Vec<_> = rows
            .filter_map(|(offset, sequence, entry)| Wanted::new(offset, sequence, entry, held, revisions))
            .collect();
        if held.walkie {
            judge_walkie(findings, &want, held, at_rest);
        } else {
            judge_device(findings, &want, held, at_rest);
        }
    }
}

/// A row that a device has, or would have.
#[derive(Debug)]
struct Wanted<'b> {
    offset: Offset,
    sequence: u64,
    entry: &'b Entry,
    /// It may be held as it was stored; in place of it its deletion may be.
    whole: bool,
    deletion: bool,
    /// It was passed over by who came late.
    optional: bool,
}

impl<'b> Wanted<'b> {
    fn new(
        offset: Offset,
        sequence: u64,
        entry: &'b Arc<Entry>,
        held: &Held<'_>,
        revisions: &Revisions,
    ) -> Option<Self> {
        let deletion = revisions.deletion_of(entry, sequence);
        let whole = is_shown(entry, held);
        let tells = deletion.is_some_and(|it| held.caps.revisions && it.by != *held.device);
        let optional = deletion.is_some() && whole != tells;
        (whole || tells).then_some(Self { offset, sequence, entry, whole, deletion: tells, optional })
    }

    fn is(&self, have: &Entry) -> bool {
        (self.whole && is_same(self.entry, have))
            || (self.deletion && is_in_place_of(self.entry, self.sequence, have))
    }
}

fn judge_device(findings: &mut Findings, want: &[Wanted<'_>], held: &Held<'_>, at_rest: bool) {
    let mut rows = held.rows.iter().peekable();
    let mut missing = None;
    for want in want {
        let same = rows.next_if(|(at, have)| *at == want.offset && want.is(have)).is_some();
        if !same && !want.optional {
            missing = Some(want);
            break;
        }
    }
    let rest = rows.next();
    let whole = rest.is_none() && (!at_rest || missing.is_none());
    findings.check(whole, || {
        format!(
            "I8: {} holds {} rows of {}, not alike from {:?} for {:?}",
            held.device,
            held.rows.len(),
            want.len(),
            rest.map(|(at, entry)| (at, print(entry))),
            missing.map(|want| (want.offset, print(want.entry)))
        )
    });
}

/// At least once, in the order of the first time.
fn judge_walkie(findings: &mut Findings, want: &[Wanted<'_>], held: &Held<'_>, at_rest: bool) {
    let alias = |entry: &Entry| match entry {
        Entry::Message(message) => Some(message.head.alias().to_string()),
        // A text of its own.
        Entry::Revised(edit) => edit.alias().map(|alias| alias.to_string()),
        _ => None,
    };
    let mut known = std::collections::BTreeSet::new();
    let heard = held.rows.iter().filter_map(|(_, entry)| alias(entry));
    let have: Vec<_> = heard.filter(|alias| known.insert(alias.clone())).collect();
    let (mut next, mut missing) = (have.iter().peekable(), None);
    for want in want {
        let Some(alias) = alias(want.entry) else { continue };
        let same = next.next_if(|have| **have == alias).is_some();
        if !same && !want.optional {
            missing = Some(alias);
            break;
        }
    }
    let rest = next.next();
    let whole = rest.is_none() && (!at_rest || missing.is_none());
    findings.check(whole, || {
        let (device, count, of) = (held.device, have.len(), want.len());
        format!("I8: {device} heard {count} messages of {of} rows, {rest:?} for {missing:?}")
    });
}

fn is_shown(entry: &Entry, held: &Held<'_>) -> bool {
    let device = held.device;
    let others = match entry {
        Entry::Message(message) if held.walkie => match &message.head.to {
            Address::Group(_) => message.head.from != *device,
            _ => message.head.from.user != device.user || message.head.is_to(&device.user),
        },
        Entry::Message(message) => message.head.from != *device,
        Entry::Receipt(receipt) => receipt.by != *device,
        Entry::Revised(revision) => revision.by != *device,
        Entry::Group(change) => change.by != *device || change.client_ref.is_none(),
        _ => true,
    };
    others && held.caps.speaks(&device.user, entry)
}

/// The deletion of a message, or of an edit of it, in its place.
pub(super) fn is_in_place_of(want: &Entry, sequence: u64, have: &Entry) -> bool {
    let Entry::Revised(deletion) = have else { return false };
    deletion.is_deletion() && words_of(want, sequence) == Some(deletion.message.id.sequence())
}

/// Alike in what every dialect that numbers its rows can say.
pub(super) fn is_same(want: &Entry, have: &Entry) -> bool {
    match (want, have) {
        (Entry::Message(want), Entry::Message(have)) => want.head.id == have.head.id,
        (Entry::Group(want), Entry::Group(have)) => want == have,
        (Entry::Revised(want), Entry::Revised(have)) => {
            want.message.id == have.message.id
                && want.edition == have.edition
                && want.is_deletion() == have.is_deletion()
        }
        (Entry::Receipt(want), Entry::Receipt(have)) => {
            let ids =
                want.messages.iter().map(|names| names.id).eq(have.messages.iter().map(|names| names.id));
            want.by.user == have.by.user && want.status == have.status && ids
        }
        _ => false,
    }
}

fn print(entry: &Entry) -> String {
    match entry {
        Entry::Message(message) => format!("{:?}", message.head.id),
        Entry::Group(change) => format!("change {} of {}", change.edition, change.group),
        Entry::Receipt(receipt) => {
            let ids: Vec<_> = receipt.messages.iter().map(|names| names.id).collect();
            format!("{} {:?} {ids:?}", receipt.by.user, receipt.status)
        }
        Entry::Revised(it) => format!("edition {} of {:?}", it.edition, it.message.id),
        _ => String::new(),
    }
}
