//! Call quality as items. A minute holds up to 49 peers with some twenty numbers each, and a write costs by its size, so names are
//! short, what was not measured is not there, and numbers are whole: hundredths, or as they come.

use domain::ports::Minute;
use domain::quality::{
    Audio, CallEvent, Candidate, Client, Device, Happened, JoinSteps, LimitedBy, Listed, Measured, Outcome, Peer,
    Report, Run, Summary, Transport, Video,
};
use domain::{Result, RoomName, SessionId, SessionName, Timestamp, UserId, Username};
use serde::{Deserialize, Serialize};

use crate::errors::{Malformed, misfit};
use crate::items::Item;
use crate::keys::{self, Key};
use crate::records::kept_identity;

/// What of a run's reports is newer: a later minute, and in the same one the last word on it.
pub(crate) fn place(minute: Timestamp, is_final: bool) -> u64 {
    minute.millis() / 60_000 * 2 + u64::from(is_final)
}

/// The minute of such a place, and whether it is the last word.
fn of_place(place: u64) -> (Timestamp, bool) {
    (Timestamp::from_millis(place / 2 * 60_000), place % 2 == 1)
}

fn measured(hundredths: Option<u32>) -> Option<Measured> {
    hundredths.map(Measured::of_hundredths)
}

/// A word of ours; one that is not known is an item that is not ours.
fn word<T>(word: Option<&str>, of: fn(&str) -> Option<T>) -> Result<Option<T>, Malformed> {
    word.map(|word| of(word).ok_or(Malformed("word of a report"))).transpose()
}

fn hundredths(measured: Option<Measured>) -> Option<u32> {
    measured.map(Measured::hundredths)
}

/// A minute's item.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct MinuteRecord {
    pk: String,
    sk: String,
    run: String,
    /// 1 for the run's last report.
    #[serde(rename = "lastOne")]
    pub(crate) last: u8,
    #[serde(skip_serializing_if = "Option::is_none")]
    score: Option<u32>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    events: Vec<EventRecord>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    peers: Vec<PeerRecord>,
    expires_at: u64,
}

impl MinuteRecord {
    pub(crate) fn of(session: SessionId, user: UserId, report: &Report, keep_until: Timestamp) -> Self {
        let Key { pk, sk } = keys::minute(session, user, report.minute, &report.run);
        Self {
            pk,
            sk,
            run: report.run.clone(),
            last: u8::from(report.is_final),
            score: hundredths(report.score),
            events: report.events.iter().map(EventRecord::of).collect(),
            peers: report.peers.iter().map(PeerRecord::of).collect(),
            expires_at: keep_until.seconds_up(),
        }
    }
}

impl MinuteRecord {
    /// What is read where nothing is wanted of peers.
    pub(crate) const WITHOUT_PEERS: &str = "pk, sk, run, lastOne, score, events, expiresAt";

    pub(crate) fn from_item(item: Item) -> Result<Self> {
        serde_dynamo::from_item(item).map_err(misfit)
    }

    pub(crate) fn into_minute(self) -> Result<Minute> {
        Ok(Minute {
            minute: keys::minute_of(&self.sk).ok_or(Malformed("minute"))?,
            run: self.run,
            score: measured(self.score),
            events: self.events.into_iter().map(EventRecord::into_event).collect::<Result<_>>()?,
            peers: self.peers.into_iter().map(PeerRecord::into_peer).collect::<Result<_>>()?,
        })
    }
}

#[derive(Debug, Serialize, Deserialize)]
struct EventRecord {
    at: u64,
    k: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    d: Option<String>,
}

impl EventRecord {
    fn of(event: &CallEvent) -> Self {
        Self { at: event.at.millis(), k: event.kind.word().to_owned(), d: event.detail.clone() }
    }

    fn into_event(self) -> Result<CallEvent> {
        let kind = Happened::of(&self.k).ok_or(Malformed("event of a call"))?;
        Ok(CallEvent { at: Timestamp::from_millis(self.at), kind, detail: self.d })
    }
}

/// A peer's numbers, a letter or two each: the first one says of what, `a` for audio and `v` for video.
#[derive(Debug, Serialize, Deserialize)]
struct PeerRecord {
    u: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    s: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    c: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    p: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    r: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    b: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    am: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    aj: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    al: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ac: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ai: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ao: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ax: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    vf: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    vw: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    vh: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    vz: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    vt: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    vl: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    vi: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    vo: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    vx: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    vb: Option<String>,
}

impl PeerRecord {
    fn of(peer: &Peer) -> Self {
        let Peer { audio, video, .. } = peer;
        Self {
            u: peer.user.to_string(),
            s: hundredths(peer.score),
            c: peer.candidate.map(|candidate| candidate.word().to_owned()),
            p: peer.protocol.map(|protocol| protocol.word().to_owned()),
            r: hundredths(peer.rtt_ms),
            b: hundredths(peer.available_kbps),
            am: hundredths(audio.mos),
            aj: hundredths(audio.jitter_ms),
            al: hundredths(audio.loss_percent),
            ac: hundredths(audio.concealed_percent),
            ai: hundredths(audio.in_kbps),
            ao: hundredths(audio.out_kbps),
            ax: audio.codec.clone(),
            vf: hundredths(video.fps),
            vw: video.width,
            vh: video.height,
            vz: video.freezes,
            vt: video.freeze_ms,
            vl: hundredths(video.loss_percent),
            vi: hundredths(video.in_kbps),
            vo: hundredths(video.out_kbps),
            vx: video.codec.clone(),
            vb: video.limited_by.map(|limit| limit.word().to_owned()),
        }
    }

    fn into_peer(self) -> Result<Peer> {
        let audio = Audio {
            mos: measured(self.am),
            jitter_ms: measured(self.aj),
            loss_percent: measured(self.al),
            concealed_percent: measured(self.ac),
            in_kbps: measured(self.ai),
            out_kbps: measured(self.ao),
            codec: self.ax,
        };
        let video = Video {
            fps: measured(self.vf),
            width: self.vw,
            height: self.vh,
            freezes: self.vz,
            freeze_ms: self.vt,
            loss_percent: measured(self.vl),
            in_kbps: measured(self.vi),
            out_kbps: measured(self.vo),
            codec: self.vx,
            limited_by: word(self.vb.as_deref(), LimitedBy::of)?,
        };
        Ok(Peer {
            user: self.u.parse().map_err(|_| Malformed("peer"))?,
            score: measured(self.s),
            candidate: word(self.c.as_deref(), Candidate::of)?,
            protocol: word(self.p.as_deref(), Transport::of)?,
            rtt_ms: measured(self.r),
            available_kbps: measured(self.b),
            audio,
            video,
        })
    }
}

/// A run's item.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RunRecord {
    pk: String,
    sk: String,
    session_name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    room_name: Option<String>,
    username: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    identity: Option<String>,
    run: String,
    place: u64,
    reported_at: u64,
    #[serde(flatten)]
    summary: SummaryRecord,
    #[serde(flatten)]
    client: ClientRecord,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    steps: Vec<Option<u32>>,
    expires_at: u64,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct SummaryRecord {
    started_at: u64,
    minutes: u32,
    outcome: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    score: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    worst: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mos: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    join_ms: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    media_ms: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    failure: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    relayed: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reconnects: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    restarts: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    freezes: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    freeze_ms: Option<u32>,
}

impl SummaryRecord {
    fn of(summary: &Summary) -> Self {
        Self {
            started_at: summary.started_at.millis(),
            minutes: summary.minutes,
            outcome: summary.outcome.word().to_owned(),
            score: hundredths(summary.score),
            worst: hundredths(summary.worst_score),
            mos: hundredths(summary.audio_mos),
            join_ms: summary.join_ms,
            media_ms: summary.media_ms,
            failure: summary.failure.clone(),
            relayed: summary.relayed,
            reconnects: summary.reconnects,
            restarts: summary.ice_restarts,
            freezes: summary.freezes,
            freeze_ms: summary.freeze_ms,
        }
    }

    fn into_summary(self) -> Result<Summary> {
        Ok(Summary {
            started_at: Timestamp::from_millis(self.started_at),
            minutes: self.minutes,
            score: measured(self.score),
            worst_score: measured(self.worst),
            audio_mos: measured(self.mos),
            join_ms: self.join_ms,
            media_ms: self.media_ms,
            outcome: Outcome::of(&self.outcome).ok_or(Malformed("outcome"))?,
            failure: self.failure,
            relayed: self.relayed,
            reconnects: self.reconnects,
            ice_restarts: self.restarts,
            freezes: self.freezes,
            freeze_ms: self.freeze_ms,
        })
    }
}

#[derive(Debug, Serialize, Deserialize)]
struct ClientRecord {
    #[serde(skip_serializing_if = "Option::is_none")]
    browser: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    os: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    device: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sdk: Option<String>,
}

impl ClientRecord {
    fn of(client: &Client) -> Self {
        Self {
            browser: client.browser.clone(),
            os: client.os.clone(),
            device: client.device.map(|device| device.word().to_owned()),
            sdk: client.sdk.clone(),
        }
    }

    fn into_client(self) -> Result<Client> {
        let device = word(self.device.as_deref(), Device::of)?;
        Ok(Client { browser: self.browser, os: self.os, device, sdk: self.sdk })
    }
}

impl RunRecord {
    pub(crate) fn of(list: &Listed, run: &Run, keep_until: Timestamp) -> Self {
        let Key { pk, sk } = keys::run(list, run.session, run.user, &run.run);
        let JoinSteps { token_ms, answer_ms, socket_ms, joined_ms, media_ms } = run.join;
        Self {
            pk,
            sk,
            session_name: run.name.as_str().to_owned(),
            room_name: run.room.as_ref().map(|room| room.as_str().to_owned()),
            username: run.username.as_str().to_owned(),
            identity: run.identity.as_ref().map(|identity| identity.as_str().to_owned()),
            run: run.run.clone(),
            place: place(run.last_minute, run.is_final),
            reported_at: run.reported_at.millis(),
            summary: SummaryRecord::of(&run.summary),
            client: ClientRecord::of(&run.client),
            steps: vec![token_ms, answer_ms, socket_ms, joined_ms, media_ms],
            expires_at: keep_until.seconds_up(),
        }
    }

    pub(crate) fn from_item(item: Item) -> Result<Self> {
        serde_dynamo::from_item(item).map_err(misfit)
    }

    pub(crate) fn into_run(self) -> Result<Run> {
        let (session, user) = keys::run_of(&self.sk).ok_or(Malformed("run"))?;
        let (last_minute, is_final) = of_place(self.place);
        let step = |place: usize| self.steps.get(place).copied().flatten();
        let [token_ms, answer_ms, socket_ms, joined_ms, media_ms] = [0, 1, 2, 3, 4].map(step);
        let room = self.room_name.as_deref().map(RoomName::kept).transpose();
        Ok(Run {
            session,
            name: SessionName::kept(&self.session_name).ok_or(Malformed("session name"))?,
            room: room.map_err(|_| Malformed("room"))?,
            user,
            username: Username::kept(&self.username).ok_or(Malformed("user name"))?,
            identity: kept_identity(self.identity.as_deref())?,
            run: self.run,
            last_minute,
            is_final,
            reported_at: Timestamp::from_millis(self.reported_at),
            summary: self.summary.into_summary()?,
            client: self.client.into_client()?,
            join: JoinSteps { token_ms, answer_ms, socket_ms, joined_ms, media_ms },
        })
    }
}
