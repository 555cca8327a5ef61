//! Where to seek to: `sidx`, one for each track (ISO/IEC 14496-12, section 8.16.3).

use super::boxes::write_full;

/// References that one box can hold: their number has 16 bits.
const MOST_REFERENCES: usize = u16::MAX as usize;
/// A reference's length has 31 bits.
const LONGEST_REFERENCE: u64 = 0x7fff_ffff;
/// A stream access point of type 1 that the bytes begin with: a frame that needs none before it (Annex I).
const BEGINS_WITH_SYNC: u32 = 0x9000_0000;

/// A fragment from which a track can be played.
#[derive(Clone, Copy)]
pub(crate) struct Entry {
    /// Bytes from the first fragment's beginning.
    pub at: u64,
    /// The track's ticks.
    pub from: u64,
}

/// What is indexed of a track.
pub(crate) struct Indexed<'a> {
    pub track: u32,
    pub timescale: u32,
    pub entries: &'a [Entry],
    /// Where the track ends, in its ticks.
    pub to: u64,
}

/// The boxes for these tracks, in front of fragments of `bytes` in all. A track that cannot be indexed has none.
pub(crate) fn write(tracks: &[Indexed<'_>], bytes: u64) -> Vec<u8> {
    // The first offset counts from a box's own end, so what follows has to be known: they are written from the last on.
    let mut behind = Vec::new();
    for track in tracks.iter().rev() {
        if let Some(mut sidx) = one(track, bytes, behind.len() as u64) {
            sidx.append(&mut behind);
            behind = sidx;
        }
    }
    behind
}

fn one(track: &Indexed<'_>, bytes: u64, behind: u64) -> Option<Vec<u8>> {
    let first = track.entries.first()?;
    let together = track.entries.len().div_ceil(MOST_REFERENCES);
    let begins: Vec<Entry> = track.entries.iter().step_by(together).copied().collect();
    let ends = begins[1..].iter().copied().chain([Entry { at: bytes, from: track.to }]);
    let references: Option<Vec<_>> = begins.iter().zip(ends).map(|(begin, end)| reference(begin, &end)).collect();
    let references = references?;
    let mut out = Vec::with_capacity(references.len() * 12 + 64);
    write_full(&mut out, b"sidx", 1, 0, |out| {
        out.extend_from_slice(&track.track.to_be_bytes());
        out.extend_from_slice(&track.timescale.to_be_bytes());
        out.extend_from_slice(&first.from.to_be_bytes());
        out.extend_from_slice(&(behind + first.at).to_be_bytes());
        out.extend_from_slice(&(references.len() as u32).to_be_bytes());
        for (bytes, ticks) in &references {
            for value in [*bytes, *ticks, BEGINS_WITH_SYNC] {
                out.extend_from_slice(&value.to_be_bytes());
            }
        }
    });
    Some(out)
}

fn reference(begin: &Entry, end: &Entry) -> Option<(u32, u32)> {
    let bytes = end.at.checked_sub(begin.at).filter(|bytes| *bytes <= LONGEST_REFERENCE)?;
    let ticks = end.from.checked_sub(begin.from)?;
    Some((bytes as u32, u32::try_from(ticks).ok()?))
}
