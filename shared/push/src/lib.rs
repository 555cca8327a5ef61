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
use domain::{ConnectionId, Error, Frame, Metric, Result};
use retry::Backoff;

#[cfg(test)]
mod tests;

/// The longest one attempt may take.
const ATTEMPT: Duration = Duration::from_secs(1);

/// How a throttled or failed call is tried again: it ends within 3 s, well before the function's own time does.
const PATIENCE: Backoff = Backoff::new(Duration::from_millis(50), Duration::from_secs(1), Duration::from_secs(2));

/// The sockets behind API Gateway's @connections endpoint.
#[derive(Debug, Clone)]
pub struct Push {
    client: Client,
    backoff: Backoff,
}

impl FromRuntime for Push {
    fn from_runtime(runtime: &Runtime) -> Result<Self, SettingError> {
        let endpoint = runtime.settings.required(settings::CONNECTIONS_ENDPOINT)?;
        Ok(Self::new(runtime.aws()?, endpoint))
    }
}

impl Push {
    /// A client of the endpoint `https://{api}.execute-api.{region}.amazonaws.com/{stage}`, or of one that speaks
    /// like it.
    pub fn new(config: &SdkConfig, endpoint_url: &str) -> Self {
        Self::with_patience(config, endpoint_url, PATIENCE)
    }

    fn with_patience(config: &SdkConfig, endpoint_url: &str, backoff: Backoff) -> Self {
        let config = sdk::Builder::from(config)
            .endpoint_url(endpoint_url)
            // Every attempt is ours: the SDK knows neither 410 nor how long a push may take in all.
            .retry_config(RetryConfig::disabled())
            .timeout_config(timeouts(config))
            .build();
        Self { client: Client::from_conf(config), backoff }
    }

    /// Attempts a call until it is answered or the time is spent.
    async fn persist<A>(&self, call: &'static str, connection: &ConnectionId, attempt: impl Fn() -> A) -> Result<Pushed>
    where
        A: Future<Output = Result<(), Failure>>,
    {
        let mut tries = self.backoff.begin();
        loop {
            let failure = match attempt().await {
                Ok(()) => return Ok(Pushed::Accepted),
                Err(failure) if failure.is_gone() => return Ok(Pushed::Gone),
                Err(failure) => failure,
            };
            if !failure.may_pass() || !tries.again().await {
                return Err(failure.give_up(call, connection, tries.count()));
            }
        }
    }
}

/// The configured timeouts; ours where there are none. Where the endpoint is in the same process, an attempt that is given
/// up goes on all the same, and the next one would push twice: there are none then.
fn timeouts(config: &SdkConfig) -> TimeoutConfig {
    let mut timeouts = config.timeout_config().cloned().unwrap_or_else(|| TimeoutConfig::builder().build());
    let ours = TimeoutConfig::builder().connect_timeout(ATTEMPT).operation_timeout(ATTEMPT).build();
    timeouts.take_defaults_from(&ours);
    timeouts
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
