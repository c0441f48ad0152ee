//! A core, its store, and everybody who is connected; whatever leaves the core is checked on the way.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::convert::Infallible;
use std::sync::Arc;

use bimip_proto::{
    Alias, Caps, ClientPacket, CursorBy, Device, DeviceName, Entry, Fault, Now, Offset, Reject, Said,
    ServerPacket, SoundName, TokenId, TokenTask, UnixMs, UserId, Window,
};
use bimip_session::Machine;
use bimip_session::ledger::{Book, Failed, Failure, Settlement, Ticket, View, find, settle};
use bimip_session::server::{
    Answered, Config, ConnId, Grant, Input, Lookup, Output, Page, ReadPage, Refused, ServerCore, SoundAct,
    SoundId, Vouched,
};
use bimip_session::sim::checker::{Checker, Held};
use bytes::Bytes;

use super::peer::Peer;

pub(super) const EPOCH: u32 = 7;
/// Connections at once; more would only make schedules longer.
const CONNECTIONS: usize = 8;
/// Devices.
pub(super) const APPS: u8 = 6;
/// Rounds after which a house that does not come to rest never will.
const ROUNDS: usize = 20_000;

/// What survives every crash of the server: a device and the rows its app has.
struct App {
    device: Device,
    caps: Caps,
    rows: BTreeMap<Offset, Arc<Entry>>,
}

enum Ask {
    Who(ConnId, Option<UserId>, Option<DeviceName>),
    Where(ConnId, Device),
    Rows(ReadPage),
    Stored(Lookup),
    Contacts(UserId),
    Token(ConnId, TokenTask, Bytes),
    /// A recording that is complete.
    Sound(SoundId),
}

pub(super) struct House {
    core: ServerCore,
    config: Config,
    now: Now,
    peers: BTreeMap<ConnId, Peer>,
    apps: Vec<App>,
    next: u64,
    asks: VecDeque<Ask>,
    tickets: Vec<Ticket>,
    /// `live` is what the running server sees, `durable` what survives a crash.
    live: Book,
    durable: Book,
    waiting: Vec<Settlement>,
    /// Recordings that run, and that ran.
    tapes: BTreeSet<SoundId>,
    ended: BTreeSet<SoundId>,
    /// A batch is durable, and the core does not have all its proofs yet.
    proving: bool,
    failing: bool,
    draining: bool,
    checker: Checker,
}

impl House {
    pub(super) fn new(rows: u8, bytes: u64) -> Self {
        let mut config = Config::default();
        config.window = Window { rows: rows.into(), bytes };
        // A piece counts 17: the fourth spoils its recording, and two of them fill the room.
        (config.sound_bytes, config.sounds_bytes) = (64, 100);
        config.replay_talks = rows % 2 == 1;
        let app = |user, name, caps| App { device: device(user, name), caps, rows: BTreeMap::new() };
        Self {
            core: ServerCore::new(config.clone()),
            config,
            now: Now { mono_ms: 0, unix_ms: 1_763_652_000_000 },
            peers: BTreeMap::new(),
            apps: vec![
                app("a", "1", Caps::FULL),
                app("a", "2", Caps::FULL),
                app("b", "1", Caps::FULL),
                app("b", "voiceping", Caps::WALKIE),
                app("c", "voiceping", Caps::WALKIE),
                app("c", "web", Caps::EVENTS),
            ],
            next: 1,
            asks: VecDeque::new(),
            tickets: Vec::new(),
            live: Book::new(EPOCH),
            durable: Book::new(EPOCH),
            waiting: Vec::new(),
            tapes: BTreeSet::new(),
            ended: BTreeSet::new(),
            proving: false,
            failing: false,
            draining: false,
            checker: Checker::default(),
        }
    }

    // ---- inputs ---------------------------------------------------------------------------------------

    pub(super) fn input(&mut self, input: Input) {
        self.draining |= matches!(input, Input::Drain(_));
        self.core.handle_input(self.now, input);
        self.drain();
    }

    /// A connection of a device, signed in by its headers or not yet.
    pub(super) fn open(&mut self, app: u8, granted: bool, expiry: u8) {
        if self.peers.len() >= CONNECTIONS {
            return;
        }
        let app = usize::from(app);
        let caps = self.apps[app].caps;
        let mut grant = Grant::new(self.apps[app].device.clone());
        grant.expires = (expiry == 1).then_some(UnixMs(self.now.unix_ms + 5_000));
        grant.label = (expiry == 2).then(|| DeviceName::new("hardware").expect("a constant"));
        self.connect(Peer::new(caps, granted.then_some(app)), granted.then_some(grant));
    }

    fn connect(&mut self, peer: Peer, grant: Option<Grant>) -> ConnId {
        let (conn, caps) = (ConnId(self.next), peer.caps);
        self.next += 1;
        self.peers.insert(conn, peer);
        self.input(Input::Opened { conn, caps, grant });
        conn
    }

    /// A device says something on a connection of its own, and goes when it is answered.
    pub(super) fn call(&mut self, app: u8, mut packets: Vec<Said>) {
        self.forget_calls();
        if self.peers.len() >= CONNECTIONS {
            return;
        }
        let app = usize::from(app);
        let grant = Grant::new(self.apps[app].device.clone());
        let conn = self.connect(Peer::new(Caps::CALL, Some(app)), Some(grant));
        packets.push(ClientPacket::Bye.into());
        self.tell(conn, packets);
    }

    fn forget_calls(&mut self) {
        let over = self.peers.iter().filter(|(_, peer)| peer.caps.calls && peer.closed);
        for conn in over.map(|(conn, _)| *conn).collect::<Vec<_>>() {
            self.input(Input::Closed(conn));
            self.peers.remove(&conn);
        }
    }

    pub(super) fn hang_up(&mut self, which: u8) {
        let Some(conn) = self.pick(which) else { return };
        self.input(Input::Closed(conn));
        self.peers.remove(&conn);
    }

    pub(super) fn say(&mut self, which: u8, packets: Vec<Said>) {
        if let Some(conn) = self.pick(which) {
            self.tell(conn, packets);
        }
    }

    fn tell(&mut self, conn: ConnId, packets: Vec<Said>) {
        for said in &packets {
            let Some(peer) = self.peers.get_mut(&conn) else { return };
            match said.packet {
                // Of what the device's other connection was given, when the call's turn comes.
                ClientPacket::Dispose(upto) if peer.caps.calls => {
                    let app = peer.app;
                    self.peers.values_mut().filter(|it| it.app == app).for_each(|it| it.lands_later(upto));
                }
                ClientPacket::Dispose(upto) => peer.lands(upto),
                ClientPacket::Join(_)
                | ClientPacket::Leave(_)
                | ClientPacket::Token { .. }
                | ClientPacket::SignIn { .. }
                | ClientPacket::Talk(_) => peer.moves = true,
                _ => {}
            }
        }
        self.input(Input::Packets(conn, packets));
    }

    pub(super) fn garble(&mut self, which: u8, fault: Fault) {
        if let Some(conn) = self.pick(which) {
            self.input(Input::Garbled(conn, fault));
        }
    }

    /// The oldest question of a connection comes back; or a number that nobody asked.
    pub(super) fn pong(&mut self, which: u8, forged: Option<u64>) {
        let Some(conn) = self.pick(which) else { return };
        let Some(peer) = self.peers.get_mut(&conn) else { return };
        let Some(number) = forged.or_else(|| peer.barriers.pop_front()) else { return };
        // Of a client that says what it stores a pong says nothing. Here it does: then less is taken for a full window.
        if matches!(peer.caps.cursor, CursorBy::Barrier | CursorBy::Arrival) && number > 0 {
            peer.lands(Offset(number));
        }
        self.input(Input::Barrier(conn, number));
    }

    pub(super) fn pass(&mut self, millis: u64, backwards: bool) {
        self.now.mono_ms += millis;
        self.now.unix_ms =
            if backwards { self.now.unix_ms.saturating_sub(millis) } else { self.now.unix_ms + millis };
        self.core.handle_timeout(self.now);
        let due = self.core.poll_timeout();
        assert!(due.is_none_or(|due| due > self.now.mono_ms), "due at {due:?} after {:?}", self.now);
        self.drain();
    }

    // ---- the store ------------------------------------------------------------------------------------

    /// Settles the first tickets, or fails them.
    pub(super) fn write(&mut self, most: usize) {
        let most = most.min(self.tickets.len());
        let batch: Vec<Ticket> = self.tickets.drain(..most).collect();
        if self.failing {
            for ticket in batch {
                self.input(Input::Failed(ticket.failed(Failure::Unavailable)));
            }
            return;
        }
        let settled: Result<_, (Vec<Failed>, Infallible)> = settle(batch, &self.live);
        let Ok(settlement) = settled;
        self.live.apply(settlement.writes());
        self.waiting.push(settlement);
    }

    /// Makes durable what is written, and proves it.
    pub(super) fn sync(&mut self) {
        for settlement in std::mem::take(&mut self.waiting) {
            self.durable.apply(settlement.writes());
            let devices: Vec<_> = self.apps.iter().map(|app| &app.device).collect();
            self.checker.synced(&devices, &self.durable);
            self.proving = true;
            for proof in settlement.committed() {
                self.input(Input::Committed(proof));
            }
            self.proving = false;
        }
    }

    /// From here on nothing can be stored, until the server is started again.
    pub(super) const fn fails(&mut self) {
        self.failing = true;
    }

    /// The machine loses power, and the server starts again.
    pub(super) fn crash(&mut self) {
        self.waiting.clear();
        self.tickets.clear();
        self.asks.clear();
        self.peers.clear();
        self.tapes.clear();
        self.ended.clear();
        self.live = self.durable.clone();
        self.core = ServerCore::new(self.config.clone());
        (self.failing, self.draining) = (false, false);
    }

    /// Answers one question of the core; `able` is whether the store can be read and the token is good.
    pub(super) fn answer(&mut self, which: u8, able: bool) {
        if self.asks.is_empty() {
            return;
        }
        let Some(ask) = self.asks.remove(usize::from(which) % self.asks.len()) else { return };
        match ask {
            Ask::Who(conn, user, name) => {
                let known = |app: &App| {
                    Some(&app.device.user) == user.as_ref() && Some(&app.device.name) == name.as_ref()
                };
                let app = self.apps.iter().position(known).filter(|_| able);
                let app =
                    app.filter(|app| self.peers.get(&conn).is_some_and(|it| it.caps == self.apps[*app].caps));
                if let Some(peer) = self.peers.get_mut(&conn) {
                    peer.app = app;
                }
                let grant = app.map(|app| Grant::new(self.apps[app].device.clone())).ok_or(Refused);
                self.input(Input::Granted(conn, grant));
            }
            Ask::Where(conn, device) => {
                let attachment = self.durable.attach(&device);
                self.input(Input::Attached(conn, able.then_some(attachment)));
            }
            Ask::Contacts(user) => {
                let contacts = self.durable.contacts(&user);
                self.input(Input::Contacts(user, able.then_some(contacts)));
            }
            Ask::Stored(Lookup { conn, user, ask }) => {
                let Ok(found) = find(&ask, &user, &self.durable);
                self.input(Input::Answered(Answered { conn, found: able.then_some(found) }));
            }
            Ask::Token(conn, task, token) => self.vouch(conn, task, &token),
            Ask::Sound(sound) => {
                self.input(Input::Kept(sound, able.then_some(SoundName(sound.0.into()))));
            }
            Ask::Rows(ReadPage { conn, user, after, rows, bytes }) => {
                let rows = able.then(|| self.durable.page(&user, after, rows, bytes));
                self.input(Input::Page(Page { conn, rows }));
            }
        }
    }

    pub(super) fn answer_all(&mut self) {
        for _ in 0..ROUNDS {
            if self.asks.is_empty() {
                return;
            }
            self.answer(0, true);
        }
        panic!("questions beget questions: {} after {ROUNDS} answers", self.asks.len());
    }

    /// Tokens here are the name of a user and a number: `a7`. Every third number is no token.
    fn vouch(&mut self, conn: ConnId, task: TokenTask, token: &[u8]) {
        let text = core::str::from_utf8(token).ok();
        let user = text.and_then(|text| text.get(..1)).and_then(|name| UserId::new(name).ok());
        let number = token.get(1).copied().unwrap_or_default();
        let answer = user.filter(|_| number % 3 != 2).ok_or(Reject::BadToken).map(|user| {
            let name = DeviceName::new(if number % 2 == 0 { "1" } else { "2" }).expect("a name");
            let mut grant = Grant::new(Device::new(user, name));
            grant.token_id = text.and_then(|text| TokenId::new(text).ok());
            grant.issued = Some(self.now.stamp());
            grant.expires = (number % 4 == 0).then(|| UnixMs(self.now.unix_ms + 1_000));
            let token = (task == TokenTask::Refresh).then(|| Bytes::copy_from_slice(token));
            Vouched { grant, token }
        });
        self.input(Input::Token(conn, answer));
    }

    /// Everything under way is done.
    pub(super) fn settle(&mut self) {
        self.write(usize::MAX);
        self.sync();
        self.answer_all();
    }

    /// The alias of a message, if there is one at this place of the log.
    pub(super) fn alias(&self, sequence: u64) -> Option<Alias> {
        let Ok(entry) = self.durable.entry(sequence);
        match entry.as_deref() {
            Some(Entry::Message(message)) => Some(message.head.alias()),
            _ => None,
        }
    }

    fn pick(&self, which: u8) -> Option<ConnId> {
        let which = usize::from(which) % self.peers.len().max(1);
        self.peers.keys().nth(which).copied()
    }

    // ---- outputs --------------------------------------------------------------------------------------

    fn drain(&mut self) {
        while let Some(output) = self.core.poll_output() {
            match output {
                Output::Send(conn, outgoing) => self.heard(conn, outgoing.packet()),
                Output::SendAll(conns, outgoing) => {
                    assert!(!conns.is_empty(), "something for nobody");
                    conns.iter().for_each(|conn| self.heard(*conn, outgoing.packet()));
                }
                Output::Replay(conn, outgoing, _) => self.heard(conn, outgoing.packet()),
                Output::Sound(sound, SoundAct::Piece(_)) => {
                    assert!(!self.ended.contains(&sound), "{sound}: a piece after the end");
                    self.tapes.insert(sound);
                }
                Output::Sound(sound, SoundAct::Drop) => {
                    assert!(self.tapes.remove(&sound), "{sound}: dropped, and never begun");
                    self.ended.insert(sound);
                }
                Output::Sound(sound, SoundAct::Keep) => {
                    assert!(self.tapes.remove(&sound), "{sound}: kept, and never begun");
                    self.ended.insert(sound);
                    self.asks.push_back(Ask::Sound(sound));
                }
                Output::Barrier(conn, number) => {
                    if let Some(peer) = self.open_peer(conn) {
                        assert!(number <= peer.shown.0, "{conn}: a question about rows not sent");
                        peer.barriers.push_back(number);
                    }
                }
                Output::Close(conn, _) => {
                    if let Some(peer) = self.open_peer(conn) {
                        peer.closed = true;
                    }
                }
                Output::Authenticate { conn, user, device, .. } => {
                    self.asks.push_back(Ask::Who(conn, user, device));
                }
                Output::Attach(conn, device) => self.asks.push_back(Ask::Where(conn, device)),
                Output::Commit(ticket) => self.tickets.push(ticket),
                Output::Query(lookup) => self.asks.push_back(Ask::Stored(lookup)),
                Output::Contacts(user) => self.asks.push_back(Ask::Contacts(user)),
                Output::Token { conn, task, token, .. } => self.asks.push_back(Ask::Token(conn, task, token)),
                Output::Read(request) => {
                    assert!(request.rows > 0, "a page of nothing");
                    self.asks.push_back(Ask::Rows(request));
                }
                // A driver that goes on reading all the same: the core keeps what comes.
                Output::Pause(_) | Output::Resume(_) => {}
                Output::Wake(_) => panic!("alone, and wakes others"),
                other => panic!("unknown: {other:?}"),
            }
        }
        self.judge();
    }

    /// What is sent to somebody who hung up is lost; to somebody whom the core closed, nothing may be sent.
    fn open_peer(&mut self, conn: ConnId) -> Option<&mut Peer> {
        let peer = self.peers.get_mut(&conn)?;
        assert!(!peer.closed, "{conn}: something after the close");
        Some(peer)
    }

    fn heard(&mut self, conn: ConnId, packet: &ServerPacket) {
        let window = self.config.window;
        let Some(peer) = self.open_peer(conn) else { return };
        match packet {
            ServerPacket::Welcome(welcome) => {
                assert!(!peer.welcomed, "{conn}: welcomed twice");
                peer.welcomed = true;
                peer.shown = welcome.resume_from;
            }
            ServerPacket::Deliver(row) => peer.row(conn, row, window),
            ServerPacket::Fault(_) | ServerPacket::Bye(_) | ServerPacket::Rejected { .. } => {}
            // Live voice waits for no mailbox.
            ServerPacket::Talk(_) => {}
            other => assert!(peer.welcomed, "{conn}: {other:?} before the welcome"),
        }
        let Some(app) = peer.app.map(|app| &mut self.apps[app]) else { return };
        // Between two proofs of one batch the core knows of some who came and went, and the store of all. Rows wait for
        // their proof; live voice goes to whom the core knows.
        if !(self.proving && matches!(packet, ServerPacket::Talk(_))) {
            self.checker.leaves(&app.device, packet, &self.durable);
        }
        if let ServerPacket::Deliver(row) = packet {
            let known = app.rows.insert(row.offset, Arc::clone(&row.entry));
            assert!(known.is_none_or(|known| *known == *row.entry), "{conn}: row {} changed", row.offset);
        }
    }

    fn judge(&self) {
        let found = self.checker.violations();
        assert!(found.is_empty(), "{found:#?}");
    }

    // ---- the end --------------------------------------------------------------------------------------

    /// Everybody comes back, the store works, and nobody is in a hurry: then every app has its mailbox.
    pub(super) fn rest(&mut self) {
        self.settle();
        if self.failing || self.draining {
            self.crash();
        }
        self.peers
            .keys()
            .copied()
            .collect::<Vec<_>>()
            .into_iter()
            .for_each(|conn| self.input(Input::Closed(conn)));
        self.peers.clear();
        for app in 0..APPS {
            self.open(app, true, 0);
        }
        for _ in 0..ROUNDS {
            self.settle();
            if !self.everybody_listens() && self.tickets.is_empty() && self.asks.is_empty() {
                return self.check();
            }
        }
        panic!("no rest after {ROUNDS} rounds");
    }

    /// Whether anybody had anything to say about what they heard.
    fn everybody_listens(&mut self) -> bool {
        let mut busy = false;
        for which in 0..u8::try_from(self.peers.len()).unwrap_or(u8::MAX) {
            let Some(peer) = self.pick(which).and_then(|conn| self.peers.get(&conn)) else { continue };
            let by_word = peer.caps.cursor == CursorBy::Dispose;
            if by_word && !peer.flying.is_empty() {
                let upto = peer.shown;
                self.say(which, vec![ClientPacket::Dispose(upto).into()]);
                busy = true;
            } else if !peer.barriers.is_empty() {
                self.pong(which, None);
                busy = true;
            }
        }
        busy
    }

    fn check(&mut self) {
        // A client may mark what it never got; that receipts have a cause is for the simulator to check.
        let Ok(last) = self.durable.last_sequence();
        for entry in (1..=last).filter_map(|sequence| self.durable.entry(sequence).unwrap_or_default()) {
            for app in &self.apps {
                self.checker.arrives(&app.device, &entry);
            }
        }
        let held: Vec<Held<'_>> = self
            .apps
            .iter()
            .map(|app| Held {
                device: &app.device,
                walkie: app.caps.cursor == CursorBy::Barrier,
                caps: app.caps,
                rows: app.rows.iter().map(|(offset, entry)| (*offset, &**entry)).collect(),
            })
            .collect();
        self.checker.at_rest(true, 0, &self.durable, &held, &[]);
        self.judge();
    }
}

fn device(user: &str, name: &str) -> Device {
    let user = UserId::new(user).expect("a constant");
    Device::new(user, DeviceName::new(name).expect("a constant"))
}
