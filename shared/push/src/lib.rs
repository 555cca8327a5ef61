//! The @connections client: pushing frames to WebSocket connections, in the dialect of each, and closing them.

mod endpoint;
#[cfg(test)]
mod tests;

use std::time::Duration;

use config::{FromRuntime, Runtime, SettingError};
use domain::ports::{Pushed, Sockets};
use domain::{ConnectionId, Frame, Metric, Result};
use protocol::hub;
use retry::Backoff;

pub use endpoint::{Connections, Endpoint, Failure};

/// The longest one attempt may take.
const ATTEMPT: Duration = Duration::from_secs(1);

/// How a throttled or failed call is tried again: it ends within 3 s, well before the function's own time does.
const PATIENCE: Backoff = Backoff::new(Duration::from_millis(50), Duration::from_secs(1), Duration::from_secs(2));

/// The sockets behind API Gateway's @connections endpoint.
#[derive(Debug, Clone)]
pub struct Push {
    endpoint: Endpoint,
    backoff: Backoff,
}

impl FromRuntime for Push {
    fn from_runtime(runtime: &Runtime) -> Result<Self, SettingError> {
        Ok(Self::new(Endpoint::clone(&*runtime.shared::<Endpoint>()?)))
    }
}

impl Push {
    /// To the connections of that endpoint.
    pub fn new(endpoint: Endpoint) -> Self {
        Self::with_patience(endpoint, PATIENCE)
    }

    fn with_patience(endpoint: Endpoint, backoff: Backoff) -> Self {
        Self { endpoint, backoff }
    }

    /// Sends one text as it is.
    async fn post(&self, connection: &ConnectionId, text: &str) -> Result<Pushed> {
        let post = || self.endpoint.post(connection.gateway_name(), text);
        let pushed = self.persist("PostToConnection", connection, post).await?;
        if pushed == Pushed::Gone {
            tracing::info!(connection.id = connection.as_str(), metric = Metric::PushesGone.name(), "gone");
        }
        Ok(pushed)
    }

    /// Attempts a call until it is answered or the time is spent.
    async fn persist<A>(&self, call: &'static str, connection: &ConnectionId, attempt: impl Fn() -> A) -> Result<Pushed>
    where
        A: Future<Output = std::result::Result<(), Failure>>,
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

impl Sockets for Push {
    async fn push(&self, connection: &ConnectionId, frame: &Frame) -> Result<Pushed> {
        if !connection.is_hub() {
            return self.post(connection, &frame.0).await;
        }
        for frame in hub::frames(&frame.0) {
            if self.post(connection, &frame).await? == Pushed::Gone {
                return Ok(Pushed::Gone);
            }
        }
        Ok(Pushed::Accepted)
    }

    async fn close(&self, connection: &ConnectionId) -> Result<()> {
        let delete = || self.endpoint.delete(connection.gateway_name());
        match self.persist("DeleteConnection", connection, delete).await? {
            Pushed::Accepted | Pushed::Gone => Ok(()),
        }
    }
}
