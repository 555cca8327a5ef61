//! The real binary is killed in the middle of a negotiation and started again on the same data: both clients resume, and
//! the negotiation completes.

mod support;

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};
use support::offer;
use testclient::{Account, Api, Socket};

/// The server as a process of its own.
struct Process {
    child: Child,
    url: String,
}

impl Process {
    /// Starts it and waits for its ready line.
    fn start(data: &Path, port: u16) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tunrtc"));
        command.arg("--port").arg(port.to_string()).arg("--data").arg(data);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("the binary starts");
        let mut lines = BufReader::new(child.stdout.take().expect("a pipe"));
        let mut line = String::new();
        lines.read_line(&mut line).expect("a ready line");
        let url = line.trim().rsplit(' ').next().expect("an address").to_owned();
        // Whoever stops reading would stop the server at its next log line.
        std::thread::spawn(move || std::io::copy(&mut lines, &mut std::io::sink()));
        Self { child, url }
    }

    fn port(&self) -> u16 {
        self.url.rsplit(':').next().and_then(|port| port.parse().ok()).expect("a port")
    }

    /// `kill -9`: nothing is flushed, nobody is told.
    fn kill(mut self) {
        self.child.kill().expect("a running process");
        self.child.wait().expect("an end");
    }
}

async fn resume(api: &Api, person: &Account, session: &str, since: &Value) -> (Value, Socket) {
    let socket = Socket::connect(&api.ticket(person, session).await).await.expect("an open door");
    let joined = socket.ack("joinSession", json!({ "sessionId": session, "since": since })).await;
    (joined, socket)
}

async fn enter(api: &Api, person: &Account, session: &str) -> Socket {
    let joined = api.join(person, session).await;
    let address = testclient::socket_address(&joined.body["signaling"]);
    let socket = Socket::connect(&address).await.expect("an open door");
    socket.ack("joinSession", json!({ "sessionId": session })).await;
    socket
}

#[tokio::test(flavor = "multi_thread")]
async fn a_negotiation_outlives_a_killed_server() {
    let folder = std::env::temp_dir().join(support::unique("tunrtc-restart"));
    std::fs::create_dir_all(&folder).expect("a folder");
    let data = folder.join("data.db");

    let server = Process::start(&data, 0);
    let api = Api::new(&server.url);
    let (alice, bob) = (api.register("alice").await, api.register("bob").await);
    let session = api.create_session(&alice, 2).await;
    let mut at_alice = enter(&api, &alice, &session).await;
    let mut at_bob = enter(&api, &bob, &session).await;
    let alice_saw = at_alice.event("userJoined").await["timestamp"].clone();
    at_alice.ack("sendMessage", json!({ "message": "calling" })).await;
    let bob_saw = at_bob.event("receiveMessage").await["timestamp"].clone();

    // Bob is in a tunnel when the offer is sent, and the server dies before he is back.
    drop(at_bob);
    at_alice.event("userStatusUpdated").await;
    let mut sent = offer(&bob.id, "v=0 the offer");
    sent["epoch"] = json!("run-1");
    sent["seq"] = json!(1);
    assert_eq!(at_alice.ack("sendOffer", sent).await["delivery"], "queued");
    let port = server.port();
    server.kill();
    at_alice.ended().await;

    let server = Process::start(&data, port);
    let (joined, mut at_bob) = resume(&api, &bob, &session, &bob_saw).await;
    assert_eq!(joined["recovered"], true);
    let received = at_bob.event("receiveOffer").await;
    assert_eq!((&received["data"]["offer"]["sdp"], &received["data"]["seq"]), (&json!("v=0 the offer"), &json!(1)));
    // Alice is still away: the answer waits for her.
    let answer = json!({ "targetUserId": alice.id, "answer": { "type": "answer", "sdp": "v=0 the answer" }, "epoch": "run-2", "seq": 1 });
    at_bob.ack("sendAnswer", answer).await;
    let (joined, mut at_alice) = resume(&api, &alice, &session, &alice_saw).await;
    assert_eq!(joined["recovered"], true);
    assert_eq!(at_alice.event("receiveAnswer").await["data"]["answer"]["sdp"], "v=0 the answer");
    let candidate =
        json!({ "targetUserId": bob.id, "candidate": { "candidate": "candidate:1" }, "epoch": "run-1", "seq": 2 });
    assert_eq!(at_alice.ack("sendIceCandidate", candidate).await["delivery"], "sent");
    assert_eq!(at_bob.event("receiveIceCandidate").await["data"]["seq"], 2);

    server.kill();
    std::fs::remove_dir_all(folder).expect("a folder that is ours");
}
