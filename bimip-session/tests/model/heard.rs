//! What the server says, against what it owes.

use bimip_proto::{CloseReason, Entry, Message, Noted, Offset, Reject, Row, ServerPacket, Welcome};
use bimip_session::server::ConnId;

use crate::ops::User;
use crate::reference::{self, Command, Verdict};
use crate::sessions::{Owed, Phase};
use crate::system::WINDOW_ROWS;
use crate::twins::{Twins, client_ref};

impl Twins {
    /// Takes everything that was sent, in order.
    pub(crate) fn hear(&mut self) -> Result<(), String> {
        while let Some((conn, packet)) = self.system.sent.pop_front() {
            match packet {
                ServerPacket::Welcome(welcome) => self.welcomed(conn, &welcome)?,
                ServerPacket::Deliver(row) => self.shown(conn, &row)?,
                ServerPacket::Bye(reason) => self.parted(conn, &reason)?,
                answer => self.answered(conn, &answer)?,
            }
        }
        Ok(())
    }

    /// CUR-2, CUR-4, SES-2: it begins after its cursor. Nothing that was acknowledged is forgotten, and
    /// nothing is passed over that it did not store.
    fn welcomed(&mut self, conn: ConnId, welcome: &Welcome) -> Result<(), String> {
        let session = self.session(conn)?;
        let device = session.device;
        if session.phase != Phase::Asking {
            return Err(format!("{device:?} is welcomed twice"));
        }
        session.phase = Phase::Up;
        session.shown = welcome.resume_from.0;
        let (promised, stored) =
            (self.sessions.promised[device.index()], self.sessions.stored[device.index()]);
        let from = welcome.resume_from.0;
        if from < promised || from < self.cursor(device) {
            let cursor = self.cursor(device);
            return Err(format!(
                "I6: {device:?} begins after {from}, was told {promised}, has its cursor at {cursor}"
            ));
        }
        if from > stored && self.reference.shows_between(device, stored, from) {
            return Err(format!("I8: {device:?} begins after {from} and has stored {stored}"));
        }
        let head = self.reference.head(device.user());
        if (welcome.epoch, welcome.first, welcome.head) != (7, Offset(1), Offset(head)) {
            return Err(format!("{device:?} is welcomed with {welcome:?}, and the head is {head}"));
        }
        self.count(if from > 0 { "a session that goes on" } else { "a session that begins" });
        self.sessions.release(conn, &self.reference);
        Ok(())
    }

    /// I4, I8, I9: the next row that it is shown, as it is, and no more than fit.
    fn shown(&mut self, conn: ConnId, row: &Row) -> Result<(), String> {
        let session = self.session(conn)?;
        let (device, before) = (session.device, session.shown);
        if session.calls || session.phase != Phase::Up && !matches!(session.phase, Phase::Parting(_)) {
            return Err(format!("a row is sent to {session:?}"));
        }
        session.shown = row.offset.0;
        session.in_flight.push_back(row.offset.0);
        let full = session.in_flight.len() == WINDOW_ROWS as usize;
        // WIN-1
        if session.in_flight.len() > WINDOW_ROWS as usize {
            return Err(format!("{} rows are in flight to {device:?}", session.in_flight.len()));
        }
        // ROW-1: `prev` is the row before it in this device's view.
        if row.prev.0 != before || row.offset.0 <= before {
            return Err(format!(
                "I8: {device:?} was sent {before}, and now {} after {}",
                row.offset, row.prev
            ));
        }
        if !self.reference.is_shown(device, row.offset.0) {
            return Err(format!("I9: {device:?} is sent {}, which it caused or has not", row.offset));
        }
        if self.reference.shows_between(device, before, row.offset.0 - 1) {
            return Err(format!("I8: {device:?} misses rows between {before} and {}", row.offset));
        }
        let seen = &mut self.seen[device.index()];
        let (again, further) = (row.offset.0 <= *seen, row.offset.0.max(*seen));
        *seen = further;
        if full {
            self.count("a window that is full");
        }
        self.count(if again { "a row that was sent before" } else { "a new row" });
        self.compare_row(device.user(), row.offset.0, &row.entry)
    }

    fn parted(&mut self, conn: ConnId, reason: &CloseReason) -> Result<(), String> {
        let session = self.session(conn)?;
        let expected = session.phase == Phase::Parting(reason.clone()) && session.owed.is_empty();
        let (device, calls) = (session.device, session.calls);
        // CUR-7: nor is a disposal answered that comes after one that was refused.
        let drifted = *reason == CloseReason::Unavailable && self.sessions.adrift[device.index()];
        if !expected && !drifted {
            let session = self.session(conn)?;
            return Err(format!("told goodbye for {reason:?}: {session:?}"));
        }
        self.sessions.all.retain(|session| session.conn != conn);
        let closed = self.system.closed.iter().position(|(other, why)| (*other, why) == (conn, reason));
        match closed {
            Some(at) => drop(self.system.closed.remove(at)),
            None => return Err(format!("{conn} is told goodbye and not closed")),
        }
        self.count(match reason {
            CloseReason::Idle => "a session that fell silent",
            CloseReason::Replaced { .. } => "a session that was replaced",
            CloseReason::Unavailable => "a disposal that was refused",
            _ if calls => "a call that is over",
            _ => "a goodbye",
        });
        Ok(())
    }

    /// ACK-4, ORD-3: every command has an answer of its own, in the order in which they were carried out.
    fn answered(&mut self, conn: ConnId, packet: &ServerPacket) -> Result<(), String> {
        let session = self.session(conn)?;
        let device = session.device;
        let Some(owed) = session.owed.pop_front() else {
            return Err(format!("{device:?} asked nothing and is answered {packet:?}"));
        };
        let right = match &owed {
            Owed::Pong => matches!(packet, ServerPacket::Pong { .. }),
            Owed::NoStream => {
                matches!(packet, ServerPacket::Declined { reason: Reject::NoStream, .. })
            }
            Owed::Unavailable(command) => self.is_refusal(command, packet, Reject::Unavailable, true),
            Owed::Answer(Command::Dispose { upto, .. }, _) => self.is_disposed(conn, *upto, packet),
            Owed::Answer(command, verdict) => self.is_answer(command, verdict, packet),
        };
        self.count(kind(&owed));
        if right { Ok(()) } else { Err(format!("{device:?} is owed {owed:?} and is told {packet:?}")) }
    }

    fn is_answer(&self, command: &Command, verdict: &Verdict, packet: &ServerPacket) -> bool {
        let refused = match verdict {
            Verdict::Conflict => Some(Reject::Conflict),
            Verdict::NotMember => Some(Reject::NotMember),
            Verdict::NoSuchMessage => Some(Reject::NoSuchMessage),
            Verdict::Accepted { .. } | Verdict::Done => None,
        };
        if let Some(reason) = refused {
            return self.is_refusal(command, packet, reason, false);
        }
        let names = &self.system.names;
        match (command, verdict, packet) {
            (
                Command::Send { name, .. },
                Verdict::Accepted { message, offset },
                ServerPacket::Accepted { client_ref: answered, head, offset: row },
            ) => {
                // I2: a repeat is told the same as the first time.
                *answered == name.map(client_ref) && *head == self.heads[*message] && row.0 == *offset
            }
            (Command::Delivered(list), _, ServerPacket::Noted(Noted::Delivered(answered))) => {
                list.len() == answered.len()
                    && list
                        .iter()
                        .zip(answered)
                        .all(|((message, it), name)| self.name(*message, *it) == *name)
            }
            (
                Command::Mark { about, naming, status },
                _,
                ServerPacket::Noted(Noted::Marked { message, status: said }),
            ) => *message == self.name(*about, *naming) && said == status,
            (Command::Join(group), _, ServerPacket::Noted(Noted::Joined(it)))
            | (Command::Leave(group), _, ServerPacket::Noted(Noted::Left(it))) => it == names.group(*group),
            _ => false,
        }
    }

    /// ACK-3: a refusal names what it refuses and says why; one that may pass says when to try again.
    fn is_refusal(&self, command: &Command, packet: &ServerPacket, why: Reject, passes: bool) -> bool {
        let names = &self.system.names;
        let (reason, retry_after_ms) = match (command, packet) {
            (
                Command::Send { name, to, .. },
                ServerPacket::Rejected { client_ref: answered, to: whom, reason, retry_after_ms },
            ) if *answered == name.map(client_ref) && *whom == Some(names.address(*to)) => {
                (reason, retry_after_ms)
            }
            (
                Command::Mark { about, naming, status },
                ServerPacket::Noted(Noted::Refused { message, status: said, reason, retry_after_ms }),
            ) if *message == self.name(*about, *naming) && said == status => (reason, retry_after_ms),
            (
                Command::Delivered(list),
                ServerPacket::Noted(Noted::Refused { message, reason, retry_after_ms, .. }),
            ) if list.iter().all(|(it, naming)| self.name(*it, *naming) == *message) => {
                (reason, retry_after_ms)
            }
            (
                Command::Join(group) | Command::Leave(group),
                ServerPacket::Noted(Noted::Barred { group: it, reason, retry_after_ms }),
            ) if it == names.group(*group) => (reason, retry_after_ms),
            _ => return false,
        };
        *reason == why && retry_after_ms.is_some() == passes
    }

    /// CUR-3: it stands there now, or further, but not past a row that the device has not stored.
    fn is_disposed(&mut self, conn: ConnId, upto: u64, packet: &ServerPacket) -> bool {
        let ServerPacket::Noted(Noted::Disposed(answered)) = packet else { return false };
        let Ok(session) = self.session(conn) else { return false };
        let device = session.device;
        let promised = &mut self.sessions.promised[device.index()];
        *promised = answered.0.max(*promised);
        self.sessions.adrift[device.index()] = false;
        let stored = self.sessions.stored[device.index()];
        answered.0 >= upto
            && !(answered.0 > stored && self.reference.shows_between(device, stored, answered.0))
    }

    /// I2, I4: a row is what the reference says it is, and what the server said of it before.
    pub(crate) fn compare_row(&self, user: User, offset: u64, entry: &Entry) -> Result<(), String> {
        let names = &self.system.names;
        let wrong =
            |row: &reference::Row| Err(format!("I4: row {offset} of {user:?} is {entry:?}, not {row:?}"));
        match (self.reference.row(user, offset), entry) {
            (Some(row @ reference::Row::Message(message)), Entry::Message(Message { head, body })) => {
                let it = &self.reference.log[*message];
                let same = *head == self.heads[*message]
                    && head.from == *names.device(it.from)
                    && head.to == names.address(it.to)
                    && head.seq.0 == it.seq
                    && head.client_ref == it.name.map(client_ref)
                    && body.bytes == it.text.as_bytes();
                if same { Ok(()) } else { wrong(row) }
            }
            (Some(row @ reference::Row::Receipt { by, status, about }), Entry::Receipt(receipt)) => {
                let ids = receipt.messages.iter().map(|names| names.id);
                let same = receipt.by == *names.device(*by)
                    && receipt.status == *status
                    && ids.eq(about.iter().map(|message| self.heads[*message].id));
                if same { Ok(()) } else { wrong(row) }
            }
            (Some(row), _) => wrong(row),
            (None, entry) => Err(format!("I5: {user:?} has a row {offset}: {entry:?}")),
        }
    }

    /// After each step: everything that is owed was said, and nobody waits for a row that could be sent.
    pub(crate) fn at_rest(&mut self) -> Result<(), String> {
        if self.system.tickets.len() != self.sessions.under_way.len() {
            let under_way = &self.sessions.under_way;
            return Err(format!("{} tickets are out for {under_way:?}", self.system.tickets.len()));
        }
        if let Some(closed) = self.system.closed.first() {
            return Err(format!("closed without a goodbye: {closed:?}"));
        }
        for session in &self.sessions.all {
            if !session.owed.is_empty() || matches!(session.phase, Phase::Parting(_)) {
                return Err(format!("not told what it is owed: {session:?}"));
            }
            // CUR-2, WIN-2: what waits in the mailbox is asked for when half of the window is free.
            let room = session.in_flight.len() * 2 <= WINDOW_ROWS as usize;
            let head = self.reference.head(session.device.user());
            if session.phase == Phase::Up
                && !session.calls
                && room
                && self.reference.shows_between(session.device, session.shown, head)
                && !self.system.is_read_for(session.conn)
            {
                return Err(format!("I8: nothing more comes of {head} rows: {session:?}"));
            }
        }
        Ok(())
    }
}

fn kind(owed: &Owed) -> &'static str {
    match owed {
        Owed::Pong => "a pong",
        Owed::NoStream => "a call that disposes for nobody",
        Owed::Unavailable(_) => "a refusal for a store that fails",
        Owed::Answer(_, Verdict::Conflict) => "a conflict",
        Owed::Answer(_, Verdict::NotMember) => "not a member",
        Owed::Answer(_, Verdict::NoSuchMessage) => "no such message",
        Owed::Answer(Command::Send { .. }, _) => "a draft is accepted",
        Owed::Answer(Command::Dispose { delivers, .. }, _) if delivers.is_empty() => "a disposal of nothing",
        Owed::Answer(Command::Dispose { .. }, _) => "a disposal that delivers",
        Owed::Answer(Command::Delivered(_), _) => "a word of delivery",
        Owed::Answer(Command::Mark { .. }, _) => "a mark",
        Owed::Answer(Command::Join(_) | Command::Leave(_), _) => "a join or a leave",
    }
}
