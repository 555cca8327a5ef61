//! What the sweep looks at, and what it costs.

use std::collections::BTreeSet;
use std::time::Duration;

use domain::ports::Members;
use domain::ports::{
    ActiveSessions, DUE_PARTS, Due, DueTimes, Endings, Guard, Holding, Seats, Sessions, Status, TakenSeat,
};
use domain::sweep::{LEFT_ALONE, Swept, sweep};
use domain::{Departure, Ending, Error, Lifetime, ProjectId, SessionId, Timestamp, UserId, Visibility};
use futures_util::future::join;
use testkit::{FakeSockets, Fault};

use crate::{Setting, held};

impl Setting {
    /// Everything that is due then, in the order of the parts.
    async fn due_at(&self, now: Timestamp) -> Vec<Due> {
        let mut found = Vec::new();
        for part in 0..DUE_PARTS {
            let mut last = None;
            loop {
                let page = self.store.due(part, now, last.as_ref()).await.unwrap();
                found.extend(page.items);
                last = page.next;
                if last.is_none() {
                    break;
                }
            }
        }
        found
    }

    /// When that is due, if it ever is.
    async fn time_of(&self, session: SessionId, seat: Option<UserId>) -> Option<Timestamp> {
        let found = self.due_at(self.samples.later(9_999_999)).await;
        let mut own = found.into_iter().filter(|due| (due.session, due.seat) == (session, seat));
        let first = own.next().map(|due| due.at);
        assert_eq!(own.next(), None, "noted once");
        first
    }

    pub async fn sweep(&self) -> (Swept, Vec<SessionId>) {
        let failed = std::sync::Mutex::new(Vec::new());
        let note = |session, _: Error| failed.lock().unwrap().push(session);
        let until = self.samples.later(60);
        let swept = sweep(self.ports(&FakeSockets::default()), &self.samples.clock, until, note).await.unwrap();
        (swept, failed.into_inner().unwrap())
    }
}

fn done(sessions: usize, timed_out: usize, ended: usize) -> Swept {
    Swept { sessions, timed_out, ended, cut: false }
}

#[tokio::test]
async fn a_seat_is_due_in_the_step_after_its_lease_is_over() {
    let at = Setting::new().await;
    let session = at.session(2).await.id;
    let alice = at.samples.caller("alice");
    let step = at.samples.policy.lease_step();
    let due = |until: Timestamp| Some(until.rounded_up(step));
    let attempt = at.sit(session, &alice).await;
    let seat = Some(alice.user_id);
    assert_eq!(at.time_of(session, seat).await, due(at.samples.later(60)));
    let waiting = at.participant(session, &alice).await;
    at.store.extend_wait(&waiting, at.samples.later(400)).await.unwrap();
    assert_eq!(at.time_of(session, seat).await, due(at.samples.later(400)));
    let connection = held(session, &alice, "a");
    at.take_over(&connection, attempt, &alice).await;
    assert_eq!(at.time_of(session, seat).await, due(at.samples.later(600)));
    at.store.renew(&connection, at.samples.now(), at.samples.later(1000)).await.unwrap();
    assert_eq!(at.time_of(session, seat).await, due(at.samples.later(1000)));
    let muted = Status { is_muted: true, is_video_enabled: true };
    at.store.set_status(&connection, muted, at.samples.later(2000)).await.unwrap();
    assert_eq!(at.time_of(session, seat).await, due(at.samples.later(2000)));
    at.store.lose(&connection, at.samples.now(), at.samples.later(30)).await.unwrap();
    assert_eq!(at.time_of(session, seat).await, due(at.samples.later(30)));
}

#[tokio::test]
async fn a_departure_is_due_in_a_minute_and_never_once_it_was_told() {
    let at = Setting::new().await;
    let session = at.session(2).await.id;
    let alice = at.samples.caller("alice");
    at.connect(session, &alice, "a").await;
    let seen = at.participant(session, &alice).await;
    let (now, kept, empty) = (at.samples.now(), at.samples.later(60), at.samples.later(3600));
    at.store.free_seat(&seen, Guard::Seated, Departure::Left, now, kept, empty).await.unwrap();
    assert_eq!(at.time_of(session, Some(alice.user_id)).await, Some(now + LEFT_ALONE));
    assert_eq!(at.time_of(session, None).await, Some(empty), "the session too, when it has stood empty");
    let left = at.roster(session).await.departed.remove(0);
    at.store.told(&left, kept).await.unwrap();
    assert_eq!(at.time_of(session, Some(alice.user_id)).await, None);
}

#[tokio::test]
async fn a_session_with_a_lifetime_of_its_own_is_due_by_that() {
    let seconds = Duration::from_secs;
    for (lifetime, first, left) in [
        (Lifetime { empty: Some(seconds(60)), longest: None }, 60, 60),
        (Lifetime { empty: Some(seconds(7200)), longest: None }, 7200, 7200),
        (Lifetime { empty: None, longest: Some(seconds(90)) }, 90, 90),
        (Lifetime { empty: Some(seconds(60)), longest: Some(seconds(90)) }, 60, 60),
    ] {
        let at = Setting::new().await;
        let mut session = at.samples.session(&at.samples.caller("host"), 2);
        session.controls.lifetime = lifetime;
        at.store.add(&session, session.due(at.samples.now(), &at.samples.policy)).await.unwrap();
        assert_eq!(at.roster(session.id).await.session, session, "it is kept");
        let alice = at.samples.caller("alice");
        at.connect(session.id, &alice, "a").await;
        let (step, now) = (lifetime.empty.map_or(seconds(1), |empty| empty / 12), at.samples.now());
        let about = |noted: Option<Timestamp>, after: u64| {
            let due = at.samples.later(after);
            noted.is_some_and(|noted| noted >= due && noted <= due + step)
        };
        assert!(about(at.time_of(session.id, None).await, first), "{lifetime:?}");
        let seen = at.participant(session.id, &alice).await;
        let freed =
            at.store.free_seat(&seen, Guard::Seated, Departure::Left, now, at.samples.later(60), at.empty_until());
        assert!(freed.await.unwrap());
        assert!(about(at.time_of(session.id, None).await, left), "{lifetime:?}");
        let again =
            at.store.free_seat(&seen, Guard::Seated, Departure::Left, now, at.samples.later(60), at.empty_until());
        assert!(!again.await.unwrap(), "a seat is freed once");
        assert_eq!(at.roster(session.id).await.session.seats_taken, 0);
    }
}

#[tokio::test]
async fn nobody_joins_a_session_whose_longest_time_is_over() {
    let at = Setting::new().await;
    let mut session = at.samples.session(&at.samples.caller("host"), 5);
    session.controls.lifetime.longest = Some(Duration::from_secs(60));
    at.store.add(&session, at.samples.later(60)).await.unwrap();
    let take = |name: &str, seconds: u64| {
        let (caller, now) = (at.samples.caller(name), at.samples.later(seconds));
        let (store, until) = (&at.store, at.samples.later(600));
        async move { store.take_seat(session.id, &caller, now, until, until).await.unwrap() }
    };
    assert!(matches!(take("alice", 59).await, TakenSeat::Taken(_)));
    assert_eq!(take("bob", 60).await, TakenSeat::Refused);
}

#[tokio::test]
async fn an_ending_is_due_in_a_minute_and_never_once_it_is_finished() {
    let at = Setting::new().await;
    let session = at.session(2).await;
    let alice = at.samples.caller("alice");
    at.connect(session.id, &alice, "a").await;
    assert_eq!(at.time_of(session.id, None).await, Some(at.empty_until()));
    at.store.mark_ended(session.id, at.samples.now(), Ending::EndedByCreator, None).await.unwrap();
    assert_eq!(at.time_of(session.id, None).await, Some(at.samples.now() + LEFT_ALONE));
    at.store.release(session.id, alice.user_id, at.samples.now(), at.samples.later(60)).await.unwrap();
    assert_eq!(at.time_of(session.id, Some(alice.user_id)).await, None);
    at.store.forget_active(&session, at.samples.later(60)).await.unwrap();
    assert_eq!(at.time_of(session.id, None).await, None);
}

#[tokio::test]
async fn an_ending_stays_due_until_its_last_step() {
    for nth in 0..3 {
        let at = Setting::new().await;
        let session = at.session(2).await;
        at.store.mark_ended(session.id, at.samples.now(), Ending::EndedByCreator, None).await.unwrap();
        at.database.door().fail_from("UpdateItem", Fault::Refused, nth);
        at.store.forget_active(&session, at.samples.later(60)).await.unwrap_err();
        at.database.door().heal();
        assert!(at.time_of(session.id, None).await.is_some(), "step {nth}");
        at.store.forget_active(&session, at.samples.later(60)).await.unwrap();
        assert_eq!(at.time_of(session.id, None).await, None, "step {nth}");
        assert_eq!(
            at.store.active(&ProjectId::default(), Some(Visibility::Public), 10, None).await.unwrap().items,
            [],
            "step {nth}"
        );
    }
}

#[tokio::test]
async fn what_is_due_is_read_page_by_page_the_longest_overdue_first() {
    let at = Setting::new().await;
    let session = at.session(100).await.id;
    for n in 0..100 {
        at.sit(session, &at.samples.caller(&format!("user{n}"))).await;
    }
    let [.., last] = *session.as_bytes();
    let (part, now) = (last % DUE_PARTS, at.samples.later(7200));
    let page = at.store.due(part, now, None).await.unwrap();
    assert_eq!(page.items.len(), 100);
    let rest = at.store.due(part, now, page.next.as_ref()).await.unwrap();
    let all: Vec<_> = page.items.into_iter().chain(rest.items).collect();
    assert_eq!((all.len(), rest.next), (101, None));
    assert!(all.is_sorted_by_key(|due| due.at));
    let seats: BTreeSet<_> = all.iter().map(|due| due.seat).collect();
    assert_eq!(seats.len(), 101, "each once");
}

#[tokio::test]
async fn putting_off_counts_only_where_nothing_changed() {
    let at = Setting::new().await;
    let session = at.session(2).await.id;
    let due = Due { session, seat: None, at: at.empty_until() };
    let changed = Due { at: at.samples.later(1), ..due };
    at.store.put_off(&changed, None).await.unwrap();
    at.store.note_due(&changed).await.unwrap();
    assert_eq!(at.time_of(session, None).await, Some(due.at));
    at.store.put_off(&due, Some(at.samples.later(7200))).await.unwrap();
    assert_eq!(at.time_of(session, None).await, Some(at.samples.later(7200)));
    at.store.put_off(&Due { at: at.samples.later(7200), ..due }, None).await.unwrap();
    assert_eq!(at.time_of(session, None).await, None);
    at.store.note_due(&changed).await.unwrap();
    assert_eq!(at.time_of(session, None).await, Some(changed.at), "noted where nothing was");
    let gone = Due { session, seat: Some(at.samples.user("nobody").id), at: changed.at };
    at.store.put_off(&gone, Some(changed.at)).await.unwrap();
    at.store.note_due(&gone).await.unwrap();
    assert_eq!(at.time_of(session, gone.seat).await, None, "nobody is made up");
}

#[tokio::test]
async fn a_sweep_frees_what_ran_out_ends_what_stood_empty_and_then_has_nothing_to_do() {
    let at = Setting::new().await;
    let [occupied, empty] = [at.session(5).await, at.session(5).await];
    let [alice, bob] = ["alice", "bob"].map(|name| at.samples.caller(name));
    let stays = at.connect(occupied.id, &alice, "a").await;
    at.connect(occupied.id, &bob, "b").await;
    at.samples.clock.advance(Duration::from_secs(500));
    at.store.renew(&stays, at.samples.now(), at.samples.later(9000)).await.unwrap();
    at.samples.clock.advance(Duration::from_secs(500));
    assert_eq!(at.sweep().await.0, done(1, 1, 0));
    assert!(at.participant(occupied.id, &alice).await.is_on(&stays.connection));
    assert_eq!(at.sweep().await.0, done(0, 0, 0));

    at.samples.clock.advance(Duration::from_secs(3000));
    assert_eq!(at.sweep().await.0.ended, 1, "the empty one");
    assert!(!at.roster(empty.id).await.session.is_active());
    assert!(at.roster(occupied.id).await.session.is_active());
    at.samples.clock.advance(Duration::from_secs(900));
    at.sweep().await;
    assert_eq!(at.sweep().await.0, done(0, 0, 0));
}

#[tokio::test]
async fn a_session_that_cannot_be_swept_is_put_off_and_the_others_are_not() {
    let at = Setting::new().await;
    let [spoilt, sound] = [at.session(5).await, at.session(5).await];
    at.database.spoil(&format!("SESSION#{}", spoilt.id), "META").await;
    at.samples.clock.advance(Duration::from_secs(3900));
    let (swept, failed) = at.sweep().await;
    assert_eq!((swept.ended, failed), (1, vec![spoilt.id]));
    assert!(!at.roster(sound.id).await.session.is_active());
    assert_eq!(at.time_of(spoilt.id, None).await, Some(at.samples.now() + LEFT_ALONE));
}

#[tokio::test]
async fn a_sweep_that_was_interrupted_anywhere_is_finished_by_the_next() {
    for operation in ["Query", "UpdateItem", "TransactWriteItems", "DeleteItem"] {
        for nth in 0..6 {
            let at = Setting::new().await;
            let (occupied, empty) = (at.session(5).await, at.session(5).await);
            let [alice, bob] = ["alice", "bob"].map(|name| at.samples.caller(name));
            let stays = at.connect(occupied.id, &alice, "a").await;
            at.connect(occupied.id, &bob, "b").await;
            at.samples.clock.advance(Duration::from_secs(500));
            at.store.renew(&stays, at.samples.now(), at.samples.later(9000)).await.unwrap();
            at.samples.clock.advance(Duration::from_secs(3500));
            // Every part is read by a query of its own.
            let spared = if operation == "Query" { usize::from(DUE_PARTS) - 1 + nth } else { nth };
            at.database.door().fail_from(operation, Fault::Refused, spared);
            let until = at.samples.later(60);
            let _interrupted = sweep(at.ports(&FakeSockets::default()), &at.samples.clock, until, |_, _| {}).await;
            at.database.door().heal();
            for _ in 0..2 {
                at.samples.clock.advance(LEFT_ALONE);
                at.sweep().await;
            }
            let roster = at.roster(occupied.id).await;
            let here: Vec<_> = roster.participants.iter().map(|seat| seat.user_id).collect();
            assert_eq!((here, roster.departed), (vec![alice.user_id], vec![]), "{operation} {nth}");
            assert!(!at.roster(empty.id).await.session.is_active(), "{operation} {nth}");
            assert_eq!(at.time_of(empty.id, None).await, None, "{operation} {nth}");
        }
    }
}

#[tokio::test]
async fn two_sweeps_at_once_leave_what_one_would_have_left() {
    let at = Setting::new().await;
    let session = at.session(100).await.id;
    for n in 0..30 {
        at.connect(session, &at.samples.caller(&format!("user{n}")), &format!("c{n}")).await;
    }
    at.samples.clock.advance(Duration::from_secs(1000));
    let ((one, failed), (other, also_failed)) = join(at.sweep(), at.sweep()).await;
    assert_eq!((one.sessions, other.sessions, failed, also_failed), (1, 1, vec![], vec![]));
    let roster = at.roster(session).await;
    assert_eq!((roster.session.seats_taken, roster.participants.len(), roster.departed), (0, 0, vec![]));
}
