//! `POST /api/session/leave`: gives a seat up.

use auth::Tokens;
use delay::DelayQueue;
use domain::ports::Ports;
use domain::{Result, accounts, sessions};
use gateway::Surroundings;
use gateway::rest::{Answer, RestRequest};
use lambda_http::{Body, Request, Response};
use protocol::rest::{Done, parse_session_id};
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
            tokens: runtime.get()?,
        })
    }
}

/// Answers the route.
pub async fn handle(deps: &Deps, request: Request) -> Response<Body> {
    let request = RestRequest::new(&deps.surroundings, "session_leave", &request);
    let result = leave(deps, &request).await;
    request.respond(result)
}

async fn leave(deps: &Deps, request: &RestRequest<'_>) -> Result<Answer> {
    let caller = request.caller(&deps.tokens)?;
    accounts::require_account(&deps.store, &caller).await?;
    let session = parse_session_id(request.body()?)?;
    let ports = Ports {
        store: &deps.store,
        sockets: &deps.push,
        delays: &deps.delay,
        encoder: &JsonEncoder,
        context: request.context(),
    };
    sessions::leave(ports, caller.user_id, session).await?;
    Ok(Answer::ok(&Done { message: "You left the session." }))
}
