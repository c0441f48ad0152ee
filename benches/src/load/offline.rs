//! S2: messages for readers who are away, and what they do when they come.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use tokio::task::JoinSet;

use super::ask::signed_in;
use super::child::{Kind, Program, Running};
use super::clock;
use super::fill::{self, Fill};
use super::frames::{BODY_BYTES, Draft};
use super::reader::Reader;
use super::turns::{Number, Turns};
use crate::args::Args;
use crate::report::{Report, goal};
use crate::stats::digits;

/// What S2 is to reach with the store of this version.
const GOAL_STORED: f64 = 40_000.0;
const GOAL_DRAINED: f64 = 100_000.0;
/// Until everything is stored.
const FILL: Duration = Duration::from_secs(300);
/// Until everybody has everything.
const DRAIN: Duration = Duration::from_secs(60);
/// Once everything is there, whatever comes in this time is one too many.
const LINGER: Duration = Duration::from_millis(200);

struct Round {
    stored: f64,
    stored_cpu: f64,
    drained: f64,
    drained_cpu: f64,
    first_ms: f64,
    peak_mib: f64,
    /// Bytes to the disk for each message, until all are stored.
    written: f64,
    checked: u64,
}

pub(super) fn s2(args: &Args, program: &Program, report: &mut Report) -> Result<(), String> {
    let each = (args.messages_or(100_000) / u64::from(args.readers)).max(1);
    let (rounds, senders) = (args.rounds_or(3), args.pairs.min(args.readers));
    report.say(&format!(
        "### S2: readers who are away\n\n{senders} senders, {} in flight for each, store {each} messages of {BODY_BYTES} bytes \
         for each of {} readers who are not connected. Then all of these come at once and take what waits; a dispose for \
         every 32 rows or 20 ms. Median of {rounds} rounds (min–max).",
        args.window, args.readers
    ));
    let one = async |_, running: &Running| round(args, running, each, senders).await;
    let turns = Turns::take("s2", program, &[Kind::Server], rounds, one)?;
    let numbers: [Number<Round>; 7] = [
        ("stored / s", |one| one.stored),
        ("processor s / 1000 stored", |one| one.stored_cpu),
        ("bytes to disk / message stored", |one| one.written),
        ("drained / s", |one| one.drained),
        ("processor s / 1000 drained", |one| one.drained_cpu),
        ("until the last reader had the first row, ms", |one| one.first_ms),
        ("memory at most, MiB", |one| one.peak_mib),
    ];
    turns.table(&numbers, report);
    let checked: u64 = turns.of(Kind::Server).iter().map(|one| one.checked).sum();
    report.say(&format!("Checked: {checked} messages, to each reader exactly once and in order."));
    let stored = turns.over(Kind::Server, |one| one.stored).median;
    let drained = turns.over(Kind::Server, |one| one.drained).median;
    report.say(&format!(
        "Goals: ≥ {} stored/s: {}; ≥ {} drained/s: {}.",
        digits(GOAL_STORED),
        goal(stored >= GOAL_STORED),
        digits(GOAL_DRAINED),
        goal(drained >= GOAL_DRAINED)
    ));
    Ok(())
}

fn reader(index: u32) -> String {
    format!("bench_away_{index:04}")
}

async fn round(args: &Args, running: &Running, each: u64, senders: u32) -> Result<Round, String> {
    let (address, readers) = (running.address(), args.readers);
    let stored = Arc::new(AtomicU64::new(0));
    let mut fills = Vec::new();
    for index in 0..senders {
        let from = format!("bench_sender_{index:04}");
        let theirs = (index..readers).step_by(usize::try_from(senders).unwrap_or(1));
        fills.push(Fill {
            peer: signed_in(address, &from, "phone").await?,
            drafts: theirs.map(|to| Draft::new(&from, "phone", &reader(to))).collect(),
            each,
            window: args.window,
            stored: Arc::clone(&stored),
        });
    }
    let strides: Vec<u64> =
        fills.iter().map(|fill| u64::try_from(fill.drafts.len()).unwrap_or(u64::MAX)).collect();
    let all = each * u64::from(readers);
    let (begun, before) = (clock::ns(), running.usage());
    fill::all(fills, &stored, all, FILL).await?;
    let (filled, after_fill) = (clock::ns(), running.usage());

    let mut tasks = JoinSet::new();
    for index in 0..readers {
        let stride = strides[usize::try_from(index % senders).unwrap_or_default()];
        tasks.spawn(drain(address, reader(index), u64::from(index / senders) + 1, stride, each));
    }
    let (mut first, mut last) = (filled, filled);
    while let Some(drained) = tasks.join_next().await {
        let (one, other) = drained.map_err(|error| format!("a reader failed: {error}"))??;
        (first, last) = (first.max(one), last.max(other));
    }
    let after = running.usage();
    let (seconds, thousands) = (|from: u64, to: u64| (to - from) as f64 / 1e9, all as f64 / 1e3);
    Ok(Round {
        stored: all as f64 / seconds(begun, filled),
        stored_cpu: (after_fill.cpu_s() - before.cpu_s()) / thousands,
        drained: all as f64 / seconds(filled, last),
        drained_cpu: (after.cpu_s() - after_fill.cpu_s()) / thousands,
        first_ms: seconds(filled, first) * 1e3,
        peak_mib: after.rss_peak as f64 / 1_048_576.0,
        written: (after_fill.written - before.written) as f64 / all as f64,
        checked: all,
    })
}

/// Connects and takes everything. When the first and when the last message was there.
async fn drain(
    address: SocketAddr,
    user: String,
    first: u64,
    stride: u64,
    each: u64,
) -> Result<(u64, u64), String> {
    let mut reader = Reader::new(signed_in(address, &user, "phone").await?, first, stride);
    let give_up = clock::ns() + clock::to_ns(DRAIN);
    let mut begun = None;
    loop {
        let now = clock::ns();
        if reader.listen(now)? > 0 {
            begun.get_or_insert(now);
        }
        reader.answer(now)?;
        if reader.received == each {
            break;
        }
        if now > give_up {
            return Err(format!("{} of {each} messages within {} s", reader.received, DRAIN.as_secs()));
        }
        reader.wait(now).await?;
    }
    let done = clock::ns();
    // The last rows are disposed of, and nothing more comes.
    while clock::ns() < done + clock::to_ns(LINGER) {
        reader.wait(clock::ns()).await?;
        let now = clock::ns();
        reader.listen(now)?;
        reader.answer(now)?;
    }
    if reader.received == each {
        Ok((begun.unwrap_or(done), done))
    } else {
        Err("a message too many".to_owned())
    }
}
