//! Times on the wire: RFC 3339, UTC, milliseconds.

use domain::Timestamp;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use time::macros::format_description;

/// `2026-11-22T12:00:00.000Z`.
pub fn format_time(at: Timestamp) -> String {
    let format = format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z");
    let nanos = i128::from(at.millis()) * 1_000_000;
    let time = OffsetDateTime::from_unix_timestamp_nanos(nanos).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    time.format(format).expect("the format asks for nothing that a date and time lacks")
}

/// Any RFC 3339 time since 1970; `None` for everything else.
pub fn parse_time(text: &str) -> Option<Timestamp> {
    let time = OffsetDateTime::parse(text, &Rfc3339).ok()?;
    u64::try_from(time.unix_timestamp_nanos() / 1_000_000).ok().map(Timestamp::from_millis)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn milliseconds_always_have_three_digits() {
        assert_eq!(format_time(Timestamp::from_millis(1_795_348_800_000)), "2026-11-22T12:00:00.000Z");
        assert_eq!(format_time(Timestamp::from_millis(1_795_348_800_070)), "2026-11-22T12:00:00.070Z");
    }

    #[test]
    fn other_offsets_and_precisions_are_read() {
        let noon = Timestamp::from_millis(1_795_348_800_000);
        assert_eq!(parse_time("2026-11-22T13:00:00+01:00"), Some(noon));
        assert_eq!(parse_time("2026-11-22T12:00:00.000999Z"), Some(noon));
        assert_eq!(parse_time("1969-12-31T23:59:59Z"), None);
        assert_eq!(parse_time("yesterday"), None);
    }

    proptest! {
        #[test]
        fn a_time_survives_its_text(millis in 0u64..253_402_300_799_999) {
            let at = Timestamp::from_millis(millis);
            prop_assert_eq!(parse_time(&format_time(at)), Some(at));
        }
    }
}
