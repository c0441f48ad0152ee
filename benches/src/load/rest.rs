//! Messages by HTTP at a rate, alone and beside a load on web sockets.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::sleep;

use super::ask::signed_in;
use super::child::{Program, Running};
use super::clock;
use super::disk;
use super::frames::{BODY_BYTES, Draft};
use super::pair::{Pace, Pair, Phase, Shared, Tally, Tongue};
use super::poster::{Posted, Poster};
use super::settings::Settings;
use super::turns::Number;
use crate::args::Args;
use crate::report::{Report, goal};
use crate::stats::{Histogram, digits};

/// Connections that the requests come over, each of a user of its own.
const POSTERS: u32 = 32;
/// What a request may take beside the load.
const GOAL_MS: f64 = 5.0;

const BESIDE: usize = 1;

/// How long the disk is looked at before a round.
const DISK: Duration = Duration::from_secs(2);

struct Round {
    syncs: Histogram,
    answers: Histogram,
    rate: f64,
    deliveries: Histogram,
    delivered: f64,
    /// For 1000 requests, in s; beside the load that is in it.
    cpu: f64,
    stored: u64,
}

pub(super) fn rest(args: &Args, program: &Program, report: &mut Report) -> Result<(), String> {
    let (rounds, time) = (args.rounds_or(3), args.seconds_or(10));
    report.say(&format!(
        "### HTTP\n\n`POST /api/v1/messages` with bodies of {BODY_BYTES} bytes to users who are away, {} a second over {POSTERS} \
         connections that are kept: alone, and beside {} web sockets in pairs that exchange {} messages a second. A request counts \
         from when it is sent, or was due while the one before had no answer, until its answer is there, which says that the message is on \
         the disk. {} s after {} s of warm-up; \
         median of {rounds} interleaved rounds (min–max). Before each, {} s of the disk alone, an append and a sync {} times a second: no \
         answer can be faster than it.",
        args.requests,
        args.connections,
        args.rate,
        time.as_secs(),
        args.warm_up.as_secs(),
        DISK.as_secs(),
        args.requests
    ));
    let names = ["alone", "beside web sockets"].map(str::to_owned).to_vec();
    let one = async |setting, running: &Running| {
        let syncs = disk::syncs(program.data_root(), args.requests, DISK)?;
        round(args, running, setting == BESIDE, time, syncs).await
    };
    let settings = Settings::take("rest", program, names, rounds, one)?;
    let numbers: [Number<Round>; 10] = [
        ("the disk alone, p99 ms", |one| one.syncs.ms(99.0)),
        ("the disk alone, at most ms", |one| one.syncs.ms(100.0)),
        ("requests / s", |one| one.rate),
        ("request to answer, p50 ms", |one| one.answers.ms(50.0)),
        ("request to answer, p99 ms", |one| one.answers.ms(99.0)),
        ("request to answer, at most ms", |one| one.answers.ms(100.0)),
        ("messages / s on web sockets", |one| one.delivered),
        ("send to delivery there, p50 ms", |one| one.deliveries.ms(50.0)),
        ("send to delivery there, p99 ms", |one| one.deliveries.ms(99.0)),
        ("processor s / 1000 requests", |one| one.cpu),
    ];
    settings.table(&numbers, report);
    settings.draw("request to answer, p99 ms", |one| one.answers.ms(99.0), report);
    let stored: u64 = settings.all().map(|one| one.stored).sum();
    let p99 = settings.over(BESIDE, |one| one.answers.ms(99.0)).median;
    report.say(&format!("Checked: {stored} requests, each answered with its message stored."));
    report.say(&format!(
        "Goal: beside the web sockets p99 ≤ {GOAL_MS} ms: {} ms: {}.",
        digits(p99),
        goal(p99 <= GOAL_MS)
    ));
    Ok(())
}

async fn round(
    args: &Args,
    running: &Running,
    beside: bool,
    time: Duration,
    syncs: Histogram,
) -> Result<Round, String> {
    let (address, shared) = (running.address(), Arc::new(Shared::default()));
    let pairs_count = if beside { (args.connections / 2).max(1) } else { 0 };
    let mut pairs = Vec::new();
    for index in 0..pairs_count {
        let (from, into) = (format!("bench_sender_{index:04}"), format!("bench_receiver_{index:04}"));
        let draft = Draft::new(&from, "phone", &into);
        let receiver = signed_in(address, &into, "phone").await?;
        let sender = signed_in(address, &from, "phone").await?;
        let tongue = Tongue::Bimip(Box::new(draft));
        let pace = Some(Pace::share(index, pairs_count, args.rate));
        pairs.push(Pair::new(Arc::clone(&shared), tongue, (sender, receiver), args.window, pace));
    }
    let mut posters = Vec::new();
    for index in 0..POSTERS {
        let pace = Pace::share(index, POSTERS, args.requests);
        posters.push(Poster::new(address, index, pace, Arc::clone(&shared)).await?);
    }
    let mut pairs: JoinSet<Result<Tally, String>> = pairs.into_iter().map(Pair::run).collect();
    let mut posters: JoinSet<Result<Posted, String>> = posters.into_iter().map(Poster::run).collect();
    sleep(args.warm_up).await;
    shared.enter(Phase::Measure);
    let (before, delivered, begun) = (running.usage(), shared.delivered(), clock::ns());
    sleep(time).await;
    let (after, delivered) = (running.usage(), shared.delivered() - delivered);
    let seconds = (clock::ns() - begun) as f64 / 1e9;
    shared.enter(Phase::Drain);

    let (mut answers, mut measured, mut stored) = (Histogram::new(), 0, 0);
    while let Some(posted) = posters.join_next().await {
        let posted = posted.map_err(|error| format!("a poster failed: {error}"))??;
        answers.merge(&posted.answers);
        measured += posted.measured;
        stored += posted.stored;
    }
    let mut deliveries = Histogram::new();
    while let Some(tally) = pairs.join_next().await {
        let tally = tally.map_err(|error| format!("a pair failed: {error}"))??;
        deliveries.merge(&tally.deliveries);
    }
    if measured == 0 {
        return Err("not one request was answered".to_owned());
    }
    Ok(Round {
        syncs,
        answers,
        rate: measured as f64 / seconds,
        deliveries,
        delivered: delivered as f64 / seconds,
        cpu: (after.cpu_s() - before.cpu_s()) * 1e3 / measured as f64,
        stored,
    })
}
