//! Invitations: links by which whoever hosts a session of accounts lets people in who have none.
//!
//! A link carries a code, and what is kept goes by the code's hash. Whoever redeems it is a guest: they have a user of their own, like an
//! app's, in that one session, and their identity says by which link they came. The link decides who takes a seat; whoever has one
//! keeps it when the link ends.

use std::time::Duration;

use crate::moderation::{Actor, require_host};
use crate::ports::{Counted, GuestMint, Invites, MintedGuest, MintedInvite, PresentedInvite, Rosters, Throttles};
use crate::sessions::active_roster;
use crate::{
    Caller, Context, Error, Identity, Invite, InviteId, NewInvite, Result, Roster, Session, SessionId, UserId, Username,
};

/// So many invitations of a session are good at the same time.
pub const MOST_INVITES: usize = 50;
/// How long an invitation is good where nothing is said.
pub const USUAL_LIFE: Duration = Duration::from_secs(24 * 60 * 60);

/// An invitation, and where it leads.
#[derive(Debug)]
pub struct Invitation {
    /// The link.
    pub invite: Invite,
    /// Where it leads.
    pub session: Session,
}

/// Somebody who comes by a link.
#[derive(Debug)]
pub struct Guest {
    /// Who they are from now on.
    pub user_id: UserId,
    /// The same, as it stands in rosters.
    pub identity: Identity,
    /// What others see.
    pub username: Username,
    /// By what they came.
    pub invitation: Invitation,
}

/// Makes an invitation, and the code that its link carries.
///
/// # Errors
/// As [`require_inviter`]; `TooManyInvites` where as many are good as may be. Two that are made at the same moment may both be the
/// last one.
pub async fn create(
    store: &(impl Invites + Rosters + Sync),
    mint: &impl GuestMint,
    context: Context<'_>,
    caller: &Caller,
    session: SessionId,
    new: NewInvite,
) -> Result<(Invite, String)> {
    require_inviter(store, context, caller, session).await?;
    if store.invites(session, context.now).await?.len() >= MOST_INVITES {
        return Err(Error::TooManyInvites { limit: MOST_INVITES });
    }
    let MintedInvite { id, code } = mint.mint_invite(session);
    let expires_at = (context.now + new.life).rounded_up(Duration::from_secs(1));
    let invite = Invite { id, session, role: new.role, created_at: context.now, expires_at };
    store.add_invite(&invite).await?;
    Ok((invite, code))
}

/// The invitations of a session that are good, the oldest first. Nobody learns their codes any more.
///
/// # Errors
/// As [`require_inviter`].
pub async fn all(
    store: &(impl Invites + Rosters + Sync),
    context: Context<'_>,
    caller: &Caller,
    session: SessionId,
) -> Result<Vec<Invite>> {
    require_inviter(store, context, caller, session).await?;
    let mut all = store.invites(session, context.now).await?;
    all.sort_by(|one, other| (one.created_at, &one.id).cmp(&(other.created_at, &other.id)));
    Ok(all)
}

/// Takes an invitation back, or all of a session: nobody takes a seat by it any more. Whoever has one keeps it. One that is not there is as good
/// as taken back.
///
/// # Errors
/// As [`require_inviter`].
pub async fn revoke(
    store: &(impl Invites + Rosters + Sync),
    context: Context<'_>,
    caller: &Caller,
    session: SessionId,
    only: Option<&InviteId>,
) -> Result<()> {
    require_inviter(store, context, caller, session).await?;
    match only {
        Some(invite) => store.remove_invite(session, invite).await,
        None => store.remove_invites(session).await,
    }
}

/// That somebody may invite: a host, into a session of accounts.
///
/// # Errors
/// `SessionNotFound`, `SessionEnded`, `NotPermitted` and the like for whoever is no host, `Forbidden` in an app's session.
async fn require_inviter(
    store: &(impl Rosters + Sync),
    context: Context<'_>,
    caller: &Caller,
    session: SessionId,
) -> Result<()> {
    let roster = active_roster(store, session, context.now).await?;
    require_host(store, context, &roster, Actor::Caller(caller)).await?;
    let of_accounts = roster.session.project.is_default();
    of_accounts.then_some(()).ok_or_else(|| Error::forbidden("an app mints join tokens for its guests"))
}

/// Where a code leads. Each look is counted by the network that it comes from, also one for nothing.
///
/// # Errors
/// `RateLimited`; `InviteNotFound` for what never was a code, has ended or was taken back; `SessionEnded`.
pub async fn look_up(
    store: &(impl Invites + Rosters + Throttles + Sync),
    context: Context<'_>,
    presented: Option<&PresentedInvite>,
    address: String,
) -> Result<Invitation> {
    let counted = Counted::InvitesOfAddress(address);
    store.hit(&counted, context.policy.invites_per_address, context.now).await?;
    let PresentedInvite { session, id } = presented.ok_or(Error::InviteNotFound)?;
    let invite = store.invite(*session, id, context.now).await?.ok_or(Error::InviteNotFound)?;
    match active_roster(store, *session, context.now).await {
        Ok(Roster { session, .. }) => Ok(Invitation { invite, session }),
        Err(Error::SessionNotFound) => Err(Error::InviteNotFound),
        Err(error) => Err(error),
    }
}

/// Makes a guest of whoever has a code. Nothing is kept of them before they join.
///
/// # Errors
/// As [`look_up`].
pub async fn redeem(
    store: &(impl Invites + Rosters + Throttles + Sync),
    mint: &impl GuestMint,
    context: Context<'_>,
    presented: Option<&PresentedInvite>,
    name: &Username,
    address: String,
) -> Result<Guest> {
    let invitation = look_up(store, context, presented, address).await?;
    let MintedGuest { identity, user_id } = mint.mint_guest(&invitation.invite.id);
    Ok(Guest { user_id, identity, username: Username::of_guest(name), invitation })
}
