//! What a guest's link counts for elsewhere: at a join, and at a ban.

use crate::ports::{Invites, Members};
use crate::{Context, Identity, Person, Result, Roster, SessionId, UserId};

/// That a guest's link is still good, or that they have a seat: those keep it. Everybody else is nobody's guest.
///
/// # Errors
/// `TokenRevoked`
pub(crate) async fn require_invited(
    store: &(impl Invites + Members + Sync),
    context: Context<'_>,
    person: &Person,
    session: SessionId,
) -> Result<()> {
    let Some(invite) = person.invite() else { return Ok(()) };
    if store.invite(session, &invite, context.now).await?.is_some() {
        return Ok(());
    }
    let seated = store.member(session, person.user_id).await?.is_some_and(|member| member.holds_seat());
    seated.then_some(()).ok_or_else(|| person.gone())
}

/// Takes the link back by which somebody came who is here, or was a moment ago: whoever has it could come again as somebody else.
pub(crate) async fn revoke_link_of(store: &(impl Invites + Sync), roster: &Roster, guest: UserId) -> Result<()> {
    let here = roster.participants.iter().chain(&roster.departed).map(|p| (p.user_id, &p.identity));
    let all = here.chain(roster.waiting.iter().map(|knock| (knock.user_id, &knock.identity)));
    let identity = all.into_iter().find(|(user, _)| *user == guest).and_then(|(_, identity)| identity.as_ref());
    match identity.filter(|_| roster.session.project.is_default()).and_then(Identity::invite) {
        Some(invite) => store.remove_invite(roster.session.id, &invite).await,
        None => Ok(()),
    }
}
