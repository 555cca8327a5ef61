//! What several tests of this crate are made of.

use domain::{Email, FamilyId, PasswordHash, SessionId, TicketId, Timestamp, User, UserId, Username};
use proptest::prelude::Strategy;

use crate::{Secrets, Ticket};

/// The secrets of the tests, the older one first.
pub(crate) const OLD_SECRET: &str = "an older secret of thirty-two bytes";
pub(crate) const SECRET: &str = "a secret of more than thirty-two bytes";

/// The present moment.
pub(crate) const NOW: Timestamp = Timestamp::from_millis(1_795_000_000_000);

/// The secret alone.
pub(crate) fn secrets() -> Secrets {
    Secrets::parse(SECRET, None).expect("long enough")
}

/// The secret after a rotation.
pub(crate) fn rotated() -> Secrets {
    Secrets::parse(SECRET, Some(OLD_SECRET)).expect("long enough")
}

/// The secret before it.
pub(crate) fn before_rotation() -> Secrets {
    Secrets::parse(OLD_SECRET, None).expect("long enough")
}

pub(crate) fn user_id() -> UserId {
    "01a1ed5c-8600-7000-8000-000000000001".parse().expect("a UUIDv7")
}

pub(crate) fn family_id() -> FamilyId {
    "01a1ed5c-8600-7000-8000-000000000002".parse().expect("a UUIDv7")
}

pub(crate) fn ticket_id() -> TicketId {
    "01a1ed5c-8600-7000-8000-000000000003".parse().expect("a UUIDv7")
}

pub(crate) fn session_id() -> SessionId {
    "01a1ed5c-8600-7000-8000-000000000004".parse().expect("a UUIDv7")
}

pub(crate) fn alice() -> User {
    User {
        id: user_id(),
        username: Username::parse("alice").expect("a name"),
        email: Email::parse("alice@example.org").expect("an address"),
        password: PasswordHash("unused".to_owned()),
        created_at: NOW,
        last_login_at: None,
    }
}

pub(crate) fn ticket() -> Ticket {
    Ticket {
        id: ticket_id(),
        user: user_id(),
        username: Username::parse("alice").expect("a name"),
        session: session_id(),
        attempt: 7,
        family: family_id(),
        access_expires_at: Timestamp::from_millis(NOW.millis() + 3_600_000),
        waiting: None,
        identity: None,
    }
}

/// Random texts, and random texts that look like a token.
pub(crate) fn junk() -> impl Strategy<Value = String> {
    use proptest::prelude::*;
    prop_oneof![
        any::<String>(),
        "[A-Za-z0-9_-]{0,120}\\.[A-Za-z0-9_-]{0,120}\\.[A-Za-z0-9_-]{0,60}",
        "eyJ[A-Za-z0-9_.=-]{0,200}"
    ]
}

/// The token with the character at `at` exchanged for another one of base64url.
pub(crate) fn tampered(token: &str, at: usize) -> String {
    let mut bytes = token.as_bytes().to_vec();
    let place = at % bytes.len();
    bytes[place] = if bytes[place] == b'A' { b'B' } else { b'A' };
    String::from_utf8(bytes).expect("ASCII")
}
