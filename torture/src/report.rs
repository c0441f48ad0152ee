//! What is printed.

use std::fmt;
use std::time::Duration;

/// The figures of a run.
#[derive(Debug, Default)]
pub(crate) struct Report {
    pub(crate) loops: u64,
    /// Kills while the server was opening its store.
    pub(crate) while_opening: u64,
    pub(crate) acked: u64,
    pub(crate) resent: u64,
    /// Times that the store itself was compared, without the server.
    pub(crate) looked_into: u64,
    /// Lost, doubled, disordered, other.
    pub(crate) wrongs: [u64; 4],
    pub(crate) opened_in: Vec<Duration>,
}

impl Report {
    fn reopen(&self) -> (Duration, Duration) {
        let mut times = self.opened_in.clone();
        times.sort_unstable();
        let middle = times.get(times.len() / 2).copied().unwrap_or_default();
        (middle, times.last().copied().unwrap_or_default())
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [lost, doubled, disordered, other] = self.wrongs;
        let (middle, max) = self.reopen();
        writeln!(
            f,
            "loops  while opening  messages acked    resent  store read  lost  doubled  disordered  other  reopen p50  reopen max"
        )?;
        write!(
            f,
            "{:>5}  {:>13}  {:>14}  {:>8}  {:>10}  {lost:>4}  {doubled:>7}  {disordered:>10}  {other:>5}  {:>8.3} s  {:>8.3} s",
            self.loops,
            self.while_opening,
            self.acked,
            self.resent,
            self.looked_into,
            middle.as_secs_f64(),
            max.as_secs_f64()
        )
    }
}

/// Every loop of a short run, and some of a long one.
pub(crate) const fn is_told(at: u64, of: u64) -> bool {
    of <= 30 || at == of || at.is_multiple_of(if of <= 300 { 10 } else { 50 })
}
