//! Blocks: one frame each, or a few (RFC 9559, section 10).

use super::ebml::{Elements, element, size, uint, write_id};
use super::ids;
use super::init::Track;
use crate::reader::{Damaged, Reader};
use crate::silence;

/// `SimpleBlock`'s flag of a frame that needs none before it.
const KEY: u8 = 0x80;
/// Flags of more than one frame in a block.
const LACING: u8 = 0x06;

/// One block.
pub(crate) struct Block {
    /// The index of its track among those of its segment.
    pub track: usize,
    /// Ticks from the segment's start.
    pub time: u64,
    pub key: bool,
    /// In ticks, where it is said.
    pub duration: Option<u64>,
    flags: u8,
    frames: Vec<u8>,
    /// What its group says besides; `None` of a `SimpleBlock`.
    group: Option<Vec<u8>>,
}

impl Block {
    /// A packet of silence. Its time is the file's already.
    pub fn silence(packet: [u8; 3], time: u64) -> Self {
        Self { track: 0, time, key: true, duration: None, flags: KEY, frames: packet.to_vec(), group: None }
    }

    /// How long it lasts by what it holds, where that is one Opus packet.
    pub fn opus_samples(&self) -> Option<u32> {
        if self.flags & LACING == 0 { silence::lasts(&self.frames) } else { None }
    }

    /// Reads a whole `SimpleBlock` or `BlockGroup` of a cluster of this time.
    pub fn read(whole: &[u8], cluster: u64, tracks: &[Track]) -> Result<Self, Damaged> {
        let outer = element(&mut Reader(whole))?;
        if outer.id == ids::SIMPLE_BLOCK {
            let mut block = Self::content(outer.body, cluster, tracks)?;
            block.key = block.flags & KEY != 0;
            return Ok(block);
        }
        let (mut block, mut more, mut duration, mut key) = (None, Vec::new(), None, true);
        for child in Elements(Reader(outer.body)) {
            let child = child?;
            match child.id {
                ids::BLOCK => block = Some(Self::content(child.body, cluster, tracks)?),
                id => {
                    key &= id != ids::REFERENCE_BLOCK;
                    duration = if id == ids::BLOCK_DURATION { Some(uint(child.body)) } else { duration };
                    more.extend_from_slice(child.whole);
                }
            }
        }
        Ok(Self { key, duration, group: Some(more), ..block.ok_or(Damaged)? })
    }

    fn content(body: &[u8], cluster: u64, tracks: &[Track]) -> Result<Self, Damaged> {
        let mut reader = Reader(body);
        let number = size(&mut reader)?.ok_or(Damaged)?;
        let track = tracks.iter().position(|track| track.number == number).ok_or(Damaged)?;
        let relative = i16::from_be_bytes(reader.array()?);
        let time = cluster.checked_add_signed(i64::from(relative)).ok_or(Damaged)?;
        let [flags] = reader.array()?;
        Ok(Self { track, time, key: false, duration: None, flags, frames: reader.0.to_vec(), group: None })
    }

    /// Appends it again, for another track and time.
    pub fn write(&self, out: &mut Vec<u8>, track: u64, relative: i16) {
        let Some(more) = &self.group else {
            return self.write_content(out, ids::SIMPLE_BLOCK, track, relative);
        };
        let mut body = Vec::with_capacity(self.frames.len() + more.len() + 16);
        self.write_content(&mut body, ids::BLOCK, track, relative);
        body.extend_from_slice(more);
        write_id(out, ids::BLOCK_GROUP);
        write_short_size(out, body.len());
        out.extend_from_slice(&body);
    }

    fn write_content(&self, out: &mut Vec<u8>, id: super::ebml::Id, track: u64, relative: i16) {
        const HEADER_BYTES: usize = 4;
        write_id(out, id);
        write_short_size(out, HEADER_BYTES + self.frames.len());
        // A track number of at most 7 bits, with its length marker.
        out.push(0x80 | track as u8);
        out.extend_from_slice(&relative.to_be_bytes());
        out.push(self.flags);
        out.extend_from_slice(&self.frames);
    }
}

/// Appends a size in 4 bytes: a block is far below the 256 MiB that they can say.
fn write_short_size(out: &mut Vec<u8>, size: usize) {
    out.extend_from_slice(&(size as u32 | 1 << 28).to_be_bytes());
}
