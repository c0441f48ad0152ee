//! The report: tables and plots, on stdout as they come, and in files at the end: for people, and for programs.

use std::fmt::Write;
use std::fs;

use crate::machine;
use crate::plot::{self, Plot};
use crate::stats::Spread;

/// What was measured so far, as markdown, and what was wrong with it.
#[derive(Debug)]
pub(crate) struct Report {
    markdown: String,
    plots: Vec<Plot>,
    /// Objects of JSON.
    numbers: Vec<String>,
    date: String,
    failures: Vec<String>,
}

/// A table. The first column is text, the others are numbers.
#[derive(Debug)]
pub(crate) struct Table {
    columns: Vec<String>,
    rows: Vec<Vec<String>>,
}

impl Table {
    pub(crate) fn new(columns: &[&str]) -> Self {
        Self { columns: columns.iter().map(|&name| name.to_owned()).collect(), rows: Vec::new() }
    }

    pub(crate) fn row<C: Into<String>>(&mut self, cells: impl IntoIterator<Item = C>) {
        self.rows.push(cells.into_iter().map(Into::into).collect());
    }

    /// Lined up with spaces; as markdown it is a table too.
    fn render(&self) -> String {
        let lines: Vec<&Vec<String>> = std::iter::once(&self.columns).chain(&self.rows).collect();
        let width = |column: usize| {
            lines
                .iter()
                .filter_map(|line| line.get(column))
                .map(|cell| cell.chars().count())
                .max()
                .unwrap_or(0)
        };
        let widths: Vec<usize> = (0..self.columns.len()).map(width).collect();
        let mut text = String::new();
        for (index, line) in lines.iter().enumerate() {
            text.push('|');
            for (column, (cell, width)) in line.iter().zip(&widths).enumerate() {
                let padded =
                    if column == 0 { format!(" {cell:<width$} |") } else { format!(" {cell:>width$} |") };
                text.push_str(&padded);
            }
            text.push('\n');
            if index == 0 {
                text.push('|');
                for (column, width) in widths.iter().enumerate() {
                    let end = if column == 0 { '-' } else { ':' };
                    let _ = write!(text, "{}{end}|", "-".repeat(width + 1));
                }
                text.push('\n');
            }
        }
        text
    }
}

impl Report {
    pub(crate) fn new(date: Option<&str>) -> Self {
        let mut report = Self {
            markdown: String::new(),
            plots: Vec::new(),
            numbers: Vec::new(),
            date: date.unwrap_or_default().to_owned(),
            failures: Vec::new(),
        };
        let date = date.map(|date| format!(", {date}")).unwrap_or_default();
        report.say(&format!("# Bench report\n\nMachine: {}{date}.", machine::line()));
        report
    }

    /// A paragraph.
    pub(crate) fn say(&mut self, text: &str) {
        println!("{text}\n");
        self.markdown.push_str(text);
        self.markdown.push_str("\n\n");
    }

    pub(crate) fn heading(&mut self, text: &str) {
        self.say(&format!("## {text}"));
    }

    pub(crate) fn table(&mut self, table: &Table) {
        self.say(table.render().trim_end());
    }

    /// Bars to compare one number of several things.
    pub(crate) fn bars(&mut self, title: &str, items: &[(String, f64)]) {
        let items = items.iter().map(|(name, value)| (name.clone(), Spread::of(vec![*value])));
        self.draw(title, &items.collect::<Vec<_>>());
    }

    /// Bars with the range of their rounds.
    pub(crate) fn draw(&mut self, title: &str, items: &[(String, Spread)]) {
        let plot = Plot { title: title.to_owned(), items: items.to_vec() };
        self.say(&plot.text());
        self.plots.push(plot);
    }

    /// A number for other programs.
    pub(crate) fn record(&mut self, scenario: &str, program: &str, name: &str, spread: Spread) {
        self.numbers.push(format!(
            r#"{{"scenario": {}, "program": {}, "name": {}, "median": {}, "min": {}, "max": {}}}"#,
            quoted(scenario),
            quoted(program),
            quoted(name),
            spread.median,
            spread.min,
            spread.max
        ));
    }

    fn json(&self) -> String {
        format!(
            "{{\"machine\": {}, \"date\": {}, \"numbers\": [\n  {}\n]}}\n",
            quoted(&machine::line()),
            quoted(&self.date),
            self.numbers.join(",\n  ")
        )
    }

    #[cfg(test)]
    pub(crate) fn markdown(&self) -> &str {
        &self.markdown
    }

    /// Something that had to hold does not: the program will end with code 1.
    pub(crate) fn fail(&mut self, what: String) {
        self.say(&format!("**FAILED:** {what}"));
        self.failures.push(what);
    }

    /// Writes the files.
    pub(crate) fn write(&self) -> Result<(), String> {
        let target = machine::target_dir()?;
        let files = [("md", self.markdown.clone()), ("svg", plot::svg(&self.plots)), ("json", self.json())];
        for (kind, text) in files {
            let path = target.join("bench-report").with_extension(kind);
            fs::write(&path, text).map_err(|error| format!("cannot write {}: {error}", path.display()))?;
            println!("Written to {}.", path.display());
        }
        Ok(())
    }

    /// Whether everything that had to hold does.
    pub(crate) fn verdict(&self) -> Result<(), String> {
        if self.failures.is_empty() {
            return Ok(());
        }
        Err(format!("bench: {} of the checks failed:\n  {}", self.failures.len(), self.failures.join("\n  ")))
    }
}

/// A string of JSON. Names of this program hold no control characters.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

/// A goal beside what was reached.
pub(crate) fn goal(reached: bool) -> &'static str {
    if reached { "reached" } else { "missed" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_line_up() {
        let mut table = Table::new(&["what", "ns"]);
        table.row(["memcpy", "1.5"]);
        table.row(["audio", "12.25"]);
        let text = "| what   |    ns |\n|--------|------:|\n| memcpy |   1.5 |\n| audio  | 12.25 |\n";
        assert_eq!(table.render(), text);
    }

    #[test]
    fn programs_read_every_number() {
        let mut report = Report::new(Some("2030-01-31"));
        report.record("s1", "a \"b\"", "msg / s", Spread::of(vec![1.0, 2.5, 3.0]));
        let json = report.json();
        let number = r#"{"scenario": "s1", "program": "a \"b\"", "name": "msg / s", "median": 2.5, "min": 1, "max": 3}"#;
        assert!(json.contains(number) && json.contains(r#""date": "2030-01-31""#), "{json}");
    }

    #[test]
    fn a_failure_is_the_verdict() {
        let mut report = Report::new(None);
        assert!(report.verdict().is_ok());
        report.fail("1 message lost".to_owned());
        assert!(report.verdict().unwrap_err().contains("1 message lost"));
    }
}
