//! `PATCH /api/session/{sessionId}`: changes a session's settings, for those who steer it.

use delay::DelayQueue;
use domain::Result;
use domain::moderation::{self, Actor};
use gateway::RestTools;
use gateway::rest::{Answer, RestRequest};
use lambda_http::{Body, Request, Response};
use protocol::rest::{SessionView, parse_session_change};
use push::Push;
use store::Store;

/// What this function needs.
pub type Deps = RestTools<Store, Push, DelayQueue>;

/// Answers the route.
pub async fn handle(deps: &Deps, request: Request) -> Response<Body> {
    let request = deps.request("session_update", &request);
    let result = update(deps, &request).await;
    request.respond(result)
}

async fn update(deps: &Deps, request: &RestRequest<'_>) -> Result<Answer> {
    let (caller, session) = deps.asked(request).await?;
    let mut change = parse_session_change(request.body()?)?;
    change.seen = request.if_match()?;
    let changed = moderation::update_session(deps.ports(request), Actor::Caller(&caller), session, &change).await?;
    Ok(Answer::ok(&SessionView::from(&changed)))
}
