//! What an operation costs, counted at the SDK's door: every request to DynamoDB, every push, every delayed message.

mod support;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::Request;
use http_body_util::Full;
use local::{Fate, Intercept, Options, SdkCall};
use serde_json::{Value, json};
use support::{Pair, Target, caption, offer, until};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

/// The key that a server without data has.
const DEVKEY: &str = "Basic ZGV2a2V5OnR1bnJ0Yy1kZXZlbG9wbWVudC1zZWNyZXQtMDEyMzQ1Njc4OQ==";

/// Counts calls of the SDK by what they are.
#[derive(Clone, Default)]
struct Bill(Arc<Mutex<BTreeMap<String, usize>>>);

impl Bill {
    fn intercept(&self) -> Intercept {
        let bill = self.clone();
        Arc::new(move |call: &SdkCall<'_>| {
            let name = match call.target.rsplit_once('.') {
                Some((_, operation)) => operation.to_owned(),
                None => format!("{} @connections", call.method),
            };
            *bill.0.lock().expect("a bill").entry(name).or_default() += 1;
            Fate::Pass
        })
    }

    /// How many of that there were since the last time.
    fn count(&self, name: &str) -> usize {
        self.0.lock().expect("a bill").get(name).copied().unwrap_or_default()
    }

    /// What was counted since the last time.
    fn take(&self) -> BTreeMap<String, usize> {
        std::mem::take(&mut self.0.lock().expect("a bill"))
    }
}

fn expected<const N: usize>(counts: [(&str, usize); N]) -> BTreeMap<String, usize> {
    counts.into_iter().map(|(name, count)| (name.to_owned(), count)).collect()
}

async fn counted() -> (Target, Bill) {
    let bill = Bill::default();
    // What is noted and told of it afterwards is no part of it.
    let options = Options { intercept: Some(bill.intercept()), tells: false, ..Options::default() };
    (Target::with(options).await, bill)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signal_to_a_connected_peer_is_one_write_one_read_and_one_push() {
    let (target, bill) = counted().await;
    let Pair { bob, at_alice, mut at_bob, .. } = target.pair().await;
    // The first frame of a connection also reads whether it has joined; see docs/adr/0005.
    at_alice.ack("sendOffer", offer(&bob.id, "v=0")).await;
    bill.take();
    for _ in 0..5 {
        at_alice.ack("sendOffer", offer(&bob.id, "v=0")).await;
    }
    assert_eq!(bill.take(), expected([("GetItem", 5), ("POST @connections", 5), ("PutItem", 5)]));
    at_bob.event("receiveOffer").await;
    target.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chat_message_is_one_write_one_read_and_a_push_each() {
    let (target, bill) = counted().await;
    let owner = target.person("owner").await;
    let session = target.api.create_session(&owner, 5).await;
    let at_owner = target.enter(&owner, &session).await;
    let mut guests = Vec::new();
    for _ in 0..4 {
        guests.push(target.enter(&target.person("guest").await, &session).await);
    }
    at_owner.ack("sendMessage", json!({ "message": "first" })).await;
    bill.take();
    at_owner.ack("sendMessage", json!({ "message": "second" })).await;
    assert_eq!(bill.take(), expected([("POST @connections", 5), ("PutItem", 1), ("Query", 1)]));
    target.stop().await;
}

/// What goes on being said is read and pushed; only the sentence that is over is written, with its name.
#[tokio::test(flavor = "multi_thread")]
async fn a_caption_is_one_read_and_a_push_each_and_two_writes_when_it_is_final() {
    let (target, bill) = counted().await;
    let Pair { at_alice, at_bob: _hears, .. } = target.pair().await;
    at_alice.ack("sendCaption", caption("hel", false)).await;
    bill.take();
    at_alice.ack("sendCaption", caption("hello", false)).await;
    assert_eq!(bill.take(), expected([("POST @connections", 2), ("Query", 1)]));
    at_alice.ack("sendCaption", caption("hello there", true)).await;
    assert_eq!(bill.take(), expected([("POST @connections", 2), ("PutItem", 2), ("Query", 1)]));
    target.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn joining_is_one_transaction() {
    let (target, bill) = counted().await;
    let person = target.person("person").await;
    let session = target.api.create_session(&person, 5).await;
    bill.take();
    target.seat(&person, &session).await;
    let cost = bill.take();
    assert_eq!(cost.get("TransactWriteItems"), Some(&1), "{cost:?}");
    let what = "login before and after the seat, counter, transaction, delayed check, roster";
    assert_eq!(cost.values().sum::<usize>(), 6, "{what}: {cost:?}");
    target.stop().await;
}

/// Beside the seat's own, what others have to be told is noted with the change. Once they were told, a join's note is cleared
/// by one write; whoever left is taken out of the roster by two.
#[tokio::test(flavor = "multi_thread")]
async fn telling_the_others_costs_a_write_after_a_first_join_and_two_after_a_departure() {
    let (target, bill) = counted().await;
    let (alice, bob) = (target.person("alice").await, target.person("bob").await);
    let session = target.api.create_session(&alice, 3).await;
    let _at_alice = target.enter(&alice, &session).await;
    let at_bob = target.connect(&bob, &session).await;
    bill.take();
    at_bob.ack("joinSession", json!({ "sessionId": session })).await;
    let taking_over_and_told = ("UpdateItem", 2);
    let login_and_log = ("GetItem", 2);
    let joined = expected([login_and_log, ("POST @connections", 1), ("Query", 1), taking_over_and_told]);
    assert_eq!(bill.take(), joined);
    at_bob.ack("leaveSession", json!({})).await;
    let left = bill.take();
    let writes = ["TransactWriteItems", "UpdateItem", "DeleteItem"].map(|name| left.get(name).copied());
    assert_eq!(writes, [Some(1); 3], "{left:?}");
    target.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_idle_connection_costs_one_write_a_ping() {
    let (target, bill) = counted().await;
    let Pair { at_alice, at_bob: _stays, .. } = target.pair().await;
    bill.take();
    at_alice.ack("ping", json!({})).await;
    assert_eq!(bill.take(), expected([("UpdateItem", 1)]));
    target.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn data_to_a_peer_and_a_call_cost_what_a_signal_costs() {
    let (target, bill) = counted().await;
    let Pair { bob, at_alice, at_bob: _stays, .. } = target.pair().await;
    let data = json!({ "topic": "t", "payload": "x", "to": [bob.id] });
    let call = json!({ "targetUserId": bob.id, "rpcId": "r", "method": "m", "payload": "" });
    at_alice.ack("sendData", data.clone()).await;
    bill.take();
    for (action, data) in [("sendData", data), ("sendRpc", call)] {
        at_alice.ack(action, data).await;
        assert_eq!(bill.take(), expected([("GetItem", 1), ("POST @connections", 1), ("PutItem", 1)]), "{action}");
    }
    target.stop().await;
}

/// What the table's stream tells of one write, as Lambda has it.
fn record(number: u64, before: Option<Value>, after: Value) -> Value {
    let mut images = json!({ "SequenceNumber": number.to_string(), "NewImage": after });
    if let Some(before) = before {
        images["OldImage"] = before;
    }
    json!({ "Records": [{ "dynamodb": images }] })
}

/// The item of somebody's seat in a session.
fn seat(session: &str, user: &str, membership: &str) -> Value {
    let texts = json!({
        "pk": format!("SESSION#{session}"), "sk": format!("PARTICIPANT#{user}"), "username": "somebody",
        "membership": membership, "presence": "connected",
    });
    let mut item = json!({});
    for (name, text) in texts.as_object().expect("an object") {
        item[name] = json!({ "S": text });
    }
    for name in ["joinedAt", "connectedAt", "stay", "happened"] {
        item[name] = json!({ "N": "1795348800000" });
    }
    item
}

/// A receiver that takes everything; where it is.
async fn receiver() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let url = format!("http://localhost:{}/", listener.local_addr().expect("an address").port());
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            // The request fits into one read, and whoever is gone does not want the answer.
            let _read = stream.read(&mut [0; 8192]).await;
            let _sent = stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").await;
        }
    });
    url
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_is_one_write_and_two_reads_at_most_and_an_endpoint_adds_a_message_a_write_and_a_read() {
    let (target, bill) = counted().await;
    let (alice, bob) = (target.person("alice").await, target.person("bob").await);
    let session = target.api.create_session(&alice, 2).await;
    let fanout = target.server().function("webhook_fanout").expect("the function");
    let tell = async |record: Value| {
        bill.take();
        let taken = fanout(record.to_string().into()).await.expect("an answer");
        assert_eq!(serde_json::from_slice::<Value>(&taken).expect("JSON"), json!({ "batchItemFailures": [] }));
    };
    let joined = |number, user: &str| record(number, None, seat(&session, user, "seated"));
    let left = |number, user: &str| record(number, Some(seat(&session, user, "seated")), seat(&session, user, "left"));

    tell(joined(1, &alice.id)).await;
    let first = expected([("PutItem", 2), ("Query", 1), ("UpdateItem", 1)]);
    assert_eq!(bill.take(), first, "the first join starts the session: two events");
    tell(joined(2, &bob.id)).await;
    assert_eq!(bill.take(), expected([("PutItem", 1), ("Query", 1), ("UpdateItem", 1)]));
    tell(left(3, &bob.id)).await;
    let over = expected([("GetItem", 1), ("PutItem", 2), ("Query", 1)]);
    assert_eq!(bill.take(), over, "the event, and the stay in the ledger of usage");

    let body = json!({ "url": receiver().await }).to_string();
    let request = Request::post("/").header("authorization", DEVKEY).body(Full::new(Bytes::from(body)));
    assert_eq!(target.api.send("/api/webhooks", request.expect("a request")).await.status, 201);
    tell(left(4, &alice.id)).await;
    until("the note of the try", async || Some(()).filter(|()| bill.count("PutItem") == 3)).await;
    let told = [("GetItem", 1 + 1), ("PutItem", 2 + 1), ("Query", 1), ("SendMessage", 1)];
    assert_eq!(bill.take(), expected(told));
    target.stop().await;
}
