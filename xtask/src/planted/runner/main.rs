//! Runs seeds of the simulator, as it was built here, until one is caught: the program of `cargo xtask planted`.
//!
//! Prints `caught SEED TEXT` or `held`. A machine that panics is caught, and so is a world that does not end.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc;
use std::time::Duration;

use bimip_session::sim::{Plan, World};

/// A thousand times what a world takes.
const WORLD_S: u64 = 30;

fn main() {
    let seeds: u64 = std::env::args().nth(1).and_then(|text| text.parse().ok()).expect("a number of seeds");
    std::panic::set_hook(Box::new(|_| {}));
    let (found, finds) = mpsc::channel();
    std::thread::spawn(move || {
        for seed in 0..seeds {
            // Whoever listens has seen enough.
            if found.send(first_violation(seed)).is_err() {
                return;
            }
        }
    });
    for seed in 0..seeds {
        match finds.recv_timeout(Duration::from_secs(WORLD_S)) {
            Ok(None) => {}
            Ok(Some(violation)) => return caught(seed, &violation),
            Err(_) => return caught(seed, "the world does not end"),
        }
    }
    println!("held");
}

fn first_violation(seed: u64) -> Option<String> {
    let run = || {
        let mut world = World::new(seed, Plan::gate());
        world.run();
        world.violations().first().cloned()
    };
    catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        let text = text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or_default();
        Some(format!("panic: {text}"))
    })
}

fn caught(seed: u64, violation: &str) {
    println!("caught {seed} {}", violation.replace('\n', " "));
}
