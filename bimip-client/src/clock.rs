//! The one place that reads the clock.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bimip_proto::Now;
use tokio::time::Instant;

/// Both clocks of a device: milliseconds since it started, and the wall clock.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Clock {
    started: Instant,
}

impl Clock {
    pub(crate) fn start() -> Self {
        Self { started: Instant::now() }
    }

    pub(crate) fn now(&self) -> Now {
        // A wall clock before 1970 is a broken one; no timer uses it.
        let unix = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Now { mono_ms: millis(self.started.elapsed()), unix_ms: millis(unix) }
    }

    /// When the monotonic clock will show `mono_ms`; rounded up, so that a timer that fires is due.
    pub(crate) fn instant(&self, mono_ms: u64) -> Instant {
        let far = Duration::from_secs(365 * 24 * 3600);
        self.started.checked_add(Duration::from_millis(mono_ms)).unwrap_or_else(|| Instant::now() + far)
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
