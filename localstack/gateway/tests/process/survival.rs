//! What was acknowledged survives the sudden end of the process.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::{Arc, Mutex};

use http::Method;
use serde_json::{Value, json};
use testclient::{Account, Api, Socket, account, socket_address};

use crate::support::{PASSWORD, unique, until};
use crate::tunrtc::{Folder, Tunrtc};

/// Everything that was acknowledged.
#[derive(Default)]
struct Acknowledged {
    accounts: Mutex<Vec<Account>>,
    sessions: Mutex<Vec<String>>,
    messages: Mutex<Vec<(String, String)>>,
}

impl Acknowledged {
    fn counts(&self) -> [usize; 3] {
        [len(&self.accounts), len(&self.sessions), len(&self.messages)]
    }
}

fn len<T>(list: &Mutex<Vec<T>>) -> usize {
    list.lock().expect("no panic").len()
}

fn push<T>(list: &Mutex<Vec<T>>, item: T) {
    list.lock().expect("no panic").push(item);
}

/// Registers one account after the other, until the server is gone.
async fn register(api: Api, acknowledged: Arc<Acknowledged>) {
    loop {
        let username = unique("user");
        let body = json!({ "username": username, "email": format!("{username}@example.org"), "password": PASSWORD });
        match api.try_post("/api/auth/register", None, &body).await {
            Ok(reply) => push(&acknowledged.accounts, account(&reply)),
            Err(testclient::Lost) => return,
        }
    }
}

/// Creates one session after the other, until the server is gone.
async fn create(api: Api, owner: Account, acknowledged: Arc<Acknowledged>) {
    let body = json!({ "name": "Another one" });
    while let Ok(reply) = api.try_post("/api/session/create", Some(&owner.token), &body).await {
        push(&acknowledged.sessions, reply.text("sessionId"));
    }
}

/// Sends one chat message after the other, until the server is gone.
async fn chat(socket: Arc<Socket>, acknowledged: Arc<Acknowledged>) {
    loop {
        let text = unique("message");
        match socket.request("sendMessage", json!({ "message": text })).await {
            Ok(answer) if answer["event"] == "ack" => {
                let id = answer["data"]["messageId"].as_str().expect("an id").to_owned();
                push(&acknowledged.messages, (id, text));
            }
            Ok(refused) => assert_eq!(refused["data"]["code"], "rate_limited", "{refused}"),
            Err(testclient::Ended) => return,
        }
    }
}

/// Every message of a session, as identifier and text.
async fn history(api: &Api, person: &Account, session: &str) -> Vec<(String, String)> {
    let (mut all, mut next) = (Vec::new(), Some(format!("/api/session/{session}/messages?limit=100")));
    while let Some(path) = next {
        let page = api.get(&path, Some(&person.token)).await;
        assert_eq!(page.status, 200, "{}", page.body);
        let text = |item: &Value, key: &str| item[key].as_str().expect("a text").to_owned();
        let items = page.body.as_array().expect("a list");
        all.extend(items.iter().map(|item| (text(item, "messageId"), text(item, "message"))));
        next = page.header("link").strip_prefix('<').and_then(|link| link.split('>').next()).map(str::to_owned);
    }
    all
}

#[tokio::test]
async fn what_was_acknowledged_survives_a_kill_in_the_middle_of_traffic() {
    let folder = Folder::new("kill");
    let data = folder.file("tunrtc.db");
    // As fast as the server goes: no throttle is in the way.
    let unlimited = [
        "TUNRTC_SESSIONS_PER_USER",
        "TUNRTC_REGISTRATIONS_PER_ADDRESS",
        "TUNRTC_FRAMES_PER_SECOND",
        "TUNRTC_FRAMES_BURST",
        "TUNRTC_CHAT_PER_SECOND",
        "TUNRTC_CHAT_BURST",
    ]
    .map(|limit| (limit, "1000000"));
    let server = Tunrtc::start_in(&["--data", &data], &unlimited);
    let owner = server.api.register(&unique("owner")).await;
    let session = server.api.create_session(&owner, 2).await;
    let joined = server.api.join(&owner, &session).await;
    let ticket = server.api.ticket(&owner, &session).await;
    let socket = Socket::connect(&socket_address(&joined.body["signaling"])).await.expect("an open door");
    socket.ack("joinSession", json!({ "sessionId": session })).await;

    let acknowledged = Arc::new(Acknowledged::default());
    let socket = Arc::new(socket);
    let mut traffic = Vec::new();
    for _ in 0..2 {
        traffic.push(tokio::spawn(register(server.api.clone(), Arc::clone(&acknowledged))));
        traffic.push(tokio::spawn(create(server.api.clone(), owner.clone(), Arc::clone(&acknowledged))));
        traffic.push(tokio::spawn(chat(Arc::clone(&socket), Arc::clone(&acknowledged))));
    }
    until("enough traffic", async || {
        let [accounts, sessions, messages] = acknowledged.counts();
        (accounts >= 8 && sessions >= 20 && messages >= 60).then_some(())
    })
    .await;
    server.signal("KILL");
    let (status, ..) = server.ended();
    assert_eq!(status.code(), None, "it did not stop by itself");
    for task in traffic {
        task.await.expect("traffic that ends with the server");
    }

    let server = Tunrtc::start(&["--data", &data]);
    let accounts = acknowledged.accounts.lock().expect("no panic").clone();
    for person in &accounts {
        let me = server.api.get("/api/auth/me", Some(&person.token)).await;
        assert_eq!((me.status.as_u16(), &me.body["id"]), (200, &json!(person.id)), "{}", me.body);
        let refreshed = server.api.post("/api/auth/refresh", None, json!({ "refreshToken": person.refresh_token }));
        assert_eq!(refreshed.await.status, 200);
    }
    let last = accounts.last().expect("an account");
    let again = server.api.login(&format!("{}@example.org", last.username), PASSWORD).await;
    assert_eq!(again.id, last.id);
    let sessions = acknowledged.sessions.lock().expect("no panic").clone();
    for created in &sessions {
        let detail = server.api.get(&format!("/api/session/{created}"), Some(&owner.token)).await;
        assert_eq!((detail.status.as_u16(), &detail.body["status"]), (200, &json!("active")), "{}", detail.body);
    }
    let kept = history(&server.api, &owner, &session).await;
    for message in acknowledged.messages.lock().expect("no panic").iter() {
        assert!(kept.contains(message), "{message:?} is lost");
    }

    // The seat and the ticket are still good, too; only the address may have changed.
    let fresh = server.api.ticket(&owner, &session).await;
    let (url, _) = fresh.split_once('?').expect("an address with a ticket");
    let (_, kept_ticket) = ticket.split_once('?').expect("an address with a ticket");
    let socket = Socket::connect(&format!("{url}?{kept_ticket}")).await.expect("an open door");
    let entered = socket.ack("joinSession", json!({ "sessionId": session })).await;
    assert_eq!(entered["session"]["currentParticipants"], 1);
}

/// Nobody waits for the lease of whoever was killed, which is good for another 15 minutes.
#[tokio::test]
async fn a_recording_is_put_together_at_once_after_a_kill_in_the_middle_of_it() {
    const CHUNKS: u32 = 8;
    const FRAME: u32 = 7 * 1024 * 1024;
    let folder = Folder::new("compose");
    let data = folder.file("tunrtc.db");
    let server = Tunrtc::start(&["--data", &data]);
    let alice = server.api.register(&unique("alice")).await;
    let session = server.api.create_session(&alice, 2).await;
    let joined = server.api.join(&alice, &session).await;
    let socket = Socket::connect(&socket_address(&joined.body["signaling"])).await.expect("an open door");
    socket.ack("joinSession", json!({ "sessionId": session })).await;
    let post = |step: &str, body: Value| {
        let (api, token, path) = (&server.api, &alice.token, format!("/api/session/recording/{step}"));
        async move { api.post(&path, Some(token), body).await.body }
    };
    let wanted = json!({ "sessionId": session, "kind": "participant", "mimeType": "video/webm" });
    let started = post("start", wanted).await;
    for seq in 0..CHUNKS {
        let url = started["uploads"][seq as usize]["url"].as_str().expect("an address");
        let (_, path) = url.split_once("/recordings/").expect("an address of the bucket");
        let path = format!("/recordings/{path}");
        let chunk = testkit::webm_chunk(seq, 4000 * seq, FRAME as usize);
        let stored = server.api.raw(Method::PUT, &path, None, Some("video/webm"), chunk).await;
        assert_eq!(stored.status, 200);
    }
    let recording = started["recordingId"].as_str().expect("an id");
    post("finish", json!({ "recordingId": recording, "lastSeq": CHUNKS - 1 })).await;
    let uploads = format!("{data}.recordings/uploads");
    let has_begun = || Path::new(&uploads).read_dir().is_ok_and(|mut entries| entries.next().is_some());
    until("a file that is being made", async || has_begun().then_some(())).await;
    server.signal("KILL");
    server.ended();
    assert!(has_begun(), "it was made already");

    let server = Tunrtc::start(&["--data", &data]);
    let path = format!("/api/recordings/{recording}");
    let ready = until("the end of putting together", async || {
        let shown = server.api.get(&path, Some(&alice.token)).await.body;
        (shown["status"] == "ready").then_some(shown)
    })
    .await;
    assert_eq!((&ready["gaps"], ready["files"].as_array().map(Vec::len)), (&json!([]), Some(1)));
    assert!(ready["bytes"].as_u64().is_some_and(|bytes| bytes > u64::from(CHUNKS * FRAME)), "{ready}");
}

#[tokio::test]
async fn the_secret_is_made_once_and_readable_by_its_owner_alone() {
    let folder = Folder::new("secret");
    let data = folder.file("tunrtc.db");
    let mut secrets = Vec::new();
    for _ in 0..2 {
        let server = Tunrtc::start(&["--data", &data]);
        server.signal("TERM");
        assert_eq!(server.ended().0.code(), Some(0));
        let path = format!("{data}.secret");
        let mode = std::fs::metadata(&path).expect("a secret beside the data").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        secrets.push(std::fs::read_to_string(&path).expect("a secret"));
    }
    assert_eq!(secrets[0], secrets[1]);
    assert!(secrets[0].len() >= 32);
}
