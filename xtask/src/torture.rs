//! Kills the real server, cuts its power and breaks its disk: a program of its own, `torture`, does it.

use std::path::Path;
use std::process::Command;

use crate::ran::{Built, Ended, Ran};
use crate::setup;
use crate::shell::{self, Shell, Stop};
use crate::sim::take_release;
use crate::stages::Stages;

/// What belongs to a run of the tests, in a minute together: the long runs are for people.
const PART_OF_TEST: [&str; 3] = ["kill9", "powercut", "faults"];

/// The exit code of a run that this machine cannot do.
const SKIPPED: i32 = 77;

const ADVICE: &str = "The lines above say what was broken and where the data is kept.";

/// One of the commands, by hand.
pub(crate) fn run(shell: &Shell, stages: &mut Stages, command: &str, rest: &[String]) -> Result<(), Stop> {
    let (release, rest) = take_release(rest);
    let folder = shell.target().join(if release { "release" } else { "debug" });
    let (torture, server) = (folder.join("torture"), folder.join("bimip-server"));
    stages.stage("build", "See the compiler's errors above.", || {
        let mut cargo = shell.cargo(&["build", "--quiet", "-p", "torture", "-p", "bimip-server"]);
        if release {
            cargo.arg("--release");
        }
        shell::run(cargo)?;
        setup::strace(shell)
    })?;
    stages.stage(command, ADVICE, || {
        let mut program = torture_of(shell, &torture, &server, command);
        program.args(rest);
        ended(program).map(|_| ())
    })
}

/// All of them, with the programs that the tests were built with.
pub(crate) fn run_built(shell: &Shell, stages: &mut Stages, built: &Built) -> Result<(), Stop> {
    for command in PART_OF_TEST {
        stages.stage(command, ADVICE, || {
            let missing = |name: &str| Stop::new(format!("the build made no {name}."));
            let torture = built.binaries.get("torture").ok_or_else(|| missing("torture"))?;
            let server = built.binaries.get("bimip-server").ok_or_else(|| missing("bimip-server"))?;
            let result = ended(torture_of(shell, torture, server, command));
            let verdict = *result.as_ref().unwrap_or(&Ended::Failed);
            let mut ran = Ran::load(shell);
            ran.add(format!("torture::{command}::run"), verdict);
            ran.save(shell)?;
            result.map(|_| ())
        })?;
    }
    Ok(())
}

fn torture_of(shell: &Shell, torture: &Path, server: &Path, command: &str) -> Command {
    let mut program = shell.program(torture);
    program.arg(command).arg("--server").arg(server).arg("--dir").arg(shell.target().join("torture"));
    program
}

/// Runs it with its output going where ours goes.
fn ended(mut program: Command) -> Result<Ended, Stop> {
    let status = program.status().map_err(|error| Stop::new(format!("`torture` did not start: {error}.")))?;
    match status.code() {
        Some(0) => Ok(Ended::Passed),
        Some(SKIPPED) => Ok(Ended::Ignored),
        _ => Err(Stop::new(format!("`torture` failed ({status})."))),
    }
}
