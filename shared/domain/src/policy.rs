//! Limits and durations that an operator may set: leases, windows and throttles. Defaults are the contract's.

use std::time::Duration;

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
    /// Sessions created by one user.
    pub sessions_per_user: Throttle,
    /// Tickets minted for one user.
    pub tickets_per_user: Throttle,
    /// Frames per second of one connection.
    pub frames_per_second: u32,
    /// Frames that one connection may send at once.
    pub frames_burst: u32,
}

impl Default for Policy {
    fn default() -> Self {
        let hours = |n: u64| Duration::from_secs(n * 3600);
        Self {
            heartbeat: Duration::from_secs(240),
            lease: Duration::from_secs(600),
            reconnect_grace: Duration::from_secs(30),
            first_connect: Duration::from_secs(60),
            inbox_window: Duration::from_secs(120),
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
            sessions_per_user: throttle(240, 3600),
            tickets_per_user: throttle(300, 60),
            frames_per_second: 100,
            frames_burst: 200,
        }
    }
}
