//! What happens in a world: how much of it, and how badly.

use super::lie::Lie;

/// The size of a world and the faults in it.
///
/// Work and faults happen until [`faults_until_ms`](Self::faults_until_ms). Then a run in **liveness mode** stops the
/// faults, and everything has to come to rest in time; a run in **safety mode** stops where it is, and is judged by what
/// may never happen. Numbers of faults are drawn over the whole time, each at a random moment.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Plan {
    /// Users.
    pub users: usize,
    /// Devices of each user, at most; at least one.
    pub devices: usize,
    /// How many in a hundred users also have a walkie-talkie.
    pub walkies_percent: u64,
    /// Server cores over the one store, at most; each seed draws how many, and whether they share a commit queue.
    pub cores: usize,
    /// Messages sent in all.
    pub messages: usize,
    /// Groups. A user with a walkie-talkie is in all of them, others come and go.
    pub groups: usize,
    /// How many in a hundred worlds have groups that get a feed with their first, second or third member.
    pub feeds_percent: u64,
    /// Joins and leaves of those who come and go.
    pub moves: usize,
    /// How many in a hundred received messages are marked read, sooner or later.
    pub reads_percent: u64,
    /// Edits and deletions, some of them of messages of others, or of what is deleted.
    pub revisions: usize,
    /// Groups that are made and managed by whoever likes to, whether they may or not.
    pub made: usize,
    /// Commands about those.
    pub commands: usize,
    /// Words that are live: presence, typing, calls, positions, and hiding.
    pub lives: usize,
    /// Questions about what is stored.
    pub queries: usize,
    /// Questions about how far a message got.
    pub statuses: usize,
    /// Talks begun, some of them never ended.
    pub talks: usize,
    /// How many in a hundred sign-ins run out after some seconds.
    pub expiries_percent: u64,
    /// Cuts of single connections: what is in the air is lost, and both sides find out.
    pub cuts: usize,
    /// Links that go on in one direction only, or in none; nobody is told.
    pub half_opens: usize,
    /// Rounds in which the links of all devices are stopped one by one, and restarted in another order.
    pub swizzles: usize,
    /// Crashes of single cores. What they had handed to the disk may become durable all the same.
    pub crashes: usize,
    /// Power cuts: all cores stop, and the disk forgets what was not synced.
    pub power_cuts: usize,
    /// Crashes of clients, who forget what they had not synced.
    pub client_crashes: usize,
    /// Times the disk refuses to write, as it is full, or fails to sync and is poisoned until it is opened again.
    pub disk_failures: usize,
    /// How many in a hundred reads of the disk fail.
    pub read_errors_percent: u64,
    /// Jumps of the wall clock by up to a day, either way.
    pub clock_jumps: usize,
    /// How many in a hundred timers fire late, twice, or without a reason.
    pub timer_faults_percent: u64,
    /// How many in a hundred wake-ups between cores are lost; as many are doubled, and all are late.
    pub wake_faults_percent: u64,
    /// How many in a hundred worlds have a device, or a core, that is ten times slower than the others.
    pub slow_percent: u64,
    /// How many in a hundred worlds have so small budgets of bytes that nearly everything waits, or is refused as busy.
    pub tight_percent: u64,
    /// How many in a hundred worlds run in safety mode.
    pub safety_percent: u64,
    /// Work and faults happen in this time.
    pub faults_until_ms: u64,
    /// After that, everything must be at rest by then.
    pub rest_by_ms: u64,
    /// The longest time on the air, each way.
    pub delay_ms: u64,
    /// How disks lie; `None` for honest ones.
    pub lie: Option<Lie>,
}

impl Plan {
    /// What runs with every build: every kind of fault in a world of three users and about 150 messages, some of them
    /// revised, with a group that all of them manage, and small windows. One seed in four is judged in safety mode.
    #[must_use]
    pub const fn gate() -> Self {
        Self {
            users: 3,
            devices: 2,
            walkies_percent: 40,
            cores: 3,
            messages: 150,
            groups: 1,
            feeds_percent: 40,
            moves: 12,
            reads_percent: 40,
            revisions: 25,
            made: 1,
            commands: 25,
            lives: 40,
            queries: 30,
            statuses: 40,
            talks: 10,
            expiries_percent: 5,
            cuts: 12,
            half_opens: 4,
            swizzles: 0,
            crashes: 3,
            power_cuts: 1,
            client_crashes: 5,
            disk_failures: 2,
            read_errors_percent: 2,
            clock_jumps: 3,
            timer_faults_percent: 10,
            wake_faults_percent: 15,
            slow_percent: 15,
            tight_percent: 20,
            safety_percent: 25,
            faults_until_ms: 60_000,
            rest_by_ms: 1_800_000,
            delay_ms: 200,
            lie: None,
        }
    }

    /// The gate with less to do, for tests that need many worlds: 60 messages.
    #[must_use]
    pub const fn small() -> Self {
        let mut plan = Self::gate();
        plan.messages = 60;
        plan.revisions = 12;
        plan.talks = 6;
        plan
    }

    /// For long runs: three cores, 20 users with up to three devices and walkie-talkies, 2 000 messages, all faults.
    #[must_use]
    pub const fn big() -> Self {
        let mut plan = Self::gate();
        plan.users = 20;
        plan.devices = 3;
        plan.messages = 2_000;
        plan.revisions = 300;
        plan.made = 3;
        plan.commands = 150;
        plan.lives = 400;
        plan.queries = 200;
        plan.statuses = 300;
        plan.groups = 3;
        plan.moves = 100;
        plan.talks = 60;
        plan.cuts = 150;
        plan.half_opens = 40;
        plan.swizzles = 1;
        plan.crashes = 9;
        plan.power_cuts = 3;
        plan.client_crashes = 60;
        plan.disk_failures = 6;
        plan.clock_jumps = 10;
        plan.faults_until_ms = 300_000;
        plan.rest_by_ms = 3_600_000;
        plan
    }

    /// A world in which nothing goes wrong: what fails here fails in production first.
    #[must_use]
    pub const fn calm() -> Self {
        let mut plan = Self::gate();
        plan.expiries_percent = 0;
        plan.cuts = 0;
        plan.half_opens = 0;
        plan.crashes = 0;
        plan.power_cuts = 0;
        plan.client_crashes = 0;
        plan.disk_failures = 0;
        plan.read_errors_percent = 0;
        plan.clock_jumps = 0;
        plan.timer_faults_percent = 0;
        plan.wake_faults_percent = 0;
        plan.slow_percent = 0;
        plan.safety_percent = 0;
        plan
    }

    /// Links are stopped one by one and restarted in another order, four times over. Nobody crashes and no disk fails,
    /// so that what is found is about links.
    #[must_use]
    pub const fn swizzle() -> Self {
        let mut plan = Self::calm();
        plan.users = 5;
        plan.swizzles = 4;
        plan.timer_faults_percent = 10;
        plan.wake_faults_percent = 15;
        plan.faults_until_ms = 120_000;
        plan
    }

    /// Grey failure: one device or one core is always ten times slower than the others, and little else goes wrong.
    #[must_use]
    pub const fn one_slow() -> Self {
        let mut plan = Self::calm();
        plan.slow_percent = 100;
        plan.cuts = 4;
        plan.wake_faults_percent = 15;
        plan
    }

    /// The plan of this name, as commands spell it: `gate`, `small`, `big`, `calm`, `swizzle` or `one-slow`.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "gate" => Some(Self::gate()),
            "small" => Some(Self::small()),
            "big" => Some(Self::big()),
            "calm" => Some(Self::calm()),
            "swizzle" => Some(Self::swizzle()),
            "one-slow" => Some(Self::one_slow()),
            _ => None,
        }
    }

    /// What [`named`](Self::named) knows.
    pub const NAMES: [&'static str; 6] = ["gate", "small", "big", "calm", "swizzle", "one-slow"];
}
