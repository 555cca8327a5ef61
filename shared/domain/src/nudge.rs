//! Looking after frames that could not be pushed.

use crate::leases::lose_connection;
use crate::ports::{ChatLog, Delays, Held, Holding, Inbox, Members, Ports, Rosters, Sockets};
use crate::replay::{ReplayEnd, replay};
use crate::{Result, SessionId, Timestamp, UserId};

/// The delayed look at what waits for a participant since then: pushes it over the connection that is live now.
///
/// Where the connection is gone, it counts as lost: its `$disconnect` may never come. Where pushing fails again, the
/// connection is cut, so that its client comes back and gets everything.
pub async fn nudge(
    ports: Ports<
        '_,
        impl Holding + Members + Rosters + Inbox + ChatLog + Sync,
        impl Sockets + Sync,
        impl Delays + Sync,
    >,
    session: SessionId,
    user: UserId,
    since: Timestamp,
) -> Result<()> {
    let member = ports.store.member(session, user).await?.filter(|p| p.is_present(ports.context.now));
    let Some((connection, joined_at)) = member.and_then(|p| Some((p.connection?, p.joined_at))) else {
        return Ok(());
    };
    let held = Held { session, user, connection };
    match replay(ports, &held, since, joined_at).await?.end {
        ReplayEnd::Complete => Ok(()),
        ReplayEnd::Gone => lose_connection(ports, &held).await,
        ReplayEnd::Truncated | ReplayEnd::Failed => ports.sockets.close(&held.connection).await,
    }
}
