//! What is in front of the fragments: `ftyp` and `moov` (ISO/IEC 14496-12, sections 4.3 and 8.2).

use super::boxes::{Box4, Kind, read_box, write_box, write_full};
use crate::reader::{Damaged, Reader};
use crate::silence::RATE;

/// Tracks that a file may have.
const MOST_TRACKS: usize = 8;
/// Ticks of the whole file's own clock in a second: its durations are milliseconds.
const MOVIE_TIMESCALE: u32 = 1000;

/// A track of a segment, or of a file that is made.
#[derive(Clone)]
pub(crate) struct Track {
    pub id: u32,
    pub handler: Kind,
    /// Ticks in a second; not 0.
    pub timescale: u32,
    pub defaults: Defaults,
    /// Whether its samples are Opus packets in ticks of Opus's own.
    pub opus: bool,
    /// What must be equal for samples of another segment to be played on.
    config: Vec<u8>,
    /// The `trak` box as it came.
    trak: Vec<u8>,
}

/// What a sample is without a word of its own (`trex`, section 8.8.3).
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Defaults {
    pub description: u32,
    pub duration: u32,
    pub size: u32,
    pub flags: u32,
}

impl Track {
    pub fn is_video(&self) -> bool {
        self.handler == *b"vide"
    }

    pub fn is_sound(&self) -> bool {
        self.handler == *b"soun"
    }

    pub fn ms_to_ticks(&self, ms: u64) -> u64 {
        ms.saturating_mul(u64::from(self.timescale)) / 1000
    }

    /// Whether the samples of one can follow those of the other.
    pub fn equals(&self, other: &Self) -> bool {
        self.handler == other.handler
            && self.timescale == other.timescale
            && self.defaults == other.defaults
            && self.config == other.config
    }

    /// The same track under another number.
    pub fn numbered(&self, id: u32) -> Self {
        Self { id, ..self.clone() }
    }
}

/// The tracks of a `moov` box, which must be one of a fragmented file.
pub(crate) fn tracks(moov: &Box4<'_>) -> Result<Vec<Track>, Damaged> {
    let mvex = moov.child(b"mvex")?;
    let mut tracks: Vec<Track> = Vec::new();
    for child in moov.children() {
        let child = child?;
        if child.kind == *b"trak" {
            let track = track(&child, &mvex)?;
            if tracks.len() == MOST_TRACKS || tracks.iter().any(|known| known.id == track.id) {
                return Err(Damaged);
            }
            tracks.push(track);
        }
    }
    if tracks.is_empty() { Err(Damaged) } else { Ok(tracks) }
}

fn track(trak: &Box4<'_>, mvex: &Box4<'_>) -> Result<Track, Damaged> {
    let mdia = trak.child(b"mdia")?;
    let stbl = mdia.child(b"minf")?.child(b"stbl")?;
    let id = after_times(&trak.child(b"tkhd")?)?.u32()?;
    let timescale = after_times(&mdia.child(b"mdhd")?)?.u32()?;
    let (_, _, mut hdlr) = mdia.child(b"hdlr")?.full()?;
    hdlr.u32()?;
    let handler = hdlr.array()?;
    let stsd = stbl.child(b"stsd")?;
    let opus = timescale == RATE && entry(&stsd)? == *b"Opus";
    let mut config = stsd.whole.to_vec();
    if let Some(edits) = trak.find(b"edts")? {
        config.extend_from_slice(edits.whole);
    }
    if timescale == 0 || id == 0 {
        return Err(Damaged);
    }
    Ok(Track { id, handler, timescale, defaults: defaults(mvex, id)?, opus, config, trak: trak.whole.to_vec() })
}

/// The name of the first sample entry (8.5.2).
fn entry(stsd: &Box4<'_>) -> Result<Kind, Damaged> {
    let (_, _, mut reader) = stsd.full()?;
    reader.u32()?;
    read_box(&mut reader).map(|entry| entry.kind)
}

/// What stands behind the times of creation and modification, in `tkhd` (8.3.2) and `mdhd` (8.4.2) alike.
fn after_times<'a>(header: &Box4<'a>) -> Result<Reader<'a>, Damaged> {
    let (version, _, mut reader) = header.full()?;
    reader.bytes(if version == 0 { 8 } else { 16 })?;
    Ok(reader)
}

fn defaults(mvex: &Box4<'_>, track: u32) -> Result<Defaults, Damaged> {
    for child in mvex.children() {
        let child = child?;
        if child.kind != *b"trex" {
            continue;
        }
        let (_, _, mut reader) = child.full()?;
        if reader.u32()? == track {
            let (description, duration) = (reader.u32()?, reader.u32()?);
            return Ok(Defaults { description, duration, size: reader.u32()?, flags: reader.u32()? });
        }
    }
    Err(Damaged)
}

/// Seconds from the start of 1904, from which these files count, to that of 1970.
const FROM_1904: u64 = 2_082_844_800;

/// A file's times.
pub(crate) struct Times {
    /// Milliseconds since the epoch.
    pub created_at: u64,
    /// Milliseconds.
    pub duration: u64,
}

/// `ftyp` and `moov` of a file of these tracks, each with its length in its own ticks.
pub(crate) fn write(times: &Times, tracks: &[(Track, u64)]) -> Vec<u8> {
    let mut out = Vec::new();
    write_box(&mut out, b"ftyp", |out| {
        out.extend_from_slice(b"isom\0\0\x02\0isomiso6iso2mp41");
    });
    write_box(&mut out, b"moov", |out| {
        write_mvhd(out, times, tracks.len());
        for (track, ticks) in tracks {
            write_trak(out, track, times, *ticks);
        }
        write_box(out, b"mvex", |out| {
            write_full(out, b"mehd", 1, 0, |out| out.extend_from_slice(&times.duration.to_be_bytes()));
            for (track, _) in tracks {
                write_trex(out, track);
            }
        });
    });
    out
}

/// Section 8.2.2.
fn write_mvhd(out: &mut Vec<u8>, times: &Times, tracks: usize) {
    const RATE_VOLUME_RESERVED: [u8; 16] = [0, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    const UNITY_MATRIX: [u32; 9] = [0x1_0000, 0, 0, 0, 0x1_0000, 0, 0, 0, 0x4000_0000];
    write_full(out, b"mvhd", 1, 0, |out| {
        write_created(out, times);
        out.extend_from_slice(&MOVIE_TIMESCALE.to_be_bytes());
        out.extend_from_slice(&times.duration.to_be_bytes());
        out.extend_from_slice(&RATE_VOLUME_RESERVED);
        out.extend(UNITY_MATRIX.iter().flat_map(|value| value.to_be_bytes()));
        out.extend_from_slice(&[0; 24]);
        out.extend_from_slice(&(tracks as u32 + 1).to_be_bytes());
    });
}

fn write_created(out: &mut Vec<u8>, times: &Times) {
    let seconds = (times.created_at / 1000 + FROM_1904).to_be_bytes();
    out.extend_from_slice(&seconds);
    out.extend_from_slice(&seconds);
}

/// The track's box with its number and its lengths changed; all else as it came. What was read before is whole.
fn write_trak(out: &mut Vec<u8>, track: &Track, times: &Times, ticks: u64) {
    let Ok(trak) = read_box(&mut Reader(&track.trak)) else { return };
    write_box(out, b"trak", |out| {
        for child in trak.children().flatten() {
            match &child.kind {
                b"tkhd" => write_tkhd(out, &child, track.id, times),
                b"mdia" => write_mdia(out, &child, times, ticks),
                _ => out.extend_from_slice(child.whole),
            }
        }
    });
}

/// Section 8.3.2.
fn write_tkhd(out: &mut Vec<u8>, old: &Box4<'_>, id: u32, times: &Times) {
    let Ok((version, flags, mut rest)) = old.full() else { return };
    let duration_ends = if version == 0 { 20 } else { 32 };
    write_full(out, b"tkhd", 1, flags, |out| {
        write_created(out, times);
        out.extend_from_slice(&id.to_be_bytes());
        out.extend_from_slice(&[0; 4]);
        out.extend_from_slice(&times.duration.to_be_bytes());
        if rest.bytes(duration_ends).is_ok() {
            out.extend_from_slice(rest.0);
        }
    });
}

fn write_mdia(out: &mut Vec<u8>, old: &Box4<'_>, times: &Times, ticks: u64) {
    write_box(out, b"mdia", |out| {
        for child in old.children().flatten() {
            match &child.kind {
                b"mdhd" => write_mdhd(out, &child, times, ticks),
                _ => out.extend_from_slice(child.whole),
            }
        }
    });
}

/// Section 8.4.2.
fn write_mdhd(out: &mut Vec<u8>, old: &Box4<'_>, times: &Times, ticks: u64) {
    let Ok((version, flags, _)) = old.full() else { return };
    let Ok(mut rest) = after_times(old) else { return };
    let Ok(timescale) = rest.u32() else { return };
    write_full(out, b"mdhd", 1, flags, |out| {
        write_created(out, times);
        out.extend_from_slice(&timescale.to_be_bytes());
        out.extend_from_slice(&ticks.to_be_bytes());
        if rest.bytes(if version == 0 { 4 } else { 8 }).is_ok() {
            out.extend_from_slice(rest.0);
        }
    });
}

fn write_trex(out: &mut Vec<u8>, track: &Track) {
    let Defaults { description, duration, size, flags } = track.defaults;
    write_full(out, b"trex", 0, 0, |out| {
        for value in [track.id, description, duration, size, flags] {
            out.extend_from_slice(&value.to_be_bytes());
        }
    });
}
