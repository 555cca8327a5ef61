//! `GET /api/session/{sessionId}`: shows a session with its participants.

use auth::Tokens;
use domain::sessions::Rosters;
use domain::{Error, Result};
use gateway::Edge;
use gateway::rest::{Answer, Call};
use lambda_http::{Body, Request, Response};
use protocol::rest::SessionDetail;
use runtime::{Missing, Runtime, settings};
use store::Store;

/// What this function needs.
pub struct Deps {
    edge: Edge,
    store: Store,
    tokens: Tokens,
}

impl Deps {
    /// From configuration; names the setting that is missing.
    pub fn new(runtime: &Runtime) -> Result<Self, Missing> {
        Ok(Self {
            edge: runtime.edge()?,
            store: Store::new(runtime.aws()?, runtime.settings.required(settings::TABLE)?, runtime.backoff()),
            tokens: Tokens::new(&runtime.settings.secrets()?),
        })
    }
}

/// Answers the route.
pub async fn handle(deps: &Deps, request: Request) -> Response<Body> {
    let call = Call::new(&deps.edge, "session_get", &request);
    let result = show(deps, &call).await;
    call.respond(result)
}

async fn show(deps: &Deps, call: &Call<'_>) -> Result<Answer> {
    call.caller(&deps.tokens)?;
    let session = call.session_in_path()?;
    let roster = deps.store.roster(session, call.now()).await?.ok_or(Error::SessionNotFound)?;
    Ok(Answer::ok(&SessionDetail::new(&roster, call.now())))
}
