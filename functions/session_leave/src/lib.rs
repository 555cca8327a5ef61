//! `POST /api/session/leave`: gives a seat up.

use delay::DelayQueue;
use domain::{Result, sessions};
use gateway::RestTools;
use gateway::rest::{Answer, RestRequest};
use lambda_http::{Body, Request, Response};
use protocol::rest::{Done, parse_session_ref};
use push::Push;
use store::Store;

/// What this function needs.
pub type Deps = RestTools<Store, Push, DelayQueue>;

/// Answers the route.
pub async fn handle(deps: &Deps, request: Request) -> Response<Body> {
    let request = deps.request("session_leave", &request);
    let result = leave(deps, &request).await;
    request.respond(result)
}

async fn leave(deps: &Deps, request: &RestRequest<'_>) -> Result<Answer> {
    let caller = deps.caller(request).await?;
    let (store, person) = (&deps.tools.store, caller.person()?);
    let room = sessions::meant(&person.scope, parse_session_ref(request.body()?)?)?;
    let session = sessions::find(store, request.context(), &caller, &room).await?;
    sessions::leave(deps.ports(request), person, session).await?;
    Ok(Answer::ok(&Done { message: "You left the session." }))
}
