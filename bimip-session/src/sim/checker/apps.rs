//! What apps are told is so, is told once, and outlives their crashes if they stored it (I1, I2, I7, I8).

use std::collections::{BTreeMap, BTreeSet};

use bimip_proto::{ClientRef, Device, Entry, Head, MessageId, MessageRef, Offset, Row, Status};

use super::devices::{is_in_place_of, is_same};
use super::findings::Findings;
use super::truth;
use crate::ledger::{Book, View};

#[derive(Debug, Default)]
pub(super) struct Apps {
    apps: BTreeMap<Device, App>,
}

#[derive(Debug, Default)]
struct App {
    /// What drafts became, for all times.
    sent: BTreeMap<ClientRef, MessageId>,
    /// What was written, and how much of it survives a crash.
    live: Kept,
    synced: Kept,
}

#[derive(Debug, Default, Clone)]
struct Kept {
    /// The last row.
    upto: Offset,
    /// Drafts that were reported sent since the sync before the last one would have kept them.
    told: BTreeSet<ClientRef>,
    /// Marks without an answer.
    marks: Vec<(MessageId, Status)>,
}

impl Apps {
    fn of(&mut self, device: &Device) -> &mut App {
        if !self.apps.contains_key(device) {
            self.apps.insert(device.clone(), App::default());
        }
        self.apps.entry(device.clone()).or_default()
    }

    pub(super) fn received(&mut self, findings: &mut Findings, device: &Device, row: &Row, durable: &Book) {
        if row.offset == Offset::ZERO {
            return;
        }
        let app = self.of(device);
        let before = app.live.upto;
        findings.check(row.offset > before, || {
            format!("I8: {device} is told of row {} again, after {before}", row.offset)
        });
        app.live.upto = before.max(row.offset);
        let stored = truth::row(durable, &device.user, row.offset);
        let same = stored.is_some_and(|(sequence, entry)| {
            is_same(entry, &row.entry) || is_in_place_of(entry, sequence, &row.entry)
        });
        findings.check(same, || format!("I8: {device} is told of another row {} than there is", row.offset));
    }

    pub(super) fn sent(
        &mut self,
        findings: &mut Findings,
        device: &Device,
        client_ref: Option<&ClientRef>,
        head: &Head,
        durable: &Book,
    ) {
        // By the name that the dialect carried.
        let sequence = if head.id.is_none() {
            durable.sequence_at(&head.conversation(), head.stamp)
        } else {
            Ok(Some(head.id.sequence()))
        };
        let Ok(sequence) = sequence;
        let Ok(entry) = sequence.map_or(Ok(None), |sequence| durable.entry(sequence));
        let there = matches!(entry.as_deref(), Some(Entry::Message(it)) if it.head.from == *device);
        findings
            .check(there, || format!("I1: {device} is told that {:?} is sent, which is not there", head.id));
        let Some(name) = client_ref else { return };
        // Some dialects store another name than the client's; then the text says which it is.
        let named = matches!(entry.as_deref(), Some(Entry::Message(it))
            if it.head.client_ref.as_ref() == Some(name) || holds(&it.body.bytes, name.as_str()));
        findings.check(named, || {
            format!("I1: {device} is told that {name} became {:?}, which is another", head.id)
        });
        let app = self.of(device);
        let first = *app.sent.entry(name.clone()).or_insert(head.id);
        findings.check(first == head.id, || format!("I2: {name} became {first:?} and {:?}", head.id));
        let again = !app.live.told.insert(name.clone());
        findings.check(!again, || format!("I2: {device} is told twice that {name} is sent"));
    }

    pub(super) fn marks(&mut self, device: &Device, message: &MessageRef, status: Status) {
        if let MessageRef::Id(id) = message {
            self.of(device).live.marks.push((*id, status));
        }
    }

    pub(super) fn marked(
        &mut self,
        findings: &mut Findings,
        device: &Device,
        (message, status): (&MessageRef, Status),
        noted: bool,
        durable: &Book,
    ) {
        let MessageRef::Id(id) = message else { return };
        let app = self.of(device);
        app.live.marks.retain(|mark| *mark != (*id, status));
        let Ok(marks) = durable.marks(id.sequence(), &device.user);
        findings.check(!noted || marks.has(status), || {
            format!("I7: {device} is told that {status:?} of {id:?} is noted, which it is not")
        });
    }

    pub(super) fn stored(&mut self, device: &Device) {
        let app = self.of(device);
        app.synced.clone_from(&app.live);
    }

    pub(super) fn restarts(&mut self, device: &Device) {
        let app = self.of(device);
        app.live.clone_from(&app.synced);
    }

    /// What an app had said, and synced, and was not answered, is not lost.
    pub(super) fn judge(&self, findings: &mut Findings, durable: &Book, at_rest: bool) {
        for (device, app) in self.apps.iter().filter(|_| at_rest) {
            for (id, status) in &app.synced.marks {
                let Ok(marks) = durable.marks(id.sequence(), &device.user);
                findings.check(marks.has(*status), || {
                    format!("I7: {device} had kept that {id:?} is {status:?}, and nobody was told")
                });
            }
        }
    }
}

fn holds(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len().max(1)).any(|part| part == text.as_bytes())
}
