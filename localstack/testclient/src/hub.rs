//! The hub, as a plain client of SignalR's JSON protocol sees it.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use futures_util::SinkExt;
use futures_util::stream::{SplitSink, StreamExt};
use http::header::AUTHORIZATION;
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::sync::{Mutex as AsyncMutex, mpsc};
use tokio::task::JoinHandle;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

use crate::Refused;

/// What ends every record.
pub const SEPARATOR: char = '\u{1e}';

/// How long a test waits for what must come.
const PATIENCE: Duration = Duration::from_secs(20);

type Stream = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// A connection of the hub.
pub struct HubSocket {
    sink: Arc<AsyncMutex<SplitSink<Stream, Message>>>,
    frames: mpsc::UnboundedReceiver<String>,
    /// Records of frames that were taken apart.
    records: VecDeque<Value>,
    /// Events that were passed over while something else was waited for.
    skipped: Vec<Value>,
    next_id: u64,
    reader: JoinHandle<Option<u16>>,
}

impl HubSocket {
    /// Connects to a complete address, with a bearer token where there is one. The handshake of the hub is still to come.
    ///
    /// # Errors
    /// The handshake of the WebSocket is refused.
    ///
    /// # Panics
    /// The server cannot be reached.
    pub async fn open(address: &str, bearer: Option<&str>) -> Result<Self, Refused> {
        let mut request = address.into_client_request().expect("a valid address");
        if let Some(token) = bearer {
            let value = format!("Bearer {token}").parse().expect("a valid header");
            request.headers_mut().insert(AUTHORIZATION, value);
        }
        let stream = match tokio_tungstenite::connect_async_with_config(request, None, true).await {
            Ok((stream, _response)) => stream,
            Err(Error::Http(response)) => return Err(Refused { status: response.status() }),
            Err(error) => panic!("no WebSocket at {address}: {error}"),
        };
        let (sink, mut stream) = stream.split();
        let (sender, frames) = mpsc::unbounded_channel();
        let reader = tokio::spawn(async move {
            let mut code = None;
            while let Some(Ok(message)) = stream.next().await {
                match message {
                    // A test that has stopped reading does not want it.
                    Message::Text(text) => drop(sender.send(text.to_string())),
                    Message::Close(frame) => code = frame.map(|frame| frame.code.into()),
                    _ => {}
                }
            }
            code
        });
        let sink = Arc::new(AsyncMutex::new(sink));
        Ok(Self { sink, frames, records: VecDeque::new(), skipped: Vec::new(), next_id: 0, reader })
    }

    /// Connects and shakes hands, as a client does.
    ///
    /// # Panics
    /// Either is refused.
    pub async fn connect(address: &str, bearer: Option<&str>) -> Self {
        let mut socket = Self::open(address, bearer).await.expect("an open door");
        socket.send(r#"{"protocol":"json","version":1}"#).await;
        assert_eq!(socket.record().await, Some(json!({})));
        socket
    }

    /// Sends one record.
    pub async fn send(&self, record: &str) {
        self.send_text(&format!("{record}{SEPARATOR}")).await;
    }

    /// Sends any text as one frame.
    pub async fn send_text(&self, text: &str) {
        // A connection that is gone shows when something is awaited from it.
        let _gone = self.sink.lock().await.send(Message::text(text)).await;
    }

    /// The next frame as it came; `None` when the connection ended.
    ///
    /// # Panics
    /// Neither comes in time.
    pub async fn frame(&mut self) -> Option<String> {
        assert!(self.records.is_empty(), "records of an earlier frame wait: {:?}", self.records);
        tokio::time::timeout(PATIENCE, self.frames.recv()).await.expect("a frame or the end")
    }

    /// The next record; `None` when the connection ended.
    ///
    /// # Panics
    /// Neither comes in time.
    pub async fn record(&mut self) -> Option<Value> {
        while self.records.is_empty() {
            let frame = self.frame().await?;
            let whole = frame.strip_suffix(SEPARATOR).unwrap_or_else(|| panic!("a frame without an end: {frame}"));
            let parsed = whole.split(SEPARATOR).map(|record| serde_json::from_str(record).expect("records are JSON"));
            self.records.extend(parsed);
        }
        self.records.pop_front()
    }

    /// Calls a method; its result, or the text of its error. Events that come meanwhile are kept for later.
    ///
    /// # Errors
    /// The call is refused.
    ///
    /// # Panics
    /// It is not answered.
    pub async fn invoke(&mut self, method: &str, arguments: Value) -> Result<Value, String> {
        self.next_id += 1;
        let id = self.next_id.to_string();
        let call = json!({ "type": 1, "invocationId": id, "target": method, "arguments": arguments });
        self.send(&call.to_string()).await;
        loop {
            let record = self.record().await.unwrap_or_else(|| panic!("the connection ended before {method}"));
            if record["type"] == 3 && record["invocationId"] == *id {
                return match record["error"].as_str() {
                    Some(error) => Err(error.to_owned()),
                    None => Ok(record["result"].clone()),
                };
            }
            self.skipped.push(record);
        }
    }

    /// The data of the next event of that name; what comes before it is kept for later.
    ///
    /// # Panics
    /// It does not come in time, or the connection ends first.
    pub async fn event(&mut self, target: &str) -> Value {
        if let Some(at) = self.skipped.iter().position(|record| record["target"] == target) {
            return self.skipped.remove(at)["arguments"][0].clone();
        }
        loop {
            let record = self.record().await.unwrap_or_else(|| panic!("the end before {target}: {:?}", self.skipped));
            if record["target"] == target {
                return record["arguments"][0].clone();
            }
            self.skipped.push(record);
        }
    }

    /// Every event that has come and was not taken yet, as name and data.
    pub fn drain(&mut self) -> Vec<(String, Value)> {
        while let Ok(frame) = self.frames.try_recv() {
            let records = frame.split_terminator(SEPARATOR);
            self.records.extend(records.map(|record| serde_json::from_str(record).expect("records are JSON")));
        }
        let all = std::mem::take(&mut self.skipped).into_iter().chain(self.records.drain(..));
        let events = all.filter(|record| record["type"] == 1);
        events.map(|r| (r["target"].as_str().unwrap_or_default().to_owned(), r["arguments"][0].clone())).collect()
    }

    /// Waits for the end of the connection; its close code.
    ///
    /// # Panics
    /// It does not end in time.
    pub async fn ended(&mut self) -> Option<u16> {
        tokio::time::timeout(PATIENCE, &mut self.reader).await.expect("an end").expect("a reader")
    }

    /// Whether the connection still stands.
    pub fn is_open(&self) -> bool {
        !self.reader.is_finished()
    }
}

impl Drop for HubSocket {
    /// Cuts the connection without a close frame.
    fn drop(&mut self) {
        self.reader.abort();
    }
}
