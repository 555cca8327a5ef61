//! From segments to files.

use crate::error::ComposeError;
use crate::file::FileWriter;
use crate::medium::{Medium, Piece, SegmentReader};
use crate::mp4::Mp4;
use crate::stream::{Place, Stream};
use crate::timeline::{LONGEST_MS, Timeline};
use crate::webm::Webm;
use crate::{Chunk, Chunks, Composed, Container, Cursor, Files, Inside, Made, Recording, Segment, Step};

/// Composes all of a recording, into files of at most about `file_bytes` each.
///
/// # Errors
/// [`ComposeError`]. What was begun is left to `out`.
pub async fn compose<S: Chunks + Sync, O: Files + Send>(
    source: &S,
    recording: &Recording<'_>,
    file_bytes: u64,
    out: &mut O,
) -> Result<Composed, ComposeError> {
    let (mut files, mut gaps) = (Vec::new(), Vec::new());
    let mut cursor = Some(Cursor::default());
    while let Some(at) = cursor {
        let step = compose_file(source, recording, &at, file_bytes, out).await?;
        files.extend(step.made);
        gaps.extend(step.gaps);
        cursor = step.next;
    }
    let start = recording.segments.first().map_or(0, |first| first.started_at);
    let end = files.iter().map(|made| made.started_at.saturating_sub(start) + made.duration_ms).max();
    let duration_ms = end.ok_or(ComposeError::Unreadable)?;
    Ok(Composed { files, gaps, duration_ms })
}

/// Makes the file that begins at `cursor`. The same chunks and cursor give the same file.
///
/// # Errors
/// [`ComposeError`]. What was begun is left to `out`.
pub async fn compose_file<S: Chunks + Sync, O: Files + Send>(
    source: &S,
    recording: &Recording<'_>,
    cursor: &Cursor,
    file_bytes: u64,
    out: &mut O,
) -> Result<Step, ComposeError> {
    if recording.chunks.is_empty() || recording.segments.is_empty() {
        return Err(ComposeError::Empty);
    }
    let start = recording.segments[0].started_at;
    let timeline = Timeline::new(start, cursor.covered_ms, cursor.lost_ms);
    let mut job = Job { source, recording, start, file_bytes, cursor: *cursor, timeline };
    let made = job.file(out).await?;
    Ok(job.step(made))
}

struct Job<'a, S> {
    source: &'a S,
    recording: &'a Recording<'a>,
    /// The recording's start.
    start: u64,
    file_bytes: u64,
    /// Where reading stands, by segments; inside one only where a file began or ends there.
    cursor: Cursor,
    timeline: Timeline,
}

/// A file that grows.
struct Filling<'o, M, O> {
    medium: M,
    writer: FileWriter<'o, O>,
    /// Milliseconds from the recording's start, once something is in it.
    begins: Option<u64>,
}

/// Why a segment is left.
#[derive(PartialEq, Eq)]
enum Left {
    AtItsEnd,
    /// The file is full; the next one begins there.
    Full,
}

impl<'a, S: Chunks + Sync> Job<'a, S> {
    async fn file<O: Files + Send>(&mut self, out: &mut O) -> Result<Option<Made>, ComposeError> {
        while let Some((_, chunks)) = self.segment() {
            let mut stream = Stream::new(self.source, chunks);
            match container(stream.peek(SIGNATURE_BYTES).await?) {
                Some(Container::Mp4) => return self.fill::<Mp4, O>(out).await,
                Some(Container::Webm) => return self.fill::<Webm, O>(out).await,
                None => self.lose_segment(),
            }
        }
        Ok(None)
    }

    /// The segment that is to be read, with what is there of it.
    fn segment(&self) -> Option<(Segment, &'a [Chunk])> {
        let (index, all) = (self.cursor.segment as usize, self.recording.segments);
        let segment = *all.get(index)?;
        let end = all.get(index + 1).map_or(u32::MAX, |next| next.first_seq);
        let place = |seq: u32| self.recording.chunks.partition_point(|chunk| chunk.seq < seq);
        let chunks = self.recording.chunks.get(place(segment.first_seq)..place(end)).unwrap_or(&[]);
        // Without its first chunk, nothing says how to read the others.
        let begins = chunks.first().is_some_and(|first| first.seq == segment.first_seq);
        Some((segment, if begins { chunks } else { &[] }))
    }

    fn next_segment(&mut self) {
        self.cursor.segment += 1;
        self.cursor.inside = None;
    }

    fn lose_segment(&mut self) {
        self.timeline.lose();
        self.next_segment();
    }

    /// Fills a file from this segment and those that go on with it.
    async fn fill<M: Medium, O: Files + Send>(&mut self, out: &mut O) -> Result<Option<Made>, ComposeError> {
        let there = self.recording.chunks.iter().map(|chunk| chunk.bytes).fold(0, u64::saturating_add);
        let most_bytes = there.min(self.file_bytes.saturating_add(LONGEST_PIECE));
        let writer = FileWriter::new(out, self.cursor.file, M::CONTAINER, most_bytes);
        let mut file = Filling { medium: M::default(), writer, begins: None };
        while let Some((segment, chunks)) = self.segment() {
            let mut stream = Stream::new(self.source, chunks);
            let container = container(stream.peek(SIGNATURE_BYTES).await?);
            if container.is_some_and(|other| other != M::CONTAINER) {
                break;
            }
            let reader = if container.is_some() { M::Reader::open(&mut stream).await? } else { None };
            let Some(mut reader) = reader else {
                self.lose_segment();
                continue;
            };
            if file.begins.is_none() {
                file.medium = M::default();
            }
            if !file.medium.join(&mut reader) {
                break;
            }
            let at = self.enter(segment, &mut stream, &mut reader).await?;
            if self.read_segment(at, &mut stream, &mut reader, &mut file).await? == Left::Full {
                break;
            }
            self.next_segment();
        }
        self.finish(file).await
    }

    /// Goes to where reading begins; the segment's start, in milliseconds from the recording's.
    async fn enter(
        &mut self,
        segment: Segment,
        stream: &mut Stream<'_, S>,
        reader: &mut impl SegmentReader,
    ) -> Result<u64, ComposeError> {
        let Some(inside) = self.cursor.inside.take() else {
            return Ok(self.timeline.place_segment(segment.started_at));
        };
        stream.go_to(Place { seq: inside.seq, offset: inside.offset }).await?;
        reader.resume(inside.base);
        Ok(inside.segment_ms)
    }

    async fn read_segment<M: Medium, O: Files + Send>(
        &mut self,
        at: u64,
        stream: &mut Stream<'_, S>,
        reader: &mut M::Reader,
        file: &mut Filling<'_, M, O>,
    ) -> Result<Left, ComposeError> {
        while let Some(piece) = reader.next(stream).await? {
            if piece.lost {
                self.timeline.lose();
            }
            let (from, to) = (at.saturating_add(piece.span.from), at.saturating_add(piece.span.to));
            if to > LONGEST_MS {
                self.timeline.lose();
                continue;
            }
            let shift = at.cast_signed() - file.begins.unwrap_or(from).cast_signed();
            if file.begins.is_some() && piece.begins && self.ends_before(&piece, shift, reader, file) {
                self.cursor.inside = inside(&piece, at);
                return Ok(Left::Full);
            }
            file.begins.get_or_insert(from);
            let whole = piece.whole;
            file.medium.add(reader, piece.content, shift, stream, &mut file.writer).await?;
            self.timeline.cover(from, to, whole);
        }
        if reader.loss().lost {
            self.timeline.lose();
        }
        Ok(Left::AtItsEnd)
    }

    /// Whether the file ends and another begins before a piece.
    fn ends_before<M: Medium, O: Files + Send>(
        &self,
        piece: &Piece<<M::Reader as SegmentReader>::Piece>,
        shift_ms: i64,
        reader: &M::Reader,
        file: &Filling<'_, M, O>,
    ) -> bool {
        file.writer.written() >= self.file_bytes || !file.medium.in_step(reader, &piece.content, shift_ms)
    }

    async fn finish<M: Medium, O: Files + Send>(
        &mut self,
        mut file: Filling<'_, M, O>,
    ) -> Result<Option<Made>, ComposeError> {
        let Some(begins) = file.begins else { return Ok(None) };
        let started_at = self.start + begins;
        let ending = file.medium.end(started_at, &mut file.writer).await?;
        let bytes = file.writer.finish(ending.header).await?;
        let (number, container) = (self.cursor.file, M::CONTAINER);
        Ok(Some(Made { number, container, started_at, duration_ms: ending.duration_ms, bytes }))
    }

    fn step(self, made: Option<Made>) -> Step {
        let (covered_ms, lost_ms) = self.timeline.state();
        if (self.cursor.segment as usize) < self.recording.segments.len() {
            let file = self.cursor.file + u32::from(made.is_some());
            let next = Cursor { file, covered_ms, lost_ms, ..self.cursor };
            return Step { made, gaps: self.timeline.pause(), next: Some(next) };
        }
        Step { made, gaps: self.timeline.end(self.recording.ended_at), next: None }
    }
}

fn inside<C>(piece: &Piece<C>, segment_ms: u64) -> Option<Inside> {
    piece.place.map(|place| Inside { seq: place.seq, offset: place.offset, base: piece.base, segment_ms })
}

/// A file ends before the first piece behind its bound, so it may have that much more.
const LONGEST_PIECE: u64 = 1024 * 1024 * 1024;
/// Bytes that tell what a stream is.
const SIGNATURE_BYTES: usize = 8;

/// MP4 begins with `ftyp` (ISO/IEC 14496-12, 4.3), WebM with the EBML header (RFC 8794, 11.2.1).
fn container(head: &[u8]) -> Option<Container> {
    match head {
        [_, _, _, _, b'f', b't', b'y', b'p', ..] => Some(Container::Mp4),
        [0x1a, 0x45, 0xdf, 0xa3, ..] => Some(Container::Webm),
        _ => None,
    }
}
