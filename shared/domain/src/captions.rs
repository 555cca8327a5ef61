//! Captions: what somebody says, as their own client wrote it down. A final one is sent as a chat message is ([`crate::chat::send`]).

use std::time::Duration;

use futures_util::stream::{self, StreamExt};

use crate::delivery::PUSHES_AT_ONCE;
use crate::ports::{ChatHistory, ChatMessage, Counted, Members, Ports, Rosters, Sockets, Spoken, Throttles};
use crate::{
    Caller, Context, Error, Event, FieldError, MessageId, Participant, Permission, Result, Roster, SessionId,
    Timestamp, UserId,
};

/// What began longer ago than this is no caption any more.
const LONGEST: Duration = Duration::from_secs(10 * 60);
/// So much may a client's clock be ahead.
const AHEAD: Duration = Duration::from_secs(60);

impl Spoken {
    /// With its beginning checked against the server's clock.
    ///
    /// # Errors
    /// `InvalidFrame`, which names `startedAt`.
    pub fn new(language: String, began: Timestamp, now: Timestamp) -> Result<Self> {
        let fits = now.minus(LONGEST) <= began && began <= now + AHEAD;
        let reason = "must be at most 10 minutes ago and 1 minute ahead";
        let refused = || Error::InvalidFrame(vec![FieldError::new("startedAt", reason)]);
        fits.then_some(Self { language, began }).ok_or_else(refused)
    }
}

/// Shows everybody what somebody is saying and has not ended yet. It is kept nowhere, and whom it does not reach gets what comes next:
/// a sentence that goes on is said again, longer, within a second.
///
/// # Errors
/// `NotJoined` when the speaker holds no seat any more, `SessionEnded` when the session is over.
pub async fn show(
    ports: Ports<'_, impl Rosters + Sync, impl Sockets + Sync, impl Sync>,
    said: &ChatMessage,
    spoken: &Spoken,
) -> Result<()> {
    let Ports { store, context, sockets, .. } = ports;
    let roster = store.roster(said.session, context.now).await?;
    let roster = roster.filter(|roster: &Roster| roster.session.is_active()).ok_or(Error::SessionEnded)?;
    roster.seated(said.from).ok_or(Error::NotJoined)?;
    let frame = ports.encoder.encode(&Event::ReceiveCaption { said, spoken, is_final: false }, context.now);
    let frame = &frame;
    let pushes = roster.connected(context.now).into_iter().map(|(_, to)| async move { sockets.push(&to, frame).await });
    stream::iter(pushes).buffer_unordered(PUSHES_AT_ONCE).for_each(|_| std::future::ready(())).await;
    Ok(())
}

/// Whether somebody may have Amazon Transcribe write down what they say: who has a seat and may send sound, and does not ask for
/// more lines than anybody speaks.
///
/// # Errors
/// `NotInSession` without a seat, `NotPermitted` without the permission, `RateLimited`.
pub async fn may_transcribe(
    store: &(impl Members + Throttles + Sync),
    context: Context<'_>,
    user: UserId,
    session: SessionId,
) -> Result<()> {
    let member = store.member(session, user).await?.filter(Participant::holds_seat).ok_or(Error::NotInSession)?;
    member.rights.require(Permission::PublishAudio)?;
    store.hit(&Counted::TranscribeLinesOf(user), context.policy.transcribe_lines_per_user, context.now).await
}

/// One page of what was said, oldest first, for those who may read the chat.
///
/// # Errors
/// As [`crate::chat::history`].
pub async fn transcript(
    store: &(impl ChatHistory + Members + Rosters + Sync),
    context: Context<'_>,
    caller: &Caller,
    session: SessionId,
    limit: usize,
    after: Option<MessageId>,
) -> Result<Vec<ChatMessage>> {
    crate::chat::require_ear(store, context, caller, session).await?;
    store.transcript(session, limit, after, context.now).await
}
