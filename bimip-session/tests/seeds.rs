//! The simulator, as it runs with every build.

use bimip_session::sim::{Lie, Plan, World};

fn run(seed: u64, plan: Plan) -> World {
    let mut world = World::new(seed, plan);
    world.run();
    world
}

fn failing(seeds: std::ops::Range<u64>, plan: &Plan) -> Vec<(u64, Vec<String>)> {
    let fails = |seed| {
        let violations = run(seed, plan.clone()).violations().to_vec();
        (!violations.is_empty()).then_some((seed, violations))
    };
    seeds.filter_map(fails).collect()
}

// MISSION L2
// DM-BOX-2, DM-BOX-3, DM-ORD-1, DM-ACK-1, DM-DUP-1, DM-CUR-2, DM-ROW-1
#[test]
fn five_hundred_seeds() {
    let failing = failing(0..if cfg!(miri) { 1 } else { 500 }, &Plan::small());
    assert!(failing.is_empty(), "replay with: cargo xtask seed N\n{failing:#?}");
}

#[test]
fn calm_seeds() {
    let failing = failing(0..if cfg!(miri) { 1 } else { 100 }, &Plan::calm());
    assert!(failing.is_empty(), "{failing:#?}");
}

#[test]
#[cfg_attr(miri, ignore = "one seed of the others is enough")]
fn a_seed_is_the_same_to_the_byte() {
    let story = |seed| {
        let mut world = World::new(seed, Plan::small()).telling();
        world.run();
        world.story().join("\n")
    };
    for seed in 0..5 {
        let first = story(seed);
        assert!(first.lines().count() > 100, "a story worth comparing");
        assert_eq!(first, story(seed), "seed {seed}");
    }
}

// DM-BOX-2, DM-ACK-1, DM-DUP-1
#[test]
#[cfg_attr(miri, ignore = "it looks for lies, in many worlds")]
fn a_lying_disk_is_found_out() {
    use Lie::{
        ForgottenCursors, ForgottenKeys, ForgottenMarks, ForgottenMembers, HalfDelivered, HoleyPages,
        ProvenBeforeSync, TornBatch,
    };
    let lies = [
        ProvenBeforeSync,
        TornBatch,
        ForgottenKeys,
        ForgottenMarks,
        ForgottenCursors,
        ForgottenMembers,
        HoleyPages,
        HalfDelivered,
    ];
    for lie in lies {
        let mut plan = Plan::small();
        plan.lie = Some(lie);
        let caught = (0..400).find(|seed| !run(*seed, plan.clone()).violations().is_empty());
        assert!(caught.is_some(), "{lie:?} was not found in 400 seeds");
    }
}
