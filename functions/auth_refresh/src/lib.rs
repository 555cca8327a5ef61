//! `POST /api/auth/refresh`: exchanges a refresh token for the next one.

use auth::{RefreshTokens, Tokens};
use domain::accounts;
use domain::{Error, Result};
use gateway::Edge;
use gateway::rest::{Answer, Call};
use lambda_http::{Body, Request, Response};
use protocol::rest::RefreshToken;
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
    let call = Call::new(&deps.edge, "auth_refresh", &request);
    let result = refresh(deps, &call).await;
    call.respond(result)
}

async fn refresh(deps: &Deps, call: &Call<'_>) -> Result<Answer> {
    let RefreshToken(token) = RefreshToken::parse(call.body()?)?;
    let presented = RefreshTokens::parse(&token).ok_or(Error::InvalidRefreshToken)?;
    let grant = accounts::refresh(&deps.store, &RefreshTokens, call.context(), &presented).await?;
    Ok(Answer::ok(&call.auth(&deps.tokens, grant)))
}
