//! `POST /api/auth/register`: opens an account and logs it in.

use auth::{Argon2Hasher, RefreshTokens, Tokens};
use domain::accounts::Registration;
use domain::{Result, accounts};
use gateway::rest::{Answer, RestRequest};
use gateway::{Edge, Surroundings};
use lambda_http::{Body, Request, Response};
use protocol::rest::Register;
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
    let request = RestRequest::new(&deps.surroundings, "auth_register", &request);
    let result = register(deps, &request).await;
    request.respond(result)
}

async fn register(deps: &Deps, request: &RestRequest<'_>) -> Result<Answer> {
    let Register { username, email, password } = Register::parse(request.body()?)?;
    let registration = Registration { username, email, password, address: request.network(&deps.edge) };
    let grant =
        accounts::register(&deps.store, &deps.hasher, &deps.refresh_tokens, request.context(), registration).await?;
    Ok(Answer::created(&request.auth(&deps.tokens, grant)))
}
