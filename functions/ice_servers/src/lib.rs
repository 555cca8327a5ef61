//! `GET /api/iceservers`: gives STUN and TURN servers.

use auth::{Ice, Tokens};
use domain::Result;
use gateway::Edge;
use gateway::rest::{Answer, Call};
use gateway::views;
use lambda_http::{Body, Request, Response};
use protocol::rest::IceServers;
use runtime::{Missing, Runtime};

/// What this function needs.
pub struct Deps {
    edge: Edge,
    tokens: Tokens,
    ice: Ice,
}

impl Deps {
    /// From configuration; names the setting that is missing.
    pub fn new(runtime: &Runtime) -> Result<Self, Missing> {
        Ok(Self {
            edge: runtime.edge()?,
            tokens: Tokens::new(&runtime.settings.secrets()?),
            ice: runtime.settings.ice()?,
        })
    }
}

/// Answers the route.
pub async fn handle(deps: &Deps, request: Request) -> Response<Body> {
    let call = Call::new(&deps.edge, "ice_servers", &request);
    let result = servers(deps, &call).await;
    call.respond(result)
}

async fn servers(deps: &Deps, call: &Call<'_>) -> Result<Answer> {
    let caller = call.caller(&deps.tokens)?;
    let ice_servers = views::ice_servers(&deps.ice, caller.user_id, call.now());
    Ok(Answer::ok(&IceServers { ice_servers, ttl_seconds: deps.ice.ttl().as_secs() }))
}
