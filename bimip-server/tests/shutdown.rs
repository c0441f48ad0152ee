//! Endings: of the server, and of what is under it.

#![allow(clippy::unwrap_used, reason = "a test that panics has failed, and says where")]

#[path = "support/support.rs"]
mod support;

use std::sync::mpsc::{Receiver, Sender, channel};

use bimip_proto::{Address, Body, ClientPacket, ClientRef, CloseReason, Draft, Reject, ServerPacket};
use bimip_server::Config;
use bimip_server::storage::memory::MemoryStorage;
use bimip_server::storage::{Storage, StorageError};
use bimip_session::ledger::{Committed, Failed, Failure, Ticket};
use support::{Running, soon, user};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

/// A store that says when it is asked to commit, and does so when it is told to.
struct Gated {
    inner: MemoryStorage,
    asked: UnboundedSender<()>,
    go: Receiver<Verdict>,
}

enum Verdict {
    Commit,
    Fail,
    Panic,
}

impl Gated {
    fn new() -> (Self, UnboundedReceiver<()>, Sender<Verdict>) {
        let ((asked, was_asked), (say, go)) = (unbounded_channel(), channel());
        (Self { inner: MemoryStorage::new(), asked, go }, was_asked, say)
    }
}

impl Storage for Gated {
    type Reader = <MemoryStorage as Storage>::Reader;

    fn commit(&mut self, batch: Vec<Ticket>) -> Vec<Result<Committed, Failed>> {
        let _ = self.asked.send(());
        match self.go.recv() {
            Ok(Verdict::Commit) => self.inner.commit(batch),
            Ok(Verdict::Panic) => panic!("as the test wants it"),
            _ => batch.into_iter().map(|ticket| Err(ticket.failed(Failure::Unavailable))).collect(),
        }
    }

    fn reader(&self) -> Self::Reader {
        self.inner.reader()
    }

    fn close(self) -> Result<(), StorageError> {
        self.inner.close()
    }
}

fn draft(reference: &str) -> ClientPacket {
    ClientPacket::Send(Draft {
        client_ref: Some(ClientRef::new(reference).unwrap()),
        to: Address::User(user("bob")),
        client_time: None,
        body: Body::text("hello"),
    })
}

// MISSION E10
#[tokio::test]
async fn what_is_under_way_is_answered_before_the_goodbye() {
    let (storage, mut asked, go) = Gated::new();
    let running = Running::over(storage, Config::default()).await;
    let mut ann = running.phone("ann", "phone").await;
    let mut idle = running.phone("eve", "phone").await;
    ann.say(&draft("c-1")).await;
    soon(asked.recv()).await.unwrap();

    let shutdown = tokio::spawn({
        let server = running.server.clone();
        async move { server.shutdown().await }
    });
    // Whoever has nothing under way goes at once; the draft is still in the store's hands.
    assert_eq!(idle.next().await, ServerPacket::Bye(CloseReason::GoingAway));
    assert_eq!(idle.hear().await, Err(Some(1001)));
    assert!(!shutdown.is_finished());

    go.send(Verdict::Commit).unwrap();
    assert!(matches!(ann.next().await, ServerPacket::Accepted { .. }));
    assert_eq!(ann.next().await, ServerPacket::Bye(CloseReason::GoingAway));
    assert_eq!(ann.hear().await, Err(Some(1001)));
    drop((ann, idle));
    // The last thing that is stored: who was here until now.
    soon(asked.recv()).await.unwrap();
    go.send(Verdict::Commit).unwrap();
    soon(shutdown).await.unwrap();
    assert!(soon(running.server.report()).await.is_none());
    soon(running.server.shutdown()).await;
}

#[tokio::test]
async fn a_store_that_hangs_does_not_hold_a_shutdown_for_ever() {
    let (storage, mut asked, go) = Gated::new();
    let mut config = Config::default();
    config.drain = std::time::Duration::from_millis(50);
    let running = Running::over(storage, config).await;
    let mut ann = running.phone("ann", "phone").await;
    ann.say(&draft("c-1")).await;
    soon(asked.recv()).await.unwrap();
    let shutdown = tokio::spawn({
        let server = running.server.clone();
        async move { server.shutdown().await }
    });
    // No ack, since there is no proof.
    assert_eq!(ann.hear().await, Err(Some(1001)));
    drop(ann);
    soon(shutdown).await.unwrap();
    drop(go);
}

// A failed store is closed for writing and says so
#[tokio::test]
async fn a_failed_store_is_said_in_words() {
    let (storage, mut asked, go) = Gated::new();
    let running = Running::over(storage, Config::default()).await;
    let mut ann = running.phone("ann", "phone").await;
    ann.say(&draft("c-1")).await;
    soon(asked.recv()).await.unwrap();
    go.send(Verdict::Fail).unwrap();
    let ServerPacket::Rejected { client_ref, reason, retry_after_ms, .. } = ann.next().await else {
        panic!("not refused")
    };
    assert_eq!((client_ref.unwrap().as_str(), reason), ("c-1", Reject::Unavailable));
    assert!(retry_after_ms.is_some());
    let health = running.http("GET", "/health").await;
    assert!(health.starts_with("HTTP/1.1 503 ") && health.contains(r#""status":"failed""#), "{health}");
}

/// What it had in its hands is lost without an ack; everything after it is refused in words.
#[tokio::test]
async fn a_store_that_panics_is_a_failed_store() {
    let (storage, mut asked, go) = Gated::new();
    let running = Running::over(storage, Config::default()).await;
    let mut ann = running.phone("ann", "phone").await;
    ann.say(&draft("c-1")).await;
    soon(asked.recv()).await.unwrap();
    go.send(Verdict::Panic).unwrap();
    assert!(soon(asked.recv()).await.is_none(), "the store is still there");
    // Its end of the hand-over goes a moment later; what was handed over in between is lost as well.
    while !soon(running.server.report()).await.unwrap().store_failed {
        ann.say(&draft("c-2")).await;
    }
    ann.say(&draft("c-3")).await;
    loop {
        let ServerPacket::Rejected { client_ref, reason, .. } = ann.next().await else { panic!("an ack") };
        assert_eq!(reason, Reject::Unavailable);
        if client_ref.unwrap().as_str() == "c-3" {
            break;
        }
    }
    assert!(running.http("GET", "/health").await.contains(r#""status":"failed""#));
}

/// A store that cannot be closed in order.
struct Stuck(MemoryStorage);

impl Storage for Stuck {
    type Reader = <MemoryStorage as Storage>::Reader;

    fn commit(&mut self, batch: Vec<Ticket>) -> Vec<Result<Committed, Failed>> {
        self.0.commit(batch)
    }

    fn reader(&self) -> Self::Reader {
        self.0.reader()
    }

    fn close(self) -> Result<(), StorageError> {
        Err(StorageError::Engine("stuck".to_owned()))
    }
}

#[tokio::test]
async fn what_went_wrong_at_the_end_is_not_lost() {
    let running = Running::over(Stuck(MemoryStorage::new()), Config::default()).await;
    assert!(running.server.close_error().is_none());
    soon(running.server.shutdown()).await;
    assert!(running.server.close_error().unwrap().to_string().contains("stuck"));
}

#[tokio::test]
async fn whoever_waits_for_a_failure_hears_of_it() {
    let (storage, mut asked, go) = Gated::new();
    let running = Running::over(storage, Config::default()).await;
    let waiting = tokio::spawn(running.server.failed());
    let mut ann = running.phone("ann", "phone").await;
    ann.say(&draft("c-1")).await;
    soon(asked.recv()).await.unwrap();
    go.send(Verdict::Commit).unwrap();
    assert!(matches!(ann.next().await, ServerPacket::Accepted { .. }));
    assert!(!waiting.is_finished());
    ann.say(&draft("c-2")).await;
    soon(asked.recv()).await.unwrap();
    go.send(Verdict::Fail).unwrap();
    soon(waiting).await.unwrap();
    assert!(soon(running.server.report()).await.unwrap().store_failed, "and it is still there");
}
