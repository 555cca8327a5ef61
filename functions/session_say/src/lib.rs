//! `POST /api/session/{sessionId}/messages`: a chat message of those who steer a session.

use delay::DelayQueue;
use domain::moderation::{self, Actor};
use domain::ports::ChatMessage;
use domain::{MessageId, Result};
use gateway::RestTools;
use gateway::rest::{Answer, RestRequest};
use lambda_http::{Body, Request, Response};
use protocol::rest::{ChatView, parse_message};
use push::Push;
use store::Store;

/// What this function needs.
pub type Deps = RestTools<Store, Push, DelayQueue>;

/// Answers the route.
pub async fn handle(deps: &Deps, request: Request) -> Response<Body> {
    let request = deps.request("session_say", &request);
    let result = say(deps, &request).await;
    request.respond(result)
}

async fn say(deps: &Deps, request: &RestRequest<'_>) -> Result<Answer> {
    let (caller, session) = deps.asked(request).await?;
    let (sent, shown) = parse_message(request.body()?)?;
    let (from, username) = caller.writer(shown)?;
    let context = request.context();
    let message = ChatMessage {
        id: MessageId::new(context.ids, context.now),
        session,
        from,
        username,
        text: sent.text,
        client_id: sent.client_id,
    };
    let said = moderation::say(deps.ports(request), Actor::Caller(&caller), &message).await?;
    Ok(Answer::created(&ChatView::from(said)))
}
