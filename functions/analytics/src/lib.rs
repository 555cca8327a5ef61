//! `GET /api/analytics/...`: the quality of calls, for those who host them and for the backends of apps.

use domain::analytics::{self, Question, Viewer};
use domain::{Caller, Error, Result, accounts};
use gateway::ReadTools;
use gateway::rest::{Answer, RestRequest};
use lambda_http::{Body, Request, Response};
use protocol::Page;
use protocol::analytics::{
    CallDetailView, CallView, OverviewView, SeriesView, asked_again, parse_calls, parse_metric, parse_span,
};
use store::Store;

/// What this function needs.
pub type Deps = ReadTools<Store>;

/// Answers the routes.
pub async fn handle(deps: &Deps, request: Request) -> Response<Body> {
    let request = RestRequest::new(&deps.surroundings, "analytics", &request);
    let result = show(deps, &request).await;
    request.respond(result)
}

async fn show(deps: &Deps, request: &RestRequest<'_>) -> Result<Answer> {
    let caller = request.caller(&deps.callers, &deps.store).await?;
    accounts::require_live(&deps.store, request.context(), &caller).await?;
    match request.template() {
        "/api/analytics/sessions" => list(deps, request, &caller).await,
        "/api/analytics/overview" => overview(deps, request, &caller).await,
        "/api/analytics/sessions/{sessionId}" => detail(deps, request, &caller).await,
        _ => series(deps, request, &caller).await,
    }
}

async fn list(deps: &Deps, request: &RestRequest<'_>, caller: &Caller) -> Result<Answer> {
    let viewer = Viewer::of_lists(caller)?;
    let wanted = parse_calls(|name| request.query(name), request.now())?;
    let found = analytics::calls(&deps.store, request.context(), viewer, &wanted).await?;
    let page = Page { limit: wanted.limit, before: wanted.before };
    let next = found.next.map(|last| request.next_page_asked(&page, &last, &asked_again(&wanted)));
    Ok(Answer::ok(&found.items.iter().map(CallView::from).collect::<Vec<_>>()).with_link(next))
}

async fn overview(deps: &Deps, request: &RestRequest<'_>, caller: &Caller) -> Result<Answer> {
    let viewer = Viewer::of_lists(caller)?;
    let span = parse_span(request.query("from"), request.query("to"), request.now())?;
    let sum = analytics::overview(&deps.store, request.context(), viewer, span).await?;
    Ok(Answer::ok(&OverviewView::new(span, &sum)))
}

async fn detail(deps: &Deps, request: &RestRequest<'_>, caller: &Caller) -> Result<Answer> {
    let (viewer, session) = (Viewer::of_calls(caller)?, request.session_in_path()?);
    let call = analytics::call(&deps.store, request.context(), viewer, &session).await?;
    Ok(Answer::ok(&CallDetailView::from(&call)))
}

async fn series(deps: &Deps, request: &RestRequest<'_>, caller: &Caller) -> Result<Answer> {
    let (viewer, session) = (Viewer::of_calls(caller)?, request.session_in_path()?);
    let project = &caller.scope().project;
    let user = request.user_in_query("userId", project)?.ok_or_else(|| Error::field("userId", "is missing"))?;
    let (metric, peer) = (parse_metric(request.query("metric"))?, request.user_in_query("peerUserId", project)?);
    let question = Question { user, metric, peer };
    let series = analytics::series(&deps.store, request.context(), viewer, &session, question).await?;
    Ok(Answer::ok(&SeriesView::new(metric, &series)))
}
