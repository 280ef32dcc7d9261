//! Times of calls, counted into buckets: as many calls as there are, in a fixed amount of
//! memory, and without an allocation while the clock runs.

use serde::{Deserialize, Serialize};

/// Buckets per power of two, as a power of two: a value is told to within 1/32.
const FINE_BITS: u32 = 5;
const FINE: usize = 1 << FINE_BITS;

/// Times in nanoseconds.
#[derive(Debug, Clone)]
pub struct Histogram {
    counts: Vec<u64>,
    calls: u64,
    max_ns: u64,
}

/// How long calls took, in nanoseconds of the clock on the wall.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Latency {
    /// How many calls were measured.
    pub calls: u64,
    /// Half of them took at most this long.
    pub p50_ns: u64,
    /// 99 % did.
    pub p99_ns: u64,
    /// 99.9 % did.
    pub p999_ns: u64,
    /// All did.
    pub max_ns: u64,
}

impl Default for Histogram {
    fn default() -> Self {
        Self { counts: vec![0; (64 - FINE_BITS as usize + 1) * FINE], calls: 0, max_ns: 0 }
    }
}

impl Histogram {
    /// Count a call.
    pub fn add(&mut self, ns: u64) {
        self.counts[bucket(ns)] += 1;
        self.calls += 1;
        self.max_ns = self.max_ns.max(ns);
    }

    /// What at most a share of the calls took longer than; the end of the bucket it is in.
    fn quantile(&self, share: f64) -> u64 {
        let wanted = (self.calls as f64 * share).ceil() as u64;
        let mut seen = 0;
        for (i, count) in self.counts.iter().enumerate() {
            seen += count;
            if seen >= wanted.max(1) {
                return last_of(i).min(self.max_ns);
            }
        }
        self.max_ns
    }

    /// The figures that are shown.
    #[must_use]
    pub fn latency(&self) -> Latency {
        Latency {
            calls: self.calls,
            p50_ns: self.quantile(0.5),
            p99_ns: self.quantile(0.99),
            p999_ns: self.quantile(0.999),
            max_ns: self.max_ns,
        }
    }
}

/// Small values have a bucket each; larger ones share it with those of the same first bits.
fn bucket(ns: u64) -> usize {
    let shift = (64 - FINE_BITS).saturating_sub(ns.leading_zeros() + 1);
    (shift as usize) * FINE + (ns >> shift) as usize
}

/// The largest value of a bucket.
fn last_of(bucket: usize) -> u64 {
    // From the second power on, a bucket's first bits are at least `FINE`.
    let shift = (bucket / FINE).saturating_sub(1);
    let first_bits = (bucket - shift * FINE) as u64;
    (first_bits << shift) | ((1 << shift) - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_hold_their_values_to_within_a_32nd() {
        for ns in (0..100_000).chain([1 << 32, (1 << 40) + 12_345, u64::MAX >> 6]) {
            let last = last_of(bucket(ns));
            assert!(last >= ns && last - ns <= ns / 32 + 1, "{ns} in {} up to {last}", bucket(ns));
        }
        let mut extremes = Histogram::default();
        extremes.add(0);
        extremes.add(u64::MAX);
        assert_eq!(extremes.latency().max_ns, u64::MAX);
    }

    #[test]
    fn quantiles_are_those_of_the_calls() {
        let mut histogram = Histogram::default();
        for ns in 1..=10_000 {
            histogram.add(ns);
        }
        let Latency { calls, p50_ns, p99_ns, p999_ns, max_ns } = histogram.latency();
        assert_eq!((calls, max_ns), (10_000, 10_000));
        for (got, want) in [(p50_ns, 5_000), (p99_ns, 9_900), (p999_ns, 9_990)] {
            assert!(got >= want && got <= want + want / 32 + 1, "{got} for {want}");
        }
        let nothing = Histogram::default().latency();
        assert_eq!((nothing.calls, nothing.p50_ns, nothing.max_ns), (0, 0, 0));
    }
}
