//! `POST /api/auth/logout`: revokes a login and closes its connections.

use auth::RefreshTokens;
use delay::DelayQueue;
use domain::ports::Ports;
use domain::{Error, Result, accounts, eviction};
use gateway::Surroundings;
use gateway::rest::{Answer, RestRequest};
use lambda_http::{Body, Request, Response};
use protocol::rest::RefreshToken;
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
}

impl Deps {
    /// From configuration; names the setting that is missing.
    pub fn new(runtime: &Runtime) -> Result<Self, SettingError> {
        Ok(Self { surroundings: runtime.get()?, store: runtime.get()?, push: runtime.get()?, delay: runtime.get()? })
    }
}

/// Answers the route.
pub async fn handle(deps: &Deps, request: Request) -> Response<Body> {
    let request = RestRequest::new(&deps.surroundings, "auth_logout", &request);
    let result = logout(deps, &request).await;
    request.respond(result)
}

async fn logout(deps: &Deps, request: &RestRequest<'_>) -> Result<Answer> {
    let RefreshToken(token) = RefreshToken::parse(request.body()?)?;
    let presented = RefreshTokens::parse(&token).ok_or(Error::InvalidRefreshToken)?;
    accounts::logout(&deps.store, request.context(), &presented).await?;
    request.note_user(presented.user);
    let revoked = |family| family == presented.family;
    let ports = Ports {
        store: &deps.store,
        sockets: &deps.push,
        delays: &deps.delay,
        encoder: &JsonEncoder,
        context: request.context(),
    };
    eviction::evict(ports, presented.user, revoked).await?;
    Ok(Answer::no_content())
}
