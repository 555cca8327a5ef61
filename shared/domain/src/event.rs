//! What the server tells clients on its own, and the port that puts it into words.

use crate::about::About;
use crate::data::{Data, Rpc, RpcAnswer};
use crate::ports::{ChatMessage, Knock, Spoken};
use crate::recording::Recording;
use crate::{Identity, Participant, Sender, Session, SessionId, Timestamp, UserId, Username};

/// An encoded event, ready to be pushed and to be kept in an inbox.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Frame(pub String);

impl std::fmt::Debug for Frame {
    /// A frame may hold an SDP or a chat text, so only its size shows.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Frame({} bytes)", self.0.len())
    }
}

/// Why somebody left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Departure {
    /// They said so.
    Left,
    /// Their lease ran out.
    Timeout,
    /// Their access was taken away.
    Removed,
}

/// Why a session ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// Its creator ended it.
    EndedByCreator,
    /// It stood empty.
    Empty,
    /// Its longest time was over.
    MaxDuration,
    /// Its creator's account was deleted.
    CreatorDeleted,
}

/// A kind of track.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MediaKind {
    /// The microphone.
    Audio,
    /// The camera.
    Video,
    /// The screen.
    Screen,
}

/// An event that is not a signal. Signals come encoded, because the server passes them on untouched.
#[derive(Debug, Clone)]
pub enum Event<'a> {
    /// Somebody's first connection has joined.
    UserJoined(&'a Participant),
    /// Somebody's seat is free.
    UserLeft {
        /// Who.
        user_id: UserId,
        /// Their name.
        username: &'a Username,
        /// What their app calls them.
        identity: Option<&'a Identity>,
        /// Why.
        reason: Departure,
    },
    /// Somebody's presence, microphone or camera changed.
    UserStatusUpdated(&'a Participant),
    /// Somebody's role or permissions changed, or what they say of themselves.
    ParticipantUpdated {
        /// Who.
        participant: &'a Participant,
        /// What they say, where that is what changed.
        about: Option<&'a About>,
    },
    /// The session's settings changed.
    SessionUpdated(&'a Session),
    /// Somebody who steers the session asks for a track to be switched off.
    MuteRequested {
        /// Which.
        kind: MediaKind,
        /// Who asks; nobody where the app itself does.
        by: Option<UserId>,
    },
    /// Somebody waits to be admitted; for those who steer the session.
    ParticipantWaiting(&'a Knock),
    /// Somebody who waited was admitted; for them and for those who steer the session.
    Admitted(&'a Knock),
    /// Somebody waits no more, and was not admitted; for them and for those who steer the session.
    Denied {
        /// Who.
        knock: &'a Knock,
        /// Why: they were turned away, gave up, or died.
        reason: Departure,
        /// When they may knock again; said to them alone.
        until: Option<Timestamp>,
    },
    /// The receiver was taken out of the session.
    Removed {
        /// When they may come back, if there is such a time.
        banned_until: Option<Timestamp>,
    },
    /// Data of somebody, or of the app itself.
    ReceiveData(&'a Data),
    /// Somebody calls a procedure of the receiver's client.
    ReceiveRpc(&'a Rpc),
    /// The answer to a call of the receiver's.
    ReceiveRpcAnswer(&'a RpcAnswer),
    /// A chat message.
    ReceiveMessage(&'a ChatMessage),
    /// What somebody says.
    ReceiveCaption {
        /// The text, who says it, and what their client calls it.
        said: &'a ChatMessage,
        /// In which language, and since when.
        spoken: &'a Spoken,
        /// Whether it stays like that. What is not final is replaced by what comes next under the same name.
        is_final: bool,
    },
    /// Somebody began to record themselves.
    RecordingStarted(&'a Recording),
    /// They do not any more.
    RecordingStopped(&'a Recording),
    /// Its files are there, or cannot be made.
    RecordingReady(&'a Recording),
    /// Everybody is asked to record themselves, or not to any more.
    RecordingRequested {
        /// Where.
        session: SessionId,
        /// Whether they are to record.
        wanted: bool,
        /// How often that was asked: of two that overtake each other, the one with the larger number counts.
        count: u64,
        /// Who asks; nobody where the app itself does.
        by: Option<&'a Sender>,
    },
    /// The session is over.
    SessionEnded(Ending),
    /// A newer connection took over.
    Replaced,
}

/// Puts events into the words of the wire.
pub trait EventEncoder: Send + Sync {
    /// Encodes one event that happened at `at`.
    fn encode(&self, event: &Event<'_>, at: Timestamp) -> Frame;
}
