//! Chunks in memory, and files in memory that keep S3's rules.

use std::collections::BTreeMap;

use bytes::Bytes;
use recording::{
    Cause, Chunk, Chunks, ComposeError, Composed, Container, Files, LEAST_PART_BYTES, Recording, Segment, compose,
};

/// The wall clock at which every recording here starts.
pub const START: u64 = 1_790_000_000_000;

/// A recording that is uploaded.
#[derive(Clone, Default)]
pub struct Uploaded {
    pub chunks: BTreeMap<u32, Bytes>,
    pub segments: Vec<Segment>,
    pub ended_at: Option<u64>,
    next: u32,
}

impl Uploaded {
    /// One segment, in chunks of this length.
    pub fn new(media: &[u8], chunk_bytes: usize) -> Self {
        Self::default().then(0, media, chunk_bytes)
    }

    /// One more segment, which starts that many milliseconds after the recording.
    pub fn then(mut self, starts_ms: u64, media: &[u8], chunk_bytes: usize) -> Self {
        self.segments.push(Segment { first_seq: self.next, started_at: START + starts_ms });
        for chunk in media.chunks(chunk_bytes) {
            self.chunks.insert(self.next, Bytes::copy_from_slice(chunk));
            self.next += 1;
        }
        self
    }

    pub fn without(mut self, seq: u32) -> Self {
        assert!(self.chunks.remove(&seq).is_some(), "there is no chunk {seq}");
        self
    }

    pub fn listed(&self) -> Vec<Chunk> {
        self.chunks.iter().map(|(seq, bytes)| Chunk { seq: *seq, bytes: bytes.len() as u64 }).collect()
    }

    pub async fn compose(&self) -> Result<(Composed, Made), ComposeError> {
        self.compose_in(u64::MAX).await
    }

    /// In files of about that length.
    pub async fn compose_in(&self, file_bytes: u64) -> Result<(Composed, Made), ComposeError> {
        let mut made = Made::default();
        let chunks = self.listed();
        let recording = Recording { chunks: &chunks, segments: &self.segments, ended_at: self.ended_at };
        let composed = compose(self, &recording, file_bytes, &mut made).await?;
        assert_eq!(composed.files.len(), made.files.len());
        Ok((composed, made))
    }
}

impl Chunks for Uploaded {
    async fn read(&self, seq: u32) -> Result<Bytes, Cause> {
        self.chunks.get(&seq).cloned().ok_or_else(|| format!("no chunk {seq}").into())
    }
}

/// The files that were made.
#[derive(Default, PartialEq, Eq, Debug, Clone)]
pub struct Made {
    pub files: Vec<(Container, Vec<u8>)>,
    begun: Option<(u32, Container)>,
    parts: BTreeMap<u32, Bytes>,
}

impl Files for Made {
    async fn begin(&mut self, number: u32, container: Container) -> Result<(), Cause> {
        self.begun = Some((number, container));
        self.parts.clear();
        Ok(())
    }

    async fn part(&mut self, part: u32, bytes: Bytes) -> Result<(), Cause> {
        assert!(self.parts.insert(part, bytes).is_none(), "part {part} twice");
        Ok(())
    }

    async fn finish(&mut self) -> Result<(), Cause> {
        let (number, container) = self.begun.take().ok_or("nothing was begun")?;
        let last = *self.parts.keys().last().unwrap();
        assert_eq!(last as usize, self.parts.len(), "a part is missing");
        assert!(self.parts.iter().all(|(part, bytes)| *part == last || bytes.len() >= LEAST_PART_BYTES));
        self.files.truncate(number as usize);
        self.files.push((container, self.parts.values().flat_map(|bytes| bytes.to_vec()).collect()));
        Ok(())
    }
}
