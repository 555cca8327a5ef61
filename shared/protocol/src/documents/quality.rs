//! The schema of a report of call quality. The parser is `crate::quality`.

#![expect(dead_code, reason = "the fields are there for their schemas")]

use schemars::JsonSchema;
use serde::Serialize;

/// A user: an account's UUID of version 7, or one of version 8 of an app's user.
const USER_ID: &str = "^[0-9a-f]{8}-[0-9a-f]{4}-[78][0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}$";

/// What one client saw of a call in one minute. Whatever was not measured is left out: absent is not zero.
#[derive(JsonSchema, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CallReport {
    /// The start of the minute, in UTC: at most 15 minutes ago.
    #[schemars(extend("format" = "date-time"))]
    minute: String,
    /// One run of the client in this session. The same run and minute again replaces what was said of it.
    #[schemars(length(min = 1, max = 64))]
    run: String,
    /// How scores were made.
    #[schemars(range(min = 1, max = 1))]
    score_version: u8,
    /// Whether it is the run's last report; false if not given.
    #[serde(rename = "final", skip_serializing_if = "Option::is_none")]
    is_final: Option<bool>,
    /// The worst peer's score of this minute; absent where nobody else was there.
    #[schemars(range(min = 1.0, max = 5.0))]
    #[serde(skip_serializing_if = "Option::is_none")]
    score: Option<f64>,
    /// The whole run until now, so that the newest report says everything.
    summary: CallSummary,
    /// What the client is.
    #[serde(skip_serializing_if = "Option::is_none")]
    client: Option<CallClient>,
    /// How long the steps of joining took.
    #[serde(skip_serializing_if = "Option::is_none")]
    join: Option<CallJoin>,
    /// What happened in that minute.
    #[schemars(length(max = 60))]
    #[serde(skip_serializing_if = "Option::is_none")]
    events: Option<Vec<CallEvent>>,
    /// What was seen of each peer, each of them once.
    #[schemars(length(max = 49))]
    #[serde(skip_serializing_if = "Option::is_none")]
    peers: Option<Vec<CallPeer>>,
}

/// A whole run of a client, until its newest report.
#[derive(JsonSchema, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CallSummary {
    /// When the run began.
    #[schemars(extend("format" = "date-time"))]
    started_at: String,
    /// How many minutes were reported, this one too.
    #[schemars(range(min = 0, max = 100_000))]
    minutes: u32,
    /// The mean score.
    #[schemars(range(min = 1.0, max = 5.0))]
    #[serde(skip_serializing_if = "Option::is_none")]
    score: Option<f64>,
    /// The worst minute's score.
    #[schemars(range(min = 1.0, max = 5.0))]
    #[serde(skip_serializing_if = "Option::is_none")]
    worst_score: Option<f64>,
    /// The mean opinion score of audio.
    #[schemars(range(min = 1.0, max = 5.0))]
    #[serde(skip_serializing_if = "Option::is_none")]
    audio_mos: Option<f64>,
    /// From the call of join until joined.
    #[schemars(range(min = 0.0, max = 3_600_000.0))]
    #[serde(skip_serializing_if = "Option::is_none")]
    join_ms: Option<f64>,
    /// From the call of join until the first media of somebody.
    #[schemars(range(min = 0.0, max = 3_600_000.0))]
    #[serde(skip_serializing_if = "Option::is_none")]
    media_ms: Option<f64>,
    /// How it came out.
    outcome: CallOutcome,
    /// An error's code.
    #[schemars(length(max = 64))]
    #[serde(skip_serializing_if = "Option::is_none")]
    failure: Option<String>,
    /// Whether media went over a TURN server.
    #[serde(skip_serializing_if = "Option::is_none")]
    relayed: Option<bool>,
    /// How often the connection came back.
    #[schemars(range(min = 0, max = 100_000))]
    #[serde(skip_serializing_if = "Option::is_none")]
    reconnects: Option<u32>,
    /// How often ICE began anew.
    #[schemars(range(min = 0, max = 100_000))]
    #[serde(skip_serializing_if = "Option::is_none")]
    ice_restarts: Option<u32>,
    /// How often video stood still.
    #[schemars(range(min = 0, max = 100_000))]
    #[serde(skip_serializing_if = "Option::is_none")]
    freezes: Option<u32>,
    /// For how long together.
    #[schemars(range(min = 0.0, max = 3_600_000.0))]
    #[serde(skip_serializing_if = "Option::is_none")]
    freeze_ms: Option<f64>,
}

/// How a run came out.
#[derive(JsonSchema, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum CallOutcome {
    /// Media of somebody came.
    Connected,
    /// Nobody else was there.
    Alone,
    /// Somebody was there, and no media came, or the join failed.
    Failed,
}

/// What a client is, coarsely.
#[derive(JsonSchema, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CallClient {
    /// The browser and its version.
    #[schemars(length(max = 40))]
    #[serde(skip_serializing_if = "Option::is_none")]
    browser: Option<String>,
    /// The operating system.
    #[schemars(length(max = 40))]
    #[serde(skip_serializing_if = "Option::is_none")]
    os: Option<String>,
    /// What it runs on.
    #[serde(skip_serializing_if = "Option::is_none")]
    device: Option<CallDevice>,
    /// The SDK's version.
    #[schemars(length(max = 20))]
    #[serde(skip_serializing_if = "Option::is_none")]
    sdk: Option<String>,
}

/// What a client runs on.
#[derive(JsonSchema, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum CallDevice {
    /// A computer.
    Desktop,
    /// A phone.
    Phone,
    /// A tablet.
    Tablet,
    /// Something else.
    Other,
}

/// The steps of joining, each in ms from the start of the join.
#[derive(JsonSchema, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CallJoin {
    /// The token was there.
    #[schemars(range(min = 0.0, max = 3_600_000.0))]
    #[serde(skip_serializing_if = "Option::is_none")]
    token_ms: Option<f64>,
    /// The join was answered.
    #[schemars(range(min = 0.0, max = 3_600_000.0))]
    #[serde(skip_serializing_if = "Option::is_none")]
    answer_ms: Option<f64>,
    /// The socket was open.
    #[schemars(range(min = 0.0, max = 3_600_000.0))]
    #[serde(skip_serializing_if = "Option::is_none")]
    socket_ms: Option<f64>,
    /// The session was joined.
    #[schemars(range(min = 0.0, max = 3_600_000.0))]
    #[serde(skip_serializing_if = "Option::is_none")]
    joined_ms: Option<f64>,
    /// The first media of somebody came.
    #[schemars(range(min = 0.0, max = 3_600_000.0))]
    #[serde(skip_serializing_if = "Option::is_none")]
    media_ms: Option<f64>,
}

/// Something that happened to a client.
#[derive(JsonSchema, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CallEvent {
    /// When, by the client's clock: near the minute.
    #[schemars(extend("format" = "date-time"))]
    at: String,
    /// What.
    kind: CallEventKind,
    /// More about it.
    #[schemars(length(max = 100))]
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
}

/// What happens to clients.
#[derive(JsonSchema, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum CallEventKind {
    /// It joined.
    Joined,
    /// It left.
    Left,
    /// Its connection was lost.
    Reconnecting,
    /// It has a connection again.
    Reconnected,
    /// The microphone was switched off.
    Muted,
    /// The microphone was switched on.
    Unmuted,
    /// The camera was switched off.
    CameraOff,
    /// The camera was switched on.
    CameraOn,
    /// A screen was shown.
    ScreenOn,
    /// A screen was shown no more.
    ScreenOff,
    /// ICE began anew with a peer.
    IceRestart,
    /// Another microphone, camera or loudspeaker.
    DeviceChanged,
    /// The page went into the background.
    Hidden,
    /// The page came to the front.
    Visible,
    /// Quality was kept down by the line or the processor.
    Limited,
}

/// What a client saw of one peer.
#[derive(JsonSchema, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CallPeer {
    /// Who.
    #[schemars(regex(pattern = USER_ID), extend("format" = "uuid"))]
    user_id: String,
    /// The score of this minute.
    #[schemars(range(min = 1.0, max = 5.0))]
    #[serde(skip_serializing_if = "Option::is_none")]
    score: Option<f64>,
    /// The type of the local ICE candidate in use.
    #[serde(skip_serializing_if = "Option::is_none")]
    candidate: Option<CallCandidate>,
    /// By what media travels; to the TURN server, where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    protocol: Option<CallTransport>,
    /// The round trip, in ms.
    #[schemars(range(min = 0.0, max = 3_600_000.0))]
    #[serde(skip_serializing_if = "Option::is_none")]
    rtt_ms: Option<f64>,
    /// What the line is believed to carry, in kbit/s.
    #[schemars(range(min = 0.0, max = 1_000_000.0))]
    #[serde(skip_serializing_if = "Option::is_none")]
    available_kbps: Option<f64>,
    /// Sound.
    #[serde(skip_serializing_if = "Option::is_none")]
    audio: Option<CallAudio>,
    /// Pictures.
    #[serde(skip_serializing_if = "Option::is_none")]
    video: Option<CallVideo>,
}

/// The types of ICE candidates (RFC 8445, section 5.1.1).
#[derive(JsonSchema, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum CallCandidate {
    /// An address of the machine.
    Host,
    /// The address that a STUN server saw.
    Srflx,
    /// The address that the peer saw.
    Prflx,
    /// A TURN server's.
    Relay,
}

/// By what media travels.
#[derive(JsonSchema, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum CallTransport {
    /// UDP.
    Udp,
    /// TCP.
    Tcp,
    /// TLS over TCP.
    Tls,
}

/// Sound to and from a peer.
#[derive(JsonSchema, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CallAudio {
    /// Mean opinion score.
    #[schemars(range(min = 1.0, max = 5.0))]
    #[serde(skip_serializing_if = "Option::is_none")]
    mos: Option<f64>,
    /// In ms.
    #[schemars(range(min = 0.0, max = 3_600_000.0))]
    #[serde(skip_serializing_if = "Option::is_none")]
    jitter_ms: Option<f64>,
    /// Packets lost on the way here.
    #[schemars(range(min = 0.0, max = 100.0))]
    #[serde(skip_serializing_if = "Option::is_none")]
    loss_percent: Option<f64>,
    /// Samples made up for what was missing.
    #[schemars(range(min = 0.0, max = 100.0))]
    #[serde(skip_serializing_if = "Option::is_none")]
    concealed_percent: Option<f64>,
    /// From the peer, in kbit/s.
    #[schemars(range(min = 0.0, max = 1_000_000.0))]
    #[serde(skip_serializing_if = "Option::is_none")]
    in_kbps: Option<f64>,
    /// To the peer, in kbit/s.
    #[schemars(range(min = 0.0, max = 1_000_000.0))]
    #[serde(skip_serializing_if = "Option::is_none")]
    out_kbps: Option<f64>,
    /// The codec's name.
    #[schemars(length(max = 20))]
    #[serde(skip_serializing_if = "Option::is_none")]
    codec: Option<String>,
}

/// Pictures to and from a peer.
#[derive(JsonSchema, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CallVideo {
    /// Frames from the peer in a second.
    #[schemars(range(min = 0.0, max = 300.0))]
    #[serde(skip_serializing_if = "Option::is_none")]
    fps: Option<f64>,
    /// In pixels.
    #[schemars(range(min = 0, max = 16_384))]
    #[serde(skip_serializing_if = "Option::is_none")]
    width: Option<u16>,
    /// In pixels.
    #[schemars(range(min = 0, max = 16_384))]
    #[serde(skip_serializing_if = "Option::is_none")]
    height: Option<u16>,
    /// How often it stood still.
    #[schemars(range(min = 0, max = 100_000))]
    #[serde(skip_serializing_if = "Option::is_none")]
    freezes: Option<u32>,
    /// For how long together.
    #[schemars(range(min = 0.0, max = 3_600_000.0))]
    #[serde(skip_serializing_if = "Option::is_none")]
    freeze_ms: Option<f64>,
    /// Packets lost on the way here.
    #[schemars(range(min = 0.0, max = 100.0))]
    #[serde(skip_serializing_if = "Option::is_none")]
    loss_percent: Option<f64>,
    /// From the peer, in kbit/s.
    #[schemars(range(min = 0.0, max = 1_000_000.0))]
    #[serde(skip_serializing_if = "Option::is_none")]
    in_kbps: Option<f64>,
    /// To the peer, in kbit/s.
    #[schemars(range(min = 0.0, max = 1_000_000.0))]
    #[serde(skip_serializing_if = "Option::is_none")]
    out_kbps: Option<f64>,
    /// The codec's name.
    #[schemars(length(max = 20))]
    #[serde(skip_serializing_if = "Option::is_none")]
    codec: Option<String>,
    /// What kept down what is sent to the peer.
    #[serde(skip_serializing_if = "Option::is_none")]
    limited_by: Option<CallLimit>,
}

/// What keeps sent video down.
#[derive(JsonSchema, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum CallLimit {
    /// Nothing.
    None,
    /// The line.
    Bandwidth,
    /// The processor.
    Cpu,
    /// Something else.
    Other,
}
