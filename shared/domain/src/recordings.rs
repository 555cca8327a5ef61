//! Recording: each participant's client stores what it sends, chunk by chunk, straight into the object store, and says when that is all.
//!
//! No rule here waits for another: what is to be told, and what is to be done after a function that died, is part of the write that
//! makes it necessary. The rules of composing look after every recording from its beginning on.

use std::time::Duration;

use crate::moderation::{Actor, require_host, tell_all};
use crate::ports::{
    Attendance, Begun, Counted, Delays, Inbox, Members, ObjectList, ObjectRemover, Page, Ports, RecordedSessions,
    RecordingQueue, RecordingRequests, Recordings, RoomNames, Rosters, Sockets, StoredChunk, Tended, Throttles,
    UploadUrls,
};
use crate::recording::{
    CHUNK, Finish, MAX_CHUNK_BYTES, MAX_CHUNKS, MediaType, Recording, RecordingKind, RecordingNews, RecordingStatus,
    object_keys,
};
use crate::sessions::active_roster;
use crate::{
    Caller, Context, Error, Event, Grants, KeyGrant, Person, RecordingId, Result, RoomRef, Roster, Sender, Session,
    SessionId, Timestamp, UserId,
};

/// So many addresses are given at once: enough for more than three minutes.
pub const UPLOADS_AT_ONCE: u32 = 50;
/// How long an address is good by which a chunk is stored. Not longer than a message can wait, so that what is stored after a deletion is
/// removed too.
pub const UPLOAD_VALID: Duration = Duration::from_secs(15 * 60);
/// How long an address is good by which a file is fetched.
pub const DOWNLOAD_VALID: Duration = Duration::from_secs(60 * 60);
/// How long after its deletion began a recording is looked at, should the function that deletes it die.
const AFTERWARDS: Duration = Duration::from_secs(60);
/// So much may a client's clock be ahead.
const AHEAD: Duration = Duration::from_secs(60);
/// A segment may have begun so long before its first chunk is spoken of: it may have waited on the client's disk.
const BEFORE: Duration = Duration::from_secs(24 * 60 * 60);
/// What others change at the same time is tried so often.
const TRIES: usize = 4;
/// So many recordings are read at once where all are wanted.
const AT_ONCE: usize = 100;

/// What somebody wants to record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewRecording {
    /// Where.
    pub session: SessionId,
    /// What.
    pub kind: RecordingKind,
    /// As what.
    pub media_type: MediaType,
    /// When its first sample was taken, or is: now, where nothing is said.
    pub started_at: Option<Timestamp>,
}

/// An address by which a chunk can be stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upload {
    /// The chunk's number.
    pub number: u32,
    /// The address.
    pub url: String,
}

/// A chunk that was removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RefusedChunk {
    /// Its number.
    pub number: u32,
    /// How large it was, in bytes.
    pub bytes: u64,
}

/// Where chunks go, and which are there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Uploads {
    /// The recording.
    pub recording: Recording,
    /// Addresses, in order.
    pub uploads: Vec<Upload>,
    /// When they end.
    pub expires_at: Timestamp,
    /// Chunks that are there: from and to, both included.
    pub have: Vec<(u32, u32)>,
    /// Chunks that were too large.
    pub refused: Vec<RefusedChunk>,
}

/// What is asked of a recording that goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Asked {
    /// The recording.
    pub recording: RecordingId,
    /// Addresses are wanted from that chunk on.
    pub from: u32,
    /// When the segment began that begins with that chunk, if one does.
    pub segment_started_at: Option<Timestamp>,
}

/// Refuses everything where nothing is recorded.
///
/// # Errors
/// `NotOffered`.
pub fn require_on(context: Context<'_>) -> Result<()> {
    context.policy.recording.then_some(()).ok_or(Error::NotOffered("recordings"))
}

/// Begins a recording, and tells everybody.
///
/// Somebody looks after it from before it is kept: a function that dies leaves nothing that nobody puts together.
///
/// # Errors
/// `NotOffered`, `SessionNotFound`, `SessionEnded`, `NotAdmitted` for whoever waits, `Banned`, `NotInSession`, `NotPermitted` without the right to
/// send what is to be recorded, `RecordingActive` where the caller records that already, `RateLimited`.
pub async fn start(
    ports: Ports<
        '_,
        impl Recordings + Rosters + Throttles + Members + Inbox + Sync,
        impl Sockets + Sync,
        impl Delays + Sync,
    >,
    tending: &(impl RecordingQueue + Sync),
    urls: &impl UploadUrls,
    person: &Person,
    new: NewRecording,
) -> Result<Uploads> {
    let Ports { store, context, .. } = ports;
    require_on(context)?;
    let roster = active_roster(store, new.session, context.now).await?;
    let by = require_recorder(store, context, &roster, person, new.kind).await?;
    store.hit(&Counted::RecordingsOf(person.user_id), context.policy.recordings_per_user, context.now).await?;
    let recording = new.into_recording(context, &roster.session, by)?;
    tending.tend_after(context.policy.recording_quiet, &Tended::new(&recording)).await?;
    for _ in 0..TRIES {
        match store.begin_recording(&recording).await? {
            Begun::Done => {
                let recording = tell(ports, recording).await?;
                return addresses(context, urls, recording, 0);
            }
            Begun::NotSeated => return Err(Error::NotInSession),
            Begun::Another(id) => let_go(ports, id).await?,
        }
    }
    Err(Error::Unavailable("recordings begin too fast".into()))
}

/// Lets another recording of the same kind begin, unless that one goes on.
async fn let_go(
    ports: Ports<'_, impl Recordings + Rosters + Members + Inbox + Sync, impl Sockets + Sync, impl Delays + Sync>,
    id: RecordingId,
) -> Result<()> {
    match ports.store.recording(id, ports.context.now).await? {
        Some(active) if active.status == RecordingStatus::Active => {
            // Whoever began it may have died before the others were told.
            tell(ports, active).await?;
            Err(Error::RecordingActive { recording: id })
        }
        Some(over) => ports.store.unmark_recording(&over).await,
        // It is being begun right now, or its time was over.
        None => Ok(()),
    }
}

/// Whoever records has a seat, and may send what is recorded; under which name others know them.
async fn require_recorder(
    store: &(impl Rosters + Sync),
    context: Context<'_>,
    roster: &Roster,
    person: &Person,
    kind: RecordingKind,
) -> Result<Sender> {
    Caller::from(person.clone()).require_sight(&roster.session)?;
    let Some(seat) = roster.seated(person.user_id) else {
        if roster.waits(person.user_id, context.now).is_some() {
            return Err(Error::NotAdmitted);
        }
        return match store.banned_until(roster.session.id, person.user_id).await? {
            Some(until) if until > context.now => Err(Error::Banned { until }),
            Some(_) | None => Err(Error::NotInSession),
        };
    };
    match kind.lacks(seat.rights) {
        Some(permission) => Err(Error::NotPermitted { permission }),
        None => Ok(Sender { user_id: seat.user_id, username: seat.username.clone(), identity: seat.identity.clone() }),
    }
}

impl NewRecording {
    fn into_recording(self, context: Context<'_>, session: &Session, by: Sender) -> Result<Recording> {
        let started_at = self.started_at.unwrap_or(context.now);
        near(context.now, started_at).then_some(()).ok_or_else(|| Error::field("startedAt", NEAR))?;
        let hosted = session.project.is_default() && !session.creator_id.is_of_app();
        let longest = CHUNK * MAX_CHUNKS + BEFORE;
        let id = RecordingId::new(context.ids, context.now);
        Ok(Recording {
            project: session.project.clone(),
            room: session.room.clone(),
            host: hosted.then_some(session.creator_id),
            touched_at: context.now,
            untold: Some(RecordingNews::Started),
            keep_until: kept_until(context, longest),
            ..Recording::begun(id, session.id, by, self.kind, self.media_type, started_at)
        })
    }
}

/// Until when a recording is kept whose files are made within that time: in whole seconds, as its end is kept.
pub(crate) fn kept_until(context: Context<'_>, within: Duration) -> Timestamp {
    (context.now + within + context.policy.recordings_kept).rounded_up(Duration::from_secs(1))
}

const NEAR: &str = "must be at most a day ago and a minute ahead";

/// Whether a client may say that something began then.
fn near(now: Timestamp, at: Timestamp) -> bool {
    now.minus(BEFORE) <= at && at <= now + AHEAD
}

/// Addresses for chunks from that one on.
fn addresses(context: Context<'_>, urls: &impl UploadUrls, recording: Recording, from: u32) -> Result<Uploads> {
    let numbers = from..from.saturating_add(UPLOADS_AT_ONCE).min(MAX_CHUNKS);
    let upload = |number| {
        let key = object_keys::chunk(&recording, number);
        let url = urls.put_url(&key, recording.media_type.essence(), UPLOAD_VALID, context.now)?;
        Ok(Upload { number, url })
    };
    let uploads = numbers.map(upload).collect::<Result<_>>()?;
    let expires_at = context.now + UPLOAD_VALID;
    Ok(Uploads { recording, uploads, expires_at, have: Vec::new(), refused: Vec::new() })
}

/// What lies in the bucket of a recording, from a chunk on.
#[derive(Debug, Default)]
pub(crate) struct Look {
    /// Chunks that are good, in order.
    pub(crate) chunks: Vec<StoredChunk>,
    /// Chunks that are too large.
    pub(crate) refused: Vec<RefusedChunk>,
    /// When anything came last.
    pub(crate) newest: Option<Timestamp>,
}

impl Look {
    /// So many chunks, from the first one on, are there without a gap, if so many were before the look.
    fn complete(&self, before: u32) -> u32 {
        let next = |complete: u32, chunk: &StoredChunk| complete + u32::from(chunk.number == complete);
        self.chunks.iter().fold(before, next)
    }

    /// From and to of what is there, both included, if so many were before the look.
    fn ranges(&self, before: u32) -> Vec<(u32, u32)> {
        let mut ranges: Vec<(u32, u32)> = before.checked_sub(1).map(|last| (0, last)).into_iter().collect();
        for StoredChunk { number, .. } in &self.chunks {
            match ranges.last_mut() {
                Some((_, last)) if *last + 1 == *number => *last = *number,
                _ => ranges.push((*number, *number)),
            }
        }
        ranges
    }
}

/// Looks at the chunks of a recording that come behind the first `behind` ones, a page of a thousand for a request.
pub(crate) async fn look(bucket: &(impl ObjectList + Sync), recording: &Recording, behind: u32) -> Result<Look> {
    let prefix = object_keys::chunks(recording.session, recording.id);
    let mut after = behind.checked_sub(1).map(|last| object_keys::chunk(recording, last));
    let mut look = Look::default();
    loop {
        let page = bucket.list_objects(&prefix, after.as_deref()).await?;
        for object in page.items {
            look.newest = look.newest.max(Some(object.stored_at));
            match object_keys::number_of(&object.key).filter(|number| *number < MAX_CHUNKS) {
                Some(number) if object.bytes > MAX_CHUNK_BYTES => {
                    look.refused.push(RefusedChunk { number, bytes: object.bytes });
                }
                Some(number) => look.chunks.push(StoredChunk { number, bytes: object.bytes }),
                None => {}
            }
        }
        after = page.next;
        if after.is_none() {
            return Ok(look);
        }
    }
}

/// More addresses, and which chunks are there. Only whoever records asks, also after they left, were removed, or the session ended: what
/// lies on their disk has to get home.
///
/// Chunks that are too large are removed and named. It costs one look at what came since the last time.
///
/// # Errors
/// `NotOffered`, `RecordingNotFound`, also for somebody else's, `RecordingFinished`, `InvalidRequest` for a chunk or a time that cannot be.
pub async fn uploads(
    ports: Ports<'_, impl Recordings + Rosters + Members + Inbox + Sync, impl Sockets + Sync, impl Delays + Sync>,
    bucket: &(impl ObjectList + ObjectRemover + Sync),
    urls: &impl UploadUrls,
    person: &Person,
    asked: Asked,
) -> Result<Uploads> {
    let Ports { store, context, .. } = ports;
    for _ in 0..TRIES {
        let mut recording = own(store, context, person, asked.recording).await?;
        if recording.status != RecordingStatus::Active {
            return Err(Error::RecordingFinished);
        }
        begin_segment(&mut recording, context, asked)?;
        let before = recording.complete;
        let look = look(bucket, &recording, before).await?;
        refuse(bucket, &recording, &look.refused).await?;
        recording.complete = look.complete(before);
        recording.touched_at = context.now;
        if !store.keep_recording(&recording, None).await? {
            continue;
        }
        recording.version += 1;
        if asked.segment_started_at.is_some() && store.mark_recording(&recording).await? {
            recording.untold = Some(RecordingNews::Started);
        }
        let recording = tell(ports, recording).await?;
        let given = addresses(context, urls, recording, asked.from)?;
        return Ok(Uploads { have: look.ranges(before), refused: look.refused, ..given });
    }
    Err(Error::Unavailable("a recording changes too fast".into()))
}

fn begin_segment(recording: &mut Recording, context: Context<'_>, asked: Asked) -> Result<()> {
    let Some(started_at) = asked.segment_started_at else {
        return Ok(());
    };
    let refused = |reason| Error::field("segmentStartedAt", reason);
    near(context.now, started_at).then_some(()).ok_or_else(|| refused(NEAR))?;
    recording.begin_segment(asked.from, started_at).map_err(refused)
}

/// Removes chunks that are too large.
pub(crate) async fn refuse(
    bucket: &(impl ObjectRemover + Sync),
    recording: &Recording,
    refused: &[RefusedChunk],
) -> Result<()> {
    if refused.is_empty() {
        return Ok(());
    }
    let keys: Vec<_> = refused.iter().map(|chunk| object_keys::chunk(recording, chunk.number)).collect();
    bucket.remove_objects(&keys).await
}

/// The caller's own recording.
async fn own(
    store: &(impl Recordings + Sync),
    context: Context<'_>,
    person: &Person,
    id: RecordingId,
) -> Result<Recording> {
    require_on(context)?;
    let recording = store.recording(id, context.now).await?;
    let own =
        recording.filter(|recording| recording.is_by(person.user_id) && recording.status != RecordingStatus::Deleted);
    own.ok_or(Error::RecordingNotFound)
}

/// Ends a recording: it is put together now. The same again changes nothing.
///
/// # Errors
/// `NotOffered`, `RecordingNotFound`, also for somebody else's.
pub async fn finish(
    ports: Ports<'_, impl Recordings + Rosters + Members + Inbox + Sync, impl Sockets + Sync, impl Delays + Sync>,
    tending: &(impl RecordingQueue + Sync),
    person: &Person,
    id: RecordingId,
    (last_chunk, duration_ms): (u32, Option<u64>),
) -> Result<Recording> {
    let Ports { store, context, .. } = ports;
    for _ in 0..TRIES {
        let mut recording = own(store, context, person, id).await?;
        if recording.status == RecordingStatus::Active {
            let finish = Finish { at: context.now, last_chunk: Some(last_chunk), duration_ms };
            end(&mut recording, finish);
            if !store.keep_recording(&recording, None).await? {
                continue;
            }
            recording.version += 1;
        }
        if recording.status == RecordingStatus::Composing {
            // Also the second time: the function that finished it may have died here.
            tending.tend_after(Duration::ZERO, &Tended::new(&recording)).await?;
            store.unmark_recording(&recording).await?;
        }
        return tell(ports, recording).await;
    }
    Err(Error::Unavailable("a recording changes too fast".into()))
}

/// Nothing more comes.
pub(crate) fn end(recording: &mut Recording, finish: Finish) {
    recording.status = RecordingStatus::Composing;
    recording.finish = Some(finish);
    recording.untold = Some(RecordingNews::Stopped);
}

/// Tells everybody in the session what they still have to be told, and notes that they were.
pub(crate) async fn tell(
    ports: Ports<'_, impl Recordings + Rosters + Members + Inbox + Sync, impl Sockets + Sync, impl Delays + Sync>,
    mut recording: Recording,
) -> Result<Recording> {
    let Some(news) = recording.untold else {
        return Ok(recording);
    };
    let event = match news {
        RecordingNews::Started => Event::RecordingStarted(&recording),
        RecordingNews::Stopped => Event::RecordingStopped(&recording),
        RecordingNews::Done => Event::RecordingReady(&recording),
    };
    tell_all(ports, recording.session, &event).await?;
    recording.untold = None;
    // Refused when it was written meanwhile: then it is told once more, which changes nothing for those who hear it.
    if ports.store.keep_recording(&recording, None).await? {
        recording.version += 1;
    }
    Ok(recording)
}

/// Asks everybody to record, or not to record any more. Each of them may refuse. Whoever comes later sees what was asked last.
///
/// # Errors
/// `NotOffered`, `SessionNotFound`, `SessionEnded`; `NotAllowed`, `NotPermitted` or `MissingGrant` for whoever does not host the session.
pub async fn request(
    ports: Ports<
        '_,
        impl RecordingRequests + Rosters + Members + Inbox + Sync,
        impl Sockets + Sync,
        impl Delays + Sync,
    >,
    caller: &Caller,
    session: SessionId,
    wanted: bool,
) -> Result<()> {
    let Ports { store, context, .. } = ports;
    require_on(context)?;
    let roster = active_roster(store, session, context.now).await?;
    require_host(store, context, &roster, Actor::Caller(caller)).await?;
    let count = store.request_recording(session, wanted).await?.ok_or(Error::SessionEnded)?;
    let by = caller.sender();
    tell_all(ports, session, &Event::RecordingRequested { session, wanted, count, by: by.as_ref() }).await
}

/// Recordings of a session, the newest first: to whoever took part, hosts it, or is the app, all; to whoever was removed, their own.
///
/// # Errors
/// `NotOffered`, `SessionNotFound`, `NotInSession`, `MissingGrant`.
pub async fn list(
    store: &(impl Recordings + Attendance + Rosters + RoomNames + Sync),
    context: Context<'_>,
    caller: &Caller,
    room: &RoomRef,
    limit: usize,
    before: Option<RecordingId>,
) -> Result<Page<Recording, RecordingId>> {
    require_on(context)?;
    let session = crate::quality::named(store, Some(caller.scope()), room).await?;
    let mut found = store.recordings_in(session, limit, before, context.now).await?;
    found.items.retain(|recording| recording.status != RecordingStatus::Deleted);
    let Some(first) = found.items.first() else {
        return require_nothing_hidden(store, context, caller, session).await.map(|()| found);
    };
    match sees(store, context, caller, first).await {
        Ok(()) => Ok(found),
        Err(refused) => {
            found.items.retain(|recording| is_by(caller, recording));
            if found.items.is_empty() { Err(refused) } else { Ok(found) }
        }
    }
}

/// Of a session without recordings that is said to those alone who would see them.
async fn require_nothing_hidden(
    store: &(impl Attendance + Rosters + Sync),
    context: Context<'_>,
    caller: &Caller,
    session: SessionId,
) -> Result<()> {
    let roster = store.roster(session, context.now).await?.ok_or(Error::SessionNotFound)?;
    caller.require_sight(&roster.session)?;
    match caller {
        _ if caller.hosts(&roster.session) => Ok(()),
        Caller::Backend(_) => Err(Error::missing_grant(KeyGrant::Admin.name())),
        Caller::Account(person) | Caller::Participant(person) => {
            let took_part = store.took_part(session, person.user_id, context.now).await?;
            took_part.then_some(()).ok_or(Error::NotInSession)
        }
    }
}

/// Whether the caller sees all recordings of that one's session.
async fn sees(
    store: &(impl Attendance + Sync),
    context: Context<'_>,
    caller: &Caller,
    recording: &Recording,
) -> Result<()> {
    if caller.scope().project != recording.project {
        return Err(Error::SessionNotFound);
    }
    if !recording.is_within(caller.scope()) {
        return Err(Error::forbidden("the token or the key is for other rooms"));
    }
    let Grants { room_admin, .. } = caller.grants();
    match caller {
        Caller::Account(person) if recording.host == Some(person.user_id) => Ok(()),
        Caller::Participant(_) | Caller::Backend(_) if *room_admin => Ok(()),
        Caller::Backend(_) => Err(Error::missing_grant(KeyGrant::Admin.name())),
        Caller::Account(person) | Caller::Participant(person) => {
            let took_part = store.took_part(recording.session, person.user_id, context.now).await?;
            took_part.then_some(()).ok_or(Error::NotInSession)
        }
    }
}

/// One recording, for those who see it.
///
/// # Errors
/// `NotOffered`; `RecordingNotFound`, also where the caller does not see it; `MissingGrant`.
pub async fn show(
    store: &(impl Recordings + Attendance + Sync),
    context: Context<'_>,
    caller: &Caller,
    id: RecordingId,
) -> Result<Recording> {
    require_on(context)?;
    let found = store.recording(id, context.now).await?.ok_or(Error::RecordingNotFound)?;
    if found.status == RecordingStatus::Deleted {
        return Err(Error::RecordingNotFound);
    }
    if is_by(caller, &found) {
        return Ok(found);
    }
    sees(store, context, caller, &found).await.map(|()| found).map_err(hide)
}

fn is_by(caller: &Caller, recording: &Recording) -> bool {
    caller.person().is_ok_and(|person| recording.is_by(person.user_id) && person.scope.project == recording.project)
}

/// Whoever does not see a recording does not learn that there is one.
fn hide(refused: Error) -> Error {
    match refused {
        Error::SessionNotFound | Error::NotInSession | Error::Forbidden(_) => Error::RecordingNotFound,
        other => other,
    }
}

/// Deletes a recording, for whoever recorded it, hosts the session, or is the app. Nobody sees it any more; its objects go within seconds.
/// The same again finishes what was interrupted.
///
/// # Errors
/// `NotOffered`; `RecordingNotFound`, also for whoever may not even see it; `NotPermitted` or `MissingGrant`.
pub async fn delete(
    store: &(impl Recordings + Attendance + Sync),
    tending: &(impl RecordingQueue + Sync),
    context: Context<'_>,
    caller: &Caller,
    id: RecordingId,
) -> Result<()> {
    require_on(context)?;
    let found = store.recording(id, context.now).await?.ok_or(Error::RecordingNotFound)?;
    if !is_by(caller, &found) {
        sees(store, context, caller, &found).await.map_err(hide)?;
        let hosts = match caller {
            Caller::Account(person) => found.host == Some(person.user_id),
            Caller::Participant(_) | Caller::Backend(_) => caller.grants().room_admin,
        };
        hosts.then_some(()).ok_or_else(|| caller.lacks_authority())?;
    }
    doom(store, tending, context, found).await
}

/// Hides a recording and has its objects removed. Somebody looks at it a minute later, should this function die, and then again when
/// nothing can be stored there any more.
pub(crate) async fn doom(
    store: &(impl Recordings + Sync),
    tending: &(impl RecordingQueue + Sync),
    context: Context<'_>,
    found: Recording,
) -> Result<()> {
    let mut recording = found;
    let tended = Tended::new(&recording);
    tending.tend_after(AFTERWARDS, &tended).await?;
    for _ in 0..TRIES {
        if recording.status == RecordingStatus::Deleted {
            store.unmark_recording(&recording).await?;
            return tending.tend_after(Duration::ZERO, &tended).await;
        }
        if recording.status == RecordingStatus::Active {
            recording.untold = Some(RecordingNews::Stopped);
        }
        recording.status = RecordingStatus::Deleted;
        recording.touched_at = context.now;
        if store.keep_recording(&recording, None).await? {
            continue;
        }
        match store.recording(recording.id, context.now).await? {
            Some(newer) => recording = newer,
            None => return Ok(()),
        }
    }
    Err(Error::Unavailable("a recording changes too fast".into()))
}

/// Deletes what an account recorded, and what was recorded in sessions that it hosts.
///
/// # Errors
/// What the table or the queue fails with: the same again does the rest.
pub(crate) async fn erase(
    store: &(impl Recordings + RecordedSessions + Sync),
    tending: &(impl RecordingQueue + Sync),
    context: Context<'_>,
    user: UserId,
) -> Result<()> {
    for session in store.recorded_sessions(user).await? {
        let mut before = None;
        loop {
            let page = store.recordings_in(session, AT_ONCE, before, context.now).await?;
            for recording in page.items.into_iter().filter(|each| each.is_by(user) || each.host == Some(user)) {
                doom(store, tending, context, recording).await?;
            }
            before = page.next;
            if before.is_none() {
                break;
            }
        }
        store.forget_recorded_session(user, session).await?;
    }
    Ok(())
}
