//! Which connections have joined, remembered for a few seconds.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::ports::{Held, Holding, Members};
use crate::{ConnectionId, Context, Error, Membership, Participant, Result, Timestamp};

/// Remembers for a few seconds which connections have joined, so that a signal needs no read of its sender.
///
/// A connection that is fenced, left or was removed is closed, so what can slip through in these seconds is a frame that was
/// already on its way. Renewing the lease "by any frame" happens here too, at most once per quarter of a lease.
pub struct JoinedCache {
    known: Mutex<HashMap<ConnectionId, Standing>>,
    trust: Duration,
    capacity: usize,
}

#[derive(Clone, Copy)]
struct Standing {
    checked_at: Timestamp,
    lease_until: Timestamp,
}

impl Default for JoinedCache {
    fn default() -> Self {
        Self { known: Mutex::default(), trust: Duration::from_secs(10), capacity: 20_000 }
    }
}

impl JoinedCache {
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
