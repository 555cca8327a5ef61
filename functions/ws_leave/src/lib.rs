//! `leaveSession`: gives a seat up; the connection is closed once its answer has had time to arrive.

use std::sync::Arc;

use aws_lambda_events::apigw::{ApiGatewayProxyResponse, ApiGatewayWebsocketProxyRequest};
use delay::DelayQueue;
use domain::leases;
use domain::ports::Ports;
use domain::standing::JoinedCache;
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
    joined: Arc<JoinedCache>,
}

impl Deps {
    /// From configuration; names the setting that is missing.
    pub fn new(runtime: &Runtime) -> Result<Self, SettingError> {
        Ok(Self {
            surroundings: runtime.get()?,
            store: runtime.get()?,
            push: runtime.get()?,
            delay: runtime.get()?,
            joined: runtime.get()?,
        })
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
    let result = leave(deps, &request).await;
    Ok(request.respond(result))
}

async fn leave(deps: &Deps, request: &FrameRequest<'_>) -> domain::Result<Nothing> {
    request.frame()?.nothing()?;
    let held = &request.identity.held;
    let ports = Ports {
        store: &deps.store,
        sockets: &deps.push,
        delays: &deps.delay,
        encoder: &JsonEncoder,
        context: request.context(),
    };
    leases::leave_connection(ports, held).await?;
    deps.joined.forget(&held.connection);
    Ok(Nothing {})
}
