//! `leaveSession`: gives a seat up; the connection is closed once its answer has had time to arrive.

use aws_lambda_events::apigw::{ApiGatewayProxyResponse, ApiGatewayWebsocketProxyRequest};
use delay::DelayQueue;
use domain::ports::Emptied;
use domain::{Departure, leases, waiting};
use gateway::JoinedTools;
use gateway::websocket::{FrameRequest, silence};
use protocol::signaling::Nothing;
use push::Push;
use store::Store;

/// What this function needs.
pub type Deps = JoinedTools<Store, Push, DelayQueue>;

/// Answers a frame.
pub async fn handle(
    deps: &Deps,
    event: ApiGatewayWebsocketProxyRequest,
) -> Result<ApiGatewayProxyResponse, lambda_runtime::Error> {
    let Some(request) = FrameRequest::new(&deps.tools.surroundings, &event)? else {
        return Ok(silence());
    };
    let result = leave(deps, &request).await;
    Ok(request.respond(result))
}

async fn leave(deps: &Deps, request: &FrameRequest<'_>) -> domain::Result<Nothing> {
    request.frame()?.nothing()?;
    let held = &request.identity.held;
    let ports = deps.ports(request.context());
    if let Some(waits) = request.identity.waits() {
        waiting::give_up(ports, &waits, &Emptied::On(held.connection.clone()), Departure::Left).await?;
        leases::close_later(ports.delays, &held.connection).await?;
        return Ok(Nothing {});
    }
    leases::leave_connection(ports, held).await?;
    deps.joined.forget(&held.connection);
    Ok(Nothing {})
}
