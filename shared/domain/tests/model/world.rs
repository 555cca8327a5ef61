//! Everything outside the rules: the table with its versions, API Gateway's connections, the delay queue, the clock.

use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

use domain::ports::{About, ChatMessage, DelayedMessage, Knock, Visit};
use domain::sweep::LEFT_ALONE;
use domain::{
    ConnectionId, Controls, Departure, Frame, Membership, Participant, Rights, SignalId, TicketId, Timestamp, Untold,
};

use crate::chance::Chance;

/// Everything happens after this moment.
pub const DAWN: Timestamp = Timestamp::from_millis(1_795_000_000_000);

/// What a visit keeps of a seat that was left.
#[derive(Clone, PartialEq, Eq)]
pub struct Left {
    /// The newest attempt that was handed out.
    pub newest: u64,
    pub unfenced: BTreeSet<ConnectionId>,
    pub rights: Rights,
}

/// What else is kept with a user's visit.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Noted {
    pub visit: Option<Visit>,
    pub banned_until: Option<Timestamp>,
    /// Whether the waiting room is no obstacle.
    pub admitted: bool,
}

/// What lets people in, or keeps them out.
#[derive(Default)]
pub struct Doors {
    pub controls: Controls,
    pub noted: Vec<Noted>,
    pub waiting: Vec<Knock>,
    /// Since when tokens of a user count that were minted then.
    pub valid_since: Vec<Option<Timestamp>>,
    /// Who took a seat, and was not looked at yet.
    pub entries: Vec<usize>,
}

/// A signal as the inbox keeps it.
pub struct Stored {
    pub id: SignalId,
    pub frame: Frame,
    pub keep_until: Timestamp,
    /// When the write took effect, in steps of the schedule.
    pub at_step: usize,
}

/// What travels to a client over its connection.
pub enum Parcel {
    /// An event that was pushed.
    Event(Frame),
    /// The answer to one of its frames.
    Answer(Timestamp, Answer),
}

/// Somebody's place in a session: who, and since when.
pub type Seat = (usize, Timestamp);

/// The answers that a client's bookkeeping depends on; an error is its code.
#[derive(Clone)]
pub enum Answer {
    Joined(Result<bool, &'static str>, Vec<Seat>),
    Signal { to: usize, seq: u32, acked: bool },
    Chat { index: usize, acked: bool },
    Synced(bool),
    Pinged(Result<(), &'static str>),
}

impl Answer {
    /// Whether the frame was refused: by a connection that is no longer the live one, say.
    pub fn is_error(&self) -> bool {
        match self {
            Self::Joined(joined, _) => joined.is_err(),
            Self::Signal { acked, .. } | Self::Chat { acked, .. } => !acked,
            Self::Synced(done) => !done,
            Self::Pinged(pinged) => pinged.is_err(),
        }
    }
}

/// A WebSocket connection as API Gateway and the network see it.
pub struct Connection {
    pub user: usize,
    /// The attempt that its ticket named.
    pub attempt: u64,
    /// Whether API Gateway takes pushes for it.
    pub open: bool,
    /// Whether the client's end is gone: pushes are accepted and lost.
    pub dead: bool,
    /// On their way to the client.
    pub parcels: VecDeque<Parcel>,
}

/// The state that all functions share. Every effect on it is atomic, as in DynamoDB.
pub struct World {
    pub chance: Chance,
    /// The steps in which the ends of leases are noted.
    pub lease_step: Duration,
    pub now: Timestamp,
    pub step: usize,
    /// Whether things go wrong; off while the world settles.
    pub faulty: bool,
    /// One row for each user, with every version it ever had, for reads that may be old.
    pub rows: Vec<Vec<Option<Participant>>>,
    /// When each user's row is to be looked at.
    pub due: Vec<Option<Timestamp>>,
    /// What is kept of each user's seat that was left, until the next is taken.
    pub left: Vec<Option<Left>>,
    pub doors: Doors,
    /// What is said of each user.
    pub abouts: Vec<Option<About>>,
    pub inboxes: Vec<Vec<Stored>>,
    pub chat: Vec<ChatMessage>,
    pub connections: Vec<Connection>,
    /// Connections whose `$disconnect` is still to come.
    pub disconnects: Vec<ConnectionId>,
    /// Tickets whose connection's end was noted.
    pub closed: BTreeSet<TicketId>,
    pub delayed: Vec<(Timestamp, DelayedMessage)>,
    /// What happened, if somebody wants to read it.
    pub story: Option<Vec<String>>,
    /// Writes that come after their push (a broken rule).
    pub late_puts: Vec<(usize, Stored)>,
    /// The inbox as it was before the fence (a broken rule).
    pub early_reads: Vec<Option<Vec<(SignalId, Frame)>>>,
    /// The newest signal that reached a user by push or replay (a broken rule).
    pub cursors: Vec<Option<SignalId>>,
    /// From when on a user last asked for a replay (a broken rule).
    pub asked: Vec<Timestamp>,
}

impl World {
    pub fn new(seed: u64, users: usize, lease_step: Duration) -> Self {
        Self {
            chance: Chance::new(seed),
            lease_step,
            now: DAWN + Duration::from_secs(1),
            step: 0,
            faulty: true,
            rows: (0..users).map(|_| vec![None]).collect(),
            due: vec![None; users],
            left: (0..users).map(|_| None).collect(),
            doors: Doors { noted: vec![Noted::default(); users], valid_since: vec![None; users], ..Doors::default() },
            abouts: vec![None; users],
            inboxes: (0..users).map(|_| Vec::new()).collect(),
            chat: Vec::new(),
            connections: Vec::new(),
            disconnects: Vec::new(),
            closed: BTreeSet::new(),
            delayed: Vec::new(),
            story: None,
            late_puts: Vec::new(),
            early_reads: vec![None; users],
            cursors: vec![None; users],
            asked: vec![DAWN; users],
        }
    }

    /// Notes what happened, if somebody wants to read it.
    pub fn note(&mut self, line: impl FnOnce() -> String) {
        if let Some(story) = &mut self.story {
            let seconds = self.now.since(DAWN).as_secs_f64();
            story.push(format!("{:>6} {seconds:>8.3}  {}", self.step, line()));
        }
    }

    /// A row as it is.
    pub fn row(&self, user: usize) -> Option<&Participant> {
        self.rows[user].last().and_then(Option::as_ref)
    }

    /// A user's newest row, also where it has been taken out since.
    pub fn last_row(&self, user: usize) -> Option<&Participant> {
        self.rows[user].iter().flatten().next_back()
    }

    /// A row as it is or, half of the time, as it was at any time before.
    pub fn old_row(&mut self, user: usize) -> Option<Participant> {
        let versions = self.rows[user].len();
        let version = if self.chance.one_in(2) { versions - 1 } else { self.chance.below(versions) };
        self.rows[user][version].clone()
    }

    /// Writes a new version of a row.
    pub fn write(&mut self, user: usize, row: Participant) {
        self.note(|| {
            let at = row.connection.as_ref().map_or("-", ConnectionId::as_str);
            let (presence, unfenced) = (row.presence, &row.unfenced);
            format!("user {user}: {:?} {presence:?} on {at}, attempt {}, {unfenced:?}", row.membership, row.attempt)
        });
        let before = self.row(user).map(|before| (before.membership, before.lease_until));
        if before != Some((row.membership, row.lease_until)) {
            self.due[user] = Some(match row.membership {
                Membership::Seated => row.lease_until.rounded_up(self.lease_step),
                Membership::Left | Membership::Ended => self.now + LEFT_ALONE,
            });
        }
        self.rows[user].push(Some(row));
    }

    /// Takes a row out.
    pub fn take_out(&mut self, user: usize) {
        self.note(|| format!("user {user} is taken out of the roster"));
        self.rows[user].push(None);
        self.due[user] = None;
    }

    /// Keeps what the next seat goes on from, unless a later departure has.
    pub fn keep_left(&mut self, user: usize, left: &Participant, admits: bool) {
        let none = Left { newest: 0, unfenced: BTreeSet::new(), rights: Rights::default() };
        let kept = self.left[user].get_or_insert(none);
        if kept.newest < left.tickets {
            (kept.newest, kept.rights) = (left.tickets, left.rights);
            kept.unfenced.extend(left.unfenced.iter().cloned());
            // Whoever had a seat passes the waiting room, unless they were removed.
            let removed = left.untold == Some(Untold::Departure(Departure::Removed));
            self.doors.noted[user].admitted |= admits && !removed;
        }
    }

    /// A connection that a ticket admitted.
    pub fn connect(&mut self, user: usize, attempt: u64) -> ConnectionId {
        self.connections.push(Connection { user, attempt, open: true, dead: false, parcels: VecDeque::new() });
        self.note(|| format!("user {user} connects for attempt {attempt}"));
        ConnectionId::new(format!("c{}", self.connections.len() - 1))
    }

    pub fn connection(&mut self, id: &ConnectionId) -> &mut Connection {
        &mut self.connections[place(id)]
    }

    /// The client's end goes away without a word.
    pub fn kill(&mut self, id: &ConnectionId) {
        self.note(|| format!("{id} dies unnoticed"));
        let connection = self.connection(id);
        connection.dead = true;
        connection.parcels.clear();
    }

    /// API Gateway is through with a connection; its `$disconnect` comes some time, or never. What was on its way may
    /// be lost.
    pub fn end(&mut self, id: &ConnectionId) {
        let (rest, lost) = (self.chance.bits(), self.faulty && self.chance.one_in(4));
        let connection = self.connection(id);
        if !connection.open {
            return;
        }
        connection.open = false;
        if !connection.parcels.is_empty() {
            let kept = usize::try_from(rest).unwrap_or(usize::MAX) % (connection.parcels.len() + 1);
            connection.parcels.truncate(kept);
        }
        self.note(|| format!("{id} is closed"));
        if !lost {
            self.disconnects.push(id.clone());
        }
    }

    /// Sends a parcel on its way, if the client's end is there.
    pub fn hand_over(&mut self, id: &ConnectionId, parcel: Parcel) {
        let connection = self.connection(id);
        if connection.open && !connection.dead {
            connection.parcels.push_back(parcel);
        }
    }
}

/// Where a connection stands in the world's list.
pub fn place(id: &ConnectionId) -> usize {
    id.as_str()[1..].parse().expect("the world names connections c0, c1, ...")
}
