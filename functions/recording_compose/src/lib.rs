//! Behind the queue of recordings: puts together those that are finished or went silent, and removes what was deleted.

use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent, SqsMessage};
use delay::{DelayQueue, TendingQueue};
use domain::composing::Tending;
use domain::{Error, Result};
use gateway::{Tools, queue};
use objects::Bucket;
use push::Push;
use recording::{BucketComposer, FILE_BYTES};
use runtime::{Runtime, SettingError};
use store::Store;

/// What this function needs.
pub struct Deps {
    tools: Tools<Store, Push, DelayQueue>,
    bucket: Bucket,
    queue: TendingQueue,
}

impl Deps {
    /// From configuration; names the setting that is missing.
    pub fn new(runtime: &Runtime) -> Result<Self, SettingError> {
        Ok(Self { tools: Tools::new(runtime)?, bucket: runtime.get()?, queue: runtime.get()? })
    }
}

/// Handles messages one after the other. A failed one comes again alone.
pub async fn handle(deps: &Deps, event: SqsEvent) -> Result<SqsBatchResponse, lambda_runtime::Error> {
    let mut response = SqsBatchResponse::default();
    for message in &event.records {
        if let Err(error) = look_after(deps, message).await {
            log_failure(&error);
            response.batch_item_failures.extend(queue::comes_again(message));
        }
    }
    Ok(response)
}

async fn look_after(deps: &Deps, message: &SqsMessage) -> Result<()> {
    let body = message.body.as_deref().unwrap_or_default();
    let tended = delay::decode_tended(body).map_err(|error| Error::Internal(Box::new(error)))?;
    let surroundings = &deps.tools.surroundings;
    let context = surroundings.context(surroundings.clock.now());
    let (ports, bucket, queue) = (deps.tools.ports(context), &deps.bucket, &deps.queue);
    let composer = &BucketComposer::new(bucket, FILE_BYTES);
    let message = message.message_id.as_deref().unwrap_or_default();
    let tending = Tending { ports, bucket, queue, composer, message };
    let tried = tending.tend(tended).await?;
    tried.iter().for_each(log_failure);
    Ok(())
}

fn log_failure(error: &Error) {
    queue::log_failure("recording_compose", None, error);
}
