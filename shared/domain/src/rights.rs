//! What a participant may do: a role, and the permissions that come with it or were changed for one person.

use crate::{Error, Result};

/// A participant's part in a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Steers the session. Its creator always is one.
    Host,
    /// Steers the session too, but neither makes nor unmakes hosts and cohosts.
    Cohost,
    /// Takes part.
    Participant,
    /// Looks on, and may write.
    Viewer,
}

impl Role {
    /// Each of them.
    pub const ALL: [Self; 4] = [Self::Host, Self::Cohost, Self::Participant, Self::Viewer];

    /// As clients write it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Host => "host",
            Self::Cohost => "cohost",
            Self::Participant => "participant",
            Self::Viewer => "viewer",
        }
    }

    /// What comes with it.
    pub const fn permissions(self) -> Permissions {
        const EVERYTHING: Permissions = Permissions(0b111_1111);
        match self {
            Self::Host | Self::Cohost => EVERYTHING,
            Self::Participant => EVERYTHING.without(Permission::Moderate),
            Self::Viewer => Permissions(0).plus(Permission::Chat).plus(Permission::UpdateOwnAttributes),
        }
    }
}

/// One thing that a participant may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Permission {
    /// Sending sound.
    PublishAudio,
    /// Sending a camera's picture.
    PublishVideo,
    /// Sending a screen's picture.
    PublishScreen,
    /// Writing chat messages.
    Chat,
    /// Sending data, and calling procedures of others.
    Data,
    /// Changing the own attributes.
    UpdateOwnAttributes,
    /// Steering the session and its participants.
    Moderate,
}

impl Permission {
    /// Each of them. Their order is that of the bits in which they are kept.
    pub const ALL: [Self; 7] = [
        Self::PublishAudio,
        Self::PublishVideo,
        Self::PublishScreen,
        Self::Chat,
        Self::Data,
        Self::UpdateOwnAttributes,
        Self::Moderate,
    ];

    /// As clients write it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::PublishAudio => "publishAudio",
            Self::PublishVideo => "publishVideo",
            Self::PublishScreen => "publishScreen",
            Self::Chat => "chat",
            Self::Data => "data",
            Self::UpdateOwnAttributes => "updateOwnAttributes",
            Self::Moderate => "moderate",
        }
    }

    const fn bit(self) -> u8 {
        1 << self as u8
    }
}

/// A set of permissions.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Permissions(u8);

impl Permissions {
    /// Whether it is among them.
    pub const fn has(self, one: Permission) -> bool {
        self.0 & one.bit() != 0
    }

    /// These and that one.
    #[must_use]
    pub const fn plus(self, one: Permission) -> Self {
        Self(self.0 | one.bit())
    }

    /// These but that one.
    #[must_use]
    pub const fn without(self, one: Permission) -> Self {
        Self(self.0 & !one.bit())
    }
}

/// A role and permissions, as they are for one participant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rights {
    /// The role.
    pub role: Role,
    /// What it allows, or what was decided instead.
    pub permissions: Permissions,
}

/// Whoever joins takes part.
impl Default for Rights {
    fn default() -> Self {
        Self::of(Role::Participant)
    }
}

impl Rights {
    /// Those of a role.
    pub const fn of(role: Role) -> Self {
        Self { role, permissions: role.permissions() }
    }

    /// As one small number: the permissions in the lower seven bits, the role above them.
    pub const fn bits(self) -> u16 {
        (self.role as u16) << 7 | self.permissions.0 as u16
    }

    /// From that number; `None` for one that stands for nothing.
    pub fn from_bits(bits: u16) -> Option<Self> {
        let role = *Role::ALL.get(usize::from(bits >> 7))?;
        let permissions = Permissions(u8::try_from(bits & 0b111_1111).ok()?);
        Some(Self { role, permissions })
    }

    /// Whether they steer the session.
    pub fn moderates(self) -> bool {
        self.permissions.has(Permission::Moderate)
    }

    /// Whether the permissions are those of the role.
    pub fn are_usual(self) -> bool {
        self.permissions == self.role.permissions()
    }

    /// Refuses what is not allowed.
    ///
    /// # Errors
    /// `NotPermitted`, which names the permission.
    pub fn require(self, one: Permission) -> Result<()> {
        self.permissions.has(one).then_some(()).ok_or(Error::NotPermitted { permission: one.name() })
    }

    /// What is left to somebody who was removed and comes back: whoever steered the session does not any more, and what was
    /// taken away stays away.
    #[must_use]
    pub fn after_removal(self) -> Self {
        if self.moderates() || matches!(self.role, Role::Host | Role::Cohost) { Self::default() } else { self }
    }
}

/// What is to be changed about somebody's rights.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RightsChange {
    /// Another role, with its permissions.
    pub role: Option<Role>,
    /// Single permissions, and whether they are given.
    pub permissions: Vec<(Permission, bool)>,
}

impl RightsChange {
    /// The rights after the change.
    pub fn applied_to(&self, before: Rights) -> Rights {
        let start = self.role.map_or(before, Rights::of);
        let permissions = self.permissions.iter().fold(start.permissions, |permissions, (one, given)| match given {
            true => permissions.plus(*one),
            false => permissions.without(*one),
        });
        Rights { permissions, ..start }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rights_survive_their_number() {
        for role in Role::ALL {
            for bits in 0..128u8 {
                let rights = Rights { role, permissions: Permissions(bits) };
                assert_eq!(Rights::from_bits(rights.bits()), Some(rights));
            }
        }
        assert_eq!(Rights::from_bits(4 << 7), None);
    }

    #[test]
    fn each_role_has_its_permissions() {
        let of = |role: Role| Permission::ALL.map(|one| role.permissions().has(one));
        assert_eq!(of(Role::Host), [true; 7]);
        assert_eq!(of(Role::Cohost), [true; 7]);
        assert_eq!(of(Role::Participant), [true, true, true, true, true, true, false]);
        assert_eq!(of(Role::Viewer), [false, false, false, true, false, true, false]);
    }

    #[test]
    fn a_new_role_brings_its_permissions_and_single_ones_go_before_them() {
        let change = RightsChange { role: Some(Role::Viewer), permissions: vec![(Permission::PublishAudio, true)] };
        let rights = change.applied_to(Rights::of(Role::Cohost));
        assert_eq!(rights.role, Role::Viewer);
        assert!(rights.permissions.has(Permission::PublishAudio) && !rights.permissions.has(Permission::PublishVideo));
        let withdrawn = RightsChange { role: None, permissions: vec![(Permission::Chat, false)] };
        let without_chat = withdrawn.applied_to(rights);
        assert!(
            !without_chat.permissions.has(Permission::Chat) && without_chat.permissions.has(Permission::PublishAudio)
        );
    }

    #[test]
    fn what_is_missing_is_named() {
        let refused = Rights::of(Role::Viewer).require(Permission::Data).unwrap_err();
        assert_eq!((refused.code(), refused.to_string()), ("forbidden", "the permission `data` is missing".to_owned()));
    }

    #[test]
    fn whoever_is_removed_steers_no_more_and_gets_nothing_back() {
        assert_eq!(Rights::of(Role::Cohost).after_removal(), Rights::default());
        let silenced = Rights { permissions: Permissions(0), ..Rights::of(Role::Viewer) };
        assert_eq!(silenced.after_removal(), silenced);
    }
}
