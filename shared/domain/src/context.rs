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
}
