//! What answers calls to @connections: API Gateway through the SDK, or whatever stands in for it inside the process.

use std::fmt::Debug;
use std::ops::Deref;
use std::sync::Arc;

use async_trait::async_trait;
use aws_sdk_apigatewaymanagement::config::http::HttpResponse;
use aws_sdk_apigatewaymanagement::config::retry::RetryConfig;
use aws_sdk_apigatewaymanagement::config::timeout::TimeoutConfig;
use aws_sdk_apigatewaymanagement::error::SdkError;
use aws_sdk_apigatewaymanagement::primitives::Blob;
use aws_sdk_apigatewaymanagement::{Client, config as sdk};
use aws_types::SdkConfig;
use config::{FromRuntime, Runtime, SettingError, settings};
use domain::{ConnectionId, Error};

use crate::ATTEMPT;

/// The two calls that are made
/// (<https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-how-to-call-websocket-api-connections.html>).
/// Each is one attempt.
#[async_trait]
pub trait Connections: Debug + Send + Sync {
    /// `PostToConnection`: sends a text.
    async fn post(&self, connection: &str, text: &str) -> Result<(), Failure>;

    /// `DeleteConnection`: closes it.
    async fn delete(&self, connection: &str) -> Result<(), Failure>;
}

#[async_trait]
impl Connections for Client {
    async fn post(&self, connection: &str, text: &str) -> Result<(), Failure> {
        let post = self.post_to_connection().connection_id(connection).data(Blob::new(text));
        post.send().await.map(drop).map_err(Failure::of)
    }

    async fn delete(&self, connection: &str) -> Result<(), Failure> {
        self.delete_connection().connection_id(connection).send().await.map(drop).map_err(Failure::of)
    }
}

/// The endpoint of a process. Clones are the same one.
#[derive(Debug, Clone)]
pub struct Endpoint(Arc<dyn Connections>);

impl Endpoint {
    /// That one.
    pub fn new(connections: impl Connections + 'static) -> Self {
        Self(Arc::new(connections))
    }

    /// The endpoint `https://{api}.execute-api.{region}.amazonaws.com/{stage}`, or one that speaks like it.
    pub fn sdk(config: &SdkConfig, url: &str) -> Self {
        let config = sdk::Builder::from(config)
            .endpoint_url(url)
            // Every attempt is ours: the SDK knows neither 410 nor how long a push may take in all.
            .retry_config(RetryConfig::disabled())
            .timeout_config(timeouts(config))
            .build();
        Self::new(Client::from_conf(config))
    }
}

impl Deref for Endpoint {
    type Target = dyn Connections;

    fn deref(&self) -> &Self::Target {
        &*self.0
    }
}

impl FromRuntime for Endpoint {
    fn from_runtime(runtime: &Runtime) -> Result<Self, SettingError> {
        let url = runtime.settings.required(settings::CONNECTIONS_ENDPOINT)?;
        Ok(Self::sdk(runtime.aws()?, url))
    }
}

/// The configured timeouts; ours where there are none. Where the endpoint is in the same process, an attempt that is given
/// up goes on all the same, and the next one would push twice: there are none then.
pub(crate) fn timeouts(config: &SdkConfig) -> TimeoutConfig {
    let mut timeouts = config.timeout_config().cloned().unwrap_or_else(|| TimeoutConfig::builder().build());
    let ours = TimeoutConfig::builder().connect_timeout(ATTEMPT).operation_timeout(ATTEMPT).build();
    timeouts.take_defaults_from(&ours);
    timeouts
}

/// An attempt that failed.
#[derive(Debug)]
pub struct Failure {
    /// `timeout`, `dispatch` (no answer at all) or the kind of the answer.
    kind: &'static str,
    /// The answer's status, if there was one.
    status: Option<u16>,
    cause: Box<dyn std::error::Error + Send + Sync>,
}

impl Failure {
    /// The endpoint answered with that status (of HTTP, 400-599).
    pub fn answered(status: u16, cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self { kind: "service", status: Some(status), cause: cause.into() }
    }

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

    pub(crate) fn is_gone(&self) -> bool {
        self.status == Some(410)
    }

    /// Whether the next attempt may succeed: throttling, a fault of the other side, no answer.
    pub(crate) fn may_pass(&self) -> bool {
        match self.status {
            Some(status) => status == 429 || status >= 500,
            None => self.kind != "construction",
        }
    }

    /// Logs what happened, once and without the payload, and puts it into the domain's words.
    pub(crate) fn give_up(self, call: &'static str, connection: &ConnectionId, attempts: u32) -> Error {
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
