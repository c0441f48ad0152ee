//! What happens in a world: how much of it, and how badly.

use super::disk::Lie;

/// The size of a world and the faults in it. All of them stop at [`faults_until_ms`](Self::faults_until_ms);
/// then everything has to come to rest.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Plan {
    /// Users.
    pub users: usize,
    /// Devices of each user, at most; at least one.
    pub devices: usize,
    /// How many in a hundred users also have a walkie-talkie.
    pub walkies_percent: u64,
    /// Messages sent in all.
    pub messages: usize,
    /// Groups. A user with a walkie-talkie is in all of them, others come and go.
    pub groups: usize,
    /// Joins and leaves of those who come and go.
    pub moves: usize,
    /// How many in a hundred received messages are marked read, sooner or later.
    pub reads_percent: u64,
    /// Talks begun, some of them never ended.
    pub talks: usize,
    /// Cuts of single connections.
    pub cuts: usize,
    /// Crashes of the server.
    pub crashes: usize,
    /// Crashes of clients, who forget what they had not stored.
    pub client_crashes: usize,
    /// Jumps of the wall clock by up to a day, either way.
    pub clock_jumps: usize,
    /// Work and faults happen in this time.
    pub faults_until_ms: u64,
    /// After that, everything must be at rest by then.
    pub rest_by_ms: u64,
    /// The longest time on the air, each way.
    pub delay_ms: u64,
    /// How the disk lies; `None` for an honest one.
    pub lie: Option<Lie>,
}

impl Plan {
    /// A small world with every kind of fault.
    #[must_use]
    pub const fn small() -> Self {
        Self {
            users: 3,
            devices: 2,
            walkies_percent: 40,
            messages: 60,
            groups: 1,
            moves: 8,
            reads_percent: 40,
            talks: 6,
            cuts: 12,
            crashes: 3,
            client_crashes: 4,
            clock_jumps: 2,
            faults_until_ms: 60_000,
            rest_by_ms: 600_000,
            delay_ms: 200,
            lie: None,
        }
    }

    /// A small world in which nothing goes wrong: what fails here fails in production first.
    #[must_use]
    pub const fn calm() -> Self {
        let mut plan = Self::small();
        plan.cuts = 0;
        plan.crashes = 0;
        plan.client_crashes = 0;
        plan.clock_jumps = 0;
        plan
    }

    /// A larger world, for long runs.
    #[must_use]
    pub const fn large() -> Self {
        let mut plan = Self::small();
        plan.users = 8;
        plan.devices = 3;
        plan.messages = 600;
        plan.groups = 3;
        plan.moves = 60;
        plan.talks = 30;
        plan.cuts = 60;
        plan.crashes = 8;
        plan.client_crashes = 20;
        plan.faults_until_ms = 300_000;
        plan
    }
}
