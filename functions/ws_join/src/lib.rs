//! `joinSession`: makes a connection the live one of its participant.

use aws_lambda_events::apigw::{ApiGatewayProxyResponse, ApiGatewayWebsocketProxyRequest};
use delay::DelayQueue;
use domain::Error;
use domain::presence::{self, Attempt};
use gateway::Edge;
use gateway::websocket::Call;
use protocol::rest::SessionDetail;
use protocol::signaling::{Join, JoinedData, Json};
use push::Push;
use runtime::{Missing, Runtime, settings};
use store::Store;

/// What this function needs.
pub struct Deps {
    edge: Edge,
    store: Store,
    push: Push,
    delay: DelayQueue,
}

impl Deps {
    /// From configuration; names the setting that is missing.
    pub fn new(runtime: &Runtime) -> Result<Self, Missing> {
        Ok(Self {
            edge: runtime.edge()?,
            store: Store::new(runtime.aws()?, runtime.settings.required(settings::TABLE)?, runtime.backoff()),
            push: Push::new(
                runtime.aws()?,
                runtime.settings.required(settings::CONNECTIONS_ENDPOINT)?,
                runtime.backoff(),
            ),
            delay: DelayQueue::new(runtime.aws()?, runtime.settings.required(settings::DELAY_QUEUE_URL)?),
        })
    }
}

/// Answers a frame.
pub async fn handle(
    deps: &Deps,
    event: ApiGatewayWebsocketProxyRequest,
) -> Result<ApiGatewayProxyResponse, lambda_runtime::Error> {
    let call = Call::new(&deps.edge, &event)?;
    let result = join(deps, &call).await;
    Ok(call.respond(result))
}

async fn join(deps: &Deps, call: &Call<'_>) -> domain::Result<JoinedData> {
    let Join { session, since } = call.frame()?.join()?;
    let identity = &call.identity;
    if session != identity.held.session {
        return Err(Error::Unauthorized);
    }
    let attempt = Attempt { held: identity.held.clone(), number: identity.attempt, family: identity.family };
    let (store, context) = (&deps.store, call.context());
    let joined = presence::join_connection(store, &deps.push, &deps.delay, &Json, context, &attempt, since).await?;
    Ok(JoinedData {
        session: SessionDetail::new(&joined.roster, call.now()),
        recovered: joined.recovered,
        heartbeat_seconds: context.policy.heartbeat.as_secs(),
    })
}
