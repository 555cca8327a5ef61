//! The REQUEST authorizer of `$connect`.

use std::time::Duration;

use apigateway::{Gateway, Limits};
use serde_json::{Value, json};

use crate::support::{Calls, answering, failing, limits, panicking, recording, start, stuck};

const SOURCE: &str = "route.request.querystring.ticket";

fn decision(effect: &str, context: Value) -> Value {
    json!({
        "principalId": "someone",
        "policyDocument": {
            "Version": "2012-10-17",
            "Statement": [{"Action": "execute-api:Invoke", "Effect": effect, "Resource": "*"}],
        },
        "context": context,
    })
}

async fn status_for(answer: Value) -> u16 {
    let running = start(Gateway::builder().authorizer(SOURCE, answering(answer).0)).await;
    match running.connect_to("/ws?ticket=t").await {
        Ok(_) => 101,
        Err(tokio_tungstenite::tungstenite::Error::Http(response)) => response.status().as_u16(),
        Err(other) => panic!("{other}"),
    }
}

#[tokio::test]
async fn without_its_identity_source_the_handshake_is_401_and_nobody_is_asked() {
    let (authorizer, mut asked) = answering(decision("Allow", json!({})));
    let (connect, mut connected) = answering(json!({"statusCode": 200}));
    let running = start(Gateway::builder().authorizer(SOURCE, authorizer).ws_route("$connect", connect)).await;
    for target in ["/ws", "/ws?other=1", "/ws?ticket="] {
        let (status, body) = running.refused(target).await;
        assert_eq!((status, &body["message"]), (401, &json!("Unauthorized")), "{target}");
    }
    assert!(asked.is_empty() && connected.is_empty());
}

#[tokio::test]
async fn a_header_can_be_the_identity_source() {
    let (authorizer, _asked) = answering(decision("Allow", json!({})));
    let running = start(Gateway::builder().authorizer("route.request.header.X-Key", authorizer)).await;
    assert_eq!(running.refused("/ws").await.0, 401);
    assert!(running.connect_with("/ws", |request| request.with_header("x-key", "k")).await.is_ok());
}

#[tokio::test]
async fn without_an_identity_source_it_is_asked_about_every_handshake() {
    let (authorizer, mut asked) = answering(decision("Allow", json!({})));
    let running = start(Gateway::builder().authorizer_of_all(authorizer)).await;
    let _client = running.connect_to("/ws").await.expect("the handshake succeeds");
    assert!(asked.next().await.get("queryStringParameters").is_none());
}

#[tokio::test]
async fn its_event_describes_the_handshake_and_what_is_asked_for() {
    let (authorizer, mut asked) = answering(decision("Allow", json!({})));
    let (connect, mut connected) = answering(json!({"statusCode": 200}));
    let running = start(Gateway::builder().authorizer(SOURCE, authorizer).ws_route("$connect", connect)).await;
    let _client = running.connect_to("/ws?ticket=t").await.expect("the handshake succeeds");
    let event = asked.next().await;
    assert_eq!(event["type"], "REQUEST");
    let arn = event["methodArn"].as_str().expect("an ARN");
    assert!(arn.starts_with("arn:aws:execute-api:") && arn.ends_with("/local/$connect"), "{arn}");
    assert_eq!(event["queryStringParameters"], json!({"ticket": "t"}));
    assert_eq!(event["multiValueQueryStringParameters"], json!({"ticket": ["t"]}));
    assert!(event["headers"]["Sec-WebSocket-Key"].is_string());
    assert!(event["multiValueHeaders"]["Sec-WebSocket-Key"].is_array());
    let context = &event["requestContext"];
    assert_eq!(context["eventType"], "CONNECT");
    assert_eq!(context["routeKey"], "$connect");
    assert_eq!(context["identity"]["sourceIp"], "127.0.0.1");
    assert_eq!(context["connectionId"], connected.next().await["requestContext"]["connectionId"]);
}

#[tokio::test]
async fn a_deny_is_403_and_connect_is_not_called() {
    let (connect, mut connected) = answering(json!({"statusCode": 200}));
    let (authorizer, _asked) = answering(decision("Deny", json!({})));
    let running = start(Gateway::builder().authorizer(SOURCE, authorizer).ws_route("$connect", connect)).await;
    let (status, body) = running.refused("/ws?ticket=t").await;
    assert_eq!((status, &body["message"]), (403, &json!("Forbidden")));
    assert!(connected.is_empty());
}

#[tokio::test]
async fn a_policy_for_something_else_is_403() {
    let policy = |resource: &str| {
        json!({
            "principalId": "someone",
            "policyDocument": {"Statement": {"Action": ["execute-api:Invoke"], "Effect": "Allow", "Resource": resource}},
        })
    };
    assert_eq!(status_for(policy("arn:aws:execute-api:*:*:*/other/$connect")).await, 403);
    assert_eq!(status_for(policy("arn:aws:execute-api:*:*:*/local/$connect")).await, 101);
}

#[tokio::test]
async fn an_error_of_exactly_unauthorized_is_401() {
    let running = start(Gateway::builder().authorizer(SOURCE, failing("Unauthorized"))).await;
    assert_eq!(running.refused("/ws?ticket=t").await.0, 401);
}

#[tokio::test]
async fn another_failure_is_500() {
    for authorizer in [failing("Unauthorized: expired"), failing("boom"), panicking(), answering(json!({})).0] {
        let running = start(Gateway::builder().authorizer(SOURCE, authorizer)).await;
        let (status, body) = running.refused("/ws?ticket=t").await;
        assert_eq!((status, &body["message"]), (500, &json!("Internal server error")));
    }
}

#[tokio::test]
async fn a_stuck_authorizer_is_500() {
    let running = start(
        Gateway::builder()
            .limits(limits(|limits| limits.websocket_integration = Duration::from_millis(20)))
            .authorizer(SOURCE, stuck()),
    )
    .await;
    assert_eq!(running.refused("/ws?ticket=t").await.0, 500);
}

async fn connected_with(context: Value) -> (Value, Calls, crate::support::Client, crate::support::Running) {
    let (connect, mut connected) = answering(json!({"statusCode": 200}));
    let (message, messages) = answering(json!({"statusCode": 200}));
    let (authorizer, _asked) = answering(decision("Allow", context));
    let running = start(
        Gateway::builder().authorizer(SOURCE, authorizer).ws_route("$connect", connect).ws_route("$default", message),
    )
    .await;
    let client = running.connect_to("/ws?ticket=t").await.expect("the handshake succeeds");
    (connected.next().await, messages, client, running)
}

#[tokio::test]
async fn the_context_reaches_connect_with_principal_and_latency() {
    let (event, ..) = connected_with(json!({"userId": "u1", "number": 7, "flag": true})).await;
    let authorizer = &event["requestContext"]["authorizer"];
    assert_eq!(authorizer["principalId"], "someone");
    assert_eq!(authorizer["userId"], "u1");
    assert!(authorizer["integrationLatency"].is_u64());
}

#[tokio::test]
async fn numbers_and_flags_of_the_context_become_strings() {
    let (event, ..) = connected_with(json!({"number": 7, "flag": true})).await;
    let authorizer = &event["requestContext"]["authorizer"];
    assert_eq!(authorizer["number"], "7");
    assert_eq!(authorizer["flag"], "true");
}

#[tokio::test]
async fn the_context_reaches_every_message_undocumented() {
    let (_, mut messages, mut client, _running) = connected_with(json!({"userId": "u1"})).await;
    client.send("{}").await;
    let event = messages.next().await;
    assert_eq!(event["requestContext"]["authorizer"]["userId"], "u1");
    assert_eq!(event["requestContext"]["authorizer"]["principalId"], "someone");
}

#[tokio::test]
async fn a_context_that_is_not_scalar_is_500() {
    for context in [json!({"a": {}}), json!({"a": []}), json!({"a": null})] {
        assert_eq!(status_for(decision("Allow", context)).await, 500);
    }
}

#[tokio::test]
async fn a_context_over_8_kilobytes_is_500() {
    let limit = Limits::default().authorizer_context;
    assert_eq!(limit, 8 * 1024);
    let overhead = r#"{"a":""}"#.len();
    assert_eq!(status_for(decision("Allow", json!({"a": "x".repeat(limit - overhead)}))).await, 101);
    assert_eq!(status_for(decision("Allow", json!({"a": "x".repeat(limit - overhead + 1)}))).await, 500);
}

#[tokio::test]
async fn decisions_are_not_cached() {
    let (authorizer, mut asked) = recording(|_| Ok(decision("Allow", json!({}))));
    let running = start(Gateway::builder().authorizer(SOURCE, authorizer)).await;
    for _ in 0..2 {
        let _client = running.connect_to("/ws?ticket=same").await.expect("the handshake succeeds");
        asked.next().await;
    }
}
