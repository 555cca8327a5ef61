//! An app's backend and its users with `roomAdmin`, through real HTTP and WebSocket clients: what they do to sessions.

mod support;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use http::{Method, StatusCode};
use local::{Fate, Intercept, Options, SdkCall};
use runtime::settings;
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
async fn a_backend_sends_data_to_all_or_some_and_who_is_away_gets_it_on_return() {
    let target = Target::local().await;
    let key = target.key(json!({ "action": "create", "project": "acme" })).await;
    let (joined, mut at_ann) = target.enter_room(&key.person("ann", "daily").token).await;
    let (_, mut at_ben) = target.enter_room(&key.person("ben", "daily").token).await;
    let path = "/api/session/daily/data";
    let send = async |body: Value| ask(&target, Method::POST, path, &key.basic(), body).await;
    let sent = send(json!({ "topic": "poll", "payload": "open", "dataId": "poll-1" })).await;
    assert_eq!((sent.status, &sent.body), (StatusCode::OK, &json!({ "dataId": "poll-1" })));
    let mut last_heard = Value::Null;
    for socket in [&mut at_ann, &mut at_ben] {
        let heard = socket.event("receiveData").await;
        last_heard = heard["timestamp"].clone();
        assert_eq!(heard["data"], json!({ "topic": "poll", "payload": "open", "dataId": "poll-1" }), "nobody sent it");
    }
    let ann = joined.body["participants"][0]["userId"].clone();
    for to in [json!("ann"), ann] {
        let sent = send(json!({ "topic": "private", "payload": "you", "to": [to] })).await;
        assert_eq!(sent.status, StatusCode::OK, "{}", sent.body);
        assert_eq!(at_ann.event("receiveData").await["data"]["dataId"], sent.body["dataId"]);
    }
    at_ben.close().await;
    assert_eq!(at_ann.event("userStatusUpdated").await["data"]["status"], "reconnecting");
    assert_eq!(send(json!({ "topic": "late", "payload": "p", "to": ["ben"] })).await.status, StatusCode::OK);
    let session = joined.text("sessionId");
    let mut back = target.connect(&key.person("ben", "daily"), &session).await;
    back.ack("joinSession", json!({ "sessionId": session, "since": last_heard })).await;
    // A replay begins a little before what was seen.
    for topic in ["poll", "late"] {
        assert_eq!(back.event("receiveData").await["data"]["topic"], topic);
    }

    let nobody = send(json!({ "topic": "t", "payload": "p", "to": ["cat", "ann"] })).await;
    assert_code(&nobody, 404, "participant_not_found", "");
    assert_eq!(at_ann.event("receiveData").await["data"]["topic"], "t", "the others get it all the same");
    assert_code(&send(json!({ "topic": "t", "payload": "p", "to": [""] })).await, 404, "participant_not_found", "");
    assert_code(&send(json!({ "topic": "t", "payload": "p", "to": [] })).await, 400, "invalid_request", "to must name");
    let large = send(json!({ "topic": "t", "payload": "x".repeat(15 * 1024 + 1) })).await;
    assert_code(&large, 413, "payload_too_large", "15360");
    target.stop().await;
}

#[tokio::test]
async fn a_token_introduces_its_holder_and_the_backend_says_more() {
    let target = Target::local().await;
    let key = target.key(json!({ "action": "create", "project": "acme" })).await;
    let (_, mut at_ben) = target.enter_room(&key.person("ben", "daily").token).await;
    let mut claims = key.claims("ann", "daily");
    claims["name"] = json!("Ann");
    claims["metadata"] = json!("{\"ward\":3}");
    claims["attributes"] = json!({ "team": "red" });
    let (_, mut at_ann) = target.enter_room(&key.sign(&claims)).await;
    assert_eq!(at_ben.event("userJoined").await["data"]["username"], "Ann");
    let told = at_ben.event("participantUpdated").await["data"].clone();
    let wanted = (json!("ann"), json!({ "team": "red" }), json!("{\"ward\":3}"));
    assert_eq!((told["identity"].clone(), told["attributes"].clone(), told["metadata"].clone()), wanted);
    let one = "/api/session/daily/participants/ann";
    let change = json!({ "username": "Dr. Ann", "attributes": { "team": null, "bed": "7" }, "metadata": "" });
    let changed = ask(&target, Method::PATCH, one, &key.basic(), change).await;
    assert_eq!(changed.status, StatusCode::OK, "{}", changed.body);
    let shown = ask(&target, Method::GET, one, &key.basic(), Value::Null).await.body;
    assert_eq!(shown, changed.body);
    assert_eq!((&shown["username"], &shown["attributes"]), (&json!("Dr. Ann"), &json!({ "bed": "7" })));
    assert_eq!(shown.get("metadata"), None);
    support::assert_time(&shown["connectedAt"]);
    for at in [&mut at_ann, &mut at_ben] {
        let said = at.event("participantUpdated").await["data"].clone();
        assert_eq!((&said["attributes"], &said["metadata"]), (&json!({ "bed": "7" }), &json!("")));
        let named = at.event("participantUpdated").await["data"].clone();
        assert_eq!((&named["username"], named.get("attributes")), (&json!("Dr. Ann"), None));
    }
    at_ann.ack("sendMessage", json!({ "message": "hello" })).await;
    let heard = at_ben.event("receiveMessage").await["data"].clone();
    assert_eq!((&heard["fromUsername"], &heard["fromIdentity"]), (&json!("Dr. Ann"), &json!("ann")));
    let history = ask(&target, Method::GET, "/api/session/daily/messages", &key.basic(), Value::Null).await;
    assert_eq!(history.body[0]["fromIdentity"], "ann", "{}", history.body);
    let refused = at_ann.refusal("updateAttributes", json!({ "attributes": { "team": "blue" } })).await;
    assert_eq!(refused, "forbidden", "the token does not grant it");
    for (body, field) in [
        (json!({}), "role"),
        (json!({ "username": "" }), "username"),
        (json!({ "metadata": "x".repeat(4097) }), "metadata"),
        (json!({ "attributes": { "a": 1 } }), "attributes"),
    ] {
        assert_code(&ask(&target, Method::PATCH, one, &key.basic(), body).await, 400, "invalid_request", field);
    }
    let large = json!({ "attributes": { "a": "x".repeat(4096) } });
    assert_code(&ask(&target, Method::PATCH, one, &key.basic(), large).await, 413, "payload_too_large", "4096");
    target.stop().await;
}

#[tokio::test]
async fn a_host_sends_data_under_its_own_name_and_mutes_all_but_those_whom_the_app_names() {
    let target = Target::local().await;
    let key = target.key(json!({ "action": "create", "project": "acme" })).await;
    let (_, mut at_ann) = target.enter_room(&key.person("ann", "daily").token).await;
    let (_, mut at_ben) = target.enter_room(&key.person("ben", "daily").token).await;
    let admin = token_with(&key, "boss", "daily", json!({ "roomAdmin": true }));
    let body = json!({ "topic": "t", "payload": "p" });
    let sent = ask(&target, Method::POST, "/api/session/daily/data", &format!("Bearer {admin}"), body).await;
    assert_eq!(sent.status, StatusCode::OK, "{}", sent.body);
    assert_eq!(at_ann.event("receiveData").await["data"]["fromIdentity"], "boss");
    let muted = json!({ "kind": "audio", "except": ["ann"] });
    let asked = ask(&target, Method::POST, "/api/session/daily/mute", &key.basic(), muted).await;
    assert_eq!(asked.status, StatusCode::ACCEPTED, "{}", asked.body);
    assert_eq!(at_ben.event("muteRequested").await["data"]["kind"], "audio");
    let next = json!({ "topic": "after", "payload": "p" });
    ask(&target, Method::POST, "/api/session/daily/data", &key.basic(), next).await;
    assert_eq!(at_ann.event("receiveData").await["data"]["topic"], "after");
    assert!(at_ann.drain().iter().all(|event| event["event"] != "muteRequested"), "the app's own name of ann counts");
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
        (Method::POST, "/api/session/daily/data".to_owned(), json!({ "topic": "t", "payload": "p" })),
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

/// An app may call its users by UUIDs, but for those of version 8.
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

#[tokio::test]
async fn a_room_needs_no_other_name_and_is_not_called_as_paths_go_on() {
    let target = Target::local().await;
    let key = target.key(json!({ "action": "create", "project": "acme" })).await;
    let create = async |body: Value| ask(&target, Method::POST, "/api/session/create", &key.basic(), body).await;
    let made = create(json!({ "room": "daily" })).await;
    assert_eq!((made.status, &made.body["name"]), (StatusCode::CREATED, &json!("daily")), "{}", made.body);
    assert_eq!(create(json!({ "room": "daily" })).await.status, StatusCode::OK, "the same again");
    assert_eq!(create(json!({ "room": "daily", "name": "daily" })).await.status, StatusCode::OK, "the same, said");
    let long = create(json!({ "room": "x".repeat(128) })).await;
    assert_eq!(long.body["name"], "x".repeat(100), "{}", long.body);
    assert_code(&create(json!({})).await, 400, "invalid_request", "name is missing");
    for word in ["active", "create", "end", "join", "leave", "ticket"] {
        let refused = create(json!({ "room": word })).await;
        assert_code(&refused, 400, "invalid_request", "room must not be active, create");
        let refused = target.join(&key.person("ann", word).token, json!({})).await;
        assert_code(&refused, 401, "unauthorized", "video.room must not be active, create");
    }
    target.stop().await;
}

#[tokio::test]
async fn tokens_are_taken_back_by_the_apps_own_name_of_a_user_alone() {
    let target = Target::local().await;
    let key = target.key(json!({ "action": "create", "project": "acme" })).await;
    let (joined, at_ann) = target.enter_room(&key.person("ann", "daily").token).await;
    let user = joined.body["participants"][0]["userId"].as_str().expect("an id").to_owned();
    for of in ["acme", "theirs"] {
        let key = target.key(json!({ "action": "create", "project": of })).await;
        let path = format!("/api/users/{user}/revoke");
        let refused = ask(&target, Method::POST, &path, &key.basic(), Value::Null).await;
        assert_code(&refused, 400, "invalid_request", "not a userId");
    }
    at_ann.ack("ping", json!({})).await;
    let refused = target.join(&key.person(&user, "daily").token, json!({})).await;
    assert_code(&refused, 401, "unauthorized", "sub must not look like a userId");
    target.stop().await;
}

#[tokio::test]
async fn a_later_token_gives_and_takes_on_the_seat_that_is_held_and_what_the_key_changed_stays() {
    let target = Target::local().await;
    let key = target.key(json!({ "action": "create", "project": "acme" })).await;
    let (_joined, mut at_ann) = target.enter_room(&key.person("ann", "daily").token).await;
    let (_joined, _at_ben) = target.enter_room(&key.person("ben", "daily").token).await;
    let one = "/api/session/daily/participants/ben";
    let change = json!({ "permissions": { "chat": false }, "attributes": { "table": "4" } });
    let changed = ask(&target, Method::PATCH, one, &key.basic(), change).await;
    assert_eq!((changed.status, &changed.body["version"]), (StatusCode::OK, &json!(1)), "{}", changed.body);
    let said = at_ann.event("participantUpdated").await["data"].clone();
    assert_eq!((&said["attributes"]["table"], &said["version"]), (&json!("4"), &json!(1)), "{said}");
    assert_eq!(at_ann.event("participantUpdated").await["data"]["permissions"]["chat"], false);
    let listens = token_with(&key, "ben", "daily", json!({ "canPublish": false }));
    let joined = target.join(&listens, json!({})).await;
    assert_eq!(joined.status, StatusCode::OK, "{}", joined.body);
    assert_eq!(at_ann.event("participantUpdated").await["data"]["permissions"]["publishAudio"], false);
    let shown = ask(&target, Method::GET, one, &key.basic(), Value::Null).await.body;
    let may = |name: &str| shown["permissions"][name].as_bool().expect("a permission");
    assert!(!may("publishAudio") && !may("chat") && may("data"), "{shown}");
    // A later one gives it back, and the key's word stays, on the next stay too.
    let left = ask(&target, Method::DELETE, one, &key.basic(), Value::Null).await;
    assert_eq!(left.status, StatusCode::NO_CONTENT, "{}", left.body);
    let _again = target.enter_room(&key.person("ben", "daily").token).await;
    let shown = ask(&target, Method::GET, one, &key.basic(), Value::Null).await.body;
    assert_eq!((&shown["permissions"]["publishAudio"], &shown["permissions"]["chat"]), (&json!(true), &json!(false)));
    assert_eq!(shown["attributes"], json!({ "table": "4" }), "{shown}");
    target.stop().await;
}

#[tokio::test]
async fn a_room_is_made_with_metadata_and_limits_once_and_other_settings_are_refused() {
    let target = Target::local().await;
    let key = target.key(json!({ "action": "create", "project": "acme" })).await;
    let wanted = json!({
        "name": "Daily", "room": "daily", "metadata": "{\"topic\":1}", "locked": false, "emptyTimeoutSeconds": 60, "maxDurationSeconds": 3600,
    });
    let create = async |body: Value| ask(&target, Method::POST, "/api/session/create", &key.basic(), body).await;
    let made = create(wanted.clone()).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.body);
    for (field, value) in
        [("metadata", json!("{\"topic\":1}")), ("emptyTimeoutSeconds", json!(60)), ("maxDurationSeconds", json!(3600))]
    {
        assert_eq!(made.body[field], value, "{}", made.body);
    }
    let again = create(wanted.clone()).await;
    assert_eq!((again.status, &again.body), (StatusCode::OK, &made.body));
    for (field, value) in [
        ("metadata", json!("other")),
        ("locked", json!(true)),
        ("emptyTimeoutSeconds", json!(61)),
        ("maxDurationSeconds", json!(61)),
        ("maxParticipants", json!(3)),
    ] {
        let mut other = wanted.clone();
        other[field] = value;
        assert_code(&create(other).await, 409, "room_exists", field);
    }
    for (field, value) in [
        ("metadata", json!("x".repeat(4097))),
        ("metadata", json!({ "topic": 1 })),
        ("emptyTimeoutSeconds", json!(29)),
        ("maxDurationSeconds", json!(604_801)),
    ] {
        let mut bad = wanted.clone();
        bad[field] = value;
        assert_code(&create(bad).await, 400, "invalid_request", field);
    }
    let shown = ask(&target, Method::GET, "/api/session/daily", &key.basic(), Value::Null).await;
    assert_eq!(shown.body["metadata"], made.body["metadata"]);
    let joined = target.join(&key.person("ann", "daily").token, json!({})).await;
    assert_eq!(joined.body.get("metadata"), None, "a join reads no more");
    target.stop().await;
}

#[tokio::test]
async fn metadata_is_changed_with_a_version_and_everybody_is_told() {
    let target = Target::local().await;
    let key = target.key(json!({ "action": "create", "project": "acme" })).await;
    let (_, mut at_ann) = target.enter_room(&key.person("ann", "daily").token).await;
    let patch = async |version: &str, body: Value| {
        let mut request = support::apps::request(Method::PATCH, &key.basic(), Some(body));
        request.headers_mut().insert("if-match", version.parse().expect("a header"));
        target.api.send("/api/session/daily", request).await
    };
    let set = patch("\"0\"", json!({ "metadata": "one", "name": "Daily" })).await;
    assert_eq!((set.status, &set.body["metadata"], &set.body["version"]), (StatusCode::OK, &json!("one"), &json!(1)));
    assert_eq!(at_ann.event("sessionUpdated").await["data"]["metadata"], "one");
    assert_code(&patch("\"0\"", json!({ "metadata": "two" })).await, 412, "version_mismatch", "");
    let renamed = patch("*", json!({ "name": "Weekly" })).await;
    assert_eq!(renamed.body["metadata"], "one", "the answer has it though it was not changed");
    assert_eq!(at_ann.event("sessionUpdated").await["data"].get("metadata"), None, "what was not changed is not told");
    let taken = patch("*", json!({ "metadata": "" })).await;
    assert_eq!((taken.status, taken.body.get("metadata")), (StatusCode::OK, None));
    assert_eq!(at_ann.event("sessionUpdated").await["data"]["metadata"], "");
    target.stop().await;
}

#[tokio::test]
async fn a_nameless_session_is_made_once_for_an_idempotency_key() {
    let target = Target::local().await;
    let key = target.key(json!({ "action": "create", "project": "acme" })).await;
    let create = async |body: Value| {
        let mut request = support::apps::request(Method::POST, &key.basic(), Some(body));
        request.headers_mut().insert("idempotency-key", "order-17".parse().expect("a header"));
        target.api.send("/api/session/create", request).await
    };
    let made = create(json!({ "name": "A", "metadata": "one" })).await;
    let again = create(json!({ "name": "A", "metadata": "one" })).await;
    assert_eq!((made.status, again.text("sessionId")), (StatusCode::CREATED, made.text("sessionId")));
    assert_code(&create(json!({ "name": "A", "metadata": "two" })).await, 422, "idempotency_key_reused", "");
    target.stop().await;
}

/// The ledger is written behind the table's stream.
#[tokio::test]
async fn a_project_is_told_what_it_used_and_nobody_elses() {
    let target = Target::local().await;
    let key = target.key(json!({ "action": "create", "project": "acme" })).await;
    let other = target.key(json!({ "action": "create", "project": "other" })).await;
    for (identity, room) in [("ann", "daily"), ("ben", "daily"), ("ann", "weekly")] {
        let (_, socket) = target.enter_room(&key.person(identity, room).token).await;
        socket.ack("leaveSession", json!({})).await;
    }
    target.join(&key.person("carl", "daily").token, json!({})).await;
    let usage = async |key: &Key, query: &str| {
        ask(&target, Method::GET, &format!("/api/usage{query}"), &key.basic(), Value::Null).await
    };
    let used = support::until("the ledger", async || {
        let used = usage(&key, "?group=room").await;
        assert_eq!(used.status, StatusCode::OK, "{}", used.body);
        let groups = used.body["groups"].as_array().expect("a list").clone();
        let stays: u64 = groups.iter().filter_map(|group| group["connections"].as_u64()).sum();
        (stays == 3).then_some(groups)
    });
    let mut groups = used.await;
    groups.sort_by_key(|group| group["room"].to_string());
    let rooms: Vec<_> =
        groups.iter().map(|group| (&group["room"], &group["sessions"], &group["connections"])).collect();
    assert_eq!(rooms, [(&json!("daily"), &json!(1), &json!(2)), (&json!("weekly"), &json!(1), &json!(1))]);
    let today = usage(&key, "").await;
    let day = &today.body["groups"][0];
    assert_eq!(
        (&day["sessions"], &day["connections"], &day["peak"]),
        (&json!(2), &json!(3), &json!(1)),
        "{}",
        today.body
    );
    assert_eq!(day["day"].as_str().map(str::len), Some(10), "{day}");
    assert_eq!(usage(&other, "").await.body["groups"], json!([]));
    assert_code(&usage(&key, "?group=week").await, 400, "invalid_request", "group");
    for authorization in
        [format!("Bearer {}", key.person("ann", "daily").token), format!("Bearer {}", server_token(&key, "daily"))]
    {
        assert_code(&ask(&target, Method::GET, "/api/usage", &authorization, Value::Null).await, 403, "forbidden", "");
    }
    target.stop().await;
}

#[tokio::test]
async fn what_a_turn_server_relayed_is_counted_once_for_each_allocation_in_the_users_project() {
    let target = Target::local().await;
    let keys = [
        target.key(json!({ "action": "create", "project": "acme" })).await,
        target.key(json!({ "action": "create", "project": "other" })).await,
    ];
    let (joined, _at_ann) = target.enter_room(&keys[0].person("ann", "daily").token).await;
    let ann = joined.body["participants"][0]["userId"].clone();
    let began = joined.body["participants"][0]["joinedAt"].clone();
    let nobody = json!("01a1ed5c-8600-7000-8000-000000000001");
    let allocation = |name: &str, user: &Value, bytes: u64| json!({ "allocation": name, "userId": user, "began": began, "bytes": bytes });
    let feed = async |all: Vec<Value>| target.command(json!({ "action": "turnUsage", "allocations": all })).await;
    let relayed = async |key: &Key, group: &str| {
        let path = format!("/api/usage?group={group}");
        let groups = ask(&target, Method::GET, &path, &key.basic(), Value::Null).await.body["groups"].clone();
        groups
            .as_array()
            .expect("groups")
            .iter()
            .map(|of| (of["room"].clone(), of["turnBytes"].clone()))
            .collect::<Vec<_>>()
    };
    let first =
        vec![allocation("1-9", &ann, 1_000), allocation("2-9", &ann, 500_000_000), allocation("3-9", &nobody, 7)];
    for _ in 0..2 {
        assert_eq!(feed(first.clone()).await, json!({ "noted": 2 }), "nobody has taken no seat");
        assert_eq!(relayed(&keys[0], "day").await, [(Value::Null, json!(500_001_000))]);
    }
    // A longer log says more, and a shorter one takes nothing away.
    feed(vec![allocation("1-9", &ann, 3_000)]).await;
    feed(vec![allocation("1-9", &ann, 2_000)]).await;
    assert_eq!(relayed(&keys[0], "room").await, [(json!("daily"), json!(500_003_000))]);
    assert_eq!(relayed(&keys[1], "day").await, []);
    target.stop().await;
}

#[tokio::test]
async fn a_project_has_so_many_participants_and_whoever_is_in_comes_back() {
    let target = Target::with_settings([(settings::PARTICIPANTS_PER_PROJECT, 1)]).await;
    let key = target.key(json!({ "action": "create", "project": "acme" })).await;
    let (_, _at_ann) = target.enter_room(&key.person("ann", "daily").token).await;
    let full = target.join(&key.person("ben", "daily").token, json!({})).await;
    assert_code(&full, 429, "quota_exceeded", "connectedParticipants");
    let quota = ["limit", "max", "current"].map(|name| full.body[name].clone());
    assert_eq!(quota, [json!("connectedParticipants"), json!(1), json!(1)]);
    assert!(!full.header("retry-after").is_empty());
    assert_eq!(
        target.join(&key.person("ann", "daily").token, json!({})).await.status,
        200,
        "running calls are never cut"
    );
    let other = target.key(json!({ "action": "create", "project": "other" })).await;
    assert_eq!(target.join(&other.person("ben", "daily").token, json!({})).await.status, 200);
    assert_eq!(target.join(&devkey().person("ann", "daily").token, json!({})).await.status, 200);
    assert_eq!(
        target.join(&devkey().person("ben", "daily").token, json!({})).await.status,
        200,
        "accounts' project has none"
    );
    target.stop().await;
}

#[tokio::test]
async fn a_project_has_so_many_sessions_and_those_that_are_there_go_on() {
    let target = Target::with_settings([(settings::SESSIONS_PER_PROJECT, 1)]).await;
    let key = target.key(json!({ "action": "create", "project": "acme" })).await;
    let create = async |room: &str| {
        let wanted = json!({ "name": "A", "room": room });
        ask(&target, Method::POST, "/api/session/create", &key.basic(), wanted).await
    };
    assert_eq!(create("daily").await.status, StatusCode::CREATED);
    assert_code(&create("weekly").await, 429, "quota_exceeded", "activeSessions");
    assert_eq!(create("daily").await.status, StatusCode::OK, "it is there");
    assert_eq!(target.join(&key.person("ann", "daily").token, json!({})).await.status, 200);
    target.stop().await;
}

#[tokio::test]
async fn rooms_that_joins_make_count_too() {
    let target = Target::with_settings([(settings::SESSIONS_PER_PROJECT, 1)]).await;
    let key = target.key(json!({ "action": "create", "project": "acme" })).await;
    assert_eq!(target.join(&key.person("ann", "daily").token, json!({})).await.status, 200);
    assert_code(
        &target.join(&key.person("ann", "weekly").token, json!({})).await,
        429,
        "quota_exceeded",
        "activeSessions",
    );
    assert_eq!(target.join(&key.person("ben", "daily").token, json!({})).await.status, 200);
    target.stop().await;
}

#[tokio::test]
async fn a_backend_makes_so_many_calls_in_a_second() {
    let target = Target::with_settings([(settings::CALLS_PER_PROJECT, 2)]).await;
    let key = target.key(json!({ "action": "create", "project": "acme" })).await;
    let many = async |key: &Key| {
        let authorization = key.basic();
        let calls = (0..10).map(|_| ask(&target, Method::GET, "/api/session/active", &authorization, Value::Null));
        futures_util::future::join_all(calls).await
    };
    let refused = support::until("a refusal", async || {
        many(&key).await.into_iter().find(|reply| reply.status == StatusCode::TOO_MANY_REQUESTS)
    });
    let refused = refused.await;
    assert_code(&refused, 429, "quota_exceeded", "serverCalls");
    assert_eq!((refused.header("retry-after"), &refused.body["max"]), ("1", &json!(2)));
    assert!(many(&devkey()).await.iter().all(|reply| reply.status == StatusCode::OK));
    target.stop().await;
}

/// Beside what an account's join reads: the name of the room and, once in 30 s, the key, half a unit each; and once in 5 s how many there
/// are in the project, half a unit for each 40. So 1.5 units at most for a project of that size.
#[tokio::test(flavor = "multi_thread")]
async fn a_join_of_an_app_costs_three_small_reads_more_and_then_one() {
    let bill: Arc<Mutex<BTreeMap<String, usize>>> = Arc::default();
    let noted = Arc::clone(&bill);
    let intercept: Intercept = Arc::new(move |call: &SdkCall<'_>| {
        let name = call.target.rsplit_once('.').map_or("@connections", |(_, operation)| operation);
        *noted.lock().expect("a bill").entry(name.to_owned()).or_default() += 1;
        Fate::Pass
    });
    let target = Target::with(Options { intercept: Some(intercept), tells: false, ..Options::default() }).await;
    let take = || std::mem::take(&mut *bill.lock().expect("a bill"));
    let reads =
        |bill: &BTreeMap<String, usize>| ["GetItem", "Query"].map(|name| bill.get(name).copied().unwrap_or_default());
    let account = target.person("account").await;
    let session = target.api.create_session(&account, 5).await;
    take();
    target.seat(&account, &session).await;
    let [usual_gets, usual_queries] = reads(&take());

    let key = target.key(json!({ "action": "create", "project": "acme" })).await;
    let made =
        ask(&target, Method::POST, "/api/session/create", &key.basic(), json!({ "name": "A", "room": "daily" })).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.body);
    take();
    for (name, key_and_count) in [("ann", 1), ("ben", 0)] {
        let joined = target.join(&key.person(name, "daily").token, json!({})).await;
        assert_eq!(joined.status, 200, "{}", joined.body);
        let wanted = [usual_gets + 1 + key_and_count, usual_queries + key_and_count];
        assert_eq!(reads(&take()), wanted, "{name}: the name, the key and the count");
    }
    target.stop().await;
}
