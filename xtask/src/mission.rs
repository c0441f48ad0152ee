//! docs/mission.md says which test proves which row; this says whether that is so.

mod marks;
mod table;

pub(crate) use marks::test_at;

use std::collections::{BTreeMap, BTreeSet};

use crate::ran::{Ended, Ran};
use crate::shell::{Shell, Stop};
use crate::stages::Stages;
use marks::Mark;
use table::Row;

const TABLE: &str = "docs/mission.md";

pub(crate) fn run(shell: &Shell, stages: &mut Stages) -> Result<(), Stop> {
    let advice =
        "docs/mission.md says how a row and its tests are written; run `cargo xtask test` for a fresh list.";
    stages.stage("mission", advice, || {
        let rows = table::parse(&shell.read_file(TABLE)?).map_err(Stop::new)?;
        let ran = Ran::load(shell);
        let findings = compare(&rows, &ran, &marks::collect(shell)?);
        Stop::unless_empty(&format!("{TABLE} and the tests do not agree:"), &findings)?;
        let tests: BTreeSet<&String> = rows.iter().flat_map(|row| &row.tests).collect();
        let planned = rows.iter().filter(|row| row.tests.is_empty()).count();
        println!("    {} rows, {planned} of them planned, {} tests", rows.len(), tests.len());
        Ok(())
    })
}

/// The marks in the sources, as rows to paste into the table; what a row says stays.
pub(crate) fn print_marks(shell: &Shell) -> Result<(), Stop> {
    let (ran, rows) = (Ran::load(shell), table::parse(&shell.read_file(TABLE)?).unwrap_or_default());
    let mut by_id: BTreeMap<(char, u32, String), BTreeSet<String>> = BTreeMap::new();
    for mark in marks::collect(shell)? {
        let tests = by_id.entry(order(&mark.id)).or_default();
        tests.extend(ran.names().filter(|name| mark.is_on(name)).map(str::to_owned));
    }
    for ((_, _, id), tests) in by_id {
        let tests: Vec<String> = tests.iter().map(|name| format!("`{name}`")).collect();
        let what = rows.iter().find(|row| row.id == id).map_or("", |row| &row.what);
        println!("| {id} | {what} | {} |", tests.join(" "));
    }
    Ok(())
}

/// V2 comes before V10.
fn order(id: &str) -> (char, u32, String) {
    let letter = id.chars().next().unwrap_or_default();
    (letter, id[letter.len_utf8()..].parse().unwrap_or_default(), id.to_owned())
}

fn compare(rows: &[Row], ran: &Ran, marks: &[Mark]) -> Vec<String> {
    let mut findings = Vec::new();
    for (row, name) in rows.iter().flat_map(|row| row.tests.iter().map(move |name| (row, name))) {
        match ran.ended(name) {
            Some(Ended::Passed) => {}
            Some(ended) => findings.push(format!("{}: `{name}` {}", row.id, ended.word())),
            None => findings.push(format!("{}: `{name}` did not run{}", row.id, hint(ran, name))),
        }
        if !marks.iter().any(|mark| mark.id == row.id && mark.is_on(name)) {
            findings.push(format!("{}: the source of `{name}` has no mark MISSION {}", row.id, row.id));
        }
    }
    for mark in marks {
        match rows.iter().find(|row| row.id == mark.id) {
            None => findings.push(format!("{mark}: the table has no row {}", mark.id)),
            Some(row) if mark.is_answered_by(&row.tests) => {}
            Some(row) if ran.names().any(|name| mark.is_on(name)) => {
                findings.push(format!("{mark}: row {} does not list this test", row.id));
            }
            Some(_) => {
                findings.push(format!("{mark}: is on no test that ran; put it on one, or on the file"));
            }
        }
    }
    findings
}

/// A test with the same last name may be what was meant.
fn hint(ran: &Ran, name: &str) -> String {
    let last = |name: &str| name.rsplit("::").next().unwrap_or_default().to_owned();
    let near = ran.names().find(|other| last(other) == last(name));
    near.map(|other| format!(" (but `{other}` did)")).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ran() -> Ran {
        let mut ran = Ran::default();
        ran.add("codec::vectors::text".to_owned(), Ended::Passed);
        ran.add("interop/test_a.py::test_b[1]".to_owned(), Ended::Passed);
        ran.add("codec::vectors::bad".to_owned(), Ended::Failed);
        ran
    }

    fn check(table: &str, sources: &[(&str, &str)]) -> Vec<String> {
        let marks: Vec<Mark> = sources.iter().flat_map(|(path, text)| marks::in_file(path, text)).collect();
        compare(&table::parse(table).unwrap(), &ran(), &marks)
    }

    const RUST: (&str, &str) = ("codec/tests/vectors.rs", "// MISSION V4\n#[test]\nfn text() {\n}\n");
    const PYTHON: (&str, &str) = ("interop/test_a.py", "# MISSION V3 V4\nasync def test_b(x):\n    pass\n");

    #[test]
    fn a_table_that_agrees_has_no_findings() {
        let table = "| V3 | a | `interop/test_a.py::test_b` |\n\
                     | V4 | b | `codec::vectors::text` `interop/test_a.py::test_b` |\n| V5 | c | planned |\n";
        assert_eq!(check(table, &[RUST, PYTHON]), Vec::<String>::new());
    }

    #[test]
    fn every_disagreement_is_named() {
        let table = "| V4 | b | `codec::vectors::text` `codec::vectors::bad` `codec::other::text` |\n";
        assert_eq!(
            check(table, &[RUST, PYTHON]),
            [
                "V4: `codec::vectors::bad` failed",
                "V4: the source of `codec::vectors::bad` has no mark MISSION V4",
                "V4: `codec::other::text` did not run (but `codec::vectors::text` did)",
                "V4: the source of `codec::other::text` has no mark MISSION V4",
                "interop/test_a.py:1 `test_b`: the table has no row V3",
                "interop/test_a.py:1 `test_b`: row V4 does not list this test",
            ]
        );
    }

    #[test]
    fn rows_are_ordered_as_people_count() {
        let mut ids = ["V10", "B3", "V2"].map(order);
        ids.sort();
        assert_eq!(ids.map(|(_, _, id)| id), ["B3", "V2", "V10"]);
    }
}
