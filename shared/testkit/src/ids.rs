//! Identifiers that are the same in every run.

use std::sync::atomic::{AtomicU64, Ordering};

use domain::{IdSource, Timestamp};
use uuid::Uuid;

/// UUIDv7 identifiers whose random part counts 1, 2, 3...
#[derive(Debug, Default)]
pub struct SequentialIds(AtomicU64);

impl IdSource for SequentialIds {
    fn next(&self, now: Timestamp) -> Uuid {
        let count = self.0.fetch_add(1, Ordering::SeqCst) + 1;
        let high = (now.millis() << 16) | 0x7000;
        // The variant of RFC 9562 takes the two highest bits.
        let low = (count & (u64::MAX >> 2)) | (0b10 << 62);
        Uuid::from_u64_pair(high, low)
    }
}

#[cfg(test)]
mod tests {
    use domain::UserId;

    use super::*;

    #[test]
    fn identifiers_are_of_version_7_and_sort_by_time_and_count() {
        let ids = SequentialIds::default();
        let [early, late] = [1, 2].map(Timestamp::from_millis);
        let made = [early, early, late].map(|now| UserId::new(&ids, now));
        assert!(made.is_sorted() && made[0] != made[1], "{made:?}");
        assert_eq!(made[2].timestamp(), late);
        assert_eq!(made[2].to_string().parse(), Ok(made[2]));
    }
}
