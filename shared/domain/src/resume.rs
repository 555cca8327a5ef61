//! Joining over a connection, the first time or again: taking over, fencing, replaying, announcing.

use futures_util::future::{join, join_all, try_join};
use futures_util::stream::{self, StreamExt, TryStreamExt};

use crate::delivery::tell_others;
use crate::leases::LAST_ANSWER;
use crate::ports::{
    Attempt, ChatLog, DelayedMessage, Delays, Held, Holding, Inbox, Members, Ports, Pushed, Rosters, Sockets, TakeOver,
};
use crate::{
    ConnectionId, Context, Error, Event, Frame, Membership, MessageId, Participant, Presence, Result, Roster, SignalId,
    Timestamp,
};

/// What a connection that joined is told.
pub struct Joined {
    /// The session as it is now.
    pub roster: Roster,
    /// Whether nothing was missed since `since`.
    pub recovered: bool,
}

/// Replays are pushed so many at a time: receivers put them in order.
const REPLAYS_AT_ONCE: usize = 8;

/// A connection joins: it takes the participant over, the older connections are fenced, what was missed is replayed, the
/// others are told.
pub async fn join_connection(
    ports: Ports<
        '_,
        impl Holding + Members + Rosters + Inbox + ChatLog + Sync,
        impl Sockets + Sync,
        impl Delays + Sync,
    >,
    attempt: &Attempt,
    since: Option<Timestamp>,
) -> Result<Joined> {
    let Ports { store, context, .. } = ports;
    let Held { session, user, connection } = &attempt.held;
    let taken = store.take_over(attempt, context.now + context.policy.lease).await?;
    let before = match taken {
        TakeOver::Taken(before) | TakeOver::HeldAlready(before) => before,
        TakeOver::Superseded => {
            replace_self(ports, connection).await?;
            return Err(Error::NotJoined);
        }
        TakeOver::NotSeated(Some(Membership::Ended)) => return turn_away(ports.delays, connection).await,
        TakeOver::NotSeated(_) => return Err(Error::NotJoined),
    };
    let older: Vec<_> = before.unfenced.iter().filter(|c| *c != connection).cloned().collect();
    fence(ports, &older, before.connection.as_ref()).await?;

    let roster = store.roster(*session, context.now).await?.ok_or(Error::SessionEnded)?;
    if !roster.session.is_active() {
        return turn_away(ports.delays, connection).await;
    }
    let missed = match since {
        Some(since) => missed(ports, &attempt.held, since).await?,
        None => Vec::new(),
    };
    if !older.is_empty() {
        store.unfence(*session, *user, &older).await?;
    }
    let (replayed, ()) = join(replay(ports.sockets, connection, missed), announce(ports, &roster, &before)).await;
    replayed?;
    let recovered = since.is_some_and(|since| recovers(context, before.joined_at, since));
    Ok(Joined { roster, recovered })
}

/// Refuses a connection to a session that has ended, and closes it.
async fn turn_away(delays: &impl Delays, connection: &ConnectionId) -> Result<Joined> {
    delays.after(LAST_ANSWER, &DelayedMessage::Close { connection: connection.clone() }).await?;
    Err(Error::SessionEnded)
}

/// Whether a replay from `since` on is complete: it lies within the inbox window, and the seat was held all along.
fn recovers(context: Context<'_>, joined_at: Timestamp, since: Timestamp) -> bool {
    since >= joined_at && since >= context.now.minus(context.policy.inbox_window)
}

/// Tells a connection that a newer one holds its participant, and closes it.
async fn replace_self(
    ports: Ports<'_, impl Sync, impl Sockets + Sync, impl Delays + Sync>,
    connection: &ConnectionId,
) -> Result<()> {
    ports.sockets.push(connection, &ports.encode(&Event::Replaced)).await?;
    ports.delays.after(LAST_ANSWER, &DelayedMessage::Close { connection: connection.clone() }).await
}

/// Closes older connections, so that every later push to them is answered `Gone` (rule 3). The one that was live is
/// told that it was replaced.
async fn fence(
    ports: Ports<'_, impl Sync, impl Sockets + Sync, impl Sync>,
    older: &[ConnectionId],
    live: Option<&ConnectionId>,
) -> Result<()> {
    let replaced = &ports.encode(&Event::Replaced);
    let fences = older.iter().map(|connection| async move {
        if live == Some(connection) {
            // Best effort: what counts is the fence.
            let _told = ports.sockets.push(connection, replaced).await;
        }
        ports.sockets.close(connection).await
    });
    join_all(fences).await.into_iter().collect()
}

/// Tells the others that somebody is here, or here again.
async fn announce(
    ports: Ports<'_, impl Members + Sync, impl Sockets + Sync, impl Sync>,
    roster: &Roster,
    before: &Participant,
) {
    let Some(participant) = roster.seated(before.user_id) else {
        return;
    };
    let event = match before.presence {
        Presence::Disconnected => Event::UserJoined(participant),
        Presence::Connected | Presence::Reconnecting => Event::UserStatusUpdated(participant),
    };
    tell_others(ports, roster, before.user_id, &ports.encode(&event)).await;
}

/// What a participant missed since then: every signal in the inbox and every chat message, from a margin before `since`
/// on (rule 5), strongly consistent, in the order of their identifiers.
///
/// What lies within the inbox window is replayed even if `since` is later. A client that is resuming gets new events
/// while its replay is still under way; if it loses that connection too, the last event that it saw is newer than what
/// it missed.
async fn missed(
    ports: Ports<'_, impl Inbox + ChatLog + Sync, impl Sync, impl Sync>,
    held: &Held,
    since: Timestamp,
) -> Result<Vec<Frame>> {
    let Ports { store, context, encoder, .. } = ports;
    let from = since.min(context.now.minus(context.policy.inbox_window)).minus(context.policy.replay_margin);
    let (signals, messages) = try_join(
        store.signals(held.session, held.user, SignalId::first_at(from), context.now),
        store.messages_since(held.session, MessageId::first_at(from), context.now),
    )
    .await?;
    let messages = messages.iter().map(|message| encoder.encode(&message.event(), message.id.timestamp()));
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
    ports: Ports<'_, impl Inbox + ChatLog + Sync, impl Sockets + Sync, impl Sync>,
    held: &Held,
    since: Timestamp,
) -> Result<usize> {
    let missed = missed(ports, held, since).await?;
    let count = missed.len();
    replay(ports.sockets, &held.connection, missed).await?;
    Ok(count)
}
