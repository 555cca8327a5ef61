//! Leases: how long a participant is believed to be there, and what happens at the end.
//!
//! Presence is a lease (rule 7 of durable signaling): joining, connecting, losing a connection and coming back each set
//! the time by which the participant must show life; when it passes, the seat is free.

use std::time::Duration;

use futures_util::future::join;

use crate::delivery::{broadcast, tell_others};
use crate::ports::{
    About, DelayedMessage, Delays, Guard, Held, Holding, Inbox, Members, Ports, Rosters, Seats, Sockets, Status,
};
use crate::{
    ConnectionId, Context, Departure, Error, Event, Membership, Participant, Presence, Result, Roster, SessionId,
    Untold, UserId,
};

/// How long a connection stays open after its last answer: API Gateway sends an answer only once the function has
/// returned.
pub(crate) const LAST_ANSWER: Duration = Duration::from_secs(1);

/// `$disconnect`, or a push that found the connection gone: if that was the live one, the participant is reconnecting, the
/// others are told, and the grace ends by one delayed message.
///
/// Of somebody whose join was not announced yet nobody is told: they hear of the join when it comes again, or of the end.
pub async fn lose_connection(
    ports: Ports<'_, impl Holding + Members + Rosters + Inbox + Sync, impl Sockets + Sync, impl Delays + Sync>,
    held: &Held,
) -> Result<()> {
    let Ports { store, delays, context, .. } = ports;
    let grace = context.policy.reconnect_grace;
    let Some(participant) = store.lose(held, context.now, context.now + grace).await? else {
        return Ok(());
    };
    let check = DelayedMessage::CheckLease { session: held.session, user: held.user };
    let (scheduled, roster) = join(delays.after(grace, &check), store.roster(held.session, context.now)).await;
    if let Some(roster) = roster?.filter(|_| participant.untold != Some(Untold::Join)) {
        let frame = ports.encode(&Event::UserStatusUpdated(&participant));
        tell_others(ports, &roster, held.user, &frame).await?;
    }
    scheduled
}

/// The delayed look at a lease: frees the seat if it ran out, looks again later if the participant still waits for
/// a connection, and tells what others were not told because a function died.
pub async fn check_lease(
    ports: Ports<'_, impl Seats + Members + Rosters + Inbox + Sync, impl Sockets + Sync, impl Delays + Sync>,
    session: SessionId,
    user: UserId,
) -> Result<()> {
    let now = ports.context.now;
    let Some(participant) = ports.store.member(session, user).await? else {
        return Ok(());
    };
    if !participant.holds_seat() {
        return finish_departure(ports, &participant).await;
    }
    if !participant.is_present(now) {
        return time_out(ports, &participant).await.map(drop);
    }
    match participant.presence {
        Presence::Connected if participant.untold.is_none() => Ok(()),
        Presence::Connected => settle(ports, session, user).await.map(drop),
        Presence::Disconnected | Presence::Reconnecting => {
            let rest = participant.lease_until.since(now);
            ports.delays.after(rest, &DelayedMessage::CheckLease { session, user }).await
        }
    }
}

/// Frees a seat and tells the others; false when the participant was no longer as `guard` wants it and nothing was left
/// to be told.
pub async fn depart(
    ports: Ports<'_, impl Seats + Members + Rosters + Inbox + Sync, impl Sockets + Sync, impl Delays + Sync>,
    participant: &Participant,
    guard: Guard,
    reason: Departure,
) -> Result<bool> {
    let Ports { store, context: Context { now, policy, .. }, .. } = ports;
    let (keep_until, empty_until) = (now + policy.history, policy.empty_due(now));
    let freed = store.free_seat(participant, guard, reason, now, keep_until, empty_until).await?;
    // Also where it was refused: a try whose answer was lost may have freed the seat.
    let told = settle(ports, participant.session_id, participant.user_id).await?;
    Ok(freed || told)
}

/// Tells the others that somebody left, if whoever freed the seat did not come to that.
pub async fn finish_departure(
    ports: Ports<'_, impl Members + Rosters + Inbox + Sync, impl Sockets + Sync, impl Delays + Sync>,
    participant: &Participant,
) -> Result<()> {
    if participant.has_untold_departure() {
        settle(ports, participant.session_id, participant.user_id).await?;
    }
    Ok(())
}

/// Tells the others what they still have to be told of a participant, if anything; whether there was something. Told
/// twice does no harm, so whoever comes by may do it.
pub(crate) async fn settle(
    ports: Ports<'_, impl Members + Rosters + Inbox + Sync, impl Sockets + Sync, impl Delays + Sync>,
    session: SessionId,
    user: UserId,
) -> Result<bool> {
    let Some(roster) = ports.store.roster(session, ports.context.now).await? else {
        return Ok(false);
    };
    match roster.untold().find(|p| p.user_id == user) {
        Some(participant) => tell_untold(ports, &roster, participant).await.map(|()| true),
        None => Ok(false),
    }
}

/// Tells the others what is noted on a participant of that roster, and clears the note. Somebody whose connection never
/// joined was never announced, so nobody is told of the end.
pub(crate) async fn tell_untold(
    ports: Ports<'_, impl Members + Inbox + Sync, impl Sockets + Sync, impl Delays + Sync>,
    roster: &Roster,
    participant: &Participant,
) -> Result<()> {
    let event = match participant.untold {
        Some(Untold::Join) => Event::UserJoined(participant),
        Some(Untold::Change) => return tell_change(ports, roster, participant).await,
        Some(Untold::Departure(reason)) => {
            let Participant { user_id, username, identity, .. } = participant;
            Event::UserLeft { user_id: *user_id, username, identity: identity.as_ref(), reason }
        }
        None => return Ok(()),
    };
    if participant.presence != Presence::Disconnected {
        tell_others(ports, roster, participant.user_id, &ports.encode(&event)).await?;
        if participant.untold == Some(Untold::Join)
            && let Some(about) = introduction(ports.store, participant).await?
        {
            let event = Event::ParticipantUpdated { participant, about: Some(&about) };
            tell_others(ports, roster, participant.user_id, &ports.encode(&event)).await?;
        }
    }
    let Context { now, policy, .. } = ports.context;
    ports.store.told(participant, now + policy.history).await
}

/// Tells everybody, them too, what a participant may do and what is said of them since they joined with another access, and clears the
/// note of it.
async fn tell_change(
    ports: Ports<'_, impl Members + Inbox + Sync, impl Sockets + Sync, impl Delays + Sync>,
    roster: &Roster,
    participant: &Participant,
) -> Result<()> {
    let Context { now, policy, .. } = ports.context;
    let about = introduction(ports.store, participant).await?;
    let frame = ports.encode(&Event::ParticipantUpdated { participant, about: about.as_ref() });
    broadcast(ports, roster.session.id, roster.connected(now), &frame, None).await?;
    ports.store.told(participant, now + policy.history).await
}

/// What is said of a participant whom something introduces.
async fn introduction(store: &(impl Members + Sync), participant: &Participant) -> Result<Option<About>> {
    if !participant.introduced {
        return Ok(None);
    }
    let about = store.about(participant.session_id, participant.user_id).await?;
    Ok(about.map(|about| about.on_seat(participant.joined_at)))
}

/// Frees the seat of a participant whose lease ran out; false when there was a sign of life meanwhile.
pub async fn time_out(
    ports: Ports<'_, impl Seats + Members + Rosters + Inbox + Sync, impl Sockets + Sync, impl Delays + Sync>,
    participant: &Participant,
) -> Result<bool> {
    depart(ports, participant, Guard::SameLease, Departure::Timeout).await
}

/// `leaveSession`: like leaving over REST, but the connection is closed only after its answer has had time to arrive.
/// A repetition finishes what was interrupted.
pub async fn leave_connection(
    ports: Ports<'_, impl Seats + Members + Rosters + Inbox + Sync, impl Sockets + Sync, impl Delays + Sync>,
    held: &Held,
) -> Result<()> {
    stand_up(ports, held).await?;
    close_later(ports.delays, &held.connection).await
}

/// The same without closing the connection, which may join another session.
pub async fn stand_up(
    ports: Ports<'_, impl Seats + Members + Rosters + Inbox + Sync, impl Sockets + Sync, impl Delays + Sync>,
    held: &Held,
) -> Result<()> {
    let participant = ports.store.member(held.session, held.user).await?.ok_or(Error::NotJoined)?;
    let joined = participant.holds_seat() && participant.is_on(&held.connection);
    if participant.has_untold_departure() && participant.unfenced.contains(&held.connection) {
        finish_departure(ports, &participant).await?;
    } else if !joined || !depart(ports, &participant, Guard::SameAttempt, Departure::Left).await? {
        return Err(Error::NotJoined);
    }
    Ok(())
}

/// Closes a connection once its last answer has had time to arrive.
pub async fn close_later(delays: &impl Delays, connection: &ConnectionId) -> Result<()> {
    delays.after(LAST_ANSWER, &DelayedMessage::Close { connection: connection.clone() }).await
}

/// `updateStatus`: sets microphone and camera and tells the others.
pub async fn update_status(
    ports: Ports<'_, impl Holding + Members + Rosters + Inbox + Sync, impl Sockets + Sync, impl Delays + Sync>,
    held: &Held,
    status: Status,
) -> Result<()> {
    let Ports { store, context, .. } = ports;
    let participant = store.set_status(held, status, context.lease_until()).await?.ok_or(Error::NotJoined)?;
    let roster = store.roster(held.session, context.now).await?.ok_or(Error::SessionEnded)?;
    let frame = ports.encode(&Event::UserStatusUpdated(&participant));
    tell_others(ports, &roster, held.user, &frame).await
}

/// `ping`: renews the lease if the connection has joined; before that it only keeps the connection awake.
///
/// A connection that has lost its participant is told. A newer attempt that was cut short before its fence, or the end
/// of the lease, took it away; nothing is pushed to that connection any more, so only its heartbeat can tell. A lease that
/// has run out is not renewed, even where nobody freed the seat yet: its client joins again, and hears what it missed.
pub async fn ping(store: &(impl Holding + Members + Sync), context: Context<'_>, held: &Held) -> Result<()> {
    let now = context.now;
    if store.renew(held, now, context.lease_until()).await? {
        return Ok(());
    }
    let Some(member) = store.member(held.session, held.user).await? else {
        return if store.was_left(held).await? { Err(Error::NotJoined) } else { Ok(()) };
    };
    let holds = member.is_present(now) && member.is_on(&held.connection);
    if holds || !member.unfenced.contains(&held.connection) {
        return Ok(());
    }
    match member.membership {
        Membership::Ended => Err(Error::SessionEnded),
        Membership::Seated | Membership::Left => Err(Error::NotJoined),
    }
}
