//! Below `/api/session/{sessionId}`: `PATCH` and `DELETE` of a participant, and `mute`, for those who steer the session.

use auth::Callers;
use delay::DelayQueue;
use domain::moderation::{self, Actor, Muted};
use domain::ports::Ports;
use domain::{MediaKind, Result, SessionId, UserId, accounts, sessions};
use gateway::Surroundings;
use gateway::rest::{Answer, RestRequest};
use lambda_http::{Body, Request, Response, http::Method};
use protocol::rest::{Done, ParticipantDetail, parse_mute, parse_mute_all, parse_rights_change};
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

/// Answers the routes.
pub async fn handle(deps: &Deps, request: Request) -> Response<Body> {
    let request = RestRequest::new(&deps.surroundings, "session_moderate", &request);
    let result = moderate(deps, &request).await;
    request.respond(result)
}

async fn moderate(deps: &Deps, request: &RestRequest<'_>) -> Result<Answer> {
    let caller = request.seated_caller(&deps.callers, &deps.store).await?;
    let (context, person) = (request.context(), caller.person()?);
    accounts::require_live(&deps.store, context, &caller).await?;
    let session = sessions::find(&deps.store, context, &caller, &request.session_in_path()?).await?;
    let about = About { actor: Actor::Account(person.user_id), session };
    if !request.names_a_user() {
        let (kind, except) = parse_mute_all(request.body()?)?;
        return mute(deps, request, about, &Muted::AllBut(except), kind).await;
    }
    let user = request.user_in_path();
    match *request.method() {
        Method::PATCH => update(deps, request, about, user?).await,
        Method::DELETE => remove(deps, request, about, user?).await,
        _ => {
            let kind = parse_mute(request.body()?)?;
            mute(deps, request, about, &Muted::One(user?), kind).await
        }
    }
}

/// Who asks, about which session.
#[derive(Clone, Copy)]
struct About<'a> {
    actor: Actor<'a>,
    session: SessionId,
}

fn ports<'a>(deps: &'a Deps, request: &RestRequest<'a>) -> Ports<'a, Store, Push, DelayQueue> {
    Ports {
        store: &deps.store,
        sockets: &deps.push,
        delays: &deps.delay,
        encoder: &JsonEncoder,
        context: request.context(),
    }
}

async fn update(deps: &Deps, request: &RestRequest<'_>, about: About<'_>, user: UserId) -> Result<Answer> {
    let change = parse_rights_change(request.body()?)?;
    let changed =
        moderation::update_participant(ports(deps, request), about.actor, about.session, user, &change).await?;
    Ok(Answer::ok(&ParticipantDetail::from(&changed)))
}

async fn remove(deps: &Deps, request: &RestRequest<'_>, about: About<'_>, user: UserId) -> Result<Answer> {
    let ban = request.ban()?;
    moderation::remove(ports(deps, request), about.actor, about.session, user, ban).await?;
    Ok(Answer::no_content())
}

async fn mute(
    deps: &Deps,
    request: &RestRequest<'_>,
    about: About<'_>,
    who: &Muted,
    kind: MediaKind,
) -> Result<Answer> {
    moderation::mute(ports(deps, request), about.actor, about.session, who, kind).await?;
    Ok(Answer::accepted(&Done { message: "They were asked." }))
}
