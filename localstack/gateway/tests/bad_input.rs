//! Malformed, truncated and random frames and bodies: each is answered exactly once, none is answered as a fault of the
//! server, and none costs the connection.

mod support;

use http::Method;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestCaseError, TestRunner};
use runtime::settings;
use serde_json::{Value, json};
use support::{Pair, Target};
use testclient::{Account, Socket};
use tokio::sync::Mutex;

const ACTIONS: [&str; 19] = [
    "joinSession",
    "sendOffer",
    "sendAnswer",
    "sendIceCandidate",
    "sendMessage",
    "updateStatus",
    "updateParticipant",
    "muteParticipant",
    "removeParticipant",
    "admitParticipant",
    "denyParticipant",
    "updateSession",
    "updateAttributes",
    "raiseHand",
    "sendData",
    "sendRpc",
    "answerRpc",
    "sync",
    "ping",
];

/// Every route that takes a body. What a path names is nobody's and nothing's, so that a good body is refused, too.
fn routes_with_a_body() -> Vec<(Method, String)> {
    let routes = protocol::routes::ROUTES.iter().filter(|route| route.api == protocol::routes::Api::Http);
    let keys = routes.filter(|route| route.function != "hub_negotiate").filter_map(|route| route.key.split_once(' '));
    let with_body = keys.filter(|(method, _)| matches!(*method, "POST" | "PATCH" | "DELETE"));
    let named = with_body.map(|(method, template)| {
        let parts = template.split('/').map(|part| match part {
            "{userId}" | "{sessionId}" => "01a1ed5c-8600-7000-8000-000000000001",
            part if part.starts_with('{') => "somebody",
            part => part,
        });
        (Method::from_bytes(method.as_bytes()).expect("a method"), parts.collect::<Vec<_>>().join("/"))
    });
    // An account that was deleted could ask for nothing more.
    named.filter(|named| *named != (Method::DELETE, "/api/auth/me".to_owned())).collect()
}

/// What a route does not know is refused by name, on every route but those that take whatever a monitor or a SignalR client sends.
#[tokio::test]
async fn a_parameter_of_the_query_that_no_route_knows_is_refused_by_name() {
    let target = Target::with_settings([]).await;
    let account = target.api.register("asks").await;
    let routes = protocol::routes::ROUTES.iter().filter(|route| route.api == protocol::routes::Api::Http);
    let strict = routes.filter(|route| !matches!(route.function, "health" | "hub_negotiate" | "http_default"));
    for route in strict {
        let (method, template) = route.key.split_once(' ').expect("a method and a path");
        let parts = template.split('/').map(|part| if part.starts_with('{') { "somebody" } else { part });
        let path = format!("{}?banSecond=60&nonsense", parts.collect::<Vec<_>>().join("/"));
        let method = Method::from_bytes(method.as_bytes()).expect("a method");
        let reply = target.api.call(method.clone(), &path, Some(&account.token), Some(json!({}))).await;
        assert_eq!(reply.status, 400, "{}: {}", route.key, reply.body);
        if method != Method::HEAD {
            let named: Vec<_> = reply.body["errors"].as_array().into_iter().flatten().map(|e| &e["field"]).collect();
            assert_eq!(named, ["banSecond", "nonsense"], "{}", route.key);
        }
    }
}

#[tokio::test]
async fn a_parameter_of_the_query_that_is_there_twice_is_refused_by_name() {
    let target = Target::with_settings([]).await;
    let account = target.api.register("asks").await;
    let path = "/api/session/active?limit=1&limit=2&nonsense=1&nonsense=2";
    let reply = target.api.get(path, Some(&account.token)).await;
    let named = json!([
        { "field": "limit", "reason": "is there more than once" },
        { "field": "nonsense", "reason": "is not known" },
    ]);
    assert_eq!((reply.status.as_u16(), &reply.body["errors"]), (400, &named), "{}", reply.body);
}

/// Runs a property against one server, some hundred times.
fn check<T: std::fmt::Debug>(
    cases: u32,
    inputs: &impl Strategy<Value = T>,
    property: impl AsyncFn(&Target, &Mutex<Pair>, T) -> Result<(), TestCaseError>,
) {
    let tokio = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let plenty = [
        (settings::FRAMES_BURST, 1_000_000),
        (settings::CHAT_BURST, 1_000_000),
        (settings::REGISTRATIONS_PER_ADDRESS, 1_000_000),
        (settings::INVITES_PER_ADDRESS, 1_000_000),
        (settings::FAILED_LOGINS_PER_ADDRESS, 1_000_000),
        (settings::FAILED_LOGINS_PER_ACCOUNT, 1_000_000),
        (settings::SESSIONS_PER_USER, 1_000_000),
        (settings::TICKETS_PER_USER, 1_000_000),
    ];
    let (target, pair) = tokio.block_on(async {
        let target = Target::with_settings(plenty).await;
        let pair = Mutex::new(target.pair().await);
        (target, pair)
    });
    let config = Config { cases, failure_persistence: None, max_shrink_iters: 200, ..Config::default() };
    let checked = TestRunner::new(config).run(inputs, |input| tokio.block_on(property(&target, &pair, input)));
    if let Err(failure) = checked {
        panic!("{failure}");
    }
}

/// Any JSON.
fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "\\PC{0,12}".prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 24, 5, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            proptest::collection::btree_map("[a-zA-Z]{1,12}", inner, 0..5)
                .prop_map(|fields| fields.into_iter().collect::<serde_json::Map<_, _>>().into()),
        ]
    })
}

/// A good frame, but for the target that it names.
fn good_frame() -> impl Strategy<Value = Value> {
    (0..ACTIONS.len()).prop_map(|at| {
        let nobody = "01a1ed5c-8600-7000-8000-000000000001";
        let data = match ACTIONS[at] {
            "joinSession" => json!({ "sessionId": nobody, "since": "2026-11-22T12:00:00.000Z" }),
            "sendOffer" => json!({ "targetUserId": nobody, "offer": { "type": "offer", "sdp": "v=0" }, "seq": 1 }),
            "sendAnswer" => json!({ "targetUserId": nobody, "answer": { "type": "answer", "sdp": "v=0" } }),
            "sendIceCandidate" => json!({ "targetUserId": nobody, "candidates": [{ "candidate": "" }], "epoch": "e" }),
            "sendMessage" => json!({ "message": "hello" }),
            "updateStatus" => json!({ "isMuted": true, "isVideoEnabled": false }),
            "sync" => json!({ "since": "2026-11-22T12:00:00.000Z" }),
            _ => json!({}),
        };
        json!({ "action": ACTIONS[at], "id": "frame", "data": data })
    })
}

/// A good body of some route.
fn good_body() -> impl Strategy<Value = Value> {
    let nobody = "01a1ed5c-8600-7000-8000-000000000001";
    prop_oneof![
        Just(json!({ "username": "x", "email": "x@example.org", "password": "password" })),
        Just(json!({ "email": "x@example.org", "password": "password" })),
        Just(json!({ "refreshToken": "A".repeat(86) })),
        Just(json!({ "currentPassword": "x", "newPassword": "password" })),
        Just(json!({ "name": "x", "maxParticipants": 2, "type": "mixed", "visibility": "unlisted" })),
        Just(json!({ "sessionId": nobody })),
        Just(json!({ "code": "A".repeat(43), "name": "x" })),
        Just(json!({ "room": "x", "metadata": "{}", "locked": true, "emptyTimeoutSeconds": 60 })),
        Just(
            json!({ "role": "viewer", "permissions": { "chat": false }, "attributes": { "a": null }, "username": "x" })
        ),
        Just(json!({ "kind": "audio", "except": ["x"] })),
        Just(json!({ "message": "x", "fromUsername": "x" })),
        Just(json!({ "topic": "x", "payload": "x", "to": ["x"], "dataId": "x" })),
        Just(json!({ "role": "viewer", "expiresInSeconds": 60, "maxUses": 1 })),
        Just(json!({ "url": "https://example.org/hooks", "types": ["session.created"], "description": "x" })),
        Just(json!({ "since": "2026-11-22T12:00:00.000Z" })),
        Just(json!({ "minute": "2026-11-22T12:00:00.000Z", "peers": [{ "peerUserId": nobody, "score": 4.2 }] })),
    ]
}

/// The text of good JSON, spoilt: a field replaced, cut off, or with a character exchanged.
fn spoilt(good: impl Strategy<Value = Value>) -> impl Strategy<Value = String> {
    (good, any::<prop::sample::Index>(), any::<char>(), any_json(), 0..4u8).prop_map(|(good, at, other, json, how)| {
        let text = good.to_string();
        let mut characters: Vec<char> = text.chars().collect();
        match how {
            0 => characters.truncate(at.index(characters.len())),
            1 => {
                let at = at.index(characters.len());
                characters[at] = other;
            }
            2 => characters.insert(at.index(text.len()), other),
            _ => return replaced(good, at, json).to_string(),
        }
        characters.into_iter().collect()
    })
}

/// With any JSON in the place of one field, at whatever depth.
fn replaced(mut good: Value, at: prop::sample::Index, json: Value) -> Value {
    let mut paths = Vec::new();
    fields(&good, "", &mut paths);
    if let Some(field) = good.pointer_mut(&paths[at.index(paths.len())]) {
        *field = json;
    }
    good
}

fn fields(value: &Value, path: &str, found: &mut Vec<String>) {
    for (name, inner) in value.as_object().into_iter().flatten() {
        let path = format!("{path}/{name}");
        fields(inner, &path, found);
        found.push(path);
    }
}

fn any_frame() -> impl Strategy<Value = String> {
    prop_oneof![
        1 => "\\PC{0,200}",
        1 => any::<String>(),
        2 => any_json().prop_map(|json| json.to_string()),
        3 => (0..ACTIONS.len(), any_json()).prop_map(|(at, data)| {
            json!({ "action": ACTIONS[at], "id": "frame", "data": data }).to_string()
        }),
        5 => spoilt(good_frame()),
    ]
    .prop_filter("a frame that fits", |text| text.len() <= 32 * 1024)
}

/// The one answer to a frame that was just sent; events that come before it are passed over.
async fn answer(socket: &mut Socket) -> Option<Value> {
    loop {
        let frame = socket.next().await?;
        if is_answer(&frame) {
            return Some(frame);
        }
    }
}

fn is_answer(frame: &Value) -> bool {
    frame["event"].as_str().is_none_or(|event| ["ack", "error"].contains(&event))
}

#[test]
fn every_frame_is_answered_once_and_never_as_a_fault_of_the_server() {
    check(500, &any_frame(), async |_, pair, text| {
        let mut pair = pair.lock().await;
        pair.at_alice.send_text(&text).await;
        let answered = answer(&mut pair.at_alice).await;
        let Some(answered) = answered else {
            return Err(TestCaseError::fail("the connection ended"));
        };
        prop_assert!(["ack", "error"].iter().any(|event| answered["event"] == *event), "{answered}");
        prop_assert_ne!(&answered["data"]["code"], "internal", "{}", answered);
        if let Some(id) =
            serde_json::from_str::<Value>(&text).ok().and_then(|sent| sent["id"].as_str().map(str::to_owned))
        {
            let readable = (1..=64).contains(&id.chars().count());
            prop_assert_eq!(answered["id"].as_str(), readable.then_some(id.as_str()), "{}", answered);
        }

        pair.at_alice.ack("ping", json!({})).await;
        let more: Vec<_> = pair.at_alice.drain().into_iter().filter(is_answer).collect();
        prop_assert!(more.is_empty(), "answered again: {more:?}");
        prop_assert!(pair.at_bob.is_open());
        Ok(())
    });
}

#[test]
fn no_body_is_answered_as_a_fault_of_the_server() {
    let body = prop_oneof![
        proptest::collection::vec(any::<u8>(), 0..300),
        any_json().prop_map(|json| json.to_string().into_bytes()),
        spoilt(good_body()).prop_map(String::into_bytes),
    ];
    let content_type = prop_oneof![Just(Some("application/json")), Just(Some("text/plain")), Just(None)];
    let routes = routes_with_a_body();
    assert!(routes.len() > 30, "{routes:?}");
    check(600, &((0..routes.len()), content_type, body), async |target, pair, (at, content_type, body)| {
        let ((method, path), alice) = (routes[at].clone(), pair.lock().await.alice.clone());
        let reply = target.api.raw(method, &path, Some(&alice.token), content_type, body).await;
        judge(&reply, &path)
    });
}

#[test]
fn no_path_query_or_token_is_answered_as_a_fault_of_the_server() {
    let path = prop_oneof![
        "/[!-~&&[^#?\"<>\\\\^`{}|]]{0,60}",
        "/api/session/[0-9a-f-]{0,40}(/messages)?",
        "/api/session/active\\?(limit|cursor)=[!-~&&[^#\"<>\\\\^`{}|]]{0,40}",
        "/api/session/(%[0-9a-fA-F]{2}){1,8}/messages\\?limit=[0-9]{0,25}",
    ];
    let method = prop_oneof![Just(Method::GET), Just(Method::POST), Just(Method::DELETE), Just(Method::PUT)];
    let token = prop_oneof![Just(None), "[!-~]{0,80}".prop_map(Some)];
    check(200, &(method, path, token), async |target, pair, (method, path, token)| {
        let Account { token: good, .. } = pair.lock().await.alice.clone();
        let as_alice = target.api.call(method.clone(), &path, Some(&good), None).await;
        judge(&as_alice, &path)?;
        let as_stranger = target.api.call(method, &path, token.as_deref(), None).await;
        judge(&as_stranger, &path)?;
        prop_assert!(as_stranger.status != 200 || !path.starts_with("/api/"), "{path}: {}", as_stranger.body);
        Ok(())
    });
}

/// Whatever is refused is refused by a problem document, and nothing is the server's fault.
fn judge(reply: &testclient::Reply, path: &str) -> Result<(), TestCaseError> {
    prop_assert!(reply.status.as_u16() < 500, "{path}: {} {}", reply.status, reply.body);
    if reply.status.is_client_error() {
        prop_assert_eq!(reply.header("content-type"), "application/problem+json", "{}: {}", path, reply.body);
        prop_assert!(!reply.code().is_empty(), "{path}: {}", reply.body);
    }
    Ok(())
}
