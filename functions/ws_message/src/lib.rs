//! `sendMessage`: sends a chat message to everybody in the session.

use std::sync::Arc;

use aws_lambda_events::apigw::{ApiGatewayProxyResponse, ApiGatewayWebsocketProxyRequest};
use delay::DelayQueue;
use domain::ports::{ChatMessage, Ports};
use domain::standing::JoinedCache;
use domain::{MessageId, Permission, chat};
use gateway::Surroundings;
use gateway::websocket::{FrameRequest, silence};
use protocol::signaling::{ClientMessage, JsonEncoder, MessageAck};
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
    let result = send(deps, &request).await;
    Ok(request.respond(result))
}

async fn send(deps: &Deps, request: &FrameRequest<'_>) -> domain::Result<MessageAck> {
    let ClientMessage { text, client_id } = request.frame()?.message()?;
    request.limit_chat()?;
    let (context, identity) = (request.context(), &request.identity);
    deps.joined.check(&deps.store, context, &identity.held).await?.rights.require(Permission::Chat)?;
    let message = ChatMessage {
        id: MessageId::new(context.ids, context.now),
        session: identity.held.session,
        from: identity.held.user,
        username: identity.username.clone(),
        text,
        client_id,
    };
    let ports = Ports { store: &deps.store, sockets: &deps.push, delays: &deps.delay, encoder: &JsonEncoder, context };
    let message_id = chat::send(ports, &message).await?.to_string();
    Ok(MessageAck { message_id })
}
