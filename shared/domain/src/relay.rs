//! Relaying signals: written first, pushed then, acknowledged last.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use futures_util::future::join;

use crate::accounts::Context;
use crate::connections::{self, Delivery, Sockets};
use crate::presence::{Held, Holding, Members};
use crate::{ConnectionId, Error, Frame, Membership, Participant, Result, SessionId, SignalId, Timestamp, UserId};

/// What waits for a participant.
pub trait Inbox {
    /// Keeps a signal for its target until `keep_until`.
    fn put(&self, signal: &Signal, keep_until: Timestamp) -> impl Future<Output = Result<()>> + Send;
    /// Takes a signal back that had no target.
    fn take_back(&self, signal: &Signal) -> impl Future<Output = Result<()>> + Send;
    /// Every signal from that identifier on that is not expired, oldest first; strongly consistent.
    fn signals(
        &self,
        session: SessionId,
        user: UserId,
        from: SignalId,
        now: Timestamp,
    ) -> impl Future<Output = Result<Vec<Frame>>> + Send;
}

/// A signal on its way.
#[derive(Debug, Clone)]
pub struct Signal {
    /// Its identifier.
    pub id: SignalId,
    /// The session of sender and target.
    pub session: SessionId,
    /// The target.
    pub to: UserId,
    /// The event, encoded.
    pub frame: Frame,
}

/// Relays one signal (rules 1 and 4). The write and the read of the target run at the same time; the push waits for the
/// write. `Ok` may be acknowledged: the target gets the signal now, or when it comes back within the window.
pub async fn relay(
    store: &(impl Inbox + Members + Sync),
    sockets: &(impl Sockets + Sync),
    context: Context<'_>,
    signal: &Signal,
) -> Result<Delivery> {
    let keep_until = context.now + context.policy.inbox_window + context.policy.replay_margin;
    let (written, hint) = join(store.put(signal, keep_until), store.member_hint(signal.session, signal.to)).await;
    written?;
    let hint = hint?.filter(|p| p.is_present(context.now)).and_then(|p| p.connection);
    let connection = match hint {
        Some(connection) => connection,
        None => match certain_target(store, context.now, signal).await? {
            Some(connection) => connection,
            None => return Ok(Delivery::Queued),
        },
    };
    connections::deliver(store, sockets, signal.session, signal.to, connection, &signal.frame).await
}

/// Reads the target again, consistently and after the write: the cheap read may be older than a join or a resume, and a
/// resume that this read does not see will itself see the write.
async fn certain_target(
    store: &(impl Inbox + Members + Sync),
    now: Timestamp,
    signal: &Signal,
) -> Result<Option<ConnectionId>> {
    match store.member(signal.session, signal.to).await? {
        Some(target) if target.is_present(now) => Ok(target.connection),
        Some(_) | None => {
            store.take_back(signal).await?;
            Err(Error::PeerNotFound)
        }
    }
}

/// Remembers for a few seconds which connections have joined, so that a signal needs no read of its sender.
///
/// A connection that is fenced, left or was removed is closed, so what can slip through in these seconds is a frame that was
/// already on its way. Renewing the lease "by any frame" happens here too, at most once per quarter of a lease.
pub struct Standings {
    known: Mutex<HashMap<ConnectionId, Standing>>,
    trust: Duration,
    capacity: usize,
}

#[derive(Clone, Copy)]
struct Standing {
    checked_at: Timestamp,
    lease_until: Timestamp,
}

impl Default for Standings {
    fn default() -> Self {
        Self { known: Mutex::default(), trust: Duration::from_secs(10), capacity: 20_000 }
    }
}

impl Standings {
    /// Refuses connections that have not joined, or whose participant is gone; renews the lease when it is due.
    pub async fn check(
        &self,
        store: &(impl Members + Holding + Sync),
        context: Context<'_>,
        held: &Held,
    ) -> Result<()> {
        let mut standing = match self.trusted(&held.connection, context.now) {
            Some(standing) => standing,
            None => read_standing(store, context.now, held).await?,
        };
        let due = standing.lease_until.since(context.now) < context.policy.lease * 3 / 4;
        if due {
            standing.lease_until = context.now + context.policy.lease;
            let renewed = store.renew(held, standing.lease_until).await?;
            renewed.then_some(()).ok_or(Error::NotJoined)?;
        }
        self.remember(held.connection.clone(), standing, context.now);
        Ok(())
    }

    /// Forgets a connection that was seen to go.
    pub fn forget(&self, connection: &ConnectionId) {
        self.lock().remove(connection);
    }

    fn trusted(&self, connection: &ConnectionId, now: Timestamp) -> Option<Standing> {
        self.lock().get(connection).copied().filter(|s| now.since(s.checked_at) < self.trust)
    }

    fn remember(&self, connection: ConnectionId, standing: Standing, now: Timestamp) {
        let mut known = self.lock();
        if known.len() >= self.capacity {
            known.retain(|_, s| now.since(s.checked_at) < self.trust);
        }
        if known.len() < self.capacity {
            known.insert(connection, standing);
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<ConnectionId, Standing>> {
        // A panic elsewhere leaves at worst an entry too few, which is read again.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Reads the sender. The cheap read may be older than its join, so only the consistent one refuses.
async fn read_standing(store: &(impl Members + Sync), now: Timestamp, held: &Held) -> Result<Standing> {
    let hint = store.member_hint(held.session, held.user).await?;
    let joined = |p: &Participant| p.holds_seat() && p.is_on(&held.connection);
    let member = match hint.filter(joined) {
        Some(member) => Some(member),
        None => store.member(held.session, held.user).await?,
    };
    match member {
        Some(member) if joined(&member) => Ok(Standing { checked_at: now, lease_until: member.lease_until }),
        Some(member) if member.membership == Membership::Ended => Err(Error::SessionEnded),
        Some(_) | None => Err(Error::NotJoined),
    }
}
