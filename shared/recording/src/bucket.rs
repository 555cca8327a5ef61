//! From chunks in the object store to files in it: the composer between the domain's ports.

use std::pin::Pin;

use bytes::Bytes;
use domain::ports::{Composer, Composition, ObjectFile, ObjectReader, ObjectWriter, Step, StoredChunk};
use domain::recording::{Gap, MAX_CHUNK_BYTES, MediaType, RecordedFile, object_keys};
use domain::{Error, Result, Timestamp};
use futures_util::lock::Mutex;
use futures_util::stream::{Stream, StreamExt, iter};

use crate::error::{Cause, ComposeError};
use crate::{Chunk, Chunks, Container, Cursor, Files, Made, NoCursor, Recording, Segment, compose_file};

/// Chunks that are read at the same time: each has to be waited for some 20 ms. Memory has room for so many of the largest ones,
/// 8 MiB each.
const READ_AHEAD: usize = 4;

/// A file is about so large at most, in bytes: made in a minute or two, far from the 15 that a function has.
pub const FILE_BYTES: u64 = 2 * 1024 * 1024 * 1024;

/// Composes recordings within a bucket, a file at a time.
#[derive(Debug, Clone, Copy)]
pub struct BucketComposer<'a, B> {
    bucket: &'a B,
    file_bytes: u64,
}

impl<'a, B> BucketComposer<'a, B> {
    /// In that bucket, in files of about so many bytes.
    pub fn new(bucket: &'a B, file_bytes: u64) -> Self {
        Self { bucket, file_bytes }
    }
}

impl<B: ObjectReader + ObjectWriter + Sync> Composer for BucketComposer<'_, B> {
    async fn compose(&self, recording: &domain::recording::Recording, chunks: &[StoredChunk]) -> Result<Composition> {
        let cursor: Cursor = recording.cursor.as_deref().map_or(Ok(Cursor::default()), str::parse).map_err(not_ours)?;
        let chunks: Vec<Chunk> = chunks.iter().map(|chunk| Chunk { seq: chunk.number, bytes: chunk.bytes }).collect();
        let segments: Vec<Segment> = recording.segments.iter().map(segment).collect();
        let whole = Recording { chunks: &chunks, segments: &segments, ended_at: None };
        let source = Source { bucket: self.bucket, recording, chunks: &chunks, reading: Mutex::new(Reading::Nothing) };
        let mut out = Out { bucket: self.bucket, recording, file: None };
        match compose_file(&source, &whole, &cursor, self.file_bytes, &mut out).await {
            Ok(made) => Ok(Composition::Step(step(recording, &made))),
            Err(failed) if failed.may_pass() => {
                out.abandon().await;
                Err(unavailable(failed))
            }
            Err(unusable) => Ok(Composition::Unusable(unusable.to_string())),
        }
    }
}

fn not_ours(cause: NoCursor) -> Error {
    Error::Internal(Box::new(cause))
}

/// A port's own error is what the composer failed with.
fn unavailable(failed: ComposeError) -> Error {
    match failed {
        ComposeError::Read(cause) | ComposeError::Write(cause) => {
            cause.downcast::<Error>().map_or_else(Error::Unavailable, |error| *error)
        }
        other => Error::Unavailable(Box::new(other)),
    }
}

fn segment(segment: &domain::recording::RecordedSegment) -> Segment {
    Segment { first_seq: segment.first_chunk, started_at: segment.started_at.millis() }
}

fn step(recording: &domain::recording::Recording, step: &crate::Step) -> Step {
    let file = |made: Made| RecordedFile {
        number: made.number,
        content_type: content_type(&recording.media_type, made.container),
        started_at: Timestamp::from_millis(made.started_at),
        duration_ms: made.duration_ms,
        bytes: made.bytes,
    };
    Step {
        file: step.made.map(file),
        gaps: step.gaps.iter().map(|gap| Gap { from_ms: gap.from_ms, to_ms: gap.to_ms }).collect(),
        next: step.next.as_ref().map(ToString::to_string),
    }
}

/// Audio or video as the recorder said, in what it really is.
fn content_type(said: &MediaType, container: Container) -> String {
    let kind = said.essence().split('/').next().unwrap_or_default();
    format!("{kind}/{}", container.name())
}

/// Chunks on their way, in order.
type Ahead<'a> = Pin<Box<dyn Stream<Item = (u32, Result<Bytes, Cause>)> + Send + 'a>>;

/// How chunks are being read. The first one is looked at before anything else is known, and more than once; where others follow it,
/// they are on their way before they are asked for.
enum Reading<'a> {
    /// Nothing was read, or something failed.
    Nothing,
    /// That chunk was read.
    One(u32, Bytes),
    /// One is read behind the other.
    Ahead(Ahead<'a>),
}

struct Source<'a, B> {
    bucket: &'a B,
    recording: &'a domain::recording::Recording,
    chunks: &'a [Chunk],
    reading: Mutex<Reading<'a>>,
}

impl<'a, B: ObjectReader + Sync> Source<'a, B> {
    fn ahead_from(&self, seq: u32) -> Ahead<'a> {
        let (bucket, recording) = (self.bucket, self.recording);
        let from = self.chunks.partition_point(|chunk| chunk.seq < seq);
        let one = move |chunk: &'a Chunk| async move { (chunk.seq, read(bucket, recording, chunk.seq).await) };
        Box::pin(iter(&self.chunks[from..]).map(one).buffered(READ_AHEAD))
    }

    /// The chunk that is listed behind that one.
    fn behind(&self, seq: u32) -> Option<u32> {
        self.chunks.get(self.chunks.partition_point(|chunk| chunk.seq <= seq)).map(|chunk| chunk.seq)
    }
}

async fn read(bucket: &impl ObjectReader, recording: &domain::recording::Recording, seq: u32) -> Result<Bytes, Cause> {
    let most = usize::try_from(MAX_CHUNK_BYTES).unwrap_or(usize::MAX);
    let read = bucket.read_object(&object_keys::chunk(recording, seq), most).await?;
    read.map(Bytes::from).ok_or_else(|| format!("chunk {seq} is gone").into())
}

impl<B: ObjectReader + Sync> Chunks for Source<'_, B> {
    async fn read(&self, seq: u32) -> Result<Bytes, Cause> {
        let mut reading = self.reading.lock().await;
        let mut ahead = match std::mem::replace(&mut *reading, Reading::Nothing) {
            Reading::One(read, bytes) if read == seq => {
                *reading = Reading::One(read, bytes.clone());
                return Ok(bytes);
            }
            Reading::One(read, _) if self.behind(read) == Some(seq) => self.ahead_from(seq),
            Reading::Ahead(ahead) => ahead,
            Reading::Nothing | Reading::One(..) => iter([]).boxed(),
        };
        match ahead.next().await {
            Some((next, bytes)) if next == seq => {
                *reading = Reading::Ahead(ahead);
                bytes
            }
            Some(_) | None => {
                let bytes = read(self.bucket, self.recording, seq).await?;
                *reading = Reading::One(seq, bytes.clone());
                Ok(bytes)
            }
        }
    }
}

struct Out<'a, B: ObjectWriter> {
    bucket: &'a B,
    recording: &'a domain::recording::Recording,
    file: Option<B::File>,
}

impl<B: ObjectWriter> Out<'_, B> {
    /// Throws away what was begun. Where that fails, a rule of the bucket does it after a day.
    async fn abandon(&mut self) {
        if let Some(file) = self.file.take() {
            let _thrown_away = file.abort().await;
        }
    }
}

impl<B: ObjectWriter + Sync> Files for Out<'_, B> {
    async fn begin(&mut self, number: u32, container: Container) -> Result<(), Cause> {
        let recording = self.recording;
        let content_type = content_type(&recording.media_type, container);
        let key = object_keys::file(recording, number, &content_type);
        self.file = Some(self.bucket.begin_file(&key, &content_type).await?);
        Ok(())
    }

    async fn part(&mut self, part: u32, bytes: Bytes) -> Result<(), Cause> {
        let file = self.file.as_mut().ok_or("a part of no file")?;
        file.part(u16::try_from(part)?, bytes.into()).await.map_err(Cause::from)
    }

    async fn finish(&mut self) -> Result<(), Cause> {
        let file = self.file.take().ok_or("the end of no file")?;
        file.finish().await.map_err(Cause::from)
    }
}
