//! The same server, driven by `interop/independent`: a client that was written from docs/protocol alone.

use std::path::Path;

use super::{Venv, pytest_command, python};
use crate::ran::{self, Ran};
use crate::setup;
use crate::shell::{self, Shell, Stop};
use crate::stages::Stages;

const FOLDER: &str = "interop/independent";
const VENV: Venv =
    Venv { folder: "interop-independent-venv", requirements: "interop/independent/requirements.txt" };
/// What the client promises by itself.
const SCENARIOS: &str = "interop/independent/scenarios";
/// The tests of the suite that reach the server through its two clients and nothing else.
const SUITE: [&str; 13] = [
    "interop/test_bridge.py",
    "interop/test_crash.py",
    "interop/test_devices.py",
    "interop/test_groups.py",
    "interop/test_offline.py",
    "interop/test_presence.py",
    "interop/test_retry.py",
    "interop/test_scheme.py",
    "interop/test_sign_in.py",
    "interop/test_talk.py",
    "interop/test_text.py",
    "interop/test_tokens.py",
    "interop/test_walkie.py",
];

pub(super) fn run(shell: &Shell, stages: &mut Stages, server: &Path, rest: &[&String]) -> Result<(), Stop> {
    let advice = "It needs python3 with venv, and the index of its packages.";
    stages.stage("interop setup, independent client", advice, || {
        setup::python(shell)?;
        VENV.make(shell)
    })?;
    let advice =
        "See the failures above; `cargo xtask interop --client independent -k <name> -x` runs one again.";
    stages.stage("interop, independent client", advice, || pytest(shell, server, rest))
}

/// The scenarios, and the suite with the client's adapters in place of the suite's own clients: the plugin `stand_in`
/// is loaded before the tests ask for them.
fn pytest(shell: &Shell, server: &Path, rest: &[&String]) -> Result<(), Stop> {
    let mut pytest = pytest_command(python(shell, &VENV, &[]), server);
    let folders = ["adapters", "scenarios", ""].map(|folder| shell.path(FOLDER).join(folder));
    let paths = std::env::join_paths(folders).map_err(|error| {
        Stop::new(format!("the folder of this repository cannot be in PYTHONPATH: {error}"))
    })?;
    pytest.env("PYTHONPATH", paths).args(["-p", "stand_in"]);
    if !rest.iter().any(|argument| argument.contains(".py")) {
        pytest.arg(SCENARIOS).args(SUITE);
    }
    pytest.args(rest);
    let mut ran = Ran::load(shell);
    if rest.is_empty() {
        ran.forget(SCENARIOS);
    }
    let result = shell::stream(pytest, |line| {
        // The verdicts about the suite are those of its own clients.
        if line.starts_with(SCENARIOS) {
            ran::see_pytest(line, &mut ran);
        }
    });
    ran.save(shell)?;
    result
}
