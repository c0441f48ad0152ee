//! Numbers drawn from a seed, and what every test of a view does with changes.

use std::fmt::Debug;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use bimip_session::client::view::Change;

/// Draws, the same for the same seed.
#[derive(Debug, Clone)]
pub(crate) struct Draws(u64);

impl Draws {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn word(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = self.0;
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        word ^ (word >> 31)
    }

    pub(crate) fn below(&mut self, n: usize) -> usize {
        usize::try_from(self.word() % n.max(1) as u64).unwrap()
    }

    pub(crate) fn chance(&mut self, percent: u64) -> bool {
        self.word() % 100 < percent
    }
}

/// Runs many sequences, and says which one failed.
pub(crate) fn sequences(normally: u64, run: impl Fn(u64)) {
    let asked = std::env::var("BIMIP_VIEWS").ok().and_then(|many| many.parse().ok());
    let only = std::env::var("BIMIP_SEED").ok().and_then(|seed| seed.parse().ok());
    let seeds = only.map_or_else(|| 0..asked.unwrap_or(normally), |seed| seed..seed + 1);
    for seed in seeds {
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| run(seed))) {
            eprintln!("sequence {seed} failed: BIMIP_SEED={seed} runs it alone");
            resume_unwind(panic);
        }
    }
}

/// Carries changes out on a plain list.
pub(crate) fn carry_out<T: Clone + PartialEq + Debug>(shown: &mut Vec<T>, change: Change<T>, view: &[T]) {
    match change {
        Change::Insert { at, item } => shown.insert(at, item),
        Change::Update { at, item } => shown[at] = item,
        Change::Move { from, to, item } => {
            shown.remove(from);
            shown.insert(to, item);
        }
        Change::Remove { at } => {
            shown.remove(at);
        }
        Change::Reload => *shown = view.to_vec(),
        other => panic!("a change nobody knows: {other:?}"),
    }
}
