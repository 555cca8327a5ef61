//! A delay queue that only remembers.

use std::sync::Mutex;
use std::time::Duration;

use domain::Result;
use domain::presence::{Delays, Later};

use crate::lock;

/// A delay queue that delivers nothing and remembers what it was given.
#[derive(Debug, Default)]
pub struct RecordedDelays(Mutex<Vec<(Duration, Later)>>);

impl RecordedDelays {
    /// What was sent so far, with its delay, in order.
    pub fn sent(&self) -> Vec<(Duration, Later)> {
        lock(&self.0).clone()
    }
}

impl Delays for RecordedDelays {
    async fn after(&self, delay: Duration, message: &Later) -> Result<()> {
        lock(&self.0).push((delay, message.clone()));
        Ok(())
    }
}
