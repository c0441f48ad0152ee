//! Which places of the program a run went to, and how often: the counters of `-C instrument-coverage`.
//!
//! The program has hundreds of thousands of them, and reading them all takes longer than a run. So only those are
//! read after each run that moved before; the rest is swept now and then.
#![allow(unsafe_code, reason = "the counters are memory of the program that only the linker has names for")]

/// Runs between two looks at every counter.
pub(crate) const SWEEP: u64 = 1 << 16;
/// Counters that are looked at together: a line of the cache.
const BLOCK: usize = 8;

/// What was seen so far.
pub(crate) struct Coverage {
    counters: Counters,
    /// For each counter, a bit for each order of magnitude it had after a run.
    seen: Vec<[u8; BLOCK]>,
    /// The blocks that are looked at after every run.
    near: Vec<usize>,
    is_near: Vec<bool>,
    places: usize,
}

impl Coverage {
    pub(crate) fn new() -> Self {
        let counters = Counters::of_this_program();
        let coverage = Self {
            seen: vec![[0; BLOCK]; counters.blocks],
            near: Vec::new(),
            is_near: vec![false; counters.blocks],
            places: 0,
            counters,
        };
        // What ran before the first input is not of an input.
        for block in 0..coverage.counters.blocks {
            coverage.counters.take(block);
        }
        coverage
    }

    pub(crate) const fn is_blind(&self) -> bool {
        self.counters.blocks == 0
    }

    /// How many counters ever moved.
    pub(crate) const fn places(&self) -> usize {
        self.places
    }

    /// Whether the run since the last call went somewhere, or somewhere more often, than any before. All counters are
    /// zero afterwards; those that were not looked at, after a `sweep`.
    pub(crate) fn is_new(&mut self, sweep: bool) -> bool {
        let mut new = false;
        if !sweep {
            for at in 0..self.near.len() {
                new |= self.look(self.near[at]);
            }
            return new;
        }
        let known = self.near.len();
        for block in 0..self.is_near.len() {
            if self.look(block) {
                new = true;
                if !std::mem::replace(&mut self.is_near[block], true) {
                    self.near.push(block);
                }
            }
        }
        if self.near.len() > known {
            // In the order of memory, which is read faster than any other.
            self.near.sort_unstable();
        }
        new
    }

    #[inline]
    fn look(&mut self, block: usize) -> bool {
        let Some(counts) = self.counters.take(block) else { return false };
        let seen = &mut self.seen[block];
        let [a, b, c, d, e, f, g, h] = counts.map(magnitude);
        let known = u64::from_ne_bytes(*seen);
        if u64::from_ne_bytes([a, b, c, d, e, f, g, h]) & !known == 0 {
            return false;
        }
        for (seen, count) in seen.iter_mut().zip(counts) {
            self.places += usize::from(*seen == 0 && count > 0);
            *seen |= magnitude(count);
        }
        true
    }
}

/// One bit for 1, 2, 4, 8 and so on: a loop that turns 1 000 times and one that turns 1 001 times are alike.
#[inline]
const fn magnitude(count: u64) -> u8 {
    let bits = u64::BITS - count.leading_zeros();
    // None for 0.
    MAGNITUDES[bits as usize]
}

const MAGNITUDES: [u8; 65] = {
    let mut bits = [128; 65];
    (bits[0], bits[1], bits[2], bits[3]) = (0, 1, 2, 4);
    (bits[4], bits[5], bits[6], bits[7]) = (8, 16, 32, 64);
    bits
};

/// The counters of this program, in whole blocks; none where it was built without.
struct Counters {
    first: *mut [u64; BLOCK],
    blocks: usize,
}

impl Counters {
    #[cfg(fuzz_coverage)]
    fn of_this_program() -> Self {
        unsafe extern "C" {
            // The linker makes these two names for the section that the compiler puts the counters into.
            #[link_name = "__start___llvm_prf_cnts"]
            static mut FIRST: u64;
            #[link_name = "__stop___llvm_prf_cnts"]
            static mut END: u64;
        }
        let (first, end) = (&raw mut FIRST, &raw mut END);
        let bytes = end.addr() - first.addr();
        Self { first: first.cast(), blocks: bytes / size_of::<[u64; BLOCK]>() }
    }

    #[cfg(not(fuzz_coverage))]
    const fn of_this_program() -> Self {
        Self { first: std::ptr::null_mut(), blocks: 0 }
    }

    /// Reads a block and sets it back; `None` if nothing in it moved, as nearly always.
    #[inline]
    fn take(&self, block: usize) -> Option<[u64; BLOCK]> {
        assert!(block < self.blocks);
        // SAFETY: the block is within the section, whose words live as long as the program. Threads that count at the
        // same time do so without a lock, as the compiler has it; a count that gets lost is a place seen later.
        unsafe {
            let counters = self.first.add(block);
            let counts = counters.read();
            // In one piece: this function is counted too, and a loop would be counted eight times.
            let [a, b, c, d, e, f, g, h] = counts;
            if a | b | c | d | e | f | g | h == 0 {
                return None;
            }
            counters.write([0; BLOCK]);
            Some(counts)
        }
    }
}
