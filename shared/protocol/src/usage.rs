//! `GET /api/usage`: what is asked, and the answer.

use domain::usage::{Group, Grouped, Question, Usage, Used};
use domain::{Error, Result, Timestamp};
use serde::Serialize;
use std::time::Duration;

use crate::{format_time, parse_time};

/// A question, from the query. Without `from` it is the day of `to`, in UTC, and without `to` until now.
///
/// # Errors
/// `InvalidRequest`, which names the parameter.
pub fn parse_question(from: Option<&str>, to: Option<&str>, group: Option<&str>, now: Timestamp) -> Result<Question> {
    const DAY: Duration = Duration::from_secs(24 * 60 * 60);
    let until = to.map_or(Ok(now), |text| time("to", text))?;
    let begun = || until.minus(DAY).rounded_up(DAY);
    let from = from.map_or_else(|| Ok(begun()), |text| time("from", text))?;
    let group = match group {
        None | Some("day") => Group::Day,
        Some("room") => Group::Room,
        Some(_) => return Err(Error::field("group", "must be day or room")),
    };
    Question::new(from, until, group)
}

/// A time, or a day by its first moment.
pub(crate) fn time(name: &str, text: &str) -> Result<Timestamp> {
    let day = || parse_time(&format!("{text}T00:00:00Z"));
    parse_time(text).or_else(day).ok_or_else(|| Error::field(name, "must be a time (RFC 3339), or a day: 2026-11-29"))
}

/// What a project used.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct UsageView {
    /// Stays are meant that ended from then on.
    pub from: String,
    /// And before then.
    pub to: String,
    /// By day, in their order, or by room, those with the most minutes first, at most 1,000.
    pub groups: Vec<UsageGroup>,
    /// How many more rooms there are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub left_out: Option<usize>,
}

/// What a day, or a room, comes to. A stay is from a participant's first connection to the end of the seat, and counts on the day, in
/// UTC, on which it ended.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct UsageGroup {
    /// The day.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub day: Option<String>,
    /// The room's name, or the session's identifier where it has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub room: Option<String>,
    /// Sessions in which there were stays.
    pub sessions: usize,
    /// Minutes of all stays together, rounded up.
    pub participant_minutes: u64,
    /// Stays.
    pub connections: usize,
    /// Stays at the same time, at most.
    pub peak: usize,
    /// Bytes that a TURN server relayed, from clients and to them, of allocations that began on that day; 0 where its log is not fed in.
    pub turn_bytes: u64,
    /// The same in GB of 1,000,000,000 bytes.
    pub turn_gb: f64,
}

impl UsageView {
    /// The answer to that question.
    pub fn new(question: Question, usage: &Usage) -> Self {
        Self {
            from: format_time(question.from),
            to: format_time(question.until),
            groups: usage.groups.iter().map(UsageGroup::from).collect(),
            left_out: Some(usage.left_out).filter(|left_out| *left_out > 0),
        }
    }
}

impl From<&Used> for UsageGroup {
    fn from(used: &Used) -> Self {
        let (day, room) = match &used.of {
            Grouped::Day(day) => (Some(format_time(*day).chars().take("2026-11-29".len()).collect()), None),
            Grouped::Room(room) => (None, Some(room.clone())),
        };
        Self {
            day,
            room,
            sessions: used.sessions,
            participant_minutes: u64::try_from(used.participant_time.as_millis().div_ceil(60_000)).unwrap_or(u64::MAX),
            connections: used.connections,
            peak: used.peak,
            turn_bytes: used.relayed,
            turn_gb: gigabytes(used.relayed),
        }
    }
}

/// Bytes in GB.
fn gigabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e9
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOON: Timestamp = Timestamp::from_millis(1_795_348_800_000);

    fn asked(from: Option<&str>, to: Option<&str>, group: Option<&str>) -> Result<Question, String> {
        parse_question(from, to, group, NOON).map_err(|error| error.to_string())
    }

    #[test]
    fn days_and_times_are_read_and_the_present_day_is_meant_without_them() {
        let today = asked(None, None, None).expect("a question");
        assert_eq!((format_time(today.from), today.until), ("2026-11-22T00:00:00.000Z".to_owned(), NOON));
        let both = asked(Some("2026-11-01"), Some("2026-11-22T13:00:00+01:00"), Some("room")).expect("a question");
        assert_eq!(
            (format_time(both.from), both.until, both.group),
            ("2026-11-01T00:00:00.000Z".to_owned(), NOON, Group::Room)
        );
    }

    #[test]
    fn what_is_wrong_with_a_question_is_named() {
        for (from, to, group, said) in [
            (Some("soon"), None, None, "from must be a time"),
            (None, Some("2026-13-01"), None, "to must be a time"),
            (None, None, Some("week"), "group must be day or room"),
            (Some("2026-11-22T12:00:00Z"), None, None, "to must be later than from"),
            (Some("2026-10-01"), None, None, "from must be at most 31 days before to"),
        ] {
            let refused = asked(from, to, group).expect_err("refused");
            assert!(refused.starts_with(said), "{refused}");
        }
    }
}
