//! Which web pages may connect.

use config::{FromRuntime, Runtime, SettingError, settings};

/// Stands for the host that a handshake was sent to, in a pattern: pages of that very host may connect.
const HOST: &str = "{host}";

/// Web origins (RFC 6454) that may open a WebSocket: exact ones, ones with any port (`http://localhost:*`), those of the host
/// that was asked (`http://{host}`), or all (`*`).
///
/// Only browsers send an `Origin`, and only they can be made to connect by a page that is not ours; so a handshake
/// without one is not refused.
#[derive(Debug, Clone, Default)]
pub struct Origins(Vec<String>);

impl Origins {
    /// From patterns.
    ///
    /// # Errors
    /// The first that is none.
    pub fn new(patterns: Vec<String>) -> Result<Self, NoOrigin> {
        match patterns.iter().find(|pattern| !is_pattern(pattern)) {
            None => Ok(Self(patterns)),
            Some(other) => Err(NoOrigin(other.clone())),
        }
    }

    /// Whether a page from there may connect, when the handshake was sent to `host`.
    pub fn allow(&self, origin: Option<&str>, host: &str) -> bool {
        origin.is_none_or(|origin| self.0.iter().any(|pattern| matches(&pattern.replace(HOST, host), origin)))
    }
}

/// A text that is not an origin.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "has {0:?}, which is not an origin such as https://app.example.org: a scheme, a host and perhaps a port, and nothing behind it"
)]
pub struct NoOrigin(String);

/// Whether some origin can match it.
fn is_pattern(text: &str) -> bool {
    let Some((scheme, rest)) = text.split_once("://") else { return text == "*" };
    let is_scheme = scheme.starts_with(|first: char| first.is_ascii_alphabetic())
        && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte));
    let host = rest.strip_suffix(":*").unwrap_or(rest).replace(HOST, "host");
    let is_host = !host.contains(['@', '*']) && host.parse().is_ok_and(|authority| is_authority(&authority));
    is_scheme && is_host
}

/// A host, and perhaps a port that there can be.
fn is_authority(authority: &http::uri::Authority) -> bool {
    !authority.host().is_empty() && (authority.as_str() == authority.host() || authority.port_u16().is_some())
}

fn matches(pattern: &str, origin: &str) -> bool {
    match pattern.strip_suffix(":*") {
        _ if pattern == "*" => true,
        None => pattern.eq_ignore_ascii_case(origin),
        Some(site) => match (origin.get(..site.len()), origin.get(site.len()..)) {
            (Some(start), Some(port)) => start.eq_ignore_ascii_case(site) && is_port(port),
            _ => false,
        },
    }
}

impl FromRuntime for Origins {
    fn from_runtime(runtime: &Runtime) -> Result<Self, SettingError> {
        let name = settings::ALLOWED_ORIGINS;
        Self::new(runtime.settings.list(name)).map_err(|error| SettingError { name, reason: error.to_string() })
    }
}

/// Nothing, or a colon and digits.
fn is_port(text: &str) -> bool {
    let digits = |port: &str| !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit());
    text.is_empty() || text.strip_prefix(':').is_some_and(digits)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origins(patterns: &[&str]) -> Origins {
        Origins::new(patterns.iter().map(|&pattern| pattern.to_owned()).collect()).unwrap()
    }

    #[test]
    fn a_foreign_origin_is_refused() {
        let origins = origins(&["https://app.example.org", "http://localhost:*"]);
        for good in [None, Some("https://app.example.org"), Some("http://localhost:5173"), Some("http://localhost")] {
            assert!(origins.allow(good, "api.example.org"), "{good:?}");
        }
        for bad in [
            "https://evil.example.org",
            "https://app.example.org.evil.org",
            "http://app.example.org",
            "http://localhost.evil.org",
            "http://localhost:80.evil.org",
            "http://localhost:",
            "null",
            "",
        ] {
            assert!(!origins.allow(Some(bad), "api.example.org"), "{bad}");
        }
    }

    #[test]
    fn a_star_allows_every_origin() {
        assert!(origins(&["*"]).allow(Some("null"), "api.example.org"));
    }

    #[test]
    fn a_page_of_the_host_that_was_asked_may_connect_where_the_pattern_says_so() {
        let own = origins(&["http://{host}"]);
        assert!(own.allow(Some("http://192.0.2.7:5000"), "192.0.2.7:5000"));
        assert!(!own.allow(Some("http://192.0.2.8:5000"), "192.0.2.7:5000"));
        assert!(!own.allow(Some("https://192.0.2.7:5000"), "192.0.2.7:5000"));
    }

    #[test]
    fn what_is_no_origin_is_refused_by_name() {
        for good in ["*", "https://a.example", "http://localhost:*", "http://[::1]:5000", "capacitor://localhost"] {
            assert!(Origins::new(vec![good.to_owned()]).is_ok(), "{good}");
        }
        for bad in [
            "a.example",
            "https://",
            "https://a.example/",
            "https://a.example/path",
            "https://a.example?x",
            "https://*",
            "https://*.a.example",
            "https://user@a.example",
            "https://a.example:99999999",
            "null",
        ] {
            let refused = Origins::new(vec!["https://b.example".to_owned(), bad.to_owned()]).unwrap_err();
            assert!(refused.to_string().contains(&format!("{bad:?}")), "{refused}");
        }
    }
}
