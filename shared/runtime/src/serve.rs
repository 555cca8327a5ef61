//! Mains: how a function is started on Lambda and answers one event after the other.

use std::convert::Infallible;
use std::pin::Pin;

use config::{Runtime, SettingError};
use lambda_http::{Body, Request, Response};
use lambda_runtime::{LambdaEvent, service_fn};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Why a function does not start, or stops.
pub type Error = lambda_runtime::Error;

/// Serves a route of the HTTP API.
///
/// # Errors
/// The setting that `deps` misses; what Lambda's own interface answers.
pub fn http<D, F>(
    deps: impl FnOnce(&Runtime) -> Result<D, SettingError>,
    handle: impl Fn(&'static D, Request) -> F,
) -> Result<(), Error>
where
    D: 'static,
    F: Future<Output = Response<Body>> + Send + 'static,
{
    let deps = for_ever(deps)?;
    let service = service_fn(|request| {
        let answer = handle(deps, request);
        async move { Ok::<_, Infallible>(answer.await) }
    });
    block_on(lambda_http::run(service))
}

/// Serves events of any other kind: what `handle` takes and answers, as JSON.
///
/// # Errors
/// The setting that `deps` misses; what Lambda's own interface answers.
pub fn events<D, E, A, F>(
    deps: impl FnOnce(&Runtime) -> Result<D, SettingError>,
    handle: impl Fn(&'static D, E) -> F,
) -> Result<(), Error>
where
    D: 'static,
    E: DeserializeOwned,
    A: Serialize,
    F: Future<Output = Result<A, Error>> + 'static,
{
    let deps = for_ever(deps)?;
    let service = service_fn(|event: LambdaEvent<E>| {
        // Boxed without its type: what a large function awaits is nested deeper than the compiler follows.
        let answer: Pin<Box<dyn Future<Output = Result<A, Error>>>> = Box::pin(handle(deps, event.payload));
        answer
    });
    block_on(lambda_runtime::run(service))
}

/// The dependencies of the one function that this process is; they end with it.
fn for_ever<D>(deps: impl FnOnce(&Runtime) -> Result<D, SettingError>) -> Result<&'static D, SettingError> {
    deps(&crate::start()).map(|deps| &*Box::leak(Box::new(deps)))
}

/// Lambda gives a function one event at a time, so one thread is enough.
fn block_on(serving: impl Future<Output = Result<(), Error>>) -> Result<(), Error> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(serving)
}
