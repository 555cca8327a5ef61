//! `ping`: keeps a connection alive.

use aws_lambda_events::apigw::{ApiGatewayProxyResponse, ApiGatewayWebsocketProxyRequest};
use domain::{Result, leases, waiting};
use gateway::Surroundings;
use gateway::websocket::{FrameRequest, silence};
use protocol::signaling::Nothing;
use runtime::{Runtime, SettingError};
use store::Store;

/// What this function needs.
pub struct Deps {
    surroundings: Surroundings,
    store: Store,
}

impl Deps {
    /// From configuration; names the setting that is missing.
    pub fn new(runtime: &Runtime) -> Result<Self, SettingError> {
        Ok(Self { surroundings: runtime.get()?, store: runtime.get()? })
    }
}

/// Answers a frame.
pub async fn handle(
    deps: &Deps,
    event: ApiGatewayWebsocketProxyRequest,
) -> Result<ApiGatewayProxyResponse, lambda_runtime::Error> {
    let Some(request) = FrameRequest::new(&deps.surroundings, &event)? else {
        return Ok(silence());
    };
    let result = ping(deps, &request).await;
    Ok(request.respond(result))
}

async fn ping(deps: &Deps, request: &FrameRequest<'_>) -> Result<Nothing> {
    request.frame()?.nothing()?;
    let (context, identity) = (request.context(), &request.identity);
    match identity.waits() {
        Some(waits) => waiting::keep_waiting(&deps.store, context, &waits, &identity.held.connection).await?,
        None => leases::ping(&deps.store, context, &identity.held).await?,
    }
    Ok(Nothing {})
}
