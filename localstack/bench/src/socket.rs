//! A WebSocket that costs its own process as little as it can.

use std::io::Write;
use std::net::SocketAddr;
use std::os::fd::AsFd;

use futures_util::{SinkExt, StreamExt};
use serde::Deserialize;
use serde_json::json;
use tokio::net::TcpStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Data, OpCode};
use tokio_tungstenite::tungstenite::protocol::frame::{Frame, FrameHeader};
use tokio_tungstenite::tungstenite::{Message, Utf8Bytes};

use crate::Result;
use crate::people::Guest;

/// What the measurements read of a frame.
#[derive(Debug, Deserialize)]
pub struct Incoming<'a> {
    /// `ack`, `error` or the event.
    pub event: &'a str,
    /// The number of the frame that is answered, as it was sent.
    pub id: Option<&'a str>,
    /// What it brings.
    #[serde(default)]
    pub data: Payload<'a>,
}

/// What the measurements read of its data.
#[derive(Debug, Default, Deserialize)]
pub struct Payload<'a> {
    /// The number of a signal.
    pub seq: Option<usize>,
    /// A chat message.
    pub message: Option<&'a str>,
}

impl<'a> Incoming<'a> {
    /// Reads a frame.
    pub fn read(text: &'a str) -> Result<Self> {
        Ok(serde_json::from_str(text).map_err(|error| format!("{error}: {text}"))?)
    }

    /// The number of the frame that this one acknowledges; none if it does not answer.
    ///
    /// # Errors
    /// It refuses the frame.
    pub fn acknowledged(&self) -> Result<Option<usize>> {
        match (self.event, self.id) {
            ("ack", Some(id)) => Ok(Some(id.parse()?)),
            ("error", _) => Err(format!("a frame was refused: {self:?}").into()),
            _ => Ok(None),
        }
    }
}

/// An open WebSocket.
pub struct Socket(WebSocketStream<TcpStream>);

impl Socket {
    /// Connects as that guest.
    pub async fn connect(server: SocketAddr, guest: &Guest) -> Result<Self> {
        let stream = TcpStream::connect(server).await?;
        stream.set_nodelay(true)?;
        let (socket, _response) = tokio_tungstenite::client_async(&guest.address, stream).await?;
        Ok(Self(socket))
    }

    /// Joins the session over the WebSocket too.
    pub async fn join(&mut self, guest: &Guest) -> Result<()> {
        let frame = json!({ "action": "joinSession", "id": "0", "data": { "sessionId": guest.session } });
        self.send(frame.to_string()).await?;
        loop {
            if Incoming::read(&self.next().await?)?.acknowledged()?.is_some() {
                return Ok(());
            }
        }
    }

    /// Connects and joins.
    pub async fn join_all(server: SocketAddr, guests: &[Guest]) -> Result<Vec<Self>> {
        let mut sockets = Vec::with_capacity(guests.len());
        for guest in guests {
            let mut socket = Self::connect(server, guest).await?;
            socket.join(guest).await?;
            sockets.push(socket);
        }
        Ok(sockets)
    }

    /// Sends a text.
    pub async fn send(&mut self, text: String) -> Result<()> {
        Ok(self.0.send(Message::text(text)).await?)
    }

    /// The next text.
    ///
    /// # Errors
    /// The connection ended.
    pub async fn next(&mut self) -> Result<Utf8Bytes> {
        loop {
            match self.0.next().await {
                Some(Ok(Message::Text(text))) => return Ok(text),
                Some(Ok(_)) => {}
                Some(Err(error)) => return Err(error.into()),
                None => return Err("the server closed a connection".into()),
            }
        }
    }

    /// A second handle that another thread may write to while this one is only read from.
    pub fn writer(&self) -> Result<Writer> {
        Ok(Writer(self.0.get_ref().as_fd().try_clone_to_owned()?.into()))
    }
}

/// The writing side of a socket, for a thread that keeps time better than a runtime's timer.
pub struct Writer(std::net::TcpStream);

impl Writer {
    /// Sends a text at once.
    ///
    /// # Errors
    /// The connection ended, or the server stopped reading.
    pub fn send(&mut self, text: String) -> Result<()> {
        // A mask of zeros is a valid one and costs nothing.
        let header = FrameHeader { opcode: OpCode::Data(Data::Text), mask: Some([0; 4]), ..FrameHeader::default() };
        let mut bytes = Vec::with_capacity(text.len() + 16);
        Frame::from_payload(header, text.into()).format(&mut bytes)?;
        Ok(self.0.write_all(&bytes)?)
    }
}
