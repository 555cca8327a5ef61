//! Which connections have joined, remembered for a few seconds.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::ports::{Held, Holding, Members};
use crate::{ConnectionId, Context, Error, Membership, Participant, Result, Rights, Sender, Timestamp};

/// Remembers for a few seconds which connections have joined, so that a signal needs no read of its sender.
///
/// A connection that is fenced, left or was removed is closed, so what can slip through in these seconds is a frame that was
/// already on its way. Renewing the lease "by any frame" happens here too, at most once per quarter of a lease.
pub struct JoinedCache {
    known: Mutex<Generations>,
    trust: Duration,
}

/// Two generations of entries. A full one becomes the old one, and what was old is forgotten: that costs nothing however
/// many connections there are, and forgets only what was not asked for lately.
#[derive(Default)]
struct Generations {
    young: HashMap<ConnectionId, Standing>,
    old: HashMap<ConnectionId, Standing>,
}

/// Entries of one generation.
const CAPACITY: usize = 20_000;

/// How long after the last renewal a frame renews the lease. Whoever cannot say what they have seen is told everything since the
/// last renewal when they come back, so theirs is renewed more often.
fn renewed_after(context: Context<'_>, held: &Held) -> Duration {
    context.policy.lease / if held.connection.is_hub() { 10 } else { 4 }
}

/// A connection may ask for a replay at most so often.
const SYNC_EVERY: Duration = Duration::from_millis(250);

/// What is known of a connection that has joined.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    checked_at: Timestamp,
    lease_until: Timestamp,
    /// When its participant joined.
    pub joined_at: Timestamp,
    /// What its participant may do: a withdrawal bites as soon as this is read again.
    pub rights: Rights,
    /// Its participant, as others know them.
    pub sender: Sender,
    synced_at: Option<Timestamp>,
}

impl Default for JoinedCache {
    fn default() -> Self {
        Self { known: Mutex::default(), trust: Duration::from_secs(10) }
    }
}

impl JoinedCache {
    /// Refuses connections that have not joined, or whose participant is gone; renews the lease when it is due. One that
    /// has run out is not renewed: nothing was pushed to it any more, so its client has to join again to hear what it missed.
    ///
    /// # Errors
    /// `NotJoined` or `SessionEnded`, or what reading or renewing fails with.
    pub async fn check(
        &self,
        store: &(impl Members + Holding + Sync),
        context: Context<'_>,
        held: &Held,
    ) -> Result<Standing> {
        let known = self.lock().get(&held.connection);
        let trusted = |standing: &Standing| context.now.since(standing.checked_at) < self.trust;
        let mut standing = match known {
            Some(standing) if trusted(&standing) => standing,
            known => {
                let synced_at = known.and_then(|known| known.synced_at);
                Standing { synced_at, ..read_standing(store, context.now, held).await? }
            }
        };
        let lease_until = context.lease_until();
        let due = standing.lease_until.since(context.now) < context.policy.lease - renewed_after(context, held);
        if due && standing.lease_until < lease_until {
            standing.lease_until = lease_until;
            let renewed = store.renew(held, context.now, standing.lease_until).await?;
            renewed.then_some(()).ok_or(Error::NotJoined)?;
        }
        self.lock().insert(held.connection.clone(), standing.clone());
        Ok(standing)
    }

    /// Counts a replay that a connection asks for, as far as this instance of a function sees them.
    ///
    /// # Errors
    /// `RateLimited` when the last one is less than 250 ms ago.
    pub fn count_sync(&self, connection: &ConnectionId, now: Timestamp) -> Result<()> {
        let mut known = self.lock();
        let Some(mut standing) = known.get(connection) else {
            return Ok(());
        };
        if standing.synced_at.is_some_and(|last| now.since(last) < SYNC_EVERY) {
            return Err(Error::RateLimited { retry_after: 1 });
        }
        standing.synced_at = Some(now);
        known.insert(connection.clone(), standing);
        Ok(())
    }

    /// Forgets a connection that was seen to go.
    pub fn forget(&self, connection: &ConnectionId) {
        let mut known = self.lock();
        known.young.remove(connection);
        known.old.remove(connection);
    }

    fn lock(&self) -> MutexGuard<'_, Generations> {
        // A panic elsewhere leaves at worst an entry too few, which is read again.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Generations {
    fn get(&self, connection: &ConnectionId) -> Option<Standing> {
        self.young.get(connection).or_else(|| self.old.get(connection)).cloned()
    }

    fn insert(&mut self, connection: ConnectionId, standing: Standing) {
        if self.young.len() >= CAPACITY {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(connection, standing);
    }
}

/// Reads the sender. The cheap read may be older than its join, so only the consistent one refuses.
async fn read_standing(store: &(impl Members + Sync), now: Timestamp, held: &Held) -> Result<Standing> {
    let hint = store.member_hint(held.session, held.user).await?;
    let joined = |p: &Participant| p.is_present(now) && p.is_on(&held.connection);
    let member = match hint.filter(joined) {
        Some(member) => Some(member),
        None => store.member(held.session, held.user).await?,
    };
    match member {
        Some(member) if joined(&member) => Ok(Standing {
            checked_at: now,
            lease_until: member.lease_until,
            joined_at: member.joined_at,
            rights: member.rights,
            sender: Sender { user_id: member.user_id, username: member.username, identity: member.identity },
            synced_at: None,
        }),
        Some(member) if member.membership == Membership::Ended => Err(Error::SessionEnded),
        Some(_) | None => Err(Error::NotJoined),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{UserId, Username};

    fn standing(checked_at: u64) -> Standing {
        let at = Timestamp::from_millis(checked_at);
        let username = Username::kept("ann").expect("not blank");
        let sender = Sender { user_id: UserId::of_app([7; 16]), username, identity: None };
        Standing { checked_at: at, lease_until: at, joined_at: at, rights: Rights::default(), sender, synced_at: None }
    }

    #[test]
    fn a_full_memory_forgets_what_is_old_and_goes_on_remembering() {
        let mut known = Generations::default();
        for n in 0..3 * CAPACITY {
            known.insert(ConnectionId::new(format!("c{n}")), standing(n as u64));
        }
        let known_last = known.get(&ConnectionId::new(format!("c{}", 3 * CAPACITY - 1)));
        assert_eq!(known_last, Some(standing(3 * CAPACITY as u64 - 1)));
        assert_eq!(known.get(&ConnectionId::new("c0")), None);
        assert!(known.young.len() + known.old.len() <= 2 * CAPACITY);
    }

    #[test]
    fn a_connection_may_ask_for_one_replay_in_a_quarter_of_a_second() {
        let (cache, connection) = (JoinedCache::default(), ConnectionId::new("a"));
        cache.lock().insert(connection.clone(), standing(0));
        let sync = |millis| cache.count_sync(&connection, Timestamp::from_millis(millis)).map_err(|error| error.code());
        assert_eq!(
            [sync(1000), sync(1249), sync(1250), sync(1499)],
            [Ok(()), Err("rate_limited"), Ok(()), Err("rate_limited")]
        );
    }
}
