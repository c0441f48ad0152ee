//! Groups in the server's machine: who is in, who speaks, who hears it, who is told.
#![allow(clippy::unwrap_used, reason = "test code")]

mod harness;

use bimip_proto::{
    Address, Body, BodyKind, Caps, ClientPacket, ClientRef, ConversationId, Draft, Entry, Floor, GroupId,
    Head, MessageId, MessageRef, Noted, Offset, Reject, Seq, ServerPacket, Status, Talk, TalkAct, limits,
};
use bimip_session::ledger::View;
use bimip_session::server::{Config, ConnId, Grant, Input};
use bytes::Bytes;

use harness::{House, device, rows, user};

fn group() -> GroupId {
    GroupId::new("acme_team").unwrap()
}

fn post(text: &str) -> ClientPacket {
    ClientPacket::Send(Draft {
        client_ref: None,
        to: Address::Group(group()),
        client_time: None,
        body: Body::text(text),
    })
}

fn talk(from: &str, act: TalkAct) -> ClientPacket {
    ClientPacket::Talk(Talk { from: user(from), to: Address::Group(group()), act })
}

fn start() -> TalkAct {
    TalkAct::Start { label: None, payload: Bytes::from_static(&[5]) }
}

fn audio() -> TalkAct {
    TalkAct::Audio { label: None, payload: Bytes::from_static(&[0xc4, 1, 9]) }
}

/// A walkie-talkie of each user, all of them in the group.
fn walkies<const N: usize>(house: &mut House, users: [&str; N]) -> [ConnId; N] {
    let conns = users.map(|name| house.open(Caps::WALKIE, &device(name, "voiceping")));
    for conn in conns {
        house.says(conn, ClientPacket::Join(group()));
        assert!(matches!(house.heard(conn).last(), Some(ServerPacket::Noted(Noted::Joined(_)))));
    }
    conns
}

/// What a packet is, for comparing whole conversations.
fn shape(packet: &ServerPacket) -> String {
    match packet {
        ServerPacket::Floor(Floor::Granted { .. }) => "granted".into(),
        ServerPacket::Floor(Floor::Denied { reason, .. }) => format!("denied {reason:?}"),
        ServerPacket::Floor(Floor::Ended { .. }) => "ended".into(),
        ServerPacket::Talk(Talk { from, act: TalkAct::Start { .. }, .. }) => format!("start by {from}"),
        ServerPacket::Talk(Talk { from, act: TalkAct::Audio { .. }, .. }) => format!("audio by {from}"),
        ServerPacket::Accepted { .. } => "accepted".into(),
        ServerPacket::Rejected { reason, .. } => format!("rejected {reason:?}"),
        ServerPacket::Noted(noted) => match noted {
            Noted::Joined(_) => "joined".into(),
            Noted::Left(_) => "left".into(),
            Noted::Barred { reason, .. } => format!("barred {reason:?}"),
            other => format!("{other:?}"),
        },
        ServerPacket::Deliver(row) => match &*row.entry {
            Entry::Message(message) => {
                format!("{} by {}", kind(&message.head), message.head.from.user)
            }
            Entry::Receipt(receipt) => format!("{:?} by {}", receipt.status, receipt.by.user),
            other => format!("{other:?}"),
        },
        other => format!("{other:?}"),
    }
}

fn kind(head: &Head) -> &'static str {
    match head.kind {
        BodyKind::Voice { .. } => "voice",
        _ => "text",
    }
}

fn heard(house: &mut House, conn: ConnId) -> Vec<String> {
    house.heard(conn).iter().filter(|packet| !matches!(packet, ServerPacket::Welcome(_))).map(shape).collect()
}

// MISSION V8
// DM-GRP-6
#[test]
fn a_message_goes_to_every_member_but_where_it_came_from() {
    let mut house = House::new();
    let [ann, bob] = walkies(&mut house, ["ann", "bob"]);
    let tablet = house.open(Caps::FULL, &device("ann", "tablet"));
    let eve = house.open(Caps::WALKIE, &device("eve", "voiceping"));
    heard(&mut house, tablet);
    house.says(ann, post("hello"));
    assert_eq!(heard(&mut house, ann), ["accepted"]);
    assert_eq!(heard(&mut house, bob), ["text by ann"]);
    assert_eq!(heard(&mut house, tablet), ["text by ann"]);
    assert_eq!(heard(&mut house, eve), [""; 0]);
    // What the tablet says, the walkie-talkie of the same user hears: in a group everybody sees who speaks.
    house.says(tablet, post("from the tablet"));
    assert_eq!(heard(&mut house, ann), ["text by ann"]);
}

// MISSION V8
// DM-GRP-5, DM-ACK-3
#[test]
fn a_stranger_is_told_so_and_nothing_is_stored() {
    let mut house = House::new();
    let [ann] = walkies(&mut house, ["ann"]);
    let eve = house.open(Caps::WALKIE, &device("eve", "voiceping"));
    heard(&mut house, eve);
    house.says(eve, post("psst"));
    house.says(eve, talk("eve", start()));
    house.says(eve, talk("eve", audio()));
    house.says(eve, talk("eve", TalkAct::Stop));
    assert_eq!(heard(&mut house, eve), ["rejected NotMember", "denied NotMember", "rejected NotMember"]);
    assert_eq!(heard(&mut house, ann), [""; 0]);
    assert_eq!(house.book.last_sequence(), Ok(0));
    // No floor was taken.
    house.says(ann, talk("ann", start()));
    assert_eq!(heard(&mut house, ann), ["granted"]);
}

// MISSION V8
// DM-GRP-2, DM-GRP-3
#[test]
fn joining_and_leaving_say_so_and_cost_nothing_when_repeated() {
    let mut house = House::new();
    let [ann, bob] = walkies(&mut house, ["ann", "bob"]);
    let before = house.book.clone();
    house.says(ann, ClientPacket::Join(group()));
    assert_eq!(heard(&mut house, ann), ["joined"]);
    assert_eq!(house.book, before);
    house.says(bob, ClientPacket::Leave(group()));
    house.says(bob, ClientPacket::Leave(group()));
    assert_eq!(heard(&mut house, bob), ["left", "left"]);
    house.says(ann, post("alone"));
    assert_eq!(heard(&mut house, bob), [""; 0]);
    assert_eq!(house.book.group(&group()).unwrap().unwrap().members, 1);
}

// MISSION V8
// DM-GRP-2, DM-GRP-4
#[test]
fn a_managed_group_lets_nobody_in_but_whom_the_sign_in_names() {
    let mut config = Config::default();
    config.open_groups = false;
    let mut house = House::with(config);
    let mut grant = Grant::new(device("ann", "phone"));
    grant.groups = vec![group()];
    let ann = house.open_with(Caps::FULL, grant);
    let eve = house.open(Caps::WALKIE, &device("eve", "voiceping"));
    heard(&mut house, eve);
    house.says(eve, ClientPacket::Join(group()));
    house.says(eve, ClientPacket::Join(GroupId::new("another").unwrap()));
    assert_eq!(heard(&mut house, eve), ["barred NotMember", "barred NotMember"]);
    heard(&mut house, ann);
    house.says(ann, ClientPacket::Join(group()));
    house.says(ann, post("in"));
    assert_eq!(heard(&mut house, ann), ["joined", "accepted"]);
}

/// What a server is told when it starts is for the groups that it makes.
// DM-GRP-2
#[test]
fn a_group_stays_open_or_managed_as_it_was_made() {
    for open_groups in [true, false] {
        let server = |open_groups| {
            let mut config = Config::default();
            config.open_groups = open_groups;
            House::with(config)
        };
        let mut first = server(open_groups);
        first.open_with(Caps::FULL, member("ann", "phone"));
        let mut second = server(!open_groups);
        second.book = first.book;
        let bob = second.open(Caps::FULL, &device("bob", "phone"));
        heard(&mut second, bob);
        second.says(bob, ClientPacket::Join(group()));
        let answer = if open_groups { "joined" } else { "barred NotMember" };
        assert_eq!(heard(&mut second, bob), [answer]);
    }
}

// DM-GRP-7
#[test]
fn what_is_said_after_a_join_waits_for_it() {
    let mut house = House::new();
    let ann = house.open(Caps::WALKIE, &device("ann", "voiceping"));
    heard(&mut house, ann);
    house.hold_commits = true;
    house.says(ann, ClientPacket::Join(group()));
    house.says(ann, talk("ann", start()));
    house.says(ann, post("hello"));
    assert_eq!(heard(&mut house, ann), [""; 0]);
    house.commit_held();
    assert_eq!(heard(&mut house, ann), ["joined", "granted", "accepted"]);
}

// DM-GRP-7
#[test]
fn what_is_said_after_a_join_that_had_to_wait_itself_waits_for_it() {
    let mut config = Config::default();
    config.commits_per_connection = 1;
    let mut house = House::with(config);
    let ann = house.open(Caps::WALKIE, &device("ann", "voiceping"));
    heard(&mut house, ann);
    house.hold_commits = true;
    let to = Address::User(user("bob"));
    let draft = Draft { client_ref: None, to, client_time: None, body: Body::text("hello") };
    for packet in [ClientPacket::Send(draft), ClientPacket::Join(group()), talk("ann", start())] {
        house.says(ann, packet);
    }
    house.commit_held();
    let words = heard(&mut house, ann);
    assert_eq!(words.len(), 3, "{words:?}");
    assert!(words[1].starts_with("joined") && words[2].starts_with("granted"), "{words:?}");
}

#[test]
fn a_join_that_fails_lets_the_rest_go_on() {
    let mut house = House::new();
    let ann = house.open(Caps::WALKIE, &device("ann", "voiceping"));
    heard(&mut house, ann);
    house.hold_commits = true;
    house.says(ann, ClientPacket::Join(group()));
    house.says(ann, talk("ann", start()));
    house.fail_held();
    assert_eq!(heard(&mut house, ann), ["barred Unavailable", "denied NotMember"]);
}

#[test]
fn groups_joined_while_a_device_attaches_are_not_lost() {
    let mut house = House::new();
    let [ann] = walkies(&mut house, ["ann"]);
    let bob = house.open(Caps::WALKIE, &device("bob", "voiceping"));
    house.hold_commits = true;
    house.says(bob, ClientPacket::Join(group()));
    // The second device asks storage before the join is durable, and hears the answer after it.
    let conn = ConnId(99);
    let grant = Some(Grant::new(device("bob", "second")));
    house.core_only(Input::Opened { conn, caps: Caps::WALKIE, grant });
    let asked = house.take_attach();
    house.commit_held();
    house.input(Input::Attached(conn, Some(asked)));
    heard(&mut house, conn);
    house.says(ann, talk("ann", start()));
    assert_eq!(heard(&mut house, conn), ["start by ann"]);
    assert_eq!(heard(&mut house, bob).last().unwrap(), "start by ann");
}

// MISSION V7
// DM-TLK-6
#[test]
fn a_group_has_one_talker_and_is_busy_for_others() {
    let mut house = House::new();
    let [ann, bob, cem] = walkies(&mut house, ["ann", "bob", "cem"]);
    house.says(ann, talk("ann", start()));
    house.says(bob, talk("bob", start()));
    house.says(bob, talk("bob", audio()));
    house.says(ann, talk("ann", audio()));
    house.wait(500);
    house.says(ann, talk("ann", TalkAct::Stop));
    assert_eq!(heard(&mut house, ann), ["granted", "ended"]);
    assert_eq!(heard(&mut house, bob), ["start by ann", "denied Busy", "audio by ann", "voice by ann"]);
    assert_eq!(heard(&mut house, cem), ["start by ann", "audio by ann", "voice by ann"]);
    house.says(bob, talk("bob", start()));
    assert_eq!(heard(&mut house, bob), ["granted"]);
    assert_eq!(heard(&mut house, cem), ["start by bob"]);
}

// MISSION V7
// DM-TLK-7, DM-TLK-8
#[test]
fn a_silent_talker_loses_the_floor_when_somebody_asks_and_not_before() {
    let mut house = House::new();
    let [ann, bob, cem] = walkies(&mut house, ["ann", "bob", "cem"]);
    house.says(ann, talk("ann", start()));
    house.wait(1_000);
    house.says(ann, talk("ann", audio()));
    heard(&mut house, cem);
    house.wait(2_999);
    house.says(bob, talk("bob", start()));
    assert_eq!(heard(&mut house, bob).last().unwrap(), "denied Busy");
    house.wait(1);
    // Nobody hears a word about it merely because time went by.
    assert_eq!(heard(&mut house, cem), [""; 0]);
    house.says(bob, talk("bob", start()));
    assert_eq!(heard(&mut house, bob), ["granted"]);
    assert_eq!(heard(&mut house, ann), ["granted", "start by bob"]);
    assert_eq!(heard(&mut house, cem), ["start by bob"]);
    // The first talker goes unheard, and still ends what was heard.
    house.says(ann, talk("ann", audio()));
    house.wait(2_000);
    house.says(ann, talk("ann", TalkAct::Stop));
    let ended = house.heard(ann);
    let ServerPacket::Floor(Floor::Ended { head }) = &ended[0] else { panic!("{ended:?}") };
    assert_eq!(head.kind, BodyKind::Voice { duration_ms: 1_000 });
    assert_eq!(heard(&mut house, cem), ["voice by ann"]);
    // That took nothing from the second.
    house.says(cem, talk("cem", start()));
    assert_eq!(heard(&mut house, cem), ["denied Busy"]);
}

// MISSION V7
// DM-TLK-6
#[test]
fn a_talker_who_vanishes_frees_the_floor() {
    let mut house = House::new();
    let [ann, bob] = walkies(&mut house, ["ann", "bob"]);
    house.says(ann, talk("ann", start()));
    house.says(ann, talk("ann", audio()));
    house.wait(100);
    house.input(Input::Closed(ann));
    house.says(bob, talk("bob", start()));
    assert_eq!(heard(&mut house, bob), ["start by ann", "audio by ann", "voice by ann", "granted"]);
    // Who said nothing leaves nothing behind.
    let ann = house.open(Caps::WALKIE, &device("ann", "voiceping"));
    house.says(bob, talk("bob", TalkAct::Stop));
    house.says(ann, talk("ann", start()));
    house.input(Input::Closed(ann));
    house.says(bob, talk("bob", start()));
    assert_eq!(heard(&mut house, bob), ["ended", "start by ann", "granted"]);
    // One who is replaced, or leaves the group, has stopped as well.
    let again = house.open(Caps::WALKIE, &device("bob", "voiceping"));
    heard(&mut house, again);
    let [cem] = walkies(&mut house, ["cem"]);
    house.says(cem, talk("cem", start()));
    house.says(cem, ClientPacket::Leave(group()));
    assert_eq!(heard(&mut house, cem), ["granted", "left"]);
    house.says(again, talk("bob", start()));
    assert_eq!(heard(&mut house, again), ["start by cem", "voice by cem", "granted"]);
}

// MISSION V7
// DM-TLK-8
#[test]
fn who_left_by_another_device_has_no_floor_and_is_not_heard() {
    let mut house = House::new();
    let [ann, bob] = walkies(&mut house, ["ann", "bob"]);
    let second = house.open(Caps::WALKIE, &device("ann", "second"));
    house.hold_commits = true;
    house.says(second, ClientPacket::Leave(group()));
    // Still a member, as far as is proven.
    house.says(ann, talk("ann", start()));
    house.says(ann, talk("ann", audio()));
    house.commit_held();
    assert_eq!(heard(&mut house, bob), ["start by ann", "audio by ann"]);
    house.says(ann, talk("ann", audio()));
    assert_eq!(heard(&mut house, bob), [""; 0], "no member speaks");
    house.says(bob, talk("bob", start()));
    assert_eq!(heard(&mut house, bob), ["granted"]);
    house.says(ann, talk("ann", TalkAct::Stop));
    assert_eq!(heard(&mut house, ann), ["granted", "rejected NotMember"]);
    // Nothing of that talk is left to fall due in the next one.
    house.wait(4_000);
    house.says(ann, ClientPacket::Join(group()));
    house.says(ann, talk("ann", start()));
    house.wait(92_000);
    house.says(ann, talk("ann", TalkAct::Stop));
    assert_eq!(heard(&mut house, ann), ["joined", "granted", "ended"]);
    assert_eq!(heard(&mut house, bob), ["start by ann", "voice by ann"]);
}

// MISSION V7
// DM-TLK-4
#[test]
fn a_group_talk_is_cut_at_its_greatest_length() {
    let mut house = House::new();
    let [ann, bob] = walkies(&mut house, ["ann", "bob"]);
    house.says(ann, talk("ann", start()));
    for _ in 0..91 {
        house.says(ann, talk("ann", audio()));
        house.wait(1_000);
    }
    heard(&mut house, bob);
    heard(&mut house, ann);
    house.says(ann, talk("ann", audio()));
    let ended = house.heard(ann);
    let [ServerPacket::Floor(Floor::Ended { head })] = &ended[..] else { panic!("{ended:?}") };
    assert_eq!(head.kind, BodyKind::Voice { duration_ms: 90_000 });
    house.says(ann, talk("ann", audio()));
    assert_eq!(heard(&mut house, bob), ["voice by ann"]);
    house.says(bob, talk("bob", start()));
    assert_eq!(heard(&mut house, bob), ["granted"]);
}

// MISSION V3
// DM-GRP-10, DM-RCP-4
#[test]
fn receipts_in_a_group_go_to_the_author() {
    let mut house = House::new();
    let [ann, bob] = walkies(&mut house, ["ann", "bob"]);
    let cem = house.open_with(Caps::FULL, {
        let mut grant = Grant::new(device("cem", "phone"));
        grant.groups = vec![group()];
        grant
    });
    heard(&mut house, cem);
    house.says(ann, post("hello"));
    let got = house.heard(bob);
    let ServerPacket::Deliver(row) = got.last().unwrap() else { panic!("{got:?}") };
    let Entry::Message(message) = &*row.entry else { panic!("{row:?}") };
    let alias: bimip_proto::Alias = message.head.alias().to_string().parse().unwrap();
    heard(&mut house, ann);
    house.says(bob, ClientPacket::Delivered(vec![MessageRef::Alias(alias.clone())]));
    house.says(bob, ClientPacket::Delivered(vec![MessageRef::Alias(alias.clone())]));
    let last = *rows(&house.heard(cem)).last().unwrap();
    house.says(cem, ClientPacket::Dispose(last));
    house.says(cem, ClientPacket::Mark { message: MessageRef::Id(message.head.id), status: Status::Read });
    assert_eq!(heard(&mut house, ann), ["Delivered by bob", "Delivered by cem", "Read by cem"]);
    // Neither the author nor a stranger has a say.
    let eve = house.open(Caps::WALKIE, &device("eve", "voiceping"));
    for conn in [ann, eve] {
        house.says(
            conn,
            ClientPacket::Mark { message: MessageRef::Alias(alias.clone()), status: Status::Read },
        );
        assert!(matches!(
            house.heard(conn).last(),
            Some(ServerPacket::Noted(Noted::Refused { reason: Reject::NoSuchMessage, .. }))
        ));
    }
}

// DM-GRP-9
#[test]
fn who_left_says_nothing_about_what_came_later() {
    let mut house = House::new();
    let [ann, bob] = walkies(&mut house, ["ann", "bob"]);
    house.says(ann, post("before"));
    house.says(bob, ClientPacket::Leave(group()));
    house.says(ann, post("after"));
    let ids: Vec<_> = house
        .heard(ann)
        .into_iter()
        .filter_map(|packet| match packet {
            ServerPacket::Accepted { head, .. } => Some(head.id),
            _ => None,
        })
        .collect();
    let mut mark = |id| {
        house.says(bob, ClientPacket::Mark { message: MessageRef::Id(id), status: Status::Read });
        house.heard(bob).pop().unwrap()
    };
    assert!(matches!(mark(ids[0]), ServerPacket::Noted(Noted::Marked { .. })));
    assert!(matches!(mark(ids[1]), ServerPacket::Noted(Noted::Refused { .. })));
}

/// Of groups that is not said in any dialect, and what nobody says is not answered.
#[test]
fn a_message_in_a_group_is_not_named_by_its_place() {
    let mut house = House::new();
    let ann = house.open_with(Caps::FULL, member("ann", "phone"));
    let bob = house.open_with(Caps::FULL, member("bob", "phone"));
    posted(&mut house, ann);
    heard(&mut house, bob);
    let message = MessageRef::Place { conversation: ConversationId::Group(group()), seq: Seq(1) };
    house.says(bob, ClientPacket::Mark { message, status: Status::Read });
    let answer = house.heard(bob);
    let refused = |noted: &Noted| matches!(noted, Noted::Refused { reason: Reject::NoSuchMessage, .. });
    assert!(matches!(&answer[..], [ServerPacket::Noted(noted)] if refused(noted)), "{answer:?}");
}

// DM-GRP-10
#[test]
fn in_the_largest_small_group_the_author_hears_of_every_member() {
    let mut house = House::new();
    let members = phones(&mut house, limits::RECEIPT_MEMBERS);
    house.says(members[0], post("one"));
    heard(&mut house, members[0]);
    for member in &members[1..] {
        house.says(*member, ClientPacket::Dispose(Offset(1)));
    }
    let others: Vec<String> =
        (1..limits::RECEIPT_MEMBERS).map(|number| format!("Delivered by m{number}")).collect();
    assert_eq!(heard(&mut house, members[0]), others);
}

// DM-GRP-10
#[test]
fn in_a_large_group_the_author_hears_of_the_first_receipt_of_each_kind() {
    let mut house = House::new();
    let members = phones(&mut house, limits::RECEIPT_MEMBERS + 1);
    house.sent.clear();
    house.says(members[0], post("one"));
    house.says(members[0], post("two"));
    heard(&mut house, members[0]);
    for member in &members[1..] {
        let offsets = rows(&house.heard(*member));
        assert_eq!(offsets, [Offset(1), Offset(2)]);
        house.says(*member, ClientPacket::Dispose(Offset(2)));
    }
    let told = house.heard(members[0]);
    let receipts: Vec<_> = told
        .iter()
        .filter_map(|packet| match packet {
            ServerPacket::Deliver(row) => match &*row.entry {
                Entry::Receipt(receipt) => Some((receipt.status, receipt.messages.len())),
                _ => None,
            },
            _ => None,
        })
        .collect();
    assert_eq!(receipts, [(Status::Delivered, 2)]);
    let far = house.book.membership(&group(), &user("m7")).unwrap();
    assert_eq!((far.delivered().0, far.read().0), (2, 0));
}

// DM-GRP-8
#[test]
fn a_group_has_a_greatest_size_and_so_have_the_groups_of_a_user() {
    let mut house = House::new();
    let ann = house.open(Caps::WALKIE, &device("ann", "voiceping"));
    heard(&mut house, ann);
    for number in 0..=limits::GROUPS_PER_USER {
        house.says(ann, ClientPacket::Join(GroupId::new(&format!("g{number}")).unwrap()));
    }
    let answers = heard(&mut house, ann);
    assert_eq!(answers.iter().filter(|answer| *answer == "joined").count(), limits::GROUPS_PER_USER);
    assert_eq!(answers.last().unwrap(), "barred Full");
    for number in 0..=limits::GROUP_MEMBERS {
        let conn = house.open(Caps::WALKIE, &device(&format!("m{number}"), "voiceping"));
        house.says(conn, ClientPacket::Join(group()));
        let full = number == limits::GROUP_MEMBERS;
        assert_eq!(heard(&mut house, conn), [if full { "barred Full" } else { "joined" }], "{number}");
        house.input(Input::Closed(conn));
    }
}

#[test]
fn a_resend_to_a_group_one_has_left_gets_its_first_answer() {
    let mut house = House::new();
    let mut grant = Grant::new(device("ann", "phone"));
    grant.groups = vec![group()];
    let ann = house.open_with(Caps::FULL, grant);
    let draft = ClientPacket::Send(Draft {
        client_ref: ClientRef::new("r1").ok(),
        to: Address::Group(group()),
        client_time: None,
        body: Body::text("x"),
    });
    house.sent.clear();
    house.says(ann, draft.clone());
    let first = house.heard(ann);
    house.says(ann, ClientPacket::Leave(group()));
    house.heard(ann);
    house.says(ann, draft);
    assert_eq!(house.heard(ann), first);
}

/// `count` members with a phone each, by what their sign-in says.
fn phones(house: &mut House, count: u32) -> Vec<ConnId> {
    let phones = (0..count).map(|number| house.open_with(Caps::FULL, member(&format!("m{number}"), "phone")));
    phones.collect()
}

fn member(user: &str, name: &str) -> Grant {
    let mut grant = Grant::new(device(user, name));
    grant.groups = vec![group()];
    grant
}

fn posted(house: &mut House, conn: ConnId) -> MessageId {
    house.heard(conn);
    house.says(conn, post("x"));
    match &house.heard(conn)[..] {
        [ServerPacket::Accepted { head, .. }, ..] => head.id,
        other => panic!("{other:?}"),
    }
}

// Rule DM-RCP-5: what is read on one device is read on the others.
#[test]
fn in_a_large_group_the_readers_own_devices_are_told_though_the_author_knows() {
    let mut house = House::new();
    let phones = phones(&mut house, limits::RECEIPT_MEMBERS + 1);
    let tablet = house.open_with(Caps::FULL, member("m2", "tablet"));
    let id = posted(&mut house, phones[0]);
    heard(&mut house, tablet);
    for phone in [phones[1], phones[2], phones[2]] {
        house.says(phone, ClientPacket::Mark { message: MessageRef::Id(id), status: Status::Read });
    }
    assert_eq!(heard(&mut house, phones[0]), ["Read by m1"]);
    assert_eq!(heard(&mut house, tablet), ["Read by m2"]);
}

// Rule DM-RCP-2: what says nothing new makes no row.
#[test]
fn a_group_that_grows_large_tells_nothing_twice() {
    let mut house = House::new();
    let phones = phones(&mut house, limits::RECEIPT_MEMBERS);
    let id = posted(&mut house, phones[0]);
    let read = ClientPacket::Mark { message: MessageRef::Id(id), status: Status::Read };
    house.says(phones[1], read.clone());
    assert_eq!(heard(&mut house, phones[0]), ["Read by m1"]);
    house.open_with(Caps::FULL, member("late", "phone"));
    house.says(phones[1], read);
    assert_eq!(heard(&mut house, phones[0]), [""; 0]);
}

// Rule DM-TLK-6
#[test]
fn two_devices_of_one_user_do_not_speak_at_once() {
    let mut house = House::new();
    let [ann, bob] = walkies(&mut house, ["ann", "bob"]);
    let second = house.open(Caps::WALKIE, &device("ann", "second"));
    heard(&mut house, second);
    house.says(ann, talk("ann", start()));
    house.wait(100);
    house.says(second, talk("ann", start()));
    house.says(second, talk("ann", audio()));
    house.says(second, talk("ann", TalkAct::Stop));
    assert_eq!(heard(&mut house, second), ["start by ann", "denied Busy", "ended"]);
    house.says(ann, talk("ann", audio()));
    house.says(ann, talk("ann", TalkAct::Stop));
    assert_eq!(heard(&mut house, ann), ["granted", "ended"]);
    assert_eq!(heard(&mut house, bob), ["start by ann", "audio by ann", "voice by ann"]);
}

// Rule DM-GRP-4
#[test]
fn a_sign_in_that_meets_a_leave_on_its_way_is_in_the_group() {
    let mut house = House::new();
    let first = house.open_with(Caps::FULL, member("ann", "phone"));
    house.hold_commits = true;
    house.says(first, ClientPacket::Leave(group()));
    let second = house.open_with(Caps::FULL, member("ann", "tablet"));
    house.commit_held();
    heard(&mut house, second);
    house.says(second, post("here"));
    assert_eq!(heard(&mut house, second), ["accepted"]);
}

// DM-GRP-9
#[test]
fn the_last_eight_stays_are_remembered() {
    let mut house = House::new();
    let ann = house.open_with(Caps::FULL, member("ann", "phone"));
    let bob = house.open(Caps::FULL, &device("bob", "phone"));
    let mut ids = Vec::new();
    for _ in 0..9 {
        house.says(bob, ClientPacket::Join(group()));
        ids.push(posted(&mut house, ann));
        house.says(bob, ClientPacket::Leave(group()));
        // While bob is away.
        posted(&mut house, ann);
    }
    let mut may = |id| {
        house.heard(bob);
        house.says(bob, ClientPacket::Mark { message: MessageRef::Id(id), status: Status::Read });
        !matches!(house.heard(bob).pop().unwrap(), ServerPacket::Noted(Noted::Refused { .. }))
    };
    let may: Vec<bool> = ids.into_iter().map(&mut may).collect();
    assert_eq!(may, [vec![false], vec![true; 8]].concat());
}
