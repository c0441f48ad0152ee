//! Messages that are edited and deleted: said until it is done, and shown so wherever they are.

use bimip_client::{DiskStore, Page, SessionEvent};
use bimip_proto::Reject;
use tempfile::TempDir;

use super::nowhere;
use super::support::{Shelf, address, builder, line, message, online, sent, session, text};

// MISSION M3 A6
// DM-REV-2, DM-REV-3, CL-OUT-5
#[tokio::test]
async fn edits_and_deletions_outlive_the_app_and_change_every_history() {
    let folder = TempDir::new().unwrap();
    let shelf = Shelf::new();
    let (server, url) = shelf.open().await;
    let open = || DiskStore::open(folder.path()).unwrap();
    let (alice, mut to_alice) = builder("alice").store(open()).server(&url).start().await.unwrap();
    let (bob, mut to_bob) = builder("bob").server(&url).start().await.unwrap();
    for said in ["helo", "oh no"] {
        alice.send_text(address("bob"), said).await.unwrap();
        assert_eq!(sent(&mut to_alice).await, said);
        assert_eq!(text(&message(&mut to_bob).await), said);
    }
    alice.leave().await;

    // Said without a connection, and kept over a restart.
    let (alice, _) = builder("alice").store(open()).connect(nowhere).start().await.unwrap();
    let with_bob = alice.conversation(&address("bob"));
    let lines = alice.history(&with_bob, Page::last(9)).await.unwrap();
    alice.edit(&lines[0], "hello").await.unwrap();
    alice.delete(&lines[1]).await.unwrap();
    alice.leave().await;
    let (alice, mut to_alice) = builder("alice").store(open()).server(&url).start().await.unwrap();

    for events in [&mut to_alice, &mut to_bob] {
        assert_eq!(text(&line(events, |line| line.edition == 1 && !line.deleted).await), "hello");
        assert_eq!(line(events, |line| line.deleted).await.text(), None);
    }
    for client in [&alice, &bob] {
        let conversation = client.conversations(9).await.unwrap().remove(0);
        let lines = client.history(&conversation.id, Page::last(9)).await.unwrap();
        let shown: Vec<_> = lines.iter().map(|line| (line.text(), line.edition, line.deleted)).collect();
        assert_eq!(shown, [(Some("hello".to_owned()), 1, false), (None, 1, true)]);
        assert_eq!(conversation.unread, u64::from(!lines[0].mine), "what is deleted does not count");
    }

    // What is deleted stays so, and the author hears of it.
    let gone = alice.history(&with_bob, Page::last(1)).await.unwrap().remove(0);
    alice.edit(&gone, "again").await.unwrap();
    let reason = session(&mut to_alice, |event| match event {
        SessionEvent::RevisionRefused { reason, .. } => Some(reason),
        _ => None,
    });
    assert_eq!(reason.await, Reject::Deleted);
    alice.leave().await;
    let (alice, mut to_alice) = builder("alice").store(open()).server(&url).start().await.unwrap();
    online(&mut to_alice).await;
    let lines = alice.history(&with_bob, Page::last(9)).await.unwrap();
    assert_eq!((lines[0].edition, lines[1].deleted), (1, true), "nothing was said twice");
    server.shutdown().await;
}
