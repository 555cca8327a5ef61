//! The real clock and the real identifiers.

use std::sync::{Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use domain::{Clock, IdSource, Timestamp};
use uuid::{ContextV7, Uuid};

/// The system's clock.
#[derive(Debug, Clone, Copy)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the one place that reads the clock")]
    fn now(&self) -> Timestamp {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp::from_millis(u64::try_from(since_epoch.as_millis()).unwrap_or(u64::MAX))
    }
}

/// UUIDv7 with random bits from the system, counted up within a millisecond.
#[derive(Default)]
pub struct UuidSource {
    context: Mutex<ContextV7>,
}

impl IdSource for UuidSource {
    fn next(&self, now: Timestamp) -> Uuid {
        let nanos = u32::try_from(now.millis() % 1000).unwrap_or(0) * 1_000_000;
        let context = self.context.lock().unwrap_or_else(PoisonError::into_inner);
        Uuid::new_v7(uuid::Timestamp::from_unix(&*context, now.seconds(), nanos))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_of_one_moment_sort_in_the_order_they_were_made() {
        let (source, now) = (UuidSource::default(), SystemClock.now());
        let ids: Vec<_> = (0..1000).map(|_| source.next(now)).collect();
        assert!(ids.is_sorted_by(|a, b| a < b));
    }
}
