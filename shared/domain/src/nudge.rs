//! Looking after frames that could not be pushed.

use crate::leases::lose_connection;
use crate::ports::{ChatLog, Delays, Held, Holding, Inbox, Members, Ports, Pushed, Rosters, Sockets, Waiting};
use crate::replay::{ReplayEnd, replay};
use crate::{Result, SessionId, Timestamp, UserId};

/// The delayed look at what waits for a participant: pushes it over the connection that is live now. Only what was
/// throttled is pushed again, so that a nudge never costs more than what it makes up for.
///
/// Where the connection is gone, it counts as lost: its `$disconnect` may never come. Where pushing fails again, the
/// connection is cut, so that its client comes back and gets everything. One that is gone is cut as well: if it lives after
/// all, its client would learn only by its next heartbeat that nothing is pushed to it any more, after the grace.
pub async fn nudge(
    ports: Ports<
        '_,
        impl Holding + Members + Rosters + Inbox + ChatLog + Sync,
        impl Sockets + Sync,
        impl Delays + Sync,
    >,
    session: SessionId,
    user: UserId,
    waiting: Waiting,
) -> Result<()> {
    let member = ports.store.member(session, user).await?.filter(|p| p.is_present(ports.context.now));
    let Some((connection, joined_at)) = member.and_then(|p| Some((p.connection?, p.joined_at))) else {
        return Ok(());
    };
    let held = Held { session, user, connection };
    match push_waiting(ports, &held, joined_at, waiting).await? {
        ReplayEnd::Complete => Ok(()),
        ReplayEnd::Gone => {
            ports.sockets.close(&held.connection).await?;
            lose_connection(ports, &held).await
        }
        ReplayEnd::Truncated | ReplayEnd::Failed => ports.sockets.close(&held.connection).await,
    }
}

/// Pushes what waits, if it has not expired.
async fn push_waiting(
    ports: Ports<'_, impl Inbox + ChatLog + Sync, impl Sockets + Sync, impl Sync>,
    held: &Held,
    joined_at: Timestamp,
    waiting: Waiting,
) -> Result<ReplayEnd> {
    let Ports { store, context, .. } = ports;
    let frame = match waiting {
        Waiting::Since(since) => return replay(ports, held, since, joined_at).await.map(|replayed| replayed.end),
        Waiting::Signal(id) => store.signal(held.session, held.user, id, context.now).await?,
        Waiting::Message(log, id) => {
            let message = store.message(held.session, log, id, context.now).await?;
            let message = message.filter(|message| message.id.timestamp() >= joined_at);
            message.map(|message| ports.encoder.encode(&message.event(), message.id.timestamp()))
        }
    };
    let Some(frame) = frame else {
        return Ok(ReplayEnd::Complete);
    };
    Ok(match ports.sockets.push(&held.connection, &frame).await {
        Ok(Pushed::Accepted) => ReplayEnd::Complete,
        Ok(Pushed::Gone) => ReplayEnd::Gone,
        Err(_) => ReplayEnd::Failed,
    })
}
