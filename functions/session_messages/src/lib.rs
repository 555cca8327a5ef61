//! `GET /api/session/{sessionId}/messages`, `GET /api/session/{sessionId}/transcript`: show what was written, and what was said, to
//! those who took part.

use domain::{Caller, MessageId, Result, SessionId, captions, chat, sessions};
use gateway::ReadTools;
use gateway::rest::{Answer, RestRequest};
use lambda_http::{Body, Request, Response};
use protocol::captions::{TranscriptFormat, TranscriptView, parse_origin, plain, vtt};
use protocol::format_time;
use protocol::rest::ChatView;
use store::Store;

/// What this function needs.
pub type Deps = ReadTools<Store>;

/// Answers the routes.
pub async fn handle(deps: &Deps, request: Request) -> Response<Body> {
    let request = RestRequest::new(&deps.surroundings, "session_messages", &request);
    let result = match request.last_step() {
        "transcript" => transcript(deps, &request).await,
        _ => messages(deps, &request).await,
    };
    request.respond(result)
}

async fn messages(deps: &Deps, request: &RestRequest<'_>) -> Result<Answer> {
    let (caller, session) = asked(deps, request).await?;
    let page = request.page::<MessageId>()?;
    let context = request.context();
    let messages = chat::history(&deps.store, context, &caller, session, page.limit, page.before).await?;
    let last = messages.last().filter(|_| messages.len() == page.limit);
    let next = last.map(|last| request.next_page(&page, &last.id));
    let views: Vec<_> = messages.into_iter().map(ChatView::from).collect();
    Ok(Answer::ok(&views).with_link(next))
}

async fn transcript(deps: &Deps, request: &RestRequest<'_>) -> Result<Answer> {
    let (caller, session) = asked(deps, request).await?;
    let format = TranscriptFormat::parse(request.query("format"))?;
    let origin = parse_origin(request.query("origin"))?;
    let page = request.transcript_page()?;
    let context = request.context();
    let origin = origin.unwrap_or_else(|| SessionId::timestamp(session));
    let said = captions::transcript(&deps.store, context, &caller, session, page.limit, page.before).await?;
    let last = said.last().filter(|_| said.len() == page.limit);
    let asked = format!("&format={}&origin={}", format.name(), format_time(origin));
    let next = last.map(|last| request.next_page_asked(&page, &last.id, &asked));
    let answer = match format {
        TranscriptFormat::Json => Answer::ok(&said.iter().map(TranscriptView::from).collect::<Vec<_>>()),
        TranscriptFormat::Vtt => Answer::text("text/vtt; charset=utf-8", vtt(&said, origin)),
        TranscriptFormat::Text => Answer::text("text/plain; charset=utf-8", plain(&said)),
    };
    Ok(answer.with_link(next))
}

/// Who asks, and for which session.
async fn asked(deps: &Deps, request: &RestRequest<'_>) -> Result<(Caller, SessionId)> {
    let caller = request.caller(&deps.callers, &deps.store).await?;
    let room = request.session_in_path()?;
    let session = sessions::find_for(&deps.store, request.context(), &caller, &room).await?;
    Ok((caller, session))
}
