//! The end of an account: everything that names it goes.

use futures_util::stream::{self, StreamExt, TryStreamExt};

use crate::eviction::LONGEST_CONNECTION;
use crate::leases::{depart, finish_departure};
use crate::ports::{
    ConnectionLog, Delays, Endings, Erasures, Families, Guard, Inbox, Members, Ports, Rosters, Seats, Sockets, Users,
};
use crate::sessions::finish_ending;
use crate::{Context, Departure, Ending, Membership, Result, SessionId, Timestamp, User, UserId};

/// So many sessions are erased at the same time.
const SESSIONS_AT_ONCE: usize = 8;

/// Deletes an account and everything that names it. Each step may be repeated and the account itself goes last, so whoever
/// was interrupted asks again.
///
/// Signals that still wait in somebody's inbox are left: they run out by themselves, within the inbox window.
pub async fn erase(
    ports: Ports<
        '_,
        impl Users + Families + Rosters + Endings + Members + Seats + Inbox + ConnectionLog + Erasures + Sync,
        impl Sockets + Sync,
        impl Delays + Sync,
    >,
    user: &User,
) -> Result<()> {
    let Ports { store, context, .. } = ports;
    store.begin_removal(user.id).await?;
    store.revoke_all(user.id, None, context.now).await?;
    let created = store.created_by(user.id).await?;
    let ended = created.into_iter().map(|session| erase_created(ports, user.id, session));
    stream::iter(ended).buffer_unordered(SESSIONS_AT_ONCE).try_for_each(ok).await?;

    let visited = visited(store, context, user.id).await?;
    let left = visited.into_iter().map(|session| erase_visited(ports, user.id, session));
    stream::iter(left).buffer_unordered(SESSIONS_AT_ONCE).try_for_each(ok).await?;

    close_connections(ports, user.id).await?;
    store.erase_records(user.id).await?;
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
        let _newly = store.mark_ended(session, context.now, None).await?;
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

/// The sessions that the user was connected to as long as their chat is kept.
async fn visited(store: &(impl ConnectionLog + Sync), context: Context<'_>, user: UserId) -> Result<Vec<SessionId>> {
    let from: Timestamp = context.now.minus(context.policy.history).minus(LONGEST_CONNECTION);
    let mut sessions: Vec<_> =
        store.of_user(user, from).await?.into_iter().map(|logged| logged.admission.session).collect();
    sessions.sort_unstable();
    sessions.dedup();
    Ok(sessions)
}
