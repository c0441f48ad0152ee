//! `planted`: bugs that are put into a copy of the machines, to see that the simulator finds them.

mod blind;
mod budgets;
mod bug;
mod client;
mod feeds;
mod groups;
mod ledger;
mod patience;
mod reactions;
mod server;
mod statuses;
mod users;
pub(crate) mod workshop;
mod world;

use std::time::Instant;

use bug::{Bug, Finder};
use workshop::{Found, Workshop};

use crate::shell::{self, Shell, Stop};

const HELP: &str = "\
Proof that the checkers check: plants bugs in a copy of the machines, one at a time, and looks who finds them.

Usage: cargo xtask planted [NAME...] [--seeds N] [--list] [--write]

Each bug is a change of a few characters that a developer could make; the lists are in xtask/src/planted. Most have to
be found by the simulator, the rest by the tests of bimip-session. The copy is in target/planted, and the repository is
not touched. All of them take about a quarter of an hour.

Options:
  --seeds N   how many worlds each bug is looked for in (500)
  --list      name the bugs and what is wrong with each, and run nothing
  --write     write what was found into docs/planted.md; of bugs that were not asked for the table keeps its rows

A bug that nobody finds is a hole: in the checkers, in what the worlds do, or in the tests. A bug that no longer
applies has to be written anew for the code as it is.

Examples:
  cargo xtask planted
  cargo xtask planted cursor-one-ahead receipt-told-again
  cargo xtask planted --seeds 2000 --write
";

const TABLE: &str = "docs/planted.md";
const SEEDS: u64 = 500;

/// What was asked for.
#[derive(Debug, PartialEq, Eq)]
struct Wish {
    names: Vec<String>,
    seeds: u64,
    list: bool,
    write: bool,
}

fn all() -> impl Iterator<Item = &'static Bug> {
    [
        blind::BUGS,
        ledger::BUGS,
        feeds::BUGS,
        groups::BUGS,
        users::BUGS,
        server::BUGS,
        client::BUGS,
        statuses::BUGS,
        patience::BUGS,
        reactions::BUGS,
        world::BUGS,
        budgets::BUGS,
    ]
    .into_iter()
    .flatten()
}

pub(crate) fn run(shell: &Shell, rest: &[String]) -> Result<(), Stop> {
    if rest.iter().any(|word| ["-h", "--help", "help"].contains(&word.as_str())) {
        print!("{HELP}");
        return Ok(());
    }
    let wish = parse(rest)?;
    let bugs = chosen(&wish.names)?;
    if wish.list {
        for bug in bugs {
            println!("{:36}  {}: {}", bug.name, bug.breaks, bug.wrong);
        }
        return Ok(());
    }
    let workshop = Workshop::open(shell)?;
    println!("without a bug: {} worlds ...", wish.seeds);
    workshop.control(wish.seeds)?;
    println!("they hold.");
    let mut results = Vec::with_capacity(bugs.len());
    for (index, bug) in bugs.iter().enumerate() {
        let begin = Instant::now();
        let found = workshop.prove(bug, wish.seeds)?;
        let took_s = begin.elapsed().as_secs_f64();
        println!("{:>2}/{} {:36} {} ({took_s:.0} s)", index + 1, bugs.len(), bug.name, said(&found));
        results.push((*bug, found));
    }
    if wish.write {
        let before = shell.read_file(TABLE).unwrap_or_default();
        shell::write_file(&shell.path(TABLE), &table(&results, &before))?;
        println!("{TABLE} is written.");
    }
    verdict(&results)
}

fn parse(rest: &[String]) -> Result<Wish, Stop> {
    let mut wish = Wish { names: Vec::new(), seeds: SEEDS, list: false, write: false };
    let mut words = rest.iter();
    while let Some(word) = words.next() {
        match word.as_str() {
            "--list" => wish.list = true,
            "--write" => wish.write = true,
            "--seeds" => {
                let value = words.next().ok_or_else(|| Stop::new("--seeds needs a number."))?;
                wish.seeds = value.parse().map_err(|_| Stop::new(format!("`{value}` is not a number.")))?;
            }
            other if other.starts_with('-') => {
                return Err(Stop::new(format!(
                    "there is no option {other}. See `cargo xtask planted --help`."
                )));
            }
            _ => wish.names.push(word.clone()),
        }
    }
    Ok(wish)
}

fn chosen(names: &[String]) -> Result<Vec<&'static Bug>, Stop> {
    if names.is_empty() {
        return Ok(all().collect());
    }
    let find = |name: &String| {
        let unknown =
            || Stop::new(format!("there is no bug {name}; `cargo xtask planted --list` names them."));
        all().find(|bug| bug.name == name).ok_or_else(unknown)
    };
    names.iter().map(find).collect()
}

fn said(found: &Found) -> String {
    match found {
        Found::BySeed(seed, violation) => format!("seed {seed}: {}", cut(violation)),
        Found::ByTest(name) => format!("test {name}"),
        Found::Missed => "NOT FOUND".to_owned(),
        Found::NotPlanted(why) => format!("NOT PLANTED: {why}"),
    }
}

/// As much of a violation as fits in a row.
fn cut(text: &str) -> String {
    const MOST_CHARS: usize = 110;
    match text.char_indices().nth(MOST_CHARS) {
        Some((at, _)) => format!("{} …", &text[..at]),
        None => text.to_owned(),
    }
}

fn verdict(results: &[(&Bug, Found)]) -> Result<(), Stop> {
    let missed: Vec<String> = results
        .iter()
        .filter(|(_, found)| !found.is_caught())
        .map(|(bug, found)| format!("{}: {}", bug.name, said(found)))
        .collect();
    println!("{} of {} found.", results.len() - missed.len(), results.len());
    Stop::unless_empty("these bugs live:", &missed)
}

/// The table: a row for each bug, as it was found now or before.
fn table(results: &[(&Bug, Found)], before: &str) -> String {
    let row = |bug: &Bug| {
        let now = results.iter().find(|(other, _)| other.name == bug.name);
        let kept = || before.lines().find(|line| line.starts_with(&begin(bug))).map(str::to_owned);
        now.map(|(_, found)| format!("{}{} |\n", begin(bug), end(bug, found)))
            .or_else(|| kept().map(|line| line + "\n"))
    };
    let rows = |simulator: bool| {
        let bugs = all().filter(move |bug| (bug.finder == Finder::Simulator) == simulator);
        bugs.filter_map(row).collect::<String>()
    };
    format!(
        "# Planted bugs\n\nWritten by `cargo xtask planted --write`; `cargo xtask check` fails while the lists have changed \
         since.\nEach bug is put into a copy of the machines, which then has to be found out. The rules are those of \
         [protocol](protocol/rules.md);\n*blind* is what was written down before anything was run, by somebody who had \
         not read the checkers.\n\n## Found by the simulator\n\n| bug | what is wrong | rules | first seed | what the \
         checkers say |\n|---|---|---|---|---|\n{}\n## Found by the tests\n\nNo world shows these, for the reason given: \
         a test that drives a machine by hand does.\n\n| bug | what is wrong | rules | why no world shows it | first test \
         |\n|---|---|---|---|---|\n{}",
        rows(true),
        rows(false),
    )
}

/// What a row says of the bug itself: while it stands in the table, the row is about this bug.
fn begin(bug: &Bug) -> String {
    let blind = if bug.blind { " *blind*" } else { "" };
    let begin = format!("| {}{blind} | {} | {} | ", bug.name, bug.wrong, bug.breaks);
    match bug.finder {
        Finder::Simulator => begin,
        Finder::Tests(why) => format!("{begin}{why} | "),
    }
}

fn end(bug: &Bug, found: &Found) -> String {
    match (bug.finder, found) {
        (Finder::Simulator, Found::BySeed(seed, violation)) => {
            format!("{seed} | {}", cut(violation).replace('|', "\\|"))
        }
        (Finder::Simulator, other) => format!("- | {}", said(other).replace('\n', " ")),
        (Finder::Tests(_), Found::ByTest(name)) => format!("`{name}`"),
        (Finder::Tests(_), other) => said(other).replace('\n', " "),
    }
}

/// Every bug still applies, no two have one name, and the table knows them all. Builds nothing.
pub(crate) fn check(shell: &Shell) -> Result<(), Stop> {
    let table = shell.read_file(TABLE)?;
    let mut findings = Vec::new();
    let mut names = std::collections::BTreeSet::new();
    for bug in all() {
        if !names.insert(bug.name) {
            findings.push(format!("{}: another bug has this name", bug.name));
        }
        if !table.lines().any(|line| line.starts_with(&begin(bug))) {
            findings.push(format!("{}: {TABLE} does not have it; `cargo xtask planted --write`", bug.name));
        }
        for edit in bug.edits {
            let text = shell.read_file(&format!("bimip-session/src/{}", edit.file))?;
            findings.extend(workshop::apply(edit, &text).err().map(|stop| format!("{}: {stop}", bug.name)));
        }
    }
    Stop::unless_empty("the planted bugs no longer fit the sources:", &findings)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        text.split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn the_arguments_are_read() {
        let wish = parse(&words("a --seeds 7 b")).unwrap();
        assert_eq!(wish, Wish { names: words("a b"), seeds: 7, list: false, write: false });
        for bad in ["--seeds", "--seeds x", "--sneeds 7"] {
            assert!(parse(&words(bad)).is_err(), "{bad}");
        }
        assert!(chosen(&words("no-such-bug")).is_err());
    }

    #[test]
    fn what_lives_is_named() {
        let bug = all().next().unwrap();
        assert!(verdict(&[(bug, Found::BySeed(3, "lost".to_owned()))]).is_ok());
        let lives = verdict(&[(bug, Found::Missed)]).unwrap_err().to_string();
        assert!(lives.contains(bug.name) && lives.contains("NOT FOUND"));
    }

    #[test]
    fn there_are_enough_of_them_everywhere() {
        assert!(all().filter(|bug| bug.finder == Finder::Simulator).count() >= 25);
        assert_eq!(all().filter(|bug| bug.blind).count(), 5);
        for part in ["server/", "ledger/", "client/"] {
            assert!(
                all().filter(|bug| bug.edits.iter().any(|edit| edit.file.starts_with(part))).count() >= 5
            );
        }
    }
}
