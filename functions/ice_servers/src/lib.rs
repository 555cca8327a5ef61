//! `GET /api/iceservers`: gives STUN and TURN servers.

use auth::{Callers, Ice};
use domain::{Result, accounts, sessions};
use gateway::Surroundings;
use gateway::rest::{Answer, RestRequest};
use gateway::views;
use lambda_http::{Body, Request, Response};
use protocol::rest::IceServers;
use runtime::{Runtime, SettingError};
use store::Store;

/// What this function needs.
pub struct Deps {
    surroundings: Surroundings,
    store: Store,
    callers: Callers,
    ice: Ice,
}

impl Deps {
    /// From configuration; names the setting that is missing.
    pub fn new(runtime: &Runtime) -> Result<Self, SettingError> {
        Ok(Self { surroundings: runtime.get()?, store: runtime.get()?, callers: runtime.get()?, ice: runtime.get()? })
    }
}

/// Answers the route.
pub async fn handle(deps: &Deps, request: Request) -> Response<Body> {
    let request = RestRequest::new(&deps.surroundings, "ice_servers", &request);
    let result = servers(deps, &request).await;
    request.respond(result)
}

async fn servers(deps: &Deps, request: &RestRequest<'_>) -> Result<Answer> {
    let caller = request.caller(&deps.callers, &deps.store).await?;
    let person = caller.person()?;
    accounts::require_live(&deps.store, request.context(), &caller).await?;
    sessions::require_seat(&deps.store, &caller).await?;
    let ice_servers = views::ice_servers(&deps.ice, person.user_id, request.now());
    Ok(Answer::ok(&IceServers { ice_servers, ttl_seconds: deps.ice.ttl().as_secs() }))
}
