//! `GET /api/session/active`: lists active sessions, newest first: to an account those that are public, to an app its own.

use domain::ports::ActiveSessions;
use domain::{Result, SessionId, accounts};
use gateway::ReadTools;
use gateway::rest::{Answer, RestRequest};
use lambda_http::{Body, Request, Response};
use protocol::rest::SessionView;
use store::Store;

/// What this function needs.
pub type Deps = ReadTools<Store>;

/// Answers the route.
pub async fn handle(deps: &Deps, request: Request) -> Response<Body> {
    let request = RestRequest::new(&deps.surroundings, "session_active", &request);
    let result = list(deps, &request).await;
    request.respond(result)
}

async fn list(deps: &Deps, request: &RestRequest<'_>) -> Result<Answer> {
    let caller = request.caller(&deps.callers, &deps.store).await?;
    accounts::require_live(&deps.store, request.context(), &caller).await?;
    let listed = caller.require_list()?;
    let page = request.page::<SessionId>()?;
    let scope = caller.scope();
    let listed = deps.store.active(&scope.project, listed, page.limit, page.before).await?;
    let next = listed.next.map(|last| request.next_page(&page, &last));
    // A session that is just being ended is still listed for a moment.
    let active: Vec<_> =
        listed.items.iter().filter(|s| s.is_active() && scope.holds(s)).map(SessionView::from).collect();
    Ok(Answer::ok(&active).with_link(next))
}
