//! A store that fails under the whole server: nothing more is acknowledged, what can be refused is refused in words,
//! reading goes on, and when it is opened again everything acked is there and the rest can be sent again, once.
#![allow(clippy::unwrap_used, reason = "test code")]

#[path = "support/support.rs"]
mod support;

use std::path::Path;

use bimip_proto::{
    Address, Body, ClientPacket, ClientRef, Draft, Entry, MessageId, Offset, Reject, ServerPacket,
};
use bimip_server::Config;
use bimip_server::storage::conformance::Faulty;
use bimip_server::storage::embedded::EmbeddedStorage;
use bimip_server::storage::{Reader, Storage};
use bimip_session::ledger::Failure;
use support::msgpack::{V, array};
use support::{Phone, Running, Wire, soon, user};

/// Commits until the store fails: two messages of each writer.
const GOOD: u64 = 4;

fn draft(name: &str) -> ClientPacket {
    ClientPacket::Send(Draft {
        client_ref: Some(ClientRef::new(name).unwrap()),
        to: Address::User(user("bob")),
        client_time: None,
        body: Body::text(&format!("the body of {name}")),
    })
}

async fn accepted(phone: &mut Phone, name: &str) -> (MessageId, Offset) {
    phone.say(&draft(name)).await;
    match phone.next().await {
        ServerPacket::Accepted { client_ref, head, offset } => {
            assert_eq!(client_ref.unwrap().as_str(), name);
            (head.id, offset)
        }
        other => panic!("{name}: {other:?}"),
    }
}

async fn refused(phone: &mut Phone, name: &str) {
    phone.say(&draft(name)).await;
    match phone.next().await {
        ServerPacket::Rejected { client_ref, reason, retry_after_ms, .. } => {
            assert_eq!((client_ref.unwrap().as_str(), reason), (name, Reject::Unavailable));
            assert!(retry_after_ms.is_some(), "it may pass");
        }
        other => panic!("{name}: {other:?}"),
    }
}

async fn say(wire: &mut Wire, text: &str) {
    wire.send(array(&[V::Int(1), V::Int(17), V::Str("eve"), V::Str("bob"), V::Str(text)])).await;
}

/// What a walkie hears before the answer to a question of its own.
async fn heard(wire: &mut Wire) -> Vec<String> {
    wire.send(array(&[V::Int(1), V::Int(25), V::Str("eve"), V::Int(0), V::Str("there?")])).await;
    let mut heard = Vec::new();
    loop {
        let words = wire.words().await;
        if words.starts_with("[1,26,") {
            return heard;
        }
        heard.push(words);
    }
}

/// A text in the form that the dialect of phones gives it.
fn wrapped(name: &str) -> String {
    format!(r#"{{"text":"the body of {name}"}}"#)
}

/// The bodies in Bob's mailbox, straight from the files.
fn stored(path: &Path) -> Vec<String> {
    let storage = EmbeddedStorage::open(path).unwrap();
    let rows = storage.reader().rows(&user("bob"), Offset::ZERO, u32::MAX, u64::MAX).unwrap();
    let bodies = rows.iter().filter_map(|(_, entry)| match &**entry {
        Entry::Message(message) => Some(String::from_utf8_lossy(&message.body.bytes).into_owned()),
        _ => None,
    });
    bodies.collect()
}

// MISSION L3
#[tokio::test]
async fn a_failed_store_takes_nothing_and_loses_nothing() {
    for failure in [Failure::Unavailable, Failure::Full] {
        let directory = tempfile::tempdir().unwrap();
        let storage = Faulty::new(EmbeddedStorage::open(directory.path()).unwrap(), GOOD, failure);
        let running = Running::over(storage, Config::default()).await;
        let mut ann = running.phone("ann", "phone").await;
        let mut eve = running.walkie("eve").await;
        let before = [accepted(&mut ann, "c-1").await, accepted(&mut ann, "c-2").await];
        for text in ["e-1", "e-2"] {
            say(&mut eve, text).await;
            assert!(eve.words().await.starts_with(r#"[1,22,"eve","bob","#));
        }

        // The batch that fails, and every one after it.
        say(&mut eve, "e-3").await;
        for name in ["c-3", "c-1", "c-4"] {
            refused(&mut ann, name).await;
        }
        assert_eq!(heard(&mut eve).await, Vec::<String>::new(), "no ack, and there is no other word");
        say(&mut eve, "e-4").await;
        refused(&mut ann, "c-5").await;
        assert_eq!(heard(&mut eve).await, Vec::<String>::new());
        let health = running.http("GET", "/health").await;
        assert!(health.starts_with("HTTP/1.1 503 "), "{health}");

        // Reading goes on, for devices of both dialects that come only now.
        let mut bob = running.phone("bob", "desk").await;
        for _ in 0..GOOD {
            assert!(matches!(bob.next().await, ServerPacket::Deliver(_)));
        }
        let mut walkie = running.walkie("bob").await;
        for body in ["the body of c-1", "the body of c-2", "e-1", "e-2"] {
            let words = walkie.words().await;
            assert!(words.contains(body), "{words}");
        }
        drop((ann, eve, bob, walkie));
        soon(running.server.shutdown()).await;
        let bodies = [wrapped("c-1"), wrapped("c-2"), "e-1".to_owned(), "e-2".to_owned()];
        assert_eq!(stored(directory.path()), bodies);

        // A sound disk: the same names are the same messages, and what was refused is taken.
        let storage = EmbeddedStorage::open(directory.path()).unwrap();
        let running = Running::over(storage, Config::default()).await;
        let mut ann = running.phone("ann", "phone").await;
        let again = [accepted(&mut ann, "c-1").await, accepted(&mut ann, "c-2").await];
        assert_eq!(again, before);
        let third = accepted(&mut ann, "c-3").await;
        assert_eq!(third.1, Offset(3));
        assert_eq!(accepted(&mut ann, "c-3").await, third);
        let mut eve = running.walkie("eve").await;
        say(&mut eve, "e-3").await;
        assert!(eve.words().await.starts_with(r#"[1,22,"eve","bob","#));
        drop((ann, eve));
        soon(running.server.shutdown()).await;
        let bodies = [&bodies[..], &[wrapped("c-3"), "e-3".to_owned()]].concat();
        assert_eq!(stored(directory.path()), bodies, "each once");
    }
}
