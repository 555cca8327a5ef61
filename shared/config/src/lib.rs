//! Configuration by name, and the way from it to a client, a key or a limit.
//!
//! Every crate that has something to configure implements [`FromRuntime`] for it, so that a function says what it needs in
//! one line each. This crate knows none of them: it is what all of them can depend on.

mod from_runtime;
pub mod settings;

use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use aws_types::SdkConfig;
use domain::{Clock, IdSource};

pub use from_runtime::FromRuntime;
pub use settings::{SettingError, Settings};

/// What stays the same between two invocations of one function instance.
pub struct Runtime {
    /// The configuration.
    pub settings: Settings,
    clock: Arc<dyn Clock>,
    ids: Arc<dyn IdSource>,
    aws: OnceLock<Result<SdkConfig, SettingError>>,
    read_aws: Box<ReadAws>,
    shared: Mutex<HashMap<TypeId, Arc<dyn Any + Send + Sync>>>,
}

/// How region, credentials and endpoints are read.
type ReadAws = dyn Fn(&Settings) -> Result<SdkConfig, SettingError> + Send + Sync;

impl Runtime {
    /// With everything given. `read_aws` is called once, when the first client is made: a function without one pays
    /// nothing for it.
    pub fn new(
        settings: Settings,
        clock: Arc<dyn Clock>,
        ids: Arc<dyn IdSource>,
        read_aws: impl Fn(&Settings) -> Result<SdkConfig, SettingError> + Send + Sync + 'static,
    ) -> Self {
        let (aws, read_aws, shared) = (OnceLock::new(), Box::new(read_aws), Mutex::default());
        Self { settings, clock, ids, aws, read_aws, shared }
    }

    /// With this `T` for everybody who shares one, instead of one that is made from the configuration.
    pub fn holding<T: Send + Sync + 'static>(self, thing: T) -> Self {
        self.kept(Some(Arc::new(thing)));
        self
    }

    /// A new `T`, made from the configuration.
    ///
    /// # Errors
    /// The setting that is missing or wrong.
    pub fn get<T: FromRuntime>(&self) -> Result<T, SettingError> {
        T::from_runtime(self)
    }

    /// The one `T` of this runtime; the first caller makes it.
    ///
    /// # Errors
    /// The setting that is missing or wrong.
    pub fn shared<T: FromRuntime + Send + Sync + 'static>(&self) -> Result<Arc<T>, SettingError> {
        if let Some(known) = self.kept(None) {
            return Ok(known);
        }
        // Made without the lock, because it may need another shared thing. Two at once are no harm: one is kept.
        let made = Arc::new(T::from_runtime(self)?);
        Ok(self.kept(Some(Arc::clone(&made))).unwrap_or(made))
    }

    /// The `T` that is kept, or `new` from now on.
    fn kept<T: Send + Sync + 'static>(&self, new: Option<Arc<T>>) -> Option<Arc<T>> {
        let mut shared = self.shared.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(new) = new {
            shared.entry(TypeId::of::<T>()).or_insert(new);
        }
        shared.get(&TypeId::of::<T>()).cloned().and_then(|kept| kept.downcast().ok())
    }

    /// Region, credentials and endpoints.
    ///
    /// # Errors
    /// The setting that is missing.
    pub fn aws(&self) -> Result<&SdkConfig, SettingError> {
        self.aws.get_or_init(|| (self.read_aws)(&self.settings)).as_ref().map_err(SettingError::clone)
    }
}

#[cfg(test)]
mod tests {
    use domain::Policy;
    use testkit::{FixedClock, SequentialIds};

    use super::*;

    struct Counted(Arc<Policy>);

    impl FromRuntime for Counted {
        fn from_runtime(runtime: &Runtime) -> Result<Self, SettingError> {
            Ok(Self(runtime.shared()?))
        }
    }

    fn runtime(settings: Settings) -> Runtime {
        let no_aws = |_: &Settings| Err(SettingError { name: settings::REGION, reason: "is not set".to_owned() });
        Runtime::new(settings, Arc::new(FixedClock::default()), Arc::new(SequentialIds::default()), no_aws)
    }

    #[test]
    fn what_is_shared_is_made_once_even_by_something_shared() {
        let runtime = runtime(Settings::default());
        let (one, other) = (runtime.shared::<Counted>().unwrap(), runtime.shared::<Counted>().unwrap());
        assert!(Arc::ptr_eq(&one, &other) && Arc::ptr_eq(&one.0, &runtime.shared::<Policy>().unwrap()));
    }

    #[test]
    fn what_was_given_is_not_made() {
        let given = Policy { lease: std::time::Duration::from_secs(1), ..Policy::default() };
        let runtime = runtime(Settings::default().with(settings::LEASE_SECONDS, "soon")).holding(given);
        assert_eq!(*runtime.shared::<Policy>().unwrap(), given);
    }

    #[test]
    fn a_setting_that_is_wrong_is_named_however_it_is_asked_for() {
        let runtime = runtime(Settings::default().with(settings::LEASE_SECONDS, "soon"));
        let refused = [runtime.get::<Policy>().err(), runtime.shared::<Policy>().err()];
        assert!(refused.iter().all(|error| error.as_ref().is_some_and(|e| e.name == settings::LEASE_SECONDS)));
        assert_eq!(runtime.aws().unwrap_err().name, settings::REGION);
    }
}
