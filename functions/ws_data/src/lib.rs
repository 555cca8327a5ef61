//! `sendData`, `sendRpc`, `answerRpc`, `updateAttributes`, `raiseHand`: what apps send between their users' clients, and what
//! participants say of themselves.

use aws_lambda_events::apigw::{ApiGatewayProxyResponse, ApiGatewayWebsocketProxyRequest};
use delay::DelayQueue;
use domain::about::{self, Saying};
use domain::data;
use domain::{Error, Permission, Result, Sender};
use gateway::JoinedTools;
use gateway::websocket::{FrameRequest, silence};
use protocol::data::{DataAck, SendAck};
use protocol::signaling::{AboutData, Nothing};
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

async fn send(deps: &Deps, request: &FrameRequest<'_>) -> Result<SendAck> {
    let frame = request.frame()?;
    let (context, session) = (request.context(), request.identity.held.session);
    let ports = deps.ports(context);
    match frame.action.as_str() {
        "sendData" => {
            let (sent, from) = (frame.send_data()?, sender(deps, request).await?);
            let named = sent.into_data(Some(from), context, |name| name.parse().ok());
            let (data, to) = named.ok_or(Error::PeerNotFound)?;
            data::send_data(ports, session, &data, &to).await?;
            Ok(SendAck::Data(DataAck { data_id: data.id }))
        }
        "sendRpc" => {
            let (call, to) = frame.send_rpc()?;
            let rpc = call.by(sender(deps, request).await?);
            data::call(ports, session, to.ok_or(Error::PeerNotFound)?, &rpc).await?;
            Ok(SendAck::Nothing(Nothing {}))
        }
        "answerRpc" => {
            let (answer, to) = frame.answer_rpc()?;
            let answer = answer.by(sender(deps, request).await?);
            data::answer(ports, session, to.ok_or(Error::PeerNotFound)?, &answer).await?;
            Ok(SendAck::Nothing(Nothing {}))
        }
        "updateAttributes" => say(deps, request, frame.update_attributes()?).await,
        "raiseHand" => say(deps, request, frame.raise_hand()?).await,
        _ => Err(Error::UnknownAction),
    }
}

/// What a participant says of themselves.
async fn say(deps: &Deps, request: &FrameRequest<'_>, saying: Saying) -> Result<SendAck> {
    let (context, held) = (request.context(), &request.identity.held);
    let standing = deps.check(context, held).await?;
    about::say(deps.ports(context), held, &standing, saying).await.map(AboutData::from).map(SendAck::About)
}

/// Who sends, once it is known that they have joined and may.
async fn sender(deps: &Deps, request: &FrameRequest<'_>) -> Result<Sender> {
    let standing = deps.check(request.context(), &request.identity.held).await?;
    standing.rights.require(Permission::Data)?;
    Ok(standing.sender)
}
