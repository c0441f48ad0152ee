//! Clients that may never say what they have stored: what arrived counts, until they do.
#![allow(clippy::unwrap_used, reason = "tests")]

mod harness;

use bimip_proto::{Caps, ClientPacket, Entry, Noted, Offset, ServerPacket, Status};
use bimip_session::server::{ConnId, Input};
use harness::{House, device, draft};

fn send(house: &mut House, conn: ConnId, name: &str) {
    house.says(conn, ClientPacket::Send(draft(name, "bob", name)));
}

/// The texts that a connection was given.
fn texts(heard: &[ServerPacket]) -> Vec<String> {
    let texts = heard.iter().filter_map(|packet| match packet {
        ServerPacket::Deliver(row) => match &*row.entry {
            Entry::Message(it) => Some(String::from_utf8(it.body.bytes.to_vec()).unwrap()),
            _ => None,
        },
        _ => None,
    });
    texts.collect()
}

/// What the author was told of, by whom it was delivered.
fn delivered(heard: &[ServerPacket]) -> usize {
    let receipts = heard.iter().filter_map(|packet| match packet {
        ServerPacket::Deliver(row) => match &*row.entry {
            Entry::Receipt(it) if it.status == Status::Delivered => Some(it.messages.len()),
            _ => None,
        },
        _ => None,
    });
    receipts.sum()
}

/// The last question that was asked of a connection.
fn question(house: &House, conn: ConnId) -> u64 {
    house.barriers.iter().rev().find(|(to, _)| *to == conn).unwrap().1
}

// EV-STORE-2
#[test]
fn what_arrived_is_stored_and_delivered_to_who_never_says_so() {
    let mut house = House::new();
    let ann = house.open(Caps::FULL, &device("ann", "phone"));
    let bob = house.open(Caps::EVENTS, &device("bob", "web"));
    send(&mut house, ann, "one");
    assert_eq!(texts(&house.heard(bob)), ["one"]);
    assert_eq!(delivered(&house.heard(ann)), 0, "it may still be on its way");

    // A cut before the answer: it comes again.
    house.input(Input::Closed(bob));
    let bob = house.open(Caps::EVENTS, &device("bob", "web"));
    assert_eq!(texts(&house.heard(bob)), ["one"]);
    let upto = question(&house, bob);
    house.input(Input::Barrier(bob, upto));
    assert_eq!(delivered(&house.heard(ann)), 1);
    house.input(Input::Closed(bob));
    let bob = house.open(Caps::EVENTS, &device("bob", "web"));
    assert_eq!(texts(&house.heard(bob)), [""; 0], "and then never more");
}

// EV-STORE-2
#[test]
fn whoever_says_what_is_stored_is_taken_at_their_word() {
    let mut house = House::new();
    let ann = house.open(Caps::FULL, &device("ann", "phone"));
    let bob = house.open(Caps::EVENTS, &device("bob", "web"));
    house.says(bob, ClientPacket::Dispose(Offset::ZERO));
    let answer = house.heard(bob);
    assert!(answer.contains(&ServerPacket::Noted(Noted::Disposed(Offset::ZERO))), "{answer:?}");
    send(&mut house, ann, "one");
    send(&mut house, ann, "two");
    assert_eq!(texts(&house.heard(bob)), ["one", "two"]);
    assert!(house.barriers.iter().all(|(to, upto)| *to != bob || *upto == 0), "nobody asks what arrived");

    house.says(bob, ClientPacket::Dispose(Offset(1)));
    assert_eq!(delivered(&house.heard(ann)), 1);
    house.input(Input::Closed(bob));
    let bob = house.open(Caps::EVENTS, &device("bob", "web"));
    assert_eq!(texts(&house.heard(bob)), ["two"], "what was not stored comes again");
}

// EV-STORE-2
#[test]
fn a_question_under_way_says_nothing_any_more_after_the_first_word() {
    let mut house = House::new();
    let ann = house.open(Caps::FULL, &device("ann", "phone"));
    let bob = house.open(Caps::EVENTS, &device("bob", "web"));
    send(&mut house, ann, "one");
    send(&mut house, ann, "two");
    let upto = question(&house, bob);
    house.says(bob, ClientPacket::Dispose(Offset(1)));
    house.input(Input::Barrier(bob, upto));
    assert_eq!(delivered(&house.heard(ann)), 1);
    house.input(Input::Closed(bob));
    let bob = house.open(Caps::EVENTS, &device("bob", "web"));
    assert_eq!(texts(&house.heard(bob)), ["one", "two"][1..].to_vec());
}
