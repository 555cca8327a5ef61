//! The end of an account: everything that names it goes.

use futures_util::stream::{self, StreamExt, TryStreamExt};

use crate::accounts::{Context, Families, Users};
use crate::connections::{ConnectionLog, LONGEST_CONNECTION, Sockets};
use crate::presence::{self, Guard, Members, Seats};
use crate::sessions::{self, Endings, Rosters};
use crate::{Departure, Ending, Participant, Result, SessionId, Timestamp, User, UserId, Wire};

/// What erasing an account needs from storage. Every step may be repeated.
pub trait Erasures {
    /// The sessions that the user created, ended ones too, as far as they are not forgotten.
    fn created_by(&self, user: UserId) -> impl Future<Output = Result<Vec<SessionId>>> + Send;
    /// Deletes an ended session of that creator: chat and participants first, then the session and that its creator
    /// made it.
    fn erase_session(&self, creator: UserId, session: SessionId) -> impl Future<Output = Result<()>> + Send;
    /// Deletes what the user wrote in a session, and that they took part in it, unless they hold a seat there.
    fn erase_traces(&self, user: UserId, session: SessionId) -> impl Future<Output = Result<()>> + Send;
    /// Deletes whatever is kept beside the account itself: families, connection log, created sessions.
    fn erase_records(&self, user: UserId) -> impl Future<Output = Result<()>> + Send;
}

/// So many sessions are erased at the same time.
const SESSIONS_AT_ONCE: usize = 8;

/// Deletes an account and everything that names it. Each step may be repeated and the account itself goes last, so whoever
/// was interrupted asks again.
///
/// Signals that still wait in somebody's inbox are left: they run out by themselves, within the inbox window.
pub async fn erase(
    store: &(impl Users + Families + Rosters + Endings + Members + Seats + ConnectionLog + Erasures + Sync),
    sockets: &(impl Sockets + Sync),
    wire: &dyn Wire,
    context: Context<'_>,
    user: &User,
) -> Result<()> {
    store.revoke_all(user.id, None).await?;
    let created = store.created_by(user.id).await?;
    let ended = created.into_iter().map(|session| erase_created(store, sockets, wire, context, user.id, session));
    stream::iter(ended).buffer_unordered(SESSIONS_AT_ONCE).try_for_each(ok).await?;

    let visited = visited(store, context, user.id).await?;
    let left = visited.into_iter().map(|session| erase_visited(store, sockets, wire, context, user.id, session));
    stream::iter(left).buffer_unordered(SESSIONS_AT_ONCE).try_for_each(ok).await?;

    store.erase_records(user.id).await?;
    store.remove(user).await
}

async fn ok((): ()) -> Result<()> {
    Ok(())
}

/// Ends and deletes a session that the user created.
async fn erase_created(
    store: &(impl Rosters + Endings + Members + Erasures + Sync),
    sockets: &(impl Sockets + Sync),
    wire: &dyn Wire,
    context: Context<'_>,
    user: UserId,
    session: SessionId,
) -> Result<()> {
    if store.roster(session, context.now).await?.is_some() {
        // False when it had ended before; an ending that was interrupted is finished all the same.
        let _newly = store.mark_ended(session, context.now, None).await?;
        sessions::finish_ending(store, sockets, wire, context, session, Ending::CreatorDeleted).await?;
    }
    store.erase_session(user, session).await
}

/// Takes the user out of somebody else's session and deletes what they wrote there.
async fn erase_visited(
    store: &(impl Rosters + Members + Seats + Erasures + Sync),
    sockets: &(impl Sockets + Sync),
    wire: &dyn Wire,
    context: Context<'_>,
    user: UserId,
    session: SessionId,
) -> Result<()> {
    if let Some(participant) = store.member(session, user).await?.filter(Participant::holds_seat) {
        let (guard, reason) = (Guard::Seated, Departure::Removed);
        presence::depart(store, sockets, wire, context, &participant, guard, reason).await?;
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
