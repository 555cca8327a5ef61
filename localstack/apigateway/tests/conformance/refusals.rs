//! What the gateway refuses in a way of its own, and how every answer names its request.

use std::time::Duration;

use apigateway::{Builder, Gateway};
use bytes::Bytes;
use http::{HeaderName, Response};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::support::{Answer, Running, answering, exchange, limits, ok, soon, start};

/// A gateway whose refusals tell their status and the request's id, and whose bodies may have 100 bytes and 50 ms.
fn house() -> Builder {
    let limits = limits(|limits| {
        (limits.body, limits.unread_body) = (100, 10_000);
        limits.body_time = Duration::from_millis(50);
    });
    Gateway::builder()
        .limits(limits)
        .request_id_header(HeaderName::from_static("x-request-id"))
        .refusals(|refused, id| {
            let body = json!({ "refused": refused.status().as_u16(), "id": id }).to_string();
            Response::new(Bytes::from(body))
        })
        .http_route("POST /a", ok())
}

/// Checks that an answer is a refusal in the house's own form.
fn assert_refused(answer: &Answer, status: u16) {
    assert_eq!(answer.status, status, "{answer:?}");
    let body: Value = serde_json::from_slice(&answer.body).expect("the house's own form");
    assert_eq!(body["refused"], status);
    assert_eq!(answer.header("x-request-id"), body["id"].as_str());
}

#[tokio::test]
async fn what_is_not_http_is_refused_in_the_houses_own_form() {
    let running = start(house()).await;
    for nonsense in ["GET\r\n\r\n", "GET / HTTP/9.9\r\nHost: a\r\n\r\n", "GET / HTTP/1.1\r\nNo colon\r\n\r\n"] {
        assert_refused(&running.send(nonsense).await, 400);
    }
    // Past what is read of a head at all.
    let long = "x".repeat(400_000);
    let answer = running.send(format!("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nX: {long}\r\n\r\n")).await;
    assert_refused(&answer, 431);
}

#[tokio::test]
async fn a_request_names_one_host() {
    let running = start(house()).await;
    for hosts in
        ["", "Host: a\r\nHost: a\r\n", "Host: a\r\nHost: b\r\n", "Host:\r\n", "Host: user@a\r\n", "Host: a/b\r\n"]
    {
        for target in ["/a", "/ws"] {
            let answer = running.send(format!("GET {target} HTTP/1.1\r\n{hosts}Connection: close\r\n\r\n")).await;
            assert_refused(&answer, 400);
        }
    }
    let old = running.send("POST /a HTTP/1.0\r\nContent-Length: 0\r\n\r\n").await;
    assert_eq!(old.status, 200, "HTTP/1.0 knows no Host");
}

#[tokio::test]
async fn a_head_over_the_quota_is_refused_in_the_houses_own_form() {
    let running = start(house()).await;
    let filler = "x".repeat(11_000);
    for target in ["/a", "/ws"] {
        let request = format!(
            "GET {target} HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, close\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nX-Filler: {filler}\r\n\r\n"
        );
        assert_refused(&running.send(request).await, 431);
    }
}

#[tokio::test]
async fn a_body_over_the_limit_reaches_no_function() {
    let (function, mut calls) = answering(json!({"statusCode": 200}));
    let running = start(house().http_route("POST /b", function)).await;
    assert_refused(&running.post("/b", "text/plain", &[b'x'; 101]).await, 413);
    let announced = "POST /b HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 10001\r\n\r\n";
    assert_refused(&running.send(announced).await, 413);
    let asking =
        "POST /b HTTP/1.1\r\nHost: a\r\nConnection: close\r\nExpect: 100-continue\r\nContent-Length: 101\r\n\r\n";
    assert_refused(&running.send(asking).await, 413);
    let chunk = format!("65\r\n{}\r\n", "x".repeat(101));
    let chunked = "POST /b HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n";
    assert_refused(&running.send(format!("{chunked}{chunk}0\r\n\r\n")).await, 413);
    assert!(calls.is_empty());
    assert_eq!(running.post("/b", "text/plain", &[b'x'; 100]).await.status, 200);
}

#[tokio::test]
async fn a_body_that_does_not_come_is_not_waited_for() {
    let running = start(house()).await;
    let slow = "POST /a HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 50\r\n\r\nbegun";
    assert_refused(&running.send(slow).await, 408);
}

#[tokio::test]
async fn a_body_that_is_not_as_announced_is_malformed() {
    let running = start(house()).await;
    let bad = "POST /a HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n";
    assert_refused(&running.send(bad).await, 400);
}

/// A handshake with some lines of its head replaced.
async fn handshake(running: &Running, change: impl FnOnce(String) -> String) -> Answer {
    let request = "GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
                   Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nOrigin: http://a\r\n\r\n";
    let mut stream = TcpStream::connect(running.address).await.expect("the gateway listens");
    stream.write_all(change(request.to_owned()).as_bytes()).await.expect("the gateway reads");
    let mut bytes = vec![0; 4096];
    let length = soon(stream.read(&mut bytes)).await.expect("an answer");
    Answer::parse(&bytes[..length])
}

#[tokio::test]
async fn a_handshake_is_as_the_protocol_has_it_or_refused() {
    let running = start(house()).await;
    assert_eq!(handshake(&running, |good| good).await.status, 101);
    for (line, instead) in [
        ("HTTP/1.1", "HTTP/1.0"),
        ("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n", "Sec-WebSocket-Key: AAAA\r\n"),
        ("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n", "Sec-WebSocket-Key: not base64!\r\n"),
        ("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n", ""),
        ("Origin: http://a\r\n", "Origin: http://evil\r\nOrigin: http://a\r\n"),
        ("Host: a\r\n", "Host: a\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"),
    ] {
        assert_refused(&handshake(&running, |good| good.replace(line, instead)).await, 400);
    }
    for (line, instead) in [("Version: 13", "Version: 8"), ("Upgrade: websocket\r\n", ""), ("GET", "HEAD")] {
        let answer = handshake(&running, |good| good.replace(line, instead)).await;
        assert_eq!((answer.status, answer.header("sec-websocket-version")), (426, Some("13")), "{line}");
    }
}

#[tokio::test]
async fn another_method_than_get_on_the_websockets_path_is_405_and_says_so() {
    let running = start(house()).await;
    let answer = running.post("/ws", "text/plain", b"").await;
    assert_refused(&answer, 405);
    assert_eq!(answer.header("allow"), Some("GET"));
}

#[tokio::test]
async fn every_answer_names_its_request() {
    let (named, _calls) = answering(json!({"statusCode": 200, "headers": {"x-request-id": "the function's"}}));
    let cors = apigateway::Cors { allow_origins: vec!["*".to_owned()], ..apigateway::Cors::default() };
    let builder = house().cors(cors).http_route("POST /named", named).assets(|request| async move {
        (request.uri().path() == "/page").then(|| Ok(Response::new(Bytes::from_static(b"page"))))
    });
    let running = start(builder).await;
    assert_eq!(running.post("/named", "text/plain", b"").await.header("x-request-id"), Some("the function's"));
    let preflight = "OPTIONS /a HTTP/1.1\r\nHost: a\r\nConnection: close\r\nOrigin: http://b\r\n\
                     Access-Control-Request-Method: POST\r\n\r\n";
    for answer in [running.get("/page").await, running.get("/nothing").await, running.send(preflight).await] {
        assert_eq!(answer.header("x-request-id"), answer.header("apigw-requestid"), "{answer:?}");
        assert!(answer.header("x-request-id").is_some());
    }
    let plain = exchange(running.address, b"GET /ws HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").await;
    assert_eq!(plain.header("x-request-id"), plain.header("x-amzn-requestid"));
}
