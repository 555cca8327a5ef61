//! `sync`: replays what a connection missed.

use std::sync::Arc;

use aws_lambda_events::apigw::{ApiGatewayProxyResponse, ApiGatewayWebsocketProxyRequest};
use delay::DelayQueue;
use domain::ports::Ports;
use domain::resume;
use domain::standing::JoinedCache;
use gateway::Surroundings;
use gateway::websocket::{FrameRequest, silence};
use protocol::signaling::{JsonEncoder, SyncAck};
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
    let result = sync(deps, &request).await;
    Ok(request.respond(result))
}

async fn sync(deps: &Deps, request: &FrameRequest<'_>) -> domain::Result<SyncAck> {
    let since = request.frame()?.sync()?;
    let (context, held) = (request.context(), &request.identity.held);
    let standing = deps.joined.check(&deps.store, context, held).await?;
    deps.joined.count_sync(&held.connection, context.now)?;
    let ports = Ports { store: &deps.store, sockets: &deps.push, delays: &deps.delay, encoder: &JsonEncoder, context };
    let replayed = resume::sync(ports, held, since, standing.joined_at).await?;
    Ok(SyncAck { replayed })
}
