//! What the store could not do: a disposal that was not stored delivers later, a page that was not read comes later.
#![allow(clippy::unwrap_used, reason = "test code")]

mod harness;

use bimip_proto::{Caps, ClientPacket, CloseReason, Entry, Noted, Offset, ServerPacket, Status};
use bimip_session::Machine;
use bimip_session::ledger::{Failure, View};
use bimip_session::server::{ConnId, Grant, Input, Output, Page};
use harness::{House, device, draft, rows, user};

/// Two messages from alice have reached bob, who has said nothing yet.
fn house() -> (House, ConnId) {
    let mut house = House::new();
    let alice = house.open(Caps::FULL, &device("alice", "phone"));
    let bob = house.open(Caps::FULL, &device("bob", "phone"));
    for name in ["1", "2"] {
        house.says(alice, ClientPacket::Send(draft(name, "bob", name)));
    }
    assert_eq!(rows(&house.heard(bob)), [Offset(1), Offset(2)]);
    (house, bob)
}

/// The messages that alice was told have arrived.
fn told(house: &House) -> usize {
    let page = house.book.page(&user("alice"), Offset::ZERO, u32::MAX, u64::MAX);
    let delivered = page.iter().filter_map(|(_, entry)| match &**entry {
        Entry::Receipt(receipt) if receipt.status == Status::Delivered => Some(receipt.messages.len()),
        _ => None,
    });
    delivered.sum()
}

fn comes_back_and_disposes(house: &mut House) {
    let bob = house.open(Caps::FULL, &device("bob", "phone"));
    assert_eq!(rows(&house.heard(bob)), [Offset(1), Offset(2)], "they come again");
    house.says(bob, ClientPacket::Dispose(Offset(2)));
    assert!(house.heard(bob).contains(&ServerPacket::Noted(Noted::Disposed(Offset(2)))));
    assert_eq!(told(house), 2);
}

// DM-CUR-7
// Found by the simulator, small seed 51: the disk was full while a disposal was on its way, the next one moved the
// cursor, and the author was never told.
#[test]
fn a_refused_disposal_ends_the_connection_and_its_rows_come_again() {
    let (mut house, bob) = house();
    house.hold_commits = true;
    house.says(bob, ClientPacket::Dispose(Offset(1)));
    house.fail_held();
    assert!(house.closed.contains(&(bob, CloseReason::Unavailable)));
    assert!(!house.heard(bob).iter().any(|it| matches!(it, ServerPacket::Noted(_))), "it is not answered");
    comes_back_and_disposes(&mut house);
}

// DM-CUR-7
// Found by the simulator, gate seed 525: the same, with the second disposal on its way already.
#[test]
fn a_disposal_behind_a_refused_one_moves_nothing() {
    let (mut house, bob) = house();
    house.hold_commits = true;
    house.says(bob, ClientPacket::Dispose(Offset(1)));
    house.says(bob, ClientPacket::Dispose(Offset(2)));
    let refused = house.held.remove(0).failed(Failure::Full);
    house.core.handle_input(house.now, Input::Failed(refused));
    house.commit_held();
    assert_eq!(house.book.cursor(&device("bob", "phone")), Ok(Offset::ZERO));
    assert!(!house.heard(bob).iter().any(|it| matches!(it, ServerPacket::Noted(_))), "neither is answered");
    comes_back_and_disposes(&mut house);
}

// DM-CUR-2
// Found by the simulator, gate seed 200832: a page could not be read, and until the next sign of life nobody asked again.
#[test]
fn a_page_that_could_not_be_read_is_asked_for_again() {
    let mut house = House::new();
    let alice = house.open(Caps::FULL, &device("alice", "phone"));
    house.says(alice, ClientPacket::Send(draft("1", "bob", "1")));
    let (conn, grant) = (ConnId(99), Some(Grant::new(device("bob", "phone"))));
    house.core_only(Input::Opened { conn, caps: Caps::FULL, grant });
    let attachment = house.take_attach();
    house.core_only(Input::Attached(conn, Some(attachment)));
    let asked = std::iter::from_fn(|| house.core.poll_output());
    assert!(asked.into_iter().any(|it| matches!(it, Output::Read(read) if read.conn == conn)));
    house.input(Input::Page(Page { conn, rows: None }));
    assert_eq!(rows(&house.heard(conn)), []);
    house.wait(2_000);
    assert_eq!(rows(&house.heard(conn)), [Offset(1)]);
}

// DM-CUR-7
#[test]
fn who_came_back_before_a_disposal_was_refused_comes_back_again() {
    let (mut house, bob) = house();
    house.hold_commits = true;
    house.says(bob, ClientPacket::Dispose(Offset(2)));
    // Starts where it said it is, as that is on its way to the disk.
    let again = house.open(Caps::FULL, &device("bob", "phone"));
    assert_eq!(rows(&house.heard(again)), []);
    house.fail_held();
    let alice = house.open(Caps::FULL, &device("alice", "phone"));
    house.says(alice, ClientPacket::Send(draft("3", "bob", "3")));
    assert_eq!(rows(&house.heard(again)), [Offset(3)]);
    house.says(again, ClientPacket::Dispose(Offset(3)));
    assert!(house.closed.contains(&(again, CloseReason::Unavailable)));
    assert_eq!(house.heard(again), [ServerPacket::Bye(CloseReason::Unavailable)], "and no word of disposing");
    let bob = house.open(Caps::FULL, &device("bob", "phone"));
    assert_eq!(rows(&house.heard(bob)), [Offset(1), Offset(2), Offset(3)]);
    house.says(bob, ClientPacket::Dispose(Offset(3)));
    assert_eq!(told(&house), 3);
}
