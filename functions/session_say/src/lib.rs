//! `POST /api/session/{sessionId}/messages`: a chat message of those who steer a session.

use auth::Callers;
use delay::DelayQueue;
use domain::moderation::{self, Actor};
use domain::ports::{ChatMessage, Ports};
use domain::{MessageId, Result, accounts, sessions};
use gateway::Surroundings;
use gateway::rest::{Answer, RestRequest};
use lambda_http::{Body, Request, Response};
use protocol::rest::{ChatView, parse_message};
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
    callers: Callers,
}

impl Deps {
    /// From configuration; names the setting that is missing.
    pub fn new(runtime: &Runtime) -> Result<Self, SettingError> {
        Ok(Self {
            surroundings: runtime.get()?,
            store: runtime.get()?,
            push: runtime.get()?,
            delay: runtime.get()?,
            callers: runtime.get()?,
        })
    }
}

/// Answers the route.
pub async fn handle(deps: &Deps, request: Request) -> Response<Body> {
    let request = RestRequest::new(&deps.surroundings, "session_say", &request);
    let result = say(deps, &request).await;
    request.respond(result)
}

async fn say(deps: &Deps, request: &RestRequest<'_>) -> Result<Answer> {
    let caller = request.seated_caller(&deps.callers, &deps.store).await?;
    let (context, person) = (request.context(), caller.person()?);
    accounts::require_live(&deps.store, context, &caller).await?;
    let session = sessions::find(&deps.store, context, &caller, &request.session_in_path()?).await?;
    let sent = parse_message(request.body()?)?;
    let message = ChatMessage {
        id: MessageId::new(context.ids, context.now),
        session,
        from: person.user_id,
        username: person.username.clone(),
        text: sent.text,
        client_id: sent.client_id,
    };
    let ports = Ports { store: &deps.store, sockets: &deps.push, delays: &deps.delay, encoder: &JsonEncoder, context };
    let said = moderation::say(ports, Actor::Account(person.user_id), &message).await?;
    Ok(Answer::created(&ChatView::from(said)))
}
