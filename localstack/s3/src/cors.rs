//! Which pages may reach the bucket
//! (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/cors.html>).

use std::time::Duration;

use http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_HEADERS,
    ACCESS_CONTROL_REQUEST_METHOD, HeaderMap, HeaderName, HeaderValue, ORIGIN, VARY,
};

use crate::error::{Error, Result};

/// The one rule of a bucket's `CorsConfiguration`.
#[derive(Debug, Clone, Default)]
pub struct Cors {
    /// Origins; each may have one `*`, which stands for anything.
    pub allow_origins: Vec<String>,
    /// Methods, upper case.
    pub allow_methods: Vec<String>,
    /// Names of headers of requests, lower case.
    pub allow_headers: Vec<String>,
    /// Names of headers of answers that scripts may read.
    pub expose_headers: Vec<String>,
    /// How long a browser may keep a preflight's answer.
    pub max_age: Duration,
}

impl Cors {
    /// The headers of the answer to a preflight.
    pub(crate) fn preflight(&self, request: &HeaderMap) -> Result<HeaderMap> {
        if text(request, &ORIGIN).is_none() {
            return Err(Error::bad("BadRequest", "Insufficient information. Origin request header needed."));
        }
        let Some(method) = text(request, &ACCESS_CONTROL_REQUEST_METHOD) else {
            return Err(Error::bad("BadRequest", "Invalid Access-Control-Request-Method: null"));
        };
        let asked: Vec<_> = text(request, &ACCESS_CONTROL_REQUEST_HEADERS).unwrap_or_default().split(',').collect();
        let asked: Vec<_> =
            asked.iter().map(|name| name.trim().to_ascii_lowercase()).filter(|n| !n.is_empty()).collect();
        let mut answer = HeaderMap::new();
        self.allow(request, method, &mut answer);
        if !answer.contains_key(ACCESS_CONTROL_ALLOW_ORIGIN)
            || asked.iter().any(|name| !self.allow_headers.contains(name))
        {
            let message = "CORSResponse: This CORS request is not allowed. This is usually because the evalution of Origin, \
                           request method / Access-Control-Request-Method or Access-Control-Request-Headers are not whitelisted \
                           by the resource's CORS spec.";
            return Err(Error::forbidden("AccessForbidden", message));
        }
        set(&mut answer, ACCESS_CONTROL_ALLOW_HEADERS, &asked.join(", "));
        answer.insert(ACCESS_CONTROL_MAX_AGE, self.max_age.as_secs().into());
        Ok(answer)
    }

    /// Adds what an answer to a request with that method has besides, where its page may read it.
    pub(crate) fn allow(&self, request: &HeaderMap, method: &str, answer: &mut HeaderMap) {
        let Some(origin) = request.get(ORIGIN) else { return };
        let Some(pattern) = origin.to_str().ok().and_then(|origin| self.pattern_of(origin)) else { return };
        if !self.allow_methods.iter().any(|known| known == method) {
            return;
        }
        if pattern == "*" {
            answer.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
        } else {
            answer.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
            answer.insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
        }
        set(answer, ACCESS_CONTROL_ALLOW_METHODS, &self.allow_methods.join(", "));
        set(answer, ACCESS_CONTROL_EXPOSE_HEADERS, &self.expose_headers.join(", "));
        answer.append(
            VARY,
            HeaderValue::from_static("Origin, Access-Control-Request-Headers, Access-Control-Request-Method"),
        );
    }

    fn pattern_of(&self, origin: &str) -> Option<&str> {
        let fits = |pattern: &str| match pattern.split_once('*') {
            None => pattern == origin,
            Some((start, end)) => {
                origin.len() >= start.len() + end.len() && origin.starts_with(start) && origin.ends_with(end)
            }
        };
        self.allow_origins.iter().map(String::as_str).find(|pattern| fits(pattern))
    }
}

fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

fn set(headers: &mut HeaderMap, name: HeaderName, list: &str) {
    if let (false, Ok(value)) = (list.is_empty(), HeaderValue::from_str(list)) {
        headers.insert(name, value);
    }
}
