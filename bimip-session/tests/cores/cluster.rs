//! Several cores over one store in memory, with one commit thread and a post of hints between them.
//!
//! Nothing happens by itself: what a core wants waits in a queue until a test carries it out, in the order that the
//! test likes, or all of it ([`Cluster::settle`]).

use std::collections::{BTreeMap, VecDeque};
use std::convert::Infallible;

use bimip_proto::{
    Address, Body, Caps, ClientPacket, ClientRef, CloseReason, Device, DeviceName, Draft, GroupId, Now,
    Offset, Said, ServerPacket, UserId,
};
use bimip_session::Machine;
use bimip_session::ledger::{Book, Failed, Ticket, settle};
use bimip_session::server::{
    Attachment, Config, ConnId, Counters, Grant, Input, Output, Page, ReadPage, ServerCore, Siblings,
    SoundAct, Subject,
};

pub(crate) const POLL_MS: u64 = 10_000;

pub(crate) fn user(name: &str) -> UserId {
    UserId::new(name).unwrap()
}

pub(crate) fn device(user_name: &str, name: &str) -> Device {
    Device::new(user(user_name), DeviceName::new(name).unwrap())
}

pub(crate) fn group() -> GroupId {
    GroupId::new("team").unwrap()
}

pub(crate) fn send(name: &str, to: Address) -> ClientPacket {
    let client_ref = Some(ClientRef::new(name).unwrap());
    ClientPacket::Send(Draft { client_ref, to, client_time: None, body: Body::text(name) })
}

pub(crate) fn to(name: &str) -> Address {
    Address::User(user(name))
}

/// What happens to wake-ups when everything is settled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Post {
    Delivers,
    Doubles,
    Loses,
    Keeps,
}

/// What storage is asked beside commits, by whichever core.
#[derive(Debug)]
pub(crate) enum Question {
    Attach(ConnId, Device),
    Contacts(UserId),
    Page(ReadPage),
}

#[derive(Debug)]
struct One {
    core: ServerCore,
    /// How far its wall clock is ahead of the others'.
    ahead_ms: u64,
    /// Durable, and not heard of yet. In order, as from any commit thread.
    proofs: VecDeque<Input>,
}

#[derive(Debug)]
pub(crate) struct Cluster {
    cores: Vec<Option<One>>,
    pub(crate) book: Book,
    pub(crate) mono_ms: u64,
    pub(crate) post: Post,
    pub(crate) tickets: VecDeque<(usize, Ticket)>,
    pub(crate) questions: Vec<(usize, Question)>,
    /// Read, and not heard of yet. Several threads read, so answers may overtake each other.
    pub(crate) answers: Vec<(usize, Input)>,
    pub(crate) wakes: Vec<(usize, Vec<Subject>)>,
    conns: BTreeMap<ConnId, usize>,
    sent: BTreeMap<ConnId, Vec<ServerPacket>>,
    pub(crate) closed: Vec<(ConnId, CloseReason)>,
    next: u64,
    sessions: u64,
    row_members: Option<u32>,
}

impl Cluster {
    pub(crate) fn new(cores: usize) -> Self {
        let mut cluster = Self {
            cores: Vec::new(),
            book: Book::new(7),
            mono_ms: 0,
            post: Post::Delivers,
            tickets: VecDeque::new(),
            questions: Vec::new(),
            answers: Vec::new(),
            wakes: Vec::new(),
            conns: BTreeMap::new(),
            sent: BTreeMap::new(),
            closed: Vec::new(),
            next: 1,
            sessions: 0,
            row_members: None,
        };
        for _ in 0..cores {
            cluster.add_core(0);
        }
        cluster
    }

    /// As [`new`](Self::new), where every group has a feed.
    pub(crate) fn with_feeds(cores: usize) -> Self {
        let mut cluster = Self::new(0);
        cluster.row_members = Some(0);
        for _ in 0..cores {
            cluster.add_core(0);
        }
        cluster
    }

    /// One core more, or one in a crashed one's place under a number of its own.
    pub(crate) fn add_core(&mut self, ahead_ms: u64) -> usize {
        let number = self.cores.len();
        let mut siblings = Siblings::default();
        siblings.poll_ms = POLL_MS;
        let mut config = Config::default();
        config.siblings = Some(siblings);
        // Nobody here answers a sign of life.
        config.idle_ms = 100_000_000;
        config.probe_ms = 50_000_000;
        config.sound_bytes = 0;
        config.row_members = self.row_members.unwrap_or(config.row_members);
        self.cores.push(Some(One { core: ServerCore::new(config), ahead_ms, proofs: VecDeque::new() }));
        number
    }

    /// A core is gone with all it knew. What it handed to the commit thread may still be stored.
    pub(crate) fn crash(&mut self, core: usize) {
        self.cores[core] = None;
        self.questions.retain(|(of, _)| *of != core);
        self.answers.retain(|(of, _)| *of != core);
        self.wakes.retain(|(of, _)| *of != core);
        self.conns.retain(|_, of| *of != core);
    }

    pub(crate) fn is_up(&self, core: usize) -> bool {
        self.cores.get(core).is_some_and(Option::is_some)
    }

    pub(crate) fn core_of(&self, conn: ConnId) -> Option<usize> {
        self.conns.get(&conn).copied()
    }

    pub(crate) fn is_open(&self, conn: ConnId) -> bool {
        self.conns.contains_key(&conn)
    }

    pub(crate) fn counters(&self, core: usize) -> &Counters {
        self.cores[core].as_ref().unwrap().core.counters()
    }

    // ---- what clients do ----------------------------------------------------------------------------------

    /// Lets a device in on a core; nothing is carried out yet.
    pub(crate) fn dial(&mut self, core: usize, caps: Caps, grant: Grant) -> ConnId {
        let conn = ConnId(self.next);
        self.next += 1;
        self.conns.insert(conn, core);
        self.input(core, Input::Opened { conn, caps, grant: Some(grant) });
        conn
    }

    pub(crate) fn open_with(&mut self, core: usize, caps: Caps, grant: Grant) -> ConnId {
        let conn = self.dial(core, caps, grant);
        self.settle();
        conn
    }

    pub(crate) fn open(&mut self, core: usize, device: &Device) -> ConnId {
        self.open_with(core, Caps::FULL, Grant::new(device.clone()))
    }

    pub(crate) fn hang_up(&mut self, conn: ConnId) {
        if let Some(core) = self.conns.remove(&conn) {
            self.input(core, Input::Closed(conn));
        }
    }

    /// Says something; nothing is carried out yet.
    pub(crate) fn tell(&mut self, conn: ConnId, packet: ClientPacket) {
        if let Some(core) = self.conns.get(&conn) {
            self.input(*core, Input::Packets(conn, vec![Said::from(packet)]));
        }
    }

    pub(crate) fn says(&mut self, conn: ConnId, packet: ClientPacket) {
        self.tell(conn, packet);
        self.settle();
    }

    /// What a connection was sent since the last time it was asked, presence apart.
    pub(crate) fn heard(&mut self, conn: ConnId) -> Vec<ServerPacket> {
        let presence = |it: &ServerPacket| matches!(it, ServerPacket::Aware(_) | ServerPacket::Around(_));
        let heard = self.sent.remove(&conn).unwrap_or_default();
        heard.into_iter().filter(|it| !presence(it)).collect()
    }

    // ---- one thing at a time ------------------------------------------------------------------------------

    fn now(&self, core: usize) -> Now {
        let ahead_ms = self.cores[core].as_ref().map_or(0, |one| one.ahead_ms);
        Now { mono_ms: self.mono_ms, unix_ms: 1_763_652_000_000 + self.mono_ms + ahead_ms }
    }

    pub(crate) fn input(&mut self, core: usize, input: Input) {
        let now = self.now(core);
        if let Some(one) = &mut self.cores[core] {
            one.core.handle_input(now, input);
        }
        self.collect(core);
    }

    /// The commit thread takes up to `tickets`, from all cores, in the order they came.
    pub(crate) fn commit(&mut self, tickets: usize) {
        let tickets = tickets.min(self.tickets.len());
        let (from, batch): (Vec<usize>, Vec<Ticket>) = self.tickets.drain(..tickets).unzip();
        let settled: Result<_, (Vec<Failed>, Infallible)> = settle(batch, &self.book);
        let Ok(settlement) = settled;
        self.book.apply(settlement.writes());
        for (core, proof) in from.into_iter().zip(settlement.committed()) {
            if let Some(one) = &mut self.cores[core] {
                one.proofs.push_back(Input::Committed(proof));
            }
        }
    }

    /// A core hears of its next proof. Whether there was one.
    pub(crate) fn prove(&mut self, core: usize) -> bool {
        let proof = self.cores[core].as_mut().and_then(|one| one.proofs.pop_front());
        proof.map(|proof| self.input(core, proof)).is_some()
    }

    /// Storage is read, as it is now.
    pub(crate) fn read(&mut self, at: usize) {
        let (core, question) = self.questions.swap_remove(at);
        let answer = match question {
            Question::Attach(conn, device) => {
                self.sessions += 1;
                let attachment = Attachment { session: self.sessions, ..self.book.attach(&device) };
                Input::Attached(conn, Some(attachment))
            }
            Question::Contacts(user) => {
                let contacts = self.book.contacts(&user);
                Input::Contacts(user, Some(contacts))
            }
            Question::Page(it) => {
                let rows = self.book.page(&it.user, it.after, it.rows, it.bytes);
                Input::Page(Page { conn: it.conn, rows: Some(rows) })
            }
        };
        self.answers.push((core, answer));
    }

    pub(crate) fn answer(&mut self, at: usize) {
        let (core, answer) = self.answers.swap_remove(at);
        self.input(core, answer);
    }

    /// A wake-up arrives, and may come again.
    pub(crate) fn deliver(&mut self, at: usize, again: bool) {
        let (core, subjects) = match again {
            true => self.wakes[at].clone(),
            false => self.wakes.swap_remove(at),
        };
        self.input(core, Input::Woken(subjects));
    }

    fn collect(&mut self, core: usize) {
        while let Some(output) = self.cores[core].as_mut().and_then(|one| one.core.poll_output()) {
            match output {
                Output::Send(conn, outgoing) => {
                    self.sent.entry(conn).or_default().push(outgoing.into_packet());
                }
                Output::SendAll(conns, outgoing) => {
                    for conn in conns.iter() {
                        self.sent.entry(*conn).or_default().push(outgoing.packet().clone());
                    }
                }
                Output::Close(conn, reason) => {
                    self.conns.remove(&conn);
                    self.closed.push((conn, reason));
                }
                Output::Commit(ticket) => self.tickets.push_back((core, ticket)),
                Output::Attach(conn, device) => self.questions.push((core, Question::Attach(conn, device))),
                Output::Contacts(user) => self.questions.push((core, Question::Contacts(user))),
                Output::Read(page) => self.questions.push((core, Question::Page(page))),
                Output::Wake(subjects) => {
                    let others = (0..self.cores.len()).filter(|other| *other != core && self.is_up(*other));
                    let wakes: Vec<_> = others.map(|other| (other, subjects.clone())).collect();
                    self.wakes.extend(wakes);
                }
                // Tests answer questions about tokens themselves, and signs of life not at all.
                Output::Token { .. } | Output::Sound(_, SoundAct::Drop) | Output::Barrier(..) => {}
                other => panic!("nobody here asks for that: {other:?}"),
            }
        }
    }

    // ---- all of it ----------------------------------------------------------------------------------------

    /// Carries out everything that can be, and what comes of it, until nothing is left.
    pub(crate) fn settle(&mut self) {
        loop {
            if !self.tickets.is_empty() {
                self.commit(usize::MAX);
            }
            let proven = (0..self.cores.len()).any(|core| self.prove(core));
            if !self.questions.is_empty() {
                self.read(0);
            } else if !self.answers.is_empty() {
                self.answer(0);
            } else if !self.wakes.is_empty() && self.post != Post::Keeps {
                match self.post {
                    Post::Loses => drop(self.wakes.remove(0)),
                    Post::Doubles => {
                        self.deliver(0, true);
                        self.deliver(0, false);
                    }
                    _ => self.deliver(0, false),
                }
            } else if !proven && self.tickets.is_empty() {
                return;
            }
        }
    }

    /// Lets time pass; nothing that comes of it is carried out.
    pub(crate) fn pass(&mut self, ms: u64) {
        self.mono_ms += ms;
        for core in 0..self.cores.len() {
            let now = self.now(core);
            if let Some(one) = &mut self.cores[core] {
                one.core.handle_timeout(now);
            }
            self.collect(core);
        }
    }

    /// Lets time pass and settles at every moment when a core has something to do.
    pub(crate) fn wait(&mut self, ms: u64) {
        let until = self.mono_ms + ms;
        loop {
            let due = self.cores.iter().flatten().filter_map(|one| one.core.poll_timeout()).min();
            match due.filter(|due| *due <= until) {
                Some(due) => self.pass(due.saturating_sub(self.mono_ms)),
                None => break,
            }
            self.settle();
        }
        self.pass(until - self.mono_ms);
        self.settle();
    }
}

/// The offsets of the rows among packets.
pub(crate) fn rows(packets: &[ServerPacket]) -> Vec<Offset> {
    let offset = |packet: &ServerPacket| match packet {
        ServerPacket::Deliver(row) => Some(row.offset),
        _ => None,
    };
    packets.iter().filter_map(offset).collect()
}
