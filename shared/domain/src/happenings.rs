//! What happened in a session, read from what one write made of an item: of the session itself, or of somebody's stay there.
//!
//! Whoever writes a change does not say what it means to the outside; this does, from how the item was before and after. So a
//! write that is told twice means the same both times, one that changed nothing means nothing, and no rule can forget to tell.

use std::time::Duration;

use crate::recording::{Recording, RecordingStatus};
use crate::{
    Departure, Ending, Identity, Membership, MessageId, Presence, Rights, Sender, Session, SessionId, SessionState,
    Timestamp, UserId, Username,
};

/// What can happen. Its names on the wire are in `protocol`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// A session was created.
    SessionCreated,
    /// The first connection of anybody joined.
    SessionStarted,
    /// Its name, its number of seats, or whether it is locked or has a waiting room was changed.
    SessionUpdated,
    /// It ended.
    SessionEnded,
    /// The first connection of a stay joined.
    ParticipantJoined,
    /// The connection of a stay was lost; the seat is kept for the grace.
    ParticipantReconnecting,
    /// A connection joined again within the grace.
    ParticipantReconnected,
    /// The role, a permission or the name of somebody who had joined was changed.
    ParticipantUpdated,
    /// A stay that had joined is over.
    ParticipantLeft,
    /// A seat is free again that no connection ever joined.
    ParticipantAborted,
    /// Somebody waits to be admitted.
    ParticipantWaiting,
    /// Somebody who waited was admitted.
    ParticipantAdmitted,
    /// Somebody waits no longer, and was not admitted.
    ParticipantDenied,
    /// A chat message was written, in a session of a project that wants to know.
    MessageCreated,
    /// Somebody began to record themselves.
    RecordingStarted,
    /// The files of a recording are there.
    RecordingReady,
    /// No file could be made of a recording.
    RecordingFailed,
    /// Another endpoint of the project was disabled, because it said that it is gone.
    WebhookDisabled,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 18] = [
        Self::SessionCreated,
        Self::SessionStarted,
        Self::SessionUpdated,
        Self::SessionEnded,
        Self::ParticipantJoined,
        Self::ParticipantReconnecting,
        Self::ParticipantReconnected,
        Self::ParticipantUpdated,
        Self::ParticipantLeft,
        Self::ParticipantAborted,
        Self::ParticipantWaiting,
        Self::ParticipantAdmitted,
        Self::ParticipantDenied,
        Self::MessageCreated,
        Self::RecordingStarted,
        Self::RecordingReady,
        Self::RecordingFailed,
        Self::WebhookDisabled,
    ];
}

impl Kind {
    /// Whether only those endpoints hear of it that name it.
    pub const fn is_opt_in(self) -> bool {
        matches!(self, Self::MessageCreated)
    }
}

/// Why a stay or a session is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// They left.
    Left,
    /// The connection was lost, and nobody came back in time; or nobody came at all.
    Timeout,
    /// Their access was taken away.
    Removed,
    /// They waited, and were turned away.
    Denied,
    /// The session was ended by whoever may; for a stay, the session ended.
    Ended,
    /// The session stood empty.
    Empty,
    /// The session's longest time was over.
    MaxDuration,
    /// The account of the session's creator was deleted.
    Deleted,
}

/// One stay of somebody in a session, from the taking of a seat to its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stay {
    /// What names this stay: the same in everything that is told of it, and no other stay's.
    pub id: String,
    /// The session.
    pub session: SessionId,
    /// Who.
    pub user: UserId,
    /// Their name.
    pub username: Username,
    /// What their app calls them.
    pub identity: Option<Identity>,
    /// What they may do, as it is kept with the seat.
    pub rights: Rights,
    /// When the seat was taken.
    pub joined_at: Timestamp,
    /// When the first connection joined, if one has.
    pub connected_at: Option<Timestamp>,
    /// Whether the seat is still held.
    pub membership: Membership,
    /// Whether there is a connection.
    pub presence: Presence,
    /// Why the seat was freed, while the others still have to be told.
    pub departure: Option<Departure>,
}

/// What became of somebody who waited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// They were let in.
    Admitted,
    /// They were not: turned away, gave up, or died.
    Denied(Departure),
}

/// Somebody's waiting to be admitted, from the knock to what became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wait {
    /// The session.
    pub session: SessionId,
    /// Who.
    pub user: UserId,
    /// Their name.
    pub username: Username,
    /// What their app calls them.
    pub identity: Option<Identity>,
    /// Since when.
    pub since: Timestamp,
    /// What became of them, once that is known.
    pub outcome: Option<Outcome>,
}

impl Wait {
    /// Whether the two are of one knock: what was in the place before is another story.
    fn is_same(&self, other: &Self) -> bool {
        (self.user, self.since) == (other.user, other.since)
    }
}

/// A chat message, without its text: that goes with the chat, and is kept no longer than it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// The message.
    pub id: MessageId,
    /// The session.
    pub session: SessionId,
    /// Who wrote it.
    pub from: Sender,
    /// Whether it is to be told.
    pub is_told: bool,
}

/// How a session is after a write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionView {
    /// The session.
    pub session: Session,
    /// Why it ended, if it did.
    pub ending: Option<Ending>,
    /// The project that it belongs to.
    pub project: String,
}

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Happening {
    /// What.
    pub kind: Kind,
    /// When.
    pub at: Timestamp,
    /// Why, where something is over.
    pub reason: Option<Reason>,
    /// How long it lasted, where something is over: a stay from its first connection on, a session since its creation.
    pub lasted: Option<Duration>,
}

impl Happening {
    fn plain(kind: Kind, at: Timestamp) -> Self {
        Self { kind, at, reason: None, lasted: None }
    }

    fn over(kind: Kind, at: Timestamp, reason: Reason, since: Option<Timestamp>) -> Self {
        Self { kind, at, reason: Some(reason), lasted: since.map(|since| at.since(since)) }
    }

    /// That the session begins with this: the first connection of anybody.
    pub fn start(&self) -> Self {
        Self::plain(Kind::SessionStarted, self.at)
    }
}

/// What a write at `at` to somebody's stay means.
pub fn of_stay(before: Option<&Stay>, after: &Stay, at: Timestamp) -> Option<Happening> {
    // Whoever left and came back is there on a new stay: what was before is another story.
    let before = before.filter(|before| before.id == after.id);
    let was_seated = before.is_none_or(|before| before.membership == Membership::Seated);
    if after.membership != Membership::Seated {
        return was_seated.then(|| end_of(after, at));
    }
    match (before.filter(|before| before.connected_at.is_some()), after.connected_at) {
        (None, connected) => connected.map(|connected| Happening::plain(Kind::ParticipantJoined, connected)),
        (Some(before), _) => change_of(before, after).map(|kind| Happening::plain(kind, at)),
    }
}

/// What became of a stay that goes on.
fn change_of(before: &Stay, after: &Stay) -> Option<Kind> {
    match (before.presence, after.presence) {
        (Presence::Connected, Presence::Reconnecting) => Some(Kind::ParticipantReconnecting),
        (Presence::Reconnecting, Presence::Connected) => Some(Kind::ParticipantReconnected),
        _ => {
            let same = before.rights.look_as(after.rights) && before.username == after.username;
            (!same).then_some(Kind::ParticipantUpdated)
        }
    }
}

fn end_of(stay: &Stay, at: Timestamp) -> Happening {
    let reason = match (stay.membership, stay.departure) {
        (Membership::Ended, _) => Reason::Ended,
        (_, Some(Departure::Timeout)) => Reason::Timeout,
        (_, Some(Departure::Removed)) => Reason::Removed,
        (_, Some(Departure::Left) | None) => Reason::Left,
    };
    match stay.connected_at {
        Some(connected) => Happening::over(Kind::ParticipantLeft, at, reason, Some(connected)),
        None => Happening::over(Kind::ParticipantAborted, at, reason, None),
    }
}

/// What a write at `at` to a place in the waiting room means.
pub fn of_wait(before: Option<&Wait>, after: &Wait, at: Timestamp) -> Option<Happening> {
    let before = before.filter(|before| before.is_same(after));
    match (before.map(|before| before.outcome), after.outcome) {
        (None, None) => Some(Happening::plain(Kind::ParticipantWaiting, after.since)),
        (Some(None), Some(Outcome::Admitted)) => Some(Happening::plain(Kind::ParticipantAdmitted, at)),
        (Some(None), Some(Outcome::Denied(why))) => {
            let reason = match why {
                Departure::Left => Reason::Left,
                Departure::Timeout => Reason::Timeout,
                Departure::Removed => Reason::Denied,
            };
            Some(Happening::over(Kind::ParticipantDenied, at, reason, None))
        }
        (Some(None), None) | (Some(Some(_)) | None, Some(_)) | (Some(Some(_)), None) => None,
    }
}

/// What a write to a chat message means.
pub fn of_message(before: Option<&Written>, after: &Written) -> Option<Happening> {
    let was_told = before.is_some_and(|before| before.is_told);
    (after.is_told && !was_told).then(|| Happening::plain(Kind::MessageCreated, after.id.timestamp()))
}

/// What a write at `at` to a recording means.
pub fn of_recording(before: Option<&Recording>, after: &Recording, at: Timestamp) -> Option<Happening> {
    let kind = match (before.map(|before| before.status), after.status) {
        (None, RecordingStatus::Active) => Kind::RecordingStarted,
        (Some(RecordingStatus::Composing), RecordingStatus::Ready) => Kind::RecordingReady,
        (Some(RecordingStatus::Composing), RecordingStatus::Failed) => Kind::RecordingFailed,
        _ => return None,
    };
    Some(Happening::plain(kind, at))
}

/// What a write at `at` to a session itself means.
pub fn of_session(before: Option<&SessionView>, after: &SessionView, at: Timestamp) -> Option<Happening> {
    let Some(before) = before else {
        return Some(Happening::plain(Kind::SessionCreated, after.session.created_at));
    };
    match (before.session.state, after.session.state) {
        (SessionState::Active, SessionState::Ended(ended)) => {
            let reason = match after.ending {
                Some(Ending::Empty) => Reason::Empty,
                Some(Ending::MaxDuration) => Reason::MaxDuration,
                Some(Ending::CreatorDeleted) => Reason::Deleted,
                Some(Ending::EndedByCreator) | None => Reason::Ended,
            };
            Some(Happening::over(Kind::SessionEnded, ended, reason, Some(after.session.created_at)))
        }
        (SessionState::Active, SessionState::Active) if differs(&before.session, &after.session) => {
            Some(Happening::plain(Kind::SessionUpdated, at))
        }
        _ => None,
    }
}

/// Whether something of it changed that its users chose.
fn differs(before: &Session, after: &Session) -> bool {
    before.name != after.name
        || before.max_participants != after.max_participants
        || before.controls.locked != after.controls.locked
        || before.controls.waiting_room != after.controls.waiting_room
}
