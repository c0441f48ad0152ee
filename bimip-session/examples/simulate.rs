//! Runs the simulator: `seeds N [--from K]` for many, `seed K` for one as a story.
//!
//! ```text
//! cargo run --release -p bimip-session --features sim --example simulate -- seeds 10000
//! cargo run --release -p bimip-session --features sim --example simulate -- seed 7
//! ```
#![allow(
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a command line tool, which may read the clock"
)]

use std::io::Write;
use std::process::ExitCode;
use std::time::Instant;

use bimip_session::sim::{Plan, World};

const USAGE: &str = "usage: simulate seeds N [--from K] [--large]   or   simulate seed K [--large]";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let number = |text: &String| text.parse::<u64>().ok();
    let after = |flag: &str| {
        let at = arguments.iter().position(|it| it == flag)?;
        arguments.get(at + 1).and_then(number)
    };
    let plan = if arguments.iter().any(|it| it == "--large") { Plan::big() } else { Plan::small() };
    match (arguments.first().map(String::as_str), arguments.get(1).and_then(number)) {
        (Some("seeds"), Some(count)) => many(after("--from").unwrap_or(0), count, &plan),
        (Some("seed"), Some(seed)) => one(seed, plan),
        _ => {
            eprintln!("{USAGE}");
            ExitCode::from(2)
        }
    }
}

fn many(from: u64, count: u64, plan: &Plan) -> ExitCode {
    let started = Instant::now();
    let (mut steps, mut failed) = (0, Vec::new());
    for (done, seed) in (1..).zip(from..from + count) {
        let mut world = World::new(seed, plan.clone());
        world.run();
        steps += world.steps();
        if !world.violations().is_empty() {
            println!("seed {seed}: {:?}", world.violations());
            failed.push(seed);
        }
        if done % (count / 10).max(1) == 0 {
            println!("{done}/{count} seeds, {steps} steps, {:.1} s", started.elapsed().as_secs_f64());
        }
    }
    let rate = count as f64 / started.elapsed().as_secs_f64();
    println!("{count} seeds from {from}: {} with violations, {rate:.0} seeds/s", failed.len());
    if failed.is_empty() {
        ExitCode::SUCCESS
    } else {
        println!("replay one with: cargo xtask seed {}", failed[0]);
        ExitCode::FAILURE
    }
}

fn one(seed: u64, plan: Plan) -> ExitCode {
    let mut world = World::new(seed, plan).telling();
    world.run();
    let mut out = std::io::stdout().lock();
    for line in world.story() {
        let _closed = writeln!(out, "{line}");
    }
    for violation in world.violations() {
        let _closed = writeln!(out, "VIOLATION  {violation}");
    }
    if world.violations().is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
