//! What every rule is given besides its ports.

use crate::{IdSource, Policy, Timestamp};

/// The surroundings of one call: what is configured, where identifiers come from, and when it is.
#[derive(Clone, Copy)]
pub struct Context<'a> {
    /// Limits and durations that an operator may set.
    pub policy: &'a Policy,
    /// New identifiers.
    pub ids: &'a dyn IdSource,
    /// The present moment.
    pub now: Timestamp,
    /// When the access ends of the connection that speaks; unknown where none does.
    pub access_until: Option<Timestamp>,
}

impl Context<'_> {
    /// Until when a sign of life of this moment counts: for a lease, and no longer than the access of the connection that gives it.
    pub fn lease_until(&self) -> Timestamp {
        let lease = self.now + self.policy.lease;
        self.access_until.map_or(lease, |end| lease.min(end))
    }
}
