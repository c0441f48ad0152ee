//! The world: who is in it, and the loop that moves it.

mod beginning;
mod faults;
mod happening;
mod outputs;

use std::collections::{BTreeMap, BTreeSet};

use bimip_proto::{
    Address, ClientPacket, Device, Draft, Entry, GroupId, MessageRef, Now, Row, Said, ServerPacket, TalkAct,
    UserId,
};

use super::checker::{Checker, Fate, Held};
use super::disk::Disk;
use super::node::Node;
use super::plan::Plan;
use super::rng::Rng;
use super::wire::{Direct, DirectWalkie, Wire};
use crate::Machine;
use crate::server::{self, ConnId, Page, ServerCore, SoundId};

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
    groups: Vec<GroupId>,
    /// Whose sign-in names all groups: they are always in, and never have to ask.
    granted: BTreeSet<UserId>,
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
    Contacts { life: u64, user: UserId },
    Attach { life: u64, conn: ConnId, device: Device },
    Grant { life: u64, conn: ConnId, device: Device },
    Kept { life: u64, sound: SoundId },
    Store { node: usize, life: u64, row: Row },
    Read { node: usize, life: u64, message: MessageRef },
    Send { node: usize, to: Address, tag: u32 },
    Talk { node: usize, to: Address, act: TalkAct },
    Move { node: usize, group: usize, join: bool },
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
            groups: Vec::new(),
            granted: BTreeSet::new(),
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
}

fn fate<'f>(fates: &'f mut [Fate], device: &Device, draft: &Draft) -> Option<&'f mut Fate> {
    fates.iter_mut().find(|fate| fate.device == *device && fate.tag.as_bytes() == &*draft.body.bytes)
}

fn unsure(fates: &mut [Fate], device: &Device, draft: &Draft) {
    if let Some(fate) = fate(fates, device, draft) {
        fate.unsure = true;
    }
}

fn refused(fates: &mut [Fate], device: &Device, draft: &Draft) {
    if let Some(fate) = fate(fates, device, draft) {
        fate.refused = true;
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
