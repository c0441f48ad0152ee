//! How often somebody may ask: a bucket for each user, kept as the one moment at which it will be full again.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::http::{HeaderMap, HeaderName};
use bimip_codec::rest::Refusal;
use bimip_proto::UserId;

use crate::config::Rate;

/// Users whose buckets are not full. One that is full need not be remembered, so that this many have asked just now.
const USERS: usize = 65_536;

/// The buckets of users.
#[derive(Debug)]
pub(crate) struct Pace {
    rate: Rate,
    /// When a bucket will be full again.
    full_at: Mutex<HashMap<UserId, Instant>>,
}

/// What is left in a bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::door) struct Left {
    limit: u32,
    remaining: u32,
    full_in: Duration,
}

impl Pace {
    pub(crate) fn new(rate: Rate) -> Self {
        Self { rate, full_at: Mutex::default() }
    }

    /// Takes one request out of a user's bucket, or says when there is one. `None` where nothing is counted.
    pub(in crate::door) fn take(&self, user: &UserId) -> Result<Option<Left>, Refusal> {
        self.take_at(Instant::now(), user)
    }

    /// HT-RATE-1.
    fn take_at(&self, now: Instant, user: &UserId) -> Result<Option<Left>, Refusal> {
        let Rate { per_second, burst } = self.rate;
        if per_second == 0 || burst == 0 {
            return Ok(None);
        }
        let each = Duration::from_secs(1) / per_second;
        let mut buckets = self.full_at.lock().unwrap_or_else(PoisonError::into_inner);
        let was = buckets.get(user).copied().unwrap_or(now).max(now);
        let full_in = was + each - now;
        if full_in > each * burst {
            let ms = (full_in - each * burst).as_millis().saturating_add(1);
            let ms = u32::try_from(ms).unwrap_or(u32::MAX);
            return Err(Refusal::later(429, "RATE_LIMITED", "too many requests, try again later", ms));
        }
        if buckets.len() >= USERS && !buckets.contains_key(user) {
            buckets.retain(|_, full_at| *full_at > now);
        }
        // Whoever finds no place after that is not counted: so many who ask at once are bounded by what the core takes.
        if buckets.len() < USERS || buckets.contains_key(user) {
            buckets.insert(user.clone(), was + each);
        }
        let taken = full_in.as_nanos().div_ceil(each.as_nanos().max(1));
        let remaining = burst.saturating_sub(u32::try_from(taken).unwrap_or(u32::MAX));
        Ok(Some(Left { limit: burst, remaining, full_in }))
    }
}

impl Left {
    /// HT-RATE-2.
    pub(super) fn write(self, headers: &mut HeaderMap) {
        headers.insert(HeaderName::from_static("x-ratelimit-limit"), self.limit.into());
        headers.insert(HeaderName::from_static("x-ratelimit-remaining"), self.remaining.into());
        let full_in_s = self.full_in.as_millis().div_ceil(1_000);
        let full_in_s = u32::try_from(full_in_s).unwrap_or(u32::MAX);
        headers.insert(HeaderName::from_static("x-ratelimit-reset"), full_in_s.into());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(name: &str) -> UserId {
        UserId::new(name).unwrap()
    }

    // HT-RATE-1, HT-RATE-2
    #[test]
    fn a_burst_is_let_in_and_then_as_many_as_the_rate_says() {
        let (pace, start) = (Pace::new(Rate { per_second: 10, burst: 3 }), Instant::now());
        let at = |ms: u64| start + Duration::from_millis(ms);
        let take =
            |ms: u64, name: &str| pace.take_at(at(ms), &user(name)).map(|left| left.unwrap().remaining);
        assert_eq!([0, 0, 0].map(|ms| take(ms, "ann")), [Ok(2), Ok(1), Ok(0)]);
        let refused = take(0, "ann").unwrap_err();
        assert_eq!((refused.status, refused.code, refused.retry_after_ms), (429, "RATE_LIMITED", Some(101)));
        assert_eq!(take(0, "bob"), Ok(2), "it is another's");
        assert_eq!(take(100, "ann"), Ok(0));
        assert!(take(150, "ann").is_err());
        assert_eq!(take(10_000, "ann"), Ok(2));
    }

    #[test]
    fn nothing_is_counted_where_nothing_is_limited_and_the_table_is_bounded() {
        let off = Pace::new(Rate { per_second: 0, burst: 9 });
        assert_eq!(off.take(&user("ann")), Ok(None));
        let (pace, start) = (Pace::new(Rate { per_second: 1, burst: 1 }), Instant::now());
        for number in 0..USERS + 10 {
            pace.take_at(start, &user(&number.to_string())).unwrap();
        }
        assert_eq!(pace.full_at.lock().unwrap().len(), USERS);
        pace.take_at(start + Duration::from_secs(2), &user("late")).unwrap();
        assert_eq!(pace.full_at.lock().unwrap().len(), 1);
    }
}
