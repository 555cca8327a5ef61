//! What every handler is given to meet the outside.

use std::sync::Arc;

use domain::accounts::Context;
use domain::{Clock, IdSource, Policy, Timestamp};

use crate::FrameRates;

/// The clock, the identifiers, the numbers of the house, and the frames counted so far.
#[derive(Clone)]
pub struct Edge {
    /// Where the time comes from.
    pub clock: Arc<dyn Clock>,
    /// Where new identifiers come from.
    pub ids: Arc<dyn IdSource>,
    /// The numbers of the house.
    pub policy: Policy,
    /// Counts the frames of connections.
    pub frame_rates: Arc<FrameRates>,
}

impl Edge {
    /// What the domain's rules are given at `now`.
    pub fn context(&self, now: Timestamp) -> Context<'_> {
        Context { policy: &self.policy, ids: &*self.ids, now }
    }
}
