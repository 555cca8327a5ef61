//! The single DynamoDB table: keys, records and one file per port.
//!
//! Each step of a port is one request. What several callers could disagree about is decided by the request's condition,
//! never by a read before it. Everything with an end carries `expiresAt`, and because TTL deletion can come days late,
//! every read checks it.

mod active;
#[cfg(test)]
mod arbitrary;
mod chat;
mod connections;
mod due;
mod endings;
mod erasure;
mod errors;
mod families;
mod holding;
mod inbox;
mod items;
mod keys;
mod members;

mod records;
mod requests;
mod rosters;
mod seats;
mod sessions;
mod table;
mod throttles;
mod users;
mod visits;
mod words;

use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::StalledStreamProtectionConfig;
use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_sdk_dynamodb::config::timeout::TimeoutConfig;
use aws_types::SdkConfig;
use config::{FromRuntime, Runtime, SettingError, settings};
use domain::{Policy, Timestamp};
use retry::Backoff;

pub use crate::table::Found;

/// The longest that one operation may take, retries included, unless the SDK is configured otherwise: well below the 29 s
/// that API Gateway waits.
const OPERATION: Duration = Duration::from_secs(5);
/// The longest that one try may take; a healthy one takes a few milliseconds.
const ATTEMPT: Duration = Duration::from_millis(1500);

/// How a request is tried again that met a transaction on the same item. Two hundred people who join one session within a
/// moment need some seconds to pass one after the other; a function has 15 s, and a client waits for 20 s (ADR 13).
pub const CONFLICTS: Backoff = Backoff::new(Duration::from_millis(25), Duration::from_secs(1), Duration::from_secs(8));

/// The table, as every storage port of `domain` sees it. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Store {
    client: Client,
    table: String,
    conflicts: Backoff,
    lease_step: Duration,
}

impl Store {
    /// On that table. Throttling and lost connections are the SDK's to retry, conflicts are ours.
    pub fn new(sdk: &SdkConfig, table: impl Into<String>) -> Self {
        let retries = RetryConfig::standard()
            .with_max_attempts(4)
            .with_initial_backoff(Duration::from_millis(50))
            .with_max_backoff(Duration::from_secs(1));
        let config = aws_sdk_dynamodb::config::Builder::from(sdk)
            .timeout_config(timeouts(sdk))
            .retry_config(retries)
            // It watches large transfers. Answers here are small and have a timeout, and a busy machine is not a stalled
            // stream.
            .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
            .build();
        Self {
            client: Client::from_conf(config),
            table: table.into(),
            conflicts: CONFLICTS,
            lease_step: Policy::default().lease_step(),
        }
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
        let lease_step = runtime.get::<Policy>()?.lease_step();
        Ok(Self { lease_step, ..Self::new(runtime.aws()?, runtime.settings.required(settings::TABLE)?) })
    }
}

/// The configured timeouts; ours where there are none.
fn timeouts(sdk: &SdkConfig) -> TimeoutConfig {
    let mut timeouts = sdk.timeout_config().cloned().unwrap_or_else(|| TimeoutConfig::builder().build());
    let ours = TimeoutConfig::builder().operation_timeout(OPERATION).operation_attempt_timeout(ATTEMPT).build();
    timeouts.take_defaults_from(&ours);
    timeouts
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
