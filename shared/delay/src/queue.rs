//! The queue itself: Amazon SQS with a delay per message.

use std::time::Duration;

use aws_sdk_sqs::config::http::HttpResponse;
use aws_sdk_sqs::config::retry::RetryConfig;
use aws_sdk_sqs::config::timeout::TimeoutConfig;
use aws_sdk_sqs::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_sqs::operation::send_message::SendMessageError;
use aws_sdk_sqs::{Client, config as sdk};
use aws_types::SdkConfig;
use config::{FromRuntime, Runtime, SettingError, settings};
use domain::ports::{DelayedMessage, Delays, RecordingQueue, Tended};
use domain::{Error, Result};

/// The longest delay of SQS, in seconds
/// (<https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html>).
const LONGEST: u64 = 900;

/// The longest one attempt may take.
const ATTEMPT: Duration = Duration::from_secs(1);

/// The longest a message may take, the SDK's two retries included: well below the function's own time.
const OPERATION: Duration = Duration::from_secs(3);

/// The longest wait before the first retry; a client waits for the answer.
const FIRST_WAIT: Duration = Duration::from_millis(50);

/// A delay queue on SQS.
#[derive(Debug, Clone)]
pub struct DelayQueue(Queue);

/// The queue of recordings that somebody looks after.
#[derive(Debug, Clone)]
pub struct TendingQueue(Queue);

/// A queue on SQS.
#[derive(Debug, Clone)]
struct Queue {
    client: Client,
    url: String,
}

impl FromRuntime for TendingQueue {
    fn from_runtime(runtime: &Runtime) -> Result<Self, SettingError> {
        Ok(Self(Queue::new(runtime.aws()?, runtime.settings.required(settings::RECORDING_QUEUE_URL)?)))
    }
}

impl FromRuntime for DelayQueue {
    fn from_runtime(runtime: &Runtime) -> Result<Self, SettingError> {
        Ok(Self::new(runtime.aws()?, runtime.settings.required(settings::DELAY_QUEUE_URL)?))
    }
}

impl DelayQueue {
    /// The queue of that URL.
    pub fn new(config: &SdkConfig, queue_url: impl Into<String>) -> Self {
        Self(Queue::new(config, queue_url))
    }
}

impl Queue {
    fn new(config: &SdkConfig, url: impl Into<String>) -> Self {
        let timeouts = TimeoutConfig::builder().operation_attempt_timeout(ATTEMPT).operation_timeout(OPERATION);
        let config = sdk::Builder::from(config)
            .retry_config(RetryConfig::standard().with_initial_backoff(FIRST_WAIT))
            .timeout_config(timeouts.build())
            .build();
        Self { client: Client::from_conf(config), url: url.into() }
    }

    async fn send(&self, delay: Duration, body: String) -> Result<()> {
        let send =
            self.client.send_message().queue_url(&self.url).delay_seconds(whole_seconds(delay)).message_body(body);
        send.send().await.map(drop).map_err(failed)
    }
}

impl Delays for DelayQueue {
    async fn after(&self, delay: Duration, message: &DelayedMessage) -> Result<()> {
        self.0.send(delay, crate::encode(message)).await
    }
}

impl RecordingQueue for TendingQueue {
    async fn tend_after(&self, delay: Duration, tended: &Tended) -> Result<()> {
        self.0.send(delay, crate::encode_tended(tended)).await
    }
}

/// Rounded up, so that no lease is looked at before its end.
fn whole_seconds(delay: Duration) -> i32 {
    let seconds = delay.as_secs().saturating_add(u64::from(delay.subsec_nanos() > 0));
    i32::try_from(seconds.min(LONGEST)).expect("900 fits")
}

/// Throttling, a fault of the other side or no answer passes; a refusal is our own fault.
fn failed(error: SdkError<SendMessageError, HttpResponse>) -> Error {
    // SQS throttles with a status of 400 or 403; only the code tells.
    let throttled = error.code().is_some_and(|code| code.contains("Throttl"));
    let refused = error.raw_response().is_some_and(|response| response.status().is_client_error());
    if refused && !throttled { Error::Internal(error.into()) } else { Error::Unavailable(error.into()) }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex, PoisonError};

    use aws_smithy_runtime_api::client::http::{HttpConnector, HttpConnectorFuture};
    use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
    use domain::ConnectionId;
    use serde_json::{Value, json};

    use super::*;

    const QUEUE: &str = "https://sqs.eu-central-1.amazonaws.com/123456789012/later";

    /// A queue that answers everything the same, and keeps what was sent.
    #[derive(Debug, Clone)]
    struct Fake {
        status: u16,
        body: &'static str,
        sent: Arc<Mutex<Vec<Value>>>,
    }

    impl HttpConnector for Fake {
        fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
            let body = request.body().bytes().expect("a body in memory");
            let body = serde_json::from_slice(body).expect("AWS JSON");
            self.sent.lock().unwrap_or_else(PoisonError::into_inner).push(body);
            let status = self.status.try_into().expect("a status");
            HttpConnectorFuture::ready(Ok(HttpResponse::new(status, self.body.into())))
        }
    }

    impl Fake {
        fn new(status: u16, body: &'static str) -> Self {
            Self { status, body, sent: Arc::default() }
        }

        fn queue(&self) -> DelayQueue {
            let config = testkit::answered_by(self.clone()).build();
            DelayQueue::new(&config, QUEUE)
        }

        fn sent(&self) -> Vec<Value> {
            self.sent.lock().unwrap_or_else(PoisonError::into_inner).clone()
        }
    }

    fn close() -> DelayedMessage {
        DelayedMessage::Close { connection: ConnectionId::new("JKUdbfKHoAMCJEA=") }
    }

    #[tokio::test]
    async fn a_message_goes_to_the_queue_with_its_delay() {
        let fake = Fake::new(200, r#"{"MessageId":"1"}"#);
        fake.queue().after(Duration::from_millis(29_001), &close()).await.expect("sent");
        let expected = json!({
            "QueueUrl": QUEUE,
            "DelaySeconds": 30,
            "MessageBody": r#"{"close":{"connectionId":"JKUdbfKHoAMCJEA="}}"#,
        });
        assert_eq!(fake.sent(), [expected]);
    }

    #[test]
    fn a_delay_is_rounded_up_and_bounded() {
        for (delay, seconds) in [
            (Duration::ZERO, 0),
            (Duration::from_nanos(1), 1),
            (Duration::from_secs(1), 1),
            (Duration::from_millis(1001), 2),
            (Duration::from_secs(900), 900),
            (Duration::from_secs(901), 900),
            (Duration::MAX, 900),
        ] {
            assert_eq!(whole_seconds(delay), seconds, "{delay:?}");
        }
    }

    #[tokio::test]
    async fn a_queue_that_fails_or_throttles_is_tried_again_and_then_unavailable() {
        for (status, body) in [
            (503, "{}"),
            (500, r#"{"__type":"com.amazonaws.sqs#InternalError"}"#),
            (400, r#"{"__type":"com.amazonaws.sqs#ThrottlingException"}"#),
            (403, r#"{"__type":"com.amazonaws.sqs#RequestThrottled"}"#),
        ] {
            let fake = Fake::new(status, body);
            let sent = fake.queue().after(Duration::ZERO, &close()).await;
            assert!(matches!(sent, Err(Error::Unavailable(_))), "{body}: {sent:?}");
            assert_eq!(fake.sent().len(), 3, "{body}");
        }
    }

    #[tokio::test]
    async fn a_queue_that_refuses_is_our_own_fault() {
        for (status, body) in [
            (400, r#"{"__type":"com.amazonaws.sqs#QueueDoesNotExist"}"#),
            (403, r#"{"__type":"com.amazonaws.sqs#AccessDeniedException"}"#),
        ] {
            let fake = Fake::new(status, body);
            let sent = fake.queue().after(Duration::ZERO, &close()).await;
            assert!(matches!(sent, Err(Error::Internal(_))), "{body}: {sent:?}");
            assert_eq!(fake.sent().len(), 1, "{body}");
        }
    }
}
