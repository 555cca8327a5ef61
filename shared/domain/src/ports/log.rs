//! Who connected, when, from where, and how it ended.

use crate::{ConnectionId, FamilyId, MessageId, Result, SessionId, SignalId, TicketId, Timestamp, UserId};

/// Who connected, when, from where, and how it ended.
pub trait ConnectionLog {
    /// Notes a connection; false when its ticket has admitted one before.
    fn open(&self, admission: &Admission, keep_until: Timestamp) -> impl Future<Output = Result<bool>> + Send;
    /// Notes its end; the session that it is for, where there is one.
    fn close(
        &self,
        user: UserId,
        ticket: TicketId,
        closure: &Closure,
    ) -> impl Future<Output = Result<Option<SessionId>>> + Send;
    /// Whether the end of the connection that a ticket admitted was noted; strongly consistent.
    fn is_closed(&self, user: UserId, ticket: TicketId) -> impl Future<Output = Result<bool>> + Send;
    /// Forgets a connection that was noted and then refused.
    fn forget(&self, user: UserId, ticket: TicketId) -> impl Future<Output = Result<()>> + Send;
    /// The user's connections since `from`.
    fn of_user(&self, user: UserId, from: Timestamp) -> impl Future<Output = Result<Vec<LoggedConnection>>> + Send;
}

/// Where connections of the hub are. Nothing that they present says it, so it is noted in the log, for as long as they live.
pub trait Places {
    /// What is noted of a connection; strongly consistent when it has to be certain. Nothing for one that has ended.
    fn place(
        &self,
        user: UserId,
        ticket: TicketId,
        certain: bool,
    ) -> impl Future<Output = Result<Option<Place>>> + Send;
    /// Notes the session that a connection joins from `now` on, and as which attempt, or that it is in none any more, and forgets
    /// what it was told.
    /// `NotJoined` for one that has ended.
    fn set_place(
        &self,
        user: UserId,
        ticket: TicketId,
        joins: Option<(SessionId, u64)>,
        now: Timestamp,
    ) -> impl Future<Output = Result<()>> + Send;
    /// Notes how far a connection was told what it missed in the session that it joins. `NotJoined` for one that has ended.
    fn set_told(&self, user: UserId, ticket: TicketId, told: Told) -> impl Future<Output = Result<()>> + Send;
    /// Keeps the beginning of a record whose end comes with the next frame, or nothing any more, unless that was changed meanwhile
    /// from what is `known`; then it is false.
    fn set_rest(
        &self,
        user: UserId,
        ticket: TicketId,
        known: Option<&str>,
        rest: Option<&str>,
    ) -> impl Future<Output = Result<bool>> + Send;
}

/// Where a connection of the hub is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Place {
    /// The session that it has joined, or joins.
    pub session: Option<SessionId>,
    /// Since when that is noted.
    pub since: Option<Timestamp>,
    /// The number of its attempt.
    pub attempt: Option<u64>,
    /// How far it was told what it missed, if that was too much for one look.
    pub told: Option<Told>,
    /// The beginning of a record whose end has not come yet.
    pub rest: Option<String>,
}

/// What a connection that is told what it missed hears of next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Told {
    /// The first signal that it was not told.
    pub signals: SignalId,
    /// The first chat message that it was not told.
    pub messages: MessageId,
    /// The first caption that it was not told.
    pub captions: MessageId,
}

impl Told {
    /// Of one that has heard everything until `from`; of what was said to everybody nothing concerns it before it joined.
    pub fn until(from: Timestamp, joined_at: Timestamp) -> Self {
        let said = MessageId::first_at(from.max(joined_at));
        Self { signals: SignalId::first_at(from), messages: said, captions: said }
    }
}

/// A connection that a ticket or a token admitted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Admission {
    /// The ticket; it admits one connection. One of the hub that came with a token is given a name of that kind.
    pub ticket: TicketId,
    /// Whose it is.
    pub user: UserId,
    /// The session it is for; one of the hub is in none until it joins.
    pub session: Option<SessionId>,
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
