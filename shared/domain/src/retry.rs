//! How long to wait between tries.

use std::time::Duration;

/// A source of numbers in `0.0..1.0` that spreads retries; constant in tests.
pub type Jitter = fn() -> f64;

/// Exponential backoff with full jitter
/// (<https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/>).
#[derive(Debug, Clone, Copy)]
pub struct Backoff {
    /// How many times to try again after the first try.
    pub retries: u32,
    /// The longest first wait.
    pub base: Duration,
    /// The longest wait of all.
    pub cap: Duration,
    /// What spreads the waits.
    pub jitter: Jitter,
}

impl Backoff {
    /// The waits before the second, third, ... try.
    pub fn waits(self) -> impl Iterator<Item = Duration> + Send {
        (0..self.retries).map(move |tried| {
            let longest = self.base.saturating_mul(1 << tried.min(16)).min(self.cap);
            longest.mul_f64((self.jitter)())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_cap() {
        let backoff =
            Backoff { retries: 4, base: Duration::from_millis(100), cap: Duration::from_millis(500), jitter: || 0.5 };
        let waits: Vec<_> = backoff.waits().map(|w| w.as_millis()).collect();
        assert_eq!(waits, [50, 100, 200, 250]);
    }
}
