//! `POST /api/session/{sessionId}/transcribe`: signs an address of Amazon Transcribe for a participant who speaks.

use domain::{Result, accounts, captions, sessions};
use gateway::ReadTools;
use gateway::rest::{Answer, RestRequest};
use lambda_http::{Body, Request, Response};
use protocol::captions::{TranscribeLine, parse_transcribe};
use runtime::{Runtime, SettingError};
use store::Store;
use transcribe::{Transcribe, VALID};

/// What this function needs.
pub struct Deps {
    reading: ReadTools<Store>,
    transcribe: Transcribe,
}

impl Deps {
    /// From configuration; names the setting that is missing.
    pub fn new(runtime: &Runtime) -> Result<Self, SettingError> {
        Ok(Self { reading: ReadTools::new(runtime)?, transcribe: runtime.get()? })
    }
}

/// Answers the route.
pub async fn handle(deps: &Deps, request: Request) -> Response<Body> {
    let request = RestRequest::new(&deps.reading.surroundings, "session_transcribe", &request);
    let result = address(deps, &request).await;
    request.respond(result)
}

async fn address(deps: &Deps, request: &RestRequest<'_>) -> Result<Answer> {
    let ReadTools { store, callers, .. } = &deps.reading;
    let caller = request.seated_caller(callers, store).await?;
    let (context, room, person) = (request.context(), request.session_in_path()?, caller.person()?);
    let language = parse_transcribe(request.body()?)?;
    accounts::require_live(store, context, &caller).await?;
    let session = sessions::find(store, context, &caller, &room).await?;
    // Where there is none, nobody is counted.
    let url = deps.transcribe.address(&language, context.now)?;
    captions::may_transcribe(store, context, person.user_id, session).await?;
    Ok(Answer::ok(&TranscribeLine::new(url, context.now + VALID)))
}
