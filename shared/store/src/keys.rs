//! The keys of every item: the only module that formats and reads them.
//!
//! | item | pk | sk |
//! |---|---|---|
//! | account | `USER#<user>` | `PROFILE` |
//! | e-mail guard | `EMAIL#<address in lower case>` | `GUARD` |
//! | user-name guard | `USERNAME#<name in lower case>` | `GUARD` |
//! | refresh-token family | `USER#<user>` | `FAMILY#<family>` |
//! | created session | `USER#<creator>` | `SESSION#<session>` |
//! | connection log | `USER#<user>` | `CONNECTION#<ticket>` |
//! | rate counter | `RATE#<kind>#<what>` | `WINDOW` |
//! | session | `SESSION#<session>` | `META` |
//! | participant | `SESSION#<session>` | `PARTICIPANT#<user>` |
//! | inbox item | `INBOX#<session>#<user>` | `<signal>` |
//! | chat item | `CHAT#<session>` | `<message>` |
//!
//! The sparse index `active` has `activePk` = `ACTIVE#<visibility>#<shard>` and `activeSk` = `<session>`. Identifiers
//! are UUIDv7, so every sort key that ends in one sorts by time.

use std::collections::HashMap;
use std::str::FromStr;

use aws_sdk_dynamodb::types::AttributeValue;
use domain::accounts::Counted;
use domain::{Email, FamilyId, MessageId, SessionId, SignalId, TicketId, UserId, Username, Visibility};

use crate::names;

/// The index of active sessions.
pub(crate) const ACTIVE_INDEX: &str = "active";
/// How many partitions the active sessions of one visibility are spread over.
pub(crate) const ACTIVE_SHARDS: u8 = 8;
/// The sort key of a session itself.
pub(crate) const META: &str = "META";

const PROFILE: &str = "PROFILE";
const GUARD: &str = "GUARD";
const WINDOW: &str = "WINDOW";
const FAMILY: &str = "FAMILY#";
const CREATED: &str = "SESSION#";
const CONNECTION: &str = "CONNECTION#";
const PARTICIPANT: &str = "PARTICIPANT#";
const SESSION: &str = "SESSION#";
const USER: &str = "USER#";

/// A primary key.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Key {
    pub(crate) pk: String,
    pub(crate) sk: String,
}

impl Key {
    fn new(pk: impl Into<String>, sk: impl Into<String>) -> Self {
        Self { pk: pk.into(), sk: sk.into() }
    }

    /// As the SDK wants it.
    pub(crate) fn into_item(self) -> HashMap<String, AttributeValue> {
        HashMap::from([("pk".to_owned(), AttributeValue::S(self.pk)), ("sk".to_owned(), AttributeValue::S(self.sk))])
    }
}

/// An account.
pub(crate) fn profile(user: UserId) -> Key {
    Key::new(user_partition(user), PROFILE)
}

/// What makes an address unique.
pub(crate) fn email_guard(email: &Email) -> Key {
    Key::new(format!("EMAIL#{}", email.key()), GUARD)
}

/// What makes a user name unique.
pub(crate) fn username_guard(username: &Username) -> Key {
    Key::new(format!("USERNAME#{}", username.key()), GUARD)
}

/// A refresh-token family.
pub(crate) fn family(user: UserId, family: FamilyId) -> Key {
    Key::new(user_partition(user), format!("{FAMILY}{family}"))
}

/// That a user created a session.
pub(crate) fn created(creator: UserId, session: SessionId) -> Key {
    Key::new(user_partition(creator), format!("{CREATED}{session}"))
}

/// A connection in its user's log.
pub(crate) fn connection(user: UserId, ticket: TicketId) -> Key {
    Key::new(user_partition(user), format!("{CONNECTION}{ticket}"))
}

/// A rate counter.
pub(crate) fn counter(what: &Counted) -> Key {
    let pk = match what {
        Counted::FailedLoginsOfAccount(email) => format!("RATE#failedLoginsOfAccount#{email}"),
        Counted::FailedLoginsOfAddress(address) => format!("RATE#failedLoginsOfAddress#{address}"),
        Counted::RegistrationsOfAddress(address) => format!("RATE#registrationsOfAddress#{address}"),
        Counted::SessionsOf(user) => format!("RATE#sessionsOf#{user}"),
        Counted::TicketsOf(user) => format!("RATE#ticketsOf#{user}"),
    };
    Key::new(pk, WINDOW)
}

/// A session.
pub(crate) fn session(session: SessionId) -> Key {
    Key::new(session_partition(session), META)
}

/// A participant.
pub(crate) fn participant(session: SessionId, user: UserId) -> Key {
    Key::new(session_partition(session), format!("{PARTICIPANT}{user}"))
}

/// An inbox item.
pub(crate) fn signal(session: SessionId, to: UserId, signal: SignalId) -> Key {
    Key::new(inbox_partition(session, to), signal.to_string())
}

/// A chat item.
pub(crate) fn message(session: SessionId, message: MessageId) -> Key {
    Key::new(chat_partition(session), message.to_string())
}

/// What is kept of a user.
pub(crate) fn user_partition(user: UserId) -> String {
    format!("{USER}{user}")
}

/// A session and its participants.
pub(crate) fn session_partition(session: SessionId) -> String {
    format!("{SESSION}{session}")
}

/// What waits for a participant.
pub(crate) fn inbox_partition(session: SessionId, user: UserId) -> String {
    format!("INBOX#{session}#{user}")
}

/// The chat of a session.
pub(crate) fn chat_partition(session: SessionId) -> String {
    format!("CHAT#{session}")
}

/// The first and the last possible sort key of a user's families.
pub(crate) fn families() -> [String; 2] {
    starting_with(FAMILY)
}

/// The first and the last possible sort key of the sessions that a user created.
pub(crate) fn created_sessions() -> [String; 2] {
    starting_with(CREATED)
}

/// The sort keys of a user's connections from that ticket on.
pub(crate) fn connections_from(ticket: TicketId) -> [String; 2] {
    let [_, last] = starting_with(CONNECTION);
    [format!("{CONNECTION}{ticket}"), last]
}

/// Bounds, both inclusive, of the sort keys with that prefix and an identifier behind it: `~` sorts after each of its
/// characters.
fn starting_with(prefix: &str) -> [String; 2] {
    [prefix.to_owned(), format!("{prefix}~")]
}

/// The partition of the index in which an active session is listed: the last bits of its identifier are random.
pub(crate) fn active_partition_of(session: SessionId, visibility: Visibility) -> String {
    let [.., last] = *session.as_bytes();
    active_partition(visibility, last % ACTIVE_SHARDS)
}

/// Each partition of the index for one visibility.
pub(crate) fn active_partitions(visibility: Visibility) -> impl Iterator<Item = String> {
    (0..ACTIVE_SHARDS).map(move |shard| active_partition(visibility, shard))
}

fn active_partition(visibility: Visibility, shard: u8) -> String {
    format!("ACTIVE#{}#{shard}", names::visibility::of(visibility))
}

/// Whether a sort key is an account's own.
pub(crate) fn is_profile(sk: &str) -> bool {
    sk == PROFILE
}

/// The user whose partition it is.
pub(crate) fn user_of(pk: &str) -> Option<UserId> {
    id_after(USER, pk)
}

/// The session whose partition it is.
pub(crate) fn session_of(pk: &str) -> Option<SessionId> {
    id_after(SESSION, pk)
}

/// The user that a participant's sort key names.
pub(crate) fn participant_of(sk: &str) -> Option<UserId> {
    id_after(PARTICIPANT, sk)
}

/// The session that a sort key says to be created.
pub(crate) fn created_of(sk: &str) -> Option<SessionId> {
    id_after(CREATED, sk)
}

/// The ticket of a logged connection's sort key.
pub(crate) fn ticket_of(sk: &str) -> Option<TicketId> {
    id_after(CONNECTION, sk)
}

/// The family that a sort key names.
pub(crate) fn family_of(sk: &str) -> Option<FamilyId> {
    id_after(FAMILY, sk)
}

/// The session whose chat it is.
pub(crate) fn chat_of(pk: &str) -> Option<SessionId> {
    id_after("CHAT#", pk)
}

fn id_after<T: FromStr>(prefix: &str, text: &str) -> Option<T> {
    text.strip_prefix(prefix)?.parse().ok()
}
