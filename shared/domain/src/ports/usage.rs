//! What usage needs from storage.

use super::Page;
use crate::{ProjectId, Result, RoomName, SessionId, Timestamp};

/// A stay that is over, as the ledger has it. It does not say whose it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UsedStay {
    /// The stay's name.
    pub stay: String,
    /// The session.
    pub session: SessionId,
    /// The app's name of it, if it has one.
    pub room: Option<RoomName>,
    /// When its first connection joined.
    pub began: Timestamp,
    /// When it was over.
    pub ended: Timestamp,
    /// It is no stay, but so many bytes that a TURN server relayed for somebody in that session.
    pub relayed: Option<u64>,
}

/// The ledger of stays that are over.
pub trait Ledger {
    /// Makes an entry, kept until then; the same once more changes nothing. Of what was relayed the greater number stays.
    fn note_stay(
        &self,
        project: &ProjectId,
        stay: &UsedStay,
        keep_until: Timestamp,
    ) -> impl Future<Output = Result<()>> + Send;
    /// One page of the stays that ended from the first moment on and before the second one, both of the same day in UTC, in the order of
    /// their ends, as far as they are still kept; the next page begins behind what `last` says.
    fn stays(
        &self,
        project: &ProjectId,
        between: (Timestamp, Timestamp),
        last: Option<&str>,
        now: Timestamp,
    ) -> impl Future<Output = Result<Page<UsedStay, String>>> + Send;
}
