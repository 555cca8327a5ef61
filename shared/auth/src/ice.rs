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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples::{NOW, user_id};

    const SECRET: &str = "a secret shared with coturn";
    const HOUR: Duration = Duration::from_secs(3600);

    fn urls(texts: &[&str]) -> Vec<String> {
        texts.iter().map(|&text| text.to_owned()).collect()
    }

    fn stun() -> Vec<String> {
        urls(&["stun:stun.example.org:3478", "stun:stun.example.net:3478"])
    }

    fn turn() -> Vec<String> {
        urls(&["turn:turn.example.org:3478?transport=udp", "turns:turn.example.org:5349?transport=tcp"])
    }

    #[test]
    fn credentials_are_those_that_coturn_computes() {
        let servers = Ice::new(stun(), turn(), Some(SECRET), HOUR).servers(user_id(), NOW);
        let [stun_entry, turn_entry] = servers.as_slice() else { panic!("{servers:?}") };
        assert_eq!(stun_entry, &IceServer { urls: stun(), username: None, credential: None });
        assert_eq!(turn_entry.urls, turn());
        assert_eq!(turn_entry.username.as_deref(), Some("1795003600:01a1ed5c-8600-7000-8000-000000000001"));
        // Python: base64.b64encode(hmac.new(secret, username, hashlib.sha1).digest())
        assert_eq!(turn_entry.credential.as_deref(), Some("uISn9F2QMXCzdgNYOT4ysiTrxwA="));
    }

    #[test]
    fn without_turn_there_is_stun_alone() {
        let no_urls = Ice::new(stun(), Vec::new(), Some(SECRET), HOUR);
        let no_secret = Ice::new(stun(), turn(), None, HOUR);
        let empty_secret = Ice::new(stun(), turn(), Some(""), HOUR);
        for ice in [no_urls, no_secret, empty_secret] {
            let expected = [IceServer { urls: stun(), username: None, credential: None }];
            assert_eq!(ice.servers(user_id(), NOW), expected);
        }
    }

    #[test]
    fn without_stun_there_is_turn_alone() {
        let servers = Ice::new(Vec::new(), turn(), Some(SECRET), HOUR).servers(user_id(), NOW);
        assert_eq!(servers.iter().map(|server| &server.urls).collect::<Vec<_>>(), [&turn()]);
        assert!(Ice::new(Vec::new(), Vec::new(), None, HOUR).servers(user_id(), NOW).is_empty());
    }

    #[test]
    fn secret_and_credentials_do_not_show_in_debug_output() {
        let ice = Ice::new(stun(), turn(), Some(SECRET), HOUR);
        let servers = ice.servers(user_id(), NOW);
        let shown = format!("{ice:?} {servers:?}");
        assert!(!shown.contains(SECRET) && !shown.contains("uISn9F2Q"), "{shown}");
    }
}
