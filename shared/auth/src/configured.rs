//! What this crate makes from configuration.

use std::ops::RangeInclusive;
use std::time::Duration;

use config::{FromRuntime, Runtime, SettingError, Settings, settings};

use crate::{
    Argon2Hasher, Callers, GuestTokens, Ice, IceUrlKind, Invitations, RefreshTokens, Sealer, Secrets, Tickets, Tokens,
    WebhookSealer, check_ice_url,
};

/// How long TURN credentials live, where nothing else is set.
const ICE_TTL: Duration = Duration::from_secs(12 * 3600);
/// What it may be set to: a call outlives less, and more is a password.
const ICE_TTLS: RangeInclusive<Duration> = Duration::from_secs(60)..=Duration::from_secs(24 * 3600);

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

impl FromRuntime for Sealer {
    fn from_runtime(runtime: &Runtime) -> Result<Self, SettingError> {
        Ok(Self::new(&*runtime.shared::<Secrets>()?))
    }
}

impl FromRuntime for Callers {
    fn from_runtime(runtime: &Runtime) -> Result<Self, SettingError> {
        Ok(Self::new(runtime.get::<Tokens>()?, runtime.get::<GuestTokens>()?, runtime.get::<Sealer>()?))
    }
}

impl FromRuntime for GuestTokens {
    fn from_runtime(runtime: &Runtime) -> Result<Self, SettingError> {
        Ok(Self::new(&*runtime.shared::<Secrets>()?))
    }
}

impl FromRuntime for Invitations {
    fn from_runtime(_: &Runtime) -> Result<Self, SettingError> {
        Ok(Self)
    }
}

impl FromRuntime for RefreshTokens {
    fn from_runtime(runtime: &Runtime) -> Result<Self, SettingError> {
        Ok(Self::new(&*runtime.shared::<Secrets>()?))
    }
}

impl FromRuntime for Tickets {
    fn from_runtime(runtime: &Runtime) -> Result<Self, SettingError> {
        Ok(Self::new(&*runtime.shared::<Secrets>()?))
    }
}

impl FromRuntime for WebhookSealer {
    fn from_runtime(runtime: &Runtime) -> Result<Self, SettingError> {
        Ok(Self::new(&*runtime.shared::<Secrets>()?))
    }
}

impl FromRuntime for Ice {
    fn from_runtime(runtime: &Runtime) -> Result<Self, SettingError> {
        let settings = &runtime.settings;
        let stun = ice_urls(settings, settings::STUN_URLS, IceUrlKind::Stun)?;
        let turn = ice_urls(settings, settings::TURN_URLS, IceUrlKind::Turn)?;
        let secret = settings.optional(settings::TURN_SECRET);
        match (turn.is_empty(), secret) {
            (false, None) => return Err(belongs(settings::TURN_SECRET, settings::TURN_URLS)),
            (true, Some(_)) => return Err(belongs(settings::TURN_URLS, settings::TURN_SECRET)),
            (false, Some(_)) | (true, None) => {}
        }
        let ttl = settings.seconds(settings::ICE_TTL_SECONDS, ICE_TTL)?;
        if !ICE_TTLS.contains(&ttl) {
            let reason = format!("must be {}-{} seconds", ICE_TTLS.start().as_secs(), ICE_TTLS.end().as_secs());
            return Err(SettingError { name: settings::ICE_TTL_SECONDS, reason });
        }
        Ok(Self::new(stun, turn, secret, ttl))
    }
}

fn ice_urls(settings: &Settings, name: &'static str, kind: IceUrlKind) -> Result<Vec<String>, SettingError> {
    let urls = settings.list(name);
    for url in &urls {
        check_ice_url(kind, url).map_err(|must| SettingError { name, reason: format!("has {url:?}, which {must}") })?;
    }
    Ok(urls)
}

/// Without either of the two the other would be dropped in silence.
fn belongs(missing: &'static str, given: &'static str) -> SettingError {
    SettingError { name: missing, reason: format!("is not set, and {given} is no use without it") }
}

impl FromRuntime for Argon2Hasher {
    fn from_runtime(_: &Runtime) -> Result<Self, SettingError> {
        Ok(Self::default())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use domain::{Clock, IdSource, Timestamp};

    use super::*;

    struct Fixed;

    impl Clock for Fixed {
        fn now(&self) -> Timestamp {
            Timestamp::from_millis(0)
        }
    }

    impl IdSource for Fixed {
        fn next(&self, _: Timestamp) -> uuid::Uuid {
            uuid::Uuid::nil()
        }
    }

    fn ice(given: &[(&str, &str)]) -> Result<Ice, SettingError> {
        let settings = given.iter().fold(Settings::default(), |all, (name, value)| all.with(name, value));
        let no_aws = |_: &Settings| Err(SettingError { name: settings::REGION, reason: "is not set".to_owned() });
        Runtime::new(settings, Arc::new(Fixed), Arc::new(Fixed), no_aws).get()
    }

    #[test]
    fn an_address_that_browsers_refuse_is_refused_by_its_settings_name() {
        for (name, value) in [
            (settings::STUN_URLS, "stun:a.example.org,stun.example.org:3478"),
            (settings::STUN_URLS, "stun:stun.example.org:3478?transport=udp"),
            (settings::TURN_URLS, "turn://turn.example.org"),
        ] {
            let refused = ice(&[(name, value), (settings::TURN_SECRET, "secret")]).err();
            assert_eq!(refused.map(|error| error.name), Some(name), "{value}");
        }
    }

    #[test]
    fn turn_addresses_and_their_secret_need_each_other() {
        let turn = (settings::TURN_URLS, "turn:turn.example.org");
        let secret = (settings::TURN_SECRET, "secret");
        assert_eq!(ice(&[turn]).err().map(|error| error.name), Some(settings::TURN_SECRET));
        assert_eq!(ice(&[secret]).err().map(|error| error.name), Some(settings::TURN_URLS));
        assert!(ice(&[turn, secret]).is_ok() && ice(&[]).is_ok());
    }

    #[test]
    fn turn_credentials_live_between_a_minute_and_a_day() {
        for (seconds, good) in [("59", false), ("60", true), ("86400", true), ("86401", false)] {
            assert_eq!(ice(&[(settings::ICE_TTL_SECONDS, seconds)]).is_ok(), good, "{seconds}");
        }
    }
}
