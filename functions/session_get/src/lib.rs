//! `GET /api/session/{sessionId}`: shows a session with its participants.

use domain::{Result, accounts, sessions};
use gateway::ReadTools;
use gateway::rest::{Answer, RestRequest};
use lambda_http::{Body, Request, Response};
use protocol::rest::SessionDetail;
use store::Store;

/// What this function needs.
pub type Deps = ReadTools<Store>;

/// Answers the route.
pub async fn handle(deps: &Deps, request: Request) -> Response<Body> {
    let request = RestRequest::new(&deps.surroundings, "session_get", &request);
    let result = show(deps, &request).await;
    request.respond(result)
}

async fn show(deps: &Deps, request: &RestRequest<'_>) -> Result<Answer> {
    let caller = request.caller(&deps.callers, &deps.store).await?;
    let (context, room) = (request.context(), request.session_in_path()?);
    accounts::require_live(&deps.store, context, &caller).await?;
    let roster = sessions::show(&deps.store, context, &caller, room).await?;
    Ok(Answer::ok(&SessionDetail::new(&roster, request.now())))
}
