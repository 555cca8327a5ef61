//! A letter as a queue's message.

use domain::ports::Letter;
use domain::webhooks::Announcement;
use serde::{Deserialize, Serialize};

/// A message that is no letter.
#[derive(Debug, thiserror::Error)]
#[error("a message of the webhooks' queue is malformed")]
pub struct NotALetter(#[source] pub(crate) Option<serde_json::Error>);

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Written {
    webhook_id: String,
    event_id: String,
    kind: String,
    project_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    session_id: Option<String>,
    body: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    replay: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    slow_line: Option<u8>,
}

pub(crate) fn encode(letter: &Letter) -> String {
    let Letter { endpoint, announcement, replay, slow_line } = letter;
    let written = Written {
        webhook_id: endpoint.to_string(),
        event_id: announcement.id.clone(),
        kind: announcement.kind.clone(),
        project_id: announcement.project.clone(),
        session_id: announcement.session.map(|session| session.to_string()),
        body: announcement.body.clone(),
        replay: replay.clone(),
        slow_line: *slow_line,
    };
    serde_json::to_string(&written).expect("a letter has string keys")
}

/// Reads a message of the queue.
///
/// # Errors
/// [`NotALetter`] for what [`WebhookLines`](crate::WebhookLines) did not send.
pub fn decode(message: &str) -> Result<Letter, NotALetter> {
    let written: Written = serde_json::from_str(message).map_err(|error| NotALetter(Some(error)))?;
    let session = written.session_id.map(|session| session.parse().map_err(|_| NotALetter(None))).transpose()?;
    Ok(Letter {
        endpoint: written.webhook_id.parse().map_err(|_| NotALetter(None))?,
        announcement: Announcement {
            id: written.event_id,
            kind: written.kind,
            project: written.project_id,
            session,
            body: written.body,
        },
        replay: written.replay,
        slow_line: written.slow_line,
    })
}

#[cfg(test)]
mod tests {
    use domain::{SessionId, Timestamp, WebhookId};

    use super::*;

    #[test]
    fn a_letter_survives_its_message() {
        let at = Timestamp::from_millis(1_795_000_000_000);
        for (session, replay) in [(None, None), (Some(SessionId::first_at(at)), Some("1".to_owned()))] {
            let announcement = Announcement {
                id: "evt_1".to_owned(),
                kind: "participant.left".to_owned(),
                project: "default".to_owned(),
                session,
                body: r#"{"name":"\u0000\n"}"#.to_owned(),
            };
            let letter = Letter { endpoint: WebhookId::first_at(at), announcement, replay, slow_line: None };
            assert_eq!(decode(&encode(&letter)).expect("a letter"), letter);
        }
        for message in ["", "{}", "[]", r#"{"webhookId":"x"}"#] {
            assert!(decode(message).is_err(), "{message}");
        }
    }
}
