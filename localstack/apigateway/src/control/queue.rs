//! An SQS queue in memory, and the function that reads it
//! ([event source mapping](https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html)).

use std::{
    collections::{BTreeMap, HashSet},
    future::Future,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use serde::Deserialize;
use tokio::{
    sync::{Notify, Semaphore},
    time::Instant,
};

use crate::{
    clock::Moment,
    events::{self, QueueAttributes, QueueEvent, QueueRecord},
    function::{Failure, Function, Tasks},
    ids,
    limits::Limits,
};

/// How many events a queue's function gets at the same time. Lambda begins with as many.
const EVENTS_AT_ONCE: usize = 5;

/// A queue and the function that reads it.
pub(crate) struct Queue {
    name: String,
    arn: String,
    function: Function,
    /// By when they are due, and then by when they came.
    waiting: Mutex<Waiting>,
    arrived: Notify,
}

#[derive(Default)]
struct Waiting {
    messages: BTreeMap<(Instant, u64), Message>,
    count: u64,
}

/// A message that waits or is delivered.
pub(crate) struct Message {
    pub(crate) id: String,
    pub(crate) md5: String,
    body: String,
    sent: Moment,
    first_received: Option<Moment>,
    deliveries: u32,
}

impl Message {
    pub(crate) fn new(body: String) -> Self {
        let md5 = format!("{:x}", md5::compute(&body));
        Self { id: ids::uuid(), md5, body, sent: Moment::now(), first_received: None, deliveries: 0 }
    }

    fn received(mut self) -> Self {
        self.deliveries += 1;
        self.first_received.get_or_insert_with(Moment::now);
        self
    }
}

impl Queue {
    pub(crate) fn new(name: &str, function: Function) -> Self {
        Self {
            name: name.to_owned(),
            arn: format!("arn:aws:sqs:{}:{}:{name}", events::REGION, events::ACCOUNT),
            function,
            waiting: Mutex::default(),
            arrived: Notify::new(),
        }
    }

    /// Takes a message that is due after `delay`.
    pub(crate) fn put(&self, message: Message, delay: Duration) {
        self.put_back(message, Instant::now() + delay);
    }

    fn put_back(&self, message: Message, due: Instant) {
        let mut waiting = self.waiting();
        waiting.count += 1;
        let key = (due, waiting.count);
        waiting.messages.insert(key, message);
        drop(waiting);
        self.arrived.notify_one();
    }

    /// Hands out messages until `stop` resolves. Those that still wait then are lost with the process.
    pub(crate) async fn deliver(self: Arc<Self>, limits: Limits, tasks: Tasks, stop: impl Future<Output = ()>) {
        let events = Arc::new(Semaphore::new(EVENTS_AT_ONCE));
        let deliveries = async {
            while let Ok(event) = Arc::clone(&events).acquire_owned().await {
                let batch = self.next_batch(limits.batch).await;
                let (queue, limits, tasks) = (Arc::clone(&self), limits.clone(), tasks.clone());
                tokio::spawn(async move {
                    queue.consume(batch, &limits, &tasks).await;
                    drop(event);
                });
            }
        };
        tokio::select! {
            () = deliveries => {}
            () = stop => {}
        }
    }

    /// Waits until messages are due, and takes up to `limit` of them.
    async fn next_batch(&self, limit: usize) -> Vec<Message> {
        loop {
            let next = self.waiting().messages.keys().next().map(|(due, _)| *due);
            match next {
                Some(due) if due <= Instant::now() => return self.take_due(limit),
                Some(due) => drop(tokio::time::timeout_at(due, self.arrived.notified()).await),
                None => self.arrived.notified().await,
            }
        }
    }

    fn take_due(&self, limit: usize) -> Vec<Message> {
        let mut waiting = self.waiting();
        let mut batch = Vec::new();
        while batch.len() < limit
            && let Some(first) = waiting.messages.first_entry()
            && first.key().0 <= Instant::now()
        {
            batch.push(first.remove().received());
        }
        batch
    }

    /// Runs the function for a batch; what failed comes again when its visibility timeout is over.
    async fn consume(&self, batch: Vec<Message>, limits: &Limits, tasks: &Tasks) {
        let visible_again = Instant::now() + limits.redelivery;
        let event = self.event(&batch);
        let failed = match tasks.invoke(&self.function, event, limits.consumer, limits.overrun).await {
            Ok(answer) => reported(&answer, &batch),
            Err(failure) => {
                self.warn(&failure);
                batch.iter().map(|message| message.id.clone()).collect()
            }
        };
        for message in batch.into_iter().filter(|message| failed.contains(&message.id)) {
            if message.deliveries < limits.deliveries {
                self.put_back(message, visible_again);
            } else {
                tracing::error!(queue.name = self.name, message.id = message.id, "Queue's message given up");
            }
        }
    }

    fn warn(&self, failure: &Failure) {
        let error = failure as &dyn std::error::Error;
        tracing::warn!(queue.name = self.name, error, "Queue's function failed");
    }

    fn event(&self, batch: &[Message]) -> Bytes {
        events::json(&QueueEvent { records: batch.iter().map(|message| self.record(message)).collect() })
    }

    fn record<'a>(&'a self, message: &'a Message) -> QueueRecord<'a> {
        let first_received = message.first_received.unwrap_or(message.sent);
        QueueRecord {
            message_id: &message.id,
            receipt_handle: ids::id(),
            body: &message.body,
            attributes: QueueAttributes {
                approximate_receive_count: message.deliveries.to_string(),
                sent_timestamp: message.sent.epoch_millis().to_string(),
                sender_id: events::ACCOUNT,
                approximate_first_receive_timestamp: first_received.epoch_millis().to_string(),
            },
            message_attributes: serde_json::Map::new(),
            md5_of_body: &message.md5,
            event_source: "aws:sqs",
            event_source_arn: &self.arn,
            aws_region: events::REGION,
        }
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a function returns when it reports single messages as failed.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct BatchAnswer {
    #[serde(default)]
    batch_item_failures: Vec<BatchItemFailure>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct BatchItemFailure {
    #[serde(default)]
    item_identifier: Option<String>,
}

/// The messages of a batch that its function reported as failed: all of them when it names one that is not in the batch.
/// Any other answer than a report counts as success.
fn reported(answer: &[u8], batch: &[Message]) -> HashSet<String> {
    let report: BatchAnswer = serde_json::from_slice(answer).unwrap_or_default();
    let named: HashSet<String> =
        report.batch_item_failures.into_iter().map(|failure| failure.item_identifier.unwrap_or_default()).collect();
    let all: HashSet<String> = batch.iter().map(|message| message.id.clone()).collect();
    if named.is_subset(&all) { named } else { all }
}
