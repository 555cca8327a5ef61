//! `joinSession`: makes a connection the live one of its participant.

use aws_lambda_events::apigw::{ApiGatewayProxyResponse, ApiGatewayWebsocketProxyRequest};
use delay::DelayQueue;
use domain::ports::{Attempt, Ports};
use domain::{Error, resume};
use gateway::Surroundings;
use gateway::websocket::{FrameRequest, silence};
use protocol::rest::SessionDetail;
use protocol::signaling::{Join, JoinedData, JsonEncoder};
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
    let (store, context) = (&deps.store, request.context());
    let ports = Ports { store, sockets: &deps.push, delays: &deps.delay, encoder: &JsonEncoder, context };
    let joined = resume::join_connection(ports, &attempt, since).await?;
    Ok(JoinedData {
        session: SessionDetail::new(&joined.roster, request.now()),
        recovered: joined.recovered,
        heartbeat_seconds: context.policy.heartbeat.as_secs(),
    })
}
