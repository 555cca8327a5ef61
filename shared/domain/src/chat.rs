//! Chat: one write, one read of the roster, pushes to everybody at the same time.

use crate::delivery::broadcast;
use crate::ports::{ChatHistory, ChatLog, ChatMessage, Delays, Inbox, Members, Ports, Rosters, Sockets, Waiting};
use crate::{Context, Error, MessageId, Participant, Result, SessionId, UserId};

/// Sends a message to everybody in the session, its writer too. The roster is read after the write and strongly
/// consistent: whoever resumes too late to be seen there reads the message themselves. A message sent again goes to everybody
/// again, as the same one: the first try may have died before it did.
pub async fn send(
    ports: Ports<'_, impl ChatLog + Rosters + Members + Inbox + Sync, impl Sockets + Sync, impl Delays + Sync>,
    message: &ChatMessage,
) -> Result<MessageId> {
    let Ports { store, context, .. } = ports;
    let message = store.append(message, context.now + context.policy.history).await?;
    let roster = store.roster(message.session, context.now).await?.ok_or(Error::SessionEnded)?;
    let frame = ports.encoder.encode(&message.event(), message.id.timestamp());
    let kept = Some(Waiting::Message(message.id));
    broadcast(ports, message.session, roster.connected(context.now), &frame, kept).await?;
    Ok(message.id)
}

/// One page of the chat, for participants; those of an ended session may still read.
pub async fn history(
    store: &(impl ChatHistory + Members + Rosters + Sync),
    context: Context<'_>,
    caller: UserId,
    session: SessionId,
    limit: usize,
    before: Option<MessageId>,
) -> Result<Vec<ChatMessage>> {
    let member = store.member(session, caller).await?;
    if member.is_some_and(|member: Participant| member.takes_part()) {
        return store.history(session, limit, before, context.now).await;
    }
    match store.roster(session, context.now).await? {
        Some(_) => Err(Error::NotInSession),
        None => Err(Error::SessionNotFound),
    }
}
