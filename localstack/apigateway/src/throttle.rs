//! A limit on how often something may happen.

use std::{
    sync::{Mutex, PoisonError},
    time::Instant,
};

/// How many WebSockets may open: a bucket of one second's worth that fills steadily.
#[derive(Debug)]
pub(crate) struct Throttle {
    per_second: f64,
    bucket: Mutex<(f64, Instant)>,
}

impl Throttle {
    pub(crate) fn new(per_second: u32) -> Self {
        let per_second = f64::from(per_second);
        Self { per_second, bucket: Mutex::new((per_second, Instant::now())) }
    }

    pub(crate) fn admits(&self) -> bool {
        let mut bucket = self.bucket.lock().unwrap_or_else(PoisonError::into_inner);
        let (tokens, filled) = *bucket;
        let now = Instant::now();
        let earned = now.duration_since(filled).as_secs_f64() * self.per_second;
        let tokens = (tokens + earned).min(self.per_second);
        let admitted = tokens >= 1.0;
        *bucket = (if admitted { tokens - 1.0 } else { tokens }, now);
        admitted
    }
}
