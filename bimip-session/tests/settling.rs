//! Several tickets in one batch: each sees what the ones before it do, and a crash would take all of them.
#![allow(clippy::unwrap_used, reason = "test code")]

mod harness;

use std::convert::Infallible;

use bimip_proto::{
    Address, Body, Caps, ClientPacket, ClientRef, CloseReason, Draft, Entry, GroupId, Head, MessageId,
    MessageRef, Noted, Offset, Reject, Seq, ServerPacket, Status, UserId,
};
use bimip_session::ledger::{Failed, Failure, Known, PutKey, View, Write, settle};
use bimip_session::server::{ConnId, Grant, Input};

use harness::{House, device, draft, rows, user};

fn phone(house: &mut House, user: &str, name: &str) -> ConnId {
    let conn = house.open(Caps::FULL, &device(user, name));
    house.heard(conn);
    conn
}

fn member(house: &mut House, user: &str) -> ConnId {
    let mut grant = Grant::new(device(user, "1"));
    grant.groups = vec![group()];
    let conn = house.open_with(Caps::FULL, grant);
    house.heard(conn);
    conn
}

fn group() -> GroupId {
    GroupId::new("team").unwrap()
}

fn post(name: &str) -> ClientPacket {
    ClientPacket::Send(Draft {
        client_ref: ClientRef::new(name).ok(),
        to: Address::Group(group()),
        client_time: None,
        body: Body::text(name),
    })
}

fn mark(sequence: u64, status: Status) -> ClientPacket {
    ClientPacket::Mark { message: MessageRef::Id(MessageId::new(7, sequence)), status }
}

/// The mailbox of a user, as it is stored.
fn mailbox(house: &House, name: &str) -> Vec<(u64, String)> {
    let print = |entry: &Entry| match entry {
        Entry::Message(message) => String::from_utf8_lossy(&message.body.bytes).into_owned(),
        Entry::Receipt(receipt) => {
            let of: Vec<_> = receipt.messages.iter().map(|names| names.id.sequence()).collect();
            format!("{:?} {of:?} by {}", receipt.status, receipt.by)
        }
        _ => String::new(),
    };
    let rows = house.book.page(&user(name), Offset::ZERO, 99, u64::MAX);
    rows.iter().map(|(offset, entry)| (offset.0, print(entry))).collect()
}

fn row(offset: u64, what: &str) -> (u64, String) {
    (offset, what.to_owned())
}

fn heads(house: &House, name: &str) -> Vec<Head> {
    let rows = house.book.page(&user(name), Offset::ZERO, 99, u64::MAX);
    let head = |entry: &Entry| match entry {
        Entry::Message(message) => Some(message.head.clone()),
        _ => None,
    };
    rows.iter().filter_map(|(_, entry)| head(entry)).collect()
}

// DM-DUP-1
#[test]
fn a_draft_and_its_resend_meet_and_are_stored_once() {
    let mut house = House::new();
    let first = phone(&mut house, "a", "1");
    house.hold_commits = true;
    house.says(first, ClientPacket::Send(draft("r1", "b", "hello")));
    let again = phone(&mut house, "a", "1");
    house.says(again, ClientPacket::Send(draft("r1", "b", "hello")));
    house.commit_held();
    assert_eq!(mailbox(&house, "b"), [row(1, "hello")]);
    let heard = house.heard(again);
    let [ServerPacket::Accepted { head, offset, .. }] = &heard[..] else { panic!("{heard:?}") };
    assert_eq!((head.id, *offset), (MessageId::new(7, 1), Offset(1)));
}

// DM-DUP-1
#[test]
fn a_name_belongs_to_the_device_that_gave_it() {
    let mut house = House::new();
    let conns = [phone(&mut house, "a", "1"), phone(&mut house, "a", "2"), phone(&mut house, "c", "1")];
    for conn in conns {
        house.says(conn, ClientPacket::Send(draft("r1", "b", "hello")));
        assert!(matches!(house.heard(conn).last(), Some(ServerPacket::Accepted { .. })));
    }
    assert_eq!(mailbox(&house, "b").len(), 3);
}

// DM-BOX-2, DM-ORD-1, DM-ORD-2, DM-ACK-2
#[test]
fn rows_places_and_stamps_go_on_within_a_batch() {
    let mut house = House::new();
    let (a, b) = (phone(&mut house, "a", "1"), phone(&mut house, "b", "1"));
    house.hold_commits = true;
    for (conn, name, to) in [(a, "r1", "b"), (b, "r2", "a"), (a, "r3", "c"), (a, "r4", "b")] {
        house.says(conn, ClientPacket::Send(draft(name, to, name)));
    }
    house.commit_held();
    assert_eq!(mailbox(&house, "a"), [row(1, "r1"), row(2, "r2"), row(3, "r3"), row(4, "r4")]);
    assert_eq!(mailbox(&house, "b"), [row(1, "r1"), row(2, "r2"), row(3, "r4")]);
    let with_b: Vec<_> = heads(&house, "b").iter().map(|head| (head.seq, head.stamp.0 - head.at.0)).collect();
    assert_eq!(with_b, [(Seq(1), 0), (Seq(2), 1), (Seq(3), 2)], "one conversation, in both directions");
    assert_eq!(heads(&house, "c")[0].seq, Seq(1));
    let own_rows = |packets: Vec<ServerPacket>| -> Vec<u64> {
        let offset = |packet| match packet {
            ServerPacket::Accepted { offset, .. } => Some(offset.0),
            _ => None,
        };
        packets.into_iter().filter_map(offset).collect()
    };
    assert_eq!((own_rows(house.heard(a)), own_rows(house.heard(b))), (vec![1, 3, 4], vec![2]));
    // By the stamp as well as by the id, in the batch that stores it.
    house.hold_commits = true;
    house.says(a, ClientPacket::Send(draft("r5", "b", "r5")));
    let alias = Head {
        stamp: bimip_proto::UnixMs(heads(&house, "b")[2].stamp.0 + 1),
        ..heads(&house, "b")[2].clone()
    };
    let message = MessageRef::Alias(alias.alias().to_string().parse().unwrap());
    house.says(b, ClientPacket::Mark { message, status: Status::Read });
    house.commit_held();
    assert_eq!(mailbox(&house, "a").last().unwrap().1, "Read [5] by b/1");
}

// DM-RCP-1, DM-RCP-2
#[test]
fn what_two_devices_say_at_the_same_time_is_told_once() {
    let mut house = House::new();
    let a = phone(&mut house, "a", "1");
    let (b1, b2) = (phone(&mut house, "b", "1"), phone(&mut house, "b", "2"));
    house.says(a, ClientPacket::Send(draft("r1", "b", "hello")));
    house.hold_commits = true;
    house.says(b1, ClientPacket::Dispose(Offset(1)));
    house.says(b2, ClientPacket::Dispose(Offset(1)));
    house.says(b2, mark(1, Status::Read));
    house.says(b1, mark(1, Status::Read));
    house.says(b1, mark(1, Status::Delivered));
    house.commit_held();
    let told = [row(1, "hello"), row(2, "Delivered [1] by b/1"), row(3, "Read [1] by b/2")];
    assert_eq!(mailbox(&house, "a"), told);
    assert_eq!(mailbox(&house, "b"), [row(1, "hello"), row(2, "Read [1] by b/2")]);
}

// DM-RCP-1, DM-RCP-6
#[test]
fn every_author_of_a_disposal_is_told() {
    let mut house = House::new();
    let senders = ["a", "c", "d"];
    for name in senders {
        let conn = phone(&mut house, name, "1");
        house.says(conn, ClientPacket::Send(draft("r1", "b", name)));
    }
    let b = phone(&mut house, "b", "1");
    house.says(b, ClientPacket::Dispose(Offset(3)));
    for (sequence, name) in (1..).zip(senders) {
        assert_eq!(mailbox(&house, name)[1].1, format!("Delivered [{sequence}] by b/1"));
    }
    assert_eq!(mailbox(&house, "b").len(), 3, "a delivery is no news to the reader's own devices");
}

// DM-CUR-3
#[test]
fn two_disposals_in_one_batch_move_the_cursor_to_the_second() {
    let mut house = House::new();
    let a = phone(&mut house, "a", "1");
    for name in ["r1", "r2", "r3"] {
        house.says(a, ClientPacket::Send(draft(name, "b", name)));
    }
    let b = phone(&mut house, "b", "1");
    house.hold_commits = true;
    for upto in [1, 3, 2] {
        house.says(b, ClientPacket::Dispose(Offset(upto)));
    }
    house.commit_held();
    assert_eq!(house.book.cursor(&device("b", "1")), Ok(Offset(3)), "and never back");
}

// DM-GRP-6, DM-GRP-7
#[test]
fn who_comes_and_goes_in_a_batch_hears_what_is_said_between() {
    let mut house = House::new();
    let (ann, bob) = (member(&mut house, "ann"), phone(&mut house, "bob", "1"));
    house.hold_commits = true;
    house.says(ann, post("before"));
    house.says(bob, ClientPacket::Join(group()));
    house.says(ann, post("between"));
    house.commit_held();
    house.hold_commits = true;
    house.says(bob, ClientPacket::Leave(group()));
    house.says(ann, post("after"));
    house.commit_held();
    assert_eq!(mailbox(&house, "bob"), [row(1, "between")]);
    assert_eq!(rows(&house.heard(bob)), [Offset(1)]);
    let stays = house.book.membership(&group(), &user("bob")).unwrap();
    assert_eq!((stays.saw(Seq(1)), stays.saw(Seq(2)), stays.saw(Seq(3))), (false, true, false));
    assert_eq!(house.book.members(&group()).unwrap().to_vec(), [user("ann")]);
    assert_eq!(house.book.group(&group()).unwrap().unwrap().members, 1);
    assert_eq!(house.book.groups_of(&user("bob")).unwrap(), []);
    // Neither leaving again nor a group that there is not changes anything.
    let before = house.book.clone();
    house.says(bob, ClientPacket::Leave(group()));
    house.says(bob, ClientPacket::Leave(GroupId::new("none").unwrap()));
    assert_eq!(house.book, before);
}

// DM-GRP-9
#[test]
fn who_comes_into_a_group_in_a_batch_stays_in_the_others() {
    let mut house = House::new();
    let [ann, bob, other] =
        [("ann", "1"), ("bob", "1"), ("bob", "2")].map(|it| phone(&mut house, it.0, it.1));
    for group in ["alpha", "zeta"].map(|name| GroupId::new(name).unwrap()) {
        house.says(bob, ClientPacket::Join(group.clone()));
        house.says(ann, ClientPacket::Join(group.clone()));
        let to = Address::Group(group);
        house.says(ann, ClientPacket::Send(Draft { to, ..draft("", "bob", "hello") }));
    }
    house.heard(other);
    house.hold_commits = true;
    house.says(bob, ClientPacket::Join(group()));
    // By an alias, which names the group by its text: only a group that bob is in is looked at.
    for head in heads(&house, "bob") {
        let message = MessageRef::Alias(head.alias());
        house.says(other, ClientPacket::Mark { message, status: Status::Read });
    }
    house.commit_held();
    let marked = |packet: &ServerPacket| matches!(packet, ServerPacket::Noted(Noted::Marked { .. }));
    assert_eq!(house.heard(other).iter().filter(|packet| marked(packet)).count(), 2);
}

// DM-CUR-3
#[test]
fn disposing_again_of_the_same_writes_nothing() {
    let mut house = House::new();
    let (a, b) = (phone(&mut house, "a", "1"), phone(&mut house, "b", "1"));
    house.says(a, ClientPacket::Send(draft("r1", "b", "hello")));
    house.says(b, ClientPacket::Dispose(Offset(1)));
    house.hold_commits = true;
    house.says(b, ClientPacket::Dispose(Offset(1)));
    let held = std::mem::take(&mut house.held);
    assert_eq!(held.len(), 1);
    let settled: Result<_, (Vec<Failed>, Infallible)> = settle(held, &house.book);
    let Ok(settlement) = settled;
    assert_eq!(settlement.writes(), []);
}

// DM-GRP-5
#[test]
fn a_stranger_in_the_batch_of_a_member_is_refused_alone() {
    let mut house = House::new();
    let (ann, eve) = (member(&mut house, "ann"), phone(&mut house, "eve", "1"));
    let before = house.book.clone();
    house.says(eve, post("let me in"));
    assert_eq!(house.book, before, "nothing of it is stored");
    house.heard(eve);
    house.hold_commits = true;
    house.says(eve, post("let me in"));
    house.says(ann, post("hello"));
    house.commit_held();
    assert_eq!(mailbox(&house, "ann"), [row(1, "hello")]);
    let heard = house.heard(eve);
    assert!(matches!(heard[..], [ServerPacket::Rejected { reason: Reject::NotMember, .. }]), "{heard:?}");
}

/// The refusals that cores over one store remember are for each other: to one that is alone they say nothing.
// DM-DUP-5
#[test]
fn a_core_that_is_alone_again_judges_for_itself() {
    let mut house = House::new();
    let key = PutKey { device: device("a", "1"), client_ref: ClientRef::new("r1").unwrap() };
    house.book.apply(&[Write::Key { key, known: Known::Refused { session: 9 } }]);
    let a = phone(&mut house, "a", "1");
    house.says(a, ClientPacket::Send(draft("r1", "b", "hello")));
    assert!(matches!(house.heard(a)[..], [ServerPacket::Accepted { .. }]));
}

/// As a store does whose sync failed.
// DM-ACK-3
#[test]
fn what_was_settled_and_could_not_be_stored_is_refused_by_name() {
    let mut house = House::new();
    let a = phone(&mut house, "a", "1");
    house.hold_commits = true;
    for name in ["r1", "r2"] {
        house.says(a, ClientPacket::Send(draft(name, "b", "hello")));
    }
    let held = std::mem::take(&mut house.held);
    let settled: Result<_, (Vec<Failed>, Infallible)> = settle(held, &house.book);
    let Ok(settlement) = settled;
    for failed in settlement.failed(Failure::Unavailable) {
        assert_eq!(failed.failure(), Failure::Unavailable);
        house.input(Input::Failed(failed));
    }
    let refused = |packet: ServerPacket| match packet {
        ServerPacket::Rejected { client_ref, reason: Reject::Unavailable, .. } => client_ref,
        _ => None,
    };
    let names: Vec<_> = house.heard(a).into_iter().filter_map(refused).collect();
    assert_eq!(names, ["r1", "r2"].map(|name| ClientRef::new(name).unwrap()));
}

// DM-ACK-3, DM-ACK-4
#[test]
fn whatever_fails_is_answered_by_name_and_may_be_tried_again() {
    let mut house = House::new();
    let (a, b) = (phone(&mut house, "a", "1"), phone(&mut house, "b", "1"));
    house.says(a, ClientPacket::Send(draft("r1", "b", "hello")));
    house.heard(b);
    let before = house.book.clone();
    let answer = |house: &mut House, conn, packet| {
        house.hold_commits = true;
        house.says(conn, packet);
        house.fail_held();
        house.heard(conn)
    };
    let refused = answer(&mut house, b, mark(1, Status::Read));
    let [ServerPacket::Noted(Noted::Refused { status, reason, retry_after_ms, .. })] = &refused[..] else {
        panic!("{refused:?}")
    };
    assert_eq!((*status, *reason, *retry_after_ms), (Status::Read, Reject::Unavailable, Some(1_000)));
    for packet in [ClientPacket::Join(group()), ClientPacket::Leave(group())] {
        let refused = answer(&mut house, b, packet);
        let [ServerPacket::Noted(Noted::Barred { retry_after_ms: Some(1_000), .. })] = &refused[..] else {
            panic!("{refused:?}")
        };
    }
    let refused = answer(&mut house, b, ClientPacket::Send(draft("r2", "a", "x")));
    let [ServerPacket::Rejected { client_ref, retry_after_ms: Some(1_000), .. }] = &refused[..] else {
        panic!("{refused:?}")
    };
    assert_eq!(client_ref.as_ref().map(ClientRef::as_str), Some("r2"));
    // There is no word for a disposal that failed: the next connection begins before it.
    let ended = answer(&mut house, b, ClientPacket::Dispose(Offset(1)));
    assert_eq!(ended, [ServerPacket::Bye(CloseReason::Unavailable)]);
    assert_eq!(house.book, before);
    house.input(Input::Closed(b));
    let b = house.open(Caps::FULL, &device("b", "1"));
    assert_eq!(rows(&house.heard(b)), [Offset(1)], "a cursor that was not stored did not move");
}

/// Both ways to come to a row of oneself: the only user, once.
#[test]
fn a_message_to_oneself_has_one_row() {
    let mut house = House::new();
    let (a1, a2) = (phone(&mut house, "a", "1"), phone(&mut house, "a", "2"));
    house.says(a1, ClientPacket::Send(draft("r1", "a", "note")));
    assert_eq!(mailbox(&house, "a"), [row(1, "note")]);
    assert_eq!((rows(&house.heard(a1)), rows(&house.heard(a2))), (vec![], vec![Offset(1)]));
    assert_eq!(house.book.contacts(&user("a")), [] as [UserId; 0]);
}
