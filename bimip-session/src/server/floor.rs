//! Who may speak in a group: one at a time.

use std::collections::BTreeMap;

use bimip_proto::{GroupId, Now, UserId};

use super::io::ConnId;

/// The floors that are taken. Whoever holds one has a talk running, so there are no more floors than talks.
///
/// A floor is never taken from a silent holder by the clock alone: nobody is told anything until somebody else wants
/// to speak.
#[derive(Debug, Default)]
pub(super) struct Floors {
    floors: BTreeMap<GroupId, Floor>,
}

#[derive(Debug)]
struct Floor {
    holder: UserId,
    /// With which of their devices.
    conn: ConnId,
    /// The last start or piece of sound.
    heard_mono_ms: u64,
}

/// What asking for the floor comes to.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Asked {
    /// It is free, or one's own.
    Free,
    /// Its holder has been silent for too long, and was last heard at this time.
    TakenFrom(UserId, u64),
    /// Somebody speaks.
    Busy,
}

impl Floors {
    /// Whether a connection may speak now. Changes nothing.
    pub(super) fn ask(&self, now: Now, idle_ms: u64, group: &GroupId, conn: ConnId) -> Asked {
        match self.floors.get(group) {
            Some(floor) if floor.conn == conn => Asked::Free,
            Some(floor) if now.mono_ms.saturating_sub(floor.heard_mono_ms) < idle_ms => Asked::Busy,
            Some(floor) => Asked::TakenFrom(floor.holder.clone(), floor.heard_mono_ms),
            None => Asked::Free,
        }
    }

    /// `user` speaks.
    pub(super) fn take(&mut self, now: Now, group: &GroupId, user: &UserId, conn: ConnId) {
        let floor = Floor { holder: user.clone(), conn, heard_mono_ms: now.mono_ms };
        self.floors.insert(group.clone(), floor);
    }

    /// A piece of sound. Whether it is the holder's.
    pub(super) fn heard(&mut self, now: Now, group: &GroupId, conn: ConnId) -> bool {
        let Some(floor) = self.floors.get_mut(group).filter(|floor| floor.conn == conn) else {
            return false;
        };
        floor.heard_mono_ms = now.mono_ms;
        true
    }

    /// `user` speaks no more. Only the holder's word counts.
    pub(super) fn free(&mut self, group: &GroupId, user: &UserId) {
        if self.floors.get(group).is_some_and(|floor| floor.holder == *user) {
            self.floors.remove(group);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const IDLE_MS: u64 = 3_000;
    const A: ConnId = ConnId(1);
    const B: ConnId = ConnId(2);

    fn at(mono_ms: u64) -> Now {
        Now { mono_ms, unix_ms: 0 }
    }

    #[test]
    fn one_speaks_and_silence_frees_at_the_next_question_only() {
        let (group, ann, bob) =
            (GroupId::new("g").unwrap(), UserId::new("ann").unwrap(), UserId::new("bob").unwrap());
        let mut floors = Floors::default();
        assert_eq!(floors.ask(at(0), IDLE_MS, &group, A), Asked::Free);
        floors.take(at(0), &group, &ann, A);
        assert_eq!(floors.ask(at(1), IDLE_MS, &group, A), Asked::Free);
        assert_eq!(floors.ask(at(2_999), IDLE_MS, &group, B), Asked::Busy);
        assert!(floors.heard(at(2_999), &group, A) && !floors.heard(at(2_999), &group, B));
        assert_eq!(floors.ask(at(5_998), IDLE_MS, &group, B), Asked::Busy);
        assert_eq!(floors.ask(at(5_999), IDLE_MS, &group, B), Asked::TakenFrom(ann.clone(), 2_999));
        // Still the first talker's: asking changes nothing.
        assert!(floors.heard(at(6_000), &group, A));
        floors.free(&group, &bob);
        assert_eq!(floors.ask(at(6_001), IDLE_MS, &group, B), Asked::Busy);
        floors.free(&group, &ann);
        assert_eq!(floors.ask(at(6_001), IDLE_MS, &group, B), Asked::Free);
    }
}
