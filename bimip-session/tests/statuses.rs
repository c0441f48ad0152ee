//! How far a message got, and why no further: who is told what of whom, and that it is true.
#![allow(clippy::unwrap_used, reason = "test code")]

mod harness;

use bimip_proto::{
    Address, Ask, Body, Caps, ClientPacket, ClientRef, DeviceState, DeviceStatus, Draft, Found, GroupId,
    LogOut, MessageId, MessageRef, MessageStatus, NotYet, Offset, Query, Reached, Revise, ServerPacket,
    Status, UnixMs, Window, limits,
};
use bimip_session::server::{Config, ConnId, Grant, Input, Siblings};

use harness::{House, device, user};

const FULL: Caps = Caps::FULL;

fn team() -> GroupId {
    GroupId::new("team").unwrap()
}

fn sends(house: &mut House, conn: ConnId, to: &Address) -> MessageId {
    house.says(
        conn,
        ClientPacket::Send(Draft {
            client_ref: None,
            to: to.clone(),
            client_time: None,
            body: Body::text("x"),
        }),
    );
    let accepted = house.heard(conn).into_iter().find_map(|packet| match packet {
        ServerPacket::Accepted { head, .. } => Some(head.id),
        _ => None,
    });
    accepted.unwrap()
}

fn to(name: &str) -> Address {
    Address::User(user(name))
}

fn says(house: &mut House, conn: ConnId, status: Status, id: MessageId) {
    let message = MessageRef::Id(id);
    house.says(
        conn,
        match status {
            Status::Delivered => ClientPacket::Delivered(vec![message]),
            _ => ClientPacket::Mark { message, status },
        },
    );
}

fn found(house: &mut House, conn: ConnId, ask: Ask) -> Option<MessageStatus> {
    house.heard(conn);
    house.says(conn, ClientPacket::Query(Query { id: ClientRef::new("q").unwrap(), ask }));
    told(house, conn)
}

fn told(house: &mut House, conn: ConnId) -> Option<MessageStatus> {
    let answer = house.heard(conn).into_iter().find_map(|packet| match packet {
        ServerPacket::Answer { found: Found::Status(status), .. } => Some(status),
        _ => None,
    });
    answer.expect("an answer").map(|status| *status)
}

fn status(house: &mut House, conn: ConnId, id: MessageId) -> Option<MessageStatus> {
    found(house, conn, Ask::Status { message: MessageRef::Id(id), after: None, limit: 0 })
}

fn devices(status: &MessageStatus) -> Vec<(String, DeviceState)> {
    let devices = status.recipients.iter().filter_map(|it| it.devices.as_ref()).flatten();
    devices.map(|DeviceStatus { name, state, .. }| (name.as_str().to_owned(), *state)).collect()
}

fn one(status: &MessageStatus, name: &str) -> DeviceState {
    devices(status).into_iter().find(|(it, _)| it == name).unwrap_or_else(|| panic!("{status:?}")).1
}

// DM-STAT-1, DM-STAT-2, DM-STAT-4
// MISSION A1 E4
#[test]
fn a_message_is_followed_from_its_author_to_its_reader() {
    let mut house = House::new();
    let ann = house.open(FULL, &device("ann", "phone"));
    let sent_at = house.now.stamp();
    let id = sends(&mut house, ann, &to("bob"));
    let asked = status(&mut house, ann, id).unwrap();
    assert_eq!((asked.id, asked.at, asked.seq.0, asked.reached()), (id, sent_at, 1, Reached::Pending));
    assert_eq!((asked.counts.recipients, asked.counts.delivered, asked.counts.exact), (1, 0, true));
    assert_eq!(asked.recipients[0].why, Some(NotYet::NeverConnected));

    house.wait(1_000);
    let bob = house.open(FULL, &device("bob", "phone"));
    let flew_at = house.now.stamp();
    let asked = status(&mut house, ann, id).unwrap();
    assert_eq!(devices(&asked), [("phone".into(), DeviceState::Sent { at: Some(flew_at) })]);
    assert_eq!(asked.recipients[0].devices.as_ref().unwrap()[0].connected_at, Some(flew_at));
    assert_eq!((asked.reached(), asked.recipients[0].why), (Reached::Sent, None));

    house.wait(1_000);
    let had_at = house.now.stamp();
    house.says(bob, ClientPacket::Dispose(Offset(1)));
    let asked = status(&mut house, ann, id).unwrap();
    assert_eq!((one(&asked, "phone"), asked.reached()), (DeviceState::Acknowledged, Reached::Delivered));
    assert_eq!((asked.recipients[0].delivered_at, asked.recipients[0].read_at), (Some(had_at), None));

    house.wait(1_000);
    let read_at = house.now.stamp();
    says(&mut house, bob, Status::Read, id);
    says(&mut house, bob, Status::Read, id);
    house.wait(1_000);
    let gone_at = house.now.stamp();
    house.input(Input::Closed(bob));
    let asked = status(&mut house, ann, id).unwrap();
    let it = &asked.recipients[0];
    assert_eq!((it.delivered_at, it.read_at, asked.reached()), (Some(had_at), Some(read_at), Reached::Read));
    assert_eq!((asked.counts.delivered, asked.counts.read), (1, 1));
    assert_eq!((asked.counts.first_delivered_at, asked.counts.first_read_at), (Some(had_at), Some(read_at)));

    let next = sends(&mut house, ann, &to("bob"));
    let asked = status(&mut house, ann, next).unwrap();
    assert_eq!(one(&asked, "phone"), DeviceState::Offline { since: Some(gone_at) });
    assert_eq!((asked.reached(), asked.recipients[0].why), (Reached::Pending, None));
}

// DM-STAT-2: what is read is delivered, at the latest when it was read.
#[test]
fn reading_is_having() {
    let mut house = House::new();
    let ann = house.open(FULL, &device("ann", "phone"));
    let bob = house.open(FULL, &device("bob", "phone"));
    let id = sends(&mut house, ann, &to("bob"));
    house.wait(7);
    let at = Some(house.now.stamp());
    says(&mut house, bob, Status::Read, id);
    house.wait(7);
    says(&mut house, bob, Status::Delivered, id);
    let it = &status(&mut house, ann, id).unwrap().recipients[0];
    assert_eq!((it.delivered_at, it.read_at), (at, at));
}

// DM-STAT-4
#[test]
fn a_device_that_waits_says_what_for() {
    let window = Window { rows: 2, ..Window::default() };
    let mut config = Config::default();
    config.window = window;
    let mut house = House::with(config);
    let ann = house.open(FULL, &device("ann", "phone"));
    let ids: Vec<_> = (0..5).map(|_| sends(&mut house, ann, &to("bob"))).collect();
    let bob = house.open(FULL, &device("bob", "phone"));
    let full = |rows_before| DeviceState::WindowFull { rows_before };
    let states = |house: &mut House| -> Vec<_> {
        ids.iter().map(|id| one(&status(house, ann, *id).unwrap(), "phone")).collect()
    };
    let sent = DeviceState::Sent { at: Some(house.now.stamp()) };
    assert_eq!(states(&mut house), [sent, sent, full(2), full(3), full(4)]);
    house.says(bob, ClientPacket::Dispose(Offset(1)));
    let acked = DeviceState::Acknowledged;
    assert_eq!(states(&mut house), [acked, sent, sent, full(2), full(3)]);

    // What the device has said and storage has not proven is no acknowledgement yet.
    house.hold_commits = true;
    house.says(bob, ClientPacket::Dispose(Offset(3)));
    let said = DeviceState::Sent { at: None };
    let held = states(&mut house);
    assert_eq!(held[..3], [acked, said, said]);
    assert_eq!(status(&mut house, ann, ids[1]).unwrap().reached(), Reached::Sent);
    house.commit_held();
    assert_eq!(states(&mut house)[..3], [acked; 3]);
}

// DM-STAT-4: an old message of a device that never came back, and one that was logged out.
#[test]
fn a_device_that_is_gone_says_how() {
    let mut house = House::new();
    let ann = house.open(FULL, &device("ann", "phone"));
    let first = sends(&mut house, ann, &to("bob"));
    for name in ["desk", "phone", "tablet"] {
        let bob = house.open(FULL, &device("bob", name));
        house.says(bob, ClientPacket::Dispose(Offset(1)));
        house.wait(1_000);
        house.input(Input::Closed(bob));
    }
    let bob = house.open(FULL, &device("bob", "watch"));
    house.wait(1_000);
    let out = LogOut::Device(Some(device("bob", "tablet").name));
    house.says(bob, ClientPacket::LogOut(out));
    let out_at = house.now.stamp();
    let next = sends(&mut house, ann, &to("bob"));
    let asked = status(&mut house, ann, next).unwrap();
    assert_eq!(one(&asked, "tablet"), DeviceState::LoggedOut { at: out_at });
    let DeviceState::Offline { since: Some(since) } = one(&asked, "desk") else { panic!("{asked:?}") };
    assert_eq!(since, UnixMs(out_at.0 - 3_000));
    assert_eq!(one(&status(&mut house, ann, first).unwrap(), "tablet"), DeviceState::Acknowledged);
    // It comes back under a new token, and goes.
    let back = house.open(FULL, &device("bob", "tablet"));
    house.wait(5);
    house.input(Input::Closed(back));
    let gone = DeviceState::Offline { since: Some(house.now.stamp()) };
    assert_eq!(one(&status(&mut house, ann, next).unwrap(), "tablet"), gone);
}

// DM-STAT-3
// MISSION A1
#[test]
fn a_stranger_is_told_what_is_told_of_nothing() {
    let mut house = House::new();
    let ann = house.open(FULL, &device("ann", "phone"));
    let bob = house.open(FULL, &device("bob", "phone"));
    let eve = house.open(FULL, &device("eve", "phone"));
    for conn in [ann, bob] {
        house.says(conn, ClientPacket::Join(team()));
    }
    let ids = [sends(&mut house, ann, &to("bob")), sends(&mut house, ann, &Address::Group(team()))];
    let nothing = MessageId::new(ids[0].epoch(), 99_999);
    let elsewhere = MessageId::new(ids[0].epoch() + 1, ids[0].sequence());
    for id in ids.into_iter().chain([nothing, elsewhere, MessageId::NONE]) {
        assert_eq!(status(&mut house, eve, id), None);
    }
    // Not even after joining: what was said before is not theirs.
    house.says(eve, ClientPacket::Join(team()));
    assert_eq!(status(&mut house, eve, ids[1]), None);
    for conn in [ann, bob] {
        assert!(ids.iter().all(|id| status(&mut house, conn, *id).is_some()));
    }
    for id in [nothing, elsewhere] {
        assert_eq!(status(&mut house, ann, id), None);
    }
}

// DM-STAT-3, DM-STAT-5
#[test]
fn a_recipient_is_told_of_nobody_else() {
    let mut house = House::new();
    let ann = house.open(FULL, &device("ann", "phone"));
    let (bob, carl) = (house.open(FULL, &device("bob", "b1")), house.open(FULL, &device("carl", "c1")));
    for conn in [ann, bob, carl] {
        house.says(conn, ClientPacket::Join(team()));
    }
    let id = sends(&mut house, ann, &Address::Group(team()));
    says(&mut house, carl, Status::Read, id);
    let asked = status(&mut house, bob, id).unwrap();
    assert_eq!((asked.counts.recipients, asked.counts.read), (1, 0));
    assert_eq!((asked.counts.first_delivered_at, asked.counts.first_read_at), (None, None));
    let users: Vec<_> = asked.recipients.iter().map(|it| it.user.as_str()).collect();
    assert_eq!((users, asked.recipients[0].row), (vec!["bob"], Some(Offset(1))));
    assert_eq!(devices(&asked).len(), 1);
    // The author is told of both, and not where it is in their mailboxes.
    let asked = status(&mut house, ann, id).unwrap();
    let rows: Vec<_> = asked.recipients.iter().map(|it| (it.user.as_str(), it.row, it.reached())).collect();
    assert_eq!(rows, [("bob", None, Reached::Sent), ("carl", None, Reached::Read)]);
    assert_eq!((asked.counts.recipients, asked.counts.read, asked.reached()), (2, 1, Reached::Sent));
}

// DM-STAT-5, DM-PRS-4
#[test]
fn of_who_hides_nothing_is_told_but_receipts() {
    let mut house = House::new();
    let (ann, bob) = (house.open(FULL, &device("ann", "phone")), house.open(FULL, &device("bob", "phone")));
    let id = sends(&mut house, ann, &to("bob"));
    house.hold_queries = true;
    let ask = Ask::Status { message: MessageRef::Id(id), after: None, limit: 0 };
    house.says(ann, ClientPacket::Query(Query { id: ClientRef::new("q").unwrap(), ask }));
    // Storage was asked before he hid, and answers after it.
    let stored = house.lookups.remove(0);
    let answered = bimip_session::ledger::find(&stored.ask, &stored.user, &house.book).unwrap();
    house.says(bob, ClientPacket::SetVisible { visible: false, id: None });
    house
        .input(Input::Answered(bimip_session::server::Answered { conn: stored.conn, found: Some(answered) }));
    let hidden = |asked: &MessageStatus| {
        let it = &asked.recipients[0];
        assert_eq!((&it.devices, it.why, asked.reached()), (&None, Some(NotYet::Untold), Reached::Pending));
    };
    hidden(&told(&mut house, ann).unwrap());
    house.hold_queries = false;
    hidden(&status(&mut house, ann, id).unwrap());
    house.wait(1_000);
    house.input(Input::Closed(bob));
    hidden(&status(&mut house, ann, id).unwrap());
    let bob = house.open(FULL, &device("bob", "phone"));
    assert!(status(&mut house, bob, id).unwrap().recipients[0].devices.is_some(), "oneself");
    says(&mut house, bob, Status::Delivered, id);
    let asked = status(&mut house, ann, id).unwrap();
    assert_eq!((&asked.recipients[0].devices, asked.recipients[0].why), (&None, None));
    assert_eq!(asked.reached(), Reached::Delivered);
    // When he went while he hid is nobody's to know, also when he is seen again.
    house.input(Input::Closed(bob));
    let desk = house.open(FULL, &device("bob", "desk"));
    house.says(desk, ClientPacket::SetVisible { visible: true, id: None });
    let next = sends(&mut house, ann, &to("bob"));
    house.says(desk, ClientPacket::Dispose(Offset(1)));
    let asked = status(&mut house, ann, next).unwrap();
    assert!(
        !devices(&asked).iter().any(|(_, state)| matches!(state, DeviceState::Offline { since: Some(_) }))
    );
}

// DM-STAT-4
#[test]
fn a_dialect_without_words_says_so() {
    let mut house = House::new();
    let ann = house.open(FULL, &device("ann", "phone"));
    let old = Caps { groups: false, revisions: false, ..FULL };
    let bob = house.open(old, &device("bob", "old"));
    for conn in [ann, bob] {
        house.says(conn, ClientPacket::Join(team()));
    }
    let id = sends(&mut house, ann, &Address::Group(team()));
    assert_eq!(one(&status(&mut house, ann, id).unwrap(), "old"), DeviceState::NoWords);
    // A device that only ever passed rows over acknowledges with the next one.
    sends(&mut house, ann, &to("bob"));
    house.says(bob, ClientPacket::Dispose(Offset(2)));
    let asked = status(&mut house, ann, id).unwrap();
    assert_eq!(
        (one(&asked, "old"), asked.recipients[0].marks.has(Status::Delivered)),
        (DeviceState::Acknowledged, false)
    );
}

// DM-STAT-2, DM-STAT-4: a deletion stands in the place of what was not delivered yet.
#[test]
fn what_is_deleted_is_told_so() {
    let mut house = House::new();
    let ann = house.open(FULL, &device("ann", "phone"));
    let (first, second) = (sends(&mut house, ann, &to("bob")), sends(&mut house, ann, &to("bob")));
    let bob = house.open(FULL, &device("bob", "phone"));
    house.says(bob, ClientPacket::Dispose(Offset(1)));
    for (name, message) in [("d1", first), ("d2", second)] {
        let revise = Revise {
            client_ref: ClientRef::new(name).unwrap(),
            message: MessageRef::Id(message),
            body: None,
        };
        house.says(ann, ClientPacket::Revise(revise));
    }
    let why = |house: &mut House, conn, id| {
        let asked = status(house, conn, id).unwrap();
        (asked.deleted, asked.recipients[0].why)
    };
    for conn in [ann, bob] {
        assert_eq!(why(&mut house, conn, first), (true, None), "he had it");
        assert_eq!(why(&mut house, conn, second), (true, Some(NotYet::Deleted)));
    }
}

// DM-STAT-5, DM-STAT-6
#[test]
fn who_left_the_group_is_told_of_by_what_they_said() {
    let mut house = House::new();
    let ann = house.open(FULL, &device("ann", "phone"));
    let (bob, carl) = (house.open(FULL, &device("bob", "b1")), house.open(FULL, &device("carl", "c1")));
    for conn in [ann, bob, carl] {
        house.says(conn, ClientPacket::Join(team()));
    }
    let id = sends(&mut house, ann, &Address::Group(team()));
    says(&mut house, carl, Status::Read, id);
    for conn in [bob, carl] {
        house.says(conn, ClientPacket::Leave(team()));
    }
    let asked = status(&mut house, ann, id).unwrap();
    let told: Vec<_> = asked.recipients.iter().map(|it| (it.devices.is_some(), it.why)).collect();
    assert_eq!(told, [(false, Some(NotYet::LeftGroup)), (false, None)]);
    assert_eq!((asked.counts.recipients, asked.counts.read), (2, 1));
    // Nor is an author who left told where the others are.
    house.says(bob, ClientPacket::Join(team()));
    let later = sends(&mut house, ann, &Address::Group(team()));
    house.says(ann, ClientPacket::Leave(team()));
    let asked = status(&mut house, ann, later).unwrap();
    assert_eq!((&asked.recipients[0].devices, asked.recipients[0].why), (&None, Some(NotYet::Untold)));
}

fn crowd(house: &mut House, members: usize) -> Vec<(String, ConnId)> {
    let names = (0..members).map(|number| format!("m{number:03}"));
    let members = names.map(|name| {
        let conn = house.open(FULL, &device(&name, "phone"));
        house.says(conn, ClientPacket::Join(team()));
        (name, conn)
    });
    members.collect()
}

// DM-STAT-6
// MISSION A1 E4
#[test]
fn a_group_is_told_of_in_pages_and_counts() {
    let mut house = House::new();
    let members = crowd(&mut house, 30);
    let (author, rest) = (members[0].1, &members[1..]);
    let id = sends(&mut house, author, &Address::Group(team()));
    for (_, conn) in &rest[..20] {
        house.says(*conn, ClientPacket::Dispose(Offset(1)));
    }
    for (_, conn) in &rest[..7] {
        says(&mut house, *conn, Status::Read, id);
    }
    let (mut seen, mut after) = (Vec::new(), None);
    loop {
        let ask = Ask::Status { message: MessageRef::Id(id), after, limit: 8 };
        let asked = found(&mut house, author, ask).unwrap();
        let counts = asked.counts;
        assert_eq!((counts.recipients, counts.delivered, counts.read, counts.exact), (29, 20, 7, true));
        assert!(asked.recipients.len() <= 8);
        after = asked.recipients.last().map(|it| it.user.clone());
        seen.extend(asked.recipients.iter().map(|it| (it.user.as_str().to_owned(), it.reached())));
        if !asked.more {
            break;
        }
    }
    let expected = rest.iter().enumerate().map(|(number, (name, _))| {
        let reached = match number {
            0..7 => Reached::Read,
            7..20 => Reached::Delivered,
            _ => Reached::Sent,
        };
        (name.clone(), reached)
    });
    assert_eq!(seen, expected.collect::<Vec<(String, Reached)>>());
}

// DM-STAT-2, DM-STAT-6, DM-GRP-10
#[test]
fn in_a_large_group_members_are_told_of_by_their_places() {
    let mut house = House::new();
    let members = crowd(&mut house, limits::RECEIPT_MEMBERS as usize + 2);
    let author = members[0].1;
    let ids: Vec<_> = (0..3).map(|_| sends(&mut house, author, &Address::Group(team()))).collect();
    house.wait(10);
    let first_at = Some(house.now.stamp());
    says(&mut house, members[1].1, Status::Read, ids[1]);
    house.wait(10);
    says(&mut house, members[2].1, Status::Delivered, ids[1]);
    for (id, read, had, times) in [(ids[0], 1, 2, None), (ids[1], 1, 2, first_at), (ids[2], 0, 0, None)] {
        let counts = status(&mut house, author, id).unwrap().counts;
        assert_eq!((counts.recipients, counts.delivered, counts.read), (33, had, read));
        assert_eq!((counts.first_delivered_at, counts.first_read_at), (times, times));
    }
    let asked = status(&mut house, author, ids[1]).unwrap();
    let it = asked.recipients.iter().find(|it| it.user.as_str() == members[1].0).unwrap();
    assert_eq!((it.reached(), it.delivered_at, it.read_at), (Reached::Read, None, None));
}

// DM-STAT-4, DM-STAT-5: the mailbox of who is not here waits for them; and where a crowd is here nobody is told who.
#[test]
fn what_waits_in_a_feed_is_told_so() {
    let mut config = Config::default();
    config.row_members = 2;
    let mut house = House::with(config);
    let members = crowd(&mut house, 4);
    let author = members[0].1;
    for (_, conn) in &members[1..] {
        house.input(Input::Closed(*conn));
    }
    let id = sends(&mut house, author, &Address::Group(team()));
    let later = sends(&mut house, author, &to("m001"));
    let asked = status(&mut house, author, id).unwrap();
    assert!(asked.recipients.iter().all(|it| it.why == Some(NotYet::NotFilled)), "{asked:?}");
    assert!(
        devices(&asked).iter().all(|(_, state)| matches!(state, DeviceState::Offline { since: Some(_) }))
    );
    // Its row comes after what was written later: the mailbox is not in the order of the log.
    let back = house.open(FULL, &device("m001", "phone"));
    assert!(house.book.messages(&bimip_proto::ConversationId::Group(team())).count() == 1);
    let asked = status(&mut house, author, id).unwrap();
    let it = &asked.recipients[0];
    assert_eq!((it.user.as_str(), it.reached(), it.why), ("m001", Reached::Sent, None));
    let rows = |house: &mut House, id| status(house, back, id).unwrap().recipients[0].row;
    assert!(rows(&mut house, later) < rows(&mut house, id), "both are found");
    house.says(back, ClientPacket::Dispose(Offset(9)));
    assert_eq!(status(&mut house, author, id).unwrap().recipients[0].reached(), Reached::Delivered);

    for (name, _) in &members[2..] {
        house.open(FULL, &device(name, "phone"));
    }
    let asked = status(&mut house, author, id).unwrap();
    assert_eq!(devices(&asked), []);
    assert_eq!(asked.recipients[1].why, Some(NotYet::Untold));
}

#[test]
fn a_message_to_oneself_is_about_ones_other_devices() {
    let mut house = House::new();
    let phone = house.open(FULL, &device("ann", "phone"));
    let id = sends(&mut house, phone, &to("ann"));
    let asked = status(&mut house, phone, id).unwrap();
    assert_eq!((devices(&asked), asked.recipients[0].why), (Vec::new(), None));
    house.open(FULL, &device("ann", "desk"));
    let asked = status(&mut house, phone, id).unwrap();
    let sent = DeviceState::Sent { at: Some(house.now.stamp()) };
    assert_eq!((devices(&asked), asked.recipients[0].row), (vec![("desk".into(), sent)], Some(Offset(1))));
}

// DM-STAT-4
#[test]
fn of_several_cores_one_knows_its_own_connections() {
    let mut config = Config::default();
    config.siblings = Some(Siblings::default());
    let mut house = House::with(config);
    let ann = house.open(FULL, &device("ann", "phone"));
    let first = sends(&mut house, ann, &to("bob"));
    let bob = house.open_with(FULL, Grant::new(device("bob", "phone")));
    house.says(bob, ClientPacket::Dispose(Offset(1)));
    assert_eq!(one(&status(&mut house, ann, first).unwrap(), "phone"), DeviceState::Acknowledged);
    house.input(Input::Closed(bob));
    let next = sends(&mut house, ann, &to("bob"));
    assert_eq!(one(&status(&mut house, ann, next).unwrap(), "phone"), DeviceState::Elsewhere);
}

/// Ids of messages are easy to guess, so what is told by them is tried for all of them, by everybody, under every name.
mod strangers {
    use bimip_proto::{ConversationId, Entry};
    use bimip_session::ledger::{View, find};
    use proptest::prelude::*;

    use super::*;

    const NAMES: [&str; 4] = ["a", "b", "a_b", "b_a"];

    #[derive(Debug, Clone)]
    enum Word {
        Says(usize, usize),
        Posts(usize),
        Moves(usize, bool),
        Reads(usize, u64),
        Deletes(usize, u64),
    }

    fn word() -> impl Strategy<Value = Word> {
        let who = 0..NAMES.len();
        prop_oneof![
            (who.clone(), who.clone()).prop_map(|(from, to)| Word::Says(from, to)),
            who.clone().prop_map(Word::Posts),
            (who.clone(), any::<bool>()).prop_map(|(who, join)| Word::Moves(who, join)),
            (who.clone(), 1..30_u64).prop_map(|(who, sequence)| Word::Reads(who, sequence)),
            (who, 1..30_u64).prop_map(|(who, sequence)| Word::Deletes(who, sequence)),
        ]
    }

    fn house(words: &[Word], row_members: u32) -> House {
        let mut config = Config::default();
        config.row_members = row_members;
        let mut house = House::with(config);
        let conns = NAMES.map(|name| house.open(FULL, &device(name, "1")));
        for (number, word) in words.iter().enumerate() {
            house.wait(1);
            let id = |sequence: u64| MessageRef::Id(MessageId::new(7, sequence));
            let send = |to| Draft { client_ref: None, to, client_time: None, body: Body::text("x") };
            let (who, packet) = match *word {
                Word::Says(from, it) => (from, ClientPacket::Send(send(to(NAMES[it])))),
                Word::Posts(from) => (from, ClientPacket::Send(send(Address::Group(team())))),
                Word::Moves(who, true) => (who, ClientPacket::Join(team())),
                Word::Moves(who, false) => (who, ClientPacket::Leave(team())),
                Word::Reads(who, it) => (who, ClientPacket::Mark { message: id(it), status: Status::Read }),
                Word::Deletes(who, it) => {
                    let client_ref = ClientRef::new(&format!("d{number}")).unwrap();
                    (who, ClientPacket::Revise(Revise { client_ref, message: id(it), body: None }))
                }
            };
            house.says(conns[who], packet);
        }
        house
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(if cfg!(miri) { 2 } else { 300 }))]

        // DM-STAT-3
        #[test]
        fn nobody_is_told_of_what_is_not_theirs(
            words in proptest::collection::vec(word(), 1..30),
            row_members in prop_oneof![Just(1_u32), Just(256)],
        ) {
            let house = house(&words, row_members);
            let status = |who: &str, message| {
                match find(&Ask::Status { message, after: None, limit: 0 }, &user(who), &house.book) {
                    Ok(Found::Status(status)) => status,
                    other => panic!("{other:?}"),
                }
            };
            let last = house.book.last_sequence().unwrap();
            for (who, sequence) in NAMES.iter().chain(&["eve"]).flat_map(|who| (0..=last + 1).map(move |it| (*who, it))) {
                let entry = house.book.entry(sequence).unwrap();
                let head = match entry.as_deref() {
                    Some(Entry::Message(message)) => Some(&message.head),
                    _ => None,
                };
                let party = head.filter(|head| {
                    let received = match &head.to {
                        Address::Group(group) => house.book.membership(group, &user(who)).unwrap().saw(head.seq),
                        _ => head.is_to(&user(who)),
                    };
                    head.from.user == user(who) || received
                });
                let by_id = status(who, MessageRef::Id(MessageId::new(7, sequence)));
                prop_assert_eq!(by_id.is_some(), party.is_some(), "{} asks for {}", who, sequence);
                prop_assert_eq!(status(who, MessageRef::Id(MessageId::new(8, sequence))), None);
                if let Some(told) = &by_id {
                    let own = |it: &bimip_proto::RecipientStatus| it.user == user(who);
                    prop_assert!(told.from.user == user(who) || told.recipients.iter().all(own));
                }
                // By its other names nobody is told of more: an alias may be of several conversations.
                let Some(head) = head else { continue };
                if let Some(told) = status(who, MessageRef::Alias(head.alias())) {
                    prop_assert!(told.from.user == user(who) || told.recipients.iter().any(|it| it.user == user(who)));
                }
                let place = MessageRef::Place { conversation: head.conversation(), seq: head.seq };
                let stranger = party.is_none() || matches!(head.conversation(), ConversationId::Group(_));
                prop_assert!(!stranger || status(who, place).is_none());
            }
        }
    }
}
