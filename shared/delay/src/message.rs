//! A message to ourselves as the queue carries it.

use std::str::FromStr;

use domain::ConnectionId;
use domain::presence::Later;
use serde::{Deserialize, Serialize};

/// Why a body is not a message of ours.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// It is not JSON, or of another shape.
    #[error("the body is not a message to ourselves")]
    Shape(#[from] serde_json::Error),
    /// It names a session or a user that cannot be one.
    #[error("{0} is not an identifier")]
    Id(&'static str),
}

/// `{"checkLease":{"sessionId","userId"}}` or `{"close":{"connectionId"}}`.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
enum Body {
    #[serde(rename_all = "camelCase")]
    CheckLease { session_id: String, user_id: String },
    #[serde(rename_all = "camelCase")]
    Close { connection_id: String },
}

/// The body of a message.
pub fn encode(message: &Later) -> String {
    let body = match message {
        Later::CheckLease { session, user } => {
            Body::CheckLease { session_id: session.to_string(), user_id: user.to_string() }
        }
        Later::Close { connection } => Body::Close { connection_id: connection.as_str().to_owned() },
    };
    serde_json::to_string(&body).expect("texts are JSON")
}

/// The message of a body. Fields that a newer version may add are passed over.
pub fn decode(body: &str) -> Result<Later, DecodeError> {
    Ok(match serde_json::from_str(body)? {
        Body::CheckLease { session_id, user_id } => {
            Later::CheckLease { session: id("sessionId", &session_id)?, user: id("userId", &user_id)? }
        }
        Body::Close { connection_id } => Later::Close { connection: ConnectionId::new(connection_id) },
    })
}

fn id<T: FromStr>(field: &'static str, text: &str) -> Result<T, DecodeError> {
    text.parse().map_err(|_| DecodeError::Id(field))
}
