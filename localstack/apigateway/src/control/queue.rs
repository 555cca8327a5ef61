//! An SQS queue, and the function that reads it
//! ([event source mapping](https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html)).
//!
//! Messages of one group come one after the other, each once the one before is done with. In a queue that is no FIFO each message is a
//! group of its own.

use std::{
    collections::{BTreeMap, HashMap, HashSet, VecDeque},
    future::Future,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use serde::{Deserialize, Serialize};
use tokio::{
    sync::{Notify, OnceCell, Semaphore},
    time::Instant,
};

use crate::{
    clock::Moment,
    events::{self, QueueAttributes, QueueEvent, QueueRecord},
    function::{Failure, Function, Tasks},
    ids,
    limits::Limits,
};

/// How many events a queue's function gets at the same time, unless that is said. Lambda begins with as many.
const EVENTS_AT_ONCE: usize = 5;
/// For so long a FIFO queue knows a message again by its deduplication id
/// (<https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/using-messagededuplicationid-property.html>).
const KNOWN_AGAIN: Duration = Duration::from_secs(5 * 60);

/// How a queue is read.
#[derive(Debug, Clone, Copy)]
pub struct Reading {
    /// Messages that the function gets in one event, at most (`BatchSize`).
    pub batch: usize,
    /// How long after its delivery a message whose function failed comes again, unless the function says otherwise
    /// (`ChangeMessageVisibility`).
    pub redelivery: Duration,
    /// How many times a message is delivered before it is given up (`maxReceiveCount`).
    pub deliveries: u32,
    /// How many events the function gets at the same time, at most (`MaximumConcurrency`).
    pub at_once: usize,
    /// How long the function may run (`Timeout`).
    pub time: Duration,
}

/// A message as it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    /// Its identifier.
    pub id: String,
    /// What was sent.
    pub body: String,
    /// Its group, in a FIFO queue.
    pub group: Option<String>,
    /// What it is known again by, in a FIFO queue.
    pub deduplication: Option<String>,
    /// When it was sent, in milliseconds since the Unix epoch.
    pub sent: i64,
    /// When it comes, or comes again, in milliseconds since the Unix epoch.
    pub due: i64,
    /// How often it was delivered.
    pub deliveries: u32,
    /// Its place among all that were put into the queue.
    pub place: u64,
}

/// Where the messages of a queue are kept.
pub trait Journal: Send + Sync {
    /// Keeps a message, in the place of what was kept of it before. False when it cannot be.
    fn keep(&self, message: Kept) -> BoxFuture<'_, bool>;
    /// A message need not be kept any more.
    fn forget(&self, message: Kept) -> BoxFuture<'_, ()>;
    /// Every message that is kept, in the order of their places.
    fn all(&self) -> BoxFuture<'_, Vec<Kept>>;
}

/// A queue and the function that reads it.
pub(crate) struct Queue {
    name: String,
    arn: String,
    function: Function,
    /// The gateway's limits where there is none.
    reading: Option<Reading>,
    journal: Option<Arc<dyn Journal>>,
    waiting: Mutex<Waiting>,
    arrived: Notify,
    /// Set once what is in the journal waits here: nothing may come before it.
    taken_up: OnceCell<()>,
}

#[derive(Default)]
struct Waiting {
    /// The messages of each group, the first of which may be on its way.
    groups: HashMap<String, VecDeque<Message>>,
    /// The first message of each group that is not on its way, by when it is due.
    due: BTreeMap<(Instant, u64), String>,
    /// When messages on their way come again, where their function said so, by their receipt.
    again: HashMap<String, Option<Duration>>,
    /// By what messages of late are known again, and until when.
    known: HashMap<String, Instant>,
    count: u64,
}

/// A message that waits or is delivered.
#[derive(Clone)]
pub(crate) struct Message {
    pub(crate) id: String,
    pub(crate) md5: String,
    body: String,
    group: Option<String>,
    deduplication: Option<String>,
    sent: Moment,
    due: Instant,
    first_received: Option<Moment>,
    deliveries: u32,
    place: u64,
    receipt: String,
}

impl Message {
    pub(crate) fn new(body: String) -> Self {
        let md5 = format!("{:x}", md5::compute(&body));
        Self {
            id: ids::uuid(),
            md5,
            body,
            group: None,
            deduplication: None,
            sent: Moment::now(),
            due: Instant::now(),
            first_received: None,
            deliveries: 0,
            place: 0,
            receipt: String::new(),
        }
    }

    /// Of a FIFO queue.
    pub(crate) fn in_group(self, group: String, deduplication: String) -> Self {
        Self { group: Some(group), deduplication: Some(deduplication), ..self }
    }

    fn received(&mut self) {
        self.deliveries += 1;
        self.receipt = ids::id();
        self.first_received.get_or_insert_with(Moment::now);
    }

    fn group(&self) -> &str {
        self.group.as_deref().unwrap_or(&self.id)
    }

    fn kept(&self) -> Kept {
        let wait = self.due.saturating_duration_since(Instant::now());
        Kept {
            id: self.id.clone(),
            body: self.body.clone(),
            group: self.group.clone(),
            deduplication: self.deduplication.clone(),
            sent: self.sent.epoch_millis(),
            due: Moment::now().after(wait).epoch_millis(),
            deliveries: self.deliveries,
            place: self.place,
        }
    }

    fn of(kept: Kept) -> Self {
        let wait = u64::try_from(kept.due - Moment::now().epoch_millis()).unwrap_or(0);
        Self {
            id: kept.id,
            group: kept.group,
            deduplication: kept.deduplication,
            sent: Moment::at_millis(kept.sent),
            due: Instant::now() + Duration::from_millis(wait),
            deliveries: kept.deliveries,
            place: kept.place,
            ..Self::new(kept.body)
        }
    }
}

impl Waiting {
    /// Puts a message behind those of its group.
    fn push(&mut self, message: Message) {
        self.count = self.count.max(message.place);
        let group = message.group().to_owned();
        let (due, place) = (message.due, message.place);
        let messages = self.groups.entry(group.clone()).or_default();
        messages.push_back(message);
        if messages.len() == 1 {
            self.due.insert((due, place), group);
        }
    }

    /// Whether a message with that deduplication id came within the last minutes; if not, one has now.
    fn is_known(&mut self, id: &str) -> bool {
        let now = Instant::now();
        self.known.retain(|_, until| *until > now);
        self.known.insert(id.to_owned(), now + KNOWN_AGAIN).is_some_and(|until| until > now)
    }

    /// Takes the first messages of groups that are due, at most so many.
    fn take(&mut self, limit: usize) -> Vec<Message> {
        let mut batch = Vec::new();
        while batch.len() < limit
            && let Some(first) = self.due.first_entry()
            && first.key().0 <= Instant::now()
        {
            let group = first.remove();
            let Some(message) = self.groups.get_mut(&group).and_then(VecDeque::front_mut) else { continue };
            message.received();
            self.again.insert(message.receipt.clone(), None);
            batch.push(message.clone());
        }
        batch
    }

    /// A message is done with: the next one of its group may come.
    fn done(&mut self, message: &Message) {
        self.again.remove(&message.receipt);
        let Some(messages) = self.groups.get_mut(message.group()) else { return };
        messages.pop_front();
        match messages.front() {
            Some(next) => drop(self.due.insert((next.due, next.place), message.group().to_owned())),
            None => drop(self.groups.remove(message.group())),
        }
    }

    /// A message comes again after its wait, and before whatever else is in its group; how it is then.
    fn put_back(&mut self, message: &Message, wait: Duration) -> Message {
        let wait = self.again.remove(&message.receipt).flatten().unwrap_or(wait);
        let again = Message { due: Instant::now() + wait, ..message.clone() };
        if let Some(first) = self.groups.get_mut(message.group()).and_then(VecDeque::front_mut) {
            *first = again.clone();
            self.due.insert((again.due, again.place), message.group().to_owned());
        }
        again
    }
}

impl Queue {
    pub(crate) fn new(
        name: &str,
        function: Function,
        reading: Option<Reading>,
        journal: Option<Arc<dyn Journal>>,
    ) -> Self {
        Self {
            name: name.to_owned(),
            arn: format!("arn:aws:sqs:{}:{}:{name}", events::REGION, events::ACCOUNT),
            function,
            reading,
            journal,
            waiting: Mutex::default(),
            arrived: Notify::new(),
            taken_up: OnceCell::new(),
        }
    }

    /// Whether messages come in the order of their group.
    pub(crate) fn is_fifo(&self) -> bool {
        self.name.ends_with(".fifo")
    }

    /// Takes a message that is due after `delay`; false when it cannot be kept. One that is known from before is not taken again.
    pub(crate) async fn put(&self, message: Message, delay: Duration) -> bool {
        self.taken_up.get_or_init(|| self.take_up()).await;
        let message = {
            let mut waiting = self.waiting();
            if message.deduplication.as_deref().is_some_and(|id| waiting.is_known(id)) {
                return true;
            }
            waiting.count += 1;
            Message { due: Instant::now() + delay, place: waiting.count, ..message }
        };
        if let Some(journal) = &self.journal
            && !journal.keep(message.kept()).await
        {
            // It may come again, and is not known then.
            self.waiting().known.remove(message.deduplication.as_deref().unwrap_or_default());
            return false;
        }
        self.waiting().push(message);
        self.arrived.notify_one();
        true
    }

    /// A message on its way comes again after that time, if its function reports it as failed; false for a receipt that is none.
    pub(crate) fn come_again(&self, receipt: &str, after: Duration) -> bool {
        match self.waiting().again.get_mut(receipt) {
            Some(again) => {
                *again = Some(after);
                true
            }
            None => false,
        }
    }

    /// Hands out messages until `stop` resolves. Those that still wait then are lost with the process, unless they are in a journal.
    pub(crate) async fn deliver(self: Arc<Self>, limits: Limits, tasks: Tasks, stop: impl Future<Output = ()>) {
        let Limits { batch, redelivery, deliveries, .. } = limits;
        let reading = self.reading.unwrap_or(Reading {
            batch,
            redelivery,
            deliveries,
            at_once: EVENTS_AT_ONCE,
            time: limits.consumer,
        });
        let events = Arc::new(Semaphore::new(reading.at_once));
        let deliveries = async {
            self.taken_up.get_or_init(|| self.take_up()).await;
            while let Ok(event) = Arc::clone(&events).acquire_owned().await {
                let batch = self.next_batch(reading.batch).await;
                let (queue, limits, tasks) = (Arc::clone(&self), limits.clone(), tasks.clone());
                tokio::spawn(async move {
                    queue.consume(batch, reading, &limits, &tasks).await;
                    drop(event);
                });
            }
        };
        tokio::select! {
            () = deliveries => {}
            () = stop => {}
        }
    }

    /// Goes on with what is in the journal.
    async fn take_up(&self) {
        let Some(journal) = &self.journal else { return };
        let kept = journal.all().await;
        let mut waiting = self.waiting();
        kept.into_iter().map(Message::of).for_each(|message| waiting.push(message));
    }

    /// Waits until messages are due, and takes up to `limit` of them.
    async fn next_batch(&self, limit: usize) -> Vec<Message> {
        loop {
            let next = self.waiting().due.keys().next().map(|(due, _)| *due);
            match next {
                Some(due) if due <= Instant::now() => return self.waiting().take(limit),
                Some(due) => drop(tokio::time::timeout_at(due, self.arrived.notified()).await),
                None => self.arrived.notified().await,
            }
        }
    }

    /// Runs the function for a batch; what failed comes again when its visibility timeout is over.
    async fn consume(&self, batch: Vec<Message>, reading: Reading, limits: &Limits, tasks: &Tasks) {
        let begun = Instant::now();
        let event = self.event(&batch);
        let failed = match tasks.invoke(&self.function, event, reading.time, limits.overrun).await {
            Ok(answer) => reported(&answer, &batch),
            Err(failure) => {
                self.warn(&failure);
                batch.iter().map(|message| message.id.clone()).collect()
            }
        };
        for message in batch {
            let is_failed = failed.contains(&message.id);
            if is_failed && message.deliveries < reading.deliveries {
                let wait = reading.redelivery.saturating_sub(begun.elapsed());
                let again = self.waiting().put_back(&message, wait);
                if let Some(journal) = &self.journal {
                    journal.keep(again.kept()).await;
                }
            } else {
                if is_failed {
                    tracing::error!(queue.name = self.name, message.id = message.id, "Queue's message given up");
                }
                if let Some(journal) = &self.journal {
                    journal.forget(message.kept()).await;
                }
                self.waiting().done(&message);
            }
            self.arrived.notify_one();
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
            receipt_handle: &message.receipt,
            body: &message.body,
            attributes: QueueAttributes {
                approximate_receive_count: message.deliveries.to_string(),
                sent_timestamp: message.sent.epoch_millis().to_string(),
                sender_id: events::ACCOUNT,
                approximate_first_receive_timestamp: first_received.epoch_millis().to_string(),
                message_group_id: message.group.clone(),
                message_deduplication_id: message.deduplication.clone(),
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
