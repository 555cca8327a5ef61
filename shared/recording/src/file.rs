//! A file on its way out. Its beginning is known last, so its first part goes up last.

use crate::Container;
use crate::Files;
use crate::error::ComposeError;

/// The least that a part but the last may have, in bytes: S3's rule for multipart uploads
/// (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html>).
pub const LEAST_PART_BYTES: usize = 5 * 1024 * 1024;

/// Parts that a file has at most. S3 takes 10,000.
const MOST_PARTS: u64 = 9_000;

/// Keeps the first part's bytes and the part that grows; all between them is out.
pub(crate) struct FileWriter<'a, O> {
    out: &'a mut O,
    number: u32,
    container: Container,
    begun: bool,
    part_bytes: usize,
    /// What will follow the header in the first part.
    first: Vec<u8>,
    growing: Vec<u8>,
    next_part: u32,
    written: u64,
}

impl<'a, O: Files + Send> FileWriter<'a, O> {
    /// File `number`, of at most `most_bytes` without its header. It is begun by its first byte.
    pub fn new(out: &'a mut O, number: u32, container: Container, most_bytes: u64) -> Self {
        let part_bytes = LEAST_PART_BYTES.max((most_bytes / MOST_PARTS) as usize);
        let (first, growing) = (Vec::new(), Vec::new());
        Self { out, number, container, begun: false, part_bytes, first, growing, next_part: 2, written: 0 }
    }

    /// Bytes so far, without the header.
    pub fn written(&self) -> u64 {
        self.written
    }

    pub async fn write(&mut self, mut bytes: &[u8]) -> Result<(), ComposeError> {
        if !self.begun {
            self.begun = true;
            self.out.begin(self.number, self.container).await.map_err(ComposeError::Write)?;
        }
        self.written += bytes.len() as u64;
        let room = LEAST_PART_BYTES - self.first.len();
        let (head, rest) = bytes.split_at(room.min(bytes.len()));
        self.first.extend_from_slice(head);
        bytes = rest;
        while !bytes.is_empty() {
            let (now, rest) = bytes.split_at((self.part_bytes - self.growing.len()).min(bytes.len()));
            self.growing.extend_from_slice(now);
            bytes = rest;
            if self.growing.len() == self.part_bytes {
                self.send_growing().await?;
            }
        }
        Ok(())
    }

    async fn send_growing(&mut self) -> Result<(), ComposeError> {
        let part = std::mem::take(&mut self.growing);
        self.out.part(self.next_part, part.into()).await.map_err(ComposeError::Write)?;
        self.next_part += 1;
        Ok(())
    }

    /// Puts the header in front and ends the file; its length in bytes.
    pub async fn finish(mut self, mut header: Vec<u8>) -> Result<u64, ComposeError> {
        let bytes = header.len() as u64 + self.written;
        if !self.growing.is_empty() {
            self.send_growing().await?;
        }
        header.append(&mut self.first);
        self.out.part(1, header.into()).await.map_err(ComposeError::Write)?;
        self.out.finish().await.map_err(ComposeError::Write)?;
        Ok(bytes)
    }
}
