//! Webhooks from end to end: what a receiver gets of a call, and what it does not lose.

#![expect(clippy::unwrap_used, reason = "a helper of a test fails the test where it stands")]

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use domain::Clock;
use domain::ports::EventLog;
use domain::webhooks::Announcement;
use http::{Method, Request};
use http_body_util::Full;
use local::Options;
use serde_json::{Value, json};
use support::{Pair, Target, short_lease, until};
use testclient::{Api, Reply};
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
    let roles: Vec<_> = all[2..4].iter().map(|got| &got.body["data"]["participant"]["role"]).collect();
    assert_eq!(roles, ["host", "participant"]);

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
async fn a_receiver_hears_of_another_role_and_of_a_lock() {
    let receiver = Receiver::start(|_| TAKEN).await;
    let (target, _) = telling(&receiver).await;
    let Pair { bob, session, at_alice, .. } = target.pair().await;
    at_alice.ack("updateParticipant", json!({ "targetUserId": bob.id, "role": "cohost" })).await;
    let all = receiver.upto("participant.updated").await;
    let updated = &all.last().unwrap().body["data"];
    assert_eq!(
        (&updated["participant"]["userId"], &updated["participant"]["role"]),
        (&json!(bob.id), &json!("cohost"))
    );
    at_alice.ack("updateSession", json!({ "locked": true })).await;
    let all = receiver.upto("session.updated").await;
    let updated = &all.last().unwrap().body["data"]["session"];
    assert_eq!((&updated["sessionId"], &updated["locked"]), (&json!(session), &json!(true)));
    target.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_hears_who_waits_and_what_became_of_them_once_each() {
    let receiver = Receiver::start(|_| TAKEN).await;
    let (target, _secret) = telling(&receiver).await;
    let [alice, bob, carol, dave] = [
        target.person("alice").await,
        target.person("bob").await,
        target.person("carol").await,
        target.person("dave").await,
    ];
    let wanted = json!({ "name": "Surgery", "waitingRoom": true, "maxParticipants": 4 });
    let session = target.api.post("/api/session/create", Some(&alice.token), wanted).await.text("sessionId");
    let at_alice = target.enter(&alice, &session).await;
    for person in [&bob, &carol, &dave, &bob] {
        assert_eq!(target.api.join(person, &session).await.body["admission"], "waiting");
    }
    at_alice.ack("admitParticipant", json!({ "targetUserId": bob.id })).await;
    at_alice.ack("denyParticipant", json!({ "targetUserId": carol.id })).await;
    at_alice.ack("updateSession", json!({ "waitingRoom": false })).await;
    let has_admitted_dave = |all: &Vec<Got>| {
        let dave =
            |got: &Got| got.kind() == "participant.admitted" && got.body["data"]["participant"]["userId"] == dave.id;
        all.iter().any(dave)
    };
    let all = until("dave's admission", async || Some(receiver.all()).filter(has_admitted_dave)).await;
    let updated = all.iter().find(|got| got.kind() == "session.updated").expect("another setting");
    assert_eq!(updated.body["data"]["session"]["waitingRoom"], false);
    for (person, outcome, reason) in [
        (&bob, "participant.admitted", Value::Null),
        (&carol, "participant.denied", json!("denied")),
        (&dave, "participant.admitted", Value::Null),
    ] {
        let of = |got: &&Got| got.body["data"]["participant"]["userId"] == person.id;
        let told: Vec<_> = all.iter().filter(of).collect();
        assert_eq!(told.iter().map(|got| got.kind()).collect::<Vec<_>>(), ["participant.waiting", outcome]);
        assert_eq!(told[1].body["data"]["reason"], reason);
        let since =
            told.iter().map(|got| got.body["data"]["participant"]["waitingSince"].as_str()).collect::<BTreeSet<_>>();
        assert!(since.len() == 1 && since.iter().all(|since| since.is_some()), "{since:?}");
    }
    assert!(sequences(&all).is_sorted(), "in the order of the session");
    target.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_asks_for_messages_is_told_of_each_once_without_what_was_written() {
    let (all, named) = (Receiver::start(|_| TAKEN).await, Receiver::start(|_| TAKEN).await);
    let target = Target::local().await;
    let key = support::apps::devkey();
    for body in [json!({ "url": all.url }), json!({ "url": named.url, "types": ["message.created", "session.ended"] })]
    {
        let made = target.call(Method::POST, "/api/webhooks", &key.basic(), Some(body)).await;
        assert_eq!(made.status, 201, "{}", made.body);
    }
    let (joined, ann) = target.enter_room(&key.person("ann", "daily").token).await;
    let session = joined.text("sessionId");
    let mine = json!({ "message": "a secret", "clientMessageId": "mine" });
    let sent = ann.ack("sendMessage", mine.clone()).await["messageId"].clone();
    assert_eq!(ann.ack("sendMessage", mine).await["messageId"], sent, "the same message again");
    let path = format!("/api/session/{session}/messages");
    let said = target.call(Method::POST, &path, &key.basic(), Some(json!({ "message": "from the desk" }))).await;
    target.call(Method::POST, "/api/session/end", &key.basic(), Some(json!({ "sessionId": session }))).await;
    let told = named.upto("session.ended").await;
    let messages: Vec<_> = told.iter().filter(|got| got.kind() == "message.created").collect();
    let ids: Vec<_> = messages.iter().map(|got| got.body["data"]["message"]["messageId"].clone()).collect();
    assert_eq!(ids, [sent, said.body["messageId"].clone()]);
    assert_eq!(messages[0].body["data"]["participant"]["identity"], "ann");
    assert_eq!(messages[0].body["data"]["session"]["room"], "daily");
    assert!(told.iter().all(|got| !got.text.contains("a secret") && !got.text.contains("from the desk")));
    let others = all.upto("session.ended").await;
    assert!(others.iter().all(|got| got.kind() != "message.created"), "it has to be named");
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

/// A backend with an API key.
struct Backend<'a> {
    target: &'a Target,
    authorization: String,
}

impl<'a> Backend<'a> {
    fn of(target: &'a Target, id: &str, secret: &str) -> Self {
        Self { target, authorization: format!("Basic {}", BASE64_STANDARD.encode(format!("{id}:{secret}"))) }
    }

    /// With the key that a server without data has.
    fn trying(target: &'a Target) -> Self {
        Self::of(target, "devkey", "tunrtc-development-secret-0123456789")
    }

    async fn call(&self, method: Method, path: &str, body: Option<Value>) -> Reply {
        self.ask(Request::builder().method(method).header("authorization", &self.authorization), path, body).await
    }

    async fn ask(&self, request: http::request::Builder, path: &str, body: Option<Value>) -> Reply {
        let body = body.map(|body| body.to_string()).unwrap_or_default();
        let request = request.header("content-type", "application/json").body(Full::new(Bytes::from(body)));
        self.target.api.send(path, request.unwrap()).await
    }

    async fn webhook(&self, body: Value) -> (String, Secret) {
        let made = self.call(Method::POST, "/api/webhooks", Some(body)).await;
        assert_eq!(made.status, 201, "{}", made.body);
        (made.text("webhookId"), Secret::parse(&made.text("secret")).unwrap())
    }
}

fn verifies(got: &Got, secret: &Secret) -> bool {
    let library = standardwebhooks::Webhook::new(secret.as_str()).unwrap();
    let headers = got.headers.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()));
    library.verify(got.text.as_bytes(), &headers.collect::<http::HeaderMap>()).is_ok()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backend_names_an_endpoint_and_is_told_until_it_is_switched_off_or_removed() {
    let receiver = Receiver::start(|_| TAKEN).await;
    let target = Target::local().await;
    let backend = Backend::trying(&target);
    let types = json!(["session.created", "webhook.disabled"]);
    let (id, secret) = backend.webhook(json!({ "url": receiver.url, "types": types, "description": "ours" })).await;
    let at = |rest: &str| format!("/api/webhooks/{id}{rest}");

    let listed = backend.call(Method::GET, "/api/webhooks", None).await;
    assert_eq!((listed.body[0]["webhookId"].as_str(), listed.body[0].get("secret")), (Some(id.as_str()), None));
    let shown = backend.call(Method::GET, &at(""), None).await;
    assert_eq!((&shown.body["types"], &shown.body["disabledAt"]), (&types, &Value::Null));

    let alice = target.person("alice").await;
    target.api.create_session(&alice, 3).await;
    let all = receiver.upto("session.created").await;
    assert!(verifies(&all[0], &secret));

    let tested = backend.call(Method::POST, &at("/test"), None).await;
    assert_eq!(tested.status, 202, "{}", tested.body);
    let all = receiver.upto("webhook.test").await;
    let test = &all.last().unwrap().body;
    assert_eq!((&test["id"], &test["data"]["webhook"]["webhookId"]), (&tested.body["eventId"], &json!(id)));

    let off = backend.call(Method::PATCH, &at(""), Some(json!({ "disabled": true }))).await;
    assert!(off.body["disabledAt"].is_string(), "{}", off.body);
    assert_eq!(backend.call(Method::POST, &at("/test"), None).await.code(), "webhook_disabled");
    assert_eq!(backend.call(Method::POST, &at("/replay"), Some(json!({}))).await.code(), "webhook_disabled");
    let on = backend.call(Method::PATCH, &at(""), Some(json!({ "disabled": false, "types": ["*"] }))).await;
    assert_eq!((&on.body["disabledAt"], &on.body["types"]), (&Value::Null, &json!(["*"])));

    assert_eq!(backend.call(Method::DELETE, &at(""), None).await.status, 204);
    assert_eq!(backend.call(Method::DELETE, &at(""), None).await.status, 204, "again");
    assert_eq!(backend.call(Method::GET, &at(""), None).await.code(), "webhook_not_found");
    target.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_exchanged_secret_signs_beside_the_one_of_before_even_where_it_was_exchanged_twice() {
    let receiver = Receiver::start(|_| TAKEN).await;
    let target = Target::local().await;
    let backend = Backend::trying(&target);
    let (id, first) = backend.webhook(json!({ "url": receiver.url })).await;
    let rotate = async || {
        let rotated = backend.call(Method::POST, &format!("/api/webhooks/{id}/rotate"), None).await;
        Secret::parse(&rotated.text("secret")).unwrap()
    };
    let (lost, second) = (rotate().await, rotate().await);
    backend.call(Method::POST, &format!("/api/webhooks/{id}/test"), None).await;
    let all = receiver.upto("webhook.test").await;
    for secret in [&first, &lost, &second] {
        assert!(verifies(&all[0], secret), "{secret:?}");
    }
    assert!(!verifies(&all[0], &Secret::random()));
    target.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_happened_is_told_again_with_the_same_identifiers_and_every_try_is_listed() {
    let receiver = Receiver::start(|_| TAKEN).await;
    let (target, _) = telling(&receiver).await;
    let backend = Backend::trying(&target);
    let alice = target.person("alice").await;
    let session = target.api.create_session(&alice, 3).await;
    let _at_alice = target.enter(&alice, &session).await;
    let first = receiver.upto("participant.joined").await;
    let id = backend.call(Method::GET, "/api/webhooks", None).await.body[0]["webhookId"].clone();
    let path = format!("/api/webhooks/{}", id.as_str().unwrap());
    let wanted = json!({ "types": ["participant.joined", "session.created"], "since": "2026-01-01T00:00:00Z" });
    let replayed = backend.call(Method::POST, &format!("{path}/replay"), Some(wanted)).await;
    assert_eq!((replayed.status.as_u16(), &replayed.body["replayed"]), (202, &json!(2)), "{}", replayed.body);
    let all = until("both again", async || Some(receiver.all()).filter(|all| all.len() == first.len() + 2)).await;
    let of = |got: &Got| (got.kind().to_owned(), got.body["id"].clone());
    let again: BTreeSet<_> = all[first.len()..].iter().map(|got| of(got).0).collect();
    assert_eq!(again.into_iter().collect::<Vec<_>>(), ["participant.joined", "session.created"]);
    assert!(
        all[first.len()..]
            .iter()
            .all(|got| first.iter().any(|before| of(before) == of(got) && before.text == got.text))
    );

    let tries = until("five tries", async || {
        let listed = backend.call(Method::GET, &format!("{path}/deliveries?limit=2"), None).await;
        let next = listed.header("link").split('>').next().unwrap().trim_start_matches('<').to_owned();
        let rest = backend.call(Method::GET, &next.replace("limit=2", "limit=9"), None).await;
        let both: Vec<_> =
            [listed.body, rest.body].iter().filter_map(|page| page.as_array().cloned()).flatten().collect();
        Some(both).filter(|tries| tries.len() == 5)
    })
    .await;
    for delivery in &tries {
        assert_eq!(
            (&delivery["outcome"], &delivery["status"], &delivery["attempt"]),
            (&json!("delivered"), &json!(204), &json!(1))
        );
    }
    assert!(tries.is_sorted_by(|one, next| one["at"].as_str() >= next["at"].as_str()), "{tries:?}");

    let narrower = json!({ "types": ["session.created"] });
    assert_eq!(backend.call(Method::PATCH, &path, Some(narrower)).await.status.as_u16(), 200);
    let wanted = json!({ "since": "2026-01-01T00:00:00Z" });
    let replayed = backend.call(Method::POST, &format!("{path}/replay"), Some(wanted)).await;
    assert_eq!(replayed.body["replayed"], 1, "only what the endpoint is told: {}", replayed.body);
    target.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_happened_is_read_page_by_page_and_goes_on_where_it_was_left() {
    let target = Target::local().await;
    let backend = Backend::trying(&target);
    let store: store::Store = target.server().runtime().get().unwrap();
    let now = runtime::SystemClock.now();
    let note = async |id: &str, seconds: u64, kind: &str| {
        let announcement = Announcement {
            id: id.to_owned(),
            kind: kind.to_owned(),
            project: "default".to_owned(),
            session: None,
            body: format!(r#"{{"id":"{id}","type":"{kind}"}}"#),
        };
        let at = now.minus(Duration::from_secs(seconds));
        store.note_event(&announcement, at, now + Duration::from_secs(60)).await.unwrap();
    };
    note("evt_1", 90, "session.created").await;
    note("evt_2", 80, "session.ended").await;
    note("evt_3", 70, "session.created").await;
    let read = async |query: &str| {
        let answer = backend.call(Method::GET, &format!("/api/events?{query}"), None).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        let ids: Vec<_> = answer.body["events"].as_array().unwrap().iter().map(|event| event["id"].clone()).collect();
        (ids, answer.body["next"].as_str().map(str::to_owned))
    };
    let (ids, next) = read("limit=2").await;
    assert_eq!(ids, ["evt_1", "evt_2"]);
    let (ids, next) = read(&format!("after={}", next.unwrap())).await;
    assert_eq!(ids, ["evt_3"]);
    let (ids, same) = read(&format!("after={}", next.clone().unwrap())).await;
    assert_eq!((ids.len(), &same), (0, &next), "nothing new");
    note("evt_4", 60, "session.created").await;
    note("evt_5", 1, "session.created").await;
    let (ids, _) = read(&format!("after={}", next.unwrap())).await;
    assert_eq!(ids, ["evt_4"], "what was noted a moment ago comes later");
    assert_eq!(read("types=session.ended").await.0, ["evt_2"]);
    target.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn webhooks_are_for_keys_of_their_own_project_alone() {
    let target = Target::local().await;
    let backend = Backend::trying(&target);
    let make = target.server().function("api_keys").unwrap();
    let answer = make(json!({ "action": "create", "project": "theirs" }).to_string().into()).await.unwrap();
    let made = serde_json::from_slice::<Value>(&answer).unwrap()["created"].clone();
    let theirs = Backend::of(&target, made["key"].as_str().unwrap(), made["secret"].as_str().unwrap());
    let (id, _) = backend.webhook(json!({ "url": "https://example.com/" })).await;
    assert_eq!(theirs.call(Method::GET, "/api/webhooks", None).await.body, json!([]));
    let routes = [
        (Method::GET, "", None),
        (Method::PATCH, "", Some(json!({ "description": "x" }))),
        (Method::POST, "/rotate", None),
        (Method::POST, "/test", None),
        (Method::POST, "/replay", Some(json!({}))),
        (Method::GET, "/deliveries", None),
    ];
    for (method, step, body) in routes {
        let refused = theirs.call(method.clone(), &format!("/api/webhooks/{id}{step}"), body).await;
        assert_eq!((refused.status.as_u16(), refused.code()), (404, "webhook_not_found"), "{method} {step}");
    }
    theirs.call(Method::DELETE, &format!("/api/webhooks/{id}"), None).await;
    assert_eq!(backend.call(Method::GET, &format!("/api/webhooks/{id}"), None).await.status, 200);

    let alice = target.person("alice").await;
    for path in ["/api/webhooks", "/api/events"] {
        let account = target.api.get(path, Some(&alice.token)).await;
        assert_eq!((account.status.as_u16(), account.code()), (403, "forbidden"), "{path}");
        let page =
            Request::builder().header("authorization", &backend.authorization).header("origin", "http://localhost:1");
        assert_eq!(backend.ask(page, path, None).await.code(), "forbidden", "a key in a page: {path}");
    }
    let refused =
        backend.call(Method::POST, "/api/webhooks", Some(json!({ "url": "http://10.0.0.1/", "types": ["x"] }))).await;
    let fields: Vec<_> =
        refused.body["errors"].as_array().unwrap().iter().map(|error| error["field"].clone()).collect();
    assert_eq!(fields, ["url", "types"], "{}", refused.body);
    for _ in 1..10 {
        backend.webhook(json!({ "url": "https://example.com/" })).await;
    }
    let more = backend.call(Method::POST, "/api/webhooks", Some(json!({ "url": "https://example.com/" }))).await;
    assert_eq!((more.status.as_u16(), more.code()), (409, "too_many_webhooks"));
    target.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_other_endpoints_hear_that_one_is_gone() {
    let gone = Receiver::start(|_| "HTTP/1.1 410 Gone\r\ncontent-length: 0\r\n\r\n").await;
    let receiver = Receiver::start(|_| TAKEN).await;
    let target = Target::local().await;
    let backend = Backend::trying(&target);
    let (id, _) = backend.webhook(json!({ "url": gone.url, "description": "the old one" })).await;
    backend.webhook(json!({ "url": receiver.url })).await;
    backend.call(Method::POST, &format!("/api/webhooks/{id}/test"), None).await;
    let all = receiver.upto("webhook.disabled").await;
    let expected = json!({ "webhookId": id, "description": "the old one" });
    assert_eq!(all.last().unwrap().body["data"]["webhook"], expected);
    assert_eq!(gone.all().len(), 1);
    let shown = backend.call(Method::GET, &format!("/api/webhooks/{id}"), None).await;
    assert!(shown.body["disabledAt"].is_string(), "{}", shown.body);
    target.stop().await;
}

/// Asks the operator's page, by the host of that name; the head and the body of the answer.
async fn page(target: &Target, request: &str, host: &str, more: &str) -> String {
    let address = target.server().address();
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    let request = format!("{request} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n{more}\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_is_led_to_the_calls_of_a_key_that_the_browser_keeps() {
    let target = Target::local().await;
    let key = format!("authorization: {}\r\n", Backend::trying(&target).authorization);
    let host = format!("localhost:{}", target.server().address().port());
    let asked = page(&target, "GET /analytics-key", &host, "").await;
    assert!(asked.starts_with("HTTP/1.1 401") && asked.contains("www-authenticate: Basic"), "{asked}");
    let led = page(&target, "GET /analytics-key", &host, &key).await;
    assert!(led.starts_with("HTTP/1.1 303") && led.contains("location: /analytics#key\r\n"), "{led}");
    assert!(page(&target, "GET /analytics-key", "evil.example", &key).await.starts_with("HTTP/1.1 404"));
    assert!(page(&target, "POST /analytics-key", &host, &key).await.starts_with("HTTP/1.1 404"));
    target.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_sees_endpoints_and_tries_with_a_key_and_under_the_machines_own_name_alone() {
    let receiver = Receiver::start(|_| TAKEN).await;
    let target = Target::local().await;
    let backend = Backend::trying(&target);
    let (id, _) = backend.webhook(json!({ "url": receiver.url, "description": "<b>ours</b>" })).await;
    let key = format!("authorization: {}\r\n", backend.authorization);
    let host = format!("localhost:{}", target.server().address().port());

    let asked = page(&target, "GET /webhooks", &host, "").await;
    assert!(asked.starts_with("HTTP/1.1 401") && asked.contains("www-authenticate: Basic"), "{asked}");
    let wrong = format!("authorization: Basic {}\r\n", BASE64_STANDARD.encode("devkey:wrong"));
    assert!(page(&target, "GET /webhooks", &host, &wrong).await.starts_with("HTTP/1.1 401"));
    assert!(page(&target, "GET /webhooks", "evil.example", &key).await.starts_with("HTTP/1.1 404"));

    let list = page(&target, "GET /webhooks", &host, &key).await;
    assert!(list.starts_with("HTTP/1.1 200") && list.contains(&receiver.url), "{list}");
    assert!(list.contains("&lt;b&gt;ours&lt;/b&gt;") && !list.contains("<b>ours"), "{list}");

    let test = format!("POST /webhooks/{id}/test");
    let from_elsewhere = format!("{key}sec-fetch-site: cross-site\r\ncontent-length: 0\r\n");
    for more in [from_elsewhere, format!("{key}content-length: 0\r\n")] {
        assert!(page(&target, &test, &host, &more).await.starts_with("HTTP/1.1 403"));
    }
    let from_here = format!("{key}sec-fetch-site: same-origin\r\ncontent-length: 0\r\n");
    assert!(page(&target, &test, &host, &from_here).await.starts_with("HTTP/1.1 303"));
    receiver.upto("webhook.test").await;
    until("the try on the page", async || {
        Some(page(&target, &format!("GET /webhooks/{id}"), &host, &key).await)
            .filter(|page| page.contains("webhook.test"))
    })
    .await;
    for (what, state) in [("off", ">off</b> since"), ("on", ">on</b>")] {
        let done = page(&target, &format!("POST /webhooks/{id}/{what}"), &host, &from_here).await;
        assert!(done.contains(&format!("location: /webhooks/{id}")), "{done}");
        assert!(page(&target, &format!("GET /webhooks/{id}"), &host, &key).await.contains(state), "{what}");
    }
    let alice = target.person("alice").await;
    target.api.create_session(&alice, 3).await;
    let before = receiver.upto("session.created").await.len();
    page(&target, &format!("POST /webhooks/{id}/replay?minutes=60"), &host, &from_here).await;
    until("it again", async || Some(()).filter(|()| receiver.all().len() > before)).await;
    target.stop().await;
}
