//! Things that are made from configuration.

use std::sync::Arc;

use domain::quotas::Quotas;
use domain::standing::JoinedCache;
use domain::{Clock, IdSource, Policy};

use crate::{Runtime, SettingError};

/// Something that a function needs and that the configuration describes.
pub trait FromRuntime: Sized {
    /// Makes it.
    ///
    /// # Errors
    /// The setting that is missing or wrong.
    fn from_runtime(runtime: &Runtime) -> Result<Self, SettingError>;
}

/// What is held in an `Arc` is the same for all functions of a process.
impl<T: FromRuntime + Send + Sync + 'static> FromRuntime for Arc<T> {
    fn from_runtime(runtime: &Runtime) -> Result<Self, SettingError> {
        runtime.shared()
    }
}

impl FromRuntime for Arc<dyn Clock> {
    fn from_runtime(runtime: &Runtime) -> Result<Self, SettingError> {
        Ok(Arc::clone(&runtime.clock))
    }
}

impl FromRuntime for Arc<dyn IdSource> {
    fn from_runtime(runtime: &Runtime) -> Result<Self, SettingError> {
        Ok(Arc::clone(&runtime.ids))
    }
}

impl FromRuntime for Policy {
    fn from_runtime(runtime: &Runtime) -> Result<Self, SettingError> {
        runtime.settings.policy()
    }
}

/// How many there are of what has a quota: nothing is known at first.
impl FromRuntime for Quotas {
    fn from_runtime(_: &Runtime) -> Result<Self, SettingError> {
        Ok(Self::default())
    }
}

/// Which connections are known to have joined: nothing at first.
impl FromRuntime for JoinedCache {
    fn from_runtime(_: &Runtime) -> Result<Self, SettingError> {
        Ok(Self::default())
    }
}
