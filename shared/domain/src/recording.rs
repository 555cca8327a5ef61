//! A recording: what one participant sent, stored in chunks by their own client, and put together afterwards.

use std::time::Duration;

use crate::{
    Identity, Permission, ProjectId, RecordingId, Rights, RoomName, Scope, Sender, SessionId, Timestamp, UserId,
};

/// How much of a recording lies in one chunk.
pub const CHUNK: Duration = Duration::from_secs(4);
/// The largest chunk, in bytes: 4 s at 16 Mbit/s. A presigned address of S3 cannot limit what is stored there, so a larger one is removed
/// when it is seen.
pub const MAX_CHUNK_BYTES: u64 = 8 * 1024 * 1024;
/// So many chunks at most: 12 hours.
pub const MAX_CHUNKS: u32 = 10_800;
/// So often a recording may begin anew, with what a decoder has to know first: after a reload, or with other tracks.
pub const MAX_SEGMENTS: usize = 200;

/// What is recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RecordingKind {
    /// Camera and microphone, or one of them.
    Participant,
    /// The microphone alone.
    Audio,
    /// The screen.
    Screen,
}

impl RecordingKind {
    /// Each of them.
    pub const ALL: [Self; 3] = [Self::Participant, Self::Audio, Self::Screen];

    /// As clients write it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Participant => "participant",
            Self::Audio => "audio",
            Self::Screen => "screen",
        }
    }

    /// The one of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// What whoever records this lacks, as they are told, if they do: one records what one may send.
    pub fn lacks(self, rights: Rights) -> Option<&'static str> {
        let (enough, named): (&[Permission], _) = match self {
            Self::Participant => {
                (&[Permission::PublishAudio, Permission::PublishVideo], "publishAudio or publishVideo")
            }
            Self::Audio => (&[Permission::PublishAudio], Permission::PublishAudio.name()),
            Self::Screen => (&[Permission::PublishScreen], Permission::PublishScreen.name()),
        };
        (!enough.iter().any(|one| rights.permissions.has(*one))).then_some(named)
    }
}

/// What holds sound and pictures together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Container {
    /// ISO base media file format, in fragments.
    Mp4,
    /// WebM.
    WebM,
}

impl Container {
    /// What names of its files end in.
    pub const fn extension(self) -> &'static str {
        match self {
            Self::Mp4 => "mp4",
            Self::WebM => "webm",
        }
    }
}

/// What a `MediaRecorder` says that it makes: `video/mp4;codecs="vp09.00.10.08,opus"`, say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MediaType {
    text: String,
    container: Container,
}

impl MediaType {
    /// The longest one, in characters.
    const LONGEST: usize = 128;

    /// Parses `audio/` or `video/`, `mp4` or `webm`, and codecs behind a semicolon.
    ///
    /// # Errors
    /// What it must be.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        const MUST: &str = "must be audio or video, /mp4 or /webm, with codecs behind a semicolon";
        let visible = text.len() <= Self::LONGEST && text.bytes().all(|byte| matches!(byte, b' '..=b'~'));
        let essence = text.split(';').next().unwrap_or_default();
        let container = match essence {
            _ if !visible => None,
            "audio/mp4" | "video/mp4" => Some(Container::Mp4),
            "audio/webm" | "video/webm" => Some(Container::WebM),
            _ => None,
        };
        container.map(|container| Self { text: text.to_owned(), container }).ok_or(MUST)
    }

    /// As it was given.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Without codecs: what objects carry as their content type.
    pub fn essence(&self) -> &str {
        self.text.split(';').next().unwrap_or_default()
    }

    /// What holds it together.
    pub fn container(&self) -> Container {
        self.container
    }
}

/// How far a recording is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RecordingStatus {
    /// Chunks come, or may come.
    Active,
    /// What came is put together.
    Composing,
    /// Its files are there.
    Ready,
    /// No file could be made of what came.
    Failed,
    /// It was deleted, and its objects are being removed. Nobody sees it any more.
    Deleted,
}

/// A part that a player could begin with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecordedSegment {
    /// Its first chunk.
    pub first_chunk: u32,
    /// When its first sample was taken.
    pub started_at: Timestamp,
}

/// That nothing more comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Finish {
    /// Since when.
    pub at: Timestamp,
    /// The last chunk, as the client says; unknown of a client that went silent.
    pub last_chunk: Option<u32>,
    /// How long it recorded, in milliseconds, as the client says.
    pub duration_ms: Option<u64>,
}

/// A file that was made of chunks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordedFile {
    /// Its number, from 0.
    pub number: u32,
    /// Its content type.
    pub content_type: String,
    /// When its first sample was taken.
    pub started_at: Timestamp,
    /// How long it plays, in milliseconds.
    pub duration_ms: u64,
    /// Its size.
    pub bytes: u64,
}

/// A stretch of which nothing came, in milliseconds since the recording began.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gap {
    /// From there.
    pub from_ms: u64,
    /// To there.
    pub to_ms: u64,
}

/// What became of the chunks.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Made {
    /// The files, in the order of their beginning.
    pub files: Vec<RecordedFile>,
    /// What is missing, in order.
    pub gaps: Vec<Gap>,
    /// How long it lasted, gaps included, in milliseconds.
    pub duration_ms: u64,
}

/// What those in the session still have to be told of a recording: it is part of the write by which it happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RecordingNews {
    /// It began.
    Started,
    /// Nothing more is recorded.
    Stopped,
    /// Its files are there, or cannot be made.
    Done,
}

/// That somebody puts a recording together, so that nobody else does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    /// Until then.
    pub until: Timestamp,
    /// The message that they were given. When it comes again, they are dead.
    pub by: String,
}

/// A recording.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recording {
    /// Its identifier, which carries when it was begun.
    pub id: RecordingId,
    /// The session.
    pub session: SessionId,
    /// The session's project.
    pub project: ProjectId,
    /// The app's name of the session.
    pub room: Option<RoomName>,
    /// The account that hosts the session.
    pub host: Option<UserId>,
    /// Who records themselves.
    pub by: Sender,
    /// What.
    pub kind: RecordingKind,
    /// As what.
    pub media_type: MediaType,
    /// How far it is.
    pub status: RecordingStatus,
    /// When its client was last heard of.
    pub touched_at: Timestamp,
    /// So many chunks, from the first one on, were seen in the bucket. The next look begins behind them.
    pub complete: u32,
    /// Its segments, in order; never none.
    pub segments: Vec<RecordedSegment>,
    /// That it is finished.
    pub finish: Option<Finish>,
    /// Who puts it together.
    pub lease: Option<Lease>,
    /// Where putting it together goes on, in the words of whoever does that.
    pub cursor: Option<String>,
    /// What became of it; as long as it is put together, what there is so far.
    pub made: Option<Made>,
    /// Why nothing could be made of it, for people.
    pub error: Option<String>,
    /// What the others still have to be told.
    pub untold: Option<RecordingNews>,
    /// Until when it is kept.
    pub keep_until: Timestamp,
    /// How often it was written.
    pub version: u64,
}

impl Recording {
    /// One that begins now: active, of a session that is no app's, kept until it is said for how long.
    pub fn begun(
        id: RecordingId,
        session: SessionId,
        by: Sender,
        kind: RecordingKind,
        media_type: MediaType,
        started_at: Timestamp,
    ) -> Self {
        Self {
            id,
            session,
            project: ProjectId::default(),
            room: None,
            host: None,
            by,
            kind,
            media_type,
            status: RecordingStatus::Active,
            touched_at: id.timestamp(),
            complete: 0,
            segments: vec![RecordedSegment { first_chunk: 0, started_at }],
            finish: None,
            lease: None,
            cursor: None,
            made: None,
            error: None,
            untold: None,
            keep_until: id.timestamp(),
            version: 0,
        }
    }

    /// When its first sample was taken.
    pub fn started_at(&self) -> Timestamp {
        self.segments.first().map_or_else(|| self.id.timestamp(), |first| first.started_at)
    }

    /// Whether that user records it.
    pub fn is_by(&self, user: UserId) -> bool {
        self.by.user_id == user
    }

    /// Whether it lies within.
    pub fn is_within(&self, scope: &Scope) -> bool {
        scope.project == self.project && scope.holds_room(self.session, self.room.as_ref())
    }

    /// What the app calls whoever records.
    pub fn identity(&self) -> Option<&Identity> {
        self.by.identity.as_ref()
    }

    /// Begins a segment with that chunk, or says when the newest one began; one that would have begun before the segment in front of it
    /// begins with that one: clocks are set. The same twice changes nothing.
    ///
    /// # Errors
    /// Why it cannot begin there.
    pub fn begin_segment(&mut self, first_chunk: u32, started_at: Timestamp) -> Result<(), &'static str> {
        let newest = self.segments.last().map(|last| last.first_chunk);
        match newest {
            Some(newest) if newest > first_chunk => Err("comes after a later segment was begun"),
            Some(newest) if newest < first_chunk && self.segments.len() >= MAX_SEGMENTS => {
                Err("begins more than 200 segments")
            }
            _ => {
                self.segments.retain(|each| each.first_chunk != first_chunk);
                let before = self.segments.last().map_or(started_at, |last| last.started_at);
                self.segments.push(RecordedSegment { first_chunk, started_at: started_at.max(before) });
                Ok(())
            }
        }
    }

    /// The name under which a browser saves its file.
    pub fn file_name(&self, file: &RecordedFile) -> String {
        let (kind, number) = (self.kind.name(), file.number);
        let container = object_keys::extension(&file.content_type);
        let who: String = self.by.username.as_str().chars().filter(|c| c.is_alphanumeric()).take(40).collect();
        let more = if number == 0 { String::new() } else { format!("-{}", number + 1) };
        format!("{}-{kind}-{}{more}.{container}", if who.is_empty() { "recording" } else { &who }, self.id)
    }
}

/// The keys of the objects of recordings: the only place that formats and reads them.
pub mod object_keys {
    use super::Recording;
    use crate::{RecordingId, SessionId};

    const CHUNKS: &str = "chunks";
    const FILES: &str = "files";

    /// Before the keys of all chunks of a recording.
    pub fn chunks(session: SessionId, recording: RecordingId) -> String {
        format!("{CHUNKS}/{session}/{recording}/")
    }

    /// Before the keys of all files of a recording.
    pub fn files(session: SessionId, recording: RecordingId) -> String {
        format!("{FILES}/{session}/{recording}/")
    }

    /// A chunk. Six digits, so that keys sort as numbers do.
    pub fn chunk(recording: &Recording, number: u32) -> String {
        format!("{}{number:06}", chunks(recording.session, recording.id))
    }

    /// The number of a chunk; nothing for what [`chunk`] did not make.
    pub fn number_of(key: &str) -> Option<u32> {
        let digits = key.rsplit('/').next().filter(|last| last.len() == 6)?;
        digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok()).flatten()
    }

    /// A file of that content type.
    pub fn file(recording: &Recording, number: u32, content_type: &str) -> String {
        format!("{}{number}.{}", files(recording.session, recording.id), extension(content_type))
    }

    /// What names of files of that content type end in.
    pub(super) fn extension(content_type: &str) -> &str {
        content_type.rsplit('/').next().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Permissions, Role, Username};

    fn recording() -> Recording {
        let at = Timestamp::from_millis(1_795_348_800_000);
        let username = Username::kept("Ann B. Ä").expect("not blank");
        let by = Sender { user_id: UserId::first_at(at), username, identity: None };
        let media_type = MediaType::parse("video/mp4;codecs=\"vp09.00.10.08,opus\"").expect("valid");
        let (id, session) = (RecordingId::first_at(at), SessionId::first_at(at));
        Recording::begun(id, session, by, RecordingKind::Participant, media_type, at)
    }

    #[test]
    fn a_media_type_is_audio_or_video_in_one_of_two_containers() {
        for (text, essence, container) in [
            ("video/webm", "video/webm", Container::WebM),
            ("audio/webm;codecs=opus", "audio/webm", Container::WebM),
            ("video/mp4;codecs=\"avc1.42E01E,opus\"", "video/mp4", Container::Mp4),
        ] {
            let parsed = MediaType::parse(text).expect(text);
            assert_eq!((parsed.essence(), parsed.container(), parsed.as_str()), (essence, container, text));
        }
        let long = format!("video/mp4;{}", "x".repeat(200));
        for odd in ["", "video", "video/ogg", "text/html", "video/mp4\n;x", "VIDEO/MP4", "image/webm", &long] {
            assert!(MediaType::parse(odd).is_err(), "{odd}");
        }
    }

    #[test]
    fn one_records_what_one_may_send() {
        let viewer = Rights::of(Role::Viewer);
        let silent = Rights { permissions: Permissions::default().plus(Permission::PublishVideo), ..viewer };
        for (kind, rights, lacks) in [
            (RecordingKind::Participant, Rights::default(), None),
            (RecordingKind::Participant, silent, None),
            (RecordingKind::Participant, viewer, Some("publishAudio or publishVideo")),
            (RecordingKind::Audio, silent, Some("publishAudio")),
            (RecordingKind::Screen, silent, Some("publishScreen")),
            (RecordingKind::Screen, Rights::default(), None),
        ] {
            assert_eq!(kind.lacks(rights), lacks, "{kind:?}");
        }
    }

    #[test]
    fn a_chunks_key_sorts_as_its_number_and_is_read_back() {
        let recording = recording();
        let keys: Vec<_> = [0, 9, 10, 10_799].map(|number| object_keys::chunk(&recording, number)).into();
        assert!(keys.is_sorted());
        assert_eq!(keys.iter().filter_map(|key| object_keys::number_of(key)).collect::<Vec<_>>(), [0, 9, 10, 10_799]);
        for odd in ["", "chunks/a/b/7", "chunks/a/b/-00001", "chunks/a/b/000001x", "chunks/a/b/+00001"] {
            assert_eq!(object_keys::number_of(odd), None, "{odd}");
        }
    }

    #[test]
    fn segments_begin_one_after_the_other_and_the_newest_may_be_said_again() {
        let (mut recording, later) = (recording(), Timestamp::from_millis(1_795_348_900_000));
        assert_eq!(recording.begin_segment(0, later), Ok(()));
        assert_eq!(recording.started_at(), later);
        assert_eq!(recording.begin_segment(7, later), Ok(()));
        assert_eq!(recording.begin_segment(7, later), Ok(()));
        assert_eq!(recording.segments.len(), 2);
        assert!(recording.begin_segment(6, later).is_err());
        for next in 8..8 + 198 {
            assert_eq!(recording.begin_segment(next, later), Ok(()));
        }
        assert!(recording.begin_segment(1000, later).is_err());
    }

    #[test]
    fn a_file_is_saved_under_who_and_what_it_is() {
        let recording = recording();
        let file = |number, content_type: &str| RecordedFile {
            number,
            content_type: content_type.to_owned(),
            started_at: recording.started_at(),
            duration_ms: 1,
            bytes: 1,
        };
        let name = recording.file_name(&file(0, "video/mp4"));
        assert_eq!(name, format!("AnnBÄ-participant-{}.mp4", recording.id));
        // What a recorder made counts, not what it said.
        let name = recording.file_name(&file(1, "audio/webm"));
        assert_eq!(name, format!("AnnBÄ-participant-{}-2.webm", recording.id));
        assert!(object_keys::file(&recording, 1, "audio/webm").ends_with("/1.webm"));
    }
}
