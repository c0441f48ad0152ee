//! A small fuzzer for a stable compiler: `cargo xtask fuzz TARGET SECONDS` builds and starts it.
//!
//! It changes inputs at random and keeps those that go where no other went. It knows where they go from the counters
//! that `-C instrument-coverage` puts into the program, so it needs nothing but the compiler; built without, it still
//! runs, and guesses. One process, one thread for the target, so that a run is told by its seed.
#![allow(clippy::print_stdout, reason = "a command line tool talks to its terminal")]

mod args;
mod corpus;
mod coverage;
mod mutate;
mod watch;

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use bimip_session::sim::Rng;
use fuzz::Entry;

use crate::args::{Args, USAGE};
use crate::corpus::Corpus;
use crate::coverage::Coverage;
use crate::watch::Watch;

/// Between two lines about how it goes.
const PROGRESS: Duration = Duration::from_secs(10);

fn main() -> ExitCode {
    let args = match Args::parse(std::env::args().skip(1)) {
        Ok(Some(args)) => args,
        Ok(None) => {
            print!("{USAGE}");
            return ExitCode::SUCCESS;
        }
        Err(error) => {
            eprintln!("{error}\n\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    match run(&args) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("{}: {error}", args.target);
            ExitCode::FAILURE
        }
    }
}

/// How a run goes.
struct Fuzzer<'a> {
    args: &'a Args,
    corpus: Corpus,
    coverage: Coverage,
    watch: Watch,
    began: Instant,
    runs: u64,
}

fn run(args: &Args) -> io::Result<ExitCode> {
    let corpus = Corpus::open(&args.target, &args.keep)?;
    let mut fuzzer = Fuzzer {
        args,
        corpus,
        coverage: Coverage::new(),
        watch: Watch::start(&args.target, &args.keep, args.hang)?,
        began: Instant::now(),
        runs: 0,
    };
    fuzzer.seeds()?;
    fuzzer.search()
}

impl Fuzzer<'_> {
    /// What is known already: it says which places are not new, and is what is changed.
    fn seeds(&mut self) -> io::Result<()> {
        let seeds = std::mem::take(&mut self.corpus.seeds);
        println!(
            "{}: {} seeds, seed number {}, {}",
            self.args.target,
            seeds.len(),
            self.args.seed,
            if self.coverage.is_blind() { "blind: built without counters" } else { "guided by coverage" }
        );
        let mut broken = None;
        for bytes in seeds {
            if !self.passes(&bytes) {
                broken = Some(bytes);
                break;
            }
            // A seed that goes nowhere new is kept all the same: somebody thought of it.
            let _ = self.coverage.is_new(true);
            self.corpus.inputs.push(bytes);
        }
        match broken {
            Some(bytes) => self.found(&bytes).map(drop),
            None => Ok(()),
        }
    }

    fn search(mut self) -> io::Result<ExitCode> {
        if self.watch.has_found() {
            return Ok(ExitCode::FAILURE);
        }
        let mut rng = Rng::new(self.args.seed);
        let (mut bytes, mut told) = (Vec::new(), Instant::now());
        self.began = Instant::now();
        let first = self.runs;
        loop {
            // Asking the clock costs as much as reading a frame.
            if self.runs.is_multiple_of(256) || self.args.slow {
                if self.began.elapsed() >= self.args.time {
                    break;
                }
                if told.elapsed() >= PROGRESS {
                    told = Instant::now();
                    self.tell(first);
                }
            }
            mutate::next(&mut rng, &self.corpus.inputs, self.args.max_bytes, &mut bytes);
            if !self.passes(&bytes) {
                return self.found(&bytes);
            }
            let sweep = self.runs.is_multiple_of(coverage::SWEEP);
            if self.coverage.is_new(sweep) {
                self.corpus.keep(&bytes)?;
            }
        }
        self.tell(first);
        println!("{}: nothing found", self.args.target);
        Ok(ExitCode::SUCCESS)
    }

    /// Runs the target once.
    fn passes(&mut self, bytes: &[u8]) -> bool {
        self.runs += 1;
        self.watch.begins(bytes);
        let entry: Entry = self.args.entry;
        let passed = catch_unwind(AssertUnwindSafe(|| entry(bytes))).is_ok();
        self.watch.ends();
        passed
    }

    fn found(&mut self, bytes: &[u8]) -> io::Result<ExitCode> {
        self.watch.found("panicked", bytes)?;
        Ok(ExitCode::FAILURE)
    }

    fn tell(&self, first: u64) {
        let (runs, took) = (self.runs - first, self.began.elapsed().as_secs_f64());
        println!(
            "{}: {took:.0} s of {} s, {runs} runs, {:.0} a second, {} inputs, {} places",
            self.args.target,
            self.args.time.as_secs(),
            runs as f64 / took,
            self.corpus.inputs.len(),
            self.coverage.places(),
        );
    }
}
