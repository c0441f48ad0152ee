//! Many connections say more than the store can take: what the server keeps of it is within what its budgets say, and of
//! what it took nothing is lost.
#![allow(clippy::unwrap_used, reason = "a test that panics has failed, and says where")]

#[path = "support/support.rs"]
mod support;

use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::task::{Context, Poll};

use bimip_codec::{Codec, Frames};
use bimip_proto::{Address, Body, ClientPacket, ClientRef, Draft};
use bimip_server::storage::memory::MemoryStorage;
use bimip_server::storage::{Storage, StorageError};
use bimip_server::{Config, Dialect, Frame, Grant, Report};
use bimip_session::ledger::{Committed, Failed, Ticket};
use futures_util::{Sink, Stream};
use support::msgpack::{V, array};
use support::{Running, device, soon, user};
use tokio::sync::mpsc::{Receiver, Sender, channel};

const CONNECTIONS: u64 = 60;
const FRAMES: u64 = 100;
const BODY_BYTES: usize = 16 * 1024;
/// A body, and what is around it.
const FRAME_BYTES: u64 = BODY_BYTES as u64 + 512;
/// What one read of a socket brings at most: the limit of a batch, and the frame that goes over it.
const READ_BYTES: u64 = 64 * 1024 + FRAME_BYTES;

/// Whether the store answers.
type Answers = Arc<(Mutex<bool>, Condvar)>;

/// A store that answers when it is told to.
struct Slow {
    store: MemoryStorage,
    answers: Answers,
}

impl Storage for Slow {
    type Reader = <MemoryStorage as Storage>::Reader;

    fn commit(&mut self, batch: Vec<Ticket>) -> Vec<Result<Committed, Failed>> {
        let (answers, told) = &*self.answers;
        drop(told.wait_while(answers.lock().unwrap(), |answers| !*answers).unwrap());
        self.store.commit(batch)
    }

    fn reader(&self) -> Self::Reader {
        self.store.reader()
    }

    fn close(self) -> Result<(), StorageError> {
        self.store.close()
    }
}

/// The server's end of a wire on which one frame is under way at a time, so that what was taken off it is known.
struct Pipe {
    frames: Receiver<Frame>,
    /// Acknowledgements that came back.
    acks: Arc<AtomicU64>,
    /// What else came.
    rest: Arc<AtomicU64>,
}

impl Stream for Pipe {
    type Item = io::Result<Frame>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.frames.poll_recv(cx).map(|frame| frame.map(Ok))
    }
}

impl Sink<Frame> for Pipe {
    type Error = io::Error;

    fn poll_ready(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn start_send(self: Pin<&mut Self>, frame: Frame) -> io::Result<()> {
        let acked = match &frame {
            // The acknowledgement of a text, in the one dialect: kind 22; and a signal of type 2 in the other.
            Frame::Binary(bytes) => bytes.starts_with(&[0x96, 1, 22]) || bytes.starts_with(&[0x08, 7]),
            _ => false,
        };
        if acked { &self.acks } else { &self.rest }.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

fn phone_frames(name: &str) -> Vec<Frame> {
    let mut codec = Codec::new(Dialect::Scheme);
    codec.signed_in(&device(name, "phone"));
    let frames = (0..FRAMES).map(|number| {
        let mut frames = Frames::default();
        let body = Body::text(&"x".repeat(BODY_BYTES));
        let draft = Draft {
            client_ref: ClientRef::new(&format!("r{number}")).ok(),
            to: Address::User(user("sink")),
            client_time: None,
            body,
        };
        codec.encode_client(&ClientPacket::Send(draft), &mut frames).unwrap();
        let frame = frames.drain().next().unwrap();
        Frame::Binary(frame)
    });
    frames.collect()
}

fn walkie_frames(name: &str) -> Vec<Frame> {
    let text = "x".repeat(BODY_BYTES);
    let frame = array(&[V::Int(1), V::Int(17), V::Str(name), V::Str("sink"), V::Str(&text)]);
    vec![Frame::Binary(frame.into()); usize::try_from(FRAMES).unwrap()]
}

async fn flood(frames: Vec<Frame>, wire: Sender<Frame>, taken: Arc<AtomicU64>) -> Sender<Frame> {
    for frame in frames {
        wire.send(frame).await.unwrap();
        taken.fetch_add(1, Ordering::Relaxed);
    }
    wire
}

fn level(report: &Report, name: &str) -> (u64, u64) {
    let (_, level) = report.budgets.iter().find(|(known, _)| *known == name).unwrap();
    (level.used, level.most)
}

// MISSION A9
// DM-FLOW-1, DM-FLOW-5, DM-SES-3
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_is_kept_outside_and_comes_in_when_the_store_answers() {
    let mut config = Config::default();
    config.inbox_bytes = 512 * 1024;
    config.core.commit_bytes_in_flight = 2 * 1024 * 1024;
    // From half of it on, each connection brings what it has in its hands, and once more if it had too little waiting to be
    // paused: that fits, so nobody is turned away.
    config.core.held_bytes = 2 * (2 * CONNECTIONS * READ_BYTES + u64::from(config.inbox_bytes));
    let budgets = u64::from(config.inbox_bytes) + config.core.commit_bytes_in_flight + config.core.held_bytes;
    let answers = Answers::default();
    let store = Slow { store: MemoryStorage::new(), answers: Arc::clone(&answers) };
    let running = Running::over(store, config).await;

    let (taken, acks, rest) = (Arc::<AtomicU64>::default(), Arc::<AtomicU64>::default(), Arc::default());
    let mut floods = Vec::new();
    for number in 0..CONNECTIONS {
        let name = format!("u{number}");
        let (dialect, frames, device) = if number % 2 == 0 {
            (Dialect::Scheme, phone_frames(&name), device(&name, "phone"))
        } else {
            (Dialect::VoicePing, walkie_frames(&name), device(&name, "voiceping"))
        };
        let (wire, frames_in) = channel(1);
        let pipe = Pipe { frames: frames_in, acks: Arc::clone(&acks), rest: Arc::clone(&rest) };
        let server = running.server.clone();
        tokio::spawn(async move { server.attach(pipe, dialect, Some(Grant::new(device))).await });
        floods.push(tokio::spawn(flood(frames, wire, Arc::clone(&taken))));
    }

    // Until nothing more is taken, however often the node had a turn.
    let (mut quiet, mut before) = (0, 0);
    while quiet < 200 {
        let report = soon(running.server.report()).await.unwrap();
        for name in ["inbox_bytes", "commit_bytes"] {
            let (used, most) = level(&report, name);
            assert!(used <= most + FRAME_BYTES + 1_024, "{name}: {used} of {most}");
        }
        let (used, most) = level(&report, "held_bytes");
        assert!(used <= 2 * most, "held_bytes: {used} of {most}");
        let now = taken.load(Ordering::Relaxed);
        quiet = if now == before && now > 0 { quiet + 1 } else { 0 };
        before = now;
        tokio::task::yield_now().await;
    }
    // In the budgets, in the hands of each connection, and on its wire.
    let most = budgets + CONNECTIONS * (READ_BYTES + FRAME_BYTES);
    let kept = before * BODY_BYTES as u64;
    assert!(kept <= most, "{kept} bytes were taken, {most} is what there is room for");
    assert!(before < CONNECTIONS * FRAMES / 2, "most of it is still outside: {before}");
    assert_eq!(acks.load(Ordering::Relaxed), 0, "nothing is acknowledged before it is stored");

    *answers.0.lock().unwrap() = true;
    answers.1.notify_all();
    let mut wires = Vec::new();
    for flood in floods {
        wires.push(soon(flood).await.unwrap());
    }
    let all = CONNECTIONS * FRAMES;
    soon(async {
        while acks.load(Ordering::Relaxed) < all {
            running.server.report().await.unwrap();
            tokio::task::yield_now().await;
        }
    })
    .await;
    let report = soon(running.server.report()).await.unwrap();
    assert_eq!((report.counter("accepted"), report.counter("turned_away")), (all, 0));
    assert_eq!(report.connections as u64, CONNECTIONS, "and nobody was let go");
    for (name, level) in report.budgets {
        assert_eq!(level.used, 0, "{name} is given back");
    }
    drop(wires);
}
