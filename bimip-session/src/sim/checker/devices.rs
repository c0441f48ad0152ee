//! What devices hold at the end: all of their mailbox, in order, once; in the midst of things, its start (I8).

use std::sync::Arc;

use bimip_proto::{Address, Device, Entry, Offset};

use super::Held;
use super::findings::Findings;
use super::truth::all;
use crate::ledger::Book;

pub(super) fn judge(findings: &mut Findings, durable: &Book, held: &[Held<'_>], at_rest: bool) {
    for held in held {
        let mailbox = all(durable, &held.device.user);
        if held.walkie {
            judge_walkie(findings, &mailbox, held, at_rest);
        } else {
            judge_device(findings, &mailbox, held, at_rest);
        }
    }
}

fn judge_device(findings: &mut Findings, mailbox: &[(Offset, Arc<Entry>)], held: &Held<'_>, at_rest: bool) {
    let device = held.device;
    let want: Vec<_> = mailbox.iter().filter(|(_, entry)| is_shown(entry, device)).collect();
    let same = |((at, want), (held_at, have)): (&&(Offset, Arc<Entry>), &(Offset, &Entry))| {
        at == held_at && is_same(want, have)
    };
    let alike = want.iter().zip(&held.rows).take_while(|(want, have)| same((*want, *have))).count();
    let whole = alike == held.rows.len() && (!at_rest || alike == want.len());
    findings.check(whole, || {
        format!(
            "I8: {device} holds {} rows of {}, not alike from {:?} for {:?}",
            held.rows.len(),
            want.len(),
            held.rows.get(alike).map(|(at, entry)| (at, print(entry))),
            want.get(alike).map(|(at, entry)| (at, print(entry)))
        )
    });
}

/// At least once, in the order of the first time.
fn judge_walkie(findings: &mut Findings, mailbox: &[(Offset, Arc<Entry>)], held: &Held<'_>, at_rest: bool) {
    let device = held.device;
    let mut want = Vec::new();
    for (_, entry) in mailbox {
        let Entry::Message(message) = &**entry else { continue };
        let heard = match &message.head.to {
            Address::Group(_) => message.head.from != *device,
            _ => message.head.from.user != device.user || message.head.is_to(&device.user),
        };
        if heard {
            want.push(message.head.alias().to_string());
        }
    }
    let mut have = Vec::new();
    let mut known = std::collections::BTreeSet::new();
    for (_, entry) in &held.rows {
        let Entry::Message(message) = entry else { continue };
        let alias = message.head.alias().to_string();
        if known.insert(alias.clone()) {
            have.push(alias);
        }
    }
    let whole = if at_rest { want == have } else { want.starts_with(&have) };
    findings.check(whole, || {
        let alike = want.iter().zip(&have).take_while(|(want, have)| want == have).count();
        let (heard, of) = (have.get(alike), want.get(alike));
        format!("I8: {device} heard {} of {} messages, {heard:?} for {of:?}", have.len(), want.len())
    });
}

fn is_shown(entry: &Entry, device: &Device) -> bool {
    match entry {
        Entry::Message(message) => message.head.from != *device,
        Entry::Receipt(receipt) => receipt.by != *device,
        Entry::Group(change) => change.by != *device || change.client_ref.is_none(),
        _ => true,
    }
}

/// Alike in what every dialect that numbers its rows can say.
pub(super) fn is_same(want: &Entry, have: &Entry) -> bool {
    match (want, have) {
        (Entry::Message(want), Entry::Message(have)) => want.head.id == have.head.id,
        (Entry::Group(want), Entry::Group(have)) => want == have,
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
        _ => String::new(),
    }
}
