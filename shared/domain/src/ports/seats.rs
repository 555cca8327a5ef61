//! What a seat needs: taking and freeing it, holding it over a connection, and reading who sits there.

use super::About;
use crate::{
    ConnectionId, Departure, FamilyId, Membership, Metadata, Participant, Person, Result, Rights, Session, SessionId,
    SessionName, TicketId, Timestamp, UserId, Username,
};

/// Seats are taken and freed in one transaction each, so that two callers cannot both take the last one.
pub trait Seats {
    /// Takes a seat for the caller, who must show life before `lease_until`, and notes that the others have to be told. With
    /// the seat a [`Visit`] is noted, and kept until `noted_until`. Somebody who was here before goes on from there: attempts
    /// are newer than all of before, what was not fenced then is still to be fenced, and what was decided of the rights stays
    /// ([`Rights::renewed`]). Refused, too, where the caller's access is for another project or room.
    fn take_seat(
        &self,
        session: SessionId,
        caller: &Person,
        now: Timestamp,
        lease_until: Timestamp,
        noted_until: Timestamp,
    ) -> impl Future<Output = Result<TakenSeat>> + Send;
    /// Frees the seat if the participant is still as `guard` wants it, and notes that the others have to be told; false
    /// when it is not, or when the seat was free. The session is looked at when it has stood empty until `empty_until`, or when
    /// its own lifetime says so.
    fn free_seat(
        &self,
        participant: &Participant,
        guard: Guard,
        reason: Departure,
        now: Timestamp,
        keep_until: Timestamp,
        empty_until: Timestamp,
    ) -> impl Future<Output = Result<bool>> + Send;
    /// Counts one more attempt of somebody who joins again with the seat that was seen, in one step with what the join changes; the
    /// participant as it is then. `None` where the seat or its rights are not as they were seen.
    fn rejoin(
        &self,
        seen: &Participant,
        again: Again,
        now: Timestamp,
    ) -> impl Future<Output = Result<Option<Participant>>> + Send;
    /// Counts one more attempt of somebody who holds a seat, and returns it with the participant.
    fn next_attempt(
        &self,
        session: SessionId,
        user: UserId,
    ) -> impl Future<Output = Result<Option<(Participant, u64)>>> + Send;
    /// Moves the lease of a participant without a connection, unless one has joined meanwhile.
    fn extend_wait(&self, participant: &Participant, lease_until: Timestamp)
    -> impl Future<Output = Result<()>> + Send;
}

/// What a join changes about a seat that is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Again {
    /// The rights from now on.
    pub rights: Rights,
    /// Whether something is said of whoever holds it.
    pub introduced: bool,
    /// Whether the others have to be told.
    pub is_news: bool,
}

/// That a user took a seat; noted with the user, so that it is found without asking every session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Visit {
    /// The session.
    pub session: SessionId,
    /// The login that took the seat; none for somebody who was banned before they came.
    pub family: Option<FamilyId>,
    /// When the seat was taken, the last time, or the ban was said.
    pub at: Timestamp,
}

/// Finds the seats that a user took.
pub trait Visits {
    /// Each session in which the user took a seat, as long as that is noted; strongly consistent.
    fn visits(&self, user: UserId) -> impl Future<Output = Result<Vec<Visit>>> + Send;
}

/// What came of trying to take a seat.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TakenSeat {
    /// It is taken, and its first attempt has that number.
    Taken(u64),
    /// The user held one already.
    HeldAlready,
    /// The user is banned until then.
    Banned(Timestamp),
    /// Nobody joins any more, but hosts and cohosts.
    Locked,
    /// Somebody who steers the session has to admit them first.
    Waits,
    /// The session is full, over, not there, or not the caller's to join.
    Refused,
}

/// What those who steer a session do to it and to others. Each is one conditional update.
pub trait Moderation {
    /// Sets the rights and the name of somebody who holds a seat, if it still is the seat that was seen and the rights are as they
    /// were; the participant as it is then.
    fn change_seat(
        &self,
        seen: &Participant,
        rights: Rights,
        username: &Username,
        now: Timestamp,
    ) -> impl Future<Output = Result<Option<Participant>>> + Send;
    /// Keeps somebody out, who may never have been here, and lets them past the waiting room no more. It is noted with the [`Visit`].
    fn ban(&self, session: SessionId, user: UserId, ban: Ban) -> impl Future<Output = Result<()>> + Send;
    /// Ends a ban, if there is one.
    fn lift_ban(&self, session: SessionId, user: UserId) -> impl Future<Output = Result<()>> + Send;
    /// Somebody who is removed passes the waiting room no more, and steers nothing if they come back
    /// ([`Rights::after_removal`]); as far as a seat that they left has told it.
    fn hold_up(&self, session: SessionId, user: UserId) -> impl Future<Output = Result<()>> + Send;
    /// Changes the settings of a session that is active, and counts its version up.
    fn set_controls(
        &self,
        session: SessionId,
        change: &SessionChange,
        now: Timestamp,
    ) -> impl Future<Output = Result<ControlsSet>> + Send;
}

/// Keeping somebody out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ban {
    /// When it was said.
    pub at: Timestamp,
    /// When it ends.
    pub until: Timestamp,
    /// How long it is noted, at least until it ends.
    pub noted_until: Timestamp,
    /// Whether it takes the place of a longer one.
    pub shortens: bool,
}

/// What is to be changed about a session.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SessionChange {
    /// Another name.
    pub name: Option<SessionName>,
    /// Another number of seats, 2-100. Nobody loses theirs.
    pub max_participants: Option<u8>,
    /// Whether it is to be locked.
    pub locked: Option<bool>,
    /// Whether whoever joins is to wait until they are admitted.
    pub waiting_room: Option<bool>,
    /// What is to be kept with it instead; `Some(None)` for nothing.
    pub metadata: Option<Option<Metadata>>,
    /// The version that whoever asks has seen, if it matters.
    pub seen: Option<u64>,
}

/// What came of changing a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ControlsSet {
    /// It is this way now.
    Set(Box<Session>),
    /// It has another version than was seen, or is over.
    Refused,
}

/// What must not have changed since a participant was read, for its seat to be freed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Guard {
    /// Nothing: the user wants to go.
    Seated,
    /// The attempt: a newer connection keeps the seat.
    SameAttempt,
    /// The attempt and the lease: any sign of life keeps the seat.
    SameLease,
}

/// Reads one participant, and notes what the others know of it.
pub trait Members {
    /// Strongly consistent; whoever holds a seat, did when the session ended, or left and the others were not told yet.
    fn member(&self, session: SessionId, user: UserId) -> impl Future<Output = Result<Option<Participant>>> + Send;
    /// The others were told what was noted: the note goes, unless a later one stands there.
    ///
    /// Whoever left goes with it, so that a roster holds nobody but who is there. What a later seat goes on from is kept with
    /// the [`Visit`], at least until `keep_until`: the newest attempt, and what is not fenced yet. That is written before the
    /// participant goes, so that whoever is interrupted between the two does both again.
    fn told(&self, participant: &Participant, keep_until: Timestamp) -> impl Future<Output = Result<()>> + Send;
    /// Whether that connection once held a participant who has left since, and is not known to be closed; strongly
    /// consistent.
    fn was_left(&self, held: &Held) -> impl Future<Output = Result<bool>> + Send;
    /// Notes that a frame waits for somebody who is being told what was missed; false when nobody is: they are live by now, or gone.
    fn note_waiting(&self, session: SessionId, user: UserId) -> impl Future<Output = Result<bool>> + Send;
    /// What that participant says, and what is said of them; strongly consistent.
    fn about(&self, session: SessionId, user: UserId) -> impl Future<Output = Result<Option<About>>> + Send;
    /// Eventually consistent, at half the price.
    fn member_hint(&self, session: SessionId, user: UserId)
    -> impl Future<Output = Result<Option<Participant>>> + Send;
}

/// Who holds a participant: every step is one conditional update.
pub trait Holding {
    /// Makes `attempt.connection` the live one, from `now` on, if no newer attempt holds the participant (rule 2). Also adds it to the
    /// unfenced ones, and returns the participant as it was before. Whoever was catching up is not any more.
    fn take_over(
        &self,
        attempt: &Attempt,
        now: Timestamp,
        lease_until: Timestamp,
    ) -> impl Future<Output = Result<TakeOver>> + Send;
    /// Takes connections off the unfenced ones, after their fence and the read (rule 3): nothing is unheard any more.
    fn unfence(
        &self,
        session: SessionId,
        user: UserId,
        fenced: &[ConnectionId],
    ) -> impl Future<Output = Result<()>> + Send;
    /// The live connection was lost at `now`: reconnecting until `lease_until`. The participant, unless that connection was not
    /// the live one.
    fn lose(
        &self,
        held: &Held,
        now: Timestamp,
        lease_until: Timestamp,
    ) -> impl Future<Output = Result<Option<Participant>>> + Send;
    /// Moves the lease of a connected participant; false when that connection is not the live one, or the lease had run out
    /// at `now`.
    fn renew(&self, held: &Held, now: Timestamp, lease_until: Timestamp) -> impl Future<Output = Result<bool>> + Send;
    /// Sets microphone and camera, and moves the lease. The participant, unless that connection is not the live one.
    fn set_status(
        &self,
        held: &Held,
        status: Status,
        lease_until: Timestamp,
    ) -> impl Future<Output = Result<Option<Participant>>> + Send;
}

/// Telling an attempt what was missed before it becomes the live connection, for clients that do not put frames in order
/// themselves.
pub trait Catching {
    /// Begins to tell an attempt what was missed, if no newer one holds the participant or has begun: there is no live connection
    /// until [`Catching::finish`], and what is sent meanwhile waits. Returns the participant as it was before.
    fn begin(&self, attempt: &Attempt, lease_until: Timestamp) -> impl Future<Output = Result<TakeOver>> + Send;
    /// Makes `attempt.connection` the live one, from `now` on, which has been told everything, if so many frames have come to wait and no more.
    fn finish(
        &self,
        attempt: &Attempt,
        told: u64,
        now: Timestamp,
        lease_until: Timestamp,
    ) -> impl Future<Output = Result<Finished>> + Send;
}

/// What came of trying to finish.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Finished {
    /// As if it had taken over, or been refused.
    As(TakeOver),
    /// So many frames have come to wait by now: there is more to tell.
    MoreWaits(u64),
    /// An older attempt came between: it has to begin again.
    Interrupted,
}

/// A connection and the participant that it speaks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// The session.
    pub session: SessionId,
    /// The participant.
    pub user: UserId,
    /// The connection.
    pub connection: ConnectionId,
}

/// A connection that wants to become its participant's live one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// The connection and whom it speaks for.
    pub held: Held,
    /// The attempt's number, from its ticket.
    pub number: u64,
    /// The login behind it.
    pub family: FamilyId,
    /// The ticket that admitted the connection.
    pub ticket: TicketId,
}

/// What came of trying to take a participant over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TakeOver {
    /// The connection is the live one; this is how the participant was before.
    Taken(Box<Participant>),
    /// This very connection had taken over before.
    HeldAlready(Box<Participant>),
    /// This very connection is being told what was missed: it asked twice at once.
    Underway,
    /// A newer attempt holds the participant.
    Superseded,
    /// There is no such participant any more.
    NotSeated(Option<Membership>),
}

/// Microphone and camera.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Status {
    /// Whether the microphone is off.
    pub is_muted: bool,
    /// Whether the camera is on.
    pub is_video_enabled: bool,
}
