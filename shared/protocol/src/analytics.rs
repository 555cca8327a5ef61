//! `GET /api/analytics/...`: what is asked of calls, and the answers.

use std::time::Duration;

use domain::analytics::{
    Attendance, Call, CallDetail, Charted, Connection, Moment, Overview, Point, Series, Span, Wanted,
};
use domain::quality::{Client, JoinSteps, Measured, Run};
use domain::{Error, FieldError, Result, SessionId, Timestamp};
use serde::Serialize;

use crate::rest::identity;
use crate::usage::time;
use crate::{Page, format_time};

/// So far a list reaches back where nothing else is said.
const USUAL_SPAN: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// `from` and `to`: the last 7 days, where nothing else is said.
///
/// # Errors
/// `InvalidRequest`, which names the parameter.
pub fn parse_span(from: Option<&str>, to: Option<&str>, now: Timestamp) -> Result<Span> {
    let until = to.map_or(Ok(now), |text| time("to", text))?;
    let from = from.map_or_else(|| Ok(until.minus(USUAL_SPAN)), |text| time("from", text))?;
    Span::new(from, until)
}

/// A page of calls, from the parameters of the query.
///
/// # Errors
/// `InvalidRequest`, which names the parameters.
pub fn parse_calls<'a>(query: impl Fn(&str) -> Option<&'a str>, now: Timestamp) -> Result<Wanted> {
    let page = Page::<SessionId>::parse(query("limit"), query("cursor")).map_err(Error::InvalidRequest)?;
    let span = parse_span(query("from"), query("to"), now)?;
    let (min_score, max_score) = (score("minScore", query("minScore"))?, score("maxScore", query("maxScore"))?);
    Ok(Wanted { span, min_score, max_score, limit: page.limit, before: page.before })
}

fn score(name: &str, text: Option<&str>) -> Result<Option<Measured>> {
    let parsed = text.map(|text| text.parse().ok().filter(|score| (1.0..=5.0).contains(score)).ok_or(()));
    parsed.transpose().map(|score| score.map(Measured::nearest)).map_err(|()| Error::field(name, "must be 1-5"))
}

/// What the next page is asked besides its limit and its cursor.
pub fn asked_again(wanted: &Wanted) -> String {
    let bound = |name: &str, score: Option<Measured>| score.map(|score| format!("&{name}={}", score.value()));
    let bounds = [bound("minScore", wanted.min_score), bound("maxScore", wanted.max_score)];
    let Span { from, until } = wanted.span;
    let span = format!("&from={}&to={}", format_time(from), format_time(until));
    [span].into_iter().chain(bounds.into_iter().flatten()).collect()
}

/// The metric that a chart is asked for.
///
/// # Errors
/// `InvalidRequest`.
pub fn parse_metric(text: Option<&str>) -> Result<Charted> {
    let known = || Charted::ALL.iter().map(|metric| metric.word()).collect::<Vec<_>>().join(", ");
    let of = |reason: String| Error::InvalidRequest(vec![FieldError::new("metric", reason)]);
    let text = text.ok_or_else(|| of("is missing".to_owned()))?;
    Charted::of(text).ok_or_else(|| of(format!("must be one of {}", known())))
}

fn value(measured: Option<Measured>) -> Option<f64> {
    measured.map(Measured::value)
}

/// What a call comes to.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct CallFacts {
    /// The session.
    pub session_id: String,
    /// Its name, as the newest report has it.
    pub name: String,
    /// The app's name of it, if it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub room: Option<String>,
    /// When the first client's run began.
    pub started_at: String,
    /// When the newest report came.
    pub last_report_at: String,
    /// How many minutes participants reported together.
    pub participant_minutes: u64,
    /// The mean score of all minutes, 1-5.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub score: Option<f64>,
    /// The score of anybody's worst minute.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub worst_score: Option<f64>,
    /// The mean opinion score of audio, 1-5.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub audio_mos: Option<f64>,
    /// The median time that joining took.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub join_ms: Option<u32>,
    /// How many participants had their media go over a TURN server.
    pub relayed: usize,
    /// How often connections came back.
    pub reconnects: u64,
    /// How often video stood still.
    pub freezes: u64,
}

impl From<&Call> for CallFacts {
    fn from(call: &Call) -> Self {
        Self {
            session_id: call.session.to_string(),
            name: call.name.as_str().to_owned(),
            room: call.room.as_ref().map(|room| room.as_str().to_owned()),
            started_at: format_time(call.started_at),
            last_report_at: format_time(call.last_report_at),
            participant_minutes: call.participant_minutes,
            score: value(call.score),
            worst_score: value(call.worst_score),
            audio_mos: value(call.audio_mos),
            join_ms: call.join_ms,
            relayed: call.relayed,
            reconnects: call.reconnects,
            freezes: call.freezes,
        }
    }
}

/// A call in a list.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct CallView {
    /// What it comes to.
    #[serde(flatten)]
    pub facts: CallFacts,
    /// How many took part.
    pub participants: usize,
}

impl From<&Call> for CallView {
    fn from(call: &Call) -> Self {
        Self { facts: call.into(), participants: call.participants }
    }
}

/// One call with what happened in it.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct CallDetailView {
    /// What it comes to.
    #[serde(flatten)]
    pub facts: CallFacts,
    /// Whoever reported.
    pub participants: Vec<AttendanceView>,
    /// What happened, in order.
    pub timeline: Vec<MomentView>,
    /// Whether somebody has more minutes than the newest 1,500, or the call more recordings than the newest 100, which are shown.
    pub truncated: bool,
}

impl From<&CallDetail> for CallDetailView {
    fn from(detail: &CallDetail) -> Self {
        Self {
            facts: (&detail.call).into(),
            participants: detail.participants.iter().map(AttendanceView::from).collect(),
            timeline: detail.timeline.iter().map(MomentView::from).collect(),
            truncated: detail.truncated,
        }
    }
}

/// Somebody who took part.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct AttendanceView {
    /// The account, or the user of an app.
    pub user_id: String,
    /// What the app calls its user; an account has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub identity: Option<String>,
    /// The name.
    pub username: String,
    /// The runs of their client, in order.
    pub runs: Vec<RunView>,
    /// Minutes in which they were connected and that nobody reported: a tab that was killed, say.
    pub missing: Vec<String>,
    /// Their connections, in order.
    pub connections: Vec<ConnectionView>,
}

impl From<&Attendance> for AttendanceView {
    fn from(attendance: &Attendance) -> Self {
        Self {
            user_id: attendance.user.to_string(),
            identity: identity(attendance.identity.as_ref()),
            username: attendance.username.as_str().to_owned(),
            runs: attendance.runs.iter().map(RunView::from).collect(),
            missing: attendance.missing.iter().copied().map(format_time).collect(),
            connections: attendance.connections.iter().map(ConnectionView::from).collect(),
        }
    }
}

/// One run of a participant's client, as its newest report has it.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct RunView {
    /// What the client calls it.
    pub run: String,
    /// When it began.
    pub started_at: String,
    /// The newest minute that was reported.
    pub last_minute: String,
    /// Whether that was its last report.
    #[serde(rename = "final")]
    pub is_final: bool,
    /// How many minutes were reported.
    pub minutes: u32,
    /// The mean score.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub score: Option<f64>,
    /// The worst minute's score.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub worst_score: Option<f64>,
    /// The mean opinion score of audio.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub audio_mos: Option<f64>,
    /// From the call of join until joined.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub join_ms: Option<u32>,
    /// From the call of join until the first media of somebody.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub media_ms: Option<u32>,
    /// How it came out: `connected`, `alone` or `failed`.
    pub outcome: &'static str,
    /// An error's code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
    /// Whether media went over a TURN server.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub relayed: Option<bool>,
    /// How often the connection came back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reconnects: Option<u32>,
    /// How often ICE began anew.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ice_restarts: Option<u32>,
    /// How often video stood still.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub freezes: Option<u32>,
    /// For how long together.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub freeze_ms: Option<u32>,
    /// What the client is.
    pub client: ClientView,
    /// How long the steps of joining took.
    pub join: JoinView,
}

impl From<&Run> for RunView {
    fn from(run: &Run) -> Self {
        let summary = &run.summary;
        Self {
            run: run.run.clone(),
            started_at: format_time(summary.started_at),
            last_minute: format_time(run.last_minute),
            is_final: run.is_final,
            minutes: summary.minutes,
            score: value(summary.score),
            worst_score: value(summary.worst_score),
            audio_mos: value(summary.audio_mos),
            join_ms: summary.join_ms,
            media_ms: summary.media_ms,
            outcome: summary.outcome.word(),
            failure: summary.failure.clone(),
            relayed: summary.relayed,
            reconnects: summary.reconnects,
            ice_restarts: summary.ice_restarts,
            freezes: summary.freezes,
            freeze_ms: summary.freeze_ms,
            client: (&run.client).into(),
            join: run.join.into(),
        }
    }
}

/// What a client is, as far as it said.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct ClientView {
    /// The browser and its version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub browser: Option<String>,
    /// The operating system.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub os: Option<String>,
    /// What it runs on: `desktop`, `phone`, `tablet` or `other`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub device: Option<&'static str>,
    /// The SDK's version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sdk: Option<String>,
}

impl From<&Client> for ClientView {
    fn from(client: &Client) -> Self {
        let Client { browser, os, device, sdk } = client.clone();
        Self { browser, os, device: device.map(|device| device.word()), sdk }
    }
}

/// The steps of joining, each in ms from the start of the join.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct JoinView {
    /// The token was there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token_ms: Option<u32>,
    /// The join was answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub answer_ms: Option<u32>,
    /// The socket was open.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub socket_ms: Option<u32>,
    /// The session was joined.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub joined_ms: Option<u32>,
    /// The first media of somebody came.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub media_ms: Option<u32>,
}

impl From<JoinSteps> for JoinView {
    fn from(steps: JoinSteps) -> Self {
        let JoinSteps { token_ms, answer_ms, socket_ms, joined_ms, media_ms } = steps;
        Self { token_ms, answer_ms, socket_ms, joined_ms, media_ms }
    }
}

/// A connection of a participant, by the server's clock.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct ConnectionView {
    /// When it was made.
    pub connected_at: String,
    /// When it ended, if that was noticed.
    pub disconnected_at: Option<String>,
    /// Why: the WebSocket close code, and what was said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

impl From<&Connection> for ConnectionView {
    fn from(connection: &Connection) -> Self {
        Self {
            connected_at: format_time(connection.connected_at),
            disconnected_at: connection.disconnected_at.map(format_time),
            reason: connection.reason.clone(),
        }
    }
}

/// Something that happened in a call.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct MomentView {
    /// When: by the client's clock, or by the server's for `connected`, `disconnected`, `recordingStarted` and `recordingStopped`.
    pub at: String,
    /// To whom.
    pub user_id: String,
    /// What: a kind of event of a report, `connected`, `disconnected`, `recordingStarted` or `recordingStopped`.
    pub kind: &'static str,
    /// More about it; of a recording its kind.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

impl From<&Moment> for MomentView {
    fn from(moment: &Moment) -> Self {
        Self {
            at: format_time(moment.at),
            user_id: moment.user.to_string(),
            kind: moment.kind,
            detail: moment.detail.clone(),
        }
    }
}

/// A chart of what one participant's client saw.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct SeriesView {
    /// What it shows.
    pub metric: &'static str,
    /// In which unit; empty for a score or a count.
    pub unit: &'static str,
    /// In order.
    pub points: Vec<PointView>,
    /// Whether there are older ones.
    pub truncated: bool,
}

impl SeriesView {
    /// A chart of that metric.
    pub fn new(metric: Charted, series: &Series) -> Self {
        let points = series.points.iter().map(PointView::from).collect();
        Self { metric: metric.word(), unit: metric.unit(), points, truncated: series.truncated }
    }
}

/// One point of a chart.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct PointView {
    /// The start of the minute.
    pub minute: String,
    /// The peer; absent for the score of the minute itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub peer_user_id: Option<String>,
    /// As high.
    pub value: f64,
}

impl From<&Point> for PointView {
    fn from(point: &Point) -> Self {
        let peer_user_id = point.peer.map(|peer| peer.to_string());
        Self { minute: format_time(point.minute), peer_user_id, value: point.value }
    }
}

/// What all calls of a span come to.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct OverviewView {
    /// Sessions are meant that were created from then on.
    pub from: String,
    /// And before then.
    pub to: String,
    /// How many calls.
    pub calls: usize,
    /// How many people took part.
    pub participants: usize,
    /// How many minutes they reported together.
    pub participant_minutes: u64,
    /// The share of clients' runs that did not fail, 0-1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub join_success: Option<f64>,
    /// The median time that joining took.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub median_join_ms: Option<u32>,
    /// The share of calls in which anybody's media went over a TURN server, 0-1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub relayed_share: Option<f64>,
    /// The mean score of all minutes, 1-5.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mean_score: Option<f64>,
    /// The calls with the worst minutes, the worst first, at most 10.
    pub worst: Vec<CallView>,
}

impl OverviewView {
    /// Of that span.
    pub fn new(span: Span, overview: &Overview) -> Self {
        Self {
            from: format_time(span.from),
            to: format_time(span.until),
            calls: overview.calls,
            participants: overview.participants,
            participant_minutes: overview.participant_minutes,
            join_success: overview.join_success,
            median_join_ms: overview.median_join_ms,
            relayed_share: overview.relayed_share,
            mean_score: value(overview.mean_score),
            worst: overview.worst.iter().map(CallView::from).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOON: Timestamp = Timestamp::from_millis(1_795_348_800_000);

    fn asked(query: &[(&str, &str)]) -> Result<Wanted, String> {
        let find = |name: &str| query.iter().find(|(key, _)| *key == name).map(|(_, value)| *value);
        parse_calls(find, NOON).map_err(|error| error.to_string())
    }

    #[test]
    fn the_last_seven_days_are_meant_where_nothing_is_said() {
        let wanted = asked(&[]).expect("a question");
        assert_eq!((wanted.span.from, wanted.span.until), (NOON.minus(USUAL_SPAN), NOON));
        assert_eq!((wanted.limit, wanted.before, wanted.min_score), (50, None, None));
    }

    #[test]
    fn the_next_page_is_asked_the_same() {
        let wanted = asked(&[("from", "2026-11-20"), ("maxScore", "3.5"), ("limit", "7")]).expect("a question");
        let again = asked_again(&wanted);
        assert_eq!(again, "&from=2026-11-20T00:00:00.000Z&to=2026-11-22T12:00:00.000Z&maxScore=3.5");
        let pairs: Vec<_> = again.split('&').filter_map(|pair| pair.split_once('=')).collect();
        assert_eq!(asked(&[pairs.as_slice(), &[("limit", "7")]].concat()), Ok(wanted));
    }

    #[test]
    fn what_is_wrong_with_a_question_is_named() {
        for (name, text, said) in [
            ("from", "soon", "from must be a time"),
            ("to", "2026-13-01", "to must be a time"),
            ("from", "2026-10-01", "from must be at most 31 days before to"),
            ("to", "2025-01-01", "to must be later than from"),
            ("minScore", "0.5", "minScore must be 1-5"),
            ("maxScore", "NaN", "maxScore must be 1-5"),
            ("maxScore", "good", "maxScore must be 1-5"),
            ("limit", "0", "limit must be"),
            ("cursor", "x", "cursor is not one of this list"),
        ] {
            let mut query = vec![(name, text)];
            query.extend((name == "to").then_some(("from", "2026-01-01")));
            let refused = asked(&query).expect_err(name);
            assert!(refused.starts_with(said), "{refused}");
        }
    }

    #[test]
    fn a_metric_is_one_of_those_that_there_are() {
        for metric in Charted::ALL {
            assert_eq!(parse_metric(Some(metric.word())).expect("a metric"), *metric);
        }
        assert!(parse_metric(None).expect_err("missing").to_string().starts_with("metric is missing"));
        assert!(parse_metric(Some("colour")).expect_err("unknown").to_string().contains("rttMs"));
    }
}
