//! Identifiers, and a seedable generator for injected faults. Nothing here guards a secret.

use std::{
    hash::{BuildHasher, RandomState},
    sync::{
        LazyLock,
        atomic::{AtomicU64, Ordering},
    },
};

use base64::{Engine, engine::general_purpose::URL_SAFE};

/// SplitMix64: small, fast, and the same sequence for the same seed.
#[derive(Debug)]
pub(crate) struct Random(u64);

const GOLDEN_GAMMA: u64 = 0x9e37_79b9_7f4a_7c15;

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(GOLDEN_GAMMA);
        mix(self.0)
    }

    /// True with this probability, 0 to 1.
    pub(crate) fn chance(&mut self, probability: f64) -> bool {
        const UNIT: f64 = (1_u64 << 53) as f64;
        ((self.next() >> 11) as f64 / UNIT) < probability
    }

    /// A number below `end`, or 0 when `end` is 0.
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        if end == 0 { 0 } else { self.next() % end }
    }
}

/// A bijection, so that different inputs never give the same output.
fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

static PROCESS: LazyLock<(u64, RandomState)> = LazyLock::new(|| {
    let state = RandomState::new();
    (state.hash_one("identifiers"), state)
});
static COUNT: AtomicU64 = AtomicU64::new(0);

fn unique() -> (u64, u64) {
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let (start, state) = &*PROCESS;
    (mix(start.wrapping_add(count.wrapping_mul(GOLDEN_GAMMA))), state.hash_one(count))
}

/// An identifier as API Gateway makes them for connections, messages and requests:
/// 16 characters of base64url that end in `=`.
pub(crate) fn id() -> String {
    let (unique, extra) = unique();
    let mut bytes = [0; 11];
    bytes[..8].copy_from_slice(&unique.to_be_bytes());
    bytes[8..].copy_from_slice(&extra.to_be_bytes()[..3]);
    URL_SAFE.encode(bytes)
}

/// Whether a text has the form of [`id`].
pub(crate) fn is_id(text: &str) -> bool {
    text.len() == 16 && URL_SAFE.decode(text).is_ok_and(|bytes| bytes.len() == 11)
}

/// An identifier in the form of a UUID, as queues and schedules make them.
pub(crate) fn uuid() -> String {
    let (high, low) = unique();
    format!(
        "{:08x}-{:04x}-4{:03x}-{:04x}-{:012x}",
        high >> 32,
        high >> 16 & 0xffff,
        high & 0xfff,
        low >> 48 & 0x3fff | 0x8000,
        low & 0xffff_ffff_ffff,
    )
}

/// An X-Ray trace header, [as API Gateway adds it](https://docs.aws.amazon.com/xray/latest/devguide/xray-concepts.html#xray-concepts-tracingheader).
pub(crate) fn trace_id(epoch_seconds: i64) -> String {
    let (high, low) = unique();
    format!("Root=1-{epoch_seconds:08x}-{high:016x}{:08x}", low >> 32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_have_the_form_of_api_gateways_and_never_repeat() {
        let ids: std::collections::HashSet<String> = (0..10_000).map(|_| id()).collect();
        assert_eq!(ids.len(), 10_000);
        assert!(ids.iter().all(|id| is_id(id) && id.ends_with('=')), "{ids:?}");
    }

    #[test]
    fn a_text_of_another_form_is_no_identifier() {
        for text in ["", "abc", "AAAAAAAAAAAAAAAA", "AAAAAAAAAAAAA A=", "../../../../etc="] {
            assert!(!is_id(text), "{text}");
        }
    }

    #[test]
    fn uuids_are_version_4() {
        let uuid = uuid();
        assert_eq!(uuid.len(), 36, "{uuid}");
        assert_eq!(&uuid[14..15], "4", "{uuid}");
        assert!("89ab".contains(&uuid[19..20]), "{uuid}");
    }

    #[test]
    fn the_same_seed_gives_the_same_decisions() {
        let (mut one, mut other) = (Random::new(7), Random::new(7));
        for _ in 0..100 {
            assert_eq!(one.next(), other.next());
        }
        assert!(!Random::new(1).chance(0.0));
        assert!(Random::new(1).chance(1.0));
    }
}
