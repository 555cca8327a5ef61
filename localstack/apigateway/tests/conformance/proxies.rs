//! Whose word about a client is believed.

use apigateway::Gateway;
use serde_json::{Value, json};

use crate::support::{answering, start};

const CLAIMS: &str = "GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 1.2.3.4, 192.0.2.7\r\nX-Forwarded-Proto: https\r\n\
                      Connection: close\r\n\r\n";

async fn seen(builder: apigateway::Builder) -> Value {
    let (function, mut calls) = answering(json!({"statusCode": 200}));
    let running = start(builder.http_route("GET /", function)).await;
    running.send(CLAIMS).await;
    calls.next().await
}

#[tokio::test]
async fn what_a_client_claims_of_itself_is_not_believed() {
    let event = seen(Gateway::builder()).await;
    assert_eq!(event["requestContext"]["http"]["sourceIp"], "127.0.0.1");
    assert_eq!(event["headers"]["x-forwarded-proto"], "http");
}

#[tokio::test]
async fn what_a_trusted_proxy_says_is_believed() {
    let trusted = "127.0.0.0/8".parse().expect("a network");
    let event = seen(Gateway::builder().trusted_proxies([trusted])).await;
    assert_eq!(event["requestContext"]["http"]["sourceIp"], "192.0.2.7");
    assert_eq!(event["headers"]["x-forwarded-for"], "1.2.3.4, 192.0.2.7, 127.0.0.1");
    assert_eq!(event["headers"]["x-forwarded-proto"], "https");
}

#[tokio::test]
async fn a_websockets_events_name_the_client_behind_the_proxy() {
    let (function, mut calls) = answering(json!({"statusCode": 200}));
    let trusted = "127.0.0.1/32".parse().expect("a network");
    let running = start(Gateway::builder().trusted_proxies([trusted]).ws_route("$connect", function)).await;
    let proxied = running.connect_with("/ws", |request| request.with_header("Forwarded", "for=192.0.2.7")).await;
    proxied.expect("the handshake succeeds");
    assert_eq!(calls.next().await["requestContext"]["identity"]["sourceIp"], "192.0.2.7");
}
