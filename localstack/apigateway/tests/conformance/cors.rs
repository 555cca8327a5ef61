//! Cross-origin rules of the HTTP API.

use std::time::Duration;

use apigateway::{Cors, Gateway};
use serde_json::json;

use crate::support::{Answer, Running, answering, start};

fn rules() -> Cors {
    Cors {
        allow_origins: vec!["https://app.example".to_owned(), "http://localhost:*".to_owned()],
        allow_methods: vec!["GET".to_owned(), "POST".to_owned()],
        allow_headers: vec!["authorization".to_owned(), "content-type".to_owned()],
        expose_headers: vec!["x-request-id".to_owned()],
        max_age: Duration::from_secs(600),
        allow_credentials: false,
    }
}

async fn preflight(running: &Running, origin: &str) -> Answer {
    let request = format!(
        "OPTIONS /a HTTP/1.1\r\nHost: a\r\nConnection: close\r\nOrigin: {origin}\r\n\
         Access-Control-Request-Method: POST\r\nAccess-Control-Request-Headers: content-type\r\n\r\n"
    );
    running.send(request).await
}

async fn get(running: &Running, target: &str, origin: &str) -> Answer {
    running.send(format!("GET {target} HTTP/1.1\r\nHost: a\r\nConnection: close\r\nOrigin: {origin}\r\n\r\n")).await
}

#[tokio::test]
async fn the_gateway_answers_preflights_itself() {
    let (default, mut calls) = answering(json!({"statusCode": 200}));
    let running = start(Gateway::builder().cors(rules()).http_route("$default", default)).await;
    for origin in ["https://app.example", "http://localhost:5173"] {
        let answer = preflight(&running, origin).await;
        assert_eq!(answer.status, 204);
        assert_eq!(answer.header("access-control-allow-origin"), Some(origin));
        assert_eq!(answer.header("access-control-allow-methods"), Some("GET,POST"));
        assert_eq!(answer.header("access-control-allow-headers"), Some("authorization,content-type"));
        assert_eq!(answer.header("access-control-max-age"), Some("600"));
        assert_eq!(answer.header("vary"), Some("origin"));
        assert!(answer.header("apigw-requestid").is_some());
    }
    assert!(calls.is_empty());
}

#[tokio::test]
async fn a_foreign_origin_gets_no_cors_headers() {
    let running = start(Gateway::builder().cors(rules())).await;
    for answer in [preflight(&running, "https://evil.example").await, get(&running, "/", "https://evil.example").await]
    {
        for name in ["access-control-allow-origin", "access-control-allow-methods", "access-control-expose-headers"] {
            assert_eq!(answer.header(name), None, "{name}");
        }
    }
}

#[tokio::test]
async fn an_options_request_that_is_no_preflight_is_an_ordinary_one() {
    let (default, mut calls) = answering(json!({"statusCode": 200}));
    let running = start(Gateway::builder().cors(rules()).http_route("$default", default)).await;
    running.send("OPTIONS / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").await;
    assert_eq!(calls.next().await["requestContext"]["http"]["method"], "OPTIONS");
}

#[tokio::test]
async fn answers_to_an_allowed_origin_carry_the_headers_whatever_the_outcome() {
    let running = start(Gateway::builder().cors(rules()).http_route("GET /a", answering(json!({"a": 1})).0)).await;
    for (target, status) in [("/a", 200), ("/none", 404)] {
        let answer = get(&running, target, "https://app.example").await;
        assert_eq!(answer.status, status);
        assert_eq!(answer.header("access-control-allow-origin"), Some("https://app.example"));
        assert_eq!(answer.header("access-control-expose-headers"), Some("x-request-id"));
        assert_eq!(answer.header("access-control-allow-methods"), None);
    }
}

#[tokio::test]
async fn what_a_function_says_about_cors_is_dropped() {
    let answer = json!({"statusCode": 200, "headers": {"Access-Control-Allow-Origin": "*"}});
    let running = start(Gateway::builder().cors(rules()).http_route("GET /", answering(answer.clone()).0)).await;
    let foreign = get(&running, "/", "https://evil.example").await;
    assert_eq!(foreign.header("access-control-allow-origin"), None);
    let without_rules = start(Gateway::builder().http_route("GET /", answering(answer).0)).await;
    let foreign = get(&without_rules, "/", "https://evil.example").await;
    assert_eq!(foreign.header("access-control-allow-origin"), Some("*"));
}

#[tokio::test]
async fn any_origin_is_a_star_and_with_credentials_the_origin_itself() {
    let any = Cors { allow_origins: vec!["*".to_owned()], ..Cors::default() };
    let running = start(Gateway::builder().cors(any.clone())).await;
    let answer = get(&running, "/", "https://any.example").await;
    assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
    let running = start(Gateway::builder().cors(Cors { allow_credentials: true, ..any })).await;
    let answer = get(&running, "/", "https://any.example").await;
    assert_eq!(answer.header("access-control-allow-origin"), Some("https://any.example"));
    assert_eq!(answer.header("access-control-allow-credentials"), Some("true"));
}
