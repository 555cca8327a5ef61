//! WebM, as `MediaRecorder` writes it: clusters of an unknown size, without duration and without cues.

mod block;
mod ebml;
mod ids;
mod init;

use self::block::Block;
use self::ebml::{Header, LONGEST_HEADER, header, uint, write_id, write_size, write_uint};
use self::init::{Beginning, Cue, Reading, Track};
use crate::error::ComposeError;
use crate::file::FileWriter;
use crate::medium::{Ending, Loss, Medium, Piece, SegmentReader, Span, Step, map_tracks};
use crate::silence;
use crate::stream::Stream;
use crate::timeline::{INDEXED_MS, LONGEST_MS};
use crate::{Chunks, Container, Files};

/// An element in front of the clusters has at most these bytes.
const LONGEST_INIT: u64 = 1024 * 1024;
/// A block: a key frame of a large picture has one or two million bytes.
const LONGEST_BLOCK: u64 = 8 * 1024 * 1024;
/// A cluster that is made ends after these bytes, or this time: it is held in memory, and one seeks to its beginning.
const CLUSTER_BYTES: usize = 1024 * 1024;
const CLUSTER_MS: u64 = 5_000;
/// What a frame lasts at most of which only the beginning is known.
const LONGEST_FRAME_MS: u64 = 1_000;
/// Sound that cannot be filled with silence may lack for this long in a file.
const LONGEST_SILENCE_MS: u64 = 500;
/// How much later than a picture of the same time sound may come in a file.
const LATENESS_MS: u64 = 2_000;
const NANOSECONDS_PER_MS: u128 = 1_000_000;

/// A file that is made.
#[derive(Default)]
pub(crate) struct Webm {
    scale: u64,
    tracks: Vec<FileTrack>,
    cluster: Option<Cluster>,
    cues: Vec<Cue>,
}

struct FileTrack {
    track: Track,
    /// Its end, in ticks.
    to: u64,
}

/// A cluster that grows.
struct Cluster {
    time: u64,
    blocks: Vec<u8>,
}

/// A segment that is read.
pub(crate) struct WebmSegment {
    scale: u64,
    tracks: Vec<Track>,
    /// For each track the file's.
    places: Vec<usize>,
    /// For each track its last block's time, and how long before it the one before it was.
    last: Vec<Option<(u64, u64)>>,
    /// The time of the cluster that is read.
    cluster: Option<u64>,
    /// Video has to begin with a key frame.
    waiting: bool,
    /// Something was lost, and not every track plays again.
    broken: bool,
    loss: Loss,
}

pub(crate) struct WebmPiece {
    block: Block,
    /// Where it ends, in ticks.
    to: u64,
    /// Whether a next file may begin with it.
    begins: bool,
}

impl Medium for Webm {
    const CONTAINER: Container = Container::Webm;
    type Reader = WebmSegment;

    fn join(&mut self, segment: &mut WebmSegment) -> bool {
        if !self.tracks.is_empty() && self.scale != segment.scale {
            return false;
        }
        if self.tracks.is_empty() {
            let numbered = (1..).zip(&segment.tracks).map(|(number, track)| track.numbered(number));
            self.tracks = numbered.map(|track| FileTrack { track, to: 0 }).collect();
        }
        let known: Vec<&Track> = self.tracks.iter().map(|known| &known.track).collect();
        let Some(places) = map_tracks(&segment.tracks, &known, Track::equals) else { return false };
        (self.scale, segment.places) = (segment.scale, places);
        true
    }

    fn in_step(&self, segment: &WebmSegment, piece: &WebmPiece, shift_ms: i64) -> bool {
        let time = self.moved(piece.block.time, shift_ms);
        let place = segment.places[piece.block.track];
        let not_filled = |(at, known): &(usize, &FileTrack)| {
            known.track.is_sound() && !known.track.opus && (*at == place || piece.begins)
        };
        let silent = |known: &FileTrack| ticks_to_ms(time.saturating_sub(known.to), self.scale);
        self.tracks.iter().enumerate().filter(not_filled).all(|(_, known)| silent(known) < LONGEST_SILENCE_MS)
    }

    async fn add<S: Chunks + Sync, O: Files + Send>(
        &mut self,
        segment: &mut WebmSegment,
        piece: WebmPiece,
        shift_ms: i64,
        _stream: &mut Stream<'_, S>,
        out: &mut FileWriter<'_, O>,
    ) -> Result<(), ComposeError> {
        let (time, to) = (self.moved(piece.block.time, shift_ms), self.moved(piece.to, shift_ms));
        let place = segment.places[piece.block.track];
        for other in 0..self.tracks.len() {
            self.fill(other, time, other == place, out).await?;
        }
        self.tracks[place].to = self.tracks[place].to.max(to);
        self.put(place, &piece.block, time, out).await
    }

    async fn end<O: Files + Send>(
        mut self,
        created_at: u64,
        out: &mut FileWriter<'_, O>,
    ) -> Result<Ending, ComposeError> {
        self.flush(out).await?;
        let (scale, clusters) = (self.scale, out.written());
        let duration = self.tracks.iter().map(|known| known.to).max().unwrap_or(0);
        self.tracks.retain(|known| known.to > 0);
        let tracks: Vec<Track> = self.tracks.into_iter().map(|known| known.track).collect();
        let header =
            init::write(&Beginning { scale, duration, created_at, tracks: &tracks, cues: &self.cues, clusters });
        Ok(Ending { header, duration_ms: ticks_to_ms(duration, scale) })
    }
}

impl Webm {
    fn moved(&self, ticks: u64, shift_ms: i64) -> u64 {
        let shift = i128::from(shift_ms) * NANOSECONDS_PER_MS.cast_signed() / i128::from(self.scale);
        ticks.saturating_add_signed(shift as i64)
    }

    /// Writes silence from a track's end to `until`, where it is sound that lacks. Blocks of other tracks come a little
    /// before those of the same time, so these say less surely that it lacks.
    async fn fill<O: Files + Send>(
        &mut self,
        place: usize,
        until: u64,
        own: bool,
        out: &mut FileWriter<'_, O>,
    ) -> Result<(), ComposeError> {
        let (opus, from) = (self.tracks[place].track.opus, self.tracks[place].to);
        let lacks_ms = ticks_to_ms(until.saturating_sub(from), self.scale);
        if !opus || lacks_ms < if own { silence::LEAST_MS } else { LATENESS_MS } {
            return Ok(());
        }
        let mut samples = 0;
        for (packet, lasts) in silence::packets(lacks_ms * u64::from(silence::RATE) / 1000) {
            let time = from + samples_to_ticks(samples, self.scale);
            samples += u64::from(lasts);
            self.put(place, &Block::silence(packet, time), time, out).await?;
        }
        self.tracks[place].to = until;
        Ok(())
    }

    /// Puts a block into the cluster that grows, or a new one.
    async fn put<O: Files + Send>(
        &mut self,
        place: usize,
        block: &Block,
        time: u64,
        out: &mut FileWriter<'_, O>,
    ) -> Result<(), ComposeError> {
        let track = &self.tracks[place].track;
        let (number, key_picture, sound) = (track.number, track.is_video() && block.key, !track.is_video());
        let seekable = (key_picture || sound) && self.is_later(time);
        if (seekable && key_picture) || !self.fits(time) {
            self.flush(out).await?;
        }
        if seekable && self.cluster.is_none() {
            self.cues.push(Cue { track: number, time, at: out.written() });
        }
        let cluster = self.cluster.get_or_insert_with(|| Cluster { time, blocks: Vec::new() });
        let relative = time.cast_signed().wrapping_sub(cluster.time.cast_signed()) as i16;
        block.write(&mut cluster.blocks, number, relative);
        Ok(())
    }

    /// Whether a time is far enough behind the last that one can seek to.
    fn is_later(&self, time: u64) -> bool {
        self.cues.last().is_none_or(|last| ticks_to_ms(time.saturating_sub(last.time), self.scale) >= INDEXED_MS)
    }

    /// Whether a block of this time can go into the cluster that grows.
    fn fits(&self, time: u64) -> bool {
        self.cluster.as_ref().is_none_or(|cluster| {
            let relative = time.cast_signed().wrapping_sub(cluster.time.cast_signed());
            i16::try_from(relative).is_ok()
                && ticks_to_ms(time.saturating_sub(cluster.time), self.scale) < CLUSTER_MS
                && cluster.blocks.len() < CLUSTER_BYTES
        })
    }

    async fn flush<O: Files + Send>(&mut self, out: &mut FileWriter<'_, O>) -> Result<(), ComposeError> {
        let Some(cluster) = self.cluster.take() else { return Ok(()) };
        let mut head = Vec::new();
        write_uint(&mut head, ids::TIMESTAMP, cluster.time);
        let mut begin = Vec::new();
        write_id(&mut begin, ids::CLUSTER);
        write_size(&mut begin, (head.len() + cluster.blocks.len()) as u64);
        begin.append(&mut head);
        out.write(&begin).await?;
        out.write(&cluster.blocks).await
    }
}

impl SegmentReader for WebmSegment {
    type Piece = WebmPiece;

    async fn open<S: Chunks + Sync>(stream: &mut Stream<'_, S>) -> Result<Option<Self>, ComposeError> {
        let mut reading = Reading::default();
        loop {
            let Ok(head) = header(stream.peek(LONGEST_HEADER).await?) else { return Ok(None) };
            match (head.id, head.size) {
                (ids::CLUSTER, _) => return Ok(reading.tracks.map(|tracks| Self::of(reading.scale, tracks))),
                (ids::SEGMENT, _) => stream.skip(head.header as u64).await?,
                (id, Some(size)) if size <= LONGEST_INIT && head.header as u64 + size <= stream.left() => {
                    let length = head.header + size as usize;
                    let taken = !Reading::wants(id) || reading.take(stream.peek(length).await?).is_ok();
                    stream.skip(length as u64).await?;
                    if !taken {
                        return Ok(None);
                    }
                }
                _ => return Ok(None),
            }
        }
    }

    fn resume(&mut self, base: u64) {
        self.cluster = Some(base);
    }

    const MARK: (&'static [u8], usize) = (&ids::CLUSTER.to_be_bytes(), 0);

    fn loss(&mut self) -> &mut Loss {
        &mut self.loss
    }

    fn lose(&mut self, scanning: bool) {
        self.loss = Loss { lost: true, scanning };
        self.waiting = self.has_video();
        self.broken = self.waiting;
        if scanning {
            self.cluster = None;
        }
    }

    async fn step<S: Chunks + Sync>(&mut self, stream: &mut Stream<'_, S>) -> Result<Step<WebmPiece>, ComposeError> {
        const LONGEST_TIMESTAMP: u64 = 8;
        let Ok(head) = header(stream.peek(LONGEST_HEADER).await?) else { return Ok(Step::Damaged) };
        if head.id == ids::CLUSTER {
            self.cluster = None;
            stream.skip(head.header as u64).await?;
            return Ok(Step::Passed);
        }
        let Some(size) = head.size.filter(|size| *size <= stream.left().saturating_sub(head.header as u64)) else {
            return Ok(Step::Damaged);
        };
        match head.id {
            ids::TIMESTAMP if size <= LONGEST_TIMESTAMP => {
                let length = head.header + size as usize;
                self.cluster = Some(uint(&stream.peek(length).await?[head.header..]));
                stream.consume(length);
                Ok(Step::Passed)
            }
            ids::SIMPLE_BLOCK | ids::BLOCK_GROUP if size <= LONGEST_BLOCK => self.block(stream, head, size).await,
            ids::POSITION | ids::PREV_SIZE | ids::VOID | ids::CRC_32 | ids::CUES | ids::TAGS | ids::SEEK_HEAD => {
                stream.skip(head.header as u64 + size).await?;
                Ok(Step::Passed)
            }
            _ => Ok(Step::Damaged),
        }
    }
}

impl WebmSegment {
    fn of(scale: Option<u64>, tracks: Vec<Track>) -> Self {
        const DEFAULT_SCALE: u64 = 1_000_000;
        let last = vec![None; tracks.len()];
        let mut segment = Self {
            scale: scale.unwrap_or(DEFAULT_SCALE),
            tracks,
            places: Vec::new(),
            last,
            cluster: None,
            waiting: false,
            broken: false,
            loss: Loss::default(),
        };
        segment.waiting = segment.has_video();
        segment
    }

    fn has_video(&self) -> bool {
        self.tracks.iter().any(Track::is_video)
    }

    async fn block<S: Chunks + Sync>(
        &mut self,
        stream: &mut Stream<'_, S>,
        head: Header,
        size: u64,
    ) -> Result<Step<WebmPiece>, ComposeError> {
        let Some(base) = self.cluster else { return Ok(Step::Damaged) };
        let (place, length) = (stream.place(), head.header + size as usize);
        let read = Block::read(stream.peek(length).await?, base, &self.tracks);
        stream.consume(length);
        let Some((block, to)) = read.ok().and_then(|block| self.fitting(block)) else { return Ok(Step::Lost) };
        let video = self.tracks[block.track].is_video();
        if video && block.key {
            (self.waiting, self.broken) = (false, false);
        } else if video && self.waiting {
            return Ok(if self.loss.lost { Step::Passed } else { Step::Lost });
        }
        let span = Span { from: ticks_to_ms(block.time, self.scale), to: ticks_to_ms(to, self.scale) };
        let begins = !self.has_video() || (video && block.key);
        let (whole, lost) = (!self.broken, self.loss.lost);
        Ok(Step::Found(Piece { span, begins, whole, lost, place, base, content: WebmPiece { block, to, begins } }))
    }

    /// A block that goes on where its track is, and its end in ticks.
    fn fitting(&mut self, block: Block) -> Option<(Block, u64)> {
        let last = &mut self.last[block.track];
        let step = match last {
            Some((time, _)) if *time > block.time => return None,
            Some((time, step)) => {
                if block.time > *time {
                    block.time - *time
                } else {
                    *step
                }
            }
            None => 0,
        };
        let longest = (u128::from(LONGEST_FRAME_MS) * NANOSECONDS_PER_MS / u128::from(self.scale)) as u64;
        let opus = if self.tracks[block.track].opus { block.opus_samples() } else { None };
        let said = block.duration.or(opus.map(|samples| samples_to_ticks(u64::from(samples), self.scale)));
        let to = block.time.checked_add(said.unwrap_or(step).min(longest))?;
        if ticks_to_ms(to, self.scale) > LONGEST_MS {
            return None;
        }
        *last = Some((block.time, step));
        Some((block, to))
    }
}

fn samples_to_ticks(samples: u64, scale: u64) -> u64 {
    (u128::from(samples) * 1000 * NANOSECONDS_PER_MS / u128::from(silence::RATE) / u128::from(scale)) as u64
}

fn ticks_to_ms(ticks: u64, scale: u64) -> u64 {
    u64::try_from(u128::from(ticks) * u128::from(scale) / NANOSECONDS_PER_MS).unwrap_or(u64::MAX)
}
