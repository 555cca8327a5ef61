//! Errors as HTTP clients see them: a status and a problem document (RFC 9457).

use domain::Error;
use http::StatusCode;
use protocol::rest::{Field, Problem};

/// The status and the title of an error.
pub fn status(error: &Error) -> (StatusCode, &'static str) {
    match error {
        Error::InvalidRequest(_) | Error::InvalidFrame(_) | Error::UnknownAction => {
            (StatusCode::BAD_REQUEST, "The request is not valid")
        }
        Error::Unauthorized => (StatusCode::UNAUTHORIZED, "Authentication is required"),
        Error::InvalidCredentials => (StatusCode::UNAUTHORIZED, "Wrong e-mail or password"),
        Error::InvalidRefreshToken => (StatusCode::UNAUTHORIZED, "The refresh token is not valid"),
        Error::Forbidden => (StatusCode::FORBIDDEN, "Not allowed"),
        Error::MethodNotAllowed { .. } => (StatusCode::METHOD_NOT_ALLOWED, "Another method is needed"),
        Error::NotFound => (StatusCode::NOT_FOUND, "Not found"),
        Error::SessionNotFound => (StatusCode::NOT_FOUND, "No such session"),
        Error::NotInSession | Error::NotJoined | Error::PeerNotFound => (StatusCode::NOT_FOUND, "Not a participant"),
        Error::UserExists => (StatusCode::CONFLICT, "The account exists"),
        Error::SessionFull { .. } => (StatusCode::CONFLICT, "The session is full"),
        Error::SessionEnded => (StatusCode::GONE, "The session has ended"),
        Error::PayloadTooLarge { .. } => (StatusCode::PAYLOAD_TOO_LARGE, "Too large"),
        Error::IdempotencyKeyReused => (StatusCode::UNPROCESSABLE_ENTITY, "The key belongs to another request"),
        Error::RateLimited { .. } => (StatusCode::TOO_MANY_REQUESTS, "Too many requests"),
        Error::Internal(_) => (StatusCode::INTERNAL_SERVER_ERROR, "Internal error"),
        Error::Unavailable(_) => (StatusCode::SERVICE_UNAVAILABLE, "Unavailable"),
    }
}

/// How long to wait before another try, in seconds, where that is known.
pub fn retry_after(error: &Error) -> Option<u64> {
    match error {
        Error::RateLimited { retry_after } => Some(*retry_after),
        Error::Unavailable(_) => Some(1),
        _ => None,
    }
}

/// The document. Its type leads to the page that describes it.
pub fn document(error: &Error, request_id: &str) -> Problem {
    let (status, title) = status(error);
    let (code, detail) = (error.code(), error.to_string());
    let errors = match error {
        Error::InvalidRequest(errors) | Error::InvalidFrame(errors) => {
            errors.iter().map(|e| Field { field: e.field.clone(), reason: e.reason.clone() }).collect()
        }
        _ => Vec::new(),
    };
    Problem {
        kind: format!("/docs#{code}"),
        title,
        status: status.as_u16(),
        message: detail.clone(),
        detail,
        code,
        request_id: request_id.to_owned(),
        errors,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    /// One of each that HTTP clients can meet.
    fn errors() -> Vec<Error> {
        vec![
            Error::InvalidRequest(Vec::new()),
            Error::Unauthorized,
            Error::InvalidCredentials,
            Error::InvalidRefreshToken,
            Error::Forbidden,
            Error::SessionNotFound,
            Error::NotInSession,
            Error::UserExists,
            Error::IdempotencyKeyReused,
            Error::SessionFull { limit: 2 },
            Error::SessionEnded,
            Error::PayloadTooLarge { what: "the body", limit: 1 },
            Error::RateLimited { retry_after: 1 },
            Error::Internal("a cause".into()),
            Error::Unavailable("a cause".into()),
        ]
    }

    /// The status and code of every refusal that the OpenAPI document names.
    fn documented() -> Vec<(u64, String)> {
        let document: Value =
            serde_json::from_str(include_str!("../../../docs/api/openapi.json")).expect("docs/api holds JSON");
        let refusals = document["components"]["responses"].as_object().expect("refusals by name").values();
        let named =
            refusals.map(|refusal| &refusal["content"]["application/problem+json"]["schema"]["allOf"][1]["properties"]);
        let pairs = named.flat_map(|named| {
            let status = named["status"]["const"].as_u64().expect("a status");
            let codes = named["code"]["enum"].as_array().expect("codes");
            codes.iter().map(move |code| (status, code.as_str().expect("a code").to_owned()))
        });
        pairs.collect()
    }

    #[test]
    fn the_api_document_names_every_error_under_the_status_that_it_is_answered_with() {
        let documented = documented();
        for error in errors() {
            let answered = (u64::from(status(&error).0.as_u16()), error.code().to_owned());
            assert!(documented.contains(&answered), "{answered:?}");
        }
        for (status, code) in documented {
            assert!(errors().iter().any(|error| error.code() == code), "{status} {code} is no error of HTTP clients");
        }
    }
}
