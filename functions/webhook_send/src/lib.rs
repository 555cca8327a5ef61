//! Behind the webhooks' queues: signs what happened, posts it, and says when it is tried again.

use auth::WebhookSealer;
use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent, SqsMessage};
use domain::ports::{Post, Receipt};
use domain::telling::{self, Coming, Fate, Telling};
use domain::webhooks::{Announcement, Answer, Endpoint, Target};
use domain::{Error, Result, Timestamp};
use gateway::{Surroundings, queue};
use runtime::{Runtime, SettingError};
use store::Store;
use webhook::{Poster, Secret, WebhookLines};

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
            Ok(Fate::ComesAgain) => response.batch_item_failures.extend(queue::comes_again(message)),
            Err(error) => {
                log_failure(&error);
                response.batch_item_failures.extend(queue::comes_again(message));
            }
        }
    }
    Ok(response)
}

async fn deliver(deps: &Deps, message: &SqsMessage) -> Result<Fate> {
    let body = message.body.as_deref().unwrap_or_default();
    let letter = webhook::decode(body).map_err(|error| Error::Internal(Box::new(error)))?;
    let with = Telling { store: &deps.store, lines: &deps.lines, post: deps, clock: &*deps.surroundings.clock };
    let coming = Coming { receipt: receipt(message), times: times(message), chance: fastrand::f64() };
    let tried = telling::tell(&with, &letter, &coming).await?;
    tried.unnoted.iter().for_each(log_failure);
    Ok(tried.fate)
}

impl Post for Deps {
    async fn post(&self, endpoint: &Endpoint, announcement: &Announcement, now: Timestamp) -> Result<Answer> {
        let secrets: Vec<_> =
            endpoint.secrets(now).map(|sealed| open(self, endpoint, sealed)).collect::<Result<_>>()?;
        match Target::parse(&endpoint.url, self.poster.allows_local()) {
            Ok(target) => Ok(self.poster.post(&target, &announcement.id, &announcement.body, &secrets, now).await),
            Err(_not_any_more) => Ok(Answer::none("the address is not one that may be reached")),
        }
    }
}

fn open(deps: &Deps, endpoint: &Endpoint, sealed: &str) -> Result<Secret> {
    let opened = deps.sealer.open(endpoint.id, sealed);
    let opened = opened.ok_or_else(|| Error::Internal("a webhook's secret does not open".into()))?;
    Secret::parse(&opened).map_err(|error| Error::Internal(Box::new(error)))
}

/// Where a message came from, and what it is known by there. Those of the FIFO queue have a group.
fn receipt(message: &SqsMessage) -> Receipt {
    let is_aside = !message.attributes.contains_key("MessageGroupId");
    Receipt { is_aside, handle: message.receipt_handle.clone().unwrap_or_default() }
}

/// How often a message was delivered, this time included.
fn times(message: &SqsMessage) -> usize {
    message.attributes.get("ApproximateReceiveCount").and_then(|count| count.parse().ok()).unwrap_or(1)
}

fn log_failure(error: &Error) {
    queue::log_failure("webhook_send", None, error);
}
