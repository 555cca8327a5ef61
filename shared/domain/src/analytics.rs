//! Call quality, read: lists of calls, one call with what happened in it, charts, and sums.
//!
//! A call is listed by what its runs say, so a list costs what lies in it: half a read unit for each 4 KB of runs, about 7 of them. Reading
//! has bounds: a page of a list ends after [`MOST_LOOKED`] runs, however few of their calls are wanted, and goes on from there.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use futures_util::stream::{self, StreamExt, TryStreamExt};

use crate::eviction::LONGEST_CONNECTION;
use crate::measures::{Listed, Measured, Outcome, Peer, Run, words};
use crate::ports::{Calls, LoggedConnection, Minute, Page, Recordings, RoomNames};
use crate::quality::named;
use crate::recording::{Recording, RecordingStatus};
use crate::usage::{check_span, day_of};
use crate::{
    Caller, Context, Error, Identity, KeyGrant, RecordingId, Result, RoomName, RoomRef, Scope, SessionId, SessionName,
    Timestamp, UserId, Username,
};

/// So many runs are looked at for one page of a list.
pub const MOST_LOOKED: usize = 10_000;
/// So many runs are added up for one question.
pub const MOST_RUNS: usize = 100_000;
/// So many of a participant's minutes are shown, the newest ones: a little more than a day.
pub const MOST_MINUTES: usize = 1_500;
/// So many points of a chart are shown, the newest ones.
pub const MOST_POINTS: usize = 20_000;
/// So many recordings of a call are shown, the newest ones: what one read of the table takes.
pub const MOST_RECORDINGS: usize = 100;
/// So many of the worst calls are shown beside the sums.
const WORST_CALLS: usize = 10;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);
const MINUTE: Duration = Duration::from_secs(60);
/// Whoever was there for a shorter part of a minute need not report it.
const WORTH_A_REPORT: Duration = Duration::from_secs(5);
/// So long after its minute a report may be on its way.
const ON_ITS_WAY: Duration = Duration::from_secs(90);
/// So many participants are read at the same time.
const PEOPLE_AT_ONCE: usize = 8;

/// Who looks, and at what they may.
#[derive(Debug, Clone, Copy)]
pub struct Viewer<'a> {
    caller: &'a Caller,
}

impl<'a> Viewer<'a> {
    /// Somebody who lists calls: an account those that it hosts, an app with `roomList` those of its project that the access is for.
    ///
    /// # Errors
    /// `MissingGrant`.
    pub fn of_lists(caller: &'a Caller) -> Result<Self> {
        caller.require_list().map(|_| Self { caller })
    }

    /// Somebody who looks at one call: its host, an app with `roomAdmin`.
    ///
    /// # Errors
    /// `MissingGrant`.
    pub fn of_calls(caller: &'a Caller) -> Result<Self> {
        match caller {
            Caller::Participant(_) | Caller::Backend(_) if !caller.grants().room_admin => {
                Err(Error::missing_grant(KeyGrant::Admin.name()))
            }
            Caller::Account(_) | Caller::Participant(_) | Caller::Backend(_) => Ok(Self { caller }),
        }
    }

    fn scope(&self) -> &'a Scope {
        self.caller.scope()
    }

    fn list(&self) -> Listed {
        match self.caller {
            Caller::Account(person) => Listed::Host(person.user_id),
            Caller::Participant(_) | Caller::Backend(_) => Listed::Project(self.scope().project.clone()),
        }
    }

    fn sees(&self, run: &Run) -> bool {
        self.scope().holds_room(run.session, run.room.as_ref())
    }
}

/// Sessions by when they were created: from `from` on and before `until`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// The first moment.
    pub from: Timestamp,
    /// The first moment that is not meant any more.
    pub until: Timestamp,
}

impl Span {
    /// With its bounds checked.
    ///
    /// # Errors
    /// `InvalidRequest`, which names the bound.
    pub fn new(from: Timestamp, until: Timestamp) -> Result<Self> {
        check_span(from, until).map(|()| Self { from, until })
    }
}

/// A page of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wanted {
    /// Of which sessions.
    pub span: Span,
    /// Whose worst score is at least that.
    pub min_score: Option<Measured>,
    /// Whose worst score is at most that.
    pub max_score: Option<Measured>,
    /// So many at most.
    pub limit: usize,
    /// Older than that one.
    pub before: Option<SessionId>,
}

impl Wanted {
    /// A call without a score is wanted where nothing is said of scores.
    fn takes(&self, call: &Call) -> bool {
        let at_least = self.min_score.is_none_or(|least| call.worst_score.is_some_and(|worst| worst >= least));
        let at_most = self.max_score.is_none_or(|most| call.worst_score.is_some_and(|worst| worst <= most));
        at_least && at_most
    }
}

/// What a call comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// The session.
    pub session: SessionId,
    /// Its name, as the newest report has it.
    pub name: SessionName,
    /// The app's name of it, if it has one.
    pub room: Option<RoomName>,
    /// When the first run began.
    pub started_at: Timestamp,
    /// When the newest report came.
    pub last_report_at: Timestamp,
    /// How many took part.
    pub participants: usize,
    /// How many minutes they reported together.
    pub participant_minutes: u64,
    /// The mean of all minutes.
    pub score: Option<Measured>,
    /// The worst minute of anybody.
    pub worst_score: Option<Measured>,
    /// The mean opinion score of audio.
    pub audio_mos: Option<Measured>,
    /// The median time that joining took, in ms.
    pub join_ms: Option<u32>,
    /// How many had their media go over a TURN server.
    pub relayed: usize,
    /// How often connections came back.
    pub reconnects: u64,
    /// How often video stood still.
    pub freezes: u64,
}

/// A mean, weighted by minutes.
#[derive(Debug, Clone, Copy, Default)]
struct Mean {
    sum: u64,
    weight: u64,
}

impl Mean {
    fn add(&mut self, value: Option<Measured>, minutes: u32) {
        if let Some(value) = value {
            let weight = u64::from(minutes.max(1));
            self.sum += u64::from(value.hundredths()) * weight;
            self.weight += weight;
        }
    }

    fn value(self) -> Option<Measured> {
        let mean = (self.weight > 0).then(|| (self.sum + self.weight / 2) / self.weight);
        mean.map(|hundredths| Measured::of_hundredths(u32::try_from(hundredths).unwrap_or(u32::MAX)))
    }
}

/// The one in the middle; of an even number the lower one of the two.
fn median(mut values: Vec<u32>) -> Option<u32> {
    values.sort_unstable();
    values.get(values.len().checked_sub(1)? / 2).copied()
}

impl Call {
    /// From all runs of one session.
    pub fn of(runs: &[Run]) -> Option<Self> {
        let newest = runs.iter().max_by_key(|run| run.reported_at)?;
        let (mut score, mut mos) = (Mean::default(), Mean::default());
        for Run { summary, .. } in runs {
            score.add(summary.score, summary.minutes);
            mos.add(summary.audio_mos, summary.minutes);
        }
        let users = |runs: &mut dyn Iterator<Item = &Run>| runs.map(|run| run.user).collect::<BTreeSet<_>>().len();
        let sum = |of: fn(&Run) -> Option<u32>| runs.iter().filter_map(of).map(u64::from).sum();
        Some(Self {
            session: newest.session,
            name: newest.name.clone(),
            room: newest.room.clone(),
            started_at: runs.iter().map(|run| run.summary.started_at).min()?,
            last_report_at: newest.reported_at,
            participants: users(&mut runs.iter()),
            participant_minutes: sum(|run| Some(run.summary.minutes)),
            score: score.value(),
            worst_score: runs.iter().filter_map(|run| run.summary.worst_score).min(),
            audio_mos: mos.value(),
            join_ms: median(runs.iter().filter_map(|run| run.summary.join_ms).collect()),
            relayed: users(&mut runs.iter().filter(|run| run.summary.relayed == Some(true))),
            reconnects: sum(|run| run.summary.reconnects),
            freezes: sum(|run| run.summary.freezes),
        })
    }
}

/// A way through a list, call by call, the newest session first.
struct Walk {
    list: Listed,
    /// What is still to be read, the newest part last. No session lies in two of them.
    parts: Vec<(SessionId, SessionId)>,
    /// Where the part that is being read goes on.
    last: Option<String>,
    read: VecDeque<Run>,
    looked: usize,
}

impl Walk {
    /// Through sessions from that time on that are older than that one. A project has a part for each day in UTC.
    fn new(list: Listed, from: Timestamp, before: SessionId) -> Self {
        let mut parts = Vec::new();
        let mut day = match &list {
            Listed::Host(_) => before.timestamp(),
            Listed::Project(_) => day_of(from),
        };
        while day <= before.timestamp() {
            let first = SessionId::first_at(if parts.is_empty() { from } else { day });
            day = day + DAY;
            parts.push((first, before.min(SessionId::first_at(day))));
        }
        parts.retain(|(first, end)| first < end);
        Self { list, parts, last: None, read: VecDeque::new(), looked: 0 }
    }

    /// Through one session.
    fn of(list: Listed, session: SessionId) -> Self {
        Self { list, parts: vec![(session, session.successor())], last: None, read: VecDeque::new(), looked: 0 }
    }

    fn is_over(&self) -> bool {
        self.parts.is_empty() && self.read.is_empty()
    }
}

/// All runs of the next call; none when the list is at its end.
async fn next_call(store: &(impl Calls + Sync), now: Timestamp, walk: &mut Walk) -> Result<Option<Vec<Run>>> {
    let mut call: Vec<Run> = Vec::new();
    loop {
        while let Some(run) = walk.read.pop_front() {
            if call.first().is_some_and(|first| first.session != run.session) {
                walk.read.push_front(run);
                return Ok(Some(call));
            }
            call.push(run);
        }
        let Some(part) = walk.parts.last() else {
            return Ok(Some(call).filter(|call| !call.is_empty()));
        };
        let page = store.runs(&walk.list, *part, walk.last.as_deref(), now).await?;
        walk.looked += page.items.len();
        walk.read.extend(page.items);
        walk.last = page.next;
        if walk.last.is_none() {
            walk.parts.pop();
        }
    }
}

/// A page of calls, the newest session first. It may have fewer than there are, and even none, and still a next one: so many were
/// looked at.
///
/// # Errors
/// What reading fails with.
pub async fn calls(
    store: &(impl Calls + Sync),
    context: Context<'_>,
    viewer: Viewer<'_>,
    wanted: &Wanted,
) -> Result<Page<Call, SessionId>> {
    let until = SessionId::first_at(wanted.span.until);
    let before = wanted.before.map_or(until, |before| before.min(until));
    let mut walk = Walk::new(viewer.list(), wanted.span.from, before);
    let mut items = Vec::new();
    while let Some(runs) = next_call(store, context.now, &mut walk).await? {
        let Some(call) = Call::of(&runs) else { continue };
        let session = call.session;
        if runs.iter().all(|run| viewer.sees(run)) && wanted.takes(&call) {
            items.push(call);
        }
        if items.len() >= wanted.limit || walk.looked >= MOST_LOOKED {
            return Ok(Page { items, next: (!walk.is_over()).then_some(session) });
        }
    }
    Ok(Page { items, next: None })
}

/// What all calls of a span come to.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Overview {
    /// How many calls.
    pub calls: usize,
    /// How many people took part.
    pub participants: usize,
    /// How many minutes they reported together.
    pub participant_minutes: u64,
    /// The share of runs that did not fail, 0-1.
    pub join_success: Option<f64>,
    /// The median time that joining took, in ms.
    pub median_join_ms: Option<u32>,
    /// The share of calls in which anybody's media went over a TURN server, 0-1.
    pub relayed_share: Option<f64>,
    /// The mean score of all minutes.
    pub mean_score: Option<Measured>,
    /// The calls with the worst minutes, the worst first.
    pub worst: Vec<Call>,
}

fn share(part: usize, whole: usize) -> Option<f64> {
    // No more than a hundred thousand were counted.
    (whole > 0).then(|| part as f64 / whole as f64)
}

/// Adds up all calls of a span.
///
/// # Errors
/// `InvalidRequest` where there are more than [`MOST_RUNS`] runs.
pub async fn overview(
    store: &(impl Calls + Sync),
    context: Context<'_>,
    viewer: Viewer<'_>,
    span: Span,
) -> Result<Overview> {
    let mut walk = Walk::new(viewer.list(), span.from, SessionId::first_at(span.until));
    let (mut sum, mut users, mut joins, mut score) =
        (Overview::default(), BTreeSet::new(), Vec::new(), Mean::default());
    let (mut runs_seen, mut good, mut relayed) = (0, 0, 0);
    while let Some(runs) = next_call(store, context.now, &mut walk).await? {
        if walk.looked > MOST_RUNS {
            return Err(Error::field("from", "lies before more than 100000 runs of clients: ask for a shorter time"));
        }
        let Some(call) = Call::of(&runs).filter(|_| runs.iter().all(|run| viewer.sees(run))) else { continue };
        runs_seen += runs.len();
        for Run { user, summary, .. } in &runs {
            users.insert(*user);
            joins.extend(summary.join_ms);
            score.add(summary.score, summary.minutes);
            good += usize::from(summary.outcome != Outcome::Failed);
        }
        sum.calls += 1;
        sum.participant_minutes += call.participant_minutes;
        relayed += usize::from(call.relayed > 0);
        sum.worst.extend(Some(call).filter(|call| call.worst_score.is_some()));
        if sum.worst.len() > 10 * WORST_CALLS {
            keep_worst(&mut sum.worst);
        }
    }
    keep_worst(&mut sum.worst);
    Ok(Overview {
        participants: users.len(),
        join_success: share(good, runs_seen),
        median_join_ms: median(joins),
        relayed_share: share(relayed, sum.calls),
        mean_score: score.value(),
        ..sum
    })
}

/// Of equally bad ones the newest stay.
fn keep_worst(calls: &mut Vec<Call>) {
    calls.sort_by_key(|call| (call.worst_score, std::cmp::Reverse(call.session)));
    calls.truncate(WORST_CALLS);
}

/// One call with what happened in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallDetail {
    /// What it comes to.
    pub call: Call,
    /// Whoever reported, in the order of their identifiers.
    pub participants: Vec<Attendance>,
    /// What happened, in order.
    pub timeline: Vec<Moment>,
    /// Whether somebody has more minutes than are shown, or the call more recordings.
    pub truncated: bool,
}

/// Somebody who took part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attendance {
    /// Who.
    pub user: UserId,
    /// Their name.
    pub username: Username,
    /// What the app calls its user; an account has none.
    pub identity: Option<Identity>,
    /// The runs of their client, in order.
    pub runs: Vec<Run>,
    /// Minutes in which they were connected and that nobody reported.
    pub missing: Vec<Timestamp>,
    /// Their connections, in order.
    pub connections: Vec<Connection>,
}

/// A connection of a participant, without where it came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Connection {
    /// When it was made.
    pub connected_at: Timestamp,
    /// When it ended, if that was noticed.
    pub disconnected_at: Option<Timestamp>,
    /// Why: the WebSocket close code, and what was said.
    pub reason: Option<String>,
}

impl From<LoggedConnection> for Connection {
    fn from(logged: LoggedConnection) -> Self {
        let reason = logged.closure.as_ref().map(|closure| match closure.reason.as_str() {
            "" => closure.code.to_string(),
            said => format!("{} {said}", closure.code),
        });
        let disconnected_at = logged.closure.map(|closure| closure.at);
        Self { connected_at: logged.admission.at, disconnected_at, reason }
    }
}

/// Something that happened in a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moment {
    /// When: by the client's clock what its client says, by the server's what the server noted itself.
    pub at: Timestamp,
    /// Whom.
    pub user: UserId,
    /// What.
    pub kind: &'static str,
    /// More about it.
    pub detail: Option<String>,
}

/// One call with what happened in it.
///
/// # Errors
/// `SessionNotFound` for one that is not the viewer's to see, or that nobody reported on.
pub async fn call(
    store: &(impl Calls + Recordings + RoomNames + Sync),
    context: Context<'_>,
    viewer: Viewer<'_>,
    room: &RoomRef,
) -> Result<CallDetail> {
    let runs = runs_of(store, context, viewer, room).await?;
    let call = Call::of(&runs).ok_or(Error::SessionNotFound)?;
    let mut by_user: BTreeMap<UserId, Vec<Run>> = BTreeMap::new();
    runs.into_iter().for_each(|run| by_user.entry(run.user).or_default().push(run));
    let read = by_user.into_values().map(|runs| attend(store, context, runs));
    let all: Vec<Attended> = stream::iter(read).buffered(PEOPLE_AT_ONCE).try_collect().await?;
    let recorded = recordings_of(store, context, call.session).await?;
    let truncated = recorded.next.is_some() || all.iter().any(|attended| attended.truncated);
    let (mut participants, mut timeline) = (Vec::new(), recorded.items);
    for attended in all {
        participants.push(attended.attendance);
        timeline.extend(attended.moments);
    }
    timeline.sort_by_key(|moment| moment.at);
    Ok(CallDetail { call, participants, timeline, truncated })
}

/// The runs of a call that the viewer may see.
async fn runs_of(
    store: &(impl Calls + RoomNames + Sync),
    context: Context<'_>,
    viewer: Viewer<'_>,
    room: &RoomRef,
) -> Result<Vec<Run>> {
    let session = named(store, Some(viewer.scope()), room).await?;
    let runs = next_call(store, context.now, &mut Walk::of(viewer.list(), session)).await?.unwrap_or_default();
    let seen = runs.iter().all(|run| viewer.sees(run)) && !runs.is_empty();
    seen.then_some(runs).ok_or(Error::SessionNotFound)
}

/// Who recorded themselves and when, as far as it was not deleted; of more recordings than are shown, where the others begin.
async fn recordings_of(
    store: &(impl Recordings + Sync),
    context: Context<'_>,
    session: SessionId,
) -> Result<Page<Moment, RecordingId>> {
    let found = store.recordings_in(session, MOST_RECORDINGS, None, context.now).await?;
    let shown = found.items.iter().filter(|recording| recording.status != RecordingStatus::Deleted);
    Ok(Page { items: shown.flat_map(moments_of_recording).collect(), next: found.next })
}

fn moments_of_recording(recording: &Recording) -> impl Iterator<Item = Moment> {
    let (user, detail) = (recording.by.user_id, Some(recording.kind.name().to_owned()));
    let begun = Moment { at: recording.started_at(), user, kind: "recordingStarted", detail: detail.clone() };
    let ended = recording.finish.map(|finish| Moment { at: finish.at, user, kind: "recordingStopped", detail });
    [begun].into_iter().chain(ended)
}

/// What was read of one participant.
struct Attended {
    attendance: Attendance,
    moments: Vec<Moment>,
    truncated: bool,
}

async fn attend(store: &(impl Calls + Sync), context: Context<'_>, mut runs: Vec<Run>) -> Result<Attended> {
    runs.sort_by_key(|run| (run.summary.started_at, run.last_minute));
    let last = runs.last().expect("a participant is listed by a run");
    let (session, user, now) = (last.session, last.user, context.now);
    let (username, identity) = (last.username.clone(), last.identity.clone());
    let reported_until = runs.iter().map(|run| run.reported_at).max().unwrap_or(now);
    let between = (session.timestamp(), (reported_until + LONGEST_CONNECTION).min(now));
    let logged = store.connections_of(user, between).await?;
    let here = logged.into_iter().filter(|logged| logged.admission.session == Some(session));
    let connections: Vec<Connection> = here.map(Connection::from).collect();
    let (minutes, truncated) = minutes_of(store, now, session, user, false).await?;
    let reported: BTreeSet<_> = minutes.iter().map(|minute| minute.minute).collect();
    let since = if truncated { reported.first().copied().unwrap_or(now) } else { Timestamp::default() };
    let mut missing = missing_minutes(&connections, &reported, now);
    missing.retain(|minute| *minute >= since);
    let moments = moments(user, minutes, &connections);
    let attendance = Attendance { user, username, identity, runs, missing, connections };
    Ok(Attended { attendance, moments, truncated })
}

/// The newest minutes of a participant, the newest first, and whether there are more.
async fn minutes_of(
    store: &(impl Calls + Sync),
    now: Timestamp,
    session: SessionId,
    user: UserId,
    with_peers: bool,
) -> Result<(Vec<Minute>, bool)> {
    let (mut minutes, mut last) = (Vec::new(), None);
    loop {
        let page = store.minutes(session, user, with_peers, last.as_deref(), now).await?;
        minutes.extend(page.items);
        last = page.next;
        if last.is_none() || minutes.len() >= MOST_MINUTES {
            let truncated = last.is_some() || minutes.len() > MOST_MINUTES;
            minutes.truncate(MOST_MINUTES);
            return Ok((minutes, truncated));
        }
    }
}

/// The minutes inside a connection that nobody reported, and that are not on their way any more.
fn missing_minutes(connections: &[Connection], reported: &BTreeSet<Timestamp>, now: Timestamp) -> Vec<Timestamp> {
    let mut missing = BTreeSet::new();
    for connection in connections {
        let from = connection.connected_at;
        let until = connection.disconnected_at.unwrap_or_else(|| now.min(from + LONGEST_CONNECTION));
        let mut minute = (from + Duration::from_millis(1)).minus(MINUTE).rounded_up(MINUTE);
        while minute < until && minute + MINUTE + ON_ITS_WAY <= now && missing.len() < MOST_MINUTES {
            let there = until.min(minute + MINUTE).since(from.max(minute));
            if there >= WORTH_A_REPORT && !reported.contains(&minute) {
                missing.insert(minute);
            }
            minute = minute + MINUTE;
        }
    }
    missing.into_iter().collect()
}

fn moments(user: UserId, minutes: Vec<Minute>, connections: &[Connection]) -> Vec<Moment> {
    let said = minutes.into_iter().flat_map(|minute| minute.events).map(|event| Moment {
        at: event.at,
        user,
        kind: event.kind.word(),
        detail: event.detail,
    });
    let begun = connections.iter().map(|connection| Moment {
        at: connection.connected_at,
        user,
        kind: "connected",
        detail: None,
    });
    let ended = connections.iter().filter_map(|connection| {
        let at = connection.disconnected_at?;
        Some(Moment { at, user, kind: "disconnected", detail: connection.reason.clone() })
    });
    said.chain(begun).chain(ended).collect()
}

words!(/// What a chart can show, of a minute or of each peer in it.
Charted {
    /// The score.
    Score => "score",
    /// The mean opinion score of audio.
    Mos => "mos",
    /// The round trip.
    RttMs => "rttMs",
    /// Jitter of audio.
    JitterMs => "jitterMs",
    /// Packets of audio lost.
    AudioLossPercent => "audioLossPercent",
    /// Audio made up for what was missing.
    ConcealedPercent => "concealedPercent",
    /// Audio from the peer.
    AudioInKbps => "audioInKbps",
    /// Audio to the peer.
    AudioOutKbps => "audioOutKbps",
    /// Packets of video lost.
    VideoLossPercent => "videoLossPercent",
    /// Frames in a second.
    Fps => "fps",
    /// How often video stood still.
    Freezes => "freezes",
    /// For how long together.
    FreezeMs => "freezeMs",
    /// Video from the peer.
    VideoInKbps => "videoInKbps",
    /// Video to the peer.
    VideoOutKbps => "videoOutKbps",
    /// What the line is believed to carry.
    AvailableKbps => "availableKbps",
    /// The height of the picture.
    Height => "height",
});

impl Charted {
    /// The unit, as people write it; none of a score or a count.
    pub const fn unit(self) -> &'static str {
        match self {
            Self::Score | Self::Mos | Self::Freezes => "",
            Self::RttMs | Self::JitterMs | Self::FreezeMs => "ms",
            Self::AudioLossPercent | Self::ConcealedPercent | Self::VideoLossPercent => "%",
            Self::Fps => "fps",
            Self::AudioInKbps | Self::AudioOutKbps | Self::VideoInKbps | Self::VideoOutKbps | Self::AvailableKbps => {
                "kbit/s"
            }
            Self::Height => "px",
        }
    }

    fn of_peer(self, peer: &Peer) -> Option<f64> {
        let Peer { audio, video, .. } = peer;
        let measured = match self {
            Self::Freezes => return video.freezes.map(f64::from),
            Self::FreezeMs => return video.freeze_ms.map(f64::from),
            Self::Height => return video.height.map(f64::from),
            Self::Score => peer.score,
            Self::Mos => audio.mos,
            Self::RttMs => peer.rtt_ms,
            Self::JitterMs => audio.jitter_ms,
            Self::AudioLossPercent => audio.loss_percent,
            Self::ConcealedPercent => audio.concealed_percent,
            Self::AudioInKbps => audio.in_kbps,
            Self::AudioOutKbps => audio.out_kbps,
            Self::VideoLossPercent => video.loss_percent,
            Self::Fps => video.fps,
            Self::VideoInKbps => video.in_kbps,
            Self::VideoOutKbps => video.out_kbps,
            Self::AvailableKbps => peer.available_kbps,
        };
        measured.map(Measured::value)
    }
}

/// What a chart is to show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Question {
    /// Whose client saw it.
    pub user: UserId,
    /// What.
    pub metric: Charted,
    /// Of which peer; of each, if none is named, and the score of the minute itself.
    pub peer: Option<UserId>,
}

/// A chart's points.
#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    /// In order.
    pub points: Vec<Point>,
    /// Whether there are older ones.
    pub truncated: bool,
}

/// One point of a chart.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point {
    /// The minute.
    pub minute: Timestamp,
    /// The peer; none for what is said of the minute itself.
    pub peer: Option<UserId>,
    /// As high.
    pub value: f64,
}

/// What a participant's client saw, minute by minute; no points of somebody who reported nothing.
///
/// # Errors
/// `SessionNotFound` for a call that is not the viewer's to see, or that nobody reported on.
pub async fn series(
    store: &(impl Calls + RoomNames + Sync),
    context: Context<'_>,
    viewer: Viewer<'_>,
    room: &RoomRef,
    question: Question,
) -> Result<Series> {
    let runs = runs_of(store, context, viewer, room).await?;
    let session = runs.first().map(|run| run.session).ok_or(Error::SessionNotFound)?;
    let (minutes, cut) = minutes_of(store, context.now, session, question.user, true).await?;
    let mut points: Vec<_> = minutes.iter().flat_map(|minute| question.points(minute)).collect();
    let truncated = cut || points.len() > MOST_POINTS;
    points.truncate(MOST_POINTS);
    points.sort_by_key(|point| (point.minute, point.peer));
    Ok(Series { points, truncated })
}

impl Question {
    fn points(&self, minute: &Minute) -> Vec<Point> {
        let point = |peer, value| Point { minute: minute.minute, peer, value };
        if (self.metric, self.peer) == (Charted::Score, None) {
            return minute.score.map(|score| point(None, score.value())).into_iter().collect();
        }
        let asked = minute.peers.iter().filter(|peer| self.peer.is_none_or(|user| user == peer.user));
        asked.filter_map(|peer| Some(point(Some(peer.user), self.metric.of_peer(peer)?))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Timestamp = Timestamp::from_millis(1_795_348_800_000);

    fn at(seconds: u64) -> Timestamp {
        START + Duration::from_secs(seconds)
    }

    fn connection(from: u64, until: Option<u64>) -> Connection {
        Connection { connected_at: at(from), disconnected_at: until.map(at), reason: None }
    }

    fn missing(connections: &[Connection], reported: &[u64], now: u64) -> Vec<u64> {
        let reported = reported.iter().map(|minute| at(minute * 60)).collect();
        let missing = missing_minutes(connections, &reported, at(now));
        missing.into_iter().map(|minute| minute.since(START).as_secs() / 60).collect()
    }

    #[test]
    fn a_minute_of_a_connection_that_nobody_reported_is_missing() {
        assert_eq!(missing(&[connection(30, Some(200))], &[0, 1], 900), [2, 3]);
        assert_eq!(missing(&[connection(30, Some(200))], &[0, 1, 2, 3], 900), [0; 0]);
    }

    #[test]
    fn a_few_seconds_of_a_minute_and_the_time_between_connections_are_not_missed() {
        assert_eq!(missing(&[connection(57, Some(64))], &[], 900), [0; 0]);
        assert_eq!(missing(&[connection(0, Some(60)), connection(300, Some(360))], &[0], 900), [5]);
    }

    #[test]
    fn what_may_be_on_its_way_is_not_missing_yet() {
        assert_eq!(missing(&[connection(0, None)], &[], 149), [0; 0]);
        assert_eq!(missing(&[connection(0, None)], &[], 150), [0]);
    }

    #[test]
    fn a_connection_whose_end_nobody_noted_lasts_no_longer_than_any_can() {
        let longest = LONGEST_CONNECTION.as_secs() / 60;
        let all = missing(&[connection(0, None)], &[], 10 * 24 * 3600);
        assert_eq!(all.len() as u64, longest);
    }

    #[test]
    fn the_median_is_the_one_in_the_middle() {
        assert_eq!(median(vec![]), None);
        assert_eq!(median(vec![7]), Some(7));
        assert_eq!(median(vec![9, 1, 5]), Some(5));
        assert_eq!(median(vec![9, 1, 5, 7]), Some(5));
    }

    #[test]
    fn a_mean_is_weighted_by_minutes_and_knows_nothing_of_what_is_absent() {
        let mut mean = Mean::default();
        mean.add(None, 60);
        assert_eq!(mean.value(), None);
        mean.add(Some(Measured::of_hundredths(400)), 3);
        mean.add(Some(Measured::of_hundredths(200)), 1);
        assert_eq!(mean.value(), Some(Measured::of_hundredths(350)));
    }

    #[test]
    fn a_projects_list_is_read_day_by_day_and_a_hosts_in_one_piece() {
        let (from, before) = (at(0).minus(Duration::from_secs(37 * 3600)), SessionId::first_at(at(3600)));
        let days = Walk::new(Listed::Project(crate::ProjectId::default()), from, before).parts;
        assert_eq!(days.len(), 3);
        assert_eq!((days[0].0, days[2].1), (SessionId::first_at(from), before));
        assert!(days.windows(2).all(|pair| pair[0].1 == pair[1].0), "they follow each other");
        let host = Walk::new(Listed::Host(UserId::first_at(from)), from, before).parts;
        assert_eq!(host, [(SessionId::first_at(from), before)]);
    }
}
