//! A delay queue that only remembers.

use std::sync::Mutex;
use std::time::Duration;

use domain::Result;
use domain::ports::{DelayedMessage, Delays};

use crate::lock;

/// A delay queue that delivers nothing and remembers what it was given.
#[derive(Debug, Default)]
pub struct RecordedDelays(Mutex<Vec<(Duration, DelayedMessage)>>);

impl RecordedDelays {
    /// What was sent so far, with its delay, in order.
    pub fn sent(&self) -> Vec<(Duration, DelayedMessage)> {
        lock(&self.0).clone()
    }
}

impl Delays for RecordedDelays {
    async fn after(&self, delay: Duration, message: &DelayedMessage) -> Result<()> {
        lock(&self.0).push((delay, message.clone()));
        Ok(())
    }
}
