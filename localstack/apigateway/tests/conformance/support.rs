//! A running gateway, functions that record what they are asked, and clients.

use std::{future::Future, net::SocketAddr, time::Duration};

use apigateway::{Builder, Function, FunctionError, Gateway, Limits, function};
use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::{mpsc, oneshot},
    task::JoinHandle,
};
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async,
    tungstenite::{
        Error, Message,
        client::{ClientRequestBuilder, IntoClientRequest},
        protocol::CloseFrame,
    },
};

/// The access key of every test's control plane.
pub const ACCESS_KEY: &str = "AKIATEST";

/// Longer than anything here takes; a test that waits so long fails.
const PATIENCE: Duration = Duration::from_secs(20);

/// Waits for what must happen.
pub async fn soon<T>(what: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, what).await.expect("it happens within the test's patience")
}

/// A gateway that listens on ports of its own.
pub struct Running {
    pub gateway: Gateway,
    pub address: SocketAddr,
    pub control: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    served: JoinHandle<()>,
}

/// Starts what was configured.
pub async fn start(builder: Builder) -> Running {
    let gateway = builder.access_key_id(ACCESS_KEY).build().expect("a valid configuration");
    let (public, address) = listener().await;
    let (internal, control) = listener().await;
    let (stop, stopped) = oneshot::channel::<()>();
    let served = tokio::spawn({
        let gateway = gateway.clone();
        async move { gateway.serve(public, async { drop(stopped.await) }).await }
    });
    tokio::spawn({
        let gateway = gateway.clone();
        async move { gateway.serve_control(internal, std::future::pending()).await }
    });
    Running { gateway, address, control, stop: Some(stop), served }
}

async fn listener() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("a bound address");
    (listener, address)
}

impl Running {
    /// Asks for a shutdown; the returned handle ends with it.
    pub fn shut_down(mut self) -> JoinHandle<()> {
        drop(self.stop.take());
        self.served
    }

    /// Opens a WebSocket.
    pub async fn connect(&self) -> Client {
        self.connect_to("/ws").await.expect("the handshake succeeds")
    }

    /// Opens a WebSocket at a path with a query.
    pub async fn connect_to(&self, target: &str) -> Result<Client, Error> {
        self.connect_with(target, |request| request).await
    }

    /// Opens a WebSocket with further headers.
    pub async fn connect_with(
        &self,
        target: &str,
        change: impl FnOnce(ClientRequestBuilder) -> ClientRequestBuilder,
    ) -> Result<Client, Error> {
        let uri = format!("ws://{}{target}", self.address).parse().expect("a URI");
        let request = change(ClientRequestBuilder::new(uri)).into_client_request()?;
        let (stream, _response) = soon(connect_async(request)).await?;
        Ok(Client { stream })
    }

    /// The status and body that refuse a handshake.
    pub async fn refused(&self, target: &str) -> (u16, Value) {
        match self.connect_to(target).await {
            Err(Error::Http(response)) => {
                let body = response.body().as_deref().unwrap_or_default();
                (response.status().as_u16(), serde_json::from_slice(body).unwrap_or(Value::Null))
            }
            Err(other) => panic!("refused by {other}"),
            Ok(_) => panic!("the handshake succeeded"),
        }
    }

    /// Sends a request to the public listener, written out by the test.
    pub async fn send(&self, request: impl AsRef<[u8]>) -> Answer {
        exchange(self.address, request.as_ref()).await
    }

    /// A GET request.
    pub async fn get(&self, target: &str) -> Answer {
        self.send(format!("GET {target} HTTP/1.1\r\nHost: api.example\r\nConnection: close\r\n\r\n")).await
    }

    /// A POST request with a body of this type.
    pub async fn post(&self, target: &str, content_type: &str, body: &[u8]) -> Answer {
        let head = format!(
            "POST {target} HTTP/1.1\r\nHost: api.example\r\nConnection: close\r\nContent-Type: {content_type}\r\n\
             Content-Length: {}\r\n\r\n",
            body.len()
        );
        self.send([head.as_bytes(), body].concat()).await
    }

    /// A request to the control plane, signed with a key.
    pub async fn control_as(&self, key: &str, method: &str, path: &str, body: &str) -> http::Response<Bytes> {
        let request = http::Request::builder()
            .method(method)
            .uri(path)
            .header("authorization", format!("AWS4-HMAC-SHA256 Credential={key}/20260101/us-east-1/x/aws4_request"))
            .body(Bytes::from(body.to_owned()))
            .expect("a request");
        soon(self.gateway.control(request)).await
    }

    /// A request to `@connections`.
    pub async fn connections(&self, method: &str, id: &str, body: &str) -> http::Response<Bytes> {
        let id = id.replace('=', "%3D");
        self.control_as(ACCESS_KEY, method, &format!("/local/@connections/{id}"), body).await
    }

    /// The status of a push.
    pub async fn push(&self, id: &str, body: &str) -> u16 {
        self.connections("POST", id, body).await.status().as_u16()
    }
}

/// Sends bytes and reads an answer until the server closes.
pub async fn exchange(address: SocketAddr, request: &[u8]) -> Answer {
    let mut stream = TcpStream::connect(address).await.expect("the gateway listens");
    stream.write_all(request).await.expect("the gateway reads");
    let mut bytes = Vec::new();
    soon(stream.read_to_end(&mut bytes)).await.expect("an answer");
    Answer::parse(&bytes)
}

/// An HTTP answer.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn parse(bytes: &[u8]) -> Self {
        let end = bytes.windows(4).position(|window| window == b"\r\n\r\n").expect("an HTTP answer");
        let head = std::str::from_utf8(&bytes[..end]).expect("an ASCII head");
        let mut lines = head.split("\r\n");
        let status = lines.next().and_then(|line| line.split(' ').nth(1)?.parse().ok()).expect("a status");
        let headers = lines
            .filter_map(|line| line.split_once(": "))
            .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
            .collect();
        Self { status, headers, body: bytes[end + 4..].to_vec() }
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(own, _)| own == name).map(|(_, value)| value.as_str())
    }

    pub fn headers(&self, name: &str) -> Vec<&str> {
        self.headers.iter().filter(|(own, _)| own == name).map(|(_, value)| value.as_str()).collect()
    }

    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("a text")
    }
}

/// The client's end of a WebSocket.
#[derive(Debug)]
pub struct Client {
    stream: WebSocketStream<MaybeTlsStream<TcpStream>>,
}

impl Client {
    pub async fn send(&mut self, text: &str) {
        self.send_message(Message::text(text)).await;
    }

    pub async fn send_message(&mut self, message: Message) {
        soon(self.stream.send(message)).await.expect("the gateway reads");
    }

    /// The next text.
    pub async fn text(&mut self) -> String {
        loop {
            match soon(self.stream.next()).await {
                Some(Ok(Message::Text(text))) => return text.to_string(),
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                other => panic!("a text was expected, {other:?} came"),
            }
        }
    }

    /// How many bytes come at once, whatever they are.
    pub async fn bytes_at_once(&self) -> usize {
        let MaybeTlsStream::Plain(stream) = self.stream.get_ref() else { panic!("a socket without TLS") };
        soon(stream.readable()).await.expect("an open socket");
        stream.try_read(&mut [0; 4096]).expect("bytes")
    }

    pub async fn json(&mut self) -> Value {
        serde_json::from_str(&self.text().await).expect("a JSON text")
    }

    /// The next message of any kind; none after the end.
    pub async fn next(&mut self) -> Option<Result<Message, Error>> {
        soon(self.stream.next()).await
    }

    /// How the gateway closes the socket, whatever it sends before. Answers it, too.
    pub async fn closed(&mut self) -> Option<CloseFrame> {
        loop {
            match soon(self.stream.next()).await {
                Some(Ok(Message::Close(frame))) => {
                    // Reading on sends the answer.
                    while let Some(Ok(_)) = soon(self.stream.next()).await {}
                    return frame;
                }
                Some(Ok(_)) => {}
                other => panic!("a close frame was expected, {other:?} came"),
            }
        }
    }

    /// The code of the gateway's close frame.
    pub async fn close_code(&mut self) -> u16 {
        self.closed().await.expect("a close frame with a code").code.into()
    }

    /// Whether nothing but the end comes any more, without a close frame.
    pub async fn ends_without_close_frame(&mut self) -> bool {
        loop {
            match soon(self.stream.next()).await {
                Some(Ok(Message::Close(_))) => return false,
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return true,
            }
        }
    }

    pub async fn close(&mut self, frame: Option<CloseFrame>) {
        soon(self.stream.close(frame)).await.expect("the gateway answers");
    }

    /// The TCP connection below.
    pub fn tcp(self) -> TcpStream {
        match self.stream.into_inner() {
            MaybeTlsStream::Plain(stream) => stream,
            _ => unreachable!("tests use no TLS"),
        }
    }
}

/// What a function was asked.
pub struct Calls(mpsc::UnboundedReceiver<Value>);

impl Calls {
    /// The next event.
    pub async fn next(&mut self) -> Value {
        soon(self.0.recv()).await.expect("the function exists")
    }

    /// The next event that came already.
    pub fn try_next(&mut self) -> Option<Value> {
        self.0.try_recv().ok()
    }

    /// Whether no event came so far.
    pub fn is_empty(&mut self) -> bool {
        self.try_next().is_none()
    }
}

/// A function that records its events and always gives the same answer.
pub fn answering(answer: Value) -> (Function, Calls) {
    recording(move |_| Ok(answer.clone()))
}

/// A function that records its events and computes its answers.
pub fn recording(
    handler: impl Fn(&Value) -> Result<Value, FunctionError> + Send + Sync + 'static,
) -> (Function, Calls) {
    let (sender, receiver) = mpsc::unbounded_channel();
    let recorder = function(move |event: Bytes| {
        let event: Value = serde_json::from_slice(&event).expect("events are JSON");
        let answer = handler(&event);
        let _ = sender.send(event);
        async move { Ok(serde_json::to_vec(&answer?).expect("a JSON answer").into()) }
    });
    (recorder, Calls(receiver))
}

/// A function that does nothing and succeeds.
pub fn ok() -> Function {
    answering(json!({"statusCode": 200})).0
}

/// A function that returns the message it got.
pub fn echo() -> Function {
    recording(|event| Ok(json!({"statusCode": 200, "body": event["body"]}))).0
}

/// A function that returns the caller's connection id.
pub fn who() -> Function {
    recording(|event| Ok(json!({"statusCode": 200, "body": event["requestContext"]["connectionId"]}))).0
}

/// A function that fails.
pub fn failing(message: &'static str) -> Function {
    function(move |_| async move { Err(FunctionError::new(message)) })
}

/// A function that panics, as soon as it is called or later.
pub fn panicking() -> Function {
    function(|event: Bytes| {
        assert!(event.is_empty(), "this panic is the test's own");
        async move { Ok(event) }
    })
}

/// A function that never answers.
pub fn stuck() -> Function {
    function(|_| std::future::pending())
}

/// Limits with short durations for what the test waits for.
pub fn limits(change: impl FnOnce(&mut Limits)) -> Limits {
    let mut limits = Limits::default();
    change(&mut limits);
    limits
}

/// A time as `requestContext` writes it: `29/Nov/2023:08:04:01 +0000`
pub fn assert_request_time(time: &Value) {
    let text = time.as_str().expect("a time");
    let shape: String = text
        .chars()
        .map(|character| match character {
            '0'..='9' => '9',
            'a'..='z' => 'a',
            'A'..='Z' => 'A',
            other => other,
        })
        .collect();
    assert_eq!(shape, "99/Aaa/9999:99:99:99 +9999", "{text}");
    assert!(text.ends_with("+0000"));
}
