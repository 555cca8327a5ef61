//! One fragment: a `moof` box and the `mdat` behind it (ISO/IEC 14496-12, section 8.8).

use super::boxes::{Box4, read_box, write_box, write_full};
use super::init::{Defaults, Track};
use crate::reader::{Damaged, Reader};
use crate::silence;

// Flags of `tfhd` (8.8.7).
const BASE_DATA_OFFSET: u32 = 0x00_0001;
const DESCRIPTION: u32 = 0x00_0002;
const DEFAULT_DURATION: u32 = 0x00_0008;
const DEFAULT_SIZE: u32 = 0x00_0010;
const DEFAULT_FLAGS: u32 = 0x00_0020;
const DEFAULT_BASE_IS_MOOF: u32 = 0x02_0000;

// Flags of `trun` (8.8.8).
const DATA_OFFSET: u32 = 0x0001;
const FIRST_FLAGS: u32 = 0x0004;
const DURATION: u32 = 0x0100;
const SIZE: u32 = 0x0200;
const FLAGS: u32 = 0x0400;
const COMPOSITION: u32 = 0x0800;

/// `sample_is_non_sync_sample` (8.8.3.1).
const NON_SYNC: u32 = 0x0001_0000;

/// What a fragment holds of one track. Times are the track's ticks.
pub(crate) struct Traf {
    /// The index of its track among those of its segment.
    pub track: usize,
    pub from: u64,
    pub to: u64,
    /// Whether its first sample can be decoded without those before it.
    pub sync: bool,
    header: Vec<u8>,
    runs: Vec<Run>,
    /// Boxes that say more of the samples, as they came.
    more: Vec<Vec<u8>>,
}

struct Run {
    version: u8,
    flags: u32,
    count: u32,
    /// Where its bytes begin, from the first byte of `moof`.
    data: u64,
    /// What stands behind `data_offset`.
    fields: Vec<u8>,
}

/// A `moof` box whose samples all lie in the `mdat` that follows it.
pub(crate) struct Fragment {
    pub trafs: Vec<Traf>,
    moof_bytes: u64,
}

impl Fragment {
    /// Reads the `moof` box at the front of `moof`; the data behind it, with its header, has `data_bytes`.
    pub fn read(moof: &[u8], data_header: u64, data_bytes: u64, tracks: &[Track]) -> Result<Self, Damaged> {
        let moof = read_box(&mut Reader(moof))?;
        let moof_bytes = moof.whole.len() as u64;
        let data = moof_bytes + data_header..moof_bytes.checked_add(data_bytes).ok_or(Damaged)?;
        let mut trafs = Vec::new();
        let mut data_ends = 0;
        for child in moof.children() {
            let child = child?;
            if child.kind == *b"traf" {
                let traf = Traf::read(&child, tracks, &data, &mut data_ends)?;
                if trafs.len() == tracks.len() {
                    return Err(Damaged);
                }
                trafs.push(traf);
            }
        }
        if trafs.is_empty() { Err(Damaged) } else { Ok(Self { trafs, moof_bytes }) }
    }

    /// The box again as number `sequence` of another file: for each track its number there and by how many ticks it moves.
    pub fn write(&self, sequence: u32, places: &[(u32, i64)]) -> Vec<u8> {
        // Offsets count from the box's beginning, so they grow as the box does, whose length does not depend on them.
        let draft = self.write_moved(sequence, places, 0);
        self.write_moved(sequence, places, draft.len() as i64 - self.moof_bytes as i64)
    }

    fn write_moved(&self, sequence: u32, places: &[(u32, i64)], growth: i64) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.moof_bytes as usize + 64);
        write_box(&mut out, b"moof", |out| {
            write_full(out, b"mfhd", 0, 0, |out| out.extend_from_slice(&sequence.to_be_bytes()));
            for traf in &self.trafs {
                let (id, shift) = places[traf.track];
                traf.write(out, id, shift, growth);
            }
        });
        out
    }
}

impl Traf {
    fn read(
        traf: &Box4<'_>,
        tracks: &[Track],
        data: &std::ops::Range<u64>,
        data_ends: &mut u64,
    ) -> Result<Self, Damaged> {
        let header = Header::read(&traf.child(b"tfhd")?, tracks)?;
        let (version, _, mut tfdt) = traf.child(b"tfdt")?.full()?;
        let from = if version == 0 { u64::from(tfdt.u32()?) } else { tfdt.u64()? };
        let base = if header.counts_from_moof || *data_ends == 0 { 0 } else { *data_ends };
        let mut samples = Samples { data: base, ticks: 0, first_flags: None };
        let (mut runs, mut more) = (Vec::new(), Vec::new());
        for child in traf.children() {
            let child = child?;
            match &child.kind {
                b"tfhd" | b"tfdt" => {}
                // These point to places in the file, and only encrypted media has them.
                b"saio" | b"saiz" | b"senc" => return Err(Damaged),
                b"trun" => runs.push(samples.run(&child, base, &header.defaults, data)?),
                _ => more.push(child.whole.to_vec()),
            }
        }
        *data_ends = samples.data;
        let sync = samples.first_flags.is_none_or(|flags| flags & NON_SYNC == 0);
        let to = from.checked_add(samples.ticks).ok_or(Damaged)?;
        Ok(Self { track: header.track, from, to, sync, header: header.fields, runs, more })
    }

    fn write(&self, out: &mut Vec<u8>, id: u32, shift: i64, growth: i64) {
        write_box(out, b"traf", |out| {
            let (flags, fields) = self.header.split_at(4);
            write_box(out, b"tfhd", |out| {
                out.extend_from_slice(flags);
                out.extend_from_slice(&id.to_be_bytes());
                out.extend_from_slice(fields);
            });
            let from = self.from.saturating_add_signed(shift);
            write_full(out, b"tfdt", 1, 0, |out| out.extend_from_slice(&from.to_be_bytes()));
            for run in &self.runs {
                run.write(out, growth);
            }
            for more in &self.more {
                out.extend_from_slice(more);
            }
        });
    }
}

/// What `tfhd` says.
struct Header {
    track: usize,
    defaults: Defaults,
    counts_from_moof: bool,
    /// Version and flags, then what stands behind the track's number, without an offset that counts from the file's
    /// beginning.
    fields: Vec<u8>,
}

impl Header {
    fn read(tfhd: &Box4<'_>, tracks: &[Track]) -> Result<Self, Damaged> {
        let (_, flags, mut reader) = tfhd.full()?;
        let id = reader.u32()?;
        let track = tracks.iter().position(|track| track.id == id).ok_or(Damaged)?;
        if flags & BASE_DATA_OFFSET != 0 {
            // Muxers put the place of `moof` here, whatever else could stand here; samples elsewhere are refused below.
            reader.u64()?;
        }
        let mut defaults = tracks[track].defaults;
        let mut fields = ((flags & !BASE_DATA_OFFSET) | DEFAULT_BASE_IS_MOOF).to_be_bytes().to_vec();
        for (flag, value) in [
            (DESCRIPTION, &mut defaults.description),
            (DEFAULT_DURATION, &mut defaults.duration),
            (DEFAULT_SIZE, &mut defaults.size),
            (DEFAULT_FLAGS, &mut defaults.flags),
        ] {
            if flags & flag != 0 {
                *value = reader.u32()?;
                fields.extend_from_slice(&value.to_be_bytes());
            }
        }
        Ok(Self { track, defaults, counts_from_moof: flags & (BASE_DATA_OFFSET | DEFAULT_BASE_IS_MOOF) != 0, fields })
    }
}

/// The samples of a track in a fragment, run after run.
struct Samples {
    /// Where the next run's bytes begin if it does not say it.
    data: u64,
    ticks: u64,
    first_flags: Option<u32>,
}

impl Samples {
    fn run(
        &mut self,
        trun: &Box4<'_>,
        base: u64,
        defaults: &Defaults,
        data: &std::ops::Range<u64>,
    ) -> Result<Run, Damaged> {
        let (version, flags, mut reader) = trun.full()?;
        let count = reader.u32()?;
        if flags & DATA_OFFSET != 0 {
            let offset = i64::from(reader.u32()?.cast_signed());
            self.data = base.checked_add_signed(offset).ok_or(Damaged)?;
        }
        let (fields, begin) = (reader.0.to_vec(), self.data);
        let first = if flags & FIRST_FLAGS != 0 { Some(reader.u32()?) } else { None };
        let columns = [DURATION, SIZE, FLAGS, COMPOSITION].iter().filter(|flag| flags & **flag != 0).count();
        if reader.0.len() as u64 != u64::from(count) * columns as u64 * 4 {
            return Err(Damaged);
        }
        let totals = Totals::of(reader, count, flags, defaults)?;
        if count > 0 {
            self.first_flags.get_or_insert(first.unwrap_or(totals.first_flags));
        }
        self.data = begin.checked_add(totals.bytes).ok_or(Damaged)?;
        self.ticks = self.ticks.checked_add(totals.ticks).ok_or(Damaged)?;
        if begin < data.start || self.data > data.end {
            return Err(Damaged);
        }
        Ok(Run { version, flags: flags | DATA_OFFSET, count, data: begin, fields })
    }
}

struct Totals {
    bytes: u64,
    ticks: u64,
    first_flags: u32,
}

impl Totals {
    fn of(mut reader: Reader<'_>, count: u32, flags: u32, defaults: &Defaults) -> Result<Self, Damaged> {
        let mut totals = Self {
            bytes: u64::from(count) * u64::from(defaults.size),
            ticks: u64::from(count) * u64::from(defaults.duration),
            first_flags: defaults.flags,
        };
        if flags & SIZE != 0 {
            totals.bytes = 0;
        }
        if flags & DURATION != 0 {
            totals.ticks = 0;
        }
        let mut first = true;
        while !reader.is_empty() {
            if flags & DURATION != 0 {
                totals.ticks += u64::from(reader.u32()?);
            }
            if flags & SIZE != 0 {
                totals.bytes += u64::from(reader.u32()?);
            }
            if flags & FLAGS != 0 {
                let own = reader.u32()?;
                totals.first_flags = if first { own } else { totals.first_flags };
            }
            if flags & COMPOSITION != 0 {
                reader.u32()?;
            }
            first = false;
        }
        Ok(totals)
    }
}

impl Run {
    fn write(&self, out: &mut Vec<u8>, growth: i64) {
        write_full(out, b"trun", self.version, self.flags, |out| {
            out.extend_from_slice(&self.count.to_be_bytes());
            let offset = self.data.saturating_add_signed(growth);
            out.extend_from_slice(&(offset as u32).to_be_bytes());
            out.extend_from_slice(&self.fields);
        });
    }
}

/// A fragment of silence as number `sequence`, and the ticks that it lasts: up to `samples` of the Opus track `id`, from its
/// tick `from`.
pub(crate) fn silence(sequence: u32, id: u32, from: u64, samples: u64) -> (Vec<u8>, u64) {
    let packets: Vec<_> = silence::packets(samples).collect();
    let mut out = silent_moof(sequence, id, from, &packets, 0);
    let data = out.len() as u32 + 8;
    out = silent_moof(sequence, id, from, &packets, data);
    write_box(&mut out, b"mdat", |out| out.extend(packets.iter().flat_map(|(packet, _)| packet)));
    (out, packets.iter().map(|(_, lasts)| u64::from(*lasts)).sum())
}

fn silent_moof(sequence: u32, id: u32, from: u64, packets: &[silence::Packet], data: u32) -> Vec<u8> {
    const SYNC_SAMPLE: u32 = 0x0200_0000;
    let mut out = Vec::new();
    write_box(&mut out, b"moof", |out| {
        write_full(out, b"mfhd", 0, 0, |out| out.extend_from_slice(&sequence.to_be_bytes()));
        write_box(out, b"traf", |out| {
            write_full(out, b"tfhd", 0, DEFAULT_BASE_IS_MOOF | DEFAULT_SIZE | DEFAULT_FLAGS, |out| {
                out.extend([id, 3, SYNC_SAMPLE].into_iter().flat_map(u32::to_be_bytes));
            });
            write_full(out, b"tfdt", 1, 0, |out| out.extend_from_slice(&from.to_be_bytes()));
            write_full(out, b"trun", 0, DATA_OFFSET | DURATION, |out| {
                let durations = packets.iter().map(|(_, lasts)| *lasts);
                let values = [packets.len() as u32, data].into_iter().chain(durations);
                out.extend(values.flat_map(u32::to_be_bytes));
            });
        });
    });
    out
}
