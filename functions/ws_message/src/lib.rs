//! `sendMessage`: sends a chat message to everybody in the session.

use aws_lambda_events::apigw::{ApiGatewayProxyResponse, ApiGatewayWebsocketProxyRequest};
use delay::DelayQueue;
use domain::ports::ChatMessage;
use domain::{Permission, chat};
use gateway::JoinedTools;
use gateway::websocket::{FrameRequest, silence};
use protocol::signaling::{ClientMessage, MessageAck};
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
    let result = send(deps, &request).await;
    Ok(request.respond(result))
}

async fn send(deps: &Deps, request: &FrameRequest<'_>) -> domain::Result<MessageAck> {
    let ClientMessage { text, client_id } = request.frame()?.message()?;
    request.limit_chat()?;
    let (context, held) = (request.context(), &request.identity.held);
    let standing = deps.check(context, held).await?;
    standing.rights.require(Permission::Chat)?;
    let message = ChatMessage::new(context, held.session, standing.sender, text, client_id);
    let message_id = chat::send(deps.ports(context), &message).await?.to_string();
    Ok(MessageAck { message_id })
}
