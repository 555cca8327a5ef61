//! `POST /api/session/{sessionId}/stats`: keeps what a client saw of a call in a minute, where its socket is gone.

use domain::quality::{self, Reporter};
use domain::{Result, accounts};
use gateway::ReadTools;
use gateway::rest::{Answer, RestRequest};
use lambda_http::{Body, Request, Response};
use protocol::quality::parse_report;
use protocol::signaling::Nothing;
use store::Store;

/// What this function needs.
pub type Deps = ReadTools<Store>;

/// Answers the route.
pub async fn handle(deps: &Deps, request: Request) -> Response<Body> {
    let request = RestRequest::new(&deps.surroundings, "session_stats", &request);
    let result = keep(deps, &request).await;
    request.respond(result)
}

async fn keep(deps: &Deps, request: &RestRequest<'_>) -> Result<Answer> {
    let caller = request.seated_caller(&deps.callers, &deps.store).await?;
    let (context, room, person) = (request.context(), request.session_in_path()?, caller.person()?);
    accounts::require_live(&deps.store, context, &caller).await?;
    if context.policy.call_quality {
        let report = parse_report(request.body()?, request.now())?;
        let from = Reporter {
            user: person.user_id,
            username: &person.username,
            identity: person.identity.as_ref(),
            scope: Some(&person.scope),
        };
        quality::report(&deps.store, context, from, &room, &report).await?;
    }
    Ok(Answer::accepted(&Nothing {}))
}
