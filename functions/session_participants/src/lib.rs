//! `GET /api/session/{sessionId}/participants`, and one of them: who takes part, and what they may do.

use domain::moderation::{self, Actor};
use domain::ports::Abouts;
use domain::{Error, Result, sessions};
use gateway::ReadTools;
use gateway::rest::{Answer, RestRequest};
use lambda_http::{Body, Request, Response};
use protocol::rest::ParticipantDetail;
use store::Store;

/// What this function needs.
pub type Deps = ReadTools<Store>;

/// Answers the routes.
pub async fn handle(deps: &Deps, request: Request) -> Response<Body> {
    let request = RestRequest::new(&deps.surroundings, "session_participants", &request);
    let result = show(deps, &request).await;
    request.respond(result)
}

async fn show(deps: &Deps, request: &RestRequest<'_>) -> Result<Answer> {
    let caller = request.seated_caller(&deps.callers, &deps.store).await?;
    let context = request.context();
    let session = sessions::find_for(&deps.store, context, &caller, &request.session_in_path()?).await?;
    let roster = moderation::watch(&deps.store, context, Actor::Caller(&caller), session).await?;
    let abouts = deps.store.abouts(session, request.now()).await?;
    let mut present = roster.present(request.now());
    if !request.names_a_user() {
        let all: Vec<_> = present.map(|participant| ParticipantDetail::new(participant, &abouts)).collect();
        return Ok(Answer::ok(&all));
    }
    let user = request.user_in_path(&caller.scope().project)?;
    let found = present.find(|participant| participant.user_id == user).ok_or(Error::ParticipantNotFound)?;
    Ok(Answer::ok(&ParticipantDetail::new(found, &abouts)))
}
