//! Listening and stopping.

use std::time::Duration;

use apigateway::{BuildError, Gateway, Limits, function};
use bytes::Bytes;
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::{mpsc, watch},
};

use crate::support::{answering, echo, limits, ok, soon, start, stuck, who};

/// A function that tells when it starts and answers when it is let go.
fn gated() -> (apigateway::Function, mpsc::UnboundedReceiver<()>, watch::Sender<bool>) {
    let (go, gone) = watch::channel(false);
    let (started, starts) = mpsc::unbounded_channel();
    let gated = function(move |_| {
        let (mut gone, started) = (gone.clone(), started.clone());
        async move {
            let _ = started.send(());
            drop(gone.wait_for(|gone| *gone).await);
            Ok(Bytes::from_static(br#"{"statusCode":200,"body":"finished"}"#))
        }
    });
    (gated, starts, go)
}

#[tokio::test]
async fn a_shutdown_closes_sockets_with_1001_and_delivers_every_disconnect() {
    let (disconnect, mut disconnected) = answering(json!({"statusCode": 200}));
    let running =
        start(Gateway::builder().ws_route("$disconnect", disconnect).ws_route_with_response("$default", echo())).await;
    let mut clients = futures_util::future::join_all((0..20).map(|_| running.connect())).await;
    let stopped = running.shut_down();
    for client in &mut clients {
        assert_eq!(client.close_code().await, 1001);
    }
    soon(stopped).await.expect("the gateway stops");
    for _ in 0..clients.len() {
        let event = disconnected.next().await;
        assert_eq!(event["requestContext"]["disconnectStatusCode"], 1001);
        assert_eq!(event["requestContext"]["disconnectReason"], "Going away");
    }
    assert!(disconnected.is_empty());
}

#[tokio::test]
async fn a_shutdown_lets_running_requests_and_messages_finish() {
    let (function, mut starts, go) = gated();
    let running = start(Gateway::builder().http_route("GET /", function.clone()).ws_route("$default", function)).await;
    let mut client = running.connect().await;
    client.send("x").await;
    soon(starts.recv()).await.expect("the message runs");
    let mut stream = TcpStream::connect(running.address).await.expect("the gateway listens");
    stream.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").await.expect("the gateway reads");
    soon(starts.recv()).await.expect("the request runs");
    let stopped = running.shut_down();
    assert_eq!(client.close_code().await, 1001);
    assert!(!stopped.is_finished());
    go.send_replace(true);
    let mut answer = String::new();
    soon(stream.read_to_string(&mut answer)).await.expect("an answer");
    assert!(answer.ends_with("finished"), "{answer}");
    soon(stopped).await.expect("the gateway stops");
}

#[tokio::test]
async fn a_handshake_that_a_shutdown_overtakes_is_refused_and_connect_gets_its_disconnect() {
    let (connect, mut starts, go) = gated();
    let (disconnect, mut disconnected) = answering(json!({"statusCode": 200}));
    let running = start(Gateway::builder().ws_route("$connect", connect).ws_route("$disconnect", disconnect)).await;
    let address = running.address;
    let client = tokio::spawn(tokio_tungstenite::connect_async(format!("ws://{address}/ws")));
    soon(starts.recv()).await.expect("$connect runs");
    let stopped = running.shut_down();
    while TcpStream::connect(address).await.is_ok() {
        tokio::task::yield_now().await;
    }
    go.send_replace(true);
    match soon(client).await.expect("no panic") {
        Err(tokio_tungstenite::tungstenite::Error::Http(response)) => assert_eq!(response.status(), 503),
        other => panic!("{other:?}"),
    }
    soon(stopped).await.expect("the gateway stops");
    assert_eq!(disconnected.next().await["requestContext"]["disconnectStatusCode"], 1001);
    assert!(disconnected.is_empty());
}

#[tokio::test]
async fn a_shutdown_does_not_wait_for_ever() {
    let drain = limits(|limits| limits.drain = Duration::from_millis(50));
    let running = start(Gateway::builder().limits(drain).ws_route("$disconnect", stuck())).await;
    let _client = running.connect().await;
    soon(running.shut_down()).await.expect("the gateway stops");
}

#[tokio::test]
async fn a_shutdown_does_not_wait_for_idle_http_connections() {
    let running = start(Gateway::builder().http_route("GET /", ok())).await;
    let _silent = TcpStream::connect(running.address).await.expect("the gateway listens");
    let mut kept = TcpStream::connect(running.address).await.expect("the gateway listens");
    kept.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").await.expect("the gateway reads");
    kept.read_u8().await.expect("an answer");
    let begun = std::time::Instant::now();
    soon(running.shut_down()).await.expect("the gateway stops");
    assert!(begun.elapsed() < Limits::default().drain, "{:?}", begun.elapsed());
}

#[tokio::test]
async fn nobody_connects_after_a_shutdown() {
    let running = start(Gateway::builder()).await;
    let address = running.address;
    soon(running.shut_down()).await.expect("the gateway stops");
    assert!(TcpStream::connect(address).await.is_err());
}

#[tokio::test]
async fn functions_can_push_while_the_gateway_shuts_down() {
    let running = start(Gateway::builder().ws_route_with_response("$default", who())).await;
    let mut client = running.connect().await;
    client.send("who").await;
    let id = client.text().await;
    let gateway = running.gateway.clone();
    let stopped = running.shut_down();
    assert_eq!(client.close_code().await, 1001);
    soon(stopped).await.expect("the gateway stops");
    let request = http::Request::post(format!("/local/@connections/{id}"))
        .header("authorization", format!("AWS4-HMAC-SHA256 Credential={}/x", crate::support::ACCESS_KEY))
        .body(Bytes::new())
        .expect("a request");
    assert_eq!(gateway.control(request).await.status(), 410);
}

#[tokio::test]
async fn a_mistake_in_the_configuration_is_named() {
    let refused = |builder: apigateway::Builder| builder.build().err().expect("a mistake");
    assert_eq!(refused(Gateway::builder().http_route("/a", ok())), BuildError::HttpRouteKey("/a".to_owned()));
    assert_eq!(
        refused(Gateway::builder().ws_route("a", ok()).ws_route("a", ok())),
        BuildError::RouteTwice("a".to_owned())
    );
    assert_eq!(refused(Gateway::builder().authorizer("ticket", ok())), BuildError::IdentitySource("ticket".to_owned()));
    assert_eq!(refused(Gateway::builder().queue("q", ok()).queue("q", ok())), BuildError::QueueTwice("q".to_owned()));
    for expression in ["action", "$request.body.", "$request.body.a..b", "$request.header.a"] {
        assert_eq!(
            refused(Gateway::builder().route_selection(expression)),
            BuildError::RouteSelection(expression.to_owned())
        );
    }
}

#[tokio::test]
async fn garbage_and_half_requests_harm_nobody() {
    let running = start(Gateway::builder().http_route("GET /", ok())).await;
    for garbage in
        [&b"\x16\x03\x01\x02\x00"[..], b"GET / HTTP/1.1\r\nHost", b"\r\n\r\n\r\n", b"GET /\xff HTTP/1.1\r\n\r\n"]
    {
        let mut stream = TcpStream::connect(running.address).await.expect("the gateway listens");
        stream.write_all(garbage).await.expect("the gateway reads");
        drop(stream);
    }
    assert_eq!(running.get("/").await.status, 200);
}
