//! `GET /api/auth/me`: shows the caller's account.

use auth::Tokens;
use domain::ports::Users;
use domain::{Error, Result};
use gateway::Surroundings;
use gateway::rest::{Answer, RestRequest};
use lambda_http::{Body, Request, Response};
use protocol::rest::Me;
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
    let request = RestRequest::new(&deps.surroundings, "auth_me", &request);
    let result = me(deps, &request).await;
    request.respond(result)
}

async fn me(deps: &Deps, request: &RestRequest<'_>) -> Result<Answer> {
    let caller = request.account(&deps.tokens)?;
    let user = deps.store.by_id(caller.user_id).await?.ok_or(Error::Unauthorized)?;
    Ok(Answer::ok(&Me::new(&user, request.context().policy)))
}
