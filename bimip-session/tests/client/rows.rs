//! Rows: taken in order, once, and disposed of when they are stored.

use std::sync::Arc;

use bimip_proto::{ClientPacket, Entry, Message, Offset, Row, ServerPacket, limits};
use bimip_session::Machine;
use bimip_session::client::{ClientSession, Event, Input, Output, Resume};

use super::harness::draft;
use super::{T0, at, back, head, outputs, received, row, said, up};

// DM-ROW-1, DM-WIN-2, DM-CUR-4, CL-IN-1, CL-IN-2
#[test]
fn rows_are_taken_in_order_once_and_disposed_of_when_stored() {
    let mut session = up(Resume::default());
    outputs(&mut session);
    for input in [row(0, 1), row(1, 3), row(1, 3)] {
        session.handle_input(T0, input);
    }
    assert_eq!(received(&outputs(&mut session)), [Offset(1), Offset(3)]);
    assert_eq!(
        session.poll_timeout(),
        Some(T0.mono_ms + 25_000),
        "nothing to dispose of before it is stored"
    );
    session.stored(at(5), 7, Offset(1));
    session.stored(at(6), 7, Offset(3));
    assert_eq!(outputs(&mut session), []);
    assert_eq!((session.poll_timeout(), session.is_settled()), (Some(T0.mono_ms + 25), false));
    session.handle_timeout(at(25));
    assert_eq!(
        outputs(&mut session),
        [Output::Transmit(ClientPacket::Dispose(Offset(3)))],
        "one word for both"
    );
    session.handle_input(at(30), row(1, 3));
    session.handle_timeout(at(30));
    assert_eq!(outputs(&mut session), [Output::Transmit(ClientPacket::Dispose(Offset(3)))], "said again");
}

// DM-ROW-1, CL-IN-1
#[test]
fn a_hole_in_the_rows_ends_the_connection_and_loses_nothing() {
    let mut session = up(Resume::default());
    session.handle_input(T0, row(0, 1));
    outputs(&mut session);
    session.handle_input(T0, row(4, 5));
    let told = outputs(&mut session);
    assert_eq!(told, [Output::Hangup, Output::Event(Event::Offline)]);
    assert_eq!(session.seen(), Offset(1));
}

// DM-WIN-2
#[test]
fn thirty_two_stored_rows_are_disposed_of_at_once() {
    let mut session = up(Resume::default());
    for offset in 1..=40 {
        session.handle_input(T0, row(offset - 1, offset));
    }
    outputs(&mut session);
    for offset in 1..=31 {
        session.stored(T0, 7, Offset(offset));
    }
    assert_eq!(outputs(&mut session), []);
    session.stored(T0, 7, Offset(32));
    assert_eq!(outputs(&mut session), [Output::Transmit(ClientPacket::Dispose(Offset(32)))]);
    // And the rest, when no more come.
    for offset in 33..=40 {
        session.stored(T0, 7, Offset(offset));
    }
    session.handle_timeout(at(20));
    assert_eq!(outputs(&mut session), [Output::Transmit(ClientPacket::Dispose(Offset(40)))]);
}

/// The app was told of rows of a store that is no more; its word about them comes late.
// CL-IN-3
#[test]
fn what_was_stored_of_an_older_store_disposes_of_nothing() {
    let mut session = up(Resume::default());
    session.handle_input(T0, row(0, 1));
    outputs(&mut session);
    session.stored(T0, 6, Offset(1));
    session.handle_timeout(at(1_000));
    assert_eq!(said(&mut session), []);
    session.stored(T0, 7, Offset(9));
    session.handle_timeout(at(2_000));
    assert_eq!(said(&mut session), [ClientPacket::Dispose(Offset(1))], "and never more than was told");
}

// DM-CUR-4
#[test]
fn what_is_stored_is_disposed_of_before_a_goodbye() {
    let mut session = up(Resume::default());
    session.handle_input(T0, row(0, 1));
    outputs(&mut session);
    session.stored(T0, 7, Offset(1));
    session.leave(T0);
    assert_eq!(said(&mut session), [ClientPacket::Dispose(Offset(1)), ClientPacket::Bye]);
    session.stored(T0, 7, Offset(1));
    assert_eq!((outputs(&mut session), session.poll_timeout()), (Vec::new(), None));
}

// CL-IN-1
#[test]
fn what_was_told_and_not_stored_is_not_told_again_by_the_next_connection() {
    let mut session = up(Resume::default());
    session.handle_input(T0, row(0, 1));
    outputs(&mut session);
    back(&mut session, 10);
    session.handle_input(at(10), row(0, 1));
    assert_eq!(received(&outputs(&mut session)), []);
    session.stored(at(11), 7, Offset(1));
    session.handle_timeout(at(40));
    assert_eq!(said(&mut session), [ClientPacket::Dispose(Offset(1))]);
}

/// A server takes no word about rows that it has not sent on this connection.
// DM-CUR-3, DM-CUR-4
#[test]
fn what_was_to_be_disposed_of_at_a_cut_waits_until_the_row_comes_again() {
    let mut session = up(Resume::default());
    for offset in 1..=31 {
        session.handle_input(T0, row(offset - 1, offset));
        session.stored(T0, 7, Offset(offset));
    }
    outputs(&mut session);
    back(&mut session, 10);
    session.handle_input(at(11), row(31, 32));
    session.stored(at(11), 7, Offset(32));
    session.handle_timeout(at(30));
    assert_eq!(said(&mut session)[1..], [], "neither at once nor when it was due before");
    session.handle_input(at(30), row(0, 1));
    session.handle_timeout(at(31));
    assert_eq!(said(&mut session), [ClientPacket::Dispose(Offset(32))]);
}

/// A whole window comes again after a cut; the word for it is the same for every row of it.
// CL-IN-1, DM-WIN-2
#[test]
fn a_window_that_comes_again_is_disposed_of_in_a_few_words() {
    let mut session = up(Resume::default());
    for offset in 1..=200 {
        session.handle_input(T0, row(offset - 1, offset));
    }
    session.stored(T0, 7, Offset(200));
    back(&mut session, 10);
    outputs(&mut session);
    for offset in 1..=200 {
        session.handle_input(at(10), row(offset - 1, offset));
    }
    assert_eq!(said(&mut session), [ClientPacket::Dispose(Offset(200))]);
    // The first word was taken for what the server had sent until then; this one is for the rest.
    session.handle_timeout(at(30));
    assert_eq!(said(&mut session), [ClientPacket::Dispose(Offset(200))]);
    session.handle_timeout(at(1_000));
    assert_eq!(said(&mut session), []);
}

// CL-IN-2
#[test]
fn what_is_stored_again_is_nothing_new() {
    let mut session = up(Resume::default());
    session.handle_input(T0, row(0, 1));
    session.stored(T0, 7, Offset(1));
    session.handle_timeout(at(20));
    outputs(&mut session);
    session.stored(at(21), 7, Offset(1));
    assert!(session.is_settled());
    assert_eq!(session.poll_timeout(), Some(at(25_000).mono_ms), "nothing is due but a sign of life");
}

/// Rows of the msgpack dialect have no numbers and come again after a cut.
// MISSION V11
// DM-CUR-4, CL-IN-4
#[test]
fn a_row_without_a_number_is_known_by_its_name() {
    let mut session = up(Resume::default());
    outputs(&mut session);
    session.handle_input(T0, row(0, 0));
    let [Output::Event(Event::Received(told))] = &outputs(&mut session)[..] else { panic!("not told") };
    let Entry::Message(message) = &*told.entry else { panic!("a message") };
    let name = message.head.names().reference().unwrap();
    session.handle_input(T0, row(0, 0));
    assert_eq!(outputs(&mut session), [], "the app has not said that it has it");
    session.delivered(T0, vec![name.clone()]);
    let delivered = ClientPacket::Delivered(vec![name]);
    assert_eq!(said(&mut session), std::slice::from_ref(&delivered));
    back(&mut session, 5);
    outputs(&mut session);
    session.handle_input(at(6), row(0, 0));
    assert_eq!(outputs(&mut session), [Output::Transmit(delivered)], "said again, told once");
}

// CL-IN-4
#[test]
fn twice_a_window_of_names_is_known_and_no_more() {
    let mut session = up(Resume::default());
    let is_shown = |session: &mut ClientSession, number: u64| {
        outputs(session);
        let message = Message { head: head(number), body: draft("", "a", "x").body };
        let entry = Arc::new(Entry::Message(message));
        let row = Row { prev: Offset::ZERO, offset: Offset::ZERO, entry };
        session.handle_input(T0, Input::Packet(ServerPacket::Deliver(row)));
        !received(&outputs(session)).is_empty()
    };
    let names = 2 * u64::from(limits::WINDOW_ROWS);
    assert!((1..=names).all(|number| is_shown(&mut session, number)));
    assert!(!(1..=names).any(|number| is_shown(&mut session, number)));
    assert!(is_shown(&mut session, names + 1));
    assert!(is_shown(&mut session, 1) && !is_shown(&mut session, 3), "the oldest makes room");
}
