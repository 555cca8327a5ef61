//! Webhooks: what receivers get.

use domain::happenings::{Kind, Reason, SessionView, Stay, Wait};
use domain::ports::{Announcer, Occurrence, Subject};
use domain::webhooks::{Announcement, Endpoint};
use domain::{Identity, Role, Sender, SessionId, Timestamp, UserId, Username};
use serde::Serialize;

use crate::format_time;
use crate::recordings::WebhookRecording;
use crate::rights::RoleView;

/// The name of a kind on the wire.
pub const fn name(kind: Kind) -> &'static str {
    match kind {
        Kind::SessionCreated => "session.created",
        Kind::SessionStarted => "session.started",
        Kind::SessionUpdated => "session.updated",
        Kind::SessionEnded => "session.ended",
        Kind::ParticipantJoined => "participant.joined",
        Kind::ParticipantReconnecting => "participant.reconnecting",
        Kind::ParticipantReconnected => "participant.reconnected",
        Kind::ParticipantUpdated => "participant.updated",
        Kind::ParticipantLeft => "participant.left",
        Kind::ParticipantAborted => "participant.aborted",
        Kind::ParticipantWaiting => "participant.waiting",
        Kind::ParticipantAdmitted => "participant.admitted",
        Kind::ParticipantDenied => "participant.denied",
        Kind::MessageCreated => "message.created",
        Kind::RecordingStarted => "recording.started",
        Kind::RecordingReady => "recording.ready",
        Kind::RecordingFailed => "recording.failed",
        Kind::WebhookDisabled => "webhook.disabled",
    }
}

/// The kind of that name.
pub fn kind(name_on_the_wire: &str) -> Option<Kind> {
    Kind::ALL.into_iter().find(|kind| name(*kind) == name_on_the_wire)
}

/// What is signed and posted.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct WebhookEvent {
    /// The same at every try, and the header `webhook-id`: what was seen before is dropped by it.
    pub id: String,
    /// What happened: `participant.joined`, say.
    #[serde(rename = "type")]
    pub kind: String,
    /// When.
    pub timestamp: String,
    /// The project of the session.
    pub project_id: String,
    /// The place among the events of one session: decimal digits, to be compared as numbers.
    pub sequence: String,
    /// To whom.
    pub data: WebhookData,
}

impl WebhookEvent {
    fn announced(self, session: Option<SessionId>) -> Announcement {
        let body = serde_json::to_string(&self).expect("an event has string keys");
        Announcement { id: self.id, kind: self.kind, project: self.project_id, session, body }
    }
}

/// Whom an event is about.
#[derive(Debug, Default, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct WebhookData {
    /// The session, where it is about one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session: Option<WebhookSession>,
    /// Whoever it happened to, unless it is the session.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub participant: Option<WebhookParticipant>,
    /// The chat message, where it is about one; not its text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<WebhookMessage>,
    /// The recording, where it is about one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recording: Option<WebhookRecording>,
    /// Why, where something is over.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<ReasonView>,
    /// How long it lasted, in whole seconds, rounded: a stay since it joined, a session since it was created.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub duration_seconds: Option<u64>,
    /// The endpoint, where it is about one: `webhook.test`, `webhook.disabled`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub webhook: Option<NamedWebhook>,
}

/// A chat message, as an event names it.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct WebhookMessage {
    /// Its identifier; what was written is in `GET /api/session/{sessionId}/messages`.
    pub message_id: String,
}

/// An endpoint, as an event names it.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct NamedWebhook {
    /// Its identifier.
    pub webhook_id: String,
    /// What its owner says of it.
    pub description: String,
}

/// A session, as an event names it.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct WebhookSession {
    /// Its identifier.
    pub session_id: String,
    /// The app's name of it, if it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub room: Option<String>,
    /// Its name; missing where the session was deleted before the event was made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// When it was created.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created_at: Option<String>,
    /// Its number of seats, where it is the session itself that something happened to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_participants: Option<u8>,
    /// Whether it is locked, where it is the session itself that something happened to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub locked: Option<bool>,
    /// Whether it has a waiting room, where it is the session itself that something happened to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub waiting_room: Option<bool>,
}

/// A stay, or somebody's waiting for one, as an event names it.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct WebhookParticipant {
    /// Who.
    pub user_id: String,
    /// Their name.
    pub username: String,
    /// What their app calls them; an account has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub identity: Option<String>,
    /// Their role; of a stay.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<RoleView>,
    /// One stay, from the taking of a seat to its end: `joined` and `left` of one stay have the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stay_id: Option<String>,
    /// When the seat was taken.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub joined_at: Option<String>,
    /// Since when they wait, or waited, to be admitted. `waiting` and what became of it have the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub waiting_since: Option<String>,
    /// When the first connection joined.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub connected_at: Option<String>,
}

/// Why a stay or a session is over.
#[derive(Debug, Clone, Copy, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub enum ReasonView {
    /// They left.
    Left,
    /// Nobody came back, or came at all, in time.
    Timeout,
    /// Their access was taken away.
    Removed,
    /// They waited, and were turned away.
    Denied,
    /// The session was ended.
    Ended,
    /// The session stood empty.
    Empty,
    /// The session's longest time was over.
    MaxDuration,
    /// The account of the session's creator was deleted.
    Deleted,
}

impl From<Reason> for ReasonView {
    fn from(reason: Reason) -> Self {
        match reason {
            Reason::Left => Self::Left,
            Reason::Timeout => Self::Timeout,
            Reason::Removed => Self::Removed,
            Reason::Denied => Self::Denied,
            Reason::Ended => Self::Ended,
            Reason::Empty => Self::Empty,
            Reason::MaxDuration => Self::MaxDuration,
            Reason::Deleted => Self::Deleted,
        }
    }
}

/// The account that created a session is its host, whatever is kept with the seat.
fn participant_of(stay: &Stay, view: Option<&SessionView>) -> WebhookParticipant {
    let is_creator = view.is_some_and(|view| view.session.is_hosted_by(stay.user));
    let role = if is_creator { Role::Host } else { stay.rights.role };
    WebhookParticipant {
        user_id: stay.user.to_string(),
        username: stay.username.as_str().to_owned(),
        identity: stay.identity.as_ref().map(|identity| identity.as_str().to_owned()),
        role: Some(RoleView::from(role)),
        stay_id: Some(stay.id.clone()),
        joined_at: Some(format_time(stay.joined_at)),
        waiting_since: None,
        connected_at: stay.connected_at.map(format_time),
    }
}

/// Somebody of whom no stay is told.
fn named(user: UserId, username: &Username, identity: Option<&Identity>) -> WebhookParticipant {
    WebhookParticipant {
        user_id: user.to_string(),
        username: username.as_str().to_owned(),
        identity: identity.map(|identity| identity.as_str().to_owned()),
        role: None,
        stay_id: None,
        joined_at: None,
        waiting_since: None,
        connected_at: None,
    }
}

fn waiter_of(wait: &Wait) -> WebhookParticipant {
    let waiting_since = Some(format_time(wait.since));
    WebhookParticipant { waiting_since, ..named(wait.user, &wait.username, wait.identity.as_ref()) }
}

fn whom(occurrence: &Occurrence, view: Option<&SessionView>) -> Option<WebhookParticipant> {
    let sender = |by: &Sender| named(by.user_id, &by.username, by.identity.as_ref());
    match &occurrence.subject {
        Subject::Session(_) => None,
        Subject::Stay(stay) => Some(participant_of(stay, view)),
        Subject::Wait(wait) => Some(waiter_of(wait)),
        Subject::Message(written) => Some(sender(&written.from)),
        Subject::Recording(recording) => Some(sender(&recording.by)),
    }
}

/// What is told of a session: of its settings only what the write itself says, because they may have changed since.
fn session_of(occurrence: &Occurrence, view: Option<&SessionView>) -> WebhookSession {
    let written = occurrence.view().map(|view| &view.session);
    WebhookSession {
        session_id: occurrence.session.to_string(),
        room: view.and_then(|view| view.session.room.as_ref()).map(|room| room.as_str().to_owned()),
        max_participants: written.map(|session| session.max_participants),
        locked: written.map(|session| session.controls.locked),
        waiting_room: written.map(|session| session.controls.waiting_room),
        name: view.map(|view| view.session.name.as_str().to_owned()),
        created_at: view.map(|view| format_time(view.session.created_at)),
    }
}

/// Writes events as JSON.
#[derive(Debug, Clone, Copy, Default)]
pub struct JsonAnnouncer;

impl Announcer for JsonAnnouncer {
    fn announce(&self, occurrence: &Occurrence, view: Option<&SessionView>, sequence: &str, id: &str) -> Announcement {
        let happening = &occurrence.happening;
        let (message, recording) = match &occurrence.subject {
            Subject::Message(written) => (Some(WebhookMessage { message_id: written.id.to_string() }), None),
            Subject::Recording(recording) => (None, Some(WebhookRecording::from(&**recording))),
            _ => (None, None),
        };
        let event = WebhookEvent {
            id: id.to_owned(),
            kind: name(happening.kind).to_owned(),
            timestamp: format_time(happening.at),
            project_id: occurrence.project(view).to_owned(),
            sequence: sequence.to_owned(),
            data: WebhookData {
                session: Some(session_of(occurrence, view)),
                participant: whom(occurrence, view),
                message,
                recording,
                reason: happening.reason.map(ReasonView::from),
                duration_seconds: happening.lasted.map(|lasted| (lasted.as_millis() as u64 + 500) / 1000),
                webhook: None,
            },
        };
        event.announced(Some(occurrence.session))
    }

    fn announce_disabled(&self, endpoint: &Endpoint, at: Timestamp, sequence: &str, id: &str) -> Announcement {
        of_webhook(name(Kind::WebhookDisabled), id, endpoint, sequence, at)
    }
}

/// `webhook.test`, which an endpoint gets when its owner asks for it.
pub fn test_event(id: &str, endpoint: &Endpoint, at: Timestamp) -> Announcement {
    of_webhook(TEST, id, endpoint, "0", at)
}

/// Something that is told of an endpoint itself, and of no session.
fn of_webhook(kind: &str, id: &str, endpoint: &Endpoint, sequence: &str, at: Timestamp) -> Announcement {
    let webhook = NamedWebhook { webhook_id: endpoint.id.to_string(), description: endpoint.description.clone() };
    let event = WebhookEvent {
        id: id.to_owned(),
        kind: kind.to_owned(),
        timestamp: format_time(at),
        project_id: endpoint.project.clone(),
        sequence: sequence.to_owned(),
        data: WebhookData { webhook: Some(webhook), ..WebhookData::default() },
    };
    event.announced(None)
}

/// What a test is called.
pub const TEST: &str = "webhook.test";

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use domain::happenings::Happening;
    use domain::{Membership, Presence, Rights};

    use super::*;

    #[test]
    fn every_kind_has_a_name_of_its_own() {
        for each in Kind::ALL {
            assert_eq!(kind(name(each)), Some(each));
        }
        assert_eq!(kind("participant.exploded"), None);
    }

    #[test]
    fn a_departure_says_who_and_why_and_how_long() {
        let at = Timestamp::from_millis(1_795_348_800_000);
        let stay = Stay {
            id: "stay_1".to_owned(),
            session: SessionId::first_at(at),
            user: UserId::first_at(at),
            username: Username::kept("alice").expect("a name"),
            identity: Identity::parse("user-7").ok(),
            rights: Rights::of(Role::Cohost),
            joined_at: at,
            connected_at: Some(at),
            membership: Membership::Left,
            presence: Presence::Connected,
            departure: None,
        };
        let happening = Happening {
            kind: Kind::ParticipantLeft,
            at: at + Duration::from_millis(93_500),
            reason: Some(Reason::Timeout),
            lasted: Some(Duration::from_millis(93_500)),
        };
        let occurrence = Occurrence { happening, session: stay.session, subject: Subject::Stay(Box::new(stay)) };
        let told = JsonAnnouncer.announce(&occurrence, None, "71", "evt_1");
        let body: serde_json::Value = serde_json::from_str(&told.body).expect("JSON");
        let expected = serde_json::json!({
            "id": "evt_1", "type": "participant.left", "timestamp": "2026-11-22T12:01:33.500Z", "projectId": "default",
            "sequence": "71",
            "data": {
                "session": { "sessionId": "019aab3f-5c00-7000-8000-000000000000" },
                "participant": {
                    "userId": "019aab3f-5c00-7000-8000-000000000000", "username": "alice", "stayId": "stay_1",
                    "identity": "user-7", "role": "cohost",
                    "joinedAt": "2026-11-22T12:00:00.000Z", "connectedAt": "2026-11-22T12:00:00.000Z",
                },
                "reason": "timeout", "durationSeconds": 94,
            },
        });
        let id = SessionId::first_at(at).to_string();
        assert_eq!(
            body,
            serde_json::from_str::<serde_json::Value>(
                &expected.to_string().replace("019aab3f-5c00-7000-8000-000000000000", &id)
            )
            .expect("JSON")
        );
        assert_eq!((told.id.as_str(), told.kind.as_str()), ("evt_1", "participant.left"));
    }
}
