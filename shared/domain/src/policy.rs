//! Limits and durations that an operator may set: leases, windows and throttles. Defaults are the contract's.

use std::time::Duration;

use crate::recording::CHUNK;
use crate::{Timestamp, Visibility};

/// At most `limit` hits in `window`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Throttle {
    /// Hits allowed in one window.
    pub limit: u32,
    /// The window, from its first hit on.
    pub window: Duration,
}

const fn throttle(limit: u32, seconds: u64) -> Throttle {
    Throttle { limit, window: Duration::from_secs(seconds) }
}

/// Everything about time and rate that an operator may change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    /// How often a client sends `ping`.
    pub heartbeat: Duration,
    /// How long a client waits for the answer to a `ping` before it gives its connection up.
    pub detection: Duration,
    /// How long a silent connected participant is believed to be there.
    pub lease: Duration,
    /// How long a disconnected participant keeps the seat.
    pub reconnect_grace: Duration,
    /// How long after joining over REST the WebSocket must have joined.
    pub first_connect: Duration,
    /// How long a signal waits for its target.
    pub inbox_window: Duration,
    /// How much before `since` a replay starts, because ids made by concurrent functions are not strictly ordered.
    pub replay_margin: Duration,
    /// How long an empty session stands.
    pub empty_session: Duration,
    /// How long chat messages are kept, and what is left of an ended session.
    pub history: Duration,
    /// How long connection logs are kept.
    pub connection_log: Duration,
    /// Life of an access token.
    pub access_token: Duration,
    /// Life of a refresh token.
    pub refresh_token: Duration,
    /// Life of a ticket.
    pub ticket: Duration,
    /// Failed logins of one account.
    pub failed_logins_per_account: Throttle,
    /// Failed logins of one address.
    pub failed_logins_per_address: Throttle,
    /// Registrations of one address.
    pub registrations_per_address: Throttle,
    /// Looks at invitations from one address; redeeming one is a look too.
    pub invites_per_address: Throttle,
    /// Sessions created by one user.
    pub sessions_per_user: Throttle,
    /// Tickets minted for one user.
    pub tickets_per_user: Throttle,
    /// Addresses of Amazon Transcribe that are signed for one user: each line is paid for, and three seconds of silence end one.
    pub transcribe_lines_per_user: Throttle,
    /// Recordings begun by one user.
    pub recordings_per_user: Throttle,
    /// Participants of an app's project who are connected at the same time.
    pub participants_per_project: u32,
    /// Sessions of an app's project that are active at the same time.
    pub sessions_per_project: u32,
    /// Calls of the backend of an app's project in a second.
    pub calls_per_project: u32,
    /// Frames per second of one connection.
    pub frames_per_second: u32,
    /// Frames that one connection may send at once.
    pub frames_burst: u32,
    /// Chat messages per second of one connection; they count as frames too.
    pub chat_per_second: u32,
    /// Chat messages that one connection may send at once.
    pub chat_burst: u32,
    /// People who show video in one call: each of them sends to every other one. Clients keep it.
    pub mesh_limit: u32,
    /// Whether clients report the quality of their calls, and that is kept.
    pub call_quality: bool,
    /// Who can find a session of which its maker does not say it. An app's rooms are unlisted all the same.
    pub default_visibility: Visibility,
    /// Whether participants can record themselves.
    pub recording: bool,
    /// How long files of recordings are kept.
    pub recordings_kept: Duration,
    /// A recording of which nothing was heard for so long is put together from what came. Until then its client may come back.
    pub recording_quiet: Duration,
}

/// A duration that must fit others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fitted {
    /// [`Policy::heartbeat`]
    Heartbeat,
    /// [`Policy::lease`]
    Lease,
    /// [`Policy::reconnect_grace`]
    ReconnectGrace,
    /// [`Policy::first_connect`]
    FirstConnect,
    /// [`Policy::inbox_window`]
    InboxWindow,
    /// [`Policy::refresh_token`]
    RefreshToken,
    /// [`Policy::recording_quiet`]
    RecordingQuiet,
}

/// A duration that breaks a promise, because of what the others are.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct Misfit {
    /// Which one.
    pub fitted: Fitted,
    /// What it must be.
    pub reason: String,
}

/// API Gateway closes a connection that was silent for 10 minutes.
/// <https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-execution-service-websocket-limits-table.html>
const IDLE_CONNECTION: Duration = Duration::from_secs(600);

impl Policy {
    /// The policy, if its durations fit each other.
    ///
    /// # Errors
    /// The first one that does not: with it, a promise of durable signaling would not hold.
    pub fn fitting(self) -> Result<Self, Misfit> {
        let noticed = self.heartbeat + self.detection;
        let back = noticed + self.reconnect_grace;
        let at_most = |fitted, value: Duration, limit: Duration, what: &str| {
            let reason = || format!("must be at most {} s, {what}", limit.as_secs());
            (value <= limit).then_some(()).ok_or_else(|| Misfit { fitted, reason: reason() })
        };
        let at_least = |fitted, value: Duration, limit: Duration, what: &str| {
            let reason = || format!("must be at least {} s, {what}", limit.as_secs());
            (value >= limit).then_some(()).ok_or_else(|| Misfit { fitted, reason: reason() })
        };
        let second = Duration::from_secs(1);
        at_most(
            Fitted::Heartbeat,
            noticed,
            IDLE_CONNECTION,
            "with detection, or API Gateway takes the client for idle",
        )?;
        at_least(Fitted::Lease, self.lease, noticed + second, "longer than heartbeat and detection")?;
        at_most(Fitted::ReconnectGrace, self.reconnect_grace, self.lease, "the lease")?;
        at_most(Fitted::FirstConnect, self.first_connect, self.lease, "the lease")?;
        at_least(Fitted::InboxWindow, self.inbox_window, back, "heartbeat, detection and reconnect grace together")?;
        at_most(Fitted::InboxWindow, self.inbox_window, self.history, "as long as chat is kept")?;
        at_least(Fitted::RefreshToken, self.refresh_token, self.access_token, "the life of an access token")?;
        at_least(Fitted::RecordingQuiet, self.recording_quiet, CHUNK * 2, "two chunks of a recording that goes on")?;
        Ok(self)
    }
}

/// When the sweep looks at something, see `sweep`. Times go in steps, so that what moves often is noted once in each.
impl Policy {
    /// The steps in which the ends of leases are noted. It is the sweep's period where leases last as long as by default.
    pub fn lease_step(&self) -> Duration {
        self.lease / 2
    }

    /// When a session is looked at that stands empty from then on.
    pub fn empty_due(&self, since: Timestamp) -> Timestamp {
        Self::due_when_empty(since, self.empty_session)
    }

    /// The same for one that may stand empty for so long.
    pub fn due_when_empty(since: Timestamp, timeout: Duration) -> Timestamp {
        (since + timeout).rounded_up(timeout / 12)
    }
}

impl Default for Policy {
    fn default() -> Self {
        let hours = |n: u64| Duration::from_secs(n * 3600);
        Self {
            heartbeat: Duration::from_secs(240),
            detection: Duration::from_secs(15),
            lease: Duration::from_secs(600),
            reconnect_grace: Duration::from_secs(30),
            first_connect: Duration::from_secs(60),
            inbox_window: Duration::from_secs(600),
            replay_margin: Duration::from_secs(30),
            empty_session: hours(1),
            history: hours(24),
            connection_log: hours(24 * 30),
            access_token: hours(24),
            refresh_token: hours(24 * 30),
            ticket: Duration::from_secs(60),
            failed_logins_per_account: throttle(10, 15 * 60),
            failed_logins_per_address: throttle(100, 15 * 60),
            registrations_per_address: throttle(100, 3600),
            invites_per_address: throttle(300, 3600),
            sessions_per_user: throttle(240, 3600),
            tickets_per_user: throttle(300, 60),
            transcribe_lines_per_user: throttle(60, 60),
            recordings_per_user: throttle(240, 3600),
            participants_per_project: 1_000,
            sessions_per_project: 500,
            calls_per_project: 50,
            frames_per_second: 100,
            frames_burst: 200,
            chat_per_second: 10,
            chat_burst: 30,
            mesh_limit: 6,
            call_quality: false,
            default_visibility: Visibility::Public,
            recording: false,
            recordings_kept: hours(24 * 30),
            recording_quiet: Duration::from_secs(600),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn seconds(n: u64) -> Duration {
        Duration::from_secs(n)
    }

    #[test]
    fn the_defaults_fit() {
        assert_eq!(Policy::default().fitting(), Ok(Policy::default()));
    }

    #[test]
    fn what_is_noticed_late_still_lies_in_the_inbox() {
        let policy = Policy::default();
        assert!(policy.heartbeat + policy.detection + policy.reconnect_grace <= policy.inbox_window);
    }

    #[test]
    fn a_duration_that_does_not_fit_is_named() {
        let base = Policy::default();
        let cases = [
            (Policy { heartbeat: seconds(586), lease: seconds(1200), ..base }, Fitted::Heartbeat),
            (Policy { heartbeat: seconds(580), ..base }, Fitted::InboxWindow),
            (Policy { lease: seconds(255), ..base }, Fitted::Lease),
            (Policy { reconnect_grace: seconds(601), ..base }, Fitted::ReconnectGrace),
            (Policy { reconnect_grace: seconds(346), ..base }, Fitted::InboxWindow),
            (Policy { first_connect: seconds(601), ..base }, Fitted::FirstConnect),
            (Policy { inbox_window: seconds(284), ..base }, Fitted::InboxWindow),
            (Policy { inbox_window: seconds(86_401), ..base }, Fitted::InboxWindow),
            (Policy { access_token: seconds(60), refresh_token: seconds(59), ..base }, Fitted::RefreshToken),
            (Policy { recording_quiet: seconds(7), ..base }, Fitted::RecordingQuiet),
        ];
        for (policy, fitted) in cases {
            assert_eq!(policy.fitting().map_err(|misfit| misfit.fitted), Err(fitted), "{policy:?}");
        }
    }

    #[test]
    fn the_edge_of_what_fits_fits() {
        let base = Policy::default();
        for policy in [
            Policy { lease: seconds(256), ..base },
            Policy { inbox_window: seconds(285), ..base },
            Policy { reconnect_grace: seconds(345), ..base },
            Policy { access_token: seconds(60), refresh_token: seconds(60), ..base },
            Policy { recording_quiet: seconds(8), ..base },
        ] {
            assert_eq!(policy.fitting(), Ok(policy));
        }
    }

    #[test]
    fn a_misfit_says_what_would_fit() {
        let misfit = Policy { inbox_window: seconds(10), ..Policy::default() }.fitting().unwrap_err();
        let reason = "must be at least 285 s, heartbeat, detection and reconnect grace together";
        assert_eq!(misfit.to_string(), reason);
    }
}
