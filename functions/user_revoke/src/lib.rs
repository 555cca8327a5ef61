//! `POST /api/users/{identity}/revoke`: takes the tokens of an app's user back that were minted until now.

use delay::DelayQueue;
use domain::{Result, eviction};
use gateway::RestTools;
use gateway::rest::{Answer, RestRequest};
use lambda_http::{Body, Request, Response};
use push::Push;
use store::Store;

/// What this function needs.
pub type Deps = RestTools<Store, Push, DelayQueue>;

/// Answers the route.
pub async fn handle(deps: &Deps, request: Request) -> Response<Body> {
    let request = deps.request("user_revoke", &request);
    let result = revoke(deps, &request).await;
    request.respond(result)
}

async fn revoke(deps: &Deps, request: &RestRequest<'_>) -> Result<Answer> {
    let caller = request.caller(&deps.callers, &deps.tools.store).await?;
    caller.require_project()?;
    let user = request.identity_in_path(&caller.scope().project)?;
    eviction::revoke(deps.ports(request), user).await?;
    Ok(Answer::no_content())
}
