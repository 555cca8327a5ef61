//! `POST /api/auth/register`: opens an account and logs it in.

use auth::{Argon2Hasher, RefreshTokens, Tokens};
use domain::Result;
use domain::accounts::{self, Registration};
use gateway::Edge;
use gateway::rest::{Answer, Call};
use lambda_http::{Body, Request, Response};
use protocol::rest::Register;
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
    let call = Call::new(&deps.edge, "auth_register", &request);
    let result = register(deps, &call).await;
    call.respond(result)
}

async fn register(deps: &Deps, call: &Call<'_>) -> Result<Answer> {
    let Register { username, email, password } = Register::parse(call.body()?)?;
    let registration = Registration { username, email, password, address: call.address() };
    let grant = accounts::register(&deps.store, &deps.hasher, &RefreshTokens, call.context(), registration).await?;
    Ok(Answer::created(&call.auth(&deps.tokens, grant)))
}
