//! Apps: projects, their API keys, and the names that an app gives its users and rooms.

use std::fmt;
use std::time::Duration;

use uuid::Uuid;

use crate::{Grants, InviteId, SessionId, Timestamp, UserId};

/// A project: an app with keys, users, sessions and limits of its own. 1-40 characters of `a-z`, `0-9` and `-`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProjectId(String);

impl ProjectId {
    /// Parses; the error says what it must be.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let fits = (1..=40).contains(&text.len())
            && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
            && !text.starts_with('-')
            && !text.ends_with('-');
        fits.then(|| Self(text.to_owned()))
            .ok_or("must be 1-40 characters of a-z, 0-9 and -, the first and the last no -")
    }

    /// The name of the one that is always there: where accounts live.
    pub const DEFAULT: &str = "default";

    /// Whether it is where accounts live.
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }

    /// Its name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for ProjectId {
    /// The project that is always there: where accounts live.
    fn default() -> Self {
        Self(Self::DEFAULT.to_owned())
    }
}

impl fmt::Display for ProjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// An API key's identifier: `TK` and 22 characters of base62, or [`KeyId::DEVELOPMENT`].
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId(String);

impl KeyId {
    /// The key that a local server without data has.
    pub const DEVELOPMENT: &str = "devkey";
    /// The characters behind `TK`: 131 bits.
    pub const RANDOM: usize = 22;

    /// Parses.
    pub fn parse(text: &str) -> Option<Self> {
        let random = text.strip_prefix("TK");
        let made =
            random.is_some_and(|rest| rest.len() == Self::RANDOM && rest.bytes().all(|b| b.is_ascii_alphanumeric()));
        (made || text == Self::DEVELOPMENT).then(|| Self(text.to_owned()))
    }

    /// As text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What an app calls one of its users: 1-128 characters, one of them visible, none a control character.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Identity(String);

impl Identity {
    /// Parses; the error says what it must be.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        named(text)
            .map(Self)
            .ok_or("must be 1-128 characters, none of them a control character, and not blank, . or ..")
    }

    /// How the identities of guests begin, in the default project. No app's user has such a one there.
    pub const GUEST: &str = "guest:";

    /// Of a guest who comes by that invitation; `random` tells them from others who do.
    pub fn of_guest(invite: &InviteId, random: &str) -> Self {
        Self(format!("{}{}:{random}", Self::GUEST, invite.as_str()))
    }

    /// The invitation by which a guest came.
    pub fn invite(&self) -> Option<InviteId> {
        let (invite, _) = self.0.strip_prefix(Self::GUEST)?.split_once(':')?;
        InviteId::parse(invite)
    }

    /// Whether it would be taken for the identifier of a user of that project where either may stand: those of an app's users are UUIDs
    /// of version 8, those of accounts of version 7.
    pub fn reads_as_user(&self, project: &ProjectId) -> bool {
        self.0.parse::<UserId>().is_ok_and(|user| user.is_of_app() || project.is_default())
    }

    /// As the app wrote it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// An app's own name of a room: 1-128 characters, one of them visible, none a control character; no UUID, so that a room's name
/// and a session's identifier can stand in the same place, and none of [`RoomName::WORDS`].
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RoomName(String);

impl RoomName {
    /// What stands in paths where a room's name does: a room that is called so could not be asked for.
    pub const WORDS: [&str; 6] = ["active", "create", "end", "join", "leave", "ticket"];

    /// Parses; the error says what it must be.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        if Self::WORDS.contains(&text) {
            return Err("must not be active, create, end, join, leave or ticket: paths have those words");
        }
        Self::kept(text)
    }

    /// The same as it was kept, perhaps before a word was taken.
    pub fn kept(text: &str) -> Result<Self, &'static str> {
        let name = named(text).filter(|text| Uuid::try_parse(text).is_err());
        name.map(Self)
            .ok_or("must be 1-128 characters, none of them a control character, not blank, . or .., and no UUID")
    }

    /// As the app wrote it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What an app names exactly: nothing is folded, composed or trimmed.
fn named(text: &str) -> Option<String> {
    let fits = (1..=128).contains(&text.chars().count()) && !text.chars().any(char::is_control);
    // Of a path, whoever sends it takes these away (RFC 3986 section 5.2.4), and asks for something else.
    let is_a_step = matches!(text, "." | "..");
    (fits && !is_a_step && !text.trim().is_empty()).then(|| text.to_owned())
}

/// A session, by its identifier or by the app's name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RoomRef {
    /// By its identifier.
    Session(SessionId),
    /// By its name, in the caller's project.
    Room(RoomName),
}

impl RoomRef {
    /// Parses; the error says what it must be.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        match text.parse() {
            Ok(id) => Ok(Self::Session(id)),
            Err(_) if RoomName::WORDS.contains(&text) => RoomName::parse(text).map(Self::Room),
            Err(_) => RoomName::parse(text).map(Self::Room).map_err(|_| "must be a session's id or a room's name"),
        }
    }
}

/// An API key as it is kept: its secret is sealed.
#[derive(Clone, PartialEq, Eq)]
pub struct AppKey {
    /// Its identifier.
    pub id: KeyId,
    /// Whose it is.
    pub project: ProjectId,
    /// The secret, sealed under the deployment's.
    pub sealed: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was disabled.
    pub disabled_at: Option<Timestamp>,
    /// What it is restricted to.
    pub limits: KeyLimits,
    /// Whether a join makes the room that it names: the project's setting.
    pub auto_create: bool,
}

/// What an API key is restricted to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct KeyLimits {
    /// The grants that it may give and use; all if there is no list.
    pub grants: Option<Vec<KeyGrant>>,
    /// How the names of its rooms begin.
    pub room_prefix: Option<String>,
    /// The longest life of its tokens; a day if nothing else is said.
    pub longest_life: Option<Duration>,
    /// When it ends by itself.
    pub ends_at: Option<Timestamp>,
}

/// A grant that a key can be restricted to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyGrant {
    /// `roomJoin`
    Join,
    /// `roomCreate`
    Create,
    /// `roomAdmin`
    Admin,
    /// `roomList`
    List,
}

impl KeyGrant {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Join, Self::Create, Self::Admin, Self::List];

    /// As tokens spell it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Join => "roomJoin",
            Self::Create => "roomCreate",
            Self::Admin => "roomAdmin",
            Self::List => "roomList",
        }
    }

    /// The grant that is spelt so.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|grant| grant.name() == name)
    }

    /// Whether those grants have it.
    pub fn is_in(self, grants: &Grants) -> bool {
        match self {
            Self::Join => grants.room_join,
            Self::Create => grants.room_create,
            Self::Admin => grants.room_admin,
            Self::List => grants.room_list,
        }
    }
}

impl KeyLimits {
    /// The first grant of `wanted` that the key must not give.
    pub fn denied(&self, wanted: &Grants) -> Option<KeyGrant> {
        let allowed = self.grants.as_deref().unwrap_or(&KeyGrant::ALL);
        KeyGrant::ALL.into_iter().find(|grant| grant.is_in(wanted) && !allowed.contains(grant))
    }

    /// What the key itself may do.
    pub fn own_grants(&self) -> Grants {
        let allowed = self.grants.as_deref().unwrap_or(&KeyGrant::ALL);
        Grants {
            room_create: allowed.contains(&KeyGrant::Create),
            room_admin: allowed.contains(&KeyGrant::Admin),
            room_list: allowed.contains(&KeyGrant::List),
            ..Grants::KEY
        }
    }
}

impl AppKey {
    /// Whether it is good for nothing any more.
    pub fn is_over(&self, now: Timestamp) -> bool {
        self.disabled_at.is_some() || self.limits.ends_at.is_some_and(|end| end <= now)
    }
}

impl fmt::Debug for AppKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AppKey").field("id", &self.id).field("project", &self.project).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_projects_name_is_plain() {
        for good in ["a", "default", "my-app-2", &"x".repeat(40)] {
            assert!(ProjectId::parse(good).is_ok(), "{good}");
        }
        for bad in ["", "A", "a b", "a#b", "-a", "a-", "ä", &"x".repeat(41)] {
            assert!(ProjectId::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_key_is_told_from_other_issuers() {
        assert!(KeyId::parse("TK0123456789abcdefghijAB").is_some());
        assert!(KeyId::parse("devkey").is_some());
        for bad in
            ["", "TK", "TunRTC", "TK0123456789abcdefghijA", "TK0123456789abcdefghijABC", "tk0123456789abcdefghijAB"]
        {
            assert!(KeyId::parse(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn names_of_apps_are_exact_and_have_something_visible() {
        assert_ne!(Identity::parse("Ann"), Identity::parse("ann"));
        assert!(Identity::parse(&"ä".repeat(128)).is_ok());
        for bad in ["", " ", ".", "..", "a\nb", "a\u{7f}", &"x".repeat(129)] {
            assert!(Identity::parse(bad).is_err(), "{bad:?}");
            assert!(RoomName::parse(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_room_is_named_by_its_identifier_or_by_its_name() {
        let id = "0190163d-8694-739b-aea5-966c26f8ad91";
        assert_eq!(RoomRef::parse(id), Ok(RoomRef::Session(id.parse().expect("a UUIDv7"))));
        assert!(matches!(RoomRef::parse("daily"), Ok(RoomRef::Room(_))));
        for uuid in ["0190163D-8694-739B-AEA5-966C26F8AD91", "0190163d-8694-439b-aea5-966c26f8ad91"] {
            assert!(RoomName::parse(uuid).is_err() && RoomRef::parse(uuid).is_err(), "{uuid}");
        }
    }

    #[test]
    fn no_room_is_called_as_paths_go_on() {
        for word in RoomName::WORDS {
            let refused = RoomRef::parse(word).expect_err("refused");
            assert!(refused.contains(word) && RoomName::kept(word).is_ok(), "{word}: {refused}");
        }
        assert!(RoomName::parse("Active").is_ok() && RoomName::parse("join-us").is_ok());
    }

    #[test]
    fn a_key_names_the_grant_that_it_must_not_give() {
        let limits = KeyLimits { grants: Some(vec![KeyGrant::Join]), ..KeyLimits::default() };
        let wanted = Grants { room_join: true, room_admin: true, ..Grants::LEAST };
        assert_eq!(limits.denied(&wanted), Some(KeyGrant::Admin));
        assert_eq!(limits.denied(&Grants { room_admin: false, ..wanted }), None);
        assert_eq!(KeyLimits::default().denied(&wanted), None);
        assert!(!limits.own_grants().room_list);
    }
}
