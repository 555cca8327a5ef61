//! Messages on an open WebSocket: routing, answers, limits and order.

use std::{sync::Arc, time::Duration};

use apigateway::{Function, Gateway, Limits, MessageOrder, function};
use aws_lambda_events::apigw::ApiGatewayWebsocketProxyRequest;
use bytes::Bytes;
use serde_json::{Value, json};
use tokio::sync::{Barrier, Semaphore, mpsc};
use tokio_tungstenite::tungstenite::{
    Message,
    protocol::frame::{
        Frame,
        coding::{Data, OpCode},
    },
};

use crate::support::{
    answering, assert_request_time, echo, failing, limits, ok, panicking, recording, soon, start, stuck, who,
};

#[tokio::test]
async fn the_message_event_has_a_body_and_no_headers() {
    let (connect, mut connected) = answering(json!({"statusCode": 200}));
    let (function, mut calls) = answering(json!({"statusCode": 200}));
    let running = start(Gateway::builder().ws_route("$connect", connect).ws_route("say", function)).await;
    let mut client = running.connect().await;
    client.send(r#"{"action":"say","text":"é"}"#).await;
    let event = calls.next().await;
    assert_eq!(event["body"], r#"{"action":"say","text":"é"}"#);
    assert_eq!(event["isBase64Encoded"], false);
    for name in ["headers", "multiValueHeaders", "queryStringParameters"] {
        assert_eq!(event.get(name), None, "{name}");
    }
    let context = &event["requestContext"];
    assert_eq!(context["routeKey"], "say");
    assert_eq!(context["eventType"], "MESSAGE");
    assert_eq!(context["messageDirection"], "IN");
    assert_eq!(context["stage"], "local");
    assert_eq!(context["identity"]["sourceIp"], "127.0.0.1");
    assert_request_time(&context["requestTime"]);
    let connected = connected.next().await;
    for name in ["connectionId", "connectedAt", "apiId", "domainName"] {
        assert_eq!(context[name], connected["requestContext"][name], "{name}");
    }
    for name in ["messageId", "requestId", "extendedRequestId"] {
        assert!(context[name].as_str().is_some_and(|text| !text.is_empty()), "{name}");
    }
}

#[tokio::test]
async fn the_message_event_is_what_the_lambda_crates_read() {
    let (function, mut calls) = answering(json!({"statusCode": 200}));
    let running = start(Gateway::builder().ws_route("$default", function)).await;
    let mut client = running.connect().await;
    client.send("hello").await;
    let event: ApiGatewayWebsocketProxyRequest = serde_json::from_value(calls.next().await).expect("the crate's type");
    assert_eq!(event.body.as_deref(), Some("hello"));
    assert_eq!(event.request_context.event_type.as_deref(), Some("MESSAGE"));
}

#[tokio::test]
async fn each_message_has_an_id_of_its_own() {
    let (function, mut calls) = answering(json!({"statusCode": 200}));
    let running = start(Gateway::builder().ws_route("$default", function)).await;
    let mut client = running.connect().await;
    client.send("1").await;
    client.send("2").await;
    let (one, other) = (calls.next().await, calls.next().await);
    assert_ne!(one["requestContext"]["messageId"], other["requestContext"]["messageId"]);
    assert_ne!(one["requestContext"]["requestId"], other["requestContext"]["requestId"]);
}

fn naming(route: &'static str) -> Function {
    answering(json!({"statusCode": 200, "body": route})).0
}

#[tokio::test]
async fn the_action_of_a_message_selects_its_route_and_anything_else_is_default() {
    let running = start(
        Gateway::builder()
            .ws_route_with_response("a", naming("a"))
            .ws_route_with_response("b", naming("b"))
            .ws_route("$connect", ok())
            .ws_route_with_response("$default", naming("default")),
    )
    .await;
    let mut client = running.connect().await;
    for (message, route) in [
        (r#"{"action":"a"}"#, "a"),
        (r#"{"x":{"action":"a"},"action":"b"}"#, "b"),
        (r#"{"action":"c"}"#, "default"),
        (r#"{"action":7}"#, "default"),
        (r#"{"action":"$connect"}"#, "default"),
        (r#"{"action":"a""#, "default"),
        (r#"["a"]"#, "default"),
        ("hello", "default"),
        ("", "default"),
    ] {
        client.send(message).await;
        assert_eq!(client.text().await, route, "{message}");
    }
}

#[tokio::test]
async fn the_route_selection_expression_is_configurable() {
    let running = start(
        Gateway::builder()
            .route_selection("$request.body.header.kind")
            .ws_route_with_response("a", naming("a"))
            .ws_route_with_response("$default", naming("default")),
    )
    .await;
    let mut client = running.connect().await;
    client.send(r#"{"header":{"kind":"a"}}"#).await;
    assert_eq!(client.text().await, "a");
    client.send(r#"{"action":"a"}"#).await;
    assert_eq!(client.text().await, "default");
}

#[tokio::test]
async fn a_message_without_any_route_is_answered_forbidden() {
    let running = start(Gateway::builder().ws_route_with_response("who", who())).await;
    let mut client = running.connect().await;
    client.send(r#"{"action":"who"}"#).await;
    let id = client.text().await;
    client.send("hello").await;
    let text = client.text().await;
    let answer: Value = serde_json::from_str(&text).expect("a JSON text");
    assert!(text.starts_with(r#"{"message": "Forbidden", "connectionId":""#), "{text}");
    assert_eq!(answer["connectionId"], id);
    assert!(answer["requestId"].is_string());
}

#[tokio::test]
async fn a_function_that_fails_answers_internal_server_error_and_the_socket_stays_open() {
    let malformed = function(|_| async { Ok(Bytes::from_static(b"not json")) });
    for bad in [failing("boom"), panicking(), malformed] {
        let running = start(Gateway::builder().ws_route("bad", bad).ws_route_with_response("$default", echo())).await;
        let mut client = running.connect().await;
        client.send(r#"{"action":"bad"}"#).await;
        let answer = client.json().await;
        assert_eq!(answer["message"], "Internal server error");
        assert!(answer["connectionId"].is_string() && answer["requestId"].is_string());
        client.send("still there").await;
        assert_eq!(client.text().await, "still there");
    }
}

#[tokio::test]
async fn a_stuck_function_answers_after_its_integration_timeout_and_the_socket_stays_open_undocumented() {
    let running = start(
        Gateway::builder()
            .limits(limits(|limits| limits.websocket_integration = Duration::from_millis(500)))
            .ws_route("stuck", stuck())
            .ws_route_with_response("$default", echo()),
    )
    .await;
    let mut client = running.connect().await;
    client.send(r#"{"action":"stuck"}"#).await;
    assert_eq!(client.json().await["message"], "Endpoint request timed out");
    client.send("still there").await;
    assert_eq!(client.text().await, "still there");
}

#[tokio::test]
async fn without_a_route_response_the_answer_is_discarded() {
    let (quiet, mut calls) = answering(json!({"statusCode": 200, "body": "never seen"}));
    let running = start(Gateway::builder().ws_route("quiet", quiet).ws_route_with_response("$default", echo())).await;
    let mut client = running.connect().await;
    client.send(r#"{"action":"quiet"}"#).await;
    calls.next().await;
    client.send("seen").await;
    assert_eq!(client.text().await, "seen");
}

#[tokio::test]
async fn with_a_route_response_but_no_body_nothing_is_sent() {
    let (quiet, mut calls) = answering(json!({"statusCode": 200}));
    let running =
        start(Gateway::builder().ws_route_with_response("quiet", quiet).ws_route_with_response("$default", echo()))
            .await;
    let mut client = running.connect().await;
    client.send(r#"{"action":"quiet"}"#).await;
    calls.next().await;
    client.send("seen").await;
    assert_eq!(client.text().await, "seen");
}

#[tokio::test]
async fn the_status_of_a_route_response_does_not_matter_undocumented() {
    let (function, _calls) = answering(json!({"statusCode": 500, "body": "sent anyway"}));
    let running = start(Gateway::builder().ws_route_with_response("$default", function)).await;
    let mut client = running.connect().await;
    client.send("hello").await;
    assert_eq!(client.text().await, "sent anyway");
}

#[tokio::test]
async fn an_answer_over_128_kilobytes_is_internal_server_error_undocumented() {
    let sized = |event: &Value| {
        let size: usize = event["body"].as_str().and_then(|text| text.parse().ok()).expect("a size");
        Ok(json!({"statusCode": 200, "body": "x".repeat(size)}))
    };
    let running = start(Gateway::builder().ws_route_with_response("$default", recording(sized).0)).await;
    let mut client = running.connect().await;
    client.send(&(128 * 1024).to_string()).await;
    assert_eq!(client.text().await.len(), 128 * 1024);
    client.send(&(128 * 1024 + 1).to_string()).await;
    assert_eq!(client.json().await["message"], "Internal server error");
}

#[tokio::test]
async fn a_message_of_128_kilobytes_in_frames_of_32_is_taken_and_answered_in_such_frames() {
    let limits = Limits::default();
    assert_eq!((limits.message, limits.frame), (128 * 1024, 32 * 1024));
    let running = start(Gateway::builder().ws_route_with_response("$default", echo())).await;
    let mut client = running.connect().await;
    let text = "é".repeat(limits.message / 2);
    send_in_frames(&mut client, &text, limits.frame).await;
    assert_eq!(client.text().await, text);
}

async fn send_in_frames(client: &mut crate::support::Client, text: &str, size: usize) {
    let chunks: Vec<&[u8]> = text.as_bytes().chunks(size).collect();
    for (index, chunk) in chunks.iter().enumerate() {
        let data = if index == 0 { Data::Text } else { Data::Continue };
        let frame = Frame::message(chunk.to_vec(), OpCode::Data(data), index + 1 == chunks.len());
        client.send_message(Message::Frame(frame)).await;
    }
}

#[tokio::test]
async fn a_message_over_128_kilobytes_closes_with_1009() {
    let (function, mut calls) = answering(json!({"statusCode": 200}));
    let running = start(Gateway::builder().ws_route("$default", function)).await;
    let mut client = running.connect().await;
    send_in_frames(&mut client, &"x".repeat(128 * 1024 + 1), 32 * 1024).await;
    assert_eq!(client.close_code().await, 1009);
    assert!(calls.is_empty());
}

#[tokio::test]
async fn a_frame_over_32_kilobytes_closes_with_1009() {
    let (disconnect, mut disconnected) = answering(json!({"statusCode": 200}));
    let running =
        start(Gateway::builder().ws_route("$disconnect", disconnect).ws_route_with_response("$default", echo())).await;
    let mut client = running.connect().await;
    let largest = "x".repeat(32 * 1024);
    client.send(&largest).await;
    assert_eq!(client.text().await, largest);
    client.send(&"x".repeat(32 * 1024 + 1)).await;
    assert_eq!(client.close_code().await, 1009);
    assert_eq!(disconnected.next().await["requestContext"]["disconnectStatusCode"], 1009);
}

#[tokio::test]
async fn a_huge_frame_closes_with_1009_although_the_client_still_sends() {
    let running = start(Gateway::builder().ws_route("$default", ok())).await;
    let mut client = running.connect().await;
    client.send(&"x".repeat(4 * 1024 * 1024)).await;
    assert_eq!(client.close_code().await, 1009);
}

#[tokio::test]
async fn a_binary_frame_closes_with_1003() {
    let (disconnect, mut disconnected) = answering(json!({"statusCode": 200}));
    let (function, mut calls) = answering(json!({"statusCode": 200}));
    let running = start(Gateway::builder().ws_route("$default", function).ws_route("$disconnect", disconnect)).await;
    let mut client = running.connect().await;
    client.send_message(Message::binary(vec![1, 2, 3])).await;
    assert_eq!(client.close_code().await, 1003);
    assert_eq!(disconnected.next().await["requestContext"]["disconnectStatusCode"], 1003);
    assert!(calls.is_empty());
}

#[tokio::test]
async fn a_text_that_is_not_utf_8_closes_with_1007() {
    let running = start(Gateway::builder().ws_route("$default", ok())).await;
    let mut client = running.connect().await;
    let frame = Frame::message(vec![0xff, 0xfe], OpCode::Data(Data::Text), true);
    client.send_message(Message::Frame(frame)).await;
    assert_eq!(client.close_code().await, 1007);
}

#[tokio::test]
async fn a_breach_of_the_protocol_closes_with_1002() {
    let running = start(Gateway::builder().ws_route("$default", ok())).await;
    let mut client = running.connect().await;
    let frame = Frame::message("lost", OpCode::Data(Data::Continue), true);
    client.send_message(Message::Frame(frame)).await;
    assert_eq!(client.close_code().await, 1002);
}

#[tokio::test]
async fn a_ping_is_answered_by_the_gateway_itself() {
    let (function, mut calls) = answering(json!({"statusCode": 200}));
    let running = start(Gateway::builder().ws_route("$default", function)).await;
    let mut client = running.connect().await;
    client.send_message(Message::Ping("x".into())).await;
    match client.next().await {
        Some(Ok(Message::Pong(payload))) => assert_eq!(&payload[..], b"x"),
        other => panic!("{other:?}"),
    }
    assert!(calls.is_empty());
}

/// Answers with the message once all `count` callers are there.
fn meeting(count: usize) -> Function {
    let barrier = Arc::new(Barrier::new(count));
    function(move |event: Bytes| {
        let barrier = barrier.clone();
        async move {
            let event: Value = serde_json::from_slice(&event).expect("events are JSON");
            barrier.wait().await;
            Ok(json!({"statusCode": 200, "body": event["body"]}).to_string().into())
        }
    })
}

#[tokio::test]
async fn messages_of_one_connection_run_at_the_same_time_undocumented() {
    let running = start(Gateway::builder().ws_route_with_response("$default", meeting(10))).await;
    let mut client = running.connect().await;
    for index in 0..10 {
        client.send(&index.to_string()).await;
    }
    let mut answers = Vec::new();
    for _ in 0..10 {
        answers.push(client.text().await);
    }
    answers.sort();
    assert_eq!(answers, (0..10).map(|index| index.to_string()).collect::<Vec<_>>());
}

#[tokio::test]
async fn messages_of_many_connections_run_at_the_same_time() {
    let running = start(Gateway::builder().ws_route_with_response("$default", meeting(30))).await;
    let mut clients = futures_util::future::join_all((0..30).map(|_| running.connect())).await;
    for client in &mut clients {
        client.send("now").await;
    }
    for client in &mut clients {
        assert_eq!(client.text().await, "now");
    }
}

#[tokio::test]
async fn serial_order_runs_one_message_after_the_other() {
    let (entered, mut entries) = mpsc::unbounded_channel();
    let gate = Arc::new(Semaphore::new(0));
    let gated = function({
        let gate = gate.clone();
        move |event: Bytes| {
            let (gate, entered) = (gate.clone(), entered.clone());
            async move {
                let event: Value = serde_json::from_slice(&event).expect("events are JSON");
                let _ = entered.send(event["body"].clone());
                gate.acquire().await.expect("the gate is never closed").forget();
                Ok(json!({"statusCode": 200, "body": event["body"]}).to_string().into())
            }
        }
    });
    let running =
        start(Gateway::builder().message_order(MessageOrder::Serial).ws_route_with_response("$default", gated)).await;
    let mut client = running.connect().await;
    for index in 0..5 {
        client.send(&index.to_string()).await;
    }
    for index in 0..5 {
        assert_eq!(soon(entries.recv()).await, Some(json!(index.to_string())));
        assert!(entries.try_recv().is_err(), "the next one waits");
        gate.add_permits(1);
        assert_eq!(client.text().await, index.to_string());
    }
}

#[tokio::test]
async fn serial_order_goes_on_after_a_panic() {
    let running = start(
        Gateway::builder()
            .message_order(MessageOrder::Serial)
            .ws_route("bad", panicking())
            .ws_route_with_response("$default", echo()),
    )
    .await;
    let mut client = running.connect().await;
    client.send(r#"{"action":"bad"}"#).await;
    client.send("next").await;
    assert_eq!(client.json().await["message"], "Internal server error");
    assert_eq!(client.text().await, "next");
}

#[tokio::test]
async fn reordering_lets_later_messages_overtake_and_loses_none() {
    let order = MessageOrder::Reordered { seed: 1, hold: Duration::from_secs(10) };
    let running = start(Gateway::builder().message_order(order).ws_route_with_response("$default", echo())).await;
    let mut client = running.connect().await;
    let sent: Vec<String> = (0..40).map(|index| format!("{index:02}")).collect();
    for text in &sent {
        client.send(text).await;
    }
    let mut answers = Vec::new();
    for _ in 0..sent.len() {
        answers.push(client.text().await);
    }
    assert_ne!(answers, sent);
    answers.sort();
    assert_eq!(answers, sent);
}

#[tokio::test]
async fn a_held_message_is_not_held_for_ever() {
    let order = MessageOrder::Reordered { seed: 1, hold: Duration::from_millis(10) };
    let running = start(Gateway::builder().message_order(order).ws_route_with_response("$default", echo())).await;
    let mut client = running.connect().await;
    for index in 0..10 {
        client.send(&index.to_string()).await;
        assert_eq!(client.text().await, index.to_string());
    }
}

#[tokio::test]
async fn a_client_that_sends_faster_than_functions_run_is_slowed_down_and_loses_nothing() {
    let (entered, mut entries) = mpsc::unbounded_channel();
    let gate = Arc::new(Semaphore::new(0));
    let gated = function({
        let gate = gate.clone();
        move |_| {
            let (gate, entered) = (gate.clone(), entered.clone());
            async move {
                let _ = entered.send(());
                gate.acquire().await.expect("the gate is never closed").forget();
                Ok(Bytes::from_static(br#"{"statusCode":200,"body":"done"}"#))
            }
        }
    });
    let running = start(
        Gateway::builder()
            .limits(limits(|limits| limits.messages_in_flight = 2))
            .ws_route_with_response("$default", gated),
    )
    .await;
    let mut client = running.connect().await;
    for _ in 0..20 {
        client.send("x").await;
    }
    for _ in 0..2 {
        soon(entries.recv()).await.expect("two run");
    }
    assert!(entries.try_recv().is_err(), "the third waits");
    gate.add_permits(20);
    for _ in 0..20 {
        assert_eq!(client.text().await, "done");
    }
}

/// Functions that compute without a pause leave every slot free, and keep others from the processor.
#[tokio::test]
async fn messages_that_waited_too_long_for_the_processor_are_refused() {
    let computing = function(|_| async {
        std::thread::sleep(Duration::from_millis(10));
        Ok(Bytes::from_static(br#"{"statusCode":200,"body":"done"}"#))
    });
    let running = start(
        Gateway::builder()
            .limits(limits(|limits| limits.wait = Duration::from_millis(50)))
            .ws_overloaded(|message| format!("{message} is refused"))
            .ws_route_with_response("$default", computing),
    )
    .await;
    let mut client = running.connect().await;
    for number in 0..50 {
        client.send(&number.to_string()).await;
    }
    let mut refused = Vec::new();
    for _ in 0..50 {
        refused.extend(client.text().await.strip_suffix(" is refused").map(str::to_owned));
    }
    assert!((1..50).contains(&refused.len()), "{refused:?}");
    client.send("later").await;
    assert_eq!(client.text().await, "done");
}
