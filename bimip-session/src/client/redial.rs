//! How long to wait before dialling again.

use super::io::Config;

/// Doubles with each failure and draws between nothing and that, so that a crowd does not come back at once.
#[derive(Debug)]
pub(super) struct Redial {
    failures: u32,
    draws: u64,
}

impl Redial {
    pub(super) const fn new(seed: u64) -> Self {
        Self { failures: 0, draws: seed | 1 }
    }

    /// A connection was good.
    pub(super) const fn succeeded(&mut self) {
        self.failures = 0;
    }

    /// The wait after one more failure, at least what the server asked for and at most `crowd_ms` more by chance
    /// where that is above the backoff.
    pub(super) fn wait(&mut self, config: &Config, retry_after_ms: u64, crowd_ms: u64) -> u64 {
        let doubled = config.redial_min_ms.saturating_mul(1 << self.failures.min(16));
        self.failures = self.failures.saturating_add(1);
        let most = doubled.min(config.redial_max_ms).max(crowd_ms);
        retry_after_ms.min(config.retry_after_max_ms).saturating_add(self.draw(most))
    }

    /// A number in `0..=most`, by Marsaglia's xorshift.
    const fn draw(&mut self, most: u64) -> u64 {
        self.draws ^= self.draws << 13;
        self.draws ^= self.draws >> 7;
        self.draws ^= self.draws << 17;
        self.draws % most.saturating_add(1)
    }
}

#[cfg(test)]
mod tests {
    use bimip_proto::{Device, DeviceName, UserId};

    use super::*;

    // CL-LINK-1
    #[test]
    fn the_draws_of_a_seed_are_those_of_xorshift() {
        let mut redial = Redial::new(7919);
        let draws = [0; 3].map(|_| redial.draw(u64::MAX - 1));
        assert_eq!(draws, [0x000007b489fe4512, 0xf7bbd41b2deebd18, 0x0da9afb7fb7d2662]);
    }

    // CL-LINK-1, CL-LINK-2
    #[test]
    fn waits_are_drawn_below_a_doubling_bound_and_never_before_what_the_server_said() {
        let device = Device::new(UserId::new("a").unwrap(), DeviceName::new("1").unwrap());
        let config = Config::new(device);
        let mut longest = [0; 9];
        for seed in 0..500 {
            let mut redial = Redial::new(seed * 7919);
            for (longest, bound) in
                longest.iter_mut().zip([500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000])
            {
                let wait = redial.wait(&config, 0, 0);
                assert!(wait <= bound, "{wait} of {bound}");
                *longest = wait.max(*longest);
            }
            redial.succeeded();
            let wait = redial.wait(&config, 7_000, 0);
            assert!((7_000..=7_500).contains(&wait), "{wait}");
            let wait = redial.wait(&config, u64::MAX, 4_000);
            assert!((600_000..=604_000).contains(&wait), "{wait}");
        }
        assert!(longest[8] > 29_000 && longest[0] > 450, "drawn from all of it: {longest:?}");
    }
}
