//! The end of an account: everything that names it goes.

use std::collections::BTreeSet;
use std::time::Duration;

use futures_util::future::try_join3;
use futures_util::stream::{self, StreamExt, TryStreamExt};

use crate::eviction::LONGEST_CONNECTION;
use crate::leases::{depart, finish_departure};
use crate::ports::{
    ConnectionLog, DelayedMessage, Delays, Endings, Erasures, Families, Guard, Inbox, Members, Ports, RecordedSessions,
    RecordingQueue, Recordings, Rosters, Seats, Sockets, Users, Visits,
};
use crate::sessions::finish_ending;
use crate::{Context, Departure, Ending, Membership, Result, SessionId, Timestamp, User, UserId, recordings};

/// So many sessions are erased at the same time.
const SESSIONS_AT_ONCE: usize = 8;

/// When a deletion is looked after: every function that a client called before it began has ended by then.
const AFTERWARDS: Duration = Duration::from_secs(60);

/// The end of accounts, and what it needs.
pub struct Erasure<'a, S, C, D, Q> {
    /// The table, the clients' connections, the delay queue.
    pub ports: Ports<'a, S, C, D>,
    /// The queue by which recordings are removed.
    pub recordings: &'a Q,
}

impl<S, C, D, Q> Erasure<'_, S, C, D, Q>
where
    S: Users
        + Families
        + Rosters
        + Endings
        + Members
        + Seats
        + Visits
        + Inbox
        + ConnectionLog
        + Erasures
        + Recordings
        + RecordedSessions
        + Sync,
    C: Sockets + Sync,
    D: Delays + Sync,
    Q: RecordingQueue + Sync,
{
    /// Deletes an account and everything that names it. Each step may be repeated and the account itself goes last, so whoever
    /// was interrupted asks again; if nobody does, [`Self::finish`] does the rest.
    ///
    /// Signals that still wait in the inboxes of others are left: they run out by themselves, within the inbox window.
    pub async fn erase(&self, user: &User) -> Result<()> {
        let Ports { store, delays, .. } = self.ports;
        // Before the first step: a function that dies after that leaves nothing that nobody looks at.
        delays.after(AFTERWARDS, &DelayedMessage::Erase { user: user.id }).await?;
        store.begin_removal(user.id).await?;
        self.clear(user.id).await?;
        remove(store, user).await
    }

    /// The delayed look after a deletion: finishes one that was interrupted, and deletes what was written by functions that ran
    /// while it did. A login or a join that finds its account gone gives up what it opened, but that leaves traces.
    pub async fn finish(&self, user: UserId) -> Result<()> {
        let store = self.ports.store;
        if store.password_of(user).await?.is_some() {
            // It died before its first step, and whoever asked for it was not told that it was done.
            return Ok(());
        }
        self.clear(user).await?;
        match store.by_id(user).await? {
            Some(user) => remove(store, &user).await,
            None => Ok(()),
        }
    }

    /// Ends and deletes whatever belongs to an account that is going, but the account itself.
    async fn clear(&self, user: UserId) -> Result<()> {
        let ports = self.ports;
        let Ports { store, context, .. } = ports;
        store.revoke_all(user, None, context.now).await?;
        let created = store.created_by(user).await?;
        let ended = created.into_iter().map(|session| erase_created(ports, user, session));
        stream::iter(ended).buffer_unordered(SESSIONS_AT_ONCE).try_for_each(ok).await?;

        let visited = visited(store, context, user).await?;
        let left = visited.into_iter().map(|session| erase_visited(ports, user, session));
        stream::iter(left).buffer_unordered(SESSIONS_AT_ONCE).try_for_each(ok).await?;

        // Whoever holds no seat any more begins nothing.
        recordings::erase(store, self.recordings, context, user).await?;
        close_connections(ports, user).await?;
        store.erase_records(user).await
    }
}

/// The last step: the account itself.
async fn remove(store: &(impl Users + Erasures + Sync), user: &User) -> Result<()> {
    store.erase_failed_logins(&user.email).await?;
    store.remove(user).await
}

/// Closes every connection of the user, those that have not joined too.
async fn close_connections(
    ports: Ports<'_, impl ConnectionLog + Sync, impl Sockets + Sync, impl Sync>,
    user: UserId,
) -> Result<()> {
    let from = ports.context.now.minus(LONGEST_CONNECTION);
    let logged = ports.store.of_user(user, from).await?;
    let open = logged.into_iter().filter(|logged| logged.closure.is_none());
    let closed = open.map(|logged| async move { ports.sockets.close(&logged.admission.connection).await });
    stream::iter(closed).buffer_unordered(SESSIONS_AT_ONCE).try_for_each(ok).await
}

async fn ok((): ()) -> Result<()> {
    Ok(())
}

/// Ends and deletes a session that the user created.
async fn erase_created(
    ports: Ports<'_, impl Rosters + Endings + Erasures + Sync, impl Sockets + Sync, impl Sync>,
    user: UserId,
    session: SessionId,
) -> Result<()> {
    let Ports { store, context, .. } = ports;
    if store.roster(session, context.now).await?.is_some() {
        // False when it had ended before; an ending that was interrupted is finished all the same.
        let _newly = store.mark_ended(session, context.now, Ending::CreatorDeleted, None).await?;
        finish_ending(ports, session, Ending::CreatorDeleted).await?;
    }
    store.erase_session(user, session).await
}

/// Takes the user out of somebody else's session and deletes what they wrote there.
async fn erase_visited(
    ports: Ports<'_, impl Rosters + Members + Seats + Inbox + Erasures + Sync, impl Sockets + Sync, impl Delays + Sync>,
    user: UserId,
    session: SessionId,
) -> Result<()> {
    let Ports { store, sockets, .. } = ports;
    if let Some(participant) = store.member(session, user).await?.filter(|p| p.membership != Membership::Ended) {
        match participant.holds_seat() {
            true => drop(depart(ports, &participant, Guard::Seated, Departure::Removed).await?),
            false => finish_departure(ports, &participant).await?,
        }
        if let Some(connection) = &participant.connection {
            sockets.close(connection).await?;
        }
    }
    store.erase_traces(user, session).await
}

/// The sessions in which something of the user may be: where a seat is noted, where their client reported, and where the user was connected
/// as long as the chat is kept. A seat may be held for longer than it is noted, over one connection after the other.
async fn visited(
    store: &(impl ConnectionLog + Visits + Erasures + Sync),
    context: Context<'_>,
    user: UserId,
) -> Result<BTreeSet<SessionId>> {
    let from: Timestamp = context.now.minus(context.policy.history).minus(LONGEST_CONNECTION);
    let (logged, visits, reported) =
        try_join3(store.of_user(user, from), store.visits(user), store.reported_by(user)).await?;
    let connected = logged.into_iter().filter_map(|logged| logged.admission.session);
    Ok(connected.chain(visits.into_iter().map(|visit| visit.session)).chain(reported).collect())
}
