//! Behind the delay queue and the sweep's schedule: ends what ran out.

use aws_lambda_events::eventbridge::EventBridgeEvent;
use aws_lambda_events::sqs::{BatchItemFailure, SqsBatchResponse, SqsEvent, SqsMessage};
use delay::DelayQueue;
use domain::ports::{DelayedMessage, Ports, Sockets};
use domain::{Error, leases, sweep};
use gateway::Surroundings;
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
}

impl Deps {
    /// From configuration; names the setting that is missing.
    pub fn new(runtime: &Runtime) -> Result<Self, SettingError> {
        Ok(Self { surroundings: runtime.get()?, store: runtime.get()?, push: runtime.get()?, delay: runtime.get()? })
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

/// Handles messages one by one, so that a failed one comes again alone
/// (<https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html>), or sweeps.
pub async fn handle(deps: &Deps, event: Event) -> Result<SqsBatchResponse, lambda_runtime::Error> {
    let mut response = SqsBatchResponse::default();
    match event {
        Event::Queue(batch) => {
            for message in &batch.records {
                if let Err(error) = receive(deps, message).await {
                    log_failure("delay", &error);
                    response.batch_item_failures.extend(failure(message));
                }
            }
        }
        Event::Schedule(_) => sweep(deps).await?,
    }
    Ok(response)
}

async fn receive(deps: &Deps, message: &SqsMessage) -> domain::Result<()> {
    let body = message.body.as_deref().unwrap_or_default();
    let context = deps.surroundings.context(deps.surroundings.clock.now());
    match delay::decode(body).map_err(|error| Error::Internal(Box::new(error)))? {
        DelayedMessage::CheckLease { session, user } => {
            let ports =
                Ports { store: &deps.store, sockets: &deps.push, delays: &deps.delay, encoder: &JsonEncoder, context };
            leases::check_lease(ports, session, user).await
        }
        DelayedMessage::Close { connection } => deps.push.close(&connection).await,
    }
}

async fn sweep(deps: &Deps) -> domain::Result<()> {
    let context = deps.surroundings.context(deps.surroundings.clock.now());
    let failed = |session, error| {
        log_failure("sweep", &error);
        tracing::warn!(session.id = %session, "not swept");
    };
    let ports = Ports { store: &deps.store, sockets: &deps.push, delays: &(), encoder: &JsonEncoder, context };
    let swept = sweep::sweep(ports, failed).await?;
    if swept.timed_out + swept.ended > 0 {
        tracing::info!(swept.sessions, swept.timed_out, swept.ended, "swept");
    }
    Ok(())
}

fn failure(message: &SqsMessage) -> Option<BatchItemFailure> {
    let mut failure = BatchItemFailure::default();
    failure.item_identifier = message.message_id.clone()?;
    Some(failure)
}

fn log_failure(what: &str, error: &Error) {
    let cause = std::error::Error::source(error).map(ToString::to_string);
    tracing::error!(route = "participant_expiry", what, outcome = error.code(), cause, "failed");
}
