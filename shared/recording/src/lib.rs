//! Recordings composed of what a browser's `MediaRecorder` uploaded, chunk by chunk: files that have a duration and seek.
//!
//! A recording's chunks are the pieces of a byte stream, 4 s each, which were cut anywhere. A *segment* is one run of a
//! recorder; it begins with a chunk, and with what stands in front of media (`ftyp` and `moov`, or the EBML header).
//! What is missing is cut out at the borders of fragments (MP4) or blocks (WebM) and named as a gap; time goes on over
//! it, so that picture and sound stay in step and several people's recordings stay together.
//!
//! Nothing here does input or output: chunks come through [`Chunks`], files leave through [`Files`], and [`BucketComposer`]
//! makes both of the domain's ports. A few chunks are in memory, whatever the recording's length, and 16 bytes for each
//! place that one can seek to. Bytes may be anything: what cannot be read is left out.
//!
//! Why it is our own: docs/adr/0021-recordings-are-composed-by-our-own-code.md.

mod bucket;
mod compose;
mod cursor;
mod error;
mod file;
mod medium;
mod mp4;
mod reader;
mod silence;
mod stream;
mod timeline;
mod webm;

use bytes::Bytes;

pub use bucket::{BucketComposer, FILE_BYTES};
pub use compose::{compose, compose_file};
pub use cursor::{Cursor, Inside, NoCursor};
pub use error::{Cause, ComposeError};
pub use file::LEAST_PART_BYTES;

/// Milliseconds since the epoch.
pub type Millis = u64;

/// A chunk that is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Chunk {
    /// Its number in the recording, from 0.
    pub seq: u32,
    /// Its length.
    pub bytes: u64,
}

/// One run of a recorder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Segment {
    /// Its first chunk.
    pub first_seq: u32,
    /// The wall clock at its first sample.
    pub started_at: Millis,
}

/// What there is of a recording.
#[derive(Debug, Clone, Copy)]
pub struct Recording<'a> {
    /// The chunks that are there, rising in `seq`.
    pub chunks: &'a [Chunk],
    /// Its segments, rising in `first_seq`. The first one's start is the recording's.
    pub segments: &'a [Segment],
    /// When recording ended, where that is known: what is missing before it is a gap.
    pub ended_at: Option<Millis>,
}

/// Where chunks are read from.
pub trait Chunks {
    /// The whole chunk.
    ///
    /// # Errors
    /// Where it cannot be read now; composing fails with [`ComposeError::Read`].
    fn read(&self, seq: u32) -> impl Future<Output = Result<Bytes, Cause>> + Send;
}

/// Where files go, one after another, as a multipart upload takes them: all parts but the last have at least
/// [`LEAST_PART_BYTES`], and part 1 comes last, because a file's beginning is known last.
pub trait Files {
    /// Begins file `number`, from 0. One that was begun before under that number is replaced.
    ///
    /// # Errors
    /// Any error here ends composing with [`ComposeError::Write`].
    fn begin(&mut self, number: u32, container: Container) -> impl Future<Output = Result<(), Cause>> + Send;
    /// Takes part `part`, from 1.
    ///
    /// # Errors
    /// As above.
    fn part(&mut self, part: u32, bytes: Bytes) -> impl Future<Output = Result<(), Cause>> + Send;
    /// Puts the parts together, in the order of their numbers.
    ///
    /// # Errors
    /// As above.
    fn finish(&mut self) -> impl Future<Output = Result<(), Cause>> + Send;
}

/// What a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Container {
    /// Fragmented MP4 (ISO/IEC 14496-12).
    Mp4,
    /// WebM, a profile of Matroska (RFC 9559).
    Webm,
}

impl Container {
    /// The ending of its files' names, and the second half of their media type.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Mp4 => "mp4",
            Self::Webm => "webm",
        }
    }
}

/// Time of which nothing is there, in milliseconds from the recording's start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gap {
    /// Its beginning.
    pub from_ms: u64,
    /// Its end.
    pub to_ms: u64,
}

/// A file that was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Made {
    /// Its number, from 0.
    pub number: u32,
    /// What it is.
    pub container: Container,
    /// The wall clock at its beginning.
    pub started_at: Millis,
    /// How long it plays, gaps in it included.
    pub duration_ms: u64,
    /// Its length.
    pub bytes: u64,
}

/// What one step of composing came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// The file; `None` where nothing was left that could be played.
    pub made: Option<Made>,
    /// The gaps from where it began, up to the next one's beginning.
    pub gaps: Vec<Gap>,
    /// Where the next file begins. `None`: all is done.
    pub next: Option<Cursor>,
}

/// A recording that was composed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Composed {
    /// At least one.
    pub files: Vec<Made>,
    /// What is missing.
    pub gaps: Vec<Gap>,
    /// Milliseconds from the recording's start to the end of the last file.
    pub duration_ms: u64,
}
