//! The request: one try, to an address that was looked at.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use bytes::Bytes;
use config::{FromRuntime, Runtime, SettingError, settings};
use domain::Timestamp;
use domain::webhooks::{Answer, Outcome, Target};
use http::header::{CONTENT_TYPE, HOST, RETRY_AFTER, USER_AGENT};
use http::{HeaderMap, Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::Secret;

/// How long a try may take, from the look-up of the name to the head of the answer.
const PATIENCE: Duration = Duration::from_secs(15);
/// How long the body of an answer is read, so that no receiver takes the end of the connection for a lost client.
const BODY_TIME: Duration = Duration::from_secs(1);
/// At most so many bytes of an answer are read, its head and its body each.
const LONGEST_ANSWER: usize = 16 * 1024;
/// What receivers see of the sender.
const AGENT: &str = concat!("TunRTC-Webhooks/", env!("CARGO_PKG_VERSION"));

/// Sends webhooks.
#[derive(Clone)]
pub struct Poster {
    tls: TlsConnector,
    allow_local: bool,
    resolve: Resolve,
}

/// Finds the addresses of a host.
type Resolve = fn(String, u16) -> Addresses;
type Addresses = Pin<Box<dyn Future<Output = io::Result<Vec<SocketAddr>>> + Send>>;

impl FromRuntime for Poster {
    fn from_runtime(runtime: &Runtime) -> Result<Self, SettingError> {
        Ok(Self::new(runtime.settings.optional(settings::WEBHOOK_ALLOW_LOCAL) == Some("true")))
    }
}

impl Poster {
    /// One that trusts the roots that browsers trust. With `allow_local` it also reaches the machine that it runs on, by plain HTTP too.
    pub fn new(allow_local: bool) -> Self {
        let roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("the provider has them")
            .with_root_certificates(roots)
            .with_no_client_auth();
        Self { tls: TlsConnector::from(Arc::new(config)), allow_local, resolve }
    }

    /// Whether it reaches the machine that it runs on.
    pub fn allows_local(&self) -> bool {
        self.allow_local
    }

    /// Tries once. No redirect is followed, and a name that leads to an address which is not public is not connected to.
    pub async fn post(&self, target: &Target, id: &str, body: &str, secrets: &[Secret], now: Timestamp) -> Answer {
        let request = request(target, id, body, secrets, now);
        match tokio::time::timeout(PATIENCE, self.exchange(target, request)).await {
            Ok(Ok(response)) => answer(response, now).await,
            Ok(Err(failure)) => Answer::none(failure),
            Err(_elapsed) => Answer::none("no answer within 15 seconds"),
        }
    }

    async fn exchange(
        &self,
        target: &Target,
        request: Request<Full<Bytes>>,
    ) -> Result<Response<Incoming>, &'static str> {
        let stream = self.connect(target).await?;
        if target.is_plain {
            return send(stream, request).await;
        }
        let name = ServerName::try_from(target.host.clone()).map_err(|_| "the host is no name of a server")?;
        let stream = self.tls.connect(name, stream).await.map_err(|_| "the TLS handshake failed")?;
        send(stream, request).await
    }

    /// Connects to an address that the name has right now, and that may be reached: to that one, not to the name again.
    async fn connect(&self, target: &Target) -> Result<TcpStream, &'static str> {
        let found = (self.resolve)(target.host.clone(), target.port).await;
        let addresses = found.map_err(|_| "the host is not known")?;
        let mut failure = "the host has no address that may be reached";
        for address in addresses {
            if !target.may_reach(address.ip(), self.allow_local) {
                continue;
            }
            match TcpStream::connect(address).await {
                Ok(stream) => return Ok(stream),
                Err(_) => failure = "the connection was refused",
            }
        }
        Err(failure)
    }
}

fn resolve(host: String, port: u16) -> Addresses {
    Box::pin(async move {
        match host.parse::<IpAddr>() {
            Ok(address) => Ok(vec![SocketAddr::new(address, port)]),
            Err(_) => Ok(tokio::net::lookup_host((host, port)).await?.collect()),
        }
    })
}

fn request(target: &Target, id: &str, body: &str, secrets: &[Secret], now: Timestamp) -> Request<Full<Bytes>> {
    let seconds = now.seconds();
    let signatures: Vec<_> = secrets.iter().map(|secret| secret.sign(id, seconds, body)).collect();
    Request::post(&target.path)
        .header(HOST, authority(target))
        .header(CONTENT_TYPE, "application/json")
        .header(USER_AGENT, AGENT)
        .header("webhook-id", id)
        .header("webhook-timestamp", seconds)
        .header("webhook-signature", signatures.join(" "))
        .body(Full::new(Bytes::copy_from_slice(body.as_bytes())))
        .expect("a target's parts and our own values fit into a request")
}

/// The host as a URL writes it, with its port where that is not the usual one.
fn authority(target: &Target) -> String {
    let usual = if target.is_plain { 80 } else { 443 };
    let host = if target.host.contains(':') { format!("[{}]", target.host) } else { target.host.clone() };
    if target.port == usual { host } else { format!("{host}:{}", target.port) }
}

async fn send(
    stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
    request: Request<Full<Bytes>>,
) -> Result<Response<Incoming>, &'static str> {
    let handshake = http1::Builder::new().max_buf_size(LONGEST_ANSWER).handshake(TokioIo::new(stream)).await;
    let (mut sender, connection) = handshake.map_err(|_| "the connection broke")?;
    // It ends with the sender and the answer, which this function's caller drops.
    drop(tokio::spawn(connection));
    sender.send_request(request).await.map_err(|_| "the connection broke before an answer")
}

/// What an answer means. Its head says that; of its body some is read, and thrown away.
async fn answer(response: Response<Incoming>, now: Timestamp) -> Answer {
    let status = response.status().as_u16();
    let outcome = match status {
        200..=299 => Outcome::Taken,
        410 => Outcome::Gone,
        _ => Outcome::Failed(retry_after(response.headers(), now)),
    };
    // It counts as it is, whether its body comes to an end or not.
    drop(tokio::time::timeout(BODY_TIME, read(response.into_body())).await);
    Answer { outcome, status: Some(status), failure: None }
}

async fn read(mut body: Incoming) {
    let mut length = 0;
    while length < LONGEST_ANSWER {
        match body.frame().await {
            Some(Ok(frame)) => length += frame.data_ref().map_or(0, Bytes::len),
            Some(Err(_)) | None => return,
        }
    }
}

/// For how long a receiver wants to be left alone: seconds, or a date (RFC 9110, section 10.2.3).
fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let at = httpdate::parse_http_date(text).ok()?.duration_since(UNIX_EPOCH).ok()?;
    Some(at.saturating_sub(Duration::from_millis(now.millis())))
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_795_000_000_000);

    /// A receiver on loopback that answers every request with this text, and what it got.
    async fn receiver(answer: &'static str) -> (Target, Arc<Mutex<String>>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://localhost:{}/hooks?a=b", listener.local_addr().expect("an address").port());
        let got = Arc::new(Mutex::new(String::new()));
        let heard = Arc::clone(&got);
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut request = vec![0; 4096];
                let length = stream.read(&mut request).await.expect("a request");
                *heard.lock().expect("a lock") = String::from_utf8_lossy(&request[..length]).into_owned();
                stream.write_all(answer.as_bytes()).await.expect("an answer");
            }
        });
        (Target::parse(&url, true).expect("a target"), got)
    }

    async fn posted(answer: &'static str) -> Answer {
        let (target, _) = receiver(answer).await;
        Poster::new(true).post(&target, "evt_1", "{}", &[Secret::random()], NOW).await
    }

    #[tokio::test]
    async fn a_message_is_posted_with_its_signatures() {
        let (target, got) = receiver("HTTP/1.1 204 No Content\r\n\r\n").await;
        let secrets = [Secret::random(), Secret::random()];
        let answer = Poster::new(true).post(&target, "evt_1", r#"{"a":1}"#, &secrets, NOW).await;
        assert_eq!(answer, Answer { outcome: Outcome::Taken, status: Some(204), failure: None });
        let got = got.lock().expect("a lock").clone();
        let both = secrets.map(|secret| secret.sign("evt_1", 1_795_000_000, r#"{"a":1}"#)).join(" ");
        assert!(got.starts_with("POST /hooks?a=b HTTP/1.1\r\n"), "{got}");
        assert!(got.ends_with("\r\n\r\n{\"a\":1}"), "{got}");
        let host = format!("host: localhost:{}", target.port);
        for line in ["webhook-id: evt_1", "webhook-timestamp: 1795000000", "content-type: application/json", &host] {
            assert!(got.contains(line), "{line} in {got}");
        }
        assert!(got.contains(&format!("webhook-signature: {both}")), "{got}");
    }

    #[tokio::test]
    async fn only_200_to_299_is_taken_and_only_410_is_gone() {
        for (answer, outcome) in [
            ("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", Outcome::Taken),
            ("HTTP/1.1 299 Odd\r\ncontent-length: 0\r\n\r\n", Outcome::Taken),
            ("HTTP/1.1 302 Found\r\nlocation: http://169.254.169.254/\r\n\r\n", Outcome::Failed(None)),
            ("HTTP/1.1 410 Gone\r\n\r\n", Outcome::Gone),
            ("HTTP/1.1 500 Oops\r\n\r\n", Outcome::Failed(None)),
            ("HTTP/1.1 503 Busy\r\nretry-after: 120\r\n\r\n", Outcome::Failed(Some(Duration::from_secs(120)))),
            ("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\ncut", Outcome::Taken),
        ] {
            assert_eq!(posted(answer).await.outcome, outcome, "{answer}");
        }
    }

    #[tokio::test]
    async fn an_answer_that_is_cut_in_its_head_or_none_at_all_is_a_failure() {
        for answer in ["", "HTTP/1.1 200", "nonsense\r\n\r\n"] {
            let answer = posted(answer).await;
            assert_eq!((answer.outcome, answer.status), (Outcome::Failed(None), None), "{answer:?}");
        }
        let huge: &'static str = Box::leak(format!("HTTP/1.1 200 OK\r\nx: {}\r\n\r\n", "x".repeat(40_000)).into());
        assert_eq!(posted(huge).await.status, None);
    }

    #[tokio::test]
    async fn a_name_that_leads_to_the_machine_itself_is_not_connected_to() {
        let (local, got) = receiver("HTTP/1.1 200 OK\r\n\r\n").await;
        let answer = Poster::new(false).post(&local, "evt_1", "{}", &[], NOW).await;
        assert_eq!(answer.failure, Some("the host has no address that may be reached"));
        assert!(got.lock().expect("a lock").is_empty());
    }

    /// What a name of an attacker leads to: at first something public, to whoever only looks, and from then on what is meant.
    fn changing(_: String, port: u16) -> Addresses {
        static ASKED: AtomicUsize = AtomicUsize::new(0);
        let first = ASKED.fetch_add(1, Ordering::SeqCst) == 0;
        let forms =
            ["127.0.0.1", "::1", "::ffff:127.0.0.1", "64:ff9b::7f00:1", "169.254.169.254", "fd00:ec2::254", "10.0.0.1"];
        let found: Vec<_> = match first {
            // A documentation address: nobody answers there, and this is not a place that is connected to either.
            true => vec![SocketAddr::new("203.0.113.9".parse().expect("an address"), port)],
            false => forms.map(|form| SocketAddr::new(form.parse().expect("an address"), port)).into(),
        };
        Box::pin(async move { Ok(found) })
    }

    #[tokio::test]
    async fn a_name_that_leads_elsewhere_the_second_time_reaches_nothing_private_in_any_form() {
        let target = Target::parse("https://rebind.example:8443/", true).expect("a target");
        for allow_local in [false, true] {
            let poster = Poster { resolve: changing, ..Poster::new(allow_local) };
            for _ in 0..2 {
                // Whatever was tried to connect to would have been refused, or not have answered.
                let answer = poster.post(&target, "evt_1", "{}", &[], NOW).await;
                assert_eq!(answer.failure, Some("the host has no address that may be reached"));
            }
        }
    }

    #[tokio::test]
    async fn a_redirect_is_a_failure_and_what_it_leads_to_hears_nothing() {
        let (inner, heard) = receiver("HTTP/1.1 200 OK\r\n\r\n").await;
        let location = format!("http://localhost:{}/", inner.port);
        for status in ["301 Moved", "302 Found", "307 Temporary", "308 Permanent"] {
            let answer = format!("HTTP/1.1 {status}\r\nlocation: {location}\r\ncontent-length: 0\r\n\r\n");
            assert_eq!(posted(Box::leak(answer.into())).await.outcome, Outcome::Failed(None), "{status}");
        }
        assert!(heard.lock().expect("a lock").is_empty());
    }

    #[tokio::test]
    async fn a_port_where_nothing_listens_and_an_unknown_host_are_failures() {
        let closed = TcpListener::bind("127.0.0.1:0").await.expect("a port").local_addr().expect("an address");
        let target = Target::parse(&format!("http://127.0.0.1:{}/", closed.port()), true).expect("a target");
        let answer = Poster::new(true).post(&target, "evt_1", "{}", &[], NOW).await;
        assert_eq!(answer.failure, Some("the connection was refused"));
        let unknown = Target::parse("https://nobody.invalid/", false).expect("a target");
        let answer = Poster::new(false).post(&unknown, "evt_1", "{}", &[], NOW).await;
        assert_eq!(answer.failure, Some("the host is not known"));
    }

    #[test]
    fn a_receiver_may_ask_for_time_in_seconds_or_by_a_date() {
        let of = |value: &str| {
            let headers = HeaderMap::from_iter([(RETRY_AFTER, value.parse().expect("a value"))]);
            retry_after(&headers, NOW)
        };
        assert_eq!(of("120"), Some(Duration::from_secs(120)));
        assert_eq!(of(" 7 "), Some(Duration::from_secs(7)));
        let date = httpdate::fmt_http_date(UNIX_EPOCH + Duration::from_secs(1_795_000_060));
        assert_eq!(of(&date), Some(Duration::from_secs(60)));
        assert_eq!(of("Thu, 01 Jan 1970 00:00:10 GMT"), Some(Duration::ZERO));
        for nonsense in ["", "soon", "-1", "1.5"] {
            assert_eq!(of(nonsense), None, "{nonsense}");
        }
    }
}
