//! What a session's waiting room needs from storage.

pub use crate::happenings::Outcome;
use crate::{ConnectionId, Identity, Person, Result, SessionId, Timestamp, UserId, Username};

/// So many can wait at the same time.
pub const WAITING_PLACES: u8 = 50;

/// Somebody who waits to be admitted. They hold no seat, and nobody sees them but those who steer the session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Knock {
    /// The session.
    pub session: SessionId,
    /// Their place, below [`WAITING_PLACES`].
    pub place: u8,
    /// Who.
    pub user_id: UserId,
    /// Their name.
    pub username: Username,
    /// What the app calls its user; an account has none.
    pub identity: Option<Identity>,
    /// Since when they wait.
    pub since: Timestamp,
    /// Where they are told what was decided, once a connection has shown itself.
    pub connection: Option<ConnectionId>,
    /// Until when they are believed to be there.
    pub lease_until: Timestamp,
}

impl Knock {
    /// Of somebody who knocks now.
    pub fn new(session: SessionId, place: u8, person: &Person, since: Timestamp, lease_until: Timestamp) -> Self {
        Self {
            session,
            place,
            user_id: person.user_id,
            username: person.username.clone(),
            identity: person.identity.clone(),
            since,
            connection: None,
            lease_until,
        }
    }
}

/// What must not have changed for a place to be emptied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Emptied {
    /// Nothing but who waits there.
    Anyway,
    /// That connection is the one that shows life, or none has yet. Of two tabs that share a place, the one that goes leaves the
    /// other there.
    On(ConnectionId),
    /// The lease is that one, and has run out.
    RunOut(Timestamp),
}

/// What was said of somebody who waits, or has waited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing.
    Open,
    /// They pass.
    Passes,
    /// They are kept out until then, or were.
    KeptOut(Timestamp),
}

/// A session's waiting room: [`WAITING_PLACES`] places, each an item of its own, so that no more can wait, however many knock at
/// the same time.
pub trait WaitingRoom {
    /// Takes a place, unless somebody else waits there, or did and nobody noted yet what became of them.
    fn wait(&self, knock: &Knock, now: Timestamp) -> impl Future<Output = Result<bool>> + Send;
    /// Notes that a connection of whoever waits there shows life, and is told what is decided; false when they wait there no more.
    fn keep_waiting(
        &self,
        waits: &Waits,
        connection: &ConnectionId,
        now: Timestamp,
        lease_until: Timestamp,
    ) -> impl Future<Output = Result<bool>> + Send;
    /// Notes what became of that user, if they wait there, and empties the place; whether it was noted by this. From then on nobody
    /// waits there, also where the place could not be emptied.
    fn stop_waiting(
        &self,
        waits: &Waits,
        only: &Emptied,
        outcome: Outcome,
        now: Timestamp,
    ) -> impl Future<Output = Result<bool>> + Send;
    /// Lets somebody pass from now on, until they are removed; noted with their [`Visit`](super::Visit) until then.
    fn let_pass(
        &self,
        session: SessionId,
        user: UserId,
        now: Timestamp,
        noted_until: Timestamp,
    ) -> impl Future<Output = Result<()>> + Send;
    /// What was said of somebody; strongly consistent.
    fn verdict(&self, session: SessionId, user: UserId) -> impl Future<Output = Result<Verdict>> + Send;
}

/// Who waits where.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Waits {
    /// The session.
    pub session: SessionId,
    /// Who.
    pub user: UserId,
    /// The place.
    pub place: u8,
}

impl From<&Knock> for Waits {
    fn from(knock: &Knock) -> Self {
        Self { session: knock.session, user: knock.user_id, place: knock.place }
    }
}
