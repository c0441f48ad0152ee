//! Every dialect by configuration, with a peer of `bimip.v1` at the other end.

use bimip_client::{Dialect, Event, MemoryStore, Page, Progress, SessionEvent, TalkEnd};
use bimip_proto::{BodyKind, Floor, MessageId};
use bytes::Bytes;

use super::nowhere;
use super::support::{
    Shelf, Way, address, builder, line, message, online, progress, session, text, until, user,
};

async fn up(events: &mut bimip_client::Events) {
    session(events, |event| matches!(event, SessionEvent::Online).then_some(())).await;
}

// MISSION V11
// VP-ACK-1, VP-RECEIPT-2, VP-TEXT-3
#[tokio::test]
async fn a_walkie_talkie_sends_and_is_told_what_became_of_it() {
    let (server, url) = Shelf::new().open().await;
    let walkie = builder("alice").dialect(Dialect::VoicePing).server(&url);
    let (alice, mut to_alice) = walkie.start().await.unwrap();
    let (bob, mut to_bob) = builder("bob").server(&url).start().await.unwrap();
    online(&mut to_bob).await;
    up(&mut to_alice).await;

    let name = alice.send_text(address("bob"), "over").await.unwrap();
    let sent = progress(&mut to_alice, Progress::Sent).await;
    assert_eq!(sent.client_ref(), Some(&name), "the dialect gives no name back, the client does");
    let here = message(&mut to_bob).await;
    assert_eq!(text(&here), "over");
    assert_eq!(sent.message.head.stamp.0, sent.message.head.at.0);
    assert!(sent.message.head.alias().to_string().starts_with("1_17_bob_alice_"), "the server's id and time");
    assert_eq!(progress(&mut to_alice, Progress::Delivered).await.client_ref(), Some(&name));
    bob.read(&here).await.unwrap();
    assert_eq!(progress(&mut to_alice, Progress::Read).await.client_ref(), Some(&name));

    // The other way: id and time are those of the payload, the arrival is acknowledged at once.
    bob.send_text(address("alice"), "roger").await.unwrap();
    let roger = message(&mut to_alice).await;
    assert_eq!(text(&roger), "roger");
    let id = roger.message.head.alias().to_string();
    assert!(id.starts_with("1_17_alice_bob_") && roger.message.head.at.0 > 0, "{id}");
    progress(&mut to_bob, Progress::Delivered).await;
    alice.read(&roger).await.unwrap();
    progress(&mut to_bob, Progress::Read).await;
    server.shutdown().await;
}

// MISSION V11
// VP-TALK-2, VP-TALK-4, BM-BODY-1
#[tokio::test]
async fn a_talk_becomes_a_message() {
    let (server, url) = Shelf::new().open().await;
    let walkie = |name| builder(name).dialect(Dialect::VoicePing).server(&url).start();
    let (alice, mut to_alice) = walkie("alice").await.unwrap();
    let (bob, mut to_bob) = builder("bob").server(&url).start().await.unwrap();
    online(&mut to_bob).await;
    up(&mut to_alice).await;

    alice.press(address("bob")).await.unwrap();
    let granted = |event| matches!(event, SessionEvent::Floor(Floor::Granted { .. })).then_some(());
    session(&mut to_alice, granted).await;
    assert!(alice.voice(Bytes::from_static(&[0xc4, 4, 0xde, 0xad, 0xbe, 0xef])).await.unwrap());
    alice.release().await.unwrap();
    let (mut kept, mut shown) = (None, None);
    while kept.is_none() || shown.is_none() {
        match to_alice.next_event().await.unwrap().unwrap() {
            Event::Session(SessionEvent::TalkEnded { end: TalkEnd::Kept(head), .. }) => kept = Some(head),
            Event::Message(line) if line.progress == Progress::Sent => shown = Some(line),
            _ => {}
        }
    }
    let (kept, shown) = (kept.unwrap(), shown.unwrap());
    assert_eq!(shown.message.head.alias().to_string(), kept.alias().to_string());
    assert!(matches!(shown.message.head.kind, BodyKind::Voice { .. }) && shown.mine);

    let here = message(&mut to_bob).await;
    assert!(here.message.body.bytes.starts_with(br#"{"kind":"voice""#), "{:?}", here.message.body.bytes);
    assert_eq!(progress(&mut to_alice, Progress::Delivered).await.position, shown.position);
    bob.read(&here).await.unwrap();
    progress(&mut to_alice, Progress::Read).await;
    server.shutdown().await;
}

// SI-VP-1, DM-BAR-1: the transport answers the questions whether everything has arrived.
#[tokio::test]
async fn a_walkie_talkie_comes_back_to_what_it_missed_and_to_nothing_else() {
    let (server, url) = Shelf::new().open().await;
    let kept = MemoryStore::new();
    let start = || builder("alice").dialect(Dialect::VoicePing).store(kept.clone()).server(&url).start();
    let (bob, mut to_bob) = builder("bob").server(&url).start().await.unwrap();
    for round in 0..3 {
        bob.send_text(address("alice"), &format!("missed {round}")).await.unwrap();
        let (alice, mut to_alice) = start().await.unwrap();
        assert_eq!(text(&message(&mut to_alice).await), format!("missed {round}"));
        progress(&mut to_bob, Progress::Delivered).await;
        alice.leave().await;
    }
    let (alice, _events) =
        builder("alice").dialect(Dialect::VoicePing).store(kept).connect(nowhere).start().await.unwrap();
    let lines = alice.history(&alice.conversation(&address("bob")), Page::last(9)).await.unwrap();
    assert_eq!(lines.iter().map(text).collect::<Vec<_>>(), ["missed 0", "missed 1", "missed 2"]);
    server.shutdown().await;
}

#[tokio::test]
async fn a_walkie_talkie_does_not_say_twice_what_it_may_have_said() {
    let shelf = Shelf::new();
    let (server, url) = shelf.open().await;
    let (way, kept) = (Way::to(&url), MemoryStore::new());
    let walkie = || builder("alice").dialect(Dialect::VoicePing).store(kept.clone());
    let (alice, mut to_alice) = walkie().connect(way.clone()).start().await.unwrap();
    let (_bob, mut to_bob) = builder("bob").server(&url).start().await.unwrap();
    up(&mut to_alice).await;
    way.deaf(true);
    let name = alice.send_text(address("bob"), "once").await.unwrap();
    assert_eq!(text(&message(&mut to_bob).await), "once");
    alice.leave().await;

    // It does not know whether that was heard; its user decides.
    let (alice, mut to_alice) = walkie().server(&url).start().await.unwrap();
    let unsure = line(&mut to_alice, |line| line.mine).await;
    assert_eq!((unsure.client_ref(), unsure.progress), (Some(&name), Progress::Unsure));
    alice.send_text(address("bob"), "twice").await.unwrap();
    assert_eq!(text(&message(&mut to_bob).await), "twice", "nothing was said again by itself");
    alice.discard(name).await.unwrap();

    // What was never on the wire is said, and so is what was read meanwhile.
    alice.leave().await;
    let (alice, _events) = walkie().connect(nowhere).start().await.unwrap();
    alice.send_text(address("bob"), "thrice").await.unwrap();
    alice.leave().await;
    let (_alice, _to_alice) = walkie().server(&url).start().await.unwrap();
    assert_eq!(text(&message(&mut to_bob).await), "thrice");
    server.shutdown().await;
}

#[tokio::test]
async fn a_walkie_talkie_says_later_what_it_read_offline() {
    let (server, url) = Shelf::new().open().await;
    let kept = MemoryStore::new();
    let walkie = || builder("alice").dialect(Dialect::VoicePing).store(kept.clone());
    let (bob, mut to_bob) = builder("bob").server(&url).start().await.unwrap();
    bob.send_text(address("alice"), "read me").await.unwrap();
    let (alice, mut to_alice) = walkie().server(&url).start().await.unwrap();
    let line = message(&mut to_alice).await;
    progress(&mut to_bob, Progress::Delivered).await;
    alice.leave().await;
    let (alice, _events) = walkie().connect(nowhere).start().await.unwrap();
    alice.read(&line).await.unwrap();
    alice.leave().await;
    let (_alice, _to_alice) = walkie().server(&url).start().await.unwrap();
    progress(&mut to_bob, Progress::Read).await;
    server.shutdown().await;
}

// BD-SEND-1, BD-ACK-1, BD-COMMIT-1, BD-MARK-1, BD-RECEIPT-1
#[tokio::test]
async fn a_deployed_client_sends_and_is_told_what_became_of_it() {
    let (server, url) = Shelf::new().open().await;
    let kept = MemoryStore::new();
    let start = || builder("alice").dialect(Dialect::Deployed).store(kept.clone()).server(&url).start();
    let (alice, mut to_alice) = start().await.unwrap();
    let (bob, mut to_bob) = builder("bob").server(&url).start().await.unwrap();
    online(&mut to_bob).await;
    let name = alice.send_text(address("bob"), "hello").await.unwrap();
    let sent = progress(&mut to_alice, Progress::Sent).await;
    assert_eq!((sent.client_ref(), sent.message.head.seq.0), (Some(&name), 1));
    assert_eq!(sent.message.head.id, MessageId::NONE, "it names messages by their place");
    let here = message(&mut to_bob).await;
    assert_eq!((text(&here), &here.message.head.from.user), ("hello".to_owned(), &user("alice")));
    progress(&mut to_alice, Progress::Delivered).await;
    bob.read(&here).await.unwrap();
    progress(&mut to_alice, Progress::Read).await;

    for text in ["one", "two"] {
        bob.send_text(address("alice"), text).await.unwrap();
    }
    let one = message(&mut to_alice).await;
    let two = message(&mut to_alice).await;
    assert_eq!((text(&one), text(&two)), ("one".to_owned(), "two".to_owned()));
    line(&mut to_bob, |line| line.progress == Progress::Delivered && text(line) == "two").await;
    alice.read(&two).await.unwrap();
    line(&mut to_bob, |line| line.progress == Progress::Read && text(line) == "two").await;
    alice.leave().await;

    // What it has committed does not come again; the history is in the order of the conversation.
    bob.send_text(address("alice"), "three").await.unwrap();
    let (alice, mut to_alice) = start().await.unwrap();
    assert_eq!(text(&message(&mut to_alice).await), "three");
    let lines = alice.history(&alice.conversation(&address("bob")), Page::last(9)).await.unwrap();
    assert_eq!(lines.iter().map(text).collect::<Vec<_>>(), ["hello", "one", "two", "three"]);
    server.shutdown().await;
}

#[tokio::test]
async fn a_token_that_headers_carry_is_refused_before_the_first_frame() {
    let (server, url) = Shelf::new().open().await;
    for dialect in [Dialect::VoicePing, Dialect::Deployed] {
        let wrong = builder("alice").dialect(dialect).token("not/alice").server(&url);
        let (alice, mut to_alice) = wrong.start().await.unwrap();
        let said = until(&mut to_alice, |event| match event {
            Event::Unreachable(error) => Some(error.to_string()),
            _ => None,
        });
        let said = said.await;
        assert!(said.contains("the sign-in was refused (401"), "{said}");
        alice.renew("alice", None).await.unwrap();
        up(&mut to_alice).await;
    }
    server.shutdown().await;
}

// MISSION A4
// CH-STORE-2, CH-ACK-1, CH-RCP-2
#[tokio::test]
async fn a_chat_client_sends_and_is_told_what_became_of_it() {
    let (server, url) = Shelf::new().open().await;
    let (alice, mut to_alice) = builder("alice").dialect(Dialect::Chat).server(&url).start().await.unwrap();
    let (bob, mut to_bob) = builder("bob").server(&url).start().await.unwrap();
    online(&mut to_alice).await;
    online(&mut to_bob).await;

    let name = alice.send_text(address("bob"), "hello").await.unwrap();
    let sent = progress(&mut to_alice, Progress::Sent).await;
    assert_eq!(sent.client_ref(), Some(&name));
    let here = message(&mut to_bob).await;
    assert_eq!((text(&here).as_str(), here.message.head.id), ("hello", sent.message.head.id));
    assert_eq!(progress(&mut to_alice, Progress::Delivered).await.client_ref(), Some(&name));
    bob.read(&here).await.unwrap();
    assert_eq!(progress(&mut to_alice, Progress::Read).await.client_ref(), Some(&name));

    bob.send_text(address("alice"), "and you?").await.unwrap();
    let heard = message(&mut to_alice).await;
    assert_eq!(text(&heard), "and you?");
    progress(&mut to_bob, Progress::Delivered).await;
    alice.read(&heard).await.unwrap();
    progress(&mut to_bob, Progress::Read).await;
    server.shutdown().await;
}
