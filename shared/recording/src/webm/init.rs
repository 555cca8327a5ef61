//! What is in front of the clusters: the EBML header, `Info` and `Tracks` (RFC 9559, sections 5.1.2 and 5.1.4).

use super::ebml::{Element, Elements, Id, element, uint, write_bytes, write_id, write_master, write_size, write_uint};
use super::ids;
use crate::reader::{Damaged, Reader};

/// Tracks that a file may have; their numbers then have one byte.
const MOST_TRACKS: usize = 8;
/// Nanoseconds in a tick that are taken: finer ones would need a cluster for a few frames each, and recorders write
/// milliseconds.
const TIMESTAMP_SCALES: std::ops::RangeInclusive<u64> = 100_000..=10_000_000;
/// `TrackType` of video (RFC 9559, section 5.1.4.1.3).
const VIDEO: u64 = 1;
/// And of audio.
const AUDIO: u64 = 2;
/// Milliseconds from the epoch to the start of 2001, from which `DateUTC` counts.
const UNTIL_2001_MS: i64 = 978_307_200_000;
const NANOSECONDS_PER_MS: i64 = 1_000_000;
const APPLICATION: &[u8] = b"TunRTC";

/// A track of a segment, or of a file that is made.
#[derive(Clone)]
pub(crate) struct Track {
    pub number: u64,
    pub kind: u64,
    /// Whether its blocks are Opus packets.
    pub opus: bool,
    /// What its entry says besides its number and UID. Equal: samples of one can follow those of the other.
    config: Vec<u8>,
}

impl Track {
    pub fn is_video(&self) -> bool {
        self.kind == VIDEO
    }

    pub fn is_sound(&self) -> bool {
        self.kind == AUDIO
    }

    pub fn equals(&self, other: &Self) -> bool {
        self.config == other.config
    }

    pub fn numbered(&self, number: u64) -> Self {
        Self { number, ..self.clone() }
    }
}

/// Nanoseconds in a tick, out of what `Info` holds.
pub(crate) fn timestamp_scale(info: &[u8]) -> Result<u64, Damaged> {
    const DEFAULT: u64 = 1_000_000;
    for child in Elements(Reader(info)) {
        let child = child?;
        if child.id == ids::TIMESTAMP_SCALE {
            let scale = uint(child.body);
            return if TIMESTAMP_SCALES.contains(&scale) { Ok(scale) } else { Err(Damaged) };
        }
    }
    Ok(DEFAULT)
}

/// The tracks, out of what `Tracks` holds.
pub(crate) fn tracks(body: &[u8]) -> Result<Vec<Track>, Damaged> {
    let mut tracks: Vec<Track> = Vec::new();
    for child in Elements(Reader(body)) {
        let child = child?;
        if child.id == ids::TRACK_ENTRY {
            let track = track(&child)?;
            if tracks.len() == MOST_TRACKS || tracks.iter().any(|known| known.number == track.number) {
                return Err(Damaged);
            }
            tracks.push(track);
        }
    }
    if tracks.is_empty() { Err(Damaged) } else { Ok(tracks) }
}

fn track(entry: &Element<'_>) -> Result<Track, Damaged> {
    let mut track = Track { number: 0, kind: 0, opus: false, config: Vec::new() };
    for child in Elements(Reader(entry.body)) {
        let child = child?;
        match child.id {
            ids::TRACK_NUMBER => track.number = uint(child.body),
            ids::TRACK_UID => {}
            ids::CODEC_ID => {
                track.opus = child.body == b"A_OPUS";
                track.config.extend_from_slice(child.whole);
            }
            ids::TRACK_TYPE => {
                track.kind = uint(child.body);
                track.config.extend_from_slice(child.whole);
            }
            _ => track.config.extend_from_slice(child.whole),
        }
    }
    if track.number == 0 || track.kind == 0 { Err(Damaged) } else { Ok(track) }
}

/// A place to seek to.
#[derive(Clone, Copy)]
pub(crate) struct Cue {
    pub track: u64,
    /// In ticks.
    pub time: u64,
    /// Bytes from the first cluster's beginning to its cluster's.
    pub at: u64,
}

/// What a file's beginning says.
pub(crate) struct Beginning<'a> {
    pub scale: u64,
    /// In ticks.
    pub duration: u64,
    /// Milliseconds since the epoch.
    pub created_at: u64,
    pub tracks: &'a [Track],
    pub cues: &'a [Cue],
    /// The clusters' length.
    pub clusters: u64,
}

/// All that stands in front of the clusters.
pub(crate) fn write(beginning: &Beginning<'_>) -> Vec<u8> {
    let info = info(beginning);
    let tracks = write_tracks(beginning.tracks);
    // Numbers in them have 8 bytes each, so that lengths are known before places are.
    let cues_bytes = cues(beginning.cues, 0).len();
    let seek_bytes = seek_head([0; 3]).len();
    let places = [seek_bytes, seek_bytes + info.len(), seek_bytes + info.len() + tracks.len()].map(|at| at as u64);
    let clusters_at = places[2] + cues_bytes as u64;
    let mut out = ebml_header();
    write_id(&mut out, ids::SEGMENT);
    write_size(&mut out, clusters_at + beginning.clusters);
    out.extend(seek_head(places));
    out.extend(info);
    out.extend(tracks);
    out.extend(cues(beginning.cues, clusters_at));
    out
}

fn ebml_header() -> Vec<u8> {
    let mut out = Vec::new();
    write_master(&mut out, ids::EBML, |out| {
        write_uint(out, ids::EBML_VERSION, 1);
        write_uint(out, ids::EBML_READ_VERSION, 1);
        write_uint(out, ids::EBML_MAX_ID_LENGTH, 4);
        write_uint(out, ids::EBML_MAX_SIZE_LENGTH, 8);
        write_bytes(out, ids::DOC_TYPE, b"webm");
        write_uint(out, ids::DOC_TYPE_VERSION, 4);
        write_uint(out, ids::DOC_TYPE_READ_VERSION, 2);
    });
    out
}

/// Where `Info`, `Tracks` and `Cues` are, from the first byte of what the Segment holds.
fn seek_head(places: [u64; 3]) -> Vec<u8> {
    let mut out = Vec::new();
    write_master(&mut out, ids::SEEK_HEAD, |out| {
        for (id, at) in [ids::INFO, ids::TRACKS, ids::CUES].into_iter().zip(places) {
            write_master(out, ids::SEEK, |out| {
                write_bytes(out, ids::SEEK_ID, &id.to_be_bytes());
                write_uint(out, ids::SEEK_POSITION, at);
            });
        }
    });
    out
}

fn info(beginning: &Beginning<'_>) -> Vec<u8> {
    let since_2001 = (beginning.created_at.cast_signed() - UNTIL_2001_MS).saturating_mul(NANOSECONDS_PER_MS);
    let mut out = Vec::new();
    write_master(&mut out, ids::INFO, |out| {
        write_uint(out, ids::TIMESTAMP_SCALE, beginning.scale);
        write_bytes(out, ids::DURATION, &(beginning.duration as f64).to_be_bytes());
        write_bytes(out, ids::DATE_UTC, &since_2001.to_be_bytes());
        write_bytes(out, ids::MUXING_APP, APPLICATION);
        write_bytes(out, ids::WRITING_APP, APPLICATION);
    });
    out
}

fn write_tracks(tracks: &[Track]) -> Vec<u8> {
    let mut out = Vec::new();
    write_master(&mut out, ids::TRACKS, |out| {
        for track in tracks {
            write_master(out, ids::TRACK_ENTRY, |out| {
                write_uint(out, ids::TRACK_NUMBER, track.number);
                write_uint(out, ids::TRACK_UID, track.number);
                out.extend_from_slice(&track.config);
            });
        }
    });
    out
}

fn cues(cues: &[Cue], clusters_at: u64) -> Vec<u8> {
    let mut out = Vec::new();
    write_master(&mut out, ids::CUES, |out| {
        for cue in cues {
            write_master(out, ids::CUE_POINT, |out| {
                write_uint(out, ids::CUE_TIME, cue.time);
                write_master(out, ids::CUE_TRACK_POSITIONS, |out| {
                    write_uint(out, ids::CUE_TRACK, cue.track);
                    write_uint(out, ids::CUE_CLUSTER_POSITION, clusters_at + cue.at);
                });
            });
        }
    });
    out
}

/// What a segment begins with, element by element.
#[derive(Default)]
pub(crate) struct Reading {
    pub scale: Option<u64>,
    pub tracks: Option<Vec<Track>>,
}

impl Reading {
    /// Takes one whole element.
    pub fn take(&mut self, whole: &[u8]) -> Result<(), Damaged> {
        let element = element(&mut Reader(whole))?;
        match element.id {
            ids::INFO => self.scale = Some(timestamp_scale(element.body)?),
            ids::TRACKS => self.tracks = Some(tracks(element.body)?),
            _ => {}
        }
        Ok(())
    }

    /// Whether there is something to take from an element.
    pub fn wants(id: Id) -> bool {
        matches!(id, ids::INFO | ids::TRACKS)
    }
}
