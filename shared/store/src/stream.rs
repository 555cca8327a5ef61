//! The table's stream: what writes made of sessions and of stays in them, as Lambda brings it
//! (<https://docs.aws.amazon.com/lambda/latest/dg/with-ddb.html>).
//!
//! Only marked writes are brought ([`crate::requests::MARK`]). A record has the item as it was before and after, so what happened
//! is read from the record alone.

use domain::happenings::{self, SessionView, Stay};
use domain::ports::{News, Occurrence, Subject};
use domain::{Departure, Identity, Result, Timestamp, Untold, Username};
use serde::Deserialize;

use crate::endpoints::endpoint;
use crate::errors::{Malformed, misfit};
use crate::items::Item;
use crate::keys::Marked;
use crate::records::{self, SessionRecord};
use crate::{chat, keys, recordings, waiting, words};

/// What Lambda brings from the stream: records of one part of the table, in order.
#[derive(Debug, Deserialize)]
pub struct StreamEvent {
    /// The records.
    #[serde(rename = "Records")]
    pub records: Vec<StreamRecord>,
}

/// One write.
#[derive(Debug, Clone, Deserialize)]
pub struct StreamRecord {
    dynamodb: Images,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Images {
    sequence_number: String,
    old_image: Option<serde_dynamo::Item>,
    new_image: Option<serde_dynamo::Item>,
}

impl StreamRecord {
    /// The record's place in the stream: decimal digits; of one item, and of one session, later ones are larger numbers.
    pub fn sequence_number(&self) -> &str {
        &self.dynamodb.sequence_number
    }

    /// What the write means to the outside, if anything.
    ///
    /// # Errors
    /// `internal` when an item is not as this code writes it.
    pub fn news(&self) -> Result<Option<News>> {
        let before = self.dynamodb.old_image.clone().map(Item::from);
        let Some(after) = self.dynamodb.new_image.clone().map(Item::from) else {
            return Ok(None);
        };
        match keys::kind_of(&after) {
            Some(Marked::Session) => of_session(before, after),
            Some(Marked::Participant) => of_stay(before, after),
            Some(Marked::Place) => of_place(before, after),
            Some(Marked::Message) => of_message(before, after),
            Some(Marked::Recording) => of_recording(before, after),
            Some(Marked::Endpoint) => of_endpoint(before, after),
            None => Ok(None),
        }
    }
}

fn of_session(before: Option<Item>, after: Item) -> Result<Option<News>> {
    let at = happened(&after)?;
    let (before, view) = (before.map(view).transpose()?, view(after)?);
    let happening = happenings::of_session(before.as_ref(), &view, at);
    let occurred = happening.map(|happening| Occurrence {
        happening,
        session: view.session.id,
        subject: Subject::Session(Some(Box::new(view))),
    });
    Ok(occurred.map(|occurrence| News::Happened(Box::new(occurrence))))
}

fn of_stay(before: Option<Item>, after: Item) -> Result<Option<News>> {
    let at = happened(&after)?;
    let (before, stay) = (before.map(stay).transpose()?, stay(after)?);
    let happening = happenings::of_stay(before.as_ref(), &stay, at);
    let occurred = happening.map(|happening| Occurrence {
        happening,
        session: stay.session,
        subject: Subject::Stay(Box::new(stay)),
    });
    Ok(occurred.map(|occurrence| News::Happened(Box::new(occurrence))))
}

fn of_place(before: Option<Item>, after: Item) -> Result<Option<News>> {
    let at = happened(&after)?;
    let (before, wait) = (before.map(waiting::wait).transpose()?, waiting::wait(after)?);
    let happening = happenings::of_wait(before.as_ref(), &wait, at);
    let occurred =
        happening.map(|happening| Occurrence { happening, session: wait.session, subject: Subject::Wait(wait) });
    Ok(occurred.map(|occurrence| News::Happened(Box::new(occurrence))))
}

fn of_message(before: Option<Item>, after: Item) -> Result<Option<News>> {
    let (before, written) = (before.map(chat::written).transpose()?, chat::written(after)?);
    let occurred = happenings::of_message(before.as_ref(), &written).map(|happening| Occurrence {
        happening,
        session: written.session,
        subject: Subject::Message(written),
    });
    Ok(occurred.map(|occurrence| News::Happened(Box::new(occurrence))))
}

fn of_recording(before: Option<Item>, after: Item) -> Result<Option<News>> {
    let at = happened(&after)?;
    let (before, recording) = (before.map(recordings::recording).transpose()?, recordings::recording(after)?);
    let occurred = happenings::of_recording(before.as_ref(), &recording, at).map(|happening| Occurrence {
        happening,
        session: recording.session,
        subject: Subject::Recording(Box::new(recording)),
    });
    Ok(occurred.map(|occurrence| News::Happened(Box::new(occurrence))))
}

/// An endpoint that was enabled before and is not any more.
fn of_endpoint(before: Option<Item>, after: Item) -> Result<Option<News>> {
    let before = before.map(endpoint).transpose()?;
    let after = endpoint(after)?;
    let was_enabled = before.is_some_and(|before| before.disabled_at.is_none());
    Ok(after.disabled_at.filter(|_| was_enabled).map(|at| News::Disabled(after, at)))
}

/// The session of an item, with why it ended.
pub(crate) fn view(item: Item) -> Result<SessionView> {
    let record = SessionRecord::from_item(item)?;
    let ending = record.ending();
    let session = record.into_session()?;
    let project = session.project.as_str().to_owned();
    Ok(SessionView { session, ending, project })
}

/// What a participant's item says of their stay.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct StayRecord {
    pk: String,
    sk: String,
    username: String,
    app_identity: Option<String>,
    rights: Option<u32>,
    joined_at: u64,
    connected_at: Option<u64>,
    membership: String,
    presence: String,
    untold: Option<String>,
    /// The first attempt of the stay; 0 for one that began before it was kept.
    #[serde(default)]
    stay: u64,
}

fn stay(item: Item) -> Result<Stay> {
    let record: StayRecord = serde_dynamo::from_item(item).map_err(misfit)?;
    let session = keys::session_of(&record.pk).ok_or(Malformed("participant's session"))?;
    let user = keys::participant_of(&record.sk).ok_or(Malformed("participant's user"))?;
    Ok(Stay {
        id: keys::stay(session, user, record.stay),
        session,
        user,
        username: Username::kept(&record.username).ok_or(Malformed("participant's name"))?,
        identity: record.app_identity.as_deref().map(Identity::parse).transpose().map_err(|_| Malformed("identity"))?,
        rights: records::rights(record.rights)?,
        joined_at: Timestamp::from_millis(record.joined_at),
        connected_at: record.connected_at.map(Timestamp::from_millis),
        membership: words::membership::parse(&record.membership).ok_or(Malformed("membership"))?,
        presence: words::presence::parse(&record.presence).ok_or(Malformed("presence"))?,
        departure: record.untold.as_deref().and_then(departure),
    })
}

fn departure(word: &str) -> Option<Departure> {
    match words::untold::parse(word) {
        Some(Untold::Departure(reason)) => Some(reason),
        Some(Untold::Join | Untold::Change) | None => None,
    }
}

/// When a marked write was made.
fn happened(item: &Item) -> Result<Timestamp> {
    let mark = item.get(crate::requests::MARK).and_then(|mark| mark.as_n().ok());
    let millis = mark.and_then(|millis: &String| millis.parse().ok()).ok_or(Malformed("mark of what happened"))?;
    Ok(Timestamp::from_millis(millis))
}
