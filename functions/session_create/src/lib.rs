//! `POST /api/session/create`: creates a session. Its creator is not joined.

use auth::Tokens;
use domain::Result;
use domain::sessions;
use gateway::Edge;
use gateway::rest::{Answer, Call};
use lambda_http::{Body, Request, Response};
use protocol::rest::{SessionView, parse_new_session};
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
    let call = Call::new(&deps.edge, "session_create", &request);
    let result = create(deps, &call).await;
    call.respond(result)
}

async fn create(deps: &Deps, call: &Call<'_>) -> Result<Answer> {
    let caller = call.caller(&deps.tokens)?;
    let new = parse_new_session(call.body()?)?;
    let session = sessions::create(&deps.store, call.context(), &caller, new).await?;
    Ok(Answer::created(&SessionView::from(&session)))
}
