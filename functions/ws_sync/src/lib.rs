//! `sync`: replays what a connection missed.

use std::sync::Arc;

use aws_lambda_events::apigw::{ApiGatewayProxyResponse, ApiGatewayWebsocketProxyRequest};
use domain::presence;
use domain::relay::Standings;
use gateway::Surroundings;
use gateway::websocket::FrameRequest;
use protocol::signaling::{Json, SyncAck};
use push::Push;
use runtime::{Runtime, SettingError};
use store::Store;

/// What this function needs.
pub struct Deps {
    surroundings: Surroundings,
    store: Store,
    push: Push,
    standings: Arc<Standings>,
}

impl Deps {
    /// From configuration; names the setting that is missing.
    pub fn new(runtime: &Runtime) -> Result<Self, SettingError> {
        Ok(Self {
            surroundings: runtime.get()?,
            store: runtime.get()?,
            push: runtime.get()?,
            standings: runtime.get()?,
        })
    }
}

/// Answers a frame.
pub async fn handle(
    deps: &Deps,
    event: ApiGatewayWebsocketProxyRequest,
) -> Result<ApiGatewayProxyResponse, lambda_runtime::Error> {
    let request = FrameRequest::new(&deps.surroundings, &event)?;
    let result = sync(deps, &request).await;
    Ok(request.respond(result))
}

async fn sync(deps: &Deps, request: &FrameRequest<'_>) -> domain::Result<SyncAck> {
    let since = request.frame()?.sync()?;
    let (context, held) = (request.context(), &request.identity.held);
    deps.standings.check(&deps.store, context, held).await?;
    let replayed = presence::sync(&deps.store, &deps.push, &Json, context, held, since).await?;
    Ok(SyncAck { replayed })
}
