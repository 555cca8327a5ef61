//! Functions behind the gateway, and how they are invoked: as Lambda does, JSON in and JSON out.

use std::{future::Future, panic::AssertUnwindSafe, sync::Arc, time::Duration};

use bytes::Bytes;
use futures_util::{FutureExt, future::BoxFuture};
use tokio::sync::watch;

use crate::answer::Malformed;

/// A function as AWS Lambda runs it: the event's JSON in, the answer's JSON out.
pub type Function = Arc<dyn Fn(Bytes) -> BoxFuture<'static, Result<Bytes, FunctionError>> + Send + Sync>;

/// What a failed invocation reports, Lambda's `errorMessage`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct FunctionError {
    /// Shown in the log; an authorizer's `Unauthorized` is a decision.
    pub message: String,
}

impl FunctionError {
    /// A failure with this `errorMessage`.
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into() }
    }
}

/// Makes a [`Function`] of an async closure.
pub fn function<F, Fut>(handler: F) -> Function
where
    F: Fn(Bytes) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<Bytes, FunctionError>> + Send + 'static,
{
    Arc::new(move |event| handler(event).boxed())
}

/// Why an invocation gave no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    #[error("the function returned an error")]
    Function(#[source] FunctionError),
    #[error("the function panicked")]
    Panicked,
    #[error("the function did not answer in time")]
    TimedOut,
    #[error(transparent)]
    Malformed(#[from] Malformed),
}

/// The tasks a shutdown waits for. Clones count together.
#[derive(Debug, Clone)]
pub(crate) struct Tasks(Arc<watch::Sender<()>>);

impl Tasks {
    pub(crate) fn new() -> Self {
        Self(Arc::new(watch::Sender::new(())))
    }

    /// Runs `work` in a task of its own, which [`Tasks::finished`] waits for.
    pub(crate) fn spawn<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> tokio::task::JoinHandle<T> {
        let running = self.0.subscribe();
        // Not an async block: that would keep room for `work` twice.
        tokio::spawn(work.map(move |output| {
            drop(running);
            output
        }))
    }

    /// Resolves once no task runs.
    pub(crate) async fn finished(&self) {
        self.0.closed().await;
    }

    /// Invokes a function in a task of its own and waits up to `patience`.
    ///
    /// A caller that goes away does not stop the function, as on AWS. One that outlives
    /// `patience` is stopped after another `overrun`.
    pub(crate) async fn invoke(
        &self,
        function: &Function,
        event: Bytes,
        patience: Duration,
        overrun: Duration,
    ) -> Result<Bytes, Failure> {
        let function = Arc::clone(function);
        let mut running = self.spawn(async move { function(event).await });
        match tokio::time::timeout(patience, &mut running).await {
            Ok(Ok(answer)) => answer.map_err(Failure::Function),
            Ok(Err(_panicked)) => Err(Failure::Panicked),
            Err(_elapsed) => {
                tokio::spawn(async move {
                    tokio::time::sleep(overrun).await;
                    running.abort();
                });
                Err(Failure::TimedOut)
            }
        }
    }

    /// The same in the caller's own task, which must be one that ends with no client.
    pub(crate) async fn invoke_here(
        &self,
        function: &Function,
        event: Bytes,
        patience: Duration,
        overrun: Duration,
    ) -> Result<Bytes, Failure> {
        let function = Arc::clone(function);
        let mut running = AssertUnwindSafe(async move { function(event).await }).catch_unwind().boxed();
        match tokio::time::timeout(patience, &mut running).await {
            Ok(Ok(answer)) => answer.map_err(Failure::Function),
            Ok(Err(_panic)) => Err(Failure::Panicked),
            Err(_elapsed) => {
                self.spawn(tokio::time::timeout(overrun, running));
                Err(Failure::TimedOut)
            }
        }
    }
}
