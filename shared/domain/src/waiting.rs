//! The waiting room: who knocks, who is admitted or denied, and what becomes of those who do not wait any longer.
//!
//! Whoever waits holds no seat. To be admitted is to be let past the waiting room: whoever is takes their seat by joining again,
//! and passes again after a drop, until they are removed.

use futures_util::future::join_all;

use crate::delivery::{broadcast, deliver};
use crate::ports::{
    DelayedMessage, Delays, Emptied, Inbox, Knock, Members, Outcome, Ports, Rosters, Sockets, Verdict, WAITING_PLACES,
    WaitingRoom, Waits,
};
use crate::{
    ConnectionId, Context, Departure, Error, Event, Participant, Person, Result, Roster, SessionId, Timestamp, UserId,
};

/// What came of knocking.
pub(crate) enum Knocked {
    /// They wait.
    Waits(Box<Knock>),
    /// The door is open by now.
    Open,
}

/// Has somebody wait, and tells those who steer the session. [`Knocked::Open`] when the waiting room was given up meanwhile.
///
/// Whoever gives it up does that first and looks who waits then; here the place comes first and the look at the session then. So
/// one of the two sees the other. The same goes for those who steer the session and are told who waits as they join.
pub(crate) async fn knock(
    ports: Ports<'_, impl WaitingRoom + Members + Rosters + Inbox + Sync, impl Sockets + Sync, impl Delays + Sync>,
    person: &Person,
    roster: &Roster,
) -> Result<Knocked> {
    let Ports { store, context, .. } = ports;
    let (session, lease) = (roster.session.id, lease(context));
    let check = DelayedMessage::CheckWaiting { session, user: person.user_id };
    // Before the place is taken: a function that dies after that leaves no place that nobody looks at.
    ports.delays.after(context.policy.first_connect, &check).await?;
    let own = roster.waits(person.user_id, context.now);
    let since = own.map_or(context.now, |own| own.since);
    for place in own.map(|own| own.place).into_iter().chain(roster.free_places(person.user_id, context.now)) {
        if let Some(gone) = roster.waiting.iter().find(|other| other.place == place && other.lease_until <= context.now)
        {
            settle(ports, roster, gone, &Emptied::RunOut(gone.lease_until), Departure::Timeout).await?;
        }
        // Another tab of theirs may wait here: it still hears what is decided.
        let connection = own.filter(|own| own.place == place).and_then(|own| own.connection.clone());
        let knock = Knock { connection, ..Knock::new(session, place, person, since, lease) };
        if !store.wait(&knock, context.now).await? {
            continue;
        }
        let roster = store.roster(session, context.now).await?.ok_or(Error::SessionNotFound)?;
        if !roster.session.is_active() {
            return Err(Error::SessionEnded);
        }
        if !roster.session.controls.waiting_room {
            store.stop_waiting(&Waits::from(&knock), &Emptied::Anyway, Outcome::Admitted, context.now).await?;
            return Ok(Knocked::Open);
        }
        tell_moderators(ports, &roster, &Event::ParticipantWaiting(&knock)).await?;
        return Ok(Knocked::Waits(Box::new(knock)));
    }
    Err(Error::WaitingRoomFull { limit: WAITING_PLACES })
}

/// How long somebody who waits is believed to be there.
fn lease(context: Context<'_>) -> Timestamp {
    context.now + context.policy.first_connect
}

/// `ping` of somebody who waits: shows life, and says where they are told what is decided.
///
/// # Errors
/// `NotJoined` when they do not wait any more: admitted, denied, or gone for too long. Joining again says which.
pub async fn keep_waiting(
    store: &(impl WaitingRoom + Sync),
    context: Context<'_>,
    waits: &Waits,
    connection: &ConnectionId,
) -> Result<()> {
    let kept = store.keep_waiting(waits, connection, context.now, lease(context)).await?;
    kept.then_some(()).ok_or(Error::NotJoined)
}

/// Somebody waits no longer, over their connection or by its end; those who steer the session are told.
pub async fn give_up(
    ports: Ports<'_, impl WaitingRoom + Members + Rosters + Inbox + Sync, impl Sockets + Sync, impl Delays + Sync>,
    waits: &Waits,
    only: &Emptied,
    why: Departure,
) -> Result<()> {
    let Ports { store, context, .. } = ports;
    let Some(roster) = store.roster(waits.session, context.now).await? else {
        return Ok(());
    };
    let Some(knock) = roster.waiting.iter().find(|knock| Waits::from(*knock) == *waits) else {
        return Ok(());
    };
    settle(ports, &roster, knock, only, why).await
}

/// Notes what became of somebody who waits no longer, and tells those who steer the session. Whoever admitted them or turned them
/// away says so first, and may have died after that: then that is what became of them.
async fn settle(
    ports: Ports<'_, impl WaitingRoom + Members + Inbox + Sync, impl Sockets + Sync, impl Delays + Sync>,
    roster: &Roster,
    knock: &Knock,
    only: &Emptied,
    why: Departure,
) -> Result<()> {
    let Ports { store, context, .. } = ports;
    let outcome = match store.verdict(knock.session, knock.user_id).await? {
        _ if !roster.session.controls.waiting_room => Outcome::Admitted,
        Verdict::Passes => Outcome::Admitted,
        Verdict::KeptOut(until) if until > knock.since => Outcome::Denied(Departure::Removed),
        Verdict::KeptOut(_) | Verdict::Open => Outcome::Denied(why),
    };
    // Noted first: they may have come back over another connection meanwhile, and wait then.
    if !store.stop_waiting(&Waits::from(knock), only, outcome, context.now).await? {
        return Ok(());
    }
    // Somebody who knocked twice at once has another place.
    let elsewhere = |other: &&Knock| other.place != knock.place && other.lease_until > context.now;
    if roster.places_of(knock.user_id).any(|other| elsewhere(&other)) {
        return Ok(());
    }
    let event = match outcome {
        Outcome::Admitted => Event::Admitted(knock),
        Outcome::Denied(reason) => Event::Denied { knock, reason, until: None },
    };
    tell_moderators(ports, roster, &event).await
}

/// The delayed look at somebody who waits: their place is empty once their lease ran out.
pub async fn check(
    ports: Ports<'_, impl WaitingRoom + Members + Rosters + Inbox + Sync, impl Sockets + Sync, impl Delays + Sync>,
    session: SessionId,
    user: UserId,
) -> Result<()> {
    let Ports { store, context, .. } = ports;
    let Some(roster) = store.roster(session, context.now).await? else {
        return Ok(());
    };
    for knock in roster.waiting.iter().filter(|knock| knock.user_id == user) {
        if knock.lease_until > context.now {
            let rest = knock.lease_until.since(context.now);
            ports.delays.after(rest, &DelayedMessage::CheckWaiting { session, user }).await?;
        } else {
            let run_out = Emptied::RunOut(knock.lease_until);
            give_up(ports, &Waits::from(knock), &run_out, Departure::Timeout).await?;
        }
    }
    Ok(())
}

/// Tells somebody who waits that the door is open, and those who steer the session.
pub(crate) async fn let_in(
    ports: Ports<'_, impl WaitingRoom + Members + Inbox + Sync, impl Sockets + Sync, impl Delays + Sync>,
    roster: &Roster,
    knock: &Knock,
) -> Result<()> {
    let admitted = Event::Admitted(knock);
    for connection in roster.places_of(knock.user_id).filter_map(|own| own.connection.as_ref()) {
        // Best effort: their next sign of life is refused, and joining again takes the seat.
        let _told = ports.sockets.push(connection, &ports.encode(&admitted)).await;
    }
    tell_moderators(ports, roster, &admitted).await?;
    empty_places(ports.store, roster, knock.user_id, Outcome::Admitted, ports.context.now).await
}

/// Lets everybody in who waits: there is no waiting room any more.
pub(crate) async fn open(
    ports: Ports<'_, impl WaitingRoom + Members + Rosters + Inbox + Sync, impl Sockets + Sync, impl Delays + Sync>,
    session: SessionId,
) -> Result<()> {
    let Some(roster) = ports.store.roster(session, ports.context.now).await? else {
        return Ok(());
    };
    let waiters = roster.waiters(ports.context.now);
    let opened = join_all(waiters.into_iter().map(|knock| let_in(ports, &roster, knock))).await;
    opened.into_iter().collect()
}

/// Tells somebody who waits that they do not come in, and those who steer the session, and closes the connection. That comes last: its
/// end finds nobody waiting any more, and tells nothing else.
pub(crate) async fn turn_away(
    ports: Ports<'_, impl WaitingRoom + Members + Inbox + Sync, impl Sockets + Sync, impl Delays + Sync>,
    roster: &Roster,
    knock: &Knock,
    event: &Event<'_>,
) -> Result<()> {
    let connections = || roster.places_of(knock.user_id).filter_map(|own| own.connection.as_ref());
    for connection in connections() {
        // Best effort: their next sign of life is refused.
        let _told = ports.sockets.push(connection, &ports.encode(event)).await;
    }
    tell_moderators(ports, roster, &Event::Denied { knock, reason: Departure::Removed, until: None }).await?;
    let outcome = Outcome::Denied(Departure::Removed);
    empty_places(ports.store, roster, knock.user_id, outcome, ports.context.now).await?;
    for connection in connections() {
        // Best effort, too: it may do nothing any more.
        let _closed = ports.sockets.close(connection).await;
    }
    Ok(())
}

/// Whoever was decided about waits nowhere any more.
async fn empty_places(
    store: &(impl WaitingRoom + Sync),
    roster: &Roster,
    user: UserId,
    outcome: Outcome,
    now: Timestamp,
) -> Result<()> {
    for own in roster.places_of(user) {
        store.stop_waiting(&Waits::from(own), &Emptied::Anyway, outcome, now).await?;
    }
    Ok(())
}

/// Tells those who steer the session and are connected.
async fn tell_moderators(
    ports: Ports<'_, impl Members + Inbox + Sync, impl Sockets + Sync, impl Delays + Sync>,
    roster: &Roster,
    event: &Event<'_>,
) -> Result<()> {
    let steering = roster.present(ports.context.now).filter(|p| p.rights.moderates());
    let targets = steering.filter_map(|p| Some((p.user_id, p.connection.clone()?))).collect();
    broadcast(ports, roster.session.id, targets, &ports.encode(event), None).await
}

/// Tells somebody who steers the session who waits: as they join, and as they come to steer it.
pub(crate) async fn tell_who_waits(
    ports: Ports<'_, impl Members + Inbox + Sync, impl Sockets + Sync, impl Delays + Sync>,
    roster: &Roster,
    participant: &Participant,
) -> Result<()> {
    let Some(connection) = participant.connection.as_ref().filter(|_| participant.rights.moderates()) else {
        return Ok(());
    };
    let (session, user) = (roster.session.id, participant.user_id);
    for knock in roster.waiters(ports.context.now) {
        let frame = ports.encode(&Event::ParticipantWaiting(knock));
        deliver(ports, session, user, connection.clone(), &frame, None).await?;
    }
    Ok(())
}
