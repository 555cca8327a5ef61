//! `POST /api/session/ticket`: gives a participant a fresh ticket, for a reconnect.

use auth::{Tickets, Tokens};
use domain::Result;
use domain::sessions;
use gateway::Edge;
use gateway::rest::{Answer, Call};
use gateway::views;
use lambda_http::{Body, Request, Response};
use protocol::rest::parse_session_id;
use runtime::{Missing, Runtime, settings};
use store::Store;

/// What this function needs.
pub struct Deps {
    edge: Edge,
    store: Store,
    tokens: Tokens,
    tickets: Tickets,
    signaling_url: String,
}

impl Deps {
    /// From configuration; names the setting that is missing.
    pub fn new(runtime: &Runtime) -> Result<Self, Missing> {
        Ok(Self {
            edge: runtime.edge()?,
            store: Store::new(runtime.aws()?, runtime.settings.required(settings::TABLE)?, runtime.backoff()),
            tokens: Tokens::new(&runtime.settings.secrets()?),
            tickets: Tickets::new(&runtime.settings.secrets()?),
            signaling_url: runtime.settings.required(settings::SIGNALING_URL)?.to_owned(),
        })
    }
}

/// Answers the route.
pub async fn handle(deps: &Deps, request: Request) -> Response<Body> {
    let call = Call::new(&deps.edge, "session_ticket", &request);
    let result = ticket(deps, &call).await;
    call.respond(result)
}

async fn ticket(deps: &Deps, call: &Call<'_>) -> Result<Answer> {
    let caller = call.caller(&deps.tokens)?;
    let session = parse_session_id(call.body()?)?;
    let context = call.context();
    let attempt = sessions::ticket(&deps.store, context, &caller, session).await?;
    Ok(Answer::ok(&views::signaling(&deps.tickets, &deps.signaling_url, context, &caller, session, attempt)))
}
