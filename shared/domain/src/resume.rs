//! Joining over a connection, the first time or again: taking over, fencing, replaying, announcing.

use std::collections::HashSet;
use std::ops::ControlFlow;

use futures_util::future::{join, join_all};

use crate::delivery::{nudge_later, tell_others};
use crate::leases::{LAST_ANSWER, depart, lose_connection, tell_untold};
use crate::ports::{
    Attempt, Catching, ChatLog, ConnectionLog, DelayedMessage, Delays, Families, Finished, Guard, Held, Holding, Inbox,
    Members, Ports, Rosters, Seats, Sockets, TakeOver, Told, Waiting,
};
use crate::replay::{ReplayEnd, replay, replay_once};
use crate::waiting::tell_who_waits;
use crate::{
    ConnectionId, Context, Departure, Error, Event, Frame, Membership, Participant, Result, Roster, Timestamp, Untold,
};

/// What a connection that joined is told.
pub struct Joined {
    /// The session as it is now.
    pub roster: Roster,
    /// Whether nothing was missed since `since`.
    pub recovered: bool,
}

/// A connection joins: it takes the participant over, the older connections are fenced, what was missed is replayed, the
/// others are told.
///
/// The end of this very connection may have overtaken its join. Then nobody would miss it for a whole lease; so the log,
/// where `$disconnect` notes the end before anything else, is read after the taking over.
pub async fn join_connection(
    ports: Ports<
        '_,
        impl Holding + Members + Rosters + Seats + Families + Inbox + ChatLog + ConnectionLog + Sync,
        impl Sockets + Sync,
        impl Delays + Sync,
    >,
    attempt: &Attempt,
    since: Option<Timestamp>,
) -> Result<Joined> {
    let now = ports.context.now;
    let taken = ports.store.take_over(attempt, now, ports.context.lease_until()).await?;
    settle_in(ports, attempt, taken, Missed::Since(since)).await
}

/// So often an attempt that catches up looks again for what came to wait meanwhile.
const CATCH_UPS: usize = 16;

/// A connection joins whose client neither says what it has seen nor puts frames in order: what was missed since the last sign of
/// life is pushed first, in order, and only then the connection becomes the live one. What is sent meanwhile waits, and is
/// pushed before anything that is sent later.
///
/// Nothing can be lost between the last look and that moment: a sender that finds no live connection because somebody catches up
/// notes that something waits ([`Members::note_waiting`]), and the step that ends the catching up is refused when that was noted
/// since it looked. A frame may come twice, because a sign of life is older than the last frame that arrived.
///
/// What was missed may be more than a function has time for. Then the connection is told the rest when it joins again, from
/// [`CaughtUp::More`] on, which it hands over as `told`.
pub async fn join_caught_up(
    ports: Ports<
        '_,
        impl Holding + Catching + Members + Rosters + Seats + Families + Inbox + ChatLog + ConnectionLog + Sync,
        impl Sockets + Sync,
        impl Delays + Sync,
    >,
    attempt: &Attempt,
    told: Option<Told>,
) -> Result<CaughtUp> {
    match take_over_caught_up(ports, attempt, told).await? {
        ControlFlow::Continue(taken) => {
            settle_in(ports, attempt, taken, Missed::Told).await.map(|joined| CaughtUp::Joined(joined.into()))
        }
        ControlFlow::Break(next) => Ok(CaughtUp::More(next)),
    }
}

/// What came of catching up.
pub enum CaughtUp {
    /// Everything was told, and the connection is the live one.
    Joined(Box<Joined>),
    /// There is more to tell, from there on.
    More(Told),
}

/// Tells what was missed, and takes over; or how far it came.
async fn take_over_caught_up(
    ports: Ports<
        '_,
        impl Catching + Members + Rosters + Inbox + ChatLog + Sync,
        impl Sockets + Sync,
        impl Delays + Sync,
    >,
    attempt: &Attempt,
    from: Option<Told>,
) -> Result<ControlFlow<Told, TakeOver>> {
    let Ports { store, context, .. } = ports;
    let (mut begun, mut told) = (None, HashSet::new());
    let mut waiting = 0;
    for _ in 0..CATCH_UPS {
        let before = match begun.take() {
            Some(before) => before,
            // Nobody is believed to be there for longer than a first connection may take: this function may die.
            None => match store.begin(attempt, context.now + context.policy.first_connect).await? {
                TakeOver::Taken(before) => {
                    waiting = 0;
                    fence(ports, &older(&before, &attempt.held.connection)).await?;
                    before
                }
                refused => return Ok(ControlFlow::Continue(refused)),
            },
        };
        let from = from.unwrap_or_else(|| unheard(context, &before));
        if let Some(next) = replay_in_order(ports, &attempt.held, from, &mut told).await? {
            return Ok(ControlFlow::Break(next));
        }
        match store.finish(attempt, waiting, context.now, context.lease_until()).await? {
            // As it was before it began: that is what the others know.
            Finished::As(TakeOver::Taken(_)) => return Ok(ControlFlow::Continue(TakeOver::Taken(before))),
            Finished::As(refused) => return Ok(ControlFlow::Continue(refused)),
            Finished::MoreWaits(now) => (waiting, begun) = (now, Some(before)),
            Finished::Interrupted => {}
        }
    }
    Err(Error::Unavailable("more came to wait than could be told".into()))
}

/// What a participant may have missed: since the last sign of life, within the inbox window, and nothing that was sent to an earlier
/// seat.
fn unheard(context: Context<'_>, before: &Participant) -> Told {
    let Context { now, policy, .. } = context;
    let since = before.heard_until(policy.lease).max(now.minus(policy.inbox_window));
    let from = since.minus(policy.replay_margin).max(before.joined_at);
    Told::until(from, before.joined_at)
}

/// Pushes what a participant missed, one frame after the other, without those that were `told`; what comes next, if that is not all.
async fn replay_in_order(
    ports: Ports<'_, impl Inbox + ChatLog + Sync, impl Sockets + Sync, impl Sync>,
    held: &Held,
    from: Told,
    told: &mut HashSet<Frame>,
) -> Result<Option<Told>> {
    let replayed = replay_once(ports, held, from, told).await?;
    match replayed.end {
        ReplayEnd::Complete => Ok(None),
        ReplayEnd::Truncated => Ok(Some(replayed.next)),
        ReplayEnd::Gone => Err(Error::NotJoined),
        ReplayEnd::Failed => Err(Error::Unavailable("what was missed could not be pushed".into())),
    }
}

/// The connections that may still be open beside that one.
fn older(before: &Participant, connection: &ConnectionId) -> Vec<ConnectionId> {
    before.unfenced.iter().filter(|c| *c != connection).cloned().collect()
}

/// What a connection that takes over has missed.
#[derive(Debug, Clone, Copy)]
enum Missed {
    /// What was sent since then; nothing that it wants to hear of without a time.
    Since(Option<Timestamp>),
    /// Nothing: it was told, and the older connections are fenced.
    Told,
}

/// What follows when a connection has taken over, or was refused.
async fn settle_in(
    ports: Ports<
        '_,
        impl Holding + Members + Rosters + Seats + Families + Inbox + ChatLog + ConnectionLog + Sync,
        impl Sockets + Sync,
        impl Delays + Sync,
    >,
    attempt: &Attempt,
    taken: TakeOver,
    missed: Missed,
) -> Result<Joined> {
    let Ports { store, context, .. } = ports;
    let Held { session, user, connection } = &attempt.held;
    let before = match taken {
        TakeOver::Taken(before) | TakeOver::HeldAlready(before) => before,
        TakeOver::Underway => return Err(Error::Unavailable("the connection is joining already".into())),
        TakeOver::Superseded => {
            replace_self(ports, connection).await?;
            return Err(Error::NotJoined);
        }
        TakeOver::NotSeated(Some(Membership::Ended)) => return turn_away(ports.delays, connection).await,
        TakeOver::NotSeated(_) => return Err(Error::NotJoined),
    };
    // Whoever ends logins does that first and looks for their connections then; so one of the two sees the other.
    if !store.is_live(*user, attempt.family, context.now).await? {
        return shut_out(ports, &attempt.held).await;
    }
    let older = older(&before, connection);
    if matches!(missed, Missed::Since(_)) {
        fence(ports, &older).await?;
    }

    let (roster, closed) = join(store.roster(*session, context.now), store.is_closed(*user, attempt.ticket)).await;
    if closed? {
        lose_connection(ports, &attempt.held).await?;
        return Err(Error::NotJoined);
    }
    let roster = roster?.ok_or(Error::SessionEnded)?;
    if !roster.session.is_active() {
        return turn_away(ports.delays, connection).await;
    }
    if let Some(participant) = roster.seated(*user).filter(|_| !roster.waiting.is_empty()) {
        tell_who_waits(ports, &roster, participant).await?;
    }
    let missed = catch_up(ports, &attempt.held, missed, before.joined_at);
    let (caught_up, announced) = join(missed, announce(ports, &roster, &before)).await;
    let recovered = caught_up?;
    if !older.is_empty() {
        store.unfence(*session, *user, &older).await?;
    }
    announced?;
    Ok(Joined { roster, recovered })
}

/// Refuses a connection to a session that has ended, and closes it.
async fn turn_away(delays: &impl Delays, connection: &ConnectionId) -> Result<Joined> {
    delays.after(LAST_ANSWER, &DelayedMessage::Close { connection: connection.clone() }).await?;
    Err(Error::SessionEnded)
}

/// Refuses a connection whose login ended while it joined: gives its seat up, and closes it.
async fn shut_out(
    ports: Ports<'_, impl Members + Rosters + Seats + Inbox + Sync, impl Sockets + Sync, impl Delays + Sync>,
    held: &Held,
) -> Result<Joined> {
    let member = ports.store.member(held.session, held.user).await?;
    if let Some(participant) = member.filter(|member| member.is_on(&held.connection)) {
        depart(ports, &participant, Guard::SameAttempt, Departure::Removed).await?;
    }
    let close = DelayedMessage::Close { connection: held.connection.clone() };
    ports.delays.after(LAST_ANSWER, &close).await?;
    Err(Error::Unauthorized)
}

/// Tells a connection that a newer one holds its participant, and closes it.
async fn replace_self(
    ports: Ports<'_, impl Sync, impl Sockets + Sync, impl Delays + Sync>,
    connection: &ConnectionId,
) -> Result<()> {
    // Best effort: what counts is that it is closed.
    let _told = ports.sockets.push(connection, &ports.encode(&Event::Replaced)).await;
    ports.delays.after(LAST_ANSWER, &DelayedMessage::Close { connection: connection.clone() }).await
}

/// Closes older connections, so that every later push to them is answered `Gone` (rule 3). Each is told that it was
/// replaced: a client that is only closed would come back and take over again.
async fn fence(ports: Ports<'_, impl Sync, impl Sockets + Sync, impl Sync>, older: &[ConnectionId]) -> Result<()> {
    let replaced = &ports.encode(&Event::Replaced);
    let fences = older.iter().map(|connection| async move {
        // Best effort: what counts is the fence.
        let _told = ports.sockets.push(connection, replaced).await;
        ports.sockets.close(connection).await
    });
    join_all(fences).await.into_iter().collect()
}

/// Tells the others that somebody is here, or here again.
async fn announce(
    ports: Ports<'_, impl Members + Inbox + Sync, impl Sockets + Sync, impl Delays + Sync>,
    roster: &Roster,
    before: &Participant,
) -> Result<()> {
    let Some(participant) = roster.seated(before.user_id) else {
        return Ok(());
    };
    match participant.untold {
        Some(Untold::Join) => tell_untold(ports, roster, participant).await,
        Some(Untold::Change | Untold::Departure(_)) | None => {
            let frame = ports.encode(&Event::UserStatusUpdated(participant));
            tell_others(ports, roster, before.user_id, &frame).await?;
            match participant.untold {
                Some(Untold::Change) => tell_untold(ports, roster, participant).await,
                Some(Untold::Join | Untold::Departure(_)) | None => Ok(()),
            }
        }
    }
}

/// Replays what a participant missed since then, from a margin before `since` on (rule 5); whether nothing is missing.
///
/// What lies within the inbox window is replayed even if `since` is later. A client that is resuming gets new events
/// while its replay is still under way; if it loses that connection too, the last event that it saw is newer than what
/// it missed.
async fn catch_up(
    ports: Ports<
        '_,
        impl Holding + Members + Rosters + Inbox + ChatLog + Sync,
        impl Sockets + Sync,
        impl Delays + Sync,
    >,
    held: &Held,
    missed: Missed,
    joined_at: Timestamp,
) -> Result<bool> {
    let since = match missed {
        Missed::Since(Some(since)) => since,
        Missed::Since(None) => return Ok(false),
        Missed::Told => return Ok(true),
    };
    let complete = replay_from(ports, held, since, joined_at).await?.1;
    Ok(complete && recovers(ports.context, joined_at, since))
}

/// Whether a replay from `since` on can be complete: it lies within the inbox window, and the seat was held all along.
fn recovers(context: Context<'_>, joined_at: Timestamp, since: Timestamp) -> bool {
    since >= joined_at && since >= context.now.minus(context.policy.inbox_window)
}

/// Replays to a connection; how many frames, and whether that was everything. What cannot be pushed now is looked after
/// later; a connection that is gone is lost.
async fn replay_from(
    ports: Ports<
        '_,
        impl Holding + Members + Rosters + Inbox + ChatLog + Sync,
        impl Sockets + Sync,
        impl Delays + Sync,
    >,
    held: &Held,
    since: Timestamp,
    joined_at: Timestamp,
) -> Result<(usize, bool)> {
    let context = ports.context;
    let from = since.min(context.now.minus(context.policy.inbox_window)).minus(context.policy.replay_margin);
    let replayed = replay(ports, held, from, joined_at).await?;
    match replayed.end {
        ReplayEnd::Complete => Ok((replayed.count, true)),
        ReplayEnd::Truncated => Ok((replayed.count, false)),
        ReplayEnd::Failed => {
            nudge_later(ports, held.session, held.user, &held.connection, Waiting::Since(from)).await?;
            Ok((replayed.count, true))
        }
        // Whoever is gone does not hear this; it keeps the attempt from counting as joined.
        ReplayEnd::Gone => {
            lose_connection(ports, held).await?;
            Err(Error::NotJoined)
        }
    }
}

/// `sync`: replays to a connection that noticed a gap; how many frames. `joined_at` is when its participant joined.
pub async fn sync(
    ports: Ports<
        '_,
        impl Holding + Members + Rosters + Inbox + ChatLog + Sync,
        impl Sockets + Sync,
        impl Delays + Sync,
    >,
    held: &Held,
    since: Timestamp,
    joined_at: Timestamp,
) -> Result<usize> {
    replay_from(ports, held, since, joined_at).await.map(|(count, _)| count)
}
