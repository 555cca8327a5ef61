//! `GET /api/session/{sessionId}`: shows a session with its participants.

use auth::Tokens;
use domain::ports::Rosters;
use domain::{Error, Result, accounts};
use gateway::Surroundings;
use gateway::rest::{Answer, RestRequest};
use lambda_http::{Body, Request, Response};
use protocol::rest::SessionDetail;
use runtime::{Runtime, SettingError};
use store::Store;

/// What this function needs.
pub struct Deps {
    surroundings: Surroundings,
    store: Store,
    tokens: Tokens,
}

impl Deps {
    /// From configuration; names the setting that is missing.
    pub fn new(runtime: &Runtime) -> Result<Self, SettingError> {
        Ok(Self { surroundings: runtime.get()?, store: runtime.get()?, tokens: runtime.get()? })
    }
}

/// Answers the route.
pub async fn handle(deps: &Deps, request: Request) -> Response<Body> {
    let request = RestRequest::new(&deps.surroundings, "session_get", &request);
    let result = show(deps, &request).await;
    request.respond(result)
}

async fn show(deps: &Deps, request: &RestRequest<'_>) -> Result<Answer> {
    accounts::require_account(&deps.store, &request.caller(&deps.tokens)?).await?;
    let session = request.session_in_path()?;
    let roster = deps.store.roster(session, request.now()).await?.ok_or(Error::SessionNotFound)?;
    Ok(Answer::ok(&SessionDetail::new(&roster, request.now())))
}
