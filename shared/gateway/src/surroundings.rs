//! What every handler is given to meet the outside.

use std::sync::Arc;

use config::{FromRuntime, Runtime, SettingError};
use domain::{Clock, Context, IdSource, Policy, Timestamp};

use crate::FrameRates;

/// Clock, identifiers, policy and frame limiter.
#[derive(Clone)]
pub struct Surroundings {
    /// Where the time comes from.
    pub clock: Arc<dyn Clock>,
    /// Where new identifiers come from.
    pub ids: Arc<dyn IdSource>,
    /// Limits and durations that an operator may set.
    pub policy: Policy,
    /// Counts the frames of connections.
    pub frame_rates: Arc<FrameRates>,
}

impl Surroundings {
    /// What the domain's rules are given at `now`.
    pub fn context(&self, now: Timestamp) -> Context<'_> {
        Context { policy: &self.policy, ids: &*self.ids, now, access_until: None }
    }
}

impl FromRuntime for Surroundings {
    fn from_runtime(runtime: &Runtime) -> Result<Self, SettingError> {
        Ok(Self { clock: runtime.get()?, ids: runtime.get()?, policy: runtime.get()?, frame_rates: runtime.get()? })
    }
}
