//! Bytes that nobody's recorder wrote.

use std::sync::LazyLock;
use std::time::Duration;

use proptest::prelude::*;

use crate::chunks::Uploaded;
use crate::ffmpeg::{MP4, Media, OnDisk, WEBM};

static SHORT: LazyLock<[Vec<u8>; 2]> =
    LazyLock::new(|| [MP4, WEBM].map(|media| Media { seconds: 5, size: Some("32x32"), ..media }.make()));

/// Composes whatever it is, and says what came of it.
fn compose(uploaded: &Uploaded, file_bytes: u64) -> Option<usize> {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(uploaded.compose_in(file_bytes)).ok().map(|(composed, _)| composed.files.len())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn no_bytes_make_it_fail_otherwise_than_with_an_error(
        bytes in prop::collection::vec(any::<u8>(), 0..2000), begins in 0..3_usize, chunk in 1..600_usize,
    ) {
        let signature: &[u8] = [&b""[..], b"\0\0\0\x14ftypisom\0\0\0\0isom", b"\x1a\x45\xdf\xa3\x80\x18\x53\x80\x67\xff"][begins];
        compose(&Uploaded::new(&[signature, &bytes].concat(), chunk), 500);
    }

    #[test]
    fn damage_anywhere_costs_no_more_than_what_it_touches(
        webm in any::<bool>(), changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..20),
        chunk in 500..9000_usize, lost in any::<prop::sample::Index>(), most in 1000..100_000_u64,
    ) {
        let mut bytes = SHORT[usize::from(webm)].clone();
        for (at, value) in &changes {
            let at = at.index(bytes.len());
            bytes[at] = *value;
        }
        let uploaded = Uploaded::new(&bytes, chunk);
        compose(&uploaded, most);
        let lost = lost.index(uploaded.chunks.len()) as u32;
        compose(&uploaded.without(lost), most);
    }
}

#[tokio::test]
async fn a_damaged_piece_is_a_gap_and_the_rest_plays() {
    for media in [MP4, WEBM] {
        let mut bytes = media.make();
        let middle = bytes.len() / 2;
        let mark: &[u8] = if media.format == "mp4" { b"moof" } else { &[0x1f, 0x43, 0xb6, 0x75] };
        let at = middle + bytes[middle..].windows(4).position(|bytes| bytes == mark).unwrap();
        bytes[at..at + 40].fill(0xff);
        let (composed, made) = Uploaded::new(&bytes, 9_000).compose().await.unwrap();
        assert!(matches!(composed.gaps[..], [gap] if gap.to_ms - gap.from_ms <= 4_200), "{:?}", composed.gaps);
        assert!(composed.duration_ms.abs_diff(20_000) < 150);
        OnDisk::new(&made.files[0].1).decodes();
    }
}

/// Descriptions of fragments in one another, each of which looks sound until its end: whoever looks at all of each reads
/// a gigabyte for each megabyte.
#[test]
fn fragments_within_fragments_are_looked_at_once() {
    let init = &SHORT[0][..SHORT[0].windows(4).position(|bytes| bytes == b"moof").unwrap() - 4];
    const NESTED: usize = 60_000;
    const EACH: usize = 64;
    let mut bytes = init.to_vec();
    for index in 0..NESTED {
        let length = ((NESTED - index) * EACH) as u32;
        let begin = bytes.len();
        bytes.extend_from_slice(&length.to_be_bytes());
        bytes.extend_from_slice(b"moof\0\0\0\x10mfhd\0\0\0\0\0\0\0\x01");
        bytes.extend_from_slice(&(length - 24).to_be_bytes());
        bytes.extend_from_slice(b"traf\0\0\0\x10tfhd\0\0\0\0\0\0\0\x01");
        bytes.extend_from_slice(&(length - 48).to_be_bytes());
        bytes.extend_from_slice(b"trun\0\0\x03\0");
        assert_eq!(bytes.len() - begin, EACH - 4);
        bytes.extend_from_slice(&((length - 64) / 8).to_be_bytes());
    }
    let began = std::time::Instant::now();
    assert_eq!(compose(&Uploaded::new(&bytes, 500_000), u64::MAX), None);
    assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
}
