//! A segment's chunks as one stream of bytes: a chunk or two of it are in memory, and it knows where chunks are missing.

use std::collections::VecDeque;

use crate::error::ComposeError;
use crate::file::FileWriter;
use crate::{Chunk, Chunks, Files};

/// Where a byte lies: a chunk's number, and how far into it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    pub seq: u32,
    pub offset: u64,
}

/// A run is what lies between two missing chunks. What is said of bytes here is said of the current run.
pub(crate) struct Stream<'a, S> {
    source: &'a S,
    all: &'a [Chunk],
    /// Chunks that were not read yet, of this run and of those behind it.
    unread: &'a [Chunk],
    /// Bytes of this run in chunks that were not read yet.
    ahead: u64,
    buffer: Vec<u8>,
    /// How much of the buffer was consumed.
    start: usize,
    /// How much of the run was consumed.
    consumed: u64,
    /// Where in the run each buffered chunk begins.
    marks: VecDeque<(u64, u32)>,
}

impl<'a, S: Chunks + Sync> Stream<'a, S> {
    /// Stands before the first of `chunks`, which rise in `seq`.
    pub fn new(source: &'a S, chunks: &'a [Chunk]) -> Self {
        let ahead = run_bytes(chunks);
        Self {
            source,
            all: chunks,
            unread: chunks,
            ahead,
            buffer: Vec::new(),
            start: 0,
            consumed: 0,
            marks: VecDeque::new(),
        }
    }

    /// Bytes that follow.
    pub fn left(&self) -> u64 {
        (self.buffer.len() - self.start) as u64 + self.ahead
    }

    /// Where the next byte lies.
    pub fn place(&self) -> Option<Place> {
        let unread = || self.unread.first().map(|chunk| Place { seq: chunk.seq, offset: 0 });
        if self.start == self.buffer.len() {
            return if self.ahead > 0 { unread() } else { None };
        }
        let (begin, seq) = self.marks.iter().rev().find(|(begin, _)| *begin <= self.consumed)?;
        Some(Place { seq: *seq, offset: self.consumed - begin })
    }

    /// Goes on behind the missing chunks, leaving what is left of this run. `false` where nothing follows.
    pub fn next_run(&mut self) -> bool {
        while let [next, rest @ ..] = self.unread
            && self.ahead > 0
        {
            self.ahead -= next.bytes;
            self.unread = rest;
        }
        self.begin_run();
        !self.unread.is_empty()
    }

    /// Goes to a place that `place` named.
    pub async fn go_to(&mut self, place: Place) -> Result<(), ComposeError> {
        let before = self.all.partition_point(|chunk| chunk.seq < place.seq);
        self.unread = &self.all[before..];
        self.begin_run();
        self.skip(place.offset).await
    }

    fn begin_run(&mut self) {
        self.ahead = run_bytes(self.unread);
        self.buffer.clear();
        self.marks.clear();
        (self.start, self.consumed) = (0, 0);
    }

    /// The next `length` bytes, which stay where they are; fewer where the run has no more.
    pub async fn peek(&mut self, length: usize) -> Result<&[u8], ComposeError> {
        while self.buffer.len() - self.start < length && self.load().await? {}
        let end = self.buffer.len().min(self.start + length);
        Ok(&self.buffer[self.start..end])
    }

    /// Passes over what `peek` showed.
    pub fn consume(&mut self, length: usize) {
        self.start += length;
        self.consumed += length as u64;
    }

    /// Passes over `length` bytes, or what the run has of them.
    pub async fn skip(&mut self, mut length: u64) -> Result<(), ComposeError> {
        while length > 0 {
            let now = self.some(length).await?.len();
            if now == 0 {
                return Ok(());
            }
            self.consume(now);
            length -= now as u64;
        }
        Ok(())
    }

    /// Copies the next `length` bytes, or what the run has of them.
    pub async fn copy<O: Files + Send>(
        &mut self,
        mut length: u64,
        to: &mut FileWriter<'_, O>,
    ) -> Result<(), ComposeError> {
        while length > 0 {
            let there = self.some(length).await?;
            if there.is_empty() {
                return Ok(());
            }
            to.write(there).await?;
            let now = there.len();
            self.consume(now);
            length -= now as u64;
        }
        Ok(())
    }

    /// At least one and at most `length` of the next bytes; none at the run's end.
    async fn some(&mut self, length: u64) -> Result<&[u8], ComposeError> {
        self.peek(1).await?;
        let now = length.min((self.buffer.len() - self.start) as u64) as usize;
        Ok(&self.buffer[self.start..self.start + now])
    }

    /// Reads one more chunk of the run. `false` where there is none.
    async fn load(&mut self) -> Result<bool, ComposeError> {
        let [next, rest @ ..] = self.unread else { return Ok(false) };
        if self.ahead == 0 {
            return Ok(false);
        }
        let bytes = self.source.read(next.seq).await.map_err(ComposeError::Read)?;
        if bytes.len() as u64 != next.bytes {
            return Err(ComposeError::Changed { seq: next.seq });
        }
        self.buffer.drain(..self.start);
        self.start = 0;
        while self.marks.get(1).is_some_and(|(begin, _)| *begin <= self.consumed) {
            self.marks.pop_front();
        }
        self.marks.push_back((self.consumed + self.buffer.len() as u64, next.seq));
        self.buffer.extend_from_slice(&bytes);
        self.unread = rest;
        self.ahead -= next.bytes;
        Ok(true)
    }
}

/// Bytes of the first chunks between which none is missing.
fn run_bytes(chunks: &[Chunk]) -> u64 {
    let Some(first) = chunks.first() else { return 0 };
    let follows = |(seq, chunk): &(u32, &Chunk)| chunk.seq == *seq;
    (first.seq..=u32::MAX).zip(chunks).take_while(follows).map(|(_, chunk)| chunk.bytes).sum()
}
