//! S3: one sender, and a group of many connected members, over the msgpack dialect.
//!
//! Members join by a frame that has no answer, so the sender first sends one message after the other until each member
//! has heard one. From then on every member has to hear every message, in order.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bimip_codec::voiceping::{FrameBuilder, IdText, Kind as FrameKind, Value};
use bimip_proto::Channel;
use tokio::task::JoinSet;

use super::child::{Kind, Program, Running};
use super::frames::{BODY_BYTES, Draft};
use super::member::{Member, Receipts, Shared, frame_kind};
use super::peer::Peer;
use super::turns::{Number, Turns};
use super::{clock, raw};
use crate::args::Args;
use crate::machine::Usage;
use crate::report::{Report, goal};
use crate::stats::{Histogram, digits};

/// What S3 is to reach with the store of this version.
const GOAL_RATE: f64 = 60_000.0;
const GROUP: &str = "bench_group";
pub(super) const SENDER: &str = "bench_speaker";
/// Until each member has heard something, and until the last of them has heard everything.
pub(super) const PATIENCE: Duration = Duration::from_secs(30);
/// Between two messages that only ask who has joined.
const ASK: Duration = Duration::from_millis(200);

struct Round {
    /// Deliveries a second.
    rate: f64,
    messages: f64,
    /// For 1000 deliveries, in s.
    cpu: f64,
    system: f64,
    generator: f64,
    delays: Histogram,
    rss_mib: f64,
    peak_mib: f64,
    /// Bytes to the disk for each delivery.
    written: f64,
    checked: u64,
}

pub(super) fn s3(args: &Args, program: &Program, report: &mut Report) -> Result<(), String> {
    let (rounds, time) = (args.rounds_or(3), args.seconds_or(10));
    report.say(&format!(
        "### S3: one sender, {} members\n\nBodies of {BODY_BYTES} bytes; the sender is ahead of its members by {} messages at \
         most. A delivery is one message that arrived at one member; the members of the server {}. {} s after {} s of warm-up; median of {rounds} \
         interleaved rounds (min–max).",
        args.members,
        args.window,
        if args.receipts { "say after 32 messages or 20 ms what was delivered" } else { "say nothing" },
        time.as_secs(),
        args.warm_up.as_secs()
    ));
    let one = async |kind, running: &Running| round(args, kind, running, time).await;
    let turns = Turns::take("s3", program, &Kind::DURABLE, rounds, one)?;
    let numbers: [Number<Round>; 10] = [
        ("deliveries / s", |one| one.rate),
        ("messages / s", |one| one.messages),
        ("processor s / 1000 deliveries", |one| one.cpu),
        ("of it in the kernel", |one| one.system),
        ("generator s / 1000 deliveries", |one| one.generator),
        ("send to delivery, p50 ms", |one| one.delays.ms(50.0)),
        ("send to delivery, p99 ms", |one| one.delays.ms(99.0)),
        ("memory at the end, MiB", |one| one.rss_mib),
        ("memory at most, MiB", |one| one.peak_mib),
        ("bytes to disk / delivery", |one| one.written),
    ];
    turns.table(&numbers, report);
    let checked: u64 = turns.of(Kind::Server).iter().map(|one| one.checked).sum();
    report.say(&format!("Checked: {checked} deliveries, to each member exactly once and in order."));
    turns.draw("deliveries / s", |one| one.rate, report);
    turns.draw("processor time / 1000 deliveries, ms", |one| one.cpu * 1e3, report);
    let rate = turns.over(Kind::Server, |one| one.rate).median;
    report.say(&format!("Goal: ≥ {} deliveries/s: {}.", digits(GOAL_RATE), goal(rate >= GOAL_RATE)));
    Ok(())
}

async fn round(args: &Args, kind: Kind, running: &Running, time: Duration) -> Result<Round, String> {
    let shared = Arc::new(Shared::default());
    shared.timed_from.store(u64::MAX, Ordering::Relaxed);
    shared.last.store(u64::MAX, Ordering::Relaxed);
    let mut members = JoinSet::new();
    for index in 0..args.members {
        let user = format!("bench_member_{index:04}");
        let peer = join(kind, running.address(), &user, index).await?;
        let receipts = (kind == Kind::Server && args.receipts).then(|| Receipts::of(user));
        let member = Member::new(kind, peer, Arc::clone(&shared), receipts);
        members.spawn(member.run());
    }
    let peer = join(kind, running.address(), SENDER, args.members).await?;
    let mut sender =
        Sender { kind, peer, shared: Arc::clone(&shared), members: args.members.into(), sent: 0, acked: 0 };
    sender.gather(&mut members).await?;
    let ends_ns = clock::ns() + clock::to_ns(args.warm_up);
    sender.send_until(ends_ns, args.window, &mut members).await?;

    let snapshot = || {
        (
            clock::ns(),
            shared.delivered.load(Ordering::Relaxed),
            running.usage(),
            Usage::of(std::process::id()),
        )
    };
    shared.timed_from.store(sender.sent + 1, Ordering::Relaxed);
    let before = snapshot();
    sender.send_until(before.0 + clock::to_ns(time), args.window, &mut members).await?;
    let after = snapshot();
    shared.last.store(sender.sent, Ordering::Relaxed);

    sender.acks().await?;
    let (mut delays, mut checked) = (Histogram::new(), 0);
    while let Some(member) = members.join_next().await {
        let (heard, count) = member.map_err(|error| format!("a member failed: {error}"))??;
        delays.merge(&heard);
        checked += count;
    }
    let deliveries = (after.1 - before.1) as f64;
    if deliveries == 0.0 {
        return Err("not one message was delivered".to_owned());
    }
    let seconds = (after.0 - before.0) as f64 / 1e9;
    let thousands = deliveries / 1e3;
    Ok(Round {
        rate: deliveries / seconds,
        messages: deliveries / f64::from(args.members) / seconds,
        cpu: (after.2.cpu_s() - before.2.cpu_s()) / thousands,
        system: (after.2.system_s - before.2.system_s) / thousands,
        generator: (after.3.cpu_s() - before.3.cpu_s()) / thousands,
        delays,
        rss_mib: after.2.rss as f64 / 1_048_576.0,
        peak_mib: after.2.rss_peak as f64 / 1_048_576.0,
        written: (after.2.written - before.2.written) as f64 / deliveries,
        checked,
    })
}

/// A connection of somebody in the group. At the relay, everybody is.
async fn join(kind: Kind, address: SocketAddr, user: &str, number: u32) -> Result<Peer, String> {
    if kind != Kind::Server {
        let target = if user == SENDER { raw::EVERYBODY } else { raw::NOBODY };
        return Peer::to_relay(address, number, target).await;
    }
    let mut peer = Peer::to_server(address, "/", user, "radio").await?;
    peer.queue(&to_group(FrameKind::UserAdd, user).build());
    peer.flush()?;
    Ok(peer)
}

pub(super) fn to_group(kind: FrameKind, user: &str) -> FrameBuilder<'_> {
    FrameBuilder::new(Channel::Group, kind, IdText::Text(user)).to(IdText::Text(GROUP))
}

type Members = JoinSet<Result<(Histogram, u64), String>>;

struct Sender {
    kind: Kind,
    peer: Peer,
    shared: Arc<Shared>,
    members: u64,
    sent: u64,
    acked: u64,
}

impl Sender {
    /// Sends now and then, until each member has heard something.
    async fn gather(&mut self, members: &mut Members) -> Result<(), String> {
        let give_up_ns = clock::ns() + clock::to_ns(PATIENCE);
        loop {
            let joined = self.shared.joined.load(Ordering::Relaxed);
            if joined == self.members {
                // What was sent before counts for nobody.
                self.acks().await?;
                return Ok(());
            }
            if clock::ns() > give_up_ns {
                return Err(format!(
                    "{joined} of {} members have heard of the group within {} s; does this server serve groups?",
                    self.members,
                    PATIENCE.as_secs()
                ));
            }
            self.send()?;
            self.wait(clock::ns() + clock::to_ns(ASK), members, true).await?;
        }
    }

    /// Keeps the members busy.
    async fn send_until(&mut self, ends_ns: u64, window: u64, members: &mut Members) -> Result<(), String> {
        // Of the messages before, some members have heard only some.
        let (base_sent, base_delivered) = (self.sent, self.shared.delivered.load(Ordering::Relaxed));
        while clock::ns() < ends_ns {
            self.hear()?;
            loop {
                let due = (self.sent - base_sent) * self.members;
                let delivered = self.shared.delivered.load(Ordering::Relaxed) - base_delivered;
                if due >= delivered + window * self.members || self.sent - self.acked >= window {
                    break;
                }
                self.send()?;
            }
            self.wait(ends_ns, members, false).await?;
        }
        Ok(())
    }

    /// Until something moves, or the time is there; with `whole`, until the time is there.
    async fn wait(&mut self, until_ns: u64, members: &mut Members, whole: bool) -> Result<(), String> {
        let shared = Arc::clone(&self.shared);
        loop {
            tokio::select! {
                heard = self.peer.hear() => heard?,
                () = shared.moved.notified(), if !whole => {}
                () = tokio::time::sleep_until(clock::instant(until_ns)) => return Ok(()),
                ended = members.join_next() => return match ended {
                    Some(Ok(Err(error))) => Err(error),
                    _ => Err("a member ended before its time".to_owned()),
                },
            }
            self.hear()?;
            if !whole {
                return Ok(());
            }
        }
    }

    fn send(&mut self) -> Result<(), String> {
        self.sent += 1;
        let (number, now) = (self.sent, clock::ns());
        let body = Draft::body(number, now);
        let text = std::str::from_utf8(&body).map_err(|_| "a body is no text")?;
        let frame = to_group(FrameKind::Text, SENDER).payload(Value::Str(text)).build();
        if self.kind == Kind::Server {
            self.peer.queue(&frame);
        } else {
            self.peer.queue(&raw::frame(raw::MESSAGE, &[number, now], frame.len()));
        }
        self.peer.flush()
    }

    /// Takes the acknowledgements that have arrived.
    fn hear(&mut self) -> Result<(), String> {
        while let Some(frame) = self.peer.next()? {
            let frame = self.peer.bytes(frame);
            let acked = match self.kind {
                Kind::Server => match frame_kind(frame) {
                    Some(FrameKind::UnauthorizedGroup) => {
                        return Err("the sender is no member of the group".to_owned());
                    }
                    kind => kind == Some(FrameKind::TextAck),
                },
                _ => frame.first() == Some(&raw::ACK),
            };
            self.acked += u64::from(acked);
        }
        if self.acked > self.sent {
            return Err(format!("{} messages sent, {} acknowledged", self.sent, self.acked));
        }
        self.peer.flush()
    }

    /// Waits for all of them.
    async fn acks(&mut self) -> Result<(), String> {
        let give_up_ns = clock::ns() + clock::to_ns(PATIENCE);
        loop {
            self.hear()?;
            if self.acked == self.sent {
                return Ok(());
            }
            tokio::select! {
                heard = self.peer.hear() => heard?,
                () = tokio::time::sleep_until(clock::instant(give_up_ns)) => return Err(format!(
                    "of {} messages, {} were acknowledged within {} s", self.sent, self.acked, PATIENCE.as_secs()
                )),
            }
        }
    }
}
