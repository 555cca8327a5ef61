//! What broke the first TunRTC, so that it never breaks again.

mod support;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use domain::Clock;
use http::Request;
use local::{Options, Server};
use runtime::{SystemClock, settings};
use serde_json::json;
use support::{PASSWORD, Pair, Target, names, offer, unique};
use testclient::Api;

#[tokio::test]
async fn the_last_participant_joins_over_rest_and_then_over_the_websocket() {
    let target = Target::local().await;
    let (alice, bob) = (target.person("alice").await, target.person("bob").await);
    let session = target.api.create_session(&alice, 2).await;
    target.seat(&alice, &session).await;
    let at_bob = target.enter(&bob, &session).await;
    assert_eq!(at_bob.ack("ping", json!({})).await, json!({}));
    assert_eq!(target.detail(&bob, &session).await["currentParticipants"], 2);
}

#[tokio::test]
async fn a_member_joins_a_full_session_again_without_a_second_seat() {
    let target = Target::local().await;
    let Pair { alice, bob, session, at_alice: _at_alice, at_bob: _at_bob, .. } = target.pair().await;
    let carol = target.person("carol").await;
    assert_eq!(target.api.join(&carol, &session).await.code(), "session_full");

    let again = target.seat(&bob, &session).await;
    assert_eq!(again.body["currentParticipants"], 2);
    let at_bob = target.enter(&bob, &session).await;
    assert_eq!(at_bob.ack("ping", json!({})).await, json!({}));
    assert_eq!(target.detail(&alice, &session).await["currentParticipants"], 2);
    assert_eq!(target.api.join(&carol, &session).await.code(), "session_full");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_racing_joins_fill_the_seats_exactly() {
    const PEOPLE: usize = 50;
    const TRIES: usize = 4;
    const SEATS: u8 = 37;
    let target = Target::with_settings([(settings::REGISTRATIONS_PER_ADDRESS, 1000)]).await;
    let target = Arc::new(target);
    let owner = target.person("owner").await;
    let session = target.api.create_session(&owner, SEATS).await;
    let people: Vec<_> = gather((0..PEOPLE).map(|_| {
        let target = Arc::clone(&target);
        async move { target.person("racer").await }
    }))
    .await;

    let joins = gather(people.iter().cycle().take(PEOPLE * TRIES).cloned().map(|person| {
        let (target, session) = (Arc::clone(&target), session.clone());
        async move { (person.id.clone(), target.api.join(&person, &session).await) }
    }))
    .await;
    let mut admitted: Vec<_> = joins.iter().filter(|(_, reply)| reply.status == 200).map(|(id, _)| id).collect();
    for (_, refused) in joins.iter().filter(|(_, reply)| reply.status != 200) {
        assert_eq!(refused.code(), "session_full", "{}", refused.body);
    }
    // Whoever has a seat has every join: the later ones find the seat of the first.
    assert_eq!(admitted.len(), TRIES * usize::from(SEATS));
    admitted.sort_unstable();
    admitted.dedup();
    assert_eq!(admitted.len(), usize::from(SEATS));

    let detail = target.detail(&owner, &session).await;
    assert_eq!(detail["currentParticipants"], SEATS);
    let mut seated: Vec<_> =
        detail["participants"].as_array().expect("a list").iter().map(|p| p["userId"].as_str()).collect();
    seated.sort_unstable();
    assert_eq!(seated, admitted.iter().map(|id| Some(id.as_str())).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_request_to_create_that_is_sent_again_after_a_lost_answer_creates_one_session() {
    let target = Target::local().await;
    let alice = target.person("alice").await;
    let create = async |key: &str, name: &str| {
        let request = Request::post("/")
            .header("authorization", format!("Bearer {}", alice.token))
            .header("content-type", "application/json")
            .header("idempotency-key", key)
            .body(json!({ "name": name }).to_string().into());
        target.api.send("/api/session/create", request.expect("a valid request")).await
    };
    let first = create("monday", "stand-up").await;
    let again = create(r#""monday""#, "stand-up").await;
    assert_eq!((first.status.as_u16(), again.status.as_u16()), (201, 201));
    assert_eq!(first.body, again.body);
    let other = create("monday", "retro").await;
    assert_eq!((other.status.as_u16(), other.code()), (422, "idempotency_key_reused"));
    let wrong = create("two words", "stand-up").await;
    assert_eq!((wrong.status.as_u16(), wrong.body["errors"][0]["field"].as_str()), (400, Some("idempotency-key")));
    assert_ne!(create("tuesday", "stand-up").await.text("sessionId"), first.text("sessionId"));
}

#[tokio::test]
async fn a_signal_to_somebody_outside_the_session_is_refused() {
    let target = Target::local().await;
    let Pair { alice, bob, session, at_alice, mut at_bob } = target.pair().await;
    let (carol, dave) = (target.person("carol").await, target.person("dave").await);
    let elsewhere = target.api.create_session(&carol, 2).await;
    let mut at_carol = target.enter(&carol, &elsewhere).await;
    let nobody = domain::UserId::first_at(SystemClock.now()).to_string();

    for outside in [&carol.id, &dave.id, &nobody, &alice.id, "", "bob", "*", &bob.username, &bob.id.to_uppercase()] {
        let refusal = at_alice.refusal("sendOffer", offer(outside, "v=0")).await;
        assert_eq!(refusal, "peer_not_found", "{outside}");
        let answer = json!({ "targetUserId": outside, "answer": { "type": "answer", "sdp": "v=0" } });
        assert_eq!(at_alice.refusal("sendAnswer", answer).await, "peer_not_found", "{outside}");
        let candidate = json!({ "targetUserId": outside, "candidate": { "candidate": "" } });
        assert_eq!(at_alice.refusal("sendIceCandidate", candidate).await, "peer_not_found", "{outside}");
    }

    assert_eq!(target.about(&bob, "leave", &session).await.status, 200);
    at_bob.ended().await;
    assert_eq!(at_alice.refusal("sendOffer", offer(&bob.id, "v=0")).await, "peer_not_found");
    // Nothing of it waits for those who join later, either.
    let start = json!({ "sessionId": session, "since": "2020-01-01T00:00:00.000Z" });
    let mut at_dave = target.connect(&dave, &session).await;
    at_dave.ack("joinSession", start).await;
    at_carol.ack("ping", json!({})).await;
    assert_eq!((names(&at_dave.drain()), names(&at_carol.drain())), (vec![], vec![]));
}

#[tokio::test]
async fn leaving_over_rest_reaches_the_others_and_closes_the_leavers_socket() {
    let target = Target::local().await;
    let Pair { bob, session, mut at_alice, mut at_bob, .. } = target.pair().await;
    assert_eq!(target.about(&bob, "leave", &session).await.status, 200);
    assert_eq!(at_alice.event("userLeft").await["data"]["reason"], "left");
    at_bob.ended().await;
    assert!(at_alice.is_open());
}

#[tokio::test]
async fn ending_over_rest_reaches_every_socket_and_closes_it() {
    let target = Target::local().await;
    let Pair { alice, session, mut at_alice, mut at_bob, .. } = target.pair().await;
    assert_eq!(target.about(&alice, "end", &session).await.status, 200);
    for socket in [&mut at_alice, &mut at_bob] {
        assert_eq!(socket.event("sessionEnded").await["data"], json!({ "reason": "ended" }));
        socket.ended().await;
    }
    let detail = target.detail(&alice, &session).await;
    assert_eq!((&detail["status"], &detail["currentParticipants"]), (&json!("ended"), &json!(0)));
}

#[tokio::test]
async fn passwords_are_kept_as_slow_hashes_alone() {
    let data = DataFile::new("hashes");
    let target = Target::with(Options { data: Some(data.path()), ..Options::default() }).await;
    target.person("alice").await;
    target.person("bob").await;
    target.stop().await;

    let kept = data.contents();
    let hashes = occurrences(&kept, b"$argon2id$v=19$m=19456,t=2,p=1$");
    assert!(hashes >= 2, "{hashes} hashes of two accounts");
    assert_eq!(occurrences(&kept, PASSWORD.as_bytes()), 0);
}

#[tokio::test]
async fn a_server_with_data_or_told_so_has_no_demo_accounts_and_any_other_has_three() {
    let data = DataFile::new("demo");
    // A page that was built lists none, and is answered where the server has none to offer.
    let no_page = || Some(data.path().with_extension("no-page"));
    let kept = Target::with(Options { data: Some(data.path()), console: no_page(), ..Options::default() }).await;
    let bare = Target::with(Options { demo: false, console: no_page(), ..Options::default() }).await;
    let memory = Target::with(Options { console: no_page(), ..Options::default() }).await;
    for (email, password) in
        [("demo@tunrtc.com", "demo123"), ("alice@tunrtc.com", "alice123"), ("bob@tunrtc.com", "bob123")]
    {
        let proof = json!({ "email": email, "password": password });
        for server in [&kept, &bare] {
            let refused = server.api.post("/api/auth/login", None, proof.clone()).await;
            assert_eq!(refused.code(), "invalid_credentials", "{email}");
        }
        assert_eq!(memory.api.post("/api/auth/login", None, proof).await.status, 200, "{email}");
    }
    let offered = memory.api.get("/demo-accounts.json", None).await.body;
    assert_eq!(offered.as_array().map(Vec::len), Some(3), "the page can offer them");
    for server in [&kept, &bare] {
        assert_eq!(server.api.get("/demo-accounts.json", None).await.code(), "not_found");
        let notes = server.server().notes();
        assert!(notes.iter().all(|note| !note.contains("API key")), "{notes:?}");
        for name in ["demo", "alice", "bob"] {
            assert_eq!(server.api.register(name).await.username, name);
        }
    }
}

/// A data file in a folder of its own.
struct DataFile(PathBuf);

impl DataFile {
    fn new(name: &str) -> Self {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(support::unique(name));
        std::fs::create_dir_all(&folder).expect("a new folder");
        Self(folder)
    }

    fn path(&self) -> PathBuf {
        self.0.join("tunrtc.db")
    }

    /// Every byte that is kept, in whatever file.
    fn contents(&self) -> Vec<u8> {
        // Beside the data lies the folder of recordings, in which nothing is recorded here.
        let all = std::fs::read_dir(&self.0).expect("the folder").map(|file| file.expect("a file").path());
        all.filter(|path| path.is_file()).flat_map(|file| std::fs::read(file).expect("a readable file")).collect()
    }
}

impl Drop for DataFile {
    fn drop(&mut self) {
        // What cannot be removed stays in the target folder.
        let _removed = std::fs::remove_dir_all(&self.0);
    }
}

fn occurrences(text: &[u8], part: &[u8]) -> usize {
    text.windows(part.len()).filter(|window| *window == part).count()
}

/// Runs all at the same time.
async fn gather<T: Send + 'static>(tasks: impl Iterator<Item = impl Future<Output = T> + Send + 'static>) -> Vec<T> {
    let running: Vec<_> = tasks.map(tokio::spawn).collect();
    let mut results = Vec::new();
    for task in running {
        results.push(task.await.expect("a task that does not panic"));
    }
    results
}

#[tokio::test]
async fn a_public_address_is_named_whoever_asked() {
    let public_url = Some("https://tunrtc.example.org".to_owned());
    let server = Server::start(Options { port: 0, public_url, ..Options::default() }).await.expect("a server");
    let api = Api::new(format!("http://{}", server.address()));
    let alice = api.register(&unique("alice")).await;
    let session = api.create_session(&alice, 2).await;
    let joined = api.join(&alice, &session).await;
    assert_eq!(joined.body["signaling"]["url"], "wss://tunrtc.example.org/ws");
}
