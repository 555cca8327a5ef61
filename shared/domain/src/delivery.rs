//! Pushing to participants: one frame to one, or to many at the same time.

use std::time::Duration;

use futures_util::stream::{self, StreamExt};

use crate::ports::{DelayedMessage, Delays, Inbox, Members, Ports, Pushed, Signal, Sockets, Waiting};
use crate::{ConnectionId, Context, Frame, Result, Roster, SessionId, SignalId, Timestamp, UserId};

/// Where a frame is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delivery {
    /// With the target's connection; a copy waits until the inbox window ends.
    Sent,
    /// Waiting, for the target to come back or for the next try.
    Queued,
}

/// A broadcast pushes to so many at the same time. More would wait for each other in a small function, and feed the
/// throttling that they run into.
pub(crate) const PUSHES_AT_ONCE: usize = 16;

/// Pushes a frame to a participant whose connection was just read. `kept` says where it waits; what is kept nowhere goes into
/// the target's inbox when it cannot be pushed.
///
/// `Gone` means that this connection died, not that the peer left: the participant is read again, consistently, and a
/// newer connection gets the frame. Where there is none, or where the push was throttled or failed, the frame waits, and
/// a delayed message looks after it (`nudge::nudge`). Only if that message cannot be sent, the connection is cut,
/// so that its client comes back and gets the replay; if that fails too, there is an error. The connection of a client that does
/// not put frames in order is cut at once: what is sent after the answer to this frame would overtake it.
pub async fn deliver(
    ports: Ports<'_, impl Inbox + Members + Sync, impl Sockets + Sync, impl Delays + Sync>,
    session: SessionId,
    user: UserId,
    connection: ConnectionId,
    frame: &Frame,
    kept: Option<Waiting>,
) -> Result<Delivery> {
    let (mut connection, mut kept) = (connection, kept);
    loop {
        if let Ok(Pushed::Accepted) = ports.sockets.push(&connection, frame).await {
            return Ok(Delivery::Sent);
        }
        let waiting = match kept {
            Some(waiting) => waiting,
            None => keep(ports.store, ports.context, session, user, frame).await?,
        };
        kept = Some(waiting);
        match live(ports.store, session, user).await {
            // Their next connection reads what waits.
            Ok(None) => return Ok(Delivery::Queued),
            Ok(Some(newer)) if newer != connection => connection = newer,
            // Still the same, or not to be read now: whoever looks after the frame will find the newest.
            Ok(_) | Err(_) if connection.is_hub() => {
                return ports.sockets.close(&connection).await.map(|()| Delivery::Queued);
            }
            Ok(_) | Err(_) => {
                nudge_later(ports, session, user, &connection, waiting).await?;
                return Ok(Delivery::Queued);
            }
        }
    }
}

/// The live connection of a participant, read consistently; whoever has none reads what waits with the next one. Who is catching up
/// is told that something waits, so that it reaches them before anything later does.
pub(crate) async fn live(
    store: &(impl Members + Sync),
    session: SessionId,
    user: UserId,
) -> Result<Option<ConnectionId>> {
    let mut member = store.member(session, user).await?;
    while member.as_ref().is_some_and(|p| p.connection.is_none() && p.catching_up.is_some()) {
        if store.note_waiting(session, user).await? {
            return Ok(None);
        }
        member = store.member(session, user).await?;
    }
    Ok(member.and_then(|member| member.connection))
}

/// Sees to it that those who are catching up get what waits for them, before anything later.
pub(crate) async fn hold_back(
    ports: Ports<'_, impl Inbox + Members + Sync, impl Sockets + Sync, impl Delays + Sync>,
    session: SessionId,
    users: Vec<UserId>,
    frame: &Frame,
    waiting: Waiting,
) -> Result<()> {
    for user in users {
        if let Some(connection) = live(ports.store, session, user).await? {
            deliver(ports, session, user, connection, frame, Some(waiting)).await?;
        }
    }
    Ok(())
}

/// Puts a frame into the target's inbox.
async fn keep(
    store: &(impl Inbox + Sync),
    context: Context<'_>,
    session: SessionId,
    user: UserId,
    frame: &Frame,
) -> Result<Waiting> {
    let id = SignalId::new(context.ids, context.now);
    let signal = Signal { id, session, to: user, frame: frame.clone() };
    store.put(&signal, kept_until(context)).await?;
    Ok(Waiting::Signal(id))
}

/// Until when a frame of this moment is kept in an inbox: a replay begins a margin before the window.
pub(crate) fn kept_until(context: Context<'_>) -> Timestamp {
    context.now + context.policy.inbox_window + context.policy.replay_margin
}

/// Has somebody look after what waits, some seconds from now. If that cannot be arranged, the connection is cut.
pub(crate) async fn nudge_later(
    ports: Ports<'_, impl Sync, impl Sockets + Sync, impl Delays + Sync>,
    session: SessionId,
    user: UserId,
    connection: &ConnectionId,
    waiting: Waiting,
) -> Result<()> {
    let delay = nudge_delay(user, ports.context.now);
    match ports.delays.after(delay, &DelayedMessage::Nudge { session, user, waiting }).await {
        Ok(()) => Ok(()),
        Err(_) => ports.sockets.close(connection).await,
    }
}

/// 1-5 s, spread over targets and moments, so that what was throttled together does not come back together.
fn nudge_delay(user: UserId, now: Timestamp) -> Duration {
    let [.., last] = *user.as_bytes();
    Duration::from_secs(1 + (u64::from(last) + now.millis()) % 5)
}

/// Delivers one frame to many participants at the same time, so that dead connections hold nobody up.
/// The first error is returned after every other target has been served.
pub async fn broadcast(
    ports: Ports<'_, impl Inbox + Members + Sync, impl Sockets + Sync, impl Delays + Sync>,
    session: SessionId,
    targets: Vec<(UserId, ConnectionId)>,
    frame: &Frame,
    kept: Option<Waiting>,
) -> Result<()> {
    let deliveries =
        targets.into_iter().map(|(user, connection)| deliver(ports, session, user, connection, frame, kept));
    let delivered: Vec<_> = stream::iter(deliveries).buffer_unordered(PUSHES_AT_ONCE).collect().await;
    delivered.into_iter().try_for_each(|delivery| delivery.map(drop))
}

/// Tells the others of something that concerns `user`.
pub(crate) async fn tell_others(
    ports: Ports<'_, impl Inbox + Members + Sync, impl Sockets + Sync, impl Delays + Sync>,
    roster: &Roster,
    user: UserId,
    frame: &Frame,
) -> Result<()> {
    let others = roster.others(user, ports.context.now);
    broadcast(ports, roster.session.id, others, frame, None).await
}
