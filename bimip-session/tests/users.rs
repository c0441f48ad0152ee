//! What users keep: profiles, address books, blocks and devices, and when they were seen.
#![allow(clippy::unwrap_used, reason = "test code")]

mod harness;

use bimip_proto::{
    Act, Address, Ask, Awareness, Body, Caps, ClientPacket, ClientRef, CloseReason, DeviceName, Entry, Found,
    GroupId, LogOut, MessageRef, Noted, Offset, OwnDevice, Presence, ProfileState, PushToken, Query, Reject,
    Revise, Saved, ServerPacket, Signal, Silence, Status, Talk, TalkAct, Track, UnixMs, UserAct, UserCommand,
    UserNews, limits,
};
use bimip_session::client::{ClientSession, Config, Event, Full, Input, Output, Resume};
use bimip_session::ledger::{View, find};
use bimip_session::server::{self, ConnId};
use bimip_session::{Machine, server::Input as ServerInput};
use bytes::Bytes;

use harness::{House, device, draft, user};

fn command(name: &str, act: UserAct) -> UserCommand {
    UserCommand { client_ref: ClientRef::new(name).unwrap(), act }
}

fn named(name: &str) -> UserAct {
    UserAct::EditProfile { name: Some(name.into()), about: None, avatar: None }
}

fn save(who: &str, name: &str) -> UserAct {
    UserAct::Save(Saved { user: user(who), name: name.into() })
}

/// The answer to a command: the edition of the profile, and the row.
fn does(house: &mut House, conn: ConnId, name: &str, act: UserAct) -> Result<(u32, u64), Reject> {
    house.says(conn, ClientPacket::User(command(name, act)));
    let answers = house.sent.iter().rev().filter(|(to, _)| *to == conn);
    let mut answers = answers.filter_map(|(_, packet)| match packet {
        ServerPacket::Noted(Noted::UserChanged { client_ref, edition, offset })
            if client_ref.as_str() == name =>
        {
            Some(Ok((*edition, offset.0)))
        }
        ServerPacket::Noted(Noted::UserUnchanged { client_ref, reason, .. })
            if client_ref.as_str() == name =>
        {
            Some(Err(*reason))
        }
        _ => None,
    });
    answers.next().unwrap()
}

fn asks(house: &House, who: &str, ask: &Ask) -> Found {
    let Ok(found) = find(ask, &user(who), &house.book);
    found
}

fn profile(house: &House, asker: &str, of: &str) -> Option<ProfileState> {
    match asks(house, asker, &Ask::Profile(user(of))) {
        Found::Profile(found) => found,
        other => panic!("{other:?}"),
    }
}

fn devices(house: &House, who: &str) -> Vec<OwnDevice> {
    match asks(house, who, &Ask::Devices) {
        Found::Devices(devices) => devices,
        other => panic!("{other:?}"),
    }
}

/// What a mailbox says about its user.
fn news(house: &House, who: &str) -> Vec<UserNews> {
    let rows = house.book.page(&user(who), Offset::ZERO, 999, u64::MAX);
    let news = rows.iter().filter_map(|(_, entry)| match &**entry {
        Entry::User(change) => Some(change.what.clone()),
        _ => None,
    });
    news.collect()
}

/// The answer to a draft.
fn sends(house: &mut House, conn: ConnId, name: &str, to: &str) -> Result<(), Reject> {
    house.says(conn, ClientPacket::Send(draft(name, to, "hello")));
    answer(house, conn)
}

fn answer(house: &mut House, conn: ConnId) -> Result<(), Reject> {
    let heard = house.heard(conn);
    let answer = heard.iter().find_map(|packet| match packet {
        ServerPacket::Accepted { .. } => Some(Ok(())),
        ServerPacket::Rejected { reason, .. } => Some(Err(*reason)),
        _ => None,
    });
    answer.unwrap()
}

fn live(house: &mut House, conn: ConnId) -> usize {
    let heard = house.heard(conn);
    let live = |packet: &&ServerPacket| {
        matches!(
            packet,
            ServerPacket::Aware(_)
                | ServerPacket::Around(_)
                | ServerPacket::Signal { .. }
                | ServerPacket::Track { .. }
                | ServerPacket::Talk(_)
        )
    };
    heard.iter().filter(live).count()
}

// MISSION A12
// DM-USR-1, DM-USR-2
#[test]
fn a_profile_is_changed_in_parts_and_told_to_the_own_devices() {
    let mut house = House::new();
    let (one, two) = (house.open(Caps::FULL, &device("a", "1")), house.open(Caps::FULL, &device("a", "2")));
    let walkie = house.open(Caps::WALKIE, &device("a", "voiceping"));
    assert_eq!(does(&mut house, one, "1", named("Ann")), Ok((1, 1)));
    let about =
        UserAct::EditProfile { name: None, about: Some("hi".into()), avatar: Some("https://x/a".into()) };
    assert_eq!(does(&mut house, two, "1", about), Ok((2, 2)));
    assert_eq!(does(&mut house, two, "2", named("Ann")), Ok((2, 0)), "nothing changes, and nobody is told");
    let found = profile(&house, "a", "a").unwrap();
    assert_eq!((found.edition, &*found.profile.name, &*found.profile.about), (2, "Ann", "hi"));
    assert_eq!(
        harness::rows(&house.heard(one)),
        [Offset(2)],
        "what this device did itself comes as an answer"
    );
    assert_eq!(harness::rows(&house.heard(two)), [Offset(1)]);
    assert_eq!(harness::rows(&house.heard(walkie)), [], "it has no words for it");
    let UserNews::Profile(last) = news(&house, "a").pop().unwrap() else { panic!() };
    assert_eq!(last, found.profile, "a row has all of it");
}

// DM-USR-1
#[test]
fn a_command_that_comes_again_is_carried_out_once() {
    let mut house = House::new();
    let a = house.open(Caps::FULL, &device("a", "1"));
    assert_eq!(does(&mut house, a, "1", save("b", "Bob")), Ok((0, 1)));
    assert_eq!(does(&mut house, a, "2", UserAct::Forget(user("b"))), Ok((0, 2)));
    assert_eq!(does(&mut house, a, "1", save("b", "Bob")), Ok((0, 1)), "the first answer");
    assert_eq!(house.book.saved(&user("a"), &user("b")), Ok(None), "it is not saved again by that");
    assert_eq!(does(&mut house, a, "1", save("b", "Bobby")), Err(Reject::Conflict));
    assert_eq!(does(&mut house, a, "1", UserAct::Block(user("b"))), Err(Reject::Conflict));
    assert_eq!(sends(&mut house, a, "1", "b"), Err(Reject::Conflict), "drafts are of the same space");
    assert_eq!(does(&mut house, a, "3", UserAct::Forget(user("b"))), Ok((0, 0)), "nobody is told");
    assert_eq!(news(&house, "a").len(), 2);
    // The name of what changed nothing is remembered, too.
    assert_eq!(does(&mut house, a, "3", UserAct::Forget(user("c"))), Err(Reject::Conflict));
}

// DM-USR-2, DM-USR-4, DM-BLK-3
#[test]
fn what_is_kept_is_bounded() {
    let mut house = House::new();
    let a = house.open(Caps::FULL, &device("a", "1"));
    let long = |bytes: usize| -> std::sync::Arc<str> { "x".repeat(bytes + 1).into() };
    let edit = |name, about, avatar| UserAct::EditProfile { name, about, avatar };
    let long_name = || long(limits::USER_NAME_BYTES);
    for (number, (act, field)) in [
        (edit(Some(long_name()), None, None), "name"),
        (edit(None, Some(long(limits::USER_ABOUT_BYTES)), None), "about"),
        (edit(None, None, Some(long(limits::AVATAR_BYTES))), "avatar"),
        (UserAct::Save(Saved { user: user("b"), name: long_name() }), "name"),
        (UserAct::Block(user("a")), "user"),
    ]
    .into_iter()
    .enumerate()
    {
        let answer = does(&mut house, a, &format!("bad-{number}"), act);
        assert_eq!(answer, Err(Reject::Field(field)), "{number}");
    }
    for number in 0..limits::BLOCKED_USERS {
        let act = UserAct::Block(user(&format!("u{number}")));
        assert!(does(&mut house, a, &format!("b-{number}"), act).is_ok());
    }
    assert_eq!(does(&mut house, a, "b-full", UserAct::Block(user("one more"))), Err(Reject::Full));
    assert_eq!(does(&mut house, a, "b-known", UserAct::Block(user("u7"))).map(|it| it.1), Ok(0));
    for number in 0..limits::SAVED_USERS {
        assert!(does(&mut house, a, &format!("s-{number}"), save(&format!("u{number}"), "")).is_ok());
        house.sent.clear();
    }
    assert_eq!(does(&mut house, a, "s-full", save("one more", "")), Err(Reject::Full));
    assert!(does(&mut house, a, "s-known", save("u7", "Seven")).is_ok(), "another name needs no room");
    assert!(does(&mut house, a, "s-less", UserAct::Forget(user("u8"))).is_ok());
    assert!(does(&mut house, a, "s-more", save("one more", "")).is_ok());
}

// MISSION A12
// DM-USR-4, BM-QRY-5
#[test]
fn an_address_book_is_read_in_pages_that_stay_where_they_are() {
    let mut house = House::new();
    let a = house.open(Caps::FULL, &device("a", "1"));
    for (number, who) in ["d", "b", "bb", "ü", "c"].into_iter().enumerate() {
        assert!(does(&mut house, a, &number.to_string(), save(who, &who.to_uppercase())).is_ok());
    }
    let page = |house: &House, after: Option<&str>, limit| {
        let ask = Ask::AddressBook { after: after.map(user), limit };
        let Found::AddressBook { saved, more } = asks(house, "a", &ask) else { panic!() };
        (saved.iter().map(|it| it.user.to_string()).collect::<Vec<_>>().join(" "), more)
    };
    assert_eq!(page(&house, None, 2), ("b bb".into(), true));
    // Somebody before the place comes, and somebody after it goes.
    assert!(does(&mut house, a, "x", save("ba", "")).is_ok());
    assert!(does(&mut house, a, "y", UserAct::Forget(user("c"))).is_ok());
    assert_eq!(page(&house, Some("bb"), 2), ("d ü".into(), false));
    assert_eq!(page(&house, Some("b"), 0), ("ba bb d ü".into(), false));
    assert_eq!(page(&house, Some("c"), 1), ("d".into(), true), "the place need not be taken");
    let Found::AddressBook { saved, .. } = asks(&house, "b", &Ask::AddressBook { after: None, limit: 0 })
    else {
        panic!()
    };
    assert_eq!(saved, [], "nobody else's");
}

// MISSION A12
// DM-USR-3
#[test]
fn a_profile_is_shown_to_those_whom_its_owner_knows() {
    let mut house = House::new();
    let [a, b, c] = ["a", "b", "c"].map(|who| house.open(Caps::FULL, &device(who, "1")));
    assert!(does(&mut house, a, "1", named("Ann")).is_ok());
    let sees = |house: &House, who: &str| profile(house, who, "a").map(|it| it.profile.name.to_string());
    assert_eq!(sees(&house, "b"), None);
    assert_eq!(profile(&house, "b", "nobody"), None, "and a user who is not there is answered alike");
    // Who saves somebody sees no more by that.
    assert!(does(&mut house, b, "1", save("a", "Ann")).is_ok());
    assert_eq!(sees(&house, "b"), None);
    assert!(does(&mut house, a, "2", save("b", "Bob")).is_ok());
    assert_eq!(sees(&house, "b"), Some("Ann".into()));
    assert!(does(&mut house, a, "3", UserAct::Forget(user("b"))).is_ok());
    assert_eq!(sees(&house, "b"), None);
    // A conversation of two, and a group.
    assert_eq!(sends(&mut house, c, "1", "a"), Ok(()));
    assert_eq!(sees(&house, "c"), Some("Ann".into()));
    let group = GroupId::new("g").unwrap();
    for conn in [a, b] {
        house.says(conn, ClientPacket::Join(group.clone()));
    }
    assert_eq!(sees(&house, "b"), Some("Ann".into()));
    house.says(b, ClientPacket::Leave(group));
    assert_eq!(sees(&house, "b"), None);
    // Whom the owner has blocked sees nothing, and the owner sees whom they have blocked.
    assert!(does(&mut house, c, "2", named("Carl")).is_ok());
    assert!(does(&mut house, a, "4", UserAct::Block(user("c"))).is_ok());
    assert_eq!(sees(&house, "c"), None);
    assert_eq!(profile(&house, "a", "c").map(|it| it.profile.name.to_string()), Some("Carl".into()));
    // On a connection: the same answer.
    let id = ClientRef::new("q").unwrap();
    house.says(c, ClientPacket::Query(Query { id: id.clone(), ask: Ask::Profile(user("a")) }));
    let answer = ServerPacket::Answer { id, found: Found::Profile(None) };
    assert!(house.heard(c).contains(&answer));
}

// MISSION B8
// DM-BLK-1
#[test]
fn what_a_blocked_user_writes_is_refused_and_leaves_nothing() {
    let mut house = House::new();
    let (a, b) = (house.open(Caps::FULL, &device("a", "1")), house.open(Caps::FULL, &device("b", "1")));
    let walkie = house.open(Caps::WALKIE, &device("b", "radio"));
    assert!(does(&mut house, a, "1", UserAct::Block(user("b"))).is_ok());
    house.heard(a);
    let before = house.book.clone();
    assert_eq!(sends(&mut house, b, "1", "a"), Err(Reject::Blocked));
    let to = Address::User(user("a"));
    house.says(walkie, ClientPacket::Talk(Talk { from: user("b"), to: to.clone(), act: TalkAct::Stop }));
    assert_eq!(
        answer(&mut house, walkie),
        Err(Reject::Blocked),
        "not even an id for a talk that was not begun"
    );
    assert_eq!(house.book, before, "nothing is stored, no contact made and no stamp given");
    assert!(house.heard(a).is_empty());
    // The other way nothing changes, and a group is no matter of two.
    assert_eq!(sends(&mut house, a, "2", "b"), Ok(()));
    assert_eq!(sends(&mut house, b, "2", "b"), Ok(()), "nobody is blocked from themselves");
    let group = GroupId::new("g").unwrap();
    for conn in [a, b] {
        house.says(conn, ClientPacket::Join(group.clone()));
    }
    let mut said = draft("3", "x", "hello");
    said.to = Address::Group(group);
    house.heard(a);
    house.says(b, ClientPacket::Send(said));
    assert_eq!(answer(&mut house, b), Ok(()));
    assert_eq!(harness::rows(&house.heard(a)).len(), 1);
    // The same name may be used again when the block is gone.
    assert!(does(&mut house, a, "4", UserAct::Unblock(user("b"))).is_ok());
    assert_eq!(sends(&mut house, b, "1", "a"), Ok(()));
}

// MISSION B8
// DM-BLK-1
#[test]
fn of_a_block_and_a_message_at_once_the_order_decides() {
    for first in ["block", "message"] {
        let mut house = House::new();
        let (a, b) = (house.open(Caps::FULL, &device("a", "1")), house.open(Caps::FULL, &device("b", "1")));
        house.hold_commits = true;
        let block = ClientPacket::User(command("1", UserAct::Block(user("b"))));
        let message = ClientPacket::Send(draft("1", "a", "hello"));
        if first == "block" {
            house.says(a, block);
            house.says(b, message);
        } else {
            house.says(b, message);
            house.says(a, block);
        }
        house.commit_held();
        let expected = if first == "block" { Err(Reject::Blocked) } else { Ok(()) };
        assert_eq!(answer(&mut house, b), expected, "{first} first");
        // A resend gets the first answer, whatever holds now.
        if first == "message" {
            assert_eq!(sends(&mut house, b, "1", "a"), Ok(()));
        }
    }
}

// DM-BLK-2
#[test]
fn what_was_said_before_a_block_goes_on() {
    let mut house = House::new();
    let (a, b) = (house.open(Caps::FULL, &device("a", "1")), house.open(Caps::FULL, &device("b", "1")));
    let mut sent = Vec::new();
    for (conn, name, to) in [(a, "1", "b"), (b, "1", "a"), (b, "2", "a")] {
        house.says(conn, ClientPacket::Send(draft(name, to, "hello")));
        let heard = house.heard(conn);
        sent.extend(heard.into_iter().filter_map(|packet| match packet {
            ServerPacket::Accepted { head, .. } => Some(MessageRef::Id(head.id)),
            _ => None,
        }));
    }
    let revise = |name: &str, message: &MessageRef, body: Option<Body>| {
        let client_ref = ClientRef::new(name).unwrap();
        ClientPacket::Revise(Revise { client_ref, message: message.clone(), body })
    };
    house.says(b, revise("e0", &sent[1], Some(Body::text("edited"))));
    assert!(does(&mut house, a, "block", UserAct::Block(user("b"))).is_ok());
    house.heard(a);
    house.heard(b);
    // Receipts about what was received before.
    house.says(b, ClientPacket::Mark { message: sent[0].clone(), status: Status::Read });
    assert!(matches!(house.heard(b)[..], [ServerPacket::Noted(Noted::Marked { .. })]));
    assert_eq!(harness::rows(&house.heard(a)).len(), 1, "the author is told");
    // An edit would be a way to say something new.
    house.says(b, revise("e1", &sent[1], Some(Body::text("something new"))));
    let refused = |packet: &ServerPacket| {
        matches!(packet, ServerPacket::Noted(Noted::Unrevised { reason: Reject::Blocked, .. }))
    };
    assert!(house.heard(b).iter().any(refused));
    house.says(b, revise("e0", &sent[1], Some(Body::text("edited"))));
    let first =
        |packet: &ServerPacket| matches!(packet, ServerPacket::Noted(Noted::Revised { edition: 1, .. }));
    assert!(house.heard(b).iter().any(first), "what was stored before is answered as before");
    house.says(b, revise("d", &sent[2], None));
    assert!(house.heard(b).iter().any(first), "what was said may be taken back");
    assert_eq!(harness::rows(&house.heard(a)).len(), 1);
}

// MISSION B8
// DM-BLK-2
#[test]
fn nothing_live_passes_between_two_of_whom_one_has_blocked_the_other() {
    let mut house = House::new();
    house.watch = true;
    let (a, b) = (house.open(Caps::FULL, &device("a", "1")), house.open(Caps::FULL, &device("b", "1")));
    let [radio_a, radio_b] = ["a", "b"].map(|who| house.open(Caps::WALKIE, &device(who, "radio")));
    assert_eq!(sends(&mut house, a, "1", "b"), Ok(()));
    assert!(does(&mut house, a, "2", UserAct::Block(user("b"))).is_ok());
    for conn in [a, b, radio_a, radio_b] {
        house.heard(conn);
    }
    let words = |to: &str| {
        let to = Address::User(user(to));
        let location = bimip_proto::Location::new(1.0, 2.0, None).unwrap();
        let aware = |presence, to| Awareness { id: None, to, presence, location: None, ttl_s: 0, at: None };
        let signal = |act| ClientPacket::Signal(Signal { id: None, to: to.clone(), act, at: None });
        (
            vec![
                signal(Act::Typing),
                ClientPacket::Aware(aware(Presence::Recording, Some(to.clone()))),
                ClientPacket::Aware(aware(Presence::Busy, None)),
                ClientPacket::Track(Track { id: None, to: to.clone(), location, at: None }),
            ],
            vec![signal(Act::Calling), signal(Act::Declined)],
        )
    };
    for (says, to, hears) in [(a, "b", b), (b, "a", a)] {
        for word in words(to).0 {
            house.says(says, word.clone());
            assert_eq!(live(&mut house, hears), 0, "{word:?} to {to}");
            assert!(house.heard(says).is_empty(), "without a word");
        }
    }
    // A call is a word to somebody: who blocks may call, and is not called.
    for word in words("a").1 {
        house.says(b, word);
        assert_eq!(live(&mut house, a), 0);
    }
    for word in words("b").1 {
        house.says(a, word);
        assert_eq!(live(&mut house, b), 1);
    }
    // Live voice, likewise; the talker is not told whether anybody is there.
    let talk = |from: &str, to: &str, act| {
        ClientPacket::Talk(Talk { from: user(from), to: Address::User(user(to)), act })
    };
    let sound = TalkAct::Audio { label: None, payload: Bytes::from_static(b"\xc4\x01x") };
    for (says, from, to, hears, heard) in [(radio_b, "b", "a", radio_a, 0), (radio_a, "a", "b", radio_b, 2)] {
        house.says(says, talk(from, to, TalkAct::Start { label: None, payload: Bytes::new() }));
        house.says(says, talk(from, to, sound.clone()));
        assert_eq!(live(&mut house, hears), heard, "from {from}");
        assert!(matches!(house.heard(says)[..], [ServerPacket::Floor(bimip_proto::Floor::Granted { .. })]));
    }
    house.says(radio_b, talk("b", "a", TalkAct::Stop));
    assert_eq!(answer(&mut house, radio_b), Err(Reject::Blocked));
    assert!(house.sounds.is_empty(), "its sound is not kept");
    // Coming, going and what holds still: nobody of the two is told.
    house.wait(limits::PRESENCE_REFRESH_MS + 1);
    assert_eq!((live(&mut house, a), live(&mut house, b)), (0, 0));
    for conn in [b, radio_b] {
        house.input(ServerInput::Closed(conn));
    }
    assert_eq!(live(&mut house, a), 0, "no word of going");
    let b = house.open(Caps::FULL, &device("b", "1"));
    assert_eq!((live(&mut house, a), live(&mut house, b)), (0, 0));
    for conn in [a, radio_a] {
        house.input(ServerInput::Closed(conn));
    }
    assert_eq!(live(&mut house, b), 0);
    let a = house.open(Caps::FULL, &device("a", "1"));
    house.heard(a);
    // A group they share makes no difference to that, but what is said in it is for both.
    let group = GroupId::new("g").unwrap();
    for conn in [a, b] {
        house.says(conn, ClientPacket::Join(group.clone()));
    }
    assert_eq!((live(&mut house, a), live(&mut house, b)), (0, 0));
    let typing = Signal { id: None, to: Address::Group(group), act: Act::Typing, at: None };
    house.says(b, ClientPacket::Signal(typing));
    assert_eq!(live(&mut house, a), 1);
    // With the block gone they see each other at once.
    assert!(does(&mut house, a, "3", UserAct::Unblock(user("b"))).is_ok());
    assert_eq!((live(&mut house, a), live(&mut house, b)), (1, 1));
}

/// What is decided while a session is being let in counts, not what storage said before.
// DM-BLK-2
#[test]
fn a_block_that_comes_while_a_session_begins_holds() {
    let mut house = House::new();
    house.watch = true;
    let (a, b) = (house.open(Caps::FULL, &device("a", "1")), house.open(Caps::FULL, &device("b", "1")));
    assert_eq!(sends(&mut house, a, "1", "b"), Ok(()));
    house.hold_commits = true;
    house.says(a, ClientPacket::User(command("2", UserAct::Block(user("b")))));
    house.core_only(ServerInput::Closed(a));
    let late = ConnId(99);
    let grant = Some(server::Grant::new(device("a", "1")));
    house.core_only(ServerInput::Opened { conn: late, caps: Caps::FULL, grant });
    let attachment = house.take_attach();
    assert!(attachment.blocked.is_empty(), "storage was asked before");
    house.commit_held();
    house.heard(b);
    house.input(ServerInput::Attached(late, Some(attachment)));
    assert_eq!((live(&mut house, late), live(&mut house, b)), (0, 0));
}

// MISSION A12
// DM-USR-5
#[test]
fn devices_are_listed_for_their_own_user() {
    let mut house = House::new();
    let began = house.now.unix_ms;
    let phone = house.open(Caps::FULL, &device("a", "phone"));
    assert_eq!(devices(&house, "a"), [], "it takes a moment");
    house.wait(limits::SEEN_MS);
    house.open(Caps::WALKIE, &device("a", "radio"));
    let token = PushToken { id: None, service: "fcm".into(), token: Some(Bytes::from_static(b"t")) };
    house.says(phone, ClientPacket::PushToken(token));
    let b = house.open(Caps::FULL, &device("b", "1"));
    assert_eq!(sends(&mut house, b, "1", "a"), Ok(()));
    house.says(phone, ClientPacket::Dispose(Offset(1)));
    house.wait(60_000);
    house.input(ServerInput::Closed(phone));
    let gone = house.now.unix_ms;
    house.wait(limits::SEEN_MS);
    let [first, second] = &devices(&house, "a")[..] else { panic!("{:?}", devices(&house, "a")) };
    assert_eq!((first.name.as_str(), second.name.as_str()), ("phone", "radio"));
    assert_eq!((first.first_seen, first.last_seen), (UnixMs(began), UnixMs(gone)));
    assert_eq!((first.cursor, first.push, first.logged_out_before), (Offset(1), true, None));
    assert_eq!((second.push, second.first_seen), (false, UnixMs(began + limits::SEEN_MS)));
    assert_eq!(devices(&house, "b").len(), 1, "each sees their own");
}

// MISSION A12
// DM-USR-5
#[test]
fn a_device_that_is_removed_is_logged_out_and_listed_no_more() {
    let mut house = House::new();
    let (a, lost) = (house.open(Caps::FULL, &device("a", "1")), house.open(Caps::FULL, &device("a", "lost")));
    let token = PushToken { id: None, service: "fcm".into(), token: Some(Bytes::from_static(b"t")) };
    house.says(lost, ClientPacket::PushToken(token));
    house.wait(limits::SEEN_MS);
    let remove = UserAct::RemoveDevice(DeviceName::new("lost").unwrap());
    assert!(does(&mut house, a, "1", remove.clone()).is_ok());
    let removed = house.now.unix_ms;
    assert_eq!(house.closed, [(lost, CloseReason::LoggedOut)]);
    assert_eq!(house.book.push_tokens(&user("a")), Ok(Vec::new()));
    let Ok(standing) = house.book.standing(&user("a"));
    assert_eq!(standing.logged_out_before(&DeviceName::new("lost").unwrap()), UnixMs(removed));
    house.wait(2 * limits::SEEN_MS);
    let names = |house: &House| devices(house, "a").iter().map(|it| it.name.to_string()).collect::<Vec<_>>();
    assert_eq!(names(&house), ["1"], "the end of its session does not bring it back");
    // A repeat is answered, and logs out nobody who has come again since.
    let lost = house.open(Caps::FULL, &device("a", "lost"));
    assert!(does(&mut house, a, "1", remove).is_ok());
    assert!(house.core.connections() == 2 && house.closed.len() == 1);
    house.wait(limits::SEEN_MS);
    assert_eq!(names(&house), ["1", "lost"], "with a new token it is a new device");
    assert_eq!(devices(&house, "a")[1].logged_out_before, Some(UnixMs(removed)));
    // Logging out alone does not take a device off the list.
    house.says(lost, ClientPacket::LogOut(LogOut::Device(None)));
    house.wait(limits::SEEN_MS);
    assert_eq!(names(&house), ["1", "lost"]);
    // One's own device: the answer first.
    assert!(does(&mut house, a, "2", UserAct::RemoveDevice(DeviceName::new("1").unwrap())).is_ok());
    assert!(house.closed.contains(&(a, CloseReason::LoggedOut)));
}

// DM-USR-5
#[test]
fn of_too_many_devices_the_last_seen_are_listed() {
    let mut house = House::new();
    for number in 0..=limits::LISTED_DEVICES {
        let conn = house.open(Caps::FULL, &device("a", &format!("d{number:03}")));
        house.wait(limits::SEEN_MS);
        house.input(ServerInput::Closed(conn));
        house.wait(limits::SEEN_MS);
    }
    let devices = devices(&house, "a");
    assert_eq!(devices.len(), limits::LISTED_DEVICES);
    assert_eq!(devices[0].name.as_str(), "d001");
}

// MISSION A7
// DM-USR-6
#[test]
fn when_a_user_was_seen_is_told_to_those_who_may_know() {
    let mut house = House::new();
    let [a, b] = ["a", "b"].map(|who| house.open(Caps::FULL, &device(who, "1")));
    let seen = |house: &House, who: &str| profile(house, who, "a").and_then(|it| it.last_seen);
    assert_eq!(sends(&mut house, a, "1", "b"), Ok(()));
    house.wait(30_000);
    house.input(ServerInput::Closed(a));
    let gone = UnixMs(house.now.unix_ms);
    house.wait(limits::SEEN_MS);
    assert_eq!((seen(&house, "b"), seen(&house, "c")), (Some(gone), None));
    // Of a user who is hidden it is not told, and what they did meanwhile never is.
    let a = house.open(Caps::FULL, &device("a", "1"));
    house.says(a, ClientPacket::SetVisible { id: None, visible: false });
    assert_eq!(seen(&house, "b"), None);
    house.wait(10_000);
    house.input(ServerInput::Closed(a));
    house.wait(limits::SEEN_MS);
    assert_eq!(seen(&house, "b"), None);
    let a = house.open(Caps::FULL, &device("a", "1"));
    house.wait(limits::SEEN_MS);
    house.says(a, ClientPacket::SetVisible { id: None, visible: true });
    assert_eq!(seen(&house, "b"), Some(gone), "as it was told before they hid");
    house.input(ServerInput::Closed(a));
    let gone = UnixMs(house.now.unix_ms);
    house.wait(limits::SEEN_MS);
    assert_eq!(seen(&house, "b"), Some(gone));
    // Neither of two of whom one has blocked the other is told.
    assert!(does(&mut house, b, "1", UserAct::Block(user("a"))).is_ok());
    assert!(profile(&house, "b", "a").is_some());
    assert_eq!((seen(&house, "b"), profile(&house, "a", "b")), (None, None));
    assert_eq!(seen(&house, "a"), Some(gone), "one's own");
}

/// Nobody waits for it, so a crowd that comes at once is one commit.
// DM-USR-6
#[test]
fn who_is_seen_shares_a_commit() {
    let mut house = House::new();
    house.hold_commits = true;
    for number in 0..20 {
        let conn = house.open(Caps::FULL, &device(&format!("u{number}"), "1"));
        house.input(ServerInput::Closed(conn));
    }
    assert!(house.held.is_empty());
    house.wait(limits::SEEN_MS - 1);
    assert!(house.held.is_empty(), "it waits");
    house.wait(1);
    assert_eq!(house.held.len(), 1);
    assert!(house.held[0].is_control(), "and for something to share a sync with");
    house.commit_held();
    assert!((0..20).all(|number| devices(&house, &format!("u{number}")).len() == 1));
    // More than one commit takes are not kept waiting.
    house.hold_commits = true;
    for number in 0..limits::SEEN_DEVICES {
        house.open(Caps::FULL, &device(&format!("v{number}"), "1"));
    }
    assert_eq!(house.held.len(), 1);
    house.commit_held();
    // A server that ends writes it down before, also of few.
    let mut house = House::new();
    let late = house.open(Caps::FULL, &device("late", "1"));
    house.hold_commits = true;
    house.input(ServerInput::Drain(CloseReason::GoingAway));
    assert!(!house.core.is_drained());
    house.commit_held();
    assert!(house.core.is_drained());
    assert_eq!(devices(&house, "late").len(), 1);
    assert!(house.closed.contains(&(late, CloseReason::GoingAway)));
}

/// Cores over one store may write down the same user in any order.
// DM-USR-6
#[test]
fn the_latest_sighting_counts_whichever_core_writes_it() {
    let mut early = House::new();
    early.hold_commits = true;
    let conn = early.open(Caps::FULL, &device("a", "1"));
    early.input(ServerInput::Closed(conn));
    early.wait(limits::SEEN_MS);
    let mut house = House::new();
    house.wait(50_000);
    house.open(Caps::FULL, &device("a", "1"));
    house.wait(limits::SEEN_MS);
    let seen = house.book.last_seen(&user("a"));
    house.held = early.held;
    house.commit_held();
    assert_eq!(house.book.last_seen(&user("a")), seen);
    assert_eq!(devices(&house, "a").len(), 1);
    assert_eq!(devices(&house, "a")[0].last_seen, seen.unwrap());
}

// MISSION A7
// DM-SES-7
#[test]
fn how_long_a_connection_may_be_silent_is_a_matter_of_its_dialect() {
    let mut house = House::new();
    house.watch = true;
    let quick = Silence { probe_ms: 2_000, idle_ms: 5_000 };
    let a = house.open(Caps { silence: Some(quick), ..Caps::FULL }, &device("a", "1"));
    let b = house.open(Caps { silence: Some(Silence::of(600_000)), ..Caps::FULL }, &device("b", "1"));
    assert_eq!(sends(&mut house, a, "1", "b"), Ok(()));
    let heartbeat = |packets: &[ServerPacket]| match &packets[0] {
        ServerPacket::Welcome(welcome) => welcome.heartbeat_ms,
        other => panic!("{other:?}"),
    };
    assert_eq!(heartbeat(&house.heard(b)), server::Config::default().heartbeat_ms);
    let again = house.open(Caps { silence: Some(quick), ..Caps::FULL }, &device("a", "1"));
    let hint_ms = u64::from(heartbeat(&house.heard(again)));
    assert!(hint_ms < quick.probe_ms, "who says something so often is not even asked: {hint_ms}");
    house.barriers.clear();
    // Said within the limit, each time; frames that make no sense count.
    for _ in 0..4 {
        house.wait(1_900);
        let fault =
            bimip_proto::Fault { kind: bimip_proto::FaultKind::Unknown, origin: 0, details: "".into() };
        house.input(ServerInput::Garbled(again, fault));
    }
    assert!(house.barriers.is_empty() && house.closed.iter().all(|(conn, _)| *conn != again));
    house.wait(2_000);
    assert_eq!(house.barriers, [(again, 0)], "it is asked");
    house.heard(b);
    house.wait(2_999);
    assert_eq!(live(&mut house, b), 0);
    house.wait(1);
    assert!(house.closed.contains(&(again, CloseReason::Idle)));
    let offline = house.heard(b).into_iter().any(
        |packet| matches!(packet, ServerPacket::Aware(it) if it.awareness.presence == Presence::Offline),
    );
    assert!(offline, "with its last connection a user is offline");
    assert_eq!(Silence::of(120_000), Silence { probe_ms: 54_000, idle_ms: 120_000 });
}

// ---- the client ---------------------------------------------------------------------------------------------

fn session(resume: Resume) -> ClientSession {
    let now = bimip_proto::Now { mono_ms: 0, unix_ms: 1_763_652_000_000 };
    let mut session = ClientSession::new(Config::new(device("a", "1")), resume, now);
    // It dials at once.
    session.handle_timeout(now);
    session.handle_input(now, Input::Connected);
    let welcome = bimip_proto::Welcome {
        epoch: 7,
        resume_from: Offset::ZERO,
        first: Offset(1),
        head: Offset::ZERO,
        window: bimip_proto::Window::default(),
        heartbeat_ms: 25_000,
        server_time: UnixMs(now.unix_ms),
        connection_id: 1,
        dedup_days: 7,
    };
    session.handle_input(now, Input::Packet(ServerPacket::Welcome(welcome)));
    session
}

fn outputs(session: &mut ClientSession) -> (Vec<UserCommand>, Vec<Event>) {
    let (mut said, mut events) = (Vec::new(), Vec::new());
    while let Some(output) = session.poll_output() {
        match output {
            Output::Transmit(ClientPacket::User(command)) => said.push(command),
            Output::Event(event @ (Event::UserChanged { .. } | Event::UserRefused { .. })) => {
                events.push(event);
            }
            _ => {}
        }
    }
    (said, events)
}

// CL-OUT-8
#[test]
fn commands_are_kept_until_they_are_answered_one_by_one_about_each_user() {
    let now = bimip_proto::Now { mono_ms: 1, unix_ms: 1_763_652_000_001 };
    let mut first = session(Resume::default());
    let commands = [
        command("1", UserAct::Block(user("b"))),
        command("2", UserAct::Unblock(user("b"))),
        command("3", named("Ann")),
        command("4", save("c", "Carl")),
    ];
    for command in &commands {
        first.user(now, command.clone()).unwrap();
    }
    let (said, _) = outputs(&mut first);
    assert_eq!(said, [commands[0].clone(), commands[2].clone(), commands[3].clone()]);
    assert!(!first.is_settled());
    // Refused for now: said again, and what comes after it about that user waits.
    let name = |at: usize| commands[at].client_ref.clone();
    let for_now =
        Noted::UserUnchanged { client_ref: name(0), reason: Reject::Busy, retry_after_ms: Some(1_000) };
    first.handle_input(now, Input::Packet(ServerPacket::Noted(for_now)));
    assert_eq!(outputs(&mut first), (Vec::new(), Vec::new()));
    let done = |at| Noted::UserChanged { client_ref: name(at), edition: 1, offset: Offset(9) };
    first.handle_input(now, Input::Packet(ServerPacket::Noted(done(2))));
    let expected = Event::UserChanged { command: commands[2].clone(), edition: 1, offset: Offset(9) };
    assert_eq!(outputs(&mut first).1, [expected]);
    let later = bimip_proto::Now { mono_ms: 1_001, unix_ms: now.unix_ms + 1_000 };
    first.handle_timeout(later);
    assert_eq!(outputs(&mut first).0, [commands[0].clone()]);
    // The app starts again before there is an answer.
    let users: Vec<UserCommand> = first.unchanged().cloned().collect();
    assert_eq!(users.len(), 3);
    let mut again = session(Resume { users, ..Resume::default() });
    assert_eq!(outputs(&mut again).0, [commands[0].clone(), commands[3].clone()]);
    let refused = Noted::UserUnchanged { client_ref: name(0), reason: Reject::Full, retry_after_ms: None };
    again.handle_input(now, Input::Packet(ServerPacket::Noted(refused)));
    let (said, events) = outputs(&mut again);
    assert_eq!(said, [commands[1].clone()]);
    assert_eq!(events, [Event::UserRefused { command: commands[0].clone(), reason: Reject::Full }]);
    // A packet that no dialect can write is refused here.
    let packet = Box::new(ClientPacket::User(commands[1].clone()));
    again.handle_input(now, Input::Unwritable(packet, Reject::Unsupported));
    assert_eq!(outputs(&mut again).1.len(), 1);
    // A server that could not read one knows only its name.
    let rejected = ServerPacket::Rejected {
        client_ref: Some(name(3)),
        to: None,
        reason: Reject::Field("name"),
        retry_after_ms: None,
    };
    again.handle_input(now, Input::Packet(rejected));
    assert_eq!(outputs(&mut again).1.len(), 1);
    assert!(again.is_settled());
    let most = Config::new(device("a", "1")).unnoted_marks;
    for number in 0..most {
        again.user(now, command(&format!("m{number}"), UserAct::Block(user("z")))).unwrap();
    }
    let extra = command("extra", UserAct::Block(user("z")));
    assert_eq!(again.user(now, extra.clone()), Err(Full(extra)));
}
