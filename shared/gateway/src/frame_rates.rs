//! How many frames a connection may send, and how many chat messages and captions of these: a token bucket for each.
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
    frames: Mutex<Buckets>,
    chat: Mutex<Buckets>,
    captions: Mutex<Buckets>,
}

/// Nothing counted yet.
impl FromRuntime for FrameRates {
    fn from_runtime(_: &Runtime) -> Result<Self, SettingError> {
        Ok(Self::default())
    }
}

impl FrameRates {
    /// Counts a frame; `RateLimited` when there are too many.
    pub fn take_frame(&self, connection: &ConnectionId, policy: &Policy, now: Timestamp) -> Result<(), Error> {
        take(&self.frames, Rate::new(policy.frames_per_second, policy.frames_burst), connection, now)
    }

    /// Counts a chat message, which was counted as a frame before; `RateLimited` when there are too many.
    pub fn take_chat(&self, connection: &ConnectionId, policy: &Policy, now: Timestamp) -> Result<(), Error> {
        take(&self.chat, Rate::new(policy.chat_per_second, policy.chat_burst), connection, now)
    }

    /// Counts a caption, which was counted as a frame before; `RateLimited` when there are too many. As many are allowed as chat
    /// messages, beside these: who speaks may write.
    pub fn take_caption(&self, connection: &ConnectionId, policy: &Policy, now: Timestamp) -> Result<(), Error> {
        take(&self.captions, Rate::new(policy.chat_per_second, policy.chat_burst), connection, now)
    }
}

fn take(buckets: &Mutex<Buckets>, rate: Rate, connection: &ConnectionId, now: Timestamp) -> Result<(), Error> {
    let mut buckets = buckets.lock().unwrap_or_else(PoisonError::into_inner);
    buckets.take(rate, connection, now).then_some(()).ok_or(Error::RateLimited { retry_after: 1 })
}

/// How a bucket fills.
#[derive(Clone, Copy)]
struct Rate {
    per_second: f64,
    burst: f64,
}

impl Rate {
    fn new(per_second: u32, burst: u32) -> Self {
        Self { per_second: f64::from(per_second), burst: f64::from(burst) }
    }
}

#[derive(Clone, Copy)]
struct Bucket {
    tokens: f64,
    filled_at: Timestamp,
}

impl Bucket {
    fn refilled(self, rate: Rate, now: Timestamp) -> Self {
        let grown = now.since(self.filled_at).as_secs_f64() * rate.per_second;
        Self { tokens: (self.tokens + grown).min(rate.burst), filled_at: now }
    }
}

/// The buckets of one kind.
#[derive(Default)]
struct Buckets {
    of: HashMap<ConnectionId, Bucket>,
    /// At so many, full ones are looked for: only when there are twice as many as the last time left, so that a
    /// frame costs the same however many connections are busy.
    crowded_at: usize,
}

impl Buckets {
    /// Takes one token; false when there is none.
    fn take(&mut self, rate: Rate, connection: &ConnectionId, now: Timestamp) -> bool {
        if self.of.len() >= self.crowded_at.max(CAPACITY) {
            self.of.retain(|_, bucket| bucket.refilled(rate, now).tokens < rate.burst);
            self.crowded_at = 2 * self.of.len();
        }
        let full = Bucket { tokens: rate.burst, filled_at: now };
        let bucket = self.of.entry(connection.clone()).or_insert(full);
        *bucket = bucket.refilled(rate, now);
        let has_one = bucket.tokens >= 1.0;
        bucket.tokens -= f64::from(u8::from(has_one));
        has_one
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const START: Timestamp = Timestamp::from_millis(1_000_000);

    fn connection(name: &str) -> ConnectionId {
        ConnectionId::new(name)
    }

    #[test]
    fn a_burst_is_allowed_and_then_the_rate() {
        let (rates, policy, a) = (FrameRates::default(), Policy::default(), connection("a"));
        let frames =
            |now| std::iter::repeat_with(|| rates.take_frame(&a, &policy, now)).take_while(Result::is_ok).count();
        let chat = |now| std::iter::repeat_with(|| rates.take_chat(&a, &policy, now)).take_while(Result::is_ok).count();
        for (later, frames_allowed, chat_allowed) in [(0, 200, 30), (500, 50, 5), (60_000, 200, 30)] {
            let now = START + Duration::from_millis(later);
            assert_eq!((frames(now), chat(now)), (frames_allowed, chat_allowed), "{later} ms");
        }
    }

    #[test]
    fn connections_do_not_share_a_bucket() {
        let rates = FrameRates::default();
        let policy = Policy { frames_burst: 1, ..Policy::default() };
        assert!(rates.take_frame(&connection("a"), &policy, START).is_ok());
        assert!(rates.take_frame(&connection("a"), &policy, START).is_err());
        assert!(rates.take_frame(&connection("b"), &policy, START).is_ok());
    }

    #[test]
    fn buckets_that_are_full_again_are_forgotten_and_others_are_not() {
        let (mut buckets, rate) = (Buckets::default(), Rate::new(1, 2));
        let busy = connection("busy");
        for n in 0..CAPACITY {
            buckets.take(rate, &connection(&n.to_string()), START);
        }
        let later = START + Duration::from_secs(1);
        assert!(buckets.take(rate, &busy, later) && buckets.take(rate, &busy, later));
        assert_eq!(buckets.of.len(), 1);
        assert!(!buckets.take(rate, &busy, later));
    }

    #[test]
    fn where_no_bucket_is_full_they_are_not_looked_through_for_every_frame() {
        let (mut buckets, rate) = (Buckets::default(), Rate::new(1, 2));
        for n in 0..=CAPACITY {
            buckets.take(rate, &connection(&n.to_string()), START);
        }
        assert_eq!((buckets.of.len(), buckets.crowded_at), (CAPACITY + 1, 2 * CAPACITY));
    }
}
