//! Who is in the world, and what will happen to them.

use bimip_proto::{
    Address, Ask, ClientRef, Device, DeviceName, GroupId, PageFrom, Query, Seq, TalkAct, UserId,
};
use bytes::Bytes;

use super::World;
use super::happening::{Happening, HowFar};
use crate::server;
use crate::sim::checker::Bounds;
use crate::sim::host::{Host, Queue};
use crate::sim::node::{HEARTBEAT_MS, Node};
use crate::sim::plan::Plan;
use crate::sim::rng::Rng;
use crate::sim::wire::Wire;

/// How much slower a slow device or core is.
pub(super) const SLOW: u64 = 10;
/// The patience of a client, from its configuration.
const PATIENCE_MS: u64 = 10_000;
/// The longest wait before a client dials again, from its configuration.
const REDIAL_MS: u64 = 30_000;

/// How long what was read or proven is on its way to a core, at most.
pub(super) const LAG_MS: u64 = 20;

/// Small windows make every page boundary happen, short heartbeats every way to find out about a dead link.
pub(super) fn config(rng: &mut Rng, plan: &Plan) -> server::Config {
    let mut config = server::Config::default();
    config.window.rows = if rng.chance(70) { u32::try_from(rng.between(1, 8)).unwrap_or(1) } else { 256 };
    if rng.chance(50) {
        config.commits_per_connection = u32::try_from(rng.between(1, 4)).unwrap_or(1);
    }
    if rng.chance(60) {
        config.heartbeat_ms = u32::try_from(rng.between(3_000, 8_000)).unwrap_or(8_000);
        config.probe_ms = rng.between(9_000, 12_000);
        config.idle_ms = config.probe_ms + 10_000;
    }
    if plan.slow_percent > 0 {
        // A slow device is not a silent one.
        config.idle_ms = config.idle_ms.max(config.probe_ms + 10 * SLOW * plan.delay_ms);
    }
    if rng.chance(plan.feeds_percent) {
        config.row_members = u32::try_from(rng.between(0, 2)).unwrap_or(0);
    }
    if rng.chance(plan.tight_percent) {
        // From one ticket at a time, and from room for a few words to wait.
        config.commit_bytes_per_connection = rng.between(1, 2_000);
        config.commit_bytes_in_flight = rng.between(1, 8_000);
        // What clients say before they are welcomed has to fit in: nothing stops what is on the air here.
        config.held_bytes_per_connection = 30_000;
        config.held_bytes = rng.between(30_000, 60_000);
    }
    config
}

/// What is promised about the end.
///
/// Connected: a device asks after its heartbeat whether a link is dead, and waits for its patience; where it hears and is
/// not heard, the server finds out by the silence. Then it waits at most the longest redial wait, and has the patience of
/// a dial and of a welcome once more if the core it met was starting. At rest:
/// five seconds, or the time until it is written down who was seen last, the time of a lost wake-up, and for every page of rows, drafts and marks of the longest backlog what a page costs: the rows' way
/// there, a sync of the device, the disposal's way back, a write, a sync and a read on the server.
pub(super) fn bounds(plan: &Plan, config: &server::Config, stale_ms: u64) -> Bounds {
    let slow = if plan.slow_percent > 0 { SLOW } else { 1 };
    Bounds {
        stale_ms,
        lag_ms: slow * LAG_MS,
        up_ms: config.idle_ms.max(HEARTBEAT_MS + PATIENCE_MS) + REDIAL_MS + 2 * PATIENCE_MS,
        rest_ms: 5_000.max(config.seen_ms + slow * LAG_MS) + stale_ms,
        page_rows: u64::from(config.window.rows / 2).max(1),
        page_ms: slow * (2 * plan.delay_ms + 200),
    }
}

impl World {
    pub(super) fn found(&mut self, rng: &mut Rng, cores: u64) {
        let shared = rng.chance(50);
        for core in 0..cores {
            self.cores.push(Host::new(self.config.clone()));
            if core == 0 || !shared {
                self.queues.push(Queue::default());
            }
        }
    }

    pub(super) fn populate(&mut self, rng: &mut Rng, wire: &mut dyn FnMut(bool) -> Box<dyn Wire>) {
        for group in 0..self.plan.groups {
            self.groups.extend(GroupId::new(&format!("g_{group}")));
        }
        for group in 0..self.plan.made {
            self.made.extend(GroupId::new(&format!("m_{group}")));
        }
        for user in 0..self.plan.users.max(2) {
            let letter = char::from(b"abcdefghijklmnopqrstuvwxyz"[user % 26]);
            let name = format!("{letter}_{user}");
            let short = if user < 26 { letter.to_string() } else { format!("{letter}{user}_") };
            let Ok(id) = UserId::new(&name) else { continue };
            self.users.push(id.clone());
            let walkie = rng.chance(self.plan.walkies_percent);
            if walkie || rng.chance(50) {
                self.granted.insert(id.clone());
            }
            let devices = rng.between(u64::from(!walkie), self.plan.devices as u64);
            for device in 1..=devices {
                let device = format!("{short}{device}");
                self.settle_in(&id, &device, &device, wire(false), rng.word());
            }
            if walkie {
                self.settle_in(&id, "voiceping", &format!("{short}w"), wire(true), rng.word());
            }
        }
        if rng.chance(self.plan.slow_percent) {
            let (node, core) = (rng.index(self.nodes.len()), rng.index(self.cores.len()));
            if rng.chance(50) { self.nodes[node].slow = true } else { self.cores[core].slow = true }
        }
    }

    fn settle_in(&mut self, user: &UserId, device: &str, name: &str, wire: Box<dyn Wire>, seed: u64) {
        if let Ok(device) = DeviceName::new(device) {
            let device = Device::new(user.clone(), device);
            self.touched.push(self.nodes.len());
            self.dues.push(0);
            self.nodes.push(Node::new(name.to_owned(), device, wire, seed, self.plan.lie));
        }
    }

    pub(super) fn schedule(&mut self) {
        let until = self.plan.faults_until_ms;
        for _ in 0..self.plan.messages {
            let (node, to) = (self.rng.index(self.nodes.len()), self.somebody());
            let at = self.rng.between(0, until);
            self.at(at, Happening::Send { node, to });
        }
        let walkies: Vec<_> = (0..self.nodes.len()).filter(|node| self.nodes[*node].is_walkie()).collect();
        for _ in 0..if walkies.is_empty() { 0 } else { self.plan.talks } {
            self.schedule_talk(&walkies);
        }
        for _ in 0..if self.groups.is_empty() && self.made.is_empty() { 0 } else { self.plan.moves } {
            self.schedule_move();
        }
        self.schedule_queries();
        self.schedule_statuses();
        self.schedule_messenger();
        self.schedule_faults();
        self.at(until, Happening::Calm);
    }

    fn schedule_talk(&mut self, walkies: &[usize]) {
        let node = walkies[self.rng.index(walkies.len())];
        let to = self.somebody();
        let mut at = self.rng.between(0, self.plan.faults_until_ms);
        let payload = Bytes::from_static(&[0xc4, 1, 7]);
        let start = TalkAct::Start { label: None, payload: Bytes::new() };
        self.at(at, Happening::Talk { node, to: to.clone(), act: start });
        for _ in 0..self.rng.between(0, 4) {
            at += 60;
            let audio = TalkAct::Audio { label: None, payload: payload.clone() };
            self.at(at, Happening::Talk { node, to: to.clone(), act: audio });
        }
        if self.rng.chance(80) {
            self.at(at + 60, Happening::Talk { node, to, act: TalkAct::Stop });
        }
    }

    /// A user, or now and then a group.
    pub(super) fn somebody(&mut self) -> Address {
        let groups = self.groups.len() + self.made.len();
        if groups > 0 && self.rng.chance(30) {
            let group = self.rng.index(groups);
            return Address::Group(self.group(group).clone());
        }
        Address::User(self.users[self.rng.index(self.users.len())].clone())
    }

    /// Those that the sign-ins name come first.
    pub(super) fn group(&self, group: usize) -> &GroupId {
        self.groups.get(group).unwrap_or_else(|| &self.made[group - self.groups.len()])
    }

    fn schedule_move(&mut self) {
        let groups = self.groups.len() + self.made.len();
        let (node, group) = (self.rng.index(self.nodes.len()), self.rng.index(groups));
        let (at, join) = (self.rng.between(0, self.plan.faults_until_ms), self.rng.chance(60));
        if group >= self.groups.len() || !self.granted.contains(&self.nodes[node].device.user) {
            self.at(at, Happening::Move { node, group, join });
        }
    }

    fn schedule_queries(&mut self) {
        for number in 0..self.plan.queries {
            let (at, node) = self.when_and_who();
            let limit = [1, 2, 5, 20, 0][self.rng.index(5)];
            let near = Seq(self.rng.between(0, 40));
            let ask = match self.rng.between(0, 5) {
                0 => Ask::Conversations { from: PageFrom::Latest, limit },
                1 => Ask::Conversation(self.somebody()),
                2 => Ask::History { of: self.somebody(), from: PageFrom::Latest, limit },
                3 => Ask::History { of: self.somebody(), from: PageFrom::Before(near.into()), limit },
                _ => Ask::History { of: self.somebody(), from: PageFrom::After(near.into()), limit },
            };
            if let Ok(id) = ClientRef::new(&format!("q{number}")) {
                self.at(at, Happening::Query { node, query: Query { id, ask } });
            }
        }
    }

    fn schedule_statuses(&mut self) {
        for number in 0..self.plan.statuses {
            let (at, node) = self.when_and_who();
            let (pick, limit) = (self.rng.between(0, 1 << 32), [1, 2, 0][self.rng.index(3)]);
            let after = self.rng.chance(30).then(|| self.users[self.rng.index(self.users.len())].clone());
            if let Ok(id) = ClientRef::new(&format!("s{number}")) {
                let asking = HowFar { id, pick, after, limit };
                self.at(at, Happening::HowFar { node, asking });
            }
        }
    }

    fn schedule_faults(&mut self) {
        for _ in 0..self.plan.cuts {
            let (at, node) = self.when_and_who();
            self.at(at, Happening::Cut { node });
        }
        for _ in 0..self.plan.half_opens {
            let (at, node) = self.when_and_who();
            let (up, down) = [(true, false), (false, true), (true, true)][self.rng.index(3)];
            self.at(at, Happening::Die { node, up, down });
        }
        for _ in 0..self.plan.swizzles {
            self.schedule_swizzle();
        }
        for _ in 0..self.plan.crashes {
            let (at, core) = (self.when(), self.rng.index(self.cores.len()));
            self.at(at, Happening::CrashCore { core });
        }
        for _ in 0..self.plan.power_cuts {
            let at = self.when();
            self.at(at, Happening::CutPower);
        }
        for _ in 0..self.plan.client_crashes {
            let (at, node) = self.when_and_who();
            self.at(at, Happening::CrashClient { node });
        }
        for _ in 0..self.plan.disk_failures {
            let (at, full) = (self.when(), self.rng.chance(50));
            self.at(at, Happening::FailDisk { full });
            let until = at + self.rng.between(50, 2_000);
            self.at(until, Happening::HealDisk);
        }
        for _ in 0..self.plan.clock_jumps {
            let (at, back) = (self.when(), self.rng.chance(50));
            let by_ms = self.rng.between(1, 86_400_000);
            self.at(at, Happening::ClockJump { back, by_ms });
        }
        for _ in 0..self.plan.timer_faults_percent {
            let at = self.when();
            self.at(at, Happening::Spurious);
        }
    }

    /// All links are stopped one by one, and restarted in another order.
    fn schedule_swizzle(&mut self) {
        let nodes = self.nodes.len();
        let span_ms = (self.plan.faults_until_ms / (2 * self.plan.swizzles as u64)).max(1);
        let begin = self.rng.between(0, self.plan.faults_until_ms.saturating_sub(span_ms));
        let mut order: Vec<usize> = (0..nodes).collect();
        for (stop, from_ms) in [(true, begin), (false, begin + span_ms / 2)] {
            for left in (1..nodes).rev() {
                order.swap(left, self.rng.index(left + 1));
            }
            for (turn, node) in (0..).zip(&order) {
                let at = from_ms + turn * span_ms / (2 * nodes as u64);
                self.at(
                    at,
                    if stop { Happening::Stop { node: *node } } else { Happening::Start { node: *node } },
                );
            }
        }
    }

    pub(super) fn when(&mut self) -> u64 {
        self.rng.between(0, self.plan.faults_until_ms)
    }

    pub(super) fn when_and_who(&mut self) -> (u64, usize) {
        (self.when(), self.rng.index(self.nodes.len()))
    }
}
