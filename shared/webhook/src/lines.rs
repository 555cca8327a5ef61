//! The queues: one in which every endpoint has a line for each session, and one of what is tried later.

use std::time::Duration;

use aws_sdk_sqs::config::http::HttpResponse;
use aws_sdk_sqs::config::retry::RetryConfig;
use aws_sdk_sqs::config::timeout::TimeoutConfig;
use aws_sdk_sqs::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_sqs::{Client, config as sdk};
use aws_types::SdkConfig;
use config::{FromRuntime, Runtime, SettingError, settings};
use domain::ports::{Letter, Lines, Receipt};
use domain::{Error, Result};

use crate::letter::encode;

/// The longest that one attempt may take.
const ATTEMPT: Duration = Duration::from_secs(2);
/// The longest that a request may take, the SDK's retries included.
const OPERATION: Duration = Duration::from_secs(6);
/// The longest delay of a message, in seconds
/// (<https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html>).
const LONGEST_DELAY: u64 = 900;
/// The longest that a message stays unseen, in seconds
/// (<https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ChangeMessageVisibility.html>).
const LONGEST_UNSEEN: u64 = 43_200;

/// The queues on SQS.
#[derive(Debug, Clone)]
pub struct WebhookLines {
    client: Client,
    lines: String,
    aside: String,
}

impl FromRuntime for WebhookLines {
    fn from_runtime(runtime: &Runtime) -> std::result::Result<Self, SettingError> {
        let url = |name| runtime.settings.required(name).map(str::to_owned);
        Ok(Self::new(runtime.aws()?, url(settings::WEBHOOK_QUEUE_URL)?, url(settings::WEBHOOK_LATER_QUEUE_URL)?))
    }
}

impl WebhookLines {
    /// The queues of these URLs: the first is a FIFO queue.
    pub fn new(config: &SdkConfig, lines: impl Into<String>, aside: impl Into<String>) -> Self {
        let timeouts = TimeoutConfig::builder().operation_attempt_timeout(ATTEMPT).operation_timeout(OPERATION);
        let config =
            sdk::Builder::from(config).retry_config(RetryConfig::standard()).timeout_config(timeouts.build()).build();
        Self { client: Client::from_conf(config), lines: lines.into(), aside: aside.into() }
    }
}

impl Lines for WebhookLines {
    async fn line_up(&self, letter: &Letter) -> Result<()> {
        let place = match (letter.slow_line, letter.announcement.session) {
            (Some(line), _) => format!("slow.{line}"),
            (None, Some(session)) => session.to_string(),
            (None, None) => letter.announcement.id.clone(),
        };
        let replay = letter.replay.as_deref().map(|replay| format!(".{replay}")).unwrap_or_default();
        // A letter that changes lines is not the one that the queue knows.
        let name = format!("{replay}{}", if letter.slow_line.is_some() { ".slow" } else { "" });
        let send = self
            .client
            .send_message()
            .queue_url(&self.lines)
            .message_group_id(format!("{}.{place}", letter.endpoint))
            .message_deduplication_id(format!("{}.{}{name}", letter.endpoint, letter.announcement.id))
            .message_body(encode(letter));
        send.send().await.map(drop).map_err(failed)
    }

    async fn put_aside(&self, letter: &Letter, wait: Duration) -> Result<()> {
        let send = self
            .client
            .send_message()
            .queue_url(&self.aside)
            .delay_seconds(whole_seconds(wait, LONGEST_DELAY))
            .message_body(encode(letter));
        send.send().await.map(drop).map_err(failed)
    }

    async fn come_again(&self, receipt: &Receipt, wait: Duration) -> Result<()> {
        let change = self
            .client
            .change_message_visibility()
            .queue_url(if receipt.is_aside { &self.aside } else { &self.lines })
            .receipt_handle(&receipt.handle)
            .visibility_timeout(whole_seconds(wait, LONGEST_UNSEEN));
        change.send().await.map(drop).map_err(failed)
    }
}

/// Rounded up, and at most the longest.
fn whole_seconds(wait: Duration, longest: u64) -> i32 {
    let seconds = wait.as_secs().saturating_add(u64::from(wait.subsec_nanos() > 0));
    i32::try_from(seconds.min(longest)).expect("it is below 12 h")
}

/// Throttling, a fault of the other side or no answer passes; a refusal is our own fault.
fn failed<E>(error: SdkError<E, HttpResponse>) -> Error
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
{
    let throttled = error.code().is_some_and(|code| code.contains("Throttl"));
    let refused = error.raw_response().is_some_and(|response| response.status().is_client_error());
    if refused && !throttled { Error::Internal(error.into()) } else { Error::Unavailable(error.into()) }
}
