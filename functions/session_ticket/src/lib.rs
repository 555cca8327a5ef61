//! `POST /api/session/ticket`: gives a participant a fresh ticket, for a reconnect.

use auth::{Tickets, Tokens};
use domain::{Result, sessions};
use gateway::Surroundings;
use gateway::rest::{Answer, RestRequest};
use gateway::views::{self, SignalingUrl};
use lambda_http::{Body, Request, Response};
use protocol::rest::parse_session_id;
use runtime::{Runtime, SettingError};
use store::Store;

/// What this function needs.
pub struct Deps {
    surroundings: Surroundings,
    store: Store,
    tokens: Tokens,
    tickets: Tickets,
    signaling_url: SignalingUrl,
}

impl Deps {
    /// From configuration; names the setting that is missing.
    pub fn new(runtime: &Runtime) -> Result<Self, SettingError> {
        Ok(Self {
            surroundings: runtime.get()?,
            store: runtime.get()?,
            tokens: runtime.get()?,
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
    let caller = request.caller(&deps.tokens)?;
    let session = parse_session_id(request.body()?)?;
    let context = request.context();
    let attempt = sessions::ticket(&deps.store, context, &caller, session).await?;
    let url = deps.signaling_url.answering(request);
    Ok(Answer::ok(&views::signaling(&deps.tickets, url, context, &caller, session, attempt)))
}
