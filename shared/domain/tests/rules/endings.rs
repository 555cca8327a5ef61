//! The end of sessions, and the sweep that finds what was left lying.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use domain::moderation::{self, Actor};
use domain::ports::{DUE_PARTS, Due, Held};
use domain::sweep::Swept;
use domain::{
    Caller, Clock, ConnectionId, Departure, Error, Membership, Person, Result, SessionId, SessionState, Timestamp,
    Untold, sessions, sweep,
};

use futures_util::future::join;

use crate::fake::{Fake, START, at};

/// A session of alice in which alice and bob are connected, over `a1` and `b1`.
fn call() -> (Fake, Person, Held, Held) {
    let fake = Fake::default();
    let (alice, bob) = (fake.caller("alice"), fake.caller("bob"));
    let session = fake.session(&alice, 10);
    let (a, b) = (fake.connected(session, &alice, "a1"), fake.connected(session, &bob, "b1"));
    (fake, alice, a, b)
}

/// A clock that stands still.
struct Stopped(Timestamp);

impl Clock for Stopped {
    fn now(&self) -> Timestamp {
        self.0
    }
}

async fn sweep(fake: &Fake, seconds: u64) -> (Swept, Vec<SessionId>) {
    sweep_by(fake, seconds, &Stopped(at(seconds)), at(seconds + 1)).await.expect("what is due can be read")
}

async fn sweep_by(fake: &Fake, seconds: u64, clock: &dyn Clock, until: Timestamp) -> Result<(Swept, Vec<SessionId>)> {
    let failed = Mutex::new(Vec::new());
    let note = |session, _| failed.lock().expect("nobody panicked").push(session);
    let swept = sweep::sweep(fake.ports(seconds), clock, until, note).await?;
    let mut failed = failed.into_inner().expect("nobody panicked");
    failed.sort();
    Ok((swept, failed))
}

/// What a sweep did that was not cut.
fn done(sessions: usize, timed_out: usize, ended: usize) -> Swept {
    Swept { sessions, timed_out, ended, cut: false }
}

#[tokio::test]
async fn only_its_creator_ends_a_session_and_only_once() {
    let (fake, alice, a, b) = call();
    let [alice, bob] = [alice.clone(), Person { user_id: b.user, ..alice }].map(Caller::from);
    let end = |who| moderation::end(fake.ports(10), Actor::Caller(who), a.session);
    assert!(matches!(end(&bob).await.unwrap_err(), Error::NotPermitted { .. }));
    end(&alice).await.unwrap();
    assert!(matches!(end(&alice).await.unwrap_err(), Error::SessionEnded));
    assert_eq!(fake.state().sessions[0].state, SessionState::Ended(at(10)));
}

#[tokio::test]
async fn everybody_is_told_cut_off_and_released_when_a_session_ends() {
    let (fake, alice, a, b) = call();
    moderation::end(fake.ports(10), Actor::Caller(&Caller::from(alice)), a.session).await.unwrap();
    let expected = [
        "read roster",
        "mark ended",
        "read roster",
        "push a1 sessionEnded EndedByCreator",
        "close a1",
        "push b1 sessionEnded EndedByCreator",
        "close b1",
        "release",
        "release",
        "take off the list",
    ];
    assert_eq!(fake.journal(), expected);
    assert_eq!([fake.row(&a).membership, fake.row(&b).membership], [Membership::Ended; 2]);
}

#[tokio::test]
async fn an_ending_that_was_interrupted_is_finished_by_the_sweep() {
    let (fake, alice, a, b) = call();
    fake.fail("close b1");
    let ended = moderation::end(fake.ports(10), Actor::Caller(&Caller::from(alice)), a.session).await;
    assert_eq!(ended.unwrap_err().code(), "unavailable");
    let journal = fake.journal();
    assert!(journal.contains(&"close a1".to_owned()), "the others are cut off all the same: {journal:?}");
    assert!(!journal.contains(&"take off the list".to_owned()), "it stays where the sweep finds it");

    fake.state().failing.clear();
    assert_eq!(sweep(&fake, 69).await.0.ended, 0, "a running ending is left alone for a minute");
    fake.journal();
    assert_eq!(sweep(&fake, 70).await.0.ended, 1);
    assert!(fake.journal().contains(&"take off the list".to_owned()));
    assert_eq!([fake.row(&a).membership, fake.row(&b).membership], [Membership::Ended; 2]);
}

#[tokio::test]
async fn the_sweep_frees_seats_whose_lease_ran_out() {
    let (fake, _, a, b) = call();
    fake.change(&b, |p| p.lease_until = at(100));
    let (swept, failed) = sweep(&fake, 100).await;
    assert_eq!((swept, failed), (done(1, 1, 0), vec![]));
    assert!(fake.row(&a).holds_seat() && fake.has_left(&b));
    assert!(fake.journal().contains(&"push a1 userLeft bob Timeout".to_owned()));
}

#[tokio::test]
async fn the_sweep_tells_what_others_were_not_told() {
    let (fake, _, a, b) = call();
    fake.change(&a, |p| p.untold = Some(Untold::Join));
    fake.change(&b, |p| {
        (p.membership, p.connection) = (Membership::Left, None);
        p.untold = Some(Untold::Departure(Departure::Timeout));
    });
    fake.state().sessions[0].seats_taken = 1;
    sweep(&fake, 10).await;
    assert!(fake.journal().contains(&"push a1 userLeft bob Timeout".to_owned()));
    assert!(fake.row(&a).untold.is_none() && fake.has_left(&b));
    sweep(&fake, 20).await;
    assert_eq!(fake.journal(), [""; 0], "and not again");
}

/// A sweep lasts for minutes.
#[tokio::test]
async fn each_session_is_swept_by_the_time_at_which_its_turn_comes() {
    let (fake, _, a, b) = call();
    fake.change(&b, |p| p.lease_until = at(100));
    fake.change(&a, |p| p.lease_until = at(40));
    let (swept, _) = sweep_by(&fake, 50, &Stopped(at(100)), at(101)).await.unwrap();
    assert_eq!(swept.timed_out, 2);
}

#[tokio::test]
async fn a_session_that_stands_empty_for_the_policys_time_ends() {
    let fake = Fake::default();
    fake.session(&fake.caller("alice"), 10);
    assert_eq!(sweep(&fake, 3599).await.0.ended, 0);
    assert_eq!(sweep(&fake, 3600).await.0.ended, 1);
    assert_eq!(fake.state().sessions[0].state, SessionState::Ended(at(3600)));
}

#[tokio::test]
async fn an_occupied_session_does_not_end_however_old_it_is() {
    let (fake, _, a, b) = call();
    for held in [&a, &b] {
        fake.change(held, |p| p.lease_until = at(9000));
    }
    assert_eq!(sweep(&fake, 8000).await.0, done(1, 0, 0));
    assert!(fake.state().sessions[0].is_active());
    fake.journal();
    assert_eq!(sweep(&fake, 8001).await.0, done(0, 0, 0), "whoever leaves last has it looked at again");
}

#[tokio::test]
async fn a_session_ends_when_its_longest_time_is_over_whoever_is_there() {
    let (fake, _, a, b) = call();
    fake.state().sessions[0].controls.lifetime.longest = Some(Duration::from_secs(600));
    for held in [&a, &b] {
        fake.change(held, |p| p.lease_until = at(9000));
    }
    assert_eq!(sweep(&fake, 599).await.0.ended, 0);
    let late = sessions::join(fake.ports(600), &fake.caller("late"), a.session).await;
    assert_eq!(late.err().map(|error| error.code()), Some("session_ended"), "nobody joins once it is over");
    fake.journal();
    assert_eq!(sweep(&fake, 600).await.0.ended, 1);
    assert!(fake.journal().contains(&"push a1 sessionEnded MaxDuration".to_owned()));
    assert_eq!(fake.state().sessions[0].state, SessionState::Ended(at(600)));
}

#[tokio::test]
async fn an_occupied_session_is_looked_at_again_when_its_longest_time_is_over() {
    let (fake, _, a, b) = call();
    fake.state().sessions[0].controls.lifetime.longest = Some(Duration::from_secs(7200));
    for held in [&a, &b] {
        fake.change(held, |p| p.lease_until = at(9000));
    }
    sweep(&fake, 3600).await;
    let due = Due { session: a.session, seat: None, at: at(3600) };
    assert_eq!(fake.state().put_off, [(due, Some(at(7200)))]);
}

#[tokio::test]
async fn a_session_may_stand_empty_for_a_time_of_its_own() {
    for (empty, ends) in [(60, 60), (7200, 7200)] {
        let fake = Fake::default();
        fake.session(&fake.caller("alice"), 10);
        fake.state().sessions[0].controls.lifetime.empty = Some(Duration::from_secs(empty));
        assert_eq!(sweep(&fake, ends - 1).await.0.ended, 0, "{empty}");
        assert_eq!(sweep(&fake, ends).await.0.ended, 1, "{empty}");
    }
}

#[tokio::test]
async fn what_is_not_due_is_not_looked_at() {
    let (fake, ..) = call();
    assert_eq!(sweep(&fake, 300).await.0, done(0, 0, 0));
    assert_eq!(fake.journal(), [""; 0]);
}

/// The index may be a little old.
#[tokio::test]
async fn a_lease_that_was_renewed_since_it_was_found_is_looked_at_when_it_ends() {
    let (fake, _, _, b) = call();
    let found = Due { session: b.session, seat: Some(b.user), at: at(600) };
    fake.state().found.push(found);
    fake.change(&b, |p| p.lease_until = at(1000));
    assert_eq!(sweep(&fake, 600).await.0.timed_out, 1, "the other one");
    let step = fake.policy.lease_step();
    assert_eq!(fake.state().put_off, [(found, Some(at(1000).rounded_up(step)))]);
    assert!(fake.row(&b).holds_seat());
}

#[tokio::test]
async fn what_is_left_of_an_end_or_is_gone_is_not_looked_at_again() {
    let (fake, alice, a, b) = call();
    moderation::end(fake.ports(10), Actor::Caller(&Caller::from(alice)), a.session).await.unwrap();
    let gone = SessionId::first_at(at(5));
    let found = [(a.session, Some(b.user)), (gone, Some(b.user)), (gone, None)];
    let found = found.map(|(session, seat)| Due { session, seat, at: at(20) });
    fake.state().found.extend(found);
    sweep(&fake, 200).await;
    let mut put_off = fake.state().put_off.clone();
    put_off.retain(|(due, _)| found.contains(due));
    put_off.sort_by_key(|(due, _)| found.iter().position(|each| each == due));
    assert_eq!(put_off, found.map(|due| (due, None)));
}

/// A clock that goes on by a second with each look.
#[derive(Default)]
struct Ticking(AtomicU64);

impl Clock for Ticking {
    fn now(&self) -> Timestamp {
        at(3600 + self.0.fetch_add(1, Ordering::Relaxed))
    }
}

#[tokio::test]
async fn a_sweep_stops_when_its_time_is_over_and_the_next_goes_on() {
    let fake = Fake::default();
    let alice = fake.caller("alice");
    for _ in 0..250 {
        fake.session(&alice, 10);
    }
    let (mut ended, mut sweeps) = (0, 0);
    loop {
        let (swept, _) = sweep_by(&fake, 3600, &Ticking::default(), at(3700)).await.unwrap();
        ended += swept.ended;
        sweeps += 1;
        if !swept.cut {
            break;
        }
        assert_eq!(swept.ended, 100, "as many as there is time for");
    }
    assert_eq!((ended, sweeps), (250, 3));
}

#[tokio::test]
async fn a_part_that_cannot_be_read_does_not_stop_the_others() {
    let fake = Fake::default();
    let alice = fake.caller("alice");
    let first = fake.session(&alice, 10);
    for _ in 0..20 {
        fake.session(&alice, 10);
    }
    fake.fail(&format!("part {}", first.as_bytes()[15] % DUE_PARTS));
    sweep_by(&fake, 3600, &Stopped(at(3600)), at(3601)).await.unwrap_err();
    let state = fake.state();
    assert_eq!(state.sessions.iter().filter(|session| session.is_active()).count(), 1);
}

#[tokio::test]
async fn one_session_that_cannot_be_swept_does_not_stop_the_others() {
    let fake = Fake::default();
    let alice = fake.caller("alice");
    let sessions: Vec<_> = (0..3).map(|_| fake.session(&alice, 10)).collect();
    fake.fail(&format!("roster of {}", sessions[1]));
    let (swept, failed) = sweep(&fake, 3600).await;
    assert_eq!((swept.ended, failed), (2, vec![sessions[1]]));
    let due = Due { session: sessions[1], seat: None, at: at(3600) };
    assert_eq!(fake.state().put_off, [(due, Some(at(3660)))], "it stands in nobody's way");
}

#[tokio::test]
async fn two_sweeps_at_once_do_everything_once() {
    let (fake, alice, a, b) = call();
    fake.change(&b, |p| p.lease_until = at(100));
    let empty = fake.session(&alice, 10);
    fake.state().session(empty).expect("made").touched_at = Timestamp::default();
    fake.state().seed = 7;
    let (one, other) = join(sweep(&fake, 100), sweep(&fake, 100)).await;
    assert_eq!(one.0.timed_out + other.0.timed_out, 1);
    assert!(fake.row(&a).holds_seat() && fake.has_left(&b));
    assert!(!fake.state().session(empty).expect("made").is_active());
}

#[tokio::test]
async fn the_sweep_goes_through_every_part_page_after_page() {
    let fake = Fake::default();
    let alice = fake.caller("alice");
    for _ in 0..250 {
        fake.session(&alice, 10);
    }
    assert_eq!(sweep(&fake, 3600).await.0, done(250, 0, 250));
}

#[tokio::test]
async fn a_roster_shows_leases_that_run() {
    let (fake, _, a, b) = call();
    fake.change(&b, |p| p.lease_until = at(10));
    let roster = sessions::active_roster(&fake, a.session, at(10)).await.unwrap();
    assert_eq!(roster.present(at(10)).count(), 1);
    assert_eq!(roster.connected(at(10)), [(a.user, a.connection.clone())]);
    assert_eq!(roster.run_out(at(10)).map(|p| p.user_id).collect::<Vec<_>>(), [b.user]);
    assert_eq!(roster.others(a.user, START), [(b.user, ConnectionId::new("b1"))]);
}
