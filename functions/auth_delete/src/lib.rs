//! `DELETE /api/auth/me`: deletes the account with its sessions and messages.

use auth::{Argon2Hasher, Tokens};
use domain::Result;
use domain::accounts;
use domain::erasure;
use gateway::Edge;
use gateway::rest::{Answer, Call};
use lambda_http::{Body, Request, Response};
use protocol::rest::DeleteAccount;
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
    let call = Call::new(&deps.edge, "auth_delete", &request);
    let result = delete(deps, &call).await;
    call.respond(result)
}

async fn delete(deps: &Deps, call: &Call<'_>) -> Result<Answer> {
    let caller = call.caller(&deps.tokens)?;
    let DeleteAccount(password) = DeleteAccount::parse(call.body()?)?;
    let (store, context) = (&deps.store, call.context());
    let user = accounts::prove_password(store, &deps.hasher, context, caller.user_id, &password).await?;
    erasure::erase(store, &deps.push, &Json, context, &user).await?;
    Ok(Answer::no_content())
}
