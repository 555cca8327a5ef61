//! Several runs of a recorder in one recording.

use crate::chunks::{START, Uploaded};
use crate::ffmpeg::{AUDIO_MP4, AUDIO_WEBM, MP4, Media, OnDisk, WEBM, holes};

#[tokio::test]
async fn equal_segments_are_one_file_by_the_wall_clock() {
    for media in [MP4, WEBM] {
        let bytes = media.make();
        let (composed, made) = Uploaded::new(&bytes, 9_000)
            .then(23_000, &bytes, 9_000)
            .then(43_300, &bytes, 9_000)
            .compose()
            .await
            .unwrap();
        assert_eq!(composed.files.len(), 1);
        assert!(matches!(composed.gaps[..], [gap] if gap.to_ms == 23_000), "a moment is no gap: {:?}", composed.gaps);
        assert!(composed.duration_ms.abs_diff(63_300) < 150);
        let file = OnDisk::new(&made.files[0].1);
        file.decodes();
        file.decodes_from(50.0);
        let packets = file.packets();
        assert!(packets.iter().any(|packet| packet.stream == 0 && (packet.time - 23.0).abs() < 0.01 && packet.key));
        assert_eq!(holes(&packets, 1, 0.11), []);
        let landed = file.lands_at(50.5);
        assert!((46.4..=50.5).contains(&landed), "{landed}");
    }
}

#[tokio::test]
async fn while_the_camera_is_off_sound_goes_on_in_the_same_file() {
    for (media, audio) in [(MP4, AUDIO_MP4), (WEBM, AUDIO_WEBM)] {
        let (bytes, sound) = (media.make(), audio.make());
        let uploaded = Uploaded::new(&bytes, 9_000).then(20_100, &sound, 9_000).then(40_200, &bytes, 9_000);
        let (composed, made) = uploaded.compose().await.unwrap();
        assert_eq!((composed.files.len(), composed.gaps.len()), (1, 0));
        let file = OnDisk::new(&made.files[0].1);
        file.decodes();
        assert_eq!(file.codecs().len(), 2);
        let packets = file.packets();
        assert!(matches!(holes(&packets, 0, 1.0)[..], [(from, to)] if from < 20.1 && (to - 40.2).abs() < 0.01));
        assert_eq!(holes(&packets, 1, 0.13), []);
        file.decodes_from(48.0);
    }
}

#[tokio::test]
async fn a_camera_that_comes_later_begins_another_file() {
    let (sound, bytes) = (AUDIO_MP4.make(), MP4.make());
    let (composed, made) = Uploaded::new(&sound, 9_000).then(20_100, &bytes, 9_000).compose().await.unwrap();
    assert_eq!(composed.files.len(), 2);
    assert_eq!(composed.files[1].started_at, START + 20_100);
    assert_eq!(OnDisk::new(&made.files[0].1).codecs(), ["opus"]);
    assert_eq!(OnDisk::new(&made.files[1].1).codecs(), ["h264", "opus"]);
}

#[tokio::test]
async fn what_cannot_be_played_on_begins_another_file() {
    let other_size = Media { size: Some("320x240"), ..MP4 };
    let other_codec = Media { video: "libvpx-vp9", ..MP4 };
    for other in [other_size, other_codec, WEBM] {
        let (first, second) = (MP4.make(), other.make());
        let (composed, made) = Uploaded::new(&first, 9_000).then(22_000, &second, 9_000).compose().await.unwrap();
        assert_eq!(composed.files.len(), 2);
        assert!(matches!(composed.gaps[..], [gap] if gap.to_ms == 22_000));
        for (_, bytes) in &made.files {
            let file = OnDisk::new(bytes);
            file.decodes();
            assert!((file.duration() - 20.0).abs() < 0.2);
        }
    }
}

#[tokio::test]
async fn a_clock_that_goes_back_lets_nothing_overlap() {
    for media in [MP4, WEBM] {
        let bytes = media.make();
        let (composed, made) = Uploaded::new(&bytes, 9_000).then(3_000, &bytes, 9_000).compose().await.unwrap();
        assert_eq!((composed.files.len(), composed.gaps.len()), (1, 0));
        assert!(composed.duration_ms.abs_diff(40_000) < 250, "{}", composed.duration_ms);
        OnDisk::new(&made.files[0].1).decodes();
    }
}

#[tokio::test]
async fn a_clock_that_is_absurd_is_not_believed() {
    let bytes = MP4.make();
    for absurd in [u64::MAX - START, 400 * 24 * 3_600_000] {
        let (composed, _) = Uploaded::new(&bytes, 9_000).then(absurd, &bytes, 9_000).compose().await.unwrap();
        assert!(composed.duration_ms.abs_diff(40_000) < 250, "{}", composed.duration_ms);
    }
}
