//! Durable signaling and honest presence, case by case: what a phone in a tunnel, a second tab, a dead peer and a
//! restarted server look like to the others. `durable` runs them all at random.

mod support;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::future::join_all;
use local::{Fate, Options, SdkCall};
use runtime::settings;
use serde_json::{Value, json};
use support::{Pair, Target, names, offer, until};
use testclient::{Account, Socket};

/// Resumes on a fresh connection; the data of the `ack`, and the socket.
async fn resume(target: &Target, person: &Account, session: &str, since: &str) -> (Value, Socket) {
    let socket = Socket::connect(&target.api.ticket(person, session).await).await.expect("an open door");
    let joined = socket.ack("joinSession", json!({ "sessionId": session, "since": since })).await;
    (joined, socket)
}

/// The names of participants with that status.
fn with_status(detail: &Value, status: &str) -> usize {
    let participants = detail["participants"].as_array().expect("a roster");
    participants.iter().filter(|p| p["status"] == status).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_phone_that_loses_its_network_in_a_negotiation_misses_nothing() {
    let target = Target::local().await;
    let Pair { alice, bob, session, mut at_alice, mut at_bob } = target.pair().await;
    at_alice.ack("sendOffer", offer(&bob.id, "v=0 first")).await;
    let seen = at_bob.event("receiveOffer").await["timestamp"].as_str().expect("a time").to_owned();
    drop(at_bob);

    let gone = at_alice.event("userStatusUpdated").await;
    assert_eq!((&gone["data"]["userId"], &gone["data"]["status"]), (&json!(bob.id), &json!("reconnecting")));
    let candidate =
        json!({ "targetUserId": bob.id, "candidate": { "candidate": "candidate:1" }, "epoch": "e", "seq": 2 });
    assert_eq!(at_alice.ack("sendIceCandidate", candidate).await["delivery"], "queued");
    at_alice.ack("sendMessage", json!({ "message": "are you there?" })).await;

    let (joined, mut at_bob) = resume(&target, &bob, &session, &seen).await;
    assert_eq!(joined["recovered"], true);
    assert_eq!(at_bob.event("receiveIceCandidate").await["data"]["seq"], 2);
    assert_eq!(at_bob.event("receiveMessage").await["data"]["message"], "are you there?");
    let back = at_alice.event("userStatusUpdated").await;
    assert_eq!(back["data"]["status"], "connected");
    let events = at_alice.drain();
    assert!(!names(&events).contains(&"userLeft") && !names(&events).contains(&"userJoined"), "{events:?}");
    assert_eq!(with_status(&target.detail(&alice, &session).await, "connected"), 2);
    target.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_takes_pushes_but_is_dead_loses_nothing() {
    let target = Target::local().await;
    let alice = target.person("alice").await;
    let bob = target.person("bob").await;
    let session = target.api.create_session(&alice, 2).await;
    let mut at_bob = target.enter(&bob, &session).await;
    let gateway = target.server().gateway();
    let bobs = gateway.connection_ids().pop().expect("bob's connection");
    let at_alice = target.enter(&alice, &session).await;
    let seen = at_bob.event("userJoined").await["timestamp"].as_str().expect("a time").to_owned();

    assert!(gateway.black_hole(&bobs));
    let sent = at_alice.ack("sendOffer", offer(&bob.id, "v=0 into the dark")).await;
    assert_eq!(sent["delivery"], "sent", "nobody can know that the connection is dead");
    let (joined, mut at_bob) = resume(&target, &bob, &session, &seen).await;
    assert_eq!(joined["recovered"], true);
    assert_eq!(at_bob.event("receiveOffer").await["data"]["offer"]["sdp"], "v=0 into the dark");
    target.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_tabs_the_newer_takes_over_and_the_older_is_told() {
    let target = Target::local().await;
    let Pair { alice, bob, session, mut at_alice, mut at_bob } = target.pair().await;
    let mut second = Socket::connect(&target.api.ticket(&bob, &session).await).await.expect("an open door");
    second.ack("joinSession", json!({ "sessionId": session })).await;
    at_bob.event("replaced").await;
    at_bob.ended().await;

    at_alice.ack("sendOffer", offer(&bob.id, "v=0 to the newer")).await;
    assert_eq!(second.event("receiveOffer").await["data"]["offer"]["sdp"], "v=0 to the newer");
    assert_eq!(at_alice.event("userStatusUpdated").await["data"]["status"], "connected");
    // The end of the older one is not the end of the participant.
    assert_eq!(with_status(&target.detail(&alice, &session).await, "connected"), 2);
    target.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_late_attempt_does_not_take_over_from_a_newer_one() {
    let target = Target::local().await;
    let Pair { bob, session, at_alice, .. } = target.pair().await;
    let older = target.api.ticket(&bob, &session).await;
    let newer = target.api.ticket(&bob, &session).await;
    let mut newer = Socket::connect(&newer).await.expect("an open door");
    newer.ack("joinSession", json!({ "sessionId": session })).await;
    let mut older = Socket::connect(&older).await.expect("an open door");
    assert_eq!(older.refusal("joinSession", json!({ "sessionId": session })).await, "not_joined");
    older.event("replaced").await;
    older.ended().await;
    at_alice.ack("sendOffer", offer(&bob.id, "v=0")).await;
    newer.event("receiveOffer").await;
    target.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broadcast_reaches_40_of_50_at_once_and_waits_for_the_other_10() {
    let target = Target::local().await;
    let owner = target.person("owner").await;
    let session = target.api.create_session(&owner, 50).await;
    let mut people = vec![owner];
    people.extend(join_all((0..49).map(|_| target.person("guest"))).await);
    let mut sockets = Vec::new();
    for person in &people {
        sockets.push(target.enter(person, &session).await);
    }
    let since = now();
    drop(sockets.split_off(40));
    let detail = until("ten are gone", async || {
        let detail = target.detail(&people[0], &session).await;
        (with_status(&detail, "reconnecting") == 10).then_some(detail)
    })
    .await;
    assert_eq!(with_status(&detail, "connected"), 40);

    sockets[0].ack("sendMessage", json!({ "message": "to all" })).await;
    for socket in &mut sockets {
        assert_eq!(socket.event("receiveMessage").await["data"]["message"], "to all");
    }
    let (joined, mut late) = resume(&target, &people[49], &session, &since).await;
    assert_eq!(joined["recovered"], true);
    assert_eq!(late.event("receiveMessage").await["data"]["message"], "to all");
    target.stop().await;
}

/// The present moment, as an event's timestamp.
fn now() -> String {
    protocol::format_time(domain::Clock::now(&runtime::SystemClock))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_participant_whose_disconnect_never_came_runs_out_by_its_lease() {
    let faults = apigateway::Chances { lost_disconnect: 1.0, ..apigateway::Chances::default() };
    let options = Options {
        faults: Some(faults),
        sweep_every: Duration::from_millis(200),
        settings: support::short_lease(),
        ..Options::default()
    };
    let target = Target::with(options).await;
    let Pair { bob, mut at_alice, at_bob, .. } = target.pair().await;
    drop(at_bob);
    let left = loop {
        // Any frame renews a lease; without these, alice would run out too.
        at_alice.ack("ping", json!({})).await;
        match tokio::time::timeout(Duration::from_millis(300), at_alice.next()).await {
            Ok(Some(event)) if event["event"] == "userLeft" => break event,
            Ok(Some(_)) | Err(_) => {}
            Ok(None) => panic!("alice was cut"),
        }
    };
    assert_eq!((&left["data"]["userId"], &left["data"]["reason"]), (&json!(bob.id), &json!("timeout")));
    target.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_session_is_ended_by_the_sweep() {
    let options = Options {
        sweep_every: Duration::from_millis(200),
        settings: vec![(settings::EMPTY_SESSION_SECONDS, "1".to_owned())],
        ..Options::default()
    };
    let target = Target::with(options).await;
    let Pair { alice, session: occupied, at_alice, .. } = target.pair().await;
    let empty = target.api.create_session(&alice, 2).await;
    until("the empty session ends", async || {
        let detail = target.detail(&alice, &empty).await;
        (detail["status"] == "ended").then_some(())
    })
    .await;
    assert_eq!(target.detail(&alice, &occupied).await["status"], "active");
    assert!(at_alice.is_open());
    target.stop().await;
}

/// Makes of a data file one from before it was noted in the table when something is to be looked at.
fn forget_due_times(data: &Path) {
    let engine = dynoxide::Database::new(&data.to_string_lossy()).expect("a data file");
    let dropped = json!({
        "TableName": "tunrtc",
        "GlobalSecondaryIndexUpdates": [{ "Delete": { "IndexName": "due" } }],
    });
    engine.update_table(serde_json::from_value(dropped).expect("a request")).expect("an index less");
    let all = serde_json::from_value(json!({ "TableName": "tunrtc" })).expect("a request");
    let mut changed = 0;
    for mut item in engine.scan(all).expect("a table").items.unwrap_or_default() {
        let noted = item.remove("duePk").is_some();
        item.remove("dueSk");
        if noted {
            let put = json!({ "TableName": "tunrtc", "Item": item });
            engine.put_item(serde_json::from_value(put).expect("a request")).expect("an item");
            changed += 1;
        }
    }
    assert!(changed >= 4, "two sessions and two seats: {changed}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_data_file_from_before_there_were_due_times_is_opened_and_swept() {
    let folder = std::env::temp_dir().join(support::unique("tunrtc-before"));
    std::fs::create_dir_all(&folder).expect("a folder");
    let data = folder.join("data.db");
    let settings = support::short_lease();
    let target = Target::with(Options { data: Some(data.clone()), settings, ..Options::default() }).await;
    let Pair { alice, session, at_alice, at_bob, .. } = target.pair().await;
    let empty = target.api.create_session(&alice, 2).await;
    target.stop().await;
    drop((at_alice, at_bob));
    forget_due_times(&data);

    let settings = [support::short_lease(), vec![(settings::EMPTY_SESSION_SECONDS, "1".to_owned())]].concat();
    let sweep_every = Duration::from_millis(200);
    let target = Target::with(Options { data: Some(data.clone()), sweep_every, settings, ..Options::default() }).await;
    for what in [&empty, &session] {
        until("the end of a session of before", async || {
            (target.detail(&alice, what).await["status"] == "ended").then_some(())
        })
        .await;
    }
    target.stop().await;
    std::fs::remove_dir_all(&folder).expect("a folder that was made");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_throttled_table_is_answered_unavailable_and_the_next_try_succeeds() {
    let throttled = Arc::new(AtomicBool::new(true));
    let switch = Arc::clone(&throttled);
    let intercept = Arc::new(move |call: &SdkCall<'_>| {
        let inbox = call.target.ends_with("PutItem") && call.body.windows(6).any(|part| part == b"INBOX#");
        if inbox && switch.load(Ordering::SeqCst) {
            let body = r#"{"__type":"com.amazonaws.dynamodb.v20120810#ThrottlingException","message":"slow down"}"#;
            return Fate::Answer(400, body.to_owned());
        }
        Fate::Pass
    });
    let target = Target::with(Options { intercept: Some(intercept), tells: false, ..Options::default() }).await;
    let Pair { bob, at_alice, mut at_bob, .. } = target.pair().await;
    assert_eq!(at_alice.refusal("sendOffer", offer(&bob.id, "v=0 again")).await, "unavailable");
    throttled.store(false, Ordering::SeqCst);
    at_alice.ack("sendOffer", offer(&bob.id, "v=0 again")).await;
    at_bob.event("receiveOffer").await;
    target.stop().await;
}
