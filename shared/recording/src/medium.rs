//! What MP4 and WebM have in common for whoever composes.

use crate::error::ComposeError;
use crate::file::FileWriter;
use crate::stream::{Place, Stream};
use crate::{Chunks, Container, Files};

/// So many bytes are looked through at once for a place to go on from.
const SCANNED: usize = 64 * 1024;

/// Milliseconds from a segment's start.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Span {
    pub from: u64,
    pub to: u64,
}

/// What goes into a file whole or not at all: a fragment, a block.
pub(crate) struct Piece<C> {
    pub span: Span,
    /// Whether a next file may begin with it.
    pub begins: bool,
    /// Whether every track is there: after a loss, video has to wait for a key frame.
    pub whole: bool,
    /// Whether bytes before it were missing or damaged.
    pub lost: bool,
    /// Where it begins, and what `resume` needs to know there.
    pub place: Option<Place>,
    pub base: u64,
    pub content: C,
}

/// A file's beginning, which is known last.
pub(crate) struct Ending {
    pub header: Vec<u8>,
    pub duration_ms: u64,
}

/// What one box or element came to.
pub(crate) enum Step<C> {
    Passed,
    /// Passed over, though it held something.
    Lost,
    /// Not what stands there: what follows has to be looked for.
    Damaged,
    Found(Piece<C>),
}

/// What is known of the bytes behind the last piece.
#[derive(Default)]
pub(crate) struct Loss {
    /// Whether some were missing or damaged.
    pub lost: bool,
    /// Whether the next place to go on from has to be looked for.
    pub scanning: bool,
}

/// A segment that is read, piece by piece.
pub(crate) trait SegmentReader: Sized + Send {
    /// What is particular of a piece.
    type Piece: Send;
    /// The bytes by which a place to go on from is known, and how many of it stand in front of them.
    const MARK: (&'static [u8], usize);

    /// Reads what stands in front of the pieces. `None` where that is missing or not understood.
    fn open<S: Chunks + Sync>(
        stream: &mut Stream<'_, S>,
    ) -> impl Future<Output = Result<Option<Self>, ComposeError>> + Send;

    /// Goes on in the middle, where a piece with this base begins.
    fn resume(&mut self, base: u64);

    /// What is known of the bytes behind the last piece.
    fn loss(&mut self) -> &mut Loss;

    /// Notes that bytes were missing or damaged, and whether the next place has to be looked for.
    fn lose(&mut self, scanning: bool) {
        *self.loss() = Loss { lost: true, scanning };
    }

    /// Passes over what is left of a piece that was found and not added.
    fn pass_over<S: Chunks + Sync>(
        &mut self,
        _stream: &mut Stream<'_, S>,
    ) -> impl Future<Output = Result<(), ComposeError>> + Send {
        std::future::ready(Ok(()))
    }

    /// Reads what stands next in the stream.
    fn step<S: Chunks + Sync>(
        &mut self,
        stream: &mut Stream<'_, S>,
    ) -> impl Future<Output = Result<Step<Self::Piece>, ComposeError>> + Send;

    /// The next piece that can be played; the first of a file, too. Pieces that are not added are passed over.
    fn next<S: Chunks + Sync>(
        &mut self,
        stream: &mut Stream<'_, S>,
    ) -> impl Future<Output = Result<Option<Piece<Self::Piece>>, ComposeError>> + Send {
        async {
            self.pass_over(stream).await?;
            loop {
                if self.loss().scanning {
                    scan(stream, Self::MARK).await?;
                    self.loss().scanning = false;
                }
                if stream.left() == 0 {
                    if !stream.next_run() {
                        return Ok(None);
                    }
                    self.lose(true);
                    continue;
                }
                match self.step(stream).await? {
                    Step::Passed => {}
                    Step::Lost => self.lose(false),
                    Step::Damaged => {
                        stream.skip(1).await?;
                        self.lose(true);
                    }
                    Step::Found(piece) => {
                        self.loss().lost = false;
                        return Ok(Some(piece));
                    }
                }
            }
        }
    }
}

/// Goes to the next place that looks like one to go on from, or to the run's end.
async fn scan<S: Chunks + Sync>(
    stream: &mut Stream<'_, S>,
    (mark, in_front): (&[u8], usize),
) -> Result<(), ComposeError> {
    loop {
        let seen = stream.peek(SCANNED).await?;
        let all = seen.len();
        let looked_at = seen.get(in_front..).unwrap_or(&[]);
        if let Some(at) = looked_at.windows(mark.len()).position(|bytes| bytes == mark) {
            stream.consume(at);
            return Ok(());
        }
        if all as u64 == stream.left() {
            stream.consume(all);
            return Ok(());
        }
        stream.consume(all + 1 - in_front - mark.len());
    }
}

/// A file that is made of segments.
pub(crate) trait Medium: Default + Send {
    /// What is read and made.
    const CONTAINER: Container;
    /// How it is read.
    type Reader: SegmentReader;

    /// Takes a segment's tracks: a file's first as they are, later ones where they go on with those that are there. `false`,
    /// and nothing is changed, where they do not.
    fn join(&mut self, segment: &mut Self::Reader) -> bool;

    /// Whether sound would stay in step with the picture if this piece came next, moved by so many milliseconds.
    fn in_step(&self, segment: &Self::Reader, piece: &<Self::Reader as SegmentReader>::Piece, shift_ms: i64) -> bool;

    /// Writes a piece, moved by so many milliseconds.
    fn add<S: Chunks + Sync, O: Files + Send>(
        &mut self,
        segment: &mut Self::Reader,
        piece: <Self::Reader as SegmentReader>::Piece,
        shift_ms: i64,
        stream: &mut Stream<'_, S>,
        out: &mut FileWriter<'_, O>,
    ) -> impl Future<Output = Result<(), ComposeError>> + Send;

    /// Writes what was held back, and says how the file begins. `created_at`: milliseconds since the epoch.
    fn end<O: Files + Send>(
        self,
        created_at: u64,
        out: &mut FileWriter<'_, O>,
    ) -> impl Future<Output = Result<Ending, ComposeError>> + Send;
}

/// For each new track the known one that it goes on. `None` where there is none of its kind and configuration.
pub(crate) fn map_tracks<T>(new: &[T], known: &[&T], equal: impl Fn(&T, &T) -> bool) -> Option<Vec<usize>> {
    let mut places: Vec<usize> = Vec::new();
    for track in new {
        places.push((0..known.len()).find(|place| !places.contains(place) && equal(track, known[*place]))?);
    }
    Some(places)
}
