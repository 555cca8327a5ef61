//! `DELETE /api/auth/me`: deletes the account with its sessions and messages.

use auth::{Argon2Hasher, Tokens};
use domain::Result;
use domain::accounts;
use domain::erasure;
use gateway::Surroundings;
use gateway::rest::{Answer, RestRequest};
use lambda_http::{Body, Request, Response};
use protocol::rest::DeleteAccount;
use protocol::signaling::Json;
use push::Push;
use runtime::{Runtime, SettingError};
use store::Store;

/// What this function needs.
pub struct Deps {
    surroundings: Surroundings,
    store: Store,
    push: Push,
    hasher: Argon2Hasher,
    tokens: Tokens,
}

impl Deps {
    /// From configuration; names the setting that is missing.
    pub fn new(runtime: &Runtime) -> Result<Self, SettingError> {
        Ok(Self {
            surroundings: runtime.get()?,
            store: runtime.get()?,
            push: runtime.get()?,
            hasher: runtime.get()?,
            tokens: runtime.get()?,
        })
    }
}

/// Answers the route.
pub async fn handle(deps: &Deps, request: Request) -> Response<Body> {
    let request = RestRequest::new(&deps.surroundings, "auth_delete", &request);
    let result = delete(deps, &request).await;
    request.respond(result)
}

async fn delete(deps: &Deps, request: &RestRequest<'_>) -> Result<Answer> {
    let caller = request.caller(&deps.tokens)?;
    let DeleteAccount(password) = DeleteAccount::parse(request.body()?)?;
    let (store, context) = (&deps.store, request.context());
    let user = accounts::prove_password(store, &deps.hasher, context, caller.user_id, &password).await?;
    erasure::erase(store, &deps.push, &Json, context, &user).await?;
    Ok(Answer::no_content())
}
