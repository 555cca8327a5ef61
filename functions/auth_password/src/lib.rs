//! `POST /api/auth/password`: changes the password and ends every other login.

use auth::{Argon2Hasher, RefreshTokens, Tokens};
use domain::Result;
use domain::accounts;
use domain::connections;
use gateway::Edge;
use gateway::rest::{Answer, Call};
use lambda_http::{Body, Request, Response};
use protocol::rest::ChangePassword;
use protocol::signaling::Json;
use push::Push;
use runtime::{Missing, Runtime, settings};
use store::Store;

/// What this function needs.
pub struct Deps {
    edge: Edge,
    store: Store,
    push: Push,
    hasher: Argon2Hasher,
    tokens: Tokens,
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
            hasher: Argon2Hasher::default(),
            tokens: Tokens::new(&runtime.settings.secrets()?),
        })
    }
}

/// Answers the route.
pub async fn handle(deps: &Deps, request: Request) -> Response<Body> {
    let call = Call::new(&deps.edge, "auth_password", &request);
    let result = change(deps, &call).await;
    call.respond(result)
}

async fn change(deps: &Deps, call: &Call<'_>) -> Result<Answer> {
    let caller = call.caller(&deps.tokens)?;
    let ChangePassword { current, new } = ChangePassword::parse(call.body()?)?;
    let (store, context, user) = (&deps.store, call.context(), caller.user_id);
    let changed = accounts::change_password(store, &deps.hasher, &RefreshTokens, context, user, &current, &new);
    let grant = changed.await?;
    let revoked = |family| family != caller.family;
    connections::evict(store, &deps.push, &Json, context, user, revoked).await?;
    Ok(Answer::ok(&call.auth(&deps.tokens, grant)))
}
