//! Time since the first question, for stamps that both ends of a pair can read.

use std::sync::OnceLock;
use std::time::{Duration, Instant};

static START: OnceLock<Instant> = OnceLock::new();

fn start() -> Instant {
    *START.get_or_init(Instant::now)
}

/// Now, in ns.
pub(super) fn ns() -> u64 {
    u64::try_from(start().elapsed().as_nanos()).unwrap_or(u64::MAX)
}

/// A stamp as a time to wait for.
pub(super) fn instant(ns: u64) -> tokio::time::Instant {
    (start() + Duration::from_nanos(ns)).into()
}

pub(super) fn to_ns(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}
