//! The schemas of what clients send. Parsing is written by hand, to hear of every bad field; a test holds the two
//! against each other.

#![expect(dead_code, reason = "the fields are there for their schemas")]

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

/// An identifier: a UUID of version 7 in lower case with hyphens.
pub const ID: &str = "^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}$";

/// Something to see and no control character, which is as much of the rule for names as a pattern can say
/// (`domain::Username`): invisible and unassigned code points are refused too.
const NAME: &str =
    "^[^\\u0000-\\u001f\\u007f-\\u009f]*[^\\s\\u0000-\\u001f\\u007f-\\u009f][^\\u0000-\\u001f\\u007f-\\u009f]*$";

/// A type of event, or `*`.
const TYPE: &str = "^(\\*|(session|participant|recording|webhook)\\.[a-z]+)$";

/// Types of events, separated by commas, or `*`.
pub const TYPES: &str =
    "^(\\*|(session|participant|recording|webhook)\\.[a-z]+(,(session|participant|recording|webhook)\\.[a-z]+)*)$";

/// Opens an account.
#[derive(JsonSchema, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Register {
    /// The wanted name; unique without regard to case.
    #[schemars(length(min = 1, max = 50), regex(pattern = NAME))]
    username: String,
    /// The address; unique without regard to case.
    #[schemars(email, length(max = 254))]
    email: String,
    /// The password.
    #[schemars(length(min = 8, max = 128))]
    password: String,
}

/// Logs in.
#[derive(JsonSchema, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Login {
    /// The address.
    #[schemars(email, length(max = 254))]
    email: String,
    /// The password.
    #[schemars(length(min = 1, max = 128))]
    password: String,
}

/// A refresh token.
#[derive(JsonSchema, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RefreshToken {
    /// As it was given.
    refresh_token: String,
}

/// Changes the password.
#[derive(JsonSchema, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ChangePassword {
    /// The password so far.
    #[schemars(length(min = 1, max = 128))]
    current_password: String,
    /// The password from now on.
    #[schemars(length(min = 8, max = 128))]
    new_password: String,
}

/// Deletes the account.
#[derive(JsonSchema, Serialize)]
#[serde(deny_unknown_fields)]
pub struct DeleteAccount {
    /// The password.
    #[schemars(length(min = 1, max = 128))]
    password: String,
}

/// A new session.
#[derive(JsonSchema, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewSession {
    /// Its name; with `room` that serves where none is given.
    #[schemars(with = "String", default, length(min = 1, max = 100), regex(pattern = NAME))]
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    /// Its number of seats; 10 if not given.
    #[schemars(range(min = 2, max = 100))]
    #[serde(skip_serializing_if = "Option::is_none")]
    max_participants: Option<u8>,
    /// What it is for; `videoCall` if not given. The first TunRTC's numbers 0-3 stand for the names in this order.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    kind: Option<KindInput>,
    /// Who can find it; if not given, the account's `defaultVisibility`, which the operator set, and `unlisted` with a `room`.
    #[serde(skip_serializing_if = "Option::is_none")]
    visibility: Option<VisibilityInput>,
    /// Whether nobody but hosts and cohosts may join; false if not given.
    #[serde(skip_serializing_if = "Option::is_none")]
    locked: Option<bool>,
    /// Whether whoever joins waits until a host or a cohost admits them; false if not given.
    #[serde(skip_serializing_if = "Option::is_none")]
    waiting_room: Option<bool>,
    /// The app's own name of it, unique among the active sessions of its project; no UUID, and none of active, create, end, join, leave
    /// and ticket. For API keys and join tokens.
    #[schemars(length(min = 1, max = 128), regex(pattern = NAME))]
    #[serde(skip_serializing_if = "Option::is_none")]
    room: Option<String>,
    /// Whatever the app wants to keep with it: at most 4096 bytes of UTF-8.
    #[schemars(length(max = 4096))]
    #[serde(skip_serializing_if = "Option::is_none")]
    metadata: Option<String>,
    /// After how many seconds without anybody it ends, give or take the sweep's period.
    #[schemars(range(min = 30, max = 86_400))]
    #[serde(skip_serializing_if = "Option::is_none")]
    empty_timeout_seconds: Option<u32>,
    /// After how many seconds it ends, whoever is there, give or take the sweep's period. Nobody joins after that.
    #[schemars(range(min = 60, max = 604_800))]
    #[serde(skip_serializing_if = "Option::is_none")]
    max_duration_seconds: Option<u32>,
}

/// Begins a recording.
#[derive(JsonSchema, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct StartRecording {
    /// The session, in which the caller has a seat.
    #[schemars(regex(pattern = ID))]
    session_id: String,
    /// What is recorded.
    kind: RecordingKindInput,
    /// What a `MediaRecorder` says that it makes.
    #[schemars(length(max = 128), regex(pattern = "^(audio|video)/(mp4|webm)(;[ -~]*)?$"))]
    mime_type: String,
    /// When its first sample was taken, at most a day ago; now if not given.
    #[schemars(extend("format" = "date-time"))]
    #[serde(skip_serializing_if = "Option::is_none")]
    started_at: Option<String>,
}

/// What is recorded.
#[derive(JsonSchema, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum RecordingKindInput {
    /// Camera and microphone.
    Participant,
    /// The microphone alone.
    Audio,
    /// The screen.
    Screen,
}

/// Asks where chunks are stored, and which are there.
#[derive(JsonSchema, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AskUploads {
    /// The recording.
    #[schemars(regex(pattern = ID))]
    recording_id: String,
    /// Addresses are wanted from that chunk on.
    #[schemars(range(max = 10_800))]
    from_seq: u32,
    /// When the segment began that begins with that chunk, if one does, in milliseconds since 1970 by the server's clock: after a reload, or
    /// with other tracks. They are told in order; the newest may be told again.
    #[schemars(range(max = 9_007_199_254_740_991_u64))]
    #[serde(skip_serializing_if = "Option::is_none")]
    segment_started_at: Option<u64>,
}

/// Ends a recording.
#[derive(JsonSchema, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct FinishRecording {
    /// The recording.
    #[schemars(regex(pattern = ID))]
    recording_id: String,
    /// Its last chunk.
    #[schemars(range(max = 10_799))]
    last_seq: u32,
    /// How long it recorded, in milliseconds.
    #[schemars(range(max = 86_400_000))]
    #[serde(skip_serializing_if = "Option::is_none")]
    duration_ms: Option<u64>,
}

/// Asks everybody to record themselves, or not to any more.
#[derive(JsonSchema, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RequestRecording {
    /// The session.
    #[schemars(regex(pattern = ID))]
    session_id: String,
    /// Whether they are to record.
    recording: bool,
}

/// A new link that lets guests in.
#[derive(JsonSchema, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewInvite {
    /// What whoever comes by it may do; `participant` if not given. A viewer looks on and may write.
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<GuestRoleInput>,
    /// After how many seconds it ends; a day if not given.
    #[schemars(range(min = 60, max = 604_800))]
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_in_seconds: Option<u32>,
}

/// What a guest may do.
#[derive(JsonSchema, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum GuestRoleInput {
    /// Takes part.
    Participant,
    /// Looks on, and may write.
    Viewer,
}

/// The code of a link that lets guests in.
#[derive(JsonSchema, Serialize)]
#[serde(deny_unknown_fields)]
pub struct InviteCode {
    /// What stands behind `#/join/`.
    code: String,
}

/// Somebody who comes by a link.
#[derive(JsonSchema, Serialize)]
#[serde(deny_unknown_fields)]
pub struct InviteRedemption {
    /// What stands behind `#/join/`.
    code: String,
    /// The name that others are to see, with ` (guest)` behind it.
    #[schemars(length(min = 1, max = 50), regex(pattern = NAME))]
    name: String,
}

/// A kind of session, by name or by number.
#[derive(JsonSchema, Serialize)]
#[serde(untagged)]
pub enum KindInput {
    /// By name.
    Name(KindName),
    /// By number.
    Number(#[schemars(range(min = 0, max = 3))] u8),
}

/// A kind of session.
#[derive(JsonSchema, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum KindName {
    /// Voices alone.
    AudioOnly,
    /// Cameras and voices.
    VideoCall,
    /// A screen.
    ScreenShare,
    /// Any of them.
    Mixed,
}

/// Who can find a session.
#[derive(JsonSchema, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum VisibilityInput {
    /// It is listed.
    Public,
    /// Whoever knows its identifier.
    Unlisted,
}

/// Names a session, by one of the two; neither means the room that the caller's join token is for.
#[derive(JsonSchema, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SessionRef {
    /// The session.
    #[schemars(regex(pattern = ID), extend("format" = "uuid"))]
    #[serde(skip_serializing_if = "Option::is_none")]
    session_id: Option<String>,
    /// The app's own name of it.
    #[schemars(length(min = 1, max = 128), regex(pattern = NAME))]
    #[serde(skip_serializing_if = "Option::is_none")]
    room: Option<String>,
}

/// `joinSession`: must come first.
#[derive(JsonSchema, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct JoinSession {
    /// The session, which must be the ticket's.
    #[schemars(regex(pattern = ID), extend("format" = "uuid"))]
    session_id: String,
    /// The `timestamp` of the last event seen, or `joinedAt`: what came after it is sent again.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("format" = "date-time"))]
    since: Option<String>,
}

/// `leaveSession` and `ping` have nothing to say.
#[derive(JsonSchema, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Nothing {}

/// `sendOffer`.
#[derive(JsonSchema, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SendOffer {
    /// Whom it is for.
    #[schemars(regex(pattern = ID), extend("format" = "uuid"))]
    target_user_id: String,
    /// The session description.
    offer: Offer,
    /// One run of the sending client.
    #[schemars(length(min = 1, max = 64))]
    #[serde(skip_serializing_if = "Option::is_none")]
    epoch: Option<String>,
    /// Counts 1, 2, 3... per target.
    #[schemars(range(min = 1))]
    #[serde(skip_serializing_if = "Option::is_none")]
    seq: Option<u64>,
}

/// `sendAnswer`.
#[derive(JsonSchema, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SendAnswer {
    /// Whom it is for.
    #[schemars(regex(pattern = ID), extend("format" = "uuid"))]
    target_user_id: String,
    /// The session description.
    answer: Answer,
    /// One run of the sending client.
    #[schemars(length(min = 1, max = 64))]
    #[serde(skip_serializing_if = "Option::is_none")]
    epoch: Option<String>,
    /// Counts 1, 2, 3... per target.
    #[schemars(range(min = 1))]
    #[serde(skip_serializing_if = "Option::is_none")]
    seq: Option<u64>,
}

/// `sendIceCandidate`: one candidate or a list of them, not both.
#[derive(JsonSchema, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SendIceCandidate {
    /// Whom it is for.
    #[schemars(regex(pattern = ID), extend("format" = "uuid"))]
    target_user_id: String,
    /// One candidate.
    #[serde(skip_serializing_if = "Option::is_none")]
    candidate: Option<Candidate>,
    /// Several candidates.
    #[schemars(length(min = 1, max = 256))]
    #[serde(skip_serializing_if = "Option::is_none")]
    candidates: Option<Vec<Candidate>>,
    /// One run of the sending client.
    #[schemars(length(min = 1, max = 64))]
    #[serde(skip_serializing_if = "Option::is_none")]
    epoch: Option<String>,
    /// Counts 1, 2, 3... per target.
    #[schemars(range(min = 1))]
    #[serde(skip_serializing_if = "Option::is_none")]
    seq: Option<u64>,
}

/// An offer.
#[derive(JsonSchema, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Offer {
    /// Always `offer`.
    #[serde(rename = "type")]
    #[schemars(extend("const" = "offer"))]
    kind: String,
    /// The session description.
    #[schemars(length(min = 1))]
    sdp: String,
}

/// An answer.
#[derive(JsonSchema, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Answer {
    /// Always `answer`.
    #[serde(rename = "type")]
    #[schemars(extend("const" = "answer"))]
    kind: String,
    /// The session description.
    #[schemars(length(min = 1))]
    sdp: String,
}

/// An `RTCIceCandidateInit`; whatever else it holds is passed on untouched.
#[derive(JsonSchema, Serialize)]
pub struct Candidate {
    /// The candidate-attribute (RFC 8839, section 5.1).
    candidate: String,
    /// `sdpMid`, `sdpMLineIndex`, `usernameFragment`, ...
    #[serde(flatten)]
    more: std::collections::BTreeMap<String, Value>,
}

/// `sendMessage`.
#[derive(JsonSchema, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SendMessage {
    /// The text.
    #[schemars(length(min = 1, max = 4096))]
    message: String,
    /// What the client calls the message, unique per writer in a session: sent again under the same name, it is the same
    /// message, with the same `messageId`. The first text is the one that counts.
    #[schemars(length(min = 1, max = 64))]
    #[serde(skip_serializing_if = "Option::is_none")]
    client_message_id: Option<String>,
}

/// What is spoken, where Amazon Transcribe writes it down.
#[derive(JsonSchema, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TranscribeRequest {
    /// A language with its region, as Amazon Transcribe names it.
    #[schemars(regex(pattern = r"^[a-z]{2,3}-[A-Z]{2}$"))]
    language: String,
}

/// A chat message of whoever steers a session.
#[derive(JsonSchema, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SayMessage {
    /// The text.
    #[schemars(length(min = 1, max = 4096))]
    message: String,
    /// As in `sendMessage`.
    #[schemars(length(min = 1, max = 64))]
    #[serde(skip_serializing_if = "Option::is_none")]
    client_message_id: Option<String>,
    /// The name that others see, for API keys alone; the project's without one.
    #[schemars(length(min = 1, max = 100), regex(pattern = NAME))]
    #[serde(skip_serializing_if = "Option::is_none")]
    from_username: Option<String>,
}

/// `updateStatus`.
#[derive(JsonSchema, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct UpdateStatus {
    /// Whether the microphone is off.
    is_muted: bool,
    /// Whether the camera is on.
    is_video_enabled: bool,
}

/// `updateParticipant`: what is to be changed about somebody.
#[derive(JsonSchema, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(extend("minProperties" = 2))]
pub struct UpdateParticipant {
    /// Who.
    #[schemars(regex(pattern = ID), extend("format" = "uuid"))]
    target_user_id: String,
    /// The new role, with its permissions.
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<RoleInput>,
    /// Single permissions, whatever the role says.
    #[serde(skip_serializing_if = "Option::is_none")]
    permissions: Option<PermissionsInput>,
    /// Another name, for as long as they stay.
    #[schemars(length(min = 1, max = 100), regex(pattern = NAME))]
    #[serde(skip_serializing_if = "Option::is_none")]
    username: Option<String>,
    /// Attributes by name, 4 KiB together with those that are there; null takes one away.
    #[serde(skip_serializing_if = "Option::is_none")]
    attributes: Option<std::collections::BTreeMap<String, Option<String>>>,
    /// What the app keeps with them instead: at most 4096 bytes of UTF-8, an empty text for nothing.
    #[schemars(length(max = 4096))]
    #[serde(skip_serializing_if = "Option::is_none")]
    metadata: Option<String>,
}

/// What is to be changed about somebody.
#[derive(JsonSchema, Serialize)]
#[serde(deny_unknown_fields)]
#[schemars(extend("minProperties" = 1))]
pub struct ParticipantChange {
    /// The new role, with its permissions.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "RoleInput", default)]
    role: Option<RoleInput>,
    /// Single permissions, whatever the role says.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "PermissionsInput", default)]
    permissions: Option<PermissionsInput>,
    /// Another name, for as long as they stay.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", default, length(min = 1, max = 100), regex(pattern = NAME))]
    username: Option<String>,
    /// Attributes by name, 4 KiB together with those that are there; null takes one away.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "AttributesInput", default)]
    attributes: Option<AttributesInput>,
    /// What the app keeps with them instead: at most 4096 bytes of UTF-8, an empty text for nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", default, length(max = 4096))]
    metadata: Option<String>,
}

/// Attributes by name; null takes one away.
#[derive(JsonSchema, Serialize)]
#[schemars(extend("minProperties" = 1, "maxProperties" = 64, "propertyNames" = { "minLength": 1, "maxLength": 64 }))]
pub struct AttributesInput(std::collections::BTreeMap<String, Option<String>>);

/// Asks one participant to switch a track off.
#[derive(JsonSchema, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Mute {
    /// Which track.
    kind: MediaKindInput,
}

/// Asks all but the caller, the hosts and some.
#[derive(JsonSchema, Serialize)]
#[serde(deny_unknown_fields)]
pub struct MuteAll {
    /// Which track.
    kind: MediaKindInput,
    /// Whom not, by `userId` or by what the app calls its user.
    #[serde(skip_serializing_if = "Option::is_none")]
    except: Option<Vec<String>>,
}

/// A role.
#[derive(JsonSchema, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum RoleInput {
    /// Steers the session.
    Host,
    /// Steers the session too, but neither makes nor unmakes hosts and cohosts.
    Cohost,
    /// Takes part.
    Participant,
    /// Looks on, and may write.
    Viewer,
}

/// Permissions that are given (true) or taken (false).
#[derive(JsonSchema, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PermissionsInput {
    /// Sending sound.
    #[serde(skip_serializing_if = "Option::is_none")]
    publish_audio: Option<bool>,
    /// Sending a camera's picture.
    #[serde(skip_serializing_if = "Option::is_none")]
    publish_video: Option<bool>,
    /// Sending a screen's picture.
    #[serde(skip_serializing_if = "Option::is_none")]
    publish_screen: Option<bool>,
    /// Writing chat messages.
    #[serde(skip_serializing_if = "Option::is_none")]
    chat: Option<bool>,
    /// Sending data, and calling procedures of others.
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<bool>,
    /// Changing the own attributes.
    #[serde(skip_serializing_if = "Option::is_none")]
    update_own_attributes: Option<bool>,
    /// Steering the session and its participants.
    #[serde(skip_serializing_if = "Option::is_none")]
    moderate: Option<bool>,
}

/// `muteParticipant`: asks one participant, or all but the caller, the hosts and some.
#[derive(JsonSchema, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct MuteParticipant {
    /// Whose track.
    #[schemars(regex(pattern = ID), extend("format" = "uuid"))]
    #[serde(skip_serializing_if = "Option::is_none")]
    target_user_id: Option<String>,
    /// Everybody's; instead of `targetUserId`.
    #[serde(skip_serializing_if = "Option::is_none")]
    all: Option<bool>,
    /// But not theirs; with `all`.
    #[serde(skip_serializing_if = "Option::is_none")]
    except: Option<Vec<String>>,
    /// Which track.
    kind: MediaKindInput,
}

/// A kind of track.
#[derive(JsonSchema, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum MediaKindInput {
    /// The microphone.
    Audio,
    /// The camera.
    Video,
    /// The screen.
    Screen,
}

/// `removeParticipant`.
#[derive(JsonSchema, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RemoveParticipant {
    /// Who; with a ban also somebody who is not here.
    #[schemars(regex(pattern = ID), extend("format" = "uuid"))]
    target_user_id: String,
    /// For how long they are kept out, in seconds; 0 takes nobody out, and lifts a ban.
    #[schemars(range(min = 0, max = 2_592_000))]
    #[serde(skip_serializing_if = "Option::is_none")]
    ban_seconds: Option<u32>,
}

/// `updateSession`: at least one of its settings.
#[derive(JsonSchema, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(extend("minProperties" = 1))]
pub struct UpdateSession {
    /// Another name.
    #[schemars(length(min = 1, max = 100), regex(pattern = NAME))]
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    /// Another number of seats. Nobody loses theirs.
    #[schemars(range(min = 2, max = 100))]
    #[serde(skip_serializing_if = "Option::is_none")]
    max_participants: Option<u8>,
    /// Whether nobody but hosts and cohosts may join.
    #[serde(skip_serializing_if = "Option::is_none")]
    locked: Option<bool>,
    /// Whether whoever joins waits until a host or a cohost admits them. Whoever waits when that ends is admitted.
    #[serde(skip_serializing_if = "Option::is_none")]
    waiting_room: Option<bool>,
    /// What the app keeps with it instead: at most 4096 bytes of UTF-8, an empty text for nothing.
    #[schemars(length(max = 4096))]
    #[serde(skip_serializing_if = "Option::is_none")]
    metadata: Option<String>,
}

/// `admitParticipant` and `denyParticipant`.
#[derive(JsonSchema, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Target {
    /// Who waits.
    #[schemars(regex(pattern = ID), extend("format" = "uuid"))]
    target_user_id: String,
}

/// `updateAttributes`.
#[derive(JsonSchema, Serialize)]
#[serde(deny_unknown_fields)]
pub struct UpdateAttributes {
    /// Attributes by name, 4 KiB together with those that are there; null takes one away.
    attributes: std::collections::BTreeMap<String, Option<String>>,
}

/// `raiseHand`.
#[derive(JsonSchema, Serialize)]
#[serde(deny_unknown_fields)]
pub struct RaiseHand {
    /// Whether it is raised, or lowered.
    raised: bool,
}

/// `sendCaption`: what the sender's own microphone heard.
#[derive(JsonSchema, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SendCaption {
    /// What the sender calls the sentence: a UUID say, for it must not come twice in 24 hours.
    #[schemars(length(min = 1, max = 64))]
    caption_id: String,
    /// What was said of it until now, without control characters.
    #[schemars(length(min = 1, max = 1_000))]
    text: String,
    /// Whether that is all of it. Only then is it kept, for 24 hours, and only the first one of its name.
    #[serde(rename = "final")]
    is_final: bool,
    /// In which language: a BCP 47 tag.
    #[schemars(length(min = 2, max = 35), regex(pattern = "^[A-Za-z0-9]{1,8}(-[A-Za-z0-9]{1,8})*$"))]
    language: String,
    /// When it began, by the server's clock: at most 10 minutes ago and 1 minute ahead.
    #[schemars(extend("format" = "date-time"))]
    started_at: String,
}

/// `sendData`: to everybody else, or to some.
#[derive(JsonSchema, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SendData {
    /// What it is about.
    #[schemars(length(min = 1, max = 128))]
    topic: String,
    /// Whatever the app wants, at most 15 KiB of UTF-8.
    payload: String,
    /// Whom it is for, by `userId`, over REST also by what the app calls its user; everybody else if not given.
    #[schemars(length(min = 1, max = 100))]
    #[serde(skip_serializing_if = "Option::is_none")]
    to: Option<Vec<String>>,
    /// What its sender calls it, so that it can be sent again.
    #[schemars(length(min = 1, max = 64))]
    #[serde(skip_serializing_if = "Option::is_none")]
    data_id: Option<String>,
}

/// `sendRpc`.
#[derive(JsonSchema, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SendRpc {
    /// Whose procedure.
    #[schemars(regex(pattern = ID), extend("format" = "uuid"))]
    target_user_id: String,
    /// What the caller calls this call; its answer carries it.
    #[schemars(length(min = 1, max = 64))]
    rpc_id: String,
    /// The procedure.
    #[schemars(length(min = 1, max = 64))]
    method: String,
    /// What it is given, at most 15 KiB of UTF-8.
    payload: String,
    /// How long the caller waits; 15,000 if not given.
    #[schemars(range(min = 1_000, max = 60_000))]
    #[serde(skip_serializing_if = "Option::is_none")]
    timeout_ms: Option<u32>,
}

/// `answerRpc`, with a payload or an error.
#[derive(JsonSchema, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AnswerRpc {
    /// Who called.
    #[schemars(regex(pattern = ID), extend("format" = "uuid"))]
    target_user_id: String,
    /// The call.
    #[schemars(length(min = 1, max = 64))]
    rpc_id: String,
    /// The result, at most 15 KiB of UTF-8.
    #[serde(skip_serializing_if = "Option::is_none")]
    payload: Option<String>,
    /// Why there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<RpcFailure>,
}

/// Why a call has no result.
#[derive(JsonSchema, Serialize)]
#[serde(deny_unknown_fields)]
pub struct RpcFailure {
    /// A number of LiveKit's, or the app's own.
    #[schemars(range(min = 0, max = 99_999))]
    code: u32,
    /// For people.
    #[schemars(length(min = 1, max = 256))]
    message: String,
    /// Whatever else the app says, at most 15 KiB of UTF-8.
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<String>,
}

/// `sync`.
#[derive(JsonSchema, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Sync {
    /// From when on events are wanted again.
    #[schemars(extend("format" = "date-time"))]
    since: String,
}

/// `receiveOffer`.
#[derive(JsonSchema, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ReceiveOffer {
    /// Who sent it.
    from_user_id: String,
    /// The sender's name.
    from_username: String,
    /// What their app calls them; an account has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    from_identity: Option<String>,
    /// The session description.
    offer: Offer,
    /// One run of the sending client.
    #[serde(skip_serializing_if = "Option::is_none")]
    epoch: Option<String>,
    /// Counts 1, 2, 3... per target.
    #[serde(skip_serializing_if = "Option::is_none")]
    seq: Option<u64>,
    /// Unique, sorted by time.
    signal_id: String,
}

/// `receiveAnswer`.
#[derive(JsonSchema, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ReceiveAnswer {
    /// Who sent it.
    from_user_id: String,
    /// The sender's name.
    from_username: String,
    /// What their app calls them; an account has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    from_identity: Option<String>,
    /// The session description.
    answer: Answer,
    /// One run of the sending client.
    #[serde(skip_serializing_if = "Option::is_none")]
    epoch: Option<String>,
    /// Counts 1, 2, 3... per target.
    #[serde(skip_serializing_if = "Option::is_none")]
    seq: Option<u64>,
    /// Unique, sorted by time.
    signal_id: String,
}

/// `receiveIceCandidate`.
#[derive(JsonSchema, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ReceiveIceCandidate {
    /// Who sent it.
    from_user_id: String,
    /// The sender's name.
    from_username: String,
    /// What their app calls them; an account has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    from_identity: Option<String>,
    /// Always a list.
    candidates: Vec<Candidate>,
    /// One run of the sending client.
    #[serde(skip_serializing_if = "Option::is_none")]
    epoch: Option<String>,
    /// Counts 1, 2, 3... per target.
    #[serde(skip_serializing_if = "Option::is_none")]
    seq: Option<u64>,
    /// Unique, sorted by time.
    signal_id: String,
}

/// An endpoint that is to be told what happens.
#[derive(JsonSchema, Serialize)]
#[serde(deny_unknown_fields)]
pub struct NewWebhook {
    /// Where it is: `https://` on port 443 or 8443, and an address that everybody can reach; on a local server also `http://localhost`.
    #[schemars(length(max = 2048), regex(pattern = "^https?://"))]
    url: String,
    /// What it is told; `["*"]`, which is the same as none, stands for everything.
    #[schemars(length(min = 1), inner(regex(pattern = TYPE)))]
    #[serde(skip_serializing_if = "Option::is_none")]
    types: Option<Vec<String>>,
    /// What its owner says of it.
    #[schemars(length(max = 200))]
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
}

/// What is to be different about an endpoint.
#[derive(JsonSchema, Serialize)]
#[serde(deny_unknown_fields)]
#[schemars(extend("minProperties" = 1))]
pub struct WebhookChange {
    /// Where it is.
    #[schemars(length(max = 2048), regex(pattern = "^https?://"))]
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<String>,
    /// What it is told; `["*"]` stands for everything.
    #[schemars(length(min = 1), inner(regex(pattern = TYPE)))]
    #[serde(skip_serializing_if = "Option::is_none")]
    types: Option<Vec<String>>,
    /// What its owner says of it.
    #[schemars(length(max = 200))]
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    /// Whether it is told nothing. What happens meanwhile is not kept for it, but can be told by a replay.
    #[serde(skip_serializing_if = "Option::is_none")]
    disabled: Option<bool>,
}

/// What an endpoint is to be told again: everything that is kept, or from a time or a place on.
#[derive(JsonSchema, Serialize)]
#[serde(deny_unknown_fields)]
pub struct WebhookReplay {
    /// What was noted then or later; not together with `after`.
    #[schemars(extend("format" = "date-time"))]
    #[serde(skip_serializing_if = "Option::is_none")]
    since: Option<String>,
    /// What follows there: `next` of an earlier answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    after: Option<String>,
    /// Of these types.
    #[schemars(length(min = 1), inner(regex(pattern = TYPE)))]
    #[serde(skip_serializing_if = "Option::is_none")]
    types: Option<Vec<String>>,
    /// At most so many; 100 if not given.
    #[schemars(range(min = 1, max = 100))]
    #[serde(skip_serializing_if = "Option::is_none")]
    limit: Option<u8>,
}
