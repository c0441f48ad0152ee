//! A core over a store in memory, carried out to the end after every input.
#![allow(dead_code, unreachable_pub, reason = "each test file uses its part")]
#![allow(clippy::unwrap_used, reason = "test code")]

use std::collections::BTreeMap;
use std::convert::Infallible;

use bimip_proto::{
    Address, Body, Caps, ClientPacket, ClientRef, CloseReason, Device, DeviceName, Draft, Now, Offset, Said,
    ServerPacket, SoundName, TokenTask, UserId,
};
use bimip_session::Machine;
use bimip_session::ledger::{Book, Failed, Failure, Ticket, Write, find, settle};
use bimip_session::server::{
    Answered, Attachment, Config, ConnId, Grant, Input, Lookup, Output, Page, Refused, ServerCore, SoundAct,
    SoundId,
};
use bytes::Bytes;

pub fn user(name: &str) -> UserId {
    UserId::new(name).unwrap()
}

pub fn device(user_name: &str, name: &str) -> Device {
    Device::new(user(user_name), DeviceName::new(name).unwrap())
}

pub fn draft(name: &str, to: &str, text: &str) -> Draft {
    Draft {
        client_ref: (!name.is_empty()).then(|| ClientRef::new(name).unwrap()),
        to: Address::User(user(to)),
        client_time: None,
        body: Body::text(text),
    }
}

#[derive(Debug)]
pub struct House {
    pub core: ServerCore,
    pub book: Book,
    pub now: Now,
    pub sent: Vec<(ConnId, ServerPacket)>,
    pub closed: Vec<(ConnId, CloseReason)>,
    pub barriers: Vec<(ConnId, u64)>,
    pub paused: Vec<(ConnId, bool)>,
    /// Tickets wait here while it is set, as they do on a slow disk.
    pub hold_commits: bool,
    pub held: Vec<Ticket>,
    /// Questions about tokens.
    pub asked: Vec<(ConnId, TokenTask, Bytes)>,
    /// Presence is told beside what a test is about; those that are about it say so.
    pub watch: bool,
    /// Recordings under way, by their pieces.
    pub tapes: BTreeMap<SoundId, Vec<Bytes>>,
    /// Recordings that were kept, each under its own number as name.
    pub sounds: BTreeMap<SoundName, Vec<Bytes>>,
    /// The store of sounds answers only when it is asked to, while it is set.
    pub hold_sounds: bool,
    pub unstored: Vec<SoundId>,
    /// Rows that were sent with their talks before them.
    pub replayed: Vec<(ConnId, SoundName)>,
    /// Questions about what is stored wait here while it is set.
    pub hold_queries: bool,
    pub lookups: Vec<Lookup>,
    /// All that was stored.
    pub written: Vec<Write>,
    next: u64,
}

impl House {
    pub fn new() -> Self {
        Self::with(Config::default())
    }

    pub fn with(config: Config) -> Self {
        Self {
            core: ServerCore::new(config),
            book: Book::new(7),
            now: Now { mono_ms: 0, unix_ms: 1_763_652_000_000 },
            sent: Vec::new(),
            closed: Vec::new(),
            barriers: Vec::new(),
            paused: Vec::new(),
            hold_commits: false,
            held: Vec::new(),
            asked: Vec::new(),
            watch: false,
            tapes: BTreeMap::new(),
            sounds: BTreeMap::new(),
            hold_sounds: false,
            unstored: Vec::new(),
            replayed: Vec::new(),
            hold_queries: false,
            lookups: Vec::new(),
            written: Vec::new(),
            next: 1,
        }
    }

    pub fn input(&mut self, input: Input) {
        self.core.handle_input(self.now, input);
        self.pump();
    }

    /// Feeds the core and carries nothing out.
    pub fn core_only(&mut self, input: Input) {
        self.core.handle_input(self.now, input);
    }

    /// Answers the next question for an attachment as the store stands now, and hands the answer over.
    pub fn take_attach(&mut self) -> Attachment {
        loop {
            match self.core.poll_output().expect("a question") {
                Output::Attach(_, device) => return self.book.attach(&device),
                Output::Commit(ticket) => self.held.push(ticket),
                _ => {}
            }
        }
    }

    pub fn wait(&mut self, ms: u64) {
        let until = self.now.mono_ms + ms;
        while let Some(due) = self.core.poll_timeout().filter(|due| *due <= until) {
            let passed = due.saturating_sub(self.now.mono_ms);
            self.now = Now { mono_ms: self.now.mono_ms + passed, unix_ms: self.now.unix_ms + passed };
            self.core.handle_timeout(self.now);
            self.pump();
        }
        let rest = until - self.now.mono_ms;
        self.now = Now { mono_ms: until, unix_ms: self.now.unix_ms + rest };
    }

    pub fn stranger(&mut self, caps: Caps) -> ConnId {
        let conn = ConnId(self.next);
        self.next += 1;
        self.input(Input::Opened { conn, caps, grant: None });
        conn
    }

    pub fn open(&mut self, caps: Caps, device: &Device) -> ConnId {
        self.open_with(caps, Grant::new(device.clone()))
    }

    pub fn open_with(&mut self, caps: Caps, grant: Grant) -> ConnId {
        let conn = ConnId(self.next);
        self.next += 1;
        self.input(Input::Opened { conn, caps, grant: Some(grant) });
        conn
    }

    pub fn says(&mut self, conn: ConnId, packet: ClientPacket) {
        self.input(Input::Packets(conn, vec![Said::from(packet)]));
    }

    /// What was sent to a connection since the last time it was asked.
    pub fn heard(&mut self, conn: ConnId) -> Vec<ServerPacket> {
        let (heard, rest) = std::mem::take(&mut self.sent).into_iter().partition(|(to, _)| *to == conn);
        self.sent = rest;
        let heard: Vec<(ConnId, ServerPacket)> = heard;
        let presence =
            |packet: &ServerPacket| matches!(packet, ServerPacket::Aware(_) | ServerPacket::Around(_));
        let heard = heard.into_iter().map(|(_, packet)| packet);
        heard.filter(|packet| self.watch || !presence(packet)).collect()
    }

    pub fn commit_held(&mut self) {
        self.hold_commits = false;
        let held = std::mem::take(&mut self.held);
        self.commit(held);
        self.pump();
    }

    pub fn fail_held(&mut self) {
        self.hold_commits = false;
        for ticket in std::mem::take(&mut self.held) {
            self.core.handle_input(self.now, Input::Failed(ticket.failed(Failure::Unavailable)));
        }
        self.pump();
    }

    /// Stores the first recording that waits, or fails to.
    pub fn keep_next(&mut self, able: bool) {
        let sound = self.unstored.remove(0);
        self.keep(sound, able);
        self.pump();
    }

    fn keep(&mut self, sound: SoundId, able: bool) {
        let pieces = self.tapes.remove(&sound).expect("a recording that runs");
        let name = able.then_some(SoundName(sound.0.into()));
        if let Some(name) = name {
            self.sounds.insert(name, pieces);
        }
        self.core.handle_input(self.now, Input::Kept(sound, name));
    }

    /// Answers the first question that waits, as the store stands now; or says that it cannot be read.
    pub fn answer_next(&mut self, readable: bool) {
        let lookup = self.lookups.remove(0);
        if readable {
            self.look_up(&lookup);
        } else {
            let answered = Answered { conn: lookup.conn, found: None };
            self.core.handle_input(self.now, Input::Answered(answered));
        }
        self.pump();
    }

    fn look_up(&mut self, lookup: &Lookup) {
        let Ok(found) = find(&lookup.ask, &lookup.user, &self.book);
        let answered = Answered { conn: lookup.conn, found: Some(found) };
        self.core.handle_input(self.now, Input::Answered(answered));
    }

    fn commit(&mut self, batch: Vec<Ticket>) {
        let settled: Result<_, (Vec<Failed>, Infallible)> = settle(batch, &self.book);
        let Ok(settlement) = settled;
        self.book.apply(settlement.writes());
        self.written.extend_from_slice(settlement.writes());
        for proof in settlement.committed() {
            self.core.handle_input(self.now, Input::Committed(proof));
        }
    }

    fn pump(&mut self) {
        while let Some(output) = self.core.poll_output() {
            match output {
                Output::Send(conn, outgoing) => self.sent.push((conn, outgoing.into_packet())),
                Output::SendAll(conns, outgoing) => {
                    self.sent.extend(conns.iter().map(|conn| (*conn, outgoing.packet().clone())));
                }
                Output::Replay(conn, outgoing, sound) => {
                    self.replayed.push((conn, sound));
                    self.sent.push((conn, outgoing.into_packet()));
                }
                Output::Sound(sound, SoundAct::Piece(piece)) => {
                    self.tapes.entry(sound).or_default().push(piece);
                }
                Output::Sound(sound, SoundAct::Drop) => {
                    self.tapes.remove(&sound).expect("a recording that runs");
                }
                Output::Sound(sound, SoundAct::Keep) if self.hold_sounds => self.unstored.push(sound),
                Output::Sound(sound, SoundAct::Keep) => self.keep(sound, true),
                Output::Barrier(conn, upto) => self.barriers.push((conn, upto)),
                Output::Pause(conn) => self.paused.push((conn, true)),
                Output::Resume(conn) => self.paused.push((conn, false)),
                Output::Close(conn, reason) => self.closed.push((conn, reason)),
                Output::Authenticate { conn, user, device, token } => {
                    let grant = user.zip(device).filter(|(user, _)| *user.as_str().as_bytes() == *token);
                    let grant = grant.map(|(user, name)| Grant::new(Device::new(user, name))).ok_or(Refused);
                    self.core.handle_input(self.now, Input::Granted(conn, grant));
                }
                Output::Attach(conn, device) => {
                    let attachment = self.book.attach(&device);
                    self.core.handle_input(self.now, Input::Attached(conn, Some(attachment)));
                }
                Output::Contacts(user) => {
                    let contacts = self.book.contacts(&user);
                    self.core.handle_input(self.now, Input::Contacts(user, Some(contacts)));
                }
                Output::Query(lookup) if self.hold_queries => self.lookups.push(lookup),
                Output::Query(lookup) => self.look_up(&lookup),
                Output::Token { conn, task, token, .. } => self.asked.push((conn, task, token)),
                Output::Commit(ticket) if self.hold_commits => self.held.push(ticket),
                Output::Commit(ticket) => self.commit(vec![ticket]),
                Output::Read(read) => {
                    let rows = self.book.page(&read.user, read.after, read.rows, read.bytes);
                    self.core.handle_input(self.now, Input::Page(Page { conn: read.conn, rows: Some(rows) }));
                }
                _ => {}
            }
        }
    }
}

/// The offsets of the rows among packets.
pub fn rows(packets: &[ServerPacket]) -> Vec<Offset> {
    packets
        .iter()
        .filter_map(|packet| match packet {
            ServerPacket::Deliver(row) => Some(row.offset),
            _ => None,
        })
        .collect()
}
