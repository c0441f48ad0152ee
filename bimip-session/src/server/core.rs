//! The server: dispatch, and the life of connections.

use std::collections::{BTreeMap, VecDeque};

use bimip_proto::{
    Caps, CloseReason, Fault, FaultKind, GroupId, Now, Reject, ServerPacket, UnixMs, Welcome, limits,
};

use super::account::refused;
use super::budget::UnderWay;
use super::burst::Bursts;
use super::connection::{Connection, Phase};
use super::counters::Counters;
use super::cursors::Cursors;
use super::departed::Departed;
use super::io::{Attachment, Config, ConnId, Grant, Input, Output, Refused};
use super::presence::Presences;
use super::pull::Pulls;
use super::reader::Reader;
use super::roster::Roster;
use super::seen::Sightings;
use super::siblings::Others;
use super::speech::ack_of;
use super::timers::{Due, Timers};
use crate::Machine;
use crate::ledger::{Outgoing, Place, Ticket};

/// A server without sockets and storage.
///
/// It accepts any sequence of inputs. What a client may see is decided here and in
/// [`settle`](crate::ledger::settle()); the driver only carries out outputs, in order for each connection.
///
/// Bounds: a connection has at most a window of row numbers. What it has under way, and what waits for that, is bounded
/// in numbers and in bytes, for each connection and for all of them: [`budgets`](Self::budgets). The queue of outputs
/// grows only between two polls.
#[derive(Debug)]
pub struct ServerCore {
    pub(super) config: Config,
    pub(super) conns: BTreeMap<ConnId, Connection>,
    pub(super) roster: Roster,
    pub(super) pulls: Pulls,
    pub(super) presences: Presences,
    pub(super) bursts: Bursts,
    pub(super) timers: Timers,
    pub(super) counters: Counters,
    pub(super) cursors: Cursors,
    pub(super) departed: Departed,
    pub(super) sightings: Sightings,
    /// Boxed, and only where there are any: a core that is alone pays nothing for it.
    pub(super) others: Option<Box<Others>>,
    /// Empty between two pieces of sound: its memory is used again for each.
    pub(super) hearers: Vec<ConnId>,
    /// Tickets that storage has not answered yet and talks whose sound is not stored yet, of connections that may be
    /// gone.
    pub(super) taken: UnderWay,
    /// What waits of all connections, in bytes.
    pub(super) held_bytes: u64,
    /// Connections with held packets, waiting for room.
    pub(super) stalled: VecDeque<ConnId>,
    /// Connections that were refused with nothing of theirs waiting, and are not read.
    pub(super) hushed: Vec<ConnId>,
    /// Everybody is told to go, and why.
    draining: Option<CloseReason>,
    outbox: VecDeque<Output>,
}

impl Machine for ServerCore {
    type Input = Input;
    type Output = Output;

    fn handle_input(&mut self, now: Now, input: Input) {
        match input {
            Input::Opened { conn, caps, grant } => self.opened(now, conn, caps, grant),
            Input::Granted(conn, grant) => self.granted(now, conn, grant),
            Input::Attached(conn, attachment) => self.attached(now, conn, attachment),
            Input::Packets(conn, packets) => {
                self.heard(now, conn);
                for said in packets {
                    self.said(now, conn, said);
                }
            }
            Input::Garbled(conn, fault) => {
                self.heard(now, conn);
                self.garbled(now, conn, fault);
            }
            Input::Oversize(conn) => self.oversize(now, conn),
            Input::Barrier(conn, upto) => {
                self.heard(now, conn);
                self.arrived(now, conn, upto);
            }
            Input::Closed(conn) => self.closed(now, conn),
            Input::Committed(proof) => {
                self.taken.sub(proof.charge());
                self.committed(now, &proof);
                self.unstall(now);
            }
            Input::Failed(failed) => {
                self.taken.sub(failed.charge());
                self.failed(now, &failed);
                self.unstall(now);
            }
            Input::Page(page) => self.page(now, page),
            Input::Answered(answered) => self.looked_up(now, answered),
            Input::Contacts(user, contacts) => self.contacts(now, &user, contacts.as_deref()),
            Input::Token(conn, answer) => self.vouched(now, conn, answer),
            Input::Kept(sound, name) => self.kept(now, sound, name),
            Input::Woken(subjects) => self.woken(now, subjects),
            Input::LogOut(user, before) => self.log_out_from_outside(user, before),
            Input::Drain(reason) => self.drain(now, reason),
        }
    }

    fn handle_timeout(&mut self, now: Now) {
        while let Some(due) = self.timers.pop(now.mono_ms) {
            match due {
                Due::SignIn(conn) => self.sign_in_due(now, conn),
                Due::Silence(conn) => self.silence_due(now, conn),
                Due::Expiry(conn) => self.expiry_due(now, conn),
                Due::Presence(user) => self.presence_due(now, &user),
                Due::Reread(conn) => self.fill(conn),
                Due::Return(conn) => self.return_due(now, conn),
                Due::Pull(user) => self.pull_due(&user),
                Due::Poll(user) => self.poll_due(now, &user),
                Due::Talk(from, to) => {
                    self.bursts.forget(from, to);
                    self.tapes_dropped();
                }
                Due::Sound(sound) => self.sound_due(now, sound),
                Due::Seen => self.seen_due(),
            }
        }
    }

    fn poll_output(&mut self) -> Option<Output> {
        self.outbox.pop_front().or_else(|| self.wake())
    }

    fn poll_timeout(&self) -> Option<u64> {
        self.timers.next()
    }
}

impl ServerCore {
    /// A server with no connections.
    #[must_use]
    pub fn new(config: Config) -> Self {
        let others = config.siblings.as_ref().map(|siblings| Box::new(Others::new(siblings)));
        Self {
            config,
            conns: BTreeMap::new(),
            roster: Roster::default(),
            presences: Presences::default(),
            pulls: Pulls::default(),
            bursts: Bursts::default(),
            timers: Timers::default(),
            counters: Counters::default(),
            cursors: Cursors::default(),
            departed: Departed::default(),
            sightings: Sightings::default(),
            others,
            hearers: Vec::new(),
            taken: UnderWay::default(),
            held_bytes: 0,
            stalled: VecDeque::new(),
            hushed: Vec::new(),
            draining: None,
            outbox: VecDeque::new(),
        }
    }

    /// What happened so far.
    #[must_use]
    pub const fn counters(&self) -> &Counters {
        &self.counters
    }

    /// How many connections there are, signed in or not.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.conns.len()
    }

    /// Whether a drain is over: every command is answered and every connection was told to go.
    #[must_use]
    pub fn is_drained(&self) -> bool {
        self.draining.is_some()
            && self.taken.commits == 0
            && self.conns.is_empty()
            && self.sightings.is_empty()
    }

    pub(super) fn output(&mut self, output: Output) {
        self.outbox.push_back(output);
    }

    pub(super) fn send(&mut self, conn: ConnId, packet: ServerPacket) {
        self.output(Output::Send(conn, Outgoing::live(packet)));
    }

    fn goodbye(&self) -> CloseReason {
        self.draining.clone().unwrap_or(CloseReason::GoingAway)
    }

    pub(super) const fn is_draining(&self) -> bool {
        self.draining.is_some()
    }

    /// One more command to be answered, which weighs so much until then.
    pub(super) fn under_way(&mut self, conn: ConnId, charge: u64) {
        self.taken.add(charge);
        if let Some(connection) = self.conns.get_mut(&conn) {
            connection.taken.add(charge);
        }
    }

    /// A command is something else from here on.
    pub(super) fn no_longer(&mut self, conn: ConnId, charge: u64) {
        self.taken.sub(charge);
        if let Some(connection) = self.conns.get_mut(&conn) {
            connection.taken.sub(charge);
        }
    }

    pub(super) fn commit(&mut self, conn: ConnId, ticket: Ticket) {
        self.under_way(conn, ticket.charge());
        if let Some((device, offset)) = ticket.cursor() {
            self.cursors.asked(device, *offset);
        }
        self.output(Output::Commit(ticket));
    }

    // ---- the life of a connection -------------------------------------------------------------------

    fn opened(&mut self, now: Now, conn: ConnId, caps: Caps, grant: Option<Grant>) {
        self.counters.opened += 1;
        let connection = Connection::new(now, caps);
        let probe_ms = connection.silence(&self.config).probe_ms;
        self.conns.insert(conn, connection);
        if let Some(reason) = self.draining.clone() {
            return self.close(now, conn, reason);
        }
        let grant = match grant {
            // It lasts as long as its driver waits for the answer, and there are very many: no timer for it.
            Some(grant) if caps.calls => return self.call(now, conn, grant),
            grant => grant,
        };
        self.timers.set(now.mono_ms.saturating_add(probe_ms), Due::Silence(conn));
        match grant {
            Some(grant) => self.attach(now, conn, grant),
            None => self.timers.set(now.mono_ms + self.config.sign_in_ms, Due::SignIn(conn)),
        }
    }

    fn granted(&mut self, now: Now, conn: ConnId, grant: Result<Grant, Refused>) {
        let Some(connection) = self.conns.get(&conn) else { return };
        if !matches!(connection.phase, Phase::Granting) {
            return;
        }
        if let Ok(grant) = grant {
            return self.attach(now, conn, grant);
        }
        self.counters.sign_in_refused += 1;
        self.close(now, conn, CloseReason::Refused);
    }

    fn attach(&mut self, now: Now, conn: ConnId, grant: Grant) {
        let device = grant.device.clone();
        if self.conns.get(&conn).is_none_or(|it| it.caps.calls) {
            // A call is signed in before it begins.
            return;
        }
        // First: a user who takes over their own connection was never gone.
        self.roster.join(&device.user, conn);
        self.replace(now, &grant);
        let Some(connection) = self.conns.get_mut(&conn) else { return };
        if let Some(expires) = grant.expires {
            let due_mono_ms = expiry_due(now, expires);
            connection.expiry_mono_ms = Some(due_mono_ms);
            self.timers.set(due_mono_ms, Due::Expiry(conn));
        }
        connection.phase = Phase::attaching(grant, self.pulls.fed);
        self.begins(now, conn);
        self.output(Output::Attach(conn, device));
    }

    /// The newest session of a device wins.
    fn replace(&mut self, now: Now, grant: &Grant) {
        let same = |other: &ConnId| {
            let other = self.conns.get(other).filter(|it| !it.caps.calls).and_then(Connection::grant);
            other.is_some_and(|other| other.device == grant.device)
        };
        let old: Vec<ConnId> = self.roster.of(&grant.device.user).iter().copied().filter(same).collect();
        for conn in old {
            self.supersede(now, conn, grant.label.as_ref());
        }
    }

    fn attached(&mut self, now: Now, conn: ConnId, attachment: Option<Attachment>) {
        let Some(connection) = self.conns.get_mut(&conn) else { return };
        let Phase::Attaching { grant, head, cursor, moves, fed } = &mut connection.phase else {
            return self.looked(now, conn, attachment);
        };
        let Some(mut attachment) = attachment else { return self.close(now, conn, CloseReason::Unavailable) };
        self.roster.learn(&grant.device.user, &attachment.standing, &attachment.blocked);
        // Somebody may have decided otherwise on another core, of which nothing is known here yet.
        let elsewhere = self.others.is_some() && refused(&attachment.standing, grant);
        if elsewhere || refused(&self.roster.standing(&grant.device.user), grant) {
            self.counters.sign_in_refused += 1;
            return self.close(now, conn, CloseReason::Refused);
        }
        let (mut grant, head, fed) = (grant.clone(), (*head).max(attachment.head), *fed);
        attachment.cursor = attachment.cursor.max(*cursor).max(self.cursors.furthest(&grant.device));
        let (device, entered) = (grant.device.clone(), std::mem::take(&mut grant.groups));
        let groups = known_groups(
            std::mem::take(&mut attachment.groups),
            &std::mem::take(&mut attachment.listens),
            std::mem::take(moves),
        );
        if connection.caps.calls {
            connection.phase = Phase::Calling { grant };
            self.know_groups(now, &device.user, groups);
            return self.release(now, conn);
        }
        let mut reader = Reader::new(device.clone(), connection.caps, self.config.window, &attachment, head);
        if self.config.replay_talks {
            reader.replay_upto(attachment.sequence);
        }
        connection.phase = Phase::Live { grant, reader: Box::new(reader) };
        connection.began = now.stamp();
        // A client that says something so often is never taken for silent.
        let heartbeat_ms = u32::try_from(connection.silence(&self.config).idle_ms / 3).unwrap_or(u32::MAX);
        let heartbeat_ms = heartbeat_ms.min(self.config.heartbeat_ms);
        self.know_groups(now, &device.user, groups);
        self.counters.signed_in += 1;
        self.send(
            conn,
            ServerPacket::Welcome(Welcome {
                epoch: attachment.epoch,
                resume_from: attachment.cursor,
                first: attachment.first,
                head,
                window: self.config.window,
                heartbeat_ms,
                server_time: now.stamp(),
                connection_id: conn.0,
                dedup_days: limits::DEDUP_DAYS,
            }),
        );
        self.fill(conn);
        if attachment.behind || fed < self.pulls.fed {
            self.want_pull(&device.user, true);
        }
        self.seen(now, conn, &device);
        if self.conns.get(&conn).is_some_and(|it| it.caps.present) {
            self.came(now, conn, &device, &attachment.contacts);
        }
        self.enter(now, conn, &device, entered);
        self.began(now, conn, attachment.session, &attachment.standing);
        self.release(now, conn);
    }

    /// Ends a connection from this side: a goodbye, then the close. It is forgotten at once; its
    /// [`Input::Closed`] finds nothing.
    pub(super) fn close(&mut self, now: Now, conn: ConnId, reason: CloseReason) {
        self.abandon_talks(now, conn);
        self.send(conn, ServerPacket::Bye(reason.clone()));
        self.output(Output::Close(conn, reason));
        self.forget(now, conn);
    }

    fn closed(&mut self, now: Now, conn: ConnId) {
        self.abandon_talks(now, conn);
        self.forget(now, conn);
    }

    fn forget(&mut self, now: Now, conn: ConnId) {
        let live = |it: &&Connection| {
            matches!(it.phase, Phase::Live { .. } | Phase::Leaving { .. }) && !it.caps.calls
        };
        let grant = self.conns.get(&conn).filter(live).and_then(Connection::grant);
        if let Some(device) = grant.map(|grant| grant.device.clone()) {
            self.seen(now, conn, &device);
        }
        let Some(connection) = self.conns.remove(&conn) else { return };
        self.departs(now, &connection);
        self.held_bytes = self.held_bytes.saturating_sub(connection.held_bytes);
        if let Some(due_mono_ms) = connection.expiry_mono_ms {
            // It may be years away, and a connection comes and goes often meanwhile.
            self.timers.unset(due_mono_ms, Due::Expiry(conn));
        }
        if let Some(grant) = connection.grant() {
            let user = &grant.device.user;
            let left = self.roster.leave(user, conn);
            self.parted(conn, user, left.is_some());
            if let Some(left) = left {
                self.pulls.forget(user);
                self.went(user, left);
            } else if connection.caps.present && !self.is_present(user) {
                let left = self.roster.as_left(user);
                self.went(user, left);
            }
        }
        if self.is_draining() && self.conns.is_empty() {
            // Nobody waits for a timer any more.
            self.seen_due();
        }
    }

    fn heard(&mut self, now: Now, conn: ConnId) {
        if let Some(connection) = self.conns.get_mut(&conn) {
            connection.heard_mono_ms = now.mono_ms;
        }
    }

    /// A frame that makes no sense, or that came where it makes none: counted, answered, and a strike.
    pub(super) fn garbled(&mut self, now: Now, conn: ConnId, fault: Fault) {
        self.counters.fault(fault.kind);
        let Some(connection) = self.conns.get_mut(&conn) else { return };
        // What a newer client may say in good faith is no offence; nor is audio too long to relay.
        let harmless = matches!(fault.kind, FaultKind::Unknown | FaultKind::Unsupported | FaultKind::TooLong);
        let out = !harmless && connection.strike(now);
        self.send(conn, ServerPacket::Fault(fault));
        if out {
            self.counters.strikes_closed += 1;
            self.close(now, conn, CloseReason::Strikes);
        }
    }

    fn oversize(&mut self, now: Now, conn: ConnId) {
        if !self.conns.contains_key(&conn) {
            return;
        }
        self.counters.fault(FaultKind::TooLong);
        let details = "the frame is too long".into();
        self.send(conn, ServerPacket::Fault(Fault { kind: FaultKind::TooLong, origin: 0, details }));
        self.close(now, conn, CloseReason::TooLong);
    }

    fn drain(&mut self, now: Now, reason: CloseReason) {
        let conns: Vec<ConnId> = self.conns.keys().copied().collect();
        for conn in &conns {
            // While something may still be stored.
            self.abandon_talks(now, *conn);
        }
        self.draining = Some(reason);
        for conn in conns {
            self.leave(now, conn, self.goodbye());
        }
    }

    /// Lets a connection go once its last command is answered.
    pub(super) fn leave(&mut self, now: Now, conn: ConnId, reason: CloseReason) {
        let Some(connection) = self.conns.get_mut(&conn) else { return };
        match connection.grant().cloned().filter(|_| connection.is_owed()) {
            Some(grant) => connection.phase = Phase::Leaving { grant, reason },
            None => self.part(now, conn, reason),
        }
    }

    /// The last goodbye. What still waits is refused by name: nothing is passed over in silence.
    fn part(&mut self, now: Now, conn: ConnId, reason: CloseReason) {
        let Some(connection) = self.conns.get_mut(&conn) else { return };
        if connection.is_live() || matches!(connection.phase, Phase::Leaving { .. }) {
            for said in std::mem::take(&mut connection.held) {
                self.refuse(conn, &ack_of(&said.packet), Reject::Unavailable);
            }
        }
        self.close(now, conn, reason);
    }

    /// A ticket of this connection is answered.
    pub(super) fn answered(&mut self, now: Now, conn: ConnId, charge: u64) {
        let Some(connection) = self.conns.get_mut(&conn) else { return };
        connection.taken.sub(charge);
        self.part_if_due(now, conn);
    }

    /// Whoever is leaving goes once nothing is owed any more.
    pub(super) fn part_if_due(&mut self, now: Now, conn: ConnId) {
        let Some(connection) = self.conns.get(&conn).filter(|it| !it.is_owed()) else { return };
        if let Phase::Leaving { reason, .. } = &connection.phase {
            let reason = reason.clone();
            self.part(now, conn, reason);
        }
    }

    // ---- time ----------------------------------------------------------------------------------------

    fn sign_in_due(&mut self, now: Now, conn: ConnId) {
        let waiting = self.conns.get(&conn).is_some_and(|it| it.grant().is_none());
        if waiting {
            self.counters.sign_in_timeouts += 1;
            self.close(now, conn, CloseReason::SignInTimeout);
        }
    }

    fn silence_due(&mut self, now: Now, conn: ConnId) {
        let Some(connection) = self.conns.get(&conn) else { return };
        let due = connection.silence_due(&self.config, now);
        if due <= now.mono_ms {
            self.counters.idle += 1;
            return self.close(now, conn, CloseReason::Idle);
        }
        let probe_ms = connection.silence(&self.config).probe_ms;
        if now.mono_ms >= connection.heard_mono_ms.saturating_add(probe_ms) {
            self.output(Output::Barrier(conn, 0));
        }
        self.timers.set(due, Due::Silence(conn));
    }

    fn expiry_due(&mut self, now: Now, conn: ConnId) {
        let Some(connection) = self.conns.get_mut(&conn) else { return };
        let Some(expires) = connection.grant().and_then(|grant| grant.expires) else { return };
        if expires.0 > now.unix_ms {
            // The wall clock went back.
            let due_mono_ms = expiry_due(now, expires);
            connection.expiry_mono_ms = Some(due_mono_ms);
            self.timers.set(due_mono_ms, Due::Expiry(conn));
            return;
        }
        self.counters.expired += 1;
        self.close(now, conn, CloseReason::Expired);
    }
}

/// When the monotonic clock is to be at the end of a grant.
pub(super) const fn expiry_due(now: Now, expires: UnixMs) -> u64 {
    now.mono_ms.saturating_add(expires.0.saturating_sub(now.unix_ms))
}

/// What storage said of a user's groups, with what happened since it was asked.
pub(super) fn known_groups(
    asked: Vec<GroupId>,
    listens: &[GroupId],
    moves: Vec<(GroupId, Place)>,
) -> BTreeMap<GroupId, Place> {
    let place = |group: &GroupId| if listens.contains(group) { Place::Listens } else { Place::Speaks };
    let asked = asked.into_iter().map(|group| {
        let place = place(&group);
        (group, place)
    });
    let mut groups: BTreeMap<GroupId, Place> = asked.collect();
    for (group, place) in moves {
        if place == Place::Out {
            groups.remove(&group);
        } else {
            groups.insert(group, place);
        }
    }
    groups
}
