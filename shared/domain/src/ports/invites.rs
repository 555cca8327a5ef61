//! What invitations need: storage, and what makes codes and guests.

use crate::{Identity, Invite, InviteId, Result, SessionId, Timestamp, UserId};

/// What invitations need from storage.
pub trait Invites {
    /// Keeps a new invitation until its end.
    fn add_invite(&self, invite: &Invite) -> impl Future<Output = Result<()>> + Send;
    /// An invitation that is good at `now`; strongly consistent.
    fn invite(
        &self,
        session: SessionId,
        id: &InviteId,
        now: Timestamp,
    ) -> impl Future<Output = Result<Option<Invite>>> + Send;
    /// All invitations of a session that are good at `now`; strongly consistent.
    fn invites(&self, session: SessionId, now: Timestamp) -> impl Future<Output = Result<Vec<Invite>>> + Send;
    /// Forgets an invitation.
    fn remove_invite(&self, session: SessionId, id: &InviteId) -> impl Future<Output = Result<()>> + Send;
    /// Forgets every invitation of a session.
    fn remove_invites(&self, session: SessionId) -> impl Future<Output = Result<()>> + Send;
}

/// A code as somebody presents it, split into what it names and what proves it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PresentedInvite {
    /// Where it leads.
    pub session: SessionId,
    /// The hash of its secret.
    pub id: InviteId,
}

/// A new invitation: the code for its link, the hash for the table.
pub struct MintedInvite {
    /// What the table keeps.
    pub id: InviteId,
    /// What the link carries; shown once.
    pub code: String,
}

/// A new guest.
pub struct MintedGuest {
    /// What says by which link they came.
    pub identity: Identity,
    /// The user that it stands for.
    pub user_id: UserId,
}

/// Makes codes and guests.
pub trait GuestMint {
    /// A new code.
    fn mint_invite(&self, session: SessionId) -> MintedInvite;
    /// A new guest who comes by that invitation.
    fn mint_guest(&self, invite: &InviteId) -> MintedGuest;
}
