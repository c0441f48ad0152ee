//! A row that leaves a core is durable, is the one of its place, and is for whom it goes to (I5, I9).

use bimip_proto::{Device, Entry, Offset, Row, ServerPacket};

use super::findings::Findings;
use super::truth::{head, is_theirs};
use crate::ledger::Book;

pub(super) fn leaves(findings: &mut Findings, device: &Device, packet: &ServerPacket, durable: &Book) {
    let ServerPacket::Deliver(Row { offset, entry, .. }) = packet else { return };
    let stored = durable.page(&device.user, Offset(offset.0.saturating_sub(1)), 1, u64::MAX);
    let same = stored.first().is_some_and(|(at, stored)| at == offset && **stored == **entry);
    findings.check(same, || format!("I5: {device} is shown row {offset}, which is not durable there"));
    let theirs = match &**entry {
        Entry::Message(message) => is_theirs(durable, &message.head, &device.user),
        Entry::Receipt(receipt) => {
            let author = |id: bimip_proto::MessageId| head(durable, id.sequence()).map(|it| it.from.user);
            receipt.by.user == device.user
                || receipt.messages.iter().all(|names| author(names.id).as_ref() == Some(&device.user))
        }
        // Who is not in it any more is told of that.
        Entry::Group(change) => {
            durable.everybody_ever_in(&change.group).any(|(user, _)| *user == device.user)
        }
        _ => false,
    };
    findings.check(theirs, || format!("I9: {device} is shown row {offset}, which is not theirs"));
}
