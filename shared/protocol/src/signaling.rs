//! Signaling: the frames of clients, the answers to them, and the events.

use std::collections::BTreeMap;
use std::time::Duration;

use domain::about::{About, Saying, names_fit};
use domain::delivery::Delivery;
use domain::moderation::{Muted, ParticipantChange, Updated};
use domain::ports::{ClientMessageId, Knock, SessionChange, Signal, Status};
use domain::{
    Attached, Context, Departure, Ending, Error, Event, EventEncoder, Frame, MediaKind, Metadata, Participant,
    Permission, Rights, RoomRef, Sender, Session, SessionId, SignalId, Timestamp, UserId, Username,
};
use serde::Serialize;
use serde_json::value::RawValue;

use crate::captions::CaptionData;
use crate::data::{DataReceived, RpcAnswerReceived, RpcReceived};
use crate::recordings::{RecordingReadyData, RecordingRequestedData, RecordingStartedData, RecordingStoppedData};
use crate::rest::{PresenceView, SessionDetail, identity};
use crate::rights::{MediaKindView, PermissionsView, RoleView};
use crate::sdp::Sent;
use crate::{Fields, format_time, parse_time, rights, sdp};

/// API Gateway splits larger messages into several frames; ours stay below, in bytes.
/// <https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-execution-service-websocket-limits-table.html>
pub const MAX_FRAME: usize = 32 * 1024;

/// The longest chat message, in characters.
pub const MAX_TEXT: usize = 4096;

/// The longest `id` and `epoch`, in characters.
const MAX_TAG: usize = 64;

/// The most candidates in one frame.
const MAX_CANDIDATES: usize = 256;

/// A client's frame, its envelope read.
pub struct ClientFrame<'a> {
    /// What it wants.
    pub action: String,
    /// What its answer will carry.
    pub id: String,
    data: &'a RawValue,
}

/// A frame that is refused before its action is known, with its `id` if that was readable.
#[derive(Debug)]
pub struct Unreadable {
    /// The frame's `id`.
    pub id: Option<String>,
    /// Why.
    pub error: Error,
}

impl<'a> ClientFrame<'a> {
    /// Reads the envelope.
    pub fn parse(text: &'a str) -> Result<Self, Unreadable> {
        let mut id = None;
        let envelope = Fields::read(text, "frame", |f| {
            id = f.text("id", |id| tag(id, "must be 1-64 characters"));
            let action = f.text("action", Ok);
            let data = f.optional_json("data", Ok);
            Some((action?, data?))
        });
        match (envelope, id) {
            (Ok((action, data)), Some(id)) => Ok(Self { action, id, data: data.unwrap_or(RawValue::NULL) }),
            (Ok(_), None) => unreachable!("a missing id is an error of the envelope"),
            (Err(errors), id) => Err(Unreadable { id, error: Error::InvalidFrame(errors) }),
        }
    }

    /// The data, as it was written.
    pub(crate) fn data_text(&self) -> &'a str {
        self.data.get()
    }

    pub(crate) fn data<T>(&self, read: impl FnOnce(&mut Fields<'a>) -> Option<T>) -> Result<T, Error> {
        let json = if self.data.get() == "null" { "{}" } else { self.data.get() };
        Fields::read(json, "data", read).map_err(Error::InvalidFrame)
    }

    /// `joinSession`.
    pub fn join(&self) -> Result<Join, Error> {
        self.data(|f| {
            let session = f.text("sessionId", |text| text.parse().map_err(|_| "must be a session's id"));
            let since = f.optional_text("since", |text| since(&text));
            Some(Join { session: session?, since: since? })
        })
    }

    /// `JoinSession` of the hub: a session's id or a room's name, or null for what the token is for.
    pub fn join_at_hub(&self) -> Result<Option<RoomRef>, Error> {
        self.data(|f| f.optional_text("sessionId", |text| RoomRef::parse(&text)))
    }

    /// `leaveSession` and `ping`.
    pub fn nothing(&self) -> Result<(), Error> {
        self.data(|_| Some(()))
    }

    /// `sync`.
    pub fn sync(&self) -> Result<Timestamp, Error> {
        self.data(|f| f.text("since", |text| since(&text)))
    }

    /// `updateStatus`.
    pub fn status(&self) -> Result<Status, Error> {
        self.data(|f| {
            let is_muted = f.flag("isMuted");
            let is_video_enabled = f.flag("isVideoEnabled");
            Some(Status { is_muted: is_muted?, is_video_enabled: is_video_enabled? })
        })
    }

    /// `sendMessage`.
    pub fn message(&self) -> Result<ClientMessage, Error> {
        self.data(client_message)
    }

    /// `updateParticipant`.
    pub fn update_participant(&self) -> Result<UpdateParticipant, Error> {
        self.data(|f| {
            let target = target(f);
            let change = rights::participant_change(f);
            Some(UpdateParticipant { target: target?, change: change? })
        })
    }

    /// `muteParticipant`.
    pub fn mute(&self) -> Result<Mute, Error> {
        self.data(|f| {
            let kind = f.text("kind", |text| rights::media_kind(&text));
            let one = f.optional_text("targetUserId", |text| Ok(text.parse().ok()));
            let all = f.optional_flag("all");
            let except = f.optional_json("except", rights::users);
            let (one, all, except) = (one?, all?, except?);
            let who = match (one, all, except) {
                (Some(target), None | Some(false), None) => target.map(Muted::One),
                (None, Some(true), except) => Some(Muted::AllBut(except.unwrap_or_default())),
                (Some(_), Some(true), _) => return f.refuse("all", "must not come with targetUserId"),
                (Some(_), _, Some(_)) => return f.refuse("except", "must not come with targetUserId"),
                (None, None | Some(false), _) => return f.refuse("targetUserId", "is missing, and all is not true"),
            };
            Some(Mute { who, kind: kind? })
        })
    }

    /// `removeParticipant`.
    pub fn remove(&self) -> Result<Remove, Error> {
        self.data(|f| {
            let target = target(f);
            let ban = f.optional_number("banSeconds", rights::ban);
            Some(Remove { target: target?, ban: ban? })
        })
    }

    /// `admitParticipant` and `denyParticipant`: who; nobody if the target is no user.
    pub fn target(&self) -> Result<Option<UserId>, Error> {
        self.data(target)
    }

    /// `updateAttributes`.
    pub fn update_attributes(&self) -> Result<Saying, Error> {
        self.data(|f| match f.optional_json("attributes", attributes) {
            Some(None) => f.refuse("attributes", "is missing"),
            given => given.flatten(),
        })
        .map(Saying::Attributes)
    }

    /// `raiseHand`.
    pub fn raise_hand(&self) -> Result<Saying, Error> {
        self.data(|f| f.flag("raised")).map(Saying::Hand)
    }

    /// `updateSession`.
    pub fn update_session(&self) -> Result<SessionChange, Error> {
        self.data(rights::session_change)
    }

    /// `sendOffer`, `sendAnswer` and `sendIceCandidate`; another action is unknown.
    pub fn signal(&self) -> Result<ClientSignal<'a>, Error> {
        let (event, field) = match self.action.as_str() {
            "sendOffer" => ("receiveOffer", "offer"),
            "sendAnswer" => ("receiveAnswer", "answer"),
            "sendIceCandidate" => ("receiveIceCandidate", "candidates"),
            _ => return Err(Error::UnknownAction),
        };
        self.data(|f| {
            let target = target(f);
            let epoch = f.optional_text("epoch", |text| tag(text, "must be 1-64 characters"));
            let seq = f.optional_number("seq", |n| if n >= 1 { Ok(n) } else { Err("must be at least 1") });
            let body = if field == "candidates" { candidates(f) } else { description(f, field) };
            Some(ClientSignal { event, field, target: target?, epoch: epoch?, seq: seq?, body: body? })
        })
    }
}

/// Attributes by name; those that are null are to be taken away.
pub(crate) fn attributes(json: &RawValue) -> Result<BTreeMap<String, Option<String>>, &'static str> {
    let read: BTreeMap<String, Option<String>> =
        serde_json::from_str(json.get()).map_err(|_| "must be an object of strings, or null to take one away")?;
    names_fit(read.keys()).then_some(read).ok_or("must hold 1-64 attributes, each with a name of 1-64 characters")
}

/// `joinSession`.
pub struct Join {
    /// The session, which must be the ticket's.
    pub session: SessionId,
    /// From when on a replay is wanted.
    pub since: Option<Timestamp>,
}

/// `sendMessage`.
pub struct ClientMessage {
    /// The text.
    pub text: String,
    /// What the client calls it.
    pub client_id: Option<ClientMessageId>,
}

/// A chat message, from either door.
pub(crate) fn client_message(f: &mut Fields<'_>) -> Option<ClientMessage> {
    let text = f.text("message", message);
    let client_id = f.optional_text("clientMessageId", ClientMessageId::parse);
    Some(ClientMessage { text: text?, client_id: client_id? })
}

/// `updateParticipant`.
pub struct UpdateParticipant {
    /// Whose rights.
    pub target: Option<UserId>,
    /// What is to be changed.
    pub change: ParticipantChange,
}

/// `muteParticipant`.
pub struct Mute {
    /// Whose track; nobody's if the target is no user.
    pub who: Option<Muted>,
    /// Which track.
    pub kind: MediaKind,
}

/// `removeParticipant`.
pub struct Remove {
    /// Who.
    pub target: Option<UserId>,
    /// For how long they are kept out.
    pub ban: Option<Duration>,
}

/// A signal as a client sends it.
pub struct ClientSignal<'a> {
    event: &'static str,
    field: &'static str,
    target: Option<UserId>,
    epoch: Option<String>,
    seq: Option<u64>,
    body: Body<'a>,
}

enum Body<'a> {
    Description(&'a RawValue, Sent),
    Candidates(Vec<&'a RawValue>),
}

impl ClientSignal<'_> {
    /// The signal that its target receives. Who sends it is the server's word, never the client's.
    pub fn into_signal(self, context: Context<'_>, session: SessionId, from: &Sender) -> Result<Signal, Error> {
        let to = self.target.filter(|to| *to != from.user_id).ok_or(Error::PeerNotFound)?;
        let id = SignalId::new(context.ids, context.now);
        let data = SignalData {
            from_user_id: from.user_id.to_string(),
            from_username: from.username.as_str(),
            from_identity: identity(from.identity.as_ref()),
            offer: self.description_of("offer"),
            answer: self.description_of("answer"),
            candidates: match &self.body {
                Body::Candidates(list) => Some(list),
                Body::Description(..) => None,
            },
            epoch: self.epoch.as_deref(),
            seq: self.seq,
            signal_id: id.to_string(),
        };
        let frame = Frame(encode(self.event, None, context.now, &data));
        if frame.0.len() >= MAX_FRAME {
            return Err(Error::PayloadTooLarge { what: "the frame to the target", limit: MAX_FRAME });
        }
        Ok(Signal { id, session, to, frame })
    }

    /// Refuses a description that would send what its sender may not.
    pub fn check(&self, rights: Rights) -> Result<(), Error> {
        let Body::Description(_, sent) = self.body else {
            return Ok(());
        };
        let kinds = [
            (sent.audio, Permission::PublishAudio),
            (sent.video, Permission::PublishVideo),
            (sent.screen, Permission::PublishScreen),
        ];
        kinds.into_iter().filter(|(sends, _)| *sends).try_for_each(|(_, needed)| rights.require(needed))
    }

    fn description_of(&self, field: &str) -> Option<&RawValue> {
        match self.body {
            Body::Description(raw, _) if self.field == field => Some(raw),
            Body::Description(..) | Body::Candidates(_) => None,
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SignalData<'a> {
    from_user_id: String,
    from_username: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    from_identity: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    offer: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    answer: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    candidates: Option<&'a Vec<&'a RawValue>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    epoch: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    seq: Option<u64>,
    signal_id: String,
}

pub(crate) fn tag(text: String, reason: &'static str) -> Result<String, &'static str> {
    (1..=MAX_TAG).contains(&text.chars().count()).then_some(text).ok_or(reason)
}

fn since(text: &str) -> Result<Timestamp, &'static str> {
    parse_time(text).ok_or("must be an RFC 3339 time")
}

fn message(text: String) -> Result<String, &'static str> {
    (1..=MAX_TEXT).contains(&text.chars().count()).then_some(text).ok_or("must be 1-4096 characters")
}

fn description<'a>(f: &mut Fields<'a>, field: &'static str) -> Option<Body<'a>> {
    let (sent, raw) = f.object(field, |d| {
        let kind = d.text("type", |text| if text == field { Ok(()) } else { Err("does not fit the action") });
        let sdp = d.text("sdp", |text| if text.is_empty() { Err("must not be empty") } else { Ok(sdp::sent(&text)) });
        kind.and(sdp)
    })?;
    Some(Body::Description(raw, sent))
}

/// Whoever an action is about. What is no identifier names nobody.
pub(crate) fn target(f: &mut Fields<'_>) -> Option<Option<UserId>> {
    f.text("targetUserId", |text| Ok(text.parse().ok()))
}

fn candidates<'a>(f: &mut Fields<'a>) -> Option<Body<'a>> {
    match (f.has("candidate"), f.has("candidates")) {
        (true, false) => f.optional_json("candidate", candidate).flatten().map(|one| Body::Candidates(vec![one])),
        (false, true) => f.optional_json("candidates", candidate_list).flatten().map(Body::Candidates),
        (true, true) => {
            f.optional_json("candidate", Ok);
            f.optional_json("candidates", Ok);
            f.refuse("candidates", "must not come with candidate")
        }
        (false, false) => {
            f.optional_json("candidate", Ok);
            f.optional_json("candidates", Ok);
            f.refuse("candidates", "is missing")
        }
    }
}

const CANDIDATE: &str = "must be an object with a string candidate";

fn candidate(raw: &RawValue) -> Result<&RawValue, &'static str> {
    #[derive(serde::Deserialize)]
    struct Candidate<'a> {
        #[serde(rename = "candidate", borrow)]
        _candidate: std::borrow::Cow<'a, str>,
    }
    // A struct also reads from an array, which is not what a candidate is.
    let is_object = raw.get().starts_with('{');
    (is_object && serde_json::from_str::<Candidate<'_>>(raw.get()).is_ok()).then_some(raw).ok_or(CANDIDATE)
}

fn candidate_list(raw: &RawValue) -> Result<Vec<&RawValue>, &'static str> {
    let list: Vec<&RawValue> = serde_json::from_str(raw.get()).map_err(|_| "must be a list")?;
    if !(1..=MAX_CANDIDATES).contains(&list.len()) {
        return Err("must hold 1-256 candidates");
    }
    list.into_iter().map(candidate).collect()
}

#[derive(Serialize)]
struct Outgoing<'a, T> {
    event: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a str>,
    timestamp: String,
    data: &'a T,
}

fn encode<T: Serialize>(event: &str, id: Option<&str>, at: Timestamp, data: &T) -> String {
    serde_json::to_string(&Outgoing { event, id, timestamp: format_time(at), data })
        .expect("the wire types have string keys and nothing that cannot be written")
}

/// The answer to a frame that was carried out.
pub fn ack<T: Serialize>(id: &str, at: Timestamp, data: &T) -> String {
    encode("ack", Some(id), at, data)
}

/// The answer to a frame that was refused.
pub fn error(id: Option<&str>, at: Timestamp, error: &Error) -> String {
    encode("error", id, at, &ErrorData { code: frame_code(error), message: error.to_string() })
}

/// A frame's error code: fewer than REST has. `unavailable` asks the client's outbox to send again.
fn frame_code(error: &Error) -> &'static str {
    match error {
        Error::NotInSession | Error::SessionNotFound => Error::NotJoined.code(),
        Error::ParticipantNotFound => Error::PeerNotFound.code(),
        other => other.code(),
    }
}

#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
/// Why a frame was refused.
pub struct ErrorData {
    /// The stable name.
    pub code: &'static str,
    /// For people.
    pub message: String,
}

/// The answer to actions that have nothing to say.
#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Nothing {}

/// The answer to `joinSession`.
#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct JoinedData {
    /// The session as it is now.
    pub session: SessionDetail,
    /// Whether nothing was missed since `since`.
    pub recovered: bool,
    /// How often to send `ping`.
    pub heartbeat_seconds: u64,
}

/// The answer to a signal.
#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct SignalAck {
    /// Where the signal is.
    pub delivery: DeliveryView,
    /// Its identifier.
    pub signal_id: String,
}

/// Where a signal is.
#[derive(Debug, Clone, Copy, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub enum DeliveryView {
    /// With the target's connection.
    Sent,
    /// Waiting for the target to come back.
    Queued,
}

/// The answer to `sendMessage`.
#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct MessageAck {
    /// The message's identifier.
    pub message_id: String,
}

/// The answer to what is said to everybody.
#[derive(Serialize)]
#[serde(untagged)]
pub enum SaidAck {
    /// To `sendMessage`.
    Message(MessageAck),
    /// To `sendCaption`.
    Nothing(Nothing),
}

/// The answer to `sync`.
#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SyncAck {
    /// How many events were sent again.
    pub replayed: usize,
}

/// `userJoined`.
#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct UserJoinedData {
    /// Who.
    pub user_id: String,
    /// Their name.
    pub username: String,
    /// What their app calls them; an account has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub identity: Option<String>,
    /// When they took their seat.
    pub joined_at: String,
    /// Whether the microphone is off.
    pub is_muted: bool,
    /// Whether the camera is on.
    pub is_video_enabled: bool,
    /// Their part in the session.
    pub role: RoleView,
    /// What they may do, where it is not what the role usually may.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub permissions: Option<PermissionsView>,
}

/// `userLeft`.
#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct UserLeftData {
    /// Who.
    pub user_id: String,
    /// Their name.
    pub username: String,
    /// What their app calls them; an account has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub identity: Option<String>,
    /// Why.
    pub reason: DepartureView,
}

/// Why somebody left.
#[derive(Debug, Clone, Copy, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub enum DepartureView {
    /// They said so.
    Left,
    /// They did not come back in time.
    Timeout,
    /// Their access was taken away.
    Removed,
}

/// `userStatusUpdated`.
#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct UserStatusData {
    /// Who.
    pub user_id: String,
    /// Their name.
    pub username: String,
    /// What their app calls them; an account has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub identity: Option<String>,
    /// Whether their connection is there.
    pub status: PresenceView,
    /// Whether the microphone is off.
    pub is_muted: bool,
    /// Whether the camera is on.
    pub is_video_enabled: bool,
}

/// `receiveMessage`.
#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct MessageData {
    /// Its identifier.
    pub message_id: String,
    /// Who wrote it.
    pub from_user_id: String,
    /// The writer's name.
    pub from_username: String,
    /// What their app calls them; an account has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from_identity: Option<String>,
    /// The text.
    pub message: String,
    /// What its writer's client calls it, if it gave it a name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_message_id: Option<String>,
}

/// `participantUpdated`, and the answer to `updateParticipant`.
#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct ParticipantUpdatedData {
    /// Who.
    pub user_id: String,
    /// Their name.
    pub username: String,
    /// What their app calls them; an account has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub identity: Option<String>,
    /// Their part in the session.
    pub role: RoleView,
    /// What they may do.
    pub permissions: PermissionsView,
    /// What they say of themselves, all of it; absent where that is not what changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attributes: Option<BTreeMap<String, String>>,
    /// What the app keeps with them, an empty text for nothing; there where `attributes` are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metadata: Option<String>,
    /// Since when a hand is raised, null where none is; absent where that is not what changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hand_raised_at: Option<Option<String>>,
    /// How often those three were changed: whoever knows of a greater one drops this. There where `attributes` are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<u64>,
}

/// The answer to `updateAttributes` and `raiseHand`: what the participant says of themselves now.
#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct AboutData {
    /// Attributes, by name.
    pub attributes: BTreeMap<String, String>,
    /// Since when a hand is raised.
    pub hand_raised_at: Option<String>,
    /// How often what is said of the participant was changed.
    pub version: u64,
}

impl From<About> for AboutData {
    fn from(about: About) -> Self {
        let hand_raised_at = about.hand_raised_at.map(format_time);
        Self { attributes: about.attributes, hand_raised_at, version: about.version }
    }
}

/// `sessionUpdated`, and the answer to `updateSession`.
#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct SessionUpdatedData {
    /// The session's name.
    pub name: String,
    /// Its number of seats.
    pub max_participants: u8,
    /// Whether nobody but hosts and cohosts may join.
    pub locked: bool,
    /// Whether whoever joins waits until a host or a cohost admits them.
    pub waiting_room: bool,
    /// How often its settings were changed.
    pub version: u64,
    /// What the app keeps with it, if that was changed; an empty text for nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metadata: Option<String>,
}

/// `muteRequested`: somebody who steers the session asks for a track to be switched off.
#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct MuteRequestedData {
    /// Which track.
    pub kind: MediaKindView,
    /// Who asks; nobody where the app itself does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub by_user_id: Option<String>,
}

/// `participantWaiting`: somebody waits to be admitted.
#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct ParticipantWaitingData {
    /// Who.
    pub user_id: String,
    /// Their name.
    pub username: String,
    /// What their app calls them; an account has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub identity: Option<String>,
    /// Since when they wait.
    pub waiting_since: String,
}

/// `admitted`: somebody waits no longer, because they may join.
#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct AdmittedData {
    /// Who: the receiver, or somebody whom those who steer the session saw waiting.
    pub user_id: String,
    /// Their name.
    pub username: String,
    /// What their app calls them; an account has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub identity: Option<String>,
}

/// `denied`: somebody waits no longer, and was not admitted.
#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct DeniedData {
    /// Who: the receiver, or somebody whom those who steer the session saw waiting.
    pub user_id: String,
    /// Their name.
    pub username: String,
    /// What their app calls them; an account has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub identity: Option<String>,
    /// Why.
    pub reason: DenialView,
    /// When they may knock again; for whoever was turned away.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
}

/// Why somebody waits no longer who was not admitted.
#[derive(Debug, Clone, Copy, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub enum DenialView {
    /// They were turned away.
    Denied,
    /// They gave up.
    Left,
    /// Their connection ended.
    Timeout,
}

impl From<Departure> for DenialView {
    fn from(reason: Departure) -> Self {
        match reason {
            Departure::Removed => Self::Denied,
            Departure::Left => Self::Left,
            Departure::Timeout => Self::Timeout,
        }
    }
}

/// `removed`: the receiver was taken out of the session, and is disconnected.
#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct RemovedData {
    /// Whether they may come back.
    pub reason: RemovalView,
    /// When they may, if they are banned.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub banned_until: Option<String>,
}

/// Whether somebody who was removed may come back.
#[derive(Debug, Clone, Copy, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub enum RemovalView {
    /// They may.
    Removed,
    /// Not before the ban ends.
    Banned,
}

/// The answer to `removeParticipant`.
#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct RemoveAck {
    /// When they may come back, if they are banned.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub banned_until: Option<String>,
}

/// The answer to one of the actions of those who steer a session.
#[derive(Serialize)]
#[serde(untagged)]
pub enum ModerateAck {
    /// To `updateParticipant`.
    Participant(ParticipantUpdatedData),
    /// To `removeParticipant`.
    Removed(RemoveAck),
    /// To `updateSession`.
    Session(SessionUpdatedData),
    /// To `muteParticipant`, `admitParticipant` and `denyParticipant`.
    Nothing(Nothing),
}

impl From<&Knock> for ParticipantWaitingData {
    fn from(knock: &Knock) -> Self {
        Self {
            user_id: knock.user_id.to_string(),
            username: owned(&knock.username),
            identity: identity(knock.identity.as_ref()),
            waiting_since: format_time(knock.since),
        }
    }
}

impl From<&Knock> for AdmittedData {
    fn from(knock: &Knock) -> Self {
        Self {
            user_id: knock.user_id.to_string(),
            username: owned(&knock.username),
            identity: identity(knock.identity.as_ref()),
        }
    }
}

impl DeniedData {
    fn new(knock: &Knock, reason: Departure, until: Option<Timestamp>) -> Self {
        let AdmittedData { user_id, username, identity } = knock.into();
        Self { user_id, username, identity, reason: reason.into(), until: until.map(format_time) }
    }
}

impl RemovedData {
    /// What whoever was removed is told.
    pub fn new(banned_until: Option<Timestamp>) -> Self {
        let reason = if banned_until.is_some() { RemovalView::Banned } else { RemovalView::Removed };
        Self { reason, banned_until: banned_until.map(format_time) }
    }
}

impl From<&Updated> for ParticipantUpdatedData {
    fn from(updated: &Updated) -> Self {
        Self::new(&updated.participant, updated.about.as_ref())
    }
}

/// Metadata as text; an empty one where there is none.
fn metadata(metadata: Option<&Metadata>) -> String {
    metadata.map(|metadata| metadata.as_str().to_owned()).unwrap_or_default()
}

impl ParticipantUpdatedData {
    /// A participant, with what they say of themselves where that is known.
    pub fn new(participant: &Participant, about: Option<&About>) -> Self {
        Self {
            attributes: about.map(|about| about.attributes.clone()),
            metadata: about.map(|about| metadata(about.metadata.as_ref())),
            hand_raised_at: about.map(|about| about.hand_raised_at.map(format_time)),
            version: about.map(|about| about.version),
            user_id: participant.user_id.to_string(),
            username: owned(&participant.username),
            identity: identity(participant.identity.as_ref()),
            role: participant.rights.role.into(),
            permissions: participant.rights.permissions.into(),
        }
    }
}

impl From<&Session> for SessionUpdatedData {
    fn from(session: &Session) -> Self {
        Self {
            name: session.name.as_str().to_owned(),
            max_participants: session.max_participants,
            locked: session.controls.locked,
            waiting_room: session.controls.waiting_room,
            version: session.controls.version,
            metadata: match &session.metadata {
                Attached::This(this) => Some(metadata(Some(this))),
                Attached::Removed => Some(metadata(None)),
                Attached::Nothing | Attached::Unread => None,
            },
        }
    }
}

/// `sessionEnded`.
#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SessionEndedData {
    /// Why.
    pub reason: EndingView,
}

/// Why a session ended.
#[derive(Debug, Clone, Copy, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub enum EndingView {
    /// Its creator ended it.
    Ended,
    /// It stood empty.
    Empty,
    /// Its longest time was over.
    MaxDuration,
    /// Its creator's account was deleted.
    CreatorDeleted,
}

/// Encodes events as JSON.
#[derive(Debug, Clone, Copy)]
pub struct JsonEncoder;

impl EventEncoder for JsonEncoder {
    fn encode(&self, event: &Event<'_>, at: Timestamp) -> Frame {
        Frame(match event {
            Event::UserJoined(participant) => encode("userJoined", None, at, &UserJoinedData::from(*participant)),
            Event::UserLeft { user_id, username, identity: named, reason } => {
                let (user_id, username, identity) = (user_id.to_string(), owned(username), identity(*named));
                let data = UserLeftData { user_id, username, identity, reason: DepartureView::from(*reason) };
                encode("userLeft", None, at, &data)
            }
            Event::UserStatusUpdated(participant) => {
                encode("userStatusUpdated", None, at, &UserStatusData::from(*participant))
            }
            Event::ParticipantUpdated { participant, about } => {
                encode("participantUpdated", None, at, &ParticipantUpdatedData::new(participant, *about))
            }
            Event::SessionUpdated(session) => encode("sessionUpdated", None, at, &SessionUpdatedData::from(*session)),
            Event::MuteRequested { kind, by } => {
                let data = MuteRequestedData { kind: (*kind).into(), by_user_id: by.map(|by| by.to_string()) };
                encode("muteRequested", None, at, &data)
            }
            Event::ParticipantWaiting(knock) => {
                encode("participantWaiting", None, at, &ParticipantWaitingData::from(*knock))
            }
            Event::Admitted(knock) => encode("admitted", None, at, &AdmittedData::from(*knock)),
            Event::Denied { knock, reason, until } => {
                encode("denied", None, at, &DeniedData::new(knock, *reason, *until))
            }
            Event::Removed { banned_until } => encode("removed", None, at, &RemovedData::new(*banned_until)),
            Event::ReceiveData(data) => encode("receiveData", None, at, &DataReceived::from(*data)),
            Event::ReceiveRpc(rpc) => encode("receiveRpc", None, at, &RpcReceived::from(*rpc)),
            Event::ReceiveRpcAnswer(answer) => encode("receiveRpcAnswer", None, at, &RpcAnswerReceived::from(*answer)),
            Event::ReceiveMessage(message) => {
                let data = MessageData {
                    message_id: message.id.to_string(),
                    from_user_id: message.from.to_string(),
                    from_username: owned(&message.username),
                    from_identity: identity(message.identity.as_ref()),
                    message: message.text.clone(),
                    client_message_id: message.client_id.as_ref().map(|id| id.as_str().to_owned()),
                };
                encode("receiveMessage", None, at, &data)
            }
            Event::ReceiveCaption { said, spoken, is_final } => {
                encode("receiveCaption", None, at, &CaptionData::new(said, spoken, *is_final))
            }
            Event::RecordingStarted(recording) => {
                encode("recordingStarted", None, at, &RecordingStartedData::from(*recording))
            }
            Event::RecordingStopped(recording) => {
                encode("recordingStopped", None, at, &RecordingStoppedData::from(*recording))
            }
            Event::RecordingReady(recording) => {
                encode("recordingReady", None, at, &RecordingReadyData::from(*recording))
            }
            Event::RecordingRequested { session, wanted, count, by } => {
                encode("recordingRequested", None, at, &RecordingRequestedData::new(*session, *wanted, *count, *by))
            }
            Event::SessionEnded(why) => {
                encode("sessionEnded", None, at, &SessionEndedData { reason: EndingView::from(*why) })
            }
            Event::Replaced => encode("replaced", None, at, &Nothing {}),
        })
    }
}

fn owned(username: &Username) -> String {
    username.as_str().to_owned()
}

impl From<&Participant> for UserJoinedData {
    fn from(participant: &Participant) -> Self {
        Self {
            user_id: participant.user_id.to_string(),
            username: owned(&participant.username),
            identity: identity(participant.identity.as_ref()),
            joined_at: format_time(participant.joined_at),
            is_muted: participant.is_muted,
            is_video_enabled: participant.is_video_enabled,
            role: participant.rights.role.into(),
            permissions: PermissionsView::unless_usual(participant.rights),
        }
    }
}

impl From<&Participant> for UserStatusData {
    fn from(participant: &Participant) -> Self {
        Self {
            user_id: participant.user_id.to_string(),
            username: owned(&participant.username),
            identity: identity(participant.identity.as_ref()),
            status: participant.presence.into(),
            is_muted: participant.is_muted,
            is_video_enabled: participant.is_video_enabled,
        }
    }
}

impl From<Departure> for DepartureView {
    fn from(reason: Departure) -> Self {
        match reason {
            Departure::Left => Self::Left,
            Departure::Timeout => Self::Timeout,
            Departure::Removed => Self::Removed,
        }
    }
}

impl From<Ending> for EndingView {
    fn from(why: Ending) -> Self {
        match why {
            Ending::EndedByCreator => Self::Ended,
            Ending::Empty => Self::Empty,
            Ending::MaxDuration => Self::MaxDuration,
            Ending::CreatorDeleted => Self::CreatorDeleted,
        }
    }
}

impl From<Delivery> for DeliveryView {
    fn from(delivery: Delivery) -> Self {
        match delivery {
            Delivery::Sent => Self::Sent,
            Delivery::Queued => Self::Queued,
        }
    }
}
