//! What users keep: said until it is done, and asked for where it is kept.

use bimip_client::{AskError, DiskStore, SessionEvent};
use bimip_proto::{Ask, Entry, Found, Reject, Saved, UserAct, UserNews};
use tempfile::TempDir;

use super::nowhere;
use super::support::{Shelf, address, builder, online, sent, session, user};

// MISSION A12 A6
// CL-OUT-8, DM-USR-1
#[tokio::test]
async fn commands_about_the_user_outlive_the_app_and_reach_its_other_devices() {
    let folder = TempDir::new().unwrap();
    let (server, url) = Shelf::new().open().await;
    let open = || DiskStore::open(folder.path()).unwrap();
    // Said without a connection, and kept over a restart.
    let (alice, _) = builder("alice").store(open()).connect(nowhere).start().await.unwrap();
    let saved = Saved { user: user("bob"), name: "Bobby".into() };
    let name = alice.user(UserAct::Save(saved.clone())).await.unwrap();
    let blocked = alice.user(UserAct::Block(user("carl"))).await.unwrap();
    alice.leave().await;

    let device = bimip_proto::Device::new(user("alice"), bimip_proto::DeviceName::new("other").unwrap());
    let other = bimip_client::Client::builder(device).token("alice").server(&url);
    let (_other, mut to_other) = other.start().await.unwrap();
    online(&mut to_other).await;
    let (alice, mut to_alice) = builder("alice").store(open()).server(&url).start().await.unwrap();
    let mut done = Vec::new();
    for _ in 0..2 {
        let changed = session(&mut to_alice, |event| match event {
            SessionEvent::UserChanged { command, .. } => Some(command.client_ref),
            _ => None,
        });
        done.push(changed.await);
    }
    assert_eq!(done, [name, blocked], "under the names that they were given");
    let news = session(&mut to_other, |event| match event {
        SessionEvent::Received(row) => match &*row.entry {
            Entry::User(change) => Some(change.what.clone()),
            _ => None,
        },
        _ => None,
    });
    assert_eq!(news.await, UserNews::Saved(saved));
    alice.leave().await;
    let (alice, mut to_alice) = builder("alice").store(open()).server(&url).start().await.unwrap();
    online(&mut to_alice).await;
    let too_long = UserAct::EditProfile { name: Some("x".repeat(256).into()), about: None, avatar: None };
    alice.user(too_long).await.unwrap();
    let answer = session(&mut to_alice, |event| match event {
        SessionEvent::UserRefused { reason, .. } => Some(reason),
        SessionEvent::UserChanged { command, .. } => panic!("{command:?} was said twice"),
        _ => None,
    });
    assert!(matches!(answer.await, Reject::Field(_)));
    server.shutdown().await;
}

// MISSION A12
// DM-USR-3, BM-QRY-5
#[tokio::test]
async fn an_answer_comes_to_who_asked_or_an_error_does() {
    let (server, url) = Shelf::new().open().await;
    let (alice, _) = builder("alice").connect(nowhere).start().await.unwrap();
    assert_eq!(alice.ask(Ask::Devices).await, Err(AskError::Offline));
    let (bob, mut to_bob) = builder("bob").server(&url).start().await.unwrap();
    online(&mut to_bob).await;
    assert_eq!(bob.ask(Ask::Profile(user("alice"))).await, Ok(Found::Profile(None)));
    bob.send_text(address("alice"), "hello").await.unwrap();
    let said = sent(&mut to_bob).await;
    assert_eq!(said, "hello");
    let answers: Vec<_> = (0..3).map(|_| bob.ask(Ask::Profile(user("alice")))).collect();
    for answer in answers {
        let Ok(Found::Profile(Some(found))) = answer.await else { panic!() };
        assert_eq!(found.edition, 0);
    }
    let Ok(Found::Conversations { conversations, .. }) = bob.ask(Ask::Conversation(address("alice"))).await
    else {
        panic!()
    };
    assert_eq!(conversations.len(), 1);
    server.shutdown().await;
    // The connection is gone, or going: an error says so, and nothing waits for ever.
    assert!(bob.ask(Ask::Devices).await.is_err());
}
