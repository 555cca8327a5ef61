//! `POST /api/auth/login`: logs in.

use auth::{Argon2Hasher, RefreshTokens, Tokens};
use domain::accounts;
use domain::{Error, Metric, Result};
use gateway::Edge;
use gateway::rest::{Answer, Call};
use lambda_http::{Body, Request, Response};
use protocol::rest::Login;
use runtime::{Missing, Runtime, settings};
use store::Store;

/// What this function needs.
pub struct Deps {
    edge: Edge,
    store: Store,
    hasher: Argon2Hasher,
    tokens: Tokens,
}

impl Deps {
    /// From configuration; names the setting that is missing.
    pub fn new(runtime: &Runtime) -> Result<Self, Missing> {
        Ok(Self {
            edge: runtime.edge()?,
            store: Store::new(runtime.aws()?, runtime.settings.required(settings::TABLE)?, runtime.backoff()),
            hasher: Argon2Hasher::default(),
            tokens: Tokens::new(&runtime.settings.secrets()?),
        })
    }
}

/// Answers the route.
pub async fn handle(deps: &Deps, request: Request) -> Response<Body> {
    let call = Call::new(&deps.edge, "auth_login", &request);
    let result = login(deps, &call).await;
    if let Err(Error::InvalidCredentials | Error::RateLimited { .. }) = result {
        call.count(Metric::LoginsRefused);
    }
    call.respond(result)
}

async fn login(deps: &Deps, call: &Call<'_>) -> Result<Answer> {
    let Login { email, password } = Login::parse(call.body()?)?;
    let (store, context, address) = (&deps.store, call.context(), call.address());
    let grant = accounts::login(store, &deps.hasher, &RefreshTokens, context, &email, &password, &address).await?;
    Ok(Answer::ok(&call.auth(&deps.tokens, grant)))
}
