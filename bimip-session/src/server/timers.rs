//! One table for everything that is due.

use std::collections::BTreeSet;

use bimip_proto::{Address, UserId};

use super::io::{ConnId, SoundId};

/// What can be due, each with its reason to exist.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Due {
    /// A stranger has only so long to sign in.
    SignIn(ConnId),
    /// A silent connection is asked, then closed. Fires early when something was heard since; it is set anew
    /// then, so hearing something costs nothing.
    Silence(ConnId),
    /// A grant runs out.
    Expiry(ConnId),
    /// What a user is doing is said again, or has run out.
    Presence(UserId),
    /// A page that could not be read is asked for again.
    Reread(ConnId),
    /// A stream whose client says nothing meanwhile has given all that it may.
    Return(ConnId),
    /// A mailbox that could not be filled is tried again.
    Pull(UserId),
    /// Storage is asked about a user whom another core may have changed.
    Poll(UserId),
    /// A talk that was started and never ended is forgotten.
    Talk(UserId, Address),
    /// The sound of a talk takes too long to be stored.
    Sound(SoundId),
    /// It is written down who was seen.
    Seen,
}

#[derive(Debug, Default)]
pub(super) struct Timers {
    due: BTreeSet<(u64, Due)>,
}

impl Timers {
    pub(super) fn set(&mut self, at_mono_ms: u64, what: Due) {
        self.due.insert((at_mono_ms, what));
    }

    pub(super) fn unset(&mut self, at_mono_ms: u64, what: Due) {
        self.due.remove(&(at_mono_ms, what));
    }

    pub(super) fn next(&self) -> Option<u64> {
        self.due.first().map(|(at, _)| *at)
    }

    /// Takes the first thing that is due by `mono_ms`.
    pub(super) fn pop(&mut self, mono_ms: u64) -> Option<Due> {
        if self.next()? > mono_ms {
            return None;
        }
        self.due.pop_first().map(|(_, what)| what)
    }
}
