//! `mutants`: changes the machines one expression at a time and looks whether the tests notice, with cargo-mutants.
//!
//! It runs in the copy of the core crates that planted bugs are put into: that one builds in two seconds, and its tests
//! are one program.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;

use crate::planted::workshop::{self, Workshop};
use crate::shell::{self, Shell, Stop};

const HELP: &str = "\
Changes the state machines, one expression at a time, and looks whether a test notices. Needs cargo-mutants:
`cargo install cargo-mutants --locked`.

Usage: cargo xtask mutants [--file F]... [--shard K/N] [--list]

Which tests have to notice is said in xtask/mutants.toml. A mutant takes about three seconds; there are
more than a thousand. What was found out is kept in target/mutants; the sources are not touched. The views of a client are left out: their
tests are long.

Options:
  --file F     only this file of bimip-session/src, or those that match, as in 'ledger/*.rs'; may be repeated
  --shard K/N  one part of N, the first is 0: a sample, or a share of the work
  --list       name the mutants and run nothing

A mutant that lives is a line that no test needs: write the test that needs it, or write the code so that the line is not
there. Some change nothing that can be seen from outside, such as a queue that is read a little earlier; say so where it
matters, and leave them.

Examples:
  cargo xtask mutants --file server/reader.rs
  cargo xtask mutants --file 'client/*.rs' --file 'ledger/settle/*.rs'
  cargo xtask mutants --shard 3/20
";

/// Everything that decides.
const MACHINES: [&str; 3] = ["client/**/*.rs", "ledger/**/*.rs", "server/**/*.rs"];

/// What was asked for.
#[derive(Debug, Default, PartialEq, Eq)]
struct Wish {
    files: Vec<String>,
    shard: Option<String>,
    list: bool,
}

/// How the mutants of a file fared.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
struct Score {
    caught: usize,
    missed: usize,
    /// The tests did not come to an end: noticed, though not by name.
    hung: usize,
    /// They do not compile.
    unviable: usize,
}

pub(crate) fn run(shell: &Shell, rest: &[String]) -> Result<(), Stop> {
    if rest.iter().any(|word| ["-h", "--help", "help"].contains(&word.as_str())) {
        print!("{HELP}");
        return Ok(());
    }
    let wish = parse(rest)?;
    if !shell::works(shell.cargo(&["mutants", "--version"])) {
        return Err(Stop::new("cargo-mutants is missing: `cargo install cargo-mutants --locked`."));
    }
    let workshop = Workshop::open(shell)?;
    let output = shell.target().join("mutants");
    // In place: it is a copy already, and what is built there need not be built again.
    let mut cargo = workshop.cargo(&["mutants", "--in-place", "--no-shuffle", "--package", "bimip-session"]);
    cargo.arg("--config").arg(shell.path("xtask/mutants.toml"));
    let everything = MACHINES.map(str::to_owned);
    for file in if wish.files.is_empty() { &everything[..] } else { &wish.files[..] } {
        cargo.args(["--file", &format!("bimip-session/src/{file}")]);
    }
    if wish.files.is_empty() {
        // Their tests are half a minute of sequences, and not among those that are asked.
        cargo.args([
            "--exclude",
            "bimip-session/src/client/view.rs",
            "--exclude",
            "bimip-session/src/client/view/**",
        ]);
    }
    // Unit tests are a second build of the crate, and few files have any.
    let units = if wish.has_units(shell) { &["--lib"][..] } else { &[] };
    for argument in units.iter().chain(&["--test", workshop::MACHINES]) {
        cargo.arg(format!("--cargo-arg={argument}"));
    }
    // Mutants are built more often than they are run.
    cargo.env("CARGO_PROFILE_DEV_OPT_LEVEL", "0");
    if let Some(shard) = &wish.shard {
        cargo.args(["--shard", shard]);
    }
    if wish.list {
        cargo.arg("--list");
        return shell::run(cargo);
    }
    std::fs::create_dir_all(&output)
        .map_err(|error| Stop::new(format!("cannot make {}: {error}", output.display())))?;
    cargo.arg("--output").arg(&output);
    // Its exit code says whether one lived; the summary says which.
    let ended = shell::run(cargo);
    let outcomes = output.join("mutants.out/outcomes.json");
    let (scores, lived) = match summary(&outcomes) {
        Ok(found) if !found.0.is_empty() => found,
        // Where nothing was tried, the exit code is all there is to say.
        other => return ended.and_then(|()| other.map(|_| ())),
    };
    print!("{}", drawn(&scores));
    Stop::unless_empty("no test notices:", &lived)
}

fn parse(rest: &[String]) -> Result<Wish, Stop> {
    let mut wish = Wish::default();
    let mut words = rest.iter();
    while let Some(word) = words.next() {
        let mut value = || words.next().cloned().ok_or_else(|| Stop::new(format!("{word} needs a value.")));
        match word.as_str() {
            "--file" => wish.files.push(value()?),
            "--shard" => wish.shard = Some(value()?),
            "--list" => wish.list = true,
            other => {
                return Err(Stop::new(format!(
                    "there is no option {other}. See `cargo xtask mutants --help`."
                )));
            }
        }
    }
    Ok(wish)
}

fn summary(outcomes: &Path) -> Result<(BTreeMap<String, Score>, Vec<String>), Stop> {
    let text = shell::read_file(outcomes)?;
    let value: Value = serde_json::from_str(&text)
        .map_err(|error| Stop::new(format!("{} is not JSON: {error}", outcomes.display())))?;
    Ok(scores(&value))
}

/// How each file fared, and the mutants that lived.
fn scores(outcomes: &Value) -> (BTreeMap<String, Score>, Vec<String>) {
    let (mut scores, mut lived) = (BTreeMap::<String, Score>::new(), Vec::new());
    for outcome in outcomes["outcomes"].as_array().into_iter().flatten() {
        // The build without a mutant has none.
        let Some(file) = outcome["scenario"]["Mutant"]["file"].as_str() else { continue };
        let score = scores.entry(file.trim_start_matches("bimip-session/src/").to_owned()).or_default();
        match outcome["summary"].as_str() {
            Some("CaughtMutant") => score.caught += 1,
            Some("Timeout") => score.hung += 1,
            Some("MissedMutant") => {
                score.missed += 1;
                lived.extend(outcome["scenario"]["Mutant"]["name"].as_str().map(str::to_owned));
            }
            _ => score.unviable += 1,
        }
    }
    (scores, lived)
}

fn drawn(scores: &BTreeMap<String, Score>) -> String {
    let width = scores.keys().map(String::len).max().unwrap_or(0).max(5);
    let mut text = format!("\n{:width$}  mutants  caught   hung  missed  unviable  score\n", "file");
    let mut all = Score::default();
    let mut line = |name: &str, score: &Score| {
        let Score { caught, missed, hung, unviable } = *score;
        let mutants = caught + missed + hung + unviable;
        let percent = score.percent();
        const TENTHS: usize = 10;
        let filled = percent * TENTHS / 100;
        let bar = "#".repeat(filled) + &".".repeat(TENTHS - filled);
        text.push_str(&format!(
            "{name:width$}  {mutants:7}  {caught:6}  {hung:5}  {missed:6}  {unviable:8}  {percent:3} % {bar}\n"
        ));
    };
    for (name, score) in scores {
        line(name, score);
        all.caught += score.caught;
        all.missed += score.missed;
        all.hung += score.hung;
        all.unviable += score.unviable;
    }
    line("all", &all);
    text
}

impl Wish {
    /// Whether one of the files has tests of its own, or may have: a pattern is not looked into.
    fn has_units(&self, shell: &Shell) -> bool {
        let text = |file: &String| shell.read_file(&format!("bimip-session/src/{file}"));
        self.files.is_empty()
            || self.files.iter().any(|file| text(file).map_or(true, |text| text.contains("#[cfg(test)]")))
    }
}

impl Score {
    /// Of those that compile, how many were noticed.
    fn percent(&self) -> usize {
        let noticed = self.caught + self.hung;
        (noticed * 100).checked_div(noticed + self.missed).unwrap_or(100)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        text.split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn the_arguments_are_read() {
        let wish = parse(&words("--file a.rs --file b.rs --shard 1/4 --list")).unwrap();
        assert_eq!(wish.files, ["a.rs", "b.rs"]);
        assert_eq!((wish.shard.as_deref(), wish.list), (Some("1/4"), true));
        assert!(parse(&words("--shard")).is_err() && parse(&words("reader.rs")).is_err());
    }

    #[test]
    fn every_outcome_counts_once() {
        let mutant = |name: &str, summary: &str| {
            let scenario =
                serde_json::json!({ "Mutant": { "name": name, "file": "bimip-session/src/server/a.rs" } });
            serde_json::json!({ "scenario": scenario, "summary": summary })
        };
        let outcomes = serde_json::json!({ "outcomes": [
            { "scenario": "Baseline", "summary": "Success" },
            mutant("a", "CaughtMutant"), mutant("b", "MissedMutant"), mutant("c", "Timeout"),
            mutant("d", "Unviable"), mutant("e", "CaughtMutant"),
        ]});
        let (scores, lived) = scores(&outcomes);
        assert_eq!(lived, ["b"]);
        let score = scores["server/a.rs"];
        assert_eq!(score, Score { caught: 2, missed: 1, hung: 1, unviable: 1 });
        assert_eq!(score.percent(), 75);
        assert!(drawn(&scores).contains(" 75 % #######..."));
    }
}
