//! The keys of every item: the only module that formats and reads them.
//!
//! | item | pk | sk |
//! |---|---|---|
//! | account | `USER#<user>` | `PROFILE` |
//! | e-mail guard | `EMAIL#<address as it is compared>` | `GUARD` |
//! | user-name guard | `USERNAME#<name as it is compared>` | `GUARD` |
//! | refresh-token family | `USER#<user>` | `FAMILY#<family>` |
//! | created session | `USER#<creator>` | `SESSION#<session>` |
//! | key of a creation | `USER#<creator>` | `CREATION#<hash of the client's key>` |
//! | connection log, and where a connection of the hub is | `USER#<user>` | `CONNECTION#<ticket>` |
//! | visit: a seat that was taken | `USER#<user>` | `VISIT#<session>` |
//! | rate counter | `RATE#<kind>#<what>` | `WINDOW` |
//! | session | `SESSION#<session>` | `META` |
//! | participant | `SESSION#<session>` | `PARTICIPANT#<user>` |
//! | what a participant says of themselves | `ABOUT#<session>` | `<user>` |
//! | place in the waiting room | `SESSION#<session>` | `WAITING#<two digits>` |
//! | what an app keeps with a session | `METADATA#<session>` | `METADATA` |
//! | room's name | `ROOM#<project>#<hash of the name>` | `ROOM` |
//! | API key | `KEY#<key>` | `KEY` |
//! | key in the list of keys | `KEYS` | `<project>#<key>` |
//! | tokens taken back | `USER#<user>` | `REVOKED` |
//! | inbox item | `INBOX#<session>#<user>` | `<signal>` |
//! | chat item | `CHAT#<session>` | `<message>` |
//! | caption | `CAPTIONS#<session>` | `<message>` |
//! | invitation | `INVITES#<session>` | `<hash of its code>` |
//! | recording | `RECORDING#<recording>` | `RECORDING` |
//! | recording in its session's list | `RECORDINGS#<session>` | `<recording>` |
//! | that somebody records, what kind | `RECORDS#<session>#<user>` | `<kind>` |
//! | that something was recorded by an account, or where it hosts | `USER#<user>` | `RECORDED#<session>` |
//! | webhook endpoint | `PROJECT#<project>` | `WEBHOOK#<webhook>` |
//! | what happened | `EVENTS#<project>#<day>` | `<milliseconds>#<event>` |
//! | what came of telling it | `DELIVERIES#<webhook>` | `<milliseconds>#<event>#<attempt>` |
//! | stay, or session, that goes on | `LIVE#<project>` | `STAY#<stay>`, `SESSION#<session>` |
//! | stay that is over | `USAGE#<project>#<day>` | `<milliseconds of its end>#<stay>` |
//! | that somebody reported call quality, and where that is listed | `USER#<user>` | `CALL#<session>` |
//! | call quality in a minute | `STATS#<session>` | `<user>#<milliseconds>#<hash of the run>` |
//! | call quality of a run, in its project's list | `CALLS#<project>#<day of the session>` | `<session>#<user>#<hash of the run>` |
//! | the same in its host's list | `HOSTED#<user>` | the same |
//! | name of a message, or caption | `CHAT#<session>`, or `CAPTIONS#<session>` | `#<author>#<client's name>` |
//!
//! Two indexes are sparse. `active`, the list of active sessions, has `activePk` = `ACTIVE#<visibility>#<shard>`, for other projects
//! than the default one `ACTIVE#<project>#<visibility>#<shard>`, and `activeSk` = `<session>`. `due`, what the sweep looks at and when, has `duePk` = `DUE#<part>` and `dueSk` = `<milliseconds>#<session>`; sessions and
//! participants carry it. Identifiers are UUIDv7, so every sort key that ends in one sorts by time.

use std::collections::HashMap;
use std::str::FromStr;

use aws_lc_rs::digest;
use aws_sdk_dynamodb::types::AttributeValue;
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use domain::ports::{ClientMessageId, Counted, DUE_PARTS, Due, IdempotencyKey, LiveKind, Living, Log};
use domain::quality::Listed;
use domain::recording::RecordingKind;
use domain::{
    Email, FamilyId, InviteId, KeyId, MessageId, ProjectId, RecordingId, RoomName, Session, SessionId, SignalId,
    TicketId, Timestamp, UserId, Username, Visibility, WebhookId,
};

use crate::words;

/// The index of active sessions.
pub(crate) const ACTIVE_INDEX: &str = "active";
/// How many partitions the active sessions of one visibility are spread over. There may be more, but never fewer: an entry stays
/// where it was written.
pub(crate) const ACTIVE_SHARDS: u8 = 16;
/// The index of what the sweep looks at.
pub(crate) const DUE_INDEX: &str = "due";
/// The sort key of a session itself.
pub(crate) const META: &str = "META";

const PROJECT: &str = "PROJECT#";
const WEBHOOK: &str = "WEBHOOK#";
const EVENTS: &str = "EVENTS#";
const PROFILE: &str = "PROFILE";
const GUARD: &str = "GUARD";
const WINDOW: &str = "WINDOW";
const FAMILY: &str = "FAMILY#";
const CREATED: &str = "SESSION#";
const CREATION: &str = "CREATION#";
const CONNECTION: &str = "CONNECTION#";
const VISIT: &str = "VISIT#";
const PARTICIPANT: &str = "PARTICIPANT#";
const WAITING: &str = "WAITING#";
const ABOUT: &str = "ABOUT#";
const INVITES: &str = "INVITES#";
const SESSION: &str = "SESSION#";
const USER: &str = "USER#";
const ROOM: &str = "ROOM";
const KEY: &str = "KEY";
const REVOKED: &str = "REVOKED";
const METADATA: &str = "METADATA";
const STAY: &str = "STAY#";
const CHAT: &str = "CHAT#";
const CAPTIONS: &str = "CAPTIONS#";
const CALL: &str = "CALL#";
const RECORDING: &str = "RECORDING#";
const THE_RECORDING: &str = "RECORDING";
const RECORDED: &str = "RECORDED#";

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

    /// Whether its item may carry the mark of what happened.
    pub(crate) fn may_be_marked(&self) -> bool {
        Marked::of(&self.pk, &self.sk).is_some()
    }
}

/// An item that something can happen to which is told to the outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Marked {
    /// A session.
    Session,
    /// Somebody there.
    Participant,
    /// A place in the waiting room of a session.
    Place,
    /// A chat message.
    Message,
    /// A recording.
    Recording,
    /// An endpoint of webhooks.
    Endpoint,
}

impl Marked {
    fn of(pk: &str, sk: &str) -> Option<Self> {
        match (pk.starts_with(SESSION), sk) {
            (true, META) => Some(Self::Session),
            (true, place) if waiting_place_of(place).is_some() => Some(Self::Place),
            (true, _) => Some(Self::Participant),
            (false, _) if pk.starts_with(CHAT) => Some(Self::Message),
            (false, THE_RECORDING) => Some(Self::Recording),
            (false, _) => (pk.starts_with(PROJECT) && sk.starts_with(WEBHOOK)).then_some(Self::Endpoint),
        }
    }
}

/// What kind of item it is, if something can happen to it.
pub(crate) fn kind_of(item: &HashMap<String, AttributeValue>) -> Option<Marked> {
    let text = |name| item.get(name).and_then(|value| value.as_s().ok());
    Marked::of(text("pk")?, text("sk")?)
}

/// An account.
pub(crate) fn profile(user: UserId) -> Key {
    Key::new(user_partition(user), PROFILE)
}

/// What makes an address unique.
pub(crate) fn email_guards(email: &Email) -> Vec<Key> {
    email.keys().iter().map(|key| Key::new(format!("EMAIL#{key}"), GUARD)).collect()
}

/// What makes a user name unique.
pub(crate) fn username_guards(username: &Username) -> Vec<Key> {
    username.keys().iter().map(|key| Key::new(format!("USERNAME#{key}"), GUARD)).collect()
}

/// A refresh-token family.
pub(crate) fn family(user: UserId, family: FamilyId) -> Key {
    Key::new(user_partition(user), format!("{FAMILY}{family}"))
}

/// That a user created a session.
pub(crate) fn created(creator: UserId, session: SessionId) -> Key {
    Key::new(user_partition(creator), format!("{CREATED}{session}"))
}

/// That a room's name is taken. Hashed, because an app may put anything into it.
pub(crate) fn room(project: &ProjectId, name: &RoomName) -> Key {
    Key::new(format!("ROOM#{project}#{}", hash(name.as_str())), ROOM)
}

/// An API key.
pub(crate) fn app_key(id: &KeyId) -> Key {
    Key::new(format!("KEY#{id}"), KEY)
}

/// The list of API keys. Operators make them one by one, so one partition holds them.
pub(crate) const KEYS: &str = "KEYS";

/// An API key's place in the list.
pub(crate) fn listed_key(project: &ProjectId, id: &KeyId) -> Key {
    Key::new(KEYS, format!("{project}#{id}"))
}

/// The first and the last possible sort key in the list, of a project's API keys or of all.
pub(crate) fn listed_keys(project: &ProjectId) -> [String; 2] {
    starting_with(&format!("{project}#"))
}

/// The API key that a sort key of the list names.
pub(crate) fn listed_key_of(sk: &str) -> Option<KeyId> {
    sk.split_once('#').and_then(|(_, id)| KeyId::parse(id))
}

/// Which tokens of an app's user were taken back.
pub(crate) fn revoked(user: UserId) -> Key {
    Key::new(user_partition(user), REVOKED)
}

/// What a creator called the request for a session. Hashed, so that keys are short and sort as one kind.
pub(crate) fn creation(creator: UserId, key: &IdempotencyKey) -> Key {
    Key::new(user_partition(creator), format!("{CREATION}{}", hash(key.as_str())))
}

/// A connection in its user's log.
pub(crate) fn connection(user: UserId, ticket: TicketId) -> Key {
    Key::new(user_partition(user), format!("{CONNECTION}{ticket}"))
}

/// That a user took a seat.
pub(crate) fn visit(user: UserId, session: SessionId) -> Key {
    Key::new(user_partition(user), format!("{VISIT}{session}"))
}

/// A rate counter.
pub(crate) fn counter(what: &Counted) -> Key {
    let pk = match what {
        Counted::FailedLoginsOfAccount(email) => format!("RATE#failedLoginsOfAccount#{}", hash(email)),
        Counted::FailedLoginsOfAddress(address) => format!("RATE#failedLoginsOfAddress#{address}"),
        Counted::RegistrationsOfAddress(address) => format!("RATE#registrationsOfAddress#{address}"),
        Counted::InvitesOfAddress(address) => format!("RATE#invitesOfAddress#{address}"),
        Counted::WrongPasswordsOf(user) => format!("RATE#wrongPasswordsOf#{user}"),
        Counted::SessionsOf(user) => format!("RATE#sessionsOf#{user}"),
        Counted::TicketsOf(user) => format!("RATE#ticketsOf#{user}"),
        Counted::TranscribeLinesOf(user) => format!("RATE#transcribeLinesOf#{user}"),
        Counted::RecordingsOf(user) => format!("RATE#recordingsOf#{user}"),
        Counted::CallsOf(project) => format!("RATE#callsOf#{project}"),
    };
    Key::new(pk, WINDOW)
}

/// A counter outlives its account for a while, and must not say whose it was.
fn hash(text: &str) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, text.as_bytes()))
}

/// A session.
pub(crate) fn session(session: SessionId) -> Key {
    Key::new(session_partition(session), META)
}

/// A participant.
pub(crate) fn participant(session: SessionId, user: UserId) -> Key {
    Key::new(session_partition(session), format!("{PARTICIPANT}{user}"))
}

/// A place in a session's waiting room.
pub(crate) fn waiting(session: SessionId, place: u8) -> Key {
    Key::new(session_partition(session), format!("{WAITING}{place:02}"))
}

/// The place in the waiting room that a sort key names.
pub(crate) fn waiting_place_of(sk: &str) -> Option<u8> {
    sk.strip_prefix(WAITING)?.parse().ok()
}

/// What an app keeps with a session. It lies in a partition of its own, because whoever reads a roster reads a whole partition.
pub(crate) fn metadata(session: SessionId) -> Key {
    Key::new(format!("METADATA#{session}"), METADATA)
}

/// An invitation.
pub(crate) fn invite(session: SessionId, id: &InviteId) -> Key {
    Key::new(invites_partition(session), id.as_str())
}

/// The invitations of a session.
pub(crate) fn invites_partition(session: SessionId) -> String {
    format!("{INVITES}{session}")
}

/// The session and the identifier of an invitation.
pub(crate) fn invite_of(pk: &str, sk: &str) -> Option<(SessionId, InviteId)> {
    Some((id_after(INVITES, pk)?, InviteId::parse(sk)?))
}

/// What a participant says of themselves.
pub(crate) fn about(session: SessionId, user: UserId) -> Key {
    Key::new(abouts_partition(session), user.to_string())
}

/// What all participants of a session say of themselves.
pub(crate) fn abouts_partition(session: SessionId) -> String {
    format!("{ABOUT}{session}")
}

/// The session whose participants say something in a partition.
pub(crate) fn session_of_abouts(pk: &str) -> Option<SessionId> {
    pk.strip_prefix(ABOUT)?.parse().ok()
}

/// A recording.
pub(crate) fn recording(id: RecordingId) -> Key {
    Key::new(format!("{RECORDING}{id}"), THE_RECORDING)
}

/// The recording that a partition key names.
pub(crate) fn recording_of(pk: &str) -> Option<RecordingId> {
    id_after(RECORDING, pk)
}

/// A recording in the list of its session.
pub(crate) fn listed_recording(session: SessionId, id: RecordingId) -> Key {
    Key::new(recordings_partition(session), id.to_string())
}

/// The recordings of a session.
pub(crate) fn recordings_partition(session: SessionId) -> String {
    format!("RECORDINGS#{session}")
}

/// That a user records something of that kind: one recording at a time.
pub(crate) fn records(session: SessionId, user: UserId, kind: RecordingKind) -> Key {
    Key::new(format!("RECORDS#{session}#{user}"), kind.name())
}

/// That an account recorded in a session, or hosts one in which was recorded.
pub(crate) fn recorded(user: UserId, session: SessionId) -> Key {
    Key::new(user_partition(user), format!("{RECORDED}{session}"))
}

/// The first and the last possible sort key that say so.
pub(crate) fn all_recorded() -> [String; 2] {
    starting_with(RECORDED)
}

/// The session of which a sort key says so.
pub(crate) fn recorded_of(sk: &str) -> Option<SessionId> {
    id_after(RECORDED, sk)
}

/// That a user reported the quality of a call.
pub(crate) fn reported(user: UserId, session: SessionId) -> Key {
    Key::new(user_partition(user), format!("{CALL}{session}"))
}

/// What a user's client saw in a minute.
pub(crate) fn minute(session: SessionId, user: UserId, minute: Timestamp, run: &str) -> Key {
    Key::new(minutes_partition(session), format!("{user}#{}#{}", due_time(minute), run_hash(run)))
}

/// The first and the last possible sort key of what a user's client saw.
pub(crate) fn minutes_of(user: UserId) -> [String; 2] {
    starting_with(&format!("{user}#"))
}

/// The first and the last possible sort key that say that a user reported.
pub(crate) fn all_reported() -> [String; 2] {
    starting_with(CALL)
}

/// The session on which a sort key says that its user reported.
pub(crate) fn reported_of(sk: &str) -> Option<SessionId> {
    id_after(CALL, sk)
}

/// The first and the last possible sort key of the runs of a session, or of a user there.
pub(crate) fn runs_of(session: SessionId, user: Option<UserId>) -> [String; 2] {
    starting_with(&user.map_or_else(|| format!("{session}#"), |user| format!("{session}#{user}#")))
}

/// The minute of a sort key.
pub(crate) fn minute_of(sk: &str) -> Option<Timestamp> {
    Some(Timestamp::from_millis(sk.split('#').nth(1)?.parse().ok()?))
}

/// The session and the user of a run, from its sort key.
pub(crate) fn run_of(sk: &str) -> Option<(SessionId, UserId)> {
    let mut parts = sk.split('#');
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

/// Bounds, both inclusive, of the sort keys of all runs of sessions from the first one on and before the second one: a session's own name
/// sorts before its runs.
pub(crate) fn runs_between((from, before): (SessionId, SessionId)) -> [String; 2] {
    [from.to_string(), before.to_string()]
}

/// The sort keys of a user's connections whose tickets were made between these moments.
pub(crate) fn connections_between((from, until): (Timestamp, Timestamp)) -> [String; 2] {
    [from, until].map(|at| format!("{CONNECTION}{}", TicketId::first_at(at)))
}

/// What the clients in a session saw, minute by minute.
pub(crate) fn minutes_partition(session: SessionId) -> String {
    format!("STATS#{session}")
}

/// A run of a user's client in a list.
pub(crate) fn run(list: &Listed, session: SessionId, user: UserId, run: &str) -> Key {
    Key::new(runs_partition(list, session), format!("{session}#{user}#{}", run_hash(run)))
}

/// Where a list has a session: a project has a partition for each day on which sessions were created.
pub(crate) fn runs_partition(list: &Listed, session: SessionId) -> String {
    match list {
        Listed::Host(user) => hosted_partition(*user),
        Listed::Project(project) => format!("CALLS#{project}#{}", session.timestamp().seconds() / 86_400),
    }
}

/// The runs in sessions that an account hosts.
pub(crate) fn hosted_partition(user: UserId) -> String {
    format!("HOSTED#{user}")
}

/// Clients may call their runs whatever they like.
fn run_hash(run: &str) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(&digest::digest(&digest::SHA256, run.as_bytes()).as_ref()[..16])
}

/// What names one stay of a user in a session: the number of its first attempt is no other stay's there. It tells nobody who they are.
pub(crate) fn stay(session: SessionId, user: UserId, first_attempt: u64) -> String {
    let hash = digest::digest(&digest::SHA256, format!("{session}#{user}#{first_attempt}").as_bytes());
    format!("stay_{}", BASE64_URL_SAFE_NO_PAD.encode(&hash.as_ref()[..16]))
}

/// What names an event, the same however often it is made: `evt_` and 22 characters. `sequence` is its place among those of its session,
/// or of its endpoint.
pub fn event_id(of: &impl std::fmt::Display, sequence: &str) -> String {
    let hash = digest::digest(&digest::SHA256, format!("{of}#{sequence}").as_bytes());
    format!("evt_{}", BASE64_URL_SAFE_NO_PAD.encode(&hash.as_ref()[..16]))
}

/// An inbox item.
pub(crate) fn signal(session: SessionId, to: UserId, signal: SignalId) -> Key {
    Key::new(inbox_partition(session, to), signal.to_string())
}

/// A chat item, or a caption.
pub(crate) fn message(session: SessionId, log: Log, message: MessageId) -> Key {
    Key::new(log_partition(session, log), message.to_string())
}

/// That a client gave a message a name. It sorts before every message.
pub(crate) fn named_message(session: SessionId, log: Log, author: UserId, name: &ClientMessageId) -> Key {
    Key::new(log_partition(session, log), format!("#{author}#{}", name.as_str()))
}

/// The sort keys of every chat item and of every caption are above this.
pub(crate) const ABOVE_NAMES: &str = "$";

/// The last sort key that a message older than that one can have: a range of DynamoDB has both its ends.
pub(crate) fn last_before(message: MessageId) -> String {
    let mut key = message.to_string();
    let digit = key.pop().map_or('/', |digit| char::from(digit as u8 - 1));
    format!("{key}{digit}~")
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

/// What was said to everybody in a session.
pub(crate) fn log_partition(session: SessionId, log: Log) -> String {
    match log {
        Log::Chat => format!("{CHAT}{session}"),
        Log::Captions => format!("{CAPTIONS}{session}"),
    }
}

/// The first and the last possible sort key of a user's families.
pub(crate) fn families() -> [String; 2] {
    starting_with(FAMILY)
}

/// The first and the last possible sort key of the sessions that a user created.
pub(crate) fn created_sessions() -> [String; 2] {
    starting_with(CREATED)
}

/// The first and the last possible sort key of a user's visits.
pub(crate) fn visits() -> [String; 2] {
    starting_with(VISIT)
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
pub(crate) fn active_partition_of(session: &Session) -> String {
    let [.., last] = *session.id.as_bytes();
    active_partition(&session.project, session.visibility, last % ACTIVE_SHARDS)
}

/// Each partition of the index for one visibility.
pub(crate) fn active_partitions(project: &ProjectId, visibility: Visibility) -> impl Iterator<Item = String> {
    (0..ACTIVE_SHARDS).map(move |shard| active_partition(project, visibility, shard))
}

/// Sessions of the default project were listed before there were others.
fn active_partition(project: &ProjectId, visibility: Visibility, shard: u8) -> String {
    let visibility = words::visibility::of(visibility);
    if project.is_default() {
        format!("ACTIVE#{visibility}#{shard}")
    } else {
        format!("ACTIVE#{project}#{visibility}#{shard}")
    }
}

/// The keys in the index of what is due: of a session, or of somebody there, that is looked at then. What is due at the same time in
/// one session lies side by side. The last bits of an identifier are random.
pub(crate) fn due(session: SessionId, at: Timestamp) -> [String; 2] {
    let [.., last] = *session.as_bytes();
    [due_partition(last % DUE_PARTS), format!("{}#{session}", due_time(at))]
}

/// One partition of the index of what is due.
pub(crate) fn due_partition(part: u8) -> String {
    format!("DUE#{part}")
}

/// No sort key of what is due by then is above this.
pub(crate) fn due_by(now: Timestamp) -> String {
    format!("{}~", due_time(now))
}

/// What is kept of a project.
pub(crate) fn project_partition(project: &str) -> String {
    format!("{PROJECT}{project}")
}

/// An endpoint of webhooks.
pub(crate) fn endpoint(project: &str, webhook: WebhookId) -> Key {
    Key::new(project_partition(project), format!("{WEBHOOK}{webhook}"))
}

/// The first and the last possible sort key of a project's endpoints.
pub(crate) fn endpoints() -> [String; 2] {
    starting_with(WEBHOOK)
}

/// The project and the identifier of an endpoint.
pub(crate) fn endpoint_of(pk: &str, sk: &str) -> Option<(String, WebhookId)> {
    Some((pk.strip_prefix(PROJECT)?.to_owned(), id_after(WEBHOOK, sk)?))
}

/// What happened in a project on the day of that time.
pub(crate) fn events_partition(project: &str, at: Timestamp) -> String {
    format!("{EVENTS}{project}#{}", at.seconds() / 86_400)
}

/// The project of such a partition.
pub(crate) fn project_of_events(pk: &str) -> Option<String> {
    let (project, _day) = pk.strip_prefix(EVENTS)?.rsplit_once('#')?;
    Some(project.to_owned())
}

/// The place of what was noted then; without a name, the first one that there can be.
pub(crate) fn event_place(at: Timestamp, name: &str) -> String {
    format!("{}#{name}", due_time(at))
}

/// The first place behind that of an event.
pub(crate) fn after_event(at: Timestamp, event: &str) -> String {
    format!("{}!", event_place(at, event))
}

/// When something was noted, and what.
pub(crate) fn place_of_event(sk: &str) -> Option<(Timestamp, String)> {
    let (at, event) = sk.split_once('#')?;
    Some((Timestamp::from_millis(at.parse().ok()?), event.to_owned()))
}

/// What goes on in a project.
pub(crate) fn live_partition(project: &ProjectId) -> String {
    format!("LIVE#{project}")
}

/// Something that goes on in a project.
pub(crate) fn live(project: &ProjectId, what: &Living) -> Key {
    let sk = match what {
        Living::Stay(stay) => format!("{STAY}{stay}"),
        Living::Session(session) => format!("{SESSION}{session}"),
    };
    Key::new(live_partition(project), sk)
}

/// The first and the last possible sort key of what goes on of that kind.
pub(crate) fn all_live(kind: LiveKind) -> [String; 2] {
    starting_with(match kind {
        LiveKind::Stays => STAY,
        LiveKind::Sessions => SESSION,
    })
}

/// What a project used on the day of that time.
pub(crate) fn usage_partition(project: &ProjectId, at: Timestamp) -> String {
    format!("USAGE#{project}#{}", at.seconds() / 86_400)
}

/// The name of a stay, from its place in the ledger.
pub(crate) fn stay_of(sk: &str) -> Option<(Timestamp, String)> {
    place_of_event(sk)
}

/// What came of telling an endpoint.
pub(crate) fn deliveries_partition(webhook: WebhookId) -> String {
    format!("DELIVERIES#{webhook}")
}

/// As many digits as any time has until the year 5138, so that texts sort as times do.
fn due_time(at: Timestamp) -> String {
    format!("{:014}", at.millis())
}

/// The item that something due is noted on.
pub(crate) fn due_item(due: &Due) -> Key {
    due.seat.map_or_else(|| session(due.session), |user| participant(due.session, user))
}

/// What is due, from its item's key and its place in the index; `None` for what was not written by [`due`].
pub(crate) fn due_of(item: &Key, due_sk: &str) -> Option<Due> {
    let seat = match item.sk.as_str() {
        META => None,
        sk => Some(participant_of(sk)?),
    };
    let at = Timestamp::from_millis(due_sk.split('#').next()?.parse().ok()?);
    Some(Due { session: session_of(&item.pk)?, seat, at })
}

/// Whether an item is a session's own.
pub(crate) fn is_session(item: &HashMap<String, AttributeValue>) -> bool {
    matches!(kind_of(item), Some(Marked::Session))
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

/// The session in which a sort key says that a seat was taken.
pub(crate) fn visit_of(sk: &str) -> Option<SessionId> {
    id_after(VISIT, sk)
}

/// The ticket of a logged connection's sort key.
pub(crate) fn ticket_of(sk: &str) -> Option<TicketId> {
    id_after(CONNECTION, sk)
}

/// The family that a sort key names.
pub(crate) fn family_of(sk: &str) -> Option<FamilyId> {
    id_after(FAMILY, sk)
}

/// The session whose chat, or whose captions it is.
pub(crate) fn log_of(pk: &str) -> Option<SessionId> {
    id_after(CHAT, pk).or_else(|| id_after(CAPTIONS, pk))
}

fn id_after<T: FromStr>(prefix: &str, text: &str) -> Option<T> {
    text.strip_prefix(prefix)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use domain::Timestamp;
    use proptest::prelude::*;

    use super::*;
    use crate::arbitrary;

    /// A key of every entity, all made of the same two identifiers and the same text.
    fn every_key(a: [u8; 16], b: [u8; 16], name: &Username, address: &Email) -> Vec<Key> {
        let valid = "the identifiers are of version 7";
        let mut all = [email_guards(address), username_guards(name)].concat();
        let text = || name.as_str().to_owned();
        for counted in [
            Counted::FailedLoginsOfAccount(text()),
            Counted::FailedLoginsOfAddress(text()),
            Counted::RegistrationsOfAddress(text()),
            Counted::InvitesOfAddress(text()),
        ] {
            all.push(counter(&counted));
        }
        for (a, b) in [(a, b), (b, a)] {
            let user = UserId::from_bytes(a).expect(valid);
            let room = SessionId::from_bytes(b).expect(valid);
            all.extend([profile(user), session(room), created(user, room), visit(user, room), participant(room, user)]);
            all.push(family(user, FamilyId::from_bytes(b).expect(valid)));
            let key = IdempotencyKey::parse(&room.to_string()).expect("an identifier is visible");
            all.push(creation(user, &key));
            all.push(connection(user, TicketId::from_bytes(b).expect(valid)));
            all.push(endpoint("default", WebhookId::from_bytes(a).expect(valid)));
            for log in [Log::Chat, Log::Captions] {
                all.push(message(room, log, MessageId::from_bytes(a).expect(valid)));
            }
            all.push(invite(room, &InviteId::parse(&"A".repeat(22)).expect("22 characters")));
            let id = RecordingId::from_bytes(a).or_else(|_| RecordingId::from_bytes(b)).expect(valid);
            all.extend([listed_recording(room, id), recorded(user, room)]);
            all.extend(RecordingKind::ALL.map(|kind| records(room, user, kind)));
            all.push(counter(&Counted::SessionsOf(user)));
            all.push(counter(&Counted::TicketsOf(user)));
            all.push(counter(&Counted::TranscribeLinesOf(user)));
            all.push(counter(&Counted::RecordingsOf(user)));
            for signal_id in [a, b] {
                all.push(signal(room, user, SignalId::from_bytes(signal_id).expect(valid)));
            }
        }
        all
    }

    proptest! {
        #[test]
        fn no_two_entities_share_a_key(
            a in arbitrary::user_id(),
            b in arbitrary::user_id(),
            name in arbitrary::username(),
            address in arbitrary::email(),
        ) {
            prop_assume!(a != b);
            let keys = every_key(*a.as_bytes(), *b.as_bytes(), &name, &address);
            let different: HashSet<_> = keys.iter().collect();
            prop_assert_eq!(different.len(), keys.len());
        }

        #[test]
        fn counters_share_a_key_only_if_they_count_the_same(a in arbitrary::counted(), b in arbitrary::counted()) {
            prop_assert_eq!(counter(&a) == counter(&b), a == b);
        }

        #[test]
        fn guards_are_the_same_in_any_case(name in "[a-zA-Z0-9#_-]{1,50}", address in arbitrary::email()) {
            let name = Username::parse(&name).expect("valid");
            let shouted = Username::parse(&name.as_str().to_uppercase()).expect("valid");
            prop_assert_eq!(username_guards(&name), username_guards(&shouted));
            let loud = Email::parse(&address.as_str().to_uppercase()).expect("valid");
            prop_assert_eq!(email_guards(&address), email_guards(&loud));
        }

        #[test]
        fn a_range_up_to_a_message_holds_the_older_ones_and_not_itself(
            one in arbitrary::message_id(),
            other in arbitrary::message_id(),
        ) {
            let (older, newer) = (one.min(other), one.max(other));
            prop_assume!(older != newer);
            let end = last_before(newer);
            prop_assert!(older.to_string() <= end && end < newer.to_string());
        }

        #[test]
        fn identifiers_survive_their_keys(
            user in arbitrary::user_id(),
            room in arbitrary::session_id(),
            ticket in arbitrary::ticket_id(),
            login in arbitrary::family_id(),
            chat in arbitrary::message_id(),
        ) {
            prop_assert_eq!(user_of(&profile(user).pk), Some(user));
            prop_assert_eq!(session_of(&session(room).pk), Some(room));
            prop_assert_eq!(created_of(&created(user, room).sk), Some(room));
            prop_assert_eq!(visit_of(&visit(user, room).sk), Some(room));
            prop_assert_eq!(family_of(&family(user, login).sk), Some(login));
            prop_assert_eq!(ticket_of(&connection(user, ticket).sk), Some(ticket));
            let seat = participant(room, user);
            prop_assert_eq!((session_of(&seat.pk), participant_of(&seat.sk)), (Some(room), Some(user)));
            for log in [Log::Chat, Log::Captions] {
                prop_assert_eq!(log_of(&message(room, log, chat).pk), Some(room));
            }
            let code = InviteId::parse("0123456789abcdefghijAB").expect("22 characters");
            let link = invite(room, &code);
            prop_assert_eq!(invite_of(&link.pk, &link.sk), Some((room, code)));
        }

        #[test]
        fn what_is_due_survives_its_keys_and_sorts_by_time(
            room in arbitrary::session_id(),
            user in proptest::option::of(arbitrary::user_id()),
            earlier in arbitrary::due_time(),
            later in arbitrary::due_time(),
        ) {
            let due = Due { session: room, seat: user, at: later };
            let [part, sort] = super::due(room, later);
            prop_assert_eq!(due_of(&due_item(&due), &sort), Some(due));
            prop_assert_eq!((0..DUE_PARTS).filter(|each| due_partition(*each) == part).count(), 1);
            let [_, other] = super::due(room, earlier);
            prop_assert_eq!(other < sort, earlier < later);
            prop_assert_eq!(sort <= due_by(earlier), later <= earlier);
        }

        #[test]
        fn a_key_is_read_as_nothing_else(user in arbitrary::user_id(), room in arbitrary::session_id()) {
            prop_assert_eq!(participant_of(META), None);
            prop_assert_eq!(session_of(&profile(user).pk), None);
            prop_assert_eq!(user_of(&session(room).pk), None);
            prop_assert_eq!(ticket_of(&created(user, room).sk), None);
            prop_assert_eq!(family_of(&created(user, room).sk), None);
            prop_assert_eq!(visit_of(&created(user, room).sk), None);
        }

        #[test]
        fn ranges_hold_their_own_keys_and_no_others(
            user in arbitrary::user_id(),
            room in arbitrary::session_id(),
            login in arbitrary::family_id(),
            ticket in arbitrary::ticket_id(),
        ) {
            let within = |key: &Key, [first, last]: [String; 2]| first <= key.sk && key.sk <= last;
            let (seat, session) = (visit(user, room), created(user, room));
            let all = [profile(user), family(user, login), session, connection(user, ticket), seat];
            let in_families: Vec<_> = all.iter().map(|key| within(key, families())).collect();
            let in_created: Vec<_> = all.iter().map(|key| within(key, created_sessions())).collect();
            let in_visits: Vec<_> = all.iter().map(|key| within(key, visits())).collect();
            let earliest = connections_from(TicketId::first_at(Timestamp::default()));
            let in_connections: Vec<_> = all.iter().map(|key| within(key, earliest.clone())).collect();
            prop_assert_eq!(in_families, [false, true, false, false, false]);
            prop_assert_eq!(in_created, [false, false, true, false, false]);
            prop_assert_eq!(in_visits, [false, false, false, false, true]);
            prop_assert_eq!(in_connections, [false, false, false, true, false]);
        }

        #[test]
        fn an_active_session_is_listed_in_one_of_the_partitions_that_are_read(session in arbitrary::session()) {
            let listed = active_partition_of(&session);
            let (project, other) = (session.project, ProjectId::parse("another-one").expect("valid"));
            for (project, visibility, count) in [
                (&project, session.visibility, 1),
                (&other, session.visibility, 0),
                (&ProjectId::default(), session.visibility, usize::from(project.is_default())),
            ] {
                let read = active_partitions(project, visibility).filter(|partition| *partition == listed).count();
                prop_assert_eq!(read, count);
            }
        }
    }
}
