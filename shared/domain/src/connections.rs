//! Live connections: pushing to them, cutting them, and remembering who was connected.

use futures_util::future::join_all;

use crate::accounts::Context;
use crate::presence::{self, Guard, Members, Seats};
use crate::sessions::Rosters;
use crate::{ConnectionId, Departure, FamilyId, Frame, Result, SessionId, TicketId, Timestamp, UserId, Wire};

/// What came of a push that API Gateway answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pushed {
    /// It took the frame. The connection may still be dead without anybody knowing.
    Accepted,
    /// There is no such connection any more.
    Gone,
}

/// The sockets behind API Gateway. Implementations retry throttled and failed calls a few times, with jitter.
pub trait Sockets {
    /// Sends one frame.
    fn push(&self, connection: &ConnectionId, frame: &Frame) -> impl Future<Output = Result<Pushed>> + Send;
    /// Closes a connection, so that every later push is answered `Gone`. One that is gone is closed.
    fn close(&self, connection: &ConnectionId) -> impl Future<Output = Result<()>> + Send;
}

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
    store: &(impl Members + Sync),
    sockets: &(impl Sockets + Sync),
    session: SessionId,
    user: UserId,
    connection: ConnectionId,
    frame: &Frame,
) -> Result<Delivery> {
    let mut connection = connection;
    loop {
        if let Ok(Pushed::Accepted) = sockets.push(&connection, frame).await {
            return Ok(Delivery::Sent);
        }
        let newer = store.member(session, user).await?.and_then(|p| p.connection).filter(|c| *c != connection);
        match newer {
            Some(newer) => connection = newer,
            None => {
                sockets.close(&connection).await?;
                return Ok(Delivery::Queued);
            }
        }
    }
}

/// Delivers one frame to many participants at the same time, so that dead connections hold nobody up.
/// The first error is returned after every other target has been served.
pub async fn broadcast(
    store: &(impl Members + Sync),
    sockets: &(impl Sockets + Sync),
    session: SessionId,
    targets: Vec<(UserId, ConnectionId)>,
    frame: &Frame,
) -> Result<()> {
    let deliveries =
        targets.into_iter().map(|(user, connection)| deliver(store, sockets, session, user, connection, frame));
    join_all(deliveries).await.into_iter().try_for_each(|delivery| delivery.map(drop))
}

/// A connection that a ticket admitted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Admission {
    /// The ticket; it admits one connection.
    pub ticket: TicketId,
    /// Whose it is.
    pub user: UserId,
    /// The session it is for.
    pub session: SessionId,
    /// The login behind it.
    pub family: FamilyId,
    /// The connection.
    pub connection: ConnectionId,
    /// When it was made.
    pub at: Timestamp,
    /// The client's network address.
    pub address: String,
    /// The client's User-Agent, as far as it said.
    pub user_agent: String,
}

/// How a connection ended, in API Gateway's words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Closure {
    /// When.
    pub at: Timestamp,
    /// The WebSocket close code (RFC 6455, section 7.4).
    pub code: u16,
    /// The reason, as far as there is one.
    pub reason: String,
}

/// Who connected, when, from where, and how it ended.
pub trait ConnectionLog {
    /// Notes a connection; false when its ticket has admitted one before.
    fn open(&self, admission: &Admission, keep_until: Timestamp) -> impl Future<Output = Result<bool>> + Send;
    /// Notes its end.
    fn close(&self, user: UserId, ticket: TicketId, closure: &Closure) -> impl Future<Output = Result<()>> + Send;
    /// The user's connections since `from`.
    fn of_user(&self, user: UserId, from: Timestamp) -> impl Future<Output = Result<Vec<LoggedConnection>>> + Send;
}

/// A connection as the log has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoggedConnection {
    /// How it began.
    pub admission: Admission,
    /// How it ended, if it did.
    pub closure: Option<Closure>,
}

/// API Gateway ends every connection after 2 h; a little more covers clocks that differ.
/// <https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-execution-service-websocket-limits-table.html>
pub(crate) const LONGEST_CONNECTION: std::time::Duration = std::time::Duration::from_secs(2 * 3600 + 300);

/// Takes the user's live connections away whose login `revoked` names: their seats are freed, the others are told, and they
/// are closed. The first error is returned after every connection had its turn.
pub async fn evict(
    store: &(impl ConnectionLog + Rosters + Members + Seats + Sync),
    sockets: &(impl Sockets + Sync),
    wire: &dyn Wire,
    context: Context<'_>,
    user: UserId,
    revoked: impl Fn(FamilyId) -> bool,
) -> Result<()> {
    let logged = store.of_user(user, context.now.minus(LONGEST_CONNECTION)).await?;
    let live = logged.into_iter().filter(|c| c.closure.is_none() && revoked(c.admission.family));
    let evictions = live.map(|c| async move {
        let Admission { session, connection, .. } = c.admission;
        if let Some(participant) = store.member(session, user).await?.filter(|p| p.is_on(&connection)) {
            let (guard, reason) = (Guard::SameAttempt, Departure::Removed);
            presence::depart(store, sockets, wire, context, &participant, guard, reason).await?;
        }
        sockets.close(&connection).await
    });
    join_all(evictions).await.into_iter().collect()
}
