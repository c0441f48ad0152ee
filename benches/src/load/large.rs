//! What a message to a large group costs, by how many members it has: those who are not here must cost nothing.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bimip_codec::scheme::v1::Group;
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::ask::{Seat, signed_in};
use super::child::{Program, Running};
use super::clock;
use super::frames::{self, BODY_BYTES, Draft, Heard};
use super::peer::Peer;
use super::reader::Reader;
use super::settings::Settings;
use super::turns::Number;
use crate::args::Args;
use crate::machine;
use crate::report::{Report, goal};
use crate::stats::{Histogram, digits};

/// Members, most of whom have never been here.
const SIZES: [u32; 3] = [1_000, 10_000, 100_000];
/// Let in by one command.
const AT_ONCE: u32 = 256;
/// Messages a second, so that all sizes have the same to do.
const RATE: u64 = 50;
/// What the largest group may cost more than the smallest.
const GOAL_TIMES: f64 = 1.2;
/// The store has done what comes of making the group when it wrote nothing for so long,
const REST: Duration = Duration::from_secs(1);
/// or after so long.
const RESTS_IN: Duration = Duration::from_secs(30);
/// Until everything has arrived.
const DRAIN: Duration = Duration::from_secs(30);
/// Once everything is there, whatever comes in this time is one too many.
const LINGER: Duration = Duration::from_millis(200);
const GROUP: &str = "bench_large";
const OWNER: &str = "bench_owner";
const CREATE: i32 = 1;
const EDIT: i32 = 2;
const ADD: i32 = 4;
/// Who may post.
const EVERYBODY: i32 = 1;
const ADMINS: i32 = 2;

struct Round {
    /// To let everybody in, for 1000 members, in ms.
    made_ms: f64,
    made_cpu: f64,
    /// To let only admins post, and then everybody again, each, in ms.
    rule_ms: f64,
    store_mib: f64,
    acks: Histogram,
    delays: Histogram,
    /// For one message, in ms.
    cpu_ms: f64,
    /// Bytes to the disk for one message.
    written: f64,
    rss_mib: f64,
    checked: u64,
}

pub(super) fn large(args: &Args, program: &Program, report: &mut Report) -> Result<(), String> {
    let (rounds, time) = (args.rounds_or(1), args.seconds_or(20));
    let connected = args.members;
    let sizes: Vec<u32> =
        SIZES.into_iter().filter(|size| *size <= args.largest && *size > connected).collect();
    if sizes.is_empty() {
        return Err(format!("no group with more than {connected} and at most {} members", args.largest));
    }
    report.say(&format!(
        "### Large groups\n\n{connected} members are connected, and dispose of what they get every 32 rows or 20 ms; everybody else \
         was let in and has never been here. One of them sends {RATE} messages / s of {BODY_BYTES} bytes. {} s after {} s of \
         warm-up; median of {rounds} interleaved rounds (min–max).",
        time.as_secs(),
        args.warm_up.as_secs()
    ));
    let names = sizes.iter().map(|size| format!("{size} members")).collect();
    let one = async |at: usize, running: &Running| round(args, running, sizes[at], time).await;
    let settings = Settings::take("large", program, names, rounds, one)?;
    let numbers: [Number<Round>; 12] = [
        ("processor ms / message", |one| one.cpu_ms),
        ("bytes to disk / message", |one| one.written),
        ("send to ack, p50 ms", |one| one.acks.ms(50.0)),
        ("send to ack, p99 ms", |one| one.acks.ms(99.0)),
        ("send to delivery, p50 ms", |one| one.delays.ms(50.0)),
        ("send to delivery, p99 ms", |one| one.delays.ms(99.0)),
        ("send to delivery, at most ms", |one| one.delays.ms(100.0)),
        ("memory at the end, MiB", |one| one.rss_mib),
        ("letting in 1000 members, ms", |one| one.made_ms),
        ("letting in 1000 members, processor s", |one| one.made_cpu),
        ("changing who may post, ms", |one| one.rule_ms),
        ("store on disk before the messages, MiB", |one| one.store_mib),
    ];
    settings.table(&numbers, report);
    settings.draw("processor ms / message", |one| one.cpu_ms, report);
    settings.draw("bytes to disk / message", |one| one.written, report);
    let checked: u64 = settings.all().map(|one| one.checked).sum();
    report
        .say(&format!("Checked: {checked} deliveries, to each connected member exactly once and in order."));
    let last = sizes.len() - 1;
    let times = |number: fn(&Round) -> f64| {
        let (least, most) = (settings.over(0, number).median, settings.over(last, number).median);
        if least > 0.0 { most / least } else { 0.0 }
    };
    let (cpu, written) = (times(|one| one.cpu_ms), times(|one| one.written));
    report.say(&format!(
        "Goal: with {} members at most {GOAL_TIMES} times what it costs with {}: processor {} times: {}; disk {} times: {}.",
        sizes[last],
        sizes[0],
        digits(cpu),
        goal(cpu <= GOAL_TIMES),
        digits(written),
        goal(written <= GOAL_TIMES)
    ));
    Ok(())
}

fn here(index: u32) -> String {
    format!("bench_here_{index:06}")
}

/// Makes the group: those who are to be connected last, so that little of how it was made waits for them.
async fn make(address: SocketAddr, size: u32, connected: u32) -> Result<Seat, String> {
    let mut owner = Seat::take(address, OWNER, "phone").await?;
    let group = Group { group: GROUP.to_owned(), ..Group::default() };
    owner.manage(Group { action: CREATE, title: Some("large".to_owned()), ..group.clone() }).await?;
    let absent = size.saturating_sub(connected + 1);
    let everybody =
        (0..absent).map(|index| format!("bench_absent_{index:06}")).chain((0..connected).map(here));
    let mut everybody = everybody.peekable();
    let mut told = 0;
    while everybody.peek().is_some() {
        let users: Vec<String> = everybody.by_ref().take(usize::try_from(AT_ONCE).unwrap_or(1)).collect();
        owner.manage(Group { action: ADD, users, ..group.clone() }).await?;
        told += 1;
        if told % 100 == 0 {
            eprint!(" {}k of {}k let in …", told * AT_ONCE / 1_000, size / 1_000);
        }
    }
    Ok(owner)
}

/// Changes who may post, and back: how long each of the two takes, in ms.
async fn change_rule(owner: &mut Seat) -> Result<f64, String> {
    let begun = clock::ns();
    for post in [ADMINS, EVERYBODY] {
        owner.manage(Group { action: EDIT, group: GROUP.to_owned(), post, ..Group::default() }).await?;
    }
    Ok((clock::ns() - begun) as f64 / 2e6)
}

async fn round(args: &Args, running: &Running, size: u32, time: Duration) -> Result<Round, String> {
    let (address, connected) = (running.address(), args.members);
    let (begun, before) = (clock::ns(), running.usage());
    let mut owner = make(address, size, connected).await?;
    let (made, after) = (clock::ns(), running.usage());
    let rule_ms = change_rule(&mut owner).await?;
    let thousands = f64::from(size) / 1e3;
    let shared = Arc::new(Shared { last: AtomicU64::new(u64::MAX), timed_from: AtomicU64::new(u64::MAX) });
    let mut members = JoinSet::new();
    for index in 0..connected {
        let reader = Reader::new(signed_in(address, &here(index), "phone").await?, 1, 1);
        members.spawn(listen(reader, Arc::clone(&shared)));
    }
    come_to_rest(running).await;
    let store = running.data().map_or(Ok(0), machine::disk_bytes);
    let store = store.map_err(|error| format!("the size of the store: {error}"))?;

    let draft = Draft::to_group(OWNER, "phone", GROUP);
    let mut sender = Sender::new(owner.into_peer(), draft);
    sender.send_for(args.warm_up).await?;
    sender.timed_from = sender.sent + 1;
    shared.timed_from.store(sender.timed_from, Ordering::Relaxed);
    let (usage, sent) = (running.usage(), sender.sent);
    sender.send_for(time).await?;
    let (now, messages) = (running.usage(), (sender.sent - sent) as f64);
    sender.finish().await?;
    shared.last.store(sender.sent, Ordering::Relaxed);
    let (mut delays, mut checked) = (Histogram::new(), 0);
    while let Some(member) = members.join_next().await {
        let (heard, count) = member.map_err(|error| format!("a member failed: {error}"))??;
        delays.merge(&heard);
        checked += count;
    }
    Ok(Round {
        made_ms: (made - begun) as f64 / 1e6 / thousands,
        made_cpu: (after.cpu_s() - before.cpu_s()) / thousands,
        rule_ms,
        store_mib: store as f64 / 1_048_576.0,
        acks: sender.acks,
        delays,
        cpu_ms: (now.cpu_s() - usage.cpu_s()) * 1e3 / messages,
        written: (now.written - usage.written) as f64 / messages,
        rss_mib: now.rss as f64 / 1_048_576.0,
        checked,
    })
}

/// Tables that are merged behind a large group would be counted as the cost of its messages.
async fn come_to_rest(running: &Running) {
    let until_ns = clock::ns() + clock::to_ns(RESTS_IN);
    let mut before = 0;
    while clock::ns() < until_ns {
        let written = running.usage().written;
        if std::mem::replace(&mut before, written) == written {
            return;
        }
        sleep(REST).await;
    }
}

/// What the sender and the members share.
struct Shared {
    /// The last message of all, once it is known.
    last: AtomicU64,
    /// Messages from this one on are timed.
    timed_from: AtomicU64,
}

/// A member, until it has heard the last message.
async fn listen(mut reader: Reader, shared: Arc<Shared>) -> Result<(Histogram, u64), String> {
    let (mut give_up_ns, mut over_ns) = (u64::MAX, u64::MAX);
    loop {
        let now = clock::ns();
        reader.timed_from = shared.timed_from.load(Ordering::Relaxed);
        reader.listen(now)?;
        reader.answer(now)?;
        let last = shared.last.load(Ordering::Relaxed);
        if last != u64::MAX {
            if reader.received > last {
                return Err("a message too many".to_owned());
            }
            if reader.received == last {
                over_ns = over_ns.min(now + clock::to_ns(LINGER));
            }
            if now >= over_ns {
                return Ok((reader.delays, reader.received));
            }
            give_up_ns = give_up_ns.min(now + clock::to_ns(DRAIN));
            if now >= give_up_ns {
                return Err(format!("a member heard {} of {last} messages", reader.received));
            }
        }
        reader.wait(now).await?;
    }
}

/// One who sends at a fixed rate.
struct Sender {
    peer: Peer,
    draft: Draft,
    sent: u64,
    acked: u64,
    acks: Histogram,
    timed_from: u64,
    /// When those were sent that are not acknowledged yet.
    sent_at: VecDeque<u64>,
}

impl Sender {
    fn new(peer: Peer, draft: Draft) -> Self {
        let sent_at = VecDeque::new();
        Self { peer, draft, sent: 0, acked: 0, acks: Histogram::new(), timed_from: u64::MAX, sent_at }
    }

    async fn send_for(&mut self, time: Duration) -> Result<(), String> {
        let every_ns = 1_000_000_000 / RATE;
        let begun = clock::ns();
        let (mut due, ends) = (begun, begun + clock::to_ns(time));
        while due < ends {
            let now = clock::ns();
            while due <= now && due < ends {
                due += every_ns;
                self.sent += 1;
                self.sent_at.push_back(now);
                self.peer.queue(self.draft.next(self.sent, now));
            }
            self.peer.flush()?;
            self.hear_until(due).await?;
        }
        Ok(())
    }

    /// Until everything is acknowledged.
    async fn finish(&mut self) -> Result<(), String> {
        let give_up_ns = clock::ns() + clock::to_ns(DRAIN);
        while self.acked < self.sent {
            if clock::ns() > give_up_ns {
                return Err(format!("of {} messages, {} were acknowledged", self.sent, self.acked));
            }
            self.hear_until(clock::ns() + 10_000_000).await?;
        }
        Ok(())
    }

    async fn hear_until(&mut self, until_ns: u64) -> Result<(), String> {
        tokio::select! {
            heard = self.peer.hear() => heard?,
            () = sleep(Duration::from_nanos(until_ns.saturating_sub(clock::ns()))) => {}
        }
        let now = clock::ns();
        while let Some(frame) = self.peer.next()? {
            match frames::read(self.peer.bytes(frame)) {
                Some(Heard::Ack(number)) if number == self.acked + 1 => {
                    self.acked = number;
                    let sent_at = self.sent_at.pop_front().filter(|_| number >= self.timed_from);
                    if let Some(sent_at) = sent_at {
                        self.acks.add(now.saturating_sub(sent_at));
                    }
                }
                Some(Heard::Ack(number)) => {
                    return Err(format!("acknowledged {number} after {}", self.acked));
                }
                Some(Heard::Refused(code)) => return Err(format!("the server refused with code {code}")),
                _ => {}
            }
        }
        Ok(())
    }
}
