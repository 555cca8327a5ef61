//! Taking connections and seats away from logins that are over.

use std::collections::BTreeSet;
use std::time::Duration;

use futures_util::future::{join_all, try_join};

use crate::leases::{depart, finish_departure};
use crate::ports::{
    ConnectionLog, DelayedMessage, Delays, Families, Guard, Inbox, LoggedConnection, Members, Ports, Revocations,
    Rosters, Seats, Sockets, Visit, Visits,
};
use crate::{ConnectionId, Context, Departure, FamilyId, Participant, Result, UserId};

/// API Gateway ends every connection after 2 h; a little more covers clocks that differ.
/// <https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-execution-service-websocket-limits-table.html>
pub(crate) const LONGEST_CONNECTION: Duration = Duration::from_secs(2 * 3600 + 300);

/// When an eviction is looked after, in case that it was interrupted.
const AFTERWARDS: Duration = Duration::from_secs(10);

/// Closes the user's live connections whose login `over` accepts, and frees the seats of these logins; the others are told.
/// The first error is returned after every connection and every seat had its turn. If there is anything to do, a delayed
/// message is sent first that does what is left ([`evict_ended`]).
pub async fn evict(
    ports: Ports<
        '_,
        impl ConnectionLog + Visits + Rosters + Members + Seats + Inbox + Sync,
        impl Sockets + Sync,
        impl Delays + Sync,
    >,
    user: UserId,
    over: impl Fn(FamilyId) -> bool,
) -> Result<()> {
    let calls = calls_of(ports.store, ports.context, user).await?;
    let left = left_over(ports.store, user, &calls, over).await?;
    if left.is_empty() {
        return Ok(());
    }
    // Best effort: it is wanted only if what follows is interrupted or fails.
    let _scheduled = ports.delays.after(AFTERWARDS, &DelayedMessage::Evict { user }).await;
    end(ports, left).await
}

/// For so long a join token may open something: a day until its end, and a day more for whoever has a seat; and some time for
/// clocks that differ.
const LONGEST_TOKEN: Duration = Duration::from_secs(2 * 24 * 3600 + 3600);

/// Takes every token of an app's user back that was minted until now: nothing is opened with it any more, connections are closed
/// and seats freed. A token says when it was minted in whole seconds, so one of this very second counts as minted before.
pub async fn revoke(
    ports: Ports<
        '_,
        impl Revocations + ConnectionLog + Visits + Rosters + Members + Seats + Inbox + Sync,
        impl Sockets + Sync,
        impl Delays + Sync,
    >,
    user: UserId,
) -> Result<()> {
    let before = ports.context.now;
    // First, so that whoever opens something meanwhile sees it, or is seen here.
    ports.store.revoke_tokens(user, before, before + LONGEST_TOKEN).await?;
    evict(ports, user, |token| token.timestamp() < before).await
}

/// The delayed look after an eviction: does the same for every login of the user that is over by now.
pub async fn evict_ended(
    ports: Ports<
        '_,
        impl ConnectionLog + Visits + Families + Rosters + Members + Seats + Inbox + Sync,
        impl Sockets + Sync,
        impl Delays + Sync,
    >,
    user: UserId,
) -> Result<()> {
    let Ports { store, context, .. } = ports;
    let calls = calls_of(store, context, user).await?;
    let mut over = BTreeSet::new();
    for family in calls.families() {
        if !store.is_live(user, family, context.now).await? {
            over.insert(family);
        }
    }
    let left = left_over(store, user, &calls, |family| over.contains(&family)).await?;
    end(ports, left).await
}

/// A user's connections and visits, as far back as a connection of theirs may be open.
struct Calls {
    logged: Vec<LoggedConnection>,
    visits: Vec<Visit>,
}

async fn calls_of(store: &(impl ConnectionLog + Visits + Sync), context: Context<'_>, user: UserId) -> Result<Calls> {
    let from = context.now.minus(LONGEST_CONNECTION);
    let (logged, mut visits) = try_join(store.of_user(user, from), store.visits(user)).await?;
    visits.retain(|visit| visit.at >= from);
    Ok(Calls { logged, visits })
}

impl Calls {
    /// The logins behind them.
    fn families(&self) -> BTreeSet<FamilyId> {
        let connected = self.logged.iter().map(|logged| logged.admission.family);
        connected.chain(self.visits.iter().filter_map(|visit| visit.family)).collect()
    }

    /// The login that took that very seat: of a participant that no connection has joined yet. The visits were read before the
    /// participant; whoever took a seat since then looks at their login themselves.
    fn visitor(&self, seat: &Participant) -> Option<FamilyId> {
        let of_seat = |visit: &&Visit| visit.session == seat.session_id && visit.at == seat.joined_at;
        self.visits.iter().find(of_seat).and_then(|visit| visit.family)
    }
}

/// What logins that are over have left behind.
struct LeftOver {
    /// Open connections.
    connections: Vec<ConnectionId>,
    /// Participants that hold a seat, or whose departure is still to be told.
    participants: Vec<Participant>,
}

impl LeftOver {
    fn is_empty(&self) -> bool {
        self.connections.is_empty() && self.participants.is_empty()
    }
}

/// What the logins that `over` accepts have left behind.
async fn left_over(
    store: &(impl Members + Sync),
    user: UserId,
    calls: &Calls,
    over: impl Fn(FamilyId) -> bool,
) -> Result<LeftOver> {
    let logged: Vec<_> = calls.logged.iter().filter(|logged| over(logged.admission.family)).collect();
    let open = logged.iter().filter(|logged| logged.closure.is_none());
    let connections = open.map(|logged| logged.admission.connection.clone()).collect();
    let visited = calls.visits.iter().filter(|visit| visit.family.is_some_and(&over)).map(|visit| visit.session);
    let sessions: BTreeSet<_> = logged.iter().filter_map(|logged| logged.admission.session).chain(visited).collect();

    let members = join_all(sessions.into_iter().map(|session| store.member(session, user))).await;
    let mut participants = Vec::new();
    for participant in members.into_iter().collect::<Result<Vec<_>>>()?.into_iter().flatten() {
        let holder = participant.family.or_else(|| calls.visitor(&participant));
        let seated = participant.holds_seat() && holder.is_some_and(&over);
        if seated || participant.has_untold_departure() {
            participants.push(participant);
        }
    }
    Ok(LeftOver { connections, participants })
}

/// Frees the seats, unless a newer connection has taken over meanwhile; then closes the connections.
async fn end(
    ports: Ports<'_, impl Rosters + Members + Seats + Inbox + Sync, impl Sockets + Sync, impl Delays + Sync>,
    left: LeftOver,
) -> Result<()> {
    let departures = left.participants.iter().map(|participant| async move {
        match participant.holds_seat() {
            true => depart(ports, participant, Guard::SameAttempt, Departure::Removed).await.map(drop),
            false => finish_departure(ports, participant).await,
        }
    });
    let departed = join_all(departures).await;
    let closed = join_all(left.connections.iter().map(|connection| ports.sockets.close(connection))).await;
    departed.into_iter().chain(closed).collect()
}
