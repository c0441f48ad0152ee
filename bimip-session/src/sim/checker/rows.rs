//! A row that leaves a core is durable, is the one of its place, and is for whom it goes to (I5, I9); and of what is deleted
//! nothing leaves any more (I18).

use bimip_proto::{Device, Entry, Row, ServerPacket};

use super::findings::Findings;
use super::revisions::Revisions;
use super::truth::{head, is_theirs, row};
use crate::ledger::{Book, View};

pub(super) fn leaves(
    findings: &mut Findings,
    now_ms: u64,
    device: &Device,
    packet: &ServerPacket,
    durable: &Book,
    revisions: &Revisions,
) {
    let ServerPacket::Deliver(Row { offset, entry, .. }) = packet else { return };
    let stored = row(durable, &device.user, *offset);
    let deletion = stored.and_then(|(sequence, stored)| revisions.deletion_of(stored, sequence));
    let whole = stored.is_some_and(|(_, stored)| **stored == **entry);
    let in_place = deletion.is_some_and(|deletion| {
        let Ok(deletion) = durable.entry(deletion.sequence);
        deletion.is_some_and(|deletion| *deletion == **entry)
    });
    findings.check(whole || in_place, || {
        format!("I5: {device} is shown row {offset}, which is not durable there")
    });
    if let Some(deletion) = deletion.filter(|_| whole) {
        let late = revisions.is_late(now_ms, deletion);
        findings.check(!late, || format!("I18: {device} is shown row {offset}, which is deleted"));
    }
    let theirs = match &**entry {
        Entry::Message(message) => is_theirs(durable, &message.head, &device.user),
        Entry::Receipt(receipt) => {
            let author = |id: bimip_proto::MessageId| head(durable, id.sequence()).map(|it| it.from.user);
            receipt.by.user == device.user
                || receipt.messages.iter().all(|names| author(names.id).as_ref() == Some(&device.user))
        }
        Entry::Revised(revision) => head(durable, revision.message.id.sequence())
            .is_some_and(|head| is_theirs(durable, &head, &device.user)),
        // Who is not in it any more is told of that.
        Entry::Group(change) => {
            durable.everybody_ever_in(&change.group).any(|(user, _)| *user == device.user)
        }
        _ => false,
    };
    findings.check(theirs, || format!("I9: {device} is shown row {offset}, which is not theirs"));
}
