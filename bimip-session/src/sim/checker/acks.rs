//! What a core acknowledges is durable, in all mailboxes, and always the same (I1, I2, I3).

use std::collections::BTreeMap;

use bimip_proto::{Address, ClientRef, Device, Entry, Floor, MessageId, Noted, Offset, ServerPacket};

use super::findings::Findings;
use super::truth::{Index, is_durable, row};
use crate::ledger::{Book, View};

#[derive(Debug, Default)]
pub(super) struct Acks {
    first: BTreeMap<(Device, ClientRef), (MessageId, Offset)>,
    index: Index,
}

impl Acks {
    pub(super) fn leaves(
        &mut self,
        findings: &mut Findings,
        device: &Device,
        packet: &ServerPacket,
        durable: &Book,
    ) {
        match packet {
            ServerPacket::Accepted { client_ref, head, offset } => {
                findings.check(is_durable(durable, head), || {
                    format!("I1: ack of {:?} before it is durable", head.id)
                });
                let first = |findings: &mut Findings, firsts: &mut BTreeMap<_, _>| {
                    let Some(name) = client_ref else { return };
                    let key = (device.clone(), name.clone());
                    let first = *firsts.entry(key).or_insert((head.id, *offset));
                    findings
                        .check(first == (head.id, *offset), || format!("I2: {device} {name}: another ack"));
                };
                first(findings, &mut self.first);
                if let (Address::Group(group), Offset::ZERO) = (&head.to, *offset) {
                    let fed = durable.is_fed(group, head.id.sequence());
                    return findings
                        .check(fed, || format!("I3: ack of {:?}, which is not in its feed", head.id));
                }
                let mut has = |user| self.index.has(durable, user, head.id);
                let both = has(&head.from.user) && !matches!(&head.to, Address::User(to) if !has(to));
                findings.check(both, || format!("I3: ack of {:?}, which is not in both mailboxes", head.id));
                let own = row(durable, &head.from.user, *offset).is_some_and(
                    |(_, entry)| matches!(&**entry, Entry::Message(it) if it.head.id == head.id),
                );
                findings
                    .check(own, || format!("I2: ack of {:?} names row {offset}, which is another", head.id));
            }
            ServerPacket::Floor(Floor::Ended { head }) => {
                findings.check(is_durable(durable, head), || {
                    format!("I1: end of talk {:?} not durable", head.id)
                });
            }
            ServerPacket::Noted(Noted::Disposed(upto)) => {
                let Ok(cursor) = durable.cursor(device);
                findings.check(cursor >= *upto, || format!("I1: {device}: disposal of {upto} not durable"));
            }
            ServerPacket::Noted(Noted::Marked { message: bimip_proto::MessageRef::Id(id), status }) => {
                let Ok(marks) = durable.marks(id.sequence(), &device.user);
                findings
                    .check(marks.has(*status), || format!("I1: {device}: {status:?} of {id:?} not durable"));
            }
            ServerPacket::Noted(Noted::Joined(group)) => {
                let Ok(group_now) = durable.group(group);
                findings.check(group_now.is_some(), || {
                    format!("I1: {device} joined {group}, which is not durable")
                });
            }
            _ => {}
        }
    }
}
