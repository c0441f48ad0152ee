//! What a device keeps: read and written without a connection, over restarts of the client.

use std::sync::atomic::{AtomicU32, Ordering};

use bimip_client::store::{Change, Scan};
use bimip_client::{Client, DiskStore, Line, MemoryStore, Page, Progress, Store, StoreError};
use bimip_proto::{Address, Device, DeviceName};
use bimip_session::client::view::HistoryItem;
use tempfile::TempDir;

use super::support::{Shelf, Way, address, builder, line, message, online, progress, sent, text, user};
use super::{named, nowhere};

async fn lines(client: &Client, with: &str, page: Page) -> Vec<Line> {
    client.history(&client.conversation(&address(with)), page).await.unwrap()
}

async fn texts(client: &Client, with: &str) -> Vec<(String, String)> {
    let lines = lines(client, with, Page::last(99)).await;
    lines.iter().map(|line| (text(line), line.progress.to_string())).collect()
}

fn words<const N: usize>(pairs: [(&str, &str); N]) -> Vec<(String, String)> {
    pairs.map(|(text, progress)| (text.to_owned(), progress.to_owned())).into()
}

// MISSION A6
#[tokio::test]
async fn composed_offline_read_offline_and_synced_after_a_restart() {
    let folder = TempDir::new().unwrap();
    let shelf = Shelf::new();
    let open = || DiskStore::open(folder.path()).unwrap();
    let (alice, _events) = builder("alice").store(open()).connect(nowhere).start().await.unwrap();
    let name = alice.send_text(address("bob"), "one").await.unwrap();
    alice.send_text(address("bob"), "two").await.unwrap();
    assert_eq!(texts(&alice, "bob").await, words([("one", "sending"), ("two", "sending")]));
    alice.leave().await;

    // After a restart without a connection all of it is there.
    let (alice, _events) = builder("alice").store(open()).connect(nowhere).start().await.unwrap();
    assert_eq!(texts(&alice, "bob").await, words([("one", "sending"), ("two", "sending")]));
    alice.send_text(address("bob"), "three").await.unwrap();
    alice.leave().await;

    let (server, url) = shelf.open().await;
    let (alice, mut to_alice) = builder("alice").store(open()).server(&url).start().await.unwrap();
    for expected in ["one", "two", "three"] {
        assert_eq!(sent(&mut to_alice).await, expected, "once, in order");
    }
    let one = alice.message(name.clone()).await.unwrap().unwrap();
    assert_eq!((text(&one), one.client_ref()), ("one".to_owned(), Some(&name)));
    assert!(!one.message.head.id.is_none(), "the name of this device leads to the server's");

    let (bob, mut to_bob) = builder("bob").server(&url).start().await.unwrap();
    for expected in ["one", "two", "three"] {
        let line = message(&mut to_bob).await;
        assert_eq!(text(&line), expected);
        bob.read(&line).await.unwrap();
    }
    line(&mut to_alice, |line| text(line) == "three" && line.progress == Progress::Read).await;
    bob.send_text(address("alice"), "four").await.unwrap();
    assert_eq!(text(&message(&mut to_alice).await), "four");
    alice.leave().await;
    server.shutdown().await;

    let (alice, _events) = builder("alice").store(open()).connect(nowhere).start().await.unwrap();
    let expected = words([("one", "read"), ("two", "read"), ("three", "read"), ("four", "delivered")]);
    assert_eq!(texts(&alice, "bob").await, expected);
}

#[tokio::test]
async fn pages_go_both_ways_without_a_gap() {
    let (server, url) = Shelf::new().open().await;
    let (alice, mut to_alice) = builder("alice").server(&url).start().await.unwrap();
    for number in 0..25 {
        alice.send_text(address("bob"), &number.to_string()).await.unwrap();
    }
    for _ in 0..25 {
        sent(&mut to_alice).await;
    }
    let all = lines(&alice, "bob", Page::last(99)).await;
    assert!(all.iter().map(text).eq((0..25).map(|number| number.to_string())));

    let mut page = lines(&alice, "bob", Page::last(7)).await;
    let mut back = Vec::new();
    while let Some(first) = page.first() {
        let before = Page::before(first.position, 7);
        back.splice(..0, page);
        page = lines(&alice, "bob", before).await;
    }
    assert_eq!(back, all);
    let mut forth = vec![all[0].clone()];
    while let Some(last) = forth.last() {
        let page = lines(&alice, "bob", Page::after(last.position, 7)).await;
        if page.is_empty() {
            break;
        }
        forth.extend(page);
    }
    assert_eq!(forth, all);
    server.shutdown().await;
}

#[tokio::test]
async fn the_list_of_conversations_knows_what_is_new_and_unread() {
    let (server, url) = Shelf::new().open().await;
    let (ann, mut to_ann) = builder("ann").server(&url).start().await.unwrap();
    let (bob, mut to_bob) = builder("bob").server(&url).start().await.unwrap();
    let (eve, _to_eve) = builder("eve").server(&url).start().await.unwrap();
    for text in ["one", "two", "three"] {
        bob.send_text(address("ann"), text).await.unwrap();
    }
    let mut of_bob = Vec::new();
    for _ in 0..3 {
        of_bob.push(message(&mut to_ann).await);
    }
    eve.send_text(address("ann"), "psst").await.unwrap();
    message(&mut to_ann).await;
    let list = |client: Client| async move {
        let list = client.conversations(9).await.unwrap();
        let entry = |it: &bimip_client::Conversation| (text(&it.last), it.unread);
        list.iter().map(entry).collect::<Vec<_>>()
    };
    assert_eq!(list(ann.clone()).await, [("psst".to_owned(), 1), ("three".to_owned(), 3)]);

    // DM-UNREAD-1: what stands before a message that was read is read.
    ann.read(&of_bob[1]).await.unwrap();
    assert_eq!(list(ann.clone()).await[1], ("three".to_owned(), 1));
    // What this user writes is read, too, and brings the conversation to the top.
    ann.send_text(address("bob"), "four").await.unwrap();
    assert_eq!(list(ann.clone()).await[0].0, "four");
    progress(&mut to_ann, Progress::Sent).await;
    assert_eq!(list(ann.clone()).await, [("four".to_owned(), 0), ("psst".to_owned(), 1)]);
    message(&mut to_bob).await;
    server.shutdown().await;
}

#[tokio::test]
async fn devices_of_one_user_see_what_the_others_wrote_and_read() {
    let (server, url) = Shelf::new().open().await;
    let (bob, mut to_bob) = builder("bob").server(&url).start().await.unwrap();
    let (phone, mut to_phone) = builder("ann").server(&url).start().await.unwrap();
    let laptop = Device::new(user("ann"), DeviceName::new("laptop").unwrap());
    let (laptop, mut to_laptop) = Client::builder(laptop).server(&url).start().await.unwrap();
    online(&mut to_laptop).await;

    phone.send_text(address("bob"), "from my phone").await.unwrap();
    let copy = line(&mut to_laptop, |line| line.mine).await;
    assert_eq!((text(&copy).as_str(), copy.message.head.from.name.as_str()), ("from my phone", "phone"));
    bob.read(&message(&mut to_bob).await).await.unwrap();
    let read = progress(&mut to_laptop, Progress::Read).await;
    assert!(read.marks_by.iter().map(|(by, _)| by).eq([&user("bob")]), "{:?}", read.marks_by);
    assert_eq!(HistoryItem::from(read.clone()).marks, read.marks_by, "a view is told the same");

    bob.send_text(address("ann"), "to both").await.unwrap();
    let here = message(&mut to_phone).await;
    message(&mut to_laptop).await;
    phone.read(&here).await.unwrap();
    let read = line(&mut to_laptop, |line| !line.mine && line.progress == Progress::Read).await;
    assert_eq!(text(&read), "to both");
    assert_eq!(laptop.conversations(1).await.unwrap()[0].unread, 0);
    server.shutdown().await;
}

#[tokio::test]
async fn a_mark_outlives_a_restart() {
    let shelf = Shelf::new();
    let (server, url) = shelf.open().await;
    let (alice, mut to_alice) = builder("alice").server(&url).start().await.unwrap();
    alice.send(named("one")).await.unwrap();
    progress(&mut to_alice, Progress::Sent).await;
    let kept = MemoryStore::new();
    let (bob, mut to_bob) = builder("bob").store(kept.clone()).server(&url).start().await.unwrap();
    let one = message(&mut to_bob).await;
    bob.leave().await;

    let (bob, _events) = builder("bob").store(kept.clone()).connect(nowhere).start().await.unwrap();
    bob.read(&one).await.unwrap();
    assert_eq!(lines(&bob, "alice", Page::last(1)).await[0].progress, Progress::Read);
    bob.leave().await;

    let (_bob, _to_bob) = builder("bob").store(kept).server(&url).start().await.unwrap();
    progress(&mut to_alice, Progress::Read).await;
    server.shutdown().await;
}

#[tokio::test]
async fn what_failed_is_tried_again_or_discarded() {
    let (server, url) = Shelf::new().open().await;
    let way = Way::to(&url);
    let (alice, mut to_alice) = builder("alice").connect(way).start().await.unwrap();
    let group = Address::Group(bimip_proto::GroupId::new("strangers").unwrap());
    let mut names = Vec::new();
    for text in ["let me in", "please"] {
        names.push(alice.send_text(group.clone(), text).await.unwrap());
    }
    let failed = |line: &Line| matches!(line.progress, Progress::Failed(_));
    line(&mut to_alice, |line| failed(line) && text(line) == "please").await;
    alice.discard(names[0].clone()).await.unwrap();
    assert!(alice.discard(names[0].clone()).await.is_err(), "it is gone");
    let again = alice.retry(names[1].clone()).await.unwrap();
    let line = line(&mut to_alice, |line| failed(line) && line.client_ref() == Some(&again)).await;
    assert_eq!(text(&line), "please");
    let history = alice.history(&alice.conversation(&group), Page::last(9)).await.unwrap();
    assert_eq!(history, [line], "the one that took its place");
    server.shutdown().await;
}

#[tokio::test]
async fn a_draft_that_never_left_is_discarded() {
    let (alice, _events) = builder("alice").connect(nowhere).start().await.unwrap();
    let one = alice.send_text(address("bob"), "one").await.unwrap();
    alice.send_text(address("bob"), "two").await.unwrap();
    alice.discard(one.clone()).await.unwrap();
    assert_eq!(texts(&alice, "bob").await, words([("two", "sending")]));
    assert_eq!(alice.message(one).await.unwrap(), None);
}

/// A disk that is full from some commit on.
struct Full {
    store: MemoryStore,
    left: AtomicU32,
}

impl Store for Full {
    fn commit(&self, changes: &[Change]) -> Result<(), StoreError> {
        let left = self.left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
        left.map_err(|_| StoreError::failed("no space left on device"))?;
        self.store.commit(changes)
    }

    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        self.store.get(key)
    }

    fn scan(&self, scan: &Scan) -> Result<Vec<(Vec<u8>, Vec<u8>)>, StoreError> {
        self.store.scan(scan)
    }
}

#[tokio::test]
async fn what_a_full_disk_did_not_keep_is_neither_taken_nor_acknowledged() {
    let (server, url) = Shelf::new().open().await;
    let (bob, mut to_bob) = builder("bob").server(&url).start().await.unwrap();
    let store = MemoryStore::new();
    // The format, and the first welcome.
    let full = Full { store: store.clone(), left: AtomicU32::new(2) };
    let (ann, mut to_ann) = builder("ann").store(full).server(&url).start().await.unwrap();
    online(&mut to_ann).await;
    bob.send_text(address("ann"), "lost?").await.unwrap();
    let error = loop {
        match to_ann.next_event().await {
            Ok(event) => assert!(event.is_some(), "the store's error is the last word"),
            Err(error) => break error,
        }
    };
    assert!(error.to_string().contains("no space left on device"), "{error}");
    assert!(ann.send_text(address("bob"), "not kept").await.is_err());
    assert!(to_ann.next_event().await.unwrap().is_none());

    // With room it comes again, and nobody was told before that it had arrived.
    let (ann, mut to_ann) = builder("ann").store(store).server(&url).start().await.unwrap();
    assert_eq!(text(&message(&mut to_ann).await), "lost?");
    progress(&mut to_bob, Progress::Delivered).await;
    assert_eq!(texts(&ann, "bob").await, words([("lost?", "delivered")]));
    server.shutdown().await;
}
