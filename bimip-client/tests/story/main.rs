//! Clients against a server in this process, on a port of its own. Nothing sleeps: every wait is for an event.
#![allow(clippy::unwrap_used, reason = "tests")]

mod dialects;
mod doors;
mod groups;
mod history;
mod reactions;
mod revisions;
mod statuses;
mod support;
mod users;

use bimip_client::{Client, Event, MemoryStore, Page, Progress, SendError, SessionEvent};
use bimip_proto::{Body, ClientRef, CloseReason, Device, DeviceName, Draft, Entry, Form, MessageId, Reject};
use bytes::Bytes;

use support::{
    Shelf, Way, address, builder, line, message, online, progress, row, sent, session, text, until, user,
};

// MISSION V11 A6
#[tokio::test]
async fn a_message_is_acknowledged_delivered_and_read() {
    let (server, url) = Shelf::new().open().await;
    let (alice, mut to_alice) = builder("alice").server(&url).start().await.unwrap();
    let (bob, mut to_bob) = builder("bob").server(&url).start().await.unwrap();

    let name = alice.send_text(address("bob"), "hello").await.unwrap();
    let sending = line(&mut to_alice, |_| true).await;
    assert_eq!((sending.client_ref(), sending.progress), (Some(&name), Progress::Sending));
    assert!(sending.position.is_on_its_way() && sending.message.head.id == MessageId::NONE);
    let sent = progress(&mut to_alice, Progress::Sent).await;
    assert_eq!((sent.client_ref(), text(&sent).as_str()), (Some(&name), "hello"));
    assert!(!sent.position.is_on_its_way() && sent.message.head.id != MessageId::NONE);

    let hello = message(&mut to_bob).await;
    assert_eq!((text(&hello), &hello.message.head.from.user), ("hello".to_owned(), &user("alice")));
    assert_eq!(hello.message.head.id, sent.message.head.id);
    assert_eq!(hello.message.head.at, sent.message.head.at, "the time is the server's");
    assert_eq!(progress(&mut to_alice, Progress::Delivered).await.client_ref(), Some(&name));

    bob.read(&hello).await.unwrap();
    assert_eq!(line(&mut to_bob, |line| !line.mine).await.progress, Progress::Read);
    assert_eq!(progress(&mut to_alice, Progress::Read).await.message.head.id, sent.message.head.id);

    alice.leave().await;
    assert!(to_alice.next_event().await.unwrap().is_none(), "nothing after a goodbye");
    server.shutdown().await;
}

#[tokio::test]
async fn a_server_restart_loses_nothing_and_doubles_nothing() {
    let shelf = Shelf::new();
    let (server, url) = shelf.open().await;
    let (way, bobs_way) = (Way::to(&url), Way::to(&url));
    let (alice, mut to_alice) = builder("alice").connect(way.clone()).start().await.unwrap();
    let (_bob, mut to_bob) = builder("bob").connect(bobs_way.clone()).start().await.unwrap();
    online(&mut to_alice).await;

    // The server stores them, as Bob sees; Alice does not hear that it did.
    way.deaf(true);
    for text in ["one", "two", "three"] {
        alice.send(named(text)).await.unwrap();
    }
    for expected in ["one", "two", "three"] {
        assert_eq!(text(&message(&mut to_bob).await), expected);
    }
    server.shutdown().await;
    session(&mut to_alice, |event| matches!(event, SessionEvent::Offline).then_some(())).await;
    alice.send(named("four")).await.unwrap();

    let (server, url) = shelf.open().await;
    way.deaf(false);
    way.moves(&url);
    bobs_way.moves(&url);
    // The receipts may come before the answers that were lost.
    let mut acknowledged = Vec::new();
    while acknowledged.len() < 4 {
        let line = line(&mut to_alice, |line| line.mine && !line.position.is_on_its_way()).await;
        if !acknowledged.contains(&text(&line)) {
            acknowledged.push(text(&line));
        }
    }
    assert_eq!(acknowledged, ["one", "two", "three", "four"], "in order");
    assert_eq!(text(&message(&mut to_bob).await), "four", "the others were there before");
    let lines = alice.history(&alice.conversation(&address("bob")), Page::last(9)).await.unwrap();
    assert_eq!(lines.iter().map(text).collect::<Vec<_>>(), ["one", "two", "three", "four"]);

    // A device that was never there before gets each message once.
    let laptop = Device::new(user("bob"), DeviceName::new("laptop").unwrap());
    let (_laptop, mut to_laptop) = Client::builder(laptop).server(&url).start().await.unwrap();
    for expected in ["one", "two", "three", "four"] {
        assert_eq!(text(&message(&mut to_laptop).await), expected);
    }
    server.shutdown().await;
}

#[tokio::test]
async fn an_app_with_rows_of_its_own_gets_them_until_it_has_them() {
    let (server, url) = Shelf::new().open().await;
    let (alice, mut to_alice) = builder("alice").server(&url).start().await.unwrap();
    alice.send(named("one")).await.unwrap();
    assert_eq!(sent(&mut to_alice).await, "one");

    let kept = MemoryStore::new();
    let start = || builder("bob").store(kept.clone()).own_history().server(&url).start();
    let (bob, mut to_bob) = start().await.unwrap();
    let first = row(&mut to_bob).await;
    bob.leave().await;
    let (bob, mut to_bob) = start().await.unwrap();
    assert_eq!(row(&mut to_bob).await, first, "it was not said to be stored");
    let Entry::Message(message) = &*first.entry else { panic!("a message") };
    bob.stored(message.head.id.epoch() + 1, first.offset).await.unwrap();
    bob.stored(message.head.id.epoch(), first.offset).await.unwrap();
    progress(&mut to_alice, Progress::Delivered).await;
    let lines = bob.history(&bob.conversation(&address("alice")), Page::last(9)).await.unwrap();
    assert_eq!(lines, [], "the app keeps them");

    bob.send_text(address("alice"), "two").await.unwrap();
    session(&mut to_bob, |event| {
        matches!(event, SessionEvent::Sent { client_ref: Some(_), .. }).then_some(())
    })
    .await;
    bob.leave().await;
    let (_bob, mut to_bob) = start().await.unwrap();
    let mut rows = 0;
    session(&mut to_bob, |event| {
        rows += u32::from(matches!(event, SessionEvent::Received(_)));
        matches!(event, SessionEvent::Resumed(_)).then_some(())
    })
    .await;
    assert_eq!(rows, 0, "nothing comes again");
    server.shutdown().await;
}

#[tokio::test]
async fn an_app_that_falls_behind_loses_nothing() {
    const MESSAGES: usize = 600;
    let (server, url) = Shelf::new().open().await;
    let (_bob, mut to_bob) = builder("bob").server(&url).start().await.unwrap();
    let (alice, mut to_alice) = builder("alice").server(&url).start().await.unwrap();
    for number in 0..MESSAGES {
        alice.send_text(address("bob"), &number.to_string()).await.unwrap();
    }
    // Alice's app does not listen either, until it has said all.
    for number in 0..MESSAGES {
        assert_eq!(sent(&mut to_alice).await, number.to_string());
    }
    for number in 0..MESSAGES {
        assert_eq!(text(&message(&mut to_bob).await), number.to_string());
    }
    server.shutdown().await;
}

#[tokio::test]
async fn a_full_outbox_gives_the_draft_back() {
    let small = builder("alice").config(|config| config.unacked_drafts = 2).connect(nowhere);
    let (alice, _events) = small.start().await.unwrap();
    alice.send(named("one")).await.unwrap();
    match alice.send(named("one")).await {
        Err(SendError::Named(draft)) => assert_eq!(*draft, named("one")),
        other => panic!("{other:?}"),
    }
    alice.send(named("two")).await.unwrap();
    match alice.send(named("three")).await {
        Err(SendError::Full(draft)) => assert_eq!(*draft, named("three")),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_draft_that_cannot_be_written_is_refused_and_holds_up_nothing() {
    let (server, url) = Shelf::new().open().await;
    let (alice, mut to_alice) = builder("alice").server(&url).start().await.unwrap();
    let mut huge = named("huge");
    huge.body.form = Form::Opaque;
    huge.body.bytes = Bytes::from(vec![0; 600 * 1024]);
    alice.send(huge).await.unwrap();
    alice.send(named("small")).await.unwrap();
    let failed = progress(&mut to_alice, Progress::Failed(Reject::TooLarge)).await;
    assert_eq!(failed.client_ref(), ClientRef::new("huge").ok().as_ref());
    assert_eq!(sent(&mut to_alice).await, "small");
    server.shutdown().await;
}

#[tokio::test]
async fn a_refused_sign_in_waits_for_a_better_token() {
    let (server, url) = Shelf::new().open().await;
    let (alice, mut to_alice) = builder("alice").token("not/alice").server(&url).start().await.unwrap();
    let ended = session(&mut to_alice, |event| match event {
        SessionEvent::Ended(reason) => Some(reason),
        _ => None,
    });
    assert_eq!(ended.await, CloseReason::Refused);
    alice.send(named("one")).await.unwrap();
    alice.renew("alice", None).await.unwrap();
    assert_eq!(sent(&mut to_alice).await, "one");
    server.shutdown().await;
}

#[tokio::test]
async fn the_same_device_again_replaces_the_first() {
    let (server, url) = Shelf::new().open().await;
    let (_first, mut to_first) = builder("alice").server(&url).start().await.unwrap();
    online(&mut to_first).await;
    let (_second, mut to_second) = builder("alice").server(&url).start().await.unwrap();
    online(&mut to_second).await;
    let ended = |event| matches!(event, SessionEvent::Ended(CloseReason::Replaced { .. })).then_some(());
    session(&mut to_first, ended).await;
    server.shutdown().await;
}

#[tokio::test]
async fn nobody_there_is_said_and_tried_again() {
    let (alice, mut to_alice) = builder("alice").connect(refusing).start().await.unwrap();
    for _ in 0..3 {
        let said = until(&mut to_alice, |event| match event {
            Event::Unreachable(error) => Some(error.to_string()),
            _ => None,
        });
        assert_eq!(said.await, "nobody there");
    }
    alice.leave().await;
}

async fn refusing() -> std::io::Result<bimip_client::Socket> {
    Err(std::io::Error::other("nobody there"))
}

async fn nowhere() -> std::io::Result<bimip_client::Socket> {
    std::future::pending().await
}

/// To Bob, named by its text.
fn named(text: &str) -> Draft {
    let client_ref = ClientRef::new(text).ok();
    Draft { client_ref, to: address("bob"), client_time: None, body: Body::text(text) }
}
