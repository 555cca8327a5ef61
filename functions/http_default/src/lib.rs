//! The `$default` route of the HTTP API: answers every route that does not exist.

use domain::Error;
use gateway::Edge;
use gateway::rest::Call;
use lambda_http::{Body, Request, Response};
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
    Call::new(&deps.edge, "http_default", &request).respond(Err(Error::NotFound))
}
