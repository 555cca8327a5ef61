//! Throttles of single routes.

use apigateway::{Gateway, Rate};

use crate::support::{echo, ok, start};

/// So little a second that none is earned while a test runs.
const TWO: Rate = Rate { per_second: 0, burst: 2 };

#[tokio::test]
async fn requests_above_a_routes_rate_are_429_and_other_routes_go_on() {
    let builder = Gateway::builder().http_route("GET /a", ok()).http_route("GET /b", ok()).http_throttle("GET /a", TWO);
    let running = start(builder).await;
    for status in [200, 200, 429, 429] {
        assert_eq!(running.get("/a").await.status, status);
    }
    assert_eq!(running.get("/a").await.text(), r#"{"message":"Too Many Requests"}"#);
    assert_eq!(running.get("/b").await.status, 200);
}

#[tokio::test]
async fn messages_above_a_routes_rate_are_answered_by_the_gateway_and_the_socket_stays_open() {
    let builder = Gateway::builder()
        .ws_route_with_response("$default", echo())
        .ws_route_with_response("free", echo())
        .ws_throttle("$default", TWO);
    let running = start(builder).await;
    let mut client = running.connect().await;
    for _ in 0..2 {
        client.send("x").await;
        assert_eq!(client.text().await, "x");
    }
    client.send("x").await;
    assert_eq!(client.json().await["message"], "Too Many Requests");
    client.send(r#"{"action":"free"}"#).await;
    assert_eq!(client.text().await, r#"{"action":"free"}"#);
}

#[tokio::test]
async fn handshakes_above_the_rate_of_connect_are_429() {
    let running = start(Gateway::builder().ws_route("$connect", ok()).ws_throttle("$connect", TWO)).await;
    let _clients = (running.connect().await, running.connect().await);
    assert_eq!(running.refused("/ws").await.0, 429);
}
