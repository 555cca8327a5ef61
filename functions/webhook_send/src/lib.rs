//! Behind the webhooks' queues: signs what happened, posts it, and says when it is tried again.

use auth::WebhookSealer;
use aws_lambda_events::sqs::{BatchItemFailure, SqsBatchResponse, SqsEvent, SqsMessage};
use domain::ports::{Deliveries, Delivery, Disabling, Endpoints, Letter, Lines, Receipt};
use domain::webhooks::{DELIVERIES_KEPT, Endpoint, Next, Outcome, Target, after_in_order, after_spread};
use domain::{Error, Result, Timestamp};
use gateway::Surroundings;
use runtime::{Runtime, SettingError};
use store::Store;
use webhook::{Answer, Poster, Secret, WebhookLines};

/// What this function needs.
pub struct Deps {
    surroundings: Surroundings,
    store: Store,
    lines: WebhookLines,
    sealer: WebhookSealer,
    poster: Poster,
}

impl Deps {
    /// From configuration; names the setting that is missing.
    pub fn new(runtime: &Runtime) -> Result<Self, SettingError> {
        Ok(Self {
            surroundings: runtime.get()?,
            store: runtime.get()?,
            lines: runtime.get()?,
            sealer: runtime.get()?,
            poster: runtime.get()?,
        })
    }
}

/// Handles messages one after the other. One that comes again says itself when.
pub async fn handle(deps: &Deps, event: SqsEvent) -> Result<SqsBatchResponse, lambda_runtime::Error> {
    let mut response = SqsBatchResponse::default();
    for message in &event.records {
        match deliver(deps, message).await {
            Ok(Fate::Done) => {}
            Ok(Fate::ComesAgain) => response.batch_item_failures.extend(failure(message)),
            Err(error) => {
                log_failure(&error);
                response.batch_item_failures.extend(failure(message));
            }
        }
    }
    Ok(response)
}

/// What becomes of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Done,
    ComesAgain,
}

async fn deliver(deps: &Deps, message: &SqsMessage) -> Result<Fate> {
    let body = message.body.as_deref().unwrap_or_default();
    let letter = webhook::decode(body).map_err(|error| Error::Internal(Box::new(error)))?;
    // Removed or disabled meanwhile: nobody waits for it.
    let endpoint = deps.store.endpoint(&letter.announcement.project, letter.endpoint).await?;
    let Some(endpoint) = endpoint.filter(|endpoint| endpoint.disabled_at.is_none()) else {
        return Ok(Fate::Done);
    };
    let (receipt, tries) = (receipt(message), tries(message));
    let started = deps.surroundings.clock.now();
    let answer = post(deps, &endpoint, &letter, started).await?;
    let next = match receipt.is_aside {
        false => after_in_order(tries, answer.outcome),
        true => after_spread(tries, answer.outcome, fastrand::f64()),
    };
    let attempt = if receipt.is_aside { tries + domain::webhooks::IN_ORDER_TRIES } else { tries };
    note(deps, &letter, &answer, next, started, attempt).await;
    follow(deps, &letter, &receipt, next).await
}

/// Does what comes after a try.
async fn follow(deps: &Deps, letter: &Letter, receipt: &Receipt, next: Next) -> Result<Fate> {
    match next {
        Next::Done => Ok(Fate::Done),
        Next::Disable => {
            let now = deps.surroundings.clock.now();
            let newly = deps.store.disable_endpoint(&letter.announcement.project, letter.endpoint, now).await?;
            if newly {
                tracing::warn!(webhook.id = %letter.endpoint, "a webhook's endpoint says that it is gone; it is disabled");
            }
            Ok(Fate::Done)
        }
        Next::Again(wait) => {
            deps.lines.come_again(receipt, wait).await?;
            Ok(Fate::ComesAgain)
        }
        Next::Later(wait) => {
            deps.lines.put_aside(letter, wait).await?;
            Ok(Fate::Done)
        }
        // The queue has delivered it as often as it may, and puts it with the dead letters.
        Next::GiveUp => Ok(Fate::ComesAgain),
    }
}

async fn post(deps: &Deps, endpoint: &Endpoint, letter: &Letter, now: Timestamp) -> Result<Answer> {
    let secrets: Vec<_> = endpoint.secrets(now).map(|sealed| open(deps, endpoint, sealed)).collect::<Result<_>>()?;
    let target = Target::parse(&endpoint.url, deps.poster.allows_local());
    let Ok(target) = target else {
        let failure = Some("the address is not one that may be reached");
        return Ok(Answer { outcome: Outcome::Failed(None), status: None, failure });
    };
    let announcement = &letter.announcement;
    Ok(deps.poster.post(&target, &announcement.id, &announcement.body, &secrets, now).await)
}

fn open(deps: &Deps, endpoint: &Endpoint, sealed: &str) -> Result<Secret> {
    let opened = deps.sealer.open(&endpoint.id.to_string(), sealed);
    let opened = opened.ok_or_else(|| Error::Internal("a webhook's secret does not open".into()))?;
    Secret::parse(&opened).map_err(|error| Error::Internal(Box::new(error)))
}

/// Notes what came of a try, for whoever looks for the reason of a silence. What cannot be noted changes nothing.
async fn note(deps: &Deps, letter: &Letter, answer: &Answer, next: Next, started: Timestamp, attempt: usize) {
    let outcome = match next {
        Next::Done => "delivered",
        Next::Disable => "disabled",
        Next::Again(_) | Next::Later(_) => "retrying",
        Next::GiveUp => "gaveUp",
    };
    let delivery = Delivery {
        endpoint: letter.endpoint,
        event: letter.announcement.id.clone(),
        kind: letter.announcement.kind.clone(),
        at: started,
        attempt,
        took: deps.surroundings.clock.now().since(started),
        status: answer.status,
        failure: answer.failure.map(str::to_owned),
        outcome,
    };
    if let Err(error) = deps.store.note_delivery(&delivery, started + DELIVERIES_KEPT).await {
        log_failure(&error);
    }
}

/// Where a message came from, and what it is known by there. Those of the FIFO queue have a group.
fn receipt(message: &SqsMessage) -> Receipt {
    let is_aside = !message.attributes.contains_key("MessageGroupId");
    Receipt { is_aside, handle: message.receipt_handle.clone().unwrap_or_default() }
}

/// How often a message was delivered, this time included.
fn tries(message: &SqsMessage) -> usize {
    message.attributes.get("ApproximateReceiveCount").and_then(|count| count.parse().ok()).unwrap_or(1)
}

fn failure(message: &SqsMessage) -> Option<BatchItemFailure> {
    let mut failure = BatchItemFailure::default();
    failure.item_identifier = message.message_id.clone()?;
    Some(failure)
}

fn log_failure(error: &Error) {
    let cause = std::error::Error::source(error).map(ToString::to_string);
    tracing::error!(route = "webhook_send", outcome = error.code(), cause, "failed");
}
