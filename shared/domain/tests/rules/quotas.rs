//! What a project may have at the same time.

use std::collections::HashSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use domain::ports::{About, Live, LiveKind, Living, Members, RoomNames};
use domain::quotas::{self, Quotas};
use domain::{
    Context, Error, Identity, Participant, Person, ProjectId, Quota, Result, RoomName, RoomRef, Session, SessionId,
    Timestamp, UserId,
};

use crate::fake::{Fake, at};

/// A table in which things go on; how often they were counted, and who holds a seat.
#[derive(Default)]
struct Table {
    live: Mutex<HashSet<String>>,
    counts: AtomicUsize,
    seated: Option<Participant>,
    rooms: Vec<(String, SessionId)>,
}

impl Table {
    fn with(count: usize) -> Self {
        Self { live: Mutex::new((0..count).map(|n| n.to_string()).collect()), ..Self::default() }
    }
}

impl Live for Table {
    async fn note_live(&self, _: &ProjectId, what: &Living, _: Timestamp) -> Result<()> {
        self.live.lock().expect("no panic").insert(format!("{what:?}"));
        Ok(())
    }

    async fn note_over(&self, _: &ProjectId, what: &Living) -> Result<()> {
        self.live.lock().expect("no panic").remove(&format!("{what:?}"));
        Ok(())
    }

    async fn count_live(&self, _: &ProjectId, _: LiveKind, most: u32, _: Timestamp) -> Result<u32> {
        self.counts.fetch_add(1, Ordering::Relaxed);
        let count = self.live.lock().expect("no panic").len();
        Ok(u32::try_from(count).expect("few").min(most))
    }
}

impl Members for Table {
    async fn about(&self, _: SessionId, _: UserId) -> Result<Option<About>> {
        unreachable!("nobody is told")
    }

    async fn member(&self, _: SessionId, user: UserId) -> Result<Option<Participant>> {
        Ok(self.seated.clone().filter(|seated| seated.user_id == user))
    }

    async fn told(&self, _: &Participant, _: Timestamp) -> Result<()> {
        unreachable!("nobody is told")
    }

    async fn was_left(&self, _: &domain::ports::Held) -> Result<bool> {
        unreachable!("nobody leaves")
    }

    async fn note_waiting(&self, _: SessionId, _: UserId) -> Result<bool> {
        unreachable!("nobody waits")
    }

    async fn member_hint(&self, session: SessionId, user: UserId) -> Result<Option<Participant>> {
        self.member(session, user).await
    }
}

impl RoomNames for Table {
    async fn room(&self, _: &ProjectId, name: &RoomName, _: bool) -> Result<Option<SessionId>> {
        Ok(self.rooms.iter().find(|(room, _)| room == name.as_str()).map(|(_, session)| *session))
    }

    async fn add_room(&self, _: &Session, _: Timestamp, _: Option<SessionId>) -> Result<Option<SessionId>> {
        unreachable!("no room is made")
    }
}

fn acme() -> ProjectId {
    ProjectId::parse("acme").expect("a name")
}

/// A user of an app.
fn user(fake: &Fake, name: &str) -> Person {
    let mut person = fake.caller(name);
    person.scope.project = acme();
    person.identity = Identity::parse(name).ok();
    person
}

fn daily() -> RoomName {
    RoomName::parse("daily").expect("a name")
}

fn current(refused: Result<()>) -> Option<(Quota, u32, u32)> {
    match refused {
        Err(Error::QuotaExceeded { quota, max, current }) => Some((quota, max, current)),
        Err(other) => panic!("{other}"),
        Ok(()) => None,
    }
}

fn limited(participants: u32, sessions: u32) -> Fake {
    let mut fake = Fake::default();
    (fake.policy.participants_per_project, fake.policy.sessions_per_project) = (participants, sessions);
    fake
}

#[tokio::test]
async fn a_count_is_believed_for_five_seconds_and_whoever_was_let_in_since_counts() {
    let (fake, table, quotas) = (limited(3, 9), Table::with(1), Quotas::default());
    let join = async |name: &str, seconds: u64| {
        let context = Context { now: at(seconds), ..fake.context(0) };
        let room = RoomRef::Room(daily());
        current(quotas::admit_participant(&table, &quotas, context, &user(&fake, name), &room).await)
    };
    assert_eq!([join("ann", 0).await, join("ben", 1).await], [None, None]);
    let full = Some((Quota::ConnectedParticipants, 3, 3));
    assert_eq!([join("carl", 2).await, join("carl", 4).await], [full, full]);
    assert_eq!(table.counts.load(Ordering::Relaxed), 1);
    assert_eq!(join("carl", 5).await, None, "those who were let in did not connect");
    assert_eq!(table.counts.load(Ordering::Relaxed), 2);
}

#[tokio::test]
async fn whoever_holds_a_seat_comes_back_though_the_project_is_full() {
    let (fake, quotas) = (limited(1, 9), Quotas::default());
    let ann = user(&fake, "ann");
    let held = fake.connected(fake.session(&fake.caller("host"), 5), &ann, "a1");
    let seated = Some(fake.row(&held)).map(|row| Participant { user_id: ann.user_id, ..row });
    let table = Table { seated, rooms: vec![("daily".to_owned(), held.session)], ..Table::with(1) };
    for room in [RoomRef::Room(daily()), RoomRef::Session(held.session)] {
        assert!(quotas::admit_participant(&table, &quotas, fake.context(0), &ann, &room).await.is_ok());
        let late = quotas::admit_participant(&table, &quotas, fake.context(0), &user(&fake, "late"), &room).await;
        assert_eq!(current(late), Some((Quota::ConnectedParticipants, 1, 1)));
    }
}

#[tokio::test]
async fn a_room_that_is_there_is_no_new_session() {
    let (fake, quotas) = (limited(9, 1), Quotas::default());
    let table = Table { rooms: vec![("daily".to_owned(), SessionId::first_at(at(0)))], ..Table::with(1) };
    let (weekly, daily) = (RoomName::parse("weekly").expect("a name"), daily());
    let make = async |room: Option<&RoomName>| {
        current(quotas::admit_session(&table, &quotas, fake.context(0), &acme(), room).await)
    };
    assert_eq!(make(Some(&daily)).await, None);
    let full = Some((Quota::ActiveSessions, 1, 1));
    assert_eq!([make(Some(&weekly)).await, make(None).await], [full, full]);
}

#[tokio::test]
async fn the_accounts_project_counts_nothing() {
    let (fake, table, quotas) = (limited(0, 0), Table::with(5), Quotas::default());
    let room = RoomRef::Room(daily());
    assert!(quotas::admit_participant(&table, &quotas, fake.context(0), &fake.caller("alice"), &room).await.is_ok());
    let default = ProjectId::default();
    assert!(quotas::admit_session(&table, &quotas, fake.context(0), &default, None).await.is_ok());
    assert!(quotas::count_call(&fake, fake.context(0), &default).await.is_ok());
    assert_eq!(table.counts.load(Ordering::Relaxed), 0);
}

#[tokio::test]
async fn a_backends_calls_are_counted_by_the_second() {
    let mut fake = Fake::default();
    fake.policy.calls_per_project = 2;
    let call = async |seconds: u64| current(quotas::count_call(&fake, fake.context(seconds), &acme()).await);
    assert_eq!([call(0).await, call(0).await, call(0).await], [None, None, Some((Quota::ServerCalls, 2, 2))]);
}
