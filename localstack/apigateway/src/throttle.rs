//! A limit on how often something may happen.

use std::{
    sync::{Mutex, PoisonError},
    time::Instant,
};

/// How often something may happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// Steadily (`ThrottlingRateLimit`).
    pub per_second: u32,
    /// At once, after a pause (`ThrottlingBurstLimit`).
    pub burst: u32,
}

/// A bucket of tokens that fills steadily.
#[derive(Debug)]
pub(crate) struct Throttle {
    per_second: f64,
    burst: f64,
    bucket: Mutex<(f64, Instant)>,
}

impl Throttle {
    pub(crate) fn new(rate: Rate) -> Self {
        let (per_second, burst) = (f64::from(rate.per_second), f64::from(rate.burst));
        Self { per_second, burst, bucket: Mutex::new((burst, Instant::now())) }
    }

    /// One second's worth at once, and steadily.
    pub(crate) fn per_second(per_second: u32) -> Self {
        Self::new(Rate { per_second, burst: per_second })
    }

    pub(crate) fn admits(&self) -> bool {
        let mut bucket = self.bucket.lock().unwrap_or_else(PoisonError::into_inner);
        let (tokens, filled) = *bucket;
        let now = Instant::now();
        let earned = now.duration_since(filled).as_secs_f64() * self.per_second;
        let tokens = (tokens + earned).min(self.burst);
        let admitted = tokens >= 1.0;
        *bucket = (if admitted { tokens - 1.0 } else { tokens }, now);
        admitted
    }
}
