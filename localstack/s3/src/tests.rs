//! Requests as clients sign them, and the answers that S3 gives.

use std::convert::Infallible;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, UNIX_EPOCH};

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{
    PayloadChecksumKind, PercentEncodingMode, SignableBody, SignableRequest, SignatureLocation, SigningSettings,
    UriPathNormalizationMode, sign,
};
use aws_sigv4::sign::v4;
use bytes::Bytes;
use domain::{Clock, Timestamp};
use http::{HeaderMap, Request, StatusCode};
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::Frame;
use uuid::Uuid;

use crate::store::Place;
use crate::{Cors, Expiration, Keeping, Keys, Lifecycle, S3, Settings, store};

const HOST: &str = "tunrtc.example";
const MIB: usize = 1024 * 1024;
const MOST_PRESIGNED: usize = 8 * MIB;
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// A clock that stands still until it is moved, from 2026-11-22T12:00:00Z on.
struct FixedClock(AtomicU64);

impl Default for FixedClock {
    fn default() -> Self {
        Self(AtomicU64::new(1_795_348_800_000))
    }
}

impl FixedClock {
    fn advance(&self, span: Duration) {
        self.0.fetch_add(u64::try_from(span.as_millis()).unwrap_or(u64::MAX), Ordering::SeqCst);
    }
}

impl Clock for FixedClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.0.load(Ordering::SeqCst))
    }
}

/// A folder that is removed with its test.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Self {
        Self(std::env::temp_dir().join(format!("tunrtc-s3-{}", Uuid::new_v4().simple())))
    }

    /// The files below it, but for the lock.
    fn files(&self) -> Vec<String> {
        fn below(folder: &Path, found: &mut Vec<String>) {
            for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
                if entry.path().is_dir() {
                    below(&entry.path(), found);
                } else if entry.file_name() != "lock" {
                    found.push(entry.path().display().to_string());
                }
            }
        }
        let mut found = Vec::new();
        below(&self.0, &mut found);
        found
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.0));
    }
}

struct Bucket {
    s3: S3,
    clock: Arc<FixedClock>,
}

#[derive(Debug)]
struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
}

impl Answer {
    /// The status and the code of a refusal.
    fn refused(&self) -> (u16, String) {
        (self.status.as_u16(), self.between("<Code>", "</Code>"))
    }

    fn between(&self, start: &str, end: &str) -> String {
        let text = String::from_utf8_lossy(&self.body);
        text.split(start).nth(1).and_then(|rest| rest.split(end).next()).unwrap_or_default().to_owned()
    }

    fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }
}

/// What is asked, and how it is signed.
#[derive(Clone)]
struct Ask<'a> {
    method: &'a str,
    /// Path and query.
    target: &'a str,
    headers: &'a [(&'a str, &'a str)],
    body: &'a [u8],
    signed_as: &'a str,
    valid_for: Duration,
}

impl<'a> Ask<'a> {
    fn new(method: &'a str, target: &'a str) -> Self {
        Self { method, target, headers: &[], body: &[], signed_as: method, valid_for: Duration::from_secs(600) }
    }

    fn with(self, headers: &'a [(&'a str, &'a str)], body: &'a [u8]) -> Self {
        Self { headers, body, ..self }
    }
}

impl Bucket {
    async fn in_place(place: Place) -> Self {
        let clock = Arc::new(FixedClock::default());
        let text = |list: &[&str]| list.iter().map(|&text| text.to_owned()).collect::<Vec<_>>();
        let keys = Keys {
            access_key_id: "key".to_owned(),
            secret_access_key: "secret".to_owned(),
            region: "us-east-1".to_owned(),
        };
        let cors = Cors {
            allow_origins: text(&["https://app.example", "http://localhost:*"]),
            allow_methods: text(&["GET", "HEAD", "PUT"]),
            allow_headers: text(&["content-type", "range"]),
            expose_headers: text(&["etag", "content-range"]),
            max_age: Duration::from_secs(7200),
        };
        let expirations = vec![Expiration { prefix: "chunks/".to_owned(), after: 7 * DAY }];
        let lifecycle = Lifecycle { expirations, unfinished_after: DAY };
        let settings = Settings {
            bucket: "recordings".to_owned(),
            keeping: Keeping::Memory(0),
            keys,
            cors,
            lifecycle,
            most_presigned: MOST_PRESIGNED as u64,
            clock: Arc::<FixedClock>::clone(&clock),
        };
        Self { s3: S3::in_place(place, settings).await.expect("a bucket"), clock }
    }

    async fn in_memory() -> Self {
        Self::in_place(Place::memory(64 * MIB as u64)).await
    }

    async fn in_folder(root: &Path) -> Self {
        Self::in_place(store::folder(root, 0).expect("a folder")).await
    }

    /// An address that is signed for a method and headers.
    fn presigned(&self, ask: &Ask<'_>) -> String {
        let mut settings = SigningSettings::default();
        settings.percent_encoding_mode = PercentEncodingMode::Single;
        settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
        settings.signature_location = SignatureLocation::QueryParams;
        settings.expires_in = Some(ask.valid_for);
        let headers = ask.headers.iter().filter(|(name, _)| *name == "content-type").copied();
        self.signed(settings, ask.signed_as, ask.target, headers.collect(), SignableBody::UnsignedPayload).0
    }

    fn signed(
        &self,
        settings: SigningSettings,
        method: &str,
        target: &str,
        headers: Vec<(&str, &str)>,
        body: SignableBody<'_>,
    ) -> (String, HeaderMap) {
        let identity = Credentials::new("key", "secret", None, None, "test").into();
        let params = v4::SigningParams::builder()
            .identity(&identity)
            .region("us-east-1")
            .name("s3")
            .time(UNIX_EPOCH + Duration::from_millis(self.clock.now().millis()))
            .settings(settings)
            .build()
            .expect("parameters")
            .into();
        let url = format!("http://{HOST}{target}");
        let request = SignableRequest::new(method, &url, headers.into_iter(), body).expect("a request");
        let (signing, _) = sign(request, &params).expect("signed").into_parts();
        let mut request = Request::builder().uri(&url).body(()).expect("a request");
        signing.apply_to_request_http1x(&mut request);
        let (parts, ()) = request.into_parts();
        (parts.uri.path_and_query().expect("a path").to_string(), parts.headers)
    }

    /// By a presigned address.
    async fn ask(&self, ask: Ask<'_>) -> Answer {
        let address = self.presigned(&ask);
        self.send(&ask, &address, HOST).await
    }

    async fn send(&self, ask: &Ask<'_>, address: &str, host: &str) -> Answer {
        let mut request = Request::builder().method(ask.method).uri(address).header("host", host);
        request = request.header("content-length", ask.body.len());
        for (name, value) in ask.headers {
            request = request.header(*name, *value);
        }
        self.answer(request.body(Full::new(Bytes::copy_from_slice(ask.body))).expect("a request")).await
    }

    async fn answer<B>(&self, request: Request<B>) -> Answer
    where
        B: hyper::body::Body<Data = Bytes> + Unpin,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let (parts, body) = self.s3.answer(request).await.into_parts();
        let body = body.collect().await.expect("a body").to_bytes();
        Answer { status: parts.status, headers: parts.headers, body }
    }

    async fn put(&self, key: &str, body: &[u8]) -> Answer {
        let target = format!("/recordings/{key}");
        self.ask(Ask::new("PUT", &target).with(&[("content-type", "video/webm")], body)).await
    }

    async fn get(&self, key: &str) -> Answer {
        self.ask(Ask::new("GET", &format!("/recordings/{key}"))).await
    }

    async fn begin(&self, key: &str) -> String {
        self.ask(Ask::new("POST", &format!("/recordings/{key}?uploads="))).await.between("<UploadId>", "</UploadId>")
    }

    async fn part(&self, key: &str, upload: &str, number: u16, body: &[u8]) -> Answer {
        let target = format!("/recordings/{key}?partNumber={number}&uploadId={upload}");
        self.ask(Ask::new("PUT", &target).with(&[], body)).await
    }

    async fn complete(&self, key: &str, upload: &str, parts: &[(u16, &str)]) -> Answer {
        let parts: String = parts
            .iter()
            .map(|(number, tag)| format!("<Part><ETag>{tag}</ETag><PartNumber>{number}</PartNumber></Part>"))
            .collect();
        let body = format!("<CompleteMultipartUpload>{parts}</CompleteMultipartUpload>");
        let target = format!("/recordings/{key}?uploadId={upload}");
        self.ask(Ask::new("POST", &target).with(&[], body.as_bytes())).await
    }
}

fn code(status: u16, code: &str) -> (u16, String) {
    (status, code.to_owned())
}

#[tokio::test]
async fn what_was_put_by_an_address_is_fetched_by_one() {
    let scratch = Scratch::new();
    for bucket in [Bucket::in_memory().await, Bucket::in_folder(&scratch.0).await] {
        let put = bucket.put("chunks/a%20b", b"bytes").await;
        assert_eq!((put.status, put.header("etag")), (StatusCode::OK, "\"4b3a6218bb3e3a7303e8a171a60fcf92\""));
        let got = bucket.get("chunks/a%20b").await;
        assert_eq!((got.status, &got.body[..]), (StatusCode::OK, &b"bytes"[..]));
        assert_eq!((got.header("content-type"), got.header("content-length")), ("video/webm", "5"));
        assert_eq!(got.header("last-modified"), "Sun, 22 Nov 2026 12:00:00 GMT");
        assert_eq!(bucket.get("chunks/a").await.refused(), code(404, "NoSuchKey"));
    }
}

#[tokio::test]
async fn a_presigned_address_takes_a_chunk_and_no_more_and_a_signed_request_does() {
    let bucket = Bucket::in_memory().await;
    assert_eq!(bucket.put("chunks/1", &vec![1; MOST_PRESIGNED]).await.status, StatusCode::OK);
    let larger = vec![2; MOST_PRESIGNED + 1];
    assert_eq!(bucket.put("chunks/1", &larger).await.refused(), code(400, "EntityTooLarge"));
    assert_eq!(bucket.get("chunks/1").await.body.len(), MOST_PRESIGNED, "what was there stays");
    let upload = bucket.begin("chunks/2").await;
    assert_eq!(bucket.part("chunks/2", &upload, 1, &larger).await.refused(), code(400, "EntityTooLarge"));
    let mut settings = SigningSettings::default();
    settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
    let signed = bucket.signed(settings, "PUT", "/recordings/files/1", vec![], SignableBody::Bytes(&larger));
    let headers = signed.1;
    let headers: Vec<_> =
        headers.iter().map(|(name, value)| (name.as_str(), value.to_str().expect("a text"))).collect();
    let ask = Ask::new("PUT", "/recordings/files/1").with(&headers, &larger);
    assert_eq!(bucket.send(&ask, ask.target, HOST).await.status, StatusCode::OK);
}

#[tokio::test]
async fn those_who_store_at_the_same_time_use_no_more_memory_than_there_is() {
    let bucket = Bucket::in_place(Place::memory(MOST_PRESIGNED as u64)).await;
    let ask = Ask::new("PUT", "/recordings/chunks/1");
    let request = Request::builder().method("PUT").uri(bucket.presigned(&ask)).header("host", HOST);
    let request = request.header("content-length", MOST_PRESIGNED);
    let silent = StreamBody::new(futures_util::stream::pending::<Result<Frame<Bytes>, Infallible>>());
    let mut slow = Box::pin(bucket.answer(request.body(silent).expect("a request")));
    assert!(futures_util::poll!(&mut slow).is_pending());
    assert_eq!(bucket.put("chunks/2", b"x").await.refused(), code(507, "InsufficientStorage"));
    drop(slow);
    assert_eq!(bucket.put("chunks/2", b"x").await.status, StatusCode::OK, "what breaks off frees its room");
}

#[tokio::test]
async fn an_address_is_good_for_what_was_signed_alone() {
    let bucket = Bucket::in_memory().await;
    bucket.put("k", b"bytes").await;
    let typed = [("content-type", "video/webm")];
    let (put, get) = (Ask::new("PUT", "/recordings/k").with(&typed, b"new"), Ask::new("GET", "/recordings/k"));
    let address = bucket.presigned(&get);
    for (what, tampered, host) in [
        ("another key", address.replacen("/k?", "/l?", 1), HOST),
        ("another life", address.replace("Expires=600", "Expires=6000"), HOST),
        ("another signature", format!("{}0", &address[..address.len() - 1]).replace("Signature=", "Signature=f"), HOST),
        ("one more parameter", format!("{address}&response-content-type=text%2Fhtml"), HOST),
        ("another host", address.clone(), "evil.example"),
        ("another method", bucket.presigned(&put), HOST),
    ] {
        assert_eq!(bucket.send(&get, &tampered, host).await.refused(), code(403, "SignatureDoesNotMatch"), "{what}");
    }
    let other_type = Ask { headers: &[("content-type", "text/html")], ..put.clone() };
    let refused = bucket.send(&other_type, &bucket.presigned(&put), HOST).await;
    assert_eq!(refused.refused(), code(403, "SignatureDoesNotMatch"));
    let unsigned = Ask { headers: &[("content-type", "video/webm"), ("x-amz-meta-a", "b")], ..put.clone() };
    assert_eq!(bucket.send(&unsigned, &bucket.presigned(&put), HOST).await.refused(), code(403, "AccessDenied"));
    assert_eq!(&bucket.get("k").await.body[..], b"bytes", "nothing was stored");
}

#[tokio::test]
async fn an_address_ends_and_nobody_gets_in_without_one() {
    let bucket = Bucket::in_memory().await;
    let get = Ask::new("GET", "/recordings/k");
    let address = bucket.presigned(&get);
    bucket.put("k", b"bytes").await;
    bucket.clock.advance(Duration::from_secs(600));
    assert_eq!(bucket.send(&get, &address, HOST).await.status, StatusCode::OK);
    bucket.clock.advance(Duration::from_secs(1));
    let ended = bucket.send(&get, &address, HOST).await;
    assert_eq!(
        (ended.refused(), ended.between("<Message>", "</Message>")),
        (code(403, "AccessDenied"), "Request has expired".to_owned())
    );
    assert_eq!(bucket.send(&get, "/recordings/k", HOST).await.refused(), code(403, "AccessDenied"));
    let foreign = address.replace("Credential=key", "Credential=another");
    assert_eq!(bucket.send(&get, &foreign, HOST).await.refused(), code(403, "InvalidAccessKeyId"));
    let long = address.replace("Expires=600", "Expires=604801");
    assert_eq!(bucket.send(&get, &long, HOST).await.status, StatusCode::FORBIDDEN);
    let elsewhere = bucket.send(&get, &address.replace("us-east-1", "eu-west-1"), HOST).await;
    assert_eq!(elsewhere.refused(), code(400, "AuthorizationQueryParametersError"));
    assert_eq!(bucket.send(&get, "/others/k", HOST).await.refused(), code(404, "NoSuchBucket"));
}

#[tokio::test]
async fn a_signed_request_carries_the_hash_of_its_body() {
    let bucket = Bucket::in_memory().await;
    let mut settings = SigningSettings::default();
    settings.percent_encoding_mode = PercentEncodingMode::Single;
    settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
    let (_, signed) = bucket.signed(settings, "PUT", "/recordings/k", vec![], SignableBody::Bytes(b"bytes"));
    let send = |body: &'static [u8], signed: HeaderMap| {
        let mut request = Request::builder().method("PUT").uri("/recordings/k").header("host", HOST);
        request = request.header("content-length", body.len());
        let mut request = request.body(Full::new(Bytes::from_static(body))).expect("a request");
        request.headers_mut().extend(signed);
        bucket.answer(request)
    };
    assert_eq!(send(b"bytes", signed.clone()).await.status, StatusCode::OK);
    assert_eq!(send(b"other", signed.clone()).await.refused(), code(400, "XAmzContentSHA256Mismatch"));
    bucket.clock.advance(Duration::from_secs(15 * 60 + 1));
    assert_eq!(send(b"bytes", signed).await.refused(), code(403, "RequestTimeTooSkewed"));
    assert_eq!(&bucket.get("k").await.body[..], b"bytes");
}

#[tokio::test]
async fn a_range_of_an_object_is_answered_with_what_it_is_of() {
    let scratch = Scratch::new();
    for bucket in [Bucket::in_memory().await, Bucket::in_folder(&scratch.0).await] {
        bucket.put("k", b"0123456789").await;
        let ranged = |range: &'static str| {
            bucket.ask(Ask::new("GET", "/recordings/k").with(Box::leak(Box::new([("range", range)])), b""))
        };
        let middle = ranged("bytes=2-4").await;
        assert_eq!((middle.status.as_u16(), &middle.body[..]), (206, &b"234"[..]));
        assert_eq!((middle.header("content-range"), middle.header("content-length")), ("bytes 2-4/10", "3"));
        assert_eq!(&ranged("bytes=-2").await.body[..], b"89");
        assert_eq!(ranged("bytes=10-").await.refused(), code(416, "InvalidRange"));
        assert_eq!(ranged("bytes=0-1,3-4").await.status.as_u16(), 200);
    }
}

#[tokio::test]
async fn parts_become_an_object_and_a_refused_end_loses_nothing() {
    let scratch = Scratch::new();
    for bucket in [Bucket::in_memory().await, Bucket::in_folder(&scratch.0).await] {
        let upload = bucket.begin("f").await;
        let small = bucket.part("f", &upload, 1, &[1; 5 * MIB - 1]).await.header("etag").to_owned();
        let last = bucket.part("f", &upload, 2, b"end").await.header("etag").to_owned();
        let refused = bucket.complete("f", &upload, &[(1, &small), (2, &last)]).await;
        assert_eq!(refused.refused(), code(400, "EntityTooSmall"));
        assert_eq!(
            bucket.complete("f", &upload, &[(2, &last), (1, &small)]).await.refused(),
            code(400, "InvalidPartOrder")
        );
        assert_eq!(bucket.complete("f", &upload, &[(1, &last), (2, &last)]).await.refused(), code(400, "InvalidPart"));
        assert_eq!(bucket.complete("f", &upload, &[]).await.refused(), code(400, "MalformedXML"));
        assert_eq!(bucket.get("f").await.refused(), code(404, "NoSuchKey"));

        let whole = bucket.part("f", &upload, 1, &[1; 5 * MIB]).await.header("etag").to_owned();
        let done = bucket.complete("f", &upload, &[(1, &whole), (2, &last)]).await;
        assert!(done.between("<ETag>", "</ETag>").contains("-2"), "{done:?}");
        let got = bucket.get("f").await;
        assert_eq!((got.body.len(), &got.body[5 * MIB..]), (5 * MIB + 3, &b"end"[..]));
        assert_eq!(bucket.part("f", &upload, 3, b"late").await.refused(), code(404, "NoSuchUpload"));
    }
}

#[tokio::test]
async fn lists_come_in_pages_in_the_order_of_keys() {
    let bucket = Bucket::in_memory().await;
    for key in ["chunks/a/1", "chunks/a/2", "chunks/b/1", "files/1"] {
        bucket.put(key, b"x").await;
    }
    let keys = |answer: &Answer| {
        let text = String::from_utf8_lossy(&answer.body).into_owned();
        text.split("<Key>")
            .skip(1)
            .map(|rest| rest.split('<').next().unwrap_or_default().to_owned())
            .collect::<Vec<_>>()
    };
    let list = |query: String| {
        let bucket = &bucket;
        async move { bucket.ask(Ask::new("GET", &format!("/recordings?list-type=2{query}"))).await }
    };
    let first = list("&prefix=chunks%2F&max-keys=2".to_owned()).await;
    assert_eq!(keys(&first), ["chunks/a/1", "chunks/a/2"]);
    let token = first.between("<NextContinuationToken>", "</NextContinuationToken>");
    let second = list(format!("&prefix=chunks%2F&max-keys=2&continuation-token={token}")).await;
    assert_eq!(
        (keys(&second), second.between("<IsTruncated>", "<")),
        (vec!["chunks/b/1".to_owned()], "false".to_owned())
    );
    assert_eq!(keys(&list("&start-after=chunks%2Fb%2F1".to_owned()).await), ["files/1"]);
    let grouped = list("&prefix=chunks%2F&delimiter=%2F&max-keys=1".to_owned()).await;
    assert_eq!(grouped.between("<Prefix>chunks/a", "<"), "/");
    let token = grouped.between("<NextContinuationToken>", "</NextContinuationToken>");
    let rest = list(format!("&prefix=chunks%2F&delimiter=%2F&max-keys=1&continuation-token={token}")).await;
    assert!(String::from_utf8_lossy(&rest.body).contains("<Prefix>chunks/b/</Prefix>"), "{rest:?}");
    assert_eq!(list("&max-keys=soon".to_owned()).await.refused(), code(400, "InvalidArgument"));
}

#[tokio::test]
async fn pages_of_allowed_origins_alone_reach_the_bucket() {
    let bucket = Bucket::in_memory().await;
    let preflight = |origin: &'static str, method: &'static str, headers: &'static str| {
        let request =
            Request::builder().method("OPTIONS").uri("/recordings/k").header("host", HOST).header("origin", origin);
        let request =
            request.header("access-control-request-method", method).header("access-control-request-headers", headers);
        bucket.answer(request.body(Full::new(Bytes::new())).expect("a request"))
    };
    let allowed = preflight("https://app.example", "PUT", "Content-Type").await;
    assert_eq!(allowed.header("access-control-allow-origin"), "https://app.example");
    assert_eq!(allowed.header("access-control-allow-methods"), "GET, HEAD, PUT");
    assert_eq!(
        (allowed.header("access-control-allow-headers"), allowed.header("access-control-max-age")),
        ("content-type", "7200")
    );
    assert_eq!(preflight("http://localhost:5173", "GET", "range").await.status, StatusCode::OK);
    for (origin, method, headers) in [
        ("https://evil.example", "PUT", "content-type"),
        ("https://app.example", "DELETE", "content-type"),
        ("https://app.example", "PUT", "authorization"),
    ] {
        let refused = preflight(origin, method, headers).await;
        assert_eq!(refused.refused(), code(403, "AccessForbidden"), "{origin} {method} {headers}");
        assert_eq!(refused.header("access-control-allow-origin"), "");
    }
    let asked = bucket.ask(Ask::new("GET", "/recordings/k").with(&[("origin", "https://app.example")], b"")).await;
    assert_eq!((asked.status.as_u16(), asked.header("access-control-expose-headers")), (404, "etag, content-range"));
    let foreign = bucket.ask(Ask::new("GET", "/recordings/k").with(&[("origin", "https://evil.example")], b"")).await;
    assert_eq!(foreign.header("access-control-allow-origin"), "");
}

#[tokio::test]
async fn objects_and_unfinished_uploads_expire() {
    let scratch = Scratch::new();
    let bucket = Bucket::in_folder(&scratch.0).await;
    bucket.put("chunks/1", b"x").await;
    bucket.put("files/1", b"x").await;
    let upload = bucket.begin("files/2").await;
    bucket.part("files/2", &upload, 1, b"x").await;
    bucket.clock.advance(DAY);
    bucket.s3.expire().await;
    assert_eq!(bucket.part("files/2", &upload, 1, b"x").await.refused(), code(404, "NoSuchUpload"));
    assert_eq!(bucket.get("chunks/1").await.status, StatusCode::OK);
    bucket.clock.advance(6 * DAY);
    bucket.s3.expire().await;
    assert_eq!(bucket.get("chunks/1").await.refused(), code(404, "NoSuchKey"));
    assert_eq!(bucket.get("files/1").await.status, StatusCode::OK);
    assert_eq!(scratch.files().len(), 1, "{:?}", scratch.files());
}

#[tokio::test]
async fn a_body_that_breaks_off_leaves_what_was_there() {
    let scratch = Scratch::new();
    let bucket = Bucket::in_folder(&scratch.0).await;
    bucket.put("k", b"before").await;
    let ask = Ask::new("PUT", "/recordings/k");
    let frames = futures_util::stream::iter([
        Ok(Frame::data(Bytes::from_static(b"half"))),
        Err(std::io::Error::from(std::io::ErrorKind::ConnectionReset)),
    ]);
    let request = Request::builder().method("PUT").uri(bucket.presigned(&ask)).header("host", HOST);
    let request = request.header("content-length", 8).body(StreamBody::new(frames)).expect("a request");
    assert_eq!(bucket.answer(request).await.refused(), code(400, "IncompleteBody"));
    assert_eq!(&bucket.get("k").await.body[..], b"before");
    assert_eq!(scratch.files().len(), 1, "{:?}", scratch.files());
}

#[tokio::test]
async fn what_was_answered_outlives_the_process_and_what_was_not_is_gone() {
    let scratch = Scratch::new();
    let (upload, whole) = {
        let bucket = Bucket::in_folder(&scratch.0).await;
        bucket.put("k", b"first").await;
        bucket.put("k", b"second").await;
        bucket.put("gone", b"x").await;
        bucket.ask(Ask::new("DELETE", "/recordings/gone")).await;
        let upload = bucket.begin("f").await;
        let whole = bucket.part("f", &upload, 1, &[7; 100]).await.header("etag").to_owned();
        (upload, whole)
    };
    // As a process leaves them that is killed.
    std::fs::write(scratch.0.join("tmp/half"), b"half").expect("written");
    std::fs::write(scratch.0.join("objects/00000000000000ff"), b"no object").expect("written");
    let bucket = Bucket::in_folder(&scratch.0).await;
    let got = bucket.get("k").await;
    assert_eq!((&got.body[..], got.header("content-type")), (&b"second"[..], "video/webm"));
    assert_eq!(bucket.get("gone").await.refused(), code(404, "NoSuchKey"));
    assert!(!scratch.0.join("tmp/half").exists());
    assert_eq!(bucket.complete("f", &upload, &[(1, &whole)]).await.status, StatusCode::OK);
    assert_eq!(&bucket.get("f").await.body[..], &[7; 100]);
}

#[tokio::test]
async fn a_full_disk_or_memory_is_told_and_what_was_there_stays() {
    let scratch = Scratch::new();
    let free = Arc::new(AtomicU64::new(1000));
    let told = Arc::clone(&free);
    let place = store::folder_with(&scratch.0, 100, move |_| Ok(told.load(Ordering::SeqCst))).expect("a folder");
    for (bucket, full) in [(Bucket::in_place(place).await, 901), (Bucket::in_place(Place::memory(1000)).await, 901)] {
        assert_eq!(bucket.put("k", &[1; 100]).await.status, StatusCode::OK);
        assert_eq!(bucket.put("l", &vec![1; full]).await.refused(), code(507, "InsufficientStorage"));
        assert_eq!(bucket.get("k").await.body.len(), 100);
        assert_eq!(bucket.put("l", &[1; 900]).await.status, StatusCode::OK);
    }
}

#[tokio::test]
async fn no_key_leads_out_of_the_folder() {
    let scratch = Scratch::new();
    let bucket = Bucket::in_folder(&scratch.0.join("bucket")).await;
    for key in ["../escaped", "/etc/escaped", "a/../../escaped", "a%00b", "C%3A%5Cescaped"] {
        assert_eq!(bucket.put(key, b"x").await.status, StatusCode::OK, "{key}");
        assert_eq!(&bucket.get(key).await.body[..], b"x", "{key}");
    }
    assert!(scratch.files().iter().all(|file| file.contains("/bucket/objects/")), "{:?}", scratch.files());
    let upload = bucket.part("k", "..%2Fobjects", 1, b"x").await;
    assert_eq!(upload.refused(), code(404, "NoSuchUpload"));
    assert_eq!(bucket.put(&"k".repeat(1025), b"x").await.refused(), code(400, "KeyTooLongError"));
}

#[tokio::test]
async fn a_folder_belongs_to_one_process() {
    let scratch = Scratch::new();
    let bucket = Bucket::in_folder(&scratch.0).await;
    assert_eq!(store::folder(&scratch.0, 0).expect_err("taken").kind(), std::io::ErrorKind::ResourceBusy);
    bucket.s3.close();
    assert!(store::folder(&scratch.0, 0).is_ok());
}

#[tokio::test]
async fn what_a_browser_is_sent_is_no_page() {
    let bucket = Bucket::in_memory().await;
    bucket.ask(Ask::new("PUT", "/recordings/k").with(&[("content-type", "text/html")], b"<script>")).await;
    let got = bucket.get("k").await;
    assert_eq!((got.header("x-content-type-options"), got.header("content-disposition")), ("nosniff", "attachment"));
    assert_eq!(got.header("content-security-policy"), "default-src 'none'; sandbox");
    let named =
        bucket.ask(Ask::new("GET", "/recordings/k?response-content-disposition=attachment%3B%20filename%3Da")).await;
    assert_eq!(named.header("content-disposition"), "attachment; filename=a");
}

#[tokio::test]
async fn what_is_not_here_is_refused_by_name() {
    let bucket = Bucket::in_memory().await;
    for (method, target) in [("GET", "/recordings/k?acl="), ("GET", "/recordings"), ("GET", "/recordings?versioning=")]
    {
        assert_eq!(bucket.ask(Ask::new(method, target)).await.refused(), code(501, "NotImplemented"), "{target}");
    }
    assert_eq!(bucket.ask(Ask::new("DELETE", "/recordings")).await.refused(), code(405, "MethodNotAllowed"));
}

#[tokio::test]
async fn many_objects_are_removed_at_once() {
    let bucket = Bucket::in_memory().await;
    bucket.put("a", b"x").await;
    bucket.put("b", b"x").await;
    let body = b"<Delete><Object><Key>a</Key></Object><Object><Key>absent</Key></Object></Delete>";
    let md5 = base64::Engine::encode(&base64::prelude::BASE64_STANDARD, md5::compute(body).0);
    let headers = [("content-md5", md5.as_str())];
    let removed = bucket.ask(Ask::new("POST", "/recordings?delete=").with(&headers, body)).await;
    assert_eq!((removed.status, removed.between("<Key>", "</Key>")), (StatusCode::OK, "a".to_owned()));
    assert_eq!(bucket.get("a").await.refused(), code(404, "NoSuchKey"));
    assert_eq!(bucket.get("b").await.status, StatusCode::OK);
    let wrong = bucket
        .ask(Ask::new("POST", "/recordings?delete=").with(&headers, b"<Delete><Quiet>true</Quiet></Delete>"))
        .await;
    assert_eq!(wrong.refused(), code(400, "BadDigest"));
}
