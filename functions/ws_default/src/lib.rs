//! `ping` and `$default`: keeps a connection alive, and refuses every action that does not exist.

use aws_lambda_events::apigw::{ApiGatewayProxyResponse, ApiGatewayWebsocketProxyRequest};
use domain::{Error, leases};
use gateway::Surroundings;
use gateway::websocket::FrameRequest;
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
    let request = FrameRequest::new(&deps.surroundings, &event)?;
    let result = answer(deps, &request).await;
    Ok(request.respond(result))
}

async fn answer(deps: &Deps, request: &FrameRequest<'_>) -> domain::Result<Nothing> {
    let frame = request.frame()?;
    if frame.action != "ping" {
        return Err(Error::UnknownAction);
    }
    frame.nothing()?;
    leases::ping(&deps.store, request.context(), &request.identity.held).await?;
    Ok(Nothing {})
}
