//! Chat: one write, one read of the roster, pushes to everybody at the same time.

use crate::accounts::Context;
use crate::connections::{self, Sockets};
use crate::presence::Members;
use crate::sessions::Rosters;
use crate::{Error, Event, MessageId, Result, SessionId, Timestamp, UserId, Username, Wire};

/// A chat message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChatMessage {
    /// Its identifier, which also tells when it was sent.
    pub id: MessageId,
    /// The session.
    pub session: SessionId,
    /// Who wrote it.
    pub from: UserId,
    /// The writer's name.
    pub username: Username,
    /// The text, 1-4096 characters.
    pub text: String,
}

impl ChatMessage {
    /// The event that carries it.
    pub fn event(&self) -> Event<'_> {
        Event::ReceiveMessage { id: self.id, from: self.from, username: &self.username, text: &self.text }
    }
}

/// The chat of a session.
pub trait ChatLog {
    /// Keeps a message until `keep_until`.
    fn append(&self, message: &ChatMessage, keep_until: Timestamp) -> impl Future<Output = Result<()>> + Send;
    /// Every message from that identifier on that is not expired, oldest first; strongly consistent.
    fn messages_since(
        &self,
        session: SessionId,
        from: MessageId,
        now: Timestamp,
    ) -> impl Future<Output = Result<Vec<ChatMessage>>> + Send;
}

/// Reads the chat page by page.
pub trait ChatHistory {
    /// Up to `limit` messages that are not expired, newest first, older than `before`.
    fn history(
        &self,
        session: SessionId,
        limit: usize,
        before: Option<MessageId>,
        now: Timestamp,
    ) -> impl Future<Output = Result<Vec<ChatMessage>>> + Send;
}

/// Sends a message to everybody in the session, its writer too. The roster is read after the write and strongly
/// consistent: whoever resumes too late to be seen there reads the message themselves.
pub async fn send(
    store: &(impl ChatLog + Rosters + Members + Sync),
    sockets: &(impl Sockets + Sync),
    wire: &dyn Wire,
    context: Context<'_>,
    message: &ChatMessage,
) -> Result<()> {
    store.append(message, context.now + context.policy.history).await?;
    let roster = store.roster(message.session, context.now).await?.ok_or(Error::SessionEnded)?;
    let frame = wire.encode(&message.event(), message.id.timestamp());
    connections::broadcast(store, sockets, message.session, roster.connected(context.now), &frame).await
}

/// One page of the chat, for participants; those of an ended session may still read.
pub async fn history(
    store: &(impl ChatHistory + Rosters + Sync),
    context: Context<'_>,
    caller: UserId,
    session: SessionId,
    limit: usize,
    before: Option<MessageId>,
) -> Result<Vec<ChatMessage>> {
    let roster = store.roster(session, context.now).await?.ok_or(Error::SessionNotFound)?;
    let takes_part = roster.participants.iter().any(|p| p.user_id == caller && p.takes_part());
    takes_part.then_some(()).ok_or(Error::NotInSession)?;
    store.history(session, limit, before, context.now).await
}
