//! What the local server refuses before a function sees it, in the form in which functions refuse.

use apigateway::Refused;
use bytes::Bytes;
use domain::{Clock, Error};
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use http::{HeaderName, Response};
use protocol::hub;
use protocol::rest::{MAX_BODY, Problem};
use protocol::signaling::{self, ClientFrame};

/// The header in which every answer names its request.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The problem document (RFC 9457) of a refusal.
pub fn render(refused: Refused, request_id: &str) -> Response<Bytes> {
    let as_of_functions = match refused {
        Refused::BodyTooLarge => Some(Error::PayloadTooLarge { what: "the body", limit: MAX_BODY }),
        Refused::Method { allowed } => Some(Error::MethodNotAllowed { allowed: allowed.to_owned() }),
        Refused::Host => Some(Error::field("host", "must be given once and name a host")),
        Refused::Malformed => {
            Some(Error::field("request", "must be HTTP/1.1 as RFC 9112 has it, or a handshake as RFC 6455 has it"))
        }
        Refused::Overloaded => Some(overloaded()),
        _ => None,
    };
    let problem = match as_of_functions {
        Some(error) => gateway::problem::document(&error, request_id),
        None => problem(refused, request_id),
    };
    let body = serde_json::to_vec(&problem).expect("a problem has string keys and nothing that cannot be written");
    let mut response = Response::new(Bytes::from(body));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(HeaderName::from_static("x-content-type-options"), HeaderValue::from_static("nosniff"));
    response
}

/// The answer to a frame that would have waited too long.
pub fn refuse_frame(frame: &str, clock: &dyn Clock) -> String {
    if frame.contains(hub::SEPARATOR) {
        return hub::refuse(frame, &overloaded());
    }
    let parsed = ClientFrame::parse(frame);
    let id = parsed.as_ref().map_or_else(|bad| bad.id.as_deref(), |frame| Some(frame.id.as_str()));
    signaling::error(id, clock.now(), &overloaded())
}

fn overloaded() -> Error {
    Error::Unavailable("too much waits already".into())
}

/// What only a server that is reached without API Gateway has to say.
fn problem(refused: Refused, request_id: &str) -> Problem {
    let (code, title, detail) = match refused {
        Refused::TooSlow => ("request_timeout", "Too slow", "the body did not come in time"),
        Refused::TargetTooLong => ("uri_too_long", "Too long", "the request's target is too long"),
        Refused::NotAnUpgrade => ("upgrade_required", "A WebSocket is needed", "connect here with a WebSocket"),
        Refused::HeadTooLarge => ("headers_too_large", "Too large", "the request line and the headers are too large"),
        _ => ("refused", "The request is refused", "the server does not take the request"),
    };
    Problem {
        recording_id: None,
        kind: format!("/docs#{code}"),
        title,
        status: refused.status().as_u16(),
        detail: detail.to_owned(),
        code,
        message: detail.to_owned(),
        request_id: request_id.to_owned(),
        errors: Vec::new(),
        until: None,
        limit: None,
        max: None,
        current: None,
    }
}
