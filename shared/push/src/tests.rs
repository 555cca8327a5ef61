//! The client against answers of our making: what it sends, when it tries again, and what it makes of each answer.

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use aws_sdk_apigatewaymanagement::config::http::HttpResponse;
use aws_sdk_apigatewaymanagement::config::timeout::TimeoutConfig;
use aws_smithy_runtime_api::client::http::{HttpConnector, HttpConnectorFuture};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_types::SdkConfig;
use domain::Error;
use proptest::prelude::*;

use super::endpoint::timeouts;
use super::*;

const ENDPOINT: &str = "https://api.execute-api.eu-central-1.amazonaws.com/prod";

/// How long an attempt waits for its answer here.
const ANSWER: Duration = Duration::from_millis(20);

/// What the other side does with a request.
#[derive(Debug, Clone, Copy)]
enum Answer {
    Status(u16),
    /// The connection breaks.
    Broken,
    /// Nothing, ever.
    Silence,
}

/// Answers in order, the last one again and again, and keeps what was sent.
#[derive(Debug, Clone)]
struct Script {
    answers: Arc<Mutex<VecDeque<Answer>>>,
    sent: Arc<Mutex<Vec<Sent>>>,
}

/// A request as far as the tests look at it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Sent {
    method: String,
    uri: String,
    body: Vec<u8>,
}

impl HttpConnector for Script {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        lock(&self.sent).push(Sent {
            method: request.method().to_owned(),
            uri: request.uri().to_owned(),
            body: request.body().bytes().unwrap_or_default().to_vec(),
        });
        let mut answers = lock(&self.answers);
        let next = if answers.len() > 1 { answers.pop_front() } else { answers.front().copied() };
        match next.expect("an answer") {
            Answer::Status(status) => {
                let status = status.try_into().expect("a status");
                HttpConnectorFuture::ready(Ok(HttpResponse::new(status, "{}".into())))
            }
            Answer::Broken => HttpConnectorFuture::ready(Err(ConnectorError::io("the connection was reset".into()))),
            Answer::Silence => HttpConnectorFuture::new(std::future::pending()),
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Script {
    fn new(answers: &[Answer]) -> Self {
        Self { answers: Arc::new(Mutex::new(answers.iter().copied().collect())), sent: Arc::default() }
    }

    /// A client that talks to this script, and begins its last attempt within that time.
    fn client(&self, within: Duration) -> Push {
        let config = testkit::answered_by(self.clone())
            .timeout_config(TimeoutConfig::builder().operation_timeout(ANSWER).build())
            .build();
        let [base, cap] = [Duration::from_millis(1), Duration::from_millis(5)];
        Push::with_patience(Endpoint::sdk(&config, ENDPOINT), Backoff { base, cap, within, jitter: || 0.5 })
    }

    /// A client that tries again for as long as a test may last.
    fn patient(&self) -> Push {
        self.client(Duration::from_secs(60))
    }

    /// A client that tries once.
    fn hasty(&self) -> Push {
        self.client(Duration::ZERO)
    }

    fn sent(&self) -> Vec<Sent> {
        lock(&self.sent).clone()
    }
}

fn connection() -> ConnectionId {
    ConnectionId::new("JKUdbfKHoAMCJEA=")
}

fn frame() -> Frame {
    Frame(r#"{"event":"receiveMessage","data":{"message":"grüß dich"}}"#.to_owned())
}

#[tokio::test]
async fn a_push_posts_the_frame_to_the_connection() {
    let script = Script::new(&[Answer::Status(200)]);
    assert_eq!(script.patient().push(&connection(), &frame()).await.expect("pushed"), Pushed::Accepted);
    let uri = format!("{ENDPOINT}/@connections/JKUdbfKHoAMCJEA%3D");
    assert_eq!(script.sent(), [Sent { method: "POST".to_owned(), uri, body: frame().0.into_bytes() }]);
}

#[tokio::test]
async fn a_connection_of_the_hub_gets_the_event_in_its_words_under_its_bare_name() {
    let script = Script::new(&[Answer::Status(200)]);
    let hub = ConnectionId::hub(connection().as_str());
    let event = r#"{"event":"userLeft","timestamp":"2026-11-29T00:00:00.000Z","data":{"userId":"u"}}"#;
    let pushed = script.patient().push(&hub, &Frame(event.to_owned())).await.expect("pushed");
    assert_eq!(pushed, Pushed::Accepted);
    let record =
        r#"{"type":1,"target":"UserLeft","arguments":[{"timestamp":"2026-11-29T00:00:00.000Z","userId":"u"}]}"#;
    let uri = format!("{ENDPOINT}/@connections/JKUdbfKHoAMCJEA%3D");
    let body = format!("{record}\u{1e}").into_bytes();
    assert_eq!(script.sent(), [Sent { method: "POST".to_owned(), uri: uri.clone(), body }]);
    script.patient().close(&hub).await.expect("closed");
    assert_eq!(script.sent().last(), Some(&Sent { method: "DELETE".to_owned(), uri, body: Vec::new() }));
}

#[tokio::test]
async fn many_candidates_are_pushed_in_frames_of_many_records_until_the_connection_is_gone() {
    let candidate = format!(r#"{{"candidate":"{}"}}"#, "c".repeat(1000));
    let candidates = vec![candidate.as_str(); 80].join(",");
    let data = format!(r#"{{"fromUserId":"u","candidates":[{candidates}]}}"#);
    let event = Frame(format!(r#"{{"event":"receiveIceCandidate","timestamp":"T","data":{data}}}"#));
    let script = Script::new(&[Answer::Status(200)]);
    let hub = ConnectionId::hub(connection().as_str());
    script.patient().push(&hub, &event).await.expect("pushed");
    let sent = script.sent();
    assert!(sent.len() == 3 && sent.iter().all(|sent| sent.body.len() < 32 * 1024), "{}", sent.len());
    let records = |sent: &Sent| sent.body.iter().filter(|byte| **byte == 0x1e).count();
    assert_eq!(sent.iter().map(records).sum::<usize>(), 80);
    let script = Script::new(&[Answer::Status(410)]);
    assert_eq!(script.patient().push(&hub, &event).await.expect("answered"), Pushed::Gone);
    assert_eq!(script.sent().len(), 1);
}

#[tokio::test]
async fn closing_deletes_the_connection() {
    let script = Script::new(&[Answer::Status(204)]);
    script.patient().close(&connection()).await.expect("closed");
    let uri = format!("{ENDPOINT}/@connections/JKUdbfKHoAMCJEA%3D");
    assert_eq!(script.sent(), [Sent { method: "DELETE".to_owned(), uri, body: Vec::new() }]);
}

#[tokio::test]
async fn a_connection_that_is_gone_is_no_error_and_not_tried_again() {
    let script = Script::new(&[Answer::Status(410)]);
    assert_eq!(script.patient().push(&connection(), &frame()).await.expect("answered"), Pushed::Gone);
    script.patient().close(&connection()).await.expect("gone is closed");
    assert_eq!(script.sent().len(), 2);
}

#[tokio::test]
async fn throttling_and_faults_of_the_other_side_are_tried_again() {
    for passing in [Answer::Status(429), Answer::Status(500), Answer::Status(503), Answer::Broken] {
        let script = Script::new(&[passing, passing, Answer::Status(200)]);
        let pushed = script.patient().push(&connection(), &frame()).await.expect("pushed");
        assert_eq!((pushed, script.sent().len()), (Pushed::Accepted, 3), "{passing:?}");

        let script = Script::new(&[passing, Answer::Status(410)]);
        script.patient().close(&connection()).await.expect("closed");
        assert_eq!(script.sent().len(), 2, "{passing:?}");
    }
}

#[tokio::test]
async fn an_attempt_without_an_answer_is_tried_again() {
    let script = Script::new(&[Answer::Silence, Answer::Status(200)]);
    let pushed = script.patient().push(&connection(), &frame()).await.expect("pushed");
    assert_eq!((pushed, script.sent().len()), (Pushed::Accepted, 2));
}

#[tokio::test]
async fn what_does_not_pass_in_time_is_unavailable() {
    for answer in [Answer::Status(503), Answer::Silence] {
        let script = Script::new(&[answer]);
        let client = script.client(2 * ANSWER);
        let pushed = client.push(&connection(), &frame()).await;
        assert!(matches!(pushed, Err(Error::Unavailable(_))), "{answer:?}: {pushed:?}");
        let closed = client.close(&connection()).await;
        assert!(matches!(closed, Err(Error::Unavailable(_))), "{answer:?}: {closed:?}");
    }
}

#[tokio::test]
async fn an_attempt_is_given_up_only_where_the_configuration_does_not_say_otherwise() {
    let ours = timeouts(&SdkConfig::builder().build());
    assert_eq!((ours.connect_timeout(), ours.operation_timeout()), (Some(ATTEMPT), Some(ATTEMPT)));
    let none = timeouts(&SdkConfig::builder().timeout_config(TimeoutConfig::disabled()).build());
    assert_eq!((none.connect_timeout(), none.operation_timeout()), (None, None));
}

#[tokio::test]
async fn a_refusal_is_our_own_fault_and_not_tried_again() {
    for refusal in [400, 403, 413] {
        let script = Script::new(&[Answer::Status(refusal)]);
        let pushed = script.patient().push(&connection(), &frame()).await;
        assert!(matches!(pushed, Err(Error::Internal(_))), "{refusal}: {pushed:?}");
        assert_eq!(script.sent().len(), 1, "{refusal}");
    }
}

/// A log that can be read.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        lock(&self.0).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What is logged while the other side answers a push with this status.
async fn logged(status: u16) -> String {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt().with_ansi(false).with_writer(move || writer.clone()).finish();
    let guard = tracing::subscriber::set_default(subscriber);
    let script = Script::new(&[Answer::Status(status)]);
    let _outcome = script.hasty().push(&connection(), &frame()).await;
    drop(guard);
    let text = lock(&log.0).clone();
    String::from_utf8(text).expect("UTF-8")
}

#[tokio::test]
async fn giving_up_is_logged_once_and_without_the_payload() {
    let text = logged(429).await;
    let lines: Vec<_> = text.lines().filter(|line| line.contains("WARN")).collect();
    let [line] = lines.as_slice() else { panic!("{text}") };
    for part in ["connection.id=\"JKUdbfKHoAMCJEA=\"", "attempts=1", "error.kind=\"service\"", "error.status=429"] {
        assert!(line.contains(part), "{part} in {line}");
    }
    assert!(!text.contains("grüß dich"), "{text}");
}

#[tokio::test]
async fn a_push_to_a_connection_that_is_gone_is_counted() {
    let counted = "metric=\"PushesGone\"";
    assert_eq!(logged(410).await.matches(counted).count(), 1);
    assert!(!logged(200).await.contains(counted));
}

proptest! {
    #[test]
    fn any_connection_id_stays_one_segment_of_the_path(id in "[A-Za-z0-9+/=_-]{1,40}") {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
        let script = Script::new(&[Answer::Status(200)]);
        let connection = ConnectionId::new(id.as_str());
        runtime.block_on(script.patient().push(&connection, &frame())).expect("pushed");
        let encoded = id.replace('+', "%2B").replace('/', "%2F").replace('=', "%3D");
        prop_assert_eq!(&script.sent()[0].uri, &format!("{ENDPOINT}/@connections/{encoded}"));
    }
}
