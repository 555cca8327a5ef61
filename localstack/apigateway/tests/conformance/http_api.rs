//! The HTTP API, payload format 2.0.

use apigateway::{Gateway, Refused, function};
use aws_lambda_events::apigw::ApiGatewayV2httpRequest;
use bytes::Bytes;
use serde_json::json;
use std::time::Duration;

use crate::support::{answering, assert_request_time, failing, limits, ok, panicking, recording, soon, start, stuck};

#[tokio::test]
async fn the_event_has_the_fields_of_payload_format_2() {
    let (function, mut calls) = answering(json!({"statusCode": 200}));
    let running = start(Gateway::builder().http_route("POST /pets/{id}/{proxy+}", function)).await;
    running
        .send(
            "POST /pets/a%20b/c/d?q=1&q=2&r=%C3%A9+x HTTP/1.1\r\nHost: api.example:80\r\nConnection: close\r\n\
             User-Agent: tester/1\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}",
        )
        .await;
    let event = calls.next().await;
    assert_eq!(event["version"], "2.0");
    assert_eq!(event["routeKey"], "POST /pets/{id}/{proxy+}");
    assert_eq!(event["rawPath"], "/pets/a%20b/c/d");
    assert_eq!(event["rawQueryString"], "q=1&q=2&r=%C3%A9+x");
    assert_eq!(event["queryStringParameters"], json!({"q": "1,2", "r": "é x"}));
    assert_eq!(event["pathParameters"], json!({"id": "a b", "proxy": "c/d"}));
    assert_eq!(event["body"], "{}");
    assert_eq!(event["isBase64Encoded"], false);
    let context = &event["requestContext"];
    assert_eq!(context["http"]["method"], "POST");
    assert_eq!(context["http"]["path"], "/pets/a%20b/c/d");
    assert_eq!(context["http"]["protocol"], "HTTP/1.1");
    assert_eq!(context["http"]["sourceIp"], "127.0.0.1");
    assert_eq!(context["http"]["userAgent"], "tester/1");
    assert_eq!(context["routeKey"], event["routeKey"]);
    assert_eq!(context["stage"], "$default");
    assert_eq!(context["domainName"], "api.example");
    assert_eq!(context["domainPrefix"], "api");
    for name in ["accountId", "apiId", "requestId"] {
        assert!(context[name].as_str().is_some_and(|text| !text.is_empty()), "{name}");
    }
    assert_request_time(&context["time"]);
    assert!(context["timeEpoch"].as_i64().is_some_and(|millis| millis > 1_700_000_000_000));
}

#[tokio::test]
async fn the_event_is_what_the_lambda_crates_read() {
    let (function, mut calls) = answering(json!({"statusCode": 200}));
    let running = start(Gateway::builder().http_route("GET /pets/{id}", function)).await;
    running.get("/pets/1?a=b").await;
    let event: ApiGatewayV2httpRequest = serde_json::from_value(calls.next().await).expect("the crate's type");
    assert_eq!(event.raw_path.as_deref(), Some("/pets/1"));
    assert_eq!(event.request_context.http.source_ip.as_deref(), Some("127.0.0.1"));
}

#[tokio::test]
async fn what_is_empty_is_absent_from_the_event() {
    let (function, mut calls) = answering(json!({"statusCode": 200}));
    let running = start(Gateway::builder().http_route("GET /", function)).await;
    running.get("/").await;
    let event = calls.next().await;
    for name in ["queryStringParameters", "pathParameters", "cookies", "body"] {
        assert_eq!(event.get(name), None, "{name}");
    }
    assert_eq!(event["rawQueryString"], "");
    assert_eq!(event["isBase64Encoded"], false);
}

#[tokio::test]
async fn header_names_are_lower_case_and_duplicates_are_joined_by_commas() {
    let (function, mut calls) = answering(json!({"statusCode": 200}));
    let running = start(Gateway::builder().http_route("GET /", function)).await;
    running.send("GET / HTTP/1.1\r\nHOST: a\r\nX-Twice: 1\r\nx-tWICE: 2\r\nConnection: close\r\n\r\n").await;
    let event = calls.next().await;
    assert_eq!(event["headers"]["x-twice"], "1,2");
    assert_eq!(event["headers"]["host"], "a");
    assert_eq!(event["headers"].get("connection"), None);
}

#[tokio::test]
async fn cookies_have_a_field_of_their_own() {
    let (function, mut calls) = answering(json!({"statusCode": 200}));
    let running = start(Gateway::builder().http_route("GET /", function)).await;
    running.send("GET / HTTP/1.1\r\nHost: a\r\nCookie: a=1; b=2\r\nCookie: c=3\r\nConnection: close\r\n\r\n").await;
    let event = calls.next().await;
    assert_eq!(event["cookies"], json!(["a=1", "b=2", "c=3"]));
    assert_eq!(event["headers"].get("cookie"), None);
}

#[tokio::test]
async fn the_source_address_is_never_what_a_client_claims_in_x_forwarded_for() {
    let (function, mut calls) = answering(json!({"statusCode": 200}));
    let running = start(Gateway::builder().http_route("GET /", function)).await;
    running.send("GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 203.0.113.9\r\nConnection: close\r\n\r\n").await;
    let event = calls.next().await;
    assert_eq!(event["requestContext"]["http"]["sourceIp"], "127.0.0.1");
    assert_eq!(event["headers"]["x-forwarded-for"], "203.0.113.9, 127.0.0.1");
    assert_eq!(event["headers"]["x-forwarded-proto"], "http");
    assert_eq!(event["headers"]["x-forwarded-port"], running.address.port().to_string());
    assert!(event["headers"]["x-amzn-trace-id"].as_str().is_some_and(|id| id.starts_with("Root=1-")));
}

#[tokio::test]
async fn a_body_is_plain_text_only_for_text_json_xml_and_javascript() {
    let (function, mut calls) = answering(json!({"statusCode": 200}));
    let running = start(Gateway::builder().http_route("POST /", function)).await;
    for content_type in [
        "text/plain",
        "text/html; charset=utf-8",
        "application/json",
        "Application/JSON;charset=utf-8",
        "application/xml",
        "application/javascript",
    ] {
        running.post("/", content_type, "é".as_bytes()).await;
        let event = calls.next().await;
        assert_eq!((&event["body"], &event["isBase64Encoded"]), (&json!("é"), &json!(false)), "{content_type}");
    }
    for content_type in
        ["application/octet-stream", "image/png", "application/problem+json", "application/x-www-form-urlencoded"]
    {
        running.post("/", content_type, b"a").await;
        let event = calls.next().await;
        assert_eq!((&event["body"], &event["isBase64Encoded"]), (&json!("YQ=="), &json!(true)), "{content_type}");
    }
}

#[tokio::test]
async fn a_body_without_a_content_type_is_base64() {
    let (function, mut calls) = answering(json!({"statusCode": 200}));
    let running = start(Gateway::builder().http_route("POST /", function)).await;
    running.send("POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}").await;
    let event = calls.next().await;
    assert_eq!(event["body"], "e30=");
    assert_eq!(event["isBase64Encoded"], true);
}

#[tokio::test]
async fn a_text_body_that_is_not_utf_8_is_base64_undocumented() {
    let (function, mut calls) = answering(json!({"statusCode": 200}));
    let running = start(Gateway::builder().http_route("POST /", function)).await;
    running.post("/", "application/json", &[0xff]).await;
    let event = calls.next().await;
    assert_eq!(event["body"], "/w==");
    assert_eq!(event["isBase64Encoded"], true);
}

#[tokio::test]
async fn a_chunked_body_arrives_whole() {
    let (function, mut calls) = answering(json!({"statusCode": 200}));
    let running = start(Gateway::builder().http_route("POST /", function)).await;
    running
        .send(
            "POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Type: text/plain\r\n\
             Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n",
        )
        .await;
    let event = calls.next().await;
    assert_eq!(event["body"], "abc");
    assert_eq!(event["headers"].get("transfer-encoding"), None);
}

#[tokio::test]
async fn an_answer_has_the_functions_status_headers_cookies_and_body() {
    let (function, _calls) = answering(json!({
        "statusCode": 201,
        "headers": {"Content-Type": "application/problem+json", "X-Number": 7, "X-Flag": true},
        "cookies": ["a=1; Secure", "b=2"],
        "body": "{}",
    }));
    let running = start(Gateway::builder().http_route("GET /", function)).await;
    let answer = running.get("/").await;
    assert_eq!(answer.status, 201);
    assert_eq!(answer.header("content-type"), Some("application/problem+json"));
    assert_eq!(answer.header("x-number"), Some("7"));
    assert_eq!(answer.header("x-flag"), Some("true"));
    assert_eq!(answer.headers("set-cookie"), ["a=1; Secure", "b=2"]);
    assert_eq!(answer.text(), "{}");
}

#[tokio::test]
async fn a_status_that_has_no_body_gets_none() {
    for status in [204, 304] {
        let (function, _calls) = answering(json!({"statusCode": status, "body": "x"}));
        let running = start(Gateway::builder().http_route("GET /", function)).await;
        let answer = running.get("/").await;
        assert_eq!((answer.status, answer.body.len()), (status, 0));
    }
}

#[tokio::test]
async fn a_base64_answer_is_decoded() {
    let (function, _calls) = answering(json!({"statusCode": 200, "body": "/wA=", "isBase64Encoded": true}));
    let running = start(Gateway::builder().http_route("GET /", function)).await;
    assert_eq!(running.get("/").await.body, [0xff, 0x00]);
}

#[tokio::test]
async fn an_answer_without_a_status_is_the_body_of_a_200() {
    for (answer, body) in
        [(json!({"message": "hello"}), r#"{"message":"hello"}"#), (json!("hello"), "hello"), (json!([1, 2]), "[1,2]")]
    {
        let (function, _calls) = answering(answer);
        let running = start(Gateway::builder().http_route("GET /", function)).await;
        let answer = running.get("/").await;
        assert_eq!(answer.status, 200);
        assert_eq!(answer.header("content-type"), Some("application/json"));
        assert_eq!(answer.text(), body);
    }
}

#[tokio::test]
async fn a_body_without_a_type_is_plain_text_undocumented() {
    let (function, _calls) = answering(json!({"statusCode": 200, "body": "x"}));
    let running = start(Gateway::builder().http_route("GET /", function)).await;
    assert_eq!(running.get("/").await.header("content-type"), Some("text/plain;charset=UTF-8"));
}

#[tokio::test]
async fn no_route_is_404() {
    let running = start(Gateway::builder().http_route("GET /a", ok())).await;
    for target in ["/", "/b", "/a/b", "/local/@connections/x"] {
        let answer = running.get(target).await;
        assert_eq!((answer.status, answer.text()), (404, r#"{"message":"Not Found"}"#), "{target}");
    }
    assert_eq!(running.post("/a", "text/plain", b"").await.status, 404);
}

#[tokio::test]
async fn the_default_route_gets_what_no_other_matches() {
    let (default, mut calls) = answering(json!({"statusCode": 418}));
    let running = start(Gateway::builder().http_route("GET /a", ok()).http_route("$default", default)).await;
    assert_eq!(running.get("/a").await.status, 200);
    assert_eq!(running.get("/b/c?d").await.status, 418);
    let event = calls.next().await;
    assert_eq!(event["routeKey"], "$default");
    assert_eq!(event["requestContext"]["routeKey"], "$default");
    assert_eq!(event["rawPath"], "/b/c");
    assert!(calls.is_empty());
}

#[tokio::test]
async fn a_named_stage_starts_every_path() {
    let (function, mut calls) = answering(json!({"statusCode": 200}));
    let running = start(Gateway::builder().http_stage("prod").http_route("GET /a", function)).await;
    assert_eq!(running.get("/prod/a").await.status, 200);
    let event = calls.next().await;
    assert_eq!(event["rawPath"], "/prod/a");
    assert_eq!(event["requestContext"]["stage"], "prod");
    assert_eq!(running.get("/a").await.status, 404);
    assert_eq!(running.get("/production/a").await.status, 404);
}

#[tokio::test]
async fn a_function_that_fails_or_answers_nonsense_is_500() {
    let functions = [
        failing("boom"),
        panicking(),
        function(|_| async { Ok(Bytes::from_static(b"not json")) }),
        answering(json!({"statusCode": "two hundred"})).0,
        answering(json!({"statusCode": 42})).0,
        answering(json!({"statusCode": 101})).0,
        answering(json!({"statusCode": 200, "headers": {"a b": "c"}})).0,
        answering(json!({"statusCode": 200, "headers": {"a": {"b": "c"}}})).0,
        answering(json!({"statusCode": 200, "headers": {"a": "b\r\nc: d"}})).0,
        answering(json!({"statusCode": 200, "body": "%", "isBase64Encoded": true})).0,
        answering(json!({"statusCode": 200, "body": {"not": "a string"}})).0,
    ];
    for function in functions {
        let running = start(Gateway::builder().http_route("GET /", function)).await;
        let answer = running.get("/").await;
        assert_eq!((answer.status, answer.text()), (500, r#"{"message":"Internal Server Error"}"#));
    }
}

#[tokio::test]
async fn a_panic_leaves_the_other_routes_alone() {
    let running = start(Gateway::builder().http_route("GET /bad", panicking()).http_route("GET /good", ok())).await;
    for _ in 0..3 {
        assert_eq!(running.get("/bad").await.status, 500);
        assert_eq!(running.get("/good").await.status, 200);
    }
}

#[tokio::test]
async fn a_function_that_takes_too_long_is_503() {
    let running = start(
        Gateway::builder()
            .limits(limits(|limits| limits.http_integration = Duration::from_millis(500)))
            .http_route("GET /", stuck())
            .http_route("GET /good", ok()),
    )
    .await;
    let answer = running.get("/").await;
    assert_eq!((answer.status, answer.text()), (503, r#"{"message":"Service Unavailable"}"#));
    assert_eq!(running.get("/good").await.status, 200);
}

#[tokio::test]
async fn a_stuck_function_is_stopped_some_time_after_its_integration_timed_out() {
    let (stopped, mut dropped) = tokio::sync::mpsc::unbounded_channel();
    struct OnDrop(tokio::sync::mpsc::UnboundedSender<()>);
    impl Drop for OnDrop {
        fn drop(&mut self) {
            let _ = self.0.send(());
        }
    }
    let stuck = function(move |_| {
        let guard = OnDrop(stopped.clone());
        async move {
            let _guard = guard;
            std::future::pending().await
        }
    });
    let running = start(
        Gateway::builder()
            .limits(limits(|limits| {
                limits.http_integration = Duration::from_millis(20);
                limits.overrun = Duration::from_millis(20);
            }))
            .http_route("GET /", stuck),
    )
    .await;
    assert_eq!(running.get("/").await.status, 503);
    soon(dropped.recv()).await.expect("the function was stopped");
}

#[tokio::test]
async fn a_client_that_hangs_up_does_not_stop_the_function() {
    use tokio::io::AsyncWriteExt;
    let (go, gone) = tokio::sync::watch::channel(false);
    let (finished, mut done) = tokio::sync::mpsc::unbounded_channel();
    let slow = function(move |event| {
        let (mut gone, finished) = (gone.clone(), finished.clone());
        async move {
            let _ = finished.send("started");
            drop(gone.wait_for(|gone| *gone).await);
            let _ = finished.send("finished");
            Ok(event)
        }
    });
    let running = start(Gateway::builder().http_route("GET /", slow)).await;
    let mut stream = tokio::net::TcpStream::connect(running.address).await.expect("the gateway listens");
    stream.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").await.expect("the gateway reads");
    assert_eq!(soon(done.recv()).await, Some("started"));
    drop(stream);
    go.send_replace(true);
    assert_eq!(soon(done.recv()).await, Some("finished"));
}

#[tokio::test]
async fn a_body_over_the_limit_is_413() {
    let running =
        start(Gateway::builder().limits(limits(|limits| limits.body = 1000)).http_route("POST /", ok())).await;
    assert_eq!(running.post("/", "text/plain", &[b'a'; 1000]).await.status, 200);
    let answer = running.post("/", "text/plain", &[b'a'; 1001]).await;
    assert_eq!((answer.status, answer.text()), (413, r#"{"message":"Request Entity Too Large"}"#));
    let chunked = format!(
        "POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n3e9\r\n{}\r\n0\r\n\r\n",
        "a".repeat(1001)
    );
    assert_eq!(running.send(chunked).await.status, 413);
}

#[tokio::test]
async fn the_body_limit_is_10_megabytes() {
    let (function, mut calls) = recording(|event| Ok(json!(event["body"].as_str().map(str::len))));
    let running = start(Gateway::builder().http_route("POST /", function)).await;
    let answer = running.post("/", "text/plain", &vec![b'a'; 10_000_000]).await;
    assert_eq!((answer.status, answer.text()), (200, "10000000"));
    calls.next().await;
    let announced = "POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 10000001\r\n\r\n";
    assert_eq!(running.send(announced).await.status, 413);
    assert!(calls.is_empty());
}

#[tokio::test]
async fn a_request_line_and_header_values_over_10240_bytes_are_431() {
    let running = start(Gateway::builder().http_route("GET /", ok())).await;
    let request = |length: usize| {
        let counted = "GET / HTTP/1.1".len() + "a".len() + "close".len();
        let filler = "x".repeat(length - counted);
        format!("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nX-Filler: {filler}\r\n\r\n")
    };
    assert_eq!(running.send(request(10_240)).await.status, 200);
    assert_eq!(running.send(request(10_241)).await.status, 431);
    assert_eq!(running.send(request(200_000)).await.status, 431);
}

#[tokio::test]
async fn every_answer_carries_apigw_requestid_and_it_is_the_events() {
    let (function, mut calls) = answering(json!({"statusCode": 200}));
    let running = start(Gateway::builder().http_route("GET /", function).http_route("GET /bad", failing("boom"))).await;
    let answer = running.get("/").await;
    let event = calls.next().await;
    assert_eq!(answer.header("apigw-requestid"), event["requestContext"]["requestId"].as_str());
    for target in ["/bad", "/none"] {
        assert!(running.get(target).await.header("apigw-requestid").is_some(), "{target}");
    }
}

#[tokio::test]
async fn static_files_come_before_the_default_route_and_after_explicit_ones() {
    let (default, mut calls) = answering(json!({"statusCode": 404}));
    let assets = |request: http::Request<()>| {
        let answer = match (request.uri().path(), request.method().as_str()) {
            ("/none", _) => None,
            (_, "GET" | "HEAD") => Some(Ok(http::Response::new(Bytes::from_static(b"file")))),
            _ => Some(Err(Refused::Method { allowed: "GET, HEAD" })),
        };
        async move { answer }
    };
    let running = start(
        Gateway::builder()
            .http_route("GET /api", answering(json!("api")).0)
            .http_route("$default", default)
            .assets(assets),
    )
    .await;
    assert_eq!(running.get("/api").await.text(), "api");
    assert_eq!(running.get("/index.html").await.text(), "file");
    assert!(calls.is_empty());
    let head = running.send("HEAD /index.html HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").await;
    assert_eq!((head.status, head.header("content-length"), head.body.len()), (200, Some("4"), 0));
    assert_eq!(running.get("/none").await.status, 404);
    assert_eq!(calls.next().await["rawPath"], "/none");
    let posted = running.post("/index.html", "text/plain", b"").await;
    assert_eq!((posted.status, posted.header("allow")), (405, Some("GET, HEAD")));
    assert!(calls.is_empty());
}

#[tokio::test]
async fn requests_run_at_the_same_time() {
    let barrier = std::sync::Arc::new(tokio::sync::Barrier::new(20));
    let together = function(move |event| {
        let barrier = barrier.clone();
        async move {
            barrier.wait().await;
            Ok(event)
        }
    });
    let running = start(Gateway::builder().http_route("GET /", together)).await;
    let answers = futures_util::future::join_all((0..20).map(|_| running.get("/"))).await;
    assert!(answers.iter().all(|answer| answer.status == 200));
}

#[tokio::test]
async fn a_connection_serves_several_requests() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let running = start(Gateway::builder().http_route("GET /{n}", answering(json!("x")).0)).await;
    let mut stream = tokio::net::TcpStream::connect(running.address).await.expect("the gateway listens");
    let requests = "GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    stream.write_all(requests.as_bytes()).await.expect("the gateway reads");
    let mut answers = String::new();
    soon(stream.read_to_string(&mut answers)).await.expect("two answers");
    assert_eq!(answers.matches("HTTP/1.1 200 OK").count(), 2, "{answers}");
}
