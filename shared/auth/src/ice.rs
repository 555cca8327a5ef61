//! What clients need to find each other: STUN servers, and TURN servers with credentials that end by themselves.

use std::fmt;
use std::time::Duration;

use aws_lc_rs::hmac;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use domain::{Timestamp, UserId};

/// One entry of `RTCConfiguration.iceServers` (<https://www.w3.org/TR/webrtc/#rtciceserver-dictionary>).
#[derive(Clone, PartialEq, Eq)]
pub struct IceServer {
    /// Its `stun:`, `turn:` or `turns:` URLs.
    pub urls: Vec<String>,
    /// The TURN user name.
    pub username: Option<String>,
    /// The TURN password.
    pub credential: Option<String>,
}

impl fmt::Debug for IceServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IceServer").field("urls", &self.urls).field("username", &self.username).finish_non_exhaustive()
    }
}

/// The deployment's STUN and TURN servers.
#[derive(Clone)]
pub struct Ice {
    stun: Vec<String>,
    turn: Option<Turn>,
    ttl: Duration,
}

/// TURN servers that share a secret with us.
#[derive(Clone)]
struct Turn {
    urls: Vec<String>,
    key: hmac::Key,
}

impl Ice {
    /// STUN URLs, TURN URLs with the secret they share with us, and how long a credential lives. Without a TURN URL
    /// or without a secret there is no TURN.
    pub fn new(stun: Vec<String>, turn: Vec<String>, turn_secret: Option<&str>, ttl: Duration) -> Self {
        let turn = turn_secret.filter(|secret| !secret.is_empty() && !turn.is_empty()).map(|secret| Turn {
            key: hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, secret.as_bytes()),
            urls: turn,
        });
        Self { stun, turn, ttl }
    }

    /// How long a credential lives.
    pub fn ttl(&self) -> Duration {
        self.ttl
    }

    /// The servers for that user: one entry with the STUN URLs, one with the TURN URLs and fresh credentials.
    pub fn servers(&self, user: UserId, now: Timestamp) -> Vec<IceServer> {
        let stun =
            (!self.stun.is_empty()).then(|| IceServer { urls: self.stun.clone(), username: None, credential: None });
        let turn = self.turn.as_ref().map(|turn| turn.server(user, now + self.ttl));
        stun.into_iter().chain(turn).collect()
    }
}

impl Turn {
    /// Credentials by the shared-secret scheme that coturn's `use-auth-secret` checks
    /// (<https://datatracker.ietf.org/doc/html/draft-uberti-behave-turn-rest-00>); SHA-1 is the scheme's choice.
    fn server(&self, user: UserId, expires_at: Timestamp) -> IceServer {
        let username = format!("{}:{user}", expires_at.seconds());
        let credential = BASE64_STANDARD.encode(hmac::sign(&self.key, username.as_bytes()));
        IceServer { urls: self.urls.clone(), username: Some(username), credential: Some(credential) }
    }
}

impl fmt::Debug for Ice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ice").field("stun", &self.stun).field("ttl", &self.ttl).finish_non_exhaustive()
    }
}
