//! One connection: its phase, its patience, and what waits for it.

use std::collections::VecDeque;

use bimip_proto::{
    Caps, ClientRef, CloseReason, CursorBy, GroupId, Now, Offset, Query, Said, Silence, TokenId, TokenTask,
    UnixMs, limits,
};

use super::budget::UnderWay;
use super::io::{Config, Grant};
use super::reader::Reader;
use crate::ledger::Place;

/// Where a connection is in its life.
///
/// | phase | on | becomes |
/// |---|---|---|
/// | (new) | `Opened` with a grant / without | `Attaching` / `AwaitSignIn` |
/// | (new) | `Opened` with a grant, to call | `Calling` |
/// | `Calling` | something live, of a user of whom nothing is known here | `Attaching`, and back |
/// | `AwaitSignIn` | `SignIn` | `Granting` |
/// | `Granting` | `Granted` yes / no | `Attaching` / closed |
/// | `Attaching` | `Attached` | `Live` |
/// | any | a packet out of place | the same, with an answer and a strike |
/// | `Live`, `Calling` | `Drain`, `Bye` | `Leaving` |
/// | `Leaving` | the last of its commits and questions is answered | closed |
/// | any | expiry, revocation, a newer session, silence, strikes | closed |
#[derive(Debug)]
pub(super) enum Phase {
    AwaitSignIn,
    Granting,
    /// Storage is asked. What is committed meanwhile raises `head` and `cursor`, and groups joined and left are kept
    /// in `moves`, so that nothing falls between the question and the answer.
    Attaching {
        grant: Grant,
        head: Offset,
        cursor: Offset,
        moves: Vec<(GroupId, Place)>,
        /// How often a feed had grown when storage was asked.
        fed: u64,
    },
    Live {
        grant: Grant,
        reader: Box<Reader>,
    },
    /// It asks and is answered, and is given no rows.
    Calling {
        grant: Grant,
    },
    /// Nothing more is taken from it; what it is owed still goes out, and then this goodbye.
    Leaving {
        grant: Grant,
        reason: CloseReason,
    },
}

impl Phase {
    /// Storage is about to be asked, when feeds had grown so often.
    pub(super) const fn attaching(grant: Grant, fed: u64) -> Self {
        Self::Attaching { grant, head: Offset::ZERO, cursor: Offset::ZERO, moves: Vec::new(), fed }
    }
}

#[derive(Debug)]
pub(super) struct Connection {
    pub(super) caps: Caps,
    pub(super) phase: Phase,
    /// What came before the session was live, or while too much of it was under way. Carried out in order, so
    /// that a client may speak at once, and one without words for "busy" loses nothing.
    pub(super) held: VecDeque<Said>,
    /// What they take, in bytes.
    pub(super) held_bytes: u64,
    /// There was no room for what came after them.
    pub(super) overfull: bool,
    /// The first draft that was refused as busy, and until when those after it are refused, too.
    pub(super) in_turn: Option<Box<(ClientRef, u64)>>,
    /// The driver was asked to read no more for now.
    pub(super) paused: bool,
    /// Tickets of this connection that storage has not answered.
    pub(super) taken: UnderWay,
    /// A barrier that came back and moves the cursor when there is room for it.
    pub(super) arrived: Option<u64>,
    /// Those among them that everything else waits for: who is in which group decides what comes next.
    pub(super) barred: u32,
    /// Questions about what is stored that are not answered; the first of them is asked, the others wait.
    pub(super) queries: VecDeque<Query>,
    /// The question about a token that the authenticator has not answered, and the frame that asked it.
    pub(super) asked_about: Option<(u32, TokenTask)>,
    /// Tokens that this session showed before the one it lives by, the one it came with first: logging the session out
    /// revokes them all.
    pub(super) shown: Vec<(TokenId, Option<UnixMs>)>,
    strikes: u32,
    struck_mono_ms: u64,
    pub(super) heard_mono_ms: u64,
    /// When it began.
    pub(super) since: UnixMs,
    /// When its session began, by the wall clock.
    pub(super) began: UnixMs,
    /// When its grant is looked at, if it runs out: taken off the table when the connection goes.
    pub(super) expiry_mono_ms: Option<u64>,
    /// It started a talk: worth a look when it goes.
    pub(super) talked: bool,
}

impl Connection {
    pub(super) fn new(now: Now, caps: Caps) -> Self {
        Self {
            caps,
            phase: Phase::AwaitSignIn,
            held: VecDeque::new(),
            held_bytes: 0,
            overfull: false,
            in_turn: None,
            paused: false,
            taken: UnderWay::default(),
            arrived: None,
            barred: 0,
            queries: VecDeque::new(),
            asked_about: None,
            shown: Vec::new(),
            strikes: 0,
            struck_mono_ms: now.mono_ms,
            heard_mono_ms: now.mono_ms,
            since: now.stamp(),
            began: now.stamp(),
            expiry_mono_ms: None,
            talked: false,
        }
    }

    /// Whether something that it asked for is not answered.
    pub(super) fn is_owed(&self) -> bool {
        self.taken.commits > 0 || !self.queries.is_empty()
    }

    /// A bad frame. `true` when it was one too many.
    pub(super) fn strike(&mut self, now: Now) -> bool {
        let forgiven = now.mono_ms.saturating_sub(self.struck_mono_ms) / limits::STRIKE_FORGIVEN_MS;
        self.strikes = self.strikes.saturating_sub(u32::try_from(forgiven).unwrap_or(u32::MAX)) + 1;
        self.struck_mono_ms = now.mono_ms;
        self.strikes >= limits::STRIKES
    }

    /// Whether what it says is carried out.
    pub(super) const fn is_live(&self) -> bool {
        matches!(self.phase, Phase::Live { .. } | Phase::Calling { .. })
    }

    /// Whether its client may say by calls what it has stored.
    pub(super) const fn is_called_for(&self) -> bool {
        matches!(self.caps.cursor, CursorBy::Return | CursorBy::Arrival)
    }

    /// Who it is, once that is known.
    pub(super) const fn grant(&self) -> Option<&Grant> {
        match &self.phase {
            Phase::Attaching { grant, .. }
            | Phase::Live { grant, .. }
            | Phase::Calling { grant }
            | Phase::Leaving { grant, .. } => Some(grant),
            Phase::AwaitSignIn | Phase::Granting => None,
        }
    }

    /// How long it may say nothing.
    pub(super) const fn silence(&self, config: &Config) -> Silence {
        match self.caps.silence {
            Some(silence) => silence,
            None => Silence { probe_ms: config.probe_ms, idle_ms: config.idle_ms },
        }
    }

    /// When to look whether it fell silent: first to ask, then to give up.
    pub(super) const fn silence_due(&self, config: &Config, now: Now) -> u64 {
        let Silence { probe_ms, idle_ms } = self.silence(config);
        let probe = self.heard_mono_ms.saturating_add(probe_ms);
        if now.mono_ms < probe { probe } else { self.heard_mono_ms.saturating_add(idle_ms) }
    }
}
