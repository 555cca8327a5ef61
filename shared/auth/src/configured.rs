//! What this crate makes from configuration.

use std::time::Duration;

use config::{FromRuntime, Runtime, SettingError, settings};

use crate::{Argon2Hasher, Ice, Secrets, Tickets, Tokens};

/// How long TURN credentials live, where nothing else is set.
const ICE_TTL: Duration = Duration::from_secs(12 * 3600);

impl FromRuntime for Secrets {
    fn from_runtime(runtime: &Runtime) -> Result<Self, SettingError> {
        let (current, previous) =
            (runtime.settings.required(settings::SECRET)?, runtime.settings.optional(settings::SECRET_PREVIOUS));
        Self::parse(current, previous)
            .map_err(|error| SettingError { name: settings::SECRET, reason: error.to_string() })
    }
}

impl FromRuntime for Tokens {
    fn from_runtime(runtime: &Runtime) -> Result<Self, SettingError> {
        Ok(Self::new(&*runtime.shared::<Secrets>()?))
    }
}

impl FromRuntime for Tickets {
    fn from_runtime(runtime: &Runtime) -> Result<Self, SettingError> {
        Ok(Self::new(&*runtime.shared::<Secrets>()?))
    }
}

impl FromRuntime for Ice {
    fn from_runtime(runtime: &Runtime) -> Result<Self, SettingError> {
        let settings = &runtime.settings;
        let ttl = settings.seconds(settings::ICE_TTL_SECONDS, ICE_TTL)?;
        let (stun, turn) = (settings.list(settings::STUN_URLS), settings.list(settings::TURN_URLS));
        Ok(Self::new(stun, turn, settings.optional(settings::TURN_SECRET), ttl))
    }
}

impl FromRuntime for Argon2Hasher {
    fn from_runtime(_: &Runtime) -> Result<Self, SettingError> {
        Ok(Self::default())
    }
}
