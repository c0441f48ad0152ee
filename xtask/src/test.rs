//! `cargo xtask test`: everything.

use std::process::Stdio;

use crate::ran::{Built, CargoTest, Ran};
use crate::shell::{self, Shell, Stop};
use crate::{check, interop, mission, setup, stages::Stages, torture};

pub(crate) fn run(shell: &Shell, stages: &mut Stages) -> Result<(), Stop> {
    check::run(shell, stages)?;
    let built = stages.stage("build tests", "See the compiler's errors above.", || build(shell))?;
    let advice = "The test of the server's system calls needs it.";
    stages.stage("tracer", advice, || setup::strace(shell))?;
    let advice = "See the failed tests above; `cargo test -p <crate> <name>` runs one again.";
    stages.stage("tests", advice, || cargo_test(shell, &built))?;
    torture::run_built(shell, stages, &built)?;
    interop::run_built(shell, stages, built.binaries.get("bimip-server").cloned(), &[])?;
    mission::run(shell, stages)
}

const TEST: [&str; 3] = ["test", "--workspace", "--all-features"];

/// Builds the tests and learns which program belongs to which crate: the output of `cargo test` does not say.
fn build(shell: &Shell) -> Result<Built, Stop> {
    let mut cargo = shell.cargo(&TEST);
    cargo.args(["--no-run", "--message-format=json-render-diagnostics"]).stderr(Stdio::inherit());
    let mut built = Built::default();
    shell::read(cargo)?.lines().for_each(|line| built.see(line));
    Ok(built)
}

fn cargo_test(shell: &Shell, built: &Built) -> Result<(), Stop> {
    let mut ran = Ran::default();
    let mut reader = CargoTest::new(built);
    let result = shell::stream(shell.cargo(&TEST), |line| reader.see(line, &mut ran));
    for prefix in &reader.torn {
        println!("    note: the output of {prefix} was torn, not all of its tests are known by name");
    }
    ran.save(shell)?;
    println!("    {} tests ran", ran.len());
    result
}
