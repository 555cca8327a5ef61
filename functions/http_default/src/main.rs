//! The Lambda function behind `$default of the HTTP API`.

use std::convert::Infallible;

use http_default::{Deps, handle};
use lambda_http::service_fn;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    let deps = &Deps::new(&runtime::Runtime::start())?;
    lambda_http::run(service_fn(move |request| async move { Ok::<_, Infallible>(handle(deps, request).await) })).await
}
