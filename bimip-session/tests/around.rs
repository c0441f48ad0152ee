//! Who is here, for those who ask: what the beginning of a session tells, and no more.
#![allow(clippy::unwrap_used, reason = "test code")]

mod harness;

use bimip_proto::{
    Ask, Aware, Awareness, Body, Caps, ClientPacket, ClientRef, Draft, Found, GroupId, Presence, Query,
    ServerPacket, UserAct, UserCommand, UserId, limits,
};
use bimip_session::server::{ConnId, Input};

use harness::{House, device, user};

const UNTOLD: Caps = Caps { presence: false, ..Caps::FULL };

fn team() -> GroupId {
    GroupId::new("team").unwrap()
}

fn writes(house: &mut House, conn: ConnId, to: &str) {
    let to = bimip_proto::Address::User(user(to));
    let draft = Draft { client_ref: None, to, client_time: None, body: Body::text("x") };
    house.says(conn, ClientPacket::Send(draft));
}

fn blocks(house: &mut House, conn: ConnId, whom: &str) {
    let client_ref = ClientRef::new(&format!("block {whom}")).unwrap();
    house.says(conn, ClientPacket::User(UserCommand { client_ref, act: UserAct::Block(user(whom)) }));
}

fn is(house: &mut House, conn: ConnId, presence: Presence) {
    let awareness = Awareness { id: None, to: None, presence, location: None, ttl_s: 0, at: None };
    house.says(conn, ClientPacket::Aware(awareness));
}

/// Everybody whom an answer tells of, and whether there are more.
fn asks(house: &mut House, conn: ConnId, after: Option<&str>) -> (Vec<Aware>, bool) {
    house.heard(conn);
    let (id, after) = (ClientRef::new("q").unwrap(), after.map(user));
    house.says(conn, ClientPacket::Query(Query { id, ask: Ask::Around { after } }));
    let answer = house.heard(conn).into_iter().find_map(|packet| match packet {
        ServerPacket::Answer { found: Found::Around { around, more, contacts }, .. } => {
            assert_eq!(contacts, [], "what storage knows is told to nobody");
            Some((around, more))
        }
        _ => None,
    });
    answer.expect("an answer")
}

fn names(around: &[Aware]) -> Vec<(&str, Presence)> {
    around.iter().map(|it| (it.from.user.as_str(), it.awareness.presence)).collect()
}

/// Ann has all kinds of neighbours, and is not here.
fn a_neighbourhood() -> House {
    let mut house = House::new();
    house.watch = true;
    let all = ["ann", "away", "blocked", "blocks", "contact", "gone", "hidden", "member", "stranger"];
    let conns = all.map(|name| house.open(Caps::FULL, &device(name, "phone")));
    let [ann, away, blocked, blocker, contact, gone, hidden, member, _] = conns;
    for conn in [away, blocked, blocker, contact, gone, hidden] {
        writes(&mut house, conn, "ann");
    }
    for conn in [ann, member] {
        house.says(conn, ClientPacket::Join(team()));
    }
    is(&mut house, away, Presence::Away);
    blocks(&mut house, ann, "blocked");
    blocks(&mut house, blocker, "ann");
    house.says(hidden, ClientPacket::SetVisible { id: None, visible: false });
    house.input(Input::Closed(gone));
    house.input(Input::Closed(ann));
    house.sent.clear();
    house
}

// DM-PRS-6, DM-PRS-4, DM-BLK-2
// MISSION A1
#[test]
fn an_answer_tells_what_the_beginning_of_a_session_tells() {
    let mut house = a_neighbourhood();
    let ann = house.open(Caps::FULL, &device("ann", "phone"));
    let told = house.heard(ann).into_iter().find_map(|packet| match packet {
        ServerPacket::Around(around) => Some(around),
        _ => None,
    });
    let told = told.unwrap();
    let here = [("away", Presence::Away), ("contact", Presence::Online), ("member", Presence::Online)];
    assert_eq!(names(&told), here);
    assert_eq!(asks(&mut house, ann, None), (told, false));
    let stranger = house.open(Caps::FULL, &device("stranger", "tablet"));
    assert_eq!(asks(&mut house, stranger, None), (vec![], false));
}

// DM-PRS-6
#[test]
fn it_is_told_to_who_is_told_of_nobody_at_the_beginning() {
    let mut house = a_neighbourhood();
    let ann = house.open(UNTOLD, &device("ann", "script"));
    assert!(!house.heard(ann).iter().any(|packet| matches!(packet, ServerPacket::Around(_))));
    let (around, more) = asks(&mut house, ann, None);
    assert_eq!(names(&around).len(), 3);
    assert!(!more);
}

// DM-PRS-6
#[test]
fn it_tells_what_is_so_now() {
    let mut house = a_neighbourhood();
    let ann = house.open(UNTOLD, &device("ann", "script"));
    let contact = house.open(Caps::FULL, &device("contact", "tablet"));
    is(&mut house, contact, Presence::Busy);
    let back = house.open(Caps::FULL, &device("gone", "phone"));
    let here = |house: &mut House| {
        let (around, _) = asks(house, ann, None);
        names(&around).iter().map(|(name, presence)| ((*name).to_owned(), *presence)).collect::<Vec<_>>()
    };
    let told = |name: &str, presence| (name.to_owned(), presence);
    let others = [told("away", Presence::Away), told("contact", Presence::Busy)];
    let rest = [told("gone", Presence::Online), told("member", Presence::Online)];
    assert_eq!(here(&mut house), [&others[..], &rest].concat());
    // What was asked before they hid, and is answered after it.
    house.hold_queries = true;
    let query = Query { id: ClientRef::new("late").unwrap(), ask: Ask::Around { after: None } };
    house.says(ann, ClientPacket::Query(query));
    house.says(back, ClientPacket::SetVisible { id: None, visible: false });
    blocks(&mut house, ann, "away");
    house.heard(ann);
    house.answer_next(true);
    let late = house.heard(ann).into_iter().find_map(|packet| match packet {
        ServerPacket::Answer { found: Found::Around { around, .. }, .. } => Some(around),
        _ => None,
    });
    assert_eq!(names(&late.unwrap()), [("contact", Presence::Busy), ("member", Presence::Online)]);
}

// DM-PRS-6
#[test]
fn many_are_told_in_pages() {
    let mut house = House::new();
    let count = 2 * limits::AROUND + 1;
    let all: Vec<String> = (0..count).map(|number| format!("m{number:03}")).collect();
    for name in &all {
        let conn = house.open(UNTOLD, &device(name, "phone"));
        house.says(conn, ClientPacket::Join(team()));
    }
    let ann = house.open(UNTOLD, &device("ann", "phone"));
    house.says(ann, ClientPacket::Join(team()));
    let (mut told, mut after, mut sizes) = (Vec::new(), None::<UserId>, Vec::new());
    loop {
        let (around, more) = asks(&mut house, ann, after.as_ref().map(UserId::as_str));
        sizes.push(around.len());
        told.extend(around.into_iter().map(|it| it.from.user.as_str().to_owned()));
        if !more {
            break;
        }
        after = told.last().map(|last| user(last));
    }
    assert_eq!((told, sizes), (all, vec![limits::AROUND, limits::AROUND, 1]));
}
