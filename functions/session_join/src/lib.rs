//! `POST /api/session/join`: admits a participant to a session.

use auth::{Callers, Ice, Tickets};
use delay::DelayQueue;
use domain::ports::Ports;
use domain::quotas::{self, Quotas};
use domain::sessions::{Awaited, Entry, Seated};
use domain::{Result, RoomRef, sessions};
use gateway::Surroundings;
use gateway::rest::{Answer, RestRequest};
use gateway::views::{self, SignalingUrl};
use lambda_http::{Body, Request, Response};
use protocol::rest::{Admission, Joined, Media, SessionDetail, parse_session_ref};
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
    quotas: Quotas,
    tickets: Tickets,
    ice: Ice,
    signaling_url: SignalingUrl,
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
            quotas: runtime.get()?,
            tickets: runtime.get()?,
            ice: runtime.get()?,
            signaling_url: runtime.get()?,
        })
    }
}

/// Answers the route.
pub async fn handle(deps: &Deps, request: Request) -> Response<Body> {
    let request = RestRequest::new(&deps.surroundings, "session_join", &request);
    let result = join(deps, &request).await;
    request.respond(result)
}

async fn join(deps: &Deps, request: &RestRequest<'_>) -> Result<Answer> {
    let caller = request.caller(&deps.callers, &deps.store).await?;
    let asked = parse_session_ref(request.body()?)?;
    let person = caller.person()?;
    let room = sessions::meant(&person.scope, asked)?;
    let (context, now) = (request.context(), request.now());
    let ports = Ports { store: &deps.store, sockets: &deps.push, delays: &deps.delay, encoder: &JsonEncoder, context };
    quotas::admit_participant(&deps.store, &deps.quotas, context, person, &room).await?;
    let entry = match &room {
        RoomRef::Session(session) => sessions::join(ports, person, *session).await?,
        RoomRef::Room(name) => sessions::join_room(ports, &deps.quotas, person, name).await?,
    };
    let url = deps.signaling_url.answering(request);
    let media = Media::of(context.policy);
    let user_id = person.user_id.to_string();
    Ok(Answer::ok(&match entry {
        Entry::Seated(Seated { roster, attempt }) => Joined {
            session: SessionDetail::new(&roster, now),
            admission: Admission::Admitted,
            user_id,
            signaling: views::signaling(&deps.tickets, url, context, person, roster.session.id, attempt),
            ice_servers: views::ice_servers(&deps.ice, person.user_id, now),
            media,
        },
        Entry::Waits(Awaited { session, knock }) => Joined {
            session: SessionDetail::from_outside(&session),
            admission: Admission::Waiting,
            user_id,
            signaling: views::waiting(&deps.tickets, url, context, person, &knock),
            ice_servers: Vec::new(),
            media,
        },
    }))
}
