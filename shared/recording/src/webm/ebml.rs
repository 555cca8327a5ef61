//! EBML elements (RFC 8794), in and out.

use crate::reader::{Damaged, Reader};

/// An element's ID with its length marker, as the tables of RFC 9559 give it.
pub(crate) type Id = u32;

/// Bytes that an ID and a size have at most.
pub(crate) const LONGEST_HEADER: usize = 4 + 8;

/// What an element says of itself.
#[derive(Clone, Copy)]
pub(crate) struct Header {
    pub id: Id,
    /// Its length in bytes.
    pub header: usize,
    /// The length of what it holds; `None` where it is not known (RFC 8794, section 6.2).
    pub size: Option<u64>,
}

/// The header in front of `bytes`.
pub(crate) fn header(bytes: &[u8]) -> Result<Header, Damaged> {
    let mut reader = Reader(bytes);
    let id = id(&mut reader)?;
    let size = size(&mut reader)?;
    Ok(Header { id, header: bytes.len() - reader.0.len(), size })
}

fn width(reader: &Reader<'_>) -> Result<usize, Damaged> {
    reader.0.first().map(|first| first.leading_zeros() as usize + 1).ok_or(Damaged)
}

fn id(reader: &mut Reader<'_>) -> Result<Id, Damaged> {
    let width = width(reader)?;
    if width > 4 {
        return Err(Damaged);
    }
    Ok(uint(reader.bytes(width)?) as Id)
}

/// A number with a length marker (RFC 8794, section 4); all ones mean that it is not known.
pub(crate) fn size(reader: &mut Reader<'_>) -> Result<Option<u64>, Damaged> {
    let width = width(reader)?;
    if width > 8 {
        return Err(Damaged);
    }
    let most = (1 << (7 * width)) - 1;
    let value = uint(reader.bytes(width)?) & most;
    Ok((value != most).then_some(value))
}

/// An unsigned number of at most 8 bytes (RFC 8794, section 7.2); of more, the last 8.
pub(crate) fn uint(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0, |value, byte| value << 8 | u64::from(*byte))
}

/// An element in memory.
#[derive(Clone, Copy)]
pub(crate) struct Element<'a> {
    pub id: Id,
    pub whole: &'a [u8],
    pub body: &'a [u8],
}

/// The elements that follow one another in a slice; one that does not fit is the last, and damaged.
pub(crate) struct Elements<'a>(pub Reader<'a>);

impl<'a> Iterator for Elements<'a> {
    type Item = Result<Element<'a>, Damaged>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let found = element(&mut self.0);
        if found.is_err() {
            self.0 = Reader(&[]);
        }
        Some(found)
    }
}

/// One element of a known size from the front.
pub(crate) fn element<'a>(reader: &mut Reader<'a>) -> Result<Element<'a>, Damaged> {
    let head = header(reader.0)?;
    let size = usize::try_from(head.size.ok_or(Damaged)?).map_err(|_| Damaged)?;
    let whole = reader.bytes(head.header.checked_add(size).ok_or(Damaged)?)?;
    Ok(Element { id: head.id, whole, body: &whole[head.header..] })
}

/// Appends an ID.
pub(crate) fn write_id(out: &mut Vec<u8>, id: Id) {
    let bytes = id.to_be_bytes();
    out.extend_from_slice(&bytes[id.leading_zeros() as usize / 8..]);
}

/// Appends a size in 8 bytes, so that its length does not depend on it.
pub(crate) fn write_size(out: &mut Vec<u8>, size: u64) {
    out.extend_from_slice(&(size | 1 << 56).to_be_bytes());
}

/// Appends an element.
pub(crate) fn write_bytes(out: &mut Vec<u8>, id: Id, body: &[u8]) {
    write_id(out, id);
    write_size(out, body.len() as u64);
    out.extend_from_slice(body);
}

/// Appends an unsigned number in 8 bytes, so that its length does not depend on it.
pub(crate) fn write_uint(out: &mut Vec<u8>, id: Id, value: u64) {
    write_bytes(out, id, &value.to_be_bytes());
}

/// Appends an element whose body `fill` writes.
pub(crate) fn write_master(out: &mut Vec<u8>, id: Id, fill: impl FnOnce(&mut Vec<u8>)) {
    let mut body = Vec::new();
    fill(&mut body);
    write_bytes(out, id, &body);
}
