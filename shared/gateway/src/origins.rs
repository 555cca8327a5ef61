//! Which web pages may connect.

use config::{FromRuntime, Runtime, SettingError, settings};

/// Web origins (RFC 6454) that may open a WebSocket: exact ones, ones with any port (`http://localhost:*`), or all (`*`).
///
/// Only browsers send an `Origin`, and only they can be made to connect by a page that is not ours; so a handshake
/// without one is not refused.
#[derive(Debug, Clone, Default)]
pub struct Origins(Vec<String>);

impl Origins {
    /// From patterns.
    pub fn new(patterns: Vec<String>) -> Self {
        Self(patterns)
    }

    /// Whether a page from there may connect.
    pub fn allow(&self, origin: Option<&str>) -> bool {
        origin.is_none_or(|origin| self.0.iter().any(|pattern| matches(pattern, origin)))
    }
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
        Ok(Self::new(runtime.settings.list(settings::ALLOWED_ORIGINS)))
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

    #[test]
    fn a_foreign_origin_is_refused() {
        let origins = Origins::new(vec!["https://app.example.org".to_owned(), "http://localhost:*".to_owned()]);
        for good in [None, Some("https://app.example.org"), Some("http://localhost:5173"), Some("http://localhost")] {
            assert!(origins.allow(good), "{good:?}");
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
            assert!(!origins.allow(Some(bad)), "{bad}");
        }
        assert!(Origins::new(vec!["*".to_owned()]).allow(Some("null")));
    }
}
