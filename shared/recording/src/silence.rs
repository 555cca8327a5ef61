//! Silence where sound is missing.
//!
//! Chromium plays one audio packet right behind the other, whatever their times say, so that sound would run ahead of the
//! picture after each gap (tried with version 156). With packets of silence in the gap it stays in step, in every player.

/// Samples of Opus in a second; its ticks in MP4 and WebM (RFC 7845, section 4).
pub(crate) const RATE: u32 = 48_000;
/// Less than this is left as it is: recorders' own times vary.
pub(crate) const LEAST_MS: u64 = 100;
/// How much silence is written at a time, in samples: 4 s, as a chunk has.
pub(crate) const PIECE: u64 = 4 * RATE as u64;

/// First bytes of packets with one CELT frame for one channel (RFC 6716, section 3.1), and the samples that each holds:
/// 20, 10, 5 and 2.5 ms.
const FRAMES: [(u8, u32); 4] = [(0xf8, 960), (0xf0, 480), (0xe8, 240), (0xe0, 120)];

/// An Opus packet of silence and the samples that it lasts.
pub(crate) type Packet = ([u8; 3], u32);

/// Packets that last for `samples`, to 2.5 ms.
pub(crate) fn packets(samples: u64) -> impl Iterator<Item = Packet> {
    let mut left = samples;
    std::iter::from_fn(move || {
        let (first, lasts) = *FRAMES.iter().find(|(_, lasts)| u64::from(*lasts) <= left)?;
        left -= u64::from(lasts);
        // The flag of silence is the first thing that is coded (RFC 6716, section 4.3).
        Some(([first, 0xff, 0xfe], lasts))
    })
}

/// The samples that an Opus packet lasts (RFC 6716, section 3.1); `None` of one that is none.
pub(crate) fn lasts(packet: &[u8]) -> Option<u32> {
    const SILK: [u32; 4] = [480, 960, 1920, 2880];
    const HYBRID: [u32; 2] = [480, 960];
    const CELT: [u32; 4] = [120, 240, 480, 960];
    let first = *packet.first()?;
    let mode = usize::from(first >> 3);
    let frame = match mode {
        0..12 => SILK[mode % 4],
        12..16 => HYBRID[mode % 2],
        _ => CELT[mode % 4],
    };
    let frames = match first & 3 {
        0 => 1,
        1 | 2 => 2,
        _ => u32::from(packet.get(1)? & 0x3f),
    };
    Some(frame * frames)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn silence_lasts_as_long_as_it_is_asked_for_to_two_and_a_half_milliseconds() {
        for samples in [0, 119, 120, 959, 960, 48_000, 192_000, 191_999] {
            let made: u64 = packets(samples).map(|(_, lasts)| u64::from(lasts)).sum();
            assert!(samples - made < 120, "{made} of {samples}");
        }
    }

    #[test]
    fn a_packet_tells_how_long_it_lasts() {
        assert!(packets(PIECE).all(|(packet, samples)| lasts(&packet) == Some(samples)));
        assert_eq!(lasts(&[0x1b, 0x02]), Some(2 * 2880));
        assert_eq!(lasts(&[]), None);
    }
}
