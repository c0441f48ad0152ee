//! What follows from facts, without a driver.

use std::sync::Arc;

use bimip_proto::{
    Address, Body, BodyKind, ClientRef, Device, DeviceName, Draft, Entry, Form, Head, Message, MessageId,
    MessageRef, Names, Offset, Receipt, Row, Seal, Seq, Status, UnixMs, UserId, Welcome, Window,
};
use bimip_session::client::Event;
use bytes::Bytes;

use super::early::EARLY_MARKS;
use super::{Keeper, Opened, Reading};
use crate::history::{Line, Page, Progress};
use crate::store::MemoryStore;

const NOW: UnixMs = UnixMs(1_763_652_000_000);

fn device(user: &str) -> Device {
    Device::new(UserId::new(user).unwrap(), DeviceName::new("phone").unwrap())
}

fn open(store: &MemoryStore, token: &'static str) -> Opened {
    let token = Bytes::from_static(token.as_bytes());
    Keeper::open(Arc::new(store.clone()), device("ann"), Some(&token), true).unwrap()
}

fn tell(keeper: &mut Keeper, mut event: Event) -> Vec<Line> {
    let lines = keeper.event(&mut event, NOW).unwrap();
    keeper.commit().unwrap();
    lines
}

fn head(from: &str, to: &str, sequence: u64) -> Head {
    Head {
        id: MessageId::new(7, sequence),
        from: device(from),
        to: Address::User(UserId::new(to).unwrap()),
        client_ref: None,
        client_time: None,
        at: NOW,
        stamp: NOW,
        seq: Seq(0),
        kind: BodyKind::Text,
    }
}

fn row(offset: u64, entry: Entry) -> Event {
    Event::Received(Row { prev: Offset(offset - 1), offset: Offset(offset), entry: Arc::new(entry) })
}

fn message(offset: u64, sequence: u64, text: &str) -> Event {
    row(offset, Entry::Message(Message { head: head("bob", "ann", sequence), body: Body::text(text) }))
}

fn welcome(epoch: u32, resume_from: u64) -> Welcome {
    Welcome {
        epoch,
        resume_from: Offset(resume_from),
        first: Offset(1),
        head: Offset(9),
        window: Window::default(),
        heartbeat_ms: 60_000,
        server_time: NOW,
        connection_id: 1,
        dedup_days: 7,
    }
}

fn texts(store: &MemoryStore) -> Vec<String> {
    let reading = Reading { store: Arc::new(store.clone()), me: device("ann") };
    let bob = Address::User(UserId::new("bob").unwrap());
    let conversation = bimip_proto::ConversationId::of(&reading.me.user, &bob);
    let lines = reading.history(&conversation, Page::last(99)).unwrap();
    lines.iter().map(|line| line.text().unwrap()).collect()
}

// CL-IN-1: what came before is known, also after a restart.
#[test]
fn a_row_that_comes_again_is_known() {
    let store = MemoryStore::new();
    let mut keeper = open(&store, "a").keeper;
    tell(&mut keeper, Event::Resumed(welcome(7, 0)));
    assert_eq!(tell(&mut keeper, message(1, 4, "one")).len(), 1);
    assert_eq!(tell(&mut keeper, message(1, 4, "one")), []);
    let Opened { mut keeper, resume, .. } = open(&store, "a");
    assert_eq!((resume.epoch, resume.seen), (7, Offset(1)));
    assert_eq!(tell(&mut keeper, message(1, 4, "one")), []);
    assert_eq!(texts(&store), ["one"]);
}

// CL-IN-3, BM-WELCOME-1
#[test]
fn another_store_of_the_server_comes_after_what_is_kept_and_doubles_nothing() {
    let store = MemoryStore::new();
    let mut keeper = open(&store, "a").keeper;
    tell(&mut keeper, Event::Resumed(welcome(7, 0)));
    tell(&mut keeper, message(1, 40, "one"));
    tell(&mut keeper, message(2, 41, "two"));
    // It was restored from a copy: it gives numbers again that it gave before.
    tell(&mut keeper, Event::Reset(welcome(8, 0)));
    assert_eq!(tell(&mut keeper, message(1, 40, "one")), [], "it is the same one");
    let mut again = head("bob", "ann", 3);
    again.id = MessageId::new(8, 3);
    let again = Message { head: again, body: Body::text("three") };
    assert_eq!(tell(&mut keeper, row(2, Entry::Message(again))).len(), 1);
    assert_eq!(texts(&store), ["one", "two", "three"]);
    let resume = open(&store, "a").resume;
    assert_eq!((resume.epoch, resume.seen), (8, Offset(2)));
}

#[test]
fn a_receipt_may_come_before_the_answer() {
    let store = MemoryStore::new();
    let mut keeper = open(&store, "a").keeper;
    tell(&mut keeper, Event::Resumed(welcome(7, 0)));
    let name = ClientRef::new("mine").unwrap();
    let to = Address::User(UserId::new("bob").unwrap());
    let draft =
        Draft { client_ref: Some(name.clone()), to, client_time: Some(NOW), body: Body::text("hello") };
    let line = keeper.draft(&draft, NOW).unwrap().unwrap();
    keeper.commit().unwrap();
    assert_eq!(line.progress, Progress::Sending);

    let messages = vec![Names { id: MessageId::new(7, 5), alias: None, client_ref: Some(name.clone()) }];
    let receipt = Receipt { by: device("bob"), status: Status::Read, at: NOW, messages };
    let lines = tell(&mut keeper, row(1, Entry::Receipt(receipt)));
    assert_eq!(lines[0].progress, Progress::Read);
    assert!(lines[0].position.is_on_its_way());
    let head = head("ann", "bob", 5);
    let lines = tell(&mut keeper, Event::Sent { client_ref: Some(name), head, offset: Offset(1) });
    assert_eq!((lines[0].progress, lines[0].message.head.id), (Progress::Read, MessageId::new(7, 5)));
    assert!(!lines[0].position.is_on_its_way());
    assert_eq!(texts(&store), ["hello"]);
    assert!(open(&store, "a").resume.unacked.is_empty());
}

fn receipt(offset: u64, by: &str, status: Status, sequence: u64) -> Event {
    let messages = vec![Names { id: MessageId::new(7, sequence), alias: None, client_ref: None }];
    row(offset, Entry::Receipt(Receipt { by: device(by), status, at: NOW, messages }))
}

fn own(offset: u64, sequence: u64) -> Event {
    let mut head = head("ann", "bob", sequence);
    head.from = Device::new(head.from.user, DeviceName::new("tablet").unwrap());
    row(offset, Entry::Message(Message { head, body: Body::text("from the tablet") }))
}

fn progress(lines: &[Line]) -> Vec<Progress> {
    lines.iter().map(|line| line.progress).collect()
}

// DM-FEED-2
#[test]
fn a_receipt_may_come_before_its_message() {
    let store = MemoryStore::new();
    let mut keeper = open(&store, "a").keeper;
    tell(&mut keeper, Event::Resumed(welcome(7, 0)));
    assert_eq!(tell(&mut keeper, receipt(1, "bob", Status::Delivered, 5)), []);
    assert_eq!(tell(&mut keeper, receipt(2, "bob", Status::Read, 6)), []);
    assert_eq!(tell(&mut keeper, receipt(3, "ann", Status::Read, 7)), []);
    assert_eq!(progress(&tell(&mut keeper, own(4, 5))), [Progress::Delivered]);
    assert_eq!(progress(&tell(&mut keeper, own(5, 8))), [Progress::Sent], "nothing was said about it");
    // The rest is still known after a restart.
    let mut keeper = open(&store, "a").keeper;
    let lines = tell(&mut keeper, own(6, 6));
    assert_eq!(progress(&lines), [Progress::Read]);
    assert_eq!(lines[0].marks_by.len(), 1, "and who said it");
    assert_eq!(progress(&tell(&mut keeper, message(7, 7, "read on the tablet"))), [Progress::Read]);
    // It was taken up once and for all.
    assert!(keeper.early.is_empty() && open(&store, "a").keeper.early.is_empty());
}

#[test]
fn of_too_many_early_receipts_the_oldest_are_forgotten() {
    let store = MemoryStore::new();
    let mut keeper = open(&store, "a").keeper;
    tell(&mut keeper, Event::Resumed(welcome(7, 0)));
    let most = EARLY_MARKS as u64;
    for sequence in 1..=most + 1 {
        tell(&mut keeper, receipt(sequence, "bob", Status::Read, sequence));
    }
    tell(&mut keeper, receipt(most + 2, "bob", Status::Read, most + 1));
    for keeper in [&keeper, &open(&store, "a").keeper] {
        let kept: Vec<_> = keeper.early.iter().map(|early| early.message.clone()).collect();
        let last: Vec<_> = (2..=most + 1).map(|at| MessageRef::Id(MessageId::new(7, at))).collect();
        assert_eq!(kept, last);
    }
    assert_eq!(progress(&tell(&mut keeper, own(most + 3, 1))), [Progress::Sent]);
    assert_eq!(progress(&tell(&mut keeper, own(most + 4, 2))), [Progress::Read]);
}

// CL-TOK-1
#[test]
fn a_refreshed_token_takes_the_place_of_the_one_it_was_made_of() {
    let store = MemoryStore::new();
    let Opened { mut keeper, token, .. } = open(&store, "old");
    assert_eq!(token, None);
    let expires = Some(UnixMs(NOW.0 + 1));
    tell(&mut keeper, Event::Token { token: Bytes::from_static(b"new"), expires });
    assert_eq!(open(&store, "old").token, Some((Bytes::from_static(b"new"), expires)));
    assert_eq!(open(&store, "another").token, None, "the app got one itself");
}

/// Numbers of fields are for ever: what an older version has written is read the same.
#[test]
fn records_are_written_as_ever() {
    let body = Body {
        kind: BodyKind::Voice { duration_ms: 180 },
        form: Form::Json,
        bytes: Bytes::from_static(b"{}"),
        seal: Some(Seal { encryption_type: "x".to_owned(), ..Seal::default() }),
    };
    let draft = Draft {
        client_ref: ClientRef::new("c").ok(),
        to: Address::Group(bimip_proto::GroupId::new("g").unwrap()),
        client_time: Some(UnixMs(300)),
        body,
    };
    let written = super::record::draft_bytes(&draft, true);
    let hex: String = written.iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(hex, "0a0163120312016718ac022210080410b401180222027b7d2a030a01782801");
    assert_eq!(super::record::read_draft(&written).unwrap(), (draft, true));
}
