//! Fakes of the ports, event builders and a fixed clock, for tests only.

mod aws;
mod clock;
mod database;
mod delays;
mod door;
mod encoder;
mod ids;
mod objects;
mod overlaps;
mod samples;
mod sockets;
mod webm;

pub use aws::answered_by;
pub use clock::FixedClock;
pub use database::Database;
pub use delays::{RecordedDelays, RecordedTending};
pub use door::{Door, Fault, Request};
pub use encoder::PlainEncoder;
pub use ids::SequentialIds;
pub use objects::{FakeBucket, FakeFile, FakeObject, Mishap};
pub use overlaps::{Overlaps, Passage};
pub use samples::Samples;
pub use sockets::FakeSockets;
pub use webm::webm_chunk;

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Locks; a test that panicked elsewhere has failed already.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
