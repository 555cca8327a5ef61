//! Relaying signals: written first, pushed then, acknowledged last.

use futures_util::future::join;

use crate::delivery::{Delivery, deliver, kept_until, live};
use crate::ports::{Delays, Inbox, Members, Ports, Signal, Sockets, Waiting};
use crate::{ConnectionId, Error, Result, Timestamp};

/// Relays one signal (rules 1 and 4). The write and the read of the target run at the same time; the push waits for the
/// write. `Ok` may be acknowledged: the target gets the signal now, or when it comes back within the window.
pub async fn relay(
    ports: Ports<'_, impl Inbox + Members + Sync, impl Sockets + Sync, impl Delays + Sync>,
    signal: &Signal,
) -> Result<Delivery> {
    relay_until(ports, signal, kept_until(ports.context)).await
}

/// The same for a signal that is of no use after that time.
pub(crate) async fn relay_until(
    ports: Ports<'_, impl Inbox + Members + Sync, impl Sockets + Sync, impl Delays + Sync>,
    signal: &Signal,
    keep_until: Timestamp,
) -> Result<Delivery> {
    let Ports { store, context, .. } = ports;
    let written = store.put(signal, keep_until);
    let (written, hint) = join(written, store.member_hint(signal.session, signal.to)).await;
    written?;
    let hint = hint?.filter(|p| p.is_present(context.now)).and_then(|p| p.connection);
    let connection = match hint {
        Some(connection) => connection,
        None => match certain_target(store, context.now, signal).await? {
            Some(connection) => connection,
            None => return Ok(Delivery::Queued),
        },
    };
    let kept = Some(Waiting::Signal(signal.id));
    deliver(ports, signal.session, signal.to, connection, &signal.frame, kept).await
}

/// Reads the target again, consistently and after the write: the cheap read may be older than a join or a resume, and a
/// resume that this read does not see will itself see the write.
async fn certain_target(
    store: &(impl Inbox + Members + Sync),
    now: Timestamp,
    signal: &Signal,
) -> Result<Option<ConnectionId>> {
    match store.member(signal.session, signal.to).await? {
        Some(target) if target.is_present(now) => match target.catching_up {
            Some(_) if target.connection.is_none() => live(store, signal.session, signal.to).await,
            Some(_) | None => Ok(target.connection),
        },
        Some(_) | None => {
            store.take_back(signal).await?;
            Err(Error::PeerNotFound)
        }
    }
}
