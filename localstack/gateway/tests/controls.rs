//! Steering a session, through real HTTP and WebSocket clients: roles and permissions, removal and bans, locks.

mod support;

use bytes::Bytes;
use http::{Method, Request, StatusCode};
use http_body_util::Full;
use serde_json::{Value, json};
use support::{Pair, Target, offer, until};
use testclient::{Account, Socket, socket_address};

/// A description that sends that kind in that direction.
fn sdp(kind: &str, direction: &str) -> String {
    format!("v=0\r\nm={kind} 9 UDP/TLS/RTP/SAVPF 111\r\na={direction}\r\n")
}

/// The data of the error that answers a frame.
async fn refusal(socket: &Socket, action: &str, data: Value) -> Value {
    let answer = socket.request(action, data).await.expect("a live connection");
    assert_eq!(answer["event"], "error", "{answer}");
    answer["data"].clone()
}

#[tokio::test]
async fn the_creator_is_the_host_and_everybody_hears_who_becomes_what() {
    let target = Target::local().await;
    let Pair { alice, bob, session, mut at_alice, mut at_bob } = target.pair().await;
    let detail = target.detail(&bob, &session).await;
    let roles: Vec<_> = detail["participants"].as_array().expect("a list").iter().map(|p| p["role"].clone()).collect();
    assert_eq!(roles, ["host", "participant"]);
    assert_eq!(detail["participants"][0].get("permissions"), None, "the usual ones");

    let change = json!({ "targetUserId": bob.id, "role": "cohost", "permissions": { "publishScreen": false } });
    let ack = at_alice.ack("updateParticipant", change).await;
    for at in [&mut at_alice, &mut at_bob] {
        assert_eq!(at.event("participantUpdated").await["data"], ack);
    }
    assert_eq!(
        (&ack["userId"], &ack["role"], &ack["username"]),
        (&json!(bob.id), &json!("cohost"), &json!(bob.username))
    );
    assert_eq!(ack["permissions"]["publishScreen"], false);
    assert_eq!(ack["permissions"]["moderate"], true);
    let detail = target.detail(&alice, &session).await;
    assert_eq!(detail["participants"][1]["permissions"], ack["permissions"], "unusual ones are said");
}

#[tokio::test]
async fn what_somebody_may_not_send_is_refused_by_the_name_of_the_permission() {
    let target = Target::local().await;
    let Pair { alice, bob, at_alice, at_bob, .. } = target.pair().await;
    let change = json!({ "targetUserId": bob.id, "role": "viewer", "permissions": { "chat": false } });
    at_alice.ack("updateParticipant", change).await;
    for (kind, direction, missing) in [
        ("audio", "sendrecv", Some("publishAudio")),
        ("video", "sendonly", Some("publishVideo")),
        ("audio", "recvonly", None),
        ("video", "inactive", None),
    ] {
        let data = offer(&alice.id, &sdp(kind, direction));
        match missing {
            None => drop(at_bob.ack("sendOffer", data).await),
            Some(permission) => {
                let error = refusal(&at_bob, "sendOffer", data).await;
                let message = format!("the permission `{permission}` is missing");
                assert_eq!(error, json!({ "code": "forbidden", "message": message }));
            }
        }
    }
    let answer = json!({ "targetUserId": alice.id, "answer": { "type": "answer", "sdp": sdp("audio", "sendonly") } });
    assert_eq!(refusal(&at_bob, "sendAnswer", answer).await["code"], "forbidden");
    let candidate = json!({ "targetUserId": alice.id, "candidate": { "candidate": "candidate:1" } });
    at_bob.ack("sendIceCandidate", candidate).await;
    let error = refusal(&at_bob, "sendMessage", json!({ "message": "hello" })).await;
    assert_eq!(error["message"], "the permission `chat` is missing");
}

#[tokio::test]
async fn a_screen_may_be_shown_without_the_permission_for_a_camera() {
    let target = Target::local().await;
    let Pair { alice, bob, at_alice, at_bob, .. } = target.pair().await;
    let change = json!({ "targetUserId": bob.id, "permissions": { "publishVideo": false } });
    at_alice.ack("updateParticipant", change).await;
    let screen = format!("{}a=content:slides\r\n", sdp("video", "sendonly"));
    at_bob.ack("sendOffer", offer(&alice.id, &screen)).await;
    assert_eq!(at_bob.refusal("sendOffer", offer(&alice.id, &sdp("video", "sendonly"))).await, "forbidden");
    // What cannot be read may send anything.
    assert_eq!(at_bob.refusal("sendOffer", offer(&alice.id, "tunrtc-deflate:AAAA")).await, "forbidden");
}

#[tokio::test]
async fn whoever_may_not_steer_is_refused_each_action() {
    let target = Target::local().await;
    let Pair { alice, at_bob, .. } = target.pair().await;
    for (action, data) in [
        ("updateParticipant", json!({ "targetUserId": alice.id, "role": "viewer" })),
        ("muteParticipant", json!({ "targetUserId": alice.id, "kind": "audio" })),
        ("muteParticipant", json!({ "all": true, "kind": "audio" })),
        ("removeParticipant", json!({ "targetUserId": alice.id, "banSeconds": 60 })),
        ("updateSession", json!({ "locked": true })),
    ] {
        let error = refusal(&at_bob, action, data).await;
        assert_eq!(error["message"], "the permission `moderate` is missing", "{action}");
    }
}

#[tokio::test]
async fn an_action_names_the_field_that_is_wrong_with_it() {
    let target = Target::local().await;
    let Pair { bob, at_alice, .. } = target.pair().await;
    for (action, data, message) in [
        (
            "updateParticipant",
            json!({ "targetUserId": bob.id }),
            "role is missing, and permissions, username, attributes and metadata too",
        ),
        (
            "updateParticipant",
            json!({ "targetUserId": bob.id, "role": "king" }),
            "role must be host, cohost, participant or viewer",
        ),
        (
            "updateParticipant",
            json!({ "targetUserId": bob.id, "permissions": { "fly": true } }),
            "permissions.fly is not known",
        ),
        ("updateParticipant", json!({ "role": "viewer" }), "targetUserId is missing"),
        ("muteParticipant", json!({ "kind": "audio" }), "targetUserId is missing, and all is not true"),
        (
            "muteParticipant",
            json!({ "targetUserId": bob.id, "all": true, "kind": "audio" }),
            "all must not come with targetUserId",
        ),
        ("muteParticipant", json!({ "targetUserId": bob.id, "kind": "smell" }), "kind must be audio, video or screen"),
        ("muteParticipant", json!({ "all": true, "except": 7, "kind": "audio" }), "except must be a list of strings"),
        (
            "removeParticipant",
            json!({ "targetUserId": bob.id, "banSeconds": 2_592_001 }),
            "banSeconds must be 0-2592000",
        ),
        ("updateSession", json!({}), "name is missing, and maxParticipants, locked, waitingRoom and metadata too"),
        ("updateSession", json!({ "locked": "yes" }), "locked must be true or false"),
    ] {
        let error = refusal(&at_alice, action, data).await;
        assert_eq!(error, json!({ "code": "invalid_frame", "message": message }), "{action}");
    }
    for target in ["nobody", "01930000-0000-7000-8000-000000000000"] {
        for (action, more) in
            [("updateParticipant", json!({ "role": "viewer" })), ("muteParticipant", json!({ "kind": "audio" }))]
        {
            let mut data = more;
            data["targetUserId"] = json!(target);
            assert_eq!(at_alice.refusal(action, data).await, "peer_not_found");
        }
    }
}

#[tokio::test]
async fn a_banned_participant_stays_out_through_every_door_and_may_return_when_the_ban_ends() {
    let target = Target::local().await;
    let alice = target.person("alice").await;
    let bob = target.person("bob").await;
    let session = target.api.create_session(&alice, 4).await;
    let mut at_alice = target.enter(&alice, &session).await;
    let mut at_bob = target.enter(&bob, &session).await;
    let minted = target.about(&bob, "ticket", &session).await;
    // A second tab that has not joined yet: its ticket is newer than the one of the live connection.
    let second = target.connect(&bob, &session).await;

    let ban = json!({ "targetUserId": bob.id, "banSeconds": 3 });
    let banned_until = at_alice.ack("removeParticipant", ban).await["bannedUntil"].clone();
    support::assert_time(&banned_until);
    assert_eq!(at_bob.event("removed").await["data"], json!({ "reason": "banned", "bannedUntil": banned_until }));
    at_bob.ended().await;
    let left = at_alice.event("userLeft").await;
    assert_eq!((&left["data"]["userId"], &left["data"]["reason"]), (&json!(bob.id), &json!("removed")));

    let join = target.api.join(&bob, &session).await;
    assert_eq!((join.status, join.code(), &join.body["until"]), (StatusCode::FORBIDDEN, "banned", &banned_until));
    let ticket = target.about(&bob, "ticket", &session).await;
    assert_eq!((ticket.status, ticket.code()), (StatusCode::NOT_FOUND, "not_in_session"));
    assert_eq!(
        target.api.get(&format!("/api/session/{session}/messages"), Some(&bob.token)).await.code(),
        "not_in_session"
    );
    let late = Socket::connect(&socket_address(&minted.body)).await.expect("a ticket that was not used");
    for tab in [&second, &late] {
        assert_eq!(tab.refusal("joinSession", json!({ "sessionId": session })).await, "not_joined");
        assert_eq!(tab.refusal("sendMessage", json!({ "message": "still here" })).await, "not_joined");
    }
    until("the end of the ban", async || (target.api.join(&bob, &session).await.status == 200).then_some(())).await;
    let _back = target.enter(&bob, &session).await;
    assert_eq!(at_alice.event("userJoined").await["data"]["userId"], bob.id);
}

#[tokio::test]
async fn somebody_who_is_removed_without_a_ban_may_come_back_at_once() {
    let target = Target::local().await;
    let Pair { bob, session, at_alice, mut at_bob, .. } = target.pair().await;
    assert_eq!(at_alice.ack("removeParticipant", json!({ "targetUserId": bob.id })).await, json!({}));
    assert_eq!(at_bob.event("removed").await["data"], json!({ "reason": "removed" }));
    at_bob.ended().await;
    target.enter(&bob, &session).await;
    // Removing somebody who is not here is no mistake.
    at_alice.ack("removeParticipant", json!({ "targetUserId": "01930000-0000-7000-8000-000000000000" })).await;
}

#[tokio::test]
async fn a_locked_session_refuses_newcomers_and_takes_its_host_back() {
    let target = Target::local().await;
    let (alice, bob, carol) = (target.person("alice").await, target.person("bob").await, target.person("carol").await);
    let session = target.api.create_session(&alice, 4).await;
    let at_alice = target.enter(&alice, &session).await;
    let mut at_bob = target.enter(&bob, &session).await;
    let locked = at_alice.ack("updateSession", json!({ "locked": true, "name": "Closed" })).await;
    let wanted = json!({ "name": "Closed", "maxParticipants": 4, "locked": true, "waitingRoom": false, "version": 1 });
    assert_eq!(locked, wanted);
    assert_eq!(at_bob.event("sessionUpdated").await["data"], locked);

    let refused = target.api.join(&carol, &session).await;
    assert_eq!((refused.status, refused.code()), (StatusCode::FORBIDDEN, "session_locked"));
    assert_eq!(target.about(&bob, "ticket", &session).await.status, 200, "who is inside comes back");
    at_alice.ack("leaveSession", json!({})).await;
    let at_alice = target.enter(&alice, &session).await;
    at_alice.ack("updateSession", json!({ "locked": false })).await;
    target.enter(&carol, &session).await;
}

#[tokio::test]
async fn a_session_may_be_made_locked() {
    let target = Target::local().await;
    let (alice, bob) = (target.person("alice").await, target.person("bob").await);
    let wanted = json!({ "name": "Later", "locked": true });
    let created = target.api.post("/api/session/create", Some(&alice.token), wanted).await;
    assert_eq!((&created.body["locked"], &created.body["version"]), (&json!(true), &json!(0)));
    let session = created.text("sessionId");
    assert_eq!(target.api.join(&bob, &session).await.code(), "session_locked");
    target.enter(&alice, &session).await;
}

#[tokio::test]
async fn a_request_to_mute_says_who_asks_and_waits_for_who_is_away() {
    let target = Target::local().await;
    let Pair { alice, bob, session, at_alice, mut at_bob } = target.pair().await;
    at_alice.ack("muteParticipant", json!({ "targetUserId": bob.id, "kind": "audio" })).await;
    let asked = json!({ "kind": "audio", "byUserId": alice.id });
    assert_eq!(at_bob.event("muteRequested").await["data"], asked);

    let seen = target.detail(&bob, &session).await["participants"][1]["joinedAt"].clone();
    at_bob.close().await;
    at_bob.ended().await;
    at_alice.ack("muteParticipant", json!({ "all": true, "kind": "video" })).await;
    let mut back = target.connect(&bob, &session).await;
    let joined = back.ack("joinSession", json!({ "sessionId": session, "since": seen })).await;
    assert_eq!(joined["recovered"], true);
    let kinds = [back.event("muteRequested").await, back.event("muteRequested").await];
    assert_eq!(kinds.map(|event| event["data"]["kind"].clone()), ["audio", "video"]);
}

#[tokio::test]
async fn a_host_steers_over_rest_without_being_there() {
    let target = Target::local().await;
    let (alice, bob) = (target.person("alice").await, target.person("bob").await);
    let session = target.api.create_session(&alice, 4).await;
    let mut at_bob = target.enter(&bob, &session).await;
    let path = format!("/api/session/{session}");
    let one = format!("{path}/participants/{}", bob.id);
    let ask = async |method: Method, path: &str, body: Value| {
        target.api.call(method, path, Some(&alice.token), Some(body)).await
    };

    let listed = target.api.get(&format!("{path}/participants"), Some(&alice.token)).await;
    assert_eq!((listed.status, listed.body.as_array().map(Vec::len)), (StatusCode::OK, Some(1)), "{}", listed.body);
    assert_eq!(listed.body[0]["permissions"]["publishAudio"], true, "always said here");
    let changed = ask(Method::PATCH, &one, json!({ "role": "viewer" })).await;
    assert_eq!((changed.status, &changed.body["role"]), (StatusCode::OK, &json!("viewer")), "{}", changed.body);
    assert_eq!(at_bob.event("participantUpdated").await["data"]["role"], "viewer");
    assert_eq!(target.api.get(&one, Some(&alice.token)).await.body, changed.body);

    for (path, body) in [
        (format!("{one}/mute"), json!({ "kind": "audio" })),
        (format!("{path}/mute"), json!({ "kind": "audio", "except": [] })),
    ] {
        assert_eq!(ask(Method::POST, &path, body).await.status, 202, "{path}");
        assert_eq!(at_bob.event("muteRequested").await["data"], json!({ "kind": "audio", "byUserId": alice.id }));
    }
    let said = ask(Method::POST, &format!("{path}/messages"), json!({ "message": "Five minutes." })).await;
    assert_eq!(said.status, 201, "{}", said.body);
    assert_eq!(at_bob.event("receiveMessage").await["data"]["messageId"], said.body["messageId"]);

    let removed = target.api.call(Method::DELETE, &format!("{one}?banSeconds=600"), Some(&alice.token), None).await;
    assert_eq!(removed.status, 204, "{}", removed.body);
    assert_eq!(at_bob.event("removed").await["data"]["reason"], "banned");
    assert_eq!(target.api.join(&bob, &session).await.code(), "banned");
    let again = target.api.call(Method::DELETE, &one, Some(&alice.token), None).await;
    assert_eq!(again.status, 204, "removing somebody who is gone is no mistake");
    assert_eq!(target.api.get(&one, Some(&alice.token)).await.code(), "participant_not_found");
}

#[tokio::test]
async fn a_session_is_changed_only_if_it_is_what_was_seen() {
    let target = Target::local().await;
    let (alice, bob) = (target.person("alice").await, target.person("bob").await);
    let session = target.api.create_session(&alice, 4).await;
    let path = format!("/api/session/{session}");
    let patch = async |version: Option<&str>, body: Value| {
        let mut request = Request::patch("/").header("authorization", format!("Bearer {}", alice.token));
        if let Some(version) = version {
            request = request.header("if-match", version);
        }
        let request = request.body(Full::new(Bytes::from(body.to_string()))).expect("a request");
        target.api.send(&path, request).await
    };
    let first = patch(Some("\"0\""), json!({ "name": "Daily", "maxParticipants": 9 })).await;
    assert_eq!((first.status, &first.body["version"]), (StatusCode::OK, &json!(1)), "{}", first.body);
    assert_eq!((&first.body["name"], &first.body["maxParticipants"]), (&json!("Daily"), &json!(9)));
    let stale = patch(Some("\"0\""), json!({ "locked": true })).await;
    assert_eq!((stale.status, stale.code()), (StatusCode::PRECONDITION_FAILED, "version_mismatch"));
    assert_eq!(patch(Some("1"), json!({ "locked": true })).await.body["errors"][0]["field"], "if-match");
    assert_eq!(patch(None, json!({ "locked": true })).await.body["locked"], true);
    assert_eq!(patch(None, json!({})).await.code(), "invalid_request");
    let refused = target.api.call(Method::PATCH, &path, Some(&bob.token), Some(json!({ "locked": false }))).await;
    assert_eq!((refused.status, refused.code()), (StatusCode::FORBIDDEN, "forbidden"));
}

#[tokio::test]
async fn whoever_neither_takes_part_nor_steers_does_not_see_who_is_there() {
    let target = Target::local().await;
    let Pair { alice, bob, session, .. } = target.pair().await;
    let stranger = target.person("stranger").await;
    let path = format!("/api/session/{session}/participants");
    assert_eq!(target.api.get(&path, Some(&bob.token)).await.status, 200);
    let refused = target.api.get(&path, Some(&stranger.token)).await;
    assert_eq!((refused.status, refused.code()), (StatusCode::NOT_FOUND, "not_in_session"));
    for (method, path, body) in [
        (Method::PATCH, format!("{path}/{}", alice.id), Some(json!({ "role": "viewer" }))),
        (Method::DELETE, format!("{path}/{}", alice.id), None),
        (Method::POST, format!("{path}/{}/mute", alice.id), Some(json!({ "kind": "audio" }))),
        (Method::POST, format!("/api/session/{session}/mute"), Some(json!({ "kind": "audio" }))),
        (Method::POST, format!("/api/session/{session}/messages"), Some(json!({ "message": "hello" }))),
        (Method::POST, format!("/api/session/{session}/data"), Some(json!({ "topic": "t", "payload": "p" }))),
    ] {
        for person in [&bob, &stranger] {
            let refused = target.api.call(method.clone(), &path, Some(&person.token), body.clone()).await;
            assert_eq!((refused.status, refused.code()), (StatusCode::FORBIDDEN, "forbidden"), "{method} {path}");
        }
    }
    let bad =
        target.api.call(Method::DELETE, &format!("{path}/{}?banSeconds=soon", bob.id), Some(&alice.token), None).await;
    assert_eq!(bad.body["errors"][0]["field"], "banSeconds");
}

/// A session with a waiting room, its host there.
async fn with_waiting_room(target: &Target) -> (Account, String, Socket) {
    let alice = target.person("alice").await;
    let wanted = json!({ "name": "Surgery", "waitingRoom": true, "maxParticipants": 4 });
    let created = target.api.post("/api/session/create", Some(&alice.token), wanted).await;
    assert_eq!(created.body["waitingRoom"], true, "{}", created.body);
    let session = created.text("sessionId");
    let at_alice = target.enter(&alice, &session).await;
    (alice, session, at_alice)
}

/// Joins a session where one has to wait, and connects.
async fn knock(target: &Target, person: &Account, session: &str) -> Socket {
    let joined = target.api.join(person, session).await;
    assert_eq!((joined.status, &joined.body["admission"]), (StatusCode::OK, &json!("waiting")), "{}", joined.body);
    assert_eq!((&joined.body["iceServers"], &joined.body["participants"]), (&json!([]), &json!([])), "{}", joined.body);
    let socket = Socket::connect(&socket_address(&joined.body["signaling"])).await.expect("a good ticket");
    socket.ack("ping", json!({})).await;
    socket
}

#[tokio::test]
async fn whoever_waits_may_ping_and_leave_and_comes_in_when_admitted() {
    let target = Target::local().await;
    let (alice, session, mut at_alice) = with_waiting_room(&target).await;
    let bob = target.person("bob").await;
    let mut outside = knock(&target, &bob, &session).await;
    let waiting = at_alice.event("participantWaiting").await["data"].clone();
    assert_eq!((&waiting["userId"], &waiting["username"]), (&json!(bob.id), &json!(bob.username)));
    support::assert_time(&waiting["waitingSince"]);
    for (action, data) in [
        ("joinSession", json!({ "sessionId": session })),
        ("sendMessage", json!({ "message": "let me in" })),
        ("sendOffer", offer(&alice.id, "v=0")),
        ("updateStatus", json!({ "isMuted": true, "isVideoEnabled": true })),
        ("admitParticipant", json!({ "targetUserId": bob.id })),
        ("sync", json!({ "since": waiting["waitingSince"] })),
    ] {
        assert_eq!(outside.refusal(action, data).await, "not_admitted", "{action}");
    }
    let detail = target.detail(&alice, &session).await;
    assert_eq!((&detail["currentParticipants"], detail["participants"].as_array().map(Vec::len)), (&json!(1), Some(1)));
    assert_eq!(target.about(&bob, "ticket", &session).await.code(), "not_in_session");

    assert_eq!(at_alice.ack("admitParticipant", json!({ "targetUserId": bob.id })).await, json!({}));
    let admitted = json!({ "userId": bob.id, "username": bob.username });
    assert_eq!(outside.event("admitted").await["data"], admitted);
    assert_eq!(at_alice.event("admitted").await["data"], admitted);
    assert_eq!(outside.refusal("ping", json!({})).await, "not_joined");
    let joined = target.api.join(&bob, &session).await;
    assert_eq!(joined.body["admission"], "admitted");
    let at_bob = target.enter(&bob, &session).await;
    assert_eq!(at_alice.event("userJoined").await["data"]["userId"], bob.id);
    at_bob.ack("leaveSession", json!({})).await;
    assert_eq!(target.api.join(&bob, &session).await.body["admission"], "admitted", "who was admitted passes again");
}

#[tokio::test]
async fn who_is_denied_is_cut_and_may_not_knock_again_at_once() {
    let target = Target::local().await;
    let (alice, session, mut at_alice) = with_waiting_room(&target).await;
    let (bob, carol) = (target.person("bob").await, target.person("carol").await);
    let mut outside = knock(&target, &bob, &session).await;
    let denied = at_alice.ack("denyParticipant", json!({ "targetUserId": bob.id })).await;
    assert_eq!(denied, json!({}));
    let told = outside.event("denied").await["data"].clone();
    support::assert_time(&told["until"]);
    outside.ended().await;
    assert_eq!(
        at_alice.event("denied").await["data"],
        json!({ "userId": bob.id, "username": bob.username, "reason": "denied" })
    );
    let again = target.api.join(&bob, &session).await;
    assert_eq!((again.code(), &again.body["until"]), ("banned", &told["until"]));
    assert_eq!(at_alice.refusal("denyParticipant", json!({ "targetUserId": bob.id })).await, "peer_not_found");

    let path = |user: &Account, what: &str| format!("/api/session/{session}/participants/{}/{what}", user.id);
    let mut outside = knock(&target, &carol, &session).await;
    let refused = target.api.post(&path(&carol, "admit"), Some(&carol.token), json!({})).await;
    assert_eq!((refused.status, refused.code()), (StatusCode::FORBIDDEN, "forbidden"));
    let admitted = target.api.post(&path(&carol, "admit"), Some(&alice.token), json!({})).await;
    assert_eq!(admitted.status, StatusCode::NO_CONTENT, "{}", admitted.body);
    outside.event("admitted").await;
    target.enter(&carol, &session).await;
    let nobody = target.api.post(&path(&bob, "deny"), Some(&alice.token), json!({})).await;
    assert_eq!(nobody.code(), "participant_not_found");
}

#[tokio::test]
async fn whoever_waits_and_goes_is_not_waited_for() {
    let target = Target::local().await;
    let (_, session, mut at_alice) = with_waiting_room(&target).await;
    let (bob, carol) = (target.person("bob").await, target.person("carol").await);
    let outside = knock(&target, &bob, &session).await;
    outside.ack("leaveSession", json!({})).await;
    let left = at_alice.event("denied").await["data"].clone();
    assert_eq!((&left["userId"], &left["reason"]), (&json!(bob.id), &json!("left")));
    knock(&target, &carol, &session).await.close().await;
    let left = at_alice.event("denied").await["data"].clone();
    assert_eq!((&left["userId"], &left["reason"]), (&json!(carol.id), &json!("timeout")));
    assert_eq!(at_alice.refusal("admitParticipant", json!({ "targetUserId": carol.id })).await, "peer_not_found");
}

#[tokio::test]
async fn a_host_who_returns_is_told_who_waits_and_the_end_of_the_waiting_room_lets_them_in() {
    let target = Target::local().await;
    let (alice, session, at_alice) = with_waiting_room(&target).await;
    let bob = target.person("bob").await;
    at_alice.ack("leaveSession", json!({})).await;
    let mut outside = knock(&target, &bob, &session).await;
    let mut at_alice = target.enter(&alice, &session).await;
    assert_eq!(at_alice.event("participantWaiting").await["data"]["userId"], bob.id);
    at_alice.ack("updateSession", json!({ "waitingRoom": false })).await;
    outside.event("admitted").await;
    target.enter(&bob, &session).await;
}

#[tokio::test]
async fn data_reaches_everybody_else_or_those_who_are_named() {
    let target = Target::local().await;
    let (alice, bob, carol) = (target.person("alice").await, target.person("bob").await, target.person("carol").await);
    let session = target.api.create_session(&alice, 3).await;
    let mut at_alice = target.enter(&alice, &session).await;
    let mut at_bob = target.enter(&bob, &session).await;
    let mut at_carol = target.enter(&carol, &session).await;
    let ack = at_alice.ack("sendData", json!({ "topic": "cursor", "payload": "1,2" })).await;
    for at in [&mut at_bob, &mut at_carol] {
        let data = at.event("receiveData").await["data"].clone();
        let wanted = json!({ "fromUserId": alice.id, "fromUsername": alice.username, "topic": "cursor",
            "payload": "1,2", "dataId": ack["dataId"] });
        assert_eq!(data, wanted);
    }
    let named = json!({ "topic": "whisper", "payload": "psst", "to": [bob.id], "dataId": "mine" });
    assert_eq!(at_carol.ack("sendData", named).await, json!({ "dataId": "mine" }));
    assert_eq!(at_bob.event("receiveData").await["data"]["dataId"], "mine");
    assert!(!at_alice.drain().iter().any(|frame| frame["event"] == "receiveData"), "nobody else gets it");
    let nobody = json!({ "topic": "t", "payload": "x", "to": ["01930000-0000-7000-8000-000000000000"] });
    assert_eq!(at_alice.refusal("sendData", nobody).await, "peer_not_found");
    let large = json!({ "topic": "t", "payload": "x".repeat(15 * 1024 + 1) });
    assert_eq!(at_alice.refusal("sendData", large).await, "payload_too_large");
    let largest = json!({ "topic": "t", "payload": "x".repeat(15 * 1024), "to": [bob.id] });
    at_alice.ack("sendData", largest).await;
    assert_eq!(at_bob.event("receiveData").await["data"]["payload"].as_str().map(str::len), Some(15 * 1024));
}

#[tokio::test]
async fn data_and_calls_wait_for_who_is_away_for_a_moment() {
    let target = Target::local().await;
    let Pair { alice, bob, session, mut at_alice, mut at_bob } = target.pair().await;
    let seen = target.detail(&bob, &session).await["participants"][1]["joinedAt"].clone();
    at_bob.close().await;
    at_bob.ended().await;
    at_alice.ack("sendData", json!({ "topic": "t", "payload": "kept" })).await;
    let call =
        json!({ "targetUserId": bob.id, "rpcId": "r1", "method": "add", "payload": "[1,2]", "timeoutMs": 60_000 });
    at_alice.ack("sendRpc", call).await;
    let mut back = target.connect(&bob, &session).await;
    back.ack("joinSession", json!({ "sessionId": session, "since": seen })).await;
    assert_eq!(back.event("receiveData").await["data"]["payload"], "kept");
    let call = back.event("receiveRpc").await["data"].clone();
    let wanted = json!({ "fromUserId": alice.id, "fromUsername": alice.username, "rpcId": "r1", "method": "add",
        "payload": "[1,2]", "timeoutMs": 60_000 });
    assert_eq!(call, wanted);
    back.ack("answerRpc", json!({ "targetUserId": alice.id, "rpcId": "r1", "payload": "3" })).await;
    let answer = json!({ "fromUserId": bob.id, "fromUsername": bob.username, "rpcId": "r1", "payload": "3" });
    assert_eq!(at_alice.event("receiveRpcAnswer").await["data"], answer);
    let failed = json!({ "targetUserId": alice.id, "rpcId": "r2", "error": { "code": 1400, "message": "unknown" } });
    back.ack("answerRpc", failed).await;
    assert_eq!(
        at_alice.event("receiveRpcAnswer").await["data"]["error"],
        json!({ "code": 1400, "message": "unknown" })
    );
}

#[tokio::test]
async fn data_and_calls_need_the_permission() {
    let target = Target::local().await;
    let Pair { alice, bob, at_alice, at_bob, .. } = target.pair().await;
    at_alice.ack("updateParticipant", json!({ "targetUserId": bob.id, "permissions": { "data": false } })).await;
    for (action, data) in [
        ("sendData", json!({ "topic": "t", "payload": "x" })),
        ("sendRpc", json!({ "targetUserId": alice.id, "rpcId": "r", "method": "m", "payload": "" })),
        ("answerRpc", json!({ "targetUserId": alice.id, "rpcId": "r", "payload": "" })),
    ] {
        assert_eq!(refusal(&at_bob, action, data).await["message"], "the permission `data` is missing", "{action}");
    }
}

#[tokio::test]
async fn attributes_are_merged_and_a_null_takes_one_away() {
    let target = Target::local().await;
    let Pair { alice, bob, session, mut at_alice, at_bob } = target.pair().await;
    let first = at_bob.ack("updateAttributes", json!({ "attributes": { "team": "red", "seat": "4" } })).await;
    assert_eq!(first, json!({ "attributes": { "seat": "4", "team": "red" }, "handRaisedAt": null, "version": 1 }));
    let told = at_alice.event("participantUpdated").await["data"].clone();
    assert_eq!((&told["userId"], &told["attributes"]), (&json!(bob.id), &first["attributes"]));
    assert_eq!((&told["role"], &told["handRaisedAt"]), (&json!("participant"), &Value::Null));
    let second = at_bob.ack("updateAttributes", json!({ "attributes": { "team": null, "seat": "5" } })).await;
    assert_eq!(second["attributes"], json!({ "seat": "5" }));
    let path = format!("/api/session/{session}/participants/{}", bob.id);
    assert_eq!(target.api.get(&path, Some(&alice.token)).await.body["attributes"], second["attributes"]);

    let large = json!({ "attributes": { "a": "x".repeat(4 * 1024) } });
    assert_eq!(at_bob.refusal("updateAttributes", large).await, "payload_too_large");
    for (attributes, reason) in [
        (json!({ "team": 7 }), "attributes must be an object of strings, or null to take one away"),
        (json!({}), "attributes must hold 1-64 attributes, each with a name of 1-64 characters"),
    ] {
        let error = refusal(&at_bob, "updateAttributes", json!({ "attributes": attributes })).await;
        assert_eq!(error, json!({ "code": "invalid_frame", "message": reason }));
    }
    let change = json!({ "targetUserId": bob.id, "permissions": { "updateOwnAttributes": false } });
    at_alice.ack("updateParticipant", change).await;
    let (bob_again, at_bob) = (target.connect(&bob, &session).await, at_bob);
    bob_again.ack("joinSession", json!({ "sessionId": session })).await;
    drop(at_bob);
    let error = refusal(&bob_again, "updateAttributes", json!({ "attributes": { "team": "blue" } })).await;
    assert_eq!(error["message"], "the permission `updateOwnAttributes` is missing");
    assert!(bob_again.ack("raiseHand", json!({ "raised": true })).await["handRaisedAt"].is_string(), "hands need none");
}

#[tokio::test]
async fn hands_are_in_the_order_of_the_servers_time_and_go_down_with_their_seat() {
    let target = Target::local().await;
    let Pair { alice, bob, session, mut at_alice, at_bob } = target.pair().await;
    let first = at_bob.ack("raiseHand", json!({ "raised": true })).await["handRaisedAt"].clone();
    support::assert_time(&first);
    assert_eq!(at_alice.event("participantUpdated").await["data"]["handRaisedAt"], first);
    assert_eq!(at_bob.ack("raiseHand", json!({ "raised": true })).await["handRaisedAt"], first, "raised is raised");
    let second = at_alice.ack("raiseHand", json!({ "raised": true })).await["handRaisedAt"].clone();
    assert!(first.as_str() < second.as_str());
    let path = format!("/api/session/{session}/participants");
    let hands = async || {
        let listed = target.api.get(&path, Some(&alice.token)).await.body;
        let listed = listed.as_array().expect("a list").iter().map(|p| p["handRaisedAt"].clone());
        listed.collect::<Vec<_>>()
    };
    assert_eq!(hands().await, [second.clone(), first]);
    at_bob.ack("leaveSession", json!({})).await;
    let _at_bob = target.enter(&bob, &session).await;
    assert_eq!(hands().await, [second, Value::Null]);
    assert_eq!(at_alice.ack("raiseHand", json!({ "raised": false })).await["handRaisedAt"], Value::Null);
}
