//! Sessions and participants as items: domain types know no serde, so a record stands between.

use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use domain::{
    Attached, CatchingUp, ConnectionId, Controls, Ending, Identity, Lifetime, Membership, Participant, ProjectId,
    Result, Rights, RoomName, Session, SessionName, SessionState, Timestamp, Username,
};
use serde::{Deserialize, Serialize};

use crate::errors::{Malformed, misfit};
use crate::items::Item;
use crate::{keys, words};

/// An app's name of its user, as it was kept.
pub(crate) fn kept_identity(text: Option<&str>) -> Result<Option<Identity>, Malformed> {
    text.map(Identity::parse).transpose().map_err(|_| Malformed("identity"))
}

/// A session's item.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SessionRecord {
    pk: String,
    sk: String,
    session_name: String,
    kind: String,
    visibility: String,
    max_seats: u8,
    seats: u8,
    created_at: u64,
    touched_at: u64,
    /// Its presence is what makes a session an ended one.
    #[serde(skip_serializing_if = "Option::is_none")]
    ended_at: Option<u64>,
    creator_id: String,
    creator_username: String,
    /// Its presence is what makes a session a locked one.
    #[serde(skip_serializing_if = "Option::is_none")]
    locked: Option<bool>,
    /// Its presence is what has whoever joins wait.
    #[serde(skip_serializing_if = "Option::is_none")]
    waiting_room: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<u64>,
    /// How long it may stand empty, in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    empty_seconds: Option<u64>,
    /// When it ends, whoever is there.
    #[serde(skip_serializing_if = "Option::is_none")]
    ends_at: Option<u64>,
    /// Its presence says that there is some.
    #[serde(skip_serializing_if = "Option::is_none")]
    has_metadata: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tells_messages: Option<bool>,
    /// Its presence is what asks everybody to record themselves.
    #[serde(skip_serializing_if = "Option::is_none")]
    recording_requested: Option<bool>,
    /// Without one it is the default project's.
    #[serde(skip_serializing_if = "Option::is_none")]
    project_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    room_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    due_pk: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    due_sk: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) expires_at: Option<u64>,
    /// The mark that something happened by the last write: a new session's is its creation.
    #[serde(skip_serializing_if = "Option::is_none")]
    happened: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ending: Option<String>,
}

impl SessionRecord {
    /// Of a new session, which is active, and looked at when it has stood empty until then.
    pub(crate) fn of_new(session: &Session, empty_until: Timestamp) -> Self {
        let [due_pk, due_sk] = keys::due(session.id, empty_until);
        let keys::Key { pk, sk } = keys::session(session.id);
        Self {
            pk,
            sk,
            session_name: session.name.as_str().to_owned(),
            kind: words::kind::of(session.kind).to_owned(),
            visibility: words::visibility::of(session.visibility).to_owned(),
            max_seats: session.max_participants,
            seats: session.seats_taken,
            created_at: session.created_at.millis(),
            touched_at: session.touched_at.millis(),
            ended_at: None,
            creator_id: session.creator_id.to_string(),
            creator_username: session.creator_username.as_str().to_owned(),
            locked: session.controls.locked.then_some(true),
            waiting_room: session.controls.waiting_room.then_some(true),
            version: None,
            empty_seconds: session.controls.lifetime.empty.map(|empty| empty.as_secs()),
            ends_at: session.ends_at().map(Timestamp::millis),
            has_metadata: session.metadata.is_something().then_some(true),
            tells_messages: session.controls.tells_messages.then_some(true),
            recording_requested: session.controls.recording_requested.then_some(true),
            project_id: (!session.project.is_default()).then(|| session.project.as_str().to_owned()),
            room_name: session.room.as_ref().map(|room| room.as_str().to_owned()),
            due_pk: Some(due_pk),
            due_sk: Some(due_sk),
            expires_at: None,
            happened: Some(session.created_at.millis()),
            ending: None,
        }
    }

    /// As an item.
    pub(crate) fn into_item(self) -> Result<Item> {
        serde_dynamo::to_item(self).map_err(misfit)
    }

    /// From its item.
    pub(crate) fn from_item(item: Item) -> Result<Self> {
        serde_dynamo::from_item(item).map_err(misfit)
    }

    /// Why it ended, if it did; unknown of one that ended before that was noted.
    pub(crate) fn ending(&self) -> Option<Ending> {
        self.ending.as_deref().and_then(words::ending::parse)
    }

    /// How long it lasts, where that was said.
    pub(crate) fn lifetime(&self) -> Lifetime {
        let since = Timestamp::from_millis(self.created_at);
        Lifetime {
            empty: self.empty_seconds.map(Duration::from_secs),
            longest: self.ends_at.map(|end| Timestamp::from_millis(end).since(since)),
        }
    }

    /// The session.
    pub(crate) fn into_session(self) -> Result<Session> {
        let state = self.ended_at.map_or(SessionState::Active, |at| SessionState::Ended(Timestamp::from_millis(at)));
        Ok(Session {
            id: keys::session_of(&self.pk).ok_or(Malformed("session key"))?,
            name: SessionName::kept(&self.session_name).ok_or(Malformed("session name"))?,
            kind: words::kind::parse(&self.kind).ok_or(Malformed("session kind"))?,
            visibility: words::visibility::parse(&self.visibility).ok_or(Malformed("visibility"))?,
            state,
            max_participants: self.max_seats,
            // Those who sat there when it ended are released without counting: the session is over anyway.
            seats_taken: if state == SessionState::Active { self.seats } else { 0 },
            created_at: Timestamp::from_millis(self.created_at),
            touched_at: Timestamp::from_millis(self.touched_at),
            project: self
                .project_id
                .as_deref()
                .map_or(Ok(ProjectId::default()), ProjectId::parse)
                .map_err(|_| Malformed("project"))?,
            room: self.room_name.as_deref().map(RoomName::kept).transpose().map_err(|_| Malformed("room"))?,
            creator_id: self.creator_id.parse().map_err(|_| Malformed("creator"))?,
            creator_username: Username::kept(&self.creator_username).ok_or(Malformed("creator's name"))?,
            controls: Controls {
                locked: self.locked.is_some(),
                waiting_room: self.waiting_room.is_some(),
                version: self.version.unwrap_or_default(),
                lifetime: self.lifetime(),
                tells_messages: self.tells_messages.is_some(),
                recording_requested: self.recording_requested.is_some(),
            },
            metadata: if self.has_metadata.is_some() { Attached::Unread } else { Attached::Nothing },
        })
    }
}

/// A participant's item. It is written by update expressions alone.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ParticipantRecord {
    pk: String,
    sk: String,
    username: String,
    app_identity: Option<String>,
    joined_at: u64,
    connected_at: Option<u64>,
    introduced: Option<bool>,
    membership: String,
    presence: String,
    live_connection: Option<String>,
    login_family: Option<String>,
    attempt: u64,
    /// The newest attempt that a ticket was asked for.
    pub(crate) tickets: u64,
    #[serde(default)]
    unfenced: Vec<String>,
    lease_until: u64,
    unheard_lease: Option<u64>,
    catching_up: Option<u64>,
    catching_on: Option<String>,
    waiting: Option<u64>,
    untold: Option<String>,
    is_muted: bool,
    is_video_enabled: bool,
    /// What they record; its presence is what says that they do.
    recordings: Option<Vec<String>>,
    /// See [`Rights::bits`]; none are the usual ones.
    pub(crate) rights: Option<u32>,
}

impl ParticipantRecord {
    /// From its item.
    pub(crate) fn from_item(item: Item) -> Result<Self> {
        serde_dynamo::from_item(item).map_err(misfit)
    }

    /// Whether the participant still belongs to the session.
    pub(crate) fn membership(&self) -> Result<Membership> {
        Ok(words::membership::parse(&self.membership).ok_or(Malformed("membership"))?)
    }

    /// The participant.
    pub(crate) fn into_participant(self) -> Result<Participant> {
        let membership = self.membership()?;
        let untold = self.untold.map(|word| words::untold::parse(&word).ok_or(Malformed("what is untold")));
        let family = self.login_family.map(|family| family.parse()).transpose();
        Ok(Participant {
            session_id: keys::session_of(&self.pk).ok_or(Malformed("participant's session"))?,
            user_id: keys::participant_of(&self.sk).ok_or(Malformed("participant's user"))?,
            username: Username::kept(&self.username).ok_or(Malformed("participant's name"))?,
            identity: kept_identity(self.app_identity.as_deref())?,
            joined_at: Timestamp::from_millis(self.joined_at),
            connected_at: self.connected_at.map(Timestamp::from_millis),
            introduced: self.introduced.unwrap_or_default(),
            membership,
            presence: words::presence::parse(&self.presence).ok_or(Malformed("presence"))?,
            connection: self.live_connection.map(ConnectionId::new),
            family: family.map_err(|_| Malformed("participant's family"))?,
            attempt: self.attempt,
            tickets: self.tickets,
            unfenced: self.unfenced.into_iter().map(ConnectionId::new).collect(),
            lease_until: Timestamp::from_millis(self.lease_until),
            unheard: self.unheard_lease.map(Timestamp::from_millis),
            catching_up: self.catching_up.zip(self.catching_on).map(|(attempt, connection)| CatchingUp {
                attempt,
                connection: ConnectionId::new(connection),
                waiting: self.waiting.unwrap_or_default(),
            }),
            untold: untold.transpose()?,
            is_muted: self.is_muted,
            is_video_enabled: self.is_video_enabled,
            is_recording: self.recordings.is_some(),
            rights: rights(self.rights)?,
        })
    }
}

/// What a note of rights stands for.
pub(crate) fn rights(bits: Option<u32>) -> Result<Rights, Malformed> {
    bits.map_or(Ok(Rights::default()), |bits| Rights::from_bits(bits).ok_or(Malformed("rights")))
}

/// The participant of an item.
pub(crate) fn participant(item: Item) -> Result<Participant> {
    ParticipantRecord::from_item(item)?.into_participant()
}

/// Whether it is the item of a session itself, and not of a participant.
pub(crate) fn is_session(item: &Item) -> bool {
    matches!(item.get("sk"), Some(AttributeValue::S(sk)) if sk == keys::META)
}

/// Whether it is the item of a place in the waiting room.
pub(crate) fn is_place_to_wait(item: &Item) -> bool {
    matches!(item.get("sk"), Some(AttributeValue::S(sk)) if keys::waiting_place_of(sk).is_some())
}

#[cfg(test)]
mod tests {
    use domain::UserId;
    use proptest::prelude::*;

    use super::*;
    use crate::arbitrary;
    use crate::items::text;

    fn seat(session: domain::SessionId, user: UserId) -> Item {
        let mut item = keys::participant(session, user).into_item();
        for (name, value) in [("username", "alice"), ("membership", "seated"), ("presence", "connected")] {
            item.insert(name.to_owned(), text(value));
        }
        for name in ["joinedAt", "attempt", "tickets", "leaseUntil"] {
            item.insert(name.to_owned(), AttributeValue::N("7".to_owned()));
        }
        for name in ["isMuted", "isVideoEnabled"] {
            item.insert(name.to_owned(), AttributeValue::Bool(true));
        }
        item
    }

    proptest! {
        #[test]
        fn a_session_survives_its_item(session in arbitrary::session()) {
            let item = SessionRecord::of_new(&session, session.created_at).into_item().unwrap();
            prop_assert!(is_session(&item));
            prop_assert_eq!(SessionRecord::from_item(item).unwrap().into_session().unwrap(), session);
        }

        #[test]
        fn an_ended_session_has_nobody_seated(session in arbitrary::session(), end in arbitrary::timestamp()) {
            let mut item = SessionRecord::of_new(&session, session.created_at).into_item().unwrap();
            item.insert("endedAt".to_owned(), AttributeValue::N(end.millis().to_string()));
            let ended = SessionRecord::from_item(item).unwrap().into_session().unwrap();
            prop_assert_eq!(ended, Session { state: SessionState::Ended(end), seats_taken: 0, ..session });
        }

        #[test]
        fn a_participant_is_read_from_its_key_and_its_words(
            session in arbitrary::session_id(),
            user in arbitrary::user_id(),
        ) {
            let item = seat(session, user);
            prop_assert!(!is_session(&item));
            let participant = participant(item).unwrap();
            prop_assert_eq!((participant.session_id, participant.user_id), (session, user));
            prop_assert!(participant.holds_seat());
        }

        #[test]
        fn an_item_that_is_not_ours_is_an_internal_error(
            session in arbitrary::session_id(),
            user in arbitrary::user_id(),
        ) {
            let spoilt = [
                ("membership", text("asleep")),
                ("presence", AttributeValue::N("1".to_owned())),
                ("username", text("")),
                ("loginFamily", text("not an identifier")),
                ("joinedAt", AttributeValue::N("-1".to_owned())),
                ("sk", text("META")),
                ("rights", AttributeValue::N("131072".to_owned())),
            ];
            for (name, value) in spoilt {
                let mut item = seat(session, user);
                item.insert(name.to_owned(), value);
                let refused = participant(item).unwrap_err();
                prop_assert_eq!(refused.code(), "internal", "{}", name);
            }
        }
    }
}
