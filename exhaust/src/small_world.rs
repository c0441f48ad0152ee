//! The world, and one step in it.

use std::collections::{BTreeMap, VecDeque};
use std::convert::Infallible;

use bimip_proto::{Caps, Entry, Noted, Now, Offset, Said, ServerPacket};
use bimip_session::Machine;
use bimip_session::ledger::{Book, Committed, Failed, Outcome, Ticket, View, settle};
use bimip_session::server::{Config, ConnId, Grant, Input, Output, Page, ServerCore};

use crate::client::{Client, Down, Held};

/// What can happen next. Clients are numbered: the two senders, then the two devices of the receiver.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "all of it")]
pub enum Action {
    /// The next packet of a client reaches the server.
    Up(u8),
    /// The next packet of the server reaches a client.
    Down(u8),
    /// What was asked to be stored becomes durable, and is proven.
    Sync,
    /// A client that has no connection dials.
    Dial(u8),
    /// A connection breaks, with what is on it.
    Cut(u8),
    /// The server dies. What was asked to be stored is lost, or durable and unproven.
    Crash {
        /// Which of them.
        durable: bool,
    },
}

impl Action {
    /// Whether it is something that need not happen.
    pub(crate) const fn is_fault(self) -> bool {
        matches!(self, Self::Cut(_) | Self::Crash { .. })
    }
}

/// How much may go wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "all of it")]
pub struct Faults {
    /// Connections that may be cut.
    pub cuts: u8,
    /// Times that the server may die.
    pub crashes: u8,
}

const EPOCH: u32 = 7;
/// Time stands still: no story here is about it.
const NOW: Now = Now { mono_ms: 1_000, unix_ms: 1_763_652_000_000 };
const CLIENTS: [(&str, &str); 4] = [("a", "1"), ("c", "1"), ("b", "1"), ("b", "2")];
const SENDERS: usize = 2;
const CAPS: Caps = Caps { presence: false, ..Caps::FULL };

/// What was seen on the way here, one bit each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Found(u32);

impl Found {
    pub(crate) const LOST: Self = Self(1);
    pub(crate) const DOUBLED: Self = Self(1 << 1);
    pub(crate) const HOLE: Self = Self(1 << 2);
    pub(crate) const DISORDER: Self = Self(1 << 3);
    pub(crate) const CURSOR_BACK: Self = Self(1 << 4);
    pub(crate) const STUCK: Self = Self(1 << 5);
    pub(crate) const COMPLETE: Self = Self(1 << 6);
    pub(crate) const COMMAND_LOST: Self = Self(1 << 7);
    pub(crate) const REPEATED: Self = Self(1 << 8);
    pub(crate) const SENT_AGAIN: Self = Self(1 << 9);

    pub(crate) const fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    const fn add(&mut self, other: Self, when: bool) {
        if when {
            self.0 |= other.0;
        }
    }
}

#[derive(Debug)]
pub(crate) struct World {
    pub(crate) core: ServerCore,
    pub(crate) book: Book,
    pub(crate) clients: Vec<Client>,
    pub(crate) tickets: VecDeque<Ticket>,
    pub(crate) faults: Faults,
    pub(crate) found: Found,
}

impl World {
    /// Everybody is connected, and the drafts are on their way.
    pub(crate) fn new(faults: Faults) -> Self {
        // That the senders dispose of their receipts is the story of the receiver once more.
        let client = |(at, (user, name)): (usize, &(&str, &str))| Client::new(user, name, at >= SENDERS, NOW);
        let clients = CLIENTS.iter().enumerate().map(client).collect();
        let (core, book) = (ServerCore::new(Config::default()), Book::new(EPOCH));
        let mut world =
            Self { core, book, clients, tickets: VecDeque::new(), faults, found: Found::default() };
        for client in 0..CLIENTS.len() {
            world.dial(client);
            world.down(client);
        }
        for sender in 0..SENDERS {
            world.clients[sender].send(NOW, "b");
        }
        world
    }

    /// What can happen now.
    pub(crate) fn actions(&self) -> Vec<Action> {
        let mut actions = Vec::new();
        // While something may break it matters what has arrived. When nothing can any more, an arrival changes nothing
        // for anybody else, and what the client says to it may wait as long as it likes: one order stands for all.
        let arrives = (0..).zip(&self.clients).find(|(_, it)| !it.down.is_empty());
        if self.faults == (Faults { cuts: 0, crashes: 0 })
            && let Some((client, _)) = arrives
        {
            return vec![Action::Down(client)];
        }
        for (client, it) in (0..).zip(&self.clients) {
            let connected = it.conn.is_some();
            let mut may = |action, when| actions.extend(Some(action).filter(|_| when));
            may(Action::Up(client), !it.up.is_empty());
            may(Action::Down(client), !it.down.is_empty());
            may(Action::Dial(client), !connected);
            may(Action::Cut(client), connected && self.faults.cuts > 0);
        }
        if !self.tickets.is_empty() {
            actions.push(Action::Sync);
        }
        if self.faults.crashes > 0 {
            actions.push(Action::Crash { durable: false });
            if !self.tickets.is_empty() {
                actions.push(Action::Crash { durable: true });
            }
        }
        actions
    }

    /// One step, and whether what must hold holds after it.
    pub(crate) fn step_and_look(&mut self, action: Action) {
        let before = self.cursors();
        self.step(action);
        let back = before.iter().zip(self.cursors()).any(|(before, now)| now < *before);
        self.found.add(Found::CURSOR_BACK, back);
        self.look();
    }

    pub(crate) fn step(&mut self, action: Action) {
        match action {
            Action::Up(client) => {
                let it = &mut self.clients[usize::from(client)];
                if let (Some(packet), Some(conn)) = (it.up.pop_front(), it.conn) {
                    self.input(Input::Packets(conn, vec![Said::from(packet)]));
                }
            }
            Action::Down(client) => self.down(client.into()),
            Action::Sync => {
                for proof in self.settled() {
                    let repeated = proof.outcomes().iter().any(|it| matches!(it, Outcome::Repeat(_)));
                    self.found.add(Found::REPEATED, repeated);
                    self.input(Input::Committed(proof));
                }
            }
            Action::Dial(client) => self.dial(client.into()),
            Action::Cut(client) => {
                self.faults.cuts -= 1;
                if let Some(conn) = self.clients[usize::from(client)].lose(NOW) {
                    self.input(Input::Closed(conn));
                }
            }
            Action::Crash { durable } => self.crash(durable),
        }
        self.overlook();
    }

    /// That its rows are disposed of changes nothing for a client: it is the same whether it hears so, later or never.
    fn overlook(&mut self) {
        for client in 0..self.clients.len() {
            let overlooked = |it: &Down| matches!(it, Down::Packet(ServerPacket::Noted(Noted::Disposed(_))));
            while self.clients[client].down.front().is_some_and(overlooked) {
                self.down(client);
            }
        }
    }

    fn crash(&mut self, durable: bool) {
        self.faults.crashes -= 1;
        self.found.add(Found::COMMAND_LOST, !durable && !self.tickets.is_empty());
        if durable {
            drop(self.settled());
        }
        self.tickets.clear();
        self.core = ServerCore::new(Config::default());
        for client in &mut self.clients {
            client.lose(NOW);
        }
        // Everybody comes back at once. One who comes later than others is what a cut is about.
        for client in 0..self.clients.len() {
            self.dial(client);
        }
    }

    fn dial(&mut self, client: usize) {
        let it = &mut self.clients[client];
        // Numbered so that who dials first makes no difference afterwards.
        let conn = ConnId(it.lives * 10 + client as u64);
        it.dial(NOW, conn);
        let grant = Some(Grant::new(it.device.clone()));
        self.input(Input::Opened { conn, caps: CAPS, grant });
    }

    fn down(&mut self, client: usize) {
        let it = &mut self.clients[client];
        let conn = it.conn;
        match it.down.pop_front() {
            Some(Down::Packet(packet)) => {
                if let ServerPacket::Deliver(row) = &packet {
                    let again = it.held.iter().any(|(offset, _)| *offset == row.offset);
                    self.found.add(Found::SENT_AGAIN, again);
                }
                it.hear(NOW, packet);
                if it.conn.is_none()
                    && let Some(conn) = conn
                {
                    // It hung up.
                    it.lose(NOW);
                    self.input(Input::Closed(conn));
                }
            }
            Some(Down::Close) => drop(it.lose(NOW)),
            None => {}
        }
    }

    fn settled(&mut self) -> Vec<Committed> {
        let batch: Vec<Ticket> = self.tickets.drain(..).collect();
        let settled: Result<_, (Vec<Failed>, Infallible)> = settle(batch, &self.book);
        let Ok(settlement) = settled;
        self.book.apply(settlement.writes());
        settlement.committed()
    }

    fn input(&mut self, input: Input) {
        self.core.handle_input(NOW, input);
        while let Some(output) = self.core.poll_output() {
            match output {
                Output::Send(conn, outgoing) => self.fly(conn, Down::Packet(outgoing.into_packet())),
                Output::Close(conn, _) => self.fly(conn, Down::Close),
                Output::Commit(ticket) => self.tickets.push_back(ticket),
                Output::Attach(conn, device) => {
                    let attachment = self.book.attach(&device);
                    self.core.handle_input(NOW, Input::Attached(conn, Some(attachment)));
                }
                Output::Contacts(user) => {
                    let contacts = self.book.contacts(&user);
                    self.core.handle_input(NOW, Input::Contacts(user, Some(contacts)));
                }
                Output::Read(read) => {
                    let rows = self.book.page(&read.user, read.after, read.rows, read.bytes);
                    self.core.handle_input(NOW, Input::Page(Page { conn: read.conn, rows: Some(rows) }));
                }
                _ => {}
            }
        }
    }

    fn fly(&mut self, conn: ConnId, down: Down) {
        if let Some(client) = self.clients.iter_mut().find(|client| client.conn == Some(conn)) {
            client.down.push_back(down);
        }
    }

    // ---- what must hold ---------------------------------------------------------------------------------

    fn cursors(&self) -> [Offset; CLIENTS.len()] {
        std::array::from_fn(|client| {
            let Ok(cursor) = self.book.cursor(&self.clients[client].device);
            cursor
        })
    }

    fn look(&mut self) {
        let mut found = self.found;
        let users: Vec<_> = self.book.users().cloned().collect();
        for user in &users {
            let rows = self.book.page(user, Offset::ZERO, u32::MAX, u64::MAX);
            let dense = (1..).zip(&rows).all(|(place, (offset, _))| offset.0 == place);
            found.add(Found::HOLE, !dense);
            let mut texts: BTreeMap<&[u8], u32> = BTreeMap::new();
            for (_, entry) in &rows {
                if let Entry::Message(message) = &**entry {
                    *texts.entry(&message.body.bytes[..]).or_default() += 1;
                }
            }
            found.add(Found::DOUBLED, texts.values().any(|times| *times > 1));
        }
        for client in &self.clients {
            self.look_at(client, &mut found);
        }
        let rest = self.actions().into_iter().all(Action::is_fault);
        let complete = self.is_complete();
        found.add(Found::COMPLETE, complete);
        found.add(Found::STUCK, rest && !complete);
        self.found = found;
    }

    /// What it was told is so, and what it holds is its mailbox, from the first row on and in order.
    fn look_at(&self, client: &Client, found: &mut Found) {
        for (id, offset) in &client.sent {
            for user in [&client.device.user, &self.clients[SENDERS].device.user] {
                let rows = self.book.page(user, Offset::ZERO, u32::MAX, u64::MAX);
                let has = rows.iter().any(|(at, entry)| {
                    let is_it = matches!(&**entry, Entry::Message(message) if message.head.id == *id);
                    is_it && (*user != client.device.user || at == offset)
                });
                found.add(Found::LOST, !has);
            }
        }
        found.add(Found::DOUBLED, client.sent.len() > 1);
        let shown = self.shown_to(client);
        let in_order =
            client.held.len() <= shown.len() && client.held.iter().zip(&shown).all(|(it, row)| it == row);
        found.add(Found::DISORDER, !in_order);
    }

    /// The rows of its mailbox that it did not cause.
    fn shown_to(&self, client: &Client) -> Vec<(Offset, Held)> {
        let rows = self.book.page(&client.device.user, Offset::ZERO, u32::MAX, u64::MAX);
        let held = |(offset, entry): &(Offset, std::sync::Arc<Entry>)| match &**entry {
            Entry::Message(message) if message.head.from != client.device => {
                Some((*offset, Held::Message(message.head.id)))
            }
            Entry::Receipt(receipt) if receipt.by != client.device => {
                Some((*offset, Held::Receipt(receipt.messages.iter().map(|it| it.id).collect())))
            }
            _ => None,
        };
        rows.iter().filter_map(held).collect()
    }

    /// Both drafts are answered, and everybody holds all that they are shown, the receipts of the receiver among it.
    fn is_complete(&self) -> bool {
        let answered = self.clients[..SENDERS].iter().all(|client| client.sent.len() == 1);
        let told = |client: &Client| {
            let receipts = client.held.iter().filter(|(_, held)| matches!(held, Held::Receipt(_)));
            receipts.count() == 1
        };
        answered
            && self.clients[..SENDERS].iter().all(told)
            && self.clients[SENDERS..].iter().all(|client| client.held.len() == SENDERS)
            && self.clients.iter().all(|client| client.held == self.shown_to(client))
    }
}
