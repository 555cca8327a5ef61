//! A seat in a session, and who is believed to sit on it.

use crate::{ConnectionId, Departure, FamilyId, Identity, Rights, SessionId, Timestamp, UserId, Username};
use std::time::Duration;

/// What others see of a participant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Presence {
    /// Joined over REST; no connection has joined yet.
    Disconnected,
    /// A connection has joined.
    Connected,
    /// The connection was lost; the seat is kept for the grace.
    Reconnecting,
}

/// Who sends something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sender {
    /// The user.
    pub user_id: UserId,
    /// Their name.
    pub username: Username,
    /// What the app calls its user; an account has none.
    pub identity: Option<Identity>,
}

/// Whether a participant still belongs to the session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Membership {
    /// Holds a seat.
    Seated,
    /// Left, was removed, or timed out.
    Left,
    /// Held a seat when the session ended.
    Ended,
}

/// What the others still have to be told of a participant.
///
/// It is written in one step with what happened, and cleared after the others were told. So a function that dies between
/// the two leaves it to whoever comes by next: a retry, the end of a lease, the sweep.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Untold {
    /// That they are here: from the taking of the seat until the first connection has joined and was announced.
    Join,
    /// That something about them is not as it was, by a join with another access.
    Change,
    /// That they left, and why.
    Departure(Departure),
}

/// An attempt that is being told what was missed, in order, before anything new reaches it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CatchingUp {
    /// The attempt's number.
    pub attempt: u64,
    /// The attempt's connection.
    pub connection: ConnectionId,
    /// How many frames have come to wait since it began.
    pub waiting: u64,
}

/// One user's seat in one session.
///
/// Presence is a lease: each status has a time by which the participant must show life, the first connect
/// after joining, the next frame while connected, the return while reconnecting.
///
/// Who counts as there depends on the question:
///
/// | question | true for |
/// |---|---|
/// | [`holds_seat`](Self::holds_seat) | `Seated`, on whatever lease |
/// | [`takes_part`](Self::takes_part) | `Seated`, and `Ended`: may read the chat of a session that is over |
/// | [`is_present`](Self::is_present) | `Seated` and the lease runs: what rosters show and signals reach |
/// | [`is_on`](Self::is_on) | that connection is the live one |
/// | [`Roster::seated`](crate::Roster::seated) | the participant of a user, if it `holds_seat` |
/// | [`Roster::present`](crate::Roster::present) | everybody who `is_present` |
/// | [`Roster::connected`](crate::Roster::connected) | the live connections of everybody who `is_present` |
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Participant {
    /// The session.
    pub session_id: SessionId,
    /// The user.
    pub user_id: UserId,
    /// The user's name.
    pub username: Username,
    /// What the app calls its user; an account has none.
    pub identity: Option<Identity>,
    /// When the seat was taken.
    pub joined_at: Timestamp,
    /// When the first connection joined, if one has.
    pub connected_at: Option<Timestamp>,
    /// Whether something is said of them that the others are told with their coming: by their token, or on an earlier stay.
    pub introduced: bool,
    /// Whether the seat is still held.
    pub membership: Membership,
    /// What others see.
    pub presence: Presence,
    /// The live connection, if there is one.
    pub connection: Option<ConnectionId>,
    /// The login behind the live connection.
    pub family: Option<FamilyId>,
    /// The newest attempt that took the participant over; attempts only grow.
    pub attempt: u64,
    /// The newest attempt that a ticket was given for.
    pub tickets: u64,
    /// Connections that once held the participant and are not known to be closed.
    pub unfenced: Vec<ConnectionId>,
    /// When the participant counts as gone.
    pub lease_until: Timestamp,
    /// The end of the lease that ran when something may first have been missed; nothing once a replay was complete.
    pub unheard: Option<Timestamp>,
    /// The attempt that is being told what was missed before it becomes the live connection, and how much came to wait meanwhile.
    pub catching_up: Option<CatchingUp>,
    /// What the others still have to be told.
    pub untold: Option<Untold>,
    /// Whether the microphone is off.
    pub is_muted: bool,
    /// Whether the camera is on.
    pub is_video_enabled: bool,
    /// Whether they record themselves.
    pub is_recording: bool,
    /// What the participant may do.
    pub rights: Rights,
}

impl Participant {
    /// Whether the seat is held, on whatever lease.
    pub fn holds_seat(&self) -> bool {
        self.membership == Membership::Seated
    }

    /// Whether the seat is held, or was when the session ended.
    pub fn takes_part(&self) -> bool {
        match self.membership {
            Membership::Seated | Membership::Ended => true,
            Membership::Left => false,
        }
    }

    /// Whether the seat is held and the lease runs.
    pub fn is_present(&self, now: Timestamp) -> bool {
        self.holds_seat() && self.lease_until > now
    }

    /// Whether the others still have to be told that this participant left.
    pub fn has_untold_departure(&self) -> bool {
        self.membership == Membership::Left && matches!(self.untold, Some(Untold::Departure(_)))
    }

    /// From when on something may have been missed: the last sign of life before that, by the lease that it gave, and not before
    /// the seat was taken. Who never had a connection has heard nothing.
    pub fn heard_until(&self, lease: Duration) -> Timestamp {
        match self.presence {
            Presence::Disconnected => self.joined_at,
            Presence::Connected | Presence::Reconnecting => {
                self.unheard.unwrap_or(self.lease_until).minus(lease).max(self.joined_at)
            }
        }
    }

    /// Whether that connection is the live one.
    pub fn is_on(&self, connection: &ConnectionId) -> bool {
        self.connection.as_ref() == Some(connection)
    }
}
