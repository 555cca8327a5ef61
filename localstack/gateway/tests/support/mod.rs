//! What every end-to-end test needs: a server, people in it, and a way to wait for what must come.
#![allow(dead_code, reason = "each suite uses its part")]

pub mod apps;

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use domain::Clock;
use local::{Options, Server};
use runtime::{SystemClock, settings};
use serde_json::{Value, json};
use testclient::{Account, Api, Reply, Socket, socket_address};

/// The address of a deployed server. With it, suites that ask for [`Target::any`] run there.
const DEPLOYED: &str = "TUNRTC_E2E_URL";

/// The password of everybody that [`Target::person`] makes; see [`Api::register`].
pub const PASSWORD: &str = "correct horse";

/// The server that a test talks to.
pub struct Target {
    /// Its REST API.
    pub api: Api,
    server: Option<Server>,
}

impl Target {
    /// The deployed server, if there is one, or else a new one in this process.
    pub async fn any() -> Self {
        match deployed() {
            Some(url) => Self { api: Api::new(url), server: None },
            None => Self::local().await,
        }
    }

    /// Whether that is a deployment, in an emulator of AWS.
    pub fn is_deployed(&self) -> bool {
        self.server.is_none()
    }

    /// A new server in this process, with its data in memory.
    pub async fn local() -> Self {
        Self::with(Options::default()).await
    }

    /// The same with some of its settings.
    pub async fn with_settings<const N: usize>(settings: [(&'static str, u32); N]) -> Self {
        let settings = settings.map(|(name, value)| (name, value.to_string())).to_vec();
        Self::with(Options { settings, ..Options::default() }).await
    }

    /// The same with other options; the port is always a free one.
    pub async fn with(options: Options) -> Self {
        let server = Server::start(Options { port: 0, ..options }).await.expect("a server");
        Self { api: Api::new(server.url()), server: Some(server) }
    }

    /// The server in this process.
    pub fn server(&self) -> &Server {
        self.server.as_ref().expect("a server in this process")
    }

    /// Stops a server in this process.
    pub async fn stop(self) {
        self.server.expect("a server in this process").stop().await;
    }

    /// A new account whose name starts so and was never used before.
    pub async fn person(&self, name: &str) -> Account {
        self.api.register(&unique(name)).await
    }

    /// Joins over REST.
    pub async fn seat(&self, person: &Account, session: &str) -> Reply {
        let reply = self.api.join(person, session).await;
        assert_eq!(reply.status, 200, "{}", reply.body);
        reply
    }

    /// Joins over REST and connects, without joining over the socket.
    pub async fn connect(&self, person: &Account, session: &str) -> Socket {
        let joined = self.seat(person, session).await;
        Socket::connect(&socket_address(&joined.body["signaling"])).await.expect("an open door")
    }

    /// Joins over REST, connects, and joins over the socket.
    pub async fn enter(&self, person: &Account, session: &str) -> Socket {
        let socket = self.connect(person, session).await;
        socket.ack("joinSession", json!({ "sessionId": session })).await;
        socket
    }

    /// Two people in a session of two; what came of the second one's joining has been taken from the first one's socket.
    pub async fn pair(&self) -> Pair {
        let (alice, bob) = (self.person("alice").await, self.person("bob").await);
        let session = self.api.create_session(&alice, 2).await;
        let mut at_alice = self.enter(&alice, &session).await;
        let at_bob = self.enter(&bob, &session).await;
        assert_eq!(at_alice.event("userJoined").await["data"]["userId"], bob.id);
        Pair { alice, bob, session, at_alice, at_bob }
    }

    /// The session as its members see it.
    pub async fn detail(&self, person: &Account, session: &str) -> Value {
        let reply = self.api.get(&format!("/api/session/{session}"), Some(&person.token)).await;
        assert_eq!(reply.status, 200, "{}", reply.body);
        reply.body
    }

    /// Posts something about a session that names it alone.
    pub async fn about(&self, person: &Account, what: &str, session: &str) -> Reply {
        self.api.post(&format!("/api/session/{what}"), Some(&person.token), json!({ "sessionId": session })).await
    }
}

/// A lease of 3 s, and what must fit it.
pub fn short_lease() -> Vec<(&'static str, String)> {
    [
        (settings::LEASE_SECONDS, 3),
        (settings::HEARTBEAT_SECONDS, 1),
        (settings::DETECTION_SECONDS, 1),
        (settings::RECONNECT_GRACE_SECONDS, 3),
        (settings::FIRST_CONNECT_SECONDS, 3),
    ]
    .map(|(name, seconds)| (name, seconds.to_string()))
    .into()
}

/// Two people who are connected to one session, alice its creator.
pub struct Pair {
    pub alice: Account,
    pub bob: Account,
    pub session: String,
    pub at_alice: Socket,
    pub at_bob: Socket,
}

#[expect(clippy::disallowed_methods, reason = "which server to test is for the caller's environment to say")]
fn deployed() -> Option<String> {
    std::env::var(DEPLOYED).ok().filter(|url| !url.is_empty()).map(|url| url.trim_end_matches('/').to_owned())
}

/// A name that was never used before, in this run or another.
pub fn unique(name: &str) -> String {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let (now, count) = (SystemClock.now().millis(), COUNT.fetch_add(1, Ordering::Relaxed));
    format!("{name}-{now}-{}-{count}", std::process::id())
}

/// Asks again until the answer is there, for what no event tells.
pub async fn until<T>(what: &str, mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    let asking = async {
        loop {
            if let Some(answer) = ask().await {
                return answer;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), asking).await.unwrap_or_else(|_| panic!("never came: {what}"))
}

/// Checks a point in time: RFC 3339, UTC, milliseconds.
pub fn assert_time(value: &Value) {
    let text = value.as_str().unwrap_or_else(|| panic!("not a time: {value}"));
    let at = protocol::parse_time(text).unwrap_or_else(|| panic!("not a time: {text}"));
    assert_eq!(protocol::format_time(at), text);
}

/// Checks an identifier: a UUIDv7, lower case, with hyphens.
pub fn assert_id(value: &Value) {
    let text = value.as_str().unwrap_or_else(|| panic!("not an id: {value}"));
    assert!(text.parse::<domain::UserId>().is_ok(), "{text}");
}

/// The names of the events, in order.
pub fn names(events: &[Value]) -> Vec<&str> {
    events.iter().map(|event| event["event"].as_str().unwrap_or_default()).collect()
}

/// A caption that begins now.
pub fn caption(text: &str, is_final: bool) -> Value {
    let began = protocol::format_time(SystemClock.now());
    json!({ "captionId": "c1", "text": text, "final": is_final, "language": "en", "startedAt": began })
}

/// An offer to that user.
pub fn offer(target: &str, sdp: &str) -> Value {
    json!({ "targetUserId": target, "offer": { "type": "offer", "sdp": sdp } })
}

/// A client's report of the present minute, with more fields or others.
pub fn report(run: &str, more: Value) -> Value {
    let now = SystemClock.now();
    let minute = protocol::format_time(domain::Timestamp::from_millis(now.millis() / 60_000 * 60_000));
    let mut report = json!({
        "minute": minute, "run": run, "scoreVersion": 1, "score": 3.5,
        "summary": { "startedAt": minute, "minutes": 1, "outcome": "connected", "score": 4.25, "worstScore": 3.5, "joinMs": 420 },
    });
    report.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
    report
}
