//! A message to ourselves as the queue carries it.

use std::str::FromStr;

use domain::ports::{DelayedMessage, Log, Tended, Waiting};
use domain::{ConnectionId, Timestamp};
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

/// `{"checkLease":{"sessionId","userId"}}`, `{"checkWaiting":{"sessionId","userId"}}`, `{"close":{"connectionId"}}`, `{"evict":{"userId"}}`, `{"erase":{"userId"}}`, or a nudge:
/// `{"nudgeSignal":{"sessionId","userId","signalId"}}`, `{"nudgeMessage":{"sessionId","userId","messageId"}}`,
/// `{"nudgeCaption":{"sessionId","userId","messageId"}}`, `{"nudgeSince":{"sessionId","userId","since"}}` with
/// milliseconds.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
enum Body {
    #[serde(rename_all = "camelCase")]
    CheckLease { session_id: String, user_id: String },
    #[serde(rename_all = "camelCase")]
    CheckWaiting { session_id: String, user_id: String },
    #[serde(rename_all = "camelCase")]
    NudgeSignal { session_id: String, user_id: String, signal_id: String },
    #[serde(rename_all = "camelCase")]
    NudgeMessage { session_id: String, user_id: String, message_id: String },
    #[serde(rename_all = "camelCase")]
    NudgeCaption { session_id: String, user_id: String, message_id: String },
    #[serde(rename_all = "camelCase")]
    NudgeSince { session_id: String, user_id: String, since: u64 },
    #[serde(rename_all = "camelCase")]
    Close { connection_id: String },
    #[serde(rename_all = "camelCase")]
    Evict { user_id: String },
    #[serde(rename_all = "camelCase")]
    Erase { user_id: String },
}

/// The body of a message.
pub fn encode(message: &DelayedMessage) -> String {
    let body = match message {
        DelayedMessage::CheckLease { session, user } => {
            Body::CheckLease { session_id: session.to_string(), user_id: user.to_string() }
        }
        DelayedMessage::CheckWaiting { session, user } => {
            Body::CheckWaiting { session_id: session.to_string(), user_id: user.to_string() }
        }
        DelayedMessage::Nudge { session, user, waiting } => {
            let (session_id, user_id) = (session.to_string(), user.to_string());
            match waiting {
                Waiting::Signal(id) => Body::NudgeSignal { session_id, user_id, signal_id: id.to_string() },
                Waiting::Message(Log::Chat, id) => {
                    Body::NudgeMessage { session_id, user_id, message_id: id.to_string() }
                }
                Waiting::Message(Log::Captions, id) => {
                    Body::NudgeCaption { session_id, user_id, message_id: id.to_string() }
                }
                Waiting::Since(since) => Body::NudgeSince { session_id, user_id, since: since.millis() },
            }
        }
        DelayedMessage::Close { connection } => Body::Close { connection_id: connection.as_str().to_owned() },
        DelayedMessage::Evict { user } => Body::Evict { user_id: user.to_string() },
        DelayedMessage::Erase { user } => Body::Erase { user_id: user.to_string() },
    };
    serde_json::to_string(&body).expect("texts are JSON")
}

/// The message of a body. Fields that a newer version may add are passed over.
pub fn decode(body: &str) -> Result<DelayedMessage, DecodeError> {
    Ok(match serde_json::from_str(body)? {
        Body::CheckLease { session_id, user_id } => {
            DelayedMessage::CheckLease { session: id("sessionId", &session_id)?, user: id("userId", &user_id)? }
        }
        Body::CheckWaiting { session_id, user_id } => {
            DelayedMessage::CheckWaiting { session: id("sessionId", &session_id)?, user: id("userId", &user_id)? }
        }
        Body::NudgeSignal { session_id, user_id, signal_id } => {
            nudge(&session_id, &user_id, Waiting::Signal(id("signalId", &signal_id)?))?
        }
        Body::NudgeMessage { session_id, user_id, message_id } => {
            nudge(&session_id, &user_id, Waiting::Message(Log::Chat, id("messageId", &message_id)?))?
        }
        Body::NudgeCaption { session_id, user_id, message_id } => {
            nudge(&session_id, &user_id, Waiting::Message(Log::Captions, id("messageId", &message_id)?))?
        }
        Body::NudgeSince { session_id, user_id, since } => {
            nudge(&session_id, &user_id, Waiting::Since(Timestamp::from_millis(since)))?
        }
        Body::Close { connection_id } => DelayedMessage::Close { connection: ConnectionId::new(connection_id) },
        Body::Evict { user_id } => DelayedMessage::Evict { user: id("userId", &user_id)? },
        Body::Erase { user_id } => DelayedMessage::Erase { user: id("userId", &user_id)? },
    })
}

/// `{"sessionId","recordingId","failures"}`: a recording that somebody has to look at.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct TendedBody {
    session_id: String,
    recording_id: String,
    #[serde(default)]
    failures: u32,
}

/// The body of a message about a recording.
pub fn encode_tended(tended: &Tended) -> String {
    let (session_id, recording_id) = (tended.session.to_string(), tended.recording.to_string());
    let body = TendedBody { session_id, recording_id, failures: tended.failures };
    serde_json::to_string(&body).expect("texts are JSON")
}

/// The recording of a body. Fields that a newer version may add are passed over.
pub fn decode_tended(body: &str) -> Result<Tended, DecodeError> {
    let TendedBody { session_id, recording_id, failures } = serde_json::from_str(body)?;
    Ok(Tended { session: id("sessionId", &session_id)?, recording: id("recordingId", &recording_id)?, failures })
}

fn nudge(session: &str, user: &str, waiting: Waiting) -> Result<DelayedMessage, DecodeError> {
    Ok(DelayedMessage::Nudge { session: id("sessionId", session)?, user: id("userId", user)?, waiting })
}

fn id<T: FromStr>(field: &'static str, text: &str) -> Result<T, DecodeError> {
    text.parse().map_err(|_| DecodeError::Id(field))
}

#[cfg(test)]
mod tests {
    use domain::{MessageId, SessionId, SignalId, UserId};
    use proptest::prelude::*;

    use super::*;

    const SESSION: &str = "01a1ed5c-8600-7000-8000-000000000004";
    const USER: &str = "01a1ed5c-8600-7000-8000-000000000001";

    #[test]
    fn the_bodies_are_those_of_messages_already_in_the_queue() {
        let check =
            DelayedMessage::CheckLease { session: SESSION.parse().expect("an id"), user: USER.parse().expect("an id") };
        assert_eq!(encode(&check), format!(r#"{{"checkLease":{{"sessionId":"{SESSION}","userId":"{USER}"}}}}"#));
        let (session, user) = (SESSION.parse().expect("an id"), USER.parse().expect("an id"));
        let said = SESSION.parse().expect("an id");
        for (waiting, kind, what) in [
            (Waiting::Signal(SESSION.parse().expect("an id")), "nudgeSignal", format!(r#""signalId":"{SESSION}""#)),
            (Waiting::Message(Log::Chat, said), "nudgeMessage", format!(r#""messageId":"{SESSION}""#)),
            (Waiting::Message(Log::Captions, said), "nudgeCaption", format!(r#""messageId":"{SESSION}""#)),
            (
                Waiting::Since(Timestamp::from_millis(1_795_000_000_000)),
                "nudgeSince",
                r#""since":1795000000000"#.into(),
            ),
        ] {
            let body = format!(r#"{{"{kind}":{{"sessionId":"{SESSION}","userId":"{USER}",{what}}}}}"#);
            assert_eq!(encode(&DelayedMessage::Nudge { session, user, waiting }), body);
        }
        let close = DelayedMessage::Close { connection: ConnectionId::new("JKUdbfKHoAMCJEA=") };
        assert_eq!(encode(&close), r#"{"close":{"connectionId":"JKUdbfKHoAMCJEA="}}"#);
        assert_eq!(encode(&DelayedMessage::Evict { user }), format!(r#"{{"evict":{{"userId":"{USER}"}}}}"#));
        assert_eq!(encode(&DelayedMessage::Erase { user }), format!(r#"{{"erase":{{"userId":"{USER}"}}}}"#));
    }

    #[test]
    fn a_recording_survives_its_body() {
        let (session, recording) = (SESSION.parse().expect("an id"), USER.parse().expect("an id"));
        let tended = Tended { session, recording, failures: 2 };
        let body = encode_tended(&tended);
        assert_eq!(body, format!(r#"{{"sessionId":"{SESSION}","recordingId":"{USER}","failures":2}}"#));
        assert_eq!(decode_tended(&body).expect("ours"), tended);
        let of_before = format!(r#"{{"sessionId":"{SESSION}","recordingId":"{USER}","more":1}}"#);
        assert_eq!(decode_tended(&of_before).expect("ours").failures, 0);
        assert!(matches!(decode_tended("{}"), Err(DecodeError::Shape(_))));
        let odd = format!(r#"{{"sessionId":"x","recordingId":"{USER}"}}"#);
        assert!(matches!(decode_tended(&odd), Err(DecodeError::Id("sessionId"))));
    }

    #[test]
    fn a_field_of_a_newer_version_is_passed_over() {
        let body = r#"{"close":{"connectionId":"c","since":1}}"#;
        assert_eq!(decode(body).expect("ours"), DelayedMessage::Close { connection: ConnectionId::new("c") });
    }

    #[test]
    fn what_is_not_ours_is_refused() {
        for body in ["", "{}", "null", "\"close\"", r#"{"close":{}}"#, r#"{"open":{"connectionId":"c"}}"#] {
            assert!(matches!(decode(body), Err(DecodeError::Shape(_))), "{body}");
        }
        let odd_user = format!(r#"{{"checkLease":{{"sessionId":"{SESSION}","userId":"alice"}}}}"#);
        assert!(matches!(decode(&odd_user), Err(DecodeError::Id("userId"))));
        let odd_session = format!(r#"{{"checkLease":{{"sessionId":"","userId":"{USER}"}}}}"#);
        assert!(matches!(decode(&odd_session), Err(DecodeError::Id("sessionId"))));
    }

    /// Any message.
    fn message() -> impl Strategy<Value = DelayedMessage> {
        let check = (0..1_u64 << 48, 0..1_u64 << 48).prop_map(|(session, user)| DelayedMessage::CheckLease {
            session: SessionId::first_at(Timestamp::from_millis(session)),
            user: UserId::first_at(Timestamp::from_millis(user)),
        });
        let close = any::<String>().prop_map(|id| DelayedMessage::Close { connection: ConnectionId::new(id) });
        let waiting = (0..4, 0..1_u64 << 48).prop_map(|(kind, millis)| match (kind, Timestamp::from_millis(millis)) {
            (0, at) => Waiting::Signal(SignalId::first_at(at)),
            (1, at) => Waiting::Message(Log::Chat, MessageId::first_at(at)),
            (2, at) => Waiting::Message(Log::Captions, MessageId::first_at(at)),
            (_, at) => Waiting::Since(at),
        });
        let nudge = (0..1_u64 << 48, waiting).prop_map(|(session, waiting)| DelayedMessage::Nudge {
            session: SessionId::first_at(Timestamp::from_millis(session)),
            user: UserId::first_at(Timestamp::from_millis(session + 1)),
            waiting,
        });
        let erase = (0..1_u64 << 48)
            .prop_map(|user| DelayedMessage::Erase { user: UserId::first_at(Timestamp::from_millis(user)) });
        let evict = (0..1_u64 << 48)
            .prop_map(|user| DelayedMessage::Evict { user: UserId::first_at(Timestamp::from_millis(user)) });
        prop_oneof![check, nudge, close, erase, evict]
    }

    proptest! {
        #[test]
        fn a_message_survives_its_body(message in message()) {
            prop_assert_eq!(decode(&encode(&message)).expect("ours"), message);
        }

        #[test]
        fn no_body_makes_it_panic(body in any::<String>()) {
            prop_assert!(decode(&body).is_err());
        }
    }
}
