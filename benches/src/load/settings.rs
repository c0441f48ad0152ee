//! Rounds of the server alone, in several settings by turns, so that what else the machine does hits all alike.

use std::time::Instant;

use super::block_on;
use super::child::{Kind, Program, Running};
use super::turns::Number;
use crate::report::{Report, Table};
use crate::stats::Spread;

/// What one scenario found, by setting.
pub(super) struct Settings<R> {
    scenario: &'static str,
    rounds: Vec<(String, Vec<R>)>,
}

impl<R> Settings<R> {
    /// Runs `one`, which is given the number of its setting, for each of them and each round.
    pub(super) fn take(
        scenario: &'static str,
        program: &Program,
        names: Vec<String>,
        count: usize,
        one: impl AsyncFn(usize, &Running) -> Result<R, String>,
    ) -> Result<Self, String> {
        let mut rounds: Vec<(String, Vec<R>)> = names.into_iter().map(|name| (name, Vec::new())).collect();
        for round in 1..=count {
            for (at, (name, rounds)) in rounds.iter_mut().enumerate() {
                eprint!("{scenario}, round {round} of {count}: {name} …");
                let begun = Instant::now();
                let running = program.start(Kind::Server)?;
                let measured = block_on(one(at, &running));
                rounds.push(measured.map_err(|error| format!("{scenario}, {name}: {error}"))?);
                running.stop()?;
                eprintln!(" {:.0} s", begun.elapsed().as_secs_f64());
            }
        }
        eprintln!();
        Ok(Self { scenario, rounds })
    }

    pub(super) fn over(&self, at: usize, number: impl Fn(&R) -> f64) -> Spread {
        self.rounds.get(at).map_or_else(Spread::default, |(_, rounds)| Spread::over(rounds, number))
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &R> {
        self.rounds.iter().flat_map(|(_, rounds)| rounds)
    }

    /// A row for each number, a column for each setting.
    pub(super) fn table(&self, numbers: &[Number<R>], report: &mut Report) {
        let names = self.rounds.iter().map(|(name, _)| name.as_str());
        let mut table = Table::new(&std::iter::once("").chain(names).collect::<Vec<_>>());
        for (name, number) in numbers {
            let spreads = self.rounds.iter().map(|(setting, rounds)| {
                let spread = Spread::over(rounds, number);
                report.record(self.scenario, setting, name, spread);
                spread.to_string()
            });
            let spreads: Vec<String> = spreads.collect();
            table.row(std::iter::once((*name).to_owned()).chain(spreads));
        }
        report.table(&table);
    }

    /// Draws one number of all settings.
    pub(super) fn draw(&self, name: &str, number: impl Fn(&R) -> f64, report: &mut Report) {
        let items = self.rounds.iter().map(|(name, rounds)| (name.clone(), Spread::over(rounds, &number)));
        let items: Vec<(String, Spread)> = items.collect();
        report.draw(&format!("{}: {name}", self.scenario), &items);
    }
}
