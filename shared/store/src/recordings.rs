//! Recordings: an item each, a place in the list of their session, and what keeps a second one of the same kind from beginning.

use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue};
use domain::ports::{Attendance, Begun, Page, RecordedSessions, RecordingRequests, Recordings};
use domain::recording::{Finish, Gap, Lease, Made, MediaType, RecordedFile, RecordedSegment, Recording, RecordingKind};
use domain::{
    Error, Membership, ProjectId, RecordingId, Result, RoomName, Sender, SessionId, Timestamp, UserId, Username,
};
use serde::{Deserialize, Serialize};

use crate::errors::{Malformed, misfit};
use crate::items::{Item, expiry, has_ended, millis, number, text};
use crate::records::kept_identity;
use crate::requests::{Change, MARK, Transacted, Written};
use crate::{Store, keys, visits, words};

/// Which recording keeps another one from beginning.
const RECORDING_ID: &str = "recordingId";

impl Recordings for Store {
    async fn begin_recording(&self, recording: &Recording) -> Result<Begun> {
        let (session, user) = (recording.session, recording.by.user_id);
        let gone = expiry(recording.keep_until);
        let mut only_one = keys::records(session, user, recording.kind).into_item();
        only_one.insert(RECORDING_ID.to_owned(), text(recording.id.to_string()));
        only_one.insert("expiresAt".to_owned(), gone.clone());
        let mut listed = keys::listed_recording(session, recording.id).into_item();
        listed.insert("expiresAt".to_owned(), gone.clone());
        let mut items = vec![
            self.putting_if(only_one, "attribute_not_exists(pk)", Item::new())?,
            marked(recording, "").in_transaction(&self.table)?,
            self.putting_new(item_of(recording, Some(recording.id.timestamp()))?)?,
            self.putting_new(listed)?,
        ];
        let accounts = recording.host.into_iter().chain(Some(user).filter(|user| recording.host != Some(*user)));
        for account in accounts.filter(|account| !account.is_of_app()) {
            let mut noted = keys::recorded(account, session).into_item();
            noted.insert("expiresAt".to_owned(), gone.clone());
            items.push(self.putting(noted)?);
        }
        match self.transact(items).await? {
            Transacted::Done => Ok(Begun::Done),
            Transacted::Refused(mut refusals) => match refusals.take_item(0) {
                Some(item) => match another(item)? {
                    // The first answer was lost.
                    id if id == recording.id => Ok(Begun::Done),
                    id => Ok(Begun::Another(id)),
                },
                None if refusals.at(1) => Ok(Begun::NotSeated),
                None => Err(Error::Internal("a new recording's identifier is taken".into())),
            },
        }
    }

    async fn recording(&self, id: RecordingId, now: Timestamp) -> Result<Option<Recording>> {
        let item = self.get_item(keys::recording(id), true).await?;
        item.filter(|item| !has_ended(item, now)).map(recording).transpose()
    }

    async fn keep_recording(&self, seen: &Recording, happened: Option<Timestamp>) -> Result<bool> {
        let next = Recording { version: seen.version + 1, ..seen.clone() };
        let seen = Item::from([(":seen".to_owned(), number(seen.version))]);
        match self.put_conditionally(item_of(&next, happened)?, "version = :seen", seen).await? {
            Written::Done(_) => Ok(true),
            Written::Refused(None) => Ok(false),
            // It may be what this very write left, whose answer was lost.
            Written::Refused(Some(item)) => Ok(recording(item)? == next),
        }
    }

    async fn mark_recording(&self, recording: &Recording) -> Result<bool> {
        let change = marked(recording, " AND (attribute_not_exists(recordings) OR NOT contains(recordings, :one))");
        let change = change.with(":one", text(recording.id.to_string()));
        Ok(self.change(change, ReturnValue::None).await?.is_done())
    }

    async fn unmark_recording(&self, recording: &Recording) -> Result<()> {
        let (session, user, id) = (recording.session, recording.by.user_id, text(recording.id.to_string()));
        let own = Item::from([(":id".to_owned(), id.clone())]);
        let only_one = keys::records(session, user, recording.kind);
        self.delete_item_if(only_one, "recordingId = :id", own).await?;
        let key = keys::participant(session, user);
        let change = Change::to(key, "DELETE recordings :ids", "contains(recordings, :id)")
            .with(":ids", AttributeValue::Ss(vec![recording.id.to_string()]))
            .with(":id", id);
        self.change(change, ReturnValue::None).await.map(drop)
    }

    async fn recordings_in(
        &self,
        session: SessionId,
        limit: usize,
        before: Option<RecordingId>,
        now: Timestamp,
    ) -> Result<Page<Recording, RecordingId>> {
        let partition = keys::recordings_partition(session);
        let query = self
            .query()
            .scan_index_forward(false)
            .limit(i32::try_from(limit).unwrap_or(i32::MAX))
            .expression_attribute_values(":pk", text(partition));
        let query = match before {
            None => query.key_condition_expression("pk = :pk"),
            Some(before) => query
                .key_condition_expression("pk = :pk AND sk < :before")
                .expression_attribute_values(":before", text(before.to_string())),
        };
        let listed = self.page(query).await?.items.unwrap_or_default();
        let ids: Vec<RecordingId> =
            listed.iter().filter_map(|item| item.get("sk")?.as_s().ok()?.parse().ok()).collect();
        let found = self.get_all(ids.iter().copied().map(keys::recording).collect()).await?;
        let live = found.into_iter().filter(|item| !has_ended(item, now));
        let mut items: Vec<Recording> = live.map(recording).collect::<Result<_>>()?;
        items.sort_by_key(|recording| std::cmp::Reverse(recording.id));
        Ok(Page { items, next: ids.last().copied().filter(|_| listed.len() == limit) })
    }

    async fn forget_recording(&self, recording: &Recording) -> Result<()> {
        self.unmark_recording(recording).await?;
        self.delete_item(keys::listed_recording(recording.session, recording.id)).await?;
        self.delete_item(keys::recording(recording.id)).await
    }
}

impl RecordingRequests for Store {
    async fn request_recording(&self, session: SessionId, wanted: bool) -> Result<Option<u64>> {
        let update = if wanted { "SET recordingRequested = :yes " } else { "REMOVE recordingRequested " };
        let active = "attribute_exists(pk) AND attribute_not_exists(endedAt)";
        let change = Change::to(keys::session(session), format!("{update}ADD recordingRequests :one"), active);
        let change = change.with(":one", number(1));
        let change = if wanted { change.with(":yes", AttributeValue::Bool(true)) } else { change };
        match self.change(change, ReturnValue::UpdatedNew).await? {
            Written::Done(item) => {
                let count = item.get("recordingRequests").and_then(|count| count.as_n().ok()?.parse().ok());
                Ok(Some(count.ok_or(Malformed("count of requests to record"))?))
            }
            Written::Refused(_) => Ok(None),
        }
    }
}

impl Attendance for Store {
    async fn took_part(&self, session: SessionId, user: UserId, now: Timestamp) -> Result<bool> {
        let visit = self.get_item(keys::visit(user, session), false).await?;
        Ok(visit.is_some_and(|visit| !has_ended(&visit, now) && visits::is_welcome(&visit)))
    }
}

impl RecordedSessions for Store {
    async fn recorded_sessions(&self, user: UserId) -> Result<Vec<SessionId>> {
        let noted = self.keys_between(keys::user_partition(user), keys::all_recorded()).await?;
        Ok(noted.iter().filter_map(|key| keys::recorded_of(&key.sk)).collect())
    }

    async fn forget_recorded_session(&self, user: UserId, session: SessionId) -> Result<()> {
        self.delete_item(keys::recorded(user, session)).await
    }
}

/// That a participant records, as long as they hold a seat and something else holds.
fn marked(recording: &Recording, and: &str) -> Change {
    let key = keys::participant(recording.session, recording.by.user_id);
    Change::to(key, "ADD recordings :id", format!("membership = :seated{and}"))
        .with(":id", AttributeValue::Ss(vec![recording.id.to_string()]))
        .with(":seated", text(words::membership::of(Membership::Seated)))
}

/// The recording that was begun before.
fn another(mut item: Item) -> Result<RecordingId> {
    match item.remove(RECORDING_ID) {
        Some(AttributeValue::S(id)) => Ok(id.parse().map_err(|_| Malformed("recording that goes on"))?),
        Some(_) | None => Err(Malformed("recording that goes on").into()),
    }
}

/// The item of a recording, marked if something happened by its being written.
fn item_of(recording: &Recording, happened: Option<Timestamp>) -> Result<Item> {
    let mut item: Item = serde_dynamo::to_item(RecordingRecord::of(recording)).map_err(misfit)?;
    item.extend(happened.map(|at| (MARK.to_owned(), millis(at))));
    Ok(item)
}

/// The recording of an item.
pub(crate) fn recording(item: Item) -> Result<Recording> {
    serde_dynamo::from_item::<_, RecordingRecord>(item).map_err(misfit)?.into_recording()
}

/// A recording's item.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct RecordingRecord {
    pk: String,
    sk: String,
    session_id: String,
    /// Without one it is the default project's.
    #[serde(skip_serializing_if = "Option::is_none")]
    project_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    room_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    host_id: Option<String>,
    user_id: String,
    username: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    app_identity: Option<String>,
    kind: String,
    media_type: String,
    status: String,
    touched_at: u64,
    complete: u32,
    segments: Vec<(u32, u64)>,
    #[serde(skip_serializing_if = "Option::is_none")]
    finished_at: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_chunk: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    said_ms: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    lease_until: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    lease_by: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cursor: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    files: Option<Vec<FileRecord>>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    gaps: Vec<(u64, u64)>,
    #[serde(skip_serializing_if = "Option::is_none")]
    duration_ms: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    untold: Option<String>,
    version: u64,
    expires_at: u64,
}

/// A file of a recording.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct FileRecord {
    number: u32,
    content_type: String,
    started_at: u64,
    duration_ms: u64,
    bytes: u64,
}

impl RecordingRecord {
    fn of(recording: &Recording) -> Self {
        let keys::Key { pk, sk } = keys::recording(recording.id);
        let made = recording.made.as_ref();
        let owned = |text: &str| text.to_owned();
        Self {
            pk,
            sk,
            session_id: recording.session.to_string(),
            project_id: (!recording.project.is_default()).then(|| owned(recording.project.as_str())),
            room_name: recording.room.as_ref().map(|room| owned(room.as_str())),
            host_id: recording.host.map(|host| host.to_string()),
            user_id: recording.by.user_id.to_string(),
            username: owned(recording.by.username.as_str()),
            app_identity: recording.identity().map(|identity| owned(identity.as_str())),
            kind: owned(recording.kind.name()),
            media_type: owned(recording.media_type.as_str()),
            status: owned(words::recording_status::of(recording.status)),
            touched_at: recording.touched_at.millis(),
            complete: recording.complete,
            segments: recording.segments.iter().map(|each| (each.first_chunk, each.started_at.millis())).collect(),
            finished_at: recording.finish.map(|finish| finish.at.millis()),
            last_chunk: recording.finish.and_then(|finish| finish.last_chunk),
            said_ms: recording.finish.and_then(|finish| finish.duration_ms),
            lease_until: recording.lease.as_ref().map(|lease| lease.until.millis()),
            lease_by: recording.lease.as_ref().map(|lease| lease.by.clone()),
            cursor: recording.cursor.clone(),
            files: made.map(|made| made.files.iter().map(FileRecord::of).collect()),
            gaps: made.map(|made| made.gaps.iter().map(|gap| (gap.from_ms, gap.to_ms)).collect()).unwrap_or_default(),
            duration_ms: made.map(|made| made.duration_ms),
            error: recording.error.clone(),
            untold: recording.untold.map(|news| owned(words::recording_news::of(news))),
            version: recording.version,
            expires_at: recording.keep_until.seconds_up(),
        }
    }

    fn into_recording(self) -> Result<Recording> {
        let project = self.project_id.as_deref().map_or(Ok(ProjectId::default()), ProjectId::parse);
        let room = self.room_name.as_deref().map(RoomName::parse).transpose();
        let host = self.host_id.as_deref().map(str::parse).transpose();
        let untold = self.untold.as_deref().map(|word| words::recording_news::parse(word).ok_or(Malformed("news")));
        let finish = self.finished_at.map(|at| Finish {
            at: Timestamp::from_millis(at),
            last_chunk: self.last_chunk,
            duration_ms: self.said_ms,
        });
        let segments = self.segments.into_iter();
        Ok(Recording {
            id: keys::recording_of(&self.pk).ok_or(Malformed("recording"))?,
            session: self.session_id.parse().map_err(|_| Malformed("recording's session"))?,
            project: project.map_err(|_| Malformed("project"))?,
            room: room.map_err(|_| Malformed("room"))?,
            host: host.map_err(|_| Malformed("host"))?,
            by: Sender {
                user_id: self.user_id.parse().map_err(|_| Malformed("recording's user"))?,
                username: Username::kept(&self.username).ok_or(Malformed("user name"))?,
                identity: kept_identity(self.app_identity.as_deref())?,
            },
            kind: RecordingKind::named(&self.kind).ok_or(Malformed("kind of recording"))?,
            media_type: MediaType::parse(&self.media_type).map_err(|_| Malformed("media type"))?,
            status: words::recording_status::parse(&self.status).ok_or(Malformed("status of a recording"))?,
            touched_at: Timestamp::from_millis(self.touched_at),
            complete: self.complete,
            segments: segments
                .map(|(first_chunk, at)| RecordedSegment { first_chunk, started_at: Timestamp::from_millis(at) })
                .collect(),
            finish,
            lease: self
                .lease_until
                .map(|until| Lease { until: Timestamp::from_millis(until), by: self.lease_by.unwrap_or_default() }),
            cursor: self.cursor,
            made: made(self.files, &self.gaps, self.duration_ms),
            error: self.error,
            untold: untold.transpose()?,
            keep_until: Timestamp::from_millis(self.expires_at.saturating_mul(1000)),
            version: self.version,
        })
    }
}

fn made(files: Option<Vec<FileRecord>>, gaps: &[(u64, u64)], duration_ms: Option<u64>) -> Option<Made> {
    let files = files?.into_iter().map(FileRecord::into_file).collect();
    let gaps = gaps.iter().map(|(from_ms, to_ms)| Gap { from_ms: *from_ms, to_ms: *to_ms }).collect();
    Some(Made { files, gaps, duration_ms: duration_ms.unwrap_or_default() })
}

impl FileRecord {
    fn of(file: &RecordedFile) -> Self {
        Self {
            number: file.number,
            content_type: file.content_type.clone(),
            started_at: file.started_at.millis(),
            duration_ms: file.duration_ms,
            bytes: file.bytes,
        }
    }

    fn into_file(self) -> RecordedFile {
        RecordedFile {
            number: self.number,
            content_type: self.content_type,
            started_at: Timestamp::from_millis(self.started_at),
            duration_ms: self.duration_ms,
            bytes: self.bytes,
        }
    }
}
