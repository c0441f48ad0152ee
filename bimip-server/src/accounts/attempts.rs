//! How often somebody may try a password.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::net::{IpAddr, Ipv6Addr};
use std::time::{Duration, Instant};

/// Counted attempts at most; beyond that the older half is forgotten. About 5 MB.
const ENTRIES: usize = 100_000;

/// So many at once, and then one each time.
#[derive(Debug, Clone, Copy)]
struct Rate {
    burst: u32,
    each: Duration,
}

/// One user from one address: somebody who has forgotten their password.
const PAIR: Rate = Rate { burst: 5, each: Duration::from_secs(30) };
/// All users from one address: an office behind one router.
const ADDRESS: Rate = Rate { burst: 30, each: Duration::from_secs(2) };
/// One user from everywhere. So generous that nobody is shut out by others, and so small that a password of eight letters
/// is not guessed in a lifetime.
const USER: Rate = Rate { burst: 100, each: Duration::from_secs(10) };

/// Failed attempts, and those under way: an attempt that succeeds is given back.
///
/// By keyed digests of who tried: names of any length take the same room.
#[derive(Debug, Default)]
pub(super) struct Attempts {
    /// When all that was tried is forgiven.
    forgiven: HashMap<u64, Instant>,
    digests: RandomState,
}

impl Attempts {
    /// One attempt. If it is one too many, how long to wait for the next.
    pub(super) fn attempt(
        &mut self,
        now: Instant,
        address: Option<IpAddr>,
        user: &str,
    ) -> Result<(), Duration> {
        let rates = self.rates(address, user);
        let wait = rates.iter().map(|(key, rate)| self.wait(now, *key, *rate)).max().unwrap_or_default();
        if wait > Duration::ZERO {
            return Err(wait);
        }
        self.make_room(now);
        for (key, rate) in rates {
            let forgiven = self.forgiven.entry(key).or_insert(now);
            *forgiven = (*forgiven).max(now) + rate.each;
        }
        Ok(())
    }

    /// The last attempt was right: it is not held against anybody.
    pub(super) fn succeeded(&mut self, now: Instant, address: Option<IpAddr>, user: &str) {
        for (key, rate) in self.rates(address, user) {
            if let Some(forgiven) = self.forgiven.get_mut(&key) {
                *forgiven = forgiven.checked_sub(rate.each).unwrap_or(now);
            }
        }
    }

    fn rates(&self, address: Option<IpAddr>, user: &str) -> Vec<(u64, Rate)> {
        let address = address.and_then(neighbourhood);
        let mut rates = vec![(self.digests.hash_one((0, user)), USER)];
        rates.push((self.digests.hash_one((1, user, address)), PAIR));
        if let Some(address) = address {
            rates.push((self.digests.hash_one((2, address)), ADDRESS));
        }
        rates
    }

    fn wait(&self, now: Instant, key: u64, rate: Rate) -> Duration {
        let tried = self.forgiven.get(&key).map_or(Duration::ZERO, |at| at.saturating_duration_since(now));
        (tried + rate.each).saturating_sub(rate.each * rate.burst)
    }

    fn make_room(&mut self, now: Instant) {
        if self.forgiven.len() + 3 <= ENTRIES {
            return;
        }
        self.forgiven.retain(|_, at| *at > now);
        if self.forgiven.len() + 3 > ENTRIES {
            let mut all: Vec<(Instant, u64)> = self.forgiven.iter().map(|(key, at)| (*at, *key)).collect();
            let half = all.len() / 2;
            let (first_forgiven, ..) = all.select_nth_unstable(half);
            for (_, key) in first_forgiven {
                self.forgiven.remove(key);
            }
        }
    }
}

/// Who is taken for one: a household has a /64 of the newer addresses. On the machine itself it may be a proxy, behind
/// which is everybody.
fn neighbourhood(address: IpAddr) -> Option<IpAddr> {
    match address.to_canonical() {
        address if address.is_loopback() => None,
        IpAddr::V6(it) => {
            let [a, b, c, d, ..] = it.segments();
            Some(IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0)))
        }
        address => Some(address),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> Option<IpAddr> {
        Some(text.parse().unwrap())
    }

    // SI-ACC-5
    #[test]
    fn a_user_from_one_address_has_five_attempts_and_one_each_half_minute() {
        let (mut attempts, start) = (Attempts::default(), Instant::now());
        let here = address("192.0.2.1");
        for _ in 0..5 {
            assert_eq!(attempts.attempt(start, here, "ann"), Ok(()));
        }
        let wait = attempts.attempt(start, here, "ann").unwrap_err();
        assert_eq!(wait, Duration::from_secs(30));
        assert_eq!(attempts.attempt(start, here, "bob"), Ok(()), "another user");
        assert_eq!(attempts.attempt(start, address("192.0.2.2"), "ann"), Ok(()), "from elsewhere");
        assert!(attempts.attempt(start + wait - Duration::from_millis(1), here, "ann").is_err());
        assert_eq!(attempts.attempt(start + wait, here, "ann"), Ok(()));
        assert!(attempts.attempt(start + wait, here, "ann").is_err());
    }

    // SI-ACC-5
    #[test]
    fn what_succeeds_is_not_held_against_anybody() {
        let (mut attempts, start) = (Attempts::default(), Instant::now());
        for _ in 0..1_000 {
            assert_eq!(attempts.attempt(start, address("192.0.2.1"), "ann"), Ok(()));
            attempts.succeeded(start, address("192.0.2.1"), "ann");
        }
    }

    // SI-ACC-5
    #[test]
    fn addresses_are_counted_together_and_this_machine_is_not() {
        let (mut attempts, start) = (Attempts::default(), Instant::now());
        let mut tried = |address: Option<IpAddr>| {
            (0..1_000)
                .take_while(|number| attempts.attempt(start, address, &format!("u{number}")).is_ok())
                .count()
        };
        assert_eq!(tried(address("2001:db8::1")), 30);
        assert_eq!(tried(address("2001:db8::2")), 0, "of the same household");
        assert_eq!(tried(address("2001:db8:0:1::1")), 30);
        assert_eq!(tried(address("::ffff:192.0.2.7")), 30);
        assert_eq!(tried(address("192.0.2.7")), 0, "the same in its older form");
        assert_eq!(tried(address("127.0.0.1")), 1_000);
    }

    // SI-ACC-5
    #[test]
    fn a_user_from_everywhere_is_bounded_too() {
        let (mut attempts, start) = (Attempts::default(), Instant::now());
        let tried = (0..=255)
            .filter(|last| attempts.attempt(start, address(&format!("198.51.100.{last}")), "ann").is_ok());
        assert_eq!(tried.count(), 100);
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let (mut attempts, start) = (Attempts::default(), Instant::now());
        for number in 0..60_000_u32 {
            let address = Some(IpAddr::from((0x0a00_0000 + number).to_be_bytes()));
            attempts.attempt(start, address, &format!("u{number}")).unwrap();
            assert!(attempts.forgiven.len() <= ENTRIES);
        }
        assert!(attempts.forgiven.len() > ENTRIES / 3, "and no more than needed is forgotten");
    }
}
