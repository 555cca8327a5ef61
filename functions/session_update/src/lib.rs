//! `PATCH /api/session/{sessionId}`: changes a session's settings, for those who steer it.

use auth::Callers;
use delay::DelayQueue;
use domain::moderation::{self, Actor};
use domain::ports::Ports;
use domain::{Result, accounts, sessions};
use gateway::Surroundings;
use gateway::rest::{Answer, RestRequest};
use lambda_http::{Body, Request, Response};
use protocol::rest::{SessionView, parse_session_change};
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
    let request = RestRequest::new(&deps.surroundings, "session_update", &request);
    let result = update(deps, &request).await;
    request.respond(result)
}

async fn update(deps: &Deps, request: &RestRequest<'_>) -> Result<Answer> {
    let caller = request.seated_caller(&deps.callers, &deps.store).await?;
    let (context, person) = (request.context(), caller.person()?);
    accounts::require_live(&deps.store, context, &caller).await?;
    let session = sessions::find(&deps.store, context, &caller, &request.session_in_path()?).await?;
    let mut change = parse_session_change(request.body()?)?;
    change.seen = request.if_match()?;
    let ports = Ports { store: &deps.store, sockets: &deps.push, delays: &deps.delay, encoder: &JsonEncoder, context };
    let changed = moderation::update_session(ports, Actor::Account(person.user_id), session, &change).await?;
    Ok(Answer::ok(&SessionView::from(&changed)))
}
