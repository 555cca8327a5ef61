//! A DynamoDB stream, and the function that reads it
//! ([event source mapping](https://docs.aws.amazon.com/lambda/latest/dg/with-ddb.html)).

use std::{future::Future, sync::Arc, time::Duration};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    clock::Moment,
    events,
    function::{Failure, Function, Tasks},
    limits::Limits,
};

/// Records that the function gets in one event, at most (`BatchSize`).
const BATCH: usize = 100;
/// How long a batch waits that failed, the first time; twice as long each time after, up to the longest.
const FIRST_WAIT: Duration = Duration::from_millis(100);
const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// One write to an item, as `NEW_AND_OLD_IMAGES` tells it. Keys and images are objects of DynamoDB's JSON.
#[derive(Debug, Clone)]
pub struct StreamRecord {
    /// Its place in the stream; later ones are larger.
    pub number: u64,
    /// The item's key.
    pub keys: Value,
    /// The item before the write, if it was there.
    pub old_image: Option<Value>,
    /// The item after it, if it is there.
    pub new_image: Option<Value>,
}

/// Where records come from, and are kept until they were handed over.
pub trait StreamSource: Send + Sync {
    /// The oldest records, at most so many; waits until there is one.
    fn next(&self, limit: usize) -> BoxFuture<'_, Vec<StreamRecord>>;
    /// Those up to that number, of the last ones that were asked for, need not be kept any more.
    fn handed_over(&self, records: &[StreamRecord]) -> BoxFuture<'_, ()>;
}

/// A stream and the function that reads it: in order, one batch at a time, each until it was taken.
pub(crate) struct Stream {
    arn: String,
    source: Arc<dyn StreamSource>,
    function: Function,
}

impl Stream {
    pub(crate) fn new(table: &str, source: Arc<dyn StreamSource>, function: Function) -> Self {
        let arn = format!("arn:aws:dynamodb:{}:{}:table/{table}/stream/local", events::REGION, events::ACCOUNT);
        Self { arn, source, function }
    }

    /// Hands records to the function until `stop` resolves.
    pub(crate) async fn deliver(self: Arc<Self>, limits: Limits, tasks: Tasks, stop: impl Future<Output = ()>) {
        let deliveries = async {
            let mut wait = FIRST_WAIT;
            loop {
                let batch = self.source.next(BATCH).await;
                let taken = self.hand_over(&batch, &limits, &tasks).await;
                self.source.handed_over(&batch[..taken]).await;
                if taken == batch.len() {
                    wait = FIRST_WAIT;
                } else {
                    tokio::time::sleep(wait).await;
                    wait = (2 * wait).min(LONGEST_WAIT);
                }
            }
        };
        tokio::select! {
            () = deliveries => {}
            () = stop => {}
        }
    }

    /// Runs the function for a batch; how many records it took, from the first on.
    async fn hand_over(&self, batch: &[StreamRecord], limits: &Limits, tasks: &Tasks) -> usize {
        let event = self.event(batch);
        match tasks.invoke(&self.function, event, limits.consumer, limits.overrun).await {
            Ok(answer) => taken(&answer, batch),
            Err(failure) => {
                self.warn(&failure);
                0
            }
        }
    }

    fn warn(&self, failure: &Failure) {
        let error = failure as &dyn std::error::Error;
        tracing::warn!(stream.arn = self.arn, error, "Stream's function failed");
    }

    fn event(&self, batch: &[StreamRecord]) -> Bytes {
        let records: Vec<_> = batch.iter().map(|record| self.record(record)).collect();
        events::json(&json!({ "Records": records }))
    }

    fn record(&self, record: &StreamRecord) -> Value {
        let mut change = json!({
            "ApproximateCreationDateTime": Moment::now().epoch_seconds(),
            "Keys": record.keys,
            "SequenceNumber": record.number.to_string(),
            "SizeBytes": 0,
            "StreamViewType": "NEW_AND_OLD_IMAGES",
        });
        for (name, image) in [("OldImage", &record.old_image), ("NewImage", &record.new_image)] {
            if let Some(image) = image {
                change[name] = image.clone();
            }
        }
        let name = match (&record.old_image, &record.new_image) {
            (None, _) => "INSERT",
            (Some(_), Some(_)) => "MODIFY",
            (Some(_), None) => "REMOVE",
        };
        json!({
            "eventID": format!("{:032x}", record.number),
            "eventName": name,
            "eventVersion": "1.1",
            "eventSource": "aws:dynamodb",
            "awsRegion": events::REGION,
            "eventSourceARN": self.arn,
            "dynamodb": change,
        })
    }
}

/// What a function returns when it did not take every record: the first that it did not is what counts.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct BatchAnswer {
    #[serde(default)]
    batch_item_failures: Vec<BatchItemFailure>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct BatchItemFailure {
    item_identifier: String,
}

fn taken(answer: &[u8], batch: &[StreamRecord]) -> usize {
    let report: BatchAnswer = serde_json::from_slice(answer).unwrap_or_default();
    let failed: Vec<u64> =
        report.batch_item_failures.iter().map(|failure| failure.item_identifier.parse().unwrap_or(0)).collect();
    match failed.into_iter().min() {
        None => batch.len(),
        Some(first) => batch.iter().take_while(|record| record.number < first).count(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn batch() -> Vec<StreamRecord> {
        let record = |number| StreamRecord { number, keys: json!({}), old_image: None, new_image: None };
        [5, 6, 9].map(record).to_vec()
    }

    #[test]
    fn what_lies_before_the_first_failure_was_taken() {
        for (answer, expected) in [
            (json!({ "batchItemFailures": [] }), 3),
            (json!(null), 3),
            (json!({ "batchItemFailures": [{ "itemIdentifier": "9" }, { "itemIdentifier": "6" }] }), 1),
            (json!({ "batchItemFailures": [{ "itemIdentifier": "5" }] }), 0),
            (json!({ "batchItemFailures": [{ "itemIdentifier": "nonsense" }] }), 0),
        ] {
            assert_eq!(taken(answer.to_string().as_bytes(), &batch()), expected, "{answer}");
        }
    }
}
