//! Many durations in a few numbers.

use std::time::Duration;

/// Durations in order.
pub struct Spread(Vec<Duration>);

impl Spread {
    /// Of these, of which there must be one at least.
    pub fn of(mut durations: Vec<Duration>) -> Self {
        assert!(!durations.is_empty(), "nothing was measured");
        durations.sort_unstable();
        Self(durations)
    }

    /// The smallest duration that `share` (0-1) of all do not exceed (nearest rank).
    pub fn quantile(&self, share: f64) -> Duration {
        let rank = (share * self.0.len() as f64).ceil() as usize;
        self.0[rank.clamp(1, self.0.len()) - 1]
    }

    /// The middle one.
    pub fn median(&self) -> Duration {
        self.quantile(0.5)
    }

    /// The longest.
    pub fn longest(&self) -> Duration {
        self.quantile(1.0)
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
        assert_eq!([spread.median(), spread.longest()], [Duration::from_millis(7); 2]);
    }
}
