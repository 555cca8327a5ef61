//! What a file of one segment is.

use recording::{Container, LEAST_PART_BYTES};

use crate::chunks::{START, Uploaded};
use crate::ffmpeg::{AUDIO_MP4, AUDIO_WEBM, MP4, Media, OnDisk, WEBM, holes};

async fn one_file(media: &Media, chunk_bytes: usize) -> OnDisk {
    let uploaded = Uploaded::new(&media.make(), chunk_bytes);
    let (composed, made) = uploaded.compose().await.unwrap();
    assert_eq!((composed.files.len(), composed.gaps.as_slice()), (1, [].as_slice()));
    assert_eq!(composed.files[0].started_at, START);
    assert_eq!(composed.files[0].bytes, made.files[0].1.len() as u64);
    assert!(composed.duration_ms.abs_diff(20_000) < 150, "{}", composed.duration_ms);
    let file = OnDisk::new(&made.files[0].1);
    assert!((file.duration() * 1000.0 - composed.duration_ms as f64).abs() < 50.0, "{}", file.duration());
    file
}

#[tokio::test]
async fn every_kind_has_a_duration_decodes_without_a_word_and_seeks() {
    let vp9 = Media { video: "libvpx-vp9", ..MP4 };
    for media in [MP4, vp9, WEBM, Media { video: "libvpx-vp9", ..WEBM }, AUDIO_MP4, AUDIO_WEBM] {
        let file = one_file(&media, 10_000).await;
        file.decodes();
        file.decodes_from(16.0);
        let landed = file.lands_at(16.5);
        assert!((12.4..=16.5).contains(&landed), "{landed}");
    }
}

#[tokio::test]
async fn where_chunks_are_cut_makes_no_difference() {
    for media in [MP4, WEBM] {
        let bytes = media.make();
        let (whole, expected) = Uploaded::new(&bytes, bytes.len()).compose().await.unwrap();
        for chunk_bytes in [7, 999, 40_000] {
            let (composed, made) = Uploaded::new(&bytes, chunk_bytes).compose().await.unwrap();
            assert_eq!((composed, made), (whole.clone(), expected.clone()), "chunks of {chunk_bytes}");
        }
    }
}

#[tokio::test]
async fn every_packet_keeps_its_time() {
    for media in [MP4, WEBM] {
        let bytes = media.make();
        let (_, made) = Uploaded::new(&bytes, 5_000).compose().await.unwrap();
        let (before, after) = (OnDisk::new(&bytes).packets(), OnDisk::new(&made.files[0].1).packets());
        assert_eq!(before.len(), after.len());
        for stream in [0, 1] {
            let times = |packets: &[crate::ffmpeg::Packet]| -> Vec<(i64, bool)> {
                let own = packets.iter().filter(|packet| packet.stream == stream);
                own.map(|packet| ((packet.time * 1000.0).round() as i64, packet.key)).collect()
            };
            assert_eq!(times(&before), times(&after));
        }
        assert!(holes(&after, 0, 0.2).is_empty() && holes(&after, 1, 0.1).is_empty());
    }
}

#[tokio::test]
async fn a_file_of_several_parts_is_one_file() {
    for media in [MP4, WEBM] {
        let bytes = media.make();
        // The same media again and again, until parts are needed.
        let mut uploaded = Uploaded::default();
        let mut starts = 0;
        while uploaded.chunks.values().map(|chunk| chunk.len()).sum::<usize>() < 3 * LEAST_PART_BYTES {
            uploaded = uploaded.then(starts, &bytes, 100_000);
            starts += 20_100;
        }
        let (composed, made) = uploaded.compose().await.unwrap();
        assert_eq!(composed.files.len(), 1);
        let file = OnDisk::new(&made.files[0].1);
        file.decodes();
        assert!((file.duration() - starts as f64 / 1000.0).abs() < 0.2);
    }
}

#[tokio::test]
async fn what_a_file_is_stands_in_its_name() {
    for (media, container) in [(AUDIO_MP4, Container::Mp4), (AUDIO_WEBM, Container::Webm)] {
        let (composed, made) = Uploaded::new(&media.make(), 10_000).compose().await.unwrap();
        assert_eq!((composed.files[0].container, made.files[0].0), (container, container));
        assert_eq!(container.name(), media.format);
    }
}
