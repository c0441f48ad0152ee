//! Filling mailboxes from the feeds of large groups, for those who are here.
//!
//! A mailbox that nobody reads is not filled, nor is one whose readers have much before them: what is in a feed waits there
//! at no cost. One filling is under way for each user at a time, so that many words in many groups share few commits.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound::{Excluded, Unbounded};

use bimip_proto::{GroupId, Now, UserId};

use super::connection::{Connection, Phase};
use super::core::ServerCore;
use super::io::ConnId;
use super::timers::Due;
use crate::ledger::{Ack, Audience, Guard, Put, Record, Ticket};

/// Rows that a filling brings at most when somebody just spoke: what there is more comes with the next one.
const FRESH_ROWS: u32 = 16;
/// A filling that storage refused is tried again after so long.
const AGAIN_MS: u64 = 1_000;

/// Whose mailboxes are being filled, of the users who are here.
#[derive(Debug, Default)]
pub(super) struct Pulls {
    users: BTreeMap<UserId, Pulling>,
    /// How often a feed grew: whoever is let in meanwhile looks at theirs once more, since storage may have looked before.
    pub(super) fed: u64,
    /// Users whose mailboxes wait for room in the core's budget: a word in a group may wake thousands at once.
    waiting: BTreeSet<UserId>,
    /// The last of them who got it: those after them come next.
    served: Option<UserId>,
    /// Fillings go before what clients say, this time.
    first: bool,
}

#[derive(Debug, Default, Clone, Copy)]
struct Pulling {
    /// There may be something.
    wanted: bool,
    /// It may be much.
    behind: bool,
    /// A ticket is under way.
    out: bool,
}

impl Pulls {
    /// The last connection of a user is gone.
    pub(super) fn forget(&mut self, user: &UserId) {
        self.users.remove(user);
        self.waiting.remove(user);
    }

    /// Whether fillings go first; the next time it is the other way round.
    pub(super) const fn take_turn(&mut self) -> bool {
        self.first = !self.first;
        self.first
    }

    /// Whoever waits and comes next, all in turn.
    fn next(&mut self) -> Option<UserId> {
        let after = self.served.take().and_then(|served| {
            self.waiting.range::<UserId, _>((Excluded(&served), Unbounded)).next().cloned()
        });
        let next = after.or_else(|| self.waiting.first().cloned())?;
        self.waiting.remove(&next);
        self.served = Some(next.clone());
        Some(next)
    }
}

impl ServerCore {
    /// Fills the mailboxes that waited for room, as far as there is some.
    pub(super) fn pull_waiting(&mut self) {
        while self.core_has_room() {
            let Some(user) = self.pulls.next() else { return };
            self.pull(&user);
        }
    }

    /// Feeds have grown: the mailboxes of their members who are here want to be filled.
    pub(super) fn fed(&mut self, groups: &[GroupId]) {
        self.pulls.fed += groups.len() as u64;
        for group in groups {
            let members: Vec<UserId> = self.roster.members(group).cloned().collect();
            for user in members {
                self.want_pull(&user, false);
            }
        }
    }

    /// There may be something in a feed for a user who is here.
    pub(super) fn want_pull(&mut self, user: &UserId, behind: bool) {
        if self.roster.of(user).is_empty() {
            return;
        }
        let pulling = self.pulls.users.entry(user.clone()).or_default();
        pulling.wanted = true;
        pulling.behind |= behind;
        self.pull(user);
    }

    /// As [`pull`](Self::pull), for the user of a connection.
    pub(super) fn pull_for(&mut self, conn: ConnId) {
        if self.pulls.users.is_empty() {
            return;
        }
        let user = self.conns.get(&conn).and_then(Connection::grant).map(|grant| grant.device.user.clone());
        if let Some(user) = user {
            self.pull(&user);
        }
    }

    /// Fills a mailbox, if that is wanted and somebody has read nearly all that is in it.
    pub(super) fn pull(&mut self, user: &UserId) {
        let Some(Pulling { wanted: true, out: false, behind }) = self.pulls.users.get(user).copied() else {
            return;
        };
        if self.is_draining() {
            return;
        }
        let hungry = |conn: &&ConnId| match self.conns.get(conn) {
            Some(Connection { phase: Phase::Live { reader, .. }, .. }) => reader.is_hungry(),
            _ => false,
        };
        let Some(conn) = self.roster.of(user).iter().find(hungry).copied() else { return };
        if !self.core_has_room() {
            self.pulls.waiting.insert(user.clone());
            return;
        }
        self.pulls.users.insert(user.clone(), Pulling { wanted: false, behind: false, out: true });
        self.counters.pulls += 1;
        let window = self.config.window;
        // A word in a group wakes all its members at once; who is behind has much to catch up with.
        let (rows, bytes) = match behind {
            true => (window.rows, window.bytes),
            false => (window.rows.min(FRESH_ROWS), window.bytes / u64::from(FRESH_ROWS)),
        };
        let bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
        let record = Record::Pull { user: user.clone(), rows, bytes };
        let put = Put::new(Guard::None, Audience::Users(Vec::new()), record);
        self.commit(conn, Ticket::new(conn, vec![put], None, Ack::Pulled(user.clone())));
    }

    /// A mailbox was filled, and its readers were offered what is new in it.
    pub(super) fn pulled(&mut self, user: &UserId, more: bool) {
        let Some(pulling) = self.pulls.users.get_mut(user) else { return };
        pulling.out = false;
        pulling.wanted |= more;
        pulling.behind |= more;
        if pulling.wanted {
            self.pull(user);
        } else {
            self.pulls.users.remove(user);
        }
    }

    /// A mailbox could not be filled.
    pub(super) fn pull_failed(&mut self, now: Now, user: &UserId) {
        let Some(pulling) = self.pulls.users.get_mut(user) else { return };
        *pulling = Pulling { wanted: true, behind: true, out: true };
        // At whole seconds, so that few of these wait.
        let due_mono_ms = (now.mono_ms / AGAIN_MS + 2) * AGAIN_MS;
        self.timers.set(due_mono_ms, Due::Pull(user.clone()));
    }

    pub(super) fn pull_due(&mut self, user: &UserId) {
        if let Some(pulling) = self.pulls.users.get_mut(user) {
            pulling.out = false;
            self.pull(user);
        }
    }
}
