//! `GET /api/auth/me`: shows the caller's account.

use auth::Tokens;
use domain::accounts::Users;
use domain::{Error, Result};
use gateway::Edge;
use gateway::rest::{Answer, Call};
use lambda_http::{Body, Request, Response};
use protocol::rest::Me;
use runtime::{Missing, Runtime, settings};
use store::Store;

/// What this function needs.
pub struct Deps {
    edge: Edge,
    store: Store,
    tokens: Tokens,
}

impl Deps {
    /// From configuration; names the setting that is missing.
    pub fn new(runtime: &Runtime) -> Result<Self, Missing> {
        Ok(Self {
            edge: runtime.edge()?,
            store: Store::new(runtime.aws()?, runtime.settings.required(settings::TABLE)?, runtime.backoff()),
            tokens: Tokens::new(&runtime.settings.secrets()?),
        })
    }
}

/// Answers the route.
pub async fn handle(deps: &Deps, request: Request) -> Response<Body> {
    let call = Call::new(&deps.edge, "auth_me", &request);
    let result = me(deps, &call).await;
    call.respond(result)
}

async fn me(deps: &Deps, call: &Call<'_>) -> Result<Answer> {
    let caller = call.caller(&deps.tokens)?;
    let user = deps.store.by_id(caller.user_id).await?.ok_or(Error::Unauthorized)?;
    Ok(Answer::ok(&Me::from(&user)))
}
