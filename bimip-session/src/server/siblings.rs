//! One core of several: what it tells the others, and what it does when they say where to look.

use std::collections::BTreeMap;

use bimip_proto::{CloseReason, Device, DeviceName, GroupId, Now, Offset, UnixMs, UserId, limits};

use super::connection::{Connection, Phase};
use super::core::ServerCore;
use super::io::{ConnId, Output};
use super::look::Look;
use super::timers::Due;
use super::wake::{Siblings, Subject, Wakes};
use crate::ledger::{Committed, Place, Standing};

/// All that a core keeps for the sake of the others. One that is alone has none of it.
#[derive(Debug)]
pub(super) struct Others {
    poll_ms: u64,
    wakes: Wakes,
    /// One for each connection that is signed in.
    sessions: BTreeMap<ConnId, Session>,
    /// Questions about users that storage has not answered, at most one for each who is here.
    pub(super) looks: BTreeMap<UserId, Look>,
    /// When storage is asked about each user who is here.
    pub(super) polls: BTreeMap<UserId, u64>,
}

/// What is known of a connection's session beside what every core knows.
#[derive(Debug)]
struct Session {
    /// Later ones have higher numbers; 0 while it is being let in.
    number: u64,
    began: UnixMs,
    /// Up to when its device was logged out already, when it was let in: a later date ends it. `None` while it is being
    /// let in.
    since: Option<UnixMs>,
    /// While it is being let in: how far its mailbox is said to reach.
    woken: Offset,
    /// While it is being let in: storage's answer may be older than what is known.
    outdated: bool,
}

impl Others {
    pub(super) fn new(config: &Siblings) -> Self {
        Self {
            poll_ms: config.poll_ms.max(1),
            wakes: Wakes::default(),
            sessions: BTreeMap::new(),
            looks: BTreeMap::new(),
            polls: BTreeMap::new(),
        }
    }

    /// Until storage is asked about a user again: a little less than it may be, and not the same for all, since many
    /// come at once when another core dies.
    pub(super) const fn poll_in_ms(&self, conn: ConnId) -> u64 {
        // Fibonacci hashing: neighbours end up far apart.
        let spread = conn.0.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
        self.poll_ms - spread % (self.poll_ms / 4 + 1)
    }

    /// A connection is being let in, and storage's word may be outdated when it comes.
    pub(super) fn outdate(&mut self, conns: &[ConnId]) {
        for conn in conns {
            if let Some(session) = self.sessions.get_mut(conn) {
                session.outdated = true;
            }
        }
    }

    /// Whether a session began before this date of its log-out.
    pub(super) fn logged_out(&self, conn: ConnId, date: UnixMs) -> bool {
        let session = self.sessions.get(&conn);
        session.and_then(|session| session.since).is_some_and(|since| since < date)
    }
}

impl ServerCore {
    // ---- telling the others -------------------------------------------------------------------------------

    /// What the others are to be told, when all else is said.
    pub(super) fn wake(&mut self) -> Option<Output> {
        let subjects = self.others.as_mut()?.wakes.take()?;
        self.counters.wakes += subjects.len() as u64;
        Some(Output::Wake(subjects))
    }

    /// Something became durable: the mailboxes and feeds that grew.
    pub(super) fn wake_others(&mut self, proof: &Committed) {
        let Some(others) = &mut self.others else { return };
        for delivery in proof.deliveries() {
            others.wakes.mailbox(&delivery.user, delivery.offset);
        }
        for group in proof.fed() {
            others.wakes.group(group);
        }
    }

    /// Somebody came into a group or left it by a command of this core. The others are told also where it is no news here:
    /// what is known here may be older than what the command met.
    pub(super) fn moved_here(&mut self, user: &UserId, group: &GroupId, place: Place, news: bool) {
        let Some(others) = &mut self.others else { return };
        others.wakes.account(user);
        if let Some(look) = others.looks.get_mut(user) {
            look.moved(group, place);
        }
        // Proofs and answers come by different ways, and storage alone knows which of them is the later.
        if news {
            self.look(user);
        }
    }

    /// Somebody decided something about their account by a command of this core.
    pub(super) fn decided_here(&mut self, user: &UserId) {
        let Some(others) = &mut self.others else { return };
        others.wakes.account(user);
        if let Some(look) = others.looks.get_mut(user) {
            look.decided();
        }
        self.look(user);
    }

    // ---- sessions -----------------------------------------------------------------------------------------

    /// Somebody may be let in. That is when the session began, if it does.
    pub(super) fn begins(&mut self, now: Now, conn: ConnId) {
        let Some(others) = &mut self.others else { return };
        let session =
            Session { number: 0, began: now.stamp(), since: None, woken: Offset::ZERO, outdated: false };
        others.sessions.insert(conn, session);
    }

    /// A session began, as storage stood then.
    pub(super) fn began(&mut self, now: Now, conn: ConnId, number: u64, standing: &Standing) {
        let Some(others) = &mut self.others else { return };
        let Some(grant) = self.conns.get(&conn).and_then(Connection::grant).cloned() else { return };
        let Some(session) = others.sessions.get_mut(&conn) else { return };
        let user = &grant.device.user;
        session.number = number;
        session.since = Some(standing.logged_out_before(&grant.device.name));
        let (woken, outdated) = (session.woken, session.outdated);
        others.wakes.session(grant.device.clone(), session.began, grant.label.clone());
        if !others.polls.contains_key(user) {
            let due_mono_ms = now.mono_ms + others.poll_in_ms(conn);
            others.polls.insert(user.clone(), due_mono_ms);
            self.timers.set(due_mono_ms, Due::Poll(user.clone()));
        }
        if let Some(reader) = self.reader(conn) {
            reader.hint(woken);
            self.fill(conn);
        }
        if outdated || *self.roster.standing(user) != *standing {
            self.look(user);
        }
    }

    /// The number of a connection's session; 0 where this core is alone, since what its connections ask for comes to storage
    /// in the order they began.
    pub(super) fn session_number(&self, conn: ConnId) -> u64 {
        let session = self.others.as_ref().and_then(|others| others.sessions.get(&conn));
        session.map_or(0, |session| session.number)
    }

    /// A connection is forgotten, and its user with it if it was the last.
    pub(super) fn parted(&mut self, conn: ConnId, user: &UserId, last: bool) {
        let Some(others) = &mut self.others else { return };
        others.sessions.remove(&conn);
        let asked = others.looks.get(user).is_some_and(|look| look.conn == conn);
        if asked {
            others.looks.remove(user);
        }
        if last {
            if let Some(due_mono_ms) = others.polls.remove(user) {
                self.timers.unset(due_mono_ms, Due::Poll(user.clone()));
            }
        } else if asked {
            self.look(user);
        }
    }

    // ---- being told ---------------------------------------------------------------------------------------

    /// Another core says where to look.
    pub(super) fn woken(&mut self, now: Now, subjects: Vec<Subject>) {
        if self.others.is_none() {
            return;
        }
        self.counters.woken += subjects.len() as u64;
        for subject in subjects {
            match subject {
                Subject::Mailbox { user, head } => self.may_have_grown(&user, head),
                Subject::Group(group) => self.fed(&[group]),
                Subject::Account(user) => self.look(&user),
                Subject::Session { device, label, began } => {
                    self.began_elsewhere(now, &device, label.as_ref(), began);
                }
            }
        }
    }

    /// A mailbox may reach so far: its readers look, unless they know.
    pub(super) fn may_have_grown(&mut self, user: &UserId, head: Offset) {
        for index in 0..self.roster.of(user).len() {
            let conn = self.roster.of(user)[index];
            if let Some(reader) = self.reader(conn) {
                reader.hint(head);
                self.fill(conn);
            } else if let Some(session) = self.others.as_mut().and_then(|it| it.sessions.get_mut(&conn)) {
                session.woken = session.woken.max(head);
            }
        }
    }

    /// The newest session of a device wins, wherever it is.
    fn began_elsewhere(&mut self, now: Now, device: &Device, label: Option<&DeviceName>, began: UnixMs) {
        let Some(others) = &self.others else { return };
        // A clock that runs so far ahead says nothing about what is newer.
        if began.0 > now.unix_ms.saturating_add(limits::CLOCK_SKEW_MS) {
            return;
        }
        let older = |conn: &ConnId| {
            let same =
                self.conns.get(conn).and_then(Connection::grant).is_some_and(|it| it.device == *device);
            same && others
                .sessions
                .get(conn)
                .is_some_and(|session| session.began.0.saturating_add(limits::CLOCK_SKEW_MS) < began.0)
        };
        let old: Vec<ConnId> = self.roster.of(&device.user).iter().copied().filter(older).collect();
        for conn in old {
            self.supersede(now, conn, label);
        }
    }

    /// A session of the same device is newer. The old one is told so, and by whom where that is another device.
    pub(super) fn supersede(&mut self, now: Now, conn: ConnId, label: Option<&DeviceName>) {
        self.counters.replaced += 1;
        let old = self.conns.get(&conn).and_then(Connection::grant).and_then(|old| old.label.as_ref());
        let by = label.filter(|new| Some(*new) != old).cloned();
        self.close(now, conn, CloseReason::Replaced { by });
    }

    /// A connection of a user through which storage may be asked.
    pub(super) fn spokesman(&self, user: &UserId) -> Option<(ConnId, Device)> {
        self.roster.of(user).iter().find_map(|conn| match &self.conns.get(conn)?.phase {
            Phase::Live { grant, .. } => Some((*conn, grant.device.clone())),
            _ => None,
        })
    }
}
