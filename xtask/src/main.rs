//! The commands of this repository, in Rust so that nothing has to be installed: `cargo xtask --help`.
//! Whatever runs the checks elsewhere calls `cargo xtask test` and nothing else.

#![forbid(unsafe_code)]
#![expect(clippy::print_stdout, reason = "a command line tool talks to its terminal")]

mod check;
mod fuzz;
mod interop;
mod miri;
mod mission;
mod model;
mod msrv;
mod mutants;
mod planted;
mod ran;
mod rules;
mod setup;
mod shell;
mod sim;
mod stages;
mod test;
mod torture;

use std::process::ExitCode;

use shell::{Shell, Stop};
use stages::Stages;

const HELP: &str = "\
The commands of this repository.

Usage: cargo xtask <command> [arguments]

Commands:
  test                   everything: check, the tests, interop, the mission table
  check                  formatting, lints, docs, wasm32, dependency rules, licences
  seeds N [--profile gate|small|big|calm|swizzle|one-slow] [--from K] [--threads N]
                         run N seeds of the simulator, stop at the first that fail; --help to say more
  seed K [--profile P]   run one seed and print what happened
  interop [pytest args]  drive the real server with clients that are not ours (Python)
  interop --client independent [pytest args]
                         the same with the client that was written from docs/protocol alone
  interop --vectors      write the files of docs/protocol/vectors that are made by interop/make_vectors.py
  kill9 [N]              kill the real server N times under load (20), check that nothing acked is lost
  powercut [N]           the same with the power cut N times (3), and a control that must lose; needs root
  faults                 the same with a disk that fails: errors of writing and syncing, a full disk
  model COUNT            compare the server with its reference in COUNT random sequences; --help to say more
  miri [CRATE ...]       the tests of the core crates under miri; --help to say more
  fuzz TARGET SECONDS    look for inputs that break a codec, the core or the store; --help to say more
  mission [--marks]      is every row of docs/mission.md proved by a test of the last run?
                         --marks prints the marks in the sources as rows for the table
  mutants [--file F]     change the machines one expression at a time: does a test notice? --help to say more
  planted [NAME...]      plant bugs in a copy of the machines: does the simulator find them? --help to say more
  rules [--write]        print which test proves which rule of docs/protocol, or write docs/protocol/rules.md
  bench [arguments]      the benchmarks
  msrv                   build with the oldest supported toolchains

seeds, seed, interop, kill9, powercut and faults take --release to build with optimisations; the last three take
--seed N to choose alike again, and --help to say more.

Examples:
  cargo xtask test
  cargo xtask seeds 1000 --profile big --from 5000
  cargo xtask seed 7
  cargo xtask interop -k talk -x
  cargo xtask bench
  cargo xtask kill9 1000 --release
  cargo xtask fuzz decode_scheme 60
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let mut stages = Stages::default();
    match dispatch(&arguments, &mut stages) {
        Ok(()) => {
            stages.print_table();
            ExitCode::SUCCESS
        }
        Err(stop) => {
            stages.print_table();
            eprintln!("\nxtask: {stop}");
            ExitCode::FAILURE
        }
    }
}

fn dispatch(arguments: &[String], stages: &mut Stages) -> Result<(), Stop> {
    let Some((command, rest)) = arguments.split_first() else {
        print!("{HELP}");
        return Err(Stop::new("which command? See above."));
    };
    if ["help", "-h", "--help"].contains(&command.as_str()) {
        print!("{HELP}");
        return Ok(());
    }
    let shell = Shell::new()?;
    match command.as_str() {
        "test" => none(command, rest).and_then(|()| test::run(&shell, stages)),
        "check" => none(command, rest).and_then(|()| check::run(&shell, stages)),
        "msrv" => none(command, rest).and_then(|()| msrv::run(&shell, stages)),
        "seeds" | "seed" => sim::simulate(&shell, command, rest),
        "bench" => sim::bench(&shell, rest),
        "interop" => interop::run(&shell, stages, rest),
        "kill9" | "powercut" | "faults" => torture::run(&shell, stages, command, rest),
        "fuzz" => fuzz::run(&shell, rest),
        "model" => model::run(&shell, rest),
        "miri" => miri::run(&shell, stages, rest),
        "mutants" => mutants::run(&shell, rest),
        "planted" => planted::run(&shell, rest),
        "rules" => rules::run(&shell, rest),
        "mission" if rest == ["--marks"] => mission::print_marks(&shell),
        "mission" => none(command, rest).and_then(|()| mission::run(&shell, stages)),
        _ => {
            print!("{HELP}");
            Err(Stop::new(format!("there is no command `{command}`. See above.")))
        }
    }
}

fn none(command: &str, rest: &[String]) -> Result<(), Stop> {
    match rest {
        [] => Ok(()),
        [first, ..] => Err(Stop::new(format!("`{command}` takes no arguments, got `{first}`."))),
    }
}
