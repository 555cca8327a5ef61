//! `updateStatus`: tells the others about microphone and camera.

use aws_lambda_events::apigw::{ApiGatewayProxyResponse, ApiGatewayWebsocketProxyRequest};
use delay::DelayQueue;
use domain::leases;
use gateway::Tools;
use gateway::websocket::{FrameRequest, silence};
use protocol::signaling::Nothing;
use push::Push;
use store::Store;

/// What this function needs.
pub type Deps = Tools<Store, Push, DelayQueue>;

/// Answers a frame.
pub async fn handle(
    deps: &Deps,
    event: ApiGatewayWebsocketProxyRequest,
) -> Result<ApiGatewayProxyResponse, lambda_runtime::Error> {
    let Some(request) = FrameRequest::new(&deps.surroundings, &event)? else {
        return Ok(silence());
    };
    let result = update(deps, &request).await;
    Ok(request.respond(result))
}

async fn update(deps: &Deps, request: &FrameRequest<'_>) -> domain::Result<Nothing> {
    let status = request.frame()?.status()?;
    let held = &request.identity.held;
    leases::update_status(deps.ports(request.context()), held, status).await?;
    Ok(Nothing {})
}
