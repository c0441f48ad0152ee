//! When the faults stop, everything comes to rest in time (I13).

use std::collections::BTreeMap;

use bimip_proto::{CloseReason, Device, ServerPacket};

use super::findings::Findings;

/// What the liveness of a world is measured by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[expect(clippy::exhaustive_structs, reason = "the world fills it")]
pub struct Bounds {
    /// How long one core may not know yet what another decided; 0 where there is one.
    pub stale_ms: u64,
    /// How long what was read or proven is on its way to a core, at most.
    pub lag_ms: u64,
    /// From the end of the faults until every device is connected for good: finding out about a dead link, waiting
    /// before the next dial, dialling and signing in.
    pub up_ms: u64,
    /// From then until nothing is under way, where no device has a backlog.
    pub rest_ms: u64,
    /// How many rows a page has at least.
    pub page_rows: u64,
    /// What a page costs, and a window of drafts or marks.
    pub page_ms: u64,
}

impl Bounds {
    /// How long a core may act on what is no more so. Where there are several, it asks now and then, and may be unable to
    /// read the answer a few times in a row.
    pub(super) const fn late_ms(&self) -> u64 {
        if self.stale_ms == 0 { self.lag_ms } else { 4 * self.stale_ms + 1_000 + self.lag_ms }
    }
}

/// A round trip, as a number that windows divide well.
const ROUND: u64 = 1 << 20;

#[derive(Debug, Default)]
pub(super) struct Rested {
    bounds: Bounds,
    calm_ms: Option<u64>,
    up_ms: Option<u64>,
    /// The round trips that each device has needed since then, in parts of [`ROUND`].
    parts: BTreeMap<Device, u64>,
}

impl Rested {
    pub(super) fn new(bounds: Bounds) -> Self {
        Self { bounds, ..Self::default() }
    }

    pub(super) const fn calms(&mut self, now_ms: u64) {
        self.calm_ms = Some(now_ms);
    }

    /// A session that runs out when the faults are over is the last of them.
    pub(super) const fn says(&mut self, now_ms: u64, packet: &ServerPacket) {
        if self.calm_ms.is_some() && matches!(packet, ServerPacket::Bye(CloseReason::Expired)) {
            self.calm_ms = Some(now_ms);
        }
    }

    pub(super) fn linked(&mut self, findings: &mut Findings, now_ms: u64, all_up: bool) {
        let Some(calm_ms) = self.calm_ms else { return };
        if !all_up {
            self.up_ms = None;
        } else if self.up_ms.is_none() {
            self.up_ms = Some(now_ms);
            self.parts.clear();
            let took_ms = now_ms - calm_ms;
            findings.check(took_ms <= self.bounds.up_ms, || {
                format!("I13: the last device was connected {took_ms} ms after the last fault")
            });
        }
    }

    /// A device received a row.
    pub(super) fn received(&mut self, device: &Device) {
        self.trip(device, self.bounds.page_rows);
    }

    /// Something took a round trip, together with as many others as `window` says.
    pub(super) fn trip(&mut self, device: &Device, window: u64) {
        if self.up_ms.is_some() {
            *self.parts.entry(device.clone()).or_default() += ROUND / window.max(1);
        }
    }

    pub(super) fn ends(&self, findings: &mut Findings, now_ms: u64, rested: bool) {
        findings.check(rested, || "I13: the world does not come to rest".to_owned());
        let Some(up_ms) = self.up_ms.filter(|_| rested) else { return };
        let took_ms = now_ms.saturating_sub(up_ms);
        let rounds = self.parts.values().max().map_or(0, |most| most.div_ceil(ROUND));
        let bound_ms = self.bounds.rest_ms + rounds * self.bounds.page_ms;
        findings.check(took_ms <= bound_ms, || {
            format!(
                "I13: at rest {took_ms} ms after the last device was connected, not {bound_ms}, \
                 with a backlog of {rounds} round trips"
            )
        });
    }
}
