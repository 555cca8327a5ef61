//! Links that let guests in, and what guests may do.

use std::time::Duration;

use crate::{Rights, Role, SessionId, Timestamp};

/// An invitation's identifier, the hash of its code: 22 characters of base64url.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct InviteId(String);

impl InviteId {
    /// Its length in characters: 128 bits.
    pub const LENGTH: usize = 22;

    /// Parses.
    pub fn parse(text: &str) -> Option<Self> {
        let fits = text.len() == Self::LENGTH && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b));
        fits.then(|| Self(text.to_owned()))
    }

    /// As text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What a guest may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GuestRole {
    /// Takes part.
    Participant,
    /// Looks on, and may write.
    Viewer,
}

impl GuestRole {
    /// As clients write it.
    pub const fn name(self) -> &'static str {
        self.role().name()
    }

    /// The role that is spelt so.
    pub fn named(name: &str) -> Option<Self> {
        [Self::Participant, Self::Viewer].into_iter().find(|role| role.name() == name)
    }

    const fn role(self) -> Role {
        match self {
            Self::Participant => Role::Participant,
            Self::Viewer => Role::Viewer,
        }
    }

    /// What comes with it.
    pub const fn rights(self) -> Rights {
        Rights::of(self.role())
    }
}

/// A link that lets guests in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invite {
    /// Its identifier.
    pub id: InviteId,
    /// Where it leads.
    pub session: SessionId,
    /// What whoever comes by it may do.
    pub role: GuestRole,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it ends, in whole seconds.
    pub expires_at: Timestamp,
}

/// What a new invitation is to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NewInvite {
    /// What whoever comes by it may do.
    pub role: GuestRole,
    /// How long it is good.
    pub life: Duration,
}
