//! A delay queue that only remembers.

use std::sync::Mutex;
use std::time::Duration;

use domain::Result;
use domain::ports::{DelayedMessage, Delays, RecordingQueue, Tended};

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

/// A queue of recordings that delivers nothing by itself, and gives what it was given to whoever asks.
#[derive(Debug, Default)]
pub struct RecordedTending(Mutex<Vec<(Duration, Tended)>>);

impl RecordedTending {
    /// What was sent since the last look, with its delay, in order.
    pub fn take(&self) -> Vec<(Duration, Tended)> {
        std::mem::take(&mut *lock(&self.0))
    }
}

impl RecordingQueue for RecordedTending {
    async fn tend_after(&self, delay: Duration, tended: &Tended) -> Result<()> {
        lock(&self.0).push((delay, *tended));
        Ok(())
    }
}

impl Delays for RecordedDelays {
    async fn after(&self, delay: Duration, message: &DelayedMessage) -> Result<()> {
        lock(&self.0).push((delay, message.clone()));
        Ok(())
    }
}
