//! Who connected, when, from where, and how it ended.

use crate::{ConnectionId, FamilyId, Result, SessionId, TicketId, Timestamp, UserId};

/// Who connected, when, from where, and how it ended.
pub trait ConnectionLog {
    /// Notes a connection; false when its ticket has admitted one before.
    fn open(&self, admission: &Admission, keep_until: Timestamp) -> impl Future<Output = Result<bool>> + Send;
    /// Notes its end.
    fn close(&self, user: UserId, ticket: TicketId, closure: &Closure) -> impl Future<Output = Result<()>> + Send;
    /// Whether the end of the connection that a ticket admitted was noted; strongly consistent.
    fn is_closed(&self, user: UserId, ticket: TicketId) -> impl Future<Output = Result<bool>> + Send;
    /// Forgets a connection that was noted and then refused.
    fn forget(&self, user: UserId, ticket: TicketId) -> impl Future<Output = Result<()>> + Send;
    /// The user's connections since `from`.
    fn of_user(&self, user: UserId, from: Timestamp) -> impl Future<Output = Result<Vec<LoggedConnection>>> + Send;
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

/// A connection as the log has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoggedConnection {
    /// How it began.
    pub admission: Admission,
    /// How it ended, if it did.
    pub closure: Option<Closure>,
}
