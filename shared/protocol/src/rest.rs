//! REST: what clients send and what they get.

use std::collections::BTreeMap;
use std::time::Duration;

use domain::about::About;
use domain::accounts::Grant;
use domain::moderation::ParticipantChange;
use domain::ports::{ChatMessage, SessionChange};
use domain::sessions::{DEFAULT_SEATS, NewSession};
use domain::{
    Email, Error, Identity, Lifetime, MediaKind, Metadata, Password, Policy, Presence, RoomName, RoomRef, Roster,
    Session, SessionKind, SessionName, SessionState, Timestamp, User, Username, Visibility, quality,
};
use serde::Serialize;
use serde_json::value::RawValue;

use crate::data::{self, SendData};
use crate::rights::{PermissionsView, RoleView};
use crate::signaling::{ClientMessage, client_message};
use crate::{Fields, format_time, rights};

/// The longest request body, in bytes.
pub const MAX_BODY: usize = 64 * 1024;

pub(crate) fn body<'a, T>(json: &'a str, read: impl FnOnce(&mut Fields<'a>) -> Option<T>) -> Result<T, Error> {
    Fields::read(json, "body", read).map_err(Error::InvalidRequest)
}

/// `POST /api/auth/register`.
pub struct Register {
    /// The wanted name.
    pub username: Username,
    /// The address.
    pub email: Email,
    /// The password in clear.
    pub password: Password,
}

impl Register {
    /// Parses a body.
    pub fn parse(json: &str) -> Result<Self, Error> {
        body(json, |f| {
            let username = f.text("username", |text| Username::parse(&text));
            let email = f.text("email", |text| Email::parse(&text));
            let password = f.text("password", Password::parse_new);
            Some(Self { username: username?, email: email?, password: password? })
        })
    }
}

/// `POST /api/auth/login`.
pub struct Login {
    /// The address.
    pub email: Email,
    /// The password in clear.
    pub password: Password,
}

impl Login {
    /// Parses a body.
    pub fn parse(json: &str) -> Result<Self, Error> {
        body(json, |f| {
            let email = f.text("email", |text| Email::parse_known(&text));
            let password = f.text("password", Password::parse);
            Some(Self { email: email?, password: password? })
        })
    }
}

/// `POST /api/auth/refresh` and `POST /api/auth/logout`.
pub struct RefreshToken(pub String);

impl RefreshToken {
    /// Parses a body.
    pub fn parse(json: &str) -> Result<Self, Error> {
        body(json, |f| f.text("refreshToken", Ok).map(Self))
    }
}

/// `POST /api/auth/password`.
pub struct ChangePassword {
    /// The password so far.
    pub current: Password,
    /// The password from now on.
    pub new: Password,
}

impl ChangePassword {
    /// Parses a body.
    pub fn parse(json: &str) -> Result<Self, Error> {
        body(json, |f| {
            let current = f.text("currentPassword", Password::parse);
            let new = f.text("newPassword", Password::parse_new);
            Some(Self { current: current?, new: new? })
        })
    }
}

/// `DELETE /api/auth/me`.
pub struct DeleteAccount(pub Password);

impl DeleteAccount {
    /// Parses a body.
    pub fn parse(json: &str) -> Result<Self, Error> {
        body(json, |f| f.text("password", Password::parse).map(Self))
    }
}

/// `POST /api/session/create`. A room needs no name: what the app calls it serves.
pub fn parse_new_session(json: &str) -> Result<NewSession, Error> {
    body(json, |f| {
        let is_room = f.has("room");
        let name = f.optional_text("name", |text| SessionName::parse(&text));
        let max_participants = f.optional_number("maxParticipants", seats);
        let kind = f.optional_json("type", kind);
        let visibility = f.optional_text("visibility", |text| visibility(&text));
        let locked = f.optional_flag("locked");
        let waiting_room = f.optional_flag("waitingRoom");
        let metadata = f.optional_text("metadata", |text| Metadata::parse(&text));
        let empty = f.optional_number("emptyTimeoutSeconds", |seconds| span(seconds, EMPTY));
        let longest = f.optional_number("maxDurationSeconds", |seconds| span(seconds, LONGEST));
        let room = f.optional_text("room", |text| RoomName::parse(&text));
        let name = name.and_then(|name| match name {
            None if is_room => room.as_ref()?.as_ref().map(SessionName::of_room),
            None => f.refuse("name", "is missing"),
            named => named,
        });
        Some(NewSession {
            name: name?,
            max_participants: max_participants?.unwrap_or(DEFAULT_SEATS),
            kind: kind?.unwrap_or(SessionKind::VideoCall),
            visibility: visibility?,
            room: room?,
            locked: locked?.unwrap_or(false),
            waiting_room: waiting_room?.unwrap_or(false),
            lifetime: Lifetime { empty: empty?, longest: longest? },
            metadata: metadata?.flatten(),
        })
    })
}

/// How long a session may stand empty, in seconds: half a minute to a day.
pub(crate) const EMPTY: (u64, u64, &str) = (30, 24 * 60 * 60, "must be 30-86400");
/// How long a session may last, in seconds: a minute to a week.
pub(crate) const LONGEST: (u64, u64, &str) = (60, 7 * 24 * 60 * 60, "must be 60-604800");

pub(crate) fn span(seconds: u64, (least, most, must): (u64, u64, &'static str)) -> Result<Duration, &'static str> {
    (least..=most).contains(&seconds).then(|| Duration::from_secs(seconds)).ok_or(must)
}

/// `PATCH /api/session/{sessionId}`.
pub fn parse_session_change(json: &str) -> Result<SessionChange, Error> {
    body(json, rights::session_change)
}

/// `PATCH /api/session/{sessionId}/participants/{userId}`.
pub fn parse_participant_change(json: &str) -> Result<ParticipantChange, Error> {
    body(json, rights::participant_change)
}

/// `POST /api/session/{sessionId}/participants/{userId}/mute`.
pub fn parse_mute(json: &str) -> Result<MediaKind, Error> {
    body(json, |f| f.text("kind", |text| rights::media_kind(&text)))
}

/// `POST /api/session/{sessionId}/mute`: what, and the names of those of whom not.
pub fn parse_mute_all(json: &str) -> Result<(MediaKind, Vec<String>), Error> {
    body(json, |f| {
        let kind = f.text("kind", |text| rights::media_kind(&text));
        let except = f.optional_json("except", rights::names);
        Some((kind?, except?.unwrap_or_default()))
    })
}

/// `POST /api/session/{sessionId}/messages`: the message, and the name that others are to see.
pub fn parse_message(json: &str) -> Result<(ClientMessage, Option<Username>), Error> {
    body(json, |f| {
        let message = client_message(f);
        let shown = f.optional_text("fromUsername", |text| Username::of_app(&text));
        Some((message?, shown?))
    })
}

/// `POST /api/session/{sessionId}/data`.
pub fn parse_data(json: &str) -> Result<SendData, Error> {
    body(json, data::send_data).and_then(data::fitting)
}

/// How long somebody is kept out, as the query says.
pub fn parse_ban(seconds: &str) -> Result<Duration, Error> {
    let whole = seconds.parse().map_err(|_| "must be a whole number");
    whole.and_then(rights::ban).map_err(|reason| Error::field("banSeconds", reason))
}

/// The version that a header `If-Match` names: `"3"`, say; none where any will do.
pub fn parse_version(etag: &str) -> Result<Option<u64>, Error> {
    if etag == "*" {
        return Ok(None);
    }
    let bare = etag.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    let version = bare.and_then(|bare| bare.parse().ok());
    version.map(Some).ok_or_else(|| Error::field("if-match", "must be the session's version in quotes, or *"))
}

/// `{"sessionId"}` or `{"room"}`: join, ticket, leave and end. Neither means the room that the caller's token is for.
pub fn parse_session_ref(json: &str) -> Result<Option<RoomRef>, Error> {
    body(json, |f| {
        let session = f.optional_text("sessionId", |text| text.parse().map_err(|_| "must be a session's id"));
        let room = f.optional_text("room", |text| RoomName::parse(&text));
        match (session?, room?) {
            (Some(_), Some(_)) => f.refuse("room", "must not be given together with sessionId"),
            (Some(session), None) => Some(Some(RoomRef::Session(session))),
            (None, room) => Some(room.map(RoomRef::Room)),
        }
    })
}

pub(crate) fn seats(number: u64) -> Result<u8, &'static str> {
    u8::try_from(number).ok().filter(|n| (2..=100).contains(n)).ok_or("must be 2-100")
}

/// A session's kind by its name, or by the number that the first TunRTC used.
fn kind(json: &RawValue) -> Result<SessionKind, &'static str> {
    match json.get() {
        "0" | "\"audioOnly\"" => Ok(SessionKind::AudioOnly),
        "1" | "\"videoCall\"" => Ok(SessionKind::VideoCall),
        "2" | "\"screenShare\"" => Ok(SessionKind::ScreenShare),
        "3" | "\"mixed\"" => Ok(SessionKind::Mixed),
        _ => Err("must be audioOnly, videoCall, screenShare or mixed"),
    }
}

fn visibility(text: &str) -> Result<Visibility, &'static str> {
    match text {
        "public" => Ok(Visibility::Public),
        "unlisted" => Ok(Visibility::Unlisted),
        _ => Err("must be public or unlisted"),
    }
}

/// What a login gives.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Auth {
    /// The access token.
    pub token: String,
    /// Always `Bearer`.
    pub token_type: &'static str,
    /// When the access token runs out.
    pub expires_at: String,
    /// Exchanged for the next pair; good for one use.
    pub refresh_token: String,
    /// When the refresh token runs out.
    pub refresh_expires_at: String,
    /// The account.
    pub user_id: String,
    /// Its name.
    pub username: String,
    /// Its address.
    pub email: String,
}

impl Auth {
    /// From a login and the access token made for it.
    pub fn new(grant: Grant, token: String, expires_at: Timestamp) -> Self {
        Self {
            token,
            token_type: "Bearer",
            expires_at: format_time(expires_at),
            refresh_token: grant.refresh_token,
            refresh_expires_at: format_time(grant.refresh_expires_at),
            user_id: grant.user.id.to_string(),
            username: grant.user.username.as_str().to_owned(),
            email: grant.user.email.as_str().to_owned(),
        }
    }
}

/// The caller's account.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Me {
    /// The account.
    pub id: String,
    /// Its name.
    pub username: String,
    /// Its address.
    pub email: String,
    /// When it was registered.
    pub created_at: String,
    /// When it last logged in.
    pub last_login_at: Option<String>,
    /// Who can find a session that it creates without saying so; the operator's choice.
    pub default_visibility: VisibilityView,
}

impl Me {
    /// That user's account, on a server with that policy.
    pub fn new(user: &User, policy: &Policy) -> Self {
        Self {
            id: user.id.to_string(),
            username: user.username.as_str().to_owned(),
            email: user.email.as_str().to_owned(),
            created_at: format_time(user.created_at),
            last_login_at: user.last_login_at.map(format_time),
            default_visibility: policy.default_visibility.into(),
        }
    }
}

/// A session.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct SessionView {
    /// Its identifier.
    pub session_id: String,
    /// Its name.
    pub name: String,
    /// What it is for.
    #[serde(rename = "type")]
    pub kind: KindView,
    /// Whether it can be joined.
    pub status: SessionStatus,
    /// Who can find it.
    pub visibility: VisibilityView,
    /// Its number of seats.
    pub max_participants: u8,
    /// How many of them are taken.
    pub current_participants: u8,
    /// When it was created.
    pub created_at: String,
    /// When it ended.
    pub ended_at: Option<String>,
    /// Who created it.
    pub creator_id: String,
    /// The creator's name.
    pub creator_username: String,
    /// Whether nobody but hosts and cohosts may join.
    pub locked: bool,
    /// Whether whoever joins waits until a host or a cohost admits them.
    pub waiting_room: bool,
    /// How often its settings were changed.
    pub version: u64,
    /// Whether everybody is asked to record themselves; absent where not.
    #[serde(skip_serializing_if = "is_false")]
    pub recording_requested: bool,
    /// The app's own name of it, if it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub room: Option<String>,
    /// How long it may stand empty, in seconds, if that was said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub empty_timeout_seconds: Option<u64>,
    /// How long it lasts at most, in seconds, if that was said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_duration_seconds: Option<u64>,
    /// What the app keeps with it; neither in lists nor in the answer to a join.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metadata: Option<String>,
}

/// What a session is for.
#[derive(Debug, Clone, Copy, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub enum KindView {
    /// Voices alone.
    AudioOnly,
    /// Cameras and voices.
    VideoCall,
    /// A screen.
    ScreenShare,
    /// Any of them.
    Mixed,
}

/// Whether a session can be joined.
#[derive(Debug, Clone, Copy, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub enum SessionStatus {
    /// It can.
    Active,
    /// It cannot any more.
    Ended,
}

/// Who can find a session.
#[derive(Debug, Clone, Copy, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub enum VisibilityView {
    /// It is listed.
    Public,
    /// Whoever knows its identifier.
    Unlisted,
}

impl From<Visibility> for VisibilityView {
    fn from(visibility: Visibility) -> Self {
        match visibility {
            Visibility::Public => Self::Public,
            Visibility::Unlisted => Self::Unlisted,
        }
    }
}

impl From<&Session> for SessionView {
    fn from(session: &Session) -> Self {
        let ended_at = match session.state {
            SessionState::Active => None,
            SessionState::Ended(at) => Some(format_time(at)),
        };
        Self {
            session_id: session.id.to_string(),
            name: session.name.as_str().to_owned(),
            kind: match session.kind {
                SessionKind::AudioOnly => KindView::AudioOnly,
                SessionKind::VideoCall => KindView::VideoCall,
                SessionKind::ScreenShare => KindView::ScreenShare,
                SessionKind::Mixed => KindView::Mixed,
            },
            status: if session.is_active() { SessionStatus::Active } else { SessionStatus::Ended },
            visibility: session.visibility.into(),
            max_participants: session.max_participants,
            current_participants: session.seats_taken,
            created_at: format_time(session.created_at),
            ended_at,
            creator_id: session.creator_id.to_string(),
            creator_username: session.creator_username.as_str().to_owned(),
            locked: session.controls.locked,
            waiting_room: session.controls.waiting_room,
            version: session.controls.version,
            recording_requested: session.controls.recording_requested,
            room: session.room.as_ref().map(|room| room.as_str().to_owned()),
            empty_timeout_seconds: session.controls.lifetime.empty.map(|empty| empty.as_secs()),
            max_duration_seconds: session.controls.lifetime.longest.map(|longest| longest.as_secs()),
            metadata: session.metadata.read().map(|metadata| metadata.as_str().to_owned()),
        }
    }
}

/// A session with its participants.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct SessionDetail {
    /// The session.
    #[serde(flatten)]
    pub session: SessionView,
    /// Who is believed to be there.
    pub participants: Vec<ParticipantView>,
}

impl SessionDetail {
    /// A session as somebody sees it who waits to be admitted.
    pub fn from_outside(session: &Session) -> Self {
        Self { session: SessionView::from(session), participants: Vec::new() }
    }

    /// A roster as it is believed to be at `now`. The count is that of the list, so that the two agree.
    pub fn new(roster: &Roster, now: Timestamp) -> Self {
        let participants: Vec<_> = roster.present(now).map(ParticipantView::from).collect();
        let current_participants = u8::try_from(participants.len()).unwrap_or(u8::MAX);
        Self { session: SessionView { current_participants, ..SessionView::from(&roster.session) }, participants }
    }
}

/// A participant.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct ParticipantView {
    /// The account, or the user of an app.
    pub user_id: String,
    /// The name.
    pub username: String,
    /// What the app calls its user; an account has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub identity: Option<String>,
    /// When the seat was taken.
    pub joined_at: String,
    /// Whether a connection is there.
    pub status: PresenceView,
    /// Whether the microphone is off.
    pub is_muted: bool,
    /// Whether the camera is on.
    pub is_video_enabled: bool,
    /// Whether they record themselves; absent where not.
    #[serde(skip_serializing_if = "is_false")]
    pub recording: bool,
    /// The participant's part in the session.
    pub role: RoleView,
    /// What the participant may do, where it is not what the role usually may.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub permissions: Option<PermissionsView>,
}

/// A participant, with all that is known.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct ParticipantDetail {
    /// The account, or the user of an app.
    pub user_id: String,
    /// The name.
    pub username: String,
    /// What the app calls its user; an account has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub identity: Option<String>,
    /// When the seat was taken.
    pub joined_at: String,
    /// Whether a connection is there.
    pub status: PresenceView,
    /// Whether the microphone is off.
    pub is_muted: bool,
    /// Whether the camera is on.
    pub is_video_enabled: bool,
    /// Whether they record themselves; absent where not.
    #[serde(skip_serializing_if = "is_false")]
    pub recording: bool,
    /// The participant's part in the session.
    pub role: RoleView,
    /// What the participant may do.
    pub permissions: PermissionsView,
    /// When the first connection joined, if one has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub connected_at: Option<String>,
    /// What they say of themselves, by name.
    pub attributes: BTreeMap<String, String>,
    /// What the app keeps with them, if anything.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metadata: Option<String>,
    /// Since when a hand is raised.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hand_raised_at: Option<String>,
    /// How often attributes, metadata or hand were changed: of two that say something else, the greater one is the newer.
    pub version: u64,
}

impl ParticipantDetail {
    /// A participant, with what participants of the session say of themselves.
    pub fn new(participant: &domain::Participant, abouts: &[About]) -> Self {
        let about = abouts.iter().find(|about| about.user == participant.user_id);
        let about = about.map(|about| about.clone().on_seat(participant.joined_at));
        let about = about.as_ref();
        Self {
            connected_at: participant.connected_at.map(format_time),
            attributes: about.map(|about| about.attributes.clone()).unwrap_or_default(),
            metadata: about.and_then(|about| about.metadata.as_ref()).map(|metadata| metadata.as_str().to_owned()),
            hand_raised_at: about.and_then(|about| about.hand_raised_at).map(format_time),
            version: about.map(|about| about.version).unwrap_or_default(),
            user_id: participant.user_id.to_string(),
            username: participant.username.as_str().to_owned(),
            identity: identity(participant.identity.as_ref()),
            joined_at: format_time(participant.joined_at),
            status: participant.presence.into(),
            is_muted: participant.is_muted,
            is_video_enabled: participant.is_video_enabled,
            recording: participant.is_recording,
            role: participant.rights.role.into(),
            permissions: participant.rights.permissions.into(),
        }
    }
}

/// Whether a participant's connection is there.
#[derive(Debug, Clone, Copy, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub enum PresenceView {
    /// A connection has joined.
    Connected,
    /// The connection was lost; the seat is kept for the grace.
    Reconnecting,
    /// No connection has joined yet.
    Disconnected,
}

impl From<Presence> for PresenceView {
    fn from(presence: Presence) -> Self {
        match presence {
            Presence::Connected => Self::Connected,
            Presence::Reconnecting => Self::Reconnecting,
            Presence::Disconnected => Self::Disconnected,
        }
    }
}

/// Whether a field says nothing that its absence does not.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
fn is_false(flag: &bool) -> bool {
    !flag
}

/// What an app calls its user, as text.
pub(crate) fn identity(identity: Option<&Identity>) -> Option<String> {
    identity.map(|identity| identity.as_str().to_owned())
}

impl From<&domain::Participant> for ParticipantView {
    fn from(participant: &domain::Participant) -> Self {
        Self {
            user_id: participant.user_id.to_string(),
            username: participant.username.as_str().to_owned(),
            identity: identity(participant.identity.as_ref()),
            joined_at: format_time(participant.joined_at),
            status: participant.presence.into(),
            is_muted: participant.is_muted,
            is_video_enabled: participant.is_video_enabled,
            recording: participant.is_recording,
            role: participant.rights.role.into(),
            permissions: PermissionsView::unless_usual(participant.rights),
        }
    }
}

/// How to connect.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Signaling {
    /// The complete address; `?ticket=` is the client's to add.
    pub url: String,
    /// Admits one connection of one user to one session, once.
    pub ticket: String,
    /// When the ticket runs out.
    pub expires_at: String,
}

/// The answer to joining.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Joined {
    /// The session as it is now. Whoever waits does not see who is there.
    #[serde(flatten)]
    pub session: SessionDetail,
    /// Whether there is a seat.
    pub admission: Admission,
    /// Who joined: the caller.
    pub user_id: String,
    /// How to connect.
    pub signaling: Signaling,
    /// What `RTCPeerConnection` wants; nothing for whoever waits.
    pub ice_servers: Vec<IceServer>,
    /// How media travels.
    pub media: Media,
}

/// What came of joining.
#[derive(Debug, Clone, Copy, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub enum Admission {
    /// There is a seat.
    Admitted,
    /// A host or a cohost has to admit them first: the connection may `ping` and leave, and hears `admitted` or `denied`.
    Waiting,
}

/// How media travels in a session.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Media {
    /// Who sends to whom.
    pub topology: Topology,
    /// So many people show video at most; the next ones are there with audio.
    pub limit: u32,
    /// Whether participants can record themselves; absent where not.
    #[serde(skip_serializing_if = "is_false")]
    pub recording: bool,
    /// How clients report the quality of the call; absent where that is not wanted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quality: Option<QualityView>,
}

/// How clients report the quality of a call.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct QualityView {
    /// How often.
    pub every_seconds: u64,
}

impl Media {
    /// As it is configured.
    pub fn of(policy: &Policy) -> Self {
        let every_seconds = quality::REPORT_EVERY.as_secs();
        let quality = policy.call_quality.then_some(QualityView { every_seconds });
        Self { topology: Topology::Mesh, limit: policy.mesh_limit, recording: policy.recording, quality }
    }
}

/// Who sends media to whom.
#[derive(Debug, Clone, Copy, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub enum Topology {
    /// Everybody to everybody.
    Mesh,
}

/// One entry of `RTCConfiguration.iceServers`.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct IceServer {
    /// STUN or TURN addresses.
    pub urls: Vec<String>,
    /// For TURN: when the credential runs out, and whose it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    /// For TURN: proves the user name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub credential: Option<String>,
}

/// STUN and TURN servers.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct IceServers {
    /// What `RTCPeerConnection` wants.
    pub ice_servers: Vec<IceServer>,
    /// How long the credentials are good for new allocations, in seconds.
    pub ttl_seconds: u64,
}

/// One chat message.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct ChatView {
    /// Its identifier.
    pub message_id: String,
    /// Who wrote it.
    pub from_user_id: String,
    /// The writer's name.
    pub from_username: String,
    /// What the app calls its user; an account has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from_identity: Option<String>,
    /// The text.
    pub message: String,
    /// When it was sent.
    pub timestamp: String,
    /// What its writer's client calls it, if it gave it a name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_message_id: Option<String>,
}

impl From<ChatMessage> for ChatView {
    fn from(message: ChatMessage) -> Self {
        Self {
            message_id: message.id.to_string(),
            from_user_id: message.from.to_string(),
            from_username: message.username.as_str().to_owned(),
            from_identity: identity(message.identity.as_ref()),
            timestamp: format_time(message.id.timestamp()),
            message: message.text,
            client_message_id: message.client_id.map(|id| id.as_str().to_owned()),
        }
    }
}

/// That something was done.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Done {
    /// What was done, for people.
    pub message: &'static str,
}

/// The state of the service.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Health {
    /// Always `healthy`.
    pub status: &'static str,
    /// The present moment.
    pub timestamp: String,
    /// The version of TunRTC.
    pub version: &'static str,
}

/// A problem document (RFC 9457).
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Problem {
    /// A URI reference that names the kind of problem.
    #[serde(rename = "type")]
    pub kind: String,
    /// The kind of problem, for people.
    pub title: &'static str,
    /// The HTTP status.
    pub status: u16,
    /// What happened here, for people.
    pub detail: String,
    /// The stable name.
    pub code: &'static str,
    /// The same as `detail`, for clients of the first TunRTC.
    pub message: String,
    /// What to look for in the log.
    pub request_id: String,
    /// Every bad field of the request.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<Field>,
    /// When it ends, where it does: of `banned`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
    /// Which quota, of `quota_exceeded`: `connectedParticipants`, `activeSessions` or `serverCalls`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<&'static str>,
    /// The recording that goes on, of `recording_active`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recording_id: Option<String>,
    /// As many as there may be, of `quota_exceeded`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max: Option<u32>,
    /// As many as there are, of `quota_exceeded`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub current: Option<u32>,
}

/// One bad field of a request.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Field {
    /// The field's path.
    pub field: String,
    /// What it must be.
    pub reason: String,
}

#[cfg(test)]
mod tests {
    use domain::Permissions;

    use super::*;
    use crate::fields::refused;

    #[test]
    fn a_registration_names_every_bad_field() {
        assert_eq!(refused(Register::parse("{}")), ["username", "email", "password"]);
        assert_eq!(
            refused(Register::parse(r#"{"username":"","email":"x","password":"short","admin":true}"#)),
            ["username", "email", "password", "admin"]
        );
    }

    #[test]
    fn a_session_has_defaults() {
        let room = parse_new_session(r#"{"room":"daily","name":null}"#).expect("valid");
        assert_eq!(room.name.as_str(), "daily");
        assert_eq!(refused(parse_new_session("{}")), ["name"]);
        assert_eq!(refused(parse_new_session(r#"{"room":""}"#)), ["room"]);
        let session = parse_new_session(r#"{"name":"Daily"}"#).expect("valid");
        assert_eq!((session.max_participants, session.kind), (10, SessionKind::VideoCall));
        assert_eq!(session.visibility, None, "the operator's default");
    }

    #[test]
    fn a_kind_may_be_the_first_tunrtcs_number() {
        for (json, kind) in [("0", SessionKind::AudioOnly), ("3", SessionKind::Mixed)] {
            let session = parse_new_session(&format!(r#"{{"name":"x","type":{json}}}"#)).expect("valid");
            assert_eq!(session.kind, kind);
        }
        for json in ["4", "-1", "1.0", "\"video\"", "true", "{}"] {
            assert_eq!(refused(parse_new_session(&format!(r#"{{"name":"x","type":{json}}}"#))), ["type"], "{json}");
        }
    }

    #[test]
    fn a_version_stands_in_quotes() {
        assert_eq!(parse_version("\"3\"").expect("valid"), Some(3));
        assert_eq!(parse_version("*").expect("valid"), None);
        for odd in ["3", "\"three\"", "W/\"3\"", "\"\"", "\"-1\"", ""] {
            assert_eq!(refused(parse_version(odd)), ["if-match"], "{odd}");
        }
    }

    #[test]
    fn a_ban_in_a_query_is_a_number_of_seconds() {
        assert_eq!(parse_ban("60").expect("valid"), Duration::from_secs(60));
        assert_eq!(parse_ban("0").expect("lifts a ban"), Duration::ZERO);
        for odd in ["", "-1", "1.5", "2592001", "long"] {
            assert_eq!(refused(parse_ban(odd)), ["banSeconds"], "{odd}");
        }
    }

    #[test]
    fn seats_are_counted_from_2_to_100() {
        for (seats, accepted) in [("1", false), ("2", true), ("100", true), ("101", false), ("2.5", false)] {
            let parsed = parse_new_session(&format!(r#"{{"name":"x","maxParticipants":{seats}}}"#));
            assert_eq!(parsed.is_ok(), accepted, "{seats}");
        }
    }

    /// docs/API.md says so of the answer to `joinSession`, the one frame that carries a roster.
    #[test]
    fn a_hundred_participants_of_the_longest_names_and_of_unusual_rights_stay_under_60_kb() {
        let longest = || ParticipantView {
            identity: None,
            user_id: "01930000-0000-7000-8000-000000000000".to_owned(),
            username: "\u{20000}".repeat(50),
            joined_at: "2026-11-28T12:00:00.000Z".to_owned(),
            status: PresenceView::Reconnecting,
            is_muted: false,
            is_video_enabled: false,
            recording: true,
            role: RoleView::Participant,
            permissions: Some(Permissions::default().into()),
        };
        let roster: Vec<_> = (0..100).map(|_| longest()).collect();
        let bytes = serde_json::to_vec(&roster).expect("plain data").len();
        let rest_of_the_frame = 2 * 1024;
        assert!((50 * 1024..60 * 1000).contains(&(bytes + rest_of_the_frame)), "{bytes}");
    }

    /// An app may name its users at greater length; API Gateway takes messages of 128 KB.
    #[test]
    fn a_hundred_users_of_an_app_with_the_longest_names_fit_into_one_message() {
        let longest = || ParticipantView {
            user_id: "01930000-0000-8000-8000-000000000000".to_owned(),
            username: "\u{20000}".repeat(100),
            identity: Some("\u{20000}".repeat(128)),
            joined_at: "2026-11-28T12:00:00.000Z".to_owned(),
            status: PresenceView::Reconnecting,
            is_muted: false,
            is_video_enabled: false,
            recording: true,
            role: RoleView::Participant,
            permissions: Some(Permissions::default().into()),
        };
        let roster: Vec<_> = (0..100).map(|_| longest()).collect();
        let bytes = serde_json::to_vec(&roster).expect("plain data").len();
        let rest_of_the_frame = 2 * 1024;
        assert!(bytes + rest_of_the_frame < 128 * 1024, "{bytes}");
    }
}
