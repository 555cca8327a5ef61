//! Cost, counted at the database's door.
//!
//! DynamoDB charges a write unit for each KB, double in a transaction, and a read unit for each 4 KB, half of it when the
//! read may be a little old.

use domain::delivery::Delivery;
use domain::ports::{
    ActiveSessions, Ban, ChatMessage, ClientMessageId, ConnectionLog, Families, Guard, Holding, Moderation,
    SessionChange, Sessions, Status, Throttles,
};
use domain::{Departure, ProjectId, Visibility, chat, leases, relay, sessions};
use testkit::{FakeSockets, Request};

use crate::Setting;
use crate::inbox::{OFFER, offer_frame};

fn units(requests: &[Request], operation: &str) -> f64 {
    requests.iter().filter(|request| request.operation == operation).map(|request| request.units).sum()
}

fn operations(requests: &[Request]) -> Vec<&str> {
    requests.iter().map(|request| request.operation.as_str()).collect()
}

#[tokio::test]
async fn a_durable_signal_of_one_kilobyte_is_one_write_unit_half_a_read_unit_and_one_push() {
    assert!(OFFER.lines().map(|line| line.len() + 2).sum::<usize>() >= 1024, "that is less than 1 KB");
    let at = Setting::new().await;
    let session = at.session(2).await.id;
    let bob = at.samples.caller("bob");
    at.connect(session, &bob, "b").await;
    let signal = at.signal(session, bob.user_id, offer_frame(OFFER));
    let sockets = FakeSockets::default();
    at.database.door().take();

    let delivery = relay::relay(at.ports(&sockets), &signal).await.unwrap();
    assert_eq!(delivery, Delivery::Sent);
    let mut requests = at.database.door().take();
    requests.sort_by(|a, b| a.operation.cmp(&b.operation));
    assert_eq!(operations(&requests), ["GetItem", "PutItem"]);
    assert_eq!((units(&requests, "PutItem"), units(&requests, "GetItem")), (1.0, 0.5));
    assert_eq!(sockets.pushes(), 1);
}

#[tokio::test]
async fn a_join_is_one_transaction_and_another_one_at_the_most() {
    let at = Setting::new().await;
    let session = at.session(1).await.id;
    let [alice, bob] = ["alice", "bob"].map(|name| at.samples.caller(name));
    for caller in [&alice, &bob] {
        at.store.start(caller.user_id, caller.family, "hash", at.samples.later(9999)).await.unwrap();
    }
    let sockets = FakeSockets::default();
    let join = |caller| sessions::join(at.ports(&sockets), caller, session);
    let transactions = || {
        let requests = at.database.door().take();
        requests.iter().filter(|request| request.operation == "TransactWriteItems").count()
    };
    at.database.door().take();
    assert!(join(&alice).await.is_ok());
    let requests = at.database.door().take();
    assert_eq!(units(&requests, "TransactWriteItems"), 7.0, "three items, each double, and when the seat is due");
    assert_eq!(units(&requests, "UpdateItem"), 1.0, "the counter");
    assert!(join(&alice).await.is_ok(), "again");
    assert_eq!(transactions(), 1);
    assert_eq!(join(&bob).await.err().map(|refused| refused.code()), Some("session_full"));
    assert_eq!(transactions(), 1);
}

#[tokio::test]
async fn a_lock_and_a_ban_cost_a_join_nothing() {
    let at = Setting::new().await;
    let creator = at.samples.caller("creator");
    let session = at.samples.session(&creator, 5);
    at.store.add(&session, at.empty_until()).await.unwrap();
    let locked = SessionChange { locked: Some(true), ..SessionChange::default() };
    at.store.set_controls(session.id, &locked, at.samples.now()).await.unwrap();
    let seat = async |caller| {
        at.database.door().take();
        at.sit(session.id, caller).await;
        let requests = at.database.door().take();
        (operations(&requests).len(), units(&requests, "TransactWriteItems"))
    };
    assert_eq!(seat(&creator).await, (1, 7.0), "into a locked session");
    let unlocked = SessionChange { locked: Some(false), ..SessionChange::default() };
    at.store.set_controls(session.id, &unlocked, at.samples.now()).await.unwrap();
    let bob = at.samples.caller("bob");
    let ban =
        Ban { at: at.samples.now(), until: at.samples.later(9), noted_until: at.samples.later(86_400), shortens: true };
    at.store.ban(session.id, bob.user_id, ban).await.unwrap();
    at.samples.clock.advance(std::time::Duration::from_secs(10));
    assert_eq!(seat(&bob).await, (1, 7.0), "after a ban");
}

#[tokio::test]
async fn a_chat_message_to_everybody_is_one_write_one_read_of_the_roster_and_a_push_each() {
    let at = Setting::new().await;
    let session = at.session(10).await.id;
    let alice = at.samples.user("alice");
    at.connect(session, &at.samples.caller_for(&alice), "c0").await;
    for n in 1..5 {
        at.connect(session, &at.samples.caller(&format!("user{n}")), &format!("c{n}")).await;
    }
    let message = at.message(session, &alice, "hello");
    let sockets = FakeSockets::default();
    at.database.door().take();

    chat::send(at.ports(&sockets), &message).await.unwrap();
    let requests = at.database.door().take();
    assert_eq!(operations(&requests), ["PutItem", "Query"]);
    assert_eq!((units(&requests, "PutItem"), units(&requests, "Query")), (1.0, 1.0));
    assert_eq!(sockets.pushes(), 5);

    let name = Some(ClientMessageId::parse("1".to_owned()).unwrap());
    let named = ChatMessage { client_id: name, ..at.message(session, &alice, "hello") };
    chat::send(at.ports(&sockets), &named).await.unwrap();
    let requests = at.database.door().take();
    assert_eq!(operations(&requests), ["PutItem", "PutItem", "Query"], "one write more for a name");
    assert_eq!((units(&requests, "PutItem"), units(&requests, "Query")), (2.0, 1.0));
}

#[tokio::test]
async fn a_departure_is_one_transaction_a_note_and_a_deletion() {
    let at = Setting::new().await;
    let session = at.session(5).await.id;
    let [alice, bob] = ["alice", "bob"].map(|name| at.samples.caller(name));
    at.connect(session, &alice, "a").await;
    at.connect(session, &bob, "b").await;
    let seat = at.participant(session, &bob).await;
    at.database.door().take();
    leases::depart(at.ports(&FakeSockets::default()), &seat, Guard::Seated, Departure::Left).await.unwrap();
    let requests = at.database.door().take();
    assert_eq!(operations(&requests), ["TransactWriteItems", "Query", "UpdateItem", "DeleteItem"]);
    assert_eq!(requests.iter().map(|request| request.units).collect::<Vec<_>>(), [6.0, 1.0, 1.0, 2.0]);
}

#[tokio::test]
async fn a_page_of_the_list_is_half_a_unit_for_each_session_and_each_partition_of_the_index() {
    let at = Setting::new().await;
    for _ in 0..50 {
        at.session(2).await;
    }
    at.database.door().take();
    at.store.active(&ProjectId::default(), Some(Visibility::Public), 50, None).await.unwrap();
    let requests = at.database.door().take();
    assert_eq!((units(&requests, "Query"), units(&requests, "BatchGetItem")), (16.0 * 0.5, 50.0 * 0.5));
    assert_eq!(requests.len(), 16 + 1);
}

#[tokio::test]
async fn coming_back_costs_one_refused_transaction_more() {
    let at = Setting::new().await;
    let session = at.session(5).await.id;
    let alice = at.samples.caller("alice");
    at.connect(session, &alice, "a").await;
    let seat = at.participant(session, &alice).await;
    leases::depart(at.ports(&FakeSockets::default()), &seat, Guard::Seated, Departure::Left).await.unwrap();
    at.database.door().take();
    at.sit(session, &alice).await;
    assert_eq!(operations(&at.database.door().take()), ["TransactWriteItems"; 2]);
}

#[tokio::test]
async fn a_ping_a_status_and_a_logged_connection_are_one_write_unit_each() {
    let at = Setting::new().await;
    let session = at.session(2).await.id;
    let alice = at.samples.caller("alice");
    let connection = at.connect(session, &alice, "a").await;
    let admission = at.admission(session, &alice, "a");
    at.database.door().take();

    leases::ping(&at.store, at.samples.context(), &connection).await.unwrap();
    assert!(at.store.open(&admission, at.samples.later(60)).await.unwrap());
    let muted = Status { is_muted: true, is_video_enabled: true };
    at.store.set_status(&connection, muted, at.samples.later(600)).await.unwrap();
    let requests = at.database.door().take();
    assert_eq!(operations(&requests), ["UpdateItem", "PutItem", "UpdateItem"]);
    assert!(requests.iter().all(|request| request.units == 1.0), "{requests:?}");
}

#[tokio::test]
async fn an_hour_of_pings_writes_the_index_as_often_as_a_lease_passes_into_another_step() {
    let at = Setting::new().await;
    let session = at.session(2).await.id;
    let connection = at.connect(session, &at.samples.caller("alice"), "a").await;
    at.database.door().take();
    for _ in 0..15 {
        at.samples.clock.advance(at.samples.policy.heartbeat);
        leases::ping(&at.store, at.samples.context(), &connection).await.unwrap();
    }
    let requests = at.database.door().take();
    assert_eq!(operations(&requests), ["UpdateItem"; 15]);
    assert_eq!(units(&requests, "UpdateItem"), 15.0 + 2.0 * 12.0, "12 steps of 5 minutes, each a deletion and a write");
}

#[tokio::test]
async fn a_throttle_and_a_check_of_the_login_are_one_request_each() {
    let at = Setting::new().await;
    let alice = at.samples.caller("alice");
    let counted = domain::ports::Counted::TicketsOf(alice.user_id);
    at.store.hit(&counted, at.samples.policy.tickets_per_user, at.samples.now()).await.unwrap();
    at.store.is_live(alice.user_id, alice.family, at.samples.now()).await.unwrap();
    assert_eq!(operations(&at.database.door().take()), ["UpdateItem", "GetItem"]);
}
