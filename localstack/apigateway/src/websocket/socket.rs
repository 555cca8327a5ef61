//! One open WebSocket: a single task reads, writes, keeps the time, and ends it.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Instant,
};

use bytes::Bytes;
use futures_util::{Sink, SinkExt, StreamExt, future::poll_fn};
use hyper::upgrade::{OnUpgrade, Parts};
use hyper_util::rt::TokioIo;
use tokio::{
    io::{self, AsyncWriteExt},
    net::TcpStream,
    time::Sleep,
};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{
        Error, Message, Utf8Bytes,
        error::ProtocolError,
        protocol::{
            CloseFrame, Role, WebSocketConfig,
            frame::{
                Frame,
                coding::{CloseCode, Data, OpCode},
            },
        },
    },
};

use crate::{
    api::Api,
    arrival::Recorder,
    websocket::{
        connections::{Closed, Connection},
        messages,
        order::Sequencer,
    },
};

/// Small, because thousands of sockets are idle and each keeps its buffers.
const READ_BUFFER: usize = 1536;
/// Frames below this leave together when several wait.
const WRITE_BUFFER: usize = 4 * 1024;
/// Messages read before other tasks get their turn.
const READS_IN_A_ROW: usize = 32;

/// Serves a connection from the switch of protocols to its `$disconnect`.
///
/// What runs only at its beginning and end is boxed, so that the task of an idle connection holds
/// little more than the socket.
pub(crate) async fn serve(api: Arc<Api>, connection: Arc<Connection>, upgrade: OnUpgrade) {
    let Some(mut socket) = Box::pin(open(&api, upgrade)).await else {
        leave(&api, &connection, &End::Lost);
        return;
    };
    let end = converse(&api, &connection, &mut socket).await;
    leave(&api, &connection, &end);
    let farewell = Box::pin(farewell(&api, &connection, socket, end));
    // A client that does not answer a closing handshake is dropped.
    drop(tokio::time::timeout(api.limits.close, farewell).await);
}

/// The socket below a finished handshake; none when the client is gone already.
async fn open(api: &Api, upgrade: OnUpgrade) -> Option<WebSocketStream<TcpStream>> {
    let upgraded = upgrade.await.ok()?;
    let Parts { io, read_buf, .. } = upgraded.downcast::<TokioIo<Recorder>>().ok()?;
    let stream = io.into_inner().into_stream();
    let config = WebSocketConfig::default()
        .read_buffer_size(READ_BUFFER)
        .write_buffer_size(WRITE_BUFFER)
        .max_message_size(Some(api.limits.message))
        .max_frame_size(Some(api.limits.frame));
    Some(WebSocketStream::from_partially_read(stream, unread(&read_buf), Role::Server, Some(config)).await)
}

/// What came behind the handshake already. A copy: the buffer that the handshake was read into would stay as long as the socket.
fn unread(read_buf: &Bytes) -> Vec<u8> {
    read_buf.to_vec()
}

/// How a connection ended.
#[derive(Debug)]
enum End {
    /// The client's close frame.
    Client(Option<CloseFrame>),
    /// The TCP connection broke without one.
    Lost,
    /// A test cut it.
    Severed,
    /// The gateway ends it, with this close frame.
    Gateway(CloseCode, &'static str),
    /// The same, after something that makes all further bytes from the client unreadable.
    Broken(CloseCode, &'static str),
}

impl End {
    fn of(closed: Closed) -> Self {
        match closed {
            Closed::Deleted => Self::Gateway(CloseCode::Normal, "Connection Closed Normally"),
            Closed::GoingAway => Self::Gateway(CloseCode::Away, "Going away"),
            Closed::Severed => Self::Severed,
            Closed::Over => Self::Lost,
        }
    }

    fn of_error(error: &Error) -> Self {
        match error {
            Error::Capacity(_) => Self::Broken(CloseCode::Size, "Message too long"),
            Error::Utf8(_) => Self::Broken(CloseCode::Invalid, "Invalid UTF-8"),
            Error::Protocol(ProtocolError::ResetWithoutClosingHandshake) => Self::Lost,
            Error::Protocol(_) => Self::Broken(CloseCode::Protocol, "Protocol error"),
            // What is left is the TCP connection's.
            _ => Self::Lost,
        }
    }

    /// `disconnectStatusCode` and `disconnectReason`.
    fn reported(&self) -> (u16, &str) {
        match self {
            Self::Client(Some(frame)) => (frame.code.into(), frame.reason.as_str()),
            Self::Client(None) => (1005, "Client-side close frame status not set"),
            Self::Lost | Self::Severed => (1006, "Connection closed abnormally"),
            Self::Gateway(code, reason) | Self::Broken(code, reason) => ((*code).into(), reason),
        }
    }
}

/// Nothing more is accepted for the connection, and its `$disconnect` is on its way.
/// Called once for each connection that was established.
fn leave(api: &Arc<Api>, connection: &Arc<Connection>, end: &End) {
    connection.close(Closed::Over);
    api.connections.remove(&connection.id);
    let (code, reason) = end.reported();
    tracing::debug!(connection.id = &*connection.id, close.code = code, "WebSocket closed");
    messages::disconnect(api, connection, code, reason);
}

async fn converse(api: &Arc<Api>, connection: &Arc<Connection>, socket: &mut WebSocketStream<TcpStream>) -> End {
    let opened = connection.opened();
    let first = opened + api.limits.idle.min(api.limits.lifetime);
    let alarm = tokio::time::sleep_until(first.into());
    tokio::pin!(alarm);
    let sequencer = Sequencer::new(api.message_order);
    let mut conversation = Conversation { api, connection, socket, alarm, sequencer, holds_back: false };
    poll_fn(|context| conversation.poll(context)).await
}

struct Conversation<'a> {
    api: &'a Arc<Api>,
    connection: &'a Arc<Connection>,
    socket: &'a mut WebSocketStream<TcpStream>,
    alarm: Pin<&'a mut Sleep>,
    sequencer: Sequencer,
    /// Whether what waits to be sent was left to the next turn.
    holds_back: bool,
}

impl Conversation<'_> {
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<End> {
        self.connection.driver.register(context.waker());
        if let Some(closed) = self.connection.closed() {
            return Poll::Ready(End::of(closed));
        }
        if !self.connection.is_black_hole() {
            if !self.waits_for_more(context)
                && let Some(end) = self.write(context)
            {
                return Poll::Ready(end);
            }
            if let Some(end) = self.read(context) {
                return Poll::Ready(end);
            }
        }
        self.watch_the_clock(context)
    }

    /// Whether what waits to be sent is left to the next turn, behind every task that is ready now: what those have for the same
    /// client leaves with it, in one packet. Where nothing else is ready the turn comes at once.
    fn waits_for_more(&mut self, context: &Context<'_>) -> bool {
        self.holds_back = !self.holds_back && self.connection.has_messages();
        if self.holds_back {
            context.waker().wake_by_ref();
        }
        self.holds_back
    }

    /// Sends what waits, as far as the client takes it.
    fn write(&mut self, context: &mut Context<'_>) -> Option<End> {
        let mut socket = Pin::new(&mut *self.socket);
        loop {
            match socket.as_mut().poll_ready(context) {
                Poll::Pending => return None,
                Poll::Ready(Err(error)) => return Some(End::of_error(&error)),
                Poll::Ready(Ok(())) => {}
            }
            let Some(message) = self.connection.next_message() else { break };
            for frame in frames(message, self.api.limits.frame) {
                if let Err(error) = socket.as_mut().start_send(frame) {
                    return Some(End::of_error(&error));
                }
            }
        }
        match socket.poll_flush(context) {
            Poll::Ready(Err(error)) => Some(End::of_error(&error)),
            Poll::Ready(Ok(())) | Poll::Pending => None,
        }
    }

    /// Takes messages in, unless the client already has more running or waiting than it may.
    fn read(&mut self, context: &mut Context<'_>) -> Option<End> {
        for _ in 0..READS_IN_A_ROW {
            if self.connection.is_saturated(self.api.limits.messages_in_flight) {
                return None;
            }
            match self.socket.poll_next_unpin(context) {
                Poll::Pending => return None,
                Poll::Ready(None) => return Some(End::Lost),
                Poll::Ready(Some(Err(error))) => return Some(End::of_error(&error)),
                Poll::Ready(Some(Ok(Message::Close(frame)))) => return Some(End::Client(frame)),
                Poll::Ready(Some(Ok(Message::Binary(_)))) => {
                    return Some(End::Gateway(CloseCode::Unsupported, "Unsupported data"));
                }
                Poll::Ready(Some(Ok(Message::Text(text)))) => {
                    messages::receive(self.api, self.connection, self.sequencer.turn(), text);
                }
                Poll::Ready(Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_)))) => {}
            }
        }
        context.waker().wake_by_ref();
        None
    }

    /// Ends a connection that was idle or lived for too long.
    fn watch_the_clock(&mut self, context: &mut Context<'_>) -> Poll<End> {
        while self.alarm.as_mut().poll(context).is_ready() {
            let idle = self.connection.last_active() + self.api.limits.idle;
            let expired = self.connection.opened() + self.api.limits.lifetime;
            let next = idle.min(expired);
            if next <= Instant::now() {
                return Poll::Ready(End::Gateway(CloseCode::Away, "Going away"));
            }
            self.alarm.as_mut().reset(next.into());
        }
        Poll::Pending
    }
}

/// A message as one frame, or as several when it is longer than a frame may be.
fn frames(message: Utf8Bytes, limit: usize) -> impl Iterator<Item = Message> {
    let bytes = Bytes::from(message);
    let count = bytes.len().div_ceil(limit).max(1);
    (0..count).map(move |index| {
        let part = bytes.slice(index * limit..bytes.len().min((index + 1) * limit));
        let data = if index == 0 { Data::Text } else { Data::Continue };
        Message::Frame(Frame::message(part, OpCode::Data(data), index + 1 == count))
    })
}

/// Sends what still waits and closes as the protocol asks for.
async fn farewell(api: &Api, connection: &Connection, mut socket: WebSocketStream<TcpStream>, end: End) {
    if connection.is_black_hole() {
        return;
    }
    match end {
        End::Lost | End::Severed => {}
        // Reading on sends the answer to the client's close frame.
        End::Client(_) => while let Some(Ok(_)) = socket.next().await {},
        End::Gateway(code, reason) => {
            if send_rest(api, connection, &mut socket, code, reason).await.is_ok() {
                while let Some(Ok(_)) = socket.next().await {}
            }
        }
        End::Broken(code, reason) => {
            if send_rest(api, connection, &mut socket, code, reason).await.is_ok() {
                drain(socket.into_inner()).await;
            }
        }
    }
}

async fn send_rest(
    api: &Api,
    connection: &Connection,
    socket: &mut WebSocketStream<TcpStream>,
    code: CloseCode,
    reason: &'static str,
) -> Result<(), Error> {
    while let Some(message) = connection.next_message() {
        for frame in frames(message, api.limits.frame) {
            socket.feed(frame).await?;
        }
    }
    socket.close(Some(CloseFrame { code, reason: reason.into() })).await
}

/// Reads what the client still sends until it hangs up. Closing with unread bytes would reset the
/// connection, and the close frame could be lost with it.
async fn drain(mut stream: TcpStream) {
    if stream.shutdown().await.is_ok() {
        // Nobody is left to be told how that ends.
        drop(io::copy(&mut stream, &mut io::sink()).await);
    }
}

#[cfg(test)]
mod tests {
    use bytes::BytesMut;

    use super::*;

    #[test]
    fn a_socket_does_not_keep_the_buffer_that_its_handshake_was_read_into() {
        for early in [&b""[..], b"\x81\x80"] {
            let mut buffer = BytesMut::with_capacity(8 * 1024);
            buffer.extend_from_slice(early);
            let kept = unread(&buffer.freeze());
            assert_eq!((kept.as_slice(), kept.capacity()), (early, early.len()));
        }
    }
}
