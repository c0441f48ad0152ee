//! The world: who is in it, and the loop that moves it.

use std::collections::BTreeMap;

use bimip_proto::{
    Address, Body, ClientPacket, ClientRef, Device, DeviceName, Draft, Entry, MessageRef, Now, Row, Said,
    ServerPacket, Status, Talk, TalkAct, UserId,
};
use bytes::Bytes;

use super::checker::{Checker, Fate, Held};
use super::disk::Disk;
use super::node::Node;
use super::plan::Plan;
use super::rng::Rng;
use super::wire::{Direct, DirectWalkie, Wire};
use crate::Machine;
use crate::client::{self, Event};
use crate::server::{self, ConnId, Grant, Page, ServerCore};

/// One run of a [`Plan`] from a seed.
#[derive(Debug)]
pub struct World {
    plan: Plan,
    rng: Rng,
    now: Now,
    config: server::Config,
    core: ServerCore,
    disk: Disk,
    nodes: Vec<Node>,
    users: Vec<UserId>,
    links: BTreeMap<ConnId, Link>,
    queue: BTreeMap<(u64, u64), Happening>,
    serial: u64,
    server_life: u64,
    next_conn: u64,
    tickets: Vec<crate::ledger::Ticket>,
    sync_due: bool,
    checker: Checker,
    fates: Vec<Fate>,
    story: Option<Vec<String>>,
    steps: u64,
}

/// A connection on the air: packets of one direction never overtake each other.
#[derive(Debug)]
struct Link {
    node: usize,
    up_ms: u64,
    down_ms: u64,
}

/// What is going to happen.
#[derive(Debug)]
enum Happening {
    Dialed { node: usize, life: u64 },
    Up(ConnId, Up),
    Down(ConnId, Down),
    Write { life: u64 },
    Sync { life: u64 },
    Page { life: u64, page: Page },
    Attach { life: u64, conn: ConnId, device: Device },
    Grant { life: u64, conn: ConnId, device: Device },
    Store { node: usize, life: u64, row: Row },
    Read { node: usize, life: u64, message: MessageRef },
    Send { node: usize, to: usize, tag: u32 },
    Talk { node: usize, to: usize, act: TalkAct },
    Cut { node: usize },
    CrashServer,
    CrashClient { node: usize },
    ClockJump { back: bool, by_ms: u64 },
}

#[derive(Debug)]
enum Up {
    Said(Vec<Said>),
    Pong(u64),
}

#[derive(Debug)]
enum Down {
    Packet(ServerPacket),
    Ping(u64),
    Close,
}

impl World {
    /// A world with direct wires.
    #[must_use]
    pub fn new(seed: u64, plan: Plan) -> Self {
        Self::with_wires(seed, plan, &mut |walkie| {
            if walkie { Box::new(DirectWalkie) } else { Box::new(Direct) }
        })
    }

    /// A world whose devices speak through the wires that `wire` makes; it is told whether the device is a
    /// walkie-talkie.
    #[must_use]
    pub fn with_wires(seed: u64, plan: Plan, wire: &mut dyn FnMut(bool) -> Box<dyn Wire>) -> Self {
        let mut rng = Rng::new(seed);
        // Small windows make every page boundary happen.
        let rows = if rng.chance(70) { u32::try_from(rng.between(1, 8)).unwrap_or(1) } else { 256 };
        let mut config = server::Config::default();
        config.window.rows = rows;
        if rng.chance(50) {
            config.commits_per_connection = u32::try_from(rng.between(1, 4)).unwrap_or(1);
        }
        let mut world = Self {
            now: Now { mono_ms: 0, unix_ms: 1_763_652_000_000 },
            core: ServerCore::new(config.clone()),
            config,
            disk: Disk::new(7, plan.lie),
            nodes: Vec::new(),
            users: Vec::new(),
            links: BTreeMap::new(),
            queue: BTreeMap::new(),
            serial: 0,
            server_life: 0,
            next_conn: 1,
            tickets: Vec::new(),
            sync_due: false,
            checker: Checker::default(),
            fates: Vec::new(),
            story: None,
            steps: 0,
            rng: rng.clone(),
            plan,
        };
        world.populate(&mut rng, wire);
        world.rng = rng;
        world.schedule();
        world
    }

    /// Keeps the story of what happens, a line each; ask for it with [`story`](Self::story).
    #[must_use]
    pub fn telling(mut self) -> Self {
        self.story = Some(Vec::new());
        self
    }

    /// What happened, if it was kept.
    #[must_use]
    pub fn story(&self) -> &[String] {
        self.story.as_deref().unwrap_or_default()
    }

    /// What the checkers found.
    #[must_use]
    pub fn violations(&self) -> &[String] {
        self.checker.violations()
    }

    /// How many things happened.
    #[must_use]
    pub const fn steps(&self) -> u64 {
        self.steps
    }

    /// Runs to rest and checks.
    pub fn run(&mut self) {
        while self.step() {}
        let rested = self.is_at_rest();
        let held: Vec<_> = self
            .nodes
            .iter()
            .map(|node| Held {
                device: &node.device,
                walkie: node.is_walkie(),
                rows: node.app.rows.iter().map(|(offset, entry)| (*offset, &**entry)).collect(),
            })
            .collect();
        self.checker.at_rest(rested, self.disk.durable(), &held, &self.fates);
    }

    /// Moves time to the next thing that happens. `false` when the run is over.
    pub fn step(&mut self) -> bool {
        let Some(at_ms) = self.next_ms().filter(|at_ms| *at_ms <= self.plan.rest_by_ms) else { return false };
        let resting = self.now.mono_ms > self.plan.faults_until_ms + 2_000;
        if resting && at_ms > self.now.mono_ms && self.is_at_rest() {
            return false;
        }
        self.steps += 1;
        let passed = at_ms.saturating_sub(self.now.mono_ms);
        self.now.mono_ms += passed;
        self.now.unix_ms += passed;
        while let Some(entry) = self.queue.first_entry().filter(|entry| entry.key().0 <= self.now.mono_ms) {
            let happening = entry.remove();
            self.happen(happening);
        }
        if self.core.poll_timeout().is_some_and(|due| due <= self.now.mono_ms) {
            self.core.handle_timeout(self.now);
        }
        for node in 0..self.nodes.len() {
            if self.nodes[node].session.poll_timeout().is_some_and(|due| due <= self.now.mono_ms) {
                self.nodes[node].session.handle_timeout(self.now);
            }
        }
        self.drain();
        true
    }

    fn next_ms(&self) -> Option<u64> {
        let queued = self.queue.first_key_value().map(|((at, _), _)| *at);
        let nodes = self.nodes.iter().filter_map(|node| node.session.poll_timeout());
        queued
            .into_iter()
            .chain(self.core.poll_timeout())
            .chain(nodes)
            .min()
            .map(|at| at.max(self.now.mono_ms))
    }

    fn is_at_rest(&self) -> bool {
        let quiet = |happening: &Happening| matches!(happening, Happening::Dialed { .. });
        self.queue.values().all(quiet)
            && self.tickets.is_empty()
            && !self.disk.is_waiting()
            && self.nodes.iter().all(|node| node.session.is_up() && node.session.is_settled())
    }

    // ---- the beginning --------------------------------------------------------------------------------

    fn populate(&mut self, rng: &mut Rng, wire: &mut dyn FnMut(bool) -> Box<dyn Wire>) {
        for user in 0..self.plan.users.max(2) {
            let letter = ["a", "b", "c", "d", "e", "f", "g", "h"][user % 8];
            let name = format!("{letter}_{user}");
            let Ok(id) = UserId::new(&name) else { continue };
            self.users.push(id.clone());
            let walkie = rng.chance(self.plan.walkies_percent);
            let devices = rng.between(u64::from(!walkie), self.plan.devices as u64);
            for device in 1..=devices {
                self.settle_in(
                    &id,
                    &format!("{letter}{device}"),
                    &format!("{letter}{device}"),
                    wire(false),
                    rng.word(),
                );
            }
            if walkie {
                self.settle_in(&id, "voiceping", &format!("{letter}w"), wire(true), rng.word());
            }
        }
    }

    fn settle_in(&mut self, user: &UserId, device: &str, name: &str, wire: Box<dyn Wire>, seed: u64) {
        if let Ok(device) = DeviceName::new(device) {
            self.nodes.push(Node::new(name.to_owned(), Device::new(user.clone(), device), wire, seed));
        }
    }

    fn schedule(&mut self) {
        let until = self.plan.faults_until_ms;
        for tag in 0..self.plan.messages {
            let node = self.rng.index(self.nodes.len());
            let to = self.rng.index(self.users.len());
            let tag = u32::try_from(tag).unwrap_or(u32::MAX);
            let at = self.rng.between(0, until);
            self.at(at, Happening::Send { node, to, tag });
        }
        let walkies: Vec<_> = (0..self.nodes.len()).filter(|node| self.nodes[*node].is_walkie()).collect();
        for _ in 0..if walkies.is_empty() { 0 } else { self.plan.talks } {
            self.schedule_talk(&walkies);
        }
        for _ in 0..self.plan.cuts {
            let (at, node) = (self.rng.between(0, until), self.rng.index(self.nodes.len()));
            self.at(at, Happening::Cut { node });
        }
        for _ in 0..self.plan.crashes {
            let at = self.rng.between(0, until);
            self.at(at, Happening::CrashServer);
        }
        for _ in 0..self.plan.client_crashes {
            let (at, node) = (self.rng.between(0, until), self.rng.index(self.nodes.len()));
            self.at(at, Happening::CrashClient { node });
        }
        for _ in 0..self.plan.clock_jumps {
            let (at, back) = (self.rng.between(0, until), self.rng.chance(50));
            let by_ms = self.rng.between(1, 86_400_000);
            self.at(at, Happening::ClockJump { back, by_ms });
        }
    }

    fn schedule_talk(&mut self, walkies: &[usize]) {
        let node = walkies[self.rng.index(walkies.len())];
        let to = self.rng.index(self.users.len());
        let mut at = self.rng.between(0, self.plan.faults_until_ms);
        let payload = Bytes::from_static(&[0xc4, 1, 7]);
        self.at(at, Happening::Talk { node, to, act: TalkAct::Start { label: None, payload: Bytes::new() } });
        for _ in 0..self.rng.between(0, 4) {
            at += 60;
            self.at(
                at,
                Happening::Talk { node, to, act: TalkAct::Audio { label: None, payload: payload.clone() } },
            );
        }
        if self.rng.chance(80) {
            self.at(at + 60, Happening::Talk { node, to, act: TalkAct::Stop });
        }
    }

    fn at(&mut self, at_ms: u64, happening: Happening) {
        self.serial += 1;
        self.queue.insert((at_ms.max(self.now.mono_ms), self.serial), happening);
    }

    fn soon(&mut self, most_ms: u64, happening: Happening) {
        let at_ms = self.now.mono_ms + self.rng.between(0, most_ms);
        self.at(at_ms, happening);
    }

    fn tell(&mut self, what: impl FnOnce(&Self) -> String) {
        if self.story.is_some() {
            let line = format!("{:>7} ms  {}", self.now.mono_ms, what(self));
            self.story.get_or_insert_default().push(line);
        }
    }

    // ---- what happens ---------------------------------------------------------------------------------

    fn happen(&mut self, happening: Happening) {
        let this_life = self.server_life;
        match happening {
            Happening::Dialed { node, life } if self.nodes[node].life == life => self.dialed(node),
            Happening::Up(conn, up) => self.goes_up(conn, up),
            Happening::Down(conn, down) => self.goes_down(conn, down),
            Happening::Write { life } if life == this_life => self.write(),
            Happening::Sync { life } if life == this_life => self.sync(),
            Happening::Page { life, page } if life == this_life => self.input(server::Input::Page(page)),
            Happening::Attach { life, conn, device } if life == this_life => {
                let attachment = self.disk.attach(&device);
                self.input(server::Input::Attached(conn, Some(attachment)));
            }
            Happening::Grant { life, conn, device } if life == this_life => {
                self.input(server::Input::Granted(conn, Ok(Grant::new(device))));
            }
            Happening::Store { node, life, row } if self.nodes[node].life == life => self.store(node, &row),
            Happening::Read { node, life, message } if self.nodes[node].life == life => {
                let _full = self.nodes[node].session.mark(self.now, message, Status::Read);
            }
            Happening::Send { node, to, tag } => self.send(node, to, tag),
            Happening::Talk { node, to, act } => {
                let (from, to) =
                    (self.nodes[node].device.user.clone(), Address::User(self.users[to].clone()));
                self.nodes[node].session.talk(self.now, Talk { from, to, act });
            }
            Happening::Cut { node } => self.cut(node),
            Happening::CrashServer => self.crash_server(),
            Happening::CrashClient { node } => self.crash_client(node),
            Happening::ClockJump { back, by_ms } => {
                self.tell(|_| {
                    format!("the wall clock jumps {by_ms} ms {}", if back { "back" } else { "ahead" })
                });
                let unix_ms = self.now.unix_ms;
                self.now.unix_ms = if back { unix_ms - by_ms } else { unix_ms + by_ms };
            }
            _ => {}
        }
        self.drain();
    }

    fn input(&mut self, input: server::Input) {
        self.core.handle_input(self.now, input);
    }

    fn dialed(&mut self, node: usize) {
        let conn = ConnId(self.next_conn);
        self.next_conn += 1;
        self.links.insert(conn, Link { node, up_ms: self.now.mono_ms, down_ms: self.now.mono_ms });
        let it = &mut self.nodes[node];
        it.conn = Some(conn);
        it.wire.connect(&it.device);
        let (caps, by_header) = (it.wire.caps(), it.is_walkie());
        let grant = by_header.then(|| Grant::new(it.device.clone()));
        self.tell(|world| format!("{} connects as {conn}", world.nodes[node].name));
        self.input(server::Input::Opened { conn, caps, grant });
        self.nodes[node].session.handle_input(self.now, client::Input::Connected);
    }

    fn goes_up(&mut self, conn: ConnId, up: Up) {
        if !self.links.contains_key(&conn) {
            return;
        }
        match up {
            Up::Said(packets) => self.input(server::Input::Packets(conn, packets)),
            Up::Pong(upto) => self.input(server::Input::Barrier(conn, upto)),
        }
    }

    fn goes_down(&mut self, conn: ConnId, down: Down) {
        let Some(node) = self.links.get(&conn).map(|link| link.node) else { return };
        match down {
            Down::Packet(packet) => {
                self.tell(|world| format!("server -> {} {}", world.nodes[node].name, describe(&packet)));
                for packet in self.nodes[node].wire.down(packet) {
                    self.nodes[node].session.handle_input(self.now, client::Input::Packet(packet));
                }
            }
            Down::Ping(upto) => self.fly_up(conn, Up::Pong(upto)),
            Down::Close => self.unlink(conn, false),
        }
    }

    fn write(&mut self) {
        let batch = std::mem::take(&mut self.tickets);
        let (proven, failed) = self.disk.write(batch);
        for proof in proven {
            self.input(server::Input::Committed(proof));
        }
        for failure in failed {
            self.input(server::Input::Failed(failure));
        }
        let life = self.server_life;
        self.soon(20, Happening::Sync { life });
    }

    fn sync(&mut self) {
        self.sync_due = false;
        let proven = self.disk.sync();
        self.tell(|_| format!("disk sync, {} tickets", proven.len()));
        let devices: Vec<_> = self.nodes.iter().map(|node| &node.device).collect();
        self.checker.synced(&devices, self.disk.durable());
        for proof in proven {
            self.input(server::Input::Committed(proof));
        }
        if !self.tickets.is_empty() {
            self.write_soon();
        }
    }

    fn write_soon(&mut self) {
        if !self.sync_due {
            self.sync_due = true;
            let life = self.server_life;
            self.soon(5, Happening::Write { life });
        }
    }

    fn send(&mut self, node: usize, to: usize, tag: u32) {
        let it = &self.nodes[node];
        let tag = format!("<{}-{tag}>", it.name);
        let client_ref = if it.is_walkie() { None } else { ClientRef::new(&tag).ok() };
        let draft = Draft {
            client_ref,
            to: Address::User(self.users[to].clone()),
            client_time: None,
            body: Body::text(&tag),
        };
        self.fates.push(Fate { device: it.device.clone(), tag, sent: 0, unsure: false });
        let it = &mut self.nodes[node];
        if it.is_walkie() && !it.session.is_up() {
            // Its app sends when it is connected, and keeps nothing.
            self.fates.pop();
            return;
        }
        it.app.unacked.push(draft.clone());
        let _full = it.session.send(self.now, draft);
    }

    fn store(&mut self, node: usize, row: &Row) {
        let it = &mut self.nodes[node];
        it.store(row);
        if !it.is_walkie() {
            it.session.stored(self.now, row.offset);
        }
    }

    // ---- faults ---------------------------------------------------------------------------------------

    fn cut(&mut self, node: usize) {
        if let Some(conn) = self.nodes[node].conn {
            self.tell(|world| format!("{} is cut off", world.nodes[node].name));
            self.unlink(conn, true);
        }
    }

    /// A connection ends: what is in the air is lost, and both sides find out.
    fn unlink(&mut self, conn: ConnId, tell_server: bool) {
        let Some(link) = self.links.remove(&conn) else { return };
        if tell_server {
            self.input(server::Input::Closed(conn));
        }
        let it = &mut self.nodes[link.node];
        if it.conn == Some(conn) {
            it.conn = None;
            it.session.handle_input(self.now, client::Input::Disconnected);
        }
    }

    fn crash_server(&mut self) {
        self.tell(|_| "the server crashes".to_owned());
        self.server_life += 1;
        self.tickets.clear();
        self.sync_due = false;
        self.disk.crash();
        self.core = ServerCore::new(self.config.clone());
        let conns: Vec<_> = self.links.keys().copied().collect();
        for conn in conns {
            self.unlink(conn, false);
        }
    }

    fn crash_client(&mut self, node: usize) {
        self.tell(|world| format!("{} crashes and starts again", world.nodes[node].name));
        let conn = self.nodes[node].conn.take();
        if let Some(conn) = conn {
            self.unlink(conn, true);
        }
        let seed = self.rng.word();
        let it = &mut self.nodes[node];
        if it.is_walkie() {
            for draft in it.app.unacked.drain(..) {
                unsure(&mut self.fates, &it.device, &draft);
            }
        }
        it.restart(self.now, seed);
    }

    // ---- outputs --------------------------------------------------------------------------------------

    fn drain(&mut self) {
        loop {
            let mut idle = true;
            while let Some(output) = self.core.poll_output() {
                idle = false;
                self.carry_out(output);
            }
            for node in 0..self.nodes.len() {
                while let Some(output) = self.nodes[node].session.poll_output() {
                    idle = false;
                    self.obey(node, output);
                }
            }
            if idle {
                return;
            }
        }
    }

    fn carry_out(&mut self, output: server::Output) {
        let life = self.server_life;
        match output {
            server::Output::Send(conn, outgoing) => {
                let packet = outgoing.into_packet();
                if let Some(link) = self.links.get(&conn) {
                    self.checker.leaves(&self.nodes[link.node].device, &packet, self.disk.durable());
                }
                self.fly_down(conn, Down::Packet(packet));
            }
            server::Output::Barrier(conn, upto) => self.fly_down(conn, Down::Ping(upto)),
            server::Output::Close(conn, _) => self.fly_down(conn, Down::Close),
            server::Output::Authenticate { conn, user, device, .. } => {
                if let (Some(user), Some(device)) = (user, device) {
                    self.soon(10, Happening::Grant { life, conn, device: Device::new(user, device) });
                }
            }
            server::Output::Attach(conn, device) => self.soon(10, Happening::Attach { life, conn, device }),
            server::Output::Commit(ticket) => {
                self.tickets.push(ticket);
                self.write_soon();
            }
            // What was said is on its way already; the core keeps it.
            server::Output::Pause(_) | server::Output::Resume(_) => {}
            server::Output::Read(request) => {
                let page = self.disk.page(&request);
                self.soon(10, Happening::Page { life, page });
            }
        }
    }

    fn obey(&mut self, node: usize, output: client::Output) {
        match output {
            client::Output::Connect => {
                let life = self.nodes[node].life;
                let delay_ms = self.plan.delay_ms;
                self.soon(delay_ms, Happening::Dialed { node, life });
            }
            client::Output::Transmit(packet) => {
                self.tell(|world| {
                    format!("{} -> server {}", world.nodes[node].name, describe_client(&packet))
                });
                let said = self.nodes[node].wire.up(packet);
                if let Some(conn) = self.nodes[node].conn.filter(|_| !said.is_empty()) {
                    self.fly_up(conn, Up::Said(said));
                }
            }
            client::Output::Hangup => {
                if let Some(conn) = self.nodes[node].conn.take() {
                    self.unlink(conn, true);
                }
            }
            client::Output::Event(event) => self.event(node, event),
        }
    }

    fn event(&mut self, node: usize, event: Event) {
        let it = &mut self.nodes[node];
        match event {
            Event::Resumed(welcome) => it.app.epoch = welcome.epoch,
            Event::Sent { client_ref, head, .. } => {
                let is_it = |draft: &Draft| match &client_ref {
                    Some(name) => draft.client_ref.as_ref() == Some(name),
                    None => draft.to == head.to,
                };
                if let Some(at) = it.app.unacked.iter().position(is_it) {
                    let draft = it.app.unacked.remove(at);
                    if let Some(fate) = fate(&mut self.fates, &it.device, &draft) {
                        fate.sent += 1;
                    }
                }
            }
            Event::Unsure(draft) => {
                it.app.unacked.retain(|other| *other != draft);
                unsure(&mut self.fates, &it.device, &draft);
            }
            Event::Received(row) => self.received(node, row),
            _ => {}
        }
    }

    fn received(&mut self, node: usize, row: Row) {
        let it = &mut self.nodes[node];
        let (life, walkie) = (it.life, it.is_walkie());
        self.checker.arrives(&it.device, &row.entry);
        if let Entry::Message(message) = &*row.entry {
            let reference = message.head.names().reference();
            let mine = message.head.is_to(&it.device.user);
            if let Some(message) = reference.filter(|_| mine) {
                if walkie {
                    it.session.delivered(self.now, vec![message.clone()]);
                }
                if self.rng.chance(self.plan.reads_percent) {
                    self.soon(3_000, Happening::Read { node, life, message });
                }
            }
        }
        if walkie {
            // Nothing but the network is between it and its user: what arrived is heard.
            return self.store(node, &row);
        }
        // Apps store in the order they receive.
        let at_ms = self.now.mono_ms + 50;
        self.at(at_ms, Happening::Store { node, life, row });
    }

    fn fly_up(&mut self, conn: ConnId, up: Up) {
        let delay_ms = self.rng.between(0, self.plan.delay_ms);
        let Some(link) = self.links.get_mut(&conn) else { return };
        link.up_ms = link.up_ms.max(self.now.mono_ms + delay_ms);
        let at_ms = link.up_ms;
        self.at(at_ms, Happening::Up(conn, up));
    }

    fn fly_down(&mut self, conn: ConnId, down: Down) {
        let delay_ms = self.rng.between(0, self.plan.delay_ms);
        let Some(link) = self.links.get_mut(&conn) else { return };
        link.down_ms = link.down_ms.max(self.now.mono_ms + delay_ms);
        let at_ms = link.down_ms;
        self.at(at_ms, Happening::Down(conn, down));
    }
}

fn fate<'f>(fates: &'f mut [Fate], device: &Device, draft: &Draft) -> Option<&'f mut Fate> {
    fates.iter_mut().find(|fate| fate.device == *device && fate.tag.as_bytes() == &*draft.body.bytes)
}

fn unsure(fates: &mut [Fate], device: &Device, draft: &Draft) {
    if let Some(fate) = fate(fates, device, draft) {
        fate.unsure = true;
    }
}

fn describe(packet: &ServerPacket) -> String {
    match packet {
        ServerPacket::Accepted { head, offset, .. } => format!("Accepted {:?} @{offset}", head.id),
        ServerPacket::Deliver(row) => match &*row.entry {
            Entry::Message(message) => {
                format!(
                    "Deliver @{} after {} {:?} from {}",
                    row.offset, row.prev, message.head.id, message.head.from
                )
            }
            Entry::Receipt(receipt) => {
                let ids: Vec<_> = receipt.messages.iter().map(|names| names.id).collect();
                format!(
                    "Deliver @{} after {} {:?} {ids:?} by {}",
                    row.offset, row.prev, receipt.status, receipt.by
                )
            }
            _ => format!("Deliver @{}", row.offset),
        },
        other => format!("{other:?}"),
    }
}

fn describe_client(packet: &ClientPacket) -> String {
    match packet {
        ClientPacket::Send(draft) => {
            format!("Send {} to {}", String::from_utf8_lossy(&draft.body.bytes), draft.to)
        }
        other => format!("{other:?}"),
    }
}
