//! `sendMessage`: sends a chat message to everybody in the session.

use std::sync::Arc;

use aws_lambda_events::apigw::{ApiGatewayProxyResponse, ApiGatewayWebsocketProxyRequest};
use domain::MessageId;
use domain::chat::{self, ChatMessage};
use domain::relay::Standings;
use gateway::Edge;
use gateway::websocket::Call;
use protocol::signaling::{Json, MessageAck};
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
    let result = send(deps, &call).await;
    Ok(call.respond(result))
}

async fn send(deps: &Deps, call: &Call<'_>) -> domain::Result<MessageAck> {
    let text = call.frame()?.message()?;
    let (context, identity) = (call.context(), &call.identity);
    deps.standings.check(&deps.store, context, &identity.held).await?;
    let message = ChatMessage {
        id: MessageId::new(context.ids, context.now),
        session: identity.held.session,
        from: identity.held.user,
        username: identity.username.clone(),
        text,
    };
    chat::send(&deps.store, &deps.push, &Json, context, &message).await?;
    Ok(MessageAck { message_id: message.id.to_string() })
}
