//! `GET /api/session/active`: lists public active sessions, newest first.

use auth::Tokens;
use domain::sessions::ActiveSessions;
use domain::{Result, SessionId, Visibility};
use gateway::Edge;
use gateway::rest::{Answer, Call};
use lambda_http::{Body, Request, Response};
use protocol::rest::SessionView;
use runtime::{Missing, Runtime, settings};
use store::Store;

/// What this function needs.
pub struct Deps {
    edge: Edge,
    store: Store,
    tokens: Tokens,
}

impl Deps {
    /// From configuration; names the setting that is missing.
    pub fn new(runtime: &Runtime) -> Result<Self, Missing> {
        Ok(Self {
            edge: runtime.edge()?,
            store: Store::new(runtime.aws()?, runtime.settings.required(settings::TABLE)?, runtime.backoff()),
            tokens: Tokens::new(&runtime.settings.secrets()?),
        })
    }
}

/// Answers the route.
pub async fn handle(deps: &Deps, request: Request) -> Response<Body> {
    let call = Call::new(&deps.edge, "session_active", &request);
    let result = list(deps, &call).await;
    call.respond(result)
}

async fn list(deps: &Deps, call: &Call<'_>) -> Result<Answer> {
    call.caller(&deps.tokens)?;
    let page = call.page::<SessionId>()?;
    let listed = deps.store.active(Visibility::Public, page.limit, page.before).await?;
    let next = listed.last().filter(|_| listed.len() == page.limit).map(|last| call.next_page(&page, &last.id));
    // A session that is just being ended is still listed for a moment.
    let active: Vec<_> = listed.iter().filter(|s| s.is_active()).map(SessionView::from).collect();
    Ok(Answer::ok(&active).with_link(next))
}
