//! Cross-origin rules of an HTTP API
//! ([CORS](https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-cors.html)).

use std::time::Duration;

use bytes::Bytes;
use http::{
    HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode,
    header::{
        ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
        ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE,
        ACCESS_CONTROL_REQUEST_METHOD, ORIGIN, VARY,
    },
};

/// The `CorsConfiguration` of an HTTP API.
///
/// With it the gateway answers preflights itself, adds the headers to every answer to an allowed
/// origin, and drops the ones a function sets.
#[derive(Debug, Clone, Default)]
pub struct Cors {
    /// `*`, `https://*`, an exact origin, or one with any port (`http://localhost:*`).
    pub allow_origins: Vec<String>,
    /// Methods, upper case, or `*`.
    pub allow_methods: Vec<String>,
    /// Request header names, or `*`.
    pub allow_headers: Vec<String>,
    /// Response header names that scripts may read, or `*`.
    pub expose_headers: Vec<String>,
    /// How long a browser may keep a preflight's answer; none is sent when zero.
    pub max_age: Duration,
    /// Whether cookies and credentials may be sent.
    pub allow_credentials: bool,
}

const ALL: [HeaderName; 6] = [
    ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_HEADERS,
    ACCESS_CONTROL_EXPOSE_HEADERS,
    ACCESS_CONTROL_MAX_AGE,
    ACCESS_CONTROL_ALLOW_CREDENTIALS,
];

impl Cors {
    /// The answer to a preflight; none when the request is not one.
    pub(crate) fn preflight(&self, method: &Method, headers: &HeaderMap) -> Option<Response<Bytes>> {
        let asked = headers.contains_key(ORIGIN) && headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD);
        if method != Method::OPTIONS || !asked {
            return None;
        }
        let mut response = Response::new(Bytes::new());
        *response.status_mut() = StatusCode::NO_CONTENT;
        if self.allowed(headers).is_some() {
            let answer = response.headers_mut();
            set(answer, ACCESS_CONTROL_ALLOW_METHODS, &self.allow_methods.join(","));
            set(answer, ACCESS_CONTROL_ALLOW_HEADERS, &self.allow_headers.join(","));
            if !self.max_age.is_zero() {
                answer.insert(ACCESS_CONTROL_MAX_AGE, self.max_age.as_secs().into());
            }
        }
        Some(response)
    }

    /// Drops what a function said about CORS: the gateway's configuration rules.
    pub(crate) fn clear(headers: &mut HeaderMap) {
        for name in ALL {
            headers.remove(name);
        }
    }

    /// Adds what every answer to an allowed origin carries.
    pub(crate) fn allow(&self, request: &HeaderMap, response: &mut HeaderMap) {
        if let Some(origin) = self.allowed(request) {
            response.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
            response.append(VARY, HeaderValue::from_static("origin"));
            set(response, ACCESS_CONTROL_EXPOSE_HEADERS, &self.expose_headers.join(","));
            if self.allow_credentials {
                response.insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
            }
        }
    }

    /// What to answer an allowed `Origin` with.
    fn allowed(&self, request: &HeaderMap) -> Option<HeaderValue> {
        let header = request.get(ORIGIN)?;
        let origin = header.to_str().ok()?;
        let any = self.allow_origins.iter().any(|pattern| pattern == "*");
        if any && !self.allow_credentials {
            return Some(HeaderValue::from_static("*"));
        }
        let allowed = any || self.allow_origins.iter().any(|pattern| origin_matches(pattern, origin));
        allowed.then(|| header.clone())
    }
}

fn set(headers: &mut HeaderMap, name: HeaderName, list: &str) {
    // Configured names that no header can carry are left out rather than failing every answer.
    if let (false, Ok(value)) = (list.is_empty(), HeaderValue::from_str(list)) {
        headers.insert(name, value);
    }
}

fn origin_matches(pattern: &str, origin: &str) -> bool {
    if let Some(host) = pattern.strip_suffix(":*") {
        let port = origin.strip_prefix(host).and_then(|rest| rest.strip_prefix(':'));
        return origin == host || port.is_some_and(is_port);
    }
    match pattern.strip_suffix("://*") {
        Some(scheme) => origin.strip_prefix(scheme).is_some_and(|rest| rest.starts_with("://")),
        None => pattern == origin,
    }
}

fn is_port(text: &str) -> bool {
    text.parse::<u16>().is_ok() && text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_allowed_exactly_by_scheme_or_with_any_port() {
        for (pattern, origin, allowed) in [
            ("https://a.example", "https://a.example", true),
            ("https://a.example", "https://a.example:8443", false),
            ("https://a.example", "https://a.example.evil", false),
            ("https://*", "https://b.example", true),
            ("https://*", "http://b.example", false),
            ("http://localhost:*", "http://localhost:5173", true),
            ("http://localhost:*", "http://localhost", true),
            ("http://localhost:*", "http://localhost:5173.evil", false),
            ("http://localhost:*", "http://localhost:+1", false),
            ("http://localhost:*", "http://localhost.evil:80", false),
        ] {
            assert_eq!(origin_matches(pattern, origin), allowed, "{pattern} {origin}");
        }
    }
}
