//! Seats: the conditions, and races for them.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use domain::ports::{
    Attempt, Catching, Erasures, Families, Finished, Guard, Held, Holding, Members, Rosters, Seats, Status, TakeOver,
    TakenSeat,
};
use domain::{
    ConnectionId, Departure, Membership, Participant, Person, Presence, SessionId, TicketId, Untold, sessions,
};
use testkit::{FakeSockets, Fault};

use crate::{Setting, held};

#[tokio::test]
async fn a_new_participant_waits_for_a_connection() {
    let at = Setting::new().await;
    let session = at.session(2).await;
    let alice = at.samples.caller("alice");
    let attempt = at.sit(session.id, &alice).await;
    let participant = at.participant(session.id, &alice).await;
    assert_eq!(participant.presence, Presence::Disconnected);
    assert_eq!((participant.session_id, participant.user_id), (session.id, alice.user_id));
    assert_eq!(participant.joined_at, at.samples.now());
    assert_eq!(participant.lease_until, at.samples.later(60));
    assert!(!participant.is_muted && participant.is_video_enabled);
    assert!(participant.attempt < attempt, "the first ticket can take over");
    let roster = at.roster(session.id).await;
    assert_eq!(roster.session.seats_taken, 1);
    assert_eq!(roster.session.touched_at, at.samples.now());
}

#[tokio::test]
async fn a_full_session_refuses_one_more_but_not_a_member() {
    let at = Setting::new().await;
    let session = at.session(2).await;
    let [alice, bob, carol] = ["alice", "bob", "carol"].map(|name| at.samples.caller(name));
    at.sit(session.id, &alice).await;
    at.sit(session.id, &bob).await;
    assert_eq!(at.take_seat(session.id, &carol).await, TakenSeat::Refused);
    assert_eq!(at.take_seat(session.id, &alice).await, TakenSeat::HeldAlready);
    assert_eq!(at.roster(session.id).await.session.seats_taken, 2);
}

#[tokio::test]
async fn a_member_rejoins_a_full_session_even_where_only_one_reason_of_a_refusal_is_told() {
    let at = Setting::new().await;
    let session = at.session(1).await.id;
    let alice = at.samples.caller("alice");
    at.store.start(alice.user_id, alice.family, "hash", at.samples.later(9999)).await.unwrap();
    let first = at.sit(session, &alice).await;

    at.database.door().fail("TransactWriteItems", Fault::OneReason, 1);
    let sockets = FakeSockets::default();
    let seated = sessions::join(at.ports(&sockets), &alice, session).await.unwrap().seated().unwrap();
    assert_eq!((seated.attempt, seated.roster.participants.len()), (first + 1, 1));
}

#[tokio::test]
async fn joining_again_takes_no_second_seat() {
    let at = Setting::new().await;
    let session = at.session(10).await;
    let alice = at.samples.caller("alice");
    at.sit(session.id, &alice).await;
    assert_eq!(at.take_seat(session.id, &alice).await, TakenSeat::HeldAlready);
    assert_eq!(at.roster(session.id).await.session.seats_taken, 1);
}

#[tokio::test]
async fn an_unknown_session_refuses_and_is_not_made_up() {
    let at = Setting::new().await;
    let alice = at.samples.caller("alice");
    let never = at.samples.session(&alice, 2);
    assert_eq!(at.take_seat(never.id, &alice).await, TakenSeat::Refused);
    assert_eq!(at.store.member(never.id, alice.user_id).await.unwrap(), None);
}

#[tokio::test]
async fn two_hundred_racing_joins_take_every_seat_and_not_one_more() {
    let at = Arc::new(Setting::new().await);
    let session = at.session(7).await;
    let joins: Vec<_> = (0..200)
        .map(|n| {
            let at = Arc::clone(&at);
            tokio::spawn(async move {
                let caller = at.samples.caller(&format!("user{n}"));
                (caller.user_id, at.take_seat(session.id, &caller).await)
            })
        })
        .collect();
    let mut admitted = HashSet::new();
    for join in joins {
        let (user, taken) = join.await.unwrap();
        if let TakenSeat::Taken(_) = taken {
            admitted.insert(user);
        }
    }
    let roster = at.roster(session.id).await;
    assert_eq!(admitted.len(), 7);
    assert_eq!(roster.session.seats_taken, 7);
    assert_eq!(roster.participants.iter().map(|p| p.user_id).collect::<HashSet<_>>(), admitted);
}

#[tokio::test]
async fn racing_joins_of_one_user_take_one_seat() {
    let at = Arc::new(Setting::new().await);
    let session = at.session(10).await;
    let alice = at.samples.caller("alice");
    let joins: Vec<_> = (0..30)
        .map(|_| {
            let (at, alice) = (Arc::clone(&at), alice.clone());
            tokio::spawn(async move { at.take_seat(session.id, &alice).await })
        })
        .collect();
    let mut taken = 0;
    for join in joins {
        taken += usize::from(matches!(join.await.unwrap(), TakenSeat::Taken(_)));
    }
    assert_eq!(taken, 1);
    assert_eq!(at.roster(session.id).await.session.seats_taken, 1);
}

#[tokio::test]
async fn racing_joins_and_leaves_never_lose_count() {
    let at = Arc::new(Setting::new().await);
    let session = at.session(5).await;
    let lives: Vec<_> = (0..20)
        .map(|n| {
            let at = Arc::clone(&at);
            tokio::spawn(async move {
                let caller = at.samples.caller(&format!("user{n}"));
                for _ in 0..5 {
                    if let TakenSeat::Taken(_) = at.take_seat(session.id, &caller).await {
                        let participant = at.participant(session.id, &caller).await;
                        let (now, end) = (at.samples.now(), at.samples.later(60));
                        assert!(
                            at.store
                                .free_seat(&participant, Guard::Seated, Departure::Left, now, end, end)
                                .await
                                .unwrap()
                        );
                    }
                }
            })
        })
        .collect();
    for life in lives {
        life.await.unwrap();
    }
    let roster = at.roster(session.id).await;
    assert_eq!((roster.session.seats_taken, roster.participants.len()), (0, 0));
}

#[tokio::test]
async fn a_freed_seat_is_free_once() {
    let at = Setting::new().await;
    let session = at.session(2).await;
    let alice = at.samples.caller("alice");
    at.connect(session.id, &alice, "a").await;
    let participant = at.participant(session.id, &alice).await;
    let (now, end) = (at.samples.later(5), at.samples.later(60));
    assert!(at.store.free_seat(&participant, Guard::Seated, Departure::Left, now, end, end).await.unwrap());
    assert!(!at.store.free_seat(&participant, Guard::Seated, Departure::Left, now, end, end).await.unwrap());

    let roster = at.roster(session.id).await;
    assert_eq!((roster.session.seats_taken, roster.session.touched_at), (0, now));
    let left = at.store.member(session.id, alice.user_id).await.unwrap().unwrap();
    assert_eq!((left.membership, left.connection), (Membership::Left, None));
}

#[tokio::test]
async fn a_newer_attempt_keeps_the_seat_from_being_freed() {
    let at = Setting::new().await;
    let session = at.session(2).await;
    let alice = at.samples.caller("alice");
    at.connect(session.id, &alice, "a").await;
    let seen = at.participant(session.id, &alice).await;
    let (_, newer) = at.store.next_attempt(session.id, alice.user_id).await.unwrap().unwrap();
    at.take_over(&held(session.id, &alice, "b"), newer, &alice).await;

    let (now, end) = (at.samples.now(), at.samples.later(60));
    for guard in [Guard::SameAttempt, Guard::SameLease] {
        assert!(!at.store.free_seat(&seen, guard, Departure::Left, now, end, end).await.unwrap(), "{guard:?}");
    }
    assert!(at.store.free_seat(&seen, Guard::Seated, Departure::Left, now, end, end).await.unwrap());
}

#[tokio::test]
async fn a_sign_of_life_keeps_the_seat_from_timing_out_but_not_from_leaving() {
    let at = Setting::new().await;
    let session = at.session(2).await;
    let alice = at.samples.caller("alice");
    let connection = at.connect(session.id, &alice, "a").await;
    let seen = at.participant(session.id, &alice).await;
    assert!(at.store.renew(&connection, at.samples.now(), at.samples.later(900)).await.unwrap());

    let (now, end) = (at.samples.now(), at.samples.later(60));
    assert!(!at.store.free_seat(&seen, Guard::SameLease, Departure::Left, now, end, end).await.unwrap());
    assert!(at.store.free_seat(&seen, Guard::SameAttempt, Departure::Left, now, end, end).await.unwrap());
}

#[tokio::test]
async fn a_lease_that_was_not_moved_lets_the_seat_be_freed() {
    let at = Setting::new().await;
    let session = at.session(2).await;
    let alice = at.samples.caller("alice");
    at.sit(session.id, &alice).await;
    let seen = at.participant(session.id, &alice).await;
    let (now, end) = (at.samples.now(), at.samples.later(60));
    assert!(at.store.free_seat(&seen, Guard::SameLease, Departure::Left, now, end, end).await.unwrap());
}

#[tokio::test]
async fn an_earlier_membership_cannot_take_the_new_one_over() {
    let at = Setting::new().await;
    let session = at.session(2).await;
    let alice = at.samples.caller("alice");
    let first = at.sit(session.id, &alice).await;
    let mut newest = first;
    for _ in 0..50 {
        newest = at.store.next_attempt(session.id, alice.user_id).await.unwrap().unwrap().1;
    }
    let seen = at.participant(session.id, &alice).await;
    at.store
        .free_seat(&seen, Guard::Seated, Departure::Left, at.samples.now(), at.samples.later(60), at.samples.later(60))
        .await
        .unwrap();

    // Within the same millisecond, so that the clock alone would not set the new attempts apart.
    let again = at.sit(session.id, &alice).await;
    assert!(again > newest, "{again} is not newer than {newest}");
    for old in [first, newest] {
        let refused = at.take_over(&held(session.id, &alice, "old"), old, &alice).await;
        assert_eq!(refused, TakeOver::Superseded);
    }
    assert!(matches!(at.take_over(&held(session.id, &alice, "new"), again, &alice).await, TakeOver::Taken(_)));
}

#[tokio::test]
async fn a_rejoin_is_a_fresh_seat_that_still_knows_what_is_unfenced() {
    let at = Setting::new().await;
    let session = at.session(2).await;
    let alice = at.samples.caller("alice");
    let old = at.connect(session.id, &alice, "old").await;
    let muted = Status { is_muted: true, is_video_enabled: false };
    at.store.set_status(&old, muted, at.samples.later(600)).await.unwrap();
    let seen = at.participant(session.id, &alice).await;
    at.store
        .free_seat(&seen, Guard::Seated, Departure::Left, at.samples.now(), at.samples.later(60), at.samples.later(60))
        .await
        .unwrap();

    at.samples.clock.advance(Duration::from_secs(3600));
    at.sit(session.id, &alice).await;
    let fresh = at.participant(session.id, &alice).await;
    assert_eq!(fresh.joined_at, at.samples.now());
    assert_eq!((fresh.presence, fresh.connection, fresh.family), (Presence::Disconnected, None, None));
    assert!(!fresh.is_muted && fresh.is_video_enabled);
    assert_eq!(fresh.unfenced, [ConnectionId::new("old")]);
}

#[tokio::test]
async fn attempts_grow_and_only_the_seated_get_one() {
    let at = Setting::new().await;
    let session = at.session(2).await;
    let alice = at.samples.caller("alice");
    assert!(at.store.next_attempt(session.id, alice.user_id).await.unwrap().is_none());
    let first = at.sit(session.id, &alice).await;
    let (participant, second) = at.store.next_attempt(session.id, alice.user_id).await.unwrap().unwrap();
    assert_eq!(second, first + 1);
    assert_eq!(participant.user_id, alice.user_id);
    at.store
        .free_seat(
            &participant,
            Guard::Seated,
            Departure::Left,
            at.samples.now(),
            at.samples.later(60),
            at.samples.later(60),
        )
        .await
        .unwrap();
    assert!(at.store.next_attempt(session.id, alice.user_id).await.unwrap().is_none());
}

#[tokio::test]
async fn only_a_wait_is_extended_and_never_shortened() {
    let at = Setting::new().await;
    let session = at.session(2).await;
    let alice = at.samples.caller("alice");
    let attempt = at.sit(session.id, &alice).await;
    let waiting = at.participant(session.id, &alice).await;
    at.store.extend_wait(&waiting, at.samples.later(90)).await.unwrap();
    at.store.extend_wait(&waiting, at.samples.later(30)).await.unwrap();
    assert_eq!(at.participant(session.id, &alice).await.lease_until, at.samples.later(90));

    at.take_over(&held(session.id, &alice, "a"), attempt, &alice).await;
    at.store.extend_wait(&waiting, at.samples.later(9000)).await.unwrap();
    assert_eq!(at.participant(session.id, &alice).await.lease_until, at.samples.later(600));
}

#[tokio::test]
async fn what_others_have_to_be_told_is_noted_with_the_change_and_cleared_once() {
    let at = Setting::new().await;
    let session = at.session(2).await;
    let alice = at.samples.caller("alice");
    at.connect(session.id, &alice, "a").await;
    let joined = at.participant(session.id, &alice).await;
    assert_eq!(joined.untold, Some(Untold::Join));
    at.store.told(&joined, at.samples.later(60)).await.unwrap();
    at.store.told(&joined, at.samples.later(60)).await.unwrap();
    let seen = at.participant(session.id, &alice).await;
    assert_eq!(seen.untold, None);

    let (now, end) = (at.samples.now(), at.samples.later(60));
    at.store.free_seat(&seen, Guard::Seated, Departure::Removed, now, end, end).await.unwrap();
    let roster = at.store.roster(session.id, now).await.unwrap().unwrap();
    let [left] = roster.departed.as_slice() else { panic!("{:?}", roster.departed) };
    assert_eq!((left.user_id, left.untold), (alice.user_id, Some(Untold::Departure(Departure::Removed))));
    at.store.told(&joined, at.samples.later(60)).await.unwrap();
    assert_eq!(at.store.roster(session.id, now).await.unwrap().unwrap().departed.len(), 1, "a late teller of the join");
    at.store.told(left, at.samples.later(60)).await.unwrap();
    assert_eq!(at.store.roster(session.id, now).await.unwrap().unwrap().departed, []);
}

impl Setting {
    /// Frees the seat of somebody who is connected; as the roster shows it then, for whoever tells the others.
    async fn stand_up(&self, session: SessionId, caller: &Person) -> Participant {
        let seen = self.participant(session, caller).await;
        let (now, end) = (self.samples.now(), self.samples.later(60));
        assert!(self.store.free_seat(&seen, Guard::Seated, Departure::Left, now, end, end).await.unwrap());
        let departed = self.roster(session).await.departed;
        departed.into_iter().find(|p| p.user_id == caller.user_id).expect("a note of the departure")
    }

    async fn told(&self, left: &Participant) -> domain::Result<()> {
        self.store.told(left, self.samples.later(60)).await
    }
}

#[tokio::test]
async fn whoever_left_is_taken_out_once_that_is_told_and_comes_back_with_what_was_left() {
    let at = Setting::new().await;
    let session = at.session(2).await.id;
    let alice = at.samples.caller("alice");
    let old = at.connect(session, &alice, "old").await;
    let mut newest = 0;
    for _ in 0..50 {
        newest = at.store.next_attempt(session, alice.user_id).await.unwrap().unwrap().1;
    }
    let left = at.stand_up(session, &alice).await;
    at.told(&left).await.unwrap();
    at.told(&left).await.unwrap();
    assert_eq!(at.store.member(session, alice.user_id).await.unwrap(), None);
    assert!(at.store.was_left(&old).await.unwrap(), "its heartbeat hears of it");
    assert!(!at.store.was_left(&held(session, &alice, "another")).await.unwrap());

    let again = at.sit(session, &alice).await;
    assert!(again > newest, "{again} is not newer than {newest}");
    assert_eq!(at.participant(session, &alice).await.unfenced, [ConnectionId::new("old")]);
    let refused = at.take_over(&held(session, &alice, "late"), newest, &alice).await;
    assert_eq!(refused, TakeOver::Superseded);
}

#[tokio::test]
async fn a_telling_that_was_cut_short_before_any_of_its_requests_loses_nothing() {
    for operation in ["UpdateItem", "DeleteItem"] {
        for comes_back in [true, false] {
            let at = Setting::new().await;
            let session = at.session(2).await.id;
            let alice = at.samples.caller("alice");
            at.connect(session, &alice, "old").await;
            let left = at.stand_up(session, &alice).await;
            at.database.door().fail(operation, Fault::Refused, 1);
            at.told(&left).await.unwrap_err();
            if !comes_back {
                assert_eq!(
                    at.roster(session).await.departed,
                    std::slice::from_ref(&left),
                    "told by whoever comes by next"
                );
                at.told(&left).await.unwrap();
                assert_eq!(at.roster(session).await.departed, []);
            }
            let attempt = at.sit(session, &alice).await;
            assert!(attempt > left.tickets);
            let fresh = at.participant(session, &alice).await;
            assert_eq!(fresh.unfenced, [ConnectionId::new("old")], "{operation}");
            at.told(&left).await.unwrap();
            assert_eq!(at.participant(session, &alice).await, fresh, "a late teller leaves the new seat alone");
        }
    }
}

/// What a late teller has kept is older than the seat; it must neither be in the way of the next seat nor lower its attempts.
#[tokio::test]
async fn what_a_late_teller_keeps_does_no_harm() {
    let at = Setting::new().await;
    let session = at.session(2).await.id;
    let alice = at.samples.caller("alice");
    at.connect(session, &alice, "one").await;
    let first = at.stand_up(session, &alice).await;
    at.told(&first).await.unwrap();
    at.connect(session, &alice, "two").await;
    at.told(&first).await.unwrap();
    let second = at.stand_up(session, &alice).await;
    at.told(&first).await.unwrap();
    assert_eq!(at.roster(session).await.departed, std::slice::from_ref(&second));
    at.told(&second).await.unwrap();
    at.told(&first).await.unwrap();
    assert!(at.sit(session, &alice).await > second.tickets);
    let mut unfenced = at.participant(session, &alice).await.unfenced;
    unfenced.sort();
    assert_eq!(unfenced, ["one", "two"].map(ConnectionId::new));
}

#[tokio::test]
async fn a_late_teller_makes_up_nothing_of_an_account_that_is_gone() {
    let at = Setting::new().await;
    let session = at.session(2).await.id;
    let alice = at.samples.caller("alice");
    at.connect(session, &alice, "a").await;
    let left = at.stand_up(session, &alice).await;
    at.store.erase_traces(alice.user_id, session).await.unwrap();
    at.told(&left).await.unwrap();
    let items = at.database.items().await;
    assert!(items.iter().all(|item| !item.contains(&alice.user_id.to_string())), "{items:#?}");
}

#[tokio::test]
async fn whoever_left_stays_where_they_were_if_the_visit_is_not_noted_for_long_enough() {
    let at = Setting::new().await;
    let session = at.session(2).await.id;
    let alice = at.samples.caller("alice");
    at.connect(session, &alice, "old").await;
    let left = at.stand_up(session, &alice).await;
    at.store.told(&left, at.samples.later(31 * 86_400)).await.unwrap();
    assert_eq!(at.roster(session).await.departed, [], "it is told");
    let kept = at.store.member(session, alice.user_id).await.unwrap().expect("kept");
    assert_eq!((kept.membership, kept.untold), (Membership::Left, None));
    assert!(at.sit(session, &alice).await > left.tickets);
    assert_eq!(at.participant(session, &alice).await.unfenced, [ConnectionId::new("old")]);
}

#[tokio::test]
async fn racing_tellers_and_returns_never_let_attempts_fall_or_a_connection_be_forgotten() {
    let at = Arc::new(Setting::new().await);
    let session = at.session(2).await.id;
    let alice = at.samples.caller("alice");
    let mut newest = 0;
    for round in 0..20 {
        let name = format!("c{round}");
        let attempt = at.sit(session, &alice).await;
        assert!(attempt > newest, "round {round}");
        let before = at.participant(session, &alice).await.unfenced;
        assert!(round == 0 || before.contains(&ConnectionId::new(format!("c{}", round - 1))), "round {round}");
        assert!(matches!(at.take_over(&held(session, &alice, &name), attempt, &alice).await, TakeOver::Taken(_)));
        at.store.unfence(session, alice.user_id, &before).await.unwrap();
        newest = at.store.next_attempt(session, alice.user_id).await.unwrap().unwrap().1;
        let left = at.stand_up(session, &alice).await;
        let tellers = (0..3).map(|_| {
            let (at, left) = (Arc::clone(&at), left.clone());
            tokio::spawn(async move { at.told(&left).await.unwrap() })
        });
        let tellers: Vec<_> = tellers.collect();
        if round % 2 == 0 {
            for teller in tellers {
                teller.await.unwrap();
            }
        }
    }
}

#[tokio::test]
async fn of_several_reasons_any_one_is_enough_to_come_back() {
    let at = Setting::new().await;
    let session = at.session(2).await.id;
    let alice = at.samples.caller("alice");
    at.connect(session, &alice, "old").await;
    let left = at.stand_up(session, &alice).await;
    at.database.door().fail("DeleteItem", Fault::Refused, 1);
    at.told(&left).await.unwrap_err();
    at.database.door().fail("TransactWriteItems", Fault::OneReason, 1);
    assert!(at.sit(session, &alice).await > left.tickets);
    assert_eq!(at.participant(session, &alice).await.unfenced, [ConnectionId::new("old")]);
}

impl Setting {
    fn attempt(&self, held: &Held, number: u64, caller: &Person) -> Attempt {
        let ticket = TicketId::new(&self.samples.ids, self.samples.now());
        Attempt { held: held.clone(), number, family: caller.family, ticket }
    }
}

#[tokio::test]
async fn whoever_catches_up_is_not_live_until_everything_was_told() {
    let at = Setting::new().await;
    let (session, bob) = (at.session(2).await.id, at.samples.caller("bob"));
    let first = at.attempt(&held(session, &bob, "hub:b1"), at.sit(session, &bob).await, &bob);
    at.store.begin(&first, at.samples.later(60)).await.expect("a write");
    at.store.finish(&first, 0, at.samples.now(), at.samples.later(600)).await.expect("a write");
    let newer = at.attempt(&held(session, &bob, "hub:b2"), u64::MAX - 1, &bob);
    let waits = async || at.store.note_waiting(session, bob.user_id).await.expect("a write");
    assert!(!waits().await, "nobody catches up");
    let TakeOver::Taken(before) = at.store.begin(&newer, at.samples.later(60)).await.expect("a write") else {
        panic!("not begun")
    };
    assert!(before.is_on(&first.held.connection));
    let caught = at.participant(session, &bob).await;
    assert_eq!((caught.connection, caught.unheard), (None, Some(before.lease_until)));
    assert_eq!(caught.catching_up.map(|up| (up.attempt, up.waiting)), Some((newer.number, 0)));

    assert!(waits().await);
    let finish =
        async |told| at.store.finish(&newer, told, at.samples.now(), at.samples.later(600)).await.expect("a write");
    assert_eq!(finish(0).await, Finished::MoreWaits(1));
    assert!(matches!(finish(1).await, Finished::As(TakeOver::Taken(_))));
    assert!(matches!(finish(1).await, Finished::As(TakeOver::HeldAlready(_))));
    let live = at.participant(session, &bob).await;
    assert!(live.is_on(&newer.held.connection));
    assert_eq!((live.unheard, live.catching_up, live.unfenced.len()), (None, None, 2));
    assert!(!waits().await);
}

#[tokio::test]
async fn of_those_who_catch_up_the_newest_attempt_goes_on() {
    let at = Setting::new().await;
    let (session, bob) = (at.session(2).await.id, at.samples.caller("bob"));
    at.sit(session, &bob).await;
    let attempt = |connection, number| at.attempt(&held(session, &bob, connection), number, &bob);
    let (older, newer, same) =
        (attempt("hub:b2", u64::MAX - 3), attempt("hub:b3", u64::MAX - 2), attempt("hub:b3", u64::MAX - 1));
    let begin = async |attempt: &Attempt| at.store.begin(attempt, at.samples.later(60)).await.expect("a write");
    let finish = async |attempt: &Attempt| {
        at.store.finish(attempt, 0, at.samples.now(), at.samples.later(600)).await.expect("a write")
    };
    assert!(matches!(begin(&older).await, TakeOver::Taken(_)));
    assert!(matches!(begin(&newer).await, TakeOver::Taken(_)));
    assert_eq!(begin(&older).await, TakeOver::Superseded);
    assert_eq!(finish(&older).await, Finished::As(TakeOver::Superseded));
    assert!(matches!(begin(&same).await, TakeOver::Taken(_)));
    assert_eq!(finish(&newer).await, Finished::As(TakeOver::Underway), "the same connection asked again");
    // An attempt of our own frames comes between: whoever catches up begins again.
    let own = at.take_over(&held(session, &bob, "own"), u64::MAX - 2, &bob).await;
    assert!(matches!(own, TakeOver::Taken(_)));
    assert_eq!(finish(&same).await, Finished::Interrupted);
    assert!(matches!(begin(&same).await, TakeOver::Taken(_)));
    assert!(matches!(finish(&same).await, Finished::As(TakeOver::Taken(_))));
    assert!(matches!(begin(&newer).await, TakeOver::HeldAlready(_)));
}
