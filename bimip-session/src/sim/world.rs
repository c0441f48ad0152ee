//! The world: who is in it, and the loop that moves it.

mod beginning;
mod clients;
mod cores;
mod ending;
mod faults;
mod happening;
mod messenger;
mod network;

use std::collections::{BTreeMap, BTreeSet};

use bimip_proto::{Device, GroupId, Now, UserId};

use self::happening::Happening;
use self::network::Link;
use super::bot::{Bot, Maker};
use super::checker::{Checker, Fate};
use super::disk::Disk;
use super::host::{Host, Queue};
use super::node::Node;
use super::plan::Plan;
use super::rng::Rng;
use super::story::Story;
use super::wire::{Direct, DirectWalkie, Wire};
use crate::Machine;
use crate::client::ClientSession;
use crate::server::{self, ConnId, Siblings};

/// When a session wants to be asked that has nothing to wait for.
const NEVER: u64 = u64::MAX;

/// One run of a [`Plan`] from a seed.
#[derive(Debug)]
pub struct World {
    plan: Plan,
    rng: Rng,
    now: Now,
    config: server::Config,
    cores: Vec<Host>,
    /// One for all cores, or one for each.
    queues: Vec<Queue>,
    disk: Disk,
    /// Raised by a power cut.
    disk_life: u64,
    nodes: Vec<Node>,
    /// Whose sessions may want something; and when each wants to be asked next.
    touched: Vec<usize>,
    dues: Vec<u64>,
    users: Vec<UserId>,
    groups: Vec<GroupId>,
    /// Groups that somebody makes, and manages.
    made: Vec<GroupId>,
    /// Whose sign-in names all groups: they are always in, and never have to ask.
    granted: BTreeSet<UserId>,
    /// Those sign-ins name the groups that somebody made, too.
    lets_in: bool,
    links: BTreeMap<ConnId, Link>,
    next_conn: u64,
    /// Boxed, as it is moved about in there.
    queue: BTreeMap<(u64, u64), Box<Happening>>,
    serial: u64,
    /// Nothing goes wrong any more.
    calm: bool,
    /// The run stops where it is when the faults would stop.
    safety: bool,
    /// The disk has refused something.
    refuses: bool,
    /// When something last happened that rest has to wait for.
    busy_mono_ms: u64,
    /// How long nothing must have happened before it is called rest.
    quiet_ms: u64,
    checker: Checker,
    fates: BTreeMap<String, Fate>,
    tags: u32,
    makers: Option<Maker>,
    story: Story,
    steps: u64,
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
        let mut config = beginning::config(&mut rng, &plan);
        let cores = rng.between(1, plan.cores.max(1) as u64);
        let safety = rng.chance(plan.safety_percent);
        let poll_ms = rng.between(500, 3_000);
        config.siblings = (cores > 1).then_some(Siblings { poll_ms });
        let bounds = beginning::bounds(&plan, &config, if cores > 1 { poll_ms } else { 0 });
        let mut world = Self {
            now: Now { mono_ms: 0, unix_ms: 1_763_652_000_000 },
            cores: Vec::new(),
            queues: Vec::new(),
            disk: Disk::new(7, plan.lie),
            disk_life: 0,
            nodes: Vec::new(),
            touched: Vec::new(),
            dues: Vec::new(),
            users: Vec::new(),
            groups: Vec::new(),
            made: Vec::new(),
            granted: BTreeSet::new(),
            lets_in: rng.chance(25),
            links: BTreeMap::new(),
            next_conn: 1,
            queue: BTreeMap::new(),
            serial: 0,
            calm: false,
            safety,
            refuses: false,
            busy_mono_ms: 0,
            quiet_ms: 2_000 + bounds.stale_ms,
            checker: Checker::new(bounds),
            fates: BTreeMap::new(),
            tags: 0,
            makers: None,
            story: Story::default(),
            steps: 0,
            rng: rng.clone(),
            config,
            plan,
        };
        world.found(&mut rng, cores);
        world.populate(&mut rng, wire);
        world.rng = rng;
        world.schedule();
        world
    }

    /// Puts apps into the world: `make` is asked for one for each device, now and after each of its crashes.
    #[must_use]
    pub fn with_bots(mut self, make: impl FnMut(&Device) -> Option<Box<dyn Bot>> + 'static) -> Self {
        self.makers = Some(Maker(Box::new(make)));
        for node in 0..self.nodes.len() {
            self.start_bot(node);
        }
        self
    }

    /// Keeps the story of what happens, a line each; ask for it with [`story`](Self::story).
    #[must_use]
    pub fn telling(mut self) -> Self {
        self.story.keep();
        self
    }

    /// What happened, if it was kept.
    #[must_use]
    pub fn story(&self) -> &[String] {
        self.story.lines()
    }

    /// Everything that happened so far as one number: the same for two runs that are the same.
    #[must_use]
    pub const fn digest(&self) -> u64 {
        self.story.digest()
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

    /// Runs to the end and checks.
    pub fn run(&mut self) {
        while self.step() {}
        self.judge();
    }

    /// Moves time to the next thing that happens. `false` when the run is over.
    pub fn step(&mut self) -> bool {
        let until_ms = if self.safety { self.plan.faults_until_ms } else { self.plan.rest_by_ms };
        let Some(at_ms) = self.next_ms().filter(|at_ms| *at_ms <= until_ms) else { return false };
        if self.calm && at_ms > self.now.mono_ms && self.has_rested() {
            return false;
        }
        self.steps += 1;
        let passed = at_ms.saturating_sub(self.now.mono_ms);
        self.now.mono_ms += passed;
        self.now.unix_ms += passed;
        self.checker.now(self.now);
        while let Some(entry) = self.queue.first_entry().filter(|entry| entry.key().0 <= self.now.mono_ms) {
            let happening = entry.remove();
            self.happen(*happening);
        }
        self.fire();
        self.drain();
        if self.calm {
            let all_up = (0..self.nodes.len()).all(|node| self.is_linked(node));
            self.checker.linked(all_up);
        }
        true
    }

    fn next_ms(&self) -> Option<u64> {
        let queued = self.queue.first_key_value().map(|((at, _), _)| *at);
        let cores =
            self.cores.iter().filter_map(|host| Some(host.core.poll_timeout()?.max(host.timer_mono_ms)));
        let nodes = self.dues.iter().copied().min().filter(|due| *due < NEVER);
        queued.into_iter().chain(cores).chain(nodes).min().map(|at| at.max(self.now.mono_ms))
    }

    /// Timers that are due fire, or do so late, or twice.
    fn fire(&mut self) {
        let now = self.now;
        for core in 0..self.cores.len() {
            let host = &self.cores[core];
            let due = host.core.poll_timeout().is_some_and(|due| due.max(host.timer_mono_ms) <= now.mono_ms);
            match due.then(|| self.timer()) {
                None => {}
                Some(Timer::Late(by_ms)) => self.cores[core].timer_mono_ms = now.mono_ms + by_ms,
                Some(Timer::Fires(times)) => {
                    for _ in 0..times {
                        self.cores[core].core.handle_timeout(now);
                    }
                }
            }
        }
        for node in 0..self.nodes.len() {
            let due = self.dues[node] <= now.mono_ms;
            match due.then(|| self.timer()) {
                None => {}
                Some(Timer::Late(by_ms)) => {
                    self.nodes[node].timer_mono_ms = now.mono_ms + by_ms;
                    self.touched.push(node);
                }
                Some(Timer::Fires(times)) => {
                    for _ in 0..times {
                        self.session(node).handle_timeout(now);
                    }
                }
            }
        }
    }

    /// A session, about to be told something.
    fn session(&mut self, node: usize) -> &mut ClientSession {
        self.touched.push(node);
        &mut self.nodes[node].session
    }

    fn timer(&mut self) -> Timer {
        if self.calm || !self.rng.chance(self.plan.timer_faults_percent) {
            Timer::Fires(1)
        } else if self.rng.chance(50) {
            Timer::Late(self.rng.between(1, 500))
        } else {
            Timer::Fires(2)
        }
    }

    /// Carries out what the machines want, until they want nothing.
    fn drain(&mut self) {
        loop {
            let mut idle = true;
            for core in 0..self.cores.len() {
                while let Some(output) = self.cores[core].core.poll_output() {
                    idle = false;
                    self.carry_out(core, output);
                }
            }
            while let Some(node) = self.touched.pop() {
                while let Some(output) = self.nodes[node].session.poll_output() {
                    idle = false;
                    self.obey(node, output);
                }
                let it = &self.nodes[node];
                let due = it.session.poll_timeout().map(|due| due.max(it.timer_mono_ms));
                self.dues[node] = due.unwrap_or(NEVER);
            }
            if idle {
                return;
            }
        }
    }

    fn at(&mut self, at_ms: u64, happening: Happening) {
        self.serial += 1;
        self.queue.insert((at_ms.max(self.now.mono_ms), self.serial), Box::new(happening));
    }

    fn soon(&mut self, most_ms: u64, happening: Happening) {
        let at_ms = self.now.mono_ms + self.rng.between(0, most_ms);
        self.at(at_ms, happening);
    }

    fn tell(&mut self, what: impl FnOnce(&Self) -> String) {
        if self.story.is_kept() {
            let line = format!("{:>7} ms  {}", self.now.mono_ms, what(self));
            self.story.line(line);
        }
    }
}

enum Timer {
    Fires(u32),
    Late(u64),
}
