//! `bench codec`: frames of both dialects, next to what the same bytes cost without one.

mod fan_out;
mod scheme;
mod voiceping;

use crate::args::Args;
use crate::micro::Cost;
use crate::report::{Report, Table};
use crate::stats::{Spread, digits};

const ROUNDS: usize = 15;

/// One frame, and the costs of some ways to treat it.
struct Measured {
    frame: &'static str,
    bytes: usize,
    costs: Vec<Cost>,
}

impl Measured {
    fn cost(&self, way: &str) -> Option<&Cost> {
        self.costs.iter().find(|cost| cost.name == way)
    }

    fn ns(&self, way: &str) -> f64 {
        self.cost(way).map_or(0.0, |cost| cost.ns.median)
    }
}

pub(crate) fn run(args: &Args, report: &mut Report) {
    let rounds = args.rounds_or(ROUNDS);
    report.heading("Codec");
    report.say(&format!(
        "ns of this thread for one frame, median of {rounds} interleaved rounds (min–max), and allocations. `memcpy` copies the \
         frame once, for scale. Packets are dropped again within the measurement."
    ));
    voiceping::run(rounds, report);
    scheme::run(rounds, report);
    fan_out::run(rounds, report);
}

/// One row for each frame, two columns for each way.
fn table(measured: &[Measured], ways: &[(&str, &str)], ratio: Option<(&str, &str, &str)>) -> Table {
    let mut columns = vec!["frame".to_owned(), "bytes".to_owned()];
    for (_, title) in ways {
        columns.push((*title).to_owned());
        columns.push("allocs".to_owned());
    }
    columns.extend(ratio.map(|(_, _, title)| title.to_owned()));
    let none = || "–".to_owned();
    let mut table = Table::new(&columns.iter().map(String::as_str).collect::<Vec<_>>());
    for one in measured {
        let mut row = vec![one.frame.to_owned(), one.bytes.to_string()];
        for (way, _) in ways {
            let cost = one.cost(way);
            row.push(cost.map_or_else(none, |cost| spread(&cost.ns)));
            row.push(cost.map_or_else(none, |cost| digits(cost.allocs)));
        }
        if let Some((way, base, _)) = ratio {
            let known = one.cost(way).is_some() && one.cost(base).is_some();
            row.push(if known { format!("{:.2}×", one.ns(way) / one.ns(base)) } else { none() });
        }
        table.row(row);
    }
    table
}

fn spread(ns: &Spread) -> String {
    format!("{:.0} ({:.0}–{:.0})", ns.median, ns.min, ns.max)
}
