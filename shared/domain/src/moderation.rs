//! Steering a session: rights, removal, requests to mute, and the session's settings.
//!
//! One rule says who may do so ([`authority`]), whichever way somebody asks: over a connection, or over REST.

use std::collections::BTreeSet;
use std::time::Duration;

use futures_util::future::join_all;

use crate::about::{self, About, Saying, Seat};
use crate::data::{self, Absent, Data, Recipients, to_each};
use crate::delivery::broadcast;
use crate::leases::finish_departure;
use crate::links::revoke_link_of;
use crate::ports::{
    Abouts, Ban, ChatLog, ChatMessage, ControlsSet, Delays, Endings, Guard, Held, Inbox, Invites, Members, Moderation,
    Ports, Rosters, Seats, SessionChange, SessionMetadata, Sockets, Verdict, WaitingRoom,
};
use crate::sessions::{active_roster, finish_ending, with_metadata};
use crate::{
    Caller, ConnectionId, Context, Departure, Ending, Error, Event, MediaKind, Participant, Permission, Result,
    RightsChange, Role, Roster, Session, SessionId, Timestamp, UserId, Username, waiting,
};

/// Who asks.
#[derive(Debug, Clone, Copy)]
pub enum Actor<'a> {
    /// A participant, over that connection.
    Connection(&'a Held),
    /// An account, a participant of an app, or an app's backend, over REST. Whoever hosts the session ([`Caller::hosts`]) needs no
    /// seat.
    Caller(&'a Caller),
}

impl Actor<'_> {
    /// The user; a backend is none.
    fn user(&self) -> Option<UserId> {
        match self {
            Self::Connection(held) => Some(held.user),
            Self::Caller(caller) => caller.person().ok().map(|person| person.user_id),
        }
    }
}

/// How far somebody's word goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Authority {
    /// Everywhere, but the creator stays the host.
    Host,
    /// Not to hosts, and not to who is host or cohost.
    Cohost,
}

/// Whoever was denied may knock again after this.
pub const DENIED_FOR: Duration = Duration::from_secs(60);

/// A change that others change at the same time is tried so often.
const TRIES: usize = 4;

/// Whether somebody may steer this session, and how far.
///
/// # Errors
/// `NotJoined` for a connection that does not hold its participant, `SessionNotFound` for a session of another project, `Forbidden`
/// for another room than the token's, `Banned` for a participant of an app as long as the ban lasts, `MissingGrant` for a key,
/// `NotPermitted` for whoever lacks `moderate`.
async fn authority(
    store: &(impl Rosters + Sync),
    context: Context<'_>,
    roster: &Roster,
    actor: Actor<'_>,
) -> Result<Authority> {
    let seat = actor.user().and_then(|user| roster.seated(user));
    let rights = match (actor, seat) {
        (Actor::Connection(held), Some(seat)) if seat.is_on(&held.connection) => seat.rights,
        (Actor::Connection(_), _) => return Err(Error::NotJoined),
        (Actor::Caller(caller), seat) => {
            caller.require_sight(&roster.session)?;
            match seat {
                _ if caller.hosts(&roster.session) => {
                    require_unbanned(store, context, roster.session.id, caller).await?;
                    return Ok(Authority::Host);
                }
                Some(seat) => seat.rights,
                None => return Err(caller.lacks_authority()),
            }
        }
    };
    match rights.role {
        _ if !rights.moderates() => Err(Error::NotPermitted { permission: Permission::Moderate.name() }),
        Role::Host => Ok(Authority::Host),
        Role::Cohost | Role::Participant | Role::Viewer => Ok(Authority::Cohost),
    }
}

/// Whoever was banned steers nothing with `roomAdmin` either, and does not lift their own ban. An app's key always may.
async fn require_unbanned(
    store: &(impl Rosters + Sync),
    context: Context<'_>,
    session: SessionId,
    caller: &Caller,
) -> Result<()> {
    let Caller::Participant(person) = caller else {
        return Ok(());
    };
    match store.banned_until(session, person.user_id).await? {
        Some(until) if until > context.now => Err(Error::Banned { until }),
        Some(_) | None => Ok(()),
    }
}

/// That somebody is a host here.
///
/// # Errors
/// As [`authority`]; `NotAllowed` for a cohost.
pub(crate) async fn require_host(
    store: &(impl Rosters + Sync),
    context: Context<'_>,
    roster: &Roster,
    actor: Actor<'_>,
) -> Result<()> {
    match authority(store, context, roster, actor).await? {
        Authority::Host => Ok(()),
        Authority::Cohost => Err(Error::NotAllowed { reason: ONLY_A_HOST }),
    }
}

impl Authority {
    /// Whether it reaches that participant.
    fn reaches(self, roster: &Roster, target: UserId) -> Result<()> {
        let role = roster.seated(target).map(|target| target.rights.role);
        if roster.session.is_hosted_by(target) {
            return Err(Error::NotAllowed { reason: "the session's creator stays its host" });
        }
        match self {
            Self::Cohost if role == Some(Role::Host) => Err(Error::NotAllowed { reason: ONLY_A_HOST }),
            Self::Host | Self::Cohost => Ok(()),
        }
    }

    /// Whether it covers making that of somebody.
    fn covers(self, change: &RightsChange, target: &Participant) -> Result<()> {
        let steers = |role: Role| matches!(role, Role::Host | Role::Cohost);
        let of_role =
            change.role.is_some_and(|role| role != target.rights.role && (steers(role) || steers(target.rights.role)));
        let of_permission = change.permissions.iter().any(|(one, _)| *one == Permission::Moderate);
        match self {
            Self::Cohost if of_role || of_permission => Err(Error::NotAllowed { reason: ONLY_A_HOST }),
            Self::Host | Self::Cohost => Ok(()),
        }
    }
}

const ONLY_A_HOST: &str = "only a host may do this";

/// What is to be changed about a participant.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ParticipantChange {
    /// The role and permissions.
    pub rights: RightsChange,
    /// Another name.
    pub username: Option<Username>,
    /// What is to be said of them.
    pub sayings: Vec<Saying>,
}

impl From<RightsChange> for ParticipantChange {
    fn from(rights: RightsChange) -> Self {
        Self { rights, ..Self::default() }
    }
}

impl ParticipantChange {
    /// Whether it is of more than what is said of somebody.
    fn is_of_seat(&self) -> bool {
        self.rights != RightsChange::default() || self.username.is_some()
    }
}

/// A participant after a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Updated {
    /// The participant.
    pub participant: Participant,
    /// What is said of them, if that was changed.
    pub about: Option<About>,
}

/// Changes a participant's role, permissions, name, attributes or metadata, and tells everybody. On the way of signals and chat it counts
/// within 10 s.
///
/// # Errors
/// As [`authority`]; `ParticipantNotFound`, `NotAllowed` for what only a host may do; `PayloadTooLarge` for more attributes than fit,
/// with nothing changed.
pub async fn update_participant(
    ports: Ports<
        '_,
        impl Moderation + Abouts + Members + Rosters + Inbox + Sync,
        impl Sockets + Sync,
        impl Delays + Sync,
    >,
    actor: Actor<'_>,
    session: SessionId,
    target: UserId,
    change: &ParticipantChange,
) -> Result<Updated> {
    let Ports { store, context, .. } = ports;
    let mut about = None;
    for _ in 0..TRIES {
        let roster = active_roster(store, session, context.now).await?;
        let authority = authority(store, context, &roster, actor).await?;
        let participant = roster.seated(target).ok_or(Error::ParticipantNotFound)?;
        authority.reaches(&roster, target)?;
        authority.covers(&change.rights, participant)?;
        if about.is_none() && !change.sayings.is_empty() {
            let noted = about::note(ports, Seat::of(participant), &change.sayings).await;
            about = Some(noted.map_err(as_participant)?);
        }
        if !change.is_of_seat() {
            return Ok(Updated { participant: participant.clone(), about });
        }
        let rights = change.rights.applied_to(participant.rights);
        let username = change.username.as_ref().unwrap_or(&participant.username);
        if let Some(changed) = store.change_seat(participant, rights, username, context.now).await? {
            tell_all(ports, session, &Event::ParticipantUpdated { participant: &changed, about: None }).await?;
            if !participant.rights.moderates() {
                waiting::tell_who_waits(ports, &roster, &changed).await?;
            }
            return Ok(Updated { participant: changed, about });
        }
    }
    Err(Error::Unavailable("a participant's rights change too fast".into()))
}

/// Takes a participant out of the session, and keeps them out for `ban` if that is given. Also somebody who is not here may be
/// banned. Until when, if so. A ban of a guest takes back the link, too, by which they came. A repetition finishes what was interrupted. A ban of
/// no time takes nobody out, and ends the one that there is.
///
/// The ban comes first and the look at the seat then; a join asks for the ban in the same step in which it takes a seat. So
/// one of the two sees the other. Whoever leaves at the same moment keeps what anybody keeps who leaves: that is taken away once
/// it stands there.
///
/// # Errors
/// As [`authority`]; `NotAllowed` where the target is a host.
pub async fn remove(
    ports: Ports<
        '_,
        impl Moderation + Invites + Seats + WaitingRoom + Members + Rosters + Inbox + Sync,
        impl Sockets + Sync,
        impl Delays + Sync,
    >,
    actor: Actor<'_>,
    session: SessionId,
    target: UserId,
    ban: Option<Duration>,
) -> Result<Option<Timestamp>> {
    let Ports { store, context, .. } = ports;
    let roster = active_roster(store, session, context.now).await?;
    authority(store, context, &roster, actor).await?.reaches(&roster, target)?;
    if ban == Some(Duration::ZERO) {
        return store.lift_ban(session, target).await.map(|()| None);
    }
    let until = ban.map(|ban| context.now + ban);
    match until {
        Some(until) => {
            revoke_link_of(store, &roster, target).await?;
            let noted_until = until.max(context.now + context.policy.connection_log);
            store.ban(session, target, Ban { at: context.now, until, noted_until, shortens: true }).await?;
        }
        None => store.hold_up(session, target).await?,
    }
    if let Some(knock) = roster.waits(target, context.now) {
        waiting::turn_away(ports, &roster, knock, &Event::Removed { banned_until: until }).await?;
    }
    if let Some(participant) = store.member(session, target).await? {
        take_out(ports, &participant, until).await?;
    }
    store.hold_up(session, target).await?;
    Ok(until)
}

/// Frees the seat, tells whoever sat there, cuts their connections, and tells the others.
async fn take_out(
    ports: Ports<'_, impl Seats + Members + Rosters + Inbox + Sync, impl Sockets + Sync, impl Delays + Sync>,
    participant: &Participant,
    banned_until: Option<Timestamp>,
) -> Result<()> {
    let Ports { store, context, .. } = ports;
    let (keep_until, empty_until) = (context.now + context.policy.history, context.policy.empty_due(context.now));
    let _freed =
        store.free_seat(participant, Guard::Seated, Departure::Removed, context.now, keep_until, empty_until).await?;
    // Nobody takes the participant over any more, so these are all connections that ever did.
    let after = store.member(participant.session_id, participant.user_id).await?.filter(|p| !p.holds_seat());
    let connections: BTreeSet<_> =
        participant.unfenced.iter().chain(after.iter().flat_map(|after| &after.unfenced)).collect();
    dismiss(ports, connections, banned_until).await?;
    match after {
        Some(after) => finish_departure(ports, &after).await,
        None => Ok(()),
    }
}

/// Tells connections that they were removed, and closes them.
async fn dismiss(
    ports: Ports<'_, impl Sync, impl Sockets + Sync, impl Sync>,
    connections: BTreeSet<&ConnectionId>,
    banned_until: Option<Timestamp>,
) -> Result<()> {
    let removed = &ports.encode(&Event::Removed { banned_until });
    let dismissals = connections.into_iter().map(|connection| async move {
        // Best effort: what counts is that it is closed.
        let _told = ports.sockets.push(connection, removed).await;
        ports.sockets.close(connection).await
    });
    join_all(dismissals).await.into_iter().collect()
}

/// Whose track is to be switched off.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Muted {
    /// That participant's.
    One(UserId),
    /// Everybody's but the caller's, the hosts' and these.
    AllBut(Vec<UserId>),
}

/// Asks participants to switch a track off. The request waits for whoever is away for a moment, as a signal does. In a mesh the
/// server never sees media, so it can only ask.
///
/// # Errors
/// As [`authority`]; `ParticipantNotFound`, `NotAllowed` where the target is a host.
pub async fn mute(
    ports: Ports<'_, impl Members + Rosters + Inbox + Sync, impl Sockets + Sync, impl Delays + Sync>,
    actor: Actor<'_>,
    session: SessionId,
    who: &Muted,
    kind: MediaKind,
) -> Result<()> {
    let roster = active_roster(ports.store, session, ports.context.now).await?;
    let authority = authority(ports.store, ports.context, &roster, actor).await?;
    let by = actor.user();
    let event = Event::MuteRequested { kind, by };
    match who {
        Muted::One(target) => {
            roster.seated(*target).ok_or(Error::ParticipantNotFound)?;
            authority.reaches(&roster, *target)?;
            to_each(ports, session, vec![*target], &ports.encode(&event), Absent::Refused).await.map_err(as_participant)
        }
        Muted::AllBut(except) => {
            let asked = roster.present(ports.context.now).filter(|p| p.rights.role != Role::Host);
            let asked = asked.map(|p| p.user_id).filter(|user| Some(*user) != by && !except.contains(user));
            to_each(ports, session, asked.collect(), &ports.encode(&event), Absent::Passed).await
        }
    }
}

/// The session with those who are there, for whoever takes part or steers it.
///
/// # Errors
/// `NotInSession` for everybody else; as [`authority`] for whom the session is not there.
pub async fn watch(
    store: &(impl Rosters + Sync),
    context: Context<'_>,
    actor: Actor<'_>,
    session: SessionId,
) -> Result<Roster> {
    let roster = store.roster(session, context.now).await?.ok_or(Error::SessionNotFound)?;
    match authority(store, context, &roster, actor).await {
        Ok(Authority::Host | Authority::Cohost) => Ok(roster),
        Err(_) if roster.participants.iter().any(|p| Some(p.user_id) == actor.user()) => Ok(roster),
        Err(Error::NotPermitted { .. } | Error::MissingGrant(_)) if actor.user().is_some() => Err(Error::NotInSession),
        Err(refused) => Err(refused),
    }
}

/// Ends a session, for its hosts.
///
/// # Errors
/// As [`authority`]; `NotAllowed` for a cohost, `SessionEnded` for one that is over.
pub async fn end(
    ports: Ports<'_, impl Rosters + Endings + Sync, impl Sockets + Sync, impl Sync>,
    actor: Actor<'_>,
    session: SessionId,
) -> Result<()> {
    let Ports { store, context, .. } = ports;
    let roster = store.roster(session, context.now).await?.ok_or(Error::SessionNotFound)?;
    match authority(store, context, &roster, actor).await? {
        Authority::Host => {}
        Authority::Cohost => return Err(Error::NotAllowed { reason: ONLY_A_HOST }),
    }
    if !store.mark_ended(session, context.now, Ending::EndedByCreator, None).await? {
        return Err(Error::SessionEnded);
    }
    finish_ending(ports, session, Ending::EndedByCreator).await
}

/// Sends a chat message of somebody who steers the session, and who need not be there; the message as it is kept.
///
/// # Errors
/// As [`authority`].
pub async fn say(
    ports: Ports<'_, impl ChatLog + Members + Rosters + Inbox + Sync, impl Sockets + Sync, impl Delays + Sync>,
    actor: Actor<'_>,
    message: &ChatMessage,
) -> Result<ChatMessage> {
    let Ports { store, context, .. } = ports;
    let roster = active_roster(store, message.session, context.now).await?;
    authority(store, context, &roster, actor).await?;
    let username = name_there(&roster, message.from, Permission::Chat)?.unwrap_or(&message.username).clone();
    let message = ChatMessage { username, ..message.clone() };
    let message = store.append(&message, context.now + context.policy.history).await?;
    let roster = active_roster(store, message.session, context.now).await?;
    if roster.session.controls.tells_messages {
        store.tell_of(&message, context.now).await?;
    }
    let frame = ports.encoder.encode(&message.event(), message.id.timestamp());
    let kept = Some(message.waiting());
    broadcast(ports, message.session, roster.connected(context.now), &frame, kept).await?;
    Ok(message)
}

/// Sends data of somebody who steers the session, and who need not be there.
///
/// # Errors
/// As [`authority`]; `ParticipantNotFound` where one of those whom it is for does not take part; the others get it all the same.
pub async fn send_data(
    ports: Ports<'_, impl Inbox + Members + Rosters + Sync, impl Sockets + Sync, impl Delays + Sync>,
    actor: Actor<'_>,
    session: SessionId,
    data: &Data,
    to: &Recipients,
) -> Result<()> {
    let roster = active_roster(ports.store, session, ports.context.now).await?;
    authority(ports.store, ports.context, &roster, actor).await?;
    let mut data = data.clone();
    if let Some(from) = &mut data.from
        && let Some(name) = name_there(&roster, from.user_id, Permission::Data)?
    {
        from.username.clone_from(name);
    }
    data::send_data(ports, session, &data, to).await.map_err(as_participant)
}

/// Under which name somebody who is there is known there, which may not be what their token says. Whoever steers by a token needs the same
/// permission there as over signaling.
fn name_there(roster: &Roster, user: UserId, needed: Permission) -> Result<Option<&Username>> {
    let seat = roster.seated(user);
    seat.map_or(Ok(()), |seat| seat.rights.require(needed))?;
    Ok(seat.map(|seat| &seat.username))
}

/// What those who steer are told where somebody does not take part.
fn as_participant(error: Error) -> Error {
    match error {
        Error::PeerNotFound | Error::NotJoined => Error::ParticipantNotFound,
        error => error,
    }
}

/// Admits somebody who waits. A repetition finishes what was interrupted.
///
/// # Errors
/// As for steering anything; `ParticipantNotFound` for somebody who neither waits nor was admitted, `SessionFull` where there is
/// no seat for them.
pub async fn admit(
    ports: Ports<'_, impl WaitingRoom + Members + Rosters + Inbox + Sync, impl Sockets + Sync, impl Delays + Sync>,
    actor: Actor<'_>,
    session: SessionId,
    user: UserId,
) -> Result<()> {
    let Ports { store, context, .. } = ports;
    let roster = active_roster(store, session, context.now).await?;
    authority(store, context, &roster, actor).await?;
    let Some(knock) = roster.waits(user, context.now) else {
        let verdict = store.verdict(session, user).await?;
        let passed = roster.seated(user).is_some() || verdict == Verdict::Passes;
        return passed.then_some(()).ok_or(Error::ParticipantNotFound);
    };
    if !roster.has_free_seat() {
        return Err(Error::SessionFull { limit: roster.session.max_participants });
    }
    store.let_pass(session, user, context.now, context.now + context.policy.connection_log).await?;
    waiting::let_in(ports, &roster, knock).await
}

/// Turns somebody away who waits. They may knock again after [`DENIED_FOR`]. A repetition finishes what was interrupted.
///
/// # Errors
/// As for steering anything; `ParticipantNotFound` for somebody who does not wait.
pub async fn deny(
    ports: Ports<
        '_,
        impl Moderation + WaitingRoom + Members + Rosters + Inbox + Sync,
        impl Sockets + Sync,
        impl Delays + Sync,
    >,
    actor: Actor<'_>,
    session: SessionId,
    user: UserId,
) -> Result<()> {
    let Ports { store, context, .. } = ports;
    let roster = active_roster(store, session, context.now).await?;
    authority(store, context, &roster, actor).await?;
    let knock = roster.waits(user, context.now).ok_or(Error::ParticipantNotFound)?;
    let until = context.now + DENIED_FOR;
    let noted_until = context.now + context.policy.connection_log;
    store.ban(session, user, Ban { at: context.now, until, noted_until, shortens: false }).await?;
    waiting::turn_away(ports, &roster, knock, &Event::Denied { knock, reason: Departure::Removed, until: Some(until) })
        .await
}

/// Changes the session's settings, and tells everybody.
///
/// # Errors
/// As [`authority`]; `VersionMismatch` where the session was changed since it was seen.
pub async fn update_session(
    ports: Ports<
        '_,
        impl Moderation + WaitingRoom + Members + Rosters + SessionMetadata + Inbox + Sync,
        impl Sockets + Sync,
        impl Delays + Sync,
    >,
    actor: Actor<'_>,
    session: SessionId,
    change: &SessionChange,
) -> Result<Session> {
    let Ports { store, context, .. } = ports;
    let roster = active_roster(store, session, context.now).await?;
    authority(store, context, &roster, actor).await?;
    let ControlsSet::Set(changed) = store.set_controls(session, change, context.now).await? else {
        // Either it ended meanwhile, or it was changed.
        return active_roster(store, session, context.now).await.and(Err(Error::VersionMismatch));
    };
    tell_all(ports, session, &Event::SessionUpdated(&changed)).await?;
    if change.waiting_room == Some(false) {
        waiting::open(ports, session).await?;
    }
    with_metadata(store, context.now, *changed).await
}

/// Tells everybody who is connected. The roster is read after what is told was written, so whoever joins too late to be in it
/// has read it themselves.
pub(crate) async fn tell_all(
    ports: Ports<'_, impl Members + Rosters + Inbox + Sync, impl Sockets + Sync, impl Delays + Sync>,
    session: SessionId,
    event: &Event<'_>,
) -> Result<()> {
    let Some(roster) = ports.store.roster(session, ports.context.now).await? else {
        return Ok(());
    };
    let frame = ports.encode(event);
    broadcast(ports, session, roster.connected(ports.context.now), &frame, None).await
}
