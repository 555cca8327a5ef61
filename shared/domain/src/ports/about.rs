//! What participants say of themselves.

use std::collections::BTreeMap;

use crate::{Introduction, Metadata, Result, SessionId, Timestamp, UserId};

/// What a participant says of themselves, and what their app says of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct About {
    /// The session.
    pub session: SessionId,
    /// Who.
    pub user: UserId,
    /// When they took the seat on which this was said.
    pub joined_at: Timestamp,
    /// What of it their token said: it ends with the stay, and what was changed since outlives it.
    pub given: Introduction,
    /// The attempt of the join that said so: an older one does not take its place.
    pub given_by: u64,
    /// Attributes, by name.
    pub attributes: BTreeMap<String, String>,
    /// What the app keeps with them.
    pub metadata: Option<Metadata>,
    /// Since when a hand is raised, by the server's clock.
    pub hand_raised_at: Option<Timestamp>,
    /// How often it was changed, on all stays together.
    pub version: u64,
}

/// What participants say of themselves, apart from their seats: the roster is read with every chat message and does not carry it.
pub trait Abouts {
    /// What all of them say; strongly consistent.
    fn abouts(&self, session: SessionId, now: Timestamp) -> impl Future<Output = Result<Vec<About>>> + Send;
    /// Keeps it until `keep_until`, if what is kept still has the version `seen`; none where nothing is kept.
    fn set_about(
        &self,
        about: &About,
        seen: Option<u64>,
        keep_until: Timestamp,
    ) -> impl Future<Output = Result<bool>> + Send;
}
