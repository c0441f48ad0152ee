//! The one shape of every machine.

use bimip_proto::Now;

/// A state machine without I/O: two ways in, two ways out.
///
/// Inputs may come in any number and any order, a bad peer's included; nothing has to be drained between them.
/// Outputs queue until they are polled. A driver is a loop of four lines: wait for an input or for the time that
/// [`poll_timeout`](Self::poll_timeout) names, hand it over, carry out every output, repeat.
pub trait Machine {
    /// What happens to it.
    type Input;
    /// What it wants done.
    type Output;

    /// Takes one input.
    fn handle_input(&mut self, now: Now, input: Self::Input);

    /// Does what is due by `now`. Harmless when nothing is.
    fn handle_timeout(&mut self, now: Now);

    /// The next output, in order.
    fn poll_output(&mut self) -> Option<Self::Output>;

    /// The [`mono_ms`](Now::mono_ms) at which [`handle_timeout`](Self::handle_timeout) wants to be called next;
    /// asked again after every input.
    fn poll_timeout(&self) -> Option<u64>;
}
