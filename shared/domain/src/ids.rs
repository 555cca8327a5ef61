//! Typed identifiers. All but [`ConnectionId`] are UUIDv7 (RFC 9562): unique, and sorted by time. The users of apps have
//! UUIDv8, made of what their app calls them.

use std::fmt;
use std::str::FromStr;

use uuid::Uuid;

use crate::Timestamp;

/// Where new identifiers come from; a counting one in tests.
pub trait IdSource: Send + Sync {
    /// A new UUIDv7 that carries `now`; two calls never give the same, and later calls sort later.
    fn next(&self, now: Timestamp) -> Uuid;
}

/// Why a text is not an identifier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be a UUID of version 7 in lower case with hyphens")]
pub struct NotAnId;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $versions:expr) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Uuid);

        impl $name {
            /// A new identifier that carries `now`.
            pub fn new(source: &dyn IdSource, now: Timestamp) -> Self {
                Self(source.next(now))
            }

            /// The smallest identifier that can carry `at`: the lower bound of a search by time.
            pub fn first_at(at: Timestamp) -> Self {
                let [_, _, b2, b3, b4, b5, b6, b7] = at.millis().to_be_bytes();
                Self(Uuid::from_bytes([b2, b3, b4, b5, b6, b7, 0x70, 0, 0x80, 0, 0, 0, 0, 0, 0, 0]))
            }

            /// The lower bound of a search for what comes after this one.
            pub fn successor(self) -> Self {
                Self(Uuid::from_u128(self.0.as_u128().saturating_add(1)))
            }

            /// The time that the identifier carries.
            pub fn timestamp(self) -> Timestamp {
                let b = self.0.as_bytes();
                Timestamp::from_millis(u64::from_be_bytes([0, 0, b[0], b[1], b[2], b[3], b[4], b[5]]))
            }

            /// The identifier as 16 bytes.
            pub fn as_bytes(&self) -> &[u8; 16] {
                self.0.as_bytes()
            }

            /// From 16 bytes; refuses what is no such UUID.
            pub fn from_bytes(bytes: [u8; 16]) -> Result<Self, NotAnId> {
                of_version(Uuid::from_bytes(bytes), &$versions).map(Self)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.as_hyphenated().fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({self})", stringify!($name))
            }
        }

        impl FromStr for $name {
            type Err = NotAnId;

            fn from_str(text: &str) -> Result<Self, NotAnId> {
                parse(text, &$versions).map(Self)
            }
        }
    };
}

id!(/// An account, or a user of an app.
    UserId, [7, 8]);
id!(/// A session ("room").
    SessionId, [7]);
id!(/// A chat message.
    MessageId, [7]);
id!(/// A relayed offer, answer or batch of candidates.
    SignalId, [7]);
id!(/// A ticket, and with it the one connection that it admits.
    TicketId, [7]);
id!(/// An endpoint of webhooks.
    WebhookId, [7]);
id!(/// A recording.
    RecordingId, [7]);
id!(/// A refresh-token family: one login and all that was rotated from it.
    FamilyId, [7]);

fn parse(text: &str, versions: &[usize]) -> Result<Uuid, NotAnId> {
    let canonical = text.len() == 36 && !text.bytes().any(|b| b.is_ascii_uppercase());
    let id = canonical.then(|| Uuid::try_parse(text).ok()).flatten().ok_or(NotAnId)?;
    of_version(id, versions)
}

fn of_version(id: Uuid, versions: &[usize]) -> Result<Uuid, NotAnId> {
    versions.contains(&id.get_version_num()).then_some(id).ok_or(NotAnId)
}

impl UserId {
    /// The user that an app's name for somebody stands for, from a hash of it (UUIDv8, RFC 9562, section 5.8).
    pub fn of_app(hash: [u8; 16]) -> Self {
        Self(uuid::Builder::from_custom_bytes(hash).into_uuid())
    }

    /// Whether it is a user of an app, and no account.
    pub fn is_of_app(self) -> bool {
        self.0.get_version_num() == 8
    }
}

impl FamilyId {
    /// What stands for the login where there is none: the minting of a join token, told apart by some bytes.
    pub fn of_token(minted_at: Timestamp, [b6, b7, b8, b9, b10, b11, b12, b13, b14, b15]: [u8; 10]) -> Self {
        let [_, _, t0, t1, t2, t3, t4, t5] = minted_at.millis().to_be_bytes();
        let version_and_variant = (0x70 | b6 & 0x0f, 0x80 | b8 & 0x3f);
        let (b6, b8) = version_and_variant;
        Self(Uuid::from_bytes([t0, t1, t2, t3, t4, t5, b6, b7, b8, b9, b10, b11, b12, b13, b14, b15]))
    }
}

/// A WebSocket connection: API Gateway's name of it, and in which dialect its client speaks. So wherever a connection is
/// known, it is known how to speak to it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnectionId(String);

/// What stands before the name of a connection of the hub. API Gateway's names have no colon: they are base64url.
const HUB: &str = "hub:";

impl ConnectionId {
    /// A connection by its text, see [`ConnectionId::as_str`]. API Gateway's bare name is a connection that speaks our own frames.
    pub fn new(id: impl Into<String>) -> Self {
        Self(id.into())
    }

    /// A connection of the hub, by API Gateway's name: its client speaks SignalR's protocol.
    pub fn hub(name: &str) -> Self {
        Self(format!("{HUB}{name}"))
    }

    /// Its text, for keeping and for logs.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// API Gateway's name of it.
    pub fn gateway_name(&self) -> &str {
        self.0.strip_prefix(HUB).unwrap_or(&self.0)
    }

    /// Whether its client speaks SignalR's protocol.
    pub fn is_hub(&self) -> bool {
        self.0.starts_with(HUB)
    }
}

impl fmt::Display for ConnectionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_survives_its_text() {
        let id = SessionId::first_at(Timestamp::from_millis(1_795_000_000_123));
        assert_eq!(id.to_string().parse(), Ok(id));
        assert_eq!(id.timestamp().millis(), 1_795_000_000_123);
    }

    #[test]
    fn a_connection_remembers_its_dialect_in_its_text() {
        let (own, hub) = (ConnectionId::new("JKUdbfKHoAMCJEA="), ConnectionId::hub("JKUdbfKHoAMCJEA="));
        assert_eq!((own.is_hub(), hub.is_hub()), (false, true));
        assert_eq!((own.gateway_name(), hub.gateway_name()), ("JKUdbfKHoAMCJEA=", "JKUdbfKHoAMCJEA="));
        assert_eq!(ConnectionId::new(hub.as_str()), hub);
        assert_ne!(own, hub);
    }

    #[test]
    fn only_canonical_version_7_is_an_id() {
        for text in [
            "",
            "not-an-id",
            "0190163D-8694-739B-AEA5-966C26F8AD91",
            "{0190163d-8694-739b-aea5-966c26f8ad91}",
            "0190163d8694739baea5966c26f8ad91",
            "0190163d-8694-439b-aea5-966c26f8ad91",
        ] {
            assert_eq!(text.parse::<UserId>(), Err(NotAnId), "{text}");
        }
    }

    #[test]
    fn users_of_apps_have_version_8_and_nothing_else_has() {
        let user = UserId::of_app([0xff; 16]);
        assert_eq!(user.to_string(), "ffffffff-ffff-8fff-bfff-ffffffffffff");
        assert_eq!(user.to_string().parse(), Ok(user));
        assert!(user.is_of_app() && user.to_string().parse::<SessionId>().is_err());
        assert!(!UserId::first_at(Timestamp::from_millis(1)).is_of_app());
    }

    #[test]
    fn what_stands_for_a_login_carries_when_the_token_was_minted() {
        let at = Timestamp::from_millis(1_795_000_000_000);
        let (one, other) = (FamilyId::of_token(at, [0xff; 10]), FamilyId::of_token(at, [0; 10]));
        assert_eq!((one.timestamp(), other.timestamp()), (at, at));
        assert_ne!(one, other);
        assert_eq!(one.to_string().parse(), Ok(one));
    }
}
