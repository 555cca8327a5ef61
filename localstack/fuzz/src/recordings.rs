//! What browsers upload to be composed: media, or anything else.

use std::collections::BTreeMap;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use recording::{Cause, Chunk, Chunks, ComposeError, Composed, Container, Files, Recording, Segment, compose};

/// Files of a few pieces each.
const FILE_BYTES: u64 = 300;

/// Composing ends, with files or an error, and comes to the same wherever the chunks were cut. The input's first byte says
/// what is spoilt, its others how: pairs of a place and a byte, or, of nothing, what follows the signature.
pub fn recording(input: &[u8]) {
    let Some((kind, input)) = input.split_first() else { return };
    let stream = match kind % 4 {
        0 => spoilt(mp4(), input),
        1 => spoilt(webm(), input),
        2 => [b"\0\0\0\x0cftypisom", input].concat(),
        _ => [b"\x1a\x45\xdf\xa3\x80\x18\x53\x80\x67\xff", input].concat(),
    };
    let whole = composed(&stream, stream.len());
    for chunk_bytes in [1 + usize::from(*kind), 64] {
        assert_eq!(composed(&stream, chunk_bytes), whole, "chunks of {chunk_bytes}");
    }
    if let Some((composed, files)) = whole {
        assert!(!composed.files.is_empty() && composed.files.len() == files.len());
        assert!(composed.gaps.iter().all(|gap| gap.from_ms < gap.to_ms && gap.to_ms <= composed.duration_ms));
    }
}

fn spoilt(mut stream: Vec<u8>, changes: &[u8]) -> Vec<u8> {
    for change in changes.chunks_exact(3) {
        let at = usize::from(u16::from_be_bytes([change[0], change[1]])) % stream.len();
        stream[at] = change[2];
    }
    stream
}

fn composed(stream: &[u8], chunk_bytes: usize) -> Option<(Composed, Vec<Vec<u8>>)> {
    let source = Cut(stream.chunks(chunk_bytes).map(Bytes::copy_from_slice).collect());
    let chunks: Vec<Chunk> =
        source.0.iter().zip(0..).map(|(bytes, seq)| Chunk { seq, bytes: bytes.len() as u64 }).collect();
    let segments = [Segment { first_seq: 0, started_at: 1_795_348_800_000 }];
    let recording = Recording { chunks: &chunks, segments: &segments, ended_at: None };
    let mut files = Kept::default();
    match at_once(compose(&source, &recording, FILE_BYTES, &mut files)) {
        Ok(composed) => Some((composed, files.files)),
        Err(ComposeError::Empty | ComposeError::Unreadable) => None,
        Err(error) => panic!("{error}"),
    }
}

fn at_once<T>(work: impl Future<Output = T>) -> T {
    let Poll::Ready(done) = pin!(work).poll(&mut Context::from_waker(Waker::noop())) else {
        panic!("nothing here has to be waited for")
    };
    done
}

struct Cut(Vec<Bytes>);

impl Chunks for Cut {
    async fn read(&self, seq: u32) -> Result<Bytes, Cause> {
        Ok(self.0[seq as usize].clone())
    }
}

#[derive(Default)]
struct Kept {
    files: Vec<Vec<u8>>,
    parts: BTreeMap<u32, Bytes>,
}

impl Files for Kept {
    async fn begin(&mut self, _number: u32, _container: Container) -> Result<(), Cause> {
        Ok(())
    }

    async fn part(&mut self, part: u32, bytes: Bytes) -> Result<(), Cause> {
        self.parts.insert(part, bytes);
        Ok(())
    }

    async fn finish(&mut self) -> Result<(), Cause> {
        let parts = std::mem::take(&mut self.parts).into_values().collect::<Vec<_>>();
        self.files.push(parts.concat());
        Ok(())
    }
}

/// A box, or a full box where the body begins with its version and flags.
fn boxed(kind: &[u8; 4], bodies: &[&[u8]]) -> Vec<u8> {
    let body = bodies.concat();
    [&(body.len() as u32 + 8).to_be_bytes(), kind.as_slice(), &body].concat()
}

/// Sound of three fragments of a second each.
fn mp4() -> Vec<u8> {
    const FULL: &[u8] = &[0; 4];
    let word = |value: u32| value.to_be_bytes();
    let entry = boxed(b"Opus", &[&[0; 28]]);
    let stbl = boxed(b"stbl", &[&boxed(b"stsd", &[FULL, &word(1), &entry])]);
    let mdhd = boxed(b"mdhd", &[FULL, &[0; 8], &word(48_000), &[0; 8]]);
    let hdlr = boxed(b"hdlr", &[FULL, &[0; 4], b"soun", &[0; 13]]);
    let mdia = boxed(b"mdia", &[&mdhd, &hdlr, &boxed(b"minf", &[&stbl])]);
    let trak = boxed(b"trak", &[&boxed(b"tkhd", &[FULL, &[0; 8], &word(1), &[0; 68]]), &mdia]);
    let trex = boxed(b"trex", &[FULL, &word(1), &word(1), &[0; 12]]);
    let mut stream = boxed(b"ftyp", &[b"isom\0\0\x02\0isom"]);
    stream.extend(boxed(b"moov", &[&trak, &boxed(b"mvex", &[&trex])]));
    for second in 0..3 {
        let tfhd = boxed(b"tfhd", &[&word(0x02_0018), &word(1), &word(24_000), &word(3)]);
        let tfdt = boxed(b"tfdt", &[FULL, &word(second * 48_000)]);
        let trun = boxed(b"trun", &[&word(1), &word(2), &word(100)]);
        let traf = boxed(b"traf", &[&tfhd, &tfdt, &trun]);
        let moof = boxed(b"moof", &[&boxed(b"mfhd", &[FULL, &word(second)]), &traf]);
        assert_eq!(moof.len() + 8, 100, "where the samples are");
        stream.extend(moof);
        stream.extend(boxed(b"mdat", &[&[0xf8, 0xff, 0xfe, 0xf8, 0xff, 0xfe]]));
    }
    stream
}

/// An element with a size of one byte.
fn element(id: &[u8], body: &[u8]) -> Vec<u8> {
    [id, &[0x80 | body.len() as u8], body].concat()
}

/// Picture and sound in three clusters of a second each.
fn webm() -> Vec<u8> {
    let track = |number: u8, codec: &[u8]| {
        let fields = [element(&[0xd7], &[number]), element(&[0x83], &[number]), element(&[0x86], codec)];
        element(&[0xae], &fields.concat())
    };
    let tracks = [track(1, b"V_VP8"), track(2, b"A_OPUS")].concat();
    let mut stream = element(&[0x1a, 0x45, 0xdf, 0xa3], &element(&[0x42, 0x82], b"webm"));
    stream.extend_from_slice(b"\x18\x53\x80\x67\xff");
    stream.extend(element(&[0x15, 0x49, 0xa9, 0x66], &element(&[0x2a, 0xd7, 0xb1], &[0x0f, 0x42, 0x40])));
    stream.extend(element(&[0x16, 0x54, 0xae, 0x6b], &tracks));
    for second in 0..3_u16 {
        stream.extend_from_slice(b"\x1f\x43\xb6\x75\xff");
        stream.extend(element(&[0xe7], &(second * 1000).to_be_bytes()));
        for (track, time, flags) in [(0x81, 0, 0x80), (0x82, 3, 0x80), (0x81, 100, 0), (0x82, 250, 0x80)] {
            stream.extend(element(&[0xa3], &[track, 0, time, flags, 0xf8, 0xff, 0xfe]));
        }
    }
    stream
}
