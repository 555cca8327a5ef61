//! Pushing to participants: one frame to one, or to many at the same time.

use futures_util::future::join_all;

use crate::ports::{Members, Ports, Pushed, Sockets};
use crate::{ConnectionId, Frame, Result, Roster, SessionId, UserId};

/// Where a frame is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delivery {
    /// With the target's connection; a copy waits until the inbox window ends.
    Sent,
    /// Waiting for the target to come back.
    Queued,
}

/// Pushes a frame that is already stored to a participant whose connection was just read.
///
/// `Gone` means that this connection died, not that the peer left: the participant is read again, consistently,
/// and a newer connection gets the frame. When there is none, the one that could not be pushed to is cut, whatever the
/// reason was: if it is not dead after all, its client notices, comes back and gets the replay. Only if cutting fails too
/// is there an error.
pub async fn deliver(
    ports: Ports<'_, impl Members + Sync, impl Sockets + Sync, impl Sync>,
    session: SessionId,
    user: UserId,
    connection: ConnectionId,
    frame: &Frame,
) -> Result<Delivery> {
    let mut connection = connection;
    loop {
        if let Ok(Pushed::Accepted) = ports.sockets.push(&connection, frame).await {
            return Ok(Delivery::Sent);
        }
        let newer = ports.store.member(session, user).await?.and_then(|p| p.connection).filter(|c| *c != connection);
        match newer {
            Some(newer) => connection = newer,
            None => {
                ports.sockets.close(&connection).await?;
                return Ok(Delivery::Queued);
            }
        }
    }
}

/// Delivers one frame to many participants at the same time, so that dead connections hold nobody up.
/// The first error is returned after every other target has been served.
pub async fn broadcast(
    ports: Ports<'_, impl Members + Sync, impl Sockets + Sync, impl Sync>,
    session: SessionId,
    targets: Vec<(UserId, ConnectionId)>,
    frame: &Frame,
) -> Result<()> {
    let deliveries = targets.into_iter().map(|(user, connection)| deliver(ports, session, user, connection, frame));
    join_all(deliveries).await.into_iter().try_for_each(|delivery| delivery.map(drop))
}

/// Tells the others of something that concerns `user`. Whoever cannot be told is cut by the delivery, comes back, and
/// reads the roster then; the sockets have logged why.
pub(crate) async fn tell_others(
    ports: Ports<'_, impl Members + Sync, impl Sockets + Sync, impl Sync>,
    roster: &Roster,
    user: UserId,
    frame: &Frame,
) {
    let others = roster.others(user, ports.context.now);
    let _told = broadcast(ports, roster.session.id, others, frame).await;
}
