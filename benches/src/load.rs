//! `bench load`: the server binary as a child process, next to a relay that keeps nothing, on loopback.
//!
//! One generator drives both: the same connections, window and frame sizes, in turns, so that what else the machine
//! does hits both alike. It runs in one thread, checks every message that it sees, and stops by itself.

mod ask;
mod child;
mod clock;
mod disk;
mod fill;
pub(crate) mod frames;
mod history;
mod idle;
mod journal;
mod large;
mod member;
mod members;
mod offline;
mod pair;
mod pairs;
mod peer;
mod poster;
mod raw;
mod reader;
pub(crate) mod relay;
mod rest;
mod settings;
mod slow;
mod sluggish;
mod turns;
mod voice;

use std::future::Future;

use self::child::Program;
use crate::args::{Args, Scenario};
use crate::machine;
use crate::report::Report;

pub(crate) fn run(args: &Args, scenario: Scenario, report: &mut Report) -> Result<(), String> {
    let files = machine::raise_open_files().map_err(|error| format!("the limit of open files: {error}"))?;
    let program = Program::prepare(args)?;
    report.heading("Load");
    report.say(&format!(
        "`bimip-server` with its {} store, on {}, on loopback, next to a relay over bare TCP that keeps \
         nothing, and where it matters next to one that syncs its messages, grouped, to a file before it passes them on; at \
         most {files} open files. Processor time is the program's, user and kernel, not the generator's.",
        args.storage.name(),
        machine::file_system(program.data_root()),
    ));
    let is = |one| scenario == Scenario::All || scenario == one;
    if is(Scenario::S1) {
        pairs::s1(args, &program, report)?;
    }
    if is(Scenario::S1b) {
        pairs::s1b(args, &program, report)?;
    }
    if is(Scenario::S2) {
        offline::s2(args, &program, report)?;
    }
    if is(Scenario::S3) {
        members::s3(args, &program, report)?;
    }
    if is(Scenario::S4) {
        idle::s4(args, &program, report)?;
    }
    if is(Scenario::S5) {
        voice::s5(args, &program, report)?;
    }
    if is(Scenario::Slow) {
        slow::slow(args, &program, report)?;
    }
    if is(Scenario::Rest) {
        rest::rest(args, &program, report)?;
    }
    if is(Scenario::History) {
        history::history(args, &program, report)?;
    }
    if is(Scenario::Large) {
        large::large(args, &program, report)?;
    }
    Ok(())
}

/// Runs one measurement on a runtime of one thread.
fn block_on<T>(work: impl Future<Output = Result<T, String>>) -> Result<T, String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(|error| format!("no runtime: {error}"))?.block_on(work)
}
