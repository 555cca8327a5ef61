//! `GET /health`: says that the service is there.

use gateway::Edge;
use gateway::rest::{Answer, Call};
use lambda_http::{Body, Request, Response};
use protocol::rest::Health;
use runtime::{Missing, Runtime};

/// What this function needs.
pub struct Deps {
    edge: Edge,
}

impl Deps {
    /// From configuration; names the setting that is missing.
    pub fn new(runtime: &Runtime) -> Result<Self, Missing> {
        Ok(Self { edge: runtime.edge()? })
    }
}

/// Answers the route.
pub async fn handle(deps: &Deps, request: Request) -> Response<Body> {
    let call = Call::new(&deps.edge, "health", &request);
    let timestamp = protocol::format_time(call.now());
    let health = Health { status: "healthy", timestamp, version: env!("CARGO_PKG_VERSION") };
    call.respond(Ok(Answer::ok(&health)))
}
