//! What happened in a session, read from what one write made of an item: of the session itself, or of somebody's stay there.
//!
//! Whoever writes a change does not say what it means to the outside; this does, from how the item was before and after. So a
//! write that is told twice means the same both times, one that changed nothing means nothing, and no rule can forget to tell.

use std::time::Duration;

use crate::{
    Departure, Ending, Identity, Membership, Presence, Rights, Session, SessionId, SessionState, Timestamp, UserId,
    Username,
};

/// What can happen. Its names on the wire are in `protocol`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// A session was created.
    SessionCreated,
    /// The first connection of anybody joined.
    SessionStarted,
    /// Its name, its number of seats, or whether it is locked was changed.
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
    /// Another endpoint of the project was disabled, because it said that it is gone.
    WebhookDisabled,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 11] = [
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
        Self::WebhookDisabled,
    ];
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
            let changed = (&before.rights, &before.username) != (&after.rights, &after.username);
            changed.then_some(Kind::ParticipantUpdated)
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
}
