//! What runs, how long it took, and where it stopped.

use std::time::{Duration, Instant};

use crate::shell::Stop;

/// The stages of one run of `cargo xtask`, in the order they ran.
#[derive(Debug, Default)]
pub(crate) struct Stages {
    done: Vec<Stage>,
}

#[derive(Debug)]
struct Stage {
    name: String,
    took: Duration,
    passed: bool,
}

impl Stages {
    /// Runs one stage. `advice` says what to do when it fails.
    pub(crate) fn stage<T>(
        &mut self,
        name: &str,
        advice: &str,
        work: impl FnOnce() -> Result<T, Stop>,
    ) -> Result<T, Stop> {
        println!("==> {name}");
        let begin = Instant::now();
        let result = work();
        let took = begin.elapsed();
        let word = if result.is_ok() { "ok" } else { "FAILED" };
        println!("    {word}: {name}, {:.1} s", took.as_secs_f64());
        self.done.push(Stage { name: name.to_owned(), took, passed: result.is_ok() });
        result.map_err(|stop| Stop::new(format!("{name}: {stop}\n{advice}")))
    }

    pub(crate) fn print_table(&self) {
        if self.done.len() > 1 {
            println!("\n{}", self.table());
        }
    }

    fn table(&self) -> String {
        let width = self.done.iter().map(|stage| stage.name.chars().count()).max().unwrap_or(0).max(5);
        let mut lines = vec![format!("{:width$}  seconds", "stage")];
        for Stage { name, took, passed } in &self.done {
            let mark = if *passed { "" } else { "  FAILED" };
            lines.push(format!("{name:width$}  {:7.1}{mark}", took.as_secs_f64()));
        }
        let total: Duration = self.done.iter().map(|stage| stage.took).sum();
        lines.push(format!("{:width$}  {:7.1}", "total", total.as_secs_f64()));
        lines.join("\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_stage_is_in_the_table_and_carries_its_advice() {
        let mut stages = Stages::default();
        assert!(stages.stage("first", "", || Ok(())).is_ok());
        let failed = stages.stage("second one", "Do this.", || Err::<(), _>(Stop::new("it broke.")));
        assert_eq!(failed.unwrap_err().to_string(), "second one: it broke.\nDo this.");
        let table = stages.table();
        let lines: Vec<&str> = table.lines().collect();
        assert_eq!(lines.len(), 4);
        assert!(lines[1].starts_with("first       ") && !lines[1].contains("FAILED"));
        assert!(lines[2].ends_with("FAILED"));
    }
}
