//! What a project used: sums over a ledger that has one entry for each stay that is over.
//!
//! An entry is made of the stream's record of the stay's end (`announcing`), under a key made of that record. So a record
//! that comes twice, or late, writes the same entry once more, and sums are exact. No counter is kept that could drift.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::happenings::{Kind, SessionView};
use crate::ports::{Ledger, Occurrence, Starts, UsedStay, Visits};
use crate::{Context, Error, ProjectId, Result, SessionId, Timestamp, UserId};

/// For so long entries are kept: 13 months, so that a year can be compared with the one before.
pub const USAGE_KEPT: Duration = Duration::from_secs(400 * 24 * 60 * 60);
/// One question reaches over so much time at most.
pub const LONGEST_SPAN: Duration = Duration::from_secs(31 * 24 * 60 * 60);
/// So many stays are added up for one question, at most.
pub const MOST_STAYS: usize = 100_000;
/// So many rooms are shown at most.
pub const MOST_ROOMS: usize = 1_000;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// What the end of a stay adds to the ledger of which project; nothing for whatever else happened, and for a stay that no
/// connection ever joined.
pub fn entry(occurrence: &Occurrence, view: &SessionView) -> Option<(ProjectId, UsedStay)> {
    let stay = occurrence.stay().filter(|_| occurrence.happening.kind == Kind::ParticipantLeft)?;
    let used = UsedStay {
        stay: stay.id.clone(),
        session: occurrence.session,
        room: view.session.room.clone(),
        began: stay.connected_at?,
        ended: occurrence.happening.at,
        relayed: None,
    };
    Some((view.session.project.clone(), used))
}

/// What one allocation of a TURN server relayed, by its log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Relayed {
    /// What names the allocation among those that began then.
    pub allocation: String,
    /// For whom.
    pub user: UserId,
    /// When its first line was written.
    pub began: Timestamp,
    /// Bytes from the client and to it.
    pub bytes: u64,
}

/// A seat may be noted by a clock that is behind the TURN server's.
const CLOCKS_DIFFER: Duration = Duration::from_secs(60);

/// Adds to the ledgers what was relayed: each to that of the project in whose session its user had taken a seat last, when it began. How many
/// were added; of whoever took none within the time that seats are noted nothing is known. The same once more changes nothing.
pub async fn note_relays(store: &(impl Visits + Starts + Ledger + Sync), relays: &[Relayed]) -> Result<usize> {
    let mut noted = 0;
    for relay in relays {
        let mut visits = store.visits(relay.user).await?;
        visits.retain(|visit| visit.family.is_some() && visit.at <= relay.began + CLOCKS_DIFFER);
        let Some(visit) = visits.into_iter().max_by_key(|visit| visit.at) else { continue };
        let Some(view) = store.session_view(visit.session).await? else { continue };
        let entry = UsedStay {
            stay: format!("turn:{}", relay.allocation),
            session: visit.session,
            room: view.session.room,
            began: relay.began,
            ended: relay.began,
            relayed: Some(relay.bytes),
        };
        store.note_stay(&view.session.project, &entry, relay.began + USAGE_KEPT).await?;
        noted += 1;
    }
    Ok(noted)
}

/// How stays are put together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Group {
    /// By the day in UTC on which they ended.
    Day,
    /// By the room, or by the session where it has no name.
    Room,
}

/// What is asked: stays that ended from `from` on and before `until`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Question {
    /// The first moment.
    pub from: Timestamp,
    /// The first moment that is not meant any more.
    pub until: Timestamp,
    /// How stays are put together.
    pub group: Group,
}

impl Question {
    /// With its bounds checked.
    ///
    /// # Errors
    /// `InvalidRequest`, which names the bound.
    pub fn new(from: Timestamp, until: Timestamp, group: Group) -> Result<Self> {
        check_span(from, until).map(|()| Self { from, until, group })
    }
}

/// Whether one question may reach over that time.
pub(crate) fn check_span(from: Timestamp, until: Timestamp) -> Result<()> {
    if until <= from {
        return Err(Error::field("to", "must be later than from"));
    }
    if until.since(from) > LONGEST_SPAN {
        return Err(Error::field("from", "must be at most 31 days before to"));
    }
    Ok(())
}

/// By what stays were put together.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Grouped {
    /// The day, by its first moment.
    Day(Timestamp),
    /// The room's name, or the session's identifier.
    Room(String),
}

/// What a group of stays comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Used {
    /// Which group.
    pub of: Grouped,
    /// In how many sessions they were.
    pub sessions: usize,
    /// How long they were together.
    pub participant_time: Duration,
    /// How many they are.
    pub connections: usize,
    /// How many of them there were at the same time, at most.
    pub peak: usize,
    /// Bytes that a TURN server relayed, as far as its log was fed in.
    pub relayed: u64,
}

/// The answer to a question.
#[derive(Debug, PartialEq, Eq)]
pub struct Usage {
    /// The groups: days in their order, rooms with the longest time first.
    pub groups: Vec<Used>,
    /// How many more rooms there are than are shown.
    pub left_out: usize,
}

/// Adds up what a project used. It reads the entries that are asked for and nothing else: half a read unit for each 4 KB of them,
/// about 20 stays.
///
/// # Errors
/// `InvalidRequest` where there are more than [`MOST_STAYS`].
pub async fn used(
    store: &(impl Ledger + Sync),
    context: Context<'_>,
    project: &ProjectId,
    question: Question,
) -> Result<Usage> {
    let mut groups: BTreeMap<Grouped, Sum> = BTreeMap::new();
    let (mut day, mut read) = (day_of(question.from), 0);
    while day < question.until {
        let (from, until) = (day.max(question.from), (day + DAY).min(question.until));
        let mut last = None;
        loop {
            let page = store.stays(project, (from, until), last.as_deref(), context.now).await?;
            read += page.items.len();
            if read > MOST_STAYS {
                return Err(Error::field("from", "lies before more than 100000 stays: ask for a shorter time"));
            }
            page.items.into_iter().for_each(|stay| groups.entry(question.group.of(&stay)).or_default().add(stay));
            last = page.next;
            if last.is_none() {
                break;
            }
        }
        day = day + DAY;
    }
    let mut groups: Vec<_> = groups.into_iter().map(|(of, sum)| sum.into_used(of)).collect();
    let mut left_out = 0;
    if question.group == Group::Room {
        groups.sort_by_key(|used| std::cmp::Reverse(used.participant_time));
        left_out = groups.len().saturating_sub(MOST_ROOMS);
        groups.truncate(MOST_ROOMS);
    }
    Ok(Usage { groups, left_out })
}

impl Group {
    fn of(self, stay: &UsedStay) -> Grouped {
        match self {
            Self::Day => Grouped::Day(day_of(stay.ended)),
            Self::Room => {
                let room = stay.room.as_ref().map(|room| room.as_str().to_owned());
                Grouped::Room(room.unwrap_or_else(|| stay.session.to_string()))
            }
        }
    }
}

/// The first moment of a day in UTC.
pub(crate) fn day_of(at: Timestamp) -> Timestamp {
    (at + Duration::from_millis(1)).minus(DAY).rounded_up(DAY)
}

/// What was added up so far.
#[derive(Default)]
struct Sum {
    sessions: BTreeSet<SessionId>,
    time: Duration,
    relayed: u64,
    stays: Vec<(Timestamp, Timestamp)>,
}

impl Sum {
    fn add(&mut self, stay: UsedStay) {
        if let Some(bytes) = stay.relayed {
            self.relayed = self.relayed.saturating_add(bytes);
            return;
        }
        self.sessions.insert(stay.session);
        self.time += stay.ended.since(stay.began);
        self.stays.push((stay.began, stay.ended));
    }

    fn into_used(self, of: Grouped) -> Used {
        let (sessions, participant_time, connections) = (self.sessions.len(), self.time, self.stays.len());
        Used { of, sessions, participant_time, connections, peak: peak(&self.stays), relayed: self.relayed }
    }
}

/// How many there were at the same time, at most. Whoever goes in the moment in which another one comes was not there with them.
fn peak(stays: &[(Timestamp, Timestamp)]) -> usize {
    let comings = stays.iter().map(|(began, _)| (*began, true));
    let mut changes: Vec<_> = comings.chain(stays.iter().map(|(_, ended)| (*ended, false))).collect();
    changes.sort_unstable();
    let (mut now, mut most) = (0_usize, 0);
    for (_, comes) in changes {
        now = if comes { now + 1 } else { now.saturating_sub(1) };
        most = most.max(now);
    }
    most
}
