//! Rounds in turns: every program once, then all of them again, so that what else the machine does hits all alike.

use std::time::Instant;

use super::block_on;
use super::child::{Kind, Program, Running};
use crate::report::{Report, Table};
use crate::stats::{Spread, digits};

/// What one scenario found, by program.
pub(super) struct Turns<R> {
    scenario: &'static str,
    rounds: Vec<(Kind, Vec<R>)>,
}

/// A number of a round, and its name with its unit.
pub(super) type Number<R> = (&'static str, fn(&R) -> f64);

impl<R> Turns<R> {
    /// Runs `one` for each program and round, the floors first.
    pub(super) fn take(
        scenario: &'static str,
        program: &Program,
        kinds: &[Kind],
        count: usize,
        one: impl AsyncFn(Kind, &Running) -> Result<R, String>,
    ) -> Result<Self, String> {
        let mut rounds: Vec<(Kind, Vec<R>)> = kinds.iter().map(|kind| (*kind, Vec::new())).collect();
        for round in 1..=count {
            for (kind, rounds) in &mut rounds {
                eprint!("{scenario}, round {round} of {count}: {} …", kind.name());
                let begun = Instant::now();
                let running = program.start(*kind)?;
                let measured = block_on(one(*kind, &running));
                rounds.push(measured.map_err(|error| format!("{scenario}, {}: {error}", kind.name()))?);
                running.stop()?;
                eprintln!(" {:.0} s", begun.elapsed().as_secs_f64());
            }
        }
        eprintln!();
        Ok(Self { scenario, rounds })
    }

    pub(super) fn of(&self, wanted: Kind) -> &[R] {
        self.rounds.iter().find(|(kind, _)| *kind == wanted).map_or(&[], |(_, rounds)| rounds)
    }

    pub(super) fn over(&self, kind: Kind, number: impl Fn(&R) -> f64) -> Spread {
        Spread::over(self.of(kind), number)
    }

    /// A row for each number, a column for each program, and the server's ratio to each floor.
    pub(super) fn table(&self, numbers: &[Number<R>], report: &mut Report) {
        let names = self.rounds.iter().map(|(kind, _)| kind.name().to_owned());
        let floors = || self.rounds.iter().filter(|(kind, _)| *kind != Kind::Server);
        let ratios = floors().map(|(kind, _)| format!("÷ {}", kind.name()));
        let columns: Vec<String> = std::iter::once(String::new()).chain(names).chain(ratios).collect();
        let mut table = Table::new(&columns.iter().map(String::as_str).collect::<Vec<_>>());
        for (name, number) in numbers {
            let server = self.over(Kind::Server, number);
            let spreads = self.rounds.iter().map(|(kind, rounds)| {
                let spread = Spread::over(rounds, number);
                report.record(self.scenario, kind.name(), name, spread);
                spread.to_string()
            });
            let spreads: Vec<String> = spreads.collect();
            let ratios =
                floors().map(|(_, rounds)| ratio(server.median, Spread::over(rounds, number).median));
            table.row(std::iter::once((*name).to_owned()).chain(spreads).chain(ratios));
        }
        report.table(&table);
    }

    /// Draws one number of all programs.
    pub(super) fn draw(&self, name: &str, number: impl Fn(&R) -> f64, report: &mut Report) {
        let items =
            self.rounds.iter().map(|(kind, rounds)| (kind.name().to_owned(), Spread::over(rounds, &number)));
        let items: Vec<(String, Spread)> = items.collect();
        report.draw(&format!("{}: {name}", self.scenario), &items);
    }
}

fn ratio(server: f64, floor: f64) -> String {
    if floor > 0.0 { digits(server / floor) } else { "–".to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_server_stands_beside_its_floors() {
        let rounds = vec![(Kind::Relay, vec![1.0, 3.0, 2.0]), (Kind::Server, vec![8.0])];
        let turns = Turns { scenario: "s0", rounds };
        let mut report = Report::new(None);
        turns.table(&[("ms", |one| *one)], &mut report);
        let text = report.markdown();
        assert!(
            text.contains("2.00 (1.00–3.00)") && text.contains("8.00") && text.contains("4.00 |"),
            "{text}"
        );
        assert_eq!(ratio(1.0, 0.0), "–");
    }
}
