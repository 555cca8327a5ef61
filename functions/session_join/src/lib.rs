//! `POST /api/session/join`: admits a participant to a session.

use auth::{Ice, Tickets, Tokens};
use delay::DelayQueue;
use domain::Result;
use domain::sessions;
use gateway::Edge;
use gateway::rest::{Answer, Call};
use gateway::views;
use lambda_http::{Body, Request, Response};
use protocol::rest::{Joined, SessionDetail, parse_session_id};
use protocol::signaling::Json;
use push::Push;
use runtime::{Missing, Runtime, settings};
use store::Store;

/// What this function needs.
pub struct Deps {
    edge: Edge,
    store: Store,
    push: Push,
    delay: DelayQueue,
    tokens: Tokens,
    tickets: Tickets,
    ice: Ice,
    signaling_url: String,
}

impl Deps {
    /// From configuration; names the setting that is missing.
    pub fn new(runtime: &Runtime) -> Result<Self, Missing> {
        Ok(Self {
            edge: runtime.edge()?,
            store: Store::new(runtime.aws()?, runtime.settings.required(settings::TABLE)?, runtime.backoff()),
            push: Push::new(
                runtime.aws()?,
                runtime.settings.required(settings::CONNECTIONS_ENDPOINT)?,
                runtime.backoff(),
            ),
            delay: DelayQueue::new(runtime.aws()?, runtime.settings.required(settings::DELAY_QUEUE_URL)?),
            tokens: Tokens::new(&runtime.settings.secrets()?),
            tickets: Tickets::new(&runtime.settings.secrets()?),
            ice: runtime.settings.ice()?,
            signaling_url: runtime.settings.required(settings::SIGNALING_URL)?.to_owned(),
        })
    }
}

/// Answers the route.
pub async fn handle(deps: &Deps, request: Request) -> Response<Body> {
    let call = Call::new(&deps.edge, "session_join", &request);
    let result = join(deps, &call).await;
    call.respond(result)
}

async fn join(deps: &Deps, call: &Call<'_>) -> Result<Answer> {
    let caller = call.caller(&deps.tokens)?;
    let session = parse_session_id(call.body()?)?;
    let (context, now) = (call.context(), call.now());
    let joined = sessions::join(&deps.store, &deps.push, &deps.delay, &Json, context, &caller, session).await?;
    Ok(Answer::ok(&Joined {
        session: SessionDetail::new(&joined.roster, now),
        signaling: views::signaling(&deps.tickets, &deps.signaling_url, context, &caller, session, joined.attempt),
        ice_servers: views::ice_servers(&deps.ice, caller.user_id, now),
    }))
}
