//! The twelve scenarios of the first TunRTC, through real HTTP and WebSocket clients. With `TUNRTC_E2E_URL` they run
//! against the server deployed there.

mod support;

use http::StatusCode;
use serde_json::{Value, json};
use support::{PASSWORD, Pair, Target, assert_id, assert_time, offer, unique, until};
use testclient::{Refused, Socket, socket_address};

#[tokio::test]
async fn the_service_says_that_it_is_healthy() {
    let target = Target::any().await;
    let health = target.api.get("/health", None).await;
    assert_eq!(health.status, 200);
    assert_eq!(health.body["status"], "healthy");
    assert_time(&health.body["timestamp"]);
    assert!(!health.text("version").is_empty());
}

#[tokio::test]
async fn a_user_registers_and_logs_in() {
    let target = Target::any().await;
    let (username, email) = (unique("carol"), format!("{}@Example.org", unique("carol")));
    let wanted = json!({ "username": username, "email": email, "password": PASSWORD });
    let registered = target.api.post("/api/auth/register", None, wanted).await;
    assert_eq!(registered.status, 201, "{}", registered.body);

    let proof = json!({ "email": email.to_uppercase(), "password": PASSWORD });
    let login = target.api.post("/api/auth/login", None, proof).await;
    assert_eq!(login.status, 200, "{}", login.body);
    for auth in [&registered.body, &login.body] {
        assert_eq!(auth["tokenType"], "Bearer");
        assert_eq!((&auth["username"], &auth["email"]), (&json!(username), &json!(email)));
        assert_id(&auth["userId"]);
        assert_time(&auth["expiresAt"]);
        assert_time(&auth["refreshExpiresAt"]);
    }
    assert_eq!(registered.body["userId"], login.body["userId"]);
    assert_ne!(registered.body["refreshToken"], login.body["refreshToken"]);
}

#[tokio::test]
async fn an_access_token_says_who_calls() {
    let target = Target::any().await;
    let alice = target.person("alice").await;
    let me = target.api.get("/api/auth/me", Some(&alice.token)).await;
    assert_eq!(me.status, 200, "{}", me.body);
    assert_eq!(me.body["id"], alice.id);
    assert_eq!(me.body["username"], alice.username);
    assert_eq!(me.body["email"], format!("{}@example.org", alice.username));
    assert_time(&me.body["createdAt"]);
    assert_time(&me.body["lastLoginAt"]);
}

#[tokio::test]
async fn a_session_is_created_with_nobody_in_it() {
    let target = Target::any().await;
    let alice = target.person("alice").await;
    let wanted = json!({ "name": "Stand-up", "maxParticipants": 4, "type": "audioOnly", "visibility": "unlisted" });
    let created = target.api.post("/api/session/create", Some(&alice.token), wanted).await;
    assert_eq!(created.status, 201, "{}", created.body);
    let expected = json!({
        "sessionId": created.body["sessionId"],
        "createdAt": created.body["createdAt"],
        "name": "Stand-up",
        "type": "audioOnly",
        "status": "active",
        "visibility": "unlisted",
        "maxParticipants": 4,
        "currentParticipants": 0,
        "endedAt": null,
        "creatorId": alice.id,
        "creatorUsername": alice.username,
        "locked": false,
        "waitingRoom": false,
        "version": 0,
    });
    assert_eq!(created.body, expected);
    assert_id(&created.body["sessionId"]);
    assert_time(&created.body["createdAt"]);
}

#[tokio::test]
async fn joining_gives_everything_that_a_call_needs() {
    let target = Target::any().await;
    let alice = target.person("alice").await;
    let session = target.api.create_session(&alice, 4).await;
    let joined = target.seat(&alice, &session).await.body;

    assert_eq!((&joined["sessionId"], &joined["currentParticipants"]), (&json!(session), &json!(1)));
    let participant = json!({
        "userId": alice.id,
        "username": alice.username,
        "joinedAt": joined["participants"][0]["joinedAt"],
        "status": "disconnected",
        "isMuted": false,
        "isVideoEnabled": true,
        "role": "host",
    });
    assert_eq!(joined["participants"], json!([participant]));
    assert_time(&participant["joinedAt"]);
    assert!(joined["signaling"]["url"].as_str().is_some_and(|url| url.starts_with("ws")), "{joined}");
    assert_time(&joined["signaling"]["expiresAt"]);
    assert!(joined["iceServers"].is_array());
    let mut media = joined["media"].clone();
    // Whether quality is asked for is the operator's to say.
    let quality = media.as_object_mut().and_then(|media| media.remove("quality"));
    assert!(quality.is_none_or(|quality| quality == json!({ "everySeconds": 60 })), "{joined}");
    // And so is whether one can record.
    let recording = media.as_object_mut().and_then(|media| media.remove("recording"));
    assert!(recording.is_none_or(|recording| recording == true), "{joined}");
    assert_eq!(media, json!({ "topology": "mesh", "limit": 6 }));

    let socket = Socket::connect(&socket_address(&joined["signaling"])).await.expect("an open door");
    let entered = socket.ack("joinSession", json!({ "sessionId": session })).await;
    assert_eq!(entered["session"]["participants"][0]["status"], "connected");
    assert_eq!(entered["recovered"], false);
    assert!(entered["heartbeatSeconds"].as_u64().is_some_and(|seconds| seconds > 0), "{entered}");
}

#[tokio::test]
async fn active_sessions_are_listed() {
    let target = Target::any().await;
    let alice = target.person("alice").await;
    let session = target.api.create_session(&alice, 4).await;
    let listed = until("the session in the list", async || {
        let page = target.api.get("/api/session/active?limit=100", Some(&alice.token)).await;
        assert_eq!(page.status, 200, "{}", page.body);
        page.body.as_array().expect("a list").iter().find(|listed| listed["sessionId"] == session).cloned()
    })
    .await;
    assert_eq!((&listed["status"], &listed["creatorId"]), (&json!("active"), &json!(alice.id)));

    assert_eq!(target.about(&alice, "end", &session).await.status, 200);
    until("the list without the session", async || {
        let page = target.api.get("/api/session/active?limit=100", Some(&alice.token)).await;
        let listed = page.body.as_array().expect("a list").iter().any(|listed| listed["sessionId"] == session);
        (!listed).then_some(())
    })
    .await;
}

#[tokio::test]
async fn ice_servers_come_with_the_life_of_their_credentials() {
    let target = Target::any().await;
    let alice = target.person("alice").await;
    let ice = target.api.get("/api/iceservers", Some(&alice.token)).await;
    assert_eq!(ice.status, 200, "{}", ice.body);
    assert!(ice.body["ttlSeconds"].as_u64().is_some_and(|seconds| seconds > 0), "{}", ice.body);
    for server in ice.body["iceServers"].as_array().expect("a list") {
        assert!(server["urls"].as_array().is_some_and(|urls| !urls.is_empty()), "{server}");
        assert_eq!(server["username"].is_string(), server["credential"].is_string(), "{server}");
    }
}

#[tokio::test]
async fn signaling_refuses_whoever_has_no_ticket() {
    let target = Target::any().await;
    let alice = target.person("alice").await;
    let session = target.api.create_session(&alice, 4).await;
    let joined = target.seat(&alice, &session).await;
    let url = joined.body["signaling"]["url"].as_str().expect("an address");
    let refused = Socket::connect(url).await.err();
    // The emulator of a deployment answers 500 when an authorizer refuses, whatever it says.
    let status = if target.is_deployed() { StatusCode::INTERNAL_SERVER_ERROR } else { StatusCode::UNAUTHORIZED };
    assert_eq!(refused, Some(Refused { status }));
}

#[tokio::test]
async fn a_participant_leaves() {
    let target = Target::any().await;
    let Pair { alice, bob, session, mut at_alice, at_bob: _at_bob, .. } = target.pair().await;
    let left = target.about(&bob, "leave", &session).await;
    assert_eq!(left.status, 200, "{}", left.body);
    assert!(!left.text("message").is_empty());

    let event = at_alice.event("userLeft").await;
    assert_eq!(event["data"], json!({ "userId": bob.id, "username": bob.username, "reason": "left" }));
    let detail = target.detail(&alice, &session).await;
    assert_eq!(detail["currentParticipants"], 1);
    assert_eq!(detail["participants"][0]["userId"], alice.id);
    assert_eq!(target.about(&bob, "leave", &session).await.code(), "not_in_session");
}

#[tokio::test]
async fn whoever_left_joins_again() {
    let target = Target::any().await;
    let Pair { bob, session, mut at_alice, at_bob: _at_bob, .. } = target.pair().await;
    assert_eq!(target.about(&bob, "leave", &session).await.status, 200);
    at_alice.event("userLeft").await;

    let at_bob = target.enter(&bob, &session).await;
    assert_eq!(at_alice.event("userJoined").await["data"]["userId"], bob.id);
    assert_eq!(at_bob.ack("ping", json!({})).await, json!({}));
}

#[tokio::test]
async fn a_second_user_is_announced_to_the_first() {
    let target = Target::any().await;
    let (alice, bob) = (target.person("alice").await, target.person("bob").await);
    let session = target.api.create_session(&alice, 4).await;
    let mut at_alice = target.enter(&alice, &session).await;
    let at_bob = target.connect(&bob, &session).await;
    let entered = at_bob.ack("joinSession", json!({ "sessionId": session })).await;

    let mut present: Vec<_> = entered["session"]["participants"].as_array().expect("a list").clone();
    present.sort_by_key(|participant| participant["userId"] != alice.id);
    assert_eq!((&present[0]["userId"], &present[1]["userId"]), (&json!(alice.id), &json!(bob.id)));
    let event = at_alice.event("userJoined").await;
    assert_time(&event["timestamp"]);
    let expected = json!({
        "userId": bob.id,
        "username": bob.username,
        "joinedAt": present[1]["joinedAt"],
        "isMuted": false,
        "isVideoEnabled": true,
        "role": "participant",
    });
    assert_eq!(event["data"], expected);
}

#[tokio::test]
async fn two_users_exchange_offer_answer_candidates_chat_and_status() {
    let target = Target::any().await;
    let Pair { alice, bob, session, mut at_alice, mut at_bob } = target.pair().await;
    let from_alice = |rest: Value| with_sender(rest, &alice.id, &alice.username);
    let from_bob = |rest: Value| with_sender(rest, &bob.id, &bob.username);

    let sent = at_alice.ack("sendOffer", offer(&bob.id, "v=0 offer")).await;
    assert_eq!(sent["delivery"], "sent");
    let received = at_bob.event("receiveOffer").await;
    let expected = json!({ "offer": { "type": "offer", "sdp": "v=0 offer" }, "signalId": sent["signalId"] });
    assert_eq!(received["data"], from_alice(expected));

    let answer = json!({ "type": "answer", "sdp": "v=0 answer" });
    let sent = at_bob.ack("sendAnswer", json!({ "targetUserId": alice.id, "answer": answer })).await;
    let received = at_alice.event("receiveAnswer").await;
    assert_eq!(received["data"], from_bob(json!({ "answer": answer, "signalId": sent["signalId"] })));

    let candidate =
        json!({ "candidate": "candidate:1 1 udp 1 192.0.2.1 9 typ host", "sdpMid": "0", "sdpMLineIndex": 0 });
    let wanted = json!({ "targetUserId": bob.id, "candidate": candidate });
    let sent = at_alice.ack("sendIceCandidate", wanted).await;
    let received = at_bob.event("receiveIceCandidate").await;
    assert_eq!(received["data"], from_alice(json!({ "candidates": [candidate], "signalId": sent["signalId"] })));

    let sent = at_bob.ack("sendMessage", json!({ "message": "Hello, Alice" })).await;
    for socket in [&mut at_alice, &mut at_bob] {
        let received = socket.event("receiveMessage").await;
        let expected = json!({ "message": "Hello, Alice", "messageId": sent["messageId"] });
        assert_eq!(received["data"], from_bob(expected));
    }

    at_alice.ack("updateStatus", json!({ "isMuted": true, "isVideoEnabled": false })).await;
    let received = at_bob.event("userStatusUpdated").await;
    let expected = json!({
        "userId": alice.id,
        "username": alice.username,
        "status": "connected",
        "isMuted": true,
        "isVideoEnabled": false,
    });
    assert_eq!(received["data"], expected);
    let detail = target.detail(&bob, &session).await;
    let shown = detail["participants"].as_array().expect("a list").iter().find(|p| p["userId"] == alice.id);
    assert_eq!(shown.map(|p| (&p["isMuted"], &p["isVideoEnabled"])), Some((&json!(true), &json!(false))));
}

/// What a relayed event carries: the sender as the server knows it, and the rest as it was sent.
fn with_sender(mut rest: Value, id: &str, username: &str) -> Value {
    rest["fromUserId"] = id.into();
    rest["fromUsername"] = username.into();
    rest
}

#[tokio::test]
async fn a_guest_joins_by_a_link_until_it_is_taken_back() {
    let target = Target::any().await;
    let alice = target.person("alice").await;
    let session = target.api.create_session(&alice, 4).await;
    let mut at_alice = target.enter(&alice, &session).await;
    let path = format!("/api/session/{session}/invites");
    let link = target.api.post(&path, Some(&alice.token), json!({})).await;
    assert_eq!(link.status, StatusCode::CREATED, "{}", link.body);
    let code = json!({ "code": link.body["code"] });
    let looked = target.api.post("/api/invites/lookup", None, code).await;
    assert_eq!(looked.body["sessionId"], session, "{}", looked.body);
    let wanted = json!({ "code": link.body["code"], "name": "Mallory" });
    let guest = target.api.post("/api/invites/redeem", None, wanted.clone()).await;
    assert_eq!(guest.status, StatusCode::OK, "{}", guest.body);
    let token = guest.text("token");
    let joined = target.api.post("/api/session/join", Some(&token), json!({})).await;
    assert_eq!(joined.status, StatusCode::OK, "{}", joined.body);
    let at_guest = Socket::connect(&socket_address(&joined.body["signaling"])).await.expect("an open door");
    at_guest.ack("joinSession", json!({ "sessionId": session })).await;
    assert_eq!(at_alice.event("userJoined").await["data"]["username"], "Mallory (guest)");

    let one = format!("{path}/{}", link.text("inviteId"));
    for gone in [one.as_str(), &path] {
        let other = target.api.post(&path, Some(&alice.token), json!({ "role": "viewer" })).await;
        assert_eq!(other.status, StatusCode::CREATED, "{}", other.body);
        let removed = target.api.call(http::Method::DELETE, gone, Some(&alice.token), None).await;
        assert_eq!(removed.status, StatusCode::NO_CONTENT, "{}", removed.body);
    }
    assert_eq!(target.api.get(&path, Some(&alice.token)).await.body, json!([]));
    assert_eq!(target.api.post("/api/invites/redeem", None, wanted).await.code(), "invite_not_found");
    at_guest.ack("ping", json!({})).await;
}
