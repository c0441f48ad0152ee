//! Measures the codecs, the core and the server binary, and writes a report.
//!
//! ```text
//! cargo xtask bench codec           each kind of frame, against plain serde, prost and memcpy
//! cargo xtask bench core            one message through the core and the ledger
//! cargo xtask bench load s1         the server binary under load, against a relay that keeps nothing
//! cargo xtask bench all             everything
//! ```
//!
//! Numbers go to stdout and to `bench-report.md` in the target directory, with a plot of them in `bench-report.svg`
//! and all of them for other programs in `bench-report.json`. Compare ratios and processor time, not
//! wall rates: the load generator shares the machine with what it measures. What is checked on the way (no
//! allocation where there must be none, every message delivered exactly once and in order) ends the program with
//! code 1 when it does not hold, and so does a hard limit that is missed; a goal that is missed is only shown.
#![allow(clippy::print_stdout, reason = "a report is what this program is for")]

mod alloc;
mod args;
mod codec;
mod load;
mod machine;
mod micro;
mod plot;
mod report;
mod server_core;
mod stats;

use std::process::ExitCode;

use crate::args::{Args, Command};
use crate::report::Report;

fn main() -> ExitCode {
    let args = match Args::parse(std::env::args().skip(1)) {
        Ok(args) => args,
        Err(error) => {
            eprintln!("{error}\n\n{}", args::USAGE);
            return ExitCode::from(2);
        }
    };
    match args.command {
        Command::Help => {
            println!("{}", args::USAGE);
            return ExitCode::SUCCESS;
        }
        Command::Relay => return finish(load::relay::main(args.log.as_deref())),
        _ => {}
    }
    let mut report = Report::new(args.date.as_deref());
    finish(run(&args, &mut report).and_then(|()| report.write()).and_then(|()| report.verdict()))
}

fn run(args: &Args, report: &mut Report) -> Result<(), String> {
    let all = matches!(args.command, Command::All);
    if all || matches!(args.command, Command::Codec) {
        codec::run(args, report);
    }
    if all || matches!(args.command, Command::Core) {
        server_core::run(args, report)?;
    }
    match &args.command {
        Command::Load(scenario) => load::run(args, *scenario, report),
        Command::All => load::run(args, args::Scenario::All, report),
        _ => Ok(()),
    }
}

fn finish(result: Result<(), String>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
