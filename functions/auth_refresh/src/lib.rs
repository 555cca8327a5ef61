//! `POST /api/auth/refresh`: exchanges a refresh token for the next one.

use auth::{RefreshTokens, Tokens};
use domain::{Error, Result, accounts};
use gateway::Surroundings;
use gateway::rest::{Answer, RestRequest};
use lambda_http::{Body, Request, Response};
use protocol::rest::RefreshToken;
use runtime::{Runtime, SettingError};
use store::Store;

/// What this function needs.
pub struct Deps {
    surroundings: Surroundings,
    store: Store,
    tokens: Tokens,
    refresh_tokens: RefreshTokens,
}

impl Deps {
    /// From configuration; names the setting that is missing.
    pub fn new(runtime: &Runtime) -> Result<Self, SettingError> {
        Ok(Self {
            surroundings: runtime.get()?,
            store: runtime.get()?,
            tokens: runtime.get()?,
            refresh_tokens: runtime.get()?,
        })
    }
}

/// Answers the route.
pub async fn handle(deps: &Deps, request: Request) -> Response<Body> {
    let request = RestRequest::new(&deps.surroundings, "auth_refresh", &request);
    let result = refresh(deps, &request).await;
    request.respond(result)
}

async fn refresh(deps: &Deps, request: &RestRequest<'_>) -> Result<Answer> {
    let RefreshToken(token) = RefreshToken::parse(request.body()?)?;
    let presented = RefreshTokens::parse(&token).ok_or(Error::InvalidRefreshToken)?;
    let grant = accounts::refresh(&deps.store, &deps.refresh_tokens, request.context(), &presented).await?;
    Ok(Answer::ok(&request.auth(&deps.tokens, grant)))
}
