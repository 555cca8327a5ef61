//! Sessions: creating, listing, ending and forgetting them.

use std::sync::Arc;
use std::time::Duration;

use domain::ports::{ActiveSessions, Endings, Guard, IdempotencyKey, Members, Rosters, Seats, Sessions, TakenSeat};
use domain::{Departure, Ending, Membership, ProjectId, Session, SessionState, Username, Visibility};

use futures_util::future::try_join_all;

use testkit::Fault;

use crate::Setting;

#[tokio::test]
async fn a_session_is_read_as_it_was_created() {
    let at = Setting::new().await;
    let session = at.session(7).await;
    let roster = at.roster(session.id).await;
    assert_eq!(roster.session, session);
    assert_eq!(roster.participants, []);
}

#[tokio::test]
async fn under_one_key_one_session_is_created_until_the_key_is_forgotten() {
    let at = Setting::new().await;
    let (host, guest) = (at.samples.caller("host"), at.samples.caller("guest"));
    let key = IdempotencyKey::parse("k/1").unwrap();
    let add = async |session: &Session| {
        at.store.add_once(session, at.empty_until(), &key, at.samples.later(60)).await.unwrap()
    };
    let first = at.samples.session(&host, 2);
    assert_eq!(add(&first).await, None);
    assert_eq!(at.roster(first.id).await.session, first);
    let again = at.samples.session(&host, 2);
    assert_eq!(add(&again).await, Some(first.id));
    assert_eq!(at.store.roster(again.id, at.samples.now()).await.unwrap(), None);
    assert_eq!(add(&at.samples.session(&guest, 2)).await, None);
    at.samples.clock.advance(Duration::from_secs(61));
    assert_eq!(add(&at.samples.session(&host, 2)).await, None);
}

#[tokio::test]
async fn of_racing_creations_under_one_key_one_wins_and_the_others_hear_of_it() {
    let at = Setting::new().await;
    let host = at.samples.caller("host");
    let key = IdempotencyKey::parse("k").unwrap();
    let wanted: Vec<_> = (0..8).map(|_| at.samples.session(&host, 2)).collect();
    let adding = wanted.iter().map(|session| at.store.add_once(session, at.empty_until(), &key, at.samples.later(60)));
    let added = try_join_all(adding).await.unwrap();
    let winners: Vec<_> = wanted.iter().zip(&added).filter(|(_, earlier)| earlier.is_none()).collect();
    let [(winner, _)] = winners[..] else { panic!("{} were created", winners.len()) };
    assert!(added.iter().flatten().all(|earlier| *earlier == winner.id));
}

#[tokio::test]
async fn an_unknown_session_has_no_roster() {
    let at = Setting::new().await;
    let never = at.samples.session(&at.samples.caller("host"), 2);
    assert_eq!(at.store.roster(never.id, at.samples.now()).await.unwrap(), None);
}

#[tokio::test]
async fn a_roster_holds_the_seated_in_the_order_of_joining_and_nobody_who_left() {
    let at = Setting::new().await;
    let session = at.session(10).await;
    let callers = ["zoe", "adam", "mia"].map(|name| at.samples.caller(name));
    for caller in callers.iter().rev() {
        at.sit(session.id, caller).await;
        at.samples.clock.advance(Duration::from_secs(1));
    }
    let adam = at.participant(session.id, &callers[1]).await;
    assert!(
        at.store
            .free_seat(
                &adam,
                Guard::Seated,
                Departure::Left,
                at.samples.now(),
                at.samples.later(60),
                at.samples.later(60)
            )
            .await
            .unwrap()
    );

    let roster = at.roster(session.id).await;
    let names: Vec<_> = roster.participants.iter().map(|p| p.username.as_str()).collect();
    assert_eq!(names, ["mia", "zoe"]);
    assert_eq!(roster.session.seats_taken, 2);
}

#[tokio::test]
async fn a_full_roster_of_a_hundred_is_read_in_one_piece() {
    let at = Setting::new().await;
    let session = at.session(100).await;
    for n in 0..100 {
        let mut caller = at.samples.caller(&format!("user{n}"));
        caller.username = Username::parse(&"ü".repeat(50)).unwrap();
        at.sit(session.id, &caller).await;
    }
    assert_eq!(at.roster(session.id).await.participants.len(), 100);
}

#[tokio::test]
async fn a_session_ends_once() {
    let at = Arc::new(Setting::new().await);
    let session = at.session(2).await;
    let enders: Vec<_> = (0..10)
        .map(|_| {
            let at = Arc::clone(&at);
            tokio::spawn(async move {
                at.store.mark_ended(session.id, at.samples.now(), Ending::EndedByCreator, None).await.unwrap()
            })
        })
        .collect();
    let mut ended = 0;
    for ender in enders {
        ended += usize::from(ender.await.unwrap());
    }
    assert_eq!(ended, 1);
    assert_eq!(at.roster(session.id).await.session.state, SessionState::Ended(at.samples.now()));
}

#[tokio::test]
async fn ending_an_unknown_session_makes_none() {
    let at = Setting::new().await;
    let never = at.samples.session(&at.samples.caller("host"), 2);
    assert!(!at.store.mark_ended(never.id, at.samples.now(), Ending::EndedByCreator, None).await.unwrap());
    assert_eq!(at.store.roster(never.id, at.samples.now()).await.unwrap(), None);
}

#[tokio::test]
async fn an_empty_session_is_not_ended_when_it_was_touched_meanwhile() {
    let at = Setting::new().await;
    let session = at.session(2).await;
    let seen = session.touched_at;
    at.samples.clock.advance(Duration::from_secs(1));
    let alice = at.samples.caller("alice");
    at.sit(session.id, &alice).await;
    assert!(!at.store.mark_ended(session.id, at.samples.now(), Ending::EndedByCreator, Some(seen)).await.unwrap());
    let now = at.samples.now();
    assert!(
        !at.store.mark_ended(session.id, now, Ending::EndedByCreator, Some(now)).await.unwrap(),
        "somebody sits there"
    );
}

#[tokio::test]
async fn an_untouched_empty_session_is_ended() {
    let at = Setting::new().await;
    let session = at.session(2).await;
    assert!(
        at.store
            .mark_ended(session.id, at.samples.later(3600), Ending::EndedByCreator, Some(session.touched_at))
            .await
            .unwrap()
    );
}

#[tokio::test]
async fn an_ended_session_takes_nobody_and_shows_who_was_there() {
    let at = Setting::new().await;
    let session = at.session(5).await;
    let [alice, bob] = ["alice", "bob"].map(|name| at.samples.caller(name));
    at.connect(session.id, &alice, "a").await;
    at.store.mark_ended(session.id, at.samples.now(), Ending::EndedByCreator, None).await.unwrap();
    assert_eq!(at.take_seat(session.id, &bob).await, TakenSeat::Refused);

    at.store.release(session.id, alice.user_id, at.samples.now(), at.samples.later(60)).await.unwrap();
    let roster = at.roster(session.id).await;
    assert_eq!(roster.session.seats_taken, 0);
    assert_eq!(roster.participants.len(), 1);
    assert_eq!(roster.participants[0].membership, Membership::Ended);
    assert_eq!(roster.participants[0].connection, None);
    assert_eq!(at.take_seat(session.id, &alice).await, TakenSeat::Refused);
}

#[tokio::test]
async fn who_has_left_is_not_released_and_nobody_is_made_up() {
    let at = Setting::new().await;
    let session = at.session(5).await;
    let alice = at.samples.caller("alice");
    at.store.release(session.id, alice.user_id, at.samples.now(), at.samples.later(60)).await.unwrap();
    assert_eq!(at.store.member(session.id, alice.user_id).await.unwrap(), None);
}

#[tokio::test]
async fn an_ended_session_is_not_there_any_more_once_its_time_is_over() {
    let at = Setting::new().await;
    let session = at.session(5).await;
    at.store.mark_ended(session.id, at.samples.now(), Ending::EndedByCreator, None).await.unwrap();
    at.store.forget_active(&session, at.samples.later(60)).await.unwrap();
    assert!(at.store.roster(session.id, at.samples.later(59)).await.unwrap().is_some());
    assert!(at.store.roster(session.id, at.samples.later(60)).await.unwrap().is_none());
}

impl Setting {
    async fn listed(&self) -> Vec<Session> {
        self.store.active(&ProjectId::default(), Some(Visibility::Public), 10, None).await.unwrap().items
    }
}

#[tokio::test]
async fn the_list_shows_how_many_seats_are_taken() {
    let at = Setting::new().await;
    let session = at.session(5).await.id;
    at.sit(session, &at.samples.caller("alice")).await;
    at.sit(session, &at.samples.caller("bob")).await;
    assert_eq!(at.listed().await.iter().map(|session| session.seats_taken).collect::<Vec<_>>(), [2]);
}

#[tokio::test]
async fn what_a_batch_of_sessions_leaves_unread_is_asked_for_again() {
    let at = Setting::new().await;
    for _ in 0..5 {
        at.session(2).await;
    }
    at.database.door().fail("BatchGetItem", Fault::OneOfBatch, 3);
    at.database.door().take();
    assert_eq!(at.listed().await.len(), 5);
    let asked = at.database.door().take().into_iter().filter(|request| request.operation == "BatchGetItem");
    assert_eq!(asked.count(), 4);
}

#[tokio::test]
async fn a_session_that_is_gone_leaves_a_gap_in_its_page_and_the_list_goes_on() {
    let at = Setting::new().await;
    let mut kept = Vec::new();
    for _ in 0..5 {
        at.samples.clock.advance(Duration::from_millis(1));
        kept.push(at.session(2).await.id);
    }
    let gone = kept.remove(3);
    at.database.remove(&format!("SESSION#{gone}"), "META").await;
    let page = at.store.active(&ProjectId::default(), Some(Visibility::Public), 3, None).await.unwrap();
    let ids = |sessions: Vec<Session>| sessions.into_iter().map(|session| session.id).collect::<Vec<_>>();
    assert_eq!((ids(page.items), page.next), (vec![kept[3], kept[2]], Some(kept[2])));
    let rest = at.store.active(&ProjectId::default(), Some(Visibility::Public), 3, page.next).await.unwrap();
    assert_eq!((ids(rest.items), rest.next), (vec![kept[1], kept[0]], None));
}

#[tokio::test]
async fn a_session_from_before_that_carries_its_place_in_the_list_itself_is_listed_once_and_leaves_it() {
    let at = Setting::new().await;
    let session = at.session(2).await;
    let place = format!("ACTIVE#public#{}", session.id.as_bytes()[15] % 8);
    let (pk, id) = (format!("SESSION#{}", session.id), session.id.to_string());
    at.database.set(&pk, "META", [("activePk", place.as_str()), ("activeSk", id.as_str())]).await;
    assert_eq!(at.listed().await.len(), 1);
    at.store.mark_ended(session.id, at.samples.now(), Ending::EndedByCreator, None).await.unwrap();
    at.store.forget_active(&session, at.samples.later(60)).await.unwrap();
    assert_eq!(at.listed().await, []);
}

#[tokio::test]
async fn an_active_session_is_not_forgotten() {
    let at = Setting::new().await;
    let session = at.session(5).await;
    at.store.forget_active(&session, at.samples.later(60)).await.unwrap();
    assert!(at.store.roster(session.id, at.samples.later(90)).await.unwrap().is_some());
    assert_eq!(at.listed().await.len(), 1);
}

#[tokio::test]
async fn an_interrupted_ending_stays_listed_until_it_is_finished() {
    let at = Setting::new().await;
    let session = at.session(5).await;
    at.store.mark_ended(session.id, at.samples.now(), Ending::EndedByCreator, None).await.unwrap();
    let listed = at.listed().await;
    assert_eq!(listed.len(), 1);
    assert!(!listed[0].is_active());
    at.store.forget_active(&session, at.samples.later(60)).await.unwrap();
    assert_eq!(at.listed().await, []);
}

#[tokio::test]
async fn active_sessions_are_paged_newest_first_without_gaps_or_repeats() {
    let at = Setting::new().await;
    let mut created = Vec::new();
    for _ in 0..57 {
        created.push(at.session(5).await.id);
        at.samples.clock.advance(Duration::from_millis(1));
    }
    let mut unlisted = at.samples.session(&at.samples.caller("host"), 2);
    unlisted.visibility = Visibility::Unlisted;
    at.store.add(&unlisted, at.empty_until()).await.unwrap();

    let (mut seen, mut before) = (Vec::new(), None);
    loop {
        let page = at.store.active(&ProjectId::default(), Some(Visibility::Public), 10, before).await.unwrap();
        assert!(page.items.len() <= 10);
        seen.extend(page.items.iter().map(|session| session.id));
        before = page.next;
        if before.is_none() {
            break;
        }
    }
    created.reverse();
    assert_eq!(seen, created);
    let hidden = at.store.active(&ProjectId::default(), Some(Visibility::Unlisted), 10, None).await.unwrap();
    assert_eq!(hidden.items.iter().map(|session| session.id).collect::<Vec<_>>(), [unlisted.id]);
}
