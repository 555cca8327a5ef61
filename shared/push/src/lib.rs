//! The @connections client: pushing frames to WebSocket connections, and closing them.

use std::time::Duration;

use aws_sdk_apigatewaymanagement::config::http::HttpResponse;
use aws_sdk_apigatewaymanagement::config::retry::RetryConfig;
use aws_sdk_apigatewaymanagement::config::timeout::TimeoutConfig;
use aws_sdk_apigatewaymanagement::error::SdkError;
use aws_sdk_apigatewaymanagement::primitives::Blob;
use aws_sdk_apigatewaymanagement::{Client, config as sdk};
use aws_types::SdkConfig;
use config::{FromRuntime, Runtime, SettingError, settings};
use domain::ports::{Pushed, Sockets};
use domain::{Backoff, ConnectionId, Error, Frame, Metric, Result};
use tokio::time::Instant;

#[cfg(test)]
mod tests;

/// The longest one attempt may take.
const ATTEMPT: Duration = Duration::from_secs(1);

/// The last attempt begins within so many times [`ATTEMPT`] from the start, so that a push ends within 3 s, well before
/// the function's own time does.
const LAST_START_IN_ATTEMPTS: u32 = 2;

/// The sockets behind API Gateway's @connections endpoint.
#[derive(Debug, Clone)]
pub struct Push {
    client: Client,
    backoff: Backoff,
    attempt: Duration,
}

impl FromRuntime for Push {
    fn from_runtime(runtime: &Runtime) -> Result<Self, SettingError> {
        let endpoint = runtime.settings.required(settings::CONNECTIONS_ENDPOINT)?;
        Ok(Self::new(runtime.aws()?, endpoint, runtime.get()?))
    }
}

impl Push {
    /// A client of the endpoint `https://{api}.execute-api.{region}.amazonaws.com/{stage}`, or of one that speaks
    /// like it.
    pub fn new(config: &SdkConfig, endpoint_url: &str, backoff: Backoff) -> Self {
        Self::with_attempt(config, endpoint_url, backoff, ATTEMPT)
    }

    fn with_attempt(config: &SdkConfig, endpoint_url: &str, backoff: Backoff, attempt: Duration) -> Self {
        let config = sdk::Builder::from(config)
            .endpoint_url(endpoint_url)
            // Every attempt is ours, so that their number is the backoff's.
            .retry_config(RetryConfig::disabled())
            .timeout_config(TimeoutConfig::builder().connect_timeout(attempt).operation_timeout(attempt).build())
            .build();
        Self { client: Client::from_conf(config), backoff, attempt }
    }

    /// Attempts a call until it is answered, the backoff is spent or the time is.
    async fn persist<A>(&self, call: &'static str, connection: &ConnectionId, attempt: impl Fn() -> A) -> Result<Pushed>
    where
        A: Future<Output = Result<(), Failure>>,
    {
        let last_start = Instant::now() + self.attempt * LAST_START_IN_ATTEMPTS;
        let mut waits = self.backoff.waits();
        let mut attempts = 1;
        loop {
            let failure = match attempt().await {
                Ok(()) => return Ok(Pushed::Accepted),
                Err(failure) if failure.is_gone() => return Ok(Pushed::Gone),
                Err(failure) => failure,
            };
            let next = waits.next().map(|wait| Instant::now() + wait).filter(|next| *next <= last_start);
            match next.filter(|_| failure.may_pass()) {
                Some(next) => tokio::time::sleep_until(next).await,
                None => return Err(failure.give_up(call, connection, attempts)),
            }
            attempts += 1;
        }
    }
}

impl Sockets for Push {
    async fn push(&self, connection: &ConnectionId, frame: &Frame) -> Result<Pushed> {
        let post =
            self.client.post_to_connection().connection_id(connection.as_str()).data(Blob::new(frame.0.as_str()));
        let pushed = self
            .persist("PostToConnection", connection, || {
                let post = post.clone();
                async move { post.send().await.map(drop).map_err(Failure::of) }
            })
            .await?;
        if pushed == Pushed::Gone {
            tracing::info!(connection.id = connection.as_str(), metric = Metric::PushesGone.name(), "gone");
        }
        Ok(pushed)
    }

    async fn close(&self, connection: &ConnectionId) -> Result<()> {
        let delete = self.client.delete_connection().connection_id(connection.as_str());
        let closed = self
            .persist("DeleteConnection", connection, || {
                let delete = delete.clone();
                async move { delete.send().await.map(drop).map_err(Failure::of) }
            })
            .await?;
        match closed {
            Pushed::Accepted | Pushed::Gone => Ok(()),
        }
    }
}

/// An attempt that failed.
struct Failure {
    /// `timeout`, `dispatch` (no answer at all) or the kind of the answer.
    kind: &'static str,
    /// The answer's status, if there was one.
    status: Option<u16>,
    cause: Box<dyn std::error::Error + Send + Sync>,
}

impl Failure {
    fn of<E: std::error::Error + Send + Sync + 'static>(error: SdkError<E, HttpResponse>) -> Self {
        let kind = match &error {
            SdkError::ConstructionFailure(_) => "construction",
            SdkError::TimeoutError(_) => "timeout",
            SdkError::DispatchFailure(_) => "dispatch",
            SdkError::ResponseError(_) => "response",
            _ => "service",
        };
        let status = error.raw_response().map(|response| response.status().as_u16());
        Self { kind, status, cause: error.into() }
    }

    fn is_gone(&self) -> bool {
        self.status == Some(410)
    }

    /// Whether the next attempt may succeed: throttling, a fault of the other side, no answer.
    fn may_pass(&self) -> bool {
        match self.status {
            Some(status) => status == 429 || status >= 500,
            None => self.kind != "construction",
        }
    }

    /// Logs what happened, once and without the payload, and puts it into the domain's words.
    fn give_up(self, call: &'static str, connection: &ConnectionId, attempts: u32) -> Error {
        tracing::warn!(
            connection.id = connection.as_str(),
            connection.call = call,
            attempts,
            error.kind = self.kind,
            error.status = self.status,
            "gave up on a connection"
        );
        if self.may_pass() { Error::Unavailable(self.cause) } else { Error::Internal(self.cause) }
    }
}
