//! `GET /api/session/{sessionId}/messages`: shows the chat to participants, newest first.

use auth::Tokens;
use domain::chat;
use domain::{MessageId, Result};
use gateway::Edge;
use gateway::rest::{Answer, Call};
use lambda_http::{Body, Request, Response};
use protocol::rest::ChatView;
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
    let call = Call::new(&deps.edge, "session_messages", &request);
    let result = messages(deps, &call).await;
    call.respond(result)
}

async fn messages(deps: &Deps, call: &Call<'_>) -> Result<Answer> {
    let caller = call.caller(&deps.tokens)?;
    let session = call.session_in_path()?;
    let page = call.page::<MessageId>()?;
    let (context, user) = (call.context(), caller.user_id);
    let messages = chat::history(&deps.store, context, user, session, page.limit, page.before).await?;
    let last = messages.last().filter(|_| messages.len() == page.limit);
    let next = last.map(|last| call.next_page(&page, &last.id));
    let views: Vec<_> = messages.into_iter().map(ChatView::from).collect();
    Ok(Answer::ok(&views).with_link(next))
}
