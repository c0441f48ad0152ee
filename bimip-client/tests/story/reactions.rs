//! Reactions, and messages of a kind: said until it is done, and shown so wherever they are.

use bimip_client::{DiskStore, MarkError, Page, SendError, SessionEvent};
use bimip_proto::{Attachment, AttachmentKind, BodyKind, Content, Emoji, Reject};
use tempfile::TempDir;

use super::nowhere;
use super::support::{Shelf, address, builder, line, message, sent, session, text};

fn shown(line: &bimip_client::Line) -> Vec<(String, u32, bool)> {
    line.reactions.iter().map(|it| (it.emoji.to_string(), it.count, it.mine)).collect()
}

// MISSION M3 A6
// DM-RCT-2, DM-RCT-5, CL-OUT-5
#[tokio::test]
async fn reactions_outlive_the_app_and_change_every_history() {
    let folder = TempDir::new().unwrap();
    let shelf = Shelf::new();
    let (server, url) = shelf.open().await;
    let open = || DiskStore::open(folder.path()).unwrap();
    let (alice, mut to_alice) = builder("alice").store(open()).server(&url).start().await.unwrap();
    let (bob, mut to_bob) = builder("bob").server(&url).start().await.unwrap();
    alice.send_text(address("bob"), "hello").await.unwrap();
    assert_eq!(sent(&mut to_alice).await, "hello");
    let hello = message(&mut to_bob).await;
    let [thumb, party] = ["👍", ":tada:"].map(|text| Emoji::new(text).unwrap());
    bob.react(&hello, thumb.clone()).await.unwrap();
    let one = line(&mut to_alice, |line| !line.reactions.is_empty()).await;
    assert_eq!(shown(&one), [("👍".to_owned(), 1, false)]);
    alice.leave().await;

    // Said without a connection, and kept over a restart.
    let (alice, _) = builder("alice").store(open()).connect(nowhere).start().await.unwrap();
    let with_bob = alice.conversation(&address("bob"));
    let lines = alice.history(&with_bob, Page::last(9)).await.unwrap();
    assert_eq!(shown(&lines[0]), shown(&one), "the store has it");
    alice.react(&lines[0], party.clone()).await.unwrap();
    alice.react(&lines[0], thumb.clone()).await.unwrap();
    alice.unreact(&lines[0], party).await.unwrap();
    alice.leave().await;
    let (alice, mut to_alice) = builder("alice").store(open()).server(&url).start().await.unwrap();
    let both = |mine| [("👍".to_owned(), 2, mine)];
    let ended = |line: &bimip_client::Line| shown(line) == both(true);
    line(&mut to_alice, ended).await;
    line(&mut to_bob, ended).await;
    for client in [&alice, &bob] {
        let conversation = client.conversations(9).await.unwrap().remove(0);
        let lines = client.history(&conversation.id, Page::last(9)).await.unwrap();
        assert_eq!(shown(&lines[0]), both(true));
    }

    // With the message they are gone, and nobody reacts to what is deleted.
    let last = alice.history(&with_bob, Page::last(1)).await.unwrap().remove(0);
    alice.delete(&last).await.unwrap();
    for events in [&mut to_alice, &mut to_bob] {
        assert_eq!(shown(&line(events, |line| line.deleted).await), []);
    }
    bob.react(&hello, thumb).await.unwrap();
    let reason = session(&mut to_bob, |event| match event {
        SessionEvent::ReactionRefused { reason, .. } => Some(reason),
        _ => None,
    });
    assert_eq!(reason.await, Reject::Deleted);
    server.shutdown().await;
}

// MISSION M1
// DM-REV-7, CT-KIND-1
#[tokio::test]
async fn a_message_says_its_kind_and_keeps_it() {
    let folder = TempDir::new().unwrap();
    let (server, url) = Shelf::new().open().await;
    let open = || DiskStore::open(folder.path()).unwrap();
    let (alice, mut to_alice) = builder("alice").store(open()).server(&url).start().await.unwrap();
    let (_bob, mut to_bob) = builder("bob").server(&url).start().await.unwrap();
    let attachments = vec![Attachment::new(AttachmentKind::Image, "https://x/cat.jpg")];
    let picture = Content { attachments, ..Content::text("my cta") };
    match alice.send_content(address("bob"), BodyKind::Sticker, &picture).await {
        Err(SendError::Content(error)) => assert_eq!(error.field, "payload.text"),
        other => panic!("{other:?}"),
    }
    alice.send_content(address("bob"), BodyKind::Image, &picture).await.unwrap();
    sent(&mut to_alice).await;
    let came = message(&mut to_bob).await;
    assert_eq!(
        (came.message.body.kind, came.content(), text(&came)),
        (BodyKind::Image, Some(picture.clone()), "my cta".into())
    );

    let with_bob = alice.conversation(&address("bob"));
    let kept = alice.history(&with_bob, Page::last(1)).await.unwrap().remove(0);
    assert_eq!(kept.content(), Some(picture.clone()));
    alice.edit(&kept, "my cat").await.unwrap();
    let edited = line(&mut to_bob, |line| line.edition == 1).await;
    let expected = Content { text: "my cat".into(), ..picture };
    assert_eq!((edited.message.body.kind, edited.content()), (BodyKind::Image, Some(expected.clone())));
    assert!(matches!(alice.edit_content(&kept, &Content::default()).await, Err(MarkError::Content(_))));
    alice.leave().await;
    let (alice, _) = builder("alice").store(open()).connect(nowhere).start().await.unwrap();
    let kept = alice.history(&with_bob, Page::last(1)).await.unwrap().remove(0);
    assert_eq!((kept.edition, kept.content()), (1, Some(expected)), "the store keeps it");
    server.shutdown().await;
}
