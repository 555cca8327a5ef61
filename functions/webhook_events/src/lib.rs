//! `GET /api/events`: what happened in the sessions of an app, for a backend that was down or wants to compare.

use domain::{Result, endpoints};
use gateway::ReadTools;
use gateway::rest::{Answer, RestRequest};
use lambda_http::{Body, Request, Response};
use protocol::endpoints::{EventsView, parse_events_query};
use store::Store;

/// What this function needs.
pub type Deps = ReadTools<Store>;

/// Answers the route.
pub async fn handle(deps: &Deps, request: Request) -> Response<Body> {
    let request = RestRequest::new(&deps.surroundings, "webhook_events", &request);
    let result = list(deps, &request).await;
    request.respond(result)
}

async fn list(deps: &Deps, request: &RestRequest<'_>) -> Result<Answer> {
    let caller = request.caller(&deps.callers, &deps.store).await?;
    caller.require_project()?;
    let wanted = parse_events_query(|name| request.query(name))?;
    let page = endpoints::events(&deps.store, request.context(), &caller.scope().project, &wanted).await?;
    Ok(Answer::ok(&EventsView::new(page.items, page.next.as_ref())))
}
