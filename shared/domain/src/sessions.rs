//! Sessions: creating, joining, leaving, ending and finding them.

use futures_util::future::{join_all, try_join};

use crate::accounts::{Context, Counted, Families, Throttles};
use crate::connections::{self, Sockets};
use crate::presence::{self, Delays, Guard, Later, Members, Seats};
use crate::{
    Caller, Departure, Ending, Error, Event, Participant, Policy, Presence, Result, Roster, Session, SessionId,
    SessionKind, SessionName, SessionState, Timestamp, UserId, Visibility, Wire,
};

/// What sessions need from storage.
pub trait Sessions {
    /// Stores a new session, and that its creator made it.
    fn create(&self, session: &Session) -> impl Future<Output = Result<()>> + Send;
}

/// Reads a session with its participants.
pub trait Rosters {
    /// One strongly consistent read; an ended session that is no longer kept at `now` is not there.
    fn roster(&self, session: SessionId, now: Timestamp) -> impl Future<Output = Result<Option<Roster>>> + Send;
}

/// Ends sessions in two steps, so that one that was interrupted is found and finished.
pub trait Endings {
    /// Marks an active session as ended, only while it stands untouched since `unless_touched_after` when that is
    /// given; false when it was not active or was touched.
    fn mark_ended(
        &self,
        session: SessionId,
        at: Timestamp,
        unless_touched_after: Option<Timestamp>,
    ) -> impl Future<Output = Result<bool>> + Send;
    /// Releases a participant of an ended session.
    fn release(
        &self,
        session: SessionId,
        user: UserId,
        keep_until: Timestamp,
    ) -> impl Future<Output = Result<()>> + Send;
    /// Takes an ended session off the list of active ones; the last step.
    fn forget_active(&self, session: &Session, keep_until: Timestamp) -> impl Future<Output = Result<()>> + Send;
}

/// The list of active sessions.
pub trait ActiveSessions {
    /// Up to `limit` active sessions of that visibility, newest first, older than `before`.
    fn active(
        &self,
        visibility: Visibility,
        limit: usize,
        before: Option<SessionId>,
    ) -> impl Future<Output = Result<Vec<Session>>> + Send;
}

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

/// Creates a session. Its creator is not joined.
pub async fn create(
    store: &(impl Sessions + Throttles + Sync),
    context: Context<'_>,
    caller: &Caller,
    new: NewSession,
) -> Result<Session> {
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
    store.create(&session).await?;
    Ok(session)
}

/// A seat and the attempt that its ticket names.
pub struct Seated {
    /// The session as it is now.
    pub roster: Roster,
    /// The number of the connection attempt; later ones are larger.
    pub attempt: u64,
}

/// What came of trying to take a seat.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TakenSeat {
    /// It is taken, and its first attempt has that number.
    Taken(u64),
    /// The user held one already.
    HeldAlready,
    /// The session is full, over, or not there.
    Refused,
}

/// Joins a session: takes a seat, or finds the one already held, which works even when the session is full.
pub async fn join(
    store: &(impl Seats + Members + Rosters + Families + Throttles + Sync),
    sockets: &(impl Sockets + Sync),
    delays: &impl Delays,
    wire: &dyn Wire,
    context: Context<'_>,
    caller: &Caller,
    session: SessionId,
) -> Result<Seated> {
    admit(store, context, caller).await?;
    let attempt = match take_seat(store, sockets, wire, context, caller, session).await? {
        Some(attempt) => {
            let check = Later::CheckLease { session, user: caller.user_id };
            delays.after(context.policy.first_connect, &check).await?;
            attempt
        }
        None => next_attempt(store, context, session, caller.user_id).await?.ok_or(Error::NotInSession)?,
    };
    let roster = active_roster(store, session, context.now).await?;
    Ok(Seated { roster, attempt })
}

/// A fresh attempt for a participant whose connection was lost.
pub async fn ticket(
    store: &(impl Seats + Members + Rosters + Families + Throttles + Sync),
    context: Context<'_>,
    caller: &Caller,
    session: SessionId,
) -> Result<u64> {
    admit(store, context, caller).await?;
    let roster = active_roster(store, session, context.now).await?;
    roster.find(caller.user_id).ok_or(Error::NotInSession)?;
    next_attempt(store, context, session, caller.user_id).await?.ok_or(Error::NotInSession)
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

/// Takes a seat; `None` when the caller holds one. A full session first gives up seats whose lease ran out.
async fn take_seat(
    store: &(impl Seats + Members + Rosters + Sync),
    sockets: &(impl Sockets + Sync),
    wire: &dyn Wire,
    context: Context<'_>,
    caller: &Caller,
    session: SessionId,
) -> Result<Option<u64>> {
    let lease = context.now + context.policy.first_connect;
    for last_try in [false, true] {
        match store.take_seat(session, caller, context.now, lease).await? {
            TakenSeat::Taken(attempt) => return Ok(Some(attempt)),
            TakenSeat::HeldAlready => return Ok(None),
            TakenSeat::Refused => {}
        }
        let roster = active_roster(store, session, context.now).await?;
        if roster.find(caller.user_id).is_some() {
            return Ok(None);
        }
        if last_try || !free_run_out(store, sockets, wire, context, &roster).await? {
            return Err(Error::SessionFull { limit: roster.session.max_participants });
        }
    }
    unreachable!("the last try returns")
}

/// Frees every seat whose lease ran out; whether there was one.
async fn free_run_out(
    store: &(impl Seats + Members + Rosters + Sync),
    sockets: &(impl Sockets + Sync),
    wire: &dyn Wire,
    context: Context<'_>,
    roster: &Roster,
) -> Result<bool> {
    let mut freed = roster.session.seats_taken < roster.session.max_participants;
    for participant in roster.run_out(context.now) {
        freed |= presence::time_out(store, sockets, wire, context, participant).await?;
    }
    Ok(freed)
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

/// Leaves a session over REST: the seat is free, the others are told, the own connection is closed.
pub async fn leave(
    store: &(impl Seats + Members + Rosters + Sync),
    sockets: &(impl Sockets + Sync),
    wire: &dyn Wire,
    context: Context<'_>,
    user: UserId,
    session: SessionId,
) -> Result<()> {
    let roster = active_roster(store, session, context.now).await?;
    let participant = roster.find(user).ok_or(Error::NotInSession)?;
    presence::depart(store, sockets, wire, context, participant, Guard::Seated, Departure::Left).await?;
    match &participant.connection {
        Some(connection) => sockets.close(connection).await,
        None => Ok(()),
    }
}

/// Ends a session by its creator.
pub async fn end(
    store: &(impl Rosters + Endings + Members + Sync),
    sockets: &(impl Sockets + Sync),
    wire: &dyn Wire,
    context: Context<'_>,
    caller: UserId,
    session: SessionId,
) -> Result<()> {
    let roster = store.roster(session, context.now).await?.ok_or(Error::SessionNotFound)?;
    if roster.session.creator_id != caller {
        return Err(Error::Forbidden);
    }
    if !store.mark_ended(session, context.now, None).await? {
        return Err(Error::SessionEnded);
    }
    finish_ending(store, sockets, wire, context, session, Ending::EndedByCreator).await
}

/// The rest of an ending: participants are told, cut off and released, and the session leaves the list.
/// The roster is read after the session was marked, so that nobody who took a seat before is overlooked.
/// Safe to run again.
pub async fn finish_ending(
    store: &(impl Rosters + Endings + Members + Sync),
    sockets: &(impl Sockets + Sync),
    wire: &dyn Wire,
    context: Context<'_>,
    session: SessionId,
    why: Ending,
) -> Result<()> {
    let roster = store.roster(session, context.now).await?.ok_or(Error::SessionNotFound)?;
    let keep_until = context.now + context.policy.history;
    let connected = roster.participants.iter().filter_map(|p| Some((p.user_id, p.connection.clone()?)));
    let connected: Vec<_> = connected.collect();
    let frame = wire.encode(&Event::SessionEnded(why), context.now);
    let told = connections::broadcast(store, sockets, session, connected.clone(), &frame).await;
    let closed = join_all(connected.iter().map(|(_, connection)| sockets.close(connection))).await;
    told?;
    closed.into_iter().collect::<Result<()>>()?;

    let seated = roster.participants.iter().filter(|p| p.holds_seat());
    let released = join_all(seated.map(|p| store.release(session, p.user_id, keep_until))).await;
    released.into_iter().collect::<Result<()>>()?;
    store.forget_active(&roster.session, keep_until).await
}

/// What the slow sweep did.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Swept {
    /// Sessions looked at.
    pub sessions: usize,
    /// Seats freed because their lease had run out.
    pub timed_out: usize,
    /// Sessions ended because they stood empty, or whose ending had been interrupted.
    pub ended: usize,
}

/// Looks at every active session: frees seats whose lease ran out without a `$disconnect`, ends sessions that stand
/// empty, and finishes endings that were interrupted. `failed` hears of sessions that could not be swept; the
/// others still are.
pub async fn sweep(
    store: &(impl ActiveSessions + Rosters + Endings + Members + Seats + Sync),
    sockets: &(impl Sockets + Sync),
    wire: &dyn Wire,
    context: Context<'_>,
    mut failed: impl FnMut(SessionId, Error) + Send,
) -> Result<Swept> {
    const PAGE: usize = 100;
    let mut swept = Swept::default();
    for visibility in [Visibility::Public, Visibility::Unlisted] {
        let mut before = None;
        loop {
            let page = store.active(visibility, PAGE, before).await?;
            for session in &page {
                match sweep_one(store, sockets, wire, context, session.id).await {
                    Ok(one) => swept.add(one),
                    Err(error) => failed(session.id, error),
                }
            }
            match page.last() {
                Some(last) if page.len() == PAGE => before = Some(last.id),
                _ => break,
            }
        }
    }
    Ok(swept)
}

impl Swept {
    fn add(&mut self, other: Swept) {
        self.sessions += other.sessions;
        self.timed_out += other.timed_out;
        self.ended += other.ended;
    }
}

async fn sweep_one(
    store: &(impl Rosters + Endings + Members + Seats + Sync),
    sockets: &(impl Sockets + Sync),
    wire: &dyn Wire,
    context: Context<'_>,
    session: SessionId,
) -> Result<Swept> {
    let mut swept = Swept { sessions: 1, ..Swept::default() };
    let Some(roster) = store.roster(session, context.now).await? else {
        return Ok(swept);
    };
    for participant in roster.run_out(context.now).filter(|_| roster.session.is_active()) {
        let freed = presence::time_out(store, sockets, wire, context, participant).await?;
        swept.timed_out += usize::from(freed);
    }
    let due = match roster.session.state {
        // Only what was interrupted is still listed; a minute leaves a running ending alone.
        SessionState::Ended(at) => context.now.since(at).as_secs() >= 60,
        SessionState::Active => {
            stands_empty(&roster, context.now, context.policy) && {
                store.mark_ended(session, context.now, Some(roster.session.touched_at)).await?
            }
        }
    };
    if due {
        finish_ending(store, sockets, wire, context, session, Ending::Empty).await?;
        swept.ended += 1;
    }
    Ok(swept)
}

fn stands_empty(roster: &Roster, now: Timestamp, policy: &Policy) -> bool {
    let occupied = roster.participants.iter().any(Participant::holds_seat);
    !occupied && now.since(roster.session.touched_at) >= policy.empty_session
}
