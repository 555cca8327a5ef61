//! Sessions: creating, joining, leaving and ending them.

use std::time::Duration;

use futures_util::future::{join_all, try_join};
use futures_util::stream::{self, StreamExt};

use crate::accounts::require_account;
use crate::leases::{depart, tell_untold, time_out};
use crate::ports::{
    Counted, DelayedMessage, Delays, Endings, Families, Guard, IdempotencyKey, Inbox, Members, Ports, Rosters, Seats,
    Sessions, Sockets, TakenSeat, Throttles, Users,
};
use crate::{
    Caller, ConnectionId, Context, Departure, Ending, Error, Event, Participant, Presence, Result, Roster, Session,
    SessionId, SessionKind, SessionName, SessionState, Timestamp, UserId, Visibility,
};

/// How long a key of a request to create is remembered.
const KEY_KEPT: Duration = Duration::from_secs(24 * 60 * 60);

/// What a caller wants to create.
pub struct NewSession {
    /// Its name.
    pub name: SessionName,
    /// Its seats, 2-100.
    pub max_participants: u8,
    /// What it is for.
    pub kind: SessionKind,
    /// Who can find it.
    pub visibility: Visibility,
}

/// Creates a session. Its creator is not joined. With a `key` that the caller has used within 24 hours nothing is created: the
/// answer is the session of then, as it is now.
///
/// An account that is being removed marks that first and looks for its sessions then; here the session comes first and the
/// look at the account then, so one of the two sees the other.
pub async fn create(
    store: &(impl Sessions + Rosters + Endings + Users + Throttles + Sync),
    context: Context<'_>,
    caller: &Caller,
    new: NewSession,
    key: Option<&IdempotencyKey>,
) -> Result<Session> {
    require_account(store, caller).await?;
    let counted = Counted::SessionsOf(caller.user_id);
    store.hit(&counted, context.policy.sessions_per_user, context.now).await?;
    let session = Session {
        id: SessionId::new(context.ids, context.now),
        name: new.name,
        kind: new.kind,
        visibility: new.visibility,
        state: SessionState::Active,
        max_participants: new.max_participants,
        seats_taken: 0,
        created_at: context.now,
        touched_at: context.now,
        creator_id: caller.user_id,
        creator_username: caller.username.clone(),
    };
    let empty_until = context.policy.empty_due(context.now);
    match key {
        None => store.add(&session, empty_until).await?,
        Some(key) => {
            if let Some(earlier) = store.add_once(&session, empty_until, key, context.now + KEY_KEPT).await? {
                return created_before(store, context.now, &session, earlier).await;
            }
        }
    }
    if let Err(gone) = require_account(store, caller).await {
        let _ended = store.mark_ended(session.id, context.now, None).await?;
        store.forget_active(&session, context.now).await?;
        return Err(gone);
    }
    Ok(session)
}

/// The session that the same request has created.
async fn created_before(
    store: &(impl Rosters + Sync),
    now: Timestamp,
    wanted: &Session,
    earlier: SessionId,
) -> Result<Session> {
    let found = store.roster(earlier, now).await?.ok_or(Error::SessionEnded)?.session;
    let asked = |session: &Session| (session.name.clone(), session.kind, session.visibility, session.max_participants);
    if asked(&found) == asked(wanted) { Ok(found) } else { Err(Error::IdempotencyKeyReused) }
}

/// A seat and the attempt that its ticket names.
pub struct Seated {
    /// The session as it is now.
    pub roster: Roster,
    /// The number of the connection attempt; later ones are larger.
    pub attempt: u64,
}

/// Joins a session: takes a seat, or finds the one already held, which works even when the session is full.
pub async fn join(
    ports: Ports<
        '_,
        impl Seats + Members + Rosters + Inbox + Families + Throttles + Sync,
        impl Sockets + Sync,
        impl Delays + Sync,
    >,
    caller: &Caller,
    session: SessionId,
) -> Result<Seated> {
    let Ports { store, context, .. } = ports;
    admit(store, context, caller).await?;
    // Before the seat is taken: a function that dies after that leaves no seat that nobody looks at.
    let check = DelayedMessage::CheckLease { session, user: caller.user_id };
    ports.delays.after(context.policy.first_connect, &check).await?;
    let attempt = match take_seat(ports, caller, session).await? {
        Some(attempt) => {
            // Whoever ends logins does that first and looks for their seats then; so one of the two sees the other.
            give_up_if_over(ports, caller, session).await?;
            attempt
        }
        None => next_attempt(store, context, session, caller.user_id).await?.ok_or(Error::NotInSession)?,
    };
    let roster = active_roster(store, session, context.now).await?;
    Ok(Seated { roster, attempt })
}

/// A fresh attempt for a participant whose connection was lost.
pub async fn ticket(
    store: &(impl Seats + Rosters + Families + Throttles + Sync),
    context: Context<'_>,
    caller: &Caller,
    session: SessionId,
) -> Result<u64> {
    admit(store, context, caller).await?;
    match next_attempt(store, context, session, caller.user_id).await? {
        Some(attempt) => Ok(attempt),
        None => active_roster(store, session, context.now).await.and(Err(Error::NotInSession)),
    }
}

/// Frees a seat that was taken while the login behind it ended.
async fn give_up_if_over(
    ports: Ports<'_, impl Seats + Members + Rosters + Families + Inbox + Sync, impl Sockets + Sync, impl Delays + Sync>,
    caller: &Caller,
    session: SessionId,
) -> Result<()> {
    let Ports { store, context, .. } = ports;
    if store.is_live(caller.user_id, caller.family, context.now).await? {
        return Ok(());
    }
    if let Some(participant) = store.member(session, caller.user_id).await?.filter(Participant::holds_seat) {
        depart(ports, &participant, Guard::Seated, Departure::Removed).await?;
    }
    Err(Error::Unauthorized)
}

/// Refuses callers whose login was revoked, and those who ask too often.
async fn admit(store: &(impl Families + Throttles + Sync), context: Context<'_>, caller: &Caller) -> Result<()> {
    let counted = Counted::TicketsOf(caller.user_id);
    let (live, ()) = try_join(
        store.is_live(caller.user_id, caller.family, context.now),
        store.hit(&counted, context.policy.tickets_per_user, context.now),
    )
    .await?;
    live.then_some(()).ok_or(Error::Unauthorized)
}

/// Takes a seat; `None` when the caller holds one. A full session first gives up a seat whose lease ran out.
async fn take_seat(
    ports: Ports<'_, impl Seats + Members + Rosters + Inbox + Sync, impl Sockets + Sync, impl Delays + Sync>,
    caller: &Caller,
    session: SessionId,
) -> Result<Option<u64>> {
    let Ports { store, context, .. } = ports;
    let lease = context.now + context.policy.first_connect;
    let noted_until = context.now + context.policy.connection_log;
    for last_try in [false, true] {
        let crowd = match store.take_seat(session, caller, context.now, lease, noted_until).await {
            Ok(TakenSeat::Taken(attempt)) => return Ok(Some(attempt)),
            Ok(TakenSeat::HeldAlready) => return Ok(None),
            Ok(TakenSeat::Refused) => None,
            // Too many want a seat at once. Whether there is one to come back for, the roster says.
            Err(error @ Error::Unavailable(_)) => Some(error),
            Err(error) => return Err(error),
        };
        let roster = active_roster(store, session, context.now).await?;
        if roster.seated(caller.user_id).is_some() {
            return Ok(None);
        }
        if let Some(crowd) = crowd.filter(|_| roster.has_free_seat()) {
            return Err(crowd);
        }
        if last_try || !free_run_out(ports, &roster).await? {
            return Err(Error::SessionFull { limit: roster.session.max_participants });
        }
    }
    unreachable!("the last try returns")
}

/// Frees one seat whose lease ran out; whether there is a free one now.
async fn free_run_out(
    ports: Ports<'_, impl Seats + Members + Rosters + Inbox + Sync, impl Sockets + Sync, impl Delays + Sync>,
    roster: &Roster,
) -> Result<bool> {
    if roster.has_free_seat() {
        return Ok(true);
    }
    for participant in roster.run_out(ports.context.now) {
        if time_out(ports, participant).await? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The next attempt of somebody who holds a seat. Asking for one shows life, so a seat that waits for a connection
/// waits anew.
async fn next_attempt(
    store: &(impl Seats + Sync),
    context: Context<'_>,
    session: SessionId,
    user: UserId,
) -> Result<Option<u64>> {
    let Some((participant, attempt)) = store.next_attempt(session, user).await? else {
        return Ok(None);
    };
    let lease = context.now + context.policy.first_connect;
    if participant.presence != Presence::Connected && participant.lease_until < lease {
        store.extend_wait(&participant, lease).await?;
    }
    Ok(Some(attempt))
}

/// The roster of a session that is still active.
pub async fn active_roster(store: &(impl Rosters + Sync), session: SessionId, now: Timestamp) -> Result<Roster> {
    let roster = store.roster(session, now).await?.ok_or(Error::SessionNotFound)?;
    roster.session.is_active().then_some(roster).ok_or(Error::SessionEnded)
}

/// Leaves a session over REST: the seat is free, the others are told, the own connections are closed. A repetition finishes
/// what was interrupted; after that the caller is no participant.
pub async fn leave(
    ports: Ports<'_, impl Seats + Members + Rosters + Inbox + Sync, impl Sockets + Sync, impl Delays + Sync>,
    user: UserId,
    session: SessionId,
) -> Result<()> {
    let roster = active_roster(ports.store, session, ports.context.now).await?;
    if let Some(participant) = roster.seated(user) {
        depart(ports, participant, Guard::Seated, Departure::Left).await?;
        return close_all(ports.sockets, participant).await;
    }
    let participant = roster.departed.iter().find(|p| p.user_id == user).ok_or(Error::NotInSession)?;
    tell_untold(ports, &roster, participant).await?;
    close_all(ports.sockets, participant).await
}

/// Closes whatever connections of a participant may be open.
async fn close_all(sockets: &(impl Sockets + Sync), participant: &Participant) -> Result<()> {
    let closed = join_all(participant.unfenced.iter().map(|connection| sockets.close(connection))).await;
    closed.into_iter().collect()
}

/// Ends a session by its creator.
pub async fn end(
    ports: Ports<'_, impl Rosters + Endings + Sync, impl Sockets + Sync, impl Sync>,
    caller: UserId,
    session: SessionId,
) -> Result<()> {
    let Ports { store, context, .. } = ports;
    let roster = store.roster(session, context.now).await?.ok_or(Error::SessionNotFound)?;
    if roster.session.creator_id != caller {
        return Err(Error::Forbidden);
    }
    if !store.mark_ended(session, context.now, None).await? {
        return Err(Error::SessionEnded);
    }
    finish_ending(ports, session, Ending::EndedByCreator).await
}

/// So many participants are told and cut off at the same time.
const CLOSINGS_AT_ONCE: usize = 16;

/// The rest of an ending: participants are told, cut off and released, and the session leaves the list.
/// The roster is read after the session was marked, so that nobody who took a seat before is overlooked.
/// Safe to run again.
pub async fn finish_ending(
    ports: Ports<'_, impl Rosters + Endings + Sync, impl Sockets + Sync, impl Sync>,
    session: SessionId,
    why: Ending,
) -> Result<()> {
    let Ports { store, sockets, context, .. } = ports;
    let roster = store.roster(session, context.now).await?.ok_or(Error::SessionNotFound)?;
    let keep_until = context.now + context.policy.history;
    let connected = roster.participants.iter().filter_map(|p| p.connection.clone()).collect::<Vec<_>>().into_iter();
    let ended = &ports.encode(&Event::SessionEnded(why));
    let closings = connected.map(|connection: ConnectionId| async move {
        // Best effort: who is cut off asks again, and is told then.
        let _told = sockets.push(&connection, ended).await;
        sockets.close(&connection).await
    });
    let closed: Vec<_> = stream::iter(closings).buffer_unordered(CLOSINGS_AT_ONCE).collect().await;
    closed.into_iter().collect::<Result<()>>()?;

    let seated = roster.participants.iter().filter(|p| p.holds_seat());
    let released = join_all(seated.map(|p| store.release(session, p.user_id, keep_until))).await;
    released.into_iter().collect::<Result<()>>()?;
    store.forget_active(&roster.session, keep_until).await
}
