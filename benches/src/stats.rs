//! Medians of rounds, and a histogram of times.

use std::fmt;

/// The median of some rounds, and how far they lie apart.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Spread {
    pub(crate) median: f64,
    pub(crate) min: f64,
    pub(crate) max: f64,
}

impl Spread {
    pub(crate) fn of(mut values: Vec<f64>) -> Self {
        values.sort_by(f64::total_cmp);
        let (Some(min), Some(max)) = (values.first(), values.last()) else { return Self::default() };
        let middle = values.len() / 2;
        let median =
            if values.len() % 2 == 1 { values[middle] } else { values[middle - 1].midpoint(values[middle]) };
        Self { median, min: *min, max: *max }
    }

    /// The spread of one number of each of some results.
    pub(crate) fn over<T>(results: &[T], number: impl Fn(&T) -> f64) -> Self {
        Self::of(results.iter().map(number).collect())
    }
}

impl fmt::Display for Spread {
    /// `median (min–max)`, with as many digits as are worth something; one round has no spread.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.min == self.max {
            return f.pad(&digits(self.median));
        }
        f.pad(&format!("{} ({}–{})", digits(self.median), digits(self.min), digits(self.max)))
    }
}

/// A number with about three digits.
pub(crate) fn digits(value: f64) -> String {
    match value.abs() {
        size if size >= 10_000.0 => format!("{:.1}k", value / 1_000.0),
        size if size >= 100.0 => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        size if size >= 0.1 => format!("{value:.2}"),
        0.0 => "0".to_owned(),
        size if size >= 0.001 => format!("{value:.4}"),
        _ => format!("{value:.6}"),
    }
}

/// Times in ns, in buckets that are at most 1.6 % wide.
#[derive(Debug, Clone)]
pub(crate) struct Histogram {
    buckets: Vec<u64>,
    count: u64,
    max: u64,
}

/// Buckets for each doubling.
const SUB_BITS: u32 = 6;
const SUB: u64 = 1 << SUB_BITS;

impl Histogram {
    pub(crate) fn new() -> Self {
        Self { buckets: vec![0; 64 * 64], count: 0, max: 0 }
    }

    pub(crate) fn add(&mut self, ns: u64) {
        let at = bucket(ns).min(self.buckets.len() - 1);
        self.buckets[at] += 1;
        self.count += 1;
        self.max = self.max.max(ns);
    }

    pub(crate) fn merge(&mut self, other: &Self) {
        for (mine, theirs) in self.buckets.iter_mut().zip(&other.buckets) {
            *mine += theirs;
        }
        self.count += other.count;
        self.max = self.max.max(other.max);
    }

    pub(crate) const fn count(&self) -> u64 {
        self.count
    }

    /// The time that `percent` of all were done in, in ms.
    pub(crate) fn ms(&self, percent: f64) -> f64 {
        let wanted = self.count as f64 * percent / 100.0;
        let mut seen = 0;
        for (at, count) in (0_u64..).zip(&self.buckets) {
            seen += count;
            if *count > 0 && seen as f64 >= wanted {
                return middle(at).min(self.max as f64) / 1e6;
            }
        }
        self.max as f64 / 1e6
    }
}

/// Numbers below 64 have a bucket each; above, the six bits after the highest say which.
fn bucket(ns: u64) -> usize {
    let shift = (64 - ns.leading_zeros()).saturating_sub(SUB_BITS + 1);
    let at = u64::from(shift) * SUB + (ns >> shift);
    usize::try_from(at).unwrap_or(usize::MAX)
}

fn middle(bucket: u64) -> f64 {
    if bucket < 2 * SUB {
        return bucket as f64;
    }
    let shift = bucket / SUB - 1;
    let low = (bucket - shift * SUB) << shift;
    low as f64 + (1_u64 << shift) as f64 / 2.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_are_narrow_and_in_order() {
        let mut last = 0;
        for ns in (0..100_000).chain((16..40).map(|bits| 3 << bits)) {
            let at = bucket(ns);
            let found = middle(at as u64);
            assert!((found - ns as f64).abs() <= 1.0 + ns as f64 * 0.016, "{ns} became {found}");
            assert!(at >= last, "{ns}");
            last = at;
        }
        assert!(bucket(u64::MAX) < 64 * 64);
    }

    #[test]
    fn percentiles() {
        let mut all = Histogram::new();
        for us in 1..=1_000 {
            all.add(us * 1_000);
        }
        assert!((all.ms(50.0) - 0.5).abs() < 0.01);
        assert!((all.ms(99.0) - 0.99).abs() < 0.02);
        assert!((all.ms(100.0) - 1.0).abs() < 0.02);
    }

    #[test]
    fn the_median_is_in_the_middle() {
        assert_eq!(Spread::of(vec![3.0, 1.0, 9.0]).median, 3.0);
        assert_eq!(Spread::of(vec![3.0, 1.0, 9.0, 5.0]).to_string(), "4.00 (1.00–9.00)");
        assert_eq!(Spread::of(vec![2.0]).to_string(), "2.00");
    }

    #[test]
    fn numbers_read_well() {
        let text: Vec<String> = [0.0, 0.000_55, 0.0031, 0.35, 12.34, 123.4, 34_567.0].map(digits).into();
        assert_eq!(text, ["0", "0.000550", "0.0031", "0.35", "12.3", "123", "34.6k"]);
    }
}
