//! Many durations in a few numbers.

use std::time::Duration;

use hdrhistogram::Histogram;

/// How many digits of a duration are kept.
const DIGITS: u8 = 3;

/// How durations are spread.
pub struct Spread(Histogram<u64>);

impl Spread {
    /// Of these, of which there must be one at least.
    pub fn of(durations: Vec<Duration>) -> Self {
        assert!(!durations.is_empty(), "nothing was measured");
        let mut histogram = Histogram::new(DIGITS).expect("a number of digits that it takes");
        for duration in durations {
            let nanos = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
            histogram.record(nanos).expect("a histogram that grows takes every number");
        }
        Self(histogram)
    }

    /// The smallest duration that `share` (0-1) of all do not exceed (nearest rank).
    pub fn quantile(&self, share: f64) -> Duration {
        // Of the values that the histogram does not tell apart, the highest: no quantile is told shorter than it was.
        Duration::from_nanos(self.0.highest_equivalent(self.0.value_at_quantile(share)))
    }

    /// The middle one.
    pub fn median(&self) -> Duration {
        self.quantile(0.5)
    }

    /// The longest.
    pub fn longest(&self) -> Duration {
        Duration::from_nanos(self.0.max())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_nearest_ranks() {
        let spread = Spread::of((1..=200).rev().map(Duration::from_millis).collect());
        let quantiles = [0.0, 0.5, 0.99, 1.0].map(|share| spread.quantile(share).as_millis());
        assert_eq!(quantiles, [1, 100, 198, 200]);
    }

    #[test]
    fn a_single_duration_is_every_quantile() {
        let spread = Spread::of(vec![Duration::from_millis(7)]);
        assert_eq!([spread.median(), spread.longest()].map(|duration| duration.as_millis()), [7; 2]);
    }
}
