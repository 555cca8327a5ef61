//! A recording of twelve hours: memory does not grow with it. A program of its own, because memory is the process's.
#![allow(clippy::unwrap_used)]

use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use recording::{Cause, Chunk, Chunks, Container, Files, Recording, Segment, compose};

const HOURS: u32 = 12;
const CHUNK_SECONDS: u32 = 4;
const CHUNKS: u32 = HOURS * 3600 / CHUNK_SECONDS;
const PAYLOAD: usize = 128 * 1024;
/// Of the whole program, in KiB; the recording has 1.4 GB.
const MOST_KIB: u64 = 48 * 1024;

/// Makes each chunk when it is read, and counts what was read.
struct Endless {
    chunk: fn(u32) -> Vec<u8>,
    reads: AtomicU64,
}

impl Chunks for Endless {
    async fn read(&self, seq: u32) -> Result<Bytes, Cause> {
        self.reads.fetch_add(1, Ordering::Relaxed);
        Ok((self.chunk)(seq).into())
    }
}

/// Counts and forgets.
#[derive(Default)]
struct Counted {
    parts: u32,
    bytes: u64,
    header: Bytes,
}

impl Files for Counted {
    async fn begin(&mut self, _number: u32, _container: Container) -> Result<(), Cause> {
        Ok(())
    }

    async fn part(&mut self, part: u32, bytes: Bytes) -> Result<(), Cause> {
        self.parts += 1;
        self.bytes += bytes.len() as u64;
        if part == 1 {
            self.header = bytes;
        }
        Ok(())
    }

    async fn finish(&mut self) -> Result<(), Cause> {
        Ok(())
    }
}

fn boxed(kind: &[u8; 4], bodies: &[&[u8]]) -> Vec<u8> {
    let body = bodies.concat();
    [&(body.len() as u32 + 8).to_be_bytes(), kind.as_slice(), &body].concat()
}

/// One key frame of 4 s a fragment.
fn mp4(seq: u32) -> Vec<u8> {
    const FULL: &[u8] = &[0; 4];
    let word = |value: u32| value.to_be_bytes();
    let mut chunk = Vec::new();
    if seq == 0 {
        let stbl = boxed(b"stbl", &[&boxed(b"stsd", &[FULL, &word(1), &boxed(b"vp09", &[&[0; 78]])])]);
        let mdhd = boxed(b"mdhd", &[FULL, &[0; 8], &word(90_000), &[0; 8]]);
        let hdlr = boxed(b"hdlr", &[FULL, &[0; 4], b"vide", &[0; 13]]);
        let mdia = boxed(b"mdia", &[&mdhd, &hdlr, &boxed(b"minf", &[&stbl])]);
        let trak = boxed(b"trak", &[&boxed(b"tkhd", &[FULL, &[0; 8], &word(1), &[0; 68]]), &mdia]);
        let trex = boxed(b"trex", &[FULL, &word(1), &word(1), &[0; 12]]);
        chunk.extend(boxed(b"ftyp", &[b"isom\0\0\x02\0isom"]));
        chunk.extend(boxed(b"moov", &[&trak, &boxed(b"mvex", &[&trex])]));
    }
    let tfhd = boxed(b"tfhd", &[&word(0x02_0018), &word(1), &word(CHUNK_SECONDS * 90_000), &word(PAYLOAD as u32)]);
    let tfdt = boxed(b"tfdt", &[&word(1 << 24), &(u64::from(seq) * u64::from(CHUNK_SECONDS) * 90_000).to_be_bytes()]);
    let trun = boxed(b"trun", &[&word(1), &word(1), &word(104)]);
    let traf = boxed(b"traf", &[&tfhd, &tfdt, &trun]);
    chunk.extend(boxed(b"moof", &[&boxed(b"mfhd", &[FULL, &word(seq)]), &traf]));
    chunk.extend(boxed(b"mdat", &[&vec![7; PAYLOAD]]));
    chunk
}

fn webm(seq: u32) -> Vec<u8> {
    testkit::webm_chunk(seq, seq * CHUNK_SECONDS * 1000, PAYLOAD)
}

/// The most memory that this program had at a time, in KiB.
fn most_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

#[tokio::test]
async fn twelve_hours_take_no_more_memory_than_a_few_chunks() {
    for chunk in [mp4 as fn(u32) -> Vec<u8>, webm] {
        let source = Endless { chunk, reads: AtomicU64::new(0) };
        let lengths = [chunk(0).len() as u64, chunk(1).len() as u64];
        let chunks: Vec<Chunk> = (0..CHUNKS).map(|seq| Chunk { seq, bytes: lengths[usize::from(seq > 0)] }).collect();
        let segments = [Segment { first_seq: 0, started_at: 0 }];
        let recording = Recording { chunks: &chunks, segments: &segments, ended_at: None };
        let mut out = Counted::default();
        let composed = compose(&source, &recording, u64::MAX, &mut out).await.unwrap();
        assert_eq!((composed.files.len(), composed.gaps.as_slice()), (1, [].as_slice()));
        let most_ms = u64::from(HOURS) * 3_600_000;
        assert!((most_ms - u64::from(CHUNK_SECONDS) * 1000..=most_ms).contains(&composed.duration_ms));
        assert_eq!(composed.files[0].bytes, out.bytes);
        assert!(u64::from(out.parts) >= out.bytes / (6 << 20), "in parts");
        assert_eq!(source.reads.into_inner(), u64::from(CHUNKS) + 1, "each once, the first also to see what it is");
    }
    assert!(most_kib() < MOST_KIB, "{} KiB", most_kib());
}
