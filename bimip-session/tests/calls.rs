//! Calls: one request and its answer, by connections that are given no rows and are not there for others.
#![allow(clippy::unwrap_used, reason = "tests")]

mod harness;

use bimip_proto::{
    Act, Address, Ask, Awareness, Body, Caps, ClientPacket, ClientRef, CloseReason, Draft, Found, GroupAct,
    GroupCommand, GroupId, GroupProfile, LogOut, MayPost, MessageRef, Noted, Offset, PageFrom, Presence,
    Query, Reject, Saved, ServerPacket, Signal, Status, TokenId, UnixMs, UserAct, UserCommand,
};
use bimip_session::server::{Config, ConnId, Grant, Input};
use harness::{House, device, draft, rows, user};

fn named(name: &str) -> ClientRef {
    ClientRef::new(name).unwrap()
}

/// Says one thing and goes, as the driver does; what it was answered, and why it ended.
fn call(house: &mut House, who: &str, packet: ClientPacket) -> (Vec<ServerPacket>, Option<CloseReason>) {
    let conn = house.open(Caps::CALL, &device(who, "http"));
    house.says(conn, packet);
    house.says(conn, ClientPacket::Bye);
    finished(house, conn)
}

fn finished(house: &mut House, conn: ConnId) -> (Vec<ServerPacket>, Option<CloseReason>) {
    let mut heard = house.heard(conn);
    let ended = match heard.last() {
        Some(ServerPacket::Bye(reason)) => Some(reason.clone()),
        _ => None,
    };
    heard.truncate(heard.len() - usize::from(ended.is_some()));
    (heard, ended)
}

/// The one answer of a call that ended well.
fn answer(house: &mut House, who: &str, packet: ClientPacket) -> ServerPacket {
    let (mut heard, ended) = call(house, who, packet);
    assert_eq!((heard.len(), ended), (1, Some(CloseReason::Bye)), "{heard:?}");
    heard.remove(0)
}

fn send(name: &str, to: &str) -> ClientPacket {
    ClientPacket::Send(draft(name, to, name))
}

fn history(of: &str) -> ClientPacket {
    let ask = Ask::History { of: Address::User(user(of)), from: PageFrom::Latest, limit: 9 };
    ClientPacket::Query(Query { id: named("q"), ask })
}

fn typing(to: Address) -> ClientPacket {
    ClientPacket::Signal(Signal { id: Some(named("t")), to, act: Act::Typing, at: None })
}

fn types(to: &str) -> ClientPacket {
    typing(Address::User(user(to)))
}

fn signals(house: &mut House, conn: ConnId) -> usize {
    house.heard(conn).iter().filter(|it| matches!(it, ServerPacket::Signal { .. })).count()
}

fn team() -> GroupId {
    GroupId::new("team").unwrap()
}

fn found(house: &mut House, who: &str) -> ServerPacket {
    let act = GroupAct::Create {
        profile: GroupProfile::default(),
        open: false,
        post: MayPost::Everyone,
        members: vec![user("bob")],
    };
    answer(house, who, ClientPacket::Group(GroupCommand { client_ref: named("g"), group: team(), act }))
}

// DM-CALL-1
#[test]
fn what_is_said_is_answered_and_the_caller_is_given_no_rows() {
    let mut house = House::new();
    let first = answer(&mut house, "ann", send("a", "bob"));
    let ServerPacket::Accepted { .. } = &first else { panic!("{first:?}") };
    assert_eq!(answer(&mut house, "ann", send("a", "bob")), first, "the first result stands");
    let message = match answer(&mut house, "bob", history("ann")) {
        ServerPacket::Answer { found: Found::History { messages, .. }, .. } => messages[0].message.head.id,
        other => panic!("{other:?}"),
    };
    // Bob has a row by now, and a call is told nothing of it.
    let mark = ClientPacket::Mark { message: MessageRef::Id(message), status: Status::Read };
    let marked = Noted::Marked { message: MessageRef::Id(message), status: Status::Read };
    assert_eq!(answer(&mut house, "bob", mark), ServerPacket::Noted(marked));
    let grouped = found(&mut house, "ann");
    assert!(matches!(grouped, ServerPacket::Noted(Noted::Grouped { .. })), "{grouped:?}");
    let save = UserCommand {
        client_ref: named("s"),
        act: UserAct::Save(Saved { user: user("ann"), name: "A".into() }),
    };
    let saved = answer(&mut house, "bob", ClientPacket::User(save));
    assert!(matches!(saved, ServerPacket::Noted(Noted::UserChanged { .. })), "{saved:?}");
    let refused = answer(
        &mut house,
        "eve",
        ClientPacket::Mark { message: MessageRef::Id(message), status: Status::Read },
    );
    assert!(
        matches!(refused, ServerPacket::Noted(Noted::Refused { reason: Reject::NoSuchMessage, .. })),
        "{refused:?}"
    );
    assert_eq!((house.core.connections(), house.core.counters().calls), (0, 7));
    assert_eq!(house.core.counters().signed_in, 0);
    assert!(house.barriers.is_empty(), "nobody asks a call for a sign of life");
}

// DM-CALL-1
#[test]
fn a_call_replaces_nobody_and_nobody_replaces_it() {
    let mut house = House::new();
    let web = house.open(Caps::EVENTS, &device("ann", "http"));
    answer(&mut house, "ann", send("a", "bob"));
    assert!(house.closed.iter().all(|(conn, _)| *conn != web));
    // One that waits for storage is in nobody's way either.
    house.hold_commits = true;
    let waits = house.open(Caps::CALL, &device("ann", "http"));
    house.says(waits, send("b", "bob"));
    let again = house.open(Caps::EVENTS, &device("ann", "http"));
    assert!(matches!(house.closed.as_slice(), [.., (conn, CloseReason::Replaced { .. })] if *conn == web));
    house.commit_held();
    assert!(matches!(house.heard(waits).as_slice(), [ServerPacket::Accepted { .. }]));
    assert!(!house.closed.iter().any(|(conn, _)| *conn == waits || *conn == again));
}

// DM-CALL-2
#[test]
fn a_caller_is_not_here_for_others() {
    let mut house = House::new();
    house.watch = true;
    answer(&mut house, "ann", send("a", "bob"));
    let bob = house.open(Caps::FULL, &device("bob", "phone"));
    house.heard(bob);
    answer(&mut house, "ann", history("bob"));
    let busy = Awareness { id: None, to: None, presence: Presence::Away, location: None, ttl_s: 0, at: None };
    let (heard, ended) = call(&mut house, "ann", ClientPacket::Aware(busy));
    assert_eq!((heard, ended), (vec![], Some(CloseReason::Bye)));
    assert_eq!(house.heard(bob), [], "she is not here, so nobody is told what she does");
}

// DM-CALL-3
#[test]
fn what_is_live_asks_storage_first_where_nothing_is_known() {
    let mut house = House::new();
    let bob = house.open(Caps::FULL, &device("bob", "phone"));
    answer(&mut house, "ann", send("a", "bob"));
    // Nobody of ann's is here.
    let (heard, ended) = call(&mut house, "ann", types("bob"));
    assert_eq!((heard, ended, signals(&mut house, bob)), (vec![], Some(CloseReason::Bye), 1));
    // Another connection of hers is.
    let ann = house.open(Caps::FULL, &device("ann", "phone"));
    call(&mut house, "ann", types("bob"));
    assert_eq!(signals(&mut house, bob), 1);
    house.says(ann, ClientPacket::SetVisible { id: None, visible: false });
    call(&mut house, "ann", types("bob"));
    house.input(Input::Closed(ann));
    call(&mut house, "ann", types("bob"));
    assert_eq!(signals(&mut house, bob), 0, "hidden, whoever of hers is here");
    let show = answer(&mut house, "ann", ClientPacket::SetVisible { id: None, visible: true });
    assert!(matches!(show, ServerPacket::Visible { visible: true, .. }), "{show:?}");

    // To a group, of which only storage knows here that she is in it.
    found(&mut house, "ann");
    house.heard(bob);
    call(&mut house, "ann", typing(Address::Group(team())));
    assert_eq!(signals(&mut house, bob), 1);
    let stranger = answer(&mut house, "eve", typing(Address::Group(team())));
    assert!(matches!(stranger, ServerPacket::Declined { reason: Reject::NotMember, .. }), "{stranger:?}");

    // To somebody who has blocked her.
    let block = UserCommand { client_ref: named("x"), act: UserAct::Block(user("ann")) };
    house.says(bob, ClientPacket::User(block));
    house.heard(bob);
    call(&mut house, "ann", types("bob"));
    assert_eq!(signals(&mut house, bob), 0);
    assert_eq!(house.core.connections(), 1);
}

// DM-CALL-3
#[test]
fn what_waits_behind_a_question_to_storage_keeps_its_order() {
    let mut config = Config::default();
    config.commits_per_connection = 1;
    let mut house = House::with(config);
    let bob = house.open(Caps::FULL, &device("bob", "phone"));
    house.heard(bob);
    house.hold_commits = true;
    let conn = house.open(Caps::CALL, &device("ann", "http"));
    // The second has no room, and what is behind it waits; the third takes what is not known here.
    for packet in [send("1", "bob"), send("2", "bob"), types("bob"), send("3", "bob"), ClientPacket::Bye] {
        house.says(conn, packet);
    }
    while !house.held.is_empty() {
        house.commit_held();
        house.hold_commits = true;
    }
    let (heard, ended) = finished(&mut house, conn);
    assert!(heard.iter().all(|it| matches!(it, ServerPacket::Accepted { .. })), "{heard:?}");
    assert_eq!((heard.len(), ended), (3, Some(CloseReason::Bye)));
    let order: Vec<bool> =
        house.heard(bob).iter().map(|it| matches!(it, ServerPacket::Signal { .. })).collect();
    assert_eq!(order, [false, false, true, false]);
}

// DM-CALL-3
#[test]
fn a_store_that_says_nothing_of_the_caller_ends_the_call() {
    let mut house = House::new();
    let conn = ConnId(9);
    let grant = Some(Grant::new(device("ann", "http")));
    house.core_only(Input::Opened { conn, caps: Caps::CALL, grant });
    house.core_only(Input::Packets(conn, vec![types("bob").into(), ClientPacket::Bye.into()]));
    house.take_attach();
    house.input(Input::Attached(conn, None));
    assert_eq!(finished(&mut house, conn), (vec![], Some(CloseReason::Unavailable)));
}

// DM-CALL-1
#[test]
fn each_log_out_by_a_call_is_answered_and_ends_what_it_names() {
    let by = |house: &House, name: &str, token: &str| {
        let mut grant = Grant::new(device("ann", name));
        grant.token_id = Some(TokenId::new(token).unwrap());
        grant.issued = Some(UnixMs(house.now.unix_ms - 1_000));
        grant
    };
    for (what, ended) in [
        (LogOut::Session, [true, false]),
        (LogOut::Device(None), [false, false]),
        (LogOut::Device(Some(device("ann", "web").name)), [false, true]),
        (LogOut::Account, [true, true]),
    ] {
        let mut house = House::new();
        let grant = by(&house, "phone", "t1");
        let phone = house.open_with(Caps::FULL, grant);
        let grant = by(&house, "web", "t2");
        let web = house.open_with(Caps::FULL, grant);
        let grant = by(&house, "http", "t1");
        let conn = house.open_with(Caps::CALL, grant.clone());
        house.says(conn, ClientPacket::LogOut(what.clone()));
        house.says(conn, ClientPacket::Bye);
        let (heard, _) = finished(&mut house, conn);
        assert!(
            matches!(heard.as_slice(), [ServerPacket::Noted(Noted::LoggedOut(_))]),
            "{what:?}: {heard:?}"
        );
        let closed = [phone, web].map(|conn| house.closed.iter().any(|(it, _)| *it == conn));
        assert_eq!(closed, ended, "{what:?}");
        // The grant that a call comes with is judged where its user is here.
        if what == LogOut::Session {
            let late = house.open_with(Caps::CALL, grant);
            assert_eq!(finished(&mut house, late), (vec![], Some(CloseReason::Refused)));
        }
    }
}

// DM-CALL-1
#[test]
fn a_store_without_room_and_a_server_that_stops_say_so() {
    let mut config = Config::default();
    (config.commits_per_connection, config.held_bytes_per_connection) = (1, 100);
    let mut house = House::with(config);
    house.hold_commits = true;
    let conn = house.open(Caps::CALL, &device("ann", "http"));
    let long = |name: &str| {
        let body = Body::text(&"x".repeat(90));
        let to = Address::User(user("bob"));
        ClientPacket::Send(Draft { client_ref: Some(named(name)), to, client_time: None, body })
    };
    for name in ["1", "2", "3"] {
        house.says(conn, long(name));
    }
    let heard = house.heard(conn);
    assert!(
        matches!(
            heard.as_slice(),
            [ServerPacket::Rejected { reason: Reject::Busy, retry_after_ms: Some(_), .. }, ..]
        ),
        "{heard:?}"
    );

    // What is under way is answered before the goodbye, and nothing new is begun.
    let last = house.open(Caps::CALL, &device("eve", "http"));
    house.says(last, send("e", "bob"));
    house.input(Input::Drain(CloseReason::GoingAway));
    let late = house.open(Caps::CALL, &device("ann", "http"));
    assert_eq!(finished(&mut house, late), (vec![], Some(CloseReason::GoingAway)));
    house.commit_held();
    let (heard, ended) = finished(&mut house, last);
    assert!(matches!(heard.as_slice(), [ServerPacket::Accepted { .. }]), "{heard:?}");
    assert_eq!(ended, Some(CloseReason::GoingAway));

    let mut house = House::new();
    house.hold_commits = true;
    let conn = house.open(Caps::CALL, &device("ann", "http"));
    house.says(conn, send("a", "bob"));
    house.fail_held();
    let heard = house.heard(conn);
    assert!(
        matches!(heard.as_slice(), [ServerPacket::Rejected { reason: Reject::Unavailable, .. }]),
        "{heard:?}"
    );
}

// DM-CALL-4
#[test]
fn what_no_stream_was_given_is_not_stored() {
    let mut house = House::new();
    answer(&mut house, "ann", send("a", "bob"));
    let no_stream = answer(&mut house, "bob", ClientPacket::Dispose(Offset(1)));
    assert!(matches!(no_stream, ServerPacket::Declined { reason: Reject::NoStream, .. }), "{no_stream:?}");
    // Another device's is not this one's.
    let phone = house.open(Caps::FULL, &device("bob", "phone"));
    assert_eq!(rows(&house.heard(phone)), [Offset(1)]);
    let no_stream = answer(&mut house, "bob", ClientPacket::Dispose(Offset(1)));
    assert!(matches!(no_stream, ServerPacket::Declined { reason: Reject::NoStream, .. }), "{no_stream:?}");
    let stream = house.open(Caps::STREAM, &device("bob", "http"));
    assert_eq!(rows(&house.heard(stream)), [Offset(1)]);
    let disposed = answer(&mut house, "bob", ClientPacket::Dispose(Offset(9)));
    assert_eq!(disposed, ServerPacket::Noted(Noted::Disposed(Offset(1))), "no further than what was given");
}
