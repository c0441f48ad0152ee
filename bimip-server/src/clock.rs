//! The one place that reads the clock.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bimip_proto::Now;
use tokio::time::Instant;

/// Both clocks of a node: milliseconds since it started, and the wall clock.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Clock {
    started: Instant,
}

impl Clock {
    pub(crate) fn start() -> Self {
        Self { started: Instant::now() }
    }

    /// Read once per turn: everything in a turn happens at the same time.
    pub(crate) fn now(&self) -> Now {
        // A wall clock before 1970 is a broken one; its stamps are worth nothing, its timers do not use it.
        let unix = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Now { mono_ms: millis(self.started.elapsed()), unix_ms: millis(unix) }
    }

    /// When the machine's monotonic clock will show `mono_ms`.
    pub(crate) fn instant(&self, mono_ms: u64) -> Instant {
        let far = Duration::from_secs(365 * 24 * 3600);
        self.started.checked_add(Duration::from_millis(mono_ms)).unwrap_or_else(|| Instant::now() + far)
    }
}

/// What is left of a while.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Countdown {
    started: Instant,
    length: Duration,
}

impl Countdown {
    pub(crate) fn of(length: Duration) -> Self {
        Self { started: Instant::now(), length }
    }

    /// Zero when it is over.
    pub(crate) fn left(&self) -> Duration {
        self.length.saturating_sub(self.started.elapsed())
    }
}

/// The wall clock in milliseconds since 1970, where no turn of a node says what time it is.
pub(crate) fn unix_ms() -> u64 {
    millis(SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default())
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
