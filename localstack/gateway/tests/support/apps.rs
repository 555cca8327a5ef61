//! Apps with users of their own: API keys, join tokens, and requests with either.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use domain::Clock;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{Method, Request};
use http_body_util::Full;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use runtime::SystemClock;
use serde_json::{Value, json};
use testclient::{Account, Reply, Socket, socket_address};

use super::Target;

/// An API key of a test.
#[derive(Clone)]
pub struct Key {
    /// Its identifier.
    pub id: String,
    /// Its secret.
    pub secret: String,
}

/// The key that a server without data has.
pub fn devkey() -> Key {
    Key { id: "devkey".to_owned(), secret: "tunrtc-development-secret-0123456789".to_owned() }
}

pub fn now() -> u64 {
    SystemClock.now().seconds()
}

impl Key {
    /// The claims of a token for somebody to join a room.
    pub fn claims(&self, identity: &str, room: &str) -> Value {
        json!({
            "iss": self.id, "sub": identity, "nbf": now(), "exp": now() + 600,
            "video": { "roomJoin": true, "room": room },
        })
    }

    pub fn sign(&self, claims: &Value) -> String {
        self.sign_with(Algorithm::HS256, claims)
    }

    pub fn sign_with(&self, algorithm: Algorithm, claims: &Value) -> String {
        let key = EncodingKey::from_secret(self.secret.as_bytes());
        jsonwebtoken::encode(&Header::new(algorithm), claims, &key).expect("JSON")
    }

    /// Somebody with a token for a room.
    pub fn person(&self, identity: &str, room: &str) -> Account {
        let token = self.sign(&self.claims(identity, room));
        Account { id: String::new(), username: identity.to_owned(), token, refresh_token: String::new() }
    }

    pub fn basic(&self) -> String {
        format!("Basic {}", BASE64_STANDARD.encode(format!("{}:{}", self.id, self.secret)))
    }
}

/// What apps ask of a server.
impl Target {
    /// A new key, as the operator's command makes it.
    pub async fn key(&self, command: Value) -> Key {
        let made = self.command(command).await["created"].clone();
        let text = |name: &str| made[name].as_str().unwrap_or_else(|| panic!("{made}")).to_owned();
        Key { id: text("key"), secret: text("secret") }
    }

    /// Has an operator's command carried out.
    pub async fn command(&self, command: Value) -> Value {
        let function = self.server().function("api_keys").expect("the function");
        let answer = function(command.to_string().into()).await.expect("an answer");
        serde_json::from_slice(&answer).expect("JSON")
    }

    /// Joins with a token and what the body says.
    pub async fn join(&self, token: &str, body: Value) -> Reply {
        self.api.post("/api/session/join", Some(token), body).await
    }

    /// Joins with a token over REST, and over the socket.
    pub async fn enter_room(&self, token: &str) -> (Reply, Socket) {
        let joined = self.join(token, json!({})).await;
        assert_eq!(joined.status, 200, "{}", joined.body);
        let socket = Socket::connect(&socket_address(&joined.body["signaling"])).await.expect("an open door");
        socket.ack("joinSession", json!({ "sessionId": joined.text("sessionId") })).await;
        (joined, socket)
    }

    /// Calls with whatever is in `Authorization`.
    pub async fn call(&self, method: Method, path: &str, authorization: &str, body: Option<Value>) -> Reply {
        self.api.send(path, request(method, authorization, body)).await
    }
}

pub fn request(method: Method, authorization: &str, body: Option<Value>) -> Request<Full<Bytes>> {
    let body = body.map(|body| body.to_string()).unwrap_or_default();
    Request::builder()
        .method(method)
        .header(AUTHORIZATION, authorization)
        .header(CONTENT_TYPE, "application/json")
        .body(Full::new(Bytes::from(body)))
        .expect("a valid request")
}

#[track_caller]
pub fn assert_code(reply: &Reply, status: u16, code: &str, said: &str) {
    assert_eq!((reply.status.as_u16(), reply.code()), (status, code), "{}", reply.body);
    assert!(reply.text("detail").contains(said), "{} does not say {said}", reply.body);
}
