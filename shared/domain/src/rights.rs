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
        let everything = Permissions(EVERYTHING);
        match self {
            Self::Host | Self::Cohost => everything,
            Self::Participant => everything.without(Permission::Moderate),
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

/// The bits of every permission.
const EVERYTHING: u8 = 0b111_1111;

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

    /// These, but those of `others` where `which` says so.
    const fn replaced(self, which: Self, others: Self) -> Self {
        Self(self.0 & !which.0 | others.0 & which.0)
    }
}

/// What of somebody's rights was decided by hand. The rest is as their access gives it, and follows each later one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Decided {
    /// Whether the role was.
    pub role: bool,
    /// Which permissions were given or withdrawn.
    pub permissions: Permissions,
}

impl Decided {
    /// Everything, as by a new role.
    const ALL: Self = Self { role: true, permissions: Permissions(EVERYTHING) };
}

/// A role and permissions, as they are for one participant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rights {
    /// The role.
    pub role: Role,
    /// What it allows, or what was decided instead.
    pub permissions: Permissions,
    /// What of both a host or the app decided.
    pub decided: Decided,
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
        let nothing = Decided { role: false, permissions: Permissions(0) };
        Self { role, permissions: role.permissions(), decided: nothing }
    }

    /// As one small number: the permissions in the lower seven bits, the role in two above them, then which permissions were
    /// decided, and whether the role was.
    pub const fn bits(self) -> u32 {
        let decided = (self.decided.role as u32) << 16 | (self.decided.permissions.0 as u32) << 9;
        decided | (self.role as u32) << 7 | self.permissions.0 as u32
    }

    /// From that number; `None` for one that stands for nothing.
    pub fn from_bits(bits: u32) -> Option<Self> {
        let permissions = |shift: u32| Permissions((bits >> shift) as u8 & EVERYTHING);
        let role = *Role::ALL.get((bits >> 7 & 0b11) as usize)?;
        let decided = Decided { role: bits >> 16 == 1, permissions: permissions(9) };
        (bits >> 17 == 0).then_some(Self { role, permissions: permissions(0), decided })
    }

    /// The rights after a join with an access that gives these: whatever was decided stays.
    #[must_use]
    pub fn renewed(self, given: Self) -> Self {
        Self {
            role: if self.decided.role { self.role } else { given.role },
            permissions: given.permissions.replaced(self.decided.permissions, self.permissions),
            decided: self.decided,
        }
    }

    /// Whether others see a difference.
    pub fn look_as(self, other: Self) -> bool {
        (self.role, self.permissions) == (other.role, other.permissions)
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

    /// What is left to somebody who was removed and comes back: whoever was made to steer the session does not any more, and what
    /// was taken away stays away. An access that gives `roomAdmin` gives it again.
    #[must_use]
    pub fn after_removal(self) -> Self {
        if !self.moderates() && !matches!(self.role, Role::Host | Role::Cohost) {
            return self;
        }
        let withdrawn = Permissions(self.decided.permissions.0 & !self.permissions.0);
        let usual = Self::default();
        Self {
            permissions: usual.permissions.replaced(withdrawn, Permissions(0)),
            decided: Decided { role: false, permissions: withdrawn },
            ..usual
        }
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
        let start = self.role.map_or(before, |role| Rights { decided: Decided::ALL, ..Rights::of(role) });
        self.permissions.iter().fold(start, |rights, (one, given)| {
            let Rights { permissions, decided, role } = rights;
            let permissions = if *given { permissions.plus(*one) } else { permissions.without(*one) };
            let decided = Decided { permissions: decided.permissions.plus(*one), ..decided };
            Rights { role, permissions, decided }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rights_survive_their_number() {
        for bits in 0..1 << 17 {
            assert_eq!(Rights::from_bits(bits).map(Rights::bits), Some(bits));
        }
        assert_eq!(Rights::from_bits(1 << 17), None);
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
        let cohost = RightsChange { role: Some(Role::Cohost), permissions: vec![(Permission::Chat, false)] };
        let removed = cohost.applied_to(Rights::default()).after_removal();
        assert!(!removed.moderates() && !removed.permissions.has(Permission::Chat));
        assert!(!removed.renewed(Rights::of(Role::Participant)).permissions.has(Permission::Chat));
        assert!(removed.renewed(Rights::of(Role::Host)).moderates(), "the role is the access's to give");
    }

    #[test]
    fn a_later_access_gives_and_takes_and_what_was_decided_stays() {
        let [viewer, usual, host] = [Role::Viewer, Role::Participant, Role::Host].map(Rights::of);
        assert_eq!([usual.renewed(viewer), viewer.renewed(host), host.renewed(usual)], [viewer, host, usual]);
        let decide = |permissions, role, before| RightsChange { role, permissions }.applied_to(before);
        let silenced = decide(vec![(Permission::PublishAudio, false)], None, usual);
        let again = silenced.renewed(host);
        assert!(!again.permissions.has(Permission::PublishAudio) && again.moderates());
        let heard = decide(vec![(Permission::PublishAudio, true)], None, viewer);
        assert!(heard.renewed(viewer).permissions.has(Permission::PublishAudio));
        // Also a decision that changed nothing at its time is one.
        let kept = decide(vec![(Permission::PublishAudio, false)], None, viewer);
        assert!(!kept.renewed(usual).permissions.has(Permission::PublishAudio) && kept.look_as(viewer));
        let demoted = decide(Vec::new(), Some(Role::Viewer), host);
        assert!(demoted.renewed(host).look_as(viewer));
    }
}
