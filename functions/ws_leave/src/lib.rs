//! `leaveSession`: gives a seat up; the connection is closed once its answer has had time to arrive.

use std::sync::Arc;

use aws_lambda_events::apigw::{ApiGatewayProxyResponse, ApiGatewayWebsocketProxyRequest};
use delay::DelayQueue;
use domain::presence;
use domain::relay::Standings;
use gateway::Edge;
use gateway::websocket::Call;
use protocol::signaling::{Json, Nothing};
use push::Push;
use runtime::{Missing, Runtime, settings};
use store::Store;

/// What this function needs.
pub struct Deps {
    edge: Edge,
    store: Store,
    push: Push,
    delay: DelayQueue,
    standings: Arc<Standings>,
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
            standings: runtime.standings(),
        })
    }
}

/// Answers a frame.
pub async fn handle(
    deps: &Deps,
    event: ApiGatewayWebsocketProxyRequest,
) -> Result<ApiGatewayProxyResponse, lambda_runtime::Error> {
    let call = Call::new(&deps.edge, &event)?;
    let result = leave(deps, &call).await;
    Ok(call.respond(result))
}

async fn leave(deps: &Deps, call: &Call<'_>) -> domain::Result<Nothing> {
    call.frame()?.nothing()?;
    let held = &call.identity.held;
    presence::leave_connection(&deps.store, &deps.push, &deps.delay, &Json, call.context(), held).await?;
    deps.standings.forget(&held.connection);
    Ok(Nothing {})
}
