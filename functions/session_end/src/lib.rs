//! `POST /api/session/end`: ends a session, for its host.

use auth::Callers;
use domain::moderation::{self, Actor};
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
    callers: Callers,
}

impl Deps {
    /// From configuration; names the setting that is missing.
    pub fn new(runtime: &Runtime) -> Result<Self, SettingError> {
        Ok(Self { surroundings: runtime.get()?, store: runtime.get()?, push: runtime.get()?, callers: runtime.get()? })
    }
}

/// Answers the route.
pub async fn handle(deps: &Deps, request: Request) -> Response<Body> {
    let request = RestRequest::new(&deps.surroundings, "session_end", &request);
    let result = end(deps, &request).await;
    request.respond(result)
}

async fn end(deps: &Deps, request: &RestRequest<'_>) -> Result<Answer> {
    let caller = request.caller(&deps.callers, &deps.store).await?;
    let context = request.context();
    accounts::require_live(&deps.store, context, &caller).await?;
    let room = sessions::meant(caller.scope(), parse_session_ref(request.body()?)?)?;
    let session = sessions::find(&deps.store, context, &caller, &room).await?;
    let ports = Ports { store: &deps.store, sockets: &deps.push, delays: &(), encoder: &JsonEncoder, context };
    moderation::end(ports, Actor::Caller(&caller), session).await?;
    Ok(Answer::ok(&Done { message: "The session has ended." }))
}
