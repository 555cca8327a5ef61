//! Long recordings: file by file, by whoever has time for it; and what happens when a step fails.

use bytes::Bytes;
use recording::{Cause, Chunks, ComposeError, Cursor, Gap, Recording, compose_file};

use crate::chunks::{Made, START, Uploaded};
use crate::ffmpeg::{MP4, OnDisk, WEBM};

#[tokio::test]
async fn a_long_recording_is_several_files_without_a_hole_between_them() {
    for media in [MP4, WEBM] {
        let bytes = media.make();
        let uploaded = Uploaded::new(&bytes, 9_000);
        let (composed, made) = uploaded.compose_in(bytes.len() as u64 / 3).await.unwrap();
        assert!((2..=4).contains(&composed.files.len()) && composed.gaps.is_empty(), "{composed:?}");
        for (file, next) in composed.files.iter().zip(&composed.files[1..]) {
            let ends = file.started_at + file.duration_ms;
            assert!(next.started_at.abs_diff(ends) < 100, "{file:?} {next:?}");
        }
        assert!(composed.duration_ms.abs_diff(20_000) < 150);
        for (_, bytes) in &made.files {
            let file = OnDisk::new(bytes);
            file.decodes();
            assert!(file.packets().iter().find(|packet| packet.stream == 0).is_some_and(|first| first.key));
        }
    }
}

#[tokio::test]
async fn files_made_one_by_one_by_others_are_the_same() {
    for media in [MP4, WEBM] {
        let bytes = media.make();
        let uploaded = Uploaded::new(&bytes, 9_000).then(22_000, &bytes, 9_000).without(3);
        let most = bytes.len() as u64 / 3;
        let (expected, made) = uploaded.compose_in(most).await.unwrap();
        let chunks = uploaded.listed();
        let recording = Recording { chunks: &chunks, segments: &uploaded.segments, ended_at: None };
        let mut again = Made::default();
        let mut gaps: Vec<Gap> = Vec::new();
        let mut cursor = Some(Cursor::default());
        while let Some(at) = cursor {
            let step = compose_file(&uploaded, &recording, &at, most, &mut again).await.unwrap();
            // Another does the same, because the first did not get to tell that it was done.
            assert_eq!(compose_file(&uploaded, &recording, &at, most, &mut again).await.unwrap(), step);
            gaps.extend(step.gaps);
            cursor = step.next;
        }
        assert_eq!((gaps, again.files), (expected.gaps, made.files));
    }
}

/// Chunks of which one cannot be read, or is another than was listed.
struct Failing<'a> {
    uploaded: &'a Uploaded,
    at: u32,
    how: Option<Bytes>,
}

impl Chunks for Failing<'_> {
    async fn read(&self, seq: u32) -> Result<Bytes, Cause> {
        match &self.how {
            Some(other) if seq == self.at => Ok(other.clone()),
            None if seq == self.at => Err("503 Slow Down".into()),
            _ => self.uploaded.read(seq).await,
        }
    }
}

#[tokio::test]
async fn a_chunk_that_cannot_be_read_fails_it_for_now_wherever_it_is() {
    let uploaded = Uploaded::new(&MP4.make(), 20_000);
    let chunks = uploaded.listed();
    let recording = Recording { chunks: &chunks, segments: &uploaded.segments, ended_at: Some(START) };
    for at in 0..chunks.len() as u32 {
        let source = Failing { uploaded: &uploaded, at, how: None };
        let error = recording::compose(&source, &recording, u64::MAX, &mut Made::default()).await.unwrap_err();
        assert!(matches!(error, ComposeError::Read(_)) && error.may_pass());
        assert_eq!(error.code(), "unavailable");
        let source = Failing { uploaded: &uploaded, at, how: Some(Bytes::from_static(b"other")) };
        let error = recording::compose(&source, &recording, u64::MAX, &mut Made::default()).await.unwrap_err();
        assert!(matches!(error, ComposeError::Changed { seq } if seq == at) && error.may_pass());
    }
}
