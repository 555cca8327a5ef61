//! `DELETE /api/auth/me`: deletes the account with its sessions and messages.

use auth::{Argon2Hasher, Tokens};
use delay::{DelayQueue, TendingQueue};
use domain::erasure::Erasure;
use domain::ports::Ports;
use domain::{Result, accounts};
use gateway::Surroundings;
use gateway::rest::{Answer, RestRequest};
use lambda_http::{Body, Request, Response};
use protocol::rest::DeleteAccount;
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
    queue: TendingQueue,
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
            delay: runtime.get()?,
            queue: runtime.get()?,
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
    let caller = request.account(&deps.tokens)?;
    let DeleteAccount(password) = DeleteAccount::parse(request.body()?)?;
    let (store, context) = (&deps.store, request.context());
    let user = accounts::prove_password(store, &deps.hasher, context, caller.user_id, &password).await?;
    let ports = Ports { store, sockets: &deps.push, delays: &deps.delay, encoder: &JsonEncoder, context };
    let erasure = Erasure { ports, recordings: &deps.queue };
    erasure.erase(&user).await?;
    Ok(Answer::no_content())
}
