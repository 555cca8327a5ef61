//! How many frames a connection may send: a token bucket each.
//!
//! The buckets live in the function's memory. Behind the local gateway that is one count per connection; on AWS each
//! instance counts what it sees, and the stage's throttling bounds the whole.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use config::{FromRuntime, Runtime, SettingError};
use domain::{ConnectionId, Error, Policy, Timestamp};

/// Buckets kept at once; full ones are forgotten first, because they say nothing.
const CAPACITY: usize = 20_000;

/// The buckets of all connections.
#[derive(Default)]
pub struct FrameRates {
    buckets: Mutex<HashMap<ConnectionId, Bucket>>,
}

/// Nothing counted yet.
impl FromRuntime for FrameRates {
    fn from_runtime(_: &Runtime) -> Result<Self, SettingError> {
        Ok(Self::default())
    }
}

#[derive(Clone, Copy)]
struct Bucket {
    tokens: f64,
    filled_at: Timestamp,
}

impl Bucket {
    fn refilled(self, policy: &Policy, now: Timestamp) -> Self {
        let grown = now.since(self.filled_at).as_secs_f64() * f64::from(policy.frames_per_second);
        Self { tokens: (self.tokens + grown).min(f64::from(policy.frames_burst)), filled_at: now }
    }

    fn is_full(self, policy: &Policy, now: Timestamp) -> bool {
        self.refilled(policy, now).tokens >= f64::from(policy.frames_burst)
    }
}

impl FrameRates {
    /// Takes one token; `RateLimited` when there is none.
    pub fn take(&self, connection: &ConnectionId, policy: &Policy, now: Timestamp) -> Result<(), Error> {
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        if buckets.len() >= CAPACITY {
            buckets.retain(|_, bucket| !bucket.is_full(policy, now));
        }
        let full = Bucket { tokens: f64::from(policy.frames_burst), filled_at: now };
        let bucket = buckets.entry(connection.clone()).or_insert(full);
        *bucket = bucket.refilled(policy, now);
        if bucket.tokens < 1.0 {
            return Err(Error::RateLimited { retry_after: 1 });
        }
        bucket.tokens -= 1.0;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_burst_is_allowed_and_then_the_rate() {
        let (rates, policy) = (FrameRates::default(), Policy::default());
        let (connection, start) = (ConnectionId::new("a"), Timestamp::from_millis(1_000_000));
        let taken =
            |now| std::iter::repeat_with(|| rates.take(&connection, &policy, now)).take_while(Result::is_ok).count();
        assert_eq!(taken(start), 200);
        assert_eq!(taken(start + Duration::from_millis(500)), 50);
        assert_eq!(taken(start + Duration::from_secs(60)), 200);
    }

    #[test]
    fn connections_do_not_share_a_bucket() {
        let (rates, now) = (FrameRates::default(), Timestamp::from_millis(1_000_000));
        let policy = Policy { frames_burst: 1, ..Policy::default() };
        assert!(rates.take(&ConnectionId::new("a"), &policy, now).is_ok());
        assert!(rates.take(&ConnectionId::new("a"), &policy, now).is_err());
        assert!(rates.take(&ConnectionId::new("b"), &policy, now).is_ok());
    }
}
