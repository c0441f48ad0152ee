//! Private talks: who is talking to whom, since when.

use std::collections::BTreeMap;

use bimip_proto::{Address, Now, UserId, limits};

use super::io::{Config, ConnId};
use super::timers::{Due, Timers};

/// The talks of a core, keyed by talker and target. Bounded by [`limits::TALKS`] and by the clock: a talk that
/// is never ended is forgotten.
#[derive(Debug, Default)]
pub(super) struct Bursts {
    bursts: BTreeMap<(UserId, Address), Burst>,
}

#[derive(Debug, Clone, Copy)]
struct Burst {
    conn: ConnId,
    started_mono_ms: u64,
    forgotten_mono_ms: u64,
    /// Ended by the server at its greatest length: its audio goes nowhere until the next start.
    cut: bool,
}

/// Where a piece of audio goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Airing {
    Relay,
    /// Beyond the greatest length: the talk ends here, with this duration.
    Cut(u32),
    Nowhere,
}

impl Bursts {
    /// A talk begins, or begins anew. `false` when there are too many.
    pub(super) fn start(
        &mut self,
        now: Now,
        config: &Config,
        conn: ConnId,
        from: &UserId,
        to: &Address,
        timers: &mut Timers,
    ) -> bool {
        self.take(from, to, timers);
        if self.bursts.len() >= limits::TALKS {
            return false;
        }
        let forgotten_mono_ms = now.mono_ms + config.talk_forgotten_ms;
        timers.set(forgotten_mono_ms, Due::Talk(from.clone(), to.clone()));
        let burst = Burst { conn, started_mono_ms: now.mono_ms, forgotten_mono_ms, cut: false };
        self.bursts.insert((from.clone(), to.clone()), burst);
        true
    }

    /// Audio without a start is relayed too: a talker whose connection was cut goes on where it was.
    pub(super) fn audio(&mut self, now: Now, config: &Config, from: &UserId, to: &Address) -> Airing {
        let Some(burst) = self.bursts.get_mut(&(from.clone(), to.clone())) else { return Airing::Relay };
        if burst.cut {
            return Airing::Nowhere;
        }
        let duration_ms = now.mono_ms.saturating_sub(burst.started_mono_ms);
        if duration_ms <= config.talk_ms {
            return Airing::Relay;
        }
        burst.cut = true;
        Airing::Cut(u32::try_from(config.talk_ms).unwrap_or(u32::MAX))
    }

    /// A talk ends. Its duration, if it was running.
    pub(super) fn stop(&mut self, now: Now, from: &UserId, to: &Address, timers: &mut Timers) -> Option<u32> {
        let burst = self.take(from, to, timers).filter(|burst| !burst.cut)?;
        Some(duration(now, &burst))
    }

    /// The talks that a vanished connection leaves behind, with their durations.
    pub(super) fn abandoned(&mut self, now: Now, conn: ConnId, timers: &mut Timers) -> Vec<(Address, u32)> {
        let keys: Vec<_> =
            self.bursts.iter().filter(|(_, burst)| burst.conn == conn).map(|(key, _)| key.clone()).collect();
        let mut left = Vec::new();
        for (from, to) in keys {
            if let Some(duration_ms) = self.stop(now, &from, &to, timers) {
                left.push((to, duration_ms));
            }
        }
        left
    }

    /// Its time is over.
    pub(super) fn forget(&mut self, from: UserId, to: Address) {
        self.bursts.remove(&(from, to));
    }

    fn take(&mut self, from: &UserId, to: &Address, timers: &mut Timers) -> Option<Burst> {
        let key = (from.clone(), to.clone());
        let burst = self.bursts.remove(&key)?;
        timers.unset(burst.forgotten_mono_ms, Due::Talk(key.0, key.1));
        Some(burst)
    }
}

fn duration(now: Now, burst: &Burst) -> u32 {
    u32::try_from(now.mono_ms.saturating_sub(burst.started_mono_ms)).unwrap_or(u32::MAX)
}
