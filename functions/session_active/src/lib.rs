//! `GET /api/session/active`: lists public active sessions, newest first.

use auth::Tokens;
use domain::ports::ActiveSessions;
use domain::{Result, SessionId, Visibility, accounts};
use gateway::Surroundings;
use gateway::rest::{Answer, RestRequest};
use lambda_http::{Body, Request, Response};
use protocol::rest::SessionView;
use runtime::{Runtime, SettingError};
use store::Store;

/// What this function needs.
pub struct Deps {
    surroundings: Surroundings,
    store: Store,
    tokens: Tokens,
}

impl Deps {
    /// From configuration; names the setting that is missing.
    pub fn new(runtime: &Runtime) -> Result<Self, SettingError> {
        Ok(Self { surroundings: runtime.get()?, store: runtime.get()?, tokens: runtime.get()? })
    }
}

/// Answers the route.
pub async fn handle(deps: &Deps, request: Request) -> Response<Body> {
    let request = RestRequest::new(&deps.surroundings, "session_active", &request);
    let result = list(deps, &request).await;
    request.respond(result)
}

async fn list(deps: &Deps, request: &RestRequest<'_>) -> Result<Answer> {
    accounts::require_account(&deps.store, &request.caller(&deps.tokens)?).await?;
    let page = request.page::<SessionId>()?;
    let listed = deps.store.active(Visibility::Public, page.limit, page.before).await?;
    let next = listed.next.map(|last| request.next_page(&page, &last));
    // A session that is just being ended is still listed for a moment.
    let active: Vec<_> = listed.items.iter().filter(|s| s.is_active()).map(SessionView::from).collect();
    Ok(Answer::ok(&active).with_link(next))
}
