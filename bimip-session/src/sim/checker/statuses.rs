//! What is told of how far messages got, against the disk and against what left the cores (I21).

use std::collections::BTreeMap;

use bimip_proto::{
    Address, Ask, ClientRef, Device, DeviceState, Entry, Found, Head, MessageId, MessageRef, MessageStatus,
    NotYet, Offset, Query, Reached, RecipientStatus, ServerPacket, Status, UnixMs, UserId, status_users,
};

use super::findings::Findings;
use super::truth::{all, head, is_theirs, recipients};
use crate::ledger::{Book, View};
use crate::server::ConnId;

/// What was so when it was asked, and what was written to whom.
#[derive(Debug, Default)]
pub(super) struct Statuses {
    asked: BTreeMap<(Device, ClientRef), BTreeMap<UserId, Reached>>,
    devices: BTreeMap<ConnId, Device>,
    /// The furthest row that was written to a connection of the device.
    written: BTreeMap<Device, Offset>,
    /// The furthest that was written to a connection of which it is not known whose it is: it broke before it was welcomed.
    written_to_somebody: Offset,
}

impl Statuses {
    /// A packet leaves a core by a connection, of this device while that is up.
    pub(super) fn carries(&mut self, conn: ConnId, device: Option<&Device>, packet: &ServerPacket) {
        if let Some(device) = device {
            self.devices.insert(conn, device.clone());
        }
        let ServerPacket::Deliver(row) = packet else { return };
        let written = match self.devices.get(&conn) {
            Some(device) => self.written.entry(device.clone()).or_default(),
            None => &mut self.written_to_somebody,
        };
        *written = row.offset.max(*written);
    }

    pub(super) fn asks(&mut self, device: &Device, query: &Query, durable: &Book) {
        if let Ask::Status { message, .. } = &query.ask {
            let told = told(durable, &device.user, message).unwrap_or_default();
            self.asked.insert((device.clone(), query.id.clone()), told.into_iter().collect());
        }
    }

    /// An app is told: nothing that is not so now, and everything that was so when it asked.
    pub(super) fn answered(
        &mut self,
        findings: &mut Findings,
        device: &Device,
        query: &Query,
        found: &Found,
        durable: &Book,
    ) {
        let asked = self.asked.remove(&(device.clone(), query.id.clone()));
        let (Some(asked), Found::Status(status)) = (asked, found) else { return };
        let Some(status) = status else {
            return findings
                .check(asked.is_empty(), || format!("I21: {device} is told of no message for {query:?}"));
        };
        let Some(head) = head(durable, status.id.sequence()) else {
            return findings
                .check(false, || format!("I21: {device} is told of what is not stored: {status:?}"));
        };
        for it in &status.recipients {
            let least = asked.get(&it.user).copied().unwrap_or(Reached::Pending);
            let most = reached(durable, &head, &it.user);
            let reached = it.reached();
            let told = reached >= least && (reached <= Reached::Sent || reached <= most);
            findings.check(told, || {
                format!(
                    "I21: {device} is told that {:?} is {reached:?}, and it was {least:?}, is {most:?}",
                    head.id
                )
            });
            findings.check(it.row.is_none() || it.user == device.user, || {
                format!("I21: {device} is told where {:?} is with {}", head.id, it.user)
            });
            self.devices_of(findings, device, &head, it, durable);
        }
    }

    /// A device has acknowledged what is behind its durable cursor, and was sent what was written to it.
    fn devices_of(
        &self,
        findings: &mut Findings,
        asker: &Device,
        head: &Head,
        it: &RecipientStatus,
        durable: &Book,
    ) {
        let is_it = |entry: &Entry| matches!(entry, Entry::Message(message) if message.head.id == head.id);
        let row =
            all(durable, &it.user).into_iter().find(|(_, entry)| is_it(entry)).map(|(offset, _)| offset);
        for told in it.devices.iter().flatten() {
            let device = Device::new(it.user.clone(), told.name.clone());
            let so = match told.state {
                DeviceState::Acknowledged => {
                    let Ok(cursor) = durable.cursor(&device);
                    row.is_some_and(|row| row <= cursor)
                }
                DeviceState::Sent { .. } => {
                    let written = self.written.get(&device).copied().unwrap_or_default();
                    row.is_some_and(|row| row <= written.max(self.written_to_somebody))
                }
                _ => true,
            };
            findings.check(so && device != head.from, || {
                format!("I21: {asker} is told of {:?} at {row:?} with {device}: {:?}", head.id, told.state)
            });
        }
    }
}

/// An answer, at the moment it was read.
pub(super) fn looked_up(findings: &mut Findings, user: &UserId, ask: &Ask, found: &Found, durable: &Book) {
    let (Ask::Status { message, after, limit }, Found::Status(status)) = (ask, found) else {
        return findings.check(false, || format!("I21: {user} is given another kind of answer for {ask:?}"));
    };
    let expected = told(durable, user, message);
    let (Some(status), Some(expected)) = (status, &expected) else {
        return findings.check(status.is_none() && expected.is_none(), || {
            format!("I21: {user} is told {status:?} of {message:?}, and is to be told {expected:?}")
        });
    };
    let Some(head) = head(durable, status.id.sequence()) else {
        return findings.check(false, || format!("I21: {user} is told of what is not stored: {status:?}"));
    };
    let same = (status.at, status.seq, &status.from, &status.to) == (head.at, head.seq, &head.from, &head.to);
    findings.check(same, || format!("I21: {user} is told of another message: {status:?} for {head:?}"));
    counts(findings, user, status, &head, expected, durable);
    let known = |after: &UserId| match &head.to {
        Address::Group(group) if head.from.user == *user => {
            durable.everybody_ever_in(group).any(|(it, _)| it == after)
        }
        _ => true,
    };
    let comes_after = |it: &UserId| after.as_ref().is_none_or(|after| known(after) && it > after);
    let beyond: Vec<_> = expected.iter().filter(|(it, _)| comes_after(it)).collect();
    let page = beyond.iter().take(status_users(*limit) as usize);
    let users = |it: &RecipientStatus| it.user.clone();
    let whole = status.recipients.iter().map(users).eq(page.map(|(it, _)| it.clone()))
        && status.more == (beyond.len() > status.recipients.len());
    findings.check(whole, || format!("I21: {user} is told of others than {beyond:?}: {status:?}"));
    for it in &status.recipients {
        recipient(findings, user, it, &head, durable);
    }
}

fn counts(
    findings: &mut Findings,
    user: &UserId,
    status: &MessageStatus,
    head: &Head,
    expected: &[(UserId, Reached)],
    durable: &Book,
) {
    let counts = status.counts;
    let at_least = |reached| expected.iter().filter(|(_, it)| *it >= reached).count();
    let numbers = [counts.recipients, counts.delivered, counts.read].map(|it| it as usize);
    findings.check(
        counts.exact && numbers == [expected.len(), at_least(Reached::Delivered), at_least(Reached::Read)],
        || format!("I21: {user} is told of {counts:?}, and {expected:?} are"),
    );
    let times = expected.iter().map(|(it, _)| times(durable, head, it));
    let (had, read): (Vec<_>, Vec<_>) = times.unzip();
    let first = |times: Vec<Option<UnixMs>>| times.into_iter().flatten().min();
    let firsts = (first(had), first(read));
    findings.check((counts.first_delivered_at, counts.first_read_at) == firsts, || {
        format!("I21: {user} is told of the first of {:?} in {counts:?}, and it is {firsts:?}", head.id)
    });
}

fn recipient(findings: &mut Findings, user: &UserId, it: &RecipientStatus, head: &Head, durable: &Book) {
    let times = times(durable, head, &it.user);
    findings.check((it.delivered_at, it.read_at) == times, || {
        format!("I21: {user} is told when {} had {:?}, {it:?}, and it is {times:?}", it.user, head.id)
    });
    let Ok(devices) = durable.devices(&it.user, 1);
    findings.check(it.why != Some(NotYet::NeverConnected) || devices.is_empty() || it.user == *user, || {
        format!("I21: {user} is told that {} never connected: {devices:?}", it.user)
    });
}

/// What a user is to be told of a message: of whom, and how far it is with them. `None` where it is not theirs.
fn told(durable: &Book, user: &UserId, message: &MessageRef) -> Option<Vec<(UserId, Reached)>> {
    let MessageRef::Id(id) = message else { return None };
    let head = head(durable, id.sequence()).filter(|head| head.id == *id && head.seq.0 > 0)?;
    if !is_theirs(durable, &head, user) {
        return None;
    }
    let mut recipients = recipients(durable, &head);
    recipients.retain(|it| head.from.user == *user || it == user);
    let reached = |it: UserId| {
        let reached = reached(durable, &head, &it);
        (it, reached)
    };
    Some(recipients.into_iter().map(reached).collect())
}

/// How far it is for certain.
fn reached(durable: &Book, head: &Head, user: &UserId) -> Reached {
    let Ok(marks) = durable.marks(head.id.sequence(), user);
    if marks.has(Status::Read) {
        Reached::Read
    } else if marks.has(Status::Delivered) {
        Reached::Delivered
    } else {
        Reached::Pending
    }
}

/// When the author was told that a recipient has a message, and has read it: by the receipts in the author's mailbox.
fn times(durable: &Book, head: &Head, user: &UserId) -> (Option<UnixMs>, Option<UnixMs>) {
    let about = |id: MessageId| id == head.id;
    let mut times = (None, None);
    for (_, entry) in all(durable, &head.from.user) {
        let Entry::Receipt(receipt) = &*entry else { continue };
        if receipt.by.user != *user || !receipt.messages.iter().any(|names| about(names.id)) {
            continue;
        }
        match receipt.status {
            Status::Delivered => {
                times.0.get_or_insert(receipt.at);
            }
            Status::Read => {
                times.0.get_or_insert(receipt.at);
                times.1.get_or_insert(receipt.at);
            }
            _ => {}
        }
    }
    times
}
