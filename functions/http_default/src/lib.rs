//! The `$default` route of the HTTP API: answers every route that does not exist.

use gateway::Surroundings;
use gateway::rest::RestRequest;
use lambda_http::{Body, Request, Response};
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
    let request = RestRequest::new(&deps.surroundings, "http_default", &request);
    let error = request.no_route();
    request.respond(Err(error))
}
