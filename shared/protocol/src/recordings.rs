//! Recordings: what clients send and what they get.

use domain::ports::DownloadUrls;
use domain::recording::{
    CHUNK, Gap, MAX_CHUNK_BYTES, MAX_CHUNKS, MediaType, Recording, RecordingKind, RecordingStatus, object_keys,
};
use domain::recordings::{Asked, DOWNLOAD_VALID, NewRecording, RefusedChunk, Upload, Uploads};
use domain::{Error, RecordingId, Sender, SessionId, Timestamp};
use serde::Serialize;

use crate::rest::{body, identity};
use crate::{format_time, parse_time};

const SESSION: &str = "must be a session's id";
const RECORDING: &str = "must be a recording's id";
const FROM: &str = "must be 0-10800";
const LAST: &str = "must be 0-10799";
/// The longest time that a client may say that it recorded, in milliseconds: a day.
const LONGEST: u64 = 24 * 60 * 60 * 1000;

/// `POST /api/session/recording/start`.
pub fn parse_start(json: &str) -> Result<NewRecording, Error> {
    body(json, |f| {
        let session = f.text("sessionId", |text| text.parse::<SessionId>().map_err(|_| SESSION));
        let kind = f.text("kind", |text| RecordingKind::named(&text).ok_or("must be participant, audio or screen"));
        let media_type = f.text("mimeType", |text| MediaType::parse(&text));
        let started_at = f.optional_text("startedAt", |text| parse_time(&text).ok_or("must be an RFC 3339 time"));
        Some(NewRecording { session: session?, kind: kind?, media_type: media_type?, started_at: started_at? })
    })
}

/// `POST /api/session/recording/uploads`.
pub fn parse_uploads(json: &str) -> Result<Asked, Error> {
    body(json, |f| {
        let recording = f.text("recordingId", |text| text.parse::<RecordingId>().map_err(|_| RECORDING));
        let from = f.number("fromSeq", |number| up_to(number, MAX_CHUNKS).ok_or(FROM));
        let segment = f.optional_number("segmentStartedAt", |millis| Ok(Timestamp::from_millis(millis)));
        Some(Asked { recording: recording?, from: from?, segment_started_at: segment? })
    })
}

/// `POST /api/session/recording/finish`: which, its last chunk, and how long it is, in milliseconds.
pub fn parse_finish(json: &str) -> Result<(RecordingId, (u32, Option<u64>)), Error> {
    body(json, |f| {
        let recording = f.text("recordingId", |text| text.parse::<RecordingId>().map_err(|_| RECORDING));
        let last = f.number("lastSeq", |number| up_to(number, MAX_CHUNKS - 1).ok_or(LAST));
        let long = |millis| if millis <= LONGEST { Ok(millis) } else { Err("must be at most a day") };
        let duration = f.optional_number("durationMs", long);
        Some((recording?, (last?, duration?)))
    })
}

/// `POST /api/session/recording/request`: where, and whether everybody is to record.
pub fn parse_request(json: &str) -> Result<(SessionId, bool), Error> {
    body(json, |f| {
        let session = f.text("sessionId", |text| text.parse::<SessionId>().map_err(|_| SESSION));
        let wanted = f.flag("recording");
        Some((session?, wanted?))
    })
}

fn up_to(number: u64, most: u32) -> Option<u32> {
    u32::try_from(number).ok().filter(|number| *number <= most)
}

/// An address by which one chunk is stored: `PUT` with the content type that is given beside it. Storing it again replaces it.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct UploadView {
    /// The chunk's number.
    pub seq: u32,
    /// The presigned address.
    pub url: String,
}

impl From<&Upload> for UploadView {
    fn from(upload: &Upload) -> Self {
        Self { seq: upload.number, url: upload.url.clone() }
    }
}

/// A recording that was begun.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct RecordingStarted {
    /// Its identifier.
    pub recording_id: String,
    /// How much of it a chunk holds, in seconds.
    pub chunk_seconds: u64,
    /// The largest chunk, in bytes; a larger one is removed.
    pub max_chunk_bytes: u64,
    /// Where the first chunks are stored.
    pub uploads: Vec<UploadView>,
    /// The content type that a chunk is stored with; it is part of each address's signature.
    pub content_type: String,
    /// When the addresses end.
    pub expires_at: String,
    /// The server's time.
    pub server_time: String,
}

impl RecordingStarted {
    /// Of a recording and its first addresses.
    pub fn new(given: &Uploads, now: Timestamp) -> Self {
        Self {
            recording_id: given.recording.id.to_string(),
            chunk_seconds: CHUNK.as_secs(),
            max_chunk_bytes: MAX_CHUNK_BYTES,
            uploads: given.uploads.iter().map(UploadView::from).collect(),
            content_type: given.recording.media_type.essence().to_owned(),
            expires_at: format_time(given.expires_at),
            server_time: format_time(now),
        }
    }
}

/// Where chunks are stored, and which are.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct RecordingUploads {
    /// Where chunks are stored, from the one on that was asked for; none behind the last one that there can be.
    pub uploads: Vec<UploadView>,
    /// The content type that a chunk is stored with.
    pub content_type: String,
    /// Chunks that are there: from and to, both included.
    pub have: Vec<(u32, u32)>,
    /// Chunks that were removed.
    pub refused: Vec<RefusedView>,
    /// When the addresses end.
    pub expires_at: String,
}

/// A chunk that was removed.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct RefusedView {
    /// Its number.
    pub seq: u32,
    /// Why.
    pub reason: RefusalView,
}

/// Why a chunk was removed.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub enum RefusalView {
    /// It is larger than a chunk may be.
    TooLarge,
}

impl From<&RefusedChunk> for RefusedView {
    fn from(chunk: &RefusedChunk) -> Self {
        Self { seq: chunk.number, reason: RefusalView::TooLarge }
    }
}

impl From<&Uploads> for RecordingUploads {
    fn from(given: &Uploads) -> Self {
        Self {
            uploads: given.uploads.iter().map(UploadView::from).collect(),
            content_type: given.recording.media_type.essence().to_owned(),
            have: given.have.clone(),
            refused: given.refused.iter().map(RefusedView::from).collect(),
            expires_at: format_time(given.expires_at),
        }
    }
}

/// What became of a recording that was finished.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct RecordingFinished {
    /// `composing`, until its files are there.
    pub status: RecordingStatusView,
}

impl From<&Recording> for RecordingFinished {
    fn from(recording: &Recording) -> Self {
        Self { status: recording.status.into() }
    }
}

/// How far a recording is.
#[derive(Debug, Clone, Copy, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub enum RecordingStatusView {
    /// Chunks come, or may come.
    Active,
    /// It is put together.
    Composing,
    /// Its files are there.
    Ready,
    /// No file could be made of it.
    Failed,
}

impl From<RecordingStatus> for RecordingStatusView {
    fn from(status: RecordingStatus) -> Self {
        match status {
            RecordingStatus::Active => Self::Active,
            RecordingStatus::Composing => Self::Composing,
            RecordingStatus::Ready => Self::Ready,
            // Nobody is shown one that was deleted.
            RecordingStatus::Failed | RecordingStatus::Deleted => Self::Failed,
        }
    }
}

/// What is recorded.
#[derive(Debug, Clone, Copy, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub enum RecordingKindView {
    /// Camera and microphone.
    Participant,
    /// The microphone alone.
    Audio,
    /// The screen.
    Screen,
}

impl From<RecordingKind> for RecordingKindView {
    fn from(kind: RecordingKind) -> Self {
        match kind {
            RecordingKind::Participant => Self::Participant,
            RecordingKind::Audio => Self::Audio,
            RecordingKind::Screen => Self::Screen,
        }
    }
}

/// A file of a recording.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct RecordingFile {
    /// Where it is fetched, whole or by ranges, until `expiresAt` of the recording.
    pub url: String,
    /// Its content type.
    pub mime_type: String,
    /// When its first sample was taken.
    pub started_at: String,
    /// How long it plays, in milliseconds.
    pub duration_ms: u64,
    /// Its size.
    pub bytes: u64,
}

/// A stretch of which nothing came.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct RecordingGap {
    /// From there, in milliseconds since the recording began.
    pub from_ms: u64,
    /// To there.
    pub to_ms: u64,
}

impl From<&Gap> for RecordingGap {
    fn from(gap: &Gap) -> Self {
        Self { from_ms: gap.from_ms, to_ms: gap.to_ms }
    }
}

/// A recording.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct RecordingDetail {
    /// Its identifier.
    pub recording_id: String,
    /// The session.
    pub session_id: String,
    /// Who recorded themselves.
    pub user_id: String,
    /// Their name.
    pub username: String,
    /// What the app calls its user; an account has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub identity: Option<String>,
    /// What.
    pub kind: RecordingKindView,
    /// As what, as the client said.
    pub mime_type: String,
    /// How far it is.
    pub status: RecordingStatusView,
    /// When its first sample was taken.
    pub started_at: String,
    /// When nothing more came.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<String>,
    /// How long it lasted, gaps included, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub duration_ms: Option<u64>,
    /// The size of its files.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
    /// What is missing, in order.
    pub gaps: Vec<RecordingGap>,
    /// Its files, in the order of their beginning: another one where a player cannot go on with what came before.
    pub files: Vec<RecordingFile>,
    /// Where the first file is fetched.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// When the addresses end; the same question gives others.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<String>,
    /// Until when the recording is kept.
    pub kept_until: String,
    /// Why no file could be made of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

impl RecordingDetail {
    /// A recording, with addresses of its files that are good from `now` on.
    ///
    /// # Errors
    /// What making an address fails with.
    pub fn new(recording: &Recording, urls: &impl DownloadUrls, now: Timestamp) -> Result<Self, Error> {
        let made = recording.made.as_ref().filter(|_| recording.status == RecordingStatus::Ready);
        let files = made.map(|made| made.files.as_slice()).unwrap_or_default();
        let files: Vec<_> = files
            .iter()
            .map(|file| {
                let key = object_keys::file(recording, file.number, &file.content_type);
                Ok(RecordingFile {
                    url: urls.get_url(&key, &recording.file_name(file), DOWNLOAD_VALID, now)?,
                    mime_type: file.content_type.clone(),
                    started_at: format_time(file.started_at),
                    duration_ms: file.duration_ms,
                    bytes: file.bytes,
                })
            })
            .collect::<Result<_, Error>>()?;
        Ok(Self {
            recording_id: recording.id.to_string(),
            session_id: recording.session.to_string(),
            user_id: recording.by.user_id.to_string(),
            username: recording.by.username.as_str().to_owned(),
            identity: identity(recording.identity()),
            kind: recording.kind.into(),
            mime_type: recording.media_type.as_str().to_owned(),
            status: recording.status.into(),
            started_at: format_time(recording.started_at()),
            ended_at: recording.finish.map(|finish| format_time(finish.at)),
            duration_ms: made.map(|made| made.duration_ms),
            bytes: made.map(|made| made.files.iter().map(|file| file.bytes).sum()),
            gaps: made.map(|made| made.gaps.iter().map(RecordingGap::from).collect()).unwrap_or_default(),
            url: files.first().map(|first| first.url.clone()),
            expires_at: (!files.is_empty()).then(|| format_time(now + DOWNLOAD_VALID)),
            files,
            kept_until: format_time(recording.keep_until),
            error: recording.error.clone(),
        })
    }
}

/// `recordingStarted`: somebody records themselves.
#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct RecordingStartedData {
    /// The recording.
    pub recording_id: String,
    /// Who.
    pub user_id: String,
    /// Their name.
    pub username: String,
    /// What the app calls its user; an account has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub identity: Option<String>,
    /// What.
    pub kind: RecordingKindView,
}

impl From<&Recording> for RecordingStartedData {
    fn from(recording: &Recording) -> Self {
        Self {
            recording_id: recording.id.to_string(),
            user_id: recording.by.user_id.to_string(),
            username: recording.by.username.as_str().to_owned(),
            identity: identity(recording.identity()),
            kind: recording.kind.into(),
        }
    }
}

/// `recordingStopped`: somebody does not record themselves any more.
#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct RecordingStoppedData {
    /// The recording.
    pub recording_id: String,
    /// Who.
    pub user_id: String,
}

impl From<&Recording> for RecordingStoppedData {
    fn from(recording: &Recording) -> Self {
        Self { recording_id: recording.id.to_string(), user_id: recording.by.user_id.to_string() }
    }
}

/// `recordingReady`: the files of a recording are there, or cannot be made.
#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct RecordingReadyData {
    /// The recording.
    pub recording_id: String,
    /// Who recorded themselves.
    pub user_id: String,
    /// `ready` or `failed`.
    pub status: RecordingStatusView,
}

impl From<&Recording> for RecordingReadyData {
    fn from(recording: &Recording) -> Self {
        let RecordingStoppedData { recording_id, user_id } = recording.into();
        Self { recording_id, user_id, status: recording.status.into() }
    }
}

/// `recordingRequested`: everybody is asked to record themselves, or not to any more. Each of them may refuse.
#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct RecordingRequestedData {
    /// The session.
    pub session_id: String,
    /// Whether they are to record.
    pub recording: bool,
    /// How often that was asked. Two can overtake each other: the one with the larger number counts.
    pub request: u64,
    /// Who asks; nobody where the app itself does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub by_user_id: Option<String>,
    /// Their name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub by_username: Option<String>,
}

impl RecordingRequestedData {
    /// What everybody is told.
    pub fn new(session: SessionId, wanted: bool, count: u64, by: Option<&Sender>) -> Self {
        Self {
            session_id: session.to_string(),
            recording: wanted,
            request: count,
            by_user_id: by.map(|by| by.user_id.to_string()),
            by_username: by.map(|by| by.username.as_str().to_owned()),
        }
    }
}

/// A recording, as an event of a webhook names it.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct WebhookRecording {
    /// Its identifier; its files are in `GET /api/recordings/{recordingId}`.
    pub recording_id: String,
    /// What.
    pub kind: RecordingKindView,
    /// How far it is.
    pub status: RecordingStatusView,
    /// When its first sample was taken.
    pub started_at: String,
    /// How long it lasted, gaps included, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub duration_ms: Option<u64>,
    /// The size of its files.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
    /// How many stretches are missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gaps: Option<usize>,
    /// Why no file could be made of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

impl From<&Recording> for WebhookRecording {
    fn from(recording: &Recording) -> Self {
        let made = recording.made.as_ref();
        Self {
            recording_id: recording.id.to_string(),
            kind: recording.kind.into(),
            status: recording.status.into(),
            started_at: format_time(recording.started_at()),
            duration_ms: made.map(|made| made.duration_ms),
            bytes: made.map(|made| made.files.iter().map(|file| file.bytes).sum()),
            gaps: made.map(|made| made.gaps.len()),
            error: recording.error.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fields::refused;

    const ID: &str = "01a1ed5c-8600-7000-8000-000000000004";

    #[test]
    fn every_bad_field_of_a_start_is_named() {
        assert_eq!(refused(parse_start("{}")), ["sessionId", "kind", "mimeType"]);
        let odd = r#"{"sessionId":"x","kind":"all","mimeType":"text/html","startedAt":"now","name":1}"#;
        assert_eq!(refused(parse_start(odd)), ["sessionId", "kind", "mimeType", "startedAt", "name"]);
    }

    #[test]
    fn chunks_are_counted_up_to_twelve_hours() {
        for (from, accepted) in [("0", true), ("10800", true), ("10801", false), ("-1", false), ("1e99", false)] {
            let parsed = parse_uploads(&format!(r#"{{"recordingId":"{ID}","fromSeq":{from}}}"#));
            assert_eq!(parsed.is_ok(), accepted, "{from}");
        }
        for (last, accepted) in [("0", true), ("10799", true), ("10800", false), ("4294967296", false), ("-1", false)] {
            let parsed = parse_finish(&format!(r#"{{"recordingId":"{ID}","lastSeq":{last}}}"#));
            assert_eq!(parsed.is_ok(), accepted, "{last}");
        }
    }

    #[test]
    fn a_recording_lasts_a_day_at_most() {
        for (long, accepted) in [("0", true), ("86400000", true), ("86400001", false), ("\"1\"", false)] {
            let parsed = parse_finish(&format!(r#"{{"recordingId":"{ID}","lastSeq":0,"durationMs":{long}}}"#));
            assert_eq!(parsed.is_ok(), accepted, "{long}");
        }
    }
}
