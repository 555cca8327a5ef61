//! Signaling.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::SinkExt;
use futures_util::stream::{SplitSink, StreamExt};
use http::header::ORIGIN;
use http::{Request, StatusCode};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::sync::{Mutex as AsyncMutex, mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

/// How long a test waits for what must come.
const PATIENCE: Duration = Duration::from_secs(20);

type Stream = WebSocketStream<MaybeTlsStream<TcpStream>>;
type Answers = Arc<Mutex<HashMap<String, oneshot::Sender<Value>>>>;

/// A handshake that was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// The HTTP status.
    pub status: StatusCode,
}

/// A connection that ended before what was waited for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ended;

/// A WebSocket.
pub struct Socket {
    sink: Arc<AsyncMutex<SplitSink<Stream, Message>>>,
    answers: Answers,
    events: mpsc::UnboundedReceiver<Value>,
    /// Events that were passed over while another was waited for.
    skipped: Vec<Value>,
    close_code: Arc<Mutex<Option<u16>>>,
    next_id: AtomicU64,
    reader: JoinHandle<()>,
}

impl Socket {
    /// Connects to a complete address, ticket included.
    ///
    /// # Errors
    /// The handshake is refused.
    ///
    /// # Panics
    /// The server cannot be reached.
    pub async fn connect(address: &str) -> Result<Self, Refused> {
        Self::open(address.into_client_request().expect("a valid address")).await
    }

    /// Connects as a browser does for a page of that web origin.
    ///
    /// # Errors
    /// The handshake is refused.
    ///
    /// # Panics
    /// The server cannot be reached.
    pub async fn connect_from(address: &str, origin: &str) -> Result<Self, Refused> {
        let mut request = address.into_client_request().expect("a valid address");
        request.headers_mut().insert(ORIGIN, origin.parse().expect("a valid header"));
        Self::open(request).await
    }

    async fn open(request: Request<()>) -> Result<Self, Refused> {
        let address = request.uri().clone();
        let stream = match tokio_tungstenite::connect_async_with_config(request, None, true).await {
            Ok((stream, _response)) => stream,
            Err(Error::Http(response)) => return Err(Refused { status: response.status() }),
            Err(error) => panic!("no WebSocket at {address}: {error}"),
        };
        let (sink, mut stream) = stream.split();
        let (sender, events) = mpsc::unbounded_channel();
        let answers = Answers::default();
        let close_code = Arc::new(Mutex::new(None));
        let (waiting, closed) = (Arc::clone(&answers), Arc::clone(&close_code));
        let reader = tokio::spawn(async move {
            while let Some(Ok(message)) = stream.next().await {
                match message {
                    Message::Text(text) => dispatch(&text, &waiting, &sender),
                    Message::Close(frame) => *lock(&closed) = frame.map(|frame| frame.code.into()),
                    _ => {}
                }
            }
            lock(&waiting).clear();
        });
        let sink = Arc::new(AsyncMutex::new(sink));
        Ok(Self { sink, answers, events, skipped: Vec::new(), close_code, next_id: AtomicU64::new(1), reader })
    }

    /// Sends any text.
    pub async fn send_text(&self, text: &str) {
        // A connection that is gone shows when something is awaited from it.
        let _gone = self.sink.lock().await.send(Message::text(text)).await;
    }

    /// Sends any message.
    pub async fn send_message(&self, message: Message) {
        let _gone = self.sink.lock().await.send(message).await;
    }

    /// Sends a frame and returns its whole answer, `ack` or `error`.
    ///
    /// # Errors
    /// The connection ended first.
    ///
    /// # Panics
    /// No answer came in time.
    pub async fn request(&self, action: &str, data: Value) -> Result<Value, Ended> {
        let id = self.next_id.fetch_add(1, Ordering::Relaxed).to_string();
        let (sender, answer) = oneshot::channel();
        lock(&self.answers).insert(id.clone(), sender);
        if self.reader.is_finished() {
            return Err(Ended);
        }
        self.send_text(&json!({ "action": action, "id": id, "data": data }).to_string()).await;
        match tokio::time::timeout(PATIENCE, answer).await {
            Ok(answer) => answer.map_err(|_| Ended),
            Err(_) => panic!("{action} was not answered"),
        }
    }

    /// Sends a frame and returns the data of its `ack`.
    ///
    /// # Panics
    /// It is answered by an error, or not at all.
    pub async fn ack(&self, action: &str, data: Value) -> Value {
        let answer = self.request(action, data).await.expect("a live connection");
        assert_eq!(answer["event"], "ack", "{answer}");
        answer["data"].clone()
    }

    /// Sends a frame and returns the code of its `error`.
    ///
    /// # Panics
    /// It is answered by an `ack`, or not at all.
    pub async fn refusal(&self, action: &str, data: Value) -> String {
        let answer = self.request(action, data).await.expect("a live connection");
        assert_eq!(answer["event"], "error", "{answer}");
        answer["data"]["code"].as_str().expect("a code").to_owned()
    }

    /// The next event of that name; others that come before it are kept for later.
    ///
    /// # Panics
    /// It does not come in time, or the connection ends first.
    pub async fn event(&mut self, name: &str) -> Value {
        if let Some(at) = self.skipped.iter().position(|event| event["event"] == name) {
            return self.skipped.remove(at);
        }
        loop {
            let next = tokio::time::timeout(PATIENCE, self.events.recv()).await;
            let event = next.unwrap_or_else(|_| panic!("no {name} came; before it: {:?}", self.skipped));
            let event = event.unwrap_or_else(|| panic!("the connection ended before {name}: {:?}", self.skipped));
            if event["event"] == name {
                return event;
            }
            self.skipped.push(event);
        }
    }

    /// The next event, whatever it is; `None` when the connection ended.
    ///
    /// # Panics
    /// Neither comes in time.
    pub async fn next(&mut self) -> Option<Value> {
        if self.skipped.is_empty() {
            tokio::time::timeout(PATIENCE, self.events.recv()).await.expect("an event or the end")
        } else {
            Some(self.skipped.remove(0))
        }
    }

    /// Every event that has come and was not taken yet.
    pub fn drain(&mut self) -> Vec<Value> {
        let mut all = std::mem::take(&mut self.skipped);
        all.extend(std::iter::from_fn(|| self.events.try_recv().ok()));
        all
    }

    /// Waits for the end of the connection; its close code.
    ///
    /// # Panics
    /// It does not end in time.
    pub async fn ended(&mut self) -> Option<u16> {
        tokio::time::timeout(PATIENCE, &mut self.reader).await.expect("an end").expect("a reader");
        *lock(&self.close_code)
    }

    /// Whether the connection still stands.
    pub fn is_open(&self) -> bool {
        !self.reader.is_finished()
    }

    /// Closes the connection as a browser does.
    pub async fn close(&self) {
        let _gone = self.sink.lock().await.send(Message::Close(None)).await;
    }
}

impl Drop for Socket {
    /// Cuts the connection without a close frame.
    fn drop(&mut self) {
        self.reader.abort();
    }
}

/// Answers go to whoever waits for their `id`, everything else to the events.
fn dispatch(text: &str, answers: &Answers, events: &mpsc::UnboundedSender<Value>) {
    let frame: Value = serde_json::from_str(text).expect("the server sends JSON");
    let waiting = frame["id"].as_str().and_then(|id| lock(answers).remove(id));
    match waiting {
        // Whoever stopped waiting does not want it.
        Some(sender) => drop(sender.send(frame)),
        None => drop(events.send(frame)),
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().expect("no test panics while it holds the lock")
}
