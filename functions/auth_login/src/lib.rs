//! `POST /api/auth/login`: logs in.

use auth::{Argon2Hasher, RefreshTokens, Tokens};
use domain::{Error, Metric, Result, accounts};
use gateway::rest::{Answer, RestRequest};
use gateway::{Edge, Surroundings};
use lambda_http::{Body, Request, Response};
use protocol::rest::Login;
use runtime::{Runtime, SettingError};
use store::Store;

/// What this function needs.
pub struct Deps {
    surroundings: Surroundings,
    edge: Edge,
    store: Store,
    hasher: Argon2Hasher,
    tokens: Tokens,
    refresh_tokens: RefreshTokens,
}

impl Deps {
    /// From configuration; names the setting that is missing.
    pub fn new(runtime: &Runtime) -> Result<Self, SettingError> {
        Ok(Self {
            surroundings: runtime.get()?,
            edge: runtime.get()?,
            store: runtime.get()?,
            hasher: runtime.get()?,
            tokens: runtime.get()?,
            refresh_tokens: runtime.get()?,
        })
    }
}

/// Answers the route.
pub async fn handle(deps: &Deps, request: Request) -> Response<Body> {
    let request = RestRequest::new(&deps.surroundings, "auth_login", &request);
    let result = login(deps, &request).await;
    if let Err(Error::InvalidCredentials | Error::RateLimited { .. }) = result {
        request.count(Metric::LoginsRefused);
    }
    request.respond(result)
}

async fn login(deps: &Deps, request: &RestRequest<'_>) -> Result<Answer> {
    let Login { email, password } = Login::parse(request.body()?)?;
    let (store, context, address) = (&deps.store, request.context(), request.network(&deps.edge));
    let grant =
        accounts::login(store, &deps.hasher, &deps.refresh_tokens, context, &email, &password, &address).await?;
    Ok(Answer::ok(&request.auth(&deps.tokens, grant)))
}
