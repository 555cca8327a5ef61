//! `POST /api/auth/password`: changes the password and ends every other login.

use auth::{Argon2Hasher, RefreshTokens, Tokens};
use delay::DelayQueue;
use domain::ports::Ports;
use domain::{Result, accounts, eviction};
use gateway::Surroundings;
use gateway::rest::{Answer, RestRequest};
use lambda_http::{Body, Request, Response};
use protocol::rest::ChangePassword;
use protocol::signaling::JsonEncoder;
use push::Push;
use runtime::{Runtime, SettingError};
use store::Store;

/// What this function needs.
pub struct Deps {
    surroundings: Surroundings,
    store: Store,
    push: Push,
    delay: DelayQueue,
    hasher: Argon2Hasher,
    tokens: Tokens,
    refresh_tokens: RefreshTokens,
}

impl Deps {
    /// From configuration; names the setting that is missing.
    pub fn new(runtime: &Runtime) -> Result<Self, SettingError> {
        Ok(Self {
            surroundings: runtime.get()?,
            store: runtime.get()?,
            push: runtime.get()?,
            delay: runtime.get()?,
            hasher: runtime.get()?,
            tokens: runtime.get()?,
            refresh_tokens: runtime.get()?,
        })
    }
}

/// Answers the route.
pub async fn handle(deps: &Deps, request: Request) -> Response<Body> {
    let request = RestRequest::new(&deps.surroundings, "auth_password", &request);
    let result = change(deps, &request).await;
    request.respond(result)
}

async fn change(deps: &Deps, request: &RestRequest<'_>) -> Result<Answer> {
    let caller = request.account(&deps.tokens)?;
    let ChangePassword { current, new } = ChangePassword::parse(request.body()?)?;
    let (store, context) = (&deps.store, request.context());
    let changed =
        accounts::change_password(store, &deps.hasher, &deps.refresh_tokens, context, &caller, &current, &new);
    let grant = changed.await?;
    let ports = Ports { store, sockets: &deps.push, delays: &deps.delay, encoder: &JsonEncoder, context };
    let (user, kept) = (caller.user_id, grant.family);
    if let Err(error) = eviction::evict(ports, user, |family| family != kept).await {
        // The password is changed and the other logins are over, which the caller must learn. A delayed message ends what
        // they still hold.
        tracing::warn!(user.id = %user, outcome = error.code(), "connections of ended logins were left for later");
    }
    Ok(Answer::ok(&request.auth(&deps.tokens, grant)))
}
