//! What is said to everybody: one write, one read of the roster, pushes to everybody at the same time.

use crate::delivery::{broadcast, hold_back};
use crate::ports::{ChatHistory, ChatLog, ChatMessage, Delays, Inbox, Log, Members, Ports, Rosters, Sockets};
use crate::{Caller, Context, Error, KeyGrant, MessageId, Participant, Result, SessionId};

/// Sends a chat message, or a caption that is final, to everybody in the session, its writer too. The roster is read after the write and strongly
/// consistent: whoever resumes too late to be seen there reads the message themselves. A message sent again goes to everybody
/// again, as the same one: the first try may have died before it did.
///
/// A frame may still be on its way when its writer is removed, or the account deleted. Whoever removes somebody does that
/// first and looks for what they wrote then; here the message comes first and the look at its writer then. So one of the
/// two sees the other, and nothing is kept of somebody who is gone.
///
/// # Errors
/// `NotJoined` when the writer holds no seat any more, `SessionEnded` when the session is over; the message is taken back.
pub async fn send(
    ports: Ports<'_, impl ChatLog + Rosters + Members + Inbox + Sync, impl Sockets + Sync, impl Delays + Sync>,
    message: &ChatMessage,
) -> Result<MessageId> {
    let Ports { store, context, .. } = ports;
    let new = message.id;
    let message = store.append(message, context.now + context.policy.history).await?;
    let roster = match store.roster(message.session, context.now).await? {
        Some(roster) if roster.seated(message.from).is_some() => roster,
        roster => {
            // One that was sent before is left: it may have been acknowledged.
            if message.id == new {
                store.take_back_message(&message).await?;
            }
            let goes_on = roster.is_some_and(|roster| roster.session.is_active());
            return Err(if goes_on { Error::NotJoined } else { Error::SessionEnded });
        }
    };
    // Before anybody hears of it and it is acknowledged: a client that has no answer sends it again.
    if roster.session.controls.tells_messages && message.log() == Log::Chat {
        store.tell_of(&message, context.now).await?;
    }
    let frame = ports.encoder.encode(&message.event(), message.id.timestamp());
    let waiting = message.waiting();
    broadcast(ports, message.session, roster.connected(context.now), &frame, Some(waiting)).await?;
    hold_back(ports, message.session, roster.catching_up(context.now), &frame, waiting).await?;
    Ok(message.id)
}

/// One page of the chat, for participants, those of an ended session too; and for whoever may act as a host by a token or key.
pub async fn history(
    store: &(impl ChatHistory + Members + Rosters + Sync),
    context: Context<'_>,
    caller: &Caller,
    session: SessionId,
    limit: usize,
    before: Option<MessageId>,
) -> Result<Vec<ChatMessage>> {
    require_ear(store, context, caller, session).await?;
    store.history(session, limit, before, context.now).await
}

/// Whoever may read what was said in a session: its participants, and whoever may act as a host by a token or key.
pub(crate) async fn require_ear(
    store: &(impl Members + Rosters + Sync),
    context: Context<'_>,
    caller: &Caller,
    session: SessionId,
) -> Result<()> {
    if let Caller::Account(person) | Caller::Participant(person) = caller {
        let member = store.member(session, person.user_id).await?;
        if member.is_some_and(|member: Participant| member.takes_part()) {
            return Ok(());
        }
    }
    let roster = store.roster(session, context.now).await?.ok_or(Error::SessionNotFound)?;
    caller.require_sight(&roster.session)?;
    match caller {
        Caller::Account(_) => Err(Error::NotInSession),
        Caller::Participant(_) | Caller::Backend(_) if caller.hosts(&roster.session) => Ok(()),
        Caller::Participant(_) => Err(Error::NotInSession),
        Caller::Backend(_) => Err(Error::missing_grant(KeyGrant::Admin.name())),
    }
}
