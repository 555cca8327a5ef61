//! REST.

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HOST};
use http::{HeaderMap, Method, Request, StatusCode, Uri};
use http_body_util::{BodyExt, Full};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpStream;

/// A server's HTTP API.
#[derive(Debug, Clone)]
pub struct Api {
    base: String,
}

/// A response.
#[derive(Debug, Clone)]
pub struct Reply {
    /// Its status.
    pub status: StatusCode,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body; null where it is empty or not JSON.
    pub body: Value,
    /// Its body as it came.
    pub bytes: Bytes,
}

/// A request that got no whole answer: the server is not there, or went away.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lost;

impl Reply {
    /// The `code` of a problem document.
    pub fn code(&self) -> &str {
        self.body["code"].as_str().unwrap_or_default()
    }

    /// The value of a header; empty where there is none.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// The body's text at `key`.
    ///
    /// # Panics
    /// There is none; the message shows the whole body.
    pub fn text(&self, key: &str) -> String {
        let value = self.body[key].as_str();
        value.unwrap_or_else(|| panic!("no text at {key}: {} {}", self.status, self.body)).to_owned()
    }
}

/// Somebody who is logged in.
#[derive(Debug, Clone)]
pub struct Account {
    /// The account.
    pub id: String,
    /// Its name.
    pub username: String,
    /// Its access token.
    pub token: String,
    /// Its refresh token.
    pub refresh_token: String,
}

impl Api {
    /// The API at `base`, `http://localhost:5000` say; a path in front of the routes is kept.
    pub fn new(base: impl Into<String>) -> Self {
        Self { base: base.into() }
    }

    /// Sends a request with a JSON body.
    ///
    /// # Panics
    /// The server cannot be reached or does not speak HTTP.
    pub async fn call(&self, method: Method, path: &str, token: Option<&str>, body: Option<Value>) -> Reply {
        let body = body.map(|body| body.to_string().into_bytes());
        self.raw(method, path, token, Some("application/json"), body.unwrap_or_default()).await
    }

    /// Sends a request with any body.
    ///
    /// # Panics
    /// The server cannot be reached or does not speak HTTP.
    pub async fn raw(
        &self,
        method: Method,
        path: &str,
        token: Option<&str>,
        content_type: Option<&str>,
        body: Vec<u8>,
    ) -> Reply {
        self.send(path, request(method, token, content_type, body)).await
    }

    /// Sends a request that is already built.
    ///
    /// # Panics
    /// The server cannot be reached or does not speak HTTP.
    pub async fn send(&self, path: &str, request: Request<Full<Bytes>>) -> Reply {
        self.try_send(path, request).await.expect("an answer from the server")
    }

    /// Sends a request that is already built to a server that may not be there.
    ///
    /// # Errors
    /// No whole answer came.
    pub async fn try_send(&self, path: &str, mut request: Request<Full<Bytes>>) -> Result<Reply, Lost> {
        let uri: Uri = format!("{}{path}", self.base).parse().expect("a valid address");
        let authority = uri.authority().expect("an address with a host").to_string();
        request.headers_mut().insert(HOST, authority.parse().expect("a valid host"));
        *request.uri_mut() = uri.path_and_query().expect("a path").to_string().parse().expect("a valid path");

        let host = uri.host().expect("an address with a host");
        let stream = TcpStream::connect((host, uri.port_u16().unwrap_or(80))).await.map_err(|_| Lost)?;
        stream.set_nodelay(true).map_err(|_| Lost)?;
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(|_| Lost)?;
        let driver = tokio::spawn(connection);
        let response = sender.send_request(request).await.map_err(|_| Lost)?;
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.map_err(|_| Lost)?.to_bytes();
        driver.abort();
        let body = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
        Ok(Reply { status: parts.status, headers: parts.headers, body, bytes })
    }

    /// Posts JSON to a server that may not be there.
    ///
    /// # Errors
    /// No whole answer came.
    pub async fn try_post(&self, path: &str, token: Option<&str>, body: &Value) -> Result<Reply, Lost> {
        let request = request(Method::POST, token, Some("application/json"), body.to_string().into_bytes());
        self.try_send(path, request).await
    }

    /// GET.
    pub async fn get(&self, path: &str, token: Option<&str>) -> Reply {
        self.call(Method::GET, path, token, None).await
    }

    /// POST.
    pub async fn post(&self, path: &str, token: Option<&str>, body: Value) -> Reply {
        self.call(Method::POST, path, token, Some(body)).await
    }

    /// Opens an account.
    ///
    /// # Panics
    /// It is refused.
    pub async fn register(&self, username: &str) -> Account {
        let email = format!("{username}@example.org");
        let body = json!({ "username": username, "email": email, "password": "correct horse" });
        account(&self.post("/api/auth/register", None, body).await)
    }

    /// Logs in.
    ///
    /// # Panics
    /// It is refused.
    pub async fn login(&self, email: &str, password: &str) -> Account {
        account(&self.post("/api/auth/login", None, json!({ "email": email, "password": password })).await)
    }

    /// Creates a session and returns its identifier.
    ///
    /// # Panics
    /// It is refused.
    pub async fn create_session(&self, owner: &Account, seats: u8) -> String {
        let body = json!({ "name": "Test", "maxParticipants": seats });
        self.post("/api/session/create", Some(&owner.token), body).await.text("sessionId")
    }

    /// Joins a session over REST and returns the whole answer.
    pub async fn join(&self, account: &Account, session: &str) -> Reply {
        self.post("/api/session/join", Some(&account.token), json!({ "sessionId": session })).await
    }

    /// A fresh ticket for a participant, as the complete address of the socket.
    ///
    /// # Panics
    /// It is refused.
    pub async fn ticket(&self, account: &Account, session: &str) -> String {
        let reply = self.post("/api/session/ticket", Some(&account.token), json!({ "sessionId": session })).await;
        socket_address(&reply.body)
    }
}

fn request(method: Method, token: Option<&str>, content_type: Option<&str>, body: Vec<u8>) -> Request<Full<Bytes>> {
    let mut request = Request::builder().method(method);
    if let Some(token) = token {
        request = request.header(AUTHORIZATION, format!("Bearer {token}"));
    }
    if let Some(kind) = content_type {
        request = request.header(CONTENT_TYPE, kind);
    }
    request.body(Full::new(Bytes::from(body))).expect("a valid request")
}

/// The complete address of the socket from a `Signaling`.
///
/// # Panics
/// It is none.
pub fn socket_address(signaling: &Value) -> String {
    let part = |key: &str| signaling[key].as_str().unwrap_or_else(|| panic!("no {key}: {signaling}")).to_owned();
    format!("{}?ticket={}", part("url"), part("ticket"))
}

/// Who is logged in by the answer to a registration, a login or a refresh.
///
/// # Panics
/// It was refused.
pub fn account(reply: &Reply) -> Account {
    Account {
        id: reply.text("userId"),
        username: reply.text("username"),
        token: reply.text("token"),
        refresh_token: reply.text("refreshToken"),
    }
}
