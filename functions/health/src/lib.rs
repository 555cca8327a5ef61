//! `GET /health`: says that the service is there.

use gateway::Surroundings;
use gateway::rest::{Answer, RestRequest};
use lambda_http::{Body, Request, Response};
use protocol::rest::Health;
use runtime::{Runtime, SettingError};

/// What this function needs.
pub struct Deps {
    surroundings: Surroundings,
}

impl Deps {
    /// From configuration; names the setting that is missing.
    pub fn new(runtime: &Runtime) -> Result<Self, SettingError> {
        Ok(Self { surroundings: runtime.get()? })
    }
}

/// Answers the route.
pub async fn handle(deps: &Deps, request: Request) -> Response<Body> {
    let request = RestRequest::new(&deps.surroundings, "health", &request);
    let timestamp = protocol::format_time(request.now());
    let health = Health { status: "healthy", timestamp, version: env!("CARGO_PKG_VERSION") };
    request.respond(Ok(Answer::ok(&health)))
}
