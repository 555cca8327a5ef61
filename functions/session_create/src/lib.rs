//! `POST /api/session/create`: creates a session. Its creator is not joined.

use auth::Callers;
use domain::quotas::{self, Quotas};
use domain::sessions::Created;
use domain::{Result, sessions};
use gateway::Surroundings;
use gateway::rest::{Answer, RestRequest};
use lambda_http::{Body, Request, Response};
use protocol::rest::{SessionView, parse_new_session};
use runtime::{Runtime, SettingError};
use store::Store;

/// What this function needs.
pub struct Deps {
    surroundings: Surroundings,
    store: Store,
    callers: Callers,
    quotas: Quotas,
}

impl Deps {
    /// From configuration; names the setting that is missing.
    pub fn new(runtime: &Runtime) -> Result<Self, SettingError> {
        Ok(Self {
            surroundings: runtime.get()?,
            store: runtime.get()?,
            callers: runtime.get()?,
            quotas: runtime.get()?,
        })
    }
}

/// Answers the route.
pub async fn handle(deps: &Deps, request: Request) -> Response<Body> {
    let request = RestRequest::new(&deps.surroundings, "session_create", &request);
    let result = create(deps, &request).await;
    request.respond(result)
}

async fn create(deps: &Deps, request: &RestRequest<'_>) -> Result<Answer> {
    let caller = request.caller(&deps.callers, &deps.store).await?;
    let new = parse_new_session(request.body()?)?;
    let key = request.idempotency_key()?;
    let project = &caller.scope().project;
    quotas::admit_session(&deps.store, &deps.quotas, request.context(), project, new.room.as_ref()).await?;
    Ok(match sessions::create(&deps.store, request.context(), &caller, new, key.as_ref()).await? {
        Created::Now(session) => Answer::created(&SessionView::from(&session)),
        Created::Before(session) => Answer::ok(&SessionView::from(&session)),
    })
}
