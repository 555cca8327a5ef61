//! What sessions need from storage.

use super::Page;
use crate::{
    Email, Ending, Metadata, ProjectId, Result, RoomName, Roster, Session, SessionId, Timestamp, UserId, Visibility,
};

/// What a client calls a request to create something, so that the same request sent again creates nothing more: 1-64 visible
/// characters of ASCII, unique per user. Around them may be quotes, as the draft for the header wants it.
/// <https://datatracker.ietf.org/doc/draft-ietf-httpapi-idempotency-key-header/>
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdempotencyKey(String);

impl IdempotencyKey {
    /// Parses; the error says what it must be.
    pub fn parse(text: &str) -> std::result::Result<Self, &'static str> {
        let bare = text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(text);
        let fits = (1..=64).contains(&bare.len()) && bare.bytes().all(|byte| byte.is_ascii_graphic());
        fits.then(|| Self(bare.to_owned())).ok_or("must be 1-64 visible characters of ASCII")
    }

    /// As the client wrote it, without quotes.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What sessions need from storage. Their metadata goes with them.
pub trait Sessions {
    /// Stores a new session, and that its creator made it. It is looked at when it has stood empty until `empty_until`.
    fn add(&self, session: &Session, empty_until: Timestamp) -> impl Future<Output = Result<()>> + Send;
    /// The same, unless its creator has made one under that key, which is remembered until `keep_until`: then nothing is
    /// stored, and the identifier of that one is the answer.
    fn add_once(
        &self,
        session: &Session,
        empty_until: Timestamp,
        key: &IdempotencyKey,
        keep_until: Timestamp,
    ) -> impl Future<Output = Result<Option<SessionId>>> + Send;
}

/// The names that apps give rooms. A name leads to one session of its project; it is free again when that ends.
pub trait RoomNames {
    /// The session that has the name; it may have ended a moment ago. A `consistent` read costs twice as much.
    fn room(
        &self,
        project: &ProjectId,
        name: &RoomName,
        consistent: bool,
    ) -> impl Future<Output = Result<Option<SessionId>>> + Send;
    /// Stores a new session under its room's name, in place of the session `over` if one is given, which has ended. Nothing is
    /// stored if another one has the name: that one is the answer.
    fn add_room(
        &self,
        session: &Session,
        empty_until: Timestamp,
        over: Option<SessionId>,
    ) -> impl Future<Output = Result<Option<SessionId>>> + Send;
}

/// What apps keep with sessions. It lies beside them: they are read and written by every join and many messages.
pub trait SessionMetadata {
    /// What is kept with a session; strongly consistent.
    fn metadata_of(&self, session: SessionId, now: Timestamp) -> impl Future<Output = Result<Option<Metadata>>> + Send;
}

/// Reads a session with its participants.
pub trait Rosters {
    /// One strongly consistent read; an ended session that is no longer kept at `now` is not there.
    fn roster(&self, session: SessionId, now: Timestamp) -> impl Future<Output = Result<Option<Roster>>> + Send;
    /// Until when somebody is, or was, kept out of the session; strongly consistent.
    fn banned_until(&self, session: SessionId, user: UserId) -> impl Future<Output = Result<Option<Timestamp>>> + Send;
}

/// Ends sessions in two steps, so that one that was interrupted is found and finished.
pub trait Endings {
    /// Marks an active session as ended, only while it stands untouched since `unless_touched_after` when that is
    /// given; false when it was not active or was touched. Whether its ending was finished is looked at some time later.
    fn mark_ended(
        &self,
        session: SessionId,
        at: Timestamp,
        why: Ending,
        unless_touched_after: Option<Timestamp>,
    ) -> impl Future<Output = Result<bool>> + Send;
    /// Releases a participant of an ended session.
    fn release(
        &self,
        session: SessionId,
        user: UserId,
        now: Timestamp,
        keep_until: Timestamp,
    ) -> impl Future<Output = Result<()>> + Send;
    /// Takes an ended session off the list of active ones; the last step.
    fn forget_active(&self, session: &Session, keep_until: Timestamp) -> impl Future<Output = Result<()>> + Send;
}

/// In so many parts lies what is due, so that no part is written too often. Whoever looks looks at each.
pub const DUE_PARTS: u8 = 128;

/// Something that is to be looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Due {
    /// The session.
    pub session: SessionId,
    /// A seat there; the session itself if there is none.
    pub seat: Option<UserId>,
    /// When it is to be looked at.
    pub at: Timestamp,
}

/// What is to be looked at, by when. It is noted with what makes it necessary: seats by their lease, departures that others were
/// not told of, sessions that stand empty, endings.
pub trait DueTimes {
    /// What is due at `now` in one of [`DUE_PARTS`], the longest overdue first, one page, after `last` when that is given. It may
    /// be a little old.
    fn due(&self, part: u8, now: Timestamp, last: Option<&Due>) -> impl Future<Output = Result<Page<Due, Due>>> + Send;
    /// Has it looked at then instead, or not any more; nothing when that was noted anew meanwhile.
    fn put_off(&self, due: &Due, until: Option<Timestamp>) -> impl Future<Output = Result<()>> + Send;
    /// Notes it where nothing is noted.
    fn note_due(&self, due: &Due) -> impl Future<Output = Result<()>> + Send;
}

/// The list of active sessions.
pub trait ActiveSessions {
    /// One page of at most `limit` active sessions of a project, newest first, older than `before`; of all, or of that
    /// visibility. One that is gone, though the list still has it, is left out; the next page is what is older than `next`.
    fn active(
        &self,
        project: &ProjectId,
        visibility: Option<Visibility>,
        limit: usize,
        before: Option<SessionId>,
    ) -> impl Future<Output = Result<Page<Session, SessionId>>> + Send;
}

/// What erasing an account needs from storage. Every step may be repeated.
pub trait Erasures {
    /// The sessions that the user created, ended ones too, as far as they are not forgotten: also those of which nothing is left but the
    /// quality of their calls.
    fn created_by(&self, user: UserId) -> impl Future<Output = Result<Vec<SessionId>>> + Send;
    /// The sessions in which the user's client reported the quality of calls.
    fn reported_by(&self, user: UserId) -> impl Future<Output = Result<Vec<SessionId>>> + Send;
    /// Deletes an ended session of that creator: participants, chat, the quality of its calls and what waits for the creator first, then
    /// the session and that its creator made it.
    fn erase_session(&self, creator: UserId, session: SessionId) -> impl Future<Output = Result<()>> + Send;
    /// Deletes what the user wrote in a session, what their client reported of it, and what waits for them there. Then, in one step, that they took part in it
    /// and the note of the visit, unless they hold a seat there.
    fn erase_traces(&self, user: UserId, session: SessionId) -> impl Future<Output = Result<()>> + Send;
    /// Deletes whatever else is kept beside the account itself: families, connection log, counters. Notes of visits, of reports and of
    /// created sessions stay: they lead to what was written since those were asked for.
    fn erase_records(&self, user: UserId) -> impl Future<Output = Result<()>> + Send;
    /// Deletes the count of failed logins, which goes by the address of the account.
    fn erase_failed_logins(&self, email: &Email) -> impl Future<Output = Result<()>> + Send;
}
