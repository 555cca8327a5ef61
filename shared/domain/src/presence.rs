//! Presence: who is believed to be in a session, and which connection is theirs.
//!
//! Presence is a lease (rule 7 of durable signaling): joining, connecting, losing a connection and coming back each set
//! the time by which the participant must show life; when it passes, the seat is free.

use std::time::Duration;

use futures_util::future::{join, join_all, try_join};
use futures_util::stream::{self, StreamExt, TryStreamExt};

use crate::accounts::Context;
use crate::chat::ChatLog;
use crate::connections::{self, Pushed, Sockets};
use crate::relay::Inbox;
use crate::sessions::{Rosters, TakenSeat};
use crate::{
    Caller, ConnectionId, Departure, Error, Event, FamilyId, Frame, Membership, MessageId, Participant, Presence,
    Result, Roster, SessionId, SignalId, Timestamp, UserId, Wire,
};

/// Seats are taken and freed in one transaction each, so that two callers cannot both take the last one.
pub trait Seats {
    /// Takes a seat for the caller, who must show life before `lease_until`.
    fn take_seat(
        &self,
        session: SessionId,
        caller: &Caller,
        now: Timestamp,
        lease_until: Timestamp,
    ) -> impl Future<Output = Result<TakenSeat>> + Send;
    /// Frees the seat if the participant is still as `guard` wants it; false when it is not, or when the seat was free.
    fn free_seat(
        &self,
        participant: &Participant,
        guard: Guard,
        now: Timestamp,
        keep_until: Timestamp,
    ) -> impl Future<Output = Result<bool>> + Send;
    /// Counts one more attempt of somebody who holds a seat, and returns it with the participant.
    fn next_attempt(
        &self,
        session: SessionId,
        user: UserId,
    ) -> impl Future<Output = Result<Option<(Participant, u64)>>> + Send;
    /// Moves the lease of a participant without a connection, unless one has joined meanwhile.
    fn extend_wait(&self, participant: &Participant, lease_until: Timestamp)
    -> impl Future<Output = Result<()>> + Send;
}

/// What must not have changed since a participant was read, for its seat to be freed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Guard {
    /// Nothing: the user wants to go.
    Seated,
    /// The attempt: a newer connection keeps the seat.
    SameAttempt,
    /// The attempt and the lease: any sign of life keeps the seat.
    SameLease,
}

/// Reads one participant.
pub trait Members {
    /// Strongly consistent; whoever was ever a participant and is not forgotten yet.
    fn member(&self, session: SessionId, user: UserId) -> impl Future<Output = Result<Option<Participant>>> + Send;
    /// Eventually consistent, at half the price.
    fn member_hint(&self, session: SessionId, user: UserId)
    -> impl Future<Output = Result<Option<Participant>>> + Send;
}

/// Who holds a participant: every step is one conditional update.
pub trait Holding {
    /// Makes `attempt.connection` the live one if no newer attempt holds the participant (rule 2). Also adds it to the
    /// unfenced ones, and returns the participant as it was before.
    fn take_over(&self, attempt: &Attempt, lease_until: Timestamp) -> impl Future<Output = Result<TakeOver>> + Send;
    /// Takes connections off the unfenced ones, after their fence and the read (rule 3).
    fn unfence(
        &self,
        session: SessionId,
        user: UserId,
        fenced: &[ConnectionId],
    ) -> impl Future<Output = Result<()>> + Send;
    /// The live connection was lost: reconnecting until `lease_until`. The participant, unless that connection was not
    /// the live one.
    fn lose(&self, held: &Held, lease_until: Timestamp) -> impl Future<Output = Result<Option<Participant>>> + Send;
    /// Moves the lease of a connected participant; false when that connection is not the live one.
    fn renew(&self, held: &Held, lease_until: Timestamp) -> impl Future<Output = Result<bool>> + Send;
    /// Sets microphone and camera, and moves the lease. The participant, unless that connection is not the live one.
    fn set_status(
        &self,
        held: &Held,
        status: Status,
        lease_until: Timestamp,
    ) -> impl Future<Output = Result<Option<Participant>>> + Send;
}

/// A message to ourselves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Later {
    /// Look whether that participant's lease ran out.
    CheckLease {
        /// The session.
        session: SessionId,
        /// The participant.
        user: UserId,
    },
    /// Close a connection whose last answer has had time to arrive.
    Close {
        /// The connection.
        connection: ConnectionId,
    },
}

/// The delay queue.
pub trait Delays {
    /// Delivers `message` after `delay`, rounded up to a second and at most 15 minutes.
    fn after(&self, delay: Duration, message: &Later) -> impl Future<Output = Result<()>> + Send;
}

/// A connection and the participant that it speaks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// The session.
    pub session: SessionId,
    /// The participant.
    pub user: UserId,
    /// The connection.
    pub connection: ConnectionId,
}

/// A connection that wants to become its participant's live one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// The connection and whom it speaks for.
    pub held: Held,
    /// The attempt's number, from its ticket.
    pub number: u64,
    /// The login behind it.
    pub family: FamilyId,
}

/// What came of trying to take a participant over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TakeOver {
    /// The connection is the live one; this is how the participant was before.
    Taken(Box<Participant>),
    /// This very connection had taken over before.
    HeldAlready(Box<Participant>),
    /// A newer attempt holds the participant.
    Superseded,
    /// There is no such participant any more.
    NotSeated(Option<Membership>),
}

/// Microphone and camera.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Status {
    /// Whether the microphone is off.
    pub is_muted: bool,
    /// Whether the camera is on.
    pub is_video_enabled: bool,
}

/// What a connection that joined is told.
pub struct Joined {
    /// The session as it is now.
    pub roster: Roster,
    /// Whether nothing was missed since `since`.
    pub recovered: bool,
}

/// How long a connection stays open after its last answer: API Gateway sends an answer only once the function has
/// returned.
const LAST_ANSWER: Duration = Duration::from_secs(1);

/// Replays are pushed so many at a time: receivers put them in order.
const REPLAYS_AT_ONCE: usize = 8;

/// A connection joins: it takes the participant over, the older connections are fenced, what was missed is replayed, the
/// others are told.
pub async fn join_connection(
    store: &(impl Holding + Members + Rosters + Inbox + ChatLog + Sync),
    sockets: &(impl Sockets + Sync),
    delays: &impl Delays,
    wire: &dyn Wire,
    context: Context<'_>,
    attempt: &Attempt,
    since: Option<Timestamp>,
) -> Result<Joined> {
    let Held { session, user, connection } = &attempt.held;
    let taken = store.take_over(attempt, context.now + context.policy.lease).await?;
    let before = match taken {
        TakeOver::Taken(before) | TakeOver::HeldAlready(before) => before,
        TakeOver::Superseded => {
            replace_self(sockets, delays, wire, context.now, connection).await?;
            return Err(Error::NotJoined);
        }
        TakeOver::NotSeated(Some(Membership::Ended)) => return turn_away(delays, connection).await,
        TakeOver::NotSeated(_) => return Err(Error::NotJoined),
    };
    let older: Vec<_> = before.unfenced.iter().filter(|c| *c != connection).cloned().collect();
    fence(sockets, wire, context.now, &older, before.connection.as_ref()).await?;

    let roster = store.roster(*session, context.now).await?.ok_or(Error::SessionEnded)?;
    if !roster.session.is_active() {
        return turn_away(delays, connection).await;
    }
    let missed = match since {
        Some(since) => missed(store, wire, context, &attempt.held, since).await?,
        None => Vec::new(),
    };
    if !older.is_empty() {
        store.unfence(*session, *user, &older).await?;
    }
    let replay = replay(sockets, connection, missed);
    let announce = announce(store, sockets, wire, context.now, &roster, &before);
    let (replayed, ()) = join(replay, announce).await;
    replayed?;
    let recovered = since.is_some_and(|since| recovers(context, before.joined_at, since));
    Ok(Joined { roster, recovered })
}

/// Refuses a connection to a session that has ended, and closes it.
async fn turn_away(delays: &impl Delays, connection: &ConnectionId) -> Result<Joined> {
    delays.after(LAST_ANSWER, &Later::Close { connection: connection.clone() }).await?;
    Err(Error::SessionEnded)
}

/// Whether a replay from `since` on is complete: it lies within the inbox window, and the seat was held all along.
fn recovers(context: Context<'_>, joined_at: Timestamp, since: Timestamp) -> bool {
    since >= joined_at && since >= context.now.minus(context.policy.inbox_window)
}

/// Tells a connection that a newer one holds its participant, and closes it.
async fn replace_self(
    sockets: &(impl Sockets + Sync),
    delays: &impl Delays,
    wire: &dyn Wire,
    now: Timestamp,
    connection: &ConnectionId,
) -> Result<()> {
    sockets.push(connection, &wire.encode(&Event::Replaced, now)).await?;
    delays.after(LAST_ANSWER, &Later::Close { connection: connection.clone() }).await
}

/// Closes older connections, so that every later push to them is answered `Gone` (rule 3). The one that was live is
/// told that it was replaced.
async fn fence(
    sockets: &(impl Sockets + Sync),
    wire: &dyn Wire,
    now: Timestamp,
    older: &[ConnectionId],
    live: Option<&ConnectionId>,
) -> Result<()> {
    let replaced = wire.encode(&Event::Replaced, now);
    let fences = older.iter().map(|connection| {
        let replaced = &replaced;
        async move {
            if live == Some(connection) {
                // Best effort: what counts is the fence.
                let _told = sockets.push(connection, replaced).await;
            }
            sockets.close(connection).await
        }
    });
    join_all(fences).await.into_iter().collect()
}

/// Tells the others that somebody is here, or here again.
async fn announce(
    store: &(impl Members + Sync),
    sockets: &(impl Sockets + Sync),
    wire: &dyn Wire,
    now: Timestamp,
    roster: &Roster,
    before: &Participant,
) {
    let Some(participant) = roster.find(before.user_id) else {
        return;
    };
    let event = match before.presence {
        Presence::Disconnected => Event::UserJoined(participant),
        Presence::Connected | Presence::Reconnecting => Event::UserStatusUpdated(participant),
    };
    tell_others(store, sockets, roster, before.user_id, now, &wire.encode(&event, now)).await;
}

/// Tells the others. Whoever cannot be told is cut by the delivery, comes back, and reads the roster then; the
/// sockets have logged why.
async fn tell_others(
    store: &(impl Members + Sync),
    sockets: &(impl Sockets + Sync),
    roster: &Roster,
    user: UserId,
    now: Timestamp,
    frame: &Frame,
) {
    let others = roster.others(user, now);
    let _told = connections::broadcast(store, sockets, roster.session.id, others, frame).await;
}

/// What a participant missed since then: every signal in the inbox and every chat message, from a margin before `since`
/// on (rule 5), strongly consistent, in the order of their identifiers.
///
/// What lies within the inbox window is replayed even if `since` is later. A client that is resuming gets new events
/// while its replay is still under way; if it loses that connection too, the last event that it saw is newer than what
/// it missed.
async fn missed(
    store: &(impl Inbox + ChatLog + Sync),
    wire: &dyn Wire,
    context: Context<'_>,
    held: &Held,
    since: Timestamp,
) -> Result<Vec<Frame>> {
    let from = since.min(context.now.minus(context.policy.inbox_window)).minus(context.policy.replay_margin);
    let (signals, messages) = try_join(
        store.signals(held.session, held.user, SignalId::first_at(from), context.now),
        store.messages_since(held.session, MessageId::first_at(from), context.now),
    )
    .await?;
    let messages = messages.iter().map(|message| wire.encode(&message.event(), message.id.timestamp()));
    Ok(signals.into_iter().chain(messages).collect())
}

/// Pushes what was missed to the connection that asked, all of it or nothing: where a push fails, the connection is cut,
/// so that its client comes back and gets everything again. A client that were left with half of a replay would take it for
/// the whole.
async fn replay(sockets: &(impl Sockets + Sync), connection: &ConnectionId, missed: Vec<Frame>) -> Result<()> {
    let pushes = missed.into_iter().map(|frame| async move {
        match sockets.push(connection, &frame).await? {
            Pushed::Accepted => Ok(()),
            // Whoever is gone does not hear this; it keeps the attempt from counting as joined.
            Pushed::Gone => Err(Error::NotJoined),
        }
    });
    let replayed = stream::iter(pushes).buffered(REPLAYS_AT_ONCE).try_for_each(|()| std::future::ready(Ok(()))).await;
    if replayed.is_err() {
        sockets.close(connection).await?;
    }
    replayed
}

/// `sync`: replays to a connection that noticed a gap; how many frames.
pub async fn sync(
    store: &(impl Inbox + ChatLog + Sync),
    sockets: &(impl Sockets + Sync),
    wire: &dyn Wire,
    context: Context<'_>,
    held: &Held,
    since: Timestamp,
) -> Result<usize> {
    let missed = missed(store, wire, context, held, since).await?;
    let count = missed.len();
    replay(sockets, &held.connection, missed).await?;
    Ok(count)
}

/// `$disconnect`: if that was the live connection, the participant is reconnecting, the others are told, and the grace
/// ends by one delayed message.
pub async fn lose_connection(
    store: &(impl Holding + Members + Rosters + Sync),
    sockets: &(impl Sockets + Sync),
    delays: &impl Delays,
    wire: &dyn Wire,
    context: Context<'_>,
    held: &Held,
) -> Result<()> {
    let grace = context.policy.reconnect_grace;
    let Some(participant) = store.lose(held, context.now + grace).await? else {
        return Ok(());
    };
    let check = Later::CheckLease { session: held.session, user: held.user };
    let (scheduled, roster) = join(delays.after(grace, &check), store.roster(held.session, context.now)).await;
    if let Some(roster) = roster? {
        let frame = wire.encode(&Event::UserStatusUpdated(&participant), context.now);
        tell_others(store, sockets, &roster, held.user, context.now, &frame).await;
    }
    scheduled
}

/// The delayed look at a lease: frees the seat if it ran out, looks again later if the participant still waits for
/// a connection.
pub async fn check_lease(
    store: &(impl Seats + Members + Rosters + Sync),
    sockets: &(impl Sockets + Sync),
    delays: &impl Delays,
    wire: &dyn Wire,
    context: Context<'_>,
    session: SessionId,
    user: UserId,
) -> Result<()> {
    let Some(participant) = store.member(session, user).await?.filter(Participant::holds_seat) else {
        return Ok(());
    };
    if !participant.is_present(context.now) {
        return time_out(store, sockets, wire, context, &participant).await.map(drop);
    }
    match participant.presence {
        Presence::Connected => Ok(()),
        Presence::Disconnected | Presence::Reconnecting => {
            let rest = participant.lease_until.since(context.now);
            delays.after(rest, &Later::CheckLease { session, user }).await
        }
    }
}

/// Frees a seat and tells the others; false when the participant was no longer as `guard` wants it. Somebody whose connection never
/// joined was never announced, so nobody is told of the end.
pub async fn depart(
    store: &(impl Seats + Members + Rosters + Sync),
    sockets: &(impl Sockets + Sync),
    wire: &dyn Wire,
    context: Context<'_>,
    participant: &Participant,
    guard: Guard,
    reason: Departure,
) -> Result<bool> {
    let now = context.now;
    if !store.free_seat(participant, guard, now, now + context.policy.history).await? {
        return Ok(false);
    }
    if participant.presence == Presence::Disconnected {
        return Ok(true);
    }
    if let Some(roster) = store.roster(participant.session_id, now).await? {
        let left = Event::UserLeft { user_id: participant.user_id, username: &participant.username, reason };
        let frame = wire.encode(&left, now);
        tell_others(store, sockets, &roster, participant.user_id, now, &frame).await;
    }
    Ok(true)
}

/// Frees the seat of a participant whose lease ran out; false when there was a sign of life meanwhile.
pub async fn time_out(
    store: &(impl Seats + Members + Rosters + Sync),
    sockets: &(impl Sockets + Sync),
    wire: &dyn Wire,
    context: Context<'_>,
    participant: &Participant,
) -> Result<bool> {
    depart(store, sockets, wire, context, participant, Guard::SameLease, Departure::Timeout).await
}

/// `leaveSession`: like leaving over REST, but the connection is closed only after its answer has had time to arrive.
pub async fn leave_connection(
    store: &(impl Seats + Members + Rosters + Sync),
    sockets: &(impl Sockets + Sync),
    delays: &impl Delays,
    wire: &dyn Wire,
    context: Context<'_>,
    held: &Held,
) -> Result<()> {
    let member = store.member(held.session, held.user).await?;
    let participant = member.filter(|p| p.holds_seat() && p.is_on(&held.connection)).ok_or(Error::NotJoined)?;
    let (guard, reason) = (Guard::SameAttempt, Departure::Left);
    if !depart(store, sockets, wire, context, &participant, guard, reason).await? {
        return Err(Error::NotJoined);
    }
    delays.after(LAST_ANSWER, &Later::Close { connection: held.connection.clone() }).await
}

/// `updateStatus`: sets microphone and camera and tells the others.
pub async fn update_status(
    store: &(impl Holding + Members + Rosters + Sync),
    sockets: &(impl Sockets + Sync),
    wire: &dyn Wire,
    context: Context<'_>,
    held: &Held,
    status: Status,
) -> Result<()> {
    let lease = context.now + context.policy.lease;
    let participant = store.set_status(held, status, lease).await?.ok_or(Error::NotJoined)?;
    let roster = store.roster(held.session, context.now).await?.ok_or(Error::SessionEnded)?;
    let frame = wire.encode(&Event::UserStatusUpdated(&participant), context.now);
    connections::broadcast(store, sockets, held.session, roster.others(held.user, context.now), &frame).await
}

/// `ping`: renews the lease if the connection has joined; before that it only keeps the connection awake. One that has
/// lost its participant, to a newer attempt that was cut short before its fence or because the lease ran out, is told:
/// nothing is pushed to it any more, and it could not know.
pub async fn ping(store: &(impl Holding + Members + Sync), context: Context<'_>, held: &Held) -> Result<()> {
    if store.renew(held, context.now + context.policy.lease).await? {
        return Ok(());
    }
    let member = store.member(held.session, held.user).await?;
    let lost =
        member.filter(|p| p.unfenced.contains(&held.connection) && !(p.holds_seat() && p.is_on(&held.connection)));
    match lost.map(|participant| participant.membership) {
        None => Ok(()),
        Some(Membership::Ended) => Err(Error::SessionEnded),
        Some(Membership::Seated | Membership::Left) => Err(Error::NotJoined),
    }
}
