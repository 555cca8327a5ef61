//! The single DynamoDB table: keys, records and one file per port.
//!
//! Each step of a port is one request. What several callers could disagree about is decided by the request's condition,
//! never by a read before it. Everything with an end carries `expiresAt`, and because TTL deletion can come days late,
//! every read checks it.

mod about;
mod active;
mod apps;
#[cfg(test)]
mod arbitrary;
mod chat;
mod connections;
mod database;
mod due;
mod endings;
mod endpoints;
mod erasure;
mod errors;
mod families;
mod happened;
mod holding;
mod inbox;
mod invites;
mod items;
mod keys;
mod live;
mod members;
mod metadata;
mod moderation;

mod quality;
mod quality_records;
mod recordings;
mod records;
mod requests;
mod rooms;
mod rosters;
mod seats;
mod sessions;
mod stream;
mod table;
mod throttles;
mod usage;
mod users;
mod visits;
mod waiting;
mod words;

use std::time::Duration;

use aws_types::SdkConfig;
use config::{FromRuntime, Runtime, SettingError, settings};
use domain::{Policy, Timestamp};
use retry::Backoff;

pub use database::{Database, Engine};
pub use keys::event_id;
pub use stream::{StreamEvent, StreamRecord};
pub use table::{Found, INDEX_ATTRIBUTES, TableDefinition};

/// How a request is tried again that met a transaction on the same item. Two hundred people who join one session within a
/// moment need some seconds to pass one after the other; a function has 15 s, and a client waits for 20 s (ADR 13).
pub const CONFLICTS: Backoff = Backoff::new(Duration::from_millis(25), Duration::from_secs(1), Duration::from_secs(8));

/// The table, as every storage port of `domain` sees it. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Store {
    engine: Engine,
    table: String,
    conflicts: Backoff,
    lease_step: Duration,
}

impl Store {
    /// On that table, through the SDK: throttling and lost connections are the SDK's to retry, conflicts are ours.
    pub fn new(sdk: &SdkConfig, table: impl Into<String>) -> Self {
        Self::on(Engine::sdk(sdk), table)
    }

    /// On that table of any database.
    pub fn on(engine: Engine, table: impl Into<String>) -> Self {
        let lease_step = Policy::default().lease_step();
        Self { engine, table: table.into(), conflicts: CONFLICTS, lease_step }
    }

    /// The same with another patience for conflicts.
    #[must_use]
    pub fn with_conflicts(self, conflicts: Backoff) -> Self {
        Self { conflicts, ..self }
    }

    /// When the end of a lease is looked at. In steps: a renewal that stays within one does not write the index.
    fn due_after(&self, lease_until: Timestamp) -> Timestamp {
        lease_until.rounded_up(self.lease_step)
    }
}

impl FromRuntime for Store {
    fn from_runtime(runtime: &Runtime) -> Result<Self, SettingError> {
        let engine = Engine::clone(&*runtime.shared::<Engine>()?);
        let lease_step = runtime.get::<Policy>()?.lease_step();
        Ok(Self { lease_step, ..Self::on(engine, runtime.settings.required(settings::TABLE)?) })
    }
}

#[cfg(test)]
mod tests {
    use std::cmp::Reverse;
    use std::collections::BinaryHeap;

    use super::*;

    /// How long a transaction holds its items; in DynamoDB that is 5-10 ms.
    const LASTS: Duration = Duration::from_millis(10);

    /// When the last of so many has passed who all begin at once, each of whom is refused while another one holds the item.
    fn rush(people: usize) -> Duration {
        let mut random = fastrand::Rng::with_seed(7);
        let mut tries: BinaryHeap<_> = (0..people).map(|_| Reverse((Duration::ZERO, 1))).collect();
        let (mut held_until, mut last) = (Duration::ZERO, Duration::ZERO);
        while let Some(Reverse((now, count))) = tries.pop() {
            if now >= held_until {
                (held_until, last) = (now + LASTS, now);
                continue;
            }
            let longest = Backoff { jitter: || 1.0, ..CONFLICTS }.wait(count, now).unwrap_or(CONFLICTS.cap);
            tries.push(Reverse((now + longest.mul_f64(random.f64()), count + 1)));
        }
        last
    }

    #[test]
    fn two_hundred_at_once_pass_within_the_patience() {
        let took = rush(200);
        assert!(took < CONFLICTS.within, "{took:?}");
        // One after the other without a gap they would need two seconds.
        assert!(took > 199 * LASTS, "{took:?}");
    }

    #[test]
    fn a_thousand_at_once_would_not() {
        assert!(rush(1000) > CONFLICTS.within);
    }
}
