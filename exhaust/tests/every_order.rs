//! Every order in which a small story can go.
//!
//! That it bites was tried with bugs planted by hand, each found: a resend that is stored again, a reader that begins at the
//! head of the mailbox instead of at its cursor, and a client that does not send its draft again.
#![allow(clippy::unwrap_used, reason = "test code")]

use exhaust::{Faults, SmallWorld};
use stateright::{Checker, Model};

/// Tries everything, and says how much that was.
fn check(faults: Faults) {
    let checker = SmallWorld { faults }.checker().threads(2).spawn_bfs().join();
    let (states, steps) = (checker.unique_state_count(), checker.state_count());
    eprintln!("{faults:?}: {states} states by {steps} steps, {} deep", checker.max_depth());
    checker.assert_properties();
    assert!(checker.is_done());
}

// DM-BOX-2, DM-BOX-3, DM-ACK-1, DM-RCP-1
#[test]
fn every_order_when_nothing_goes_wrong() {
    check(Faults { cuts: 0, crashes: 0 });
}

// DM-DUP-1, DM-CUR-2, DM-CUR-3, DM-CUR-4, DM-ROW-1, DM-SES-2
#[test]
fn every_order_with_a_connection_that_is_cut() {
    check(Faults { cuts: 1, crashes: 0 });
}

// MISSION L2, B10
// DM-BOX-2, DM-BOX-3, DM-ACK-1, DM-DUP-1, DM-CUR-2, DM-RCP-1
#[test]
fn every_order_with_a_server_that_dies() {
    check(Faults { cuts: 0, crashes: 1 });
}
