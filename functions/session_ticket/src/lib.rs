//! `POST /api/session/ticket`: gives a participant a fresh ticket, for a reconnect.

use auth::{Callers, Tickets};
use domain::{Result, sessions};
use gateway::Surroundings;
use gateway::rest::{Answer, RestRequest};
use gateway::views::{self, SignalingUrl};
use lambda_http::{Body, Request, Response};
use protocol::rest::parse_session_ref;
use runtime::{Runtime, SettingError};
use store::Store;

/// What this function needs.
pub struct Deps {
    surroundings: Surroundings,
    store: Store,
    callers: Callers,
    tickets: Tickets,
    signaling_url: SignalingUrl,
}

impl Deps {
    /// From configuration; names the setting that is missing.
    pub fn new(runtime: &Runtime) -> Result<Self, SettingError> {
        Ok(Self {
            surroundings: runtime.get()?,
            store: runtime.get()?,
            callers: runtime.get()?,
            tickets: runtime.get()?,
            signaling_url: runtime.get()?,
        })
    }
}

/// Answers the route.
pub async fn handle(deps: &Deps, request: Request) -> Response<Body> {
    let request = RestRequest::new(&deps.surroundings, "session_ticket", &request);
    let result = ticket(deps, &request).await;
    request.respond(result)
}

async fn ticket(deps: &Deps, request: &RestRequest<'_>) -> Result<Answer> {
    let caller = request.seated_caller(&deps.callers, &deps.store).await?;
    let room = sessions::meant(caller.scope(), parse_session_ref(request.body()?)?)?;
    let (context, person) = (request.context(), caller.person()?);
    let session = sessions::find(&deps.store, context, &caller, &room).await?;
    let attempt = sessions::ticket(&deps.store, context, person, session).await?;
    let url = deps.signaling_url.answering(request);
    Ok(Answer::ok(&views::signaling(&deps.tickets, url, context, person, session, attempt)))
}
