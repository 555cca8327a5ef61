//! `POST /api/session/{sessionId}/messages` and `/data`: a chat message, or data, of those who steer a session.

use delay::DelayQueue;
use domain::moderation::{self, Actor};
use domain::ports::ChatMessage;
use domain::{Caller, Error, Result, SessionId};
use gateway::RestTools;
use gateway::rest::{Answer, RestRequest, user_named};
use lambda_http::{Body, Request, Response};
use protocol::data::DataAck;
use protocol::rest::{ChatView, parse_data, parse_message};
use push::Push;
use store::Store;

/// What this function needs.
pub type Deps = RestTools<Store, Push, DelayQueue>;

/// Answers the routes.
pub async fn handle(deps: &Deps, request: Request) -> Response<Body> {
    let request = deps.request("session_say", &request);
    let result = answer(deps, &request).await;
    request.respond(result)
}

async fn answer(deps: &Deps, request: &RestRequest<'_>) -> Result<Answer> {
    let (caller, session) = deps.asked(request).await?;
    match request.last_step() {
        "data" => send_data(deps, request, &caller, session).await,
        _ => say(deps, request, &caller, session).await,
    }
}

async fn say(deps: &Deps, request: &RestRequest<'_>, caller: &Caller, session: SessionId) -> Result<Answer> {
    let (sent, shown) = parse_message(request.body()?)?;
    let message = ChatMessage::new(request.context(), session, caller.writer(shown)?, sent.text, sent.client_id);
    let said = moderation::say(deps.ports(request), Actor::Caller(caller), &message).await?;
    Ok(Answer::created(&ChatView::from(said)))
}

async fn send_data(deps: &Deps, request: &RestRequest<'_>, caller: &Caller, session: SessionId) -> Result<Answer> {
    let sent = parse_data(request.body()?)?;
    let user = |name: &str| user_named(&caller.scope().project, name);
    let named = sent.into_data(caller.sender(), request.context(), user);
    let (data, to) = named.ok_or(Error::ParticipantNotFound)?;
    moderation::send_data(deps.ports(request), Actor::Caller(caller), session, &data, &to).await?;
    Ok(Answer::ok(&DataAck { data_id: data.id }))
}
