//! What a project used, added up from a ledger that is made of stream's records.

use std::sync::Mutex;
use std::time::Duration;

use domain::happenings::{Happening, Kind, SessionView, Stay};
use domain::ports::{Ledger, Occurrence, Page, Subject, UsedStay};
use domain::usage::{self, Group, Grouped, LONGEST_SPAN, MOST_ROOMS, MOST_STAYS, Question, Usage, Used};
use domain::{
    Attached, Context, Controls, Membership, Presence, ProjectId, Result, Rights, RoomName, Session, SessionId,
    SessionKind, SessionName, SessionState, Timestamp, UserId, Username, Visibility,
};

use crate::fake::Fake;

/// Midnight.
const DAWN: Timestamp = Timestamp::from_millis(1_795_305_600_000);

fn at(seconds: u64) -> Timestamp {
    DAWN + Duration::from_secs(seconds)
}

/// A ledger that keeps an entry under its place, so many to a page.
struct Entries {
    stays: Mutex<Vec<UsedStay>>,
    page: usize,
}

impl Ledger for Entries {
    async fn note_stay(&self, _: &ProjectId, stay: &UsedStay, _: Timestamp) -> Result<()> {
        let mut entries = self.stays.lock().expect("no panic");
        if !entries.contains(stay) {
            entries.push(stay.clone());
        }
        Ok(())
    }

    async fn stays(
        &self,
        _: &ProjectId,
        (from, until): (Timestamp, Timestamp),
        last: Option<&str>,
        _: Timestamp,
    ) -> Result<Page<UsedStay, String>> {
        let place = |stay: &UsedStay| format!("{:014}#{}", stay.ended.millis(), stay.stay);
        let mut found = self.stays.lock().expect("no panic").clone();
        found.retain(|stay| (from..until).contains(&stay.ended) && last.is_none_or(|last| place(stay).as_str() > last));
        found.sort_by_key(place);
        let more = found.len() > self.page;
        found.truncate(self.page);
        let next = found.last().filter(|_| more).map(place);
        Ok(Page { items: found, next })
    }
}

fn stay(name: &str, room: Option<&str>, session: u64, began: u64, ended: u64) -> UsedStay {
    UsedStay {
        stay: name.to_owned(),
        session: SessionId::first_at(at(session)),
        room: room.map(|room| RoomName::parse(room).expect("a name")),
        began: at(began),
        ended: at(ended),
        relayed: None,
    }
}

async fn asked(entries: &Entries, from: u64, until: u64, group: Group) -> Result<Usage> {
    let fake = Fake::default();
    let context = Context { now: at(until), ..fake.context(0) };
    let question = Question::new(at(from), at(until), group)?;
    usage::used(entries, context, &ProjectId::default(), question).await
}

fn of(stays: Vec<UsedStay>) -> Entries {
    Entries { stays: Mutex::new(stays), page: 3 }
}

const DAY: u64 = 86_400;

#[tokio::test]
async fn stays_are_added_up_by_the_day_on_which_they_ended() {
    let entries = of(vec![
        stay("a", None, 1, 0, 60),
        stay("b", None, 1, 30, 90),
        stay("c", None, 2, 60, 120),
        stay("d", None, 2, DAY - 60, DAY),
        stay("e", None, 3, DAY, 2 * DAY - 1),
        stay("late", None, 3, DAY, 2 * DAY),
    ]);
    let used = asked(&entries, 0, 2 * DAY, Group::Day).await.unwrap();
    let first = Used {
        of: Grouped::Day(at(0)),
        sessions: 2,
        participant_time: Duration::from_secs(180),
        connections: 3,
        peak: 2,
        relayed: 0,
    };
    let second = Used {
        of: Grouped::Day(at(DAY)),
        sessions: 2,
        participant_time: Duration::from_secs(60 + DAY - 1),
        connections: 2,
        peak: 1,
        relayed: 0,
    };
    assert_eq!(used, Usage { groups: vec![first, second], left_out: 0 });
}

#[tokio::test]
async fn rooms_with_the_longest_time_come_first_and_nameless_sessions_are_rooms_of_their_own() {
    let entries = of(vec![
        stay("a", Some("daily"), 1, 0, 60),
        stay("b", Some("weekly"), 2, 0, 600),
        stay("c", Some("daily"), 3, 100, 160),
        stay("d", None, 4, 0, 1),
    ]);
    let used = asked(&entries, 0, DAY, Group::Room).await.unwrap();
    let rooms: Vec<_> = used.groups.iter().map(|used| (&used.of, used.sessions, used.connections, used.peak)).collect();
    let nameless = Grouped::Room(SessionId::first_at(at(4)).to_string());
    let (weekly, daily) = (Grouped::Room("weekly".to_owned()), Grouped::Room("daily".to_owned()));
    assert_eq!(rooms, [(&weekly, 1, 1, 1), (&daily, 2, 2, 1), (&nameless, 1, 1, 1)]);
}

#[tokio::test]
async fn only_what_is_asked_for_is_added_up() {
    let entries = of(vec![stay("a", None, 1, 0, 60), stay("b", None, 1, 0, 61), stay("c", None, 1, 0, 62)]);
    let used = asked(&entries, 60, 62, Group::Day).await.unwrap();
    assert_eq!(used.groups[0].connections, 2);
    assert_eq!(asked(&entries, 63, 64, Group::Day).await.unwrap(), Usage { groups: Vec::new(), left_out: 0 });
}

#[tokio::test]
async fn a_question_has_bounds() {
    let refused =
        |from: u64, until: u64| Question::new(at(from), at(until), Group::Day).map_err(|error| error.to_string());
    let longest = LONGEST_SPAN.as_secs();
    assert!(refused(0, longest).is_ok());
    assert!(refused(0, longest + 1).is_err_and(|said| said.starts_with("from must be at most 31 days")));
    assert!(refused(5, 5).is_err_and(|said| said.starts_with("to must be later")));
    let many = of((0..MOST_ROOMS + 2).map(|n| stay(&n.to_string(), None, n as u64, 0, 1)).collect());
    let used = asked(&many, 0, 2, Group::Room).await.unwrap();
    assert_eq!((used.groups.len(), used.left_out), (MOST_ROOMS, 2));
}

#[tokio::test]
async fn more_stays_than_can_be_added_up_are_refused_and_not_left_out() {
    let few = stay("x", None, 1, 0, 1);
    let many = |count: usize| Entries { stays: Mutex::new(vec![few.clone(); count]), page: usize::MAX };
    let refused = asked(&many(MOST_STAYS + 1), 0, DAY, Group::Day).await.unwrap_err();
    assert!(refused.to_string().starts_with("from lies before more than 100000 stays"), "{refused}");
    assert_eq!(asked(&many(MOST_STAYS), 0, DAY, Group::Day).await.unwrap().groups[0].connections, MOST_STAYS);
}

/// A record of the stream that says that somebody left.
fn left(connected: bool) -> (Occurrence, SessionView) {
    let session = Session {
        id: SessionId::first_at(at(1)),
        name: SessionName::parse("room").expect("a name"),
        kind: SessionKind::VideoCall,
        visibility: Visibility::Unlisted,
        state: SessionState::Active,
        max_participants: 5,
        seats_taken: 1,
        created_at: at(1),
        touched_at: at(1),
        project: ProjectId::parse("acme").expect("a name"),
        room: RoomName::parse("daily").ok(),
        creator_id: UserId::first_at(at(1)),
        creator_username: Username::parse("alice").expect("a name"),
        controls: Controls::default(),
        metadata: Attached::Nothing,
    };
    let stay = Stay {
        id: "stay_1".to_owned(),
        session: session.id,
        user: UserId::first_at(at(2)),
        username: Username::parse("bob").expect("a name"),
        identity: None,
        rights: Rights::default(),
        joined_at: at(2),
        connected_at: connected.then_some(at(3)),
        membership: Membership::Left,
        presence: Presence::Connected,
        departure: None,
    };
    let kind = if connected { Kind::ParticipantLeft } else { Kind::ParticipantAborted };
    let happening = Happening { kind, at: at(63), reason: None, lasted: None };
    let occurrence = Occurrence { happening, session: session.id, subject: Subject::Stay(Box::new(stay)) };
    let project = session.project.as_str().to_owned();
    (occurrence, SessionView { session, ending: None, project })
}

#[tokio::test]
async fn a_record_that_comes_twice_and_late_is_one_entry() {
    let entries = of(Vec::new());
    let (occurrence, view) = left(true);
    for _ in 0..2 {
        let (project, used) = usage::entry(&occurrence, &view).expect("a stay that is over");
        assert_eq!((project.as_str(), used.began, used.ended), ("acme", at(3), at(63)));
        entries.note_stay(&project, &used, at(99)).await.unwrap();
    }
    let used = asked(&entries, 0, DAY, Group::Room).await.unwrap();
    assert_eq!((used.groups.len(), used.groups[0].participant_time), (1, Duration::from_secs(60)));
    let (never, view) = left(false);
    assert_eq!(usage::entry(&never, &view), None, "whoever never connected used nothing");
}
