//! Behind the delay queue and the sweep's schedule: ends what ran out.

use std::time::Duration;

use aws_lambda_events::eventbridge::EventBridgeEvent;
use aws_lambda_events::sqs::{BatchItemFailure, SqsBatchResponse, SqsEvent, SqsMessage};
use delay::{DelayQueue, TendingQueue};
use domain::erasure::Erasure;
use domain::ports::{DelayedMessage, Delays, Ports, Sockets};
use domain::{Error, eviction, leases, nudge, sweep, waiting};
use futures_util::future::join_all;
use gateway::{Surroundings, queue};
use protocol::signaling::JsonEncoder;
use push::Push;
use runtime::{Runtime, SettingError};
use serde::Deserialize;
use store::Store;

/// What this function needs.
pub struct Deps {
    surroundings: Surroundings,
    store: Store,
    push: Push,
    delay: DelayQueue,
    queue: TendingQueue,
}

impl Deps {
    /// From configuration; names the setting that is missing.
    pub fn new(runtime: &Runtime) -> Result<Self, SettingError> {
        Ok(Self {
            surroundings: runtime.get()?,
            store: runtime.get()?,
            push: runtime.get()?,
            delay: runtime.get()?,
            queue: runtime.get()?,
        })
    }
}

/// What this function is called with.
#[derive(Deserialize)]
#[serde(untagged)]
pub enum Event {
    /// Messages of the delay queue.
    Queue(SqsEvent),
    /// The schedule: time to sweep.
    Schedule(EventBridgeEvent),
}

/// A message whose work could not be done comes again after so long.
const AGAIN: Duration = Duration::from_secs(5);

/// Handles messages side by side, or sweeps. A failed one comes again alone
/// (<https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html>).
pub async fn handle(deps: &Deps, event: Event) -> Result<SqsBatchResponse, lambda_runtime::Error> {
    let mut response = SqsBatchResponse::default();
    match event {
        Event::Queue(batch) => {
            let failures = join_all(batch.records.iter().map(|message| receive(deps, message))).await;
            response.batch_item_failures.extend(failures.into_iter().flatten());
        }
        Event::Schedule(_) => sweep(deps).await?,
    }
    Ok(response)
}

/// Does what a message asks for. What failed because of a dependency is sent again, to come soon: the queue itself would
/// bring it back only after its visibility timeout, many times the grace. What is left goes back to the queue.
async fn receive(deps: &Deps, message: &SqsMessage) -> Option<BatchItemFailure> {
    let body = message.body.as_deref().unwrap_or_default();
    let decoded = match delay::decode(body) {
        Ok(decoded) => decoded,
        Err(error) => {
            log_failure("delay", &Error::Internal(Box::new(error)));
            return queue::comes_again(message);
        }
    };
    let error = act(deps, &decoded).await.err()?;
    log_failure("delay", &error);
    let sent_again = matches!(error, Error::Unavailable(_)) && deps.delay.after(AGAIN, &decoded).await.is_ok();
    if sent_again { None } else { queue::comes_again(message) }
}

async fn act(deps: &Deps, message: &DelayedMessage) -> domain::Result<()> {
    let ports = ports(deps);
    match message {
        DelayedMessage::CheckLease { session, user } => leases::check_lease(ports, *session, *user).await,
        DelayedMessage::CheckWaiting { session, user } => waiting::check(ports, *session, *user).await,
        DelayedMessage::Nudge { session, user, waiting } => nudge::nudge(ports, *session, *user, *waiting).await,
        DelayedMessage::Close { connection } => deps.push.close(connection).await,
        DelayedMessage::Evict { user } => eviction::evict_ended(ports, *user).await,
        DelayedMessage::Erase { user } => {
            let erasure = Erasure { ports, recordings: &deps.queue };
            erasure.finish(*user).await
        }
    }
}

fn ports(deps: &Deps) -> Ports<'_, Store, Push, DelayQueue> {
    let context = deps.surroundings.context(deps.surroundings.clock.now());
    Ports { store: &deps.store, sockets: &deps.push, delays: &deps.delay, encoder: &JsonEncoder, context }
}

/// The time that a sweep has: less than the function's, by what the work under way may still take. The rest is left to the next.
pub const SWEEP_TIME: Duration = Duration::from_secs(40);

async fn sweep(deps: &Deps) -> domain::Result<()> {
    let clock = &*deps.surroundings.clock;
    let failed = |session, error| {
        log_failure("sweep", &error);
        tracing::warn!(session.id = %session, "not swept");
    };
    let swept = sweep::sweep(ports(deps), clock, clock.now() + SWEEP_TIME, failed).await?;
    if swept.cut {
        tracing::warn!(swept.sessions, swept.timed_out, swept.ended, "swept, and something is left for the next sweep");
    } else if swept.timed_out + swept.ended > 0 {
        tracing::info!(swept.sessions, swept.timed_out, swept.ended, "swept");
    }
    Ok(())
}

fn log_failure(what: &str, error: &Error) {
    queue::log_failure("participant_expiry", Some(what), error);
}
