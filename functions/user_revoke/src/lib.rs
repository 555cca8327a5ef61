//! `POST /api/users/{identity}/revoke`: takes the tokens of an app's user back that were minted until now.

use auth::Callers;
use delay::DelayQueue;
use domain::ports::Ports;
use domain::{Result, eviction};
use gateway::Surroundings;
use gateway::rest::{Answer, RestRequest};
use lambda_http::{Body, Request, Response};
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
    let request = RestRequest::new(&deps.surroundings, "user_revoke", &request);
    let result = revoke(deps, &request).await;
    request.respond(result)
}

async fn revoke(deps: &Deps, request: &RestRequest<'_>) -> Result<Answer> {
    let caller = request.caller(&deps.callers, &deps.store).await?;
    caller.require_project()?;
    let user = auth::user_of(&caller.scope().project, &request.identity_in_path()?);
    let ports = Ports {
        store: &deps.store,
        sockets: &deps.push,
        delays: &deps.delay,
        encoder: &JsonEncoder,
        context: request.context(),
    };
    eviction::revoke(ports, user).await?;
    Ok(Answer::no_content())
}
