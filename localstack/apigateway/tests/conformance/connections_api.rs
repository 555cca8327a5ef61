//! `@connections`, in the process, over HTTP, and with the AWS SDK.

use apigateway::Gateway;
use aws_sdk_apigatewaymanagement::{
    Client as Sdk,
    config::{BehaviorVersion, Credentials, Region, retry::RetryConfig},
    error::SdkError,
    operation::post_to_connection::PostToConnectionError,
    primitives::Blob,
};
use serde_json::{Value, json};

use crate::support::{ACCESS_KEY, Client, Running, answering, exchange, limits, ok, soon, start, who};

/// A well-formed id that no connection has.
const NOBODY: &str = "AAAAAAAAAAAAAAA=";

async fn started() -> (Running, Client, String) {
    let running = start(Gateway::builder().ws_route_with_response("$default", who())).await;
    let (client, id) = named(&running).await;
    (running, client, id)
}

async fn named(running: &Running) -> (Client, String) {
    let mut client = running.connect().await;
    client.send("who").await;
    let id = client.text().await;
    (client, id)
}

fn sdk(running: &Running, access_key: &str) -> Sdk {
    let config = aws_sdk_apigatewaymanagement::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .credentials_provider(Credentials::new(access_key, "secret", None, None, "test"))
        .retry_config(RetryConfig::disabled())
        .endpoint_url(format!("http://{}/local", running.control))
        .build();
    Sdk::from_conf(config)
}

async fn post(sdk: &Sdk, id: &str, data: &str) -> Result<(), PostToConnectionError> {
    let posted = sdk.post_to_connection().connection_id(id).data(Blob::new(data)).send();
    soon(posted).await.map(drop).map_err(SdkError::into_service_error)
}

#[tokio::test]
async fn post_is_200_and_the_client_gets_the_text() {
    let (running, mut client, id) = started().await;
    let response = running.connections("POST", &id, "hello").await;
    assert_eq!(response.status(), 200);
    assert!(response.headers().contains_key("x-amzn-requestid"));
    assert_eq!(client.text().await, "hello");
}

#[tokio::test]
async fn pushes_arrive_in_the_order_of_their_answers() {
    let (running, mut client, id) = started().await;
    for index in 0..500 {
        assert_eq!(running.push(&id, &index.to_string()).await, 200);
    }
    for index in 0..500 {
        assert_eq!(client.text().await, index.to_string());
    }
}

/// What is ready to be sent to one client shares a packet, which is most of what a message costs.
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn pushes_of_tasks_that_are_ready_together_leave_together() {
    let (running, client, id) = started().await;
    let gateway = running.gateway.clone();
    let pushes = tokio::spawn(async move {
        for _ in 0..8 {
            let (gateway, id) = (gateway.clone(), id.clone());
            tokio::spawn(async move { gateway.post_to_connection(&id, "hello").await });
        }
    });
    pushes.await.expect("spawned");
    assert_eq!(client.bytes_at_once().await, 8 * (2 + "hello".len()));
}

#[tokio::test]
async fn a_push_over_32_kilobytes_is_split_into_frames_and_one_over_128_is_413() {
    let (running, mut client, id) = started().await;
    let largest = "x".repeat(128 * 1024);
    assert_eq!(running.push(&id, &largest).await, 200);
    assert_eq!(client.text().await, largest);
    let response = running.connections("POST", &id, &"x".repeat(128 * 1024 + 1)).await;
    assert_eq!(response.status(), 413);
    assert_eq!(response.headers()["x-amzn-errortype"], "PayloadTooLargeException");
}

#[tokio::test]
async fn the_frames_of_a_push_have_at_most_32_kilobytes() {
    use tokio::io::AsyncReadExt;
    let (running, client, id) = started().await;
    let mut stream = client.tcp();
    assert_eq!(running.push(&id, &"x".repeat(70_000)).await, 200);
    let mut sizes = Vec::new();
    loop {
        let first = soon(stream.read_u8()).await.expect("a frame");
        let size = match soon(stream.read_u8()).await.expect("a length") {
            126 => usize::from(soon(stream.read_u16()).await.expect("a length")),
            127 => usize::try_from(soon(stream.read_u64()).await.expect("a length")).expect("a small frame"),
            short => usize::from(short),
        };
        let mut payload = vec![0; size];
        soon(stream.read_exact(&mut payload)).await.expect("a payload");
        sizes.push((first, size));
        if first & 0x80 != 0 {
            break;
        }
    }
    assert_eq!(sizes, [(0x01, 32_768), (0x00, 32_768), (0x80, 70_000 - 65_536)]);
}

#[tokio::test]
async fn an_unknown_connection_is_410() {
    let (running, ..) = started().await;
    for method in ["POST", "GET", "DELETE"] {
        let response = running.connections(method, NOBODY, "x").await;
        assert_eq!(response.status(), 410, "{method}");
        assert_eq!(response.headers()["x-amzn-errortype"], "GoneException");
    }
}

#[tokio::test]
async fn a_connection_is_gone_once_the_client_closed_it() {
    let (disconnect, mut disconnected) = answering(json!({"statusCode": 200}));
    let running =
        start(Gateway::builder().ws_route("$disconnect", disconnect).ws_route_with_response("$default", who())).await;
    let (mut client, id) = named(&running).await;
    client.close(None).await;
    disconnected.next().await;
    assert_eq!(running.push(&id, "x").await, 410);
}

#[tokio::test]
async fn a_connection_is_gone_as_soon_as_delete_returned() {
    let (running, _client, id) = started().await;
    assert_eq!(running.connections("DELETE", &id, "").await.status(), 204);
    for method in ["POST", "GET", "DELETE"] {
        assert_eq!(running.connections(method, &id, "x").await.status(), 410, "{method}");
    }
}

#[tokio::test]
async fn a_malformed_id_is_400() {
    let (running, ..) = started().await;
    for id in ["short", "%2e%2e", "AAAAAAAAAAAAAAAA", ""] {
        let path = format!("/local/@connections/{id}");
        let response = running.control_as(ACCESS_KEY, "POST", &path, "x").await;
        assert_eq!(response.status(), 400, "{id}");
        assert_eq!(response.headers()["x-amzn-errortype"], "BadRequestException");
    }
}

#[tokio::test]
async fn the_id_may_be_url_encoded_or_not() {
    let (running, mut client, id) = started().await;
    for path in [format!("/local/@connections/{id}"), format!("/local/%40connections/{}", id.replace('=', "%3D"))] {
        assert_eq!(running.control_as(ACCESS_KEY, "POST", &path, "x").await.status(), 200, "{path}");
        assert_eq!(client.text().await, "x");
    }
}

#[tokio::test]
async fn get_tells_times_and_identity() {
    let (running, mut client, id) = started().await;
    let describe = async || {
        let response = running.connections("GET", &id, "").await;
        assert_eq!(response.status(), 200);
        serde_json::from_slice::<Value>(response.body()).expect("a JSON body")
    };
    let before = describe().await;
    assert_eq!(before["identity"]["sourceIp"], "127.0.0.1");
    let connected = before["connectedAt"].as_str().expect("a time");
    let active = before["lastActiveAt"].as_str().expect("a time");
    assert!(connected.ends_with('Z') && connected.len() == "2023-11-29T08:04:01.123Z".len(), "{connected}");
    assert!(active >= connected);
    tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    client.send("who").await;
    client.text().await;
    let after = describe().await;
    assert_eq!(after["connectedAt"], before["connectedAt"]);
    assert!(after["lastActiveAt"].as_str() > Some(active), "{after} {before}");
}

#[tokio::test]
async fn another_stage_path_or_method_is_403() {
    let (running, _client, id) = started().await;
    for (method, path) in [
        ("POST", format!("/prod/@connections/{id}")),
        ("POST", format!("/@connections/{id}")),
        ("POST", "/local/other".to_owned()),
        ("PUT", format!("/local/@connections/{id}")),
    ] {
        let response = running.control_as(ACCESS_KEY, method, &path, "x").await;
        assert_eq!(response.status(), 403, "{method} {path}");
        assert_eq!(response.headers()["x-amzn-errortype"], "ForbiddenException");
    }
}

#[tokio::test]
async fn a_request_with_another_key_or_no_signature_is_403() {
    let (running, _client, id) = started().await;
    let path = format!("/local/@connections/{id}");
    assert_eq!(running.control_as("AKIAOTHER", "POST", &path, "x").await.status(), 403);
    assert_eq!(running.control_as("", "POST", &path, "x").await.status(), 403);
    let unsigned = http::Request::post(path).body(bytes::Bytes::new()).expect("a request");
    assert_eq!(running.gateway.control(unsigned).await.status(), 403);
}

#[tokio::test]
async fn without_a_configured_key_nobody_is_let_in() {
    let gateway = Gateway::builder().build().expect("a valid configuration");
    for key in ["", "AKIA"] {
        let request = http::Request::post(format!("/local/@connections/{NOBODY}"))
            .header("authorization", format!("AWS4-HMAC-SHA256 Credential={key}/x"))
            .body(bytes::Bytes::new())
            .expect("a request");
        assert_eq!(gateway.control(request).await.status(), 403);
    }
}

#[tokio::test]
async fn data_that_is_not_text_is_400_undocumented() {
    let (running, _client, id) = started().await;
    let request = http::Request::post(format!("/local/@connections/{id}"))
        .header("authorization", format!("AWS4-HMAC-SHA256 Credential={ACCESS_KEY}/x"))
        .body(bytes::Bytes::from_static(&[0xff]))
        .expect("a request");
    assert_eq!(running.gateway.control(request).await.status(), 400);
}

#[tokio::test]
async fn the_control_plane_is_not_on_the_public_listener() {
    let running = start(
        Gateway::builder().ws_route_with_response("$default", who()).queue("jobs", ok()).http_route("GET /", ok()),
    )
    .await;
    let (mut client, id) = named(&running).await;
    let request = |target: &str, extra: &str| {
        format!(
            "POST {target} HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 1\r\n{extra}\
             Authorization: AWS4-HMAC-SHA256 Credential={ACCESS_KEY}/20260101/us-east-1/x/aws4_request\r\n\r\nx"
        )
    };
    let connections = request(&format!("/local/@connections/{id}"), "");
    assert_eq!(running.send(&connections).await.status, 404);
    assert_eq!(running.send(request("/", "X-Amz-Target: AmazonSQS.SendMessage\r\n")).await.status, 404);
    assert_eq!(exchange(running.control, connections.as_bytes()).await.status, 200);
    assert_eq!(client.text().await, "x");
}

#[tokio::test]
async fn a_full_buffer_of_a_client_that_does_not_read_is_429_and_others_are_not_held_up() {
    let running = start(
        Gateway::builder().limits(limits(|limits| limits.outbox = 64 * 1024)).ws_route_with_response("$default", who()),
    )
    .await;
    let (slow, slow_id) = named(&running).await;
    let (mut fast, fast_id) = named(&running).await;
    let large = "x".repeat(32 * 1024);
    let mut accepted = 0;
    let refused = loop {
        match running.connections("POST", &slow_id, &large).await {
            response if response.status() == 200 => accepted += 1,
            response => break response,
        }
        // Lets the gateway write, so that the sockets' own buffers fill up, too.
        tokio::task::yield_now().await;
        assert!(accepted < 10_000, "the sockets' own buffers end somewhere");
    };
    assert_eq!(refused.status(), 429);
    assert_eq!(refused.headers()["x-amzn-errortype"], "LimitExceededException");
    assert_eq!(running.push(&fast_id, "at once").await, 200);
    assert_eq!(fast.text().await, "at once");
    let mut slow = slow;
    for _ in 0..accepted {
        assert_eq!(slow.text().await.len(), large.len());
    }
    assert_eq!(running.push(&slow_id, "room again").await, 200);
    assert_eq!(slow.text().await, "room again");
}

#[tokio::test]
async fn the_aws_sdk_posts_describes_and_deletes() {
    let (running, mut client, id) = started().await;
    let sdk = sdk(&running, ACCESS_KEY);
    post(&sdk, &id, "from the SDK").await.expect("posted");
    assert_eq!(client.text().await, "from the SDK");
    let described = soon(sdk.get_connection().connection_id(&id).send()).await.expect("described");
    assert_eq!(described.identity().and_then(|identity| identity.source_ip()), Some("127.0.0.1"));
    assert!(described.connected_at().is_some_and(|at| at.secs() > 1_700_000_000));
    assert!(described.last_active_at().is_some());
    soon(sdk.delete_connection().connection_id(&id).send()).await.expect("deleted");
    assert_eq!(client.close_code().await, 1000);
}

#[tokio::test]
async fn the_aws_sdk_recognises_the_exceptions() {
    let (running, _client, id) = started().await;
    let signed = sdk(&running, ACCESS_KEY);
    let gone = post(&signed, NOBODY, "x").await.expect_err("gone");
    assert!(gone.is_gone_exception(), "{gone:?}");
    let too_large = post(&signed, &id, &"x".repeat(128 * 1024 + 1)).await.expect_err("too large");
    assert!(too_large.is_payload_too_large_exception(), "{too_large:?}");
    let forbidden = post(&sdk(&running, "AKIAOTHER"), &id, "x").await.expect_err("forbidden");
    assert!(forbidden.is_forbidden_exception(), "{forbidden:?}");
    let malformed = post(&signed, "malformed", "x").await.expect_err("malformed");
    let code = aws_sdk_apigatewaymanagement::error::ProvideErrorMetadata::code(&malformed);
    assert_eq!(code, Some("BadRequestException"));
    let get = soon(signed.get_connection().connection_id(NOBODY).send()).await.expect_err("gone");
    assert!(get.into_service_error().is_gone_exception());
    let delete = soon(signed.delete_connection().connection_id(NOBODY).send()).await.expect_err("gone");
    assert!(delete.into_service_error().is_gone_exception());
}

#[tokio::test]
async fn the_aws_sdk_recognises_a_full_buffer() {
    let running = start(
        Gateway::builder().limits(limits(|limits| limits.outbox = 64 * 1024)).ws_route_with_response("$default", who()),
    )
    .await;
    let (_client, id) = named(&running).await;
    let large = "x".repeat(64 * 1024);
    let sdk = sdk(&running, ACCESS_KEY);
    let full = loop {
        if let Err(full) = post(&sdk, &id, &large).await {
            break full;
        }
    };
    assert!(full.is_limit_exceeded_exception(), "{full:?}");
}

#[tokio::test]
async fn what_is_called_in_the_process_is_answered_as_over_http() {
    let (running, mut client, id) = started().await;
    let too_large = "x".repeat(128 * 1024 + 1);
    for (to, text) in [(id.as_str(), "hello"), (NOBODY, "hello"), ("malformed", "hello"), (&id, &too_large)] {
        let over_http = running.connections("POST", to, text).await;
        let called = running.gateway.post_to_connection(to, text).await;
        let [status, kind] = told(called);
        assert_eq!(status, over_http.status().as_str(), "{to}");
        assert_eq!(kind, error_type(&over_http), "{to}");
    }
    assert_eq!([client.text().await, client.text().await], ["hello", "hello"]);
    for to in [NOBODY, "malformed"] {
        let over_http = running.connections("DELETE", to, "").await;
        let called = running.gateway.delete_connection(to);
        assert_eq!(told(called), [over_http.status().as_str().to_owned(), error_type(&over_http)], "{to}");
    }
    running.gateway.delete_connection(&id).expect("closed");
    assert_eq!(client.close_code().await, 1000);
    assert_eq!(told(running.gateway.post_to_connection(&id, "late").await)[0], "410");
}

/// The status and the name of what came of a call.
fn told(called: Result<(), apigateway::Exception>) -> [String; 2] {
    match called {
        Ok(()) => ["200".to_owned(), String::new()],
        Err(refused) => [refused.status.as_str().to_owned(), refused.kind.to_owned()],
    }
}

fn error_type(response: &http::Response<bytes::Bytes>) -> String {
    let kind = response.headers().get("x-amzn-errortype");
    kind.map(|kind| kind.to_str().expect("ASCII").to_owned()).unwrap_or_default()
}
