//! Chat: one write, one read of the roster, pushes to everybody at the same time.

use crate::ports::{ChatHistory, ChatLog, ChatMessage, Members, Ports, Rosters, Sockets};
use crate::{Context, Error, MessageId, Result, SessionId, UserId, delivery};

/// Sends a message to everybody in the session, its writer too. The roster is read after the write and strongly
/// consistent: whoever resumes too late to be seen there reads the message themselves. A message sent again goes to everybody
/// again, as the same one: the first try may have died before it did.
pub async fn send(
    ports: Ports<'_, impl ChatLog + Rosters + Members + Sync, impl Sockets + Sync, impl Sync>,
    message: &ChatMessage,
) -> Result<MessageId> {
    let Ports { store, context, .. } = ports;
    let message = store.append(message, context.now + context.policy.history).await?;
    let roster = store.roster(message.session, context.now).await?.ok_or(Error::SessionEnded)?;
    let frame = ports.encoder.encode(&message.event(), message.id.timestamp());
    delivery::broadcast(ports, message.session, roster.connected(context.now), &frame).await?;
    Ok(message.id)
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
