//! `GET /api/session/{sessionId}/messages`: shows the chat to participants, newest first.

use domain::{MessageId, Result, accounts, chat, sessions};
use gateway::ReadTools;
use gateway::rest::{Answer, RestRequest};
use lambda_http::{Body, Request, Response};
use protocol::rest::ChatView;
use store::Store;

/// What this function needs.
pub type Deps = ReadTools<Store>;

/// Answers the route.
pub async fn handle(deps: &Deps, request: Request) -> Response<Body> {
    let request = RestRequest::new(&deps.surroundings, "session_messages", &request);
    let result = messages(deps, &request).await;
    request.respond(result)
}

async fn messages(deps: &Deps, request: &RestRequest<'_>) -> Result<Answer> {
    let caller = request.caller(&deps.callers, &deps.store).await?;
    let (context, room) = (request.context(), request.session_in_path()?);
    accounts::require_live(&deps.store, context, &caller).await?;
    let page = request.page::<MessageId>()?;
    let session = sessions::find(&deps.store, context, &caller, &room).await?;
    let messages = chat::history(&deps.store, context, &caller, session, page.limit, page.before).await?;
    let last = messages.last().filter(|_| messages.len() == page.limit);
    let next = last.map(|last| request.next_page(&page, &last.id));
    let views: Vec<_> = messages.into_iter().map(ChatView::from).collect();
    Ok(Answer::ok(&views).with_link(next))
}
