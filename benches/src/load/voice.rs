//! S5: private talks over the msgpack dialect, live.

use std::net::SocketAddr;
use std::time::Duration;

use bimip_codec::voiceping::{FrameBuilder, IdText, Kind as FrameKind, Value};
use bimip_proto::Channel;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::child::{Kind, Program, Running};
use super::peer::Peer;
use super::turns::{Number, Turns};
use super::{clock, raw};
use crate::args::Args;
use crate::report::{Report, goal};
use crate::stats::Histogram;

/// One piece of sound.
const AUDIO_BYTES: usize = 60;
const EVERY: Duration = Duration::from_millis(20);
/// Until a talk has begun, or the last of it has arrived.
const PATIENCE: Duration = Duration::from_secs(5);
/// What may be lost on the way: live voice is dropped before anything else.
const LOSS: f64 = 0.001;
const GOAL_P99_MS: f64 = 0.5;
const GOAL_CPU: f64 = 0.045;

/// One talk, or one round of talks.
struct Heard {
    sent: u64,
    received: u64,
    delays: Histogram,
}

struct Round {
    heard: Heard,
    /// For 1000 frames, in s.
    cpu: f64,
    rss_mib: f64,
}

pub(super) fn s5(args: &Args, program: &Program, report: &mut Report) -> Result<(), String> {
    let (rounds, time) = (args.rounds_or(3), args.seconds_or(15));
    report.say(&format!(
        "### S5: live voice\n\n{} private talks, {AUDIO_BYTES} bytes of sound every {} ms for {} s after {} s of warm-up; \
         median of {rounds} interleaved rounds (min–max). Each frame is timed from its write to its arrival.",
        args.talkers,
        EVERY.as_millis(),
        time.as_secs(),
        args.warm_up.as_secs()
    ));
    let one = async |kind, running: &Running| round(args, kind, running, time).await;
    let turns = Turns::take("s5", program, &Kind::LIVE, rounds, one)?;
    let numbers: [Number<Round>; 6] = [
        ("p50 ms", |one| one.heard.delays.ms(50.0)),
        ("p99 ms", |one| one.heard.delays.ms(99.0)),
        ("processor s / 1000", |one| one.cpu),
        ("memory at the end, MiB", |one| one.rss_mib),
        ("frames", |one| one.heard.sent as f64),
        ("lost", |one| one.heard.lost() as f64),
    ];
    turns.table(&numbers, report);
    turns.draw("voice p50, ms", |one| one.heard.delays.ms(50.0), report);
    turns.draw("voice p99, ms", |one| one.heard.delays.ms(99.0), report);
    for kind in Kind::LIVE {
        let (sent, lost) = turns
            .of(kind)
            .iter()
            .fold((0, 0), |(sent, lost), one| (sent + one.heard.sent, lost + one.heard.lost()));
        if lost as f64 > sent as f64 * LOSS {
            report.fail(format!("{}: {lost} of {sent} frames of voice were lost", kind.name()));
        }
    }
    let p99 = turns.over(Kind::Server, |one| one.heard.delays.ms(99.0)).median;
    let cpu = turns.over(Kind::Server, |one| one.cpu).median;
    report.say(&format!(
        "Goals: p99 ≤ {GOAL_P99_MS} ms: {}; ≤ {GOAL_CPU} s / 1000: {}.",
        goal(p99 <= GOAL_P99_MS),
        goal(cpu <= GOAL_CPU)
    ));
    Ok(())
}

impl Heard {
    const fn lost(&self) -> u64 {
        self.sent - self.received
    }
}

async fn round(args: &Args, kind: Kind, running: &Running, time: Duration) -> Result<Round, String> {
    let mut talks = JoinSet::new();
    let begins_ns = clock::ns() + 500_000_000;
    let share = EVERY / args.talkers;
    for index in 0..args.talkers {
        let talk = Talk::open(kind, running.address(), index).await?;
        let first_ns = begins_ns + clock::to_ns(share * index);
        let measured_ns = begins_ns + clock::to_ns(args.warm_up);
        talks.spawn(talk.run(first_ns, measured_ns, measured_ns + clock::to_ns(time)));
    }
    let until = begins_ns + clock::to_ns(args.warm_up);
    sleep(Duration::from_nanos(until.saturating_sub(clock::ns()))).await;
    let before = running.usage();
    sleep(time).await;
    let after = running.usage();
    let mut all = Heard { sent: 0, received: 0, delays: Histogram::new() };
    while let Some(talk) = talks.join_next().await {
        let talk = talk.map_err(|error| format!("a talk failed: {error}"))??;
        all.sent += talk.sent;
        all.received += talk.received;
        all.delays.merge(&talk.delays);
    }
    let frames = all.delays.count() as f64;
    let cpu = (after.cpu_s() - before.cpu_s()) / frames * 1_000.0;
    Ok(Round { heard: all, cpu, rss_mib: after.rss as f64 / 1_048_576.0 })
}

struct Talk {
    kind: Kind,
    talker: Peer,
    listener: Peer,
    start: Vec<u8>,
    /// A frame of sound, patched for each piece: its payload is its end.
    audio: Vec<u8>,
    stop: Vec<u8>,
}

impl Talk {
    async fn open(kind: Kind, address: SocketAddr, index: u32) -> Result<Self, String> {
        let (from, to) = (format!("bench_talker_{index:04}"), format!("bench_listener_{index:04}"));
        let (me, other) = (2 * index, 2 * index + 1);
        let frame =
            |kind| FrameBuilder::new(Channel::Private, kind, IdText::Text(&from)).to(IdText::Text(&to));
        let sound = frame(FrameKind::Audio).payload(Value::Bin(&[0; AUDIO_BYTES])).build().to_vec();
        let (listener, talker, audio) = match kind {
            Kind::Relay | Kind::SyncedRelay => (
                Peer::to_relay(address, other, raw::NOBODY).await?,
                Peer::to_relay(address, me, other).await?,
                raw::frame(raw::VOICE, &[], sound.len()),
            ),
            Kind::Server => (
                Peer::to_server(address, "/", &to, "radio").await?,
                Peer::to_server(address, "/", &from, "radio").await?,
                sound,
            ),
        };
        let (start, stop) =
            (frame(FrameKind::Start).build().to_vec(), frame(FrameKind::Stop).build().to_vec());
        Ok(Self { kind, talker, listener, start, audio, stop })
    }

    async fn run(mut self, mut next_ns: u64, measured_ns: u64, ends_ns: u64) -> Result<Heard, String> {
        if self.kind == Kind::Server {
            self.command(FrameKind::Start, FrameKind::StartAck).await?;
        }
        let mut heard = Heard { sent: 0, received: 0, delays: Histogram::new() };
        let gives_up_ns = ends_ns + clock::to_ns(PATIENCE);
        loop {
            let now = clock::ns();
            self.listen(now, measured_ns, &mut heard)?;
            while let Some(frame) = self.talker.next()? {
                let kind = self.talker.bytes(frame).get(2).copied().unwrap_or_default();
                if u32::from(kind) == FrameKind::StartFailed.number() {
                    return Err("a talk was denied".to_owned());
                }
            }
            if now < ends_ns && now >= next_ns {
                heard.sent += 1;
                let at = self.audio.len() - AUDIO_BYTES;
                self.audio[at..at + 8].copy_from_slice(&heard.sent.to_be_bytes());
                self.audio[at + 8..at + 16].copy_from_slice(&now.to_be_bytes());
                self.talker.queue(&self.audio);
                next_ns += clock::to_ns(EVERY);
            }
            self.talker.flush()?;
            self.listener.flush()?;
            if now >= ends_ns && (heard.received == heard.sent || now >= gives_up_ns) {
                break;
            }
            let until = if now < ends_ns { next_ns } else { gives_up_ns };
            tokio::select! {
                some = self.listener.hear() => some?,
                some = self.talker.hear() => some?,
                () = tokio::time::sleep_until(clock::instant(until)) => {}
            }
        }
        if self.kind == Kind::Server {
            self.command(FrameKind::Stop, FrameKind::StopAck).await?;
        }
        Ok(heard)
    }

    /// Says something and waits for its answer.
    async fn command(&mut self, says: FrameKind, answer: FrameKind) -> Result<(), String> {
        self.talker.queue(if says == FrameKind::Start { &self.start } else { &self.stop });
        self.talker.flush()?;
        let answered = async {
            loop {
                let frame = self.talker.frame().await?;
                if frame.get(2).is_some_and(|kind| u32::from(*kind) == answer.number()) {
                    return Ok(());
                }
            }
        };
        let late = |_| format!("kind {says} was not answered within {} s", PATIENCE.as_secs());
        timeout(PATIENCE, answered).await.map_err(late)?
    }

    /// Takes what has arrived: pieces in order, some of which may be missing.
    fn listen(&mut self, now: u64, measured_ns: u64, heard: &mut Heard) -> Result<(), String> {
        let mut last = heard.received;
        while let Some(frame) = self.listener.next()? {
            let frame = self.listener.bytes(frame);
            let is_sound = match self.kind {
                Kind::Relay | Kind::SyncedRelay => frame.first() == Some(&raw::VOICE),
                Kind::Server => {
                    frame.get(2).is_some_and(|kind| u32::from(*kind) == FrameKind::Audio.number())
                }
            };
            let sound = frame.len().checked_sub(AUDIO_BYTES).filter(|_| is_sound).map(|at| &frame[at..]);
            let Some([number, stamp]) = sound.and_then(words) else { continue };
            if number <= last || number > heard.sent {
                return Err(format!("piece {number} came after {last}"));
            }
            last = number;
            heard.received += 1;
            if stamp >= measured_ns {
                heard.delays.add(now.saturating_sub(stamp));
            }
        }
        Ok(())
    }
}

fn words(sound: &[u8]) -> Option<[u64; 2]> {
    let word = |at: usize| sound.get(at..)?.first_chunk().map(|word| u64::from_be_bytes(*word));
    Some([word(0)?, word(8)?])
}
