//! A transport of one's own, as an embedder attaches it; and what happens to a peer that does not read.

#![allow(clippy::unwrap_used, reason = "a test that panics has failed, and says where")]

#[path = "support/support.rs"]
mod support;

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use bimip_server::storage::memory::MemoryStorage;
use bimip_server::{Config, Dialect, Frame, Full, Grant};
use futures_util::{Sink, Stream};
use support::msgpack::{self, V};
use support::{Running, device, soon};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

/// The server's end of a pipe: takes everything, or nothing while it is stuck.
struct Pipe {
    frames: UnboundedReceiver<Frame>,
    out: UnboundedSender<Frame>,
    stuck: Arc<AtomicBool>,
}

/// The test's end.
struct End {
    say: UnboundedSender<Frame>,
    hear: UnboundedReceiver<Frame>,
    stuck: Arc<AtomicBool>,
}

fn pipe() -> (Pipe, End) {
    let ((say, frames), (out, hear)) = (unbounded_channel(), unbounded_channel());
    let stuck = Arc::new(AtomicBool::new(false));
    (Pipe { frames, out, stuck: Arc::clone(&stuck) }, End { say, hear, stuck })
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
        // Never woken: this test's peer does not come back.
        if self.stuck.load(Ordering::Relaxed) { Poll::Pending } else { Poll::Ready(Ok(())) }
    }

    fn start_send(self: Pin<&mut Self>, frame: Frame) -> io::Result<()> {
        self.out.send(frame).map_err(|_| io::ErrorKind::BrokenPipe.into())
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_ready(cx)
    }

    fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_ready(cx)
    }
}

impl End {
    fn say(&self, values: &[V<'_>]) {
        self.say.send(Frame::Binary(msgpack::array(values).into())).unwrap();
    }

    async fn words(&mut self) -> String {
        match soon(self.hear.recv()).await {
            Some(Frame::Binary(frame)) => msgpack::words(&frame),
            other => format!("{other:?}"),
        }
    }

    /// Waits until the server has heard everything said so far.
    async fn settle(&mut self, user: &str) {
        self.say(&[V::Int(1), V::Int(25), V::Str(user), V::Int(0), V::Int(7)]);
        assert_eq!(self.words().await, format!("[1,26,0,{user:?},7]"));
    }
}

async fn attach(running: &Running, user: &str) -> (End, tokio::task::JoinHandle<Result<(), Full>>) {
    let (pipe, mut end) = pipe();
    let (server, grant) = (running.server.clone(), Grant::new(device(user, "voiceping")));
    let served = tokio::spawn(async move { server.attach(pipe, Dialect::VoicePing, Some(grant)).await });
    end.settle(user).await;
    (end, served)
}

#[tokio::test]
async fn a_connection_over_a_pipe_ends_with_it() {
    let running = Running::start().await;
    let (mut ann, served) = attach(&running, "ann").await;
    let text = [V::Int(1), V::Int(17), V::Str("ann"), V::Str("ann"), V::Str("note")];
    ann.say(&text);
    assert!(ann.words().await.starts_with(r#"[1,22,"ann","ann","#));
    assert!(ann.words().await.contains("note"));
    assert_eq!(ann.words().await, "Some(Ping(1))", "the question whether the row arrived");
    drop(ann);
    assert_eq!(soon(served).await.unwrap(), Ok(()));
}

#[tokio::test]
async fn a_stopped_server_takes_no_transport() {
    let running = Running::start().await;
    let (mut ann, served) = attach(&running, "ann").await;
    soon(running.server.shutdown()).await;
    assert_eq!(ann.words().await, "Some(Close(Some(1001)))");
    assert_eq!(soon(served).await.unwrap(), Ok(()));
    let grant = Grant::new(device("bob", "voiceping"));
    assert_eq!(running.server.attach(pipe().0, Dialect::VoicePing, Some(grant)).await, Err(Full));
}

// MISSION E3: a write stall closes
#[tokio::test]
async fn a_peer_that_does_not_read_is_let_go() {
    let mut config = Config::default();
    config.write_stall = Duration::from_millis(50);
    let running = Running::over(MemoryStorage::new(), config).await;
    let (bob, served) = attach(&running, "bob").await;
    let (mut ann, _ann) = attach(&running, "ann").await;
    bob.stuck.store(true, Ordering::Relaxed);
    ann.say(&[V::Int(1), V::Int(17), V::Str("ann"), V::Str("bob"), V::Str("hello")]);
    assert!(ann.words().await.starts_with("[1,22,"));
    assert_eq!(soon(served).await.unwrap(), Ok(()));
    assert_eq!(running.counter("write_stalls").await, 1);
    ann.settle("ann").await;
}

/// Live voice is worth nothing when it is late. Rows and answers are owed.
#[tokio::test]
async fn live_voice_is_dropped_before_anything_else() {
    let mut config = Config::default();
    config.core.window.rows = 4;
    let running = Running::over(MemoryStorage::new(), config).await;
    let (bob, _bob) = attach(&running, "bob").await;
    let (mut ann, _ann) = attach(&running, "ann").await;
    ann.say(&[V::Int(1), V::Int(1), V::Str("ann"), V::Str("bob"), V::Int(1)]);
    assert!(ann.words().await.starts_with("[1,6,"));
    bob.stuck.store(true, Ordering::Relaxed);
    for _ in 0..100 {
        ann.say(&[V::Int(1), V::Int(3), V::Str("ann"), V::Str("bob"), V::Bin(&[0; 60])]);
    }
    ann.settle("ann").await;
    let relayed = running.counter("audio_relayed").await;
    let dropped = running.counter("live_dropped").await;
    // A window of 4 and room for 16 more; what Bob's task had taken before it got stuck comes on top.
    assert_eq!(relayed, 100);
    assert!((100 - 2 * 20..100).contains(&dropped), "{dropped}");
}
