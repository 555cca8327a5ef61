//! A WebSocket that costs its own process as little as it can.

use std::io::Write;
use std::net::SocketAddr;
use std::os::fd::AsFd;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use tokio::net::TcpStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Data, OpCode};
use tokio_tungstenite::tungstenite::protocol::frame::{Frame, FrameHeader};

use crate::Result;
use crate::dialect::{Dialect, Seen};
use crate::people::Guest;
use crate::server::Server;

/// Room for what is read at once. It is filled with zeros before each read, which took a tenth of this process's time at the
/// library's 128 KiB.
const READ_BUFFER: usize = 4 * 1024;
/// API Gateway takes 500 new connections a second; this stays below.
pub const BETWEEN_CONNECTS: Duration = Duration::from_micros(2500);

/// An open WebSocket.
pub struct Socket {
    stream: WebSocketStream<TcpStream>,
    dialect: Dialect,
}

impl Socket {
    /// Connects as that guest.
    pub async fn connect(server: SocketAddr, dialect: Dialect, guest: &Guest) -> Result<Self> {
        let stream = TcpStream::connect(server).await?;
        stream.set_nodelay(true)?;
        let config = WebSocketConfig::default().read_buffer_size(READ_BUFFER);
        let (stream, _response) =
            tokio_tungstenite::client_async_with_config(&guest.address, stream, Some(config)).await?;
        Ok(Self { stream, dialect })
    }

    /// Joins the session over the WebSocket too.
    pub async fn join(&mut self, guest: &Guest) -> Result<()> {
        if self.dialect.welcomes() {
            self.agreed().await?;
        }
        for step in self.dialect.joining(guest) {
            self.send(step).await?;
            self.agreed().await?;
        }
        Ok(())
    }

    async fn agreed(&mut self) -> Result<()> {
        loop {
            if let Seen::Acknowledged(_) | Seen::Welcome = self.next().await? {
                return Ok(());
            }
        }
    }

    /// Connects and joins, one after the other.
    pub async fn join_all(server: &Server, guests: &[Guest]) -> Result<Vec<Self>> {
        let mut sockets = Vec::with_capacity(guests.len());
        let mut turns = tokio::time::interval(BETWEEN_CONNECTS);
        for guest in guests {
            turns.tick().await;
            let mut socket = Self::connect(server.address(), server.dialect(), guest).await?;
            socket.join(guest).await?;
            sockets.push(socket);
        }
        Ok(sockets)
    }

    /// Sends a text.
    pub async fn send(&mut self, text: String) -> Result<()> {
        Ok(self.stream.send(Message::text(text)).await?)
    }

    /// What the next text means.
    ///
    /// # Errors
    /// The connection ended, or the server refused something.
    pub async fn next(&mut self) -> Result<Seen> {
        loop {
            let seen = match self.stream.next().await {
                Some(Ok(Message::Text(text))) => self.dialect.read(&text)?,
                Some(Ok(_)) => continue,
                Some(Err(error)) => return Err(error.into()),
                None => return Err("the server closed a connection".into()),
            };
            match seen {
                Seen::Asked(answer) => self.send(answer.to_owned()).await?,
                seen => return Ok(seen),
            }
        }
    }

    /// A second handle that another thread may write to while this one is only read from.
    pub fn writer(&self) -> Result<Writer> {
        Ok(Writer(self.stream.get_ref().as_fd().try_clone_to_owned()?.into()))
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
