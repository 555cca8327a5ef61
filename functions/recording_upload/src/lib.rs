//! `POST /api/session/recording/...`: begins recordings, says where their chunks are stored, and ends them.

use delay::{DelayQueue, TendingQueue};
use domain::{Result, recordings};
use gateway::RestTools;
use gateway::rest::{Answer, RestRequest};
use lambda_http::{Body, Request, Response};
use objects::{AskedUrls, Bucket, Urls};
use protocol::recordings::{
    RecordingFinished, RecordingStarted, RecordingUploads, parse_finish, parse_request, parse_start, parse_uploads,
};
use protocol::rest::Done;
use push::Push;
use runtime::{Runtime, SettingError};
use store::Store;

/// What this function needs.
pub struct Deps {
    rest: RestTools<Store, Push, DelayQueue>,
    bucket: Bucket,
    urls: Urls,
    queue: TendingQueue,
}

impl Deps {
    /// From configuration; names the setting that is missing.
    pub fn new(runtime: &Runtime) -> Result<Self, SettingError> {
        Ok(Self { rest: RestTools::new(runtime)?, bucket: runtime.get()?, urls: runtime.get()?, queue: runtime.get()? })
    }

    fn urls(&self, request: &RestRequest<'_>) -> AskedUrls {
        self.urls.asked_by(request.is_secure(), request.host())
    }
}

/// Answers the routes.
pub async fn handle(deps: &Deps, request: Request) -> Response<Body> {
    let request = deps.rest.request("recording_upload", &request);
    let result = match request.last_step() {
        "start" => start(deps, &request).await,
        "uploads" => uploads(deps, &request).await,
        "finish" => finish(deps, &request).await,
        _ => ask(deps, &request).await,
    };
    request.respond(result)
}

async fn start(deps: &Deps, request: &RestRequest<'_>) -> Result<Answer> {
    let caller = deps.rest.caller(request).await?;
    let (ports, urls) = (deps.rest.ports(request), deps.urls(request));
    let (person, new) = (caller.person()?, parse_start(request.body()?)?);
    let given = recordings::start(ports, &deps.queue, &urls, person, new).await?;
    Ok(Answer::created(&RecordingStarted::new(&given, request.now())))
}

async fn uploads(deps: &Deps, request: &RestRequest<'_>) -> Result<Answer> {
    let caller = deps.rest.caller(request).await?;
    let (ports, urls) = (deps.rest.ports(request), deps.urls(request));
    let (person, asked) = (caller.person()?, parse_uploads(request.body()?)?);
    let given = recordings::uploads(ports, &deps.bucket, &urls, person, asked).await?;
    Ok(Answer::ok(&RecordingUploads::from(&given)))
}

async fn finish(deps: &Deps, request: &RestRequest<'_>) -> Result<Answer> {
    let caller = deps.rest.caller(request).await?;
    let (person, (id, end)) = (caller.person()?, parse_finish(request.body()?)?);
    let finished = recordings::finish(deps.rest.ports(request), &deps.queue, person, id, end).await?;
    Ok(Answer::accepted(&RecordingFinished::from(&finished)))
}

async fn ask(deps: &Deps, request: &RestRequest<'_>) -> Result<Answer> {
    let caller = deps.rest.caller(request).await?;
    let (session, wanted) = parse_request(request.body()?)?;
    recordings::request(deps.rest.ports(request), &caller, session, wanted).await?;
    Ok(Answer::accepted(&Done { message: "They were asked." }))
}
