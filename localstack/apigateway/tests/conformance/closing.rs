//! How WebSockets end, and what `$disconnect` hears of it.

use std::time::Duration;

use apigateway::{Builder, Gateway};
use aws_lambda_events::apigw::ApiGatewayWebsocketProxyRequest;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio_tungstenite::tungstenite::{
    Message,
    protocol::{CloseFrame, frame::coding::CloseCode},
};

use crate::support::{Calls, Client, Running, answering, echo, failing, limits, panicking, soon, start, who};

async fn started(builder: Builder) -> (Running, Client, String, Calls) {
    let (disconnect, disconnected) = answering(json!({"statusCode": 200}));
    let running = start(builder.ws_route("$disconnect", disconnect).ws_route_with_response("who", who())).await;
    let (client, id) = named(&running).await;
    (running, client, id, disconnected)
}

async fn named(running: &Running) -> (Client, String) {
    let mut client = running.connect().await;
    client.send(r#"{"action":"who"}"#).await;
    let id = client.text().await;
    (client, id)
}

fn reported(event: &Value) -> (u64, &str) {
    let context = &event["requestContext"];
    let code = context["disconnectStatusCode"].as_u64().expect("a status code");
    (code, context["disconnectReason"].as_str().expect("a reason"))
}

#[tokio::test]
async fn the_disconnect_event_tells_code_and_reason() {
    let (_running, mut client, id, mut disconnected) = started(Gateway::builder()).await;
    client.close(Some(CloseFrame { code: CloseCode::Library(4001), reason: "bye".into() })).await;
    let event = disconnected.next().await;
    assert_eq!(reported(&event), (4001, "bye"));
    assert_eq!(event["isBase64Encoded"], false);
    assert_eq!(event.get("body"), None);
    let context = &event["requestContext"];
    assert_eq!(context["routeKey"], "$disconnect");
    assert_eq!(context["eventType"], "DISCONNECT");
    assert_eq!(context["messageDirection"], "IN");
    assert_eq!(context["connectionId"], id);
    assert_eq!(context["identity"]["sourceIp"], "127.0.0.1");
    assert_eq!(context.get("messageId"), None);
    let _: ApiGatewayWebsocketProxyRequest = serde_json::from_value(event).expect("the Lambda crates read it");
}

#[tokio::test]
async fn a_close_frame_without_a_status_is_1005() {
    let (_running, mut client, _, mut disconnected) = started(Gateway::builder()).await;
    client.close(None).await;
    assert_eq!(reported(&disconnected.next().await), (1005, "Client-side close frame status not set"));
}

#[tokio::test]
async fn a_client_that_goes_away_is_1001() {
    let (_running, mut client, _, mut disconnected) = started(Gateway::builder()).await;
    client.close(Some(CloseFrame { code: CloseCode::Away, reason: "".into() })).await;
    assert_eq!(reported(&disconnected.next().await), (1001, ""));
}

#[tokio::test]
async fn the_authorizers_context_is_in_the_disconnect_event_undocumented() {
    let allow = json!({
        "principalId": "someone",
        "policyDocument": {"Statement": [{"Action": "*", "Effect": "Allow", "Resource": "*"}]},
        "context": {"userId": "u1"},
    });
    let (disconnect, mut disconnected) = answering(json!({"statusCode": 200}));
    let running = start(
        Gateway::builder()
            .authorizer("route.request.querystring.t", answering(allow).0)
            .ws_route("$disconnect", disconnect),
    )
    .await;
    let mut client = running.connect_to("/ws?t=1").await.expect("the handshake succeeds");
    client.close(None).await;
    assert_eq!(disconnected.next().await["requestContext"]["authorizer"]["userId"], "u1");
}

#[tokio::test]
async fn a_connection_lost_without_a_close_frame_is_1006_undocumented() {
    let (_running, client, _, mut disconnected) = started(Gateway::builder()).await;
    drop(client.tcp());
    assert_eq!(reported(&disconnected.next().await).0, 1006);
}

#[tokio::test]
async fn a_connection_reset_in_the_middle_of_a_frame_is_1006_undocumented() {
    let (_running, client, _, mut disconnected) = started(Gateway::builder()).await;
    let mut stream = client.tcp();
    stream.write_all(&[0x81, 0xfe, 0x10]).await.expect("the gateway reads");
    stream.set_zero_linger().expect("a socket option");
    drop(stream);
    assert_eq!(reported(&disconnected.next().await).0, 1006);
}

#[tokio::test]
async fn a_client_that_vanishes_during_connect_still_gets_its_disconnect() {
    let (go, gone) = tokio::sync::watch::channel(false);
    let (started, mut starts) = tokio::sync::mpsc::unbounded_channel();
    let connect = apigateway::function(move |_| {
        let (mut gone, started) = (gone.clone(), started.clone());
        async move {
            let _ = started.send(());
            drop(gone.wait_for(|gone| *gone).await);
            Ok(r#"{"statusCode":200}"#.into())
        }
    });
    let (disconnect, mut disconnected) = answering(json!({"statusCode": 200}));
    let running = start(Gateway::builder().ws_route("$connect", connect).ws_route("$disconnect", disconnect)).await;
    let mut stream = tokio::net::TcpStream::connect(running.address).await.expect("the gateway listens");
    let request = "GET /ws HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
                   Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";
    stream.write_all(request.as_bytes()).await.expect("the gateway reads");
    soon(starts.recv()).await.expect("$connect runs");
    drop(stream);
    go.send_replace(true);
    assert_eq!(disconnected.next().await["requestContext"]["eventType"], "DISCONNECT");
    assert!(running.gateway.connection_ids().is_empty());
}

#[tokio::test]
async fn a_deleted_connection_is_closed_with_1000() {
    let (running, mut client, id, mut disconnected) = started(Gateway::builder()).await;
    assert_eq!(running.connections("DELETE", &id, "").await.status(), 204);
    let frame = client.closed().await.expect("a code");
    assert_eq!((u16::from(frame.code), frame.reason.as_str()), (1000, "Connection Closed Normally"));
    assert_eq!(reported(&disconnected.next().await), (1000, "Connection Closed Normally"));
}

#[tokio::test]
async fn an_idle_connection_is_closed_with_1001() {
    assert_eq!(apigateway::Limits::default().idle, Duration::from_secs(600));
    let idle = limits(|limits| limits.idle = Duration::from_secs(1));
    let (_running, mut client, _, mut disconnected) = started(Gateway::builder().limits(idle)).await;
    assert_eq!(client.close_code().await, 1001);
    assert_eq!(reported(&disconnected.next().await), (1001, "Going away"));
}

#[tokio::test]
async fn messages_in_either_direction_keep_a_connection_from_being_idle() {
    let idle = limits(|limits| limits.idle = Duration::from_secs(1));
    let builder = Gateway::builder().limits(idle).ws_route_with_response("$default", echo());
    let (running, mut reached, id, mut disconnected) = started(builder).await;
    let (mut speaking, speaking_id) = named(&running).await;
    let (_silent, silent_id) = named(&running).await;
    while disconnected.is_empty() {
        assert_eq!(running.push(&id, "out").await, 200);
        assert_eq!(reached.text().await, "out");
        speaking.send("in").await;
        assert_eq!(speaking.text().await, "in");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let open = running.gateway.connection_ids();
    assert!(open.contains(&id) && open.contains(&speaking_id) && !open.contains(&silent_id));
}

#[tokio::test]
async fn pings_do_not_keep_a_connection_from_being_idle_undocumented() {
    let idle = limits(|limits| limits.idle = Duration::from_secs(1));
    let (_running, mut client, _, _disconnected) = started(Gateway::builder().limits(idle)).await;
    loop {
        client.send_message(Message::Ping("".into())).await;
        match client.next().await {
            Some(Ok(Message::Pong(_))) => tokio::time::sleep(Duration::from_millis(20)).await,
            Some(Ok(Message::Close(frame))) => {
                assert_eq!(frame.map(|frame| u16::from(frame.code)), Some(1001));
                break;
            }
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn a_connection_ends_after_its_lifetime_however_busy() {
    assert_eq!(apigateway::Limits::default().lifetime, Duration::from_secs(2 * 60 * 60));
    let lifetime = limits(|limits| limits.lifetime = Duration::from_secs(1));
    let (running, mut client, id, mut disconnected) = started(Gateway::builder().limits(lifetime)).await;
    while running.push(&id, "busy").await == 200 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(client.close_code().await, 1001);
    assert_eq!(reported(&disconnected.next().await), (1001, "Going away"));
}

#[tokio::test]
async fn disconnect_comes_once_however_a_connection_ends() {
    let (running, mut client, id, mut disconnected) = started(Gateway::builder()).await;
    running.connections("DELETE", &id, "").await;
    running.connections("DELETE", &id, "").await;
    client.close(None).await;
    disconnected.next().await;
    soon(running.shut_down()).await.expect("the gateway stops");
    assert!(disconnected.is_empty());
}

#[tokio::test]
async fn a_failing_disconnect_function_harms_nobody() {
    for bad in [failing("boom"), panicking()] {
        let running =
            start(Gateway::builder().ws_route("$disconnect", bad).ws_route_with_response("$default", echo())).await;
        running.connect().await.close(None).await;
        let mut other = running.connect().await;
        other.send("fine").await;
        assert_eq!(other.text().await, "fine");
    }
}

#[tokio::test]
async fn a_client_that_ignores_the_closing_handshake_is_dropped() {
    use tokio::io::AsyncReadExt;
    let close = limits(|limits| limits.close = Duration::from_millis(50));
    let (running, client, id, mut disconnected) = started(Gateway::builder().limits(close)).await;
    let mut stream = client.tcp();
    running.connections("DELETE", &id, "").await;
    disconnected.next().await;
    let mut bytes = Vec::new();
    soon(stream.read_to_end(&mut bytes)).await.expect("the gateway hangs up");
    assert_eq!(bytes[0], 0x88, "a close frame came first");
}

#[tokio::test]
async fn what_was_pushed_before_a_delete_still_arrives() {
    let (running, mut client, id, _disconnected) = started(Gateway::builder()).await;
    for index in 0..100 {
        assert_eq!(running.push(&id, &index.to_string()).await, 200);
    }
    running.connections("DELETE", &id, "").await;
    for index in 0..100 {
        assert_eq!(client.text().await, index.to_string());
    }
    assert_eq!(client.close_code().await, 1000);
}
