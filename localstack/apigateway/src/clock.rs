//! The wall clock, and the ways API Gateway writes it.

use time::{OffsetDateTime, format_description::BorrowedFormatItem, macros::format_description};

const COMMON_LOG: &[BorrowedFormatItem<'_>] =
    format_description!("[day]/[month repr:short]/[year]:[hour]:[minute]:[second] +0000");
const ISO_SECONDS: &[BorrowedFormatItem<'_>] = format_description!("[year]-[month]-[day]T[hour]:[minute]:[second]Z");
const ISO_MILLIS: &[BorrowedFormatItem<'_>] =
    format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z");

/// A moment in UTC.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Moment(OffsetDateTime);

impl Moment {
    pub(crate) fn now() -> Self {
        Self(OffsetDateTime::now_utc())
    }

    /// That many milliseconds after the Unix epoch; the epoch itself where there is no such time.
    pub(crate) fn at_millis(millis: i64) -> Self {
        let nanos = i128::from(millis) * 1_000_000;
        Self(OffsetDateTime::from_unix_timestamp_nanos(nanos).unwrap_or(OffsetDateTime::UNIX_EPOCH))
    }

    pub(crate) fn after(self, elapsed: std::time::Duration) -> Self {
        Self(self.0 + elapsed)
    }

    pub(crate) fn epoch_seconds(self) -> i64 {
        self.0.unix_timestamp()
    }

    pub(crate) fn epoch_millis(self) -> i64 {
        let nanos_a_milli = 1_000_000;
        i64::try_from(self.0.unix_timestamp_nanos() / nanos_a_milli).unwrap_or(i64::MAX)
    }

    /// `29/Nov/2023:08:04:01 +0000`, `requestContext.requestTime`.
    pub(crate) fn common_log(self) -> String {
        self.written(COMMON_LOG)
    }

    /// `2023-11-29T08:04:01Z`, the time of a scheduled event.
    pub(crate) fn iso_seconds(self) -> String {
        self.written(ISO_SECONDS)
    }

    /// `2023-11-29T08:04:01.123Z`, the times of `GET @connections`.
    pub(crate) fn iso_millis(self) -> String {
        self.written(ISO_MILLIS)
    }

    fn written(self, format: &[BorrowedFormatItem<'_>]) -> String {
        self.0.format(format).expect("a UTC time has every component of these formats")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_as_api_gateway_writes_them() {
        let moment = Moment(time::macros::datetime!(2023-11-29 08:04:01.123 UTC));
        assert_eq!(moment.common_log(), "29/Nov/2023:08:04:01 +0000");
        assert_eq!(moment.iso_seconds(), "2023-11-29T08:04:01Z");
        assert_eq!(moment.iso_millis(), "2023-11-29T08:04:01.123Z");
        assert_eq!(moment.epoch_millis(), 1_701_245_041_123);
        assert_eq!(moment.epoch_seconds(), 1_701_245_041);
    }
}
