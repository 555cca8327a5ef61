//! `GET /api/session/{sessionId}/recordings`, `GET` and `DELETE /api/recordings/{recordingId}`: shows recordings to those who took part,
//! and deletes them.

use delay::TendingQueue;
use domain::{Caller, RecordingId, Result, accounts, recordings};
use gateway::ReadTools;
use gateway::rest::{Answer, RestRequest};
use lambda_http::{Body, Request, Response, http::Method};
use objects::{AskedUrls, Urls};
use protocol::recordings::RecordingDetail;
use runtime::{Runtime, SettingError};
use store::Store;

/// What this function needs.
pub struct Deps {
    read: ReadTools<Store>,
    urls: Urls,
    queue: TendingQueue,
}

impl Deps {
    /// From configuration; names the setting that is missing.
    pub fn new(runtime: &Runtime) -> Result<Self, SettingError> {
        Ok(Self { read: ReadTools::new(runtime)?, urls: runtime.get()?, queue: runtime.get()? })
    }

    fn urls(&self, request: &RestRequest<'_>) -> AskedUrls {
        self.urls.asked_by(request.is_secure(), request.host())
    }
}

/// Answers the routes.
pub async fn handle(deps: &Deps, request: Request) -> Response<Body> {
    let request = RestRequest::new(&deps.read.surroundings, "recording_files", &request);
    let result = answer(deps, &request).await;
    request.respond(result)
}

async fn answer(deps: &Deps, request: &RestRequest<'_>) -> Result<Answer> {
    let store = &deps.read.store;
    let caller = request.caller(&deps.read.callers, store).await?;
    accounts::require_live(store, request.context(), &caller).await?;
    match *request.method() {
        Method::DELETE => delete(deps, request, &caller).await,
        _ if request.names_a_recording() => show(deps, request, &caller).await,
        _ => list(deps, request, &caller).await,
    }
}

async fn list(deps: &Deps, request: &RestRequest<'_>, caller: &Caller) -> Result<Answer> {
    let (store, room, page) = (&deps.read.store, request.session_in_path()?, request.page::<RecordingId>()?);
    let found = recordings::list(store, request.context(), caller, &room, page.limit, page.before).await?;
    let urls = deps.urls(request);
    let views = found.items.iter().map(|recording| RecordingDetail::new(recording, &urls, request.now()));
    let next = found.next.map(|last| request.next_page(&page, &last));
    Ok(Answer::ok(&views.collect::<Result<Vec<_>>>()?).with_link(next))
}

async fn show(deps: &Deps, request: &RestRequest<'_>, caller: &Caller) -> Result<Answer> {
    let (store, id) = (&deps.read.store, request.recording_in_path()?);
    let found = recordings::show(store, request.context(), caller, id).await?;
    Ok(Answer::ok(&RecordingDetail::new(&found, &deps.urls(request), request.now())?))
}

async fn delete(deps: &Deps, request: &RestRequest<'_>, caller: &Caller) -> Result<Answer> {
    let (store, id) = (&deps.read.store, request.recording_in_path()?);
    recordings::delete(store, &deps.queue, request.context(), caller, id).await?;
    Ok(Answer::no_content())
}
