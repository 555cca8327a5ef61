//! Which connection holds a participant.

use std::sync::Arc;
use std::time::Duration;

use domain::ports::{Endings, Guard, Holding, Members, Seats, Status, TakeOver};
use domain::{ConnectionId, Departure, Ending, Membership, Presence};

use crate::{Setting, held};

#[tokio::test]
async fn taking_over_returns_how_the_participant_was_before() {
    let at = Setting::new().await;
    let session = at.session(2).await;
    let alice = at.samples.caller("alice");
    let first = at.sit(session.id, &alice).await;
    let TakeOver::Taken(before) = at.take_over(&held(session.id, &alice, "a"), first, &alice).await else {
        panic!("the first connection takes over");
    };
    assert_eq!((before.presence, &before.connection), (Presence::Disconnected, &None));
    assert!(before.unfenced.is_empty());

    let (_, second) = at.store.next_attempt(session.id, alice.user_id).await.unwrap().unwrap();
    let TakeOver::Taken(before) = at.take_over(&held(session.id, &alice, "b"), second, &alice).await else {
        panic!("a newer attempt takes over");
    };
    assert_eq!((before.presence, before.attempt), (Presence::Connected, first));
    assert_eq!(before.connection, Some(ConnectionId::new("a")));
    assert_eq!(before.unfenced, [ConnectionId::new("a")]);

    let now = at.participant(session.id, &alice).await;
    assert_eq!((now.connection, now.attempt), (Some(ConnectionId::new("b")), second));
    assert_eq!((now.family, now.lease_until), (Some(alice.family), at.samples.later(600)));
    assert_eq!(now.unfenced.len(), 2);
}

#[tokio::test]
async fn the_same_connection_again_holds_already_and_an_older_attempt_is_superseded() {
    let at = Setting::new().await;
    let session = at.session(2).await;
    let alice = at.samples.caller("alice");
    let first = at.sit(session.id, &alice).await;
    let (_, second) = at.store.next_attempt(session.id, alice.user_id).await.unwrap().unwrap();
    let newer = held(session.id, &alice, "newer");
    at.take_over(&newer, second, &alice).await;
    assert!(matches!(at.take_over(&newer, second, &alice).await, TakeOver::HeldAlready(_)));
    assert_eq!(at.take_over(&held(session.id, &alice, "older"), first, &alice).await, TakeOver::Superseded);
    let unfenced = at.participant(session.id, &alice).await.unfenced;
    assert_eq!(unfenced, [ConnectionId::new("newer")], "a superseded connection never held the participant");
}

#[tokio::test]
async fn nobody_without_a_seat_is_taken_over() {
    let at = Setting::new().await;
    let session = at.session(2).await;
    let [alice, bob, carol] = ["alice", "bob", "carol"].map(|name| at.samples.caller(name));
    let connection = |caller| held(session.id, caller, "c");
    assert_eq!(at.take_over(&connection(&carol), u64::MAX, &carol).await, TakeOver::NotSeated(None));

    at.sit(session.id, &alice).await;
    at.sit(session.id, &bob).await;
    let left = at.participant(session.id, &alice).await;
    at.store
        .free_seat(&left, Guard::Seated, Departure::Left, at.samples.now(), at.samples.later(60), at.samples.later(60))
        .await
        .unwrap();
    let refused = at.take_over(&connection(&alice), u64::MAX, &alice).await;
    assert_eq!(refused, TakeOver::NotSeated(Some(Membership::Left)));

    at.store.mark_ended(session.id, at.samples.now(), Ending::EndedByCreator, None).await.unwrap();
    at.store.release(session.id, bob.user_id, at.samples.now(), at.samples.later(60)).await.unwrap();
    let refused = at.take_over(&connection(&bob), u64::MAX, &bob).await;
    assert_eq!(refused, TakeOver::NotSeated(Some(Membership::Ended)));
}

#[tokio::test]
async fn of_racing_take_overs_the_newest_attempt_wins_and_each_that_held_is_unfenced() {
    let at = Arc::new(Setting::new().await);
    let session = at.session(2).await;
    let alice = at.samples.caller("alice");
    let first = at.sit(session.id, &alice).await;
    let attempts: Vec<_> = (1..=40)
        .rev()
        .map(|n| {
            let (at, alice) = (Arc::clone(&at), alice.clone());
            tokio::spawn(async move {
                let connection = held(session.id, &alice, &format!("c{n}"));
                (n, at.take_over(&connection, first + n, &alice).await)
            })
        })
        .collect();
    let mut took = Vec::new();
    for attempt in attempts {
        match attempt.await.unwrap() {
            (n, TakeOver::Taken(_)) => took.push(ConnectionId::new(format!("c{n}"))),
            (_, other) => assert_eq!(other, TakeOver::Superseded),
        }
    }
    let mut participant = at.participant(session.id, &alice).await;
    assert_eq!(participant.connection, Some(ConnectionId::new("c40")));
    assert_eq!(participant.attempt, first + 40);
    took.sort();
    participant.unfenced.sort();
    assert_eq!(participant.unfenced, took);
}

#[tokio::test]
async fn only_fenced_connections_leave_the_unfenced_ones() {
    let at = Setting::new().await;
    let session = at.session(2).await;
    let alice = at.samples.caller("alice");
    let first = at.sit(session.id, &alice).await;
    for n in 0..3 {
        at.take_over(&held(session.id, &alice, &format!("c{n}")), first + n, &alice).await;
    }
    let fenced = ["c0", "c1", "never"].map(ConnectionId::new);
    at.store.unfence(session.id, alice.user_id, &fenced).await.unwrap();
    assert_eq!(at.participant(session.id, &alice).await.unfenced, [ConnectionId::new("c2")]);
    at.store.unfence(session.id, alice.user_id, &["c2"].map(ConnectionId::new)).await.unwrap();
    assert_eq!(at.participant(session.id, &alice).await.unfenced, []);
    at.store.unfence(session.id, alice.user_id, &[]).await.unwrap();
}

#[tokio::test]
async fn unfencing_makes_up_nobody() {
    let at = Setting::new().await;
    let session = at.session(2).await;
    let alice = at.samples.caller("alice");
    at.store.unfence(session.id, alice.user_id, &[ConnectionId::new("c")]).await.unwrap();
    assert_eq!(at.store.member(session.id, alice.user_id).await.unwrap(), None);
}

#[tokio::test]
async fn a_lost_connection_leaves_a_reconnecting_participant_and_stays_unfenced() {
    let at = Setting::new().await;
    let session = at.session(2).await;
    let alice = at.samples.caller("alice");
    let connection = at.connect(session.id, &alice, "a").await;
    let lost =
        at.store.lose(&connection, at.samples.now(), at.samples.later(30)).await.unwrap().expect("it was the live one");
    assert_eq!((lost.presence, &lost.connection), (Presence::Reconnecting, &None));
    assert_eq!(lost.lease_until, at.samples.later(30));
    assert_eq!(lost.unfenced, [ConnectionId::new("a")]);
    assert_eq!(at.participant(session.id, &alice).await, lost);
    assert_eq!(
        at.store.lose(&connection, at.samples.now(), at.samples.later(31)).await.unwrap(),
        None,
        "it can be lost once"
    );
}

#[tokio::test]
async fn a_connection_that_is_not_the_live_one_changes_nothing() {
    let at = Setting::new().await;
    let session = at.session(2).await;
    let alice = at.samples.caller("alice");
    let old = at.connect(session.id, &alice, "old").await;
    let (_, newer) = at.store.next_attempt(session.id, alice.user_id).await.unwrap().unwrap();
    at.take_over(&held(session.id, &alice, "new"), newer, &alice).await;
    let before = at.participant(session.id, &alice).await;

    let muted = Status { is_muted: true, is_video_enabled: false };
    assert_eq!(at.store.lose(&old, at.samples.now(), at.samples.later(30)).await.unwrap(), None);
    assert!(!at.store.renew(&old, at.samples.now(), at.samples.later(9000)).await.unwrap());
    assert_eq!(at.store.set_status(&old, muted, at.samples.later(9000)).await.unwrap(), None);
    assert_eq!(at.participant(session.id, &alice).await, before);
}

#[tokio::test]
async fn the_live_connection_renews_its_lease_and_sets_its_status() {
    let at = Setting::new().await;
    let session = at.session(2).await;
    let alice = at.samples.caller("alice");
    let connection = at.connect(session.id, &alice, "a").await;
    assert!(at.store.renew(&connection, at.samples.now(), at.samples.later(700)).await.unwrap());
    assert_eq!(at.participant(session.id, &alice).await.lease_until, at.samples.later(700));

    let muted = Status { is_muted: true, is_video_enabled: false };
    let set = at.store.set_status(&connection, muted, at.samples.later(800)).await.unwrap().unwrap();
    assert!(set.is_muted && !set.is_video_enabled);
    assert_eq!(set.lease_until, at.samples.later(800));
}

#[tokio::test]
async fn a_lease_that_has_run_out_is_not_renewed() {
    let at = Setting::new().await;
    let session = at.session(2).await;
    let alice = at.samples.caller("alice");
    let connection = at.connect(session.id, &alice, "a").await;
    let end = at.participant(session.id, &alice).await.lease_until;
    assert!(!at.store.renew(&connection, end, end + Duration::from_secs(600)).await.unwrap());
    assert_eq!(at.participant(session.id, &alice).await.lease_until, end);
}

#[tokio::test]
async fn a_connection_of_one_who_left_changes_nothing() {
    let at = Setting::new().await;
    let session = at.session(2).await;
    let alice = at.samples.caller("alice");
    let connection = at.connect(session.id, &alice, "a").await;
    let seen = at.participant(session.id, &alice).await;
    at.store
        .free_seat(
            &seen,
            Guard::SameAttempt,
            Departure::Left,
            at.samples.now(),
            at.samples.later(60),
            at.samples.later(60),
        )
        .await
        .unwrap();
    assert!(!at.store.renew(&connection, at.samples.now(), at.samples.later(900)).await.unwrap());
    assert_eq!(at.store.lose(&connection, at.samples.now(), at.samples.later(30)).await.unwrap(), None);
}

#[tokio::test]
async fn a_hint_is_the_participant_too() {
    let at = Setting::new().await;
    let session = at.session(2).await;
    let alice = at.samples.caller("alice");
    at.connect(session.id, &alice, "a").await;
    let (member, hint) = (
        at.store.member(session.id, alice.user_id).await.unwrap(),
        at.store.member_hint(session.id, alice.user_id).await.unwrap(),
    );
    assert!(member.is_some());
    assert_eq!(member, hint);
}
