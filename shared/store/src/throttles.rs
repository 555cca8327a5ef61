//! Counters with a window that starts at its first hit.

use aws_sdk_dynamodb::types::ReturnValue;
use domain::ports::{Counted, Throttles};
use domain::{Error, Result, Throttle, Timestamp};
use serde::Deserialize;

use crate::Store;
use crate::errors::misfit;
use crate::items::{Item, expiry, millis, number};
use crate::keys;
use crate::requests::{Change, Written};

/// How often a hit is tried that meets the end of its window and somebody else who starts the next.
const TRIES: usize = 4;

impl Throttles for Store {
    async fn hit(&self, what: &Counted, throttle: Throttle, now: Timestamp) -> Result<()> {
        if throttle.limit == 0 {
            return Err(limited(now + throttle.window, now));
        }
        for _ in 0..TRIES {
            let Some(window) = self.count(count_one(what, throttle, now)).await? else {
                return Ok(());
            };
            if window.ends > now {
                return Err(limited(window.ends, now));
            }
            if self.count(start_window(what, throttle, now)).await?.is_none() {
                return Ok(());
            }
        }
        Err(Error::Unavailable("a rate counter changes too fast".into()))
    }

    async fn refund(&self, what: &Counted, now: Timestamp) -> Result<()> {
        let change = Change::to(keys::counter(what), "ADD hits :back", "windowEnds > :now AND hits > :none")
            .with(":back", number(-1))
            .with(":now", millis(now))
            .with(":none", number(0));
        // Refused when the window is over: there is nothing to take back then.
        self.change(change, ReturnValue::None).await.map(drop)
    }
}

impl Store {
    /// Counts; when it is refused, the window that refused it.
    async fn count(&self, change: Change) -> Result<Option<Window>> {
        match self.change(change, ReturnValue::None).await? {
            Written::Done(_) => Ok(None),
            Written::Refused(item) => Window::of(item.unwrap_or_default()).map(Some),
        }
    }
}

/// One more hit in an open window, or the first of all. Hits over the limit are not counted.
fn count_one(what: &Counted, throttle: Throttle, now: Timestamp) -> Change {
    let ends = now + throttle.window;
    let update = "SET windowEnds = if_not_exists(windowEnds, :ends), expiresAt = if_not_exists(expiresAt, :gone) \
                  ADD hits :one";
    Change::to(keys::counter(what), update, "attribute_not_exists(pk) OR (windowEnds > :now AND hits < :limit)")
        .with(":ends", millis(ends))
        .with(":gone", expiry(ends))
        .with(":one", number(1))
        .with(":now", millis(now))
        .with(":limit", number(throttle.limit))
}

/// The first hit of the next window, once the last one is over.
fn start_window(what: &Counted, throttle: Throttle, now: Timestamp) -> Change {
    let ends = now + throttle.window;
    let update = "SET hits = :one, windowEnds = :ends, expiresAt = :gone";
    Change::to(keys::counter(what), update, "windowEnds <= :now")
        .with(":one", number(1))
        .with(":ends", millis(ends))
        .with(":gone", expiry(ends))
        .with(":now", millis(now))
}

struct Window {
    ends: Timestamp,
}

impl Window {
    /// Of a counter's item; one that TTL deleted meanwhile is over.
    fn of(item: Item) -> Result<Self> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Record {
            #[serde(default)]
            window_ends: u64,
        }
        let record: Record = serde_dynamo::from_item(item).map_err(misfit)?;
        Ok(Self { ends: Timestamp::from_millis(record.window_ends) })
    }
}

fn limited(ends: Timestamp, now: Timestamp) -> Error {
    let rest = ends.since(now);
    Error::RateLimited { retry_after: (rest.as_millis() as u64).div_ceil(1000).max(1) }
}
