//! Clients against a server in this process, on a port of its own. Nothing sleeps: every wait is for an event.
#![allow(clippy::unwrap_used, reason = "tests")]

mod support;

use bimip_client::{Client, Event, MemoryStore, SendError};
use bimip_proto::{Body, ClientRef, CloseReason, Device, DeviceName, Draft, Form, Reject, Status};
use bytes::Bytes;

use support::{Shelf, Way, address, builder, message, online, receipt, row, sent, text, until, user};

#[tokio::test]
async fn a_message_is_acknowledged_delivered_and_read() {
    let (server, url) = Shelf::new().open().await;
    let (alice, mut to_alice) = builder("alice").websocket(&url).start().await.unwrap();
    let (bob, mut to_bob) = builder("bob").websocket(&url).start().await.unwrap();

    let name = alice.send_text(address("bob"), "hello").await.unwrap();
    assert_eq!(sent(&mut to_alice).await, name.to_string());

    let hello = message(&bob, &mut to_bob).await;
    assert_eq!((text(&hello), &hello.head.from.user), ("hello".to_owned(), &user("alice")));
    let told = receipt(&alice, &mut to_alice).await;
    assert_eq!((told.status, &told.by.user), (Status::Delivered, &user("bob")));
    assert_eq!(told.messages[0].id, hello.head.id);
    assert_eq!(told.messages[0].client_ref, Some(name));

    bob.mark(hello.head.names().reference().unwrap(), Status::Read).await.unwrap();
    until(&mut to_bob, |event| matches!(event, Event::Marked { status: Status::Read, .. }).then_some(()))
        .await;
    assert_eq!(receipt(&alice, &mut to_alice).await.status, Status::Read);

    alice.leave().await;
    assert!(to_alice.next_event().await.unwrap().is_none(), "nothing after a goodbye");
    server.shutdown().await;
}

#[tokio::test]
async fn a_server_restart_loses_nothing_and_doubles_nothing() {
    let shelf = Shelf::new();
    let (server, url) = shelf.open().await;
    let (way, bobs_way) = (Way::to(&url), Way::to(&url));
    let (alice, mut to_alice) = start(&way, "alice").await;
    let (bob, mut to_bob) = start(&bobs_way, "bob").await;
    online(&mut to_alice).await;

    // The server stores them, as Bob sees; Alice does not hear that it did.
    way.deaf(true);
    for text in ["one", "two", "three"] {
        alice.send(named(text)).await.unwrap();
    }
    for expected in ["one", "two", "three"] {
        assert_eq!(text(&message(&bob, &mut to_bob).await), expected);
    }
    server.shutdown().await;
    until(&mut to_alice, |event| matches!(event, Event::Offline).then_some(())).await;
    alice.send(named("four")).await.unwrap();

    let (server, url) = shelf.open().await;
    way.deaf(false);
    way.moves(&url);
    bobs_way.moves(&url);
    for expected in ["one", "two", "three", "four"] {
        assert_eq!(sent(&mut to_alice).await, expected, "acknowledged once, in order");
    }
    assert_eq!(text(&message(&bob, &mut to_bob).await), "four", "the others were there before");

    // A device that was never there before gets each message once.
    let laptop = Device::new(user("bob"), DeviceName::new("laptop").unwrap());
    let (laptop, mut to_laptop) = Client::builder(laptop).websocket(&url).start().await.unwrap();
    for expected in ["one", "two", "three", "four"] {
        assert_eq!(text(&message(&laptop, &mut to_laptop).await), expected);
    }
    server.shutdown().await;
}

#[tokio::test]
async fn a_client_restart_sends_what_was_left_and_gives_what_was_not_stored() {
    let (server, url) = Shelf::new().open().await;
    let store = MemoryStore::new();
    let nowhere = || async { Err::<bimip_client::WebSocket, _>(std::io::ErrorKind::NotConnected.into()) };
    let (alice, _) = builder("alice").store(store.clone()).connect(nowhere).start().await.unwrap();
    alice.send(named("one")).await.unwrap();
    alice.leave().await;
    assert_eq!(store.kept().unacked.len(), 1);

    let (alice, mut to_alice) = builder("alice").store(store.clone()).websocket(&url).start().await.unwrap();
    assert_eq!(sent(&mut to_alice).await, "one");
    assert_eq!(store.kept().unacked, []);

    let kept = MemoryStore::new();
    let (bob, mut to_bob) = builder("bob").store(kept.clone()).websocket(&url).start().await.unwrap();
    let first = row(&mut to_bob).await;
    bob.leave().await;
    let (bob, mut to_bob) = builder("bob").store(kept.clone()).websocket(&url).start().await.unwrap();
    assert_eq!(row(&mut to_bob).await, first, "it was not said to be stored");
    bob.stored(first.offset).await.unwrap();
    receipt(&alice, &mut to_alice).await;
    assert_eq!(kept.kept().seen, first.offset);
    server.shutdown().await;
}

#[tokio::test]
async fn an_app_that_falls_behind_loses_nothing() {
    const MESSAGES: usize = 600;
    let (server, url) = Shelf::new().open().await;
    let (bob, mut to_bob) = builder("bob").websocket(&url).start().await.unwrap();
    let (alice, mut to_alice) = builder("alice").websocket(&url).start().await.unwrap();
    for number in 0..MESSAGES {
        alice.send_text(address("bob"), &number.to_string()).await.unwrap();
    }
    // Alice's app does not listen either, until it has said all.
    for _ in 0..MESSAGES {
        sent(&mut to_alice).await;
    }
    for number in 0..MESSAGES {
        assert_eq!(text(&message(&bob, &mut to_bob).await), number.to_string());
    }
    server.shutdown().await;
}

#[tokio::test]
async fn a_full_outbox_gives_the_draft_back() {
    let nowhere = || std::future::pending::<std::io::Result<bimip_client::WebSocket>>();
    let small = builder("alice").config(|config| config.unacked_drafts = 1).connect(nowhere);
    let (alice, _events) = small.start().await.unwrap();
    alice.send(named("one")).await.unwrap();
    match alice.send(named("two")).await {
        Err(SendError::Full(draft)) => assert_eq!(*draft, named("two")),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_draft_that_cannot_be_written_is_refused_and_holds_up_nothing() {
    let (server, url) = Shelf::new().open().await;
    let (alice, mut to_alice) = builder("alice").websocket(&url).start().await.unwrap();
    let mut huge = named("huge");
    huge.body.form = Form::Opaque;
    huge.body.bytes = Bytes::from(vec![0; 600 * 1024]);
    alice.send(huge).await.unwrap();
    alice.send(named("small")).await.unwrap();
    let refused = |event| match event {
        Event::Refused { draft, reason } => Some((draft.client_ref, reason)),
        _ => None,
    };
    assert_eq!(until(&mut to_alice, refused).await, (ClientRef::new("huge").ok(), Reject::TooLarge));
    assert_eq!(sent(&mut to_alice).await, "small");
    server.shutdown().await;
}

#[tokio::test]
async fn a_refused_sign_in_ends_the_client() {
    let (server, url) = Shelf::new().open().await;
    let (alice, mut to_alice) = builder("alice").token("not/alice").websocket(&url).start().await.unwrap();
    let ended = until(&mut to_alice, |event| match event {
        Event::Ended(reason) => Some(reason),
        _ => None,
    });
    assert_eq!(ended.await, CloseReason::Refused);
    assert!(to_alice.next_event().await.unwrap().is_none());
    assert!(matches!(alice.send(named("one")).await, Err(SendError::Closed(_))));
    server.shutdown().await;
}

#[tokio::test]
async fn the_same_device_again_replaces_the_first() {
    let (server, url) = Shelf::new().open().await;
    let (_first, mut to_first) = builder("alice").websocket(&url).start().await.unwrap();
    online(&mut to_first).await;
    let (_second, mut to_second) = builder("alice").websocket(&url).start().await.unwrap();
    online(&mut to_second).await;
    let ended = |event| matches!(event, Event::Ended(CloseReason::Replaced { .. })).then_some(());
    until(&mut to_first, ended).await;
    server.shutdown().await;
}

async fn start(way: &Way, name: &str) -> (Client, bimip_client::Events) {
    let way = way.clone();
    builder(name).connect(move || way.dial()).start().await.unwrap()
}

/// To Bob, named by its text.
fn named(text: &str) -> Draft {
    let client_ref = ClientRef::new(text).ok();
    Draft { client_ref, to: address("bob"), client_time: None, body: Body::text(text) }
}
