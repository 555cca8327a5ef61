//! Frames that are not what they must be. Each is answered once, and none closes the connection.

use serde_json::{Value, json};

use crate::support::{Pair, Target, offer};

#[tokio::test]
async fn a_frame_that_is_none_is_answered_without_an_id() {
    let target = Target::local().await;
    let Pair { mut at_alice, at_bob: _at_bob, .. } = target.pair().await;
    let long = "x".repeat(65);
    for text in [
        "",
        "hello",
        "null",
        "[]",
        "7",
        "{",
        "{}",
        r#"{"action":"ping"}"#,
        r#"{"action":"ping","id":7}"#,
        r#"{"action":"ping","id":""}"#,
        r#"{"action":"ping","id":null,"data":{}}"#,
        &format!(r#"{{"action":"ping","id":"{long}"}}"#),
        r#"{"action":"ping","id":"1"} trailing"#,
    ] {
        at_alice.send_text(text).await;
        let error = at_alice.event("error").await;
        assert_eq!(error["data"]["code"], "invalid_frame", "{text}: {error}");
        assert_eq!(error.get("id"), None, "{text}: {error}");
        crate::support::assert_time(&error["timestamp"]);
    }
    at_alice.ack("ping", json!({})).await;
    assert_eq!(at_alice.drain(), Vec::<Value>::new());
}

#[tokio::test]
async fn a_bad_frame_with_an_id_is_answered_with_it() {
    let target = Target::local().await;
    let Pair { bob, at_alice, at_bob: _at_bob, .. } = target.pair().await;
    let good = offer(&bob.id, "v=0");
    let with = |key: &str, value: Value| {
        let mut data = good.clone();
        data[key] = value;
        data
    };
    let candidates = |list: Value| json!({ "targetUserId": bob.id, "candidates": list });
    let one = json!({ "candidate": "candidate:1" });
    for (action, data) in [
        ("ping", json!([])),
        ("ping", json!({ "x": 1 })),
        ("leaveSession", json!({ "reason": "bored" })),
        ("joinSession", json!({})),
        ("joinSession", json!({ "sessionId": 7 })),
        ("joinSession", json!({ "sessionId": "01a1ed5c-8600-7000-8000-000000000001", "since": "yesterday" })),
        ("sync", json!({})),
        ("sync", json!({ "since": 1_795_000_000 })),
        ("sync", json!({ "since": "1969-01-01T00:00:00Z" })),
        ("updateStatus", json!({ "isMuted": true })),
        ("updateStatus", json!({ "isMuted": "yes", "isVideoEnabled": 1 })),
        ("sendMessage", json!({})),
        ("sendMessage", json!({ "message": "" })),
        ("sendMessage", json!({ "message": "x".repeat(4097) })),
        ("sendMessage", json!({ "message": "hi", "fromUserId": bob.id })),
        ("sendOffer", json!({ "offer": { "type": "offer", "sdp": "v=0" } })),
        ("sendOffer", json!({ "targetUserId": bob.id })),
        ("sendOffer", with("offer", json!("v=0"))),
        ("sendOffer", with("offer", json!({ "type": "answer", "sdp": "v=0" }))),
        ("sendOffer", with("offer", json!({ "type": "offer", "sdp": "" }))),
        ("sendOffer", with("offer", json!({ "type": "offer", "sdp": "v=0", "x": 1 }))),
        ("sendOffer", with("fromUserId", json!(bob.id))),
        ("sendOffer", with("epoch", json!(""))),
        ("sendOffer", with("epoch", json!("x".repeat(65)))),
        ("sendOffer", with("epoch", json!(1))),
        ("sendOffer", with("seq", json!(0))),
        ("sendOffer", with("seq", json!(-1))),
        ("sendOffer", with("seq", json!(1.5))),
        ("sendOffer", with("seq", json!("1"))),
        ("sendAnswer", good.clone()),
        ("sendIceCandidate", json!({ "targetUserId": bob.id })),
        ("sendIceCandidate", json!({ "targetUserId": bob.id, "candidate": one, "candidates": [one] })),
        ("sendIceCandidate", json!({ "targetUserId": bob.id, "candidate": "candidate:1" })),
        ("sendIceCandidate", json!({ "targetUserId": bob.id, "candidate": { "candidate": 1 } })),
        ("sendIceCandidate", json!({ "targetUserId": bob.id, "candidate": ["candidate:1"] })),
        ("sendIceCandidate", candidates(json!([]))),
        ("sendIceCandidate", candidates(json!({}))),
        ("sendIceCandidate", candidates(json!([one, {}]))),
        ("sendIceCandidate", candidates(json!(vec![one.clone(); 257]))),
    ] {
        assert_eq!(at_alice.refusal(action, data.clone()).await, "invalid_frame", "{action} {data}");
    }
    at_alice.ack("ping", json!({})).await;
}

#[tokio::test]
async fn an_action_that_is_none_is_unknown() {
    let target = Target::local().await;
    let Pair { at_alice, at_bob: _at_bob, .. } = target.pair().await;
    for action in ["", "dance", "Ping", "$default", "$connect", "$disconnect", "ack", "SendOffer"] {
        assert_eq!(at_alice.refusal(action, json!({})).await, "unknown_action", "{action}");
    }
}

#[tokio::test]
async fn an_unknown_field_of_a_frame_is_refused_and_named() {
    let target = Target::local().await;
    let Pair { mut at_alice, at_bob: _at_bob, .. } = target.pair().await;
    at_alice.send_text(r#"{"action":"ping","id":"mine","data":{},"extra":1}"#).await;
    let error = at_alice.event("error").await;
    assert_eq!((&error["id"], &error["data"]["code"]), (&json!("mine"), &json!("invalid_frame")));
    assert!(error["data"]["message"].as_str().is_some_and(|text| text.contains("extra")), "{error}");
}

#[tokio::test]
async fn before_joining_everything_but_ping_is_refused() {
    let target = Target::local().await;
    let Pair { bob, session, mut at_alice, at_bob: _at_bob, .. } = target.pair().await;
    let socket = target.connect(&bob, &session).await;
    for (action, data) in [
        ("leaveSession", json!({})),
        ("sendOffer", offer(&bob.id, "v=0")),
        ("sendAnswer", json!({ "targetUserId": bob.id, "answer": { "type": "answer", "sdp": "v=0" } })),
        ("sendIceCandidate", json!({ "targetUserId": bob.id, "candidate": { "candidate": "" } })),
        ("sendMessage", json!({ "message": "too early" })),
        ("updateStatus", json!({ "isMuted": true, "isVideoEnabled": true })),
        ("sync", json!({ "since": "2026-01-01T00:00:00.000Z" })),
    ] {
        assert_eq!(socket.refusal(action, data).await, "not_joined", "{action}");
    }
    assert_eq!(socket.ack("ping", json!({})).await, json!({}));
    at_alice.ack("ping", json!({})).await;
    assert_eq!(at_alice.drain(), Vec::<Value>::new(), "nothing of it reached anybody");
}

#[tokio::test]
async fn the_longest_texts_are_taken_and_arrive_whole() {
    let target = Target::local().await;
    let Pair { bob, at_alice, mut at_bob, .. } = target.pair().await;
    for text in ["x".repeat(4096), "\u{1F600}".repeat(4096), "\u{1}".repeat(4096)] {
        at_alice.ack("sendMessage", json!({ "message": text })).await;
        assert_eq!(at_bob.event("receiveMessage").await["data"]["message"], text);
    }
    let candidates: Vec<_> = (0..256).map(|n| json!({ "candidate": format!("candidate:{n}") })).collect();
    at_alice.ack("sendIceCandidate", json!({ "targetUserId": bob.id, "candidates": candidates })).await;
    assert_eq!(at_bob.event("receiveIceCandidate").await["data"]["candidates"], json!(candidates));
    let mut signal = offer(&bob.id, "v=0");
    (signal["epoch"], signal["seq"]) = (json!("ü".repeat(64)), json!(u64::MAX));
    at_alice.ack("sendOffer", signal).await;
    let received = at_bob.event("receiveOffer").await;
    assert_eq!((&received["data"]["epoch"], &received["data"]["seq"]), (&json!("ü".repeat(64)), &json!(u64::MAX)));
}

#[tokio::test]
async fn an_sdp_that_does_not_fit_a_frame_to_its_target_is_too_large() {
    let target = Target::local().await;
    let Pair { bob, at_alice, mut at_bob, .. } = target.pair().await;
    let fits = "x".repeat(32_000);
    at_alice.ack("sendOffer", offer(&bob.id, &fits)).await;
    assert_eq!(at_bob.event("receiveOffer").await["data"]["offer"]["sdp"], fits);
    // The frame to the server fits; with the sender's name the one to the target does not.
    assert_eq!(at_alice.refusal("sendOffer", offer(&bob.id, &"x".repeat(32_600))).await, "payload_too_large");
    at_bob.ack("ping", json!({})).await;
    assert_eq!(at_bob.drain(), Vec::<Value>::new());
}
