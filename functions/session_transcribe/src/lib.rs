//! `POST /api/session/{sessionId}/transcribe`: signs an address of Amazon Transcribe for a participant who speaks.

use auth::Callers;
use domain::{Result, accounts, captions, sessions};
use gateway::Surroundings;
use gateway::rest::{Answer, RestRequest};
use lambda_http::{Body, Request, Response};
use protocol::captions::{TranscribeLine, parse_transcribe};
use runtime::{Runtime, SettingError};
use store::Store;
use transcribe::{Transcribe, VALID};

/// What this function needs.
pub struct Deps {
    surroundings: Surroundings,
    store: Store,
    callers: Callers,
    transcribe: Transcribe,
}

impl Deps {
    /// From configuration; names the setting that is missing.
    pub fn new(runtime: &Runtime) -> Result<Self, SettingError> {
        Ok(Self {
            surroundings: runtime.get()?,
            store: runtime.get()?,
            callers: runtime.get()?,
            transcribe: runtime.get()?,
        })
    }
}

/// Answers the route.
pub async fn handle(deps: &Deps, request: Request) -> Response<Body> {
    let request = RestRequest::new(&deps.surroundings, "session_transcribe", &request);
    let result = address(deps, &request).await;
    request.respond(result)
}

async fn address(deps: &Deps, request: &RestRequest<'_>) -> Result<Answer> {
    let caller = request.seated_caller(&deps.callers, &deps.store).await?;
    let (context, room, person) = (request.context(), request.session_in_path()?, caller.person()?);
    let language = parse_transcribe(request.body()?)?;
    accounts::require_live(&deps.store, context, &caller).await?;
    let session = sessions::find(&deps.store, context, &caller, &room).await?;
    // Where there is none, nobody is counted.
    let url = deps.transcribe.address(&language, context.now)?;
    captions::may_transcribe(&deps.store, context, person.user_id, session).await?;
    Ok(Answer::ok(&TranscribeLine::new(url, context.now + VALID)))
}
