//! `POST /api/session/leave`: gives a seat up.

use auth::Callers;
use delay::DelayQueue;
use domain::ports::Ports;
use domain::{Result, accounts, sessions};
use gateway::Surroundings;
use gateway::rest::{Answer, RestRequest};
use lambda_http::{Body, Request, Response};
use protocol::rest::{Done, parse_session_ref};
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
    callers: Callers,
}

impl Deps {
    /// From configuration; names the setting that is missing.
    pub fn new(runtime: &Runtime) -> Result<Self, SettingError> {
        Ok(Self {
            surroundings: runtime.get()?,
            store: runtime.get()?,
            push: runtime.get()?,
            delay: runtime.get()?,
            callers: runtime.get()?,
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
    let caller = request.seated_caller(&deps.callers, &deps.store).await?;
    let (context, person) = (request.context(), caller.person()?);
    accounts::require_live(&deps.store, context, &caller).await?;
    let room = sessions::meant(&person.scope, parse_session_ref(request.body()?)?)?;
    let session = sessions::find(&deps.store, context, &caller, &room).await?;
    let ports = Ports { store: &deps.store, sockets: &deps.push, delays: &deps.delay, encoder: &JsonEncoder, context };
    sessions::leave(ports, person, session).await?;
    Ok(Answer::ok(&Done { message: "You left the session." }))
}
