//! The Lambda function behind $connect.

use lambda_runtime::{LambdaEvent, service_fn};
use ws_connect::{Deps, handle};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    let deps = &Deps::new(&runtime::Runtime::start())?;
    lambda_runtime::run(service_fn(move |event: LambdaEvent<_>| handle(deps, event.payload))).await
}
