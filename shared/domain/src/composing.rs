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
    CHUNK, Finish, Gap, Lease, MAX_CHUNKS, Made, RecordedFile, Recording, RecordingNews, RecordingStatus, object_keys,
};
use crate::recordings::{UPLOAD_VALID, end, kept_until, look, refuse, tell};
use crate::{Context, Error, Result, Timestamp};

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
    /// The message's identifier, which stays the same when it comes again.
    pub message: &'a str,
}

impl<S, C, D, B, Q, M> Tending<'_, S, C, D, B, Q, M>
where
    S: Recordings + Rosters + Members + Inbox + Sync,
    C: Sockets + Sync,
    D: Delays + Sync,
    B: ObjectList + ObjectRemover + Sync,
    Q: RecordingQueue + Sync,
    M: Composer + Sync,
{
    /// Does what a recording needs now. What fails is tried again some time later, and a few times at most: that is what the answer is, for
    /// the log.
    ///
    /// # Errors
    /// What the last try failed with: the message is one of the dead letters then.
    pub async fn tend(&self, tended: Tended) -> Result<Option<Error>> {
        let Err(failed) = self.look_after(tended).await else {
            return Ok(None);
        };
        if tended.failures >= MOST_FAILURES {
            return Err(failed);
        }
        let again = Tended { failures: tended.failures + 1, ..tended };
        self.queue.tend_after(AGAIN * 2_u32.pow(tended.failures), &again).await?;
        Ok(Some(failed))
    }

    async fn look_after(&self, tended: Tended) -> Result<()> {
        let Tending { ports, bucket, queue, .. } = *self;
        let now = ports.context.now;
        let Some(recording) = ports.store.recording(tended.recording, now).await? else {
            return self.wipe(&tended).await;
        };
        match recording.status {
            RecordingStatus::Active => self.finish_if_silent(recording).await,
            RecordingStatus::Composing => self.compose(recording).await,
            RecordingStatus::Ready => {
                let recording = tell(ports, recording).await?;
                remove_all(bucket, &object_keys::chunks(recording.session, recording.id)).await
            }
            RecordingStatus::Failed => tell(ports, recording).await.map(drop),
            RecordingStatus::Deleted => {
                let recording = tell(ports, recording).await?;
                self.wipe(&tended).await?;
                match (recording.touched_at + UPLOAD_VALID).since(now) {
                    Duration::ZERO => ports.store.forget_recording(&recording).await,
                    wait => queue.tend_after(wait, &Tended::new(&recording)).await,
                }
            }
        }
    }

    /// Ends a recording of which nothing was heard for so long, and puts it together; looks again at another one.
    async fn finish_if_silent(&self, mut recording: Recording) -> Result<()> {
        let Tending { ports, bucket, queue, .. } = *self;
        let since = match quiet_since(bucket, &recording, ports.context).await? {
            Ok(since) => since,
            Err(wait) => return queue.tend_after(wait, &Tended::new(&recording)).await,
        };
        end(&mut recording, Finish { at: since, last_chunk: None, duration_ms: None });
        match ports.store.keep_recording(&recording, None).await? {
            true => self.compose(Recording { version: recording.version + 1, ..recording }).await,
            // It was heard of in this moment.
            false => queue.tend_after(LATE_LOOK, &Tended::new(&recording)).await,
        }
    }

    /// Puts a recording together that is finished.
    async fn compose(&self, recording: Recording) -> Result<()> {
        let Tending { ports, bucket, queue, composer, message } = *self;
        let (store, now) = (ports.store, ports.context.now);
        store.unmark_recording(&recording).await?;
        let mut recording = tell(ports, recording).await?;
        let seen = look(bucket, &recording, 0).await?;
        refuse(bucket, &recording, &seen.refused).await?;
        if let Some(wait) = awaited(&recording, &seen.chunks, now) {
            return queue.tend_after(wait, &Tended::new(&recording)).await;
        }
        // A message comes again when whoever had it is dead: it does not wait for itself.
        if let Some(lease) = recording.lease.as_ref().filter(|lease| lease.until > now && lease.by != message) {
            // Whoever holds it may have died.
            return queue.tend_after(lease.until.since(now), &Tended::new(&recording)).await;
        }
        recording.lease = Some(Lease { until: now + LEASE, by: message.to_owned() });
        if !store.keep_recording(&recording, None).await? {
            return queue.tend_after(LATE_LOOK, &Tended::new(&recording)).await;
        }
        recording.version += 1;
        match composer.compose(&recording, &seen.chunks).await {
            Ok(Composition::Step(step)) => self.take_step(recording, step, &seen.chunks).await,
            Ok(Composition::Unusable(why)) => {
                recording.error = Some(why);
                self.conclude(recording, RecordingStatus::Failed).await
            }
            Err(failed) => {
                recording.lease = None;
                // The next try does not wait for a lease that nobody holds.
                let is_freed = store.keep_recording(&recording, None).await;
                if matches!(is_freed, Ok(false)) && self.wipe_if_deleted(&recording).await? {
                    return Ok(());
                }
                Err(failed)
            }
        }
    }

    /// Notes a file, and goes on with the next one, each in a message of its own: so a function has to live for one file, and one that dies
    /// makes one file again.
    async fn take_step(&self, mut recording: Recording, step: Step, chunks: &[StoredChunk]) -> Result<()> {
        let mut made = recording.made.take().unwrap_or_default();
        let ends = |file: &RecordedFile| since_start(&recording, file.started_at) + file.duration_ms;
        let covered = step.file.as_ref().map(ends).into_iter().chain(step.gaps.iter().map(|gap| gap.to_ms));
        made.duration_ms = covered.fold(made.duration_ms, u64::max);
        made.files.extend(step.file);
        made.gaps.extend(step.gaps);
        recording.cursor = step.next;
        if recording.cursor.is_none() {
            let status = if made.files.is_empty() { RecordingStatus::Failed } else { RecordingStatus::Ready };
            recording.error = made.files.is_empty().then(|| unplayable(&recording, chunks));
            recording.made = Some(with_end(&recording, made));
            return self.conclude(recording, status).await;
        }
        recording.made = Some(made);
        recording.lease = None;
        if self.ports.store.keep_recording(&recording, None).await? {
            return self.queue.tend_after(Duration::ZERO, &Tended::new(&recording)).await;
        }
        self.wipe_if_deleted(&recording).await.map(drop)
    }

    /// Notes what became of a recording, unless it was deleted meanwhile.
    async fn conclude(&self, mut recording: Recording, status: RecordingStatus) -> Result<()> {
        let Tending { ports, bucket, .. } = *self;
        let (store, context) = (ports.store, ports.context);
        recording.lease = None;
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
        self.wipe_if_deleted(&recording).await.map(drop)
    }

    /// What was deleted while it was put together leaves nothing, whatever that failed with; whether it was. Otherwise somebody else was
    /// at it, who did as much.
    async fn wipe_if_deleted(&self, recording: &Recording) -> Result<bool> {
        let now = self.ports.store.recording(recording.id, self.ports.context.now).await?;
        let is_deleted = now.is_none_or(|now| now.status == RecordingStatus::Deleted);
        if is_deleted {
            self.wipe(&Tended::new(recording)).await?;
        }
        Ok(is_deleted)
    }

    /// Removes every object of a recording. Where nothing is recorded any more, the bucket's own rules do that.
    async fn wipe(&self, tended: &Tended) -> Result<()> {
        let bucket = self.bucket;
        if !self.ports.context.policy.recording {
            return Ok(());
        }
        remove_all(bucket, &object_keys::chunks(tended.session, tended.recording)).await?;
        remove_all(bucket, &object_keys::files(tended.session, tended.recording)).await
    }
}

/// Since when nothing came, if that is long enough; otherwise when to look again.
async fn quiet_since(
    bucket: &(impl ObjectList + Sync),
    recording: &Recording,
    Context { policy, now, .. }: Context<'_>,
) -> Result<std::result::Result<Timestamp, Duration>> {
    let newest = look(bucket, recording, recording.complete).await?.newest;
    let heard = newest.map_or(recording.touched_at, |newest| newest.max(recording.touched_at));
    let too_long = recording.id.timestamp() + LONGEST <= now;
    match (heard + policy.recording_quiet).since(now) {
        Duration::ZERO => Ok(Ok(heard)),
        _ if too_long => Ok(Ok(heard)),
        wait => Ok(Err(wait)),
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

fn since_start(recording: &Recording, at: Timestamp) -> u64 {
    u64::try_from(at.since(recording.started_at()).as_millis()).unwrap_or(u64::MAX)
}

/// Why none of these chunks can be played, for people.
fn unplayable(recording: &Recording, chunks: &[StoredChunk]) -> String {
    let is_missing = |first: &u32| chunks.iter().all(|chunk| chunk.number != *first);
    match recording.segments.iter().map(|segment| segment.first_chunk).find(is_missing) {
        Some(first) => format!("chunk {first} did not come, which says how those behind it are to be read"),
        None => "nothing of what came can be played".to_owned(),
    }
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
