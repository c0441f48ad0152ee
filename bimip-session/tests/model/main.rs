//! The server against a reference: random sequences of operations, and after each of them both are the same.
//!
//! [`reference`] says what must be stored, [`sessions`] what every session is owed; both are written from
//! docs/protocol/delivery.md. [`system`] is the real core over a store in memory. [`twins`] and [`heard`] do the same
//! thing with both and compare. [`ops`] draws the sequences: three users with two devices each and two groups who send,
//! send again, dispose, say what became of messages, come and go, and call beside it, while connections are cut, the store is slow or
//! fails, the server dies, and the clocks do what they like.
//!
//! Comments name rules of that page without their `DM-`, and the invariants that the simulator knows too: I1 nothing
//! acknowledged is lost, I2 stored once, I3 in all mailboxes or none, I4 one order, I5 dense offsets, I6 cursors rise, I7
//! receipts rise, I8 resuming is complete, I9 nobody else gets it, I16 clocks order nothing.
//!
//! That it bites was tried with six bugs planted by hand, each found within a second: a name under
//! which other content is taken for a repeat, a receipt for what said nothing new, a leave that sometimes does not
//! count, what is said after a join carried out before it, a read mark that is not told to the reader's other devices,
//! and a row that is forgotten because it comes while its device attaches.
//!
//! A sequence that fails is made as short as it can be, and printed. `BIMIP_SEQUENCES=1000000` runs more of them and
//! `BIMIP_SEED=7` others; `cargo xtask model 1000000` does both.
#![allow(clippy::unwrap_used, reason = "test code")]

mod heard;
mod ops;
mod reference;
mod sessions;
mod system;
mod twins;

use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestError, TestRng, TestRunner};
use proptest_state_machine::ReferenceStateMachine;

use ops::{Op, Present};
use twins::{Tally, Twins};

const OPERATIONS: usize = 200;
/// By both halves together, unless somebody wants another number.
const SEQUENCES: u32 = if cfg!(miri) { 2 } else { 20_000 };

fn number(name: &str) -> Option<u32> {
    let text = std::env::var(name).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{name}={text} is not a number")))
}

/// The same draws each time.
fn rng(which: u8) -> TestRng {
    let mut bytes = [which; 16];
    bytes[..4].copy_from_slice(&number("BIMIP_SEED").unwrap_or(0).to_le_bytes());
    // The cheapest that there is: the draws took most of the time with another.
    TestRng::from_seed(RngAlgorithm::XorShift, &bytes)
}

/// Runs one sequence, and says how often what happened in it.
fn run(ops: &[Op], mut seen: impl FnMut()) -> Result<Tally, String> {
    let mut twins = Twins::new();
    for op in ops {
        seen();
        twins.step(op).map_err(|what| format!("{what}\nat {op:?}"))?;
    }
    twins.compare_all()?;
    Ok(twins.tally)
}

/// proptest tries each operation once. What could not go before others did may go now.
fn shortest(mut ops: Vec<Op>) -> (Vec<Op>, String) {
    let fails = |ops: &[Op]| {
        std::panic::catch_unwind(|| run(ops, || ())).unwrap_or_else(|_| Err("a panic".into())).err()
    };
    let mut reason = fails(&ops).unwrap_or_else(|| "it fails no more".into());
    let mut at = 0;
    while at < ops.len() {
        let mut fewer = ops.clone();
        fewer.remove(at);
        match fails(&fewer) {
            Some(what) => (ops, reason, at) = (fewer, what, 0),
            None => at += 1,
        }
    }
    (ops, reason)
}

/// One of the halves, so that two processors have work.
fn half(which: u8) {
    let cases = number("BIMIP_SEQUENCES").unwrap_or(SEQUENCES) / 2;
    let config = Config { cases, failure_persistence: None, max_shrink_iters: 20_000, ..Config::default() };
    let mut runner = TestRunner::new_with_rng(config, rng(which));
    let sequences = Present::sequential_strategy(OPERATIONS);
    let done = std::cell::Cell::new(0_u32);
    let result = runner.run(&sequences, |(_, ops, seen)| {
        let seen = || {
            if let Some(seen) = &seen {
                seen.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
            }
        };
        done.set(done.get() + 1);
        if done.get().is_multiple_of((cases / 10).max(1)) && number("BIMIP_SEQUENCES").is_some() {
            eprintln!("half {which}: {} of {cases} sequences", done.get());
        }
        run(&ops, seen).map(drop).map_err(TestCaseError::fail)
    });
    if let Err(TestError::Fail(_, (_, ops, _))) = result {
        let (ops, reason) = shortest(ops);
        let ops: Vec<String> = ops.iter().map(|op| format!("  {op:?}")).collect();
        panic!("{reason}\nThe shortest sequence that does it:\n{}", ops.join("\n"));
    }
    result.map_err(|error| error.to_string()).unwrap();
}

// MISSION L2, B3, B4, B5, B10
// DM-BOX-1, DM-BOX-2, DM-BOX-3, DM-BOX-4, DM-ORD-1, DM-ORD-2, DM-ORD-3, DM-ACK-1, DM-ACK-2, DM-ACK-3, DM-ACK-4, DM-DUP-1,
// DM-DUP-2, DM-DUP-4, DM-CUR-1, DM-CUR-2, DM-CUR-3, DM-CUR-4, DM-CUR-5, DM-CUR-7, DM-ROW-1, DM-WIN-1, DM-WIN-2, DM-GRP-1, DM-GRP-2,
// DM-GRP-3, DM-GRP-5, DM-GRP-6, DM-GRP-7, DM-GRP-9, DM-RCP-1, DM-RCP-2, DM-RCP-3, DM-RCP-4, DM-RCP-5, DM-RCP-6, DM-SES-2,
// DM-SES-3, DM-SES-4, DM-SES-7, DM-CALL-1, DM-CALL-4
#[test]
fn the_server_is_the_reference_in_one_half_of_the_sequences() {
    half(0);
}

#[test]
fn the_server_is_the_reference_in_the_other_half() {
    half(1);
}

/// A reference that is asked nothing agrees with everything.
#[test]
fn sequences_have_everything_in_them() {
    const KINDS: [&str; 26] = [
        "a call that disposes for nobody",
        "a call that is hung up",
        "a call that is over",
        "a conflict",
        "a crash that loses commands",
        "a crash that loses nothing",
        "a disposal of nothing",
        "a disposal that delivers",
        "a disposal that was refused",
        "a draft is accepted",
        "a goodbye",
        "a join or a leave",
        "a mark",
        "a new row",
        "a pong",
        "a refusal for a store that fails",
        "a repeat",
        "a row that was sent before",
        "a session that begins",
        "a session that fell silent",
        "a session that goes on",
        "a session that was replaced",
        "a word of delivery",
        "no such message",
        "not a member",
        "a window that is full",
    ];
    let sequences = Present::sequential_strategy(OPERATIONS);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng(2));
    let mut tally = Tally::new();
    for _ in 0..if cfg!(miri) { 0 } else { 300 } {
        let (_, ops, _) = sequences.new_tree(&mut runner).unwrap().current();
        for (what, times) in run(&ops, || ()).unwrap() {
            *tally.entry(what).or_default() += times;
        }
    }
    let rare = |what: &&str| !cfg!(miri) && tally.get(what).is_none_or(|times| *times < 20);
    assert!(!KINDS.iter().any(rare), "{tally:#?}");
}
