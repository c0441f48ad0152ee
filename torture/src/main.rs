//! Kills the server binary, cuts its power and breaks its disk, and checks what it promised: `--help` says how.

#![expect(clippy::print_stdout, reason = "a command line tool talks to its terminal")]

mod args;
mod book;
mod clients;
mod faults;
mod image;
mod kill9;
mod people;
mod powercut;
mod report;
mod seed;
mod server;
mod store;
mod story;
mod trace;
mod wire;

use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::args::{Args, Command, USAGE};
use crate::powercut::Ran;

/// Nothing was found wrong, and nothing was proven: this machine cannot run it.
const SKIPPED: u8 = 77;

fn main() -> ExitCode {
    let clock = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let args = match Args::parse(std::env::args().skip(1), clock) {
        Ok(args) if args.command == Command::Help => {
            println!("{USAGE}");
            return ExitCode::SUCCESS;
        }
        Ok(args) => args,
        Err(error) => {
            eprintln!("{error}; `--help` says what there is");
            return ExitCode::from(2);
        }
    };
    // One thread: what a client has read and what is done to the server have one order.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let ended = runtime.map_err(|error| error.to_string()).and_then(|runtime| {
        tokio::task::LocalSet::new().block_on(&runtime, async {
            match args.command {
                Command::Kill9 => kill9::run(&args).await.map(|()| Ran::Yes),
                Command::PowerCut => powercut::run(&args).await,
                Command::Faults => faults::run(&args).await.map(|()| Ran::Yes),
                Command::Help => Ok(Ran::Yes),
            }
        })
    });
    match ended {
        Ok(Ran::Yes) => ExitCode::SUCCESS,
        Ok(Ran::No) => ExitCode::from(SKIPPED),
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
