//! Rights, bans and locks: kept with what a join and a departure write anyway, and raced by two hundred of them.

use std::sync::Arc;
use std::time::Duration;

use domain::about::About;
use domain::moderation::{self, Actor};
use domain::ports::{
    Abouts, Again, Ban, ControlsSet, Emptied, Families, Guard, Knock, Members, Moderation, Outcome, Rosters, Seats,
    SessionChange, TakenSeat, Verdict, Visits, WaitingRoom, Waits,
};
use domain::sessions::Entry;
use domain::{
    Caller, ConnectionId, Departure, Grants, Introduction, Metadata, Participant, Permission, Person, Rights,
    RightsChange, Role, Session, SessionId, Timestamp, Untold, UserId, Username,
};
use testkit::FakeSockets;

use crate::Setting;

async fn lock(at: &Setting, session: SessionId, locked: bool) -> Session {
    let change = SessionChange { locked: Some(locked), ..SessionChange::default() };
    match at.store.set_controls(session, &change, at.samples.now()).await.unwrap() {
        ControlsSet::Set(session) => *session,
        ControlsSet::Refused => panic!("the session is there"),
    }
}

/// Rights with a role that somebody gave.
fn made(role: Role) -> Rights {
    RightsChange { role: Some(role), permissions: Vec::new() }.applied_to(Rights::default())
}

async fn set(at: &Setting, seen: &Participant, role: Role) -> Option<Participant> {
    at.store.change_seat(seen, made(role), &seen.username, at.samples.now()).await.unwrap()
}

async fn ban(at: &Setting, session: SessionId, user: UserId, until: Timestamp) {
    let ban = Ban { at: at.samples.now(), until, noted_until: at.samples.later(30 * 86_400), shortens: true };
    at.store.ban(session, user, ban).await.unwrap();
}

async fn leave(at: &Setting, session: SessionId, caller: &Person, reason: Departure) {
    let seat = at.participant(session, caller).await;
    let (now, later) = (at.samples.now(), at.samples.later(60));
    assert!(at.store.free_seat(&seat, Guard::Seated, reason, now, later, later).await.unwrap());
    let left = at.store.member(session, caller.user_id).await.unwrap().expect("not told yet");
    at.store.told(&left, at.samples.later(86_400)).await.unwrap();
    assert_eq!(at.store.member(session, caller.user_id).await.unwrap(), None);
}

#[tokio::test]
async fn rights_are_set_as_long_as_they_are_as_they_were_seen() {
    let at = Setting::new().await;
    let (session, bob) = (at.session(3).await.id, at.samples.caller("bob"));
    at.sit(session, &bob).await;
    let seen = at.participant(session, &bob).await;
    assert_eq!(seen.rights, Rights::default());
    let viewer = set(&at, &seen, Role::Viewer).await.expect("as it was seen");
    assert_eq!(viewer.rights, made(Role::Viewer));
    assert_eq!(set(&at, &seen, Role::Cohost).await, None);
    assert!(set(&at, &viewer, Role::Cohost).await.is_some());
    assert_eq!(at.participant(session, &bob).await.rights.role, Role::Cohost);
}

#[tokio::test]
async fn the_creator_is_the_host_without_a_note() {
    let at = Setting::new().await;
    let creator = at.samples.caller("creator");
    let session = at.samples.session(&creator, 3);
    domain::ports::Sessions::add(&at.store, &session, at.empty_until()).await.unwrap();
    at.sit(session.id, &creator).await;
    assert_eq!(at.participant(session.id, &creator).await.rights.role, Role::Host);
}

#[tokio::test]
async fn whoever_leaves_finds_the_same_rights_and_whoever_is_removed_steers_no_more() {
    let at = Setting::new().await;
    let session = at.session(4).await.id;
    let [bob, carol, dave] = ["bob", "carol", "dave"].map(|name| at.samples.caller(name));
    for (who, rights) in [(&bob, made(Role::Cohost)), (&carol, made(Role::Viewer)), (&dave, made(Role::Cohost))] {
        at.sit(session, who).await;
        let seat = at.participant(session, who).await;
        at.store.change_seat(&seat, rights, &seat.username, at.samples.now()).await.unwrap().expect("nobody else did");
    }
    leave(&at, session, &bob, Departure::Left).await;
    leave(&at, session, &carol, Departure::Timeout).await;
    leave(&at, session, &dave, Departure::Removed).await;
    for (who, role) in [(&bob, Role::Cohost), (&carol, Role::Viewer), (&dave, Role::Participant)] {
        at.sit(session, who).await;
        assert!(at.participant(session, who).await.rights.look_as(Rights::of(role)));
    }
}

#[tokio::test]
async fn whoever_left_before_they_were_removed_passes_no_door_and_keeps_what_was_taken() {
    let at = Setting::new().await;
    let (_, session) = waiting_room(&at, 4).await;
    let [bob, carol, dave] = ["bob", "carol", "dave"].map(|name| at.samples.caller(name));
    for (who, rights) in [(&bob, made(Role::Cohost)), (&carol, made(Role::Viewer))] {
        at.store.let_pass(session, who.user_id, at.samples.now(), at.samples.later(86_400)).await.unwrap();
        at.sit(session, who).await;
        let seat = at.participant(session, who).await;
        at.store.change_seat(&seat, rights, &seat.username, at.samples.now()).await.unwrap().expect("nobody else did");
        leave(&at, session, who, Departure::Left).await;
    }
    for who in [&bob, &carol, &dave] {
        at.store.hold_up(session, who.user_id).await.unwrap();
        assert_eq!(at.take_seat(session, who).await, TakenSeat::Waits);
        at.store.let_pass(session, who.user_id, at.samples.now(), at.samples.later(86_400)).await.unwrap();
    }
    for (who, role) in [(&bob, Role::Participant), (&carol, Role::Viewer), (&dave, Role::Participant)] {
        at.sit(session, who).await;
        assert!(at.participant(session, who).await.rights.look_as(Rights::of(role)));
    }
}

#[tokio::test]
async fn rights_stay_with_somebody_who_comes_back_before_the_others_were_told() {
    let at = Setting::new().await;
    let (session, bob) = (at.session(3).await.id, at.samples.caller("bob"));
    at.sit(session, &bob).await;
    let seat = at.participant(session, &bob).await;
    let seat = set(&at, &seat, Role::Viewer).await.expect("nobody else did");
    let (now, later) = (at.samples.now(), at.samples.later(60));
    at.store.free_seat(&seat, Guard::Seated, Departure::Left, now, later, later).await.unwrap();
    at.sit(session, &bob).await;
    assert_eq!(at.participant(session, &bob).await.rights.role, Role::Viewer);
}

#[tokio::test]
async fn a_ban_keeps_out_until_it_ends_whoever_was_here_or_never_came() {
    let at = Setting::new().await;
    let session = at.session(3).await.id;
    let [bob, carol] = ["bob", "carol"].map(|name| at.samples.caller(name));
    let first = at.sit(session, &bob).await;
    ban(&at, session, bob.user_id, at.samples.later(60)).await;
    ban(&at, session, carol.user_id, at.samples.later(60)).await;
    assert_eq!(at.take_seat(session, &bob).await, TakenSeat::HeldAlready, "a seat is taken away by who bans");
    leave(&at, session, &bob, Departure::Removed).await;
    for who in [&bob, &carol] {
        assert_eq!(at.take_seat(session, who).await, TakenSeat::Banned(at.samples.later(60)));
    }
    at.samples.clock.advance(Duration::from_secs(60));
    assert!(at.sit(session, &bob).await > first, "the attempts go on from before");
    at.sit(session, &carol).await;
}

#[tokio::test]
async fn a_ban_that_is_lifted_lets_in_and_one_that_is_not_there_leaves_no_trace() {
    let at = Setting::new().await;
    let (session, [bob, carol]) = (at.session(3).await.id, ["bob", "carol"].map(|name| at.samples.caller(name)));
    ban(&at, session, bob.user_id, at.samples.later(60)).await;
    assert_eq!(at.store.banned_until(session, bob.user_id).await.unwrap(), Some(at.samples.later(60)));
    for who in [&bob, &carol] {
        at.store.lift_ban(session, who.user_id).await.unwrap();
        assert_eq!(at.store.banned_until(session, who.user_id).await.unwrap(), None);
    }
    at.sit(session, &bob).await;
    assert!(domain::ports::Visits::visits(&at.store, carol.user_id).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_ban_is_found_where_the_traces_of_an_account_are_looked_for() {
    let at = Setting::new().await;
    let (session, bob) = (at.session(3).await.id, at.samples.caller("bob"));
    ban(&at, session, bob.user_id, at.samples.later(60)).await;
    let visits = at.store.visits(bob.user_id).await.unwrap();
    assert_eq!(visits.iter().map(|visit| (visit.session, visit.family)).collect::<Vec<_>>(), [(session, None)]);
    domain::ports::Erasures::erase_traces(&at.store, bob.user_id, session).await.unwrap();
    assert_eq!(at.store.visits(bob.user_id).await.unwrap(), []);
}

#[tokio::test]
async fn a_locked_session_takes_its_creator_and_who_steered_it_before() {
    let at = Setting::new().await;
    let creator = at.samples.caller("creator");
    let session = at.samples.session(&creator, 4);
    domain::ports::Sessions::add(&at.store, &session, at.empty_until()).await.unwrap();
    let session = session.id;
    let [bob, carol, dave] = ["bob", "carol", "dave"].map(|name| at.samples.caller(name));
    for (who, role) in [(&bob, Role::Cohost), (&carol, Role::Participant)] {
        at.sit(session, who).await;
        let seat = at.participant(session, who).await;
        set(&at, &seat, role).await.expect("nobody else did");
        leave(&at, session, who, Departure::Left).await;
    }
    assert!(lock(&at, session, true).await.controls.locked);
    for who in [&carol, &dave] {
        assert_eq!(at.take_seat(session, who).await, TakenSeat::Locked);
    }
    at.sit(session, &creator).await;
    at.sit(session, &bob).await;
    assert!(!lock(&at, session, false).await.controls.locked);
    at.sit(session, &carol).await;
}

#[tokio::test]
async fn settings_are_counted_and_refused_where_another_version_was_seen() {
    let at = Setting::new().await;
    let session = at.session(3).await;
    let set = async |seen| {
        let change = SessionChange { max_participants: Some(9), seen, ..SessionChange::default() };
        at.store.set_controls(session.id, &change, at.samples.now()).await.unwrap()
    };
    assert!(matches!(set(Some(1)).await, ControlsSet::Refused));
    for (seen, version) in [(Some(0), 1), (Some(1), 2), (None, 3)] {
        let ControlsSet::Set(changed) = set(seen).await else { panic!("{seen:?} is what is there") };
        assert_eq!(
            (changed.controls.version, changed.max_participants, changed.name),
            (version, 9, session.name.clone())
        );
    }
    assert!(matches!(set(Some(0)).await, ControlsSet::Refused));
    let never = at.samples.session(&at.samples.caller("nobody"), 2).id;
    assert_eq!(
        at.store.set_controls(never, &SessionChange::default(), at.samples.now()).await.unwrap(),
        ControlsSet::Refused
    );
}

/// A knock as a join makes it.
fn knock(at: &Setting, session: SessionId, place: u8, caller: &Person) -> Knock {
    Knock::new(session, place, caller, at.samples.now(), at.samples.later(60))
}

async fn waiting_room(at: &Setting, seats: u8) -> (Person, SessionId) {
    let host = at.samples.caller("host");
    let mut session = at.samples.session(&host, seats);
    session.controls.waiting_room = true;
    domain::ports::Sessions::add(&at.store, &session, at.empty_until()).await.unwrap();
    (host, session.id)
}

#[tokio::test]
async fn a_waiting_room_keeps_out_who_was_not_admitted_and_takes_back_who_was() {
    let at = Setting::new().await;
    let (host, session) = waiting_room(&at, 4).await;
    let bob = at.samples.caller("bob");
    at.sit(session, &host).await;
    assert_eq!(at.take_seat(session, &bob).await, TakenSeat::Waits);
    at.store.let_pass(session, bob.user_id, at.samples.now(), at.samples.later(86_400)).await.unwrap();
    let verdict = at.store.verdict(session, bob.user_id).await.unwrap();
    assert_eq!(verdict, Verdict::Passes);
    at.sit(session, &bob).await;
    for reason in [Departure::Timeout, Departure::Left] {
        leave(&at, session, &bob, reason).await;
        at.sit(session, &bob).await;
    }
    at.store.hold_up(session, bob.user_id).await.unwrap();
    leave(&at, session, &bob, Departure::Removed).await;
    assert_eq!(at.take_seat(session, &bob).await, TakenSeat::Waits);
}

#[tokio::test]
async fn whoever_sat_there_before_the_waiting_room_was_made_passes_it() {
    let at = Setting::new().await;
    let (session, bob) = (at.session(4).await.id, at.samples.caller("bob"));
    at.sit(session, &bob).await;
    leave(&at, session, &bob, Departure::Timeout).await;
    let change = SessionChange { waiting_room: Some(true), ..SessionChange::default() };
    let set = at.store.set_controls(session, &change, at.samples.now()).await.unwrap();
    assert!(matches!(set, ControlsSet::Set(changed) if changed.controls.waiting_room));
    assert_eq!(at.take_seat(session, &at.samples.caller("carol")).await, TakenSeat::Waits);
    at.sit(session, &bob).await;
    let change = SessionChange { waiting_room: Some(false), locked: Some(false), ..SessionChange::default() };
    at.store.set_controls(session, &change, at.samples.now()).await.unwrap();
    at.sit(session, &at.samples.caller("dave")).await;
}

#[tokio::test]
async fn a_ban_goes_before_the_waiting_room_and_takes_the_admission_away() {
    let at = Setting::new().await;
    let (_, session) = waiting_room(&at, 4).await;
    let bob = at.samples.caller("bob");
    at.store.let_pass(session, bob.user_id, at.samples.now(), at.samples.later(86_400)).await.unwrap();
    ban(&at, session, bob.user_id, at.samples.later(60)).await;
    assert_eq!(at.take_seat(session, &bob).await, TakenSeat::Banned(at.samples.later(60)));
    let shorter = Ban {
        at: at.samples.now(),
        until: at.samples.later(5),
        noted_until: at.samples.later(86_400),
        shortens: false,
    };
    at.store.ban(session, bob.user_id, shorter).await.unwrap();
    at.samples.clock.advance(Duration::from_secs(30));
    assert_eq!(at.take_seat(session, &bob).await, TakenSeat::Banned(at.samples.later(30)));
    at.samples.clock.advance(Duration::from_secs(30));
    assert_eq!(at.take_seat(session, &bob).await, TakenSeat::Waits);
}

#[tokio::test]
async fn a_place_is_one_persons_until_their_lease_runs_out() {
    let at = Setting::new().await;
    let (_, session) = waiting_room(&at, 4).await;
    let [bob, carol] = ["bob", "carol"].map(|name| at.samples.caller(name));
    let bobs = knock(&at, session, 7, &bob);
    assert!(at.store.wait(&bobs, at.samples.now()).await.unwrap());
    assert!(!at.store.wait(&knock(&at, session, 7, &carol), at.samples.now()).await.unwrap());
    assert_eq!(at.roster(session).await.waiting, std::slice::from_ref(&bobs));
    let (waits, connection) = (Waits::from(&bobs), ConnectionId::new("b1"));
    at.samples.clock.advance(Duration::from_secs(30));
    assert!(at.store.keep_waiting(&waits, &connection, at.samples.now(), at.samples.later(60)).await.unwrap());
    let kept = at.roster(session).await.waiting;
    assert_eq!(
        kept,
        [Knock { connection: Some(connection.clone()), lease_until: at.samples.later(60), ..bobs.clone() }]
    );
    let stop = async |waits: &Waits, only: &Emptied| {
        at.store.stop_waiting(waits, only, Outcome::Denied(Departure::Timeout), at.samples.now()).await.unwrap()
    };
    assert!(!stop(&waits, &Emptied::On(ConnectionId::new("b0"))).await);
    assert!(!stop(&waits, &Emptied::RunOut(bobs.lease_until)).await);
    at.samples.clock.advance(Duration::from_secs(61));
    assert!(!at.store.keep_waiting(&waits, &connection, at.samples.now(), at.samples.later(60)).await.unwrap());
    let carols = knock(&at, session, 7, &carol);
    assert!(!at.store.wait(&carols, at.samples.now()).await.unwrap(), "nobody noted what became of bob");
    assert!(stop(&waits, &Emptied::RunOut(kept[0].lease_until)).await);
    assert!(at.store.wait(&carols, at.samples.now()).await.unwrap());
    assert!(!stop(&waits, &Emptied::Anyway).await, "it is carol's");
    let roster = at.roster(session).await;
    assert_eq!(roster.waiters(at.samples.now()).iter().map(|k| k.user_id).collect::<Vec<_>>(), [carol.user_id]);
    let carol_waits = Waits { user: carol.user_id, ..waits };
    assert!(stop(&carol_waits, &Emptied::Anyway).await);
    assert!(!stop(&carol_waits, &Emptied::Anyway).await, "once");
    assert_eq!(at.roster(session).await.waiting, []);
}

/// However many knock at once, and whoever admits, turns away and switches meanwhile: no more wait than may, nobody sits there who
/// was not admitted, and seats are counted as they are taken.
#[tokio::test]
async fn two_hundred_who_knock_at_once_find_fifty_places_and_only_the_admitted_a_seat() {
    let at = Arc::new(Setting::new().await);
    let (host, session) = waiting_room(&at, 20).await;
    at.sit(session, &host).await;
    let callers: Vec<_> = (0..200).map(|n| at.samples.caller(&format!("user{n}"))).collect();
    for caller in &callers {
        at.store.start(caller.user_id, caller.family, "hash", at.samples.later(9999)).await.unwrap();
    }
    let join = |caller: &Person| {
        let (at, caller) = (Arc::clone(&at), caller.clone());
        tokio::spawn(async move {
            let sockets = FakeSockets::default();
            match domain::sessions::join(at.ports(&sockets), &caller, session).await {
                Ok(Entry::Seated(_)) => "seated",
                Ok(Entry::Waits(_)) => "waits",
                Err(error) => error.code(),
            }
        })
    };
    let mut answers = Vec::new();
    for knocking in callers.iter().map(join).collect::<Vec<_>>() {
        answers.push(knocking.await.unwrap());
    }
    assert_eq!(answers.iter().filter(|answer| **answer == "waits").count(), 50, "{answers:?}");
    assert_eq!(answers.iter().filter(|answer| **answer == "waiting_room_full").count(), 150, "{answers:?}");

    let (sockets, host_calls) = (FakeSockets::default(), Caller::from(host.clone()));
    let actor = Actor::Caller(&host_calls);
    let roster = at.roster(session).await;
    let waiting: Vec<_> = roster.waiters(at.samples.now()).into_iter().map(|knock| knock.user_id).collect();
    assert_eq!(waiting.len(), 50);
    let again: Vec<_> = callers.iter().map(join).collect();
    let mut admitted = Vec::new();
    for (n, user) in waiting.iter().enumerate() {
        match n % 3 {
            0 if moderation::admit(at.ports(&sockets), actor, session, *user).await.is_ok() => admitted.push(*user),
            1 => moderation::deny(at.ports(&sockets), actor, session, *user).await.unwrap(),
            _ => {}
        }
        lock(&at, session, n % 2 == 0).await;
    }
    lock(&at, session, false).await;
    for knocking in again {
        knocking.await.unwrap();
    }
    for caller in callers.iter().filter(|caller| admitted.contains(&caller.user_id)) {
        let entry = domain::sessions::join(at.ports(&sockets), caller, session).await;
        assert!(matches!(&entry, Ok(Entry::Seated(_)) | Err(domain::Error::SessionFull { .. })), "{:?}", entry.err());
    }
    let roster = at.roster(session).await;
    assert_eq!(usize::from(roster.session.seats_taken), roster.participants.len());
    assert!(roster.participants.len() > 10, "{}", roster.participants.len());
    for seat in &roster.participants {
        assert!(seat.user_id == host.user_id || admitted.contains(&seat.user_id), "{}", seat.user_id);
    }
    assert!(roster.waiters(at.samples.now()).len() <= 50);
}

/// Who is banned holds no seat in the end, whoever came first; a lock lets nobody in who came after it; what was taken from
/// somebody stays taken; and seats are counted as they are taken.
#[tokio::test]
async fn two_hundred_racing_joins_with_locks_and_bans_switched_under_them_keep_what_must_hold() {
    let at = Arc::new(Setting::new().await);
    let host = at.samples.caller("host");
    let session = at.samples.session(&host, 100);
    domain::ports::Sessions::add(&at.store, &session, at.empty_until()).await.unwrap();
    let session = session.id;
    at.sit(session, &host).await;
    let callers: Vec<_> = (0..200).map(|n| at.samples.caller(&format!("user{n}"))).collect();

    let joins = callers.iter().cloned().map(|caller| {
        let at = Arc::clone(&at);
        tokio::spawn(async move { (caller.user_id, at.take_seat(session, &caller).await) })
    });
    let joins: Vec<_> = joins.collect();
    let sockets = FakeSockets::default();
    let host = Caller::from(host);
    let actor = Actor::Caller(&host);
    for (n, caller) in callers.iter().enumerate().step_by(5) {
        let until = Some(Duration::from_secs(600));
        moderation::remove(at.ports(&sockets), actor, session, caller.user_id, until).await.unwrap();
        let change = SessionChange { locked: Some(n % 2 == 0), ..SessionChange::default() };
        moderation::update_session(at.ports(&sockets), actor, session, &change).await.unwrap();
    }
    lock(&at, session, true).await;
    let mut answers = Vec::new();
    for join in joins {
        answers.push(join.await.unwrap());
    }
    let roster = at.roster(session).await;
    assert_eq!(usize::from(roster.session.seats_taken), roster.participants.len());
    for banned in callers.iter().step_by(5) {
        assert!(roster.seated(banned.user_id).is_none(), "{}", banned.user_id);
        assert!(matches!(at.take_seat(session, banned).await, TakenSeat::Banned(_)));
    }
    for (user, answer) in &answers {
        let banned = callers.iter().step_by(5).any(|caller| caller.user_id == *user);
        let seated = roster.seated(*user).is_some();
        assert!(banned || seated == matches!(answer, TakenSeat::Taken(_)), "{user} {answer:?}");
    }
    let late = at.samples.caller("late");
    assert_eq!(at.take_seat(session, &late).await, TakenSeat::Locked);
    let host = host.person().expect("an account").user_id;
    assert_eq!(roster.seated(host).expect("the host stays").rights.role, Role::Host);
}

#[tokio::test]
async fn overlapping_changes_of_rights_are_all_made() {
    let at = Arc::new(Setting::new().await);
    let host = at.samples.caller("host");
    let session = at.samples.session(&host, 4);
    domain::ports::Sessions::add(&at.store, &session, at.empty_until()).await.unwrap();
    let bob = at.samples.caller("bob");
    at.sit(session.id, &bob).await;
    let (id, host) = (session.id, Arc::new(Caller::from(host)));
    let wanted = [Permission::PublishAudio, Permission::PublishVideo, Permission::Chat];
    let changes = wanted.map(|one| {
        let (at, host, bob) = (Arc::clone(&at), Arc::clone(&host), bob.user_id);
        tokio::spawn(async move {
            let (sockets, change) =
                (FakeSockets::default(), RightsChange { role: None, permissions: vec![(one, false)] }.into());
            let actor = Actor::Caller(&host);
            moderation::update_participant(at.ports(&sockets), actor, id, bob, &change).await.map(drop)
        })
    });
    for change in changes {
        change.await.unwrap().unwrap();
    }
    let rights = at.participant(session.id, &bob).await.rights;
    assert!(wanted.iter().all(|one| !rights.permissions.has(*one)), "{rights:?}");
}

#[tokio::test]
async fn what_somebody_says_is_kept_as_long_as_nobody_else_has_changed_it() {
    let at = Setting::new().await;
    let (session, bob) = (at.session(3).await.id, at.samples.caller("bob"));
    let attributes = [("team".to_owned(), "red".to_owned())].into();
    let (joined_at, hand_raised_at) = (at.samples.now(), Some(at.samples.now()));
    let metadata = Metadata::parse("{}").unwrap();
    let (user, given_by) = (bob.user_id, 7);
    let given =
        Introduction { attributes: [("team".to_owned(), "blue".to_owned())].into(), metadata: metadata.clone() };
    let said = About { session, user, joined_at, given, given_by, attributes, metadata, hand_raised_at, version: 1 };
    let set = async |about: &About, seen| at.store.set_about(about, seen, at.samples.later(60)).await.unwrap();
    assert_eq!(at.store.about(session, bob.user_id).await.unwrap(), None);
    assert!(set(&said, None).await);
    assert!(!set(&said, None).await, "somebody was faster");
    assert_eq!(at.store.about(session, bob.user_id).await.unwrap(), Some(said.clone()));
    let lowered = About { hand_raised_at: None, version: 2, ..said };
    assert!(!set(&lowered, Some(2)).await);
    assert!(set(&lowered, Some(1)).await);
    assert_eq!(at.store.abouts(session, at.samples.now()).await.unwrap(), [lowered]);
    assert_eq!(at.store.abouts(session, at.samples.later(61)).await.unwrap(), []);
    domain::ports::Erasures::erase_traces(&at.store, bob.user_id, session).await.unwrap();
    assert_eq!(at.store.about(session, bob.user_id).await.unwrap(), None);
}

#[tokio::test]
async fn a_name_is_changed_on_the_seat_that_was_seen_alone_and_a_new_seat_has_the_callers() {
    let at = Setting::new().await;
    let (session, bob) = (at.session(3).await.id, at.samples.caller("bob"));
    at.sit(session, &bob).await;
    let seen = at.participant(session, &bob).await;
    let name = Username::parse("Dr. Bob").unwrap();
    let changed = at.store.change_seat(&seen, seen.rights, &name, at.samples.now()).await.unwrap();
    assert_eq!(changed.map(|changed| changed.username), Some(name.clone()));
    at.free(session, &bob, Departure::Left, at.samples.later(5)).await;
    at.samples.clock.advance(std::time::Duration::from_secs(9));
    at.sit(session, &bob).await;
    assert_eq!(at.participant(session, &bob).await.username, bob.username);
    assert_eq!(at.store.change_seat(&seen, seen.rights, &name, at.samples.now()).await.unwrap(), None);
}

#[tokio::test]
async fn a_seat_notes_that_its_taker_was_introduced_or_was_here_before() {
    let at = Setting::new().await;
    let (session, bob) = (at.session(3).await.id, at.samples.caller("bob"));
    let attributes = [("team".to_owned(), "red".to_owned())].into();
    let introduced = Person { introduction: Introduction { metadata: None, attributes }, ..bob.clone() };
    at.sit(session, &introduced).await;
    assert!(at.participant(session, &bob).await.introduced);
    let carol = at.samples.caller("carol");
    at.sit(session, &carol).await;
    assert!(!at.participant(session, &carol).await.introduced);
    for told in [false, true] {
        go(&at, session, &carol, told).await;
        at.samples.clock.advance(std::time::Duration::from_secs(9));
        at.sit(session, &carol).await;
        assert!(at.participant(session, &carol).await.introduced, "something may have been said of her then");
    }
}

/// Somebody leaves, and the others are told or not.
async fn go(at: &Setting, session: SessionId, who: &Person, told: bool) {
    match told {
        true => leave(at, session, who, Departure::Left).await,
        false => at.free(session, who, Departure::Left, at.samples.later(5)).await,
    }
}

/// Bob with a token that withholds his voice, or lets him steer.
fn with_grants(bob: &Person, grants: Grants) -> Person {
    Person { grants, ..bob.clone() }
}

#[tokio::test]
async fn a_new_seat_has_the_rights_of_its_token_but_for_what_was_decided_whether_the_others_were_told_or_not() {
    let at = Setting::new().await;
    let (session, bob) = (at.session(3).await.id, at.samples.caller("bob"));
    let silent = with_grants(&bob, Grants { publish_audio: false, ..Grants::ACCOUNT });
    let host = with_grants(&bob, Grants { room_admin: true, ..Grants::ACCOUNT });
    at.sit(session, &host).await;
    let no_chat = RightsChange { role: None, permissions: vec![(Permission::Chat, false)] };
    let mut expected = no_chat.applied_to(host.rights());
    let seen = at.participant(session, &bob).await;
    at.store.change_seat(&seen, expected, &bob.username, at.samples.now()).await.unwrap().expect("as it was seen");
    for (told, next) in [(true, &silent), (false, &bob), (true, &host), (false, &silent)] {
        go(&at, session, &bob, told).await;
        at.samples.clock.advance(std::time::Duration::from_secs(9));
        at.sit(session, next).await;
        expected = expected.renewed(next.rights());
        assert_eq!(at.participant(session, &bob).await.rights, expected, "told: {told}");
        assert!(!expected.permissions.has(Permission::Chat));
    }
}

#[tokio::test]
async fn a_join_with_the_seat_that_is_held_counts_its_attempt_and_gives_its_rights_in_one_step() {
    let at = Setting::new().await;
    let (session, bob) = (at.session(3).await.id, at.samples.caller("bob"));
    at.sit(session, &bob).await;
    let seen = at.participant(session, &bob).await;
    let again = |rights, is_news| Again { rights, introduced: is_news, is_news };
    let same = at.store.rejoin(&seen, again(seen.rights, false), at.samples.now()).await.unwrap().expect("as seen");
    assert_eq!((same.tickets, same.rights, same.introduced), (seen.tickets + 1, seen.rights, false));
    let viewer = Rights::of(Role::Viewer);
    let other = at.store.rejoin(&seen, again(viewer, true), at.samples.now()).await.unwrap().expect("as seen");
    assert_eq!((other.tickets, other.rights, other.introduced), (seen.tickets + 2, viewer, true));
    // The join itself was not told yet, and tells this, too.
    assert_eq!(other.untold, Some(Untold::Join));
    at.store.told(&other, at.samples.later(60)).await.unwrap();
    let stale = at.store.rejoin(&seen, again(Rights::of(Role::Host), true), at.samples.now()).await.unwrap();
    assert_eq!((stale, at.participant(session, &bob).await.tickets), (None, other.tickets));
    let back = at.store.rejoin(&other, again(seen.rights, true), at.samples.now()).await.unwrap().expect("as seen");
    assert_eq!((back.rights, back.untold), (Rights::default(), Some(Untold::Change)));
    at.store.told(&back, at.samples.later(60)).await.unwrap();
    assert_eq!(at.participant(session, &bob).await.untold, None);
    let usual = at.store.rejoin(&back, again(viewer, false), at.samples.now()).await.unwrap();
    assert!(usual.is_some(), "usual rights are the same whether they are noted or not");
}
