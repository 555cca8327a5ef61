//! `updateParticipant`, `muteParticipant`, `removeParticipant`, `admitParticipant`, `denyParticipant`, `updateSession`: for those who steer a session.

use aws_lambda_events::apigw::{ApiGatewayProxyResponse, ApiGatewayWebsocketProxyRequest};
use delay::DelayQueue;
use domain::moderation::{self, Actor};
use domain::{Error, Result};
use gateway::Tools;
use gateway::websocket::{FrameRequest, silence};
use protocol::format_time;
use protocol::signaling::{
    ClientFrame, ModerateAck, Mute, Nothing, ParticipantUpdatedData, Remove, RemoveAck, SessionUpdatedData,
    UpdateParticipant,
};
use push::Push;
use store::Store;

/// What this function needs.
pub type Deps = Tools<Store, Push, DelayQueue>;

/// Answers a frame.
pub async fn handle(
    deps: &Deps,
    event: ApiGatewayWebsocketProxyRequest,
) -> Result<ApiGatewayProxyResponse, lambda_runtime::Error> {
    let Some(request) = FrameRequest::new(&deps.surroundings, &event)? else {
        return Ok(silence());
    };
    let result = moderate(deps, &request).await;
    Ok(request.respond(result))
}

async fn moderate(deps: &Deps, request: &FrameRequest<'_>) -> Result<ModerateAck> {
    let frame = request.frame()?;
    match frame.action.as_str() {
        "updateParticipant" => update_participant(deps, request, &frame).await.map(ModerateAck::Participant),
        "muteParticipant" => mute(deps, request, &frame).await.map(ModerateAck::Nothing),
        "removeParticipant" => remove(deps, request, &frame).await.map(ModerateAck::Removed),
        "admitParticipant" | "denyParticipant" => decide(deps, request, &frame).await.map(ModerateAck::Nothing),
        "updateSession" => update_session(deps, request, &frame).await.map(ModerateAck::Session),
        _ => Err(Error::UnknownAction),
    }
}

async fn update_participant(
    deps: &Deps,
    request: &FrameRequest<'_>,
    frame: &ClientFrame<'_>,
) -> Result<ParticipantUpdatedData> {
    let UpdateParticipant { target, change } = frame.update_participant()?;
    let (held, target) = (&request.identity.held, target.ok_or(Error::PeerNotFound)?);
    let actor = Actor::Connection(held);
    let updated =
        moderation::update_participant(deps.ports(request.context()), actor, held.session, target, &change).await?;
    Ok(ParticipantUpdatedData::from(&updated))
}

async fn mute(deps: &Deps, request: &FrameRequest<'_>, frame: &ClientFrame<'_>) -> Result<Nothing> {
    let Mute { who, kind } = frame.mute()?;
    let (held, who) = (&request.identity.held, who.ok_or(Error::PeerNotFound)?);
    moderation::mute(deps.ports(request.context()), Actor::Connection(held), held.session, &who, kind).await?;
    Ok(Nothing {})
}

async fn remove(deps: &Deps, request: &FrameRequest<'_>, frame: &ClientFrame<'_>) -> Result<RemoveAck> {
    let Remove { target, ban } = frame.remove()?;
    let (held, target) = (&request.identity.held, target.ok_or(Error::PeerNotFound)?);
    let until =
        moderation::remove(deps.ports(request.context()), Actor::Connection(held), held.session, target, ban).await?;
    Ok(RemoveAck { banned_until: until.map(format_time) })
}

/// Lets somebody in who waits, or turns them away.
async fn decide(deps: &Deps, request: &FrameRequest<'_>, frame: &ClientFrame<'_>) -> Result<Nothing> {
    let target = frame.target()?.ok_or(Error::PeerNotFound)?;
    let held = &request.identity.held;
    let (ports, actor) = (deps.ports(request.context()), Actor::Connection(held));
    match frame.action.as_str() {
        "admitParticipant" => moderation::admit(ports, actor, held.session, target).await?,
        _ => moderation::deny(ports, actor, held.session, target).await?,
    }
    Ok(Nothing {})
}

async fn update_session(
    deps: &Deps,
    request: &FrameRequest<'_>,
    frame: &ClientFrame<'_>,
) -> Result<SessionUpdatedData> {
    let change = frame.update_session()?;
    let held = &request.identity.held;
    let updated =
        moderation::update_session(deps.ports(request.context()), Actor::Connection(held), held.session, &change)
            .await?;
    Ok(SessionUpdatedData::from(&updated))
}
