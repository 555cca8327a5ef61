//! A clock that stands still until it is moved.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use domain::{Clock, Timestamp};

/// A clock that stands still until it is moved.
#[derive(Debug)]
pub struct FixedClock(AtomicU64);

impl FixedClock {
    /// Stands at that moment.
    pub const fn at(moment: Timestamp) -> Self {
        Self(AtomicU64::new(moment.millis()))
    }

    /// Moves to that moment.
    pub fn set(&self, moment: Timestamp) {
        self.0.store(moment.millis(), Ordering::SeqCst);
    }

    /// Moves on; the moment after that.
    pub fn advance(&self, span: Duration) -> Timestamp {
        let moment = self.now() + span;
        self.set(moment);
        moment
    }
}

impl Default for FixedClock {
    /// Stands at 2026-11-22T12:00:00Z.
    fn default() -> Self {
        Self::at(Timestamp::from_millis(1_795_348_800_000))
    }
}

impl Clock for FixedClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.0.load(Ordering::SeqCst))
    }
}
