//! Puts chunks together, from object to object: the bucket as the composer's source and target.

use bytes::Bytes;
use domain::ports::{Composer, Composition, ObjectFile, ObjectReader, ObjectWriter, Step, StoredChunk};
use domain::recording::{Gap, MAX_CHUNK_BYTES, RecordedFile, Recording, object_keys};
use domain::{Error, Result, Timestamp};
use objects::{Bucket, Upload};
use recording::{Cause, Chunk, Chunks, ComposeError, Container, Cursor, Files, Inside, Segment, compose_file};

/// A file is about so large at most, in bytes: made in a minute or two, far from the 15 that a function has.
const FILE_BYTES: u64 = 2 * 1024 * 1024 * 1024;

/// Puts chunks together in that bucket.
pub struct BucketComposer<'a>(pub &'a Bucket);

impl Composer for BucketComposer<'_> {
    async fn compose(&self, recording: &Recording, chunks: &[StoredChunk]) -> Result<Composition> {
        let chunks: Vec<_> = chunks.iter().map(|chunk| Chunk { seq: chunk.number, bytes: chunk.bytes }).collect();
        let segments: Vec<_> = recording
            .segments
            .iter()
            .map(|each| Segment { first_seq: each.first_chunk, started_at: each.started_at.millis() })
            .collect();
        let cursor = recording.cursor.as_deref().map_or(Some(Cursor::default()), parse);
        let cursor = cursor.ok_or_else(|| Error::Internal("a cursor that is not ours".into()))?;
        let (source, mut out) = (Source { bucket: self.0, recording }, Out { bucket: self.0, recording, open: None });
        let what = recording::Recording { chunks: &chunks, segments: &segments, ended_at: None };
        let step = compose_file(&source, &what, &cursor, FILE_BYTES, &mut out).await;
        if let Some(left) = out.open {
            // It goes away by itself, a day later.
            let _aborted = left.abort().await;
        }
        match step {
            Ok(step) => Ok(Composition::Step(Step {
                file: step.made.map(|made| RecordedFile {
                    number: made.number,
                    content_type: content_type(recording, made.container),
                    started_at: Timestamp::from_millis(made.started_at),
                    duration_ms: made.duration_ms,
                    bytes: made.bytes,
                }),
                gaps: step.gaps.iter().map(|gap| Gap { from_ms: gap.from_ms, to_ms: gap.to_ms }).collect(),
                next: step.next.as_ref().map(text),
            })),
            Err(error) if error.may_pass() => Err(failed(error)),
            Err(error) => Ok(Composition::Unusable(error.to_string())),
        }
    }
}

/// A port's own error is what the composer failed with.
fn failed(error: ComposeError) -> Error {
    match error {
        ComposeError::Read(cause) | ComposeError::Write(cause) => {
            cause.downcast::<Error>().map_or_else(Error::Unavailable, |error| *error)
        }
        other => Error::Unavailable(Box::new(other)),
    }
}

/// Audio or video, as the client said; in what, as its recorder made it.
fn content_type(recording: &Recording, container: Container) -> String {
    let kind = recording.media_type.essence().split('/').next().unwrap_or("video");
    format!("{kind}/{}", container.name())
}

struct Source<'a> {
    bucket: &'a Bucket,
    recording: &'a Recording,
}

impl Chunks for Source<'_> {
    async fn read(&self, seq: u32) -> Result<Bytes, Cause> {
        let most = usize::try_from(MAX_CHUNK_BYTES).unwrap_or(usize::MAX);
        let read = self.bucket.read_object(&object_keys::chunk(self.recording, seq), most).await?;
        // One that went since it was listed has another length.
        Ok(read.unwrap_or_default().into())
    }
}

struct Out<'a> {
    bucket: &'a Bucket,
    recording: &'a Recording,
    open: Option<Upload>,
}

impl Files for Out<'_> {
    async fn begin(&mut self, number: u32, container: Container) -> Result<(), Cause> {
        let content_type = content_type(self.recording, container);
        let key = object_keys::file(self.recording, number, &content_type);
        self.open = Some(self.bucket.begin_file(&key, &content_type).await?);
        Ok(())
    }

    async fn part(&mut self, part: u32, bytes: Bytes) -> Result<(), Cause> {
        let open = self.open.as_mut().ok_or("a part of no file")?;
        Ok(open.part(u16::try_from(part)?, bytes.into()).await?)
    }

    async fn finish(&mut self) -> Result<(), Cause> {
        let open = self.open.take().ok_or("the end of no file")?;
        Ok(open.finish().await?)
    }
}

/// A cursor as text: numbers with spaces between them, and `-` for what there is not.
fn text(cursor: &Cursor) -> String {
    let Cursor { file, segment, inside, covered_ms, lost_ms } = cursor;
    let lost = lost_ms.map_or_else(|| "-".to_owned(), |lost| lost.to_string());
    let place = inside.map_or_else(String::new, |Inside { seq, offset, base, segment_ms }| {
        format!(" {seq} {offset} {base} {segment_ms}")
    });
    format!("{file} {segment} {covered_ms} {lost}{place}")
}

fn parse(text: &str) -> Option<Cursor> {
    let words: Vec<_> = text.split(' ').collect();
    let (begin, place) = words.split_at_checked(4)?;
    let [file, segment, covered, lost] = begin else { return None };
    let inside = match place {
        [] => None,
        [seq, offset, base, segment_ms] => Some(Inside {
            seq: seq.parse().ok()?,
            offset: offset.parse().ok()?,
            base: base.parse().ok()?,
            segment_ms: segment_ms.parse().ok()?,
        }),
        _ => return None,
    };
    let lost_ms = if *lost == "-" { None } else { Some(lost.parse().ok()?) };
    Some(Cursor {
        file: file.parse().ok()?,
        segment: segment.parse().ok()?,
        inside,
        covered_ms: covered.parse().ok()?,
        lost_ms,
    })
}
