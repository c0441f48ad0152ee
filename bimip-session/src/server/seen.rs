//! When users and their devices were seen: gathered for a moment, then written down together.
//!
//! Nobody waits for it, and a thousand clients that come at once after a restart must not be a thousand commits. What is
//! gathered and not written is lost with the process; whoever was connected then comes again, and is seen again.

use std::collections::BTreeMap;

use bimip_proto::{Device, Now, UnixMs, limits};

use super::core::ServerCore;
use super::io::ConnId;
use super::timers::Due;
use crate::ledger::{Ack, Audience, Guard, Put, Record, Sighting, Ticket};

/// Whom the answer to the ticket of a sighting is for: no driver has so many connections.
const NOBODY: ConnId = ConnId(u64::MAX);

/// What is not written down yet: at most [`SEEN_DEVICES`](limits::SEEN_DEVICES).
#[derive(Debug, Default)]
pub(super) struct Sightings {
    waiting: BTreeMap<Device, Seen>,
    due_mono_ms: Option<u64>,
}

#[derive(Debug, Clone, Copy)]
struct Seen {
    since: UnixMs,
    at: UnixMs,
}

impl Sightings {
    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }
}

impl ServerCore {
    /// A device has come, or goes.
    pub(super) fn seen(&mut self, now: Now, conn: ConnId, device: &Device) {
        let Some(since) = self.conns.get(&conn).map(|connection| connection.began) else { return };
        self.sightings.waiting.insert(device.clone(), Seen { since, at: now.stamp() });
        if self.sightings.waiting.len() >= limits::SEEN_DEVICES {
            return self.seen_due();
        }
        if self.sightings.due_mono_ms.is_none() {
            let due_mono_ms = now.mono_ms.saturating_add(self.config.seen_ms);
            self.sightings.due_mono_ms = Some(due_mono_ms);
            self.timers.set(due_mono_ms, Due::Seen);
        }
    }

    /// What was gathered is written down.
    pub(super) fn seen_due(&mut self) {
        if let Some(due_mono_ms) = self.sightings.due_mono_ms.take() {
            self.timers.unset(due_mono_ms, Due::Seen);
        }
        let waiting = std::mem::take(&mut self.sightings.waiting);
        if waiting.is_empty() {
            return;
        }
        let sightings =
            waiting.into_iter().map(|(device, Seen { since, at })| Sighting { device, since, at });
        let put = Put::new(Guard::None, Audience::Users(Vec::new()), Record::Sighted(sightings.collect()));
        self.commit(NOBODY, Ticket::new(NOBODY, vec![put], None, Ack::None));
    }
}
