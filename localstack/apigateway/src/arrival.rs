//! What the gateway knows of a request beyond its bytes: who sent it, and how it was written.

use std::{
    io,
    net::SocketAddr,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
};

use http::{HeaderMap, HeaderName, HeaderValue, Uri, header::HOST};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
};

use crate::{clock::Moment, ids};

/// Where a connection came from and which port it reached.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Origin {
    pub(crate) client: SocketAddr,
    pub(crate) port: u16,
}

impl Origin {
    /// The client's address as events show it.
    pub(crate) fn source_ip(&self) -> String {
        self.client.ip().to_canonical().to_string()
    }

    /// The headers that API Gateway adds to what the client sent. What the client itself claims
    /// in `X-Forwarded-For` stays in front, as on AWS; the last address is the true one.
    pub(crate) fn forwarded(&self, headers: &HeaderMap, at: Moment) -> [(&'static str, String); 4] {
        let claimed = headers.get("x-forwarded-for").and_then(|value| value.to_str().ok());
        let source_ip = self.source_ip();
        let forwarded_for = match claimed {
            Some(claimed) => format!("{claimed}, {source_ip}"),
            None => source_ip,
        };
        [
            ("X-Amzn-Trace-Id", ids::trace_id(at.epoch_seconds())),
            ("X-Forwarded-For", forwarded_for),
            ("X-Forwarded-Port", self.port.to_string()),
            ("X-Forwarded-Proto", "http".to_owned()),
        ]
    }
}

/// The host of a request without its port.
pub(crate) fn domain_name(headers: &HeaderMap) -> &str {
    let host = headers.get(HOST).and_then(|value| value.to_str().ok()).unwrap_or_default();
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    }
}

/// A header's text; bytes outside ASCII are kept as far as UTF-8 goes.
pub(crate) fn text(value: &HeaderValue) -> String {
    String::from_utf8_lossy(value.as_bytes()).into_owned()
}

/// The client's `User-Agent`.
pub(crate) fn user_agent(headers: &HeaderMap) -> Option<String> {
    headers.get(http::header::USER_AGENT).map(text)
}

/// What the quota of 10,240 bytes counts: the request line and all header values.
pub(crate) fn head_size(method: &http::Method, uri: &Uri, headers: &HeaderMap) -> usize {
    let target = uri.path_and_query().map_or(0, |target| target.as_str().len());
    let line = method.as_str().len() + " ".len() + target + " HTTP/1.1".len();
    line + headers.values().map(HeaderValue::len).sum::<usize>()
}

/// Headers that belong to one connection and not to the request; events do not show them.
pub(crate) fn is_hop_by_hop(name: &HeaderName) -> bool {
    matches!(name.as_str(), "connection" | "keep-alive" | "proxy-connection" | "te" | "transfer-encoding" | "upgrade")
}

/// The first bytes of a connection, kept until its first request is looked at. WebSocket events
/// show header names as the client wrote them, which the HTTP parser does not tell.
#[derive(Debug, Clone)]
pub(crate) struct FirstHead(Arc<Mutex<Option<Vec<u8>>>>);

/// More than any head that passes the quota on headers.
const FIRST_HEAD_LIMIT: usize = 64 * 1024;

impl FirstHead {
    /// The names of the first request's headers as written; none for later requests.
    pub(crate) fn take_names(&self) -> WrittenNames {
        let head = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        WrittenNames(head.map(|head| names(&head)).unwrap_or_default())
    }

    fn keep(&self, bytes: &[u8]) {
        let mut head = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(kept) = head.as_mut() {
            let room = FIRST_HEAD_LIMIT.saturating_sub(kept.len());
            kept.extend_from_slice(&bytes[..bytes.len().min(room)]);
        }
    }
}

fn names(head: &[u8]) -> Vec<String> {
    let lines = head.split(|byte| *byte == b'\n').skip(1);
    lines
        .take_while(|line| !line.trim_ascii().is_empty())
        .filter_map(|line| line.split(|byte| *byte == b':').next())
        .map(|name| String::from_utf8_lossy(name).into_owned())
        .collect()
}

/// How a client wrote its header names.
#[derive(Debug, Default)]
pub(crate) struct WrittenNames(Vec<String>);

impl WrittenNames {
    /// A name as the client wrote it, or else in the usual capitals.
    pub(crate) fn written(&self, name: &HeaderName) -> String {
        let same = self.0.iter().find(|written| written.eq_ignore_ascii_case(name.as_str()));
        same.cloned().unwrap_or_else(|| capitalised(name.as_str()))
    }
}

fn capitalised(name: &str) -> String {
    let parts = name.split('-').map(|part| match part.split_at_checked(1) {
        Some((first, rest)) => first.to_ascii_uppercase() + rest,
        None => String::new(),
    });
    parts.collect::<Vec<_>>().join("-")
}

/// A TCP stream that remembers its first bytes in a [`FirstHead`].
#[derive(Debug)]
pub(crate) struct Recorder {
    stream: TcpStream,
    head: FirstHead,
}

impl Recorder {
    pub(crate) fn new(stream: TcpStream) -> (Self, FirstHead) {
        let head = FirstHead(Arc::new(Mutex::new(Some(Vec::new()))));
        (Self { stream, head: head.clone() }, head)
    }

    pub(crate) fn into_stream(self) -> TcpStream {
        self.stream
    }
}

impl AsyncRead for Recorder {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(context, buffer);
        self.head.keep(&buffer.filled()[before..]);
        read
    }
}

impl AsyncWrite for Recorder {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, bytes)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn header_names_keep_the_clients_case() {
        let names = WrittenNames(names(b"GET / HTTP/1.1\r\nhOsT: a:1\r\nX-y: Z\r\n\r\nBody: no\r\n"));
        assert_eq!(names.written(&HOST), "hOsT");
        assert_eq!(names.written(&HeaderName::from_static("x-y")), "X-y");
        assert_eq!(names.written(&HeaderName::from_static("body")), "Body");
        assert_eq!(names.written(&HeaderName::from_static("sec-websocket-key")), "Sec-Websocket-Key");
    }

    #[test]
    fn the_domain_name_has_no_port() {
        for (host, name) in [("localhost:5000", "localhost"), ("a.example", "a.example"), ("[::1]:80", "[::1]")] {
            let headers = HeaderMap::from_iter([(HOST, HeaderValue::from_static(host))]);
            assert_eq!(domain_name(&headers), name);
        }
    }
}
