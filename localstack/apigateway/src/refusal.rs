//! Requests that the gateway refuses before any function sees them.

use bytes::Bytes;
use http::{
    HeaderMap, HeaderName, HeaderValue, Response, StatusCode,
    header::{ALLOW, RETRY_AFTER, SEC_WEBSOCKET_VERSION, UPGRADE},
};

/// Why a request goes to no function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refused {
    /// It is not HTTP ([RFC 9112](https://www.rfc-editor.org/rfc/rfc9112)).
    Malformed,
    /// It names no host, or more than one ([RFC 9112, 3.2](https://www.rfc-editor.org/rfc/rfc9112#section-3.2)).
    Host,
    /// Its method is not one that this path takes.
    Method {
        /// Those that it takes, separated by commas.
        allowed: &'static str,
    },
    /// Its body did not come in time.
    TooSlow,
    /// Its body is longer than [`Limits::body`](crate::Limits::body).
    BodyTooLarge,
    /// Its target is longer than [`Limits::url`](crate::Limits::url).
    TargetTooLong,
    /// It asks for a WebSocket's path, but not for a WebSocket.
    NotAnUpgrade,
    /// Its head is longer than [`Limits::headers`](crate::Limits::headers).
    HeadTooLarge,
    /// It would wait too long for its function to start.
    Overloaded,
}

impl Refused {
    /// The status that says so.
    pub fn status(self) -> StatusCode {
        match self {
            Self::Malformed | Self::Host => StatusCode::BAD_REQUEST,
            Self::Method { .. } => StatusCode::METHOD_NOT_ALLOWED,
            Self::TooSlow => StatusCode::REQUEST_TIMEOUT,
            Self::BodyTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::TargetTooLong => StatusCode::URI_TOO_LONG,
            Self::NotAnUpgrade => StatusCode::UPGRADE_REQUIRED,
            Self::HeadTooLarge => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            Self::Overloaded => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    /// Headers that go with the status, whatever the body.
    pub(crate) fn add_headers(self, headers: &mut HeaderMap) {
        match self {
            Self::Method { allowed } => drop(headers.insert(ALLOW, HeaderValue::from_static(allowed))),
            Self::NotAnUpgrade => {
                headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
                headers.insert(SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
            }
            Self::Overloaded => drop(headers.insert(RETRY_AFTER, HeaderValue::from_static("1"))),
            Self::Malformed
            | Self::Host
            | Self::TooSlow
            | Self::BodyTooLarge
            | Self::TargetTooLong
            | Self::HeadTooLarge => {}
        }
    }
}

/// Writes the answer to a refused request, given the request's id.
pub(crate) type Render = Box<dyn Fn(Refused, &str) -> Response<Bytes> + Send + Sync>;

/// How the gateway's own answers look, where that is not left to AWS's example.
#[derive(Default)]
pub(crate) struct House {
    pub(crate) refusals: Option<Render>,
    pub(crate) request_id: Option<HeaderName>,
}

impl House {
    /// Names the request in its answer, unless a function did.
    pub(crate) fn name_request(&self, request_id: &str, headers: &mut HeaderMap) {
        if let (Some(name), Ok(value)) = (&self.request_id, HeaderValue::from_str(request_id)) {
            headers.entry(name).or_insert(value);
        }
    }

    /// The answer to a refused request; `aws` is the body that AWS would send.
    pub(crate) fn refuse(
        &self,
        refused: Refused,
        request_id: &str,
        aws: impl FnOnce() -> Response<Bytes>,
    ) -> Response<Bytes> {
        let mut response = match &self.refusals {
            Some(render) => render(refused, request_id),
            None => aws(),
        };
        *response.status_mut() = refused.status();
        refused.add_headers(response.headers_mut());
        response
    }
}
