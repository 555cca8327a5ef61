//! What quotas need from storage.

use crate::{ProjectId, Result, SessionId, Timestamp};

/// Something of a project that goes on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Living {
    /// A stay that has connected, by its name.
    Stay(String),
    /// A session.
    Session(SessionId),
}

/// A kind of those.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LiveKind {
    /// Stays.
    Stays,
    /// Sessions.
    Sessions,
}

/// What goes on in projects, noted when it begins and until it is over.
pub trait Live {
    /// Notes that it goes on, until then at most; noted twice, it is there once.
    fn note_live(
        &self,
        project: &ProjectId,
        what: &Living,
        keep_until: Timestamp,
    ) -> impl Future<Output = Result<()>> + Send;
    /// Notes that it is over.
    fn note_over(&self, project: &ProjectId, what: &Living) -> impl Future<Output = Result<()>> + Send;
    /// How many there are, counted up to `most`. It may be a second old. Half a read unit for each 4 KB of what is counted, about 40.
    fn count_live(
        &self,
        project: &ProjectId,
        kind: LiveKind,
        most: u32,
        now: Timestamp,
    ) -> impl Future<Output = Result<u32>> + Send;
}
