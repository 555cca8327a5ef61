//! The log: one line for each request and frame, and never what is secret.

use serde_json::{Value, json};
use testclient::hub::HubSocket;
use testclient::{Account, Api, Reply, Socket, socket_address};

use crate::support::unique;
use crate::tunrtc::{READY, Tunrtc};

const PASSWORD: &str = "MARKER-password-1";
const WRONG: &str = "MARKER-password-2";
const NEW: &str = "MARKER-password-3";
const CHAT: &str = "MARKER-chat";
const SDP: &str = "MARKER-sdp";
const CANDIDATE: &str = "MARKER-candidate";

/// What traffic left behind: what the log must hold, and what it must not.
#[derive(Default)]
struct Traffic {
    /// Request identifier, function, user and outcome of each answered request.
    requests: Vec<(String, &'static str, Option<String>, String)>,
    secrets: Vec<String>,
}

impl Traffic {
    /// Notes a request, and every secret of its answer.
    fn note(&mut self, reply: Reply, route: &'static str, user: Option<&str>) -> Reply {
        let outcome = if reply.status.is_success() { "ok" } else { reply.code() };
        let id = reply.header("x-request-id").to_owned();
        self.requests.push((id, route, user.map(str::to_owned), outcome.to_owned()));
        for secret in ["/token", "/refreshToken", "/signaling/ticket", "/ticket"] {
            self.secrets.extend(reply.body.pointer(secret).and_then(Value::as_str).map(str::to_owned));
        }
        reply
    }
}

async fn someone(api: &Api, name: &str, traffic: &mut Traffic) -> Account {
    let username = unique(name);
    let body = json!({ "username": username, "email": format!("{username}@example.org"), "password": PASSWORD });
    let registered = api.post("/api/auth/register", None, body).await;
    let person = testclient::account(&registered);
    traffic.note(registered, "auth_register", Some(&person.id));
    person
}

/// Uses whatever takes a secret, well and badly.
async fn make(api: &Api) -> Traffic {
    let mut traffic = Traffic::default();
    traffic.secrets.extend([PASSWORD, WRONG, NEW, CHAT, SDP, CANDIDATE].map(str::to_owned));
    let alice = someone(api, "alice", &mut traffic).await;
    let bob = someone(api, "bob", &mut traffic).await;
    let (to_alice, to_bob) = (Some(alice.token.as_str()), Some(bob.token.as_str()));
    let email = format!("{}@example.org", alice.username);

    let wrong = api.post("/api/auth/login", None, json!({ "email": email, "password": WRONG })).await;
    traffic.note(wrong, "auth_login", None);
    let misspelt = api.post("/api/auth/login", None, json!({ "email": email, "pasword": WRONG })).await;
    traffic.note(misspelt, "auth_login", None);
    let refused = api.get("/api/auth/me", Some("MARKER-token")).await;
    traffic.note(refused, "auth_me", None);
    traffic.secrets.push("MARKER-token".to_owned());
    let refreshed = api.post("/api/auth/refresh", None, json!({ "refreshToken": bob.refresh_token })).await;
    traffic.note(refreshed, "auth_refresh", Some(&bob.id));

    let created = api.post("/api/session/create", to_alice, json!({ "name": "Stand-up" })).await;
    let session = traffic.note(created, "session_create", Some(&alice.id)).text("sessionId");
    let named = json!({ "sessionId": session });
    let joined = api.post("/api/session/join", to_alice, named.clone()).await;
    let at_alice = traffic.note(joined, "session_join", Some(&alice.id)).body["signaling"].clone();
    let joined = api.post("/api/session/join", to_bob, named.clone()).await;
    let at_bob = traffic.note(joined, "session_join", Some(&bob.id)).body["signaling"].clone();
    traffic.secrets.push("MARKER-ticket".to_owned());
    let nowhere = format!("{}?ticket=MARKER-ticket", at_bob["url"].as_str().expect("an address"));
    assert!(Socket::connect(&nowhere).await.is_err());

    let alices = Socket::connect(&socket_address(&at_alice)).await.expect("an open door");
    let bobs = Socket::connect(&socket_address(&at_bob)).await.expect("an open door");
    alices.ack("joinSession", named.clone()).await;
    bobs.ack("joinSession", named.clone()).await;
    let offer = json!({ "type": "offer", "sdp": SDP });
    alices.ack("sendOffer", json!({ "targetUserId": bob.id, "offer": offer })).await;
    alices.refusal("sendAnswer", json!({ "targetUserId": bob.id, "answer": offer })).await;
    let candidate = json!({ "candidate": CANDIDATE });
    bobs.ack("sendIceCandidate", json!({ "targetUserId": alice.id, "candidate": candidate })).await;
    bobs.ack("sendMessage", json!({ "message": CHAT })).await;
    bobs.refusal("sendMessage", json!({ "mesage": CHAT })).await;
    bobs.refusal(CHAT, json!({})).await;
    bobs.send_text(CHAT).await;
    bobs.ack("leaveSession", json!({})).await;

    let change = json!({ "currentPassword": PASSWORD, "newPassword": NEW });
    let changed = api.post("/api/auth/password", to_alice, change).await;
    let changed = traffic.note(changed, "auth_password", Some(&alice.id));
    let history = api.get(&format!("/api/session/{session}/messages"), to_alice).await;
    traffic.note(history, "session_messages", Some(&alice.id));
    let out = api.post("/api/auth/logout", None, json!({ "refreshToken": changed.text("refreshToken") })).await;
    traffic.note(out, "auth_logout", Some(&alice.id));
    traffic
}

#[tokio::test]
async fn each_request_and_frame_is_one_line_and_no_line_holds_a_secret() {
    let server = Tunrtc::start(&["--log", "json"]);
    let traffic = make(&server.api).await;
    server.signal("TERM");
    let (_, lines, errors) = server.ended();
    assert_silent(&traffic, &lines, &errors);

    let log: Vec<Value> = lines
        .iter()
        .filter(|line| !line.starts_with(READY))
        .map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("not JSON: {line}")))
        .collect();
    for (id, route, user, outcome) in &traffic.requests {
        let about: Vec<_> = log.iter().filter(|line| line["request.id"] == *id).collect();
        let [line] = about[..] else { panic!("{} lines about {route}", about.len()) };
        assert_eq!((&line["route"], &line["outcome"]), (&json!(route), &json!(outcome)), "{line}");
        assert_eq!(line["user.id"].as_str(), user.as_deref(), "{line}");
        assert!(line["elapsed_ms"].is_u64() && line["timestamp"].is_string() && line["level"] == "INFO", "{line}");
    }
    let count = |route: &str, outcome: &str| {
        let lines = log.iter().filter(|line| line["route"] == route && line["outcome"] == outcome);
        lines.filter(|line| line["request.id"].is_string() && line["elapsed_ms"].is_u64()).count()
    };
    for (route, outcome, expected) in [
        ("$connect", "ok", 2),
        ("$disconnect", "ok", 2),
        ("joinSession", "ok", 2),
        ("sendOffer", "ok", 1),
        ("sendAnswer", "invalid_frame", 1),
        ("sendIceCandidate", "ok", 1),
        ("sendMessage", "ok", 1),
        ("sendMessage", "invalid_frame", 1),
        ("$default", "unknown_action", 1),
        ("$default", "invalid_frame", 1),
        ("leaveSession", "ok", 1),
    ] {
        assert_eq!(count(route, outcome), expected, "{route} {outcome} in {log:#?}");
    }
    let refused = log.iter().filter(|line| line["route"] == "ws_authorizer" && line["outcome"] == "unauthorized");
    assert_eq!(refused.count(), 1);

    // What operators count: one wrong password (a body that could not be read is none), two connections, two signals.
    let counted = |metric: &str| log.iter().filter(|line| line["metric"] == metric).count();
    assert_eq!(["LoginsRefused", "Connections", "Relays"].map(counted), [1, 2, 2]);
    // Only a deployment makes metrics of them.
    assert!(log.iter().all(|line| line.get("_aws").is_none()));
}

#[tokio::test]
async fn records_of_the_hub_are_one_line_each_and_a_token_in_the_query_is_in_none() {
    let server = Tunrtc::start(&["--log", "json"]);
    let mut traffic = Traffic::default();
    traffic.secrets.extend([PASSWORD, CHAT, SDP, CANDIDATE, "MARKER-token"].map(str::to_owned));
    let person = someone(&server.api, "person", &mut traffic).await;
    let session = server.api.create_session(&person, 2).await;
    let query = format!("access_token={}", person.token);
    let negotiated = server.api.post(&format!("/hubs/signaling/negotiate?{query}"), None, json!({})).await;
    traffic.note(negotiated, "hub_negotiate", Some(&person.id));
    let address = format!("ws://localhost:{}/hubs/signaling?", server.port());
    assert!(HubSocket::open(&format!("{address}access_token=MARKER-token"), None).await.is_err());
    let mut socket = HubSocket::connect(&format!("{address}{query}"), None).await;
    socket.invoke("JoinSession", json!([session])).await.expect("joined");
    socket.invoke("SendMessage", json!([CHAT])).await.expect("sent");
    socket.invoke("SendOffer", json!([person.id, SDP])).await.expect_err("nobody's own peer");
    socket.invoke("SendIceCandidate", json!([person.id, CANDIDATE])).await.expect_err("no candidate");
    socket.invoke(CHAT, json!([])).await.expect_err("no method");
    socket.send(CHAT).await;
    socket.ended().await;
    server.signal("TERM");
    let (_, lines, errors) = server.ended();
    for text in lines.iter().map(String::as_str).chain([errors.as_str()]) {
        for secret in &traffic.secrets {
            assert!(!text.contains(secret.as_str()), "{secret} is in the log: {text}");
        }
    }
    for (route, outcome) in [
        ("hub_negotiate", "ok"),
        ("JoinSession", "ok"),
        ("SendMessage", "ok"),
        ("SendOffer", "peer_not_found"),
        ("SendIceCandidate", "invalid_frame"),
    ] {
        let about = |line: &&String| line.contains(&format!("\"{route}\"")) && line.contains(&format!("\"{outcome}\""));
        assert_eq!(lines.iter().filter(about).count(), 1, "{route} in {lines:#?}");
    }
}

#[tokio::test]
async fn the_log_for_people_holds_no_secret_either() {
    let server = Tunrtc::start(&["--log", "text"]);
    let traffic = make(&server.api).await;
    server.signal("TERM");
    let (_, lines, errors) = server.ended();
    assert_silent(&traffic, &lines, &errors);
    for (id, route, ..) in &traffic.requests {
        let about = lines.iter().filter(|line| line.contains(id.as_str()) && line.contains(route));
        assert_eq!(about.count(), 1, "{route}");
    }
}

fn assert_silent(traffic: &Traffic, lines: &[String], errors: &str) {
    assert!(traffic.secrets.len() > 12, "there are secrets to look for");
    for text in lines.iter().map(String::as_str).chain([errors]) {
        for secret in &traffic.secrets {
            assert!(!text.contains(secret.as_str()), "{secret} is in the log: {text}");
        }
    }
}
