//! S1, as fast as the window lets it, and S1b, at a fixed rate: durable messages between pairs.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::sleep;

use super::child::{Kind, Program, Running};
use super::clock;
use super::frames::{BODY_BYTES, Draft};
use super::pair::{Pace, Pair, Phase, Shared, Tally, Tongue};
use super::peer::Peer;
use super::turns::{Number, Turns};
use crate::args::Args;
use crate::machine::Usage;
use crate::report::{Report, goal};
use crate::stats::{Histogram, digits};

/// What S1 is to reach with the store of this version.
const GOAL_RATE: f64 = 30_000.0;
const GOAL_CPU: f64 = 0.035;

/// One load, with its options.
struct Load {
    pairs: u32,
    window: u64,
    /// Messages a second of all senders together, if it is not as fast as it goes.
    rate: Option<u64>,
    warm_up: Duration,
    time: Duration,
    rounds: usize,
}

/// One round against one program.
struct Round {
    rate: f64,
    /// Of the program, for 1000 messages, in s.
    cpu: f64,
    system: f64,
    /// Of the generator.
    generator: f64,
    acks: Histogram,
    deliveries: Histogram,
    rss_mib: f64,
    peak_mib: f64,
    written: f64,
    late_ms: f64,
    checked: u64,
}

pub(super) fn s1(args: &Args, program: &Program, report: &mut Report) -> Result<(), String> {
    let load = Load::new(args, None);
    report.say(&format!(
        "### S1: durable messages\n\n{} pairs, bodies of {BODY_BYTES} bytes, {} in flight for each sender; a dispose \
         for every 32 rows or 20 ms, by receivers and, for receipts, by senders. {} s after {} s of warm-up; median \
         of {} interleaved rounds (min–max).",
        load.pairs,
        load.window,
        load.time.as_secs(),
        load.warm_up.as_secs(),
        load.rounds
    ));
    let turns = load.turns("s1", program)?;
    turns.table(&load.numbers(), report);
    checked(&turns, report);
    turns.draw("messages / s", |one| one.rate, report);
    turns.draw("processor time / 1000 messages, ms", |one| one.cpu * 1e3, report);
    let (rate, cpu) = (turns.over(Kind::Server, |one| one.rate), turns.over(Kind::Server, |one| one.cpu));
    report.say(&format!(
        "Goals: ≥ {} msg/s: {}; ≤ {GOAL_CPU} s / 1000: {}.",
        digits(GOAL_RATE),
        goal(rate.median >= GOAL_RATE),
        goal(cpu.median <= GOAL_CPU)
    ));
    Ok(())
}

pub(super) fn s1b(args: &Args, program: &Program, report: &mut Report) -> Result<(), String> {
    let load = Load::new(args, Some(args.rate));
    report.say(&format!(
        "### S1b: {} messages / s\n\nThe same pairs at a fixed rate. Times count from the moment a message was written; \
         the generator's own delay stands beside them.",
        args.rate
    ));
    let turns = load.turns("s1b", program)?;
    turns.table(&load.numbers(), report);
    checked(&turns, report);
    turns.draw("send to delivery, p50 ms", |one| one.deliveries.ms(50.0), report);
    turns.draw("send to delivery, p99 ms", |one| one.deliveries.ms(99.0), report);
    Ok(())
}

fn checked(turns: &Turns<Round>, report: &mut Report) {
    let checked: u64 = turns.of(Kind::Server).iter().map(|one| one.checked).sum();
    report.say(&format!(
        "Checked: {checked} messages acknowledged, delivered and receipted exactly once and in order."
    ));
}

impl Load {
    fn new(args: &Args, rate: Option<u64>) -> Self {
        Self {
            pairs: args.pairs,
            window: args.window,
            rate,
            warm_up: args.warm_up,
            time: args.seconds_or(10),
            rounds: args.rounds_or(3),
        }
    }

    fn turns(&self, scenario: &'static str, program: &Program) -> Result<Turns<Round>, String> {
        let one = async |kind, running: &Running| self.round(kind, running).await;
        Turns::take(scenario, program, &Kind::DURABLE, self.rounds, one)
    }

    async fn round(&self, kind: Kind, running: &Running) -> Result<Round, String> {
        let shared = Arc::new(Shared::default());
        let mut pairs = Vec::new();
        for index in 0..self.pairs {
            pairs.push(self.pair(kind, running, index, Arc::clone(&shared)).await?);
        }
        let mut tasks: JoinSet<Result<Tally, String>> = pairs.into_iter().map(Pair::run).collect();
        wait(self.warm_up, &mut tasks).await?;
        shared.enter(Phase::Measure);
        let before = Snapshot::take(running, &shared);
        wait(self.time, &mut tasks).await?;
        let after = Snapshot::take(running, &shared);
        shared.enter(Phase::Drain);

        let (mut acks, mut deliveries) = (Histogram::new(), Histogram::new());
        let (mut late_ns, mut checked) = (0, 0);
        while let Some(tally) = tasks.join_next().await {
            let tally = tally.map_err(|error| format!("a pair failed: {error}"))??;
            acks.merge(&tally.acks);
            deliveries.merge(&tally.deliveries);
            late_ns = late_ns.max(tally.late_ns);
            checked += tally.sent;
        }
        let messages = after.delivered - before.delivered;
        if messages == 0 {
            return Err("not one message was delivered".to_owned());
        }
        let thousands = messages as f64 / 1_000.0;
        let used = |part: fn(&Usage) -> f64| (part(&after.program) - part(&before.program)) / thousands;
        Ok(Round {
            rate: messages as f64 / ((after.ns - before.ns) as f64 / 1e9),
            cpu: used(Usage::cpu_s),
            system: used(|usage| usage.system_s),
            generator: (after.generator.cpu_s() - before.generator.cpu_s()) / thousands,
            acks,
            deliveries,
            rss_mib: after.program.rss as f64 / 1_048_576.0,
            peak_mib: after.program.rss_peak as f64 / 1_048_576.0,
            written: (after.program.written - before.program.written) as f64 / messages as f64,
            late_ms: late_ns as f64 / 1e6,
            checked,
        })
    }

    async fn pair(&self, kind: Kind, to: &Running, index: u32, shared: Arc<Shared>) -> Result<Pair, String> {
        let (from, into) = (format!("bench_sender_{index:04}"), format!("bench_receiver_{index:04}"));
        let draft = Draft::new(&from, "phone", &into);
        let (address, me, other) = (to.address(), 2 * index, 2 * index + 1);
        let (tongue, receiver, sender) = match kind {
            Kind::Relay | Kind::SyncedRelay => (
                Tongue::Raw(draft.len()),
                Peer::to_relay(address, other, super::raw::NOBODY).await?,
                Peer::to_relay(address, me, other).await?,
            ),
            Kind::Server => (
                Tongue::Bimip(Box::new(draft)),
                Peer::to_server(address, "/bimip", &into, "phone").await?,
                Peer::to_server(address, "/bimip", &from, "phone").await?,
            ),
        };
        let pace = self.rate.map(|rate| Pace::share(index, self.pairs, rate));
        Ok(Pair::new(shared, tongue, (sender, receiver), self.window, pace))
    }

    fn numbers(&self) -> Vec<Number<Round>> {
        let mut numbers: Vec<Number<Round>> = vec![
            ("messages / s", |one| one.rate),
            ("processor s / 1000", |one| one.cpu),
            ("of it in the kernel", |one| one.system),
            ("generator s / 1000", |one| one.generator),
            ("send to ack, p50 ms", |one| one.acks.ms(50.0)),
            ("send to ack, p99 ms", |one| one.acks.ms(99.0)),
            ("send to delivery, p50 ms", |one| one.deliveries.ms(50.0)),
            ("send to delivery, p99 ms", |one| one.deliveries.ms(99.0)),
            ("memory at the end, MiB", |one| one.rss_mib),
            ("memory at most, MiB", |one| one.peak_mib),
            ("bytes to disk / message", |one| one.written),
        ];
        if self.rate.is_some() {
            numbers.push(("generator late at worst, ms", |one| one.late_ms));
        }
        numbers
    }
}

/// Counters at one moment.
struct Snapshot {
    ns: u64,
    delivered: u64,
    program: Usage,
    generator: Usage,
}

impl Snapshot {
    fn take(running: &Running, shared: &Shared) -> Self {
        let (ns, delivered) = (clock::ns(), shared.delivered());
        Self { ns, delivered, program: running.usage(), generator: Usage::of(std::process::id()) }
    }
}

/// Waits while nothing ends.
async fn wait(time: Duration, tasks: &mut JoinSet<Result<Tally, String>>) -> Result<(), String> {
    tokio::select! {
        () = sleep(time) => Ok(()),
        ended = tasks.join_next() => match ended {
            Some(Ok(Err(error))) => Err(error),
            _ => Err("a pair ended before its time".to_owned()),
        },
    }
}
