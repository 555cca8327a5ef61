//! `joinSession`: makes a connection the live one of its participant.

use aws_lambda_events::apigw::{ApiGatewayProxyResponse, ApiGatewayWebsocketProxyRequest};
use delay::DelayQueue;
use domain::ports::Attempt;
use domain::{Error, resume};
use gateway::Tools;
use gateway::websocket::{FrameRequest, silence};
use protocol::rest::SessionDetail;
use protocol::signaling::{Join, JoinedData};
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
    let result = join(deps, &request).await;
    Ok(request.respond(result))
}

async fn join(deps: &Deps, request: &FrameRequest<'_>) -> domain::Result<JoinedData> {
    let Join { session, since } = request.frame()?.join()?;
    let identity = &request.identity;
    if session != identity.held.session {
        return Err(Error::Unauthorized);
    }
    let attempt = Attempt {
        held: identity.held.clone(),
        number: identity.attempt,
        family: identity.family,
        ticket: identity.ticket,
    };
    let context = request.context();
    let joined = resume::join_connection(deps.ports(context), &attempt, since).await?;
    Ok(JoinedData {
        session: SessionDetail::new(&joined.roster, request.now()),
        recovered: joined.recovered,
        heartbeat_seconds: context.policy.heartbeat.as_secs(),
    })
}
