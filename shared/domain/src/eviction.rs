//! Taking connections away from logins that are over.

use futures_util::future::join_all;

use crate::leases::{depart, finish_departure};
use crate::ports::{Admission, ConnectionLog, Delays, Guard, Inbox, Members, Ports, Rosters, Seats, Sockets};
use crate::{Departure, FamilyId, Result, UserId};

/// API Gateway ends every connection after 2 h; a little more covers clocks that differ.
/// <https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-execution-service-websocket-limits-table.html>
pub(crate) const LONGEST_CONNECTION: std::time::Duration = std::time::Duration::from_secs(2 * 3600 + 300);

/// Closes the user's live connections whose login `revoked` accepts, and frees their seats; the others are told. The
/// first error is returned after every connection had its turn.
pub async fn evict(
    ports: Ports<
        '_,
        impl ConnectionLog + Rosters + Members + Seats + Inbox + Sync,
        impl Sockets + Sync,
        impl Delays + Sync,
    >,
    user: UserId,
    revoked: impl Fn(FamilyId) -> bool,
) -> Result<()> {
    let logged = ports.store.of_user(user, ports.context.now.minus(LONGEST_CONNECTION)).await?;
    let live = logged.into_iter().filter(|c| c.closure.is_none() && revoked(c.admission.family));
    let evictions = live.map(|c| async move {
        let Admission { session, connection, .. } = c.admission;
        match ports.store.member(session, user).await? {
            Some(participant) if participant.is_on(&connection) => {
                depart(ports, &participant, Guard::SameAttempt, Departure::Removed).await?;
            }
            Some(participant) => finish_departure(ports, &participant).await?,
            None => {}
        }
        ports.sockets.close(&connection).await
    });
    join_all(evictions).await.into_iter().collect()
}
