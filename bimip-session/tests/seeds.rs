//! The simulator, as it runs with every build.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use bimip_session::sim::{Lie, Plan, World};

/// What is asked of every build, on two threads.
const GATE_SEEDS: u64 = 2_500;

fn run(seed: u64, plan: &Plan) -> World {
    let mut world = World::new(seed, plan.clone());
    world.run();
    world
}

/// The seeds that fail, on two threads; and how many steps all of them took.
fn failing(count: u64, plan: &Plan) -> (Vec<(u64, Vec<String>)>, u64) {
    let (next, steps, failed) = (AtomicU64::new(0), AtomicU64::new(0), Mutex::new(Vec::new()));
    let work = || {
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= count || failed.lock().expect("no panic").len() >= 3 {
                return;
            }
            let world = run(seed, plan);
            steps.fetch_add(world.steps(), Ordering::Relaxed);
            if !world.violations().is_empty() {
                failed.lock().expect("no panic").push((seed, world.violations().to_vec()));
            }
        }
    };
    std::thread::scope(|scope| {
        scope.spawn(work);
        scope.spawn(work);
    });
    (failed.into_inner().expect("no panic"), steps.into_inner())
}

#[track_caller]
fn all_pass(name: &str, count: u64) {
    #[expect(clippy::disallowed_methods, reason = "the rate is for whoever reads the log")]
    let started = std::time::Instant::now();
    let plan = Plan::named(name).expect("a plan");
    let count = if cfg!(miri) { 1 } else { count };
    let (failing, steps) = failing(count, &plan);
    assert!(failing.is_empty(), "replay with: cargo xtask seed N --profile {name}\n{failing:#?}");
    let seconds = started.elapsed().as_secs_f64();
    eprintln!("{count} {name} seeds, {steps} steps, {:.0} seeds/s", count as f64 / seconds);
}

// MISSION L2
// MISSION M3
// MISSION A1
// MISSION B8
// DM-BOX-2, DM-BOX-3, DM-ORD-1, DM-ACK-1, DM-DUP-1, DM-CUR-2, DM-CUR-7, DM-ROW-1, DM-REV-2, DM-REV-3, DM-REV-5, DM-GRP-12, DM-GRP-13,
// DM-GRP-14, DM-GRP-16, DM-PRS-2, DM-PRS-4
#[test]
fn gate_seeds() {
    all_pass("gate", GATE_SEEDS);
}

#[test]
fn calm_seeds() {
    all_pass("calm", 100);
}

#[test]
fn swizzled_seeds() {
    all_pass("swizzle", 60);
}

#[test]
fn seeds_with_one_that_is_slow() {
    all_pass("one-slow", 100);
}

#[test]
#[cfg_attr(miri, ignore = "one seed of the others is enough")]
fn a_big_seed() {
    all_pass("big", 2);
}

#[test]
#[cfg_attr(miri, ignore = "one seed of the others is enough")]
fn a_seed_is_the_same_to_the_byte() {
    let story = |seed| {
        let mut world = World::new(seed, Plan::gate()).telling();
        world.run();
        (world.digest(), world.story().join("\n"))
    };
    for seed in 0..3 {
        let first = story(seed);
        assert!(first.1.lines().count() > 1_000, "a story worth comparing");
        assert_eq!(first, story(seed), "seed {seed}");
    }
}

#[test]
#[cfg_attr(miri, ignore = "one seed of the others is enough")]
fn a_seed_has_the_same_digest_every_time() {
    let digest = |seed| run(seed, &Plan::gate()).digest();
    let first: Vec<_> = (0..20).map(digest).collect();
    for _ in 0..2 {
        assert_eq!((0..20).map(digest).collect::<Vec<_>>(), first);
    }
    let mut different = first.clone();
    different.sort_unstable();
    different.dedup();
    assert_eq!(different.len(), first.len(), "different seeds are different worlds");
}

// DM-BOX-2, DM-ACK-1, DM-DUP-1
#[test]
#[cfg_attr(miri, ignore = "it looks for lies, in many worlds")]
fn a_lie_is_found_out() {
    for lie in Lie::ALL {
        let mut plan = Plan::gate();
        plan.lie = Some(lie);
        let caught = (0..400).find(|seed| !run(*seed, &plan).violations().is_empty());
        assert!(caught.is_some(), "{lie:?} was not found in 400 seeds");
        eprintln!("{lie:?}: seed {}", caught.unwrap_or_default());
    }
}
