//! How calls are tried again: after waits that double, with full jitter, until a time is spent
//! (<https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/>).
//!
//! The time bounds a call, not the number of its tries: what many contend for, the seats of one session say, is free again
//! within milliseconds, and how many tries it takes to meet such a moment depends on how many others try.

use std::time::Duration;

use tokio::time::Instant;

/// A source of numbers in `0.0..1.0` that spreads retries; constant in tests.
pub type Jitter = fn() -> f64;

/// How long to wait between the tries of a call, and when to give up.
#[derive(Debug, Clone, Copy)]
pub struct Backoff {
    /// The longest first wait.
    pub base: Duration,
    /// The longest wait of all.
    pub cap: Duration,
    /// The last try begins within this time from the first.
    pub within: Duration,
    /// What spreads the waits.
    pub jitter: Jitter,
}

impl Backoff {
    /// With random waits.
    pub const fn new(base: Duration, cap: Duration, within: Duration) -> Self {
        Self { base, cap, within, jitter: fastrand::f64 }
    }

    /// The first try of a call, which begins now.
    pub fn begin(self) -> Tries {
        Tries { backoff: self, began: Instant::now(), count: 1 }
    }

    /// How long to wait after so many tries and so much time; `None` when the next one would begin too late.
    pub fn wait(&self, tries: u32, spent: Duration) -> Option<Duration> {
        let doubled = self.base.saturating_mul(1 << tries.saturating_sub(1).min(16));
        let wait = doubled.min(self.cap).mul_f64((self.jitter)());
        (spent + wait <= self.within).then_some(wait)
    }
}

/// The tries of one call.
#[derive(Debug)]
pub struct Tries {
    backoff: Backoff,
    began: Instant,
    count: u32,
}

impl Tries {
    /// How many there were, with the one under way.
    pub fn count(&self) -> u32 {
        self.count
    }

    /// Waits until the next one may begin; false, at once, when the time is spent.
    pub async fn again(&mut self) -> bool {
        let Some(wait) = self.backoff.wait(self.count, self.began.elapsed()) else {
            return false;
        };
        self.count += 1;
        tokio::time::sleep(wait).await;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn millis(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    const HALF: Backoff = Backoff { base: millis(100), cap: millis(500), within: millis(1000), jitter: || 0.5 };

    #[test]
    fn waits_double_up_to_the_cap() {
        let waits: Vec<_> = (1..=6).map(|tries| HALF.wait(tries, Duration::ZERO)).collect();
        assert_eq!(waits, [50, 100, 200, 250, 250, 250].map(|wait| Some(millis(wait))));
        assert_eq!(HALF.wait(u32::MAX, Duration::ZERO), Some(millis(250)));
    }

    #[test]
    fn no_try_begins_after_the_time() {
        assert_eq!(HALF.wait(9, millis(750)), Some(millis(250)));
        assert_eq!(HALF.wait(9, millis(751)), None);
        assert_eq!(HALF.wait(1, Duration::MAX - millis(100)), None);
    }

    #[test]
    fn waits_are_spread_over_their_whole_length() {
        let random = Backoff::new(millis(100), millis(100), millis(1000));
        let waits: Vec<_> = (0..1000).filter_map(|_| random.wait(1, Duration::ZERO)).collect();
        assert!(waits.iter().any(|wait| *wait < millis(10)) && waits.iter().any(|wait| *wait > millis(90)));
        assert!(waits.iter().all(|wait| *wait <= millis(100)));
    }

    #[tokio::test]
    async fn tries_are_counted_and_end() {
        let mut tries = Backoff { base: millis(1), cap: millis(1), within: millis(20), jitter: || 1.0 }.begin();
        let began = Instant::now();
        while tries.again().await {}
        assert!((2..=21).contains(&tries.count()), "{}", tries.count());
        assert!(began.elapsed() >= millis(1));
    }
}
