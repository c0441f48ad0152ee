//! Talks: who is talking to whom, since when.

use std::collections::BTreeMap;
use std::sync::Arc;

use bimip_proto::{Address, Now, Reject, UserId, limits};

use super::floor::{Asked, Floors};
use super::io::{Config, ConnId};
use super::tape::{Tape, Taped, Tapes};
use super::timers::{Due, Timers};

/// The talks of a core, keyed by talker and target. Bounded by [`limits::TALKS`] and by the clock: a talk that
/// is never ended is forgotten.
///
/// A talk to a user is nobody else's business. A talk to a group needs its floor: a talker who lost it goes unheard,
/// and what was heard before is still theirs to end.
#[derive(Debug, Default)]
pub(super) struct Bursts {
    bursts: BTreeMap<(UserId, Address), Burst>,
    floors: Floors,
    pub(super) tapes: Tapes,
}

#[derive(Debug, Clone)]
struct Burst {
    conn: ConnId,
    started_mono_ms: u64,
    forgotten_mono_ms: u64,
    ended: Option<Ended>,
    /// There was sound in it. A talk without any that its talker does not end leaves nothing behind.
    voiced: bool,
    tape: Tape,
    /// Who heard the last piece of it.
    audience: Option<Arc<[ConnId]>>,
}

/// A talk that is over and becomes a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Over {
    pub(super) duration_ms: u32,
    pub(super) tape: Tape,
}

/// How a talk came to an end before its talker said so.
#[derive(Debug, Clone, Copy)]
enum Ended {
    /// By the server at its greatest length: it is a message already.
    Cut,
    /// Somebody else took the floor. Last heard then.
    Displaced { heard_mono_ms: u64 },
}

/// Where a piece of audio goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Airing {
    /// To whoever listens, and onto the tape.
    Relay(Taped),
    /// Beyond the greatest length: the talk ends here.
    Cut(Over),
    Nowhere,
}

impl Bursts {
    /// A talk begins, or begins anew, and its tape with it. Whether it took the floor from somebody who fell silent.
    pub(super) fn start(
        &mut self,
        now: Now,
        config: &Config,
        conn: ConnId,
        from: &UserId,
        to: &Address,
        timers: &mut Timers,
    ) -> Result<bool, Reject> {
        let asked = match to {
            Address::Group(group) => self.floors.ask(now, config.floor_idle_ms, group, conn),
            _ => Asked::Free,
        };
        if asked == Asked::Busy {
            return Err(Reject::Busy);
        }
        if let Some(before) = self.take(from, to, timers) {
            self.tapes.drop(before.tape);
        }
        if self.bursts.len() >= limits::TALKS {
            return Err(Reject::Busy);
        }
        if let Address::Group(group) = to {
            self.floors.take(now, group, from, conn);
        }
        let forgotten_mono_ms = now.mono_ms + config.talk_forgotten_ms;
        timers.set(forgotten_mono_ms, Due::Talk(from.clone(), to.clone()));
        let burst = Burst {
            conn,
            started_mono_ms: now.mono_ms,
            forgotten_mono_ms,
            ended: None,
            voiced: false,
            tape: Tape::Blank,
            audience: None,
        };
        self.bursts.insert((from.clone(), to.clone()), burst);
        let Asked::TakenFrom(silent, heard_mono_ms) = asked else { return Ok(false) };
        // One's own other device: its talk made room for this one above.
        if silent != *from
            && let Some(burst) = self.bursts.get_mut(&(silent, to.clone()))
        {
            burst.ended = Some(Ended::Displaced { heard_mono_ms });
        }
        Ok(true)
    }

    /// To a user, audio without a start is relayed too, and recorded nowhere: a talker whose connection was cut goes on
    /// where it was. In a group, only the one who has the floor is heard.
    pub(super) fn audio(
        &mut self,
        now: Now,
        config: &Config,
        conn: ConnId,
        from: &UserId,
        to: &Address,
        payload_bytes: usize,
    ) -> Airing {
        if let Address::Group(group) = to
            && !self.floors.heard(now, group, conn)
        {
            return Airing::Nowhere;
        }
        let Some(burst) = self.bursts.get_mut(&(from.clone(), to.clone())) else {
            return Airing::Relay(Taped::Nowhere);
        };
        if burst.ended.is_some() {
            return Airing::Nowhere;
        }
        let duration_ms = now.mono_ms.saturating_sub(burst.started_mono_ms);
        if duration_ms <= config.talk_ms {
            burst.voiced = true;
            return Airing::Relay(self.tapes.piece(config, &mut burst.tape, payload_bytes));
        }
        burst.ended = Some(Ended::Cut);
        let duration_ms = u32::try_from(config.talk_ms).unwrap_or(u32::MAX);
        let over = Over { duration_ms, tape: std::mem::take(&mut burst.tape) };
        self.free(from, to);
        Airing::Cut(over)
    }

    /// These connections, in memory that is the same for as long as the same ones listen.
    pub(super) fn audience(&mut self, from: &UserId, to: &Address, conns: &[ConnId]) -> Arc<[ConnId]> {
        let burst = self.bursts.get_mut(&(from.clone(), to.clone()));
        match burst.map(|burst| &mut burst.audience) {
            Some(Some(before)) if **before == *conns => Arc::clone(before),
            Some(before) => Arc::clone(before.insert(conns.into())),
            None => conns.into(),
        }
    }

    /// A talker says stop. The talk, if one was running; in a group, only if this connection began it.
    pub(super) fn stop(
        &mut self,
        now: Now,
        conn: ConnId,
        from: &UserId,
        to: &Address,
        timers: &mut Timers,
    ) -> Option<Over> {
        let begun = |burst: &Burst| burst.conn == conn || matches!(to, Address::User(_));
        self.bursts.get(&(from.clone(), to.clone())).filter(|burst| begun(burst))?;
        self.end(now, from, to, timers)
    }

    /// A talk ends, whoever says so; if it was running. What is cut has no tape any more, what was silent has none.
    pub(super) fn end(&mut self, now: Now, from: &UserId, to: &Address, timers: &mut Timers) -> Option<Over> {
        let burst = self.take(from, to, timers)?;
        let until_mono_ms = match burst.ended {
            Some(Ended::Cut) => return None,
            Some(Ended::Displaced { .. }) if !burst.voiced => return None,
            Some(Ended::Displaced { heard_mono_ms }) => heard_mono_ms,
            None => now.mono_ms,
        };
        let duration_ms = until_mono_ms.saturating_sub(burst.started_mono_ms);
        let duration_ms = u32::try_from(duration_ms).unwrap_or(u32::MAX);
        Some(Over { duration_ms, tape: burst.tape })
    }

    /// The talks that a vanished connection leaves behind: those in which something was said.
    pub(super) fn abandoned(&mut self, now: Now, conn: ConnId, timers: &mut Timers) -> Vec<(Address, Over)> {
        let keys: Vec<_> =
            self.bursts.iter().filter(|(_, burst)| burst.conn == conn).map(|(key, _)| key.clone()).collect();
        let mut left = Vec::new();
        for (from, to) in keys {
            let voiced = self.bursts.get(&(from.clone(), to.clone())).is_some_and(|burst| burst.voiced);
            if let Some(over) = self.end(now, &from, &to, timers).filter(|_| voiced) {
                left.push((to, over));
            }
        }
        left
    }

    /// Its time is over.
    pub(super) fn forget(&mut self, from: UserId, to: Address) {
        self.free(&from, &to);
        if let Some(burst) = self.bursts.remove(&(from, to)) {
            self.tapes.drop(burst.tape);
        }
    }

    fn take(&mut self, from: &UserId, to: &Address, timers: &mut Timers) -> Option<Burst> {
        let key = (from.clone(), to.clone());
        let burst = self.bursts.remove(&key)?;
        self.free(from, to);
        timers.unset(burst.forgotten_mono_ms, Due::Talk(key.0, key.1));
        Some(burst)
    }

    fn free(&mut self, from: &UserId, to: &Address) {
        if let Address::Group(group) = to {
            self.floors.free(group, from);
        }
    }
}
