//! Times short operations: several cases in turns, so that a disturbance hits all of them alike, and by
//! the time that this thread runs, so that most do not hit at all.

use crate::alloc;
use crate::machine::thread_ns;
use crate::stats::Spread;

/// How long one case runs in one round.
const SLICE_NS: u64 = 4_000_000;

/// One operation to be timed: called with how often to do it.
pub(crate) struct Case<'a> {
    name: &'static str,
    run: Box<dyn FnMut(u64) + 'a>,
}

/// What one operation costs.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cost {
    pub(crate) name: &'static str,
    pub(crate) ns: Spread,
    /// Allocations of one operation.
    pub(crate) allocs: f64,
}

impl<'a> Case<'a> {
    pub(crate) fn new(name: &'static str, mut once: impl FnMut() + 'a) -> Self {
        let run = move |times| {
            for _ in 0..times {
                once();
            }
        };
        Self { name, run: Box::new(run) }
    }
}

/// Times all cases in `rounds` turns.
pub(crate) fn measure(mut cases: Vec<Case<'_>>, rounds: usize) -> Vec<Cost> {
    let times: Vec<u64> = cases.iter_mut().map(calibrate).collect();
    let mut samples = vec![Vec::with_capacity(rounds); cases.len()];
    for _ in 0..rounds {
        for (index, case) in cases.iter_mut().enumerate() {
            let start = thread_ns();
            (case.run)(times[index]);
            samples[index].push((thread_ns() - start) as f64 / times[index] as f64);
        }
    }
    let costs = cases.iter_mut().zip(samples).map(|(case, samples)| Cost {
        name: case.name,
        ns: Spread::of(samples),
        allocs: allocations(case),
    });
    costs.collect()
}

/// How often it can be done in one slice. Warms it up on the way.
fn calibrate(case: &mut Case<'_>) -> u64 {
    let mut times = 16;
    loop {
        let start = thread_ns();
        (case.run)(times);
        let took = thread_ns() - start;
        if took * 2 > SLICE_NS {
            return (times * SLICE_NS / took).max(1);
        }
        times *= 2;
    }
}

/// Enough operations that what happens once in a while is counted in its proportion.
fn allocations(case: &mut Case<'_>) -> f64 {
    const TIMES: u64 = 1_000;
    let before = alloc::count();
    (case.run)(TIMES);
    (alloc::count() - before) as f64 / TIMES as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn costs_are_in_proportion() {
        let spin = |turns: u64| {
            move || {
                for turn in 0..turns {
                    std::hint::black_box(turn);
                }
            }
        };
        let allocate = || drop(std::hint::black_box(vec![1_u8; 9]));
        let cases =
            vec![Case::new("short", spin(10)), Case::new("long", spin(1_000)), Case::new("vec", allocate)];
        let costs = measure(cases, 3);
        assert!(costs[1].ns.median > 5.0 * costs[0].ns.median);
        assert_eq!((costs[0].allocs, costs[2].allocs), (0.0, 1.0));
    }
}
