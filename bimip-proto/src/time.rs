//! Time is an argument, never something a core crate reads.

use core::fmt;

/// The two clocks a driver reads and hands to a machine.
///
/// Timers use the monotonic one, stamps the wall clock, so a jump of the wall clock neither fires nor delays a
/// timer, and it never decides an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
#[expect(clippy::exhaustive_structs, reason = "a pair of clocks, complete")]
pub struct Now {
    /// Milliseconds of a clock that never goes back, from an origin of the driver's choice.
    pub mono_ms: u64,
    /// Milliseconds since the Unix epoch.
    pub unix_ms: u64,
}

impl Now {
    /// The wall-clock half, as a stamp.
    #[must_use]
    pub const fn stamp(self) -> UnixMs {
        UnixMs(self.unix_ms)
    }
}

/// Milliseconds since the Unix epoch. Display data: nothing is ordered by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
#[expect(clippy::exhaustive_structs, reason = "a unit of measure")]
pub struct UnixMs(pub u64);

impl fmt::Display for UnixMs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
