//! Configuration: every environment variable by name, in one place.

use std::collections::BTreeMap;
use std::time::Duration;

use domain::{Fitted, Policy, Throttle, Visibility};

/// The AWS region; Lambda gives it, and the three below.
pub const REGION: &str = "AWS_REGION";
/// The key of the function's role.
pub const ACCESS_KEY_ID: &str = "AWS_ACCESS_KEY_ID";
/// The secret of that key.
pub const SECRET_ACCESS_KEY: &str = "AWS_SECRET_ACCESS_KEY";
/// The session that the key is good for.
pub const SESSION_TOKEN: &str = "AWS_SESSION_TOKEN";
/// Where an endpoint is that stands in for AWS.
pub const ENDPOINT_URL: &str = "AWS_ENDPOINT_URL";
/// The DynamoDB table.
pub const TABLE: &str = "TUNRTC_TABLE";
/// The secret that tokens and tickets are signed with.
pub const SECRET: &str = "TUNRTC_SECRET";
/// The secret before the last rotation; what it signed stays valid.
pub const SECRET_PREVIOUS: &str = "TUNRTC_SECRET_PREVIOUS";
/// The complete `wss://` address of the WebSocket API.
pub const SIGNALING_URL: &str = "TUNRTC_SIGNALING_URL";
/// Where `@connections` is, `https://`.
pub const CONNECTIONS_ENDPOINT: &str = "TUNRTC_CONNECTIONS_ENDPOINT";
/// The delay queue.
pub const DELAY_QUEUE_URL: &str = "TUNRTC_DELAY_QUEUE_URL";
/// The queue of recordings that somebody looks after.
pub const RECORDING_QUEUE_URL: &str = "TUNRTC_RECORDING_QUEUE_URL";
/// The queue in which each endpoint of webhooks has a line for each session: a FIFO queue.
pub const WEBHOOK_QUEUE_URL: &str = "TUNRTC_WEBHOOK_QUEUE_URL";
/// The queue of webhooks that are tried later.
pub const WEBHOOK_LATER_QUEUE_URL: &str = "TUNRTC_WEBHOOK_LATER_QUEUE_URL";
/// `true` where webhooks may also go to the machine itself, by plain HTTP: a developer's.
pub const WEBHOOK_ALLOW_LOCAL: &str = "TUNRTC_WEBHOOK_ALLOW_LOCAL";
/// Web origins that may connect, separated by commas.
pub const ALLOWED_ORIGINS: &str = "TUNRTC_ALLOWED_ORIGINS";
/// STUN addresses, separated by commas.
pub const STUN_URLS: &str = "TUNRTC_STUN_URLS";
/// TURN addresses, separated by commas.
pub const TURN_URLS: &str = "TUNRTC_TURN_URLS";
/// The secret shared with the TURN server.
pub const TURN_SECRET: &str = "TUNRTC_TURN_SECRET";
/// Life of TURN credentials, in seconds.
pub const ICE_TTL_SECONDS: &str = "TUNRTC_ICE_TTL_SECONDS";
/// What CloudFront shows in front of the APIs, so that its word on a client's address is believed.
pub const EDGE_SECRET: &str = "TUNRTC_EDGE_SECRET";
/// The region of AWS whose Amazon Transcribe is offered; none without it.
pub const TRANSCRIBE_REGION: &str = "TUNRTC_TRANSCRIBE_REGION";
/// `json` or `text`.
pub const LOG: &str = "TUNRTC_LOG";
/// The deployment's name, under which CloudWatch counts; nothing is counted without it.
pub const METRICS_STACK: &str = "TUNRTC_METRICS_STACK";
/// The policy's durations, in seconds.
pub const HEARTBEAT_SECONDS: &str = "TUNRTC_HEARTBEAT_SECONDS";
/// See [`Policy::detection`]. The SDK takes 15 s; whoever runs clients that notice sooner may set less.
pub const DETECTION_SECONDS: &str = "TUNRTC_DETECTION_SECONDS";
/// See [`Policy::lease`].
pub const LEASE_SECONDS: &str = "TUNRTC_LEASE_SECONDS";
/// See [`Policy::reconnect_grace`].
pub const RECONNECT_GRACE_SECONDS: &str = "TUNRTC_RECONNECT_GRACE_SECONDS";
/// See [`Policy::inbox_window`].
pub const INBOX_WINDOW_SECONDS: &str = "TUNRTC_INBOX_WINDOW_SECONDS";
/// See [`Policy::first_connect`].
pub const FIRST_CONNECT_SECONDS: &str = "TUNRTC_FIRST_CONNECT_SECONDS";
/// See [`Policy::empty_session`].
pub const EMPTY_SESSION_SECONDS: &str = "TUNRTC_EMPTY_SESSION_SECONDS";
/// See [`Policy::access_token`].
pub const ACCESS_TOKEN_SECONDS: &str = "TUNRTC_ACCESS_TOKEN_SECONDS";
/// See [`Policy::refresh_token`].
pub const REFRESH_TOKEN_SECONDS: &str = "TUNRTC_REFRESH_TOKEN_SECONDS";
/// See [`Policy::failed_logins_per_account`], in 15 minutes.
pub const FAILED_LOGINS_PER_ACCOUNT: &str = "TUNRTC_FAILED_LOGINS_PER_ACCOUNT";
/// See [`Policy::failed_logins_per_address`], in 15 minutes.
pub const FAILED_LOGINS_PER_ADDRESS: &str = "TUNRTC_FAILED_LOGINS_PER_ADDRESS";
/// See [`Policy::registrations_per_address`], in an hour.
pub const REGISTRATIONS_PER_ADDRESS: &str = "TUNRTC_REGISTRATIONS_PER_ADDRESS";
/// See [`Policy::invites_per_address`], in an hour.
pub const INVITES_PER_ADDRESS: &str = "TUNRTC_INVITES_PER_ADDRESS";
/// See [`Policy::sessions_per_user`], in an hour.
pub const SESSIONS_PER_USER: &str = "TUNRTC_SESSIONS_PER_USER";
/// See [`Policy::tickets_per_user`], in a minute.
pub const TICKETS_PER_USER: &str = "TUNRTC_TICKETS_PER_USER";
/// See [`Policy::recordings_per_user`], in an hour.
pub const RECORDINGS_PER_USER: &str = "TUNRTC_RECORDINGS_PER_USER";
/// See [`Policy::participants_per_project`].
pub const PARTICIPANTS_PER_PROJECT: &str = "TUNRTC_PARTICIPANTS_PER_PROJECT";
/// See [`Policy::sessions_per_project`].
pub const SESSIONS_PER_PROJECT: &str = "TUNRTC_SESSIONS_PER_PROJECT";
/// See [`Policy::calls_per_project`], in a second.
pub const CALLS_PER_PROJECT: &str = "TUNRTC_CALLS_PER_PROJECT";
/// See [`Policy::frames_per_second`].
pub const FRAMES_PER_SECOND: &str = "TUNRTC_FRAMES_PER_SECOND";
/// See [`Policy::frames_burst`].
pub const FRAMES_BURST: &str = "TUNRTC_FRAMES_BURST";
/// See [`Policy::chat_per_second`].
pub const CHAT_PER_SECOND: &str = "TUNRTC_CHAT_PER_SECOND";
/// See [`Policy::chat_burst`].
pub const CHAT_BURST: &str = "TUNRTC_CHAT_BURST";
/// See [`Policy::mesh_limit`].
pub const MESH_LIMIT: &str = "TUNRTC_MESH_LIMIT";
/// The bucket of recordings; nothing is recorded without one.
pub const RECORDINGS_BUCKET: &str = "TUNRTC_RECORDINGS_BUCKET";
/// Where browsers reach that bucket, below this address by its name, if that is not Amazon S3. `{scheme}` and `{host}` in it stand for
/// how the request came that asks for an address.
pub const RECORDINGS_ENDPOINT: &str = "TUNRTC_RECORDINGS_ENDPOINT";
/// How many days a recording's files are kept.
pub const RECORDINGS_DAYS: &str = "TUNRTC_RECORDINGS_DAYS";
/// See [`Policy::recording_quiet`].
pub const RECORDINGS_QUIET_SECONDS: &str = "TUNRTC_RECORDINGS_QUIET_SECONDS";
/// `on` or `off`, see [`Policy::call_quality`].
pub const CALL_QUALITY: &str = "TUNRTC_CALL_QUALITY";
/// `public` or `unlisted`, see [`Policy::default_visibility`].
pub const DEFAULT_VISIBILITY: &str = "TUNRTC_DEFAULT_VISIBILITY";

/// The settings that an operator may change wherever TunRTC runs: limits and durations.
pub const OPERATORS: [&str; 28] = [
    ICE_TTL_SECONDS,
    HEARTBEAT_SECONDS,
    DETECTION_SECONDS,
    LEASE_SECONDS,
    RECONNECT_GRACE_SECONDS,
    INBOX_WINDOW_SECONDS,
    FIRST_CONNECT_SECONDS,
    EMPTY_SESSION_SECONDS,
    ACCESS_TOKEN_SECONDS,
    REFRESH_TOKEN_SECONDS,
    FAILED_LOGINS_PER_ACCOUNT,
    FAILED_LOGINS_PER_ADDRESS,
    REGISTRATIONS_PER_ADDRESS,
    INVITES_PER_ADDRESS,
    SESSIONS_PER_USER,
    TICKETS_PER_USER,
    RECORDINGS_PER_USER,
    RECORDINGS_QUIET_SECONDS,
    PARTICIPANTS_PER_PROJECT,
    SESSIONS_PER_PROJECT,
    CALLS_PER_PROJECT,
    FRAMES_PER_SECOND,
    FRAMES_BURST,
    CHAT_PER_SECOND,
    CHAT_BURST,
    MESH_LIMIT,
    CALL_QUALITY,
    DEFAULT_VISIBILITY,
];

/// A setting that is not there, or not what it must be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{name} {reason}")]
pub struct SettingError {
    /// The variable.
    pub name: &'static str,
    /// What it must be.
    pub reason: String,
}

/// Settings by name.
#[derive(Clone, Default)]
pub struct Settings(BTreeMap<String, String>);

impl Settings {
    /// The process's environment.
    #[expect(clippy::disallowed_methods, reason = "this is the one place that reads the environment")]
    pub fn from_env() -> Self {
        // What is not Unicode is no setting of ours.
        let texts =
            std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
        Self(texts.filter(|(name, _)| name.starts_with("TUNRTC_") || name.starts_with("AWS_")).collect())
    }

    /// Whether that name is set, and to nothing: how compose files write what is not set.
    pub fn is_empty(&self, name: &str) -> bool {
        self.0.get(name).is_some_and(String::is_empty)
    }

    /// Every name that is set.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// With one more, or another value.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl ToString) -> Self {
        self.0.insert(name.to_owned(), value.to_string());
        self
    }

    /// A text that must be there.
    pub fn required(&self, name: &'static str) -> Result<&str, SettingError> {
        self.optional(name).ok_or_else(|| SettingError { name, reason: "is not set".to_owned() })
    }

    /// A text that may be missing or empty.
    pub fn optional(&self, name: &'static str) -> Option<&str> {
        self.0.get(name).map(String::as_str).filter(|text| !text.is_empty())
    }

    /// Texts separated by commas.
    pub fn list(&self, name: &'static str) -> Vec<String> {
        let parts = self.optional(name).unwrap_or_default().split(',').map(str::trim);
        parts.filter(|part| !part.is_empty()).map(str::to_owned).collect()
    }

    /// A whole number of seconds, at least 1.
    pub fn seconds(&self, name: &'static str, default: Duration) -> Result<Duration, SettingError> {
        let seconds = self.number(name, default.as_secs())?;
        Ok(Duration::from_secs(seconds))
    }

    /// A whole number of days, at least 1.
    fn days(&self, name: &'static str, default: Duration) -> Result<Duration, SettingError> {
        const DAY: u64 = 24 * 60 * 60;
        Ok(Duration::from_secs(DAY * self.number(name, default.as_secs() / DAY)?))
    }

    fn number(&self, name: &'static str, default: u64) -> Result<u64, SettingError> {
        let Some(text) = self.optional(name) else {
            return Ok(default);
        };
        let parsed = text.parse().ok().filter(|n| (1..=u64::from(u32::MAX)).contains(n));
        parsed.ok_or_else(|| SettingError { name, reason: "must be a whole number of at least 1".to_owned() })
    }

    fn count(&self, name: &'static str, default: u32) -> Result<u32, SettingError> {
        let number = self.number(name, u64::from(default))?;
        Ok(u32::try_from(number).unwrap_or(u32::MAX))
    }

    /// `on` or `off`.
    fn switch(&self, name: &'static str, default: bool) -> Result<bool, SettingError> {
        match self.optional(name) {
            None => Ok(default),
            Some("on") => Ok(true),
            Some("off") => Ok(false),
            Some(_) => Err(SettingError { name, reason: "must be on or off".to_owned() }),
        }
    }

    /// `public` or `unlisted`.
    fn visibility(&self, name: &'static str, default: Visibility) -> Result<Visibility, SettingError> {
        match self.optional(name) {
            None => Ok(default),
            Some("public") => Ok(Visibility::Public),
            Some("unlisted") => Ok(Visibility::Unlisted),
            Some(_) => Err(SettingError { name, reason: "must be public or unlisted".to_owned() }),
        }
    }

    fn throttle(&self, name: &'static str, default: Throttle) -> Result<Throttle, SettingError> {
        Ok(Throttle { limit: self.count(name, default.limit)?, ..default })
    }

    /// Limits and durations that an operator may set: the contract's, where nothing else is set.
    pub fn policy(&self) -> Result<Policy, SettingError> {
        let base = Policy::default();
        let policy = Policy {
            heartbeat: self.seconds(HEARTBEAT_SECONDS, base.heartbeat)?,
            detection: self.seconds(DETECTION_SECONDS, base.detection)?,
            lease: self.seconds(LEASE_SECONDS, base.lease)?,
            reconnect_grace: self.seconds(RECONNECT_GRACE_SECONDS, base.reconnect_grace)?,
            first_connect: self.seconds(FIRST_CONNECT_SECONDS, base.first_connect)?,
            inbox_window: self.seconds(INBOX_WINDOW_SECONDS, base.inbox_window)?,
            empty_session: self.seconds(EMPTY_SESSION_SECONDS, base.empty_session)?,
            access_token: self.seconds(ACCESS_TOKEN_SECONDS, base.access_token)?,
            refresh_token: self.seconds(REFRESH_TOKEN_SECONDS, base.refresh_token)?,
            failed_logins_per_account: self.throttle(FAILED_LOGINS_PER_ACCOUNT, base.failed_logins_per_account)?,
            failed_logins_per_address: self.throttle(FAILED_LOGINS_PER_ADDRESS, base.failed_logins_per_address)?,
            registrations_per_address: self.throttle(REGISTRATIONS_PER_ADDRESS, base.registrations_per_address)?,
            invites_per_address: self.throttle(INVITES_PER_ADDRESS, base.invites_per_address)?,
            sessions_per_user: self.throttle(SESSIONS_PER_USER, base.sessions_per_user)?,
            tickets_per_user: self.throttle(TICKETS_PER_USER, base.tickets_per_user)?,
            recordings_per_user: self.throttle(RECORDINGS_PER_USER, base.recordings_per_user)?,
            participants_per_project: self.count(PARTICIPANTS_PER_PROJECT, base.participants_per_project)?,
            sessions_per_project: self.count(SESSIONS_PER_PROJECT, base.sessions_per_project)?,
            calls_per_project: self.count(CALLS_PER_PROJECT, base.calls_per_project)?,
            frames_per_second: self.count(FRAMES_PER_SECOND, base.frames_per_second)?,
            frames_burst: self.count(FRAMES_BURST, base.frames_burst)?,
            chat_per_second: self.count(CHAT_PER_SECOND, base.chat_per_second)?,
            chat_burst: self.count(CHAT_BURST, base.chat_burst)?,
            mesh_limit: self.count(MESH_LIMIT, base.mesh_limit)?,
            call_quality: self.switch(CALL_QUALITY, base.call_quality)?,
            default_visibility: self.visibility(DEFAULT_VISIBILITY, base.default_visibility)?,
            recording: self.optional(RECORDINGS_BUCKET).is_some(),
            recordings_kept: self.days(RECORDINGS_DAYS, base.recordings_kept)?,
            recording_quiet: self.seconds(RECORDINGS_QUIET_SECONDS, base.recording_quiet)?,
            ..base
        };
        policy.fitting().map_err(|misfit| SettingError { name: name_of(misfit.fitted), reason: misfit.reason })
    }
}

/// The variable that sets a duration.
fn name_of(fitted: Fitted) -> &'static str {
    match fitted {
        Fitted::Heartbeat => HEARTBEAT_SECONDS,
        Fitted::Lease => LEASE_SECONDS,
        Fitted::ReconnectGrace => RECONNECT_GRACE_SECONDS,
        Fitted::FirstConnect => FIRST_CONNECT_SECONDS,
        Fitted::InboxWindow => INBOX_WINDOW_SECONDS,
        Fitted::RefreshToken => REFRESH_TOKEN_SECONDS,
        Fitted::RecordingQuiet => RECORDINGS_QUIET_SECONDS,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bad_number_is_named() {
        for bad in ["0", "-1", "1.5", "soon"] {
            let error = Settings::default().with(LEASE_SECONDS, bad).policy().unwrap_err();
            assert_eq!(error.name, LEASE_SECONDS, "{bad}");
        }
    }

    #[test]
    fn every_setting_of_operators_is_read() {
        for name in OPERATORS.into_iter().filter(|name| *name != ICE_TTL_SECONDS) {
            let refused = Settings::default().with(name, "soon").policy().unwrap_err();
            assert_eq!(refused.name, name);
        }
    }

    #[test]
    fn durations_that_do_not_fit_each_other_are_refused_by_name() {
        let cases = [
            (HEARTBEAT_SECONDS, 590, HEARTBEAT_SECONDS),
            (HEARTBEAT_SECONDS, 560, INBOX_WINDOW_SECONDS),
            (LEASE_SECONDS, 255, LEASE_SECONDS),
            (RECONNECT_GRACE_SECONDS, 601, RECONNECT_GRACE_SECONDS),
            (FIRST_CONNECT_SECONDS, 601, FIRST_CONNECT_SECONDS),
            (INBOX_WINDOW_SECONDS, 120, INBOX_WINDOW_SECONDS),
            (REFRESH_TOKEN_SECONDS, 3600, REFRESH_TOKEN_SECONDS),
            (RECORDINGS_QUIET_SECONDS, 7, RECORDINGS_QUIET_SECONDS),
        ];
        for (set, seconds, named) in cases {
            let error = Settings::default().with(set, seconds).policy().unwrap_err();
            assert_eq!(error.name, named, "{set} = {seconds}: {error}");
        }
    }

    #[test]
    fn without_settings_the_contract_holds() {
        assert_eq!(Settings::default().policy(), Ok(Policy::default()));
    }

    #[test]
    fn empty_texts_count_as_missing() {
        let settings = Settings::default().with(TABLE, "").with(STUN_URLS, " , stun:a ,");
        assert_eq!(settings.required(TABLE).unwrap_err().to_string(), "TUNRTC_TABLE is not set");
        assert_eq!(settings.list(STUN_URLS), ["stun:a"]);
    }
}
