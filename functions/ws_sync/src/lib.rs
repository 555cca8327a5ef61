//! `sync`: replays what a connection missed.

use aws_lambda_events::apigw::{ApiGatewayProxyResponse, ApiGatewayWebsocketProxyRequest};
use delay::DelayQueue;
use domain::resume;
use gateway::JoinedTools;
use gateway::websocket::{FrameRequest, silence};
use protocol::signaling::SyncAck;
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
    let result = sync(deps, &request).await;
    Ok(request.respond(result))
}

async fn sync(deps: &Deps, request: &FrameRequest<'_>) -> domain::Result<SyncAck> {
    let since = request.frame()?.sync()?;
    let (context, held) = (request.context(), &request.identity.held);
    let standing = deps.check(context, held).await?;
    deps.joined.count_sync(&held.connection, context.now)?;
    let replayed = resume::sync(deps.ports(context), held, since, standing.joined_at).await?;
    Ok(SyncAck { replayed })
}
