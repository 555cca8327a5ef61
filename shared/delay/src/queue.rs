//! The queue itself: Amazon SQS with a delay per message.

use std::time::Duration;

use aws_config::SdkConfig;
use aws_sdk_sqs::Client;
use aws_sdk_sqs::config::http::HttpResponse;
use aws_sdk_sqs::config::timeout::TimeoutConfig;
use aws_sdk_sqs::error::SdkError;
use aws_sdk_sqs::operation::send_message::SendMessageError;
use domain::presence::{Delays, Later};
use domain::{Error, Result};

/// The longest delay of SQS, in seconds
/// (<https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html>).
const LONGEST: u64 = 900;

/// The longest one attempt may take.
const ATTEMPT: Duration = Duration::from_secs(1);

/// The longest a message may take, the SDK's retries included: well below the function's own time.
const OPERATION: Duration = Duration::from_secs(3);

/// A delay queue on SQS.
#[derive(Debug, Clone)]
pub struct DelayQueue {
    client: Client,
    queue_url: String,
}

impl DelayQueue {
    /// The queue of that URL.
    pub fn new(config: &SdkConfig, queue_url: impl Into<String>) -> Self {
        let timeouts = TimeoutConfig::builder().operation_attempt_timeout(ATTEMPT).operation_timeout(OPERATION);
        let config = aws_sdk_sqs::config::Builder::from(config).timeout_config(timeouts.build()).build();
        Self { client: Client::from_conf(config), queue_url: queue_url.into() }
    }
}

impl Delays for DelayQueue {
    async fn after(&self, delay: Duration, message: &Later) -> Result<()> {
        let send = self
            .client
            .send_message()
            .queue_url(&self.queue_url)
            .delay_seconds(whole_seconds(delay))
            .message_body(crate::encode(message));
        send.send().await.map(drop).map_err(failed)
    }
}

/// Rounded up, so that no lease is looked at before its end.
fn whole_seconds(delay: Duration) -> i32 {
    let seconds = delay.as_secs().saturating_add(u64::from(delay.subsec_nanos() > 0));
    i32::try_from(seconds.min(LONGEST)).expect("900 fits")
}

/// Refusals are our own fault; everything else passes.
fn failed(error: SdkError<SendMessageError, HttpResponse>) -> Error {
    let status = error.raw_response().map(|response| response.status().as_u16());
    match status {
        Some(400..=499) if !throttled(&error) => Error::Internal(error.into()),
        _ => Error::Unavailable(error.into()),
    }
}

fn throttled(error: &SdkError<SendMessageError, HttpResponse>) -> bool {
    error.as_service_error().is_some_and(SendMessageError::is_request_throttled)
}
