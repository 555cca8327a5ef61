//! Many clients at once, and clients that send anything at all.

use std::{collections::HashMap, sync::Arc, time::Duration};

use apigateway::Gateway;
use proptest::{collection::vec, prelude::*, test_runner::TestRunner};
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    runtime::Runtime,
    sync::Mutex,
};

use crate::support::{Client, Running, answering, echo, limits, ok, soon, start, who};

/// How one client of many ends its connection.
async fn end(running: &Running, mut client: Client, id: &str, way: usize) {
    match way {
        0 => client.close(None).await,
        1 => drop(client.tcp()),
        2 => drop(running.connections("DELETE", id, "").await),
        3 => assert!(running.gateway.sever(id)),
        // Both sides at the same time.
        _ => {
            let hang_up = async { drop(client.tcp()) };
            tokio::join!(running.connections("DELETE", id, ""), hang_up);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn every_connection_gets_exactly_one_disconnect_however_it_ends() {
    let (disconnect, mut disconnected) = answering(json!({"statusCode": 200}));
    let builder = Gateway::builder().ws_route("$disconnect", disconnect).ws_route_with_response("$default", who());
    let running = Arc::new(start(builder).await);
    let client = async |running: Arc<Running>, way: usize| {
        let mut client = running.connect().await;
        client.send("who").await;
        let id = client.text().await;
        let pushes = async {
            while running.push(&id, "x").await == 200 {
                tokio::task::yield_now().await;
            }
        };
        tokio::join!(pushes, end(&running, client, &id, way));
        id
    };
    let clients: Vec<_> = (0..200).map(|index| tokio::spawn(client(Arc::clone(&running), index % 5))).collect();
    let mut ids: HashMap<String, usize> = HashMap::new();
    for ended in clients {
        ids.insert(soon(ended).await.expect("the client ends"), 0);
    }
    let running = Arc::into_inner(running).expect("every client has ended");
    soon(running.shut_down()).await.expect("the gateway stops");
    while let Some(event) = disconnected.try_next() {
        let id = event["requestContext"]["connectionId"].as_str().expect("an id");
        *ids.get_mut(id).expect("a connection of this test") += 1;
    }
    assert_eq!(ids.len(), 200);
    assert!(ids.values().all(|count| *count == 1), "{ids:?}");
}

/// Runs a property against a gateway that stays the same.
fn check<S: Strategy>(runtime: &Runtime, strategy: S, property: impl AsyncFn(S::Value) -> Result<(), TestCaseError>) {
    let config = ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(64) };
    let property = |value| runtime.block_on(property(value));
    TestRunner::new(config).run(&strategy, property).expect("the property holds");
}

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime")
}

#[test]
fn any_text_reaches_its_function_and_comes_back_unchanged() {
    let runtime = runtime();
    let (_running, client) = runtime.block_on(async {
        let running = start(Gateway::builder().ws_route_with_response("$default", echo())).await;
        let client = running.connect().await;
        (running, Mutex::new(client))
    });
    check(&runtime, any::<String>(), async |text| {
        let mut client = client.lock().await;
        client.send(&text).await;
        prop_assert_eq!(client.text().await, text);
        Ok(())
    });
}

#[test]
fn any_bytes_on_a_websocket_harm_nobody_and_end_with_one_disconnect() {
    let runtime = runtime();
    let (disconnect, disconnected) = answering(json!({"statusCode": 200}));
    let builder = Gateway::builder()
        .limits(limits(|limits| limits.close = Duration::from_millis(10)))
        .ws_route("$disconnect", disconnect)
        .ws_route_with_response("$default", echo());
    let running = runtime.block_on(start(builder));
    let other = runtime.block_on(running.connect());
    let state = Mutex::new((disconnected, other));
    check(&runtime, vec(any::<u8>(), 0..300), async |bytes| {
        let (disconnected, other) = &mut *state.lock().await;
        let mut stream = running.connect().await.tcp();
        stream.write_all(&bytes).await.expect("the gateway reads");
        drop(stream);
        disconnected.next().await;
        other.send("fine").await;
        prop_assert_eq!(other.text().await, "fine");
        prop_assert!(disconnected.is_empty());
        Ok(())
    });
}

#[test]
fn any_bytes_of_a_request_are_never_a_failure_of_the_gateway() {
    let runtime = runtime();
    let routes = Gateway::builder().http_route("GET /{a}", ok()).http_route("$default", ok());
    let running = runtime.block_on(start(routes));
    let bytes = || vec(any::<u8>(), 0..60);
    check(&runtime, (bytes(), bytes(), bytes()), async |(target, header, body)| {
        let mut stream = TcpStream::connect(running.address).await.expect("the gateway listens");
        let head = "HTTP/1.1\r\nHost: a\r\nContent-Type: text/plain\r\nContent-Length: 60\r\nConnection: close\r\nX: ";
        let request = [b"POST /", &target[..], b" ", head.as_bytes(), &header, b"\r\n\r\n", &body].concat();
        // The gateway may hang up on what is no HTTP before all of it is sent.
        let _ = stream.write_all(&request).await;
        let _ = stream.shutdown().await;
        let mut answer = Vec::new();
        let _ = soon(stream.read_to_end(&mut answer)).await;
        prop_assert!(!answer.starts_with(b"HTTP/1.1 5"), "{}", String::from_utf8_lossy(&answer));
        Ok(())
    });
    assert_eq!(runtime.block_on(running.get("/fine")).status, 200);
}
