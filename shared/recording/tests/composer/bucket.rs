//! From chunks in a bucket to files in it, with a bucket that fails.

use std::sync::atomic::{AtomicUsize, Ordering};

use domain::ports::{Composer, Composition, ObjectReader, ObjectRemover, ObjectWriter, Step, StoredChunk};
use domain::recording::{
    Gap, MediaType, RecordedFile, RecordedSegment, Recording, RecordingKind, RecordingStatus, object_keys,
};
use domain::{RecordingId, Result, Sender, SessionId, Timestamp, UserId, Username};
use recording::{BucketComposer, FILE_BYTES};
use testkit::{FakeBucket, Mishap};

use crate::chunks::{START, Uploaded};
use crate::ffmpeg::{MP4, Media, WEBM};

fn recording(media_type: &str, segments: &[recording::Segment]) -> Recording {
    let at = Timestamp::from_millis(START);
    let segment = |one: &recording::Segment| RecordedSegment {
        first_chunk: one.first_seq,
        started_at: Timestamp::from_millis(one.started_at),
    };
    let by = Sender { user_id: UserId::first_at(at), username: Username::kept("alice").unwrap(), identity: None };
    let (id, session) = (RecordingId::first_at(at), SessionId::first_at(at));
    let begun =
        Recording::begun(id, session, by, RecordingKind::Participant, MediaType::parse(media_type).unwrap(), at);
    Recording { status: RecordingStatus::Composing, segments: segments.iter().map(segment).collect(), ..begun }
}

fn composer(bucket: &FakeBucket) -> BucketComposer<'_, FakeBucket> {
    BucketComposer::new(bucket, FILE_BYTES)
}

/// Everything as it lies in a bucket.
fn stored(uploaded: &Uploaded, media_type: &str) -> (FakeBucket, Recording, Vec<StoredChunk>) {
    let (bucket, recording) = (FakeBucket::default(), recording(media_type, &uploaded.segments));
    for (seq, bytes) in &uploaded.chunks {
        bucket.put(&object_keys::chunk(&recording, *seq), media_type, bytes.to_vec());
    }
    let chunks = uploaded.listed().iter().map(|chunk| StoredChunk { number: chunk.seq, bytes: chunk.bytes }).collect();
    (bucket, recording, chunks)
}

fn files(bucket: &FakeBucket) -> Vec<(String, Vec<u8>, String)> {
    let of = |key: String| {
        let object = bucket.object(&key).unwrap();
        (key, object.bytes, object.content_type)
    };
    bucket.keys().into_iter().filter(|key| key.starts_with("files/")).map(of).collect()
}

fn two_files() -> Uploaded {
    let small = Media { seconds: 6, ..MP4 };
    let other = Media { size: Some("320x240"), ..small };
    Uploaded::new(&small.make(), 20_000).then(8_000, &other.make(), 20_000).without(1)
}

/// Step after step, each of them twice, because nobody was told of the first; one that fails is tried again.
async fn all_steps(
    composer: BucketComposer<'_, FakeBucket>,
    mut recording: Recording,
    chunks: &[StoredChunk],
) -> (Vec<RecordedFile>, Vec<Gap>) {
    let (mut files, mut gaps, mut last) = (Vec::new(), Vec::new(), None);
    loop {
        let step = match composer.compose(&recording, chunks).await {
            Ok(Composition::Step(step)) => step,
            Ok(Composition::Unusable(why)) => panic!("{why}"),
            Err(failed) => {
                assert_eq!(failed.code(), "unavailable");
                continue;
            }
        };
        if last.as_ref() != Some(&step) {
            last = Some(step);
            continue;
        }
        recording.cursor = step.next;
        files.extend(step.file);
        gaps.extend(step.gaps);
        if recording.cursor.is_none() {
            return (files, gaps);
        }
    }
}

#[tokio::test]
async fn files_lie_beside_each_other_under_their_numbers() {
    let uploaded = two_files();
    let (bucket, recording, chunks) = stored(&uploaded, "video/mp4;codecs=avc1");
    let (made, gaps) = all_steps(composer(&bucket), recording.clone(), &chunks).await;
    let (composed, expected) = uploaded.compose().await.unwrap();
    let times = |gap: &Gap| recording::Gap { from_ms: gap.from_ms, to_ms: gap.to_ms };
    assert_eq!(gaps.iter().map(times).collect::<Vec<_>>(), composed.gaps);
    let there = files(&bucket);
    assert_eq!((there.len(), made.len(), bucket.open_files()), (2, 2, 0));
    for (number, ((key, bytes, content_type), file)) in there.iter().zip(&made).enumerate() {
        assert_eq!((*key).clone(), object_keys::file(&recording, number as u32, "video/mp4"));
        assert_eq!((content_type.as_str(), file.content_type.as_str()), ("video/mp4", "video/mp4"));
        assert_eq!((bytes, bytes.len() as u64), (&expected.files[number].1, file.bytes));
        assert_eq!(file.started_at.millis(), composed.files[number].started_at);
    }
}

/// Whoever composes may die anywhere, and S3 may fail or do what is asked without saying so.
#[tokio::test]
async fn whatever_call_fails_the_next_try_makes_the_same_files() {
    let uploaded = two_files();
    let (bucket, recording, chunks) = stored(&uploaded, "video/mp4");
    let expected = all_steps(composer(&bucket), recording, &chunks).await;
    let (calls, files_expected) = (bucket.calls().len(), files(&bucket));
    for mishap in [Mishap::Refused, Mishap::AnswerLost] {
        for at in 0..calls {
            let (bucket, recording, chunks) = stored(&uploaded, "video/mp4");
            bucket.mishaps((0..at).map(|_| None).chain([Some(mishap)]));
            assert_eq!(all_steps(composer(&bucket), recording, &chunks).await, expected, "{mishap:?} at {at}");
            assert_eq!(files(&bucket), files_expected, "{mishap:?} at {at}");
        }
    }
}

#[tokio::test]
async fn what_is_begun_and_fails_is_thrown_away() {
    let uploaded = two_files();
    let (bucket, recording, chunks) = stored(&uploaded, "video/mp4");
    composer(&bucket).compose(&recording, &chunks).await.unwrap();
    let part = bucket.calls().iter().position(|call| *call == "part").unwrap();
    let (bucket, recording, chunks) = stored(&uploaded, "video/mp4");
    bucket.mishaps((0..part).map(|_| None).chain([Some(Mishap::Refused)]));
    composer(&bucket).compose(&recording, &chunks).await.unwrap_err();
    assert_eq!((bucket.open_files(), bucket.calls().last()), (0, Some(&"abort")));
}

#[tokio::test]
async fn a_chunk_that_was_stored_anew_or_is_gone_is_looked_at_again_later() {
    let (bucket, recording, mut chunks) = stored(&Uploaded::new(&WEBM.make(), 50_000), "video/webm");
    bucket.put(&object_keys::chunk(&recording, 1), "video/webm", vec![0; 7]);
    let failed = composer(&bucket).compose(&recording, &chunks).await.unwrap_err();
    assert_eq!(failed.code(), "unavailable");
    chunks[1].bytes = 7;
    let (made, gaps) = all_steps(composer(&bucket), recording.clone(), &chunks).await;
    assert_eq!((made.len(), gaps.len()), (1, 1));
    bucket.remove_objects(&[object_keys::chunk(&recording, 1)]).await.unwrap();
    assert_eq!(composer(&bucket).compose(&recording, &chunks).await.unwrap_err().code(), "unavailable");
}

#[tokio::test]
async fn what_cannot_be_played_says_so() {
    for (bytes, why) in [(&b"<html>"[..], "nothing of what was uploaded can be played"), (b"", "nothing was uploaded")]
    {
        let (bucket, recording, chunks) = stored(&Uploaded::new(bytes, 100), "audio/webm");
        let composed = composer(&bucket).compose(&recording, &chunks).await.unwrap();
        let nothing = Composition::Step(Step { file: None, gaps: Vec::new(), next: None });
        assert!(composed == Composition::Unusable(why.to_owned()) || composed == nothing, "{composed:?}");
        assert!(files(&bucket).is_empty());
    }
}

#[tokio::test]
async fn a_large_recording_is_made_file_by_file() {
    for media in [MP4, WEBM] {
        let bytes = media.make();
        let uploaded = Uploaded::new(&bytes, 20_000).then(22_000, &bytes, 20_000).without(3);
        let (bucket, recording, chunks) = stored(&uploaded, "video/mp4");
        let most = bytes.len() as u64 / 3;
        let (made, _) = all_steps(BucketComposer::new(&bucket, most), recording, &chunks).await;
        let (_, expected) = uploaded.compose_in(most).await.unwrap();
        assert!(made.len() > 2);
        let there: Vec<_> = files(&bucket).into_iter().map(|(_, bytes, _)| bytes).collect();
        assert_eq!(there, expected.files.into_iter().map(|(_, bytes)| bytes).collect::<Vec<_>>());
    }
}

/// A bucket that takes a while to answer, and counts how many answers are waited for.
struct Slow {
    bucket: FakeBucket,
    waiting: AtomicUsize,
    most: AtomicUsize,
}

impl ObjectReader for Slow {
    async fn read_object(&self, key: &str, most: usize) -> Result<Option<Vec<u8>>> {
        self.most.fetch_max(self.waiting.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
        tokio::task::yield_now().await;
        self.waiting.fetch_sub(1, Ordering::SeqCst);
        self.bucket.read_object(key, most).await
    }
}

impl ObjectWriter for Slow {
    type File = <FakeBucket as ObjectWriter>::File;

    async fn begin_file(&self, key: &str, content_type: &str) -> Result<Self::File> {
        self.bucket.begin_file(key, content_type).await
    }
}

#[tokio::test]
async fn each_chunk_is_read_once_and_a_few_are_on_their_way_before_they_are_asked_for() {
    for (media, is_media) in [(MP4.make(), true), (vec![7; 1000], false)] {
        let (bucket, recording, chunks) = stored(&Uploaded::new(&media, media.len().div_ceil(10)), "video/mp4");
        let slow = Slow { bucket: bucket.clone(), waiting: AtomicUsize::new(0), most: AtomicUsize::new(0) };
        BucketComposer::new(&slow, FILE_BYTES).compose(&recording, &chunks).await.unwrap();
        let reads = bucket.calls().into_iter().filter(|call| *call == "read_object").count();
        // Of what is no media, its beginning is enough.
        let expected = if is_media { (chunks.len(), 4) } else { (1, 1) };
        assert_eq!((reads, slow.most.into_inner()), expected);
    }
}
