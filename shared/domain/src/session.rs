//! Sessions ("rooms") and their rosters.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::ports::{Knock, WAITING_PLACES};
use crate::{
    ConnectionId, Participant, Policy, Presence, ProjectId, Rights, Role, RoomName, SessionId, Timestamp, Untold,
    UserId, Username, text,
};

/// A session's name: 1-100 characters, one of them visible; see [`text`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionName(String);

impl SessionName {
    /// Parses a name that somebody chooses; the error says what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let name = text::name(text)?;
        (1..=100).contains(&name.chars().count()).then_some(Self(name)).ok_or("must be 1-100 characters and not blank")
    }

    /// A name that was accepted before, when the rules may have been wider; `None` for a blank one, which never was.
    pub fn kept(text: &str) -> Option<Self> {
        (!text.trim().is_empty()).then(|| Self(text.to_owned()))
    }

    /// Of a room that nobody gave another name: the first 100 characters of what the app calls it.
    pub fn of_room(room: &RoomName) -> Self {
        let shown: String = room.as_str().chars().take(100).collect();
        Self::kept(&shown).unwrap_or_else(|| Self("room".to_owned()))
    }

    /// As its creator wrote it, composed.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What an app keeps with a session: up to 4 KiB of UTF-8, and nothing else is known of it.
#[derive(Clone, PartialEq, Eq)]
pub struct Metadata(String);

impl Metadata {
    /// The most that there can be, in bytes.
    pub const LONGEST: usize = 4096;

    /// Parses; an empty text is none.
    ///
    /// # Errors
    /// What it must be.
    pub fn parse(text: &str) -> Result<Option<Self>, &'static str> {
        match text.len() {
            0 => Ok(None),
            1..=Self::LONGEST => Ok(Some(Self(text.to_owned()))),
            _ => Err("must be at most 4096 bytes"),
        }
    }

    /// As it was given.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Metadata {
    /// An app may put anything into it, so only its size shows.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Metadata({} bytes)", self.0.len())
    }
}

/// What is known of a session's metadata. It is kept beside the session, which is read and written by every join and many messages.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Attached {
    /// There is none.
    #[default]
    Nothing,
    /// There is some, which was not read.
    Unread,
    /// This.
    This(Metadata),
    /// There was some, until it was taken away by the change that is told.
    Removed,
}

impl Attached {
    /// Whether there is some.
    pub fn is_something(&self) -> bool {
        matches!(self, Self::Unread | Self::This(_))
    }

    /// What there is, if it was read.
    pub fn read(&self) -> Option<&Metadata> {
        match self {
            Self::This(metadata) => Some(metadata),
            Self::Nothing | Self::Unread | Self::Removed => None,
        }
    }
}

impl From<Option<Metadata>> for Attached {
    fn from(metadata: Option<Metadata>) -> Self {
        metadata.map_or(Self::Nothing, Self::This)
    }
}

/// How long a session lasts, where whoever made it said so.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Lifetime {
    /// How long it may stand empty; what the [`Policy`] says, if nothing else was said.
    pub empty: Option<Duration>,
    /// How long it lasts at most, whoever is there.
    pub longest: Option<Duration>,
}

/// What a session is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SessionKind {
    /// Voices alone.
    AudioOnly,
    /// Cameras and voices.
    VideoCall,
    /// A screen.
    ScreenShare,
    /// Any of them.
    Mixed,
}

/// Who can find a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Visibility {
    /// It is listed.
    Public,
    /// Whoever knows its identifier.
    Unlisted,
}

/// Whether a session can still be joined.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SessionState {
    /// It can.
    Active,
    /// It ended, then.
    Ended(Timestamp),
}

/// A session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// Its identifier.
    pub id: SessionId,
    /// Its name.
    pub name: SessionName,
    /// What it is for.
    pub kind: SessionKind,
    /// Who can find it.
    pub visibility: Visibility,
    /// Whether it can be joined.
    pub state: SessionState,
    /// Its number of seats, 2-100.
    pub max_participants: u8,
    /// How many of them are taken.
    pub seats_taken: u8,
    /// When it was created.
    pub created_at: Timestamp,
    /// When a seat was last taken or freed, or it was created.
    pub touched_at: Timestamp,
    /// Whose it is.
    pub project: ProjectId,
    /// The app's name of it, if it has one.
    pub room: Option<RoomName>,
    /// Who created it. An account may end what it created.
    pub creator_id: UserId,
    /// The creator's name.
    pub creator_username: Username,
    /// What whoever steers it has set.
    pub controls: Controls,
    /// What the app keeps with it.
    pub metadata: Attached,
}

/// What those who steer a session set.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Controls {
    /// Whether nobody joins any more, but hosts and cohosts.
    pub locked: bool,
    /// Whether whoever joins waits until a host or a cohost admits them.
    pub waiting_room: bool,
    /// How often the session's settings were changed.
    pub version: u64,
    /// How long it lasts; that was said when it was made.
    pub lifetime: Lifetime,
    /// Whether an endpoint wanted to be told of chat messages when it was made.
    pub tells_messages: bool,
    /// Whether everybody is asked to record themselves.
    pub recording_requested: bool,
}

impl Session {
    /// Whether that user is its host for having created it: accounts are, but not whoever came first into an app's room.
    pub fn is_hosted_by(&self, user: UserId) -> bool {
        self.project.is_default() && self.creator_id == user && !user.is_of_app()
    }

    /// Whether it can still be joined.
    pub fn is_active(&self) -> bool {
        self.state == SessionState::Active
    }

    /// When it ends, whoever is there.
    pub fn ends_at(&self) -> Option<Timestamp> {
        self.controls.lifetime.longest.map(|longest| self.created_at + longest)
    }

    /// Whether its longest time is over. Nobody joins then, and the sweep ends it.
    pub fn has_run_out(&self, now: Timestamp) -> bool {
        self.ends_at().is_some_and(|end| end <= now)
    }

    /// How long it may stand empty.
    pub fn empty_for(&self, policy: &Policy) -> Duration {
        self.controls.lifetime.empty.unwrap_or(policy.empty_session)
    }

    /// When the sweep looks at it, if it stands empty from then on.
    pub fn due(&self, since: Timestamp, policy: &Policy) -> Timestamp {
        let empty = Policy::due_when_empty(since, self.empty_for(policy));
        self.ends_at().map_or(empty, |end| empty.min(end))
    }
}

/// A session with those who hold its seats; read in one piece.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Roster {
    /// The session.
    pub session: Session,
    /// Whoever holds a seat, run-out leases included, or held one when the session ended; in the order of joining.
    pub participants: Vec<Participant>,
    /// Whoever left, and the others were not told yet.
    pub departed: Vec<Participant>,
    /// Whoever waits to be admitted, run-out leases included.
    pub waiting: Vec<Knock>,
}

impl Roster {
    /// From what was read. The account that created the session is its host, whatever is kept with the seat.
    pub fn new(session: Session, mut participants: Vec<Participant>, departed: Vec<Participant>) -> Self {
        let creator = participants.iter_mut().find(|p| session.is_hosted_by(p.user_id));
        creator.into_iter().for_each(|creator| creator.rights = Rights::of(Role::Host));
        Self { session, participants, departed, waiting: Vec::new() }
    }

    /// With those who wait to be admitted.
    #[must_use]
    pub fn with_waiting(self, waiting: Vec<Knock>) -> Self {
        Self { waiting, ..self }
    }

    /// Whoever waits and is believed to be there, longest first. Somebody who knocked twice at once counts once, and not at all once
    /// they have a seat.
    pub fn waiters(&self, now: Timestamp) -> Vec<&Knock> {
        let waits = |knock: &&Knock| knock.lease_until > now && self.seated(knock.user_id).is_none();
        let mut waiters: Vec<_> = self.waiting.iter().filter(waits).collect();
        waiters.sort_by_key(|knock| (knock.user_id, knock.connection.is_none(), knock.since));
        waiters.dedup_by_key(|knock| knock.user_id);
        waiters.sort_by_key(|knock| (knock.since, knock.user_id));
        waiters
    }

    /// Where that user waits.
    pub fn waits(&self, user: UserId, now: Timestamp) -> Option<&Knock> {
        self.waiters(now).into_iter().find(|knock| knock.user_id == user)
    }

    /// Every place that a user has taken: more than one if they knocked twice at once.
    pub fn places_of(&self, user: UserId) -> impl Iterator<Item = &Knock> {
        self.waiting.iter().filter(move |knock| knock.user_id == user)
    }

    /// The places where nobody waits. Each user begins at another one, so that those who knock at once seldom meet.
    pub fn free_places(&self, user: UserId, now: Timestamp) -> impl Iterator<Item = u8> {
        let taken: BTreeSet<_> = self.waiting.iter().filter(|k| k.lease_until > now).map(|k| k.place).collect();
        let [.., first] = *user.as_bytes();
        let places = (0..WAITING_PLACES).map(move |n| (first % WAITING_PLACES + n) % WAITING_PLACES);
        places.filter(move |place| !taken.contains(place))
    }

    /// Whoever is believed to be there: rosters ignore leases that ran out.
    pub fn present(&self, now: Timestamp) -> impl Iterator<Item = &Participant> {
        self.participants.iter().filter(move |p| p.is_present(now))
    }

    /// Whether nobody holds one of the seats.
    pub fn has_free_seat(&self) -> bool {
        self.session.seats_taken < self.session.max_participants
    }

    /// Whoever holds a seat on a lease that ran out.
    pub fn run_out(&self, now: Timestamp) -> impl Iterator<Item = &Participant> {
        self.participants.iter().filter(move |p| p.holds_seat() && !p.is_present(now))
    }

    /// Whoever the others still have to be told something of. Who never connected is not there for them yet.
    pub fn untold(&self) -> impl Iterator<Item = &Participant> {
        let here = |p: &&Participant| p.holds_seat() && p.presence != Presence::Disconnected;
        let joined =
            self.participants.iter().filter(here).filter(|p| matches!(p.untold, Some(Untold::Join | Untold::Change)));
        joined.chain(self.departed.iter().filter(|p| p.has_untold_departure()))
    }

    /// The participant of that user, if they hold a seat.
    pub fn seated(&self, user: UserId) -> Option<&Participant> {
        self.participants.iter().find(|p| p.user_id == user && p.holds_seat())
    }

    /// The live connections of everybody but `user`.
    pub fn others(&self, user: UserId, now: Timestamp) -> Vec<(UserId, ConnectionId)> {
        self.connected(now).into_iter().filter(|(other, _)| *other != user).collect()
    }

    /// Whoever is told what they missed before they become live: what is sent meanwhile waits for them.
    pub fn catching_up(&self, now: Timestamp) -> Vec<UserId> {
        self.present(now).filter(|p| p.connection.is_none() && p.catching_up.is_some()).map(|p| p.user_id).collect()
    }

    /// The live connections of everybody.
    pub fn connected(&self, now: Timestamp) -> Vec<(UserId, ConnectionId)> {
        self.present(now).filter_map(|p| Some((p.user_id, p.connection.clone()?))).collect()
    }
}
