//! What clients report of calls, as it is kept: the words for call quality. The rules are in `quality` and `analytics`.

use std::collections::BTreeSet;

use crate::{Identity, ProjectId, RoomName, Session, SessionId, SessionName, Timestamp, UserId, Username};

/// A number that was measured, in hundredths: a score, a share, a time or a rate.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Measured(u32);

impl Measured {
    /// So many hundredths.
    pub const fn of_hundredths(hundredths: u32) -> Self {
        Self(hundredths)
    }

    /// The nearest hundredth; 0 for what is below it.
    pub fn nearest(value: f64) -> Self {
        Self((value * 100.0).round() as u32)
    }

    /// In hundredths.
    pub const fn hundredths(self) -> u32 {
        self.0
    }

    /// As a number.
    pub fn value(self) -> f64 {
        f64::from(self.0) / 100.0
    }
}

/// Enums with a word for each variant, which clients write and the table keeps.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$about:meta])* $variant:ident => $word:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum $name {
            $($(#[$about])* $variant),+
        }

        impl $name {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// The word for it.
            pub const fn word(self) -> &'static str {
                match self {
                    $(Self::$variant => $word),+
                }
            }

            /// What the word stands for.
            pub fn of(word: &str) -> Option<Self> {
                match word {
                    $($word => Some(Self::$variant),)+
                    _ => None,
                }
            }
        }
    };
}

pub(crate) use words;

words!(/// What a client runs on.
Device {
    /// A computer.
    Desktop => "desktop",
    /// A phone.
    Phone => "phone",
    /// A tablet.
    Tablet => "tablet",
    /// Something else.
    Other => "other",
});

words!(/// How a run came out.
Outcome {
    /// Media of somebody came.
    Connected => "connected",
    /// Nobody else was there.
    Alone => "alone",
    /// Somebody was there, and no media came, or the join failed.
    Failed => "failed",
});

words!(/// The type of the local ICE candidate in use (RFC 8445, section 5.1.1).
Candidate {
    /// An address of the machine.
    Host => "host",
    /// The address that a STUN server saw.
    Srflx => "srflx",
    /// The address that the peer saw.
    Prflx => "prflx",
    /// A TURN server's.
    Relay => "relay",
});

words!(/// By what media travels; to the TURN server, where there is one.
Transport {
    /// UDP.
    Udp => "udp",
    /// TCP.
    Tcp => "tcp",
    /// TLS over TCP.
    Tls => "tls",
});

words!(/// What kept the quality of sent video down.
LimitedBy {
    /// Nothing.
    Nothing => "none",
    /// The line.
    Bandwidth => "bandwidth",
    /// The processor.
    Cpu => "cpu",
    /// Something else.
    Other => "other",
});

words!(/// What happened to a client.
Happened {
    /// It joined.
    Joined => "joined",
    /// It left.
    Left => "left",
    /// Its connection was lost.
    Reconnecting => "reconnecting",
    /// It has a connection again.
    Reconnected => "reconnected",
    /// The microphone was switched off.
    Muted => "muted",
    /// The microphone was switched on.
    Unmuted => "unmuted",
    /// The camera was switched off.
    CameraOff => "cameraOff",
    /// The camera was switched on.
    CameraOn => "cameraOn",
    /// A screen was shown.
    ScreenOn => "screenOn",
    /// A screen was shown no more.
    ScreenOff => "screenOff",
    /// ICE began anew with a peer.
    IceRestart => "iceRestart",
    /// Another microphone, camera or loudspeaker.
    DeviceChanged => "deviceChanged",
    /// The page went into the background.
    Hidden => "hidden",
    /// The page came to the front.
    Visible => "visible",
    /// Quality was kept down by the line or the processor.
    Limited => "limited",
});

/// What one client saw in one minute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// The start of the minute, in UTC.
    pub minute: Timestamp,
    /// One run of the client in this session: 1-64 characters.
    pub run: String,
    /// Whether it is the run's last one.
    pub is_final: bool,
    /// The worst peer's score, 1.00-5.00; none where nobody else was there.
    pub score: Option<Measured>,
    /// The whole run until then.
    pub summary: Summary,
    /// What the client is, as far as it says.
    pub client: Client,
    /// How long the steps of joining took.
    pub join: JoinSteps,
    /// What happened in that minute.
    pub events: Vec<CallEvent>,
    /// What was seen of each peer.
    pub peers: Vec<Peer>,
}

/// A whole run of a client, until its newest report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    /// When it began.
    pub started_at: Timestamp,
    /// How many minutes were reported.
    pub minutes: u32,
    /// The mean score.
    pub score: Option<Measured>,
    /// The worst minute's score.
    pub worst_score: Option<Measured>,
    /// The mean opinion score of audio by the E-model (ITU-T G.107).
    pub audio_mos: Option<Measured>,
    /// From the call of join until joined, in ms.
    pub join_ms: Option<u32>,
    /// From the call of join until the first media of somebody, in ms.
    pub media_ms: Option<u32>,
    /// How it came out.
    pub outcome: Outcome,
    /// An error's code.
    pub failure: Option<String>,
    /// Whether media went over a TURN server.
    pub relayed: Option<bool>,
    /// How often the connection came back.
    pub reconnects: Option<u32>,
    /// How often ICE began anew.
    pub ice_restarts: Option<u32>,
    /// How often video stood still.
    pub freezes: Option<u32>,
    /// For how long together, in ms.
    pub freeze_ms: Option<u32>,
}

/// What a client is, coarsely.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Client {
    /// The browser and its version, at most 40 characters.
    pub browser: Option<String>,
    /// The operating system, at most 40 characters.
    pub os: Option<String>,
    /// What it runs on.
    pub device: Option<Device>,
    /// The SDK's version, at most 20 characters.
    pub sdk: Option<String>,
}

/// The steps of joining, each in ms from the start of the join.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct JoinSteps {
    /// The token was there.
    pub token_ms: Option<u32>,
    /// The join was answered.
    pub answer_ms: Option<u32>,
    /// The socket was open.
    pub socket_ms: Option<u32>,
    /// The session was joined.
    pub joined_ms: Option<u32>,
    /// The first media of somebody came.
    pub media_ms: Option<u32>,
}

/// Something that happened to a client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallEvent {
    /// When, by the client's clock.
    pub at: Timestamp,
    /// What.
    pub kind: Happened,
    /// More about it, at most 100 characters.
    pub detail: Option<String>,
}

/// What a client saw of one peer in a minute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Peer {
    /// Who.
    pub user: UserId,
    /// 1.00-5.00
    pub score: Option<Measured>,
    /// Over which kind of address.
    pub candidate: Option<Candidate>,
    /// By what.
    pub protocol: Option<Transport>,
    /// The round trip, in ms.
    pub rtt_ms: Option<Measured>,
    /// What the line is believed to carry, in kbit/s.
    pub available_kbps: Option<Measured>,
    /// Sound.
    pub audio: Audio,
    /// Pictures.
    pub video: Video,
}

/// Sound to and from a peer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Audio {
    /// Mean opinion score, 1.00-5.00.
    pub mos: Option<Measured>,
    /// In ms.
    pub jitter_ms: Option<Measured>,
    /// Packets lost on the way here, in percent.
    pub loss_percent: Option<Measured>,
    /// Samples made up for what was missing, in percent.
    pub concealed_percent: Option<Measured>,
    /// From the peer, in kbit/s.
    pub in_kbps: Option<Measured>,
    /// To the peer, in kbit/s.
    pub out_kbps: Option<Measured>,
    /// At most 20 characters.
    pub codec: Option<String>,
}

/// Pictures to and from a peer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Video {
    /// Frames from the peer in a second.
    pub fps: Option<Measured>,
    /// In pixels.
    pub width: Option<u32>,
    /// In pixels.
    pub height: Option<u32>,
    /// How often it stood still.
    pub freezes: Option<u32>,
    /// For how long together, in ms.
    pub freeze_ms: Option<u32>,
    /// Packets lost on the way here, in percent.
    pub loss_percent: Option<Measured>,
    /// From the peer, in kbit/s.
    pub in_kbps: Option<Measured>,
    /// To the peer, in kbit/s.
    pub out_kbps: Option<Measured>,
    /// At most 20 characters.
    pub codec: Option<String>,
    /// What kept down what is sent to the peer.
    pub limited_by: Option<LimitedBy>,
}

/// One run of one participant, as its newest report has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// The session.
    pub session: SessionId,
    /// The session's name then.
    pub name: SessionName,
    /// The app's name of it, if it has one.
    pub room: Option<RoomName>,
    /// Who took part.
    pub user: UserId,
    /// Their name.
    pub username: Username,
    /// What the app calls its user; an account has none.
    pub identity: Option<Identity>,
    /// Which run of their client.
    pub run: String,
    /// The newest minute.
    pub last_minute: Timestamp,
    /// Whether that was the last report.
    pub is_final: bool,
    /// When it came.
    pub reported_at: Timestamp,
    /// The whole run until then.
    pub summary: Summary,
    /// What the client is.
    pub client: Client,
    /// How long the steps of joining took.
    pub join: JoinSteps,
}

/// In which list a call stands.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Listed {
    /// Of those that this account hosts.
    Host(UserId),
    /// Of a project.
    Project(ProjectId),
}

impl Listed {
    /// Every list that a session's calls stand in: its host's if that is an account, and its project's.
    pub fn of(session: &Session) -> Vec<Self> {
        let host = session.is_hosted_by(session.creator_id).then_some(Self::Host(session.creator_id));
        host.into_iter().chain([Self::Project(session.project.clone())]).collect()
    }
}

/// Whether a report names a peer twice.
pub fn names_a_peer_twice(peers: &[Peer]) -> bool {
    let different: BTreeSet<_> = peers.iter().map(|peer| peer.user).collect();
    different.len() < peers.len()
}
