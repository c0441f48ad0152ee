//! What every session is owed, and what it may be shown: the connection side of the reference.

use std::collections::VecDeque;

use bimip_proto::CloseReason;
use bimip_session::server::ConnId;

use crate::ops::{Dev, WORLD_DEVICES};
use crate::reference::{Command, Reference, Row, Verdict};

/// What a client said, as the numbers and names stood when it did.
#[derive(Debug, Clone)]
pub(crate) enum Said {
    /// A command, but a disposal.
    Ask(Command),
    Dispose(u64),
    Ping,
    Bye,
}

/// What must be sent to a session now, in this order.
#[derive(Debug)]
pub(crate) enum Owed {
    Answer(Command, Verdict),
    /// The store failed.
    Unavailable(Command),
    /// CALL-4: nobody was given the rows that the call says are stored.
    NoStream,
    Pong,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Where it stands is being looked up. It may speak already.
    Asking,
    Up,
    /// It said goodbye, and is answered what it asked before.
    Leaving,
    /// It must be told goodbye now.
    Parting(CloseReason),
}

#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) device: Dev,
    pub(crate) conn: ConnId,
    /// It says one thing and goes: it is shown nothing, takes nobody's place, and is not welcomed.
    pub(crate) calls: bool,
    pub(crate) phase: Phase,
    /// What it said and is not carried out: the session is not up, or a join or a leave is under way.
    held: VecDeque<Said>,
    /// Commands that are not answered, and how many of them are joins and leaves.
    under_way: u32,
    moves: u32,
    pub(crate) owed: VecDeque<Owed>,
    /// The last row that it was sent: where it began, at first.
    pub(crate) shown: u64,
    /// Rows that it was sent and did not dispose of.
    pub(crate) in_flight: VecDeque<u64>,
    pub(crate) heard_mono_ms: u64,
}

impl Session {
    pub(crate) fn new(device: Dev, conn: ConnId, now_mono_ms: u64) -> Self {
        Self {
            device,
            conn,
            calls: false,
            phase: Phase::Asking,
            held: VecDeque::new(),
            under_way: 0,
            moves: 0,
            owed: VecDeque::new(),
            shown: 0,
            in_flight: VecDeque::new(),
            heard_mono_ms: now_mono_ms,
        }
    }

    /// CALL-1: it may speak at once.
    pub(crate) fn call(device: Dev, conn: ConnId, now_mono_ms: u64) -> Self {
        Self { calls: true, phase: Phase::Up, ..Self::new(device, conn, now_mono_ms) }
    }

    /// Whether what it says now is carried out now.
    pub(crate) const fn is_heard(&self) -> bool {
        matches!(self.phase, Phase::Up) && self.moves == 0
    }
}

/// All sessions, and what is on its way to the disk.
#[derive(Debug, Default)]
pub(crate) struct Sessions {
    pub(crate) all: Vec<Session>,
    /// In the order in which they were asked: the order of the tickets.
    pub(crate) under_way: VecDeque<(ConnId, Dev, Command)>,
    /// Up to where each device said that it has stored its rows.
    pub(crate) stored: [u64; WORLD_DEVICES],
    /// Up to where that was acknowledged.
    pub(crate) promised: [u64; WORLD_DEVICES],
    /// A disposal of the device was refused: a session that began where it said that it was may find that it is not.
    pub(crate) adrift: [bool; WORLD_DEVICES],
}

impl Sessions {
    pub(crate) fn of(&mut self, device: Dev) -> Option<&mut Session> {
        // The newest; an older one is being told goodbye.
        self.all.iter_mut().rev().find(|session| session.device == device && !session.calls)
    }

    pub(crate) fn by_conn(&mut self, conn: ConnId) -> Option<&mut Session> {
        self.all.iter_mut().find(|session| session.conn == conn)
    }

    /// Something was said. SES-3, GRP-7, ORD-3: it waits for the welcome and for joins and leaves, and what
    /// came before it goes first.
    pub(crate) fn say(&mut self, conn: ConnId, said: Said, reference: &Reference) {
        let Some(session) = self.by_conn(conn) else { return };
        if session.is_heard() {
            self.carry(conn, said, reference);
        } else {
            session.held.push_back(said);
        }
    }

    pub(crate) fn release(&mut self, conn: ConnId, reference: &Reference) {
        while let Some(session) = self.by_conn(conn)
            && session.is_heard()
            && let Some(said) = session.held.pop_front()
        {
            self.carry(conn, said, reference);
        }
    }

    fn carry(&mut self, conn: ConnId, said: Said, reference: &Reference) {
        let reads = self.reads_for(conn);
        let Some(session) = self.all.iter_mut().find(|session| session.conn == conn) else { return };
        let command = match said {
            Said::Ping => return session.owed.push_back(Owed::Pong),
            Said::Bye => {
                session.phase = Phase::Leaving;
                return session.part();
            }
            Said::Ask(command) => command,
            Said::Dispose(upto) => {
                let Some(reads) = reads else { return session.owed.push_back(Owed::NoStream) };
                let Some(session) = self.all.iter_mut().find(|session| session.conn == reads) else { return };
                let stored = &mut self.stored[session.device.index()];
                *stored = (*stored).max(upto.min(session.shown));
                let user = session.device.user();
                let mut delivers = Vec::new();
                while let Some(offset) = session.in_flight.front().copied().filter(|offset| *offset <= upto) {
                    session.in_flight.pop_front();
                    // RCP-1: of a message sent to oneself.
                    if let Some(Row::Message(message)) = reference.row(user, offset)
                        && reference.log[*message].recipients.contains(&user)
                    {
                        delivers.push(*message);
                    }
                }
                Command::Dispose { upto: upto.min(session.shown), delivers }
            }
        };
        let Some(session) = self.by_conn(conn) else { return };
        session.under_way += 1;
        session.moves += u32::from(is_move(&command));
        let device = session.device;
        self.under_way.push_back((conn, device, command));
    }

    /// CALL-4: whose rows a connection disposes of. A call those of the session that its device has now.
    fn reads_for(&mut self, conn: ConnId) -> Option<ConnId> {
        let session = self.by_conn(conn)?;
        if !session.calls {
            return Some(conn);
        }
        let device = session.device;
        self.of(device).filter(|session| session.phase == Phase::Up).map(|session| session.conn)
    }

    /// The first command under way is answered, by what the reference says of it. `None` where the store failed.
    pub(crate) fn answer(&mut self, verdict: Option<Verdict>, reference: &Reference) {
        let Some((conn, device, command)) = self.under_way.pop_front() else { return };
        // CUR-7: a disposal that cannot be stored ends the connection.
        let drifts = verdict.is_none() && matches!(command, Command::Dispose { .. });
        self.adrift[device.index()] |= drifts;
        // CALL-4: and the one that the call was about.
        if drifts
            && self.by_conn(conn).is_some_and(|session| session.calls)
            && let Some(reads) = self.reads_for(conn).and_then(|reads| self.by_conn(reads))
        {
            reads.phase = Phase::Parting(CloseReason::Unavailable);
        }
        let Some(session) = self.by_conn(conn) else { return };
        session.under_way -= 1;
        session.moves -= u32::from(is_move(&command));
        if matches!(session.phase, Phase::Parting(_)) {
            return;
        }
        if drifts {
            session.phase = Phase::Parting(CloseReason::Unavailable);
            return;
        }
        let says_something = !matches!(command, Command::Dispose { .. } | Command::Delivered(_));
        match verdict {
            Some(verdict) => session.owed.push_back(Owed::Answer(command, verdict)),
            // Rows that were not disposed of come again, and are disposed of then.
            None if says_something => session.owed.push_back(Owed::Unavailable(command)),
            None => {}
        }
        session.part();
        self.release(conn, reference);
    }
}

impl Session {
    /// ORD-3: a goodbye comes last.
    fn part(&mut self) {
        if self.phase == Phase::Leaving && self.under_way == 0 {
            self.phase = Phase::Parting(CloseReason::Bye);
        }
    }
}

const fn is_move(command: &Command) -> bool {
    matches!(command, Command::Join(_) | Command::Leave(_))
}
