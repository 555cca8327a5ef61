//! Errors as HTTP clients see them: a status and a problem document (RFC 9457).

use domain::{Error, Quota};
use http::StatusCode;
use protocol::format_time;
use protocol::rest::{Field, Problem};

/// The status and the title of an error.
pub fn status(error: &Error) -> (StatusCode, &'static str) {
    match error {
        Error::InvalidRequest(_) | Error::InvalidFrame(_) | Error::UnknownAction => {
            (StatusCode::BAD_REQUEST, "The request is not valid")
        }
        Error::Unauthorized => (StatusCode::UNAUTHORIZED, "Authentication is required"),
        Error::InvalidToken(_) => (StatusCode::UNAUTHORIZED, "The token is not valid"),
        Error::TokenExpired { .. } => (StatusCode::UNAUTHORIZED, "The token has expired"),
        Error::TokenNotActive { .. } => (StatusCode::UNAUTHORIZED, "The token is not active yet"),
        Error::TokenRevoked => (StatusCode::UNAUTHORIZED, "The token was revoked"),
        Error::KeyDisabled => (StatusCode::UNAUTHORIZED, "The API key is disabled"),
        Error::InvalidCredentials => (StatusCode::UNAUTHORIZED, "Wrong e-mail or password"),
        Error::InvalidRefreshToken => (StatusCode::UNAUTHORIZED, "The refresh token is not valid"),
        Error::Forbidden(_) | Error::MissingGrant(_) | Error::NotPermitted { .. } | Error::NotAllowed { .. } => {
            (StatusCode::FORBIDDEN, "Not allowed")
        }
        Error::SessionLocked => (StatusCode::FORBIDDEN, "The session is locked"),
        Error::NotAdmitted => (StatusCode::FORBIDDEN, "Waiting to be admitted"),
        Error::WaitingRoomFull { .. } => (StatusCode::CONFLICT, "The waiting room is full"),
        Error::Banned { .. } => (StatusCode::FORBIDDEN, "Banned"),
        Error::VersionMismatch => (StatusCode::PRECONDITION_FAILED, "The session was changed"),
        Error::MethodNotAllowed { .. } => (StatusCode::METHOD_NOT_ALLOWED, "Another method is needed"),
        Error::NotFound => (StatusCode::NOT_FOUND, "Not found"),
        Error::NotOffered(_) => (StatusCode::NOT_FOUND, "Not offered here"),
        Error::SessionNotFound => (StatusCode::NOT_FOUND, "No such session"),
        Error::NotInSession | Error::NotJoined | Error::PeerNotFound | Error::ParticipantNotFound => {
            (StatusCode::NOT_FOUND, "Not a participant")
        }
        Error::UserExists => (StatusCode::CONFLICT, "The account exists"),
        Error::RoomExists(_) => (StatusCode::CONFLICT, "The room exists"),
        Error::WebhookNotFound => (StatusCode::NOT_FOUND, "No such webhook"),
        Error::WebhookDisabled => (StatusCode::CONFLICT, "The webhook is disabled"),
        Error::TooManyWebhooks { .. } => (StatusCode::CONFLICT, "Too many webhooks"),
        Error::InviteNotFound => (StatusCode::NOT_FOUND, "No such invitation"),
        Error::TooManyInvites { .. } => (StatusCode::CONFLICT, "Too many invitations"),
        Error::RecordingNotFound => (StatusCode::NOT_FOUND, "No such recording"),
        Error::RecordingActive { .. } => (StatusCode::CONFLICT, "A recording goes on"),
        Error::RecordingFinished => (StatusCode::CONFLICT, "The recording is finished"),
        Error::SessionFull { .. } => (StatusCode::CONFLICT, "The session is full"),
        Error::SessionEnded => (StatusCode::GONE, "The session has ended"),
        Error::PayloadTooLarge { .. } => (StatusCode::PAYLOAD_TOO_LARGE, "Too large"),
        Error::IdempotencyKeyReused => (StatusCode::UNPROCESSABLE_ENTITY, "The key belongs to another request"),
        Error::RateLimited { .. } => (StatusCode::TOO_MANY_REQUESTS, "Too many requests"),
        Error::QuotaExceeded { .. } => (StatusCode::TOO_MANY_REQUESTS, "Quota exceeded"),
        Error::Internal(_) => (StatusCode::INTERNAL_SERVER_ERROR, "Internal error"),
        Error::Unavailable(_) => (StatusCode::SERVICE_UNAVAILABLE, "Unavailable"),
    }
}

/// How long to wait before another try, in seconds, where that is known.
pub fn retry_after(error: &Error) -> Option<u64> {
    match error {
        Error::RateLimited { retry_after } => Some(*retry_after),
        Error::Unavailable(_) | Error::QuotaExceeded { quota: Quota::ServerCalls, .. } => Some(1),
        // Somebody has to go first.
        Error::QuotaExceeded { .. } => Some(30),
        _ => None,
    }
}

/// What `WWW-Authenticate` says (RFC 6750, section 3): of a request without credentials that some are wanted, of others what is
/// wrong with theirs.
pub fn challenge(error: &Error) -> Option<String> {
    let described = |code: &str| {
        // What the grammar does not allow in a description is left out.
        let allowed = |c: &char| matches!(c, ' '..='~') && !matches!(c, '"' | '\\');
        let description: String = error.to_string().chars().filter(allowed).collect();
        format!("Bearer error=\"{code}\", error_description=\"{description}\"")
    };
    match error {
        Error::Unauthorized => Some("Bearer".to_owned()),
        Error::InvalidToken(_)
        | Error::TokenExpired { .. }
        | Error::TokenNotActive { .. }
        | Error::TokenRevoked
        | Error::KeyDisabled => Some(described("invalid_token")),
        Error::MissingGrant(grant) => Some(format!("{}, scope=\"{grant}\"", described("insufficient_scope"))),
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
    let until = match error {
        Error::Banned { until } => Some(format_time(*until)),
        _ => None,
    };
    let quota = match error {
        Error::QuotaExceeded { quota, max, current } => Some((quota.name(), *max, *current)),
        _ => None,
    };
    let recording = match error {
        Error::RecordingActive { recording } => Some(recording.to_string()),
        _ => None,
    };
    Problem {
        recording_id: recording,
        kind: format!("/docs#{code}"),
        title,
        status: status.as_u16(),
        message: detail.clone(),
        detail,
        code,
        request_id: request_id.to_owned(),
        errors,
        until,
        limit: quota.map(|(name, ..)| name),
        max: quota.map(|(_, max, _)| max),
        current: quota.map(|(.., current)| current),
    }
}

#[cfg(test)]
mod tests {
    use domain::{RecordingId, Timestamp};
    use serde_json::Value;

    use super::*;

    /// One of each that HTTP clients can meet.
    fn errors() -> Vec<Error> {
        vec![
            Error::InvalidRequest(Vec::new()),
            Error::Unauthorized,
            Error::InvalidCredentials,
            Error::InvalidRefreshToken,
            Error::SessionLocked,
            Error::WaitingRoomFull { limit: 50 },
            Error::Banned { until: Timestamp::from_millis(1) },
            Error::InvalidToken("the claim exp is missing".to_owned()),
            Error::TokenExpired { seconds: 1 },
            Error::TokenNotActive { seconds: 1 },
            Error::TokenRevoked,
            Error::KeyDisabled,
            Error::forbidden("why"),
            Error::MissingGrant("roomAdmin"),
            Error::RoomExists("name".to_owned()),
            Error::NotOffered("recordings"),
            Error::SessionNotFound,
            Error::NotInSession,
            Error::ParticipantNotFound,
            Error::VersionMismatch,
            Error::UserExists,
            Error::IdempotencyKeyReused,
            Error::WebhookNotFound,
            Error::WebhookDisabled,
            Error::TooManyWebhooks { limit: 10 },
            Error::InviteNotFound,
            Error::TooManyInvites { limit: 50 },
            Error::NotAdmitted,
            Error::RecordingNotFound,
            Error::RecordingActive { recording: RecordingId::first_at(Timestamp::from_millis(1)) },
            Error::RecordingFinished,
            Error::SessionFull { limit: 2 },
            Error::SessionEnded,
            Error::PayloadTooLarge { what: "the body", limit: 1 },
            Error::RateLimited { retry_after: 1 },
            Error::QuotaExceeded { quota: Quota::ActiveSessions, max: 1, current: 1 },
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
    fn a_challenge_says_what_is_wrong_with_a_token_in_the_words_of_its_grammar() {
        let invalid = Error::InvalidToken("the claim \"exp\" is missing, ä".to_owned());
        let said =
            "Bearer error=\"invalid_token\", error_description=\"the token is not valid: the claim exp is missing, \"";
        assert_eq!(challenge(&invalid).as_deref(), Some(said));
        assert_eq!(challenge(&Error::Unauthorized).as_deref(), Some("Bearer"));
        let grant = challenge(&Error::MissingGrant("roomAdmin")).expect("a challenge");
        assert!(grant.starts_with("Bearer error=\"insufficient_scope\"") && grant.ends_with("scope=\"roomAdmin\""));
        assert_eq!(challenge(&Error::SessionNotFound), None);
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
