//! `POST /api/auth/logout`: revokes a login and closes its connections.

use auth::RefreshTokens;
use domain::accounts;
use domain::connections;
use domain::{Error, Result};
use gateway::Edge;
use gateway::rest::{Answer, Call};
use lambda_http::{Body, Request, Response};
use protocol::rest::RefreshToken;
use protocol::signaling::Json;
use push::Push;
use runtime::{Missing, Runtime, settings};
use store::Store;

/// What this function needs.
pub struct Deps {
    edge: Edge,
    store: Store,
    push: Push,
}

impl Deps {
    /// From configuration; names the setting that is missing.
    pub fn new(runtime: &Runtime) -> Result<Self, Missing> {
        Ok(Self {
            edge: runtime.edge()?,
            store: Store::new(runtime.aws()?, runtime.settings.required(settings::TABLE)?, runtime.backoff()),
            push: Push::new(
                runtime.aws()?,
                runtime.settings.required(settings::CONNECTIONS_ENDPOINT)?,
                runtime.backoff(),
            ),
        })
    }
}

/// Answers the route.
pub async fn handle(deps: &Deps, request: Request) -> Response<Body> {
    let call = Call::new(&deps.edge, "auth_logout", &request);
    let result = logout(deps, &call).await;
    call.respond(result)
}

async fn logout(deps: &Deps, call: &Call<'_>) -> Result<Answer> {
    let RefreshToken(token) = RefreshToken::parse(call.body()?)?;
    let presented = RefreshTokens::parse(&token).ok_or(Error::InvalidRefreshToken)?;
    accounts::logout(&deps.store, &RefreshTokens, call.context(), &presented).await?;
    call.note_user(presented.user);
    let revoked = |family| family == presented.family;
    connections::evict(&deps.store, &deps.push, &Json, call.context(), presented.user, revoked).await?;
    Ok(Answer::no_content())
}
