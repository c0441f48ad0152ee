//! S4: what an idle connection keeps in memory.

use std::future::Future;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::child::{Kind, Program, Running};
use super::frames::{self, Draft, Heard};
use super::peer::Peer;
use super::raw;
use super::turns::{Number, Turns};
use crate::args::Args;
use crate::report::{Report, goal};
use crate::stats::digits;

/// Time for a program to come to rest before its memory is read.
const REST: Duration = Duration::from_secs(2);
/// Couples that connect at the same time.
const AT_A_TIME: usize = 100;
/// Until two connections have exchanged their messages.
const COUPLE: Duration = Duration::from_secs(30);
/// What a connection is to stay under with the transport of this version.
const GOAL_BYTES: f64 = 8.0 * 1024.0;
const MIB: f64 = 1_048_576.0;

/// Memory with few connections, with many, when the many have had their message, and when they have had another.
struct Round {
    few: f64,
    fresh: f64,
    many: f64,
    more: f64,
    /// Connections between few and many.
    added: f64,
}

impl Round {
    fn fresh_slope(&self) -> f64 {
        (self.fresh - self.few) / self.added
    }

    fn slope(&self) -> f64 {
        (self.many - self.few) / self.added
    }

    /// What a message leaves in the store's memory, until it is written to a table.
    fn message(&self) -> f64 {
        (self.more - self.many) / self.added
    }
}

pub(super) fn s4(args: &Args, program: &Program, report: &mut Report) -> Result<(), String> {
    let few = args.connections.next_multiple_of(2);
    let many = 5 * few;
    let rounds = args.rounds_or(3);
    report.say(&format!(
        "### S4: idle connections\n\nResident memory for a connection more, between {few} and {many}, each signed in and \
         idle after one message; `fresh` is before that message. `a message more` is what a second one adds: not the \
         connection's, but the store's, until it goes to a table. Median of {rounds} interleaved rounds (min–max)."
    ));
    let one = async |kind, running: &Running| round(kind, running, few, many).await;
    let turns = Turns::take("s4", program, &Kind::LIVE, rounds, one)?;
    let numbers: [Number<Round>; 5] = [
        ("MiB with few", |one| one.few / MIB),
        ("MiB with many", |one| one.many / MIB),
        ("bytes / connection, fresh", Round::fresh_slope),
        ("bytes / connection, after a message", Round::slope),
        ("bytes / connection, a message more", Round::message),
    ];
    turns.table(&numbers, report);
    turns.draw("bytes / idle connection, fresh", Round::fresh_slope, report);
    turns.draw("bytes / idle connection, after a message", Round::slope, report);
    let reached = turns.over(Kind::Server, Round::slope).median <= GOAL_BYTES;
    report.say(&format!("Goal: ≤ {} bytes after a message: {}.", digits(GOAL_BYTES), goal(reached)));
    Ok(())
}

async fn round(kind: Kind, running: &Running, few: u32, many: u32) -> Result<Round, String> {
    let address = running.address();
    let rss = async || {
        sleep(REST).await;
        running.usage().rss as f64
    };
    let first = some((0..few).step_by(2), |first| connect(kind, address, first)).await?;
    let first = some(first, |couple| exchange(kind, couple, 1)).await?;
    let at_few = rss().await;
    let rest = some((few..many).step_by(2), |first| connect(kind, address, first)).await?;
    let at_fresh = rss().await;
    let rest = some(rest, |couple| exchange(kind, couple, 1)).await?;
    let at_many = rss().await;
    let rest = some(rest, |couple| exchange(kind, couple, 2)).await?;
    let at_more = rss().await;
    drop((first, rest));
    Ok(Round { few: at_few, fresh: at_fresh, many: at_many, more: at_more, added: f64::from(many - few) })
}

/// Two connections, by the number of the first.
struct Couple {
    first: u32,
    peers: [Peer; 2],
}

/// Does the same for all couples, many at a time.
async fn some<T, F>(items: impl IntoIterator<Item = T>, each: impl Fn(T) -> F) -> Result<Vec<Couple>, String>
where
    F: Future<Output = Result<Couple, String>> + Send + 'static,
{
    let mut couples = Vec::new();
    let mut tasks = JoinSet::new();
    let mut items = items.into_iter();
    loop {
        while tasks.len() < AT_A_TIME
            && let Some(item) = items.next()
        {
            tasks.spawn(each(item));
        }
        match tasks.join_next().await {
            Some(couple) => couples.push(couple.map_err(|error| format!("a couple failed: {error}"))??),
            None => return Ok(couples),
        }
    }
}

async fn connect(kind: Kind, address: SocketAddr, first: u32) -> Result<Couple, String> {
    let (one, other) = (first, first + 1);
    let peers = [single(kind, address, one, other).await?, single(kind, address, other, one).await?];
    Ok(Couple { first, peers })
}

/// Each sends the other one message and takes one.
async fn exchange(kind: Kind, mut couple: Couple, number: u64) -> Result<Couple, String> {
    let (first, second) = (couple.first, couple.first + 1);
    let [one, other] = &mut couple.peers;
    say(kind, one, [first, second], number)?;
    say(kind, other, [second, first], number)?;
    let both = async { tokio::try_join!(hear(kind, one), hear(kind, other)) };
    match timeout(COUPLE, both).await {
        Ok(heard) => heard.map(|_| couple),
        Err(_) => Err(format!("two connections did not hear of each other in {} s", COUPLE.as_secs())),
    }
}

fn user(index: u32) -> String {
    format!("bench_idle_{index:06}")
}

async fn single(kind: Kind, address: SocketAddr, me: u32, other: u32) -> Result<Peer, String> {
    match kind {
        Kind::Relay | Kind::SyncedRelay => Peer::to_relay(address, me, other).await,
        Kind::Server => {
            let mut peer = Peer::to_server(address, "/bimip", &user(me), "phone").await?;
            match frames::read(&peer.frame().await?) {
                Some(Heard::Welcome) => Ok(peer),
                other => Err(format!("the server began with {other:?}")),
            }
        }
    }
}

fn say(kind: Kind, peer: &mut Peer, [me, other]: [u32; 2], number: u64) -> Result<(), String> {
    let mut draft = Draft::new(&user(me), "phone", &user(other));
    match kind {
        Kind::Relay | Kind::SyncedRelay => peer.queue(&raw::frame(raw::MESSAGE, &[number, 0], draft.len())),
        Kind::Server => peer.queue(draft.next(number, 0)),
    }
    peer.flush()
}

/// Until the message of the other and the answer to the own one are there; at the server, until the disposal of
/// both rows is answered.
async fn hear(kind: Kind, peer: &mut Peer) -> Result<(), String> {
    let (mut acked, mut row, mut receipted) = (false, None, false);
    while !(acked && row.is_some() && receipted) {
        let frame = peer.frame().await?;
        if kind != Kind::Server {
            acked |= frame.first() == Some(&raw::ACK);
            row = row.or_else(|| (frame.first() == Some(&raw::MESSAGE)).then_some(0));
            receipted = true;
            continue;
        }
        match frames::read(&frame) {
            Some(Heard::Ack(_)) => acked = true,
            Some(Heard::Delivery { offset, .. }) => {
                row = Some(offset);
                peer.queue(&frames::dispose(offset));
                peer.flush()?;
            }
            Some(Heard::Receipt { offset }) => {
                receipted = true;
                peer.queue(&frames::dispose(offset.unwrap_or_default()));
                peer.flush()?;
            }
            Some(Heard::Refused(code)) => return Err(format!("the server refused with code {code}")),
            _ => {}
        }
    }
    Ok(())
}
