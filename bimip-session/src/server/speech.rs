//! What clients say, and what follows.

use bimip_proto::{
    Claim, ClientPacket, ClientRef, CloseReason, Device, Draft, Fault, FaultKind, GroupCommand, MessageRef,
    Now, Offset, React, Reject, Revise, Said, ServerPacket, Status, Talk, TalkAct, TokenTask, UserCommand,
};

use super::connection::{Connection, Phase};
use super::core::ServerCore;
use super::io::{ConnId, Output};
use super::reader::{Claimed, Reader};
use super::{draft, receipt};
use crate::ledger::{Ack, Advance, Outgoing, Put, Ticket};

impl ServerCore {
    pub(super) fn said(&mut self, now: Now, conn: ConnId, said: Said) {
        if self.is_out_of_turn(now, conn, &said.packet) {
            return self.turn_away(now, conn, &said);
        }
        let Some(connection) = self.conns.get(&conn) else { return };
        let waits = match connection.phase {
            Phase::Granting | Phase::Attaching { .. } => true,
            // In order: what comes after a waiting packet waits too.
            Phase::Live { .. } | Phase::Calling { .. } => {
                let full = commits(&said.packet) && !self.has_room(conn);
                connection.barred > 0 || !connection.held.is_empty() || full
            }
            _ => false,
        };
        if waits { self.hold(now, conn, said) } else { self.carry(now, conn, said) }
    }

    /// Carries out what a connection has waiting, as far as there is room.
    pub(super) fn release(&mut self, now: Now, conn: ConnId) {
        if !self.barrier_passes(now, conn) {
            return self.stalled.push_back(conn);
        }
        loop {
            let Some(connection) = self.conns.get(&conn) else { return };
            let Some(next) = connection.held.front() else { break };
            if connection.barred > 0 || matches!(connection.phase, Phase::Attaching { .. }) {
                // What it waits for calls again.
                return;
            }
            if connection.is_live() && commits(&next.packet) && !self.has_room(conn) {
                return self.stalled.push_back(conn);
            }
            if let Some(said) = self.take_held(conn) {
                self.carry(now, conn, said);
            }
        }
        if let Some(connection) = self.conns.get_mut(&conn)
            && std::mem::take(&mut connection.paused)
        {
            self.output(Output::Resume(conn));
        }
    }

    /// Storage answered: whoever waits gets a turn. What clients say and what fills their mailboxes take turns, or one
    /// would never come to it while there is no end of the other.
    pub(super) fn unstall(&mut self, now: Now) {
        let pulls_first = self.pulls.take_turn();
        if pulls_first {
            self.pull_waiting();
        }
        for _ in 0..self.stalled.len() {
            if !self.core_has_room() {
                break;
            }
            if let Some(conn) = self.stalled.pop_front() {
                self.release(now, conn);
            }
        }
        if !pulls_first {
            self.pull_waiting();
        }
        self.read_on();
    }

    fn carry(&mut self, now: Now, conn: ConnId, said: Said) {
        let Some(connection) = self.conns.get(&conn) else { return };
        match (&connection.phase, &said.packet) {
            (Phase::AwaitSignIn, ClientPacket::SignIn { .. }) => self.sign_in(conn, said.packet),
            (Phase::Live { .. }, _) => self.live(now, conn, said),
            (Phase::Calling { .. }, packet) => {
                if self.has_to_learn(conn, packet) {
                    return self.learn_first(conn, said);
                }
                self.live(now, conn, said);
            }
            (Phase::Leaving { .. }, packet) => {
                let ack = ack_of(packet);
                self.refuse(conn, &ack, Reject::Unavailable);
            }
            (_, _) => self.out_of_place(now, conn, said.origin, "sign in first"),
        }
    }

    fn sign_in(&mut self, conn: ConnId, packet: ClientPacket) {
        let ClientPacket::SignIn { user, device, token } = packet else { return };
        if let Some(connection) = self.conns.get_mut(&conn) {
            connection.phase = Phase::Granting;
        }
        self.output(Output::Authenticate { conn, user, device, token });
    }

    fn out_of_place(&mut self, now: Now, conn: ConnId, origin: u32, details: &'static str) {
        self.garbled(now, conn, Fault { kind: FaultKind::OutOfPlace, origin, details: details.into() });
    }

    fn live(&mut self, now: Now, conn: ConnId, said: Said) {
        let Some(device) = self.conns.get(&conn).and_then(Connection::grant).map(|it| it.device.clone())
        else {
            return;
        };
        if let Claim::Other(_) = said.claim {
            return self.not_yourself(now, conn, &said);
        }
        match said.packet {
            ClientPacket::Send(draft) => self.draft(now, conn, &device, draft),
            ClientPacket::Talk(talk) => self.talk(now, conn, &device, talk),
            ClientPacket::Revise(revise) => self.revise(now, conn, &device, revise),
            ClientPacket::React(react) => self.react(now, conn, &device, react),
            ClientPacket::Dispose(upto) => self.stored(now, conn, &device, said.origin, upto),
            ClientPacket::Delivered(messages) => self.delivered(now, conn, &device, messages),
            ClientPacket::Mark { message, status } => self.mark(now, conn, &device, message, status),
            // The words of a sign-in, from somebody who is signed in: is this token good?
            ClientPacket::SignIn { user, token, .. } => {
                if user.is_some_and(|user| user != device.user) {
                    return self.garbled(now, conn, not_yourself(said.origin));
                }
                self.ask_about_token(conn, &device, said.origin, (TokenTask::Validate, token));
            }
            ClientPacket::Token { task, token } => {
                self.ask_about_token(conn, &device, said.origin, (task, token));
            }
            ClientPacket::Aware(awareness) => self.awareness(now, conn, &device, awareness),
            ClientPacket::Signal(signal) => self.signal(now, conn, &device, said.origin, signal),
            ClientPacket::Track(track) => self.track(conn, &device, said.origin, track),
            ClientPacket::SetVisible { id, visible } => {
                self.set_visible(now, conn, &device, said.origin, (id, visible));
            }
            ClientPacket::PushToken(token) => self.set_push_token(now, conn, &device, said.origin, token),
            ClientPacket::LogOut(what) => self.log_out(now, conn, &device, said.origin, what),
            ClientPacket::Group(command) => self.group(now, conn, &device, command),
            ClientPacket::User(command) => self.user(now, conn, &device, command),
            ClientPacket::Join(group) => self.join(now, conn, &device, group),
            ClientPacket::Leave(group) => self.leave_group(now, conn, &device, group),
            ClientPacket::Query(query) => self.query(conn, &device, query),
            ClientPacket::Ping(ping) => {
                self.send(conn, ServerPacket::Pong { ping, at: now.stamp() });
                self.look_after(now, conn);
            }
            ClientPacket::Bye => self.leave(now, conn, CloseReason::Bye),
            ClientPacket::Unfit { id, reason } => self.decline(conn, said.origin, id, reason),
            _ => self.garbled(now, conn, unsupported(said.origin)),
        }
    }

    /// Identity comes from the session. A command is refused by name where it has one.
    fn not_yourself(&mut self, now: Now, conn: ConnId, said: &Said) {
        let ack = ack_of(&said.packet);
        match Outgoing::refuse(&ack, Reject::NotYourself) {
            Some(refusal) => {
                self.counters.fault(FaultKind::NotYourself);
                self.counters.rejected += 1;
                self.output(Output::Send(conn, refusal));
            }
            None => self.garbled(now, conn, not_yourself(said.origin)),
        }
    }

    /// The refusal of what asks nothing of storage: it will not pass.
    pub(super) fn decline(&mut self, conn: ConnId, origin: u32, id: Option<ClientRef>, reason: Reject) {
        self.counters.rejected += 1;
        self.send(conn, ServerPacket::Declined { origin, id, reason, retry_after_ms: None });
    }

    pub(super) fn refuse(&mut self, conn: ConnId, ack: &Ack, reason: Reject) {
        self.counters.rejected += 1;
        if let Some(refusal) = Outgoing::refuse(ack, reason) {
            self.output(Output::Send(conn, refusal));
        }
    }

    // ---- commands that commit -------------------------------------------------------------------------

    fn draft(&mut self, now: Now, conn: ConnId, device: &Device, draft: Draft) {
        self.counters.drafts += 1;
        let ack = Ack::Draft { client_ref: draft.client_ref.clone(), to: draft.to.clone() };
        match draft::put(now, device, draft) {
            Ok(put) => self.store(conn, vec![put.of_session(self.session_number(conn))], ack),
            Err(reason) => self.refuse(conn, &ack, reason),
        }
    }

    /// Hands puts to storage; the device's own cursor may ride along.
    pub(super) fn store(&mut self, conn: ConnId, puts: Vec<Put>, ack: Ack) {
        if self.is_draining() {
            return self.refuse(conn, &ack, Reject::Unavailable);
        }
        if ack.bars() {
            self.bar(conn);
        }
        let cursor = self.reader(conn).and_then(Reader::riding_cursor);
        self.commit(conn, Ticket::new(conn, puts, cursor, ack));
    }

    /// A device has stored what it was given: on this connection, or on another one, for which this one calls.
    fn stored(&mut self, now: Now, conn: ConnId, device: &Device, origin: u32, upto: Offset) {
        if !self.conns.get(&conn).is_some_and(|it| it.caps.calls) {
            return match self.reader(conn).and_then(|reader| reader.claims(upto)) {
                Some(Claimed::Known) => self.arrived(now, conn, upto.0),
                Some(Claimed::Beyond) => self.counters.dispose_clamped += 1,
                None => self.dispose(now, conn, conn, upto),
            };
        }
        match self.stream_of(device) {
            Some(stream) => self.dispose(now, conn, stream, upto),
            None => self.decline(conn, origin, None, Reject::NoStream),
        }
    }

    /// `conn` says it and is answered; the rows were given to `reads`.
    fn dispose(&mut self, now: Now, conn: ConnId, reads: ConnId, upto: Offset) {
        let Some(reader) = self.reader(reads) else { return };
        let disposal = reader.dispose(upto);
        let device = reader.device().clone();
        if disposal.clamped {
            self.counters.dispose_clamped += 1;
        }
        self.counters.marks += disposal.delivered.len() as u64;
        let puts = receipt::of_disposal(now, &device, disposal.delivered);
        let advance = Advance { device, from: disposal.from, to: disposal.cursor };
        let ticket = Ticket::new(conn, puts, Some(advance), Ack::Disposed(disposal.answered));
        self.commit(conn, ticket);
        self.fill(reads);
    }

    fn delivered(&mut self, now: Now, conn: ConnId, device: &Device, messages: Vec<MessageRef>) {
        self.counters.marks += messages.len() as u64;
        let puts =
            messages.iter().map(|message| receipt::put(now, device, Status::Delivered, message.clone()));
        let puts = puts.collect();
        self.store(conn, puts, Ack::Delivered(messages));
    }

    fn revise(&mut self, now: Now, conn: ConnId, device: &Device, revise: Revise) {
        let ack = Ack::Revised(revise.client_ref.clone());
        match draft::revision(now, device, revise) {
            Ok(put) => self.store(conn, vec![put.of_session(self.session_number(conn))], ack),
            Err(reason) => self.refuse(conn, &ack, reason),
        }
    }

    fn react(&mut self, now: Now, conn: ConnId, device: &Device, react: React) {
        let ack = Ack::Reacted(react.client_ref.clone());
        let put = draft::reaction(now, device, react);
        self.store(conn, vec![put.of_session(self.session_number(conn))], ack);
    }

    fn group(&mut self, now: Now, conn: ConnId, device: &Device, command: GroupCommand) {
        self.counters.group_commands += 1;
        let ack = Ack::Grouped(command.client_ref.clone());
        match draft::command(now, device, command, self.config.row_members) {
            Ok(put) => self.store(conn, vec![put.of_session(self.session_number(conn))], ack),
            Err(reason) => self.refuse(conn, &ack, reason),
        }
    }

    fn user(&mut self, now: Now, conn: ConnId, device: &Device, command: UserCommand) {
        self.counters.user_commands += 1;
        let ack = Ack::User(command.client_ref.clone());
        match draft::user_command(now, device, command) {
            Ok(put) => self.store(conn, vec![put.of_session(self.session_number(conn))], ack),
            Err(reason) => self.refuse(conn, &ack, reason),
        }
    }

    fn mark(&mut self, now: Now, conn: ConnId, device: &Device, message: MessageRef, status: Status) {
        self.counters.marks += 1;
        let put = receipt::put(now, device, status, message.clone());
        self.store(conn, vec![put], Ack::Marked { message, status });
    }
}

fn not_yourself(origin: u32) -> Fault {
    Fault { kind: FaultKind::NotYourself, origin, details: "from is not the signed-in user".into() }
}

fn unsupported(origin: u32) -> Fault {
    Fault { kind: FaultKind::Unsupported, origin, details: "not served here".into() }
}

/// Whether carrying a packet out takes a ticket, for which there has to be room. A disposal is never turned down for want
/// of it, but waits like the rest: who says the same again and again would have a ticket for each.
const fn commits(packet: &ClientPacket) -> bool {
    matches!(
        packet,
        ClientPacket::Send(_)
            | ClientPacket::Revise(_)
            | ClientPacket::React(_)
            | ClientPacket::Dispose(_)
            | ClientPacket::Delivered(_)
            | ClientPacket::Mark { .. }
            | ClientPacket::Group(_)
            | ClientPacket::User(_)
            | ClientPacket::Join(_)
            | ClientPacket::Leave(_)
            | ClientPacket::SetVisible { .. }
            | ClientPacket::PushToken(_)
            | ClientPacket::LogOut(_)
            | ClientPacket::Token { .. }
            | ClientPacket::Talk(Talk { act: TalkAct::Stop, .. })
    )
}

/// How a packet is answered when it is refused.
pub(super) fn ack_of(packet: &ClientPacket) -> Ack {
    match packet {
        ClientPacket::Send(draft) => {
            Ack::Draft { client_ref: draft.client_ref.clone(), to: draft.to.clone() }
        }
        ClientPacket::Revise(revise) => Ack::Revised(revise.client_ref.clone()),
        ClientPacket::React(react) => Ack::Reacted(react.client_ref.clone()),
        ClientPacket::Query(query) => Ack::Query(query.id.clone()),
        ClientPacket::Group(command) => Ack::Grouped(command.client_ref.clone()),
        ClientPacket::User(command) => Ack::User(command.client_ref.clone()),
        ClientPacket::Join(group) => Ack::Joined(group.clone()),
        ClientPacket::Leave(group) => Ack::Left(group.clone()),
        ClientPacket::Mark { message, status } => Ack::Marked { message: message.clone(), status: *status },
        _ => Ack::None,
    }
}
