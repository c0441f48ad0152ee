//! Proofs and pages: how rows reach devices.

use bimip_proto::{Address, CloseReason, CursorBy, Device, Head, Now, Offset, Seq};

use super::connection::{Connection, Phase};
use super::core::ServerCore;
use super::io::{ConnId, Output, Page};
use super::reader::{Offer, Reader};
use super::receipt;
use super::timers::Due;
use crate::ledger::{Ack, Advance, Committed, Delivery, Failed, Outcome, Outgoing, Ticket};

/// A page that could not be read is asked for again after so long, or twice that.
const REREAD_MS: u64 = 1_000;

impl ServerCore {
    pub(super) fn reader(&mut self, conn: ConnId) -> Option<&mut Reader> {
        match self.conns.get_mut(&conn) {
            Some(Connection { phase: Phase::Live { reader, .. }, .. }) => Some(reader),
            _ => None,
        }
    }

    /// A ticket is durable: its command is answered first, then its rows go to whoever is there.
    pub(super) fn committed(&mut self, now: Now, proof: &Committed) {
        for outcome in proof.outcomes() {
            match outcome {
                Outcome::Stored(placed) => {
                    self.counters.accepted += 1;
                    self.met(&placed.head);
                }
                Outcome::Repeat(_) => self.counters.repeats += 1,
                Outcome::Refused(_) => self.counters.rejected += 1,
                Outcome::Joined { .. } | Outcome::Left { .. } | Outcome::Grouped { .. } => {
                    self.moved(now, outcome);
                }
                Outcome::Pulled { .. }
                | Outcome::Noted
                | Outcome::Revised { .. }
                | Outcome::Reacted { .. }
                | Outcome::User { .. }
                | Outcome::Stands { .. } => {}
            }
        }
        if let Some((device, offset)) = proof.cursor() {
            self.cursors.answered(device);
            if !proof.is_adrift() {
                self.cursor_stands(device, *offset);
            }
        }
        let conn = proof.conn();
        if self.conns.contains_key(&conn)
            && !self.ends_itself(proof)
            && let Some(ack) = Outgoing::ack(proof)
        {
            self.output(Output::Send(conn, ack));
        }
        self.tell_visibility(proof);
        self.decided(now, proof);
        for delivery in proof.deliveries() {
            self.deliver(now, delivery);
        }
        self.fed(proof.fed());
        self.goodbyes(proof);
        if let [Outcome::Pulled { user, more }] = proof.outcomes() {
            self.pulled(user, *more);
        }
        self.wake_others(proof);
        if proof.is_adrift() {
            self.adrift(now, conn, proof.cursor().map(|(device, _)| device));
        }
        self.answered(now, conn, proof.charge());
        if proof.ack().bars() {
            self.unbar(now, conn);
        }
    }

    /// A device that comes back must not be sent again what its last session disposed of: storage may have looked
    /// before that was durable.
    fn cursor_stands(&mut self, device: &Device, offset: Offset) {
        for conn in self.roster.of(&device.user) {
            if let Some(Connection { phase: Phase::Attaching { grant, cursor, .. }, .. }) =
                self.conns.get_mut(conn)
                && grant.device == *device
            {
                *cursor = (*cursor).max(offset);
            }
        }
    }

    /// With the first message between two, each of them may see what the other is doing.
    fn met(&mut self, head: &Head) {
        if let (Seq(1), Address::User(to)) = (head.seq, &head.to) {
            self.shown(&head.from.user);
            self.shown(to);
        }
    }

    pub(super) fn failed(&mut self, now: Now, failed: &Failed) {
        self.counters.failed += 1;
        if let Some((device, _)) = failed.cursor() {
            self.cursors.answered(device);
        }
        let conn = failed.conn();
        if self.conns.contains_key(&conn)
            && let Some(refusal) = Outgoing::refusal(failed)
        {
            self.output(Output::Send(conn, refusal));
        }
        if let Some(connection) = self.conns.get_mut(&conn) {
            // What failed comes before what was refused as busy.
            connection.in_turn = None;
        }
        if let Ack::Pulled(user) = failed.ack() {
            self.pull_failed(now, user);
        }
        let returns = self.conns.get(&conn).is_some_and(|it| it.caps.cursor == CursorBy::Return);
        if matches!(failed.ack(), Ack::Disposed(_)) || returns && failed.cursor().is_some() {
            self.adrift(now, conn, failed.cursor().map(|(device, _)| device));
        }
        self.answered(now, conn, failed.charge());
        if failed.ack().bars() {
            self.unbar(now, conn);
        }
    }

    /// What a disposal delivers could not be stored, and there is no word for that. Its rows have to come again, from
    /// where the cursor stands: on the connection that said it, and if that called, on the stream that it called for.
    fn adrift(&mut self, now: Now, conn: ConnId, device: Option<&Device>) {
        let stream = device.and_then(|device| self.stream_of(device));
        let called = match self.conns.get(&conn) {
            Some(connection) => connection.caps.calls,
            // A call may be gone before its answer.
            None => stream.and_then(|stream| self.conns.get(&stream)).is_some_and(Connection::is_called_for),
        };
        if let Some(stream) = stream.filter(|_| called) {
            self.close(now, stream, CloseReason::Unavailable);
        }
        if self.conns.contains_key(&conn) {
            self.close(now, conn, CloseReason::Unavailable);
        }
    }

    fn deliver(&mut self, now: Now, delivery: &Delivery) {
        // Indexed, since readers and the roster are parts of one core; nobody joins or leaves meanwhile.
        for index in 0..self.roster.of(&delivery.user).len() {
            let conn = self.roster.of(&delivery.user)[index];
            let Some(connection) = self.conns.get_mut(&conn) else { continue };
            match &mut connection.phase {
                Phase::Attaching { head, .. } => *head = (*head).max(delivery.offset),
                Phase::Live { reader, .. } => {
                    let offer = reader.offer(now.stamp(), delivery.offset, &delivery.entry);
                    self.offered(conn, offer);
                    self.fill(conn);
                }
                _ => {}
            }
        }
    }

    pub(super) fn page(&mut self, now: Now, page: Page) {
        let Some(reader) = self.reader(page.conn) else { return };
        let Some(rows) = page.rows else {
            reader.page_failed();
            // Nothing else need happen that would ask again. At whole seconds, so that few of these wait.
            let due_mono_ms = (now.mono_ms / REREAD_MS + 2) * REREAD_MS;
            return self.timers.set(due_mono_ms, Due::Reread(page.conn));
        };
        let mut offers = Vec::with_capacity(rows.len());
        reader.page(now.stamp(), rows, |offer| offers.push(offer));
        for offer in offers {
            self.offered(page.conn, offer);
        }
        if let Some(upto) = self.reader(page.conn).and_then(|reader| reader.claimed()) {
            return self.arrived(now, page.conn, upto.0);
        }
        self.fill(page.conn);
    }

    fn offered(&mut self, conn: ConnId, offer: Offer) {
        match offer {
            Offer::Send(row) => {
                self.counters.delivered += 1;
                let sound = self.reader(conn).and_then(|reader| reader.missed(row.offset, &row.entry));
                self.counters.talks_replayed += u64::from(sound.is_some());
                let row = Outgoing::deliver(row);
                self.output(match sound {
                    Some(sound) => Output::Replay(conn, row, sound),
                    None => Output::Send(conn, row),
                });
            }
            Offer::PassedOver => self.counters.passed_over += 1,
            Offer::Later => {}
        }
    }

    /// Keeps a reader going: the next page when there is room for one, and the barrier for what was sent.
    pub(super) fn fill(&mut self, conn: ConnId) {
        let Some(reader) = self.reader(conn) else { return };
        let barrier = reader.barrier_due();
        let wanted = reader.wants(conn);
        if reader.is_to_return() {
            // At once: the first look at the time finds it.
            self.timers.set(0, Due::Return(conn));
        }
        if let Some(upto) = barrier {
            self.output(Output::Barrier(conn, upto));
        }
        if let Some(page) = wanted {
            self.output(Output::Read(page));
        }
        self.pull_for(conn);
    }

    /// A stream whose client says nothing meanwhile has given all that it may.
    pub(super) fn return_due(&mut self, now: Now, conn: ConnId) {
        if self.reader(conn).is_some_and(|reader| reader.is_to_return()) {
            self.counters.returns += 1;
            self.close(now, conn, CloseReason::ComeBack);
        }
    }

    /// A barrier came back. The number of a mere sign of life is 0.
    pub(super) fn arrived(&mut self, now: Now, conn: ConnId, upto: u64) {
        if upto == 0 {
            return self.look_after(now, conn);
        }
        let Some(connection) = self.conns.get_mut(&conn) else { return };
        connection.arrived = Some(upto);
        if !self.barrier_passes(now, conn) {
            self.stalled.push_back(conn);
        }
    }

    /// Moves the cursor by a barrier that came back, if there is one. `false` when it has to wait for room: rows that
    /// need no acknowledgement must not have tickets without end under way. At most one barrier is out, so at most one
    /// waits, and meanwhile no more rows than a window fly.
    pub(super) fn barrier_passes(&mut self, now: Now, conn: ConnId) -> bool {
        let Some(upto) = self.conns.get(&conn).and_then(|connection| connection.arrived) else { return true };
        if !self.has_room(conn) {
            return false;
        }
        if let Some(connection) = self.conns.get_mut(&conn) {
            connection.arrived = None;
        }
        let Some(reader) = self.reader(conn) else { return true };
        if let Some(disposal) = reader.barrier(upto) {
            let device = reader.device().clone();
            let puts = receipt::of_disposal(now, &device, disposal.delivered);
            let advance = Advance { device, from: disposal.from, to: disposal.cursor };
            self.commit(conn, Ticket::new(conn, puts, Some(advance), Ack::None));
        }
        self.fill(conn);
        true
    }

    /// A sign of life, which comes now and then.
    pub(super) fn look_after(&mut self, now: Now, conn: ConnId) {
        let patience_ms = self.config.commit_patience_ms;
        let Some(reader) = self.reader(conn) else { return };
        reader.lose_patience(now.mono_ms, patience_ms);
        self.fill(conn);
    }
}
