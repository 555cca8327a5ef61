//! What recordings need: their items, and the queue that sees to it that they are put together.

use std::time::Duration;

use super::Page;
use crate::recording::{Gap, RecordedFile, Recording};
use crate::{RecordingId, Result, SessionId, Timestamp, UserId};

/// Recordings as they are kept.
pub trait Recordings {
    /// Keeps a new one, with the mark on its participant, who must hold a seat. One of a user, kind and session is active at a time.
    fn begin_recording(&self, recording: &Recording) -> impl Future<Output = Result<Begun>> + Send;
    /// One of them, strongly consistent; none once its time is over.
    fn recording(&self, id: RecordingId, now: Timestamp) -> impl Future<Output = Result<Option<Recording>>> + Send;
    /// Keeps it as it is now, unless it was written since it was read; `happened` says when, if the outside is told of this. Whether it
    /// was kept, with the next version.
    fn keep_recording(
        &self,
        recording: &Recording,
        happened: Option<Timestamp>,
    ) -> impl Future<Output = Result<bool>> + Send;
    /// Notes on its participant that they record; whether that is new. False for whoever holds no seat.
    fn mark_recording(&self, recording: &Recording) -> impl Future<Output = Result<bool>> + Send;
    /// Takes that note away, and lets another one of that user, kind and session begin.
    fn unmark_recording(&self, recording: &Recording) -> impl Future<Output = Result<()>> + Send;
    /// One page of those of a session that were begun before `before`, the newest first, at most `limit`, which may be a second old. The
    /// next one is what was begun before `next`.
    fn recordings_in(
        &self,
        session: SessionId,
        limit: usize,
        before: Option<RecordingId>,
        now: Timestamp,
    ) -> impl Future<Output = Result<Page<Recording, RecordingId>>> + Send;
    /// Forgets one, with what leads to it; the last step.
    fn forget_recording(&self, recording: &Recording) -> impl Future<Output = Result<()>> + Send;
}

/// What came of beginning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Begun {
    /// It is kept.
    Done,
    /// That one was not finished yet.
    Another(RecordingId),
    /// Whoever records holds no seat.
    NotSeated,
}

/// That recording is wished for.
pub trait RecordingRequests {
    /// Notes it with an active session; how often it was noted, this time included. None where the session is not active.
    fn request_recording(&self, session: SessionId, wanted: bool) -> impl Future<Output = Result<Option<u64>>> + Send;
}

/// Who took part, for as long as that is noted.
pub trait Attendance {
    /// Whether that user had a seat in that session once, and was not removed or banned since; may be a second old.
    fn took_part(&self, session: SessionId, user: UserId, now: Timestamp) -> impl Future<Output = Result<bool>> + Send;
}

/// Where an account's recordings are found when it goes.
pub trait RecordedSessions {
    /// Sessions in which the account recorded, or somebody else in a session that it hosts.
    fn recorded_sessions(&self, user: UserId) -> impl Future<Output = Result<Vec<SessionId>>> + Send;
    /// Forgets that.
    fn forget_recorded_session(&self, user: UserId, session: SessionId) -> impl Future<Output = Result<()>> + Send;
}

/// The queue of recordings that somebody has to look at.
pub trait RecordingQueue {
    /// Has it looked at after that time, rounded up to a second and at most 15 minutes.
    fn tend_after(&self, delay: Duration, tended: &Tended) -> impl Future<Output = Result<()>> + Send;
}

/// A recording that somebody has to look at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tended {
    /// The session: a recording that is gone may have left objects.
    pub session: SessionId,
    /// The recording.
    pub recording: RecordingId,
    /// How often looking has failed.
    pub failures: u32,
}

impl Tended {
    /// One for the first time.
    pub fn new(recording: &Recording) -> Self {
        Self { session: recording.session, recording: recording.id, failures: 0 }
    }
}

/// A chunk that is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StoredChunk {
    /// Its number.
    pub number: u32,
    /// Its size.
    pub bytes: u64,
}

/// Puts chunks together, from object to object.
pub trait Composer {
    /// Makes the next file of what is there, where the recording's cursor says, in place of one that an earlier try made.
    ///
    /// # Errors
    /// Where the object store fails: the same again may succeed.
    fn compose(
        &self,
        recording: &Recording,
        chunks: &[StoredChunk],
    ) -> impl Future<Output = Result<Composition>> + Send;
}

/// What came of putting chunks together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Composition {
    /// One step.
    Step(Step),
    /// Nothing can be made of them; says why.
    Unusable(String),
}

/// One step of putting chunks together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// The file, if there was anything left to play.
    pub file: Option<RecordedFile>,
    /// What is missing from its beginning to the next one's.
    pub gaps: Vec<Gap>,
    /// Where the next file begins; none when this was the last one.
    pub next: Option<String>,
}
