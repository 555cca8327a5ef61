//! Requests that are not what they must be.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use domain::{Clock, SessionId};
use http::Method;
use local::{Fate, Intercept, Options};
use runtime::{SystemClock, settings};
use serde_json::{Value, json};

use crate::support::{PASSWORD, Pair, Target, unique};
use crate::{assert_bad_fields, assert_problem};

const SECRET: &str = "a secret that only this test and its server know";

/// The routes that want a bearer token.
const GUARDED: [(Method, &str); 12] = [
    (Method::GET, "/api/auth/me"),
    (Method::POST, "/api/auth/password"),
    (Method::DELETE, "/api/auth/me"),
    (Method::POST, "/api/session/create"),
    (Method::POST, "/api/session/join"),
    (Method::POST, "/api/session/ticket"),
    (Method::POST, "/api/session/leave"),
    (Method::POST, "/api/session/end"),
    (Method::GET, "/api/session/active"),
    (Method::GET, "/api/session/01a1ed5c-8600-7000-8000-000000000001"),
    (Method::GET, "/api/session/01a1ed5c-8600-7000-8000-000000000001/messages"),
    (Method::GET, "/api/iceservers"),
];

#[tokio::test]
async fn a_problem_document_says_all_that_there_is_to_say() {
    let target = Target::local().await;
    let wanted = json!({ "username": " ", "email": "nowhere", "password": "short", "admin": true });
    let refused = target.api.post("/api/auth/register", None, wanted).await;
    assert_bad_fields(&refused, &["username", "email", "password", "admin"]);
    let expected = json!({
        "type": "/docs#invalid_request",
        "title": "The request is not valid",
        "status": 400,
        "detail": "username must be 1-50 characters and not blank (and 3 more)",
        "code": "invalid_request",
        "message": "username must be 1-50 characters and not blank (and 3 more)",
        "requestId": refused.header("x-request-id"),
        "errors": [
            { "field": "username", "reason": "must be 1-50 characters and not blank" },
            { "field": "email", "reason": "must be an e-mail address" },
            { "field": "password", "reason": "must be 8-128 characters" },
            { "field": "admin", "reason": "is not known" },
        ],
    });
    assert_eq!(refused.body, expected);
}

#[tokio::test]
async fn every_bad_field_is_named() {
    let target = Target::local().await;
    let alice = target.person("alice").await;
    let cases: [(Method, &str, Value, &[&str]); 17] = [
        (Method::POST, "auth/register", json!({}), &["username", "email", "password"]),
        (
            Method::POST,
            "auth/register",
            json!({ "username": "x".repeat(51), "email": "a@b.co", "password": "p".repeat(129) }),
            &["username", "password"],
        ),
        (Method::POST, "auth/login", json!({ "email": 7, "password": null }), &["email", "password"]),
        (Method::POST, "auth/refresh", json!({ "refreshToken": 7 }), &["refreshToken"]),
        (Method::POST, "auth/logout", json!({ "refresh_token": "x" }), &["refreshToken", "refresh_token"]),
        (
            Method::POST,
            "auth/password",
            json!({ "currentPassword": "", "newPassword": "short" }),
            &["currentPassword", "newPassword"],
        ),
        (Method::DELETE, "auth/me", json!({}), &["password"]),
        (
            Method::POST,
            "session/create",
            json!({ "name": "", "maxParticipants": 1, "type": 4, "visibility": "secret", "x": 1 }),
            &["name", "maxParticipants", "type", "visibility", "x"],
        ),
        (
            Method::POST,
            "session/create",
            json!({ "name": "x".repeat(101), "maxParticipants": 101 }),
            &["name", "maxParticipants"],
        ),
        (
            Method::POST,
            "session/create",
            json!({ "name": "x", "maxParticipants": "10", "type": "video" }),
            &["maxParticipants", "type"],
        ),
        (Method::POST, "session/join", json!({ "sessionId": "my room" }), &["sessionId"]),
        (Method::POST, "session/join", json!({ "sessionId": "01A1ED5C-8600-7000-8000-000000000001" }), &["sessionId"]),
        (Method::POST, "session/ticket", json!({}), &["sessionId"]),
        (Method::POST, "session/leave", json!({ "sessionId": {} }), &["sessionId"]),
        (Method::POST, "session/end", json!({ "sessionId": "", "force": true }), &["sessionId", "force"]),
        (Method::GET, "session/active?limit=0&cursor=x", Value::Null, &["limit", "cursor"]),
        (Method::GET, "session/01a1ed5c-8600-7000-8000-000000000001/messages?limit=101", Value::Null, &["limit"]),
    ];
    for (method, path, body, fields) in cases {
        let body = (!body.is_null()).then_some(body);
        let refused = target.api.call(method, &format!("/api/{path}"), Some(&alice.token), body).await;
        assert_bad_fields(&refused, fields);
    }
}

#[tokio::test]
async fn a_body_that_is_no_json_object_is_refused_as_such() {
    let target = Target::local().await;
    let deep = "[".repeat(30_000);
    let bodies: [&[u8]; 9] =
        [b"", b"null", b"[]", b"7", b"\"x\"", b"{\"email\":", b"{} {}", b"\xff\xfe{}", deep.as_bytes()];
    for body in bodies {
        for content_type in [Some("application/json"), Some("text/plain"), None] {
            let refused = target.api.raw(Method::POST, "/api/auth/login", None, content_type, body.to_vec()).await;
            assert_bad_fields(&refused, &["body"]);
        }
    }
}

#[tokio::test]
async fn a_body_is_json_whatever_its_content_type_says() {
    let target = Target::local().await;
    let alice = target.person("alice").await;
    let body = json!({ "email": format!("{}@example.org", alice.username), "password": PASSWORD }).to_string();
    for content_type in [Some("application/json; charset=utf-8"), Some("text/plain"), Some("x/y"), None] {
        let login =
            target.api.raw(Method::POST, "/api/auth/login", None, content_type, body.clone().into_bytes()).await;
        assert_eq!(login.status, 200, "{content_type:?}: {}", login.body);
    }
}

#[tokio::test]
async fn a_body_of_more_than_64_kib_is_too_large() {
    let target = Target::local().await;
    let sized = |size: usize| {
        let empty = json!({ "email": "", "password": "" }).to_string();
        json!({ "email": "x".repeat(size - empty.len()), "password": "" }).to_string().into_bytes()
    };
    let post = |body| target.api.raw(Method::POST, "/api/auth/login", None, Some("application/json"), body);
    assert_bad_fields(&post(sized(64 * 1024)).await, &["email", "password"]);
    assert_problem(&post(sized(64 * 1024 + 1)).await, 413, "payload_too_large");
    assert_problem(&post(vec![b'x'; 5_000_000]).await, 413, "payload_too_large");
}

#[tokio::test]
async fn whoever_has_no_good_token_is_not_let_in() {
    let target = Target::with(with_secret()).await;
    let alice = target.person("alice").await;
    let session = target.api.create_session(&alice, 2).await;
    let ticket = target.seat(&alice, &session).await.body["signaling"]["ticket"].as_str().expect("a ticket").to_owned();
    let now = SystemClock.now();
    let (expired, good, foreign) = (
        token(SECRET, &alice.id, now.minus(Duration::from_secs(7200))),
        token(SECRET, &alice.id, now),
        token("another secret, as long as it must be", &alice.id, now),
    );
    let me = target.api.get("/api/auth/me", Some(&good)).await;
    assert_eq!(me.status, 200, "the test makes tokens as the server does: {}", me.body);

    let unsigned = unsigned(&good);
    for bad in ["", "x", "a.b.c", &alice.refresh_token, &ticket, &expired, &foreign, &unsigned, &good[..good.len() - 2]]
    {
        assert_problem(&target.api.get("/api/auth/me", Some(bad)).await, 401, "unauthorized");
    }
    for (method, path) in GUARDED {
        let body = (method == Method::POST).then(|| json!({}));
        assert_problem(&target.api.call(method.clone(), path, None, body.clone()).await, 401, "unauthorized");
        assert_problem(&target.api.call(method, path, Some(&expired), body).await, 401, "unauthorized");
    }
}

#[tokio::test]
async fn an_access_token_ends_by_itself() {
    let target = Target::with_settings([(settings::ACCESS_TOKEN_SECONDS, 1)]).await;
    let alice = target.person("alice").await;
    let refused = crate::support::until("the end of the token", async || {
        let me = target.api.get("/api/auth/me", Some(&alice.token)).await;
        (me.status != 200).then_some(me)
    })
    .await;
    assert_problem(&refused, 401, "unauthorized");
}

#[tokio::test]
async fn what_is_not_a_route_is_not_found() {
    let target = Target::local().await;
    let alice = target.person("alice").await;
    for (method, path) in [
        (Method::GET, "/api"),
        (Method::GET, "/api/session/a/b/c"),
        (Method::GET, "/api/auth/me/"),
        (Method::GET, "/no/such/page"),
        (Method::PATCH, "/API/AUTH/ME"),
    ] {
        for token in [None, Some(alice.token.as_str())] {
            assert_problem(&target.api.call(method.clone(), path, token, None).await, 404, "not_found");
        }
    }
}

#[tokio::test]
async fn a_route_asked_with_another_method_says_which_it_takes() {
    let target = Target::local().await;
    let alice = target.person("alice").await;
    for (method, path, allowed) in [
        (Method::GET, "/api/auth/login", "POST"),
        (Method::PUT, "/api/session/create", "POST"),
        (Method::DELETE, "/api/session/01a1ed5c-8600-7000-8000-000000000001", "GET, HEAD, PATCH"),
        (Method::POST, "/health", "GET, HEAD"),
        (Method::POST, "/", "GET, HEAD"),
    ] {
        for token in [None, Some(alice.token.as_str())] {
            let reply = target.api.call(method.clone(), path, token, None).await;
            assert_problem(&reply, 405, "method_not_allowed");
            assert_eq!(reply.header("allow"), allowed, "{method} {path}");
        }
    }
}

#[tokio::test]
async fn the_name_of_a_route_is_not_taken_for_a_session() {
    let target = Target::local().await;
    let alice = target.person("alice").await;
    for route in ["create", "join", "ticket", "leave", "end"] {
        let reply = target.api.get(&format!("/api/session/{route}"), Some(&alice.token)).await;
        assert_problem(&reply, 405, "method_not_allowed");
        assert_eq!(reply.header("allow"), "POST", "{route}");
    }
}

#[tokio::test]
async fn a_session_that_is_not_there_is_not_found() {
    let target = Target::local().await;
    let alice = target.person("alice").await;
    let nowhere = SessionId::first_at(SystemClock.now()).to_string();
    for what in ["join", "ticket", "leave", "end"] {
        assert_problem(&target.about(&alice, what, &nowhere).await, 404, "session_not_found");
    }
    for id in [nowhere.as_str(), "my-room", "%00", "..%2f"] {
        for path in [format!("/api/session/{id}"), format!("/api/session/{id}/messages")] {
            assert_problem(&target.api.get(&path, Some(&alice.token)).await, 404, "session_not_found");
        }
    }
}

#[tokio::test]
async fn who_takes_no_part_in_a_session_is_told_so() {
    let target = Target::local().await;
    let Pair { alice, session, at_alice: _at_alice, at_bob: _at_bob, .. } = target.pair().await;
    let carol = target.person("carol").await;
    for what in ["leave", "ticket"] {
        assert_problem(&target.about(&carol, what, &session).await, 404, "not_in_session");
    }
    let messages = format!("/api/session/{session}/messages");
    assert_problem(&target.api.get(&messages, Some(&carol.token)).await, 404, "not_in_session");
    assert_problem(&target.about(&carol, "join", &session).await, 409, "session_full");

    assert_eq!(target.about(&alice, "leave", &session).await.status, 200);
    assert_problem(&target.api.get(&messages, Some(&alice.token)).await, 404, "not_in_session");
}

#[tokio::test]
async fn only_its_creator_ends_a_session_and_only_once() {
    let target = Target::local().await;
    let Pair { alice, bob, session, at_alice: _at_alice, at_bob: _at_bob, .. } = target.pair().await;
    assert_problem(&target.about(&bob, "end", &session).await, 403, "forbidden");
    assert_eq!(target.about(&alice, "end", &session).await.status, 200);
    for what in ["join", "ticket", "leave", "end"] {
        assert_problem(&target.about(&alice, what, &session).await, 410, "session_ended");
    }
    assert_problem(&target.about(&bob, "end", &session).await, 403, "forbidden");
    let history = target.api.get(&format!("/api/session/{session}/messages"), Some(&bob.token)).await;
    assert_eq!((history.status.as_u16(), history.body), (200, json!([])));
}

#[tokio::test]
async fn a_dependency_that_fails_shows_as_unavailable_and_a_broken_item_as_internal() {
    let (throttled, broken) = (Arc::new(AtomicBool::default()), Arc::new(AtomicBool::default()));
    let (is_throttled, is_broken) = (Arc::clone(&throttled), Arc::clone(&broken));
    let intercept: Intercept = Arc::new(move |call| match call.target {
        "DynamoDB_20120810.GetItem" if is_throttled.load(Ordering::Relaxed) => {
            let error = "com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException";
            Fate::Answer(400, json!({ "__type": error, "message": "table tunrtc is throttled" }).to_string())
        }
        "DynamoDB_20120810.GetItem" if is_broken.load(Ordering::Relaxed) => {
            Fate::Answer(200, json!({ "Item": { "pk": { "S": "table tunrtc" } } }).to_string())
        }
        _ => Fate::Pass,
    });
    let target = Target::with(Options { intercept: Some(intercept), tells: false, ..Options::default() }).await;
    let Pair { alice, bob, at_alice, at_bob: _at_bob, .. } = target.pair().await;

    for (fault, status, code) in [(&throttled, 503, "unavailable"), (&broken, 500, "internal")] {
        fault.store(true, Ordering::Relaxed);
        let refused = target.api.get("/api/auth/me", Some(&alice.token)).await;
        let frame = at_alice.request("sendOffer", crate::support::offer(&bob.id, "v=0")).await.expect("an answer");
        fault.store(false, Ordering::Relaxed);
        assert_problem(&refused, status, code);
        assert!(!refused.body.to_string().contains("table"), "{}", refused.body);
        assert_eq!((&frame["event"], &frame["data"]["code"]), (&json!("error"), &json!(code)));
        assert!(!frame.to_string().contains("table"), "{frame}");
    }
    assert_eq!(target.api.get("/api/auth/me", Some(&alice.token)).await.status, 200);
    assert_eq!(at_alice.ack("ping", json!({})).await, json!({}));
}

#[tokio::test]
async fn every_answer_has_a_request_id_of_its_own_and_is_not_to_be_cached() {
    let target = Target::local().await;
    let mut seen = std::collections::HashSet::new();
    for path in ["/health", "/health", "/api/auth/me", "/nowhere"] {
        let reply = target.api.get(path, None).await;
        assert_eq!((reply.header("cache-control"), reply.header("x-content-type-options")), ("no-store", "nosniff"));
        assert!(!reply.header("x-request-id").is_empty());
        assert!(seen.insert(reply.header("x-request-id").to_owned()));
    }
}

#[tokio::test]
async fn a_page_of_an_allowed_origin_may_call_and_another_may_not() {
    let target = Target::local().await;
    for (origin, allowed) in [("http://localhost:5173", true), ("https://evil.example.org", false)] {
        let preflight = http::Request::builder()
            .method(Method::OPTIONS)
            .header("origin", origin)
            .header("access-control-request-method", "POST")
            .header("access-control-request-headers", "authorization,content-type")
            .body(http_body_util::Full::default());
        let reply = target.api.send("/api/session/join", preflight.expect("a valid request")).await;
        let expected = if allowed { origin } else { "" };
        assert_eq!(reply.header("access-control-allow-origin"), expected);
    }
}

fn with_secret() -> Options {
    Options { settings: vec![(settings::SECRET, SECRET.to_owned())], ..Options::default() }
}

/// An access token as the server makes them, good for an hour from `at` on.
fn token(secret: &str, user: &str, at: domain::Timestamp) -> String {
    let ids = runtime::UuidSource::default();
    let user = domain::User {
        id: user.parse().expect("an id"),
        username: domain::Username::parse(&unique("forged")).expect("a name"),
        email: domain::Email::parse("forged@example.org").expect("an address"),
        password: domain::PasswordHash(String::new()),
        created_at: at,
        last_login_at: None,
    };
    let secrets = auth::Secrets::parse(secret, None).expect("a long secret");
    let family = domain::FamilyId::new(&ids, at);
    auth::Tokens::new(&secrets).issue(&user, family, at, Duration::from_secs(3600)).0
}

/// The same token, its algorithm said to be none (RFC 7519, section 6).
fn unsigned(token: &str) -> String {
    let payload = token.split('.').nth(1).expect("three parts");
    format!("{}.{payload}.", BASE64_URL_SAFE_NO_PAD.encode(r#"{"alg":"none","typ":"JWT"}"#))
}
