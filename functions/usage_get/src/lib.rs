//! `GET /api/usage`: adds up what a project used, for its backend.

use domain::{Result, usage};
use gateway::ReadTools;
use gateway::rest::{Answer, RestRequest};
use lambda_http::{Body, Request, Response};
use protocol::usage::UsageView;
use store::Store;

/// What this function needs.
pub type Deps = ReadTools<Store>;

/// Answers the route.
pub async fn handle(deps: &Deps, request: Request) -> Response<Body> {
    let request = RestRequest::new(&deps.surroundings, "usage_get", &request);
    let result = show(deps, &request).await;
    request.respond(result)
}

async fn show(deps: &Deps, request: &RestRequest<'_>) -> Result<Answer> {
    let caller = request.caller(&deps.callers, &deps.store).await?;
    caller.require_project()?;
    let question = request.usage()?;
    let used = usage::used(&deps.store, request.context(), &caller.scope().project, question).await?;
    Ok(Answer::ok(&UsageView::new(question, &used)))
}
