//! What expires, and when
//! (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-lifecycle-mgmt.html>).

use std::time::Duration;

use domain::Timestamp;

use crate::Inner;
use crate::error::Result;

/// The rules of a bucket. S3 looks at them once a day; here whoever has the bucket says when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lifecycle {
    /// Which objects expire.
    pub expirations: Vec<Expiration>,
    /// How long an upload in parts may stay unfinished.
    pub unfinished_after: Duration,
}

/// Objects expire some time after they were stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expiration {
    /// How their keys begin.
    pub prefix: String,
    /// How long they are kept.
    pub after: Duration,
}

impl Lifecycle {
    fn has_expired(&self, key: &str, stored_at: Timestamp, now: Timestamp) -> bool {
        self.expirations.iter().any(|rule| key.starts_with(&rule.prefix) && stored_at + rule.after <= now)
    }
}

pub(crate) async fn expire(bucket: &Inner) {
    let (now, ages) = (bucket.clock.now(), bucket.store.ages());
    for (key, _) in ages.objects.iter().filter(|(key, at)| bucket.lifecycle.has_expired(key, *at, now)) {
        told(bucket.store.remove(key).await);
    }
    for (id, key, _) in ages.uploads.iter().filter(|(_, _, at)| *at + bucket.lifecycle.unfinished_after <= now) {
        told(bucket.store.abort(id, key).await);
    }
}

/// What could not be removed is tried again the next time.
fn told(removed: Result<()>) {
    if let Err(error) = removed {
        tracing::warn!(code = error.code, "an object that has expired was not removed");
    }
}
