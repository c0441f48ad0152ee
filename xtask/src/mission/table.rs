//! The rows of docs/mission.md: `| V3 | what | tests in backticks, or: planned |`.

#[derive(Debug, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) id: String,
    pub(super) what: String,
    /// Full names; empty for a row that is planned.
    pub(super) tests: Vec<String>,
}

/// All rows whose first cell is an id, or what is wrong with them.
pub(super) fn parse(document: &str) -> Result<Vec<Row>, String> {
    let mut rows: Vec<Row> = Vec::new();
    for line in document.lines().filter(|line| line.starts_with('|')) {
        let cells: Vec<&str> = line.trim().trim_matches('|').split('|').map(str::trim).collect();
        let id = cells[0];
        if !is_id(id) {
            continue;
        }
        if cells.len() != 3 {
            return Err(format!("row {id} has {} cells, not 3.", cells.len()));
        }
        if rows.iter().any(|row| row.id == id) {
            return Err(format!("there are two rows {id}."));
        }
        let tests: Vec<String> = cells[2].split('`').skip(1).step_by(2).map(str::to_owned).collect();
        if tests.is_empty() && cells[2] != "planned" {
            return Err(format!("row {id} names no test: name one, or say `planned` without the backticks."));
        }
        rows.push(Row { id: id.to_owned(), what: cells[1].to_owned(), tests });
    }
    if rows.is_empty() { Err("there is no row.".to_owned()) } else { Ok(rows) }
}

/// One capital letter and a number: V3, B11.
pub(super) fn is_id(text: &str) -> bool {
    let mut chars = text.chars();
    chars.next().is_some_and(|first| first.is_ascii_uppercase())
        && !chars.as_str().is_empty()
        && chars.all(|c| c.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_read_and_the_head_is_not() {
        let text = "# Title\n| id | must work | tests |\n|---|---|---|\n| V3 | receipts `20` | `a::b`, `c.py::d` |\n\
                    | V4 | text | planned |\n";
        let row = |id: &str, what: &str, tests: &[&str]| Row {
            id: id.to_owned(),
            what: what.to_owned(),
            tests: tests.iter().map(|test| (*test).to_owned()).collect(),
        };
        assert_eq!(
            parse(text),
            Ok(vec![row("V3", "receipts `20`", &["a::b", "c.py::d"]), row("V4", "text", &[])])
        );
    }

    #[test]
    fn a_row_that_proves_nothing_is_refused() {
        assert!(parse("| V3 | receipts | |").unwrap_err().contains("names no test"));
        assert!(parse("| V3 | receipts |").unwrap_err().contains("2 cells"));
        assert!(parse("| V3 | a | planned |\n| V3 | b | planned |").unwrap_err().contains("two rows"));
        assert!(parse("text").is_err());
    }

    #[test]
    fn ids_are_a_letter_and_a_number() {
        assert!(is_id("V3") && is_id("B11"));
        assert!(!is_id("V") && !is_id("v3") && !is_id("V3a") && !is_id("---") && !is_id(""));
    }
}
