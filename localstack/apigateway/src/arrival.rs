//! What the gateway knows of a request beyond its bytes: who sent it, and how it was written.

use std::{
    io,
    net::IpAddr,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll, ready},
};

use bytes::{Buf, Bytes};
use http::{HeaderMap, HeaderName, HeaderValue, Uri, header::HOST};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
};

use crate::{
    answer::json_response,
    clock::Moment,
    ids,
    proxies::Client,
    refusal::{House, Refused},
};

/// Where a request came from and which port it reached.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Origin {
    /// Whoever opened the TCP connection.
    pub(crate) peer: IpAddr,
    pub(crate) client: Client,
    pub(crate) port: u16,
}

impl Origin {
    /// The client's address as events show it.
    pub(crate) fn source_ip(&self) -> String {
        self.client.address.to_string()
    }

    /// The headers that API Gateway adds to what the client sent. What the client itself claims
    /// in `X-Forwarded-For` stays in front, as on AWS; the last address is the true one.
    pub(crate) fn forwarded(&self, headers: &HeaderMap, at: Moment) -> [(&'static str, String); 4] {
        let claimed = headers.get("x-forwarded-for").and_then(|value| value.to_str().ok());
        let peer = self.peer.to_canonical();
        let forwarded_for = match claimed {
            Some(claimed) => format!("{claimed}, {peer}"),
            None => peer.to_string(),
        };
        [
            ("X-Amzn-Trace-Id", ids::trace_id(at.epoch_seconds())),
            ("X-Forwarded-For", forwarded_for),
            ("X-Forwarded-Port", self.port.to_string()),
            ("X-Forwarded-Proto", if self.client.secure { "https" } else { "http" }.to_owned()),
        ]
    }
}

/// Refuses a request that does not name exactly one host. HTTP/1.0 knew none.
pub(crate) fn check_host(parts: &http::request::Parts) -> Result<(), Refused> {
    let mut hosts = parts.headers.get_all(HOST).iter();
    match (hosts.next(), hosts.next()) {
        (Some(host), None) if is_authority(host.as_bytes()) => Ok(()),
        (None, None) if parts.version == http::Version::HTTP_10 => Ok(()),
        (Some(_) | None, _) => Err(Refused::Host),
    }
}

fn is_authority(host: &[u8]) -> bool {
    !host.contains(&b'@') && http::uri::Authority::try_from(host).is_ok()
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

    /// Whether the HTTP server could read the first request.
    fn was_read(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).is_none()
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
///
/// The HTTP server answers a first request that it cannot read by itself, with a status alone. The stream sends the gateway's
/// own refusal instead.
pub(crate) struct Recorder {
    stream: TcpStream,
    head: FirstHead,
    house: Arc<House>,
    /// The refusal, as far as it was not sent yet.
    refusal: Option<Bytes>,
}

impl Recorder {
    pub(crate) fn new(stream: TcpStream, house: Arc<House>) -> (Self, FirstHead) {
        let head = FirstHead(Arc::new(Mutex::new(Some(Vec::new()))));
        (Self { stream, head: head.clone(), house, refusal: None }, head)
    }

    pub(crate) fn into_stream(self) -> TcpStream {
        self.stream
    }

    /// Sends what is left of the refusal.
    fn send_refusal(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        while let Some(rest) = self.refusal.as_mut().filter(|rest| !rest.is_empty()) {
            let sent = ready!(Pin::new(&mut self.stream).poll_write(context, rest))?;
            rest.advance(sent);
        }
        Poll::Ready(Ok(()))
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
        if self.head.was_read() {
            return Pin::new(&mut self.stream).poll_write(context, bytes);
        }
        if self.refusal.is_none() {
            self.refusal = Some(refusal(&self.house, bytes));
        }
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.send_refusal(context))?;
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.send_refusal(context))?;
        Pin::new(&mut self.stream).poll_shutdown(context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if self.head.was_read() {
            return Pin::new(&mut self.stream).poll_write_vectored(context, bytes);
        }
        let first = bytes.iter().find(|part| !part.is_empty()).map_or(&[][..], |part| part);
        self.poll_write(context, first)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

/// What the gateway sends in place of the HTTP server's own answer, which begins with `HTTP/1.1 431`.
fn refusal(house: &House, answer: &[u8]) -> Bytes {
    let refused = match answer.get(9..12) {
        Some(b"431") => Refused::HeadTooLarge,
        Some(b"414") => Refused::TargetTooLong,
        Some(_) | None => Refused::Malformed,
    };
    let request_id = ids::id();
    let mut response = house.refuse(refused, &request_id, || json_response(refused.status(), Bytes::new()));
    house.name_request(&request_id, response.headers_mut());
    let mut text = format!("HTTP/1.1 {}\r\nconnection: close\r\n", response.status()).into_bytes();
    text.extend(format!("content-length: {}\r\n", response.body().len()).bytes());
    for (name, value) in response.headers() {
        text.extend([name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"].concat());
    }
    text.extend(b"\r\n");
    text.extend(response.body());
    text.into()
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
