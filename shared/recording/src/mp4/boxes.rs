//! Boxes of the ISO base media file format (ISO/IEC 14496-12, section 4.2), in and out.

use crate::reader::{Damaged, Reader};

/// A box's four-character name.
pub(crate) type Kind = [u8; 4];

/// A box in memory.
#[derive(Clone, Copy)]
pub(crate) struct Box4<'a> {
    pub kind: Kind,
    pub whole: &'a [u8],
    pub body: &'a [u8],
}

impl<'a> Box4<'a> {
    /// A full box's version, flags and what follows them.
    pub fn full(&self) -> Result<(u8, u32, Reader<'a>), Damaged> {
        let mut reader = Reader(self.body);
        let word = reader.u32()?;
        Ok(((word >> 24) as u8, word & 0x00ff_ffff, reader))
    }

    pub fn children(&self) -> Children<'a> {
        Children(Reader(self.body))
    }

    /// The first child of a kind.
    pub fn child(&self, kind: &Kind) -> Result<Self, Damaged> {
        self.find(kind)?.ok_or(Damaged)
    }

    /// The first child of a kind, where there is one.
    pub fn find(&self, kind: &Kind) -> Result<Option<Self>, Damaged> {
        for child in self.children() {
            let child = child?;
            if child.kind == *kind {
                return Ok(Some(child));
            }
        }
        Ok(None)
    }
}

/// The boxes that follow one another in a slice; one that does not fit is the last, and damaged.
pub(crate) struct Children<'a>(Reader<'a>);

impl<'a> Iterator for Children<'a> {
    type Item = Result<Box4<'a>, Damaged>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let found = read_box(&mut self.0);
        if found.is_err() {
            self.0 = Reader(&[]);
        }
        Some(found)
    }
}

/// One box from the front.
pub(crate) fn read_box<'a>(reader: &mut Reader<'a>) -> Result<Box4<'a>, Damaged> {
    let head = header(reader.0)?;
    let length = usize::try_from(head.length).map_err(|_| Damaged)?;
    let whole = reader.bytes(length)?;
    Ok(Box4 { kind: head.kind, whole, body: &whole[head.header..] })
}

/// What a box says of itself: its name, its header's length and its own with the header, in bytes.
#[derive(Clone, Copy)]
pub(crate) struct Header {
    pub kind: Kind,
    pub header: usize,
    pub length: u64,
}

/// Bytes that a header has at most.
pub(crate) const LONGEST_HEADER: usize = 16;

/// The header in front of `bytes`. A box that reaches to the end of the file has no length and is not taken.
pub(crate) fn header(bytes: &[u8]) -> Result<Header, Damaged> {
    let mut reader = Reader(bytes);
    let short = reader.u32()?;
    let kind = reader.array()?;
    let (header, length) = if short == 1 { (16, reader.u64()?) } else { (8, u64::from(short)) };
    if length < header as u64 {
        return Err(Damaged);
    }
    Ok(Header { kind, header, length })
}

/// Appends a box whose body `fill` writes.
pub(crate) fn write_box(out: &mut Vec<u8>, kind: &Kind, fill: impl FnOnce(&mut Vec<u8>)) {
    let begin = out.len();
    out.extend_from_slice(&[0; 4]);
    out.extend_from_slice(kind);
    fill(out);
    let length = u32::try_from(out.len() - begin).expect("what is written here is bounded far below 4 GiB");
    out[begin..begin + 4].copy_from_slice(&length.to_be_bytes());
}

/// Appends a full box.
pub(crate) fn write_full(out: &mut Vec<u8>, kind: &Kind, version: u8, flags: u32, fill: impl FnOnce(&mut Vec<u8>)) {
    write_box(out, kind, |out| {
        out.extend_from_slice(&(u32::from(version) << 24 | flags).to_be_bytes());
        fill(out);
    });
}
