//! Webhooks from end to end: what a receiver gets of a call, and what it does not lose.

#![expect(clippy::unwrap_used, reason = "a helper of a test fails the test where it stands")]

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use local::Options;
use serde_json::{Value, json};
use support::{Target, short_lease, until};
use testclient::Api;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use webhook::Secret;

/// What a receiver answers, given how many requests came before.
type Answer = fn(usize) -> &'static str;

const TAKEN: &str = "HTTP/1.1 204 No Content\r\ncontent-length: 0\r\n\r\n";
const FAILED: &str = "HTTP/1.1 500 Oops\r\ncontent-length: 0\r\n\r\n";

/// One request to a receiver.
#[derive(Debug, Clone)]
struct Got {
    headers: BTreeMap<String, String>,
    body: Value,
    text: String,
}

impl Got {
    fn kind(&self) -> &str {
        self.body["type"].as_str().unwrap()
    }
}

/// A receiver on this machine.
struct Receiver {
    url: String,
    port: u16,
    got: Arc<Mutex<Vec<Got>>>,
    task: tokio::task::JoinHandle<()>,
}

impl Receiver {
    async fn start(answer: Answer) -> Self {
        Self::on(0, answer).await
    }

    async fn on(port: u16, answer: Answer) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", port)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let got = Arc::new(Mutex::new(Vec::new()));
        let heard = Arc::clone(&got);
        let task = tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let request = read(&mut stream).await;
                let before = {
                    let mut all = heard.lock().unwrap();
                    all.push(request);
                    all.len() - 1
                };
                // Whoever is gone does not want the answer.
                let _sent = stream.write_all(answer(before).as_bytes()).await;
            }
        });
        Self { url: format!("http://localhost:{port}/hooks"), port, got, task }
    }

    fn all(&self) -> Vec<Got> {
        self.got.lock().unwrap().clone()
    }

    /// What was got, once there is one of that kind.
    async fn upto(&self, kind: &str) -> Vec<Got> {
        until(kind, async || Some(self.all()).filter(|all| all.iter().any(|got| got.kind() == kind))).await
    }
}

async fn read(stream: &mut tokio::net::TcpStream) -> Got {
    let mut bytes = Vec::new();
    loop {
        let mut part = [0; 4096];
        let length = stream.read(&mut part).await.unwrap();
        bytes.extend_from_slice(&part[..length]);
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let lines = head.lines().skip(1).filter_map(|line| line.split_once(": "));
        let headers: BTreeMap<_, _> = lines.map(|(name, value)| (name.to_lowercase(), value.to_owned())).collect();
        if body.len() == headers["content-length"].parse::<usize>().unwrap() {
            return Got { headers, body: serde_json::from_str(body).unwrap(), text: body.to_owned() };
        }
    }
}

/// A server that tells that receiver.
async fn telling(receiver: &Receiver) -> (Target, Secret) {
    let secret = Secret::random();
    let webhook = Some((receiver.url.clone(), Some(secret.clone())));
    (Target::with(Options { webhook, ..Options::default() }).await, secret)
}

/// Each stay with what was told of it, in order, every event once.
fn stays(all: &[Got]) -> BTreeMap<String, Vec<String>> {
    let mut seen = BTreeSet::new();
    let once = all.iter().filter(|got| seen.insert(got.body["id"].as_str().unwrap().to_owned()));
    once.fold(BTreeMap::new(), |mut stays: BTreeMap<_, Vec<_>>, got| {
        if let Some(stay) = got.body["data"]["participant"]["stayId"].as_str() {
            stays.entry(stay.to_owned()).or_default().push(got.kind().to_owned());
        }
        stays
    })
}

fn sequences(all: &[Got]) -> Vec<u128> {
    all.iter().map(|got| got.body["sequence"].as_str().unwrap().parse().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_hears_of_a_call_in_order_signed_and_every_stay_begins_and_ends_once() {
    let receiver = Receiver::start(|_| TAKEN).await;
    let (target, secret) = telling(&receiver).await;
    let (alice, bob) = (target.person("alice").await, target.person("bob").await);
    let session = target.api.create_session(&alice, 3).await;
    let at_alice = target.enter(&alice, &session).await;
    let at_bob = target.enter(&bob, &session).await;
    at_bob.ack("leaveSession", json!({})).await;
    let _bob_again = target.enter(&bob, &session).await;
    assert_eq!(target.about(&alice, "end", &session).await.status, 200);
    drop(at_alice);
    let all = until("two departures at the end", async || {
        Some(receiver.all()).filter(|all| all.iter().filter(|got| got.kind() == "participant.left").count() == 3)
    })
    .await;

    let kinds: Vec<_> = all.iter().map(|got| got.kind().to_owned()).collect();
    let begins = ["session.created", "session.started", "participant.joined", "participant.joined", "participant.left"];
    assert_eq!(kinds[..5], begins);
    assert!(kinds.contains(&"session.ended".to_owned()), "{kinds:?}");
    let sequences = sequences(&all);
    assert!(sequences.is_sorted_by(|one, other| one < other), "{sequences:?}");
    let stays = stays(&all);
    assert_eq!(stays.len(), 3, "{stays:?}");
    for told in stays.values() {
        assert_eq!(told[..], ["participant.joined", "participant.left"]);
    }
    let left = &all[4].body;
    assert_eq!((&left["data"]["reason"], &left["projectId"]), (&json!("left"), &json!("default")));
    assert_eq!(left["data"]["participant"]["userId"], bob.id.as_str());
    assert_eq!(left["data"]["session"]["sessionId"], session.as_str());
    assert!(left["data"]["durationSeconds"].is_u64(), "{left}");

    let library = standardwebhooks::Webhook::new(secret.as_str()).unwrap();
    for got in &all {
        let headers = got.headers.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()));
        let headers: http::HeaderMap = headers.collect();
        library.verify(got.text.as_bytes(), &headers).unwrap();
        assert_eq!(got.headers["webhook-id"], got.body["id"]);
    }
    target.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_seat_that_nobody_joined_is_aborted_and_a_lost_connection_comes_back_or_times_out() {
    let receiver = Receiver::start(|_| TAKEN).await;
    let webhook = Some((receiver.url.clone(), None));
    let target = Target::with(Options {
        webhook,
        settings: short_lease(),
        sweep_every: Duration::from_secs(1),
        ..Options::default()
    })
    .await;
    let (alice, bob) = (target.person("alice").await, target.person("bob").await);
    let session = target.api.create_session(&alice, 3).await;
    target.seat(&bob, &session).await;
    let at_alice = target.enter(&alice, &session).await;
    drop(at_alice);
    receiver.upto("participant.reconnecting").await;
    let _again = target.enter(&alice, &session).await;
    receiver.upto("participant.reconnected").await;
    receiver.upto("participant.aborted").await;
    let all = receiver.upto("participant.left").await;
    let mut told: Vec<_> = stays(&all).into_values().collect();
    told.sort();
    let alices = ["participant.joined", "participant.reconnecting", "participant.reconnected", "participant.left"];
    assert_eq!(told[0][..], ["participant.aborted"]);
    assert_eq!(told[1][..], alices);
    let reasons: Vec<_> = all.iter().filter_map(|got| got.body["data"]["reason"].as_str()).collect();
    assert!(reasons.iter().all(|reason| *reason == "timeout"), "{reasons:?}");
    target.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_receiver_did_not_take_comes_again_before_what_came_after_it() {
    let receiver = Receiver::start(|before| if before == 0 { FAILED } else { TAKEN }).await;
    let (target, _) = telling(&receiver).await;
    let alice = target.person("alice").await;
    let session = target.api.create_session(&alice, 3).await;
    let _at_alice = target.enter(&alice, &session).await;
    let all = receiver.upto("participant.joined").await;
    let kinds: Vec<_> = all.iter().map(Got::kind).collect();
    assert_eq!(kinds, ["session.created", "session.created", "session.started", "participant.joined"]);
    assert_eq!(all[0].body, all[1].body);
    assert_eq!(all[0].headers["webhook-id"], all[1].headers["webhook-id"]);
    target.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_that_is_gone_is_left_alone() {
    let receiver = Receiver::start(|_| "HTTP/1.1 410 Gone\r\ncontent-length: 0\r\n\r\n").await;
    let (target, _) = telling(&receiver).await;
    let alice = target.person("alice").await;
    let session = target.api.create_session(&alice, 3).await;
    receiver.upto("session.created").await;
    let _at_alice = target.enter(&alice, &session).await;
    assert_eq!(target.about(&alice, "end", &session).await.status, 200);
    let store: store::Store = target.server().runtime().get().unwrap();
    let disabled = until("the end of the endpoint", async || {
        let all = domain::ports::Endpoints::endpoints(&store, "default").await.unwrap();
        Some(all).filter(|all| all.iter().all(|endpoint| endpoint.disabled_at.is_some()))
    });
    assert_eq!(disabled.await.len(), 1);
    assert_eq!(receiver.all().len(), 1);
    target.stop().await;
}

/// A data file of its own, in a folder that goes with it.
fn data_file() -> PathBuf {
    let folder = std::env::temp_dir().join(support::unique("webhooks"));
    std::fs::create_dir_all(&folder).unwrap();
    folder.join("tunrtc.db")
}

#[tokio::test(flavor = "multi_thread")]
async fn what_happened_while_a_receiver_was_down_is_told_by_the_server_that_is_started_next() {
    let down = Receiver::start(|_| TAKEN).await;
    let (url, port, data) = (down.url.clone(), down.port, data_file());
    down.task.abort();
    let secret = Secret::random();
    let options = || Options {
        data: Some(data.clone()),
        webhook: Some((url.clone(), Some(secret.clone()))),
        ..Options::default()
    };
    let target = Target::with(options()).await;
    let alice = target.person("alice").await;
    let session = target.api.create_session(&alice, 3).await;
    let _at_alice = target.enter(&alice, &session).await;
    target.stop().await;

    let receiver = Receiver::on(port, |_| TAKEN).await;
    let target = Target::with(options()).await;
    let all = receiver.upto("participant.joined").await;
    let kinds: Vec<_> = all.iter().map(Got::kind).collect();
    assert_eq!(kinds[..3], ["session.created", "session.started", "participant.joined"]);
    // A delivery that the end of the first server cut short comes again.
    let mut seen = BTreeSet::new();
    let first_times: Vec<_> = sequences(&all).into_iter().filter(|sequence| seen.insert(*sequence)).collect();
    assert!(first_times.is_sorted_by(|one, other| one < other), "{first_times:?}");
    let _same_server: &Api = &target.api;
    target.stop().await;
    std::fs::remove_dir_all(data.parent().unwrap()).unwrap();
}
