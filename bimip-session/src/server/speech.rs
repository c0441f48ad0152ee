//! What clients say, and what follows.

use bimip_proto::{
    Address, Claim, ClientPacket, CloseReason, Device, Draft, Fault, FaultKind, Floor, MessageRef, Now,
    Offset, Reject, Said, ServerPacket, Status, Talk, TalkAct, limits,
};

use super::burst::Airing;
use super::connection::{Connection, Phase};
use super::core::ServerCore;
use super::io::{ConnId, Output};
use super::reader::Reader;
use super::{draft, receipt};
use crate::ledger::{Ack, Outgoing, Put, Ticket};

impl ServerCore {
    pub(super) fn said(&mut self, now: Now, conn: ConnId, said: Said) {
        let Some(connection) = self.conns.get(&conn) else { return };
        let waits = match connection.phase {
            Phase::Granting | Phase::Attaching { .. } => true,
            // In order: what comes after a waiting packet waits too.
            Phase::Live { .. } => {
                !connection.held.is_empty() || (commits(&said.packet) && !self.has_room(conn))
            }
            _ => false,
        };
        if waits { self.hold(conn, said) } else { self.carry(now, conn, said) }
    }

    /// Keeps a packet until it can be carried out, and stops the reading while there are many.
    fn hold(&mut self, conn: ConnId, said: Said) {
        let Some(connection) = self.conns.get_mut(&conn) else { return };
        if connection.held.len() >= limits::HELD_PACKETS {
            return self.refuse(conn, &ack_of(&said.packet), Reject::Busy);
        }
        connection.held.push_back(said);
        let full = connection.held.len() >= limits::PAUSE_PACKETS && !connection.paused;
        let (first, live) = (connection.held.len() == 1, matches!(connection.phase, Phase::Live { .. }));
        connection.paused |= full;
        if full {
            self.output(Output::Pause(conn));
        }
        if first && live {
            self.stalled.push_back(conn);
        }
    }

    /// Carries out what a connection has waiting, as far as there is room.
    pub(super) fn release(&mut self, now: Now, conn: ConnId) {
        loop {
            let Some(connection) = self.conns.get(&conn) else { return };
            let Some(next) = connection.held.front() else { break };
            if matches!(connection.phase, Phase::Live { .. }) && commits(&next.packet) && !self.has_room(conn)
            {
                return self.stalled.push_back(conn);
            }
            let next = self.conns.get_mut(&conn).and_then(|connection| connection.held.pop_front());
            if let Some(said) = next {
                self.carry(now, conn, said);
            }
        }
        if let Some(connection) = self.conns.get_mut(&conn)
            && std::mem::take(&mut connection.paused)
        {
            self.output(Output::Resume(conn));
        }
    }

    /// Storage answered: whoever waits gets a turn.
    pub(super) fn unstall(&mut self, now: Now) {
        for _ in 0..self.stalled.len() {
            if let Some(conn) = self.stalled.pop_front() {
                self.release(now, conn);
            }
        }
    }

    fn carry(&mut self, now: Now, conn: ConnId, said: Said) {
        let Some(connection) = self.conns.get(&conn) else { return };
        match (&connection.phase, &said.packet) {
            (Phase::AwaitSignIn, ClientPacket::SignIn { .. }) => self.sign_in(conn, said.packet),
            (Phase::Live { .. }, ClientPacket::SignIn { .. }) => {
                self.out_of_place(now, conn, said.origin, "already signed in");
            }
            (Phase::Live { .. }, _) => self.live(now, conn, said),
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
            ClientPacket::Dispose(upto) => self.dispose(now, conn, upto),
            ClientPacket::Delivered(messages) => self.delivered(now, conn, &device, messages),
            ClientPacket::Mark { message, status } => self.mark(now, conn, &device, message, status),
            ClientPacket::Ping(ping) => self.send(conn, ServerPacket::Pong { ping, at: now.stamp() }),
            ClientPacket::Bye => self.close(conn, CloseReason::Bye),
            _ => self.garbled(now, conn, unsupported(said.origin)),
        }
    }

    /// Identity comes from the session. A command is refused by name where it has one.
    fn not_yourself(&mut self, now: Now, conn: ConnId, said: &Said) {
        let ack = ack_of(&said.packet);
        let fault = Fault {
            kind: FaultKind::NotYourself,
            origin: said.origin,
            details: "from is not the signed-in user".into(),
        };
        match Outgoing::refuse(&ack, Reject::NotYourself) {
            Some(refusal) => {
                self.counters.fault(FaultKind::NotYourself);
                self.counters.rejected += 1;
                self.output(Output::Send(conn, refusal));
            }
            None => self.garbled(now, conn, fault),
        }
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
        let ack = Ack::Draft(draft.client_ref.clone());
        match draft::put(now, device, draft) {
            Ok(put) => self.store(conn, vec![put], ack),
            Err(reason) => self.refuse(conn, &ack, reason),
        }
    }

    /// Hands puts to storage; the device's own cursor may ride along.
    fn store(&mut self, conn: ConnId, puts: Vec<Put>, ack: Ack) {
        if self.is_draining() {
            return self.refuse(conn, &ack, Reject::Unavailable);
        }
        let cursor = self.reader(conn).and_then(Reader::riding_cursor);
        self.commit(conn, Ticket::new(conn, puts, cursor, ack));
    }

    fn dispose(&mut self, now: Now, conn: ConnId, upto: Offset) {
        let Some(reader) = self.reader(conn) else { return };
        let disposal = reader.dispose(upto);
        let device = reader.device().clone();
        if disposal.clamped {
            self.counters.dispose_clamped += 1;
        }
        self.counters.marks += disposal.delivered.len() as u64;
        let puts = receipt::of_disposal(now, &device, disposal.delivered);
        let ticket =
            Ticket::new(conn, puts, Some((device, disposal.cursor)), Ack::Disposed(disposal.answered));
        // Never refused for want of room: a disposal frees more than it takes, and the window bounds them.
        self.commit(conn, ticket);
        self.fill(conn);
    }

    fn delivered(&mut self, now: Now, conn: ConnId, device: &Device, messages: Vec<MessageRef>) {
        self.counters.marks += messages.len() as u64;
        let puts =
            messages.iter().map(|message| receipt::put(now, device, Status::Delivered, message.clone()));
        let puts = puts.collect();
        self.store(conn, puts, Ack::Delivered(messages));
    }

    fn mark(&mut self, now: Now, conn: ConnId, device: &Device, message: MessageRef, status: Status) {
        self.counters.marks += 1;
        let put = receipt::put(now, device, status, message.clone());
        self.store(conn, vec![put], Ack::Marked { message, status });
    }

    // ---- talks ----------------------------------------------------------------------------------------

    fn talk(&mut self, now: Now, conn: ConnId, device: &Device, talk: Talk) {
        let Talk { to, act, .. } = talk;
        match act {
            TalkAct::Start { label, payload } => {
                if let Err(reason) = self.start(now, conn, device, &to) {
                    self.counters.talks_denied += 1;
                    return self.send(conn, ServerPacket::Floor(Floor::Denied { to, reason }));
                }
                let granted =
                    Floor::Granted { to: to.clone(), label: label.clone(), payload: payload.clone() };
                self.send(conn, ServerPacket::Floor(granted));
                self.relay(conn, device, &to, TalkAct::Start { label, payload });
            }
            TalkAct::Audio { label, payload } => {
                match self.bursts.audio(now, &self.config, &device.user, &to) {
                    Airing::Relay => {
                        let reached = self.relay(conn, device, &to, TalkAct::Audio { label, payload });
                        self.counters.audio_relayed += reached;
                        self.counters.audio_dropped += u64::from(reached == 0);
                    }
                    Airing::Cut(duration_ms) => {
                        self.counters.talks_cut += 1;
                        self.end_talk(now, conn, device, to, Some(duration_ms), Ack::Talk);
                    }
                    Airing::Nowhere => self.counters.audio_dropped += 1,
                }
            }
            TalkAct::Stop => {
                let duration_ms = self.bursts.stop(now, &device.user, &to, &mut self.timers);
                self.end_talk(now, conn, device, to, duration_ms, Ack::Talk);
            }
            _ => {}
        }
    }

    fn start(&mut self, now: Now, conn: ConnId, device: &Device, to: &Address) -> Result<(), Reject> {
        if matches!(to, Address::Group(_)) {
            return Err(Reject::Unsupported);
        }
        if self.is_draining() {
            return Err(Reject::Unavailable);
        }
        if !self.bursts.start(now, &self.config, conn, &device.user, to, &mut self.timers) {
            return Err(Reject::Busy);
        }
        self.counters.talks += 1;
        if let Some(connection) = self.conns.get_mut(&conn) {
            connection.talked = true;
        }
        Ok(())
    }

    fn end_talk(
        &mut self,
        now: Now,
        conn: ConnId,
        device: &Device,
        to: Address,
        duration_ms: Option<u32>,
        ack: Ack,
    ) {
        match draft::talk_put(now, device, to, duration_ms) {
            Ok(put) => self.store(conn, vec![put], ack),
            Err(reason) => self.refuse(conn, &ack, reason),
        }
    }

    /// A talker whose connection is gone has stopped, whether it said so or not.
    pub(super) fn abandon_talks(&mut self, now: Now, conn: ConnId) {
        let Some(connection) = self.conns.get(&conn).filter(|connection| connection.talked) else { return };
        let Some(device) = connection.grant().map(|grant| grant.device.clone()) else { return };
        for (to, duration_ms) in self.bursts.abandoned(now, conn, &mut self.timers) {
            self.end_talk(now, conn, &device, to, Some(duration_ms), Ack::None);
        }
    }

    /// Passes live voice on, to every connection of the target that speaks it, and counts them.
    fn relay(&mut self, conn: ConnId, device: &Device, to: &Address, act: TalkAct) -> u64 {
        let Address::User(user) = to else { return 0 };
        let to_self = *user == device.user;
        let speaks = |other: &ConnId| {
            // Also to one that is still being attached: live voice waits for no mailbox.
            let known = |it: &&Connection| matches!(it.phase, Phase::Live { .. } | Phase::Attaching { .. });
            let talks = self.conns.get(other).filter(known).is_some_and(|it| it.caps.talks);
            talks && (*other != conn || to_self)
        };
        let conns: Vec<ConnId> = self.roster.of(user).iter().copied().filter(speaks).collect();
        for other in &conns {
            let talk = Talk { from: device.user.clone(), to: to.clone(), act: act.clone() };
            self.send(*other, ServerPacket::Talk(talk));
        }
        conns.len() as u64
    }
}

fn unsupported(origin: u32) -> Fault {
    Fault { kind: FaultKind::Unsupported, origin, details: "not served here".into() }
}

/// Whether carrying a packet out takes a ticket, for which there has to be room. A disposal needs none: it frees
/// more than it takes.
const fn commits(packet: &ClientPacket) -> bool {
    matches!(
        packet,
        ClientPacket::Send(_)
            | ClientPacket::Delivered(_)
            | ClientPacket::Mark { .. }
            | ClientPacket::Talk(Talk { act: TalkAct::Stop, .. })
    )
}

/// How a packet is answered when it is refused.
fn ack_of(packet: &ClientPacket) -> Ack {
    match packet {
        ClientPacket::Send(draft) => Ack::Draft(draft.client_ref.clone()),
        ClientPacket::Mark { message, status } => Ack::Marked { message: message.clone(), status: *status },
        _ => Ack::None,
    }
}
