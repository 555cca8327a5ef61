//! Behind the table's stream: notes what happened, and lines it up for every endpoint that hears of it.

use domain::announcing::{self, Announcing};
use domain::ports::News;
use domain::{Error, Result};
use gateway::{Surroundings, queue};
use protocol::webhooks::JsonAnnouncer;
use runtime::{Runtime, SettingError};
use serde::Serialize;
use store::{Store, StreamEvent, StreamRecord};
use webhook::WebhookLines;

/// What this function needs.
pub struct Deps {
    surroundings: Surroundings,
    store: Store,
    lines: WebhookLines,
}

impl Deps {
    /// From configuration; names the setting that is missing.
    pub fn new(runtime: &Runtime) -> Result<Self, SettingError> {
        Ok(Self { surroundings: runtime.get()?, store: runtime.get()?, lines: runtime.get()? })
    }
}

/// From which record on the batch is to come again
/// (<https://docs.aws.amazon.com/lambda/latest/dg/services-ddb-batchfailurereporting.html>).
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Taken {
    batch_item_failures: Vec<Failure>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Failure {
    item_identifier: String,
}

/// Announces one record after the other. Where one fails, it and what lies behind it come again: what one session
/// tells stays in order.
pub async fn handle(deps: &Deps, event: StreamEvent) -> Result<Taken, lambda_runtime::Error> {
    let mut taken = Taken::default();
    for record in &event.records {
        if let Err(error) = take(deps, record).await {
            log_failure(&error);
            taken.batch_item_failures.push(Failure { item_identifier: record.sequence_number().to_owned() });
            break;
        }
    }
    Ok(taken)
}

async fn take(deps: &Deps, record: &StreamRecord) -> Result<()> {
    let news = match record.news() {
        Ok(Some(news)) => news,
        Ok(None) => return Ok(()),
        // One that cannot be read will not be readable the next time, and others wait behind it.
        Err(error) => {
            log_failure(&error);
            return Ok(());
        }
    };
    let context = deps.surroundings.context(deps.surroundings.clock.now());
    let with = Announcing { store: &deps.store, lines: &deps.lines, announcer: &JsonAnnouncer, context };
    let sequence = record.sequence_number();
    match &news {
        News::Happened(occurrence) => {
            let id = |sequence: &str| store::event_id(&occurrence.session, sequence);
            announcing::announce(&with, occurrence, sequence, id).await
        }
        News::Disabled(endpoint, at) => {
            let id = |sequence: &str| store::event_id(&endpoint.id, sequence);
            announcing::announce_disabled(&with, (endpoint, *at), sequence, id).await
        }
    }
}

fn log_failure(error: &Error) {
    queue::log_failure("webhook_fanout", None, error);
}
