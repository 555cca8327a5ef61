//! What call quality needs from storage.

use super::{LoggedConnection, Page};
use crate::measures::{CallEvent, Listed, Measured, Peer, Report, Run};
use crate::{Result, Session, SessionId, Timestamp, UserId};

/// Tells who took part in a session.
pub trait Watchers {
    /// The session, as long as it is kept, and whether that user ever had a seat there; at half the price where it may be a little old.
    fn attended(
        &self,
        session: SessionId,
        user: UserId,
        now: Timestamp,
        certain: bool,
    ) -> impl Future<Output = Result<Attended>> + Send;
}

/// Whether somebody took part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attended {
    /// The session, if it is still kept.
    pub session: Option<Session>,
    /// Whether they had a seat there.
    pub had_a_seat: bool,
}

/// Keeps what clients report.
pub trait Reports {
    /// Counts a report of a participant, and notes until `keep_until` that there are some, and where; false when the one before it came too
    /// short a while ago. Last ones are counted apart.
    fn count_report(
        &self,
        session: SessionId,
        user: UserId,
        lists: &[Listed],
        is_final: bool,
        now: Timestamp,
        keep_until: Timestamp,
    ) -> impl Future<Output = Result<bool>> + Send;
    /// Keeps a minute, unless the run's last word on it is kept already.
    fn keep_minute(
        &self,
        session: SessionId,
        user: UserId,
        report: &Report,
        keep_until: Timestamp,
    ) -> impl Future<Output = Result<()>> + Send;
    /// Keeps a run in a list, unless a newer report of it is kept there.
    fn keep_run(&self, list: &Listed, run: &Run, keep_until: Timestamp) -> impl Future<Output = Result<()>> + Send;
}

/// What is kept of calls, to be read.
pub trait Calls {
    /// One page of the runs in a list, the newest session first, of sessions from the first one on and before the second one, which may be
    /// a little old; the next page begins behind what `last` says. In a project's list both are of the same day in UTC.
    fn runs(
        &self,
        list: &Listed,
        between: (SessionId, SessionId),
        last: Option<&str>,
        now: Timestamp,
    ) -> impl Future<Output = Result<Page<Run, String>>> + Send;
    /// One page of what a participant's client reported, the newest minute first, with what it saw of its peers where that is wanted.
    fn minutes(
        &self,
        session: SessionId,
        user: UserId,
        with_peers: bool,
        last: Option<&str>,
        now: Timestamp,
    ) -> impl Future<Output = Result<Page<Minute, String>>> + Send;
    /// The connections of a user that were made between these moments, in order.
    fn connections_of(
        &self,
        user: UserId,
        between: (Timestamp, Timestamp),
    ) -> impl Future<Output = Result<Vec<LoggedConnection>>> + Send;
}

/// What a client saw in a minute, as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Minute {
    /// The minute.
    pub minute: Timestamp,
    /// Which run of the client.
    pub run: String,
    /// The worst peer's score.
    pub score: Option<Measured>,
    /// What happened.
    pub events: Vec<CallEvent>,
    /// What was seen of each peer.
    pub peers: Vec<Peer>,
}
