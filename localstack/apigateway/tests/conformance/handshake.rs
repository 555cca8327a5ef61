//! Opening a WebSocket: `$connect` and its event.

use std::time::Duration;

use apigateway::Gateway;
use aws_lambda_events::apigw::ApiGatewayWebsocketProxyRequest;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::support::{
    answering, assert_request_time, echo, failing, limits, ok, panicking, recording, soon, start, stuck, who,
};

fn shape_of_id(id: &Value) -> (usize, bool) {
    let id = id.as_str().expect("an id");
    let is_base64url = id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_=".contains(&byte));
    (id.len(), is_base64url && id.ends_with('='))
}

#[tokio::test]
async fn the_connect_event_describes_the_handshake() {
    let (function, mut calls) = answering(json!({"statusCode": 200}));
    let running = start(Gateway::builder().ws_route("$connect", function)).await;
    let client = running
        .connect_with("/ws?a=1&a=2&b=%20", |request| {
            request.with_header("User-Agent", "tester/1").with_header("Origin", "http://app.example")
        })
        .await;
    client.expect("the handshake succeeds");
    let event = calls.next().await;
    assert_eq!(event["queryStringParameters"], json!({"a": "2", "b": " "}));
    assert_eq!(event["multiValueQueryStringParameters"], json!({"a": ["1", "2"], "b": [" "]}));
    assert_eq!(event["isBase64Encoded"], false);
    assert_eq!(event.get("body"), None);
    let context = &event["requestContext"];
    assert_eq!(context["routeKey"], "$connect");
    assert_eq!(context["eventType"], "CONNECT");
    assert_eq!(context["messageDirection"], "IN");
    assert_eq!(context["stage"], "local");
    assert_eq!(context["identity"], json!({"userAgent": "tester/1", "sourceIp": "127.0.0.1"}));
    assert_eq!(context["domainName"], "127.0.0.1");
    assert_request_time(&context["requestTime"]);
    assert!(context["connectedAt"].as_i64().is_some_and(|millis| millis > 1_700_000_000_000));
    assert_eq!(context["connectedAt"], context["requestTimeEpoch"]);
    for name in ["requestId", "extendedRequestId", "apiId"] {
        assert!(context[name].as_str().is_some_and(|text| !text.is_empty()), "{name}");
    }
    for name in ["authorizer", "messageId", "disconnectStatusCode", "disconnectReason"] {
        assert_eq!(context.get(name), None, "{name}");
    }
}

#[tokio::test]
async fn the_connect_event_is_what_the_lambda_crates_read() {
    let (function, mut calls) = answering(json!({"statusCode": 200}));
    let running = start(Gateway::builder().ws_route("$connect", function)).await;
    let _client = running.connect_to("/ws?ticket=t").await.expect("the handshake succeeds");
    let event: ApiGatewayWebsocketProxyRequest = serde_json::from_value(calls.next().await).expect("the crate's type");
    assert_eq!(event.request_context.route_key.as_deref(), Some("$connect"));
    assert_eq!(event.query_string_parameters.first("ticket"), Some("t"));
}

#[tokio::test]
async fn a_connection_id_has_16_characters_of_base64url_that_end_in_an_equals_sign() {
    let (function, mut calls) = answering(json!({"statusCode": 200}));
    let running = start(Gateway::builder().ws_route("$connect", function)).await;
    let _client = running.connect().await;
    let event = calls.next().await;
    assert_eq!(shape_of_id(&event["requestContext"]["connectionId"]), (16, true));
}

#[tokio::test]
async fn headers_keep_the_clients_case_and_lack_upgrade_and_connection() {
    let (function, mut calls) = answering(json!({"statusCode": 200}));
    let running = start(Gateway::builder().ws_route("$connect", function)).await;
    let request = "GET /ws HTTP/1.1\r\nhOST: api.example\r\nUPGRADE: websocket\r\nConnection: keep-alive, Upgrade\r\n\
                   SEC-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nsec-websocket-VERSION: 13\r\nX-mY: 1\r\nx-my: 2\r\n\
                   X-Forwarded-For: 203.0.113.9\r\n\r\n";
    let mut stream = tokio::net::TcpStream::connect(running.address).await.expect("the gateway listens");
    stream.write_all(request.as_bytes()).await.expect("the gateway reads");
    let event = calls.next().await;
    let headers = &event["headers"];
    assert_eq!(headers["hOST"], "api.example");
    assert_eq!(headers["SEC-WebSocket-Key"], "dGhlIHNhbXBsZSBub25jZQ==");
    assert_eq!(headers["sec-websocket-VERSION"], "13");
    assert_eq!(headers["X-mY"], "2");
    assert_eq!(event["multiValueHeaders"]["X-mY"], json!(["1", "2"]));
    assert_eq!(headers["X-Forwarded-For"], "203.0.113.9, 127.0.0.1");
    assert_eq!(event["requestContext"]["identity"]["sourceIp"], "127.0.0.1");
    let names: Vec<String> =
        headers.as_object().expect("an object").keys().map(|name| name.to_ascii_lowercase()).collect();
    assert!(!names.contains(&"upgrade".to_owned()) && !names.contains(&"connection".to_owned()), "{names:?}");
}

#[tokio::test]
async fn query_parameters_are_absent_when_there_are_none() {
    let (function, mut calls) = answering(json!({"statusCode": 200}));
    let running = start(Gateway::builder().ws_route("$connect", function)).await;
    let _client = running.connect().await;
    let event = calls.next().await;
    assert_eq!(event.get("queryStringParameters"), None);
    assert_eq!(event.get("multiValueQueryStringParameters"), None);
}

#[tokio::test]
async fn any_2xx_of_connect_switches_protocols() {
    for status in [200, 204, 299] {
        let (function, _calls) = answering(json!({"statusCode": status}));
        let running = start(Gateway::builder().ws_route("$connect", function)).await;
        let client = running.connect_to("/ws").await;
        assert!(client.is_ok(), "{status}");
    }
}

#[tokio::test]
async fn without_a_connect_route_everyone_is_let_in() {
    let running = start(Gateway::builder().ws_route_with_response("$default", echo())).await;
    let mut client = running.connect().await;
    client.send("hello").await;
    assert_eq!(client.text().await, "hello");
}

#[tokio::test]
async fn another_status_of_connect_refuses_with_that_status() {
    for status in [400, 401, 403, 404, 500] {
        let (function, _calls) = answering(json!({"statusCode": status}));
        let running = start(Gateway::builder().ws_route("$connect", function)).await;
        assert_eq!(running.refused("/ws").await.0, status);
        assert!(running.gateway.connection_ids().is_empty());
    }
}

#[tokio::test]
async fn a_connect_function_that_fails_or_answers_nonsense_is_502() {
    for function in [
        failing("boom"),
        panicking(),
        answering(json!({})).0,
        answering(json!("ok")).0,
        answering(json!({"statusCode": 101})).0,
    ] {
        let running = start(Gateway::builder().ws_route("$connect", function)).await;
        let (status, body) = running.refused("/ws").await;
        assert_eq!(status, 502);
        assert_eq!(body["message"], "Internal server error");
    }
}

#[tokio::test]
async fn a_connect_function_that_takes_too_long_is_504_undocumented() {
    let running = start(
        Gateway::builder()
            .limits(limits(|limits| limits.websocket_integration = Duration::from_millis(20)))
            .ws_route("$connect", stuck()),
    )
    .await;
    assert_eq!(running.refused("/ws").await.0, 504);
}

#[tokio::test]
async fn a_subprotocol_is_chosen_only_by_connect() {
    let chosen = json!({"statusCode": 200, "headers": {"sec-websocket-protocol": "b"}});
    for (answer, echoed) in [(json!({"statusCode": 200}), None), (chosen, Some("b"))] {
        let running = start(Gateway::builder().ws_route("$connect", answering(answer).0)).await;
        let request = "GET /ws HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
                       Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\
                       Sec-WebSocket-Protocol: a, b\r\n\r\n";
        let mut stream = tokio::net::TcpStream::connect(running.address).await.expect("the gateway listens");
        stream.write_all(request.as_bytes()).await.expect("the gateway reads");
        let head = read_head(&mut stream).await;
        assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
        assert!(head.contains("sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo="), "{head}");
        assert_eq!(head.contains("sec-websocket-protocol: "), echoed.is_some(), "{head}");
        if let Some(protocol) = echoed {
            assert!(head.contains(&format!("sec-websocket-protocol: {protocol}\r\n")), "{head}");
        }
    }
}

async fn read_head(stream: &mut tokio::net::TcpStream) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let byte = soon(stream.read_u8()).await.expect("a whole head");
        head.push(byte);
    }
    String::from_utf8(head).expect("an ASCII head")
}

#[tokio::test]
async fn a_url_over_4096_characters_is_refused() {
    let running = start(Gateway::builder()).await;
    let target = |length: usize| format!("/ws?a={}", "x".repeat(length - "/ws?a=".len()));
    assert!(running.connect_to(&target(4096)).await.is_ok());
    assert_eq!(running.refused(&target(4097)).await.0, 414);
}

#[tokio::test]
async fn headers_over_10240_bytes_refuse_the_handshake() {
    let running = start(Gateway::builder()).await;
    let refused = running.connect_with("/ws", |request| request.with_header("X-Filler", "x".repeat(10_240))).await;
    let Err(tokio_tungstenite::tungstenite::Error::Http(response)) = refused else {
        panic!("{refused:?}");
    };
    assert_eq!(response.status(), 431);
}

#[tokio::test]
async fn connections_over_the_rate_are_refused_with_429() {
    let running = start(Gateway::builder().limits(limits(|limits| limits.connects_per_second = 2))).await;
    let mut refused = 0;
    let mut clients = Vec::new();
    for _ in 0..20 {
        match running.connect_to("/ws").await {
            Ok(client) => clients.push(client),
            Err(tokio_tungstenite::tungstenite::Error::Http(response)) => {
                assert_eq!(response.status(), 429);
                refused += 1;
            }
            Err(other) => panic!("{other}"),
        }
    }
    assert!(clients.len() >= 2 && refused > 0, "{} opened, {refused} refused", clients.len());
}

#[tokio::test]
async fn a_plain_request_to_the_websocket_path_is_426_undocumented() {
    let running = start(Gateway::builder().http_route("$default", ok())).await;
    assert_eq!(running.get("/ws").await.status, 426);
}

#[tokio::test]
async fn a_refusal_names_the_connection_and_the_request_undocumented() {
    let (function, _calls) = answering(json!({"statusCode": 403}));
    let running = start(Gateway::builder().ws_route("$connect", function)).await;
    let (_, body) = running.refused("/ws").await;
    assert_eq!(body["message"], "Forbidden");
    assert_eq!(shape_of_id(&body["connectionId"]), (16, true));
    assert_eq!(shape_of_id(&body["requestId"]), (16, true));
}

#[tokio::test]
async fn path_and_stage_are_configurable() {
    let (function, mut calls) = answering(json!({"statusCode": 200}));
    let running = start(Gateway::builder().ws_path("/socket").ws_stage("prod").ws_route("$connect", function)).await;
    let _client = running.connect_to("/socket").await.expect("the handshake succeeds");
    assert_eq!(calls.next().await["requestContext"]["stage"], "prod");
}

#[tokio::test]
async fn more_paths_can_lead_there_and_no_event_says_which() {
    let (function, mut calls) = answering(json!({"statusCode": 200}));
    let running = start(Gateway::builder().ws_also_at("/hubs/chat").ws_route("$connect", function)).await;
    for path in ["/ws", "/hubs/chat"] {
        let _client = running.connect_to(path).await.expect("the handshake succeeds");
        assert!(!calls.next().await.to_string().contains("/hubs/chat"));
    }
}

#[tokio::test]
async fn a_push_while_connect_still_runs_is_410() {
    let running = std::sync::Arc::new(tokio::sync::OnceCell::<crate::support::Running>::new());
    let (seen, mut statuses) = tokio::sync::mpsc::unbounded_channel();
    let connect = apigateway::function({
        let running = running.clone();
        move |event| {
            let (running, seen) = (running.clone(), seen.clone());
            async move {
                let event: Value = serde_json::from_slice(&event).expect("events are JSON");
                let id = event["requestContext"]["connectionId"].as_str().expect("an id").to_owned();
                let running = running.get().expect("it runs");
                let _ = seen.send(running.push(&id, "early").await);
                Ok(r#"{"statusCode":200}"#.into())
            }
        }
    });
    let started =
        start(Gateway::builder().ws_route("$connect", connect).ws_route_with_response("$default", who())).await;
    let running = running.get_or_init(|| async { started }).await;
    let mut client = running.connect().await;
    assert_eq!(statuses.recv().await, Some(410));
    client.send("who").await;
    let id = client.text().await;
    assert_eq!(running.push(&id, "late").await, 200);
    assert_eq!(client.text().await, "late");
}

#[tokio::test]
async fn handshakes_do_not_wait_for_each_other() {
    let (function, mut calls) = recording(|_| Ok(json!({"statusCode": 200})));
    let running = start(
        Gateway::builder()
            .ws_route("$connect", function)
            .http_route("GET /slow", stuck())
            .ws_route_with_response("$default", echo()),
    )
    .await;
    let clients = futures_util::future::join_all((0..50).map(|_| running.connect())).await;
    assert_eq!(running.gateway.connection_ids().len(), clients.len());
    for _ in 0..clients.len() {
        calls.next().await;
    }
}

#[tokio::test]
async fn a_handshake_can_follow_another_request_on_the_same_connection() {
    let (function, mut calls) = answering(json!({"statusCode": 200}));
    let running = start(Gateway::builder().http_route("GET /", ok()).ws_route("$connect", function)).await;
    let mut stream = tokio::net::TcpStream::connect(running.address).await.expect("the gateway listens");
    stream.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").await.expect("the gateway reads");
    assert!(read_head(&mut stream).await.starts_with("HTTP/1.1 200 "));
    let request = "GET /ws HTTP/1.1\r\nhost: a\r\nupgrade: websocket\r\nconnection: Upgrade\r\n\
                   sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\nsec-websocket-version: 13\r\n\r\n";
    stream.write_all(request.as_bytes()).await.expect("the gateway reads");
    assert!(read_head(&mut stream).await.starts_with("HTTP/1.1 101 "));
    assert_eq!(calls.next().await["headers"]["Host"], "a");
}

#[tokio::test]
async fn a_message_sent_right_behind_the_handshake_is_not_lost() {
    let (function, mut calls) = answering(json!({"statusCode": 200}));
    let running = start(Gateway::builder().ws_route("$default", function)).await;
    let mut stream = tokio::net::TcpStream::connect(running.address).await.expect("the gateway listens");
    let mut bytes = b"GET /ws HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
        Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
        .to_vec();
    // A masked text frame of "hi"; the mask is zero.
    bytes.extend_from_slice(&[0x81, 0x82, 0, 0, 0, 0, b'h', b'i']);
    stream.write_all(&bytes).await.expect("the gateway reads");
    assert_eq!(calls.next().await["body"], "hi");
}
