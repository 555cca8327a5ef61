//! `sync`: replays what a connection missed.

use std::sync::Arc;

use aws_lambda_events::apigw::{ApiGatewayProxyResponse, ApiGatewayWebsocketProxyRequest};
use domain::presence;
use domain::relay::Standings;
use gateway::Edge;
use gateway::websocket::Call;
use protocol::signaling::{Json, SyncAck};
use push::Push;
use runtime::{Missing, Runtime, settings};
use store::Store;

/// What this function needs.
pub struct Deps {
    edge: Edge,
    store: Store,
    push: Push,
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
    let result = sync(deps, &call).await;
    Ok(call.respond(result))
}

async fn sync(deps: &Deps, call: &Call<'_>) -> domain::Result<SyncAck> {
    let since = call.frame()?.sync()?;
    let (context, held) = (call.context(), &call.identity.held);
    deps.standings.check(&deps.store, context, held).await?;
    let replayed = presence::sync(&deps.store, &deps.push, &Json, context, held, since).await?;
    Ok(SyncAck { replayed })
}
