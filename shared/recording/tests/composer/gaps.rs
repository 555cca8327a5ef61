//! What is missing: named, and nothing beside it lost or out of step.

use recording::ComposeError;

use crate::chunks::{START, Uploaded};
use crate::ffmpeg::{AUDIO_MP4, AUDIO_WEBM, MP4, Media, OnDisk, WEBM, holes};

/// Chunks of about 4 s.
fn in_fifths(media: &Media) -> Uploaded {
    let bytes = media.make();
    Uploaded::new(&bytes, bytes.len() / 5 + 1)
}

#[tokio::test]
async fn a_missing_chunk_is_a_gap_that_sound_fills_with_silence() {
    for media in [MP4, WEBM] {
        let (composed, made) = in_fifths(&media).without(2).compose().await.unwrap();
        let [gap] = composed.gaps[..] else { panic!("{:?}", composed.gaps) };
        assert!((4_000..=9_000).contains(&(gap.to_ms - gap.from_ms)), "{gap:?}");
        assert!(composed.duration_ms.abs_diff(20_000) < 150);
        let file = OnDisk::new(&made.files[0].1);
        file.decodes();
        let packets = file.packets();
        let [(from, to)] = holes(&packets, 0, 0.5)[..] else { panic!("the picture has one hole") };
        assert!((from * 1000.0 - gap.from_ms as f64).abs() < 150.0 && (to * 1000.0 - gap.to_ms as f64).abs() < 150.0);
        assert_eq!(holes(&packets, 1, 0.1), [], "players put sound where nothing is right behind what was");
        let back = packets.iter().find(|packet| packet.stream == 0 && packet.time >= to).unwrap();
        assert!(back.key, "the picture comes back with a key frame");
    }
}

#[tokio::test]
async fn sound_alone_has_its_gap_filled_too() {
    for media in [AUDIO_MP4, AUDIO_WEBM] {
        let (composed, made) = in_fifths(&media).without(1).without(3).compose().await.unwrap();
        assert_eq!(composed.gaps.len(), 2, "{:?}", composed.gaps);
        let file = OnDisk::new(&made.files[0].1);
        file.decodes();
        assert_eq!(holes(&file.packets(), 0, 0.1), []);
    }
}

#[tokio::test]
async fn after_a_gap_in_sound_that_no_silence_can_be_made_for_another_file_begins() {
    let (composed, made) = in_fifths(&Media { audio: "aac", ..MP4 }).without(2).compose().await.unwrap();
    assert_eq!((composed.files.len(), composed.gaps.len()), (2, 1));
    assert_eq!(composed.files[1].started_at, START + composed.gaps[0].to_ms);
    for (file, made) in composed.files.iter().zip(&made.files) {
        let on_disk = OnDisk::new(&made.1);
        on_disk.decodes();
        assert!((on_disk.duration() * 1000.0 - file.duration_ms as f64).abs() < 50.0);
    }
}

#[tokio::test]
async fn a_file_whose_last_piece_is_missing_ends_before_it() {
    for media in [MP4, WEBM] {
        let mut uploaded = in_fifths(&media).without(4);
        let (composed, made) = uploaded.compose().await.unwrap();
        assert!((12_000..18_000).contains(&composed.duration_ms), "{}", composed.duration_ms);
        assert!(composed.gaps.is_empty(), "nobody knows how much it was");
        OnDisk::new(&made.files[0].1).decodes();
        uploaded.ended_at = Some(START + 20_000);
        let (told, _) = uploaded.compose().await.unwrap();
        assert!(matches!(told.gaps[..], [gap] if gap.from_ms == composed.duration_ms && gap.to_ms == 20_000));
    }
}

#[tokio::test]
async fn without_its_first_chunk_a_segment_is_a_gap() {
    for media in [MP4, WEBM] {
        let bytes = media.make();
        let uploaded = Uploaded::new(&bytes, bytes.len() / 5 + 1).then(25_000, &bytes, bytes.len() / 5 + 1).without(0);
        let (composed, made) = uploaded.compose().await.unwrap();
        assert!(matches!(composed.gaps[..], [gap] if gap.from_ms == 0 && gap.to_ms == 25_000), "{:?}", composed.gaps);
        assert_eq!(composed.files[0].started_at, START + 25_000);
        let file = OnDisk::new(&made.files[0].1);
        file.decodes();
        assert!((file.duration() - 20.0).abs() < 0.2, "a file begins with what is there");
    }
}

#[tokio::test]
async fn nothing_and_nothing_that_plays_are_told_apart() {
    let nothing = Uploaded::default().compose().await.unwrap_err();
    assert!(matches!(nothing, ComposeError::Empty) && !nothing.may_pass());
    assert_eq!(nothing.code(), "recording_empty");
    let init = &MP4.make()[..2_000];
    for junk in [&b"<html>503</html>"[..], init, &[0; 5000]] {
        let refused = Uploaded::new(junk, 1_000).compose().await.unwrap_err();
        assert!(matches!(refused, ComposeError::Unreadable) && !refused.may_pass());
        assert_eq!(refused.code(), "recording_unreadable");
    }
}
