//! What the store makes of a database that throttles, conflicts, fails, loses answers or says nothing.

use domain::ports::{
    ConnectionLog, Families, Holding, Members, PresentedRefresh, RefreshSecret, Rotation, Seats, TakeOver, TakenSeat,
    Users,
};
use domain::{ConnectionId, Error, PasswordHash};
use store::Store;
use testkit::{Database, Fault, Samples};

use crate::{Setting, held};

/// More than the retries of the SDK and of the store together.
const FOR_EVER: usize = 100;

#[tokio::test]
async fn conflicts_are_tried_again_and_are_no_refusal() {
    let at = Setting::new().await;
    let session = at.session(1).await.id;
    let alice = at.samples.caller("alice");
    at.database.door().fail("TransactWriteItems", Fault::Conflict, 5);
    let attempt = at.sit(session, &alice).await;
    at.database.door().fail("UpdateItem", Fault::Conflict, 5);
    let taken = at.take_over(&held(session, &alice, "a"), attempt, &alice).await;
    assert!(matches!(taken, TakeOver::Taken(_)), "{taken:?}");
}

#[tokio::test]
async fn a_conflict_that_does_not_end_is_unavailable() {
    let at = Setting::new().await;
    let session = at.session(1).await.id;
    let alice = at.samples.caller("alice");
    at.database.door().fail("TransactWriteItems", Fault::Conflict, FOR_EVER);
    let [now, lease, noted] = [0, 60, 9999].map(|seconds| at.samples.later(seconds));
    let refused = at.store.take_seat(session, &alice, now, lease, noted).await;
    assert_eq!(refused.unwrap_err().code(), "unavailable");
    at.database.door().fail("UpdateItem", Fault::Conflict, FOR_EVER);
    let refused = at.store.next_attempt(session, alice.user_id).await;
    assert_eq!(refused.unwrap_err().code(), "unavailable");
}

#[tokio::test]
async fn passing_faults_are_tried_again() {
    let at = Setting::new().await;
    let alice = at.samples.user("alice");
    at.store.create(&alice).await.unwrap();
    for fault in [Fault::Throttled, Fault::Broken] {
        at.database.door().fail("GetItem", fault, 2);
        assert!(at.store.by_id(alice.id).await.unwrap().is_some(), "{fault:?}");
    }
}

#[tokio::test]
async fn a_database_that_stays_broken_or_throttled_is_unavailable_with_its_cause() {
    for fault in [Fault::Throttled, Fault::Broken] {
        let at = Setting::new().await;
        at.database.door().fail("GetItem", fault, FOR_EVER);
        let failed = at.store.by_id(at.samples.user("alice").id).await.unwrap_err();
        assert!(matches!(failed, Error::Unavailable(_)), "{failed:?}");
        assert!(std::error::Error::source(&failed).is_some());
    }
}

#[tokio::test]
async fn a_silent_database_is_unavailable_within_the_time_of_a_function() {
    let at = Setting::new().await;
    let mut sdk = at.database.sdk_config().into_builder();
    sdk.set_timeout_config(None);
    let store = Store::new(&sdk.build(), "unreached");
    at.database.door().fail("GetItem", Fault::Silence, FOR_EVER);
    let asked = store.by_id(at.samples.user("alice").id);
    let failed = tokio::time::timeout(std::time::Duration::from_secs(20), asked).await.expect("it gives up");
    assert_eq!(failed.unwrap_err().code(), "unavailable");
}

#[tokio::test]
async fn a_missing_table_is_our_own_fault() {
    let database = Database::start().await;
    let store = Store::new(&database.sdk_config(), "absent");
    let failed = store.by_id(Samples::default().user("alice").id).await.unwrap_err();
    assert_eq!(failed.code(), "internal");
}

#[tokio::test]
async fn a_rotation_whose_answer_was_lost_is_no_reuse() {
    let at = Setting::new().await;
    let alice = at.samples.caller("alice");
    at.store.start(alice.user_id, alice.family, "first", at.samples.later(60)).await.unwrap();
    at.database.door().fail("UpdateItem", Fault::AnswerLost, 1);
    let presented = PresentedRefresh {
        user: alice.user_id,
        family: alice.family,
        hash: "first".to_owned(),
        secret: RefreshSecret::default(),
    };
    let rotation = at.store.rotate(&presented, "second", at.samples.later(60), at.samples.now()).await;
    assert_eq!(rotation.unwrap(), Rotation::Repeated(at.samples.later(60)));
}

#[tokio::test]
async fn a_seat_whose_answer_was_lost_is_taken_once() {
    let at = Setting::new().await;
    let session = at.session(5).await.id;
    let alice = at.samples.caller("alice");
    at.database.door().fail("TransactWriteItems", Fault::AnswerLost, 1);
    assert!(matches!(at.take_seat(session, &alice).await, TakenSeat::Taken(_)));
    assert_eq!(at.roster(session).await.session.seats_taken, 1);
}

#[tokio::test]
async fn a_ticket_whose_admission_was_lost_still_admits_its_connection_and_no_other() {
    let at = Setting::new().await;
    let session = at.session(5).await.id;
    let mut admission = at.admission(session, &at.samples.caller("alice"), "a");
    at.database.door().fail("PutItem", Fault::AnswerLost, 1);
    assert!(at.store.open(&admission, at.samples.later(60)).await.unwrap());
    admission.connection = ConnectionId::new("b");
    assert!(!at.store.open(&admission, at.samples.later(60)).await.unwrap());
}

#[tokio::test]
async fn a_loss_whose_answer_was_lost_still_returns_the_participant() {
    let at = Setting::new().await;
    let session = at.session(5).await.id;
    let alice = at.samples.caller("alice");
    let connection = at.connect(session, &alice, "a").await;
    at.database.door().fail("UpdateItem", Fault::AnswerLost, 1);
    let lost = at.store.lose(&connection, at.samples.now(), at.samples.later(30)).await.unwrap();
    assert_eq!(lost, at.store.member(session, alice.user_id).await.unwrap());
}

#[tokio::test]
async fn a_take_over_whose_answer_was_lost_holds_already() {
    let at = Setting::new().await;
    let session = at.session(5).await.id;
    let alice = at.samples.caller("alice");
    let attempt = at.sit(session, &alice).await;
    at.database.door().fail("UpdateItem", Fault::AnswerLost, 1);
    let taken = at.take_over(&held(session, &alice, "a"), attempt, &alice).await;
    assert!(matches!(taken, TakeOver::HeldAlready(_)), "{taken:?}");
}

#[tokio::test]
async fn a_new_password_whose_answer_was_lost_is_replaced() {
    let at = Setting::new().await;
    let alice = at.samples.user("alice");
    at.store.create(&alice).await.unwrap();
    at.database.door().fail("UpdateItem", Fault::AnswerLost, 1);
    let new = PasswordHash("new".to_owned());
    assert!(at.store.replace_password(alice.id, &alice.password, &new).await.unwrap());
}
