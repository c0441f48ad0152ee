//! Readers who keep up, beside readers who hardly read or not at all: the ones must not wait for the others, and the
//! others must lose nothing.
//!
//! What is written for the slow ones costs something wherever they are, so the same is also written for as many who are
//! not connected.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::sleep;

use super::ask::signed_in;
use super::child::{Program, Running};
use super::clock;
use super::frames::{BODY_BYTES, Draft};
use super::pair::{Pace, Pair, Phase, Shared, Tally, Tongue};
use super::settings::Settings;
use super::sluggish::{BACKLOG, BODY_BYTES as SLOW_BODY_BYTES, Sluggish};
use super::turns::Number;
use crate::args::Args;
use crate::report::{Report, goal};
use crate::stats::{Histogram, digits};

/// What a reader who keeps up may wait longer because of those who do not.
const GOAL_TIMES: f64 = 2.0;

const ALONE: usize = 0;
const BESIDE_ABSENT: usize = 1;
const BESIDE_SLOW: usize = 2;
/// How much less is written for a slow reader than for one who keeps up: they have enough.
const SLOW_SHARE: u64 = 10;

struct Round {
    deliveries: Histogram,
    acks: Histogram,
    /// For 1000 messages to readers who keep up, in s.
    cpu: f64,
    peak_mib: f64,
    /// Slow connections that the server let go.
    let_go: f64,
    /// Until the slow ones had everything, once they read, in s.
    drain_s: f64,
    checked: u64,
    caught_up: u64,
}

pub(super) fn slow(args: &Args, program: &Program, report: &mut Report) -> Result<(), String> {
    let (rounds, time) = (args.rounds_or(2), args.seconds_or(5));
    report.say(&format!(
        "### Slow readers\n\n{} pairs of sender and reader, bodies of {BODY_BYTES} bytes, {} messages / s in all: alone; beside as \
         many readers who are not connected; and beside as many who do not keep up. For each of these {BACKLOG} messages of \
         {SLOW_BODY_BYTES} bytes wait from the start, and {} / s come for all of them. Every other slow one reads 16 bytes in \
         250 ms, the rest nothing, and none disposes of anything; their sockets take 4 KiB. When the time is over they read \
         everything. {} s after {} s of warm-up; median of {rounds} interleaved rounds (min–max).",
        args.readers,
        args.rate,
        (args.rate / SLOW_SHARE).max(1),
        time.as_secs(),
        args.warm_up.as_secs()
    ));
    let names = ["alone", "beside absent ones", "beside slow ones"].map(str::to_owned).to_vec();
    let one = async |setting, running: &Running| round(args, running, setting, time).await;
    let settings = Settings::take("slow", program, names, rounds, one)?;
    let numbers: [Number<Round>; 9] = [
        ("send to delivery, p50 ms", |one| one.deliveries.ms(50.0)),
        ("send to delivery, p99 ms", |one| one.deliveries.ms(99.0)),
        ("send to delivery, at most ms", |one| one.deliveries.ms(100.0)),
        ("send to ack, p50 ms", |one| one.acks.ms(50.0)),
        ("send to ack, p99 ms", |one| one.acks.ms(99.0)),
        ("processor s / 1000", |one| one.cpu),
        ("memory at most, MiB", |one| one.peak_mib),
        ("slow ones let go", |one| one.let_go),
        ("until the others had everything, s", |one| one.drain_s),
    ];
    settings.table(&numbers, report);
    settings.draw("send to delivery, p99 ms", |one| one.deliveries.ms(99.0), report);
    let (checked, caught_up) =
        settings.all().fold((0, 0), |(all, slow), one| (all + one.checked, slow + one.caught_up));
    report.say(&format!(
        "Checked: {checked} messages to readers who keep up, and {caught_up} to the others once they read: each exactly once \
         and in order."
    ));
    let times = |than: usize, percent: f64| {
        let ms = |setting| settings.over(setting, |one| one.deliveries.ms(percent)).median;
        ms(BESIDE_SLOW) / ms(than)
    };
    for (than, name) in [(ALONE, "alone"), (BESIDE_ABSENT, "beside absent ones")] {
        let (p50, p99) = (times(than, 50.0), times(than, 99.0));
        report.say(&format!(
            "Goal: beside slow ones at most {GOAL_TIMES} times what it takes {name}: p50 {} times: {}; p99 {} times: {}.",
            digits(p50),
            goal(p50 <= GOAL_TIMES),
            digits(p99),
            goal(p99 <= GOAL_TIMES)
        ));
    }
    Ok(())
}

async fn round(args: &Args, running: &Running, setting: usize, time: Duration) -> Result<Round, String> {
    let (address, shared) = (running.address(), Arc::new(Shared::default()));
    let mut slow_ones = Vec::new();
    if setting != ALONE {
        slow_ones = sluggish(args, address, setting == BESIDE_SLOW, &shared).await?;
    }
    let mut pairs = Vec::new();
    for index in 0..args.readers {
        pairs.push(pair(args, address, index, Arc::clone(&shared)).await?);
    }
    let mut tasks: JoinSet<Result<Tally, String>> = pairs.into_iter().map(Pair::run).collect();
    let let_go = Arc::new(AtomicU64::new(0));
    let mut slow_tasks: JoinSet<Result<u64, String>> =
        slow_ones.into_iter().map(|one| one.run(Arc::clone(&let_go))).collect();
    sleep(args.warm_up).await;
    shared.enter(Phase::Measure);
    let (before, delivered) = (running.usage(), shared.delivered());
    sleep(time).await;
    let (after, delivered) = (running.usage(), shared.delivered() - delivered);
    shared.enter(Phase::Drain);

    let begun = clock::ns();
    let (mut deliveries, mut acks, mut checked, mut caught_up) = (Histogram::new(), Histogram::new(), 0, 0);
    while let Some(tally) = tasks.join_next().await {
        let tally = tally.map_err(|error| format!("a pair failed: {error}"))??;
        deliveries.merge(&tally.deliveries);
        acks.merge(&tally.acks);
        checked += tally.sent;
    }
    while let Some(received) = slow_tasks.join_next().await {
        caught_up += received.map_err(|error| format!("a slow reader failed: {error}"))??;
    }
    let drain_s = if caught_up > 0 { (clock::ns() - begun) as f64 / 1e9 } else { 0.0 };
    if delivered == 0 {
        return Err("not one message was delivered".to_owned());
    }
    Ok(Round {
        deliveries,
        acks,
        cpu: (after.cpu_s() - before.cpu_s()) * 1e3 / delivered as f64,
        peak_mib: after.rss_peak as f64 / 1_048_576.0,
        let_go: let_go.load(Ordering::Relaxed) as f64,
        drain_s,
        checked,
        caught_up,
    })
}

async fn pair(args: &Args, address: SocketAddr, index: u32, shared: Arc<Shared>) -> Result<Pair, String> {
    let (from, into) = (format!("bench_good_sender_{index:04}"), format!("bench_good_{index:04}"));
    let draft = Draft::new(&from, "phone", &into);
    let receiver = signed_in(address, &into, "phone").await?;
    let sender = signed_in(address, &from, "phone").await?;
    let tongue = Tongue::Bimip(Box::new(draft));
    Ok(Pair::new(
        shared,
        tongue,
        (sender, receiver),
        args.window,
        Some(Pace::share(index, args.readers, args.rate)),
    ))
}

/// The slow ones, each with its backlog; with `here` they are connected from the start.
async fn sluggish(
    args: &Args,
    address: SocketAddr,
    here: bool,
    shared: &Arc<Shared>,
) -> Result<Vec<Sluggish>, String> {
    let mut tasks = JoinSet::new();
    for index in 0..args.readers {
        tasks.spawn(Sluggish::prepare(address, index, args.window, here, Arc::clone(shared)));
    }
    let mut all = Vec::new();
    while let Some(one) = tasks.join_next().await {
        let mut one = one.map_err(|error| format!("a slow reader failed: {error}"))??;
        one.pace = Pace::share(one.index, args.readers, args.rate / SLOW_SHARE);
        all.push(one);
    }
    Ok(all)
}
