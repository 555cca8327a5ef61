//! Below `/api/session/{sessionId}`: `PATCH` and `DELETE` of a participant, `mute`, `admit` and `deny`, for those who steer the session.

use delay::DelayQueue;
use domain::moderation::{self, Actor, Muted};
use domain::ports::Members;
use domain::{MediaKind, Result, SessionId, UserId};
use gateway::RestTools;
use gateway::rest::{Answer, RestRequest, user_named};
use lambda_http::{Body, Request, Response, http::Method};
use protocol::rest::{Done, ParticipantDetail, parse_mute, parse_mute_all, parse_participant_change};
use push::Push;
use store::Store;

/// What this function needs.
pub type Deps = RestTools<Store, Push, DelayQueue>;

/// Answers the routes.
pub async fn handle(deps: &Deps, request: Request) -> Response<Body> {
    let request = deps.request("session_moderate", &request);
    let result = moderate(deps, &request).await;
    request.respond(result)
}

async fn moderate(deps: &Deps, request: &RestRequest<'_>) -> Result<Answer> {
    let (caller, session) = deps.asked(request).await?;
    let about = About { actor: Actor::Caller(&caller), session };
    if !request.names_a_user() {
        let (kind, except) = parse_mute_all(request.body()?)?;
        let except = except.iter().filter_map(|name| user_named(&caller.scope().project, name)).collect();
        return mute(deps, request, about, &Muted::AllBut(except), kind).await;
    }
    let user = request.user_in_path(&caller.scope().project);
    match *request.method() {
        Method::PATCH => update(deps, request, about, user?).await,
        Method::DELETE => remove(deps, request, about, user?).await,
        _ if request.ends_with("/admit") => {
            moderation::admit(deps.ports(request), about.actor, session, user?).await?;
            Ok(Answer::no_content())
        }
        _ if request.ends_with("/deny") => {
            moderation::deny(deps.ports(request), about.actor, session, user?).await?;
            Ok(Answer::no_content())
        }
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

async fn update(deps: &Deps, request: &RestRequest<'_>, about: About<'_>, user: UserId) -> Result<Answer> {
    let change = parse_participant_change(request.body()?)?;
    let ports = deps.ports(request);
    let updated = moderation::update_participant(ports, about.actor, about.session, user, &change).await?;
    let said = match updated.about {
        Some(said) => Some(said),
        None => deps.tools.store.about(about.session, user).await?,
    };
    Ok(Answer::ok(&ParticipantDetail::new(&updated.participant, said.as_slice())))
}

async fn remove(deps: &Deps, request: &RestRequest<'_>, about: About<'_>, user: UserId) -> Result<Answer> {
    let ban = request.ban()?;
    moderation::remove(deps.ports(request), about.actor, about.session, user, ban).await?;
    Ok(Answer::no_content())
}

async fn mute(
    deps: &Deps,
    request: &RestRequest<'_>,
    about: About<'_>,
    who: &Muted,
    kind: MediaKind,
) -> Result<Answer> {
    moderation::mute(deps.ports(request), about.actor, about.session, who, kind).await?;
    Ok(Answer::accepted(&Done { message: "They were asked." }))
}
