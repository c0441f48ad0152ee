//! Commands that have a name and are no drafts, revisions (I18) and what is asked about groups (I19): each is carried out
//! once, answered always the same and told once, and what an app has kept is answered.

use std::collections::{BTreeMap, BTreeSet};

use bimip_proto::{Address, ClientRef, Device, Entry, GroupId, Noted, Offset, ServerPacket};

use super::findings::Findings;
use super::truth::{head, row};
use crate::ledger::{Book, View};

#[derive(Debug, Default)]
pub(super) struct Commands {
    /// The log up to here was looked at.
    upto: u64,
    stored: BTreeMap<(Device, ClientRef), u64>,
    doubled: Vec<(Device, ClientRef)>,
    /// What cores answered first.
    first: BTreeMap<(Device, ClientRef), (u32, Offset)>,
    apps: BTreeMap<Device, App>,
}

/// What an app wrote, and how much of it survives a crash.
#[derive(Debug, Default)]
struct App {
    live: Kept,
    synced: Kept,
}

#[derive(Debug, Default, Clone)]
struct Kept {
    waiting: BTreeSet<ClientRef>,
    done: BTreeSet<ClientRef>,
    refused: BTreeSet<ClientRef>,
}

impl Commands {
    pub(super) fn synced(&mut self, durable: &Book) {
        for (sequence, entry) in durable.log_after(self.upto) {
            self.upto = sequence;
            let (by, name) = match &**entry {
                Entry::Revised(it) => (&it.by, Some(&it.client_ref)),
                Entry::Group(it) => (&it.by, it.client_ref.as_ref()),
                _ => continue,
            };
            let Some(name) = name else { continue };
            let key = (by.clone(), name.clone());
            if self.stored.insert(key.clone(), sequence).is_some() {
                self.doubled.push(key);
            }
        }
    }

    /// What a core answers is durable, and the same every time.
    pub(super) fn leaves(
        &mut self,
        findings: &mut Findings,
        device: &Device,
        packet: &ServerPacket,
        durable: &Book,
    ) {
        let (ServerPacket::Noted(Noted::Revised { client_ref, edition, offset })
        | ServerPacket::Noted(Noted::Grouped { client_ref, edition, offset })) = packet
        else {
            return;
        };
        // Before the checkers are told of a sync its answers may leave.
        self.synced(durable);
        let key = (device.clone(), client_ref.clone());
        let holds = self.holds(durable, device, client_ref, (*edition, *offset));
        findings.check(holds, || {
            format!(
                "I18: {device} is told that {client_ref} is edition {edition} at {offset}, which it is not"
            )
        });
        let first = *self.first.entry(key).or_insert((*edition, *offset));
        findings
            .check(first == (*edition, *offset), || format!("I18: {device} {client_ref}: another answer"));
    }

    fn holds(&self, durable: &Book, device: &Device, name: &ClientRef, said: (u32, Offset)) -> bool {
        let Some(sequence) = self.stored.get(&(device.clone(), name.clone())) else { return false };
        let Ok(entry) = durable.entry(*sequence);
        let (edition, group, still) = match entry.as_deref() {
            Some(Entry::Revised(it)) => {
                let to = head(durable, it.message.id.sequence()).map(|head| head.to);
                let group = if let Some(Address::Group(group)) = to { Some(group) } else { None };
                (it.edition, group, false)
            }
            Some(Entry::Group(it)) => (it.edition, Some(it.group.clone()), true),
            _ => return false,
        };
        let rowless = |group: &GroupId| still || durable.is_fed(group, *sequence);
        let placed = match said.1 {
            Offset::ZERO => group.as_ref().is_some_and(rowless),
            offset => row(durable, &device.user, offset).is_some_and(|(of, _)| of == *sequence),
        };
        edition == said.0 && placed
    }

    // ---- the apps -------------------------------------------------------------------------------------

    fn of(&mut self, device: &Device) -> &mut App {
        if !self.apps.contains_key(device) {
            self.apps.insert(device.clone(), App::default());
        }
        self.apps.entry(device.clone()).or_default()
    }

    pub(super) fn asks(&mut self, device: &Device, name: &ClientRef) {
        self.of(device).live.waiting.insert(name.clone());
    }

    pub(super) fn answered(
        &mut self,
        findings: &mut Findings,
        device: &Device,
        name: &ClientRef,
        done: Option<(u32, Offset)>,
        durable: &Book,
    ) {
        self.synced(durable);
        let holds = done.is_none_or(|said| self.holds(durable, device, name, said));
        findings.check(holds, || format!("I18: {device} is told that {name} is done, which it is not"));
        let app = self.of(device);
        app.live.waiting.remove(name);
        let again = match done {
            Some(_) => !app.live.done.insert(name.clone()),
            None => !app.live.refused.insert(name.clone()),
        };
        findings.check(!again, || format!("I18: {device} is told twice what became of {name}"));
    }

    pub(super) fn stored(&mut self, device: &Device) {
        if let Some(app) = self.apps.get_mut(device) {
            app.synced.clone_from(&app.live);
        }
    }

    pub(super) fn restarts(&mut self, device: &Device) {
        if let Some(app) = self.apps.get_mut(device) {
            app.live.clone_from(&app.synced);
        }
    }

    pub(super) fn judge(&self, findings: &mut Findings, at_rest: bool) {
        for (device, name) in &self.doubled {
            findings.check(false, || format!("I18: {device} {name} is carried out twice"));
        }
        for (device, app) in &self.apps {
            for name in &app.live.refused {
                let stored = self.stored.contains_key(&(device.clone(), name.clone()));
                findings.check(!stored, || format!("I10: {device} {name} was refused and is carried out"));
            }
            for name in app.synced.waiting.iter().filter(|_| at_rest) {
                findings.check(false, || format!("I18: {device} had kept {name}, and was never answered"));
            }
        }
    }
}
