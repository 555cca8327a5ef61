//! `sendMessage`, `sendCaption`: send what somebody writes or says to everybody in the session.

use aws_lambda_events::apigw::{ApiGatewayProxyResponse, ApiGatewayWebsocketProxyRequest};
use delay::DelayQueue;
use domain::ports::{ChatMessage, Spoken};
use domain::{Error, Permission, Result, captions, chat};
use gateway::JoinedTools;
use gateway::websocket::{FrameRequest, silence};
use protocol::captions::ClientCaption;
use protocol::signaling::{ClientMessage, MessageAck, Nothing, SaidAck};
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

async fn send(deps: &Deps, request: &FrameRequest<'_>) -> Result<SaidAck> {
    let frame = request.frame()?;
    match frame.action.as_str() {
        "sendMessage" => write(deps, request, frame.message()?).await.map(SaidAck::Message),
        "sendCaption" => say(deps, request, frame.caption()?).await.map(SaidAck::Nothing),
        _ => Err(Error::UnknownAction),
    }
}

async fn write(deps: &Deps, request: &FrameRequest<'_>, sent: ClientMessage) -> Result<MessageAck> {
    request.limit_chat()?;
    let (context, held) = (request.context(), &request.identity.held);
    let standing = deps.check(context, held).await?;
    standing.rights.require(Permission::Chat)?;
    let message = ChatMessage::new(context, held.session, standing.sender, sent.text, sent.client_id);
    let message_id = chat::send(deps.ports(context), &message).await?.to_string();
    Ok(MessageAck { message_id })
}

async fn say(deps: &Deps, request: &FrameRequest<'_>, sent: ClientCaption) -> Result<Nothing> {
    request.limit_captions()?;
    let (context, held) = (request.context(), &request.identity.held);
    let standing = deps.check(context, held).await?;
    standing.rights.require(Permission::PublishAudio)?;
    let spoken = Spoken::new(sent.language, sent.began, context.now)?;
    let said = ChatMessage::new(context, held.session, standing.sender, sent.text, Some(sent.id));
    match sent.is_final {
        true => chat::send(deps.ports(context), &said.spoken(spoken)).await.map(drop)?,
        false => captions::show(deps.ports(context), &said, &spoken).await?,
    }
    Ok(Nothing {})
}
