//! An app's backend and its users with `roomAdmin`, through real HTTP and WebSocket clients: what they do to sessions.

mod support;

use http::{Method, StatusCode};
use serde_json::{Value, json};
use support::Target;
use support::apps::{Key, assert_code, devkey};
use testclient::Reply;

/// A token with more grants than `roomJoin`.
fn token_with(key: &Key, identity: &str, room: &str, grants: Value) -> String {
    let mut claims = key.claims(identity, room);
    for (grant, value) in grants.as_object().expect("grants") {
        claims["video"][grant] = value.clone();
    }
    key.sign(&claims)
}

/// A token without `roomJoin`: a backend that is restricted to one room.
fn server_token(key: &Key, room: &str) -> String {
    token_with(key, "backend", room, json!({ "roomJoin": false, "roomAdmin": true }))
}

async fn ask(target: &Target, method: Method, path: &str, authorization: &str, body: Value) -> Reply {
    let body = Some(body).filter(|body| !body.is_null());
    target.call(method, path, authorization, body).await
}

#[tokio::test]
async fn a_key_and_its_tokens_steer_a_room_in_which_nobody_is_host() {
    let target = Target::local().await;
    let key = target.key(json!({ "action": "create", "project": "acme" })).await;
    let (joined, mut at_ann) = target.enter_room(&key.person("ann", "daily").token).await;
    assert_eq!(joined.body["participants"][0]["role"], "participant");
    let id = joined.body["participants"][0]["userId"].clone();
    let one = "/api/session/daily/participants/ann";
    let by_id = format!("/api/session/{}/participants/{}", joined.text("sessionId"), id.as_str().expect("an id"));
    let admin = token_with(&key, "boss", "daily", json!({ "roomAdmin": true }));
    let bearers = [key.basic(), format!("Bearer {}", server_token(&key, "daily")), format!("Bearer {admin}")];
    for authorization in &bearers {
        let listed = ask(&target, Method::GET, "/api/session/daily/participants", authorization, Value::Null).await;
        assert_eq!(listed.body[0]["identity"], "ann", "{}", listed.body);
        for path in [one, &by_id] {
            let shown = ask(&target, Method::GET, path, authorization, Value::Null).await;
            assert_eq!(shown.body["userId"], id, "{}", shown.body);
        }
        let changed = ask(&target, Method::PATCH, one, authorization, json!({ "role": "viewer" })).await;
        assert_eq!(changed.body["role"], "viewer", "{}", changed.body);
        assert_eq!(at_ann.event("participantUpdated").await["data"]["role"], "viewer");
        let back = ask(&target, Method::PATCH, &by_id, authorization, json!({ "role": "participant" })).await;
        assert_eq!(back.status, StatusCode::OK, "{}", back.body);
        assert_eq!(at_ann.event("participantUpdated").await["data"]["role"], "participant");
        for path in [format!("{one}/mute"), "/api/session/daily/mute".to_owned()] {
            assert_eq!(ask(&target, Method::POST, &path, authorization, json!({ "kind": "audio" })).await.status, 202);
            assert_eq!(at_ann.event("muteRequested").await["data"]["kind"], "audio");
        }
        let locked = ask(&target, Method::PATCH, "/api/session/daily", authorization, json!({ "locked": true })).await;
        assert_eq!(locked.body["locked"], true, "{}", locked.body);
        assert_eq!(at_ann.event("sessionUpdated").await["data"]["locked"], true);
    }
    assert_eq!(target.join(&key.person("ben", "daily").token, json!({})).await.code(), "session_locked");
    let (boss, _at_boss) = target.enter_room(&admin).await;
    assert_eq!(
        boss.body["participants"][1]["role"], "host",
        "whose token says roomAdmin is one, and is never locked out"
    );

    let removed = ask(&target, Method::DELETE, &format!("{one}?banSeconds=600"), &key.basic(), Value::Null).await;
    assert_eq!(removed.status, StatusCode::NO_CONTENT, "{}", removed.body);
    assert_eq!(at_ann.event("removed").await["data"]["reason"], "banned");
    assert_eq!(target.join(&key.person("ann", "daily").token, json!({})).await.code(), "banned");
    let ended = ask(&target, Method::POST, "/api/session/end", &key.basic(), json!({ "room": "daily" })).await;
    assert_eq!(ended.status, StatusCode::OK, "{}", ended.body);
    target.stop().await;
}

#[tokio::test]
async fn a_backend_that_asks_for_mute_is_nobody_and_one_that_writes_has_a_name() {
    let target = Target::local().await;
    let key = target.key(json!({ "action": "create", "project": "acme" })).await;
    let (_joined, mut at_ann) = target.enter_room(&key.person("ann", "daily").token).await;
    let muted = ask(&target, Method::POST, "/api/session/daily/mute", &key.basic(), json!({ "kind": "video" })).await;
    assert_eq!(muted.status, StatusCode::ACCEPTED, "{}", muted.body);
    assert_eq!(at_ann.event("muteRequested").await["data"], json!({ "kind": "video" }));

    let path = "/api/session/daily/messages";
    for (body, name) in [
        (json!({ "message": "Five minutes." }), "acme"),
        (json!({ "message": "One.", "fromUsername": "Front desk" }), "Front desk"),
    ] {
        let said = ask(&target, Method::POST, path, &key.basic(), body).await;
        assert_eq!((said.status, &said.body["fromUsername"]), (StatusCode::CREATED, &json!(name)), "{}", said.body);
        let heard = at_ann.event("receiveMessage").await;
        assert_eq!(
            (&heard["data"]["fromUsername"], &heard["data"]["messageId"]),
            (&json!(name), &said.body["messageId"])
        );
    }
    let named = json!({ "message": "me", "fromUsername": "Front desk" });
    let admin = token_with(&key, "boss", "daily", json!({ "roomAdmin": true }));
    let refused = ask(&target, Method::POST, path, &format!("Bearer {admin}"), named).await;
    assert_code(&refused, 400, "invalid_request", "fromUsername");
    let odd = json!({ "message": "me", "fromUsername": "a\u{7}b" });
    assert_code(&ask(&target, Method::POST, path, &key.basic(), odd).await, 400, "invalid_request", "fromUsername");
    target.stop().await;
}

#[tokio::test]
async fn whoever_lacks_the_grant_steers_nothing_and_is_told_which() {
    let target = Target::local().await;
    let list_only = json!({ "action": "create", "project": "acme", "grants": ["roomJoin", "roomList"] });
    let (weak, key) = (target.key(list_only).await, target.key(json!({ "action": "create", "project": "acme" })).await);
    let ann = key.person("ann", "daily").token;
    let (_joined, _at_ann) = target.enter_room(&ann).await;
    let elsewhere = server_token(&key, "other");
    let one = "/api/session/daily/participants/ann";
    for (method, path, body) in [
        (Method::PATCH, one.to_owned(), json!({ "role": "viewer" })),
        (Method::DELETE, one.to_owned(), Value::Null),
        (Method::POST, format!("{one}/mute"), json!({ "kind": "audio" })),
        (Method::POST, "/api/session/daily/mute".to_owned(), json!({ "kind": "audio" })),
        (Method::POST, "/api/session/daily/messages".to_owned(), json!({ "message": "hello" })),
        (Method::PATCH, "/api/session/daily".to_owned(), json!({ "locked": true })),
        (Method::POST, "/api/session/end".to_owned(), json!({ "room": "daily" })),
    ] {
        let stranger = format!("Bearer {}", key.person("ben", "daily").token);
        for (authorization, said) in [
            (weak.basic(), "roomAdmin"),
            (stranger, "roomAdmin"),
            (format!("Bearer {ann}"), "`moderate`"),
            (format!("Bearer {elsewhere}"), "another room"),
        ] {
            let refused = ask(&target, method.clone(), &path, &authorization, body.clone()).await;
            assert_code(&refused, 403, "forbidden", said);
        }
    }
    for authorization in [weak.basic(), format!("Bearer {}", key.person("ben", "daily").token)] {
        let refused = ask(&target, Method::GET, "/api/session/daily/participants", &authorization, Value::Null).await;
        assert!(matches!(refused.code(), "forbidden" | "not_in_session"), "{}", refused.body);
    }
    target.stop().await;
}

#[tokio::test]
async fn what_a_token_withholds_its_holder_may_not_do() {
    let target = Target::local().await;
    let quiet =
        token_with(&devkey(), "ann", "daily", json!({ "canPublishSources": ["camera"], "canPublishData": false }));
    let (joined, _at_ann) = target.enter_room(&quiet).await;
    let permissions = &joined.body["participants"][0]["permissions"];
    let given = ["publishAudio", "publishVideo", "publishScreen", "chat", "data"].map(|one| permissions[one].clone());
    assert_eq!(given, [false, true, false, true, false], "{permissions}");
    target.stop().await;
}

#[tokio::test]
async fn a_cohost_and_a_host_of_an_apps_room_steer_over_rest_and_only_the_host_ends_it() {
    let target = Target::local().await;
    let key = target.key(json!({ "action": "create", "project": "acme" })).await;
    let (_, _at_ann) = target.enter_room(&key.person("ann", "daily").token).await;
    let (_, _at_ben) = target.enter_room(&key.person("ben", "daily").token).await;
    let one = "/api/session/daily/participants";
    let make = async |role: &str| {
        let made = ask(&target, Method::PATCH, &format!("{one}/ann"), &key.basic(), json!({ "role": role })).await;
        assert_eq!(made.status, StatusCode::OK, "{}", made.body);
    };
    let ann = format!("Bearer {}", key.person("ann", "daily").token);
    let end = async || ask(&target, Method::POST, "/api/session/end", &ann, json!({})).await;
    make("cohost").await;
    let viewer = ask(&target, Method::PATCH, &format!("{one}/ben"), &ann, json!({ "role": "viewer" })).await;
    assert_eq!(viewer.status, StatusCode::OK, "{}", viewer.body);
    assert_code(&end().await, 403, "forbidden", "only a host");
    make("host").await;
    assert_eq!(end().await.status, StatusCode::OK);
    target.stop().await;
}

/// An app may call its users by UUIDs of any version.
#[tokio::test]
async fn a_user_is_found_by_an_identity_that_looks_like_an_identifier() {
    let target = Target::local().await;
    let key = target.key(json!({ "action": "create", "project": "acme" })).await;
    for identity in ["0190163d-8694-739b-aea5-966c26f8ad91", "9b2f6f0e-5b0a-4c1e-8f3d-1a2b3c4d5e6f"] {
        let (_, _socket) = target.enter_room(&key.person(identity, "daily").token).await;
        let path = format!("/api/session/daily/participants/{identity}");
        let shown = ask(&target, Method::GET, &path, &key.basic(), Value::Null).await;
        assert_eq!(shown.body["identity"], identity, "{}", shown.body);
    }
    let nobody = ask(&target, Method::GET, "/api/session/daily/participants/nobody", &key.basic(), Value::Null).await;
    assert_code(&nobody, 404, "participant_not_found", "");
    target.stop().await;
}
