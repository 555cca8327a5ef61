//! What can go wrong, with the stable code that clients see. Causes are `#[source]`, for the log alone.

use crate::{RecordingId, Timestamp};

/// The result of every rule and port.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Any other error, kept for the log.
pub type Cause = Box<dyn std::error::Error + Send + Sync>;

/// One bad field of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldError {
    /// The field's path, `offer.sdp` say.
    pub field: String,
    /// What it must be.
    pub reason: String,
}

impl FieldError {
    /// Names a field and what it must be.
    pub fn new(field: impl Into<String>, reason: impl Into<String>) -> Self {
        Self { field: field.into(), reason: reason.into() }
    }
}

/// What a project may have, or do, only so much of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quota {
    /// Participants who are connected at the same time.
    ConnectedParticipants,
    /// Sessions that are active at the same time.
    ActiveSessions,
    /// Calls of its backend in a second.
    ServerCalls,
}

impl Quota {
    /// As clients read it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::ConnectedParticipants => "connectedParticipants",
            Self::ActiveSessions => "activeSessions",
            Self::ServerCalls => "serverCalls",
        }
    }
}

/// Why TunRTC refuses or fails. The text is for clients; it never holds a cause.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A request with fields that are missing, unknown, of the wrong type or out of range.
    #[error("{}", describe(.0))]
    InvalidRequest(Vec<FieldError>),
    /// No usable access token.
    #[error("a valid bearer token is required")]
    Unauthorized,
    /// Wrong e-mail or password; the same for an unknown account.
    #[error("the e-mail or the password is wrong")]
    InvalidCredentials,
    /// Unknown, expired, revoked or reused.
    #[error("the refresh token is not valid; log in again")]
    InvalidRefreshToken,
    /// The route exists, but not with this method.
    #[error("this route takes other methods: {allowed}")]
    MethodNotAllowed {
        /// Those that it takes, separated by commas.
        allowed: String,
    },
    /// A token that is not what it must be, though its key signed it; names the claim.
    #[error("the token is not valid: {0}")]
    InvalidToken(String),
    /// A join token after its end.
    #[error("the token expired {seconds} s ago")]
    TokenExpired {
        /// How long ago.
        seconds: u64,
    },
    /// A join token before its time.
    #[error("the token is not active for another {seconds} s; is the clock right where it is minted?")]
    TokenNotActive {
        /// How long until it is.
        seconds: u64,
    },
    /// The app takes the tokens of this user back that were minted before.
    #[error("the token was revoked; a new one is needed")]
    TokenRevoked,
    /// The API key was disabled, or has ended.
    #[error("the API key is disabled")]
    KeyDisabled,
    /// Not theirs to do; says why.
    #[error("{0}")]
    Forbidden(String),
    /// A grant that the token or the key has not.
    #[error("this needs the grant {0}")]
    MissingGrant(&'static str),
    /// A permission that the caller lacks, in this session.
    #[error("the permission `{permission}` is missing")]
    NotPermitted {
        /// As clients write it.
        permission: &'static str,
    },
    /// What even somebody with the permission may not do, here or to this participant.
    #[error("{reason}")]
    NotAllowed {
        /// Why, for people.
        reason: &'static str,
    },
    /// Nobody joins a session that is locked.
    #[error("the session is locked")]
    SessionLocked,
    /// Somebody who steers the session has to admit the caller first.
    #[error("you are waiting to be admitted")]
    NotAdmitted,
    /// Too many wait to be admitted.
    #[error("{limit} people are waiting to be admitted; try again later")]
    WaitingRoomFull {
        /// How many may.
        limit: u8,
    },
    /// The caller was banned from the session.
    #[error("you are banned from this session for now")]
    Banned {
        /// When that ends.
        until: Timestamp,
    },
    /// The session was changed since the caller saw it.
    #[error("the session has been changed meanwhile; read it again")]
    VersionMismatch,
    /// Nobody of that name takes part in the session.
    #[error("there is no such participant in this session")]
    ParticipantNotFound,
    /// No such route.
    #[error("there is no such route")]
    NotFound,
    /// What the operator has not switched on.
    #[error("this server does not offer {0}")]
    NotOffered(&'static str),
    /// No such session, or it is long gone.
    #[error("there is no such session")]
    SessionNotFound,
    /// The caller is not a participant.
    #[error("you are not a participant of this session")]
    NotInSession,
    /// The e-mail or the user name is taken; does not say which.
    #[error("the e-mail or the user name is already taken")]
    UserExists,
    /// The room is there, with other settings.
    #[error("there is a room of that name with other settings: {0}")]
    RoomExists(String),
    /// The key of an earlier request, with another one.
    #[error("this Idempotency-Key belongs to an earlier request with other fields")]
    IdempotencyKeyReused,
    /// No such endpoint of webhooks in this project.
    #[error("there is no such webhook")]
    WebhookNotFound,
    /// An endpoint that is disabled is told nothing.
    #[error("the webhook is disabled")]
    WebhookDisabled,
    /// The project has as many endpoints as it may.
    #[error("the project already has its {limit} webhooks")]
    TooManyWebhooks {
        /// How many it may have.
        limit: usize,
    },
    /// What never was the code of an invitation, has ended or was taken back.
    #[error("the invitation is not valid: it has ended, or was taken back")]
    InviteNotFound,
    /// As many invitations of the session are good as may be.
    #[error("the session already has its {limit} invitations")]
    TooManyInvites {
        /// How many may.
        limit: usize,
    },
    /// No such recording, or none that the caller sees.
    #[error("there is no such recording")]
    RecordingNotFound,
    /// The caller records that already, in this session.
    #[error("a recording of this kind goes on: go on with it, or finish it first")]
    RecordingActive {
        /// Which.
        recording: RecordingId,
    },
    /// A recording that is finished takes no more chunks.
    #[error("the recording is finished")]
    RecordingFinished,
    /// Every seat is taken.
    #[error("the session already has its {limit} participants")]
    SessionFull {
        /// The session's number of seats.
        limit: u8,
    },
    /// The session has ended.
    #[error("the session has ended")]
    SessionEnded,
    /// A body, a text or a frame is larger than allowed.
    #[error("{what} is larger than the {limit} bytes allowed")]
    PayloadTooLarge {
        /// What was too large.
        what: &'static str,
        /// Its limit in bytes.
        limit: usize,
    },
    /// Too many requests.
    #[error("too many requests; try again in {retry_after} s")]
    RateLimited {
        /// Seconds until another try can succeed, at least 1.
        retry_after: u64,
    },
    /// The project has as many as it may have.
    #[error("the project's quota of {} is used up: {current} of {max}", .quota.name())]
    QuotaExceeded {
        /// Of what.
        quota: Quota,
        /// As many as it may have.
        max: u32,
        /// As many as it has.
        current: u32,
    },
    /// A frame that is not JSON, or whose fields are missing, unknown, of the wrong type or out of range.
    #[error("{}", describe(.0))]
    InvalidFrame(Vec<FieldError>),
    /// A frame with an action that does not exist.
    #[error("there is no such action")]
    UnknownAction,
    /// A frame before `joinSession`, or after the participant was removed.
    #[error("join the session first")]
    NotJoined,
    /// The target of a signal is not a participant of the same session.
    #[error("the target is not a participant of this session")]
    PeerNotFound,
    /// Our own fault.
    #[error("an internal error occurred")]
    Internal(#[source] Cause),
    /// A dependency failed or throttled.
    #[error("the service is busy; try again in a moment")]
    Unavailable(#[source] Cause),
}

impl Error {
    /// A request with one bad field.
    pub fn field(field: impl Into<String>, reason: impl Into<String>) -> Self {
        Self::InvalidRequest(vec![FieldError::new(field, reason)])
    }

    /// Not theirs to do.
    pub fn forbidden(why: impl Into<String>) -> Self {
        Self::Forbidden(why.into())
    }

    /// A grant that is needed.
    pub fn missing_grant(grant: &'static str) -> Self {
        Self::MissingGrant(grant)
    }

    /// The stable, documented name.
    pub fn code(&self) -> &'static str {
        match self {
            Self::InvalidRequest(_) => "invalid_request",
            Self::Unauthorized | Self::InvalidToken(_) => "unauthorized",
            Self::TokenExpired { .. } => "token_expired",
            Self::TokenNotActive { .. } => "token_not_active",
            Self::TokenRevoked => "token_revoked",
            Self::KeyDisabled => "key_disabled",
            Self::InvalidCredentials => "invalid_credentials",
            Self::InvalidRefreshToken => "invalid_refresh_token",
            Self::Forbidden(_) | Self::MissingGrant(_) | Self::NotPermitted { .. } | Self::NotAllowed { .. } => {
                "forbidden"
            }
            Self::SessionLocked => "session_locked",
            Self::NotAdmitted => "not_admitted",
            Self::WaitingRoomFull { .. } => "waiting_room_full",
            Self::Banned { .. } => "banned",
            Self::VersionMismatch => "version_mismatch",
            Self::ParticipantNotFound => "participant_not_found",
            Self::NotFound => "not_found",
            Self::NotOffered(_) => "not_offered",
            Self::MethodNotAllowed { .. } => "method_not_allowed",
            Self::SessionNotFound => "session_not_found",
            Self::NotInSession => "not_in_session",
            Self::UserExists => "user_exists",
            Self::RoomExists(_) => "room_exists",
            Self::IdempotencyKeyReused => "idempotency_key_reused",
            Self::WebhookNotFound => "webhook_not_found",
            Self::WebhookDisabled => "webhook_disabled",
            Self::TooManyWebhooks { .. } => "too_many_webhooks",
            Self::InviteNotFound => "invite_not_found",
            Self::TooManyInvites { .. } => "too_many_invites",
            Self::RecordingNotFound => "recording_not_found",
            Self::RecordingActive { .. } => "recording_active",
            Self::RecordingFinished => "recording_finished",
            Self::SessionFull { .. } => "session_full",
            Self::SessionEnded => "session_ended",
            Self::PayloadTooLarge { .. } => "payload_too_large",
            Self::RateLimited { .. } => "rate_limited",
            Self::QuotaExceeded { .. } => "quota_exceeded",
            Self::InvalidFrame(_) => "invalid_frame",
            Self::UnknownAction => "unknown_action",
            Self::NotJoined => "not_joined",
            Self::PeerNotFound => "peer_not_found",
            Self::Internal(_) => "internal",
            Self::Unavailable(_) => "unavailable",
        }
    }
}

fn describe(errors: &[FieldError]) -> String {
    match errors {
        [] => "the request is not valid".to_owned(),
        [one] => format!("{} {}", one.field, one.reason),
        [first, rest @ ..] => format!("{} {} (and {} more)", first.field, first.reason, rest.len()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_bad_field_is_named_in_the_text() {
        let error =
            Error::InvalidRequest(vec![FieldError::new("name", "is missing"), FieldError::new("type", "is odd")]);
        assert_eq!(error.to_string(), "name is missing (and 1 more)");
    }

    #[test]
    fn a_cause_stays_out_of_the_text() {
        let error = Error::Unavailable("table tunrtc-prod throttled".into());
        assert!(!error.to_string().contains("tunrtc-prod"));
        assert!(std::error::Error::source(&error).is_some());
    }
}
