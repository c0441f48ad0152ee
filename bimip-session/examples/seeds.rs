//! Runs the simulator: `seeds N` for many worlds, `seed K` for one as a story. `cargo xtask seeds` starts it.
#![allow(
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a command line tool, which may read the clock"
)]

use std::io::Write;
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bimip_session::sim::{Plan, World};

const USAGE: &str = "\
Runs the simulator of bimip-session.

Usage:
  seeds COUNT [--profile NAME] [--from K] [--threads N] [--failures N]
  seed K [--profile NAME]

`seeds` runs COUNT worlds from seed K on (0), with N threads (as many as there are processors), says every few seconds
how far it is, and stops after the first failures (3). `seed` prints what happens in one world, line by line.

Profiles: gate (the default), small, big, calm, swizzle, one-slow.

Examples:
  cargo xtask seeds 10000
  cargo xtask seeds 200 --profile big --threads 2
  cargo xtask seed 7 --profile calm
";

/// How often a long run says how far it is.
const PROGRESS: Duration = Duration::from_secs(5);

struct Arguments {
    number: u64,
    profile: String,
    plan: Plan,
    from: u64,
    threads: u64,
    failures: usize,
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.iter().any(|it| it == "--help" || it == "-h") {
        print!("{USAGE}");
        return ExitCode::SUCCESS;
    }
    let Some((command, rest)) = arguments.split_first() else { return usage("which command?") };
    match (command.as_str(), read(rest)) {
        ("seeds", Ok(arguments)) => many(&arguments),
        ("seed", Ok(arguments)) => one(&arguments),
        (_, Err(what)) => usage(&what),
        (other, _) => usage(&format!("there is no command `{other}`")),
    }
}

fn usage(what: &str) -> ExitCode {
    eprint!("seeds: {what}\n\n{USAGE}");
    ExitCode::from(2)
}

fn read(rest: &[String]) -> Result<Arguments, String> {
    let Some((number, flags)) = rest.split_first() else { return Err("a number comes first".to_owned()) };
    let count =
        |text: &str, of: &str| text.parse::<u64>().map_err(|_| format!("{of} takes a number, not `{text}`"));
    let processors = std::thread::available_parallelism().map_or(1, |it| it.get() as u64);
    let mut arguments = Arguments {
        number: count(number, "the command")?,
        profile: "gate".to_owned(),
        plan: Plan::gate(),
        from: 0,
        threads: processors,
        failures: 3,
    };
    for flag in flags.chunks(2) {
        let [name, value] = flag else { return Err(format!("`{}` takes a value", flag[0])) };
        match name.as_str() {
            "--from" => arguments.from = count(value, name)?,
            "--threads" => arguments.threads = count(value, name)?.clamp(1, 256),
            "--failures" => arguments.failures = usize::try_from(count(value, name)?.max(1)).unwrap_or(1),
            "--profile" => {
                let known = || format!("no profile `{value}`; there are {}", Plan::NAMES.join(", "));
                arguments.plan = Plan::named(value).ok_or_else(known)?;
                arguments.profile.clone_from(value);
            }
            other => return Err(format!("there is no flag `{other}`")),
        }
    }
    Ok(arguments)
}

/// What all threads count together.
#[derive(Default)]
struct Tally {
    next: AtomicU64,
    done: AtomicU64,
    steps: AtomicU64,
    failed: Mutex<Vec<(u64, Vec<String>)>>,
}

fn many(arguments: &Arguments) -> ExitCode {
    let (started, tally) = (Instant::now(), Tally::default());
    std::thread::scope(|scope| {
        let workers: Vec<_> =
            (0..arguments.threads).map(|_| scope.spawn(|| work(arguments, &tally))).collect();
        let mut told = Instant::now();
        while !workers.iter().all(std::thread::ScopedJoinHandle::is_finished) {
            std::thread::park_timeout(Duration::from_millis(50));
            if told.elapsed() >= PROGRESS {
                told = Instant::now();
                report(arguments, &tally, started);
            }
        }
    });
    report(arguments, &tally, started);
    let Ok(failed) = tally.failed.into_inner() else { return ExitCode::FAILURE };
    for (seed, violations) in &failed {
        println!("\nseed {seed}:");
        for violation in violations {
            println!("  {violation}");
        }
        println!("  replay with: cargo xtask seed {seed} --profile {}", arguments.profile);
    }
    if failed.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn work(arguments: &Arguments, tally: &Tally) {
    loop {
        let turn = tally.next.fetch_add(1, Ordering::Relaxed);
        let enough = tally.failed.lock().is_ok_and(|failed| failed.len() >= arguments.failures);
        if turn >= arguments.number || enough {
            return;
        }
        let seed = arguments.from + turn;
        let mut world = World::new(seed, arguments.plan.clone());
        world.run();
        tally.steps.fetch_add(world.steps(), Ordering::Relaxed);
        tally.done.fetch_add(1, Ordering::Relaxed);
        if let (false, Ok(mut failed)) = (world.violations().is_empty(), tally.failed.lock()) {
            failed.push((seed, world.violations().to_vec()));
        }
    }
}

fn report(arguments: &Arguments, tally: &Tally, started: Instant) {
    let (done, steps) = (tally.done.load(Ordering::Relaxed), tally.steps.load(Ordering::Relaxed));
    let failed = tally.failed.lock().map_or(0, |failed| failed.len());
    let seconds = started.elapsed().as_secs_f64();
    let rate = done as f64 / seconds;
    let per_core_hour = rate * 3_600.0 / arguments.threads as f64;
    println!(
        "{done}/{} {} seeds from {}: {failed} with violations, {steps} steps, {seconds:.1} s, {rate:.1} seeds/s, \
         {per_core_hour:.0} seeds per core-hour",
        arguments.number, arguments.profile, arguments.from,
    );
}

fn one(arguments: &Arguments) -> ExitCode {
    let mut world = World::new(arguments.number, arguments.plan.clone()).telling();
    world.run();
    let mut out = std::io::stdout().lock();
    for line in world.story() {
        let _closed = writeln!(out, "{line}");
    }
    let _closed = writeln!(out, "{} steps, digest {:016x}", world.steps(), world.digest());
    for violation in world.violations() {
        let _closed = writeln!(out, "VIOLATION  {violation}");
    }
    if world.violations().is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
