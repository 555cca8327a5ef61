//! Fragmented MP4, as `MediaRecorder` writes it: fragment after fragment, each of which is played alone.

mod boxes;
mod fragment;
mod index;
mod init;

use self::boxes::{Header, LONGEST_HEADER, header};
use self::fragment::Fragment;
use self::index::{Entry, Indexed};
use self::init::{Times, Track};
use crate::error::ComposeError;
use crate::file::FileWriter;
use crate::medium::{Ending, Loss, Medium, Piece, SegmentReader, Span, Step, map_tracks};
use crate::reader::{Damaged, Reader};
use crate::silence;
use crate::stream::Stream;
use crate::timeline::{INDEXED_MS, LONGEST_MS};
use crate::{Chunks, Container, Files};

/// What is in front of the fragments has at most these bytes.
const LONGEST_INIT: u64 = 1024 * 1024;
/// A fragment's description: what 4 s need is 3 kB.
const LONGEST_MOOF: u64 = 4 * 1024 * 1024;
/// A fragment in all. Places in it have 31 bits.
const LONGEST_FRAGMENT: u64 = 1024 * 1024 * 1024;
/// Sound that cannot be filled with silence may lack for this long in a file.
const LONGEST_SILENCE_MS: u64 = 500;
/// How much later than another track's of the same time sound may come in a file.
const LATENESS_MS: u64 = 10_000;
/// The length of a box, which stands in front of its name.
const LENGTH_BYTES: usize = 4;
/// What a fragment's description begins with, behind its length: its name and its first box with its length and name.
const MOOF_MFHD: &[u8] = b"moof\0\0\0\x10mfhd";

/// A file that is made.
#[derive(Default)]
pub(crate) struct Mp4 {
    tracks: Vec<FileTrack>,
    fragments: u32,
}

struct FileTrack {
    track: Track,
    /// Its end, in its ticks.
    to: u64,
    entries: Vec<Entry>,
}

/// A segment that is read.
pub(crate) struct Mp4Segment {
    tracks: Vec<Track>,
    /// For each track the file's.
    places: Vec<usize>,
    /// For each track, where its last fragment begins.
    from: Vec<Option<u64>>,
    loss: Loss,
    /// Bytes of the last piece, unless it was added: then they are consumed.
    pending: u64,
}

pub(crate) struct Mp4Piece {
    fragment: Fragment,
    moof_bytes: u64,
    data_bytes: u64,
}

impl Medium for Mp4 {
    const CONTAINER: Container = Container::Mp4;
    type Reader = Mp4Segment;

    fn join(&mut self, segment: &mut Mp4Segment) -> bool {
        if self.tracks.is_empty() {
            self.tracks = (1..).zip(&segment.tracks).map(|(id, track)| FileTrack::new(track.numbered(id))).collect();
        }
        let known: Vec<&Track> = self.tracks.iter().map(|known| &known.track).collect();
        let Some(places) = map_tracks(&segment.tracks, &known, Track::equals) else { return false };
        segment.places = places;
        true
    }

    fn in_step(&self, segment: &Mp4Segment, piece: &Mp4Piece, shift_ms: i64) -> bool {
        let begins = self.begins(segment, piece, shift_ms);
        let silent = |(known, from): (&FileTrack, &u64)| known.silent_ms(*from);
        let not_filled = |(known, _): &(&FileTrack, &u64)| known.track.is_sound() && !known.track.opus;
        self.tracks.iter().zip(&begins).filter(not_filled).all(|pair| silent(pair) < LONGEST_SILENCE_MS)
    }

    async fn add<S: Chunks + Sync, O: Files + Send>(
        &mut self,
        segment: &mut Mp4Segment,
        piece: Mp4Piece,
        shift_ms: i64,
        stream: &mut Stream<'_, S>,
        out: &mut FileWriter<'_, O>,
    ) -> Result<(), ComposeError> {
        for (place, from) in self.begins(segment, &piece, shift_ms).into_iter().enumerate() {
            self.fill(place, from, out).await?;
        }
        let moves = self.moves(segment, shift_ms);
        for traf in &piece.fragment.trafs {
            let track = &mut self.tracks[segment.places[traf.track]];
            let (_, shift) = moves[traf.track];
            if traf.sync {
                track.index(out.written(), traf.from.saturating_add_signed(shift));
            }
            track.to = track.to.max(traf.to.saturating_add_signed(shift));
        }
        self.fragments += 1;
        out.write(&piece.fragment.write(self.fragments, &moves)).await?;
        segment.pending = 0;
        stream.skip(piece.moof_bytes).await?;
        stream.copy(piece.data_bytes, out).await
    }

    async fn end<O: Files + Send>(
        mut self,
        created_at: u64,
        out: &mut FileWriter<'_, O>,
    ) -> Result<Ending, ComposeError> {
        self.tracks.retain(|track| track.to > 0);
        // Players that read one index alone read the first.
        self.tracks.sort_by_key(|known| !known.track.is_video());
        let length = |known: &FileTrack| ticks_to_ms(known.to, known.track.timescale, Round::Up);
        let duration = self.tracks.iter().map(length).max().unwrap_or(0);
        Ok(Ending { header: self.header(&Times { created_at, duration }, out.written()), duration_ms: duration })
    }
}

impl Mp4 {
    /// For each track of a segment its number in the file and by how many ticks it moves.
    fn moves(&self, segment: &Mp4Segment, shift_ms: i64) -> Vec<(u32, i64)> {
        let ticks = |track: &Track| shift_ms * i64::from(track.timescale) / 1000;
        let pairs = segment.tracks.iter().zip(&segment.places);
        pairs.map(|(track, place)| (self.tracks[*place].track.id, ticks(track))).collect()
    }

    /// For each of the file's tracks, up to which tick there has to be sound when a piece is added.
    fn begins(&self, segment: &Mp4Segment, piece: &Mp4Piece, shift_ms: i64) -> Vec<u64> {
        let moves = self.moves(segment, shift_ms);
        let from_ms = segment.span(&piece.fragment).from.saturating_add_signed(shift_ms);
        let late_ms = from_ms.saturating_sub(LATENESS_MS);
        let at = |known: &FileTrack| known.track.ms_to_ticks(late_ms);
        let mut begins: Vec<u64> = self.tracks.iter().map(at).collect();
        for traf in &piece.fragment.trafs {
            begins[segment.places[traf.track]] = traf.from.saturating_add_signed(moves[traf.track].1);
        }
        begins
    }

    /// Writes silence from a track's end to `until`, in its ticks, where it is sound that lacks.
    async fn fill<O: Files + Send>(
        &mut self,
        place: usize,
        until: u64,
        out: &mut FileWriter<'_, O>,
    ) -> Result<(), ComposeError> {
        let known = &mut self.tracks[place];
        if !known.track.opus || known.silent_ms(until) < silence::LEAST_MS {
            return Ok(());
        }
        while known.to < until {
            self.fragments += 1;
            let samples = silence::PIECE.min(until - known.to);
            let (bytes, lasts) = fragment::silence(self.fragments, known.track.id, known.to, samples);
            if lasts == 0 {
                break;
            }
            known.index(out.written(), known.to);
            known.to += lasts;
            out.write(&bytes).await?;
        }
        Ok(())
    }

    fn header(&self, times: &Times, bytes: u64) -> Vec<u8> {
        let tracks: Vec<_> = self.tracks.iter().map(|known| (known.track.clone(), known.to)).collect();
        let indexed: Vec<_> = self.tracks.iter().map(FileTrack::indexed).collect();
        let mut header = init::write(times, &tracks);
        header.append(&mut index::write(&indexed, bytes));
        header
    }
}

impl FileTrack {
    fn new(track: Track) -> Self {
        Self { track, to: 0, entries: Vec::new() }
    }

    /// Notes that it can be played from a tick on, which lies that many bytes behind the first fragment's beginning.
    fn index(&mut self, at: u64, from: u64) {
        let later = |last: &Entry| from.saturating_sub(last.from) >= self.track.ms_to_ticks(INDEXED_MS);
        if self.entries.last().is_none_or(later) {
            self.entries.push(Entry { at, from });
        }
    }

    /// How long nothing is there if the track goes on at a tick.
    fn silent_ms(&self, from: u64) -> u64 {
        ticks_to_ms(from.saturating_sub(self.to), self.track.timescale, Round::Down)
    }

    fn indexed(&self) -> Indexed<'_> {
        Indexed { track: self.track.id, timescale: self.track.timescale, entries: &self.entries, to: self.to }
    }
}

impl SegmentReader for Mp4Segment {
    type Piece = Mp4Piece;

    async fn open<S: Chunks + Sync>(stream: &mut Stream<'_, S>) -> Result<Option<Self>, ComposeError> {
        loop {
            let Ok(head) = header(stream.peek(LONGEST_HEADER).await?) else { return Ok(None) };
            if head.length > LONGEST_INIT.min(stream.left()) || head.kind == *b"moof" || head.kind == *b"mdat" {
                return Ok(None);
            }
            let length = head.length as usize;
            if head.kind != *b"moov" {
                stream.skip(head.length).await?;
                continue;
            }
            let moov = stream.peek(length).await?;
            let tracks = boxes::read_box(&mut Reader(moov)).and_then(|moov| init::tracks(&moov));
            stream.consume(length);
            return Ok(tracks.ok().map(Self::of));
        }
    }

    fn resume(&mut self, _base: u64) {}

    const MARK: (&'static [u8], usize) = (MOOF_MFHD, LENGTH_BYTES);

    fn loss(&mut self) -> &mut Loss {
        &mut self.loss
    }

    async fn pass_over<S: Chunks + Sync>(&mut self, stream: &mut Stream<'_, S>) -> Result<(), ComposeError> {
        stream.skip(std::mem::take(&mut self.pending)).await
    }

    async fn step<S: Chunks + Sync>(&mut self, stream: &mut Stream<'_, S>) -> Result<Step<Mp4Piece>, ComposeError> {
        let Ok(head) = header(stream.peek(LONGEST_HEADER).await?) else { return Ok(Step::Damaged) };
        if head.length > stream.left() {
            return Ok(Step::Damaged);
        }
        match &head.kind {
            b"moof" => self.fragment(stream, head).await,
            b"styp" | b"sidx" | b"free" | b"skip" | b"mfra" | b"prft" | b"emsg" | b"uuid" | b"ftyp" | b"moov" => {
                stream.skip(head.length).await?;
                Ok(Step::Passed)
            }
            _ => Ok(Step::Damaged),
        }
    }
}

impl Mp4Segment {
    fn of(tracks: Vec<Track>) -> Self {
        let from = vec![None; tracks.len()];
        Self { tracks, places: Vec::new(), from, loss: Loss::default(), pending: 0 }
    }

    async fn fragment<S: Chunks + Sync>(
        &mut self,
        stream: &mut Stream<'_, S>,
        head: Header,
    ) -> Result<Step<Mp4Piece>, ComposeError> {
        if head.length > LONGEST_MOOF {
            return Ok(Step::Damaged);
        }
        let (place, left, length) = (stream.place(), stream.left(), head.length as usize);
        let seen = stream.peek(length + LONGEST_HEADER).await?;
        let Ok((fragment, data_bytes)) = self.read(seen, length, left) else {
            // Whatever it is, it is no place to look for fragments in; a byte of it is passed over by the caller.
            stream.skip(head.length - 1).await?;
            return Ok(Step::Damaged);
        };
        let moof_bytes = head.length;
        let begins = fragment.trafs.iter().all(|traf| traf.sync || !self.tracks[traf.track].is_video());
        let first = self.from.iter().all(Option::is_none);
        if !begins && (self.loss.lost || first) {
            stream.skip(moof_bytes + data_bytes).await?;
            self.loss.lost = true;
            return Ok(Step::Passed);
        }
        let span = self.span(&fragment);
        for traf in &fragment.trafs {
            self.from[traf.track] = Some(traf.from);
        }
        let content = Mp4Piece { fragment, moof_bytes, data_bytes };
        self.pending = moof_bytes + data_bytes;
        Ok(Step::Found(Piece { span, begins, whole: true, lost: self.loss.lost, place, base: 0, content }))
    }

    /// The fragment that is seen, and the length of its data with its header.
    fn read(&self, seen: &[u8], moof_bytes: usize, left: u64) -> Result<(Fragment, u64), Damaged> {
        let (moof, behind) = seen.split_at_checked(moof_bytes).ok_or(Damaged)?;
        let data = header(behind)?;
        let all = data.length.checked_add(moof_bytes as u64).ok_or(Damaged)?;
        if data.kind != *b"mdat" || all > left.min(LONGEST_FRAGMENT) {
            return Err(Damaged);
        }
        let fragment = Fragment::read(moof, data.header as u64, data.length, &self.tracks)?;
        let goes_back = |from: u64, track: usize| self.from[track].is_some_and(|last| from <= last);
        if fragment.trafs.iter().any(|traf| goes_back(traf.from, traf.track)) || self.span(&fragment).to > LONGEST_MS {
            return Err(Damaged);
        }
        Ok((fragment, data.length))
    }

    fn span(&self, fragment: &Fragment) -> Span {
        let ms = |ticks: u64, track: usize, round| ticks_to_ms(ticks, self.tracks[track].timescale, round);
        let from = fragment.trafs.iter().map(|traf| ms(traf.from, traf.track, Round::Down)).min();
        let to = fragment.trafs.iter().map(|traf| ms(traf.to, traf.track, Round::Up)).max();
        Span { from: from.unwrap_or(0), to: to.unwrap_or(0) }
    }
}

#[derive(Clone, Copy)]
enum Round {
    Down,
    Up,
}

fn ticks_to_ms(ticks: u64, timescale: u32, round: Round) -> u64 {
    let (ticks, scale) = (u128::from(ticks) * 1000, u128::from(timescale));
    let ms = match round {
        Round::Down => ticks / scale,
        Round::Up => ticks.div_ceil(scale),
    };
    u64::try_from(ms).unwrap_or(u64::MAX)
}
