//! `updateStatus`: tells the others about microphone and camera.

use aws_lambda_events::apigw::{ApiGatewayProxyResponse, ApiGatewayWebsocketProxyRequest};
use delay::DelayQueue;
use domain::leases;
use domain::ports::Ports;
use gateway::Surroundings;
use gateway::websocket::{FrameRequest, silence};
use protocol::signaling::{JsonEncoder, Nothing};
use push::Push;
use runtime::{Runtime, SettingError};
use store::Store;

/// What this function needs.
pub struct Deps {
    surroundings: Surroundings,
    store: Store,
    push: Push,
    delay: DelayQueue,
}

impl Deps {
    /// From configuration; names the setting that is missing.
    pub fn new(runtime: &Runtime) -> Result<Self, SettingError> {
        Ok(Self { surroundings: runtime.get()?, store: runtime.get()?, push: runtime.get()?, delay: runtime.get()? })
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
    let result = update(deps, &request).await;
    Ok(request.respond(result))
}

async fn update(deps: &Deps, request: &FrameRequest<'_>) -> domain::Result<Nothing> {
    let status = request.frame()?.status()?;
    let held = &request.identity.held;
    let ports = Ports {
        store: &deps.store,
        sockets: &deps.push,
        delays: &deps.delay,
        encoder: &JsonEncoder,
        context: request.context(),
    };
    leases::update_status(ports, held, status).await?;
    Ok(Nothing {})
}
