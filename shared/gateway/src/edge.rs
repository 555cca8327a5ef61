//! CloudFront in front of the APIs: to them every client then has an address of CloudFront's.
//!
//! Two headers say whose it is. CloudFront itself sets both, over whatever a client sent under their names
//! (`infra/edge.yaml`): a secret that shows that the request came through it, and the viewer's address. Without the right
//! secret the second one is not believed.

use auth::same_secret;
use config::{FromRuntime, Runtime, SettingError, settings};
use http::HeaderMap;

/// The secret that CloudFront shows.
const SECRET: &str = "x-tunrtc-edge";
/// The address of the viewer, as CloudFront saw it.
const VIEWER: &str = "x-tunrtc-viewer";
/// Nobody guesses a secret of so many characters.
const SHORTEST_SECRET: usize = 32;

/// What is known of the edge; without a secret there is none.
#[derive(Clone, Default)]
pub struct Edge(Option<String>);

impl Edge {
    /// An edge that shows that secret.
    pub fn new(secret: impl Into<String>) -> Self {
        Self(Some(secret.into()))
    }

    /// The client's address: `seen` by API Gateway, or, of a request that came through the edge, the viewer's.
    pub fn address<'a>(&self, headers: &'a HeaderMap, seen: Option<&'a str>) -> &'a str {
        let header = |name| headers.get(name).and_then(|value| value.to_str().ok());
        let through = |secret: &String| header(SECRET).is_some_and(|shown| same_secret(shown, secret));
        let viewer = self.0.as_ref().filter(|secret| through(secret)).and_then(|_| header(VIEWER));
        viewer.or(seen).unwrap_or_default()
    }
}

impl FromRuntime for Edge {
    fn from_runtime(runtime: &Runtime) -> Result<Self, SettingError> {
        let name = settings::EDGE_SECRET;
        match runtime.settings.optional(name) {
            Some(secret) if secret.len() < SHORTEST_SECRET => {
                Err(SettingError { name, reason: format!("must have at least {SHORTEST_SECRET} characters") })
            }
            secret => Ok(Self(secret.map(str::to_owned))),
        }
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    const GOOD: &str = "a secret of more than 32 characters";

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| ((*name).parse().expect("a name"), HeaderValue::from_static(value))).collect()
    }

    #[test]
    fn the_viewer_is_believed_with_the_secret_alone() {
        let through = headers(&[(SECRET, GOOD), (VIEWER, "192.0.2.7")]);
        assert_eq!(Edge::new(GOOD).address(&through, Some("198.51.100.1")), "192.0.2.7");
        for pretended in [
            headers(&[(VIEWER, "192.0.2.7")]),
            headers(&[(SECRET, ""), (VIEWER, "192.0.2.7")]),
            headers(&[(SECRET, "a secret of more than 32 characters, almost"), (VIEWER, "192.0.2.7")]),
        ] {
            assert_eq!(Edge::new(GOOD).address(&pretended, Some("198.51.100.1")), "198.51.100.1");
        }
    }

    #[test]
    fn without_an_edge_nobody_is_believed() {
        let pretended = headers(&[(SECRET, ""), (VIEWER, "192.0.2.7")]);
        assert_eq!(Edge::default().address(&pretended, Some("198.51.100.1")), "198.51.100.1");
        assert_eq!(Edge::default().address(&HeaderMap::new(), None), "");
    }

    #[test]
    fn an_edge_that_does_not_say_who_it_is_is_seen_itself() {
        assert_eq!(Edge::new(GOOD).address(&headers(&[(SECRET, GOOD)]), Some("198.51.100.1")), "198.51.100.1");
    }
}
