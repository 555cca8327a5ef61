//! Looking after recordings: each is put together when it is finished, or when nothing came for a while, and what is deleted is removed.
//!
//! A message says which one to look at. It may come twice, late, and while another one is handled; the function may die between any two
//! steps. So every step may be repeated, and of two at the same time a lease lets one through.

use std::time::Duration;

use crate::ports::{
    Composer, Composition, Delays, Inbox, Members, ObjectList, ObjectRemover, Ports, RecordingQueue, Recordings,
    Rosters, Sockets, Step, StoredChunk, Tended,
};
use crate::recording::{
    CHUNK, Finish, Gap, MAX_CHUNKS, Made, RecordedFile, Recording, RecordingNews, RecordingStatus, object_keys,
};
use crate::recordings::{QUIET, UPLOAD_VALID, end, kept_until, look, refuse, tell};
use crate::{Error, Result, Timestamp};

/// A chunk may come so long after the end of its recording was said: it may have been on its way.
pub const LATE: Duration = Duration::from_secs(30);
/// How often is looked for chunks that are on their way.
const LATE_LOOK: Duration = Duration::from_secs(10);
/// How long one may take to put a recording together: as long as the function lives.
pub const LEASE: Duration = Duration::from_secs(15 * 60);
/// A recording is put together after so long, whatever still comes.
const LONGEST: Duration = Duration::from_secs(13 * 60 * 60);
/// How often looking may fail before the queue has it as one of its dead letters.
const MOST_FAILURES: u32 = 5;
/// After so long it is looked again, and twice as long each time.
const AGAIN: Duration = Duration::from_secs(30);

/// What looking after a recording needs beside the message.
pub struct Tending<'a, S, C, D, B, Q, M> {
    /// The table, the clients' connections, the delay queue.
    pub ports: Ports<'a, S, C, D>,
    /// The object store.
    pub bucket: &'a B,
    /// The queue that the message came from.
    pub queue: &'a Q,
    /// What puts chunks together.
    pub composer: &'a M,
}

impl<S, C, D, B, Q, M> Clone for Tending<'_, S, C, D, B, Q, M> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<S, C, D, B, Q, M> Copy for Tending<'_, S, C, D, B, Q, M> {}

/// Does what a recording needs now. What fails is tried again some time later, and a few times at most: that is what the answer is, for
/// the log.
///
/// # Errors
/// What the last try failed with: the message is one of the dead letters then.
pub async fn tend(
    with: Tending<
        '_,
        impl Recordings + Rosters + Members + Inbox + Sync,
        impl Sockets + Sync,
        impl Delays + Sync,
        impl ObjectList + ObjectRemover + Sync,
        impl RecordingQueue + Sync,
        impl Composer + Sync,
    >,
    tended: Tended,
) -> Result<Option<Error>> {
    let Err(failed) = look_after(with, tended).await else {
        return Ok(None);
    };
    if tended.failures >= MOST_FAILURES {
        return Err(failed);
    }
    let again = Tended { failures: tended.failures + 1, ..tended };
    with.queue.tend_after(AGAIN * 2_u32.pow(tended.failures), &again).await?;
    Ok(Some(failed))
}

async fn look_after(
    with: Tending<
        '_,
        impl Recordings + Rosters + Members + Inbox + Sync,
        impl Sockets + Sync,
        impl Delays + Sync,
        impl ObjectList + ObjectRemover + Sync,
        impl RecordingQueue + Sync,
        impl Composer + Sync,
    >,
    tended: Tended,
) -> Result<()> {
    let Tending { ports, bucket, queue, .. } = with;
    let now = ports.context.now;
    let Some(recording) = ports.store.recording(tended.recording, now).await? else {
        return wipe(with, &tended).await;
    };
    match recording.status {
        RecordingStatus::Active => match quiet_since(bucket, &recording, now).await? {
            Ok(since) => {
                let mut over = recording;
                end(&mut over, Finish { at: since, last_chunk: None, duration_ms: None });
                match ports.store.keep_recording(&over, None).await? {
                    true => compose(with, Recording { version: over.version + 1, ..over }).await,
                    // It was heard of in this moment.
                    false => queue.tend_after(LATE_LOOK, &Tended::new(&over)).await,
                }
            }
            Err(wait) => queue.tend_after(wait, &Tended::new(&recording)).await,
        },
        RecordingStatus::Composing => compose(with, recording).await,
        RecordingStatus::Ready => {
            let recording = tell(ports, recording).await?;
            remove_all(bucket, &object_keys::chunks(recording.session, recording.id)).await
        }
        RecordingStatus::Failed => tell(ports, recording).await.map(drop),
        RecordingStatus::Deleted => {
            let recording = tell(ports, recording).await?;
            wipe(with, &tended).await?;
            match (recording.touched_at + UPLOAD_VALID).since(now) {
                Duration::ZERO => ports.store.forget_recording(&recording).await,
                wait => queue.tend_after(wait, &Tended::new(&recording)).await,
            }
        }
    }
}

/// Since when nothing came, if that is long enough; otherwise when to look again.
async fn quiet_since(
    bucket: &(impl ObjectList + Sync),
    recording: &Recording,
    now: Timestamp,
) -> Result<std::result::Result<Timestamp, Duration>> {
    let newest = look(bucket, recording, recording.complete).await?.newest;
    let heard = newest.map_or(recording.touched_at, |newest| newest.max(recording.touched_at));
    let too_long = recording.id.timestamp() + LONGEST <= now;
    match (heard + QUIET).since(now) {
        Duration::ZERO => Ok(Ok(heard)),
        _ if too_long => Ok(Ok(heard)),
        wait => Ok(Err(wait)),
    }
}

/// Puts a recording together that is finished.
async fn compose(
    with: Tending<
        '_,
        impl Recordings + Rosters + Members + Inbox + Sync,
        impl Sockets + Sync,
        impl Delays + Sync,
        impl ObjectList + ObjectRemover + Sync,
        impl RecordingQueue + Sync,
        impl Composer + Sync,
    >,
    recording: Recording,
) -> Result<()> {
    let Tending { ports, bucket, queue, composer } = with;
    let (store, now) = (ports.store, ports.context.now);
    store.unmark_recording(&recording).await?;
    let mut recording = tell(ports, recording).await?;
    let seen = look(bucket, &recording, 0).await?;
    refuse(bucket, &recording, &seen.refused).await?;
    if let Some(wait) = awaited(&recording, &seen.chunks, now) {
        return queue.tend_after(wait, &Tended::new(&recording)).await;
    }
    if let Some(until) = recording.lease_until.filter(|until| *until > now) {
        // Whoever holds it may have died.
        return queue.tend_after(until.since(now), &Tended::new(&recording)).await;
    }
    recording.lease_until = Some(now + LEASE);
    if !store.keep_recording(&recording, None).await? {
        return queue.tend_after(LATE_LOOK, &Tended::new(&recording)).await;
    }
    recording.version += 1;
    match composer.compose(&recording, &seen.chunks).await {
        Ok(Composition::Step(step)) => take_step(with, recording, step).await,
        Ok(Composition::Unusable(why)) => {
            recording.error = Some(why);
            conclude(with, recording, RecordingStatus::Failed).await
        }
        Err(failed) => {
            recording.lease_until = None;
            // The next try does not wait for a lease that nobody holds.
            let _freed = store.keep_recording(&recording, None).await;
            Err(failed)
        }
    }
}

/// How long to wait for chunks that may be on their way, if some are missing and it is not too late.
fn awaited(recording: &Recording, chunks: &[StoredChunk], now: Timestamp) -> Option<Duration> {
    let finish = recording.finish?;
    let expected = finish.last_chunk.map_or(0, |last| last.min(MAX_CHUNKS - 1) + 1);
    let there = chunks.iter().filter(|chunk| chunk.number < expected).count();
    let left = (finish.at + LATE).since(now);
    let is_missing = (there as u64) < u64::from(expected);
    (is_missing && left > Duration::ZERO).then(|| left.min(LATE_LOOK))
}

/// Notes a file, and goes on with the next one, each in a message of its own: so a function has to live for one file, and one that dies
/// makes one file again.
async fn take_step(
    with: Tending<
        '_,
        impl Recordings + Rosters + Members + Inbox + Sync,
        impl Sockets + Sync,
        impl Delays + Sync,
        impl ObjectList + ObjectRemover + Sync,
        impl RecordingQueue + Sync,
        impl Sync,
    >,
    mut recording: Recording,
    step: Step,
) -> Result<()> {
    let mut made = recording.made.take().unwrap_or_default();
    let ends = |file: &RecordedFile| since_start(&recording, file.started_at) + file.duration_ms;
    let covered = step.file.as_ref().map(ends).into_iter().chain(step.gaps.iter().map(|gap| gap.to_ms));
    made.duration_ms = covered.fold(made.duration_ms, u64::max);
    made.files.extend(step.file);
    made.gaps.extend(step.gaps);
    recording.cursor = step.next;
    if recording.cursor.is_none() {
        let status = if made.files.is_empty() { RecordingStatus::Failed } else { RecordingStatus::Ready };
        recording.error = made.files.is_empty().then(|| "nothing of what came can be played".to_owned());
        recording.made = Some(with_end(&recording, made));
        return conclude(with, recording, status).await;
    }
    recording.made = Some(made);
    recording.lease_until = None;
    if with.ports.store.keep_recording(&recording, None).await? {
        return with.queue.tend_after(Duration::ZERO, &Tended::new(&recording)).await;
    }
    wipe_if_deleted(with, &recording).await
}

fn since_start(recording: &Recording, at: Timestamp) -> u64 {
    u64::try_from(at.since(recording.started_at()).as_millis()).unwrap_or(u64::MAX)
}

/// Notes what became of a recording, unless it was deleted meanwhile.
async fn conclude(
    with: Tending<
        '_,
        impl Recordings + Rosters + Members + Inbox + Sync,
        impl Sockets + Sync,
        impl Delays + Sync,
        impl ObjectList + ObjectRemover + Sync,
        impl Sync,
        impl Sync,
    >,
    mut recording: Recording,
    status: RecordingStatus,
) -> Result<()> {
    let Tending { ports, bucket, .. } = with;
    let (store, context) = (ports.store, ports.context);
    recording.lease_until = None;
    recording.status = status;
    recording.untold = Some(RecordingNews::Done);
    recording.keep_until = kept_until(context, Duration::ZERO);
    if store.keep_recording(&recording, Some(context.now)).await? {
        let recording = tell(ports, Recording { version: recording.version + 1, ..recording }).await?;
        if recording.status == RecordingStatus::Ready {
            remove_all(bucket, &object_keys::chunks(recording.session, recording.id)).await?;
        }
        return Ok(());
    }
    wipe_if_deleted(with, &recording).await
}

/// What was deleted while it was put together leaves nothing. Otherwise somebody else was at it, who did as much.
async fn wipe_if_deleted(
    with: Tending<
        '_,
        impl Recordings + Sync,
        impl Sync,
        impl Sync,
        impl ObjectList + ObjectRemover + Sync,
        impl Sync,
        impl Sync,
    >,
    recording: &Recording,
) -> Result<()> {
    let now = with.ports.store.recording(recording.id, with.ports.context.now).await?;
    if now.is_none_or(|now| now.status == RecordingStatus::Deleted) {
        return wipe(with, &Tended::new(recording)).await;
    }
    Ok(())
}

/// With what is missing at the end, where the client said that there was more, and there was time for it.
fn with_end(recording: &Recording, made: Made) -> Made {
    let Some(Finish { at, last_chunk: Some(last), duration_ms }) = recording.finish else {
        return made;
    };
    let chunks = u64::from(last) + 1;
    let said = duration_ms.unwrap_or(chunks * u64::try_from(CHUNK.as_millis()).unwrap_or(u64::MAX));
    let ended = said.min(since_start(recording, at));
    let chunk = u64::try_from(CHUNK.as_millis()).unwrap_or(u64::MAX);
    // A chunk is as long as the recorder makes it, and no two clocks agree: less than one is no gap.
    if ended < made.duration_ms + chunk {
        return made;
    }
    let mut gaps = made.gaps;
    gaps.push(Gap { from_ms: made.duration_ms, to_ms: ended });
    Made { gaps, duration_ms: ended, ..made }
}

/// Removes every object of a recording. Where nothing is recorded any more, the bucket's own rules do that.
async fn wipe(
    with: Tending<'_, impl Sync, impl Sync, impl Sync, impl ObjectList + ObjectRemover + Sync, impl Sync, impl Sync>,
    tended: &Tended,
) -> Result<()> {
    let bucket = with.bucket;
    if !with.ports.context.policy.recording {
        return Ok(());
    }
    remove_all(bucket, &object_keys::chunks(tended.session, tended.recording)).await?;
    remove_all(bucket, &object_keys::files(tended.session, tended.recording)).await
}

async fn remove_all(bucket: &(impl ObjectList + ObjectRemover + Sync), prefix: &str) -> Result<()> {
    loop {
        // What is removed is not in the next page.
        let keys: Vec<_> =
            bucket.list_objects(prefix, None).await?.items.into_iter().map(|object| object.key).collect();
        if keys.is_empty() {
            return Ok(());
        }
        bucket.remove_objects(&keys).await?;
    }
}
