//! Everything that can be said about the sources without running them. The quick looks come first.

mod arrows;
mod licences;
mod listed;
pub(crate) mod metadata;
mod scan;

pub(crate) use scan::tracked_files;

use crate::shell::{self, Shell, Stop};
use crate::{planted, rules, setup, stages::Stages};

/// The crates that touch no I/O, clock, thread or randomness.
const CORE: [&str; 3] = ["bimip-proto", "bimip-codec", "bimip-session"];

pub(crate) fn run(shell: &Shell, stages: &mut Stages) -> Result<(), Stop> {
    stages.stage("tools", "Install what is named and run me again.", || {
        setup::lint_tools(shell)?;
        setup::wasm(shell)
    })?;
    stages.stage("format", "Run `cargo fmt --all`.", || {
        shell::run(shell.cargo(&["fmt", "--all", "--check"]))
    })?;
    sources(shell, stages)?;
    dependencies(shell, stages)?;
    stages.stage("clippy", "Fix what clippy says; an `#[expect]` needs a reason.", || {
        let lint = ["clippy", "--workspace", "--all-targets", "--all-features", "--", "-D", "warnings"];
        shell::run(shell.cargo(&lint))
    })?;
    stages.stage("docs", "Fix the doc comments that rustdoc names.", || {
        let mut cargo = shell.cargo(&["doc", "--workspace", "--no-deps", "--all-features"]);
        cargo.env("RUSTDOCFLAGS", "-D warnings");
        shell::run(cargo)
    })?;
    stages.stage("wasm32", "The core crates must not need a system: see the error above.", || {
        let mut cargo = shell.cargo(&["check", "--lib", "--target", "wasm32-unknown-unknown"]);
        for name in CORE {
            cargo.args(["-p", name]);
        }
        shell::run(cargo)
    })
}

fn sources(shell: &Shell, stages: &mut Stages) -> Result<(), Stop> {
    let advice = "Time and chance are arguments there; the driver in bimip-server has the rest.";
    stages.stage("core sources", advice, || {
        let mut findings = Vec::new();
        for name in CORE {
            findings.extend(scan::core_crate(shell, name)?);
        }
        Stop::unless_empty("the core crates may not say this:", &findings)
    })?;
    let advice =
        "A test quotes what it proves in a comment, `// VP-TEXT-3`; `cargo xtask rules` prints the table.";
    stages.stage("protocol rules", advice, || rules::check(shell))?;
    let advice = "Write the bug anew for the code as it is, or the table with `cargo xtask planted --write`.";
    stages.stage("planted bugs", advice, || planted::check(shell))?;
    stages.stage("tracked files", "Take these lines out.", || {
        Stop::unless_empty("these files may not say this:", &scan::tracked(shell)?)
    })
}

fn dependencies(shell: &Shell, stages: &mut Stages) -> Result<(), Stop> {
    let metadata = metadata::read(shell)?;
    stages.stage("dependency rules", "The arrows between the crates are in ARCHITECTURE.md.", || {
        Stop::unless_empty("the crates depend on what they may not:", &arrows::broken(shell, &metadata)?)
    })?;
    stages.stage("dependency list", "Add a line with the reason, or drop the dependency.", || {
        let table = shell.read_file("docs/dependencies.md")?;
        for name in listed::stale(&metadata, &table) {
            println!("    note: docs/dependencies.md lists {name}, which no crate uses");
        }
        Stop::unless_empty("docs/dependencies.md has no line for:", &listed::missing(&metadata, &table))
    })?;
    stages.stage("licences", "Choose another crate, or allow the licence in deny.toml.", || {
        let deny = shell.read_file("deny.toml")?;
        Stop::unless_empty("deny.toml does not allow:", &licences::refused(&metadata, &deny))
    })?;
    if shell::works(shell.cargo(&["deny", "--version"])) {
        stages.stage("cargo deny", "See the advisory or the rule it names.", || {
            shell::run(shell.cargo(&["deny", "--all-features", "check"]))
        })
    } else {
        println!("    skipped: cargo deny (advisories); `cargo install cargo-deny` to have it");
        Ok(())
    }
}
