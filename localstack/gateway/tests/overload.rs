//! A server that gets three times what it can do, from clients that send again what is not answered, and then a third of it.
//!
//! Its capacity is known: four functions run at once, and a write to the table takes 40 ms. All times are a fifth or a tenth of
//! the real ones: clients send again after 0.6, 1.2, 2.4 and 4.8 s, the server lets a frame wait for 200 ms.

mod support;

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use apigateway::Limits;
use futures_util::SinkExt;
use futures_util::future::join_all;
use futures_util::stream::{FuturesUnordered, StreamExt};
use local::{Fate, Intercept, Options, SdkCall};
use runtime::settings;
use serde_json::{Value, json};
use support::{Pair, Target};
use testclient::{Ended, Socket};
use tokio::net::TcpSocket;
use tokio::sync::Semaphore;
use tokio_tungstenite::tungstenite::Message;

/// Functions that run at once.
const AT_ONCE: usize = 4;
/// How long each takes; so a hundred pass in a second.
const WRITE: Duration = Duration::from_millis(40);
/// Those who send, each to a partner of its own.
const SENDERS: usize = 8;
/// Frames of a sender that wait for their answer, at most.
const WINDOW: usize = 16;
/// Three times the capacity, over all senders.
const TOO_FAST: Duration = Duration::from_micros(26_667);
/// A third of it.
const SLOW: Duration = Duration::from_millis(240);
/// How long the rush lasts, and how long the calm is looked at.
const LASTS: Duration = Duration::from_secs(3);
/// How long after the rush the server may still be slow.
const RECOVERY: Duration = Duration::from_secs(1);

/// One try of one frame.
struct Try {
    sent: Instant,
    answered_after: Duration,
    acknowledged: bool,
}

/// What came of one frame.
struct Sent {
    number: usize,
    /// How often it was sent, and how often refused.
    tries: usize,
    refused: usize,
}

/// What a run found.
#[derive(Default)]
struct Found {
    tries: Mutex<Vec<Try>>,
    sent: Mutex<Vec<Sent>>,
}

/// A server whose capacity is known, which lets frames wait for so long.
async fn small_server(wait: Duration) -> Target {
    let intercept: Intercept = Arc::new(|call: &SdkCall<'_>| match call.target.ends_with(".PutItem") {
        true => Fate::Delay(WRITE),
        false => Fate::Pass,
    });
    let limits = Limits {
        messages_at_once: AT_ONCE,
        wait,
        standing_wait: wait / 4,
        slot: 50 * WRITE,
        ..Options::default().limits
    };
    Target::with(Options { limits, intercept: Some(intercept), tells: false, ..Options::default() }).await
}

/// Pairs in sessions of their own: who sends, and who receives.
async fn couples(target: &Target) -> Vec<(Arc<Socket>, Socket, String)> {
    let (alice, bob) = (target.person("alice").await, target.person("bob").await);
    let mut couples = Vec::new();
    for _ in 0..SENDERS {
        let session = target.api.create_session(&alice, 2).await;
        let at_bob = target.enter(&bob, &session).await;
        couples.push((Arc::new(target.enter(&alice, &session).await), at_bob, bob.id.clone()));
    }
    couples
}

/// Frames at a fixed rate until `end`; one whose turn comes while the window is full is not sent at all.
async fn send_at(
    pace: Duration,
    end: Instant,
    first: usize,
    socket: &Arc<Socket>,
    to: &str,
    window: &Arc<Semaphore>,
    found: &Arc<Found>,
) -> usize {
    let mut ticks = tokio::time::interval(pace);
    let mut number = first;
    while ticks.tick().await.into_std() < end {
        if let Ok(place) = Arc::clone(window).try_acquire_owned() {
            let (socket, to, found) = (Arc::clone(socket), to.to_owned(), Arc::clone(found));
            tokio::spawn(async move {
                deliver(&socket, &to, number, &found).await;
                drop(place);
            });
            number += 1;
        }
    }
    number
}

/// Sends one frame until it is acknowledged, as the SDK does.
async fn deliver(socket: &Socket, to: &str, number: usize, found: &Found) {
    let frame = json!({ "targetUserId": to, "candidate": { "candidate": "c" }, "epoch": "e", "seq": number + 1 });
    let mut sent = Sent { number, tries: 0, refused: 0 };
    let mut answers = FuturesUnordered::new();
    loop {
        answers.push(attempt(socket, frame.clone(), found));
        let doubled = Duration::from_millis(600) * 2_u32.pow(sent.tries.min(3) as u32);
        let again = tokio::time::Instant::now() + doubled.mul_f64(0.5 + 0.5 * spread(number + sent.tries));
        sent.tries += 1;
        while let Ok(Some(answer)) = tokio::time::timeout_at(again, answers.next()).await {
            match answer {
                Ok(true) => return found.sent.lock().expect("no panic").push(sent),
                Ok(false) => sent.refused += 1,
                // The test is over.
                Err(Ended) => return,
            }
        }
        tokio::time::sleep_until(again).await;
    }
}

/// In `0.0..1.0`, spread evenly over the numbers.
fn spread(number: usize) -> f64 {
    (number as f64 * 0.618_033_988_75).fract()
}

/// Sends once; whether it was acknowledged.
async fn attempt(socket: &Socket, frame: Value, found: &Found) -> Result<bool, Ended> {
    let sent = Instant::now();
    let answer = socket.request("sendIceCandidate", frame).await?;
    let acknowledged = answer["event"] == "ack";
    assert!(acknowledged || answer["data"]["code"] == "unavailable", "{answer}");
    found.tries.lock().expect("no panic").push(Try { sent, answered_after: sent.elapsed(), acknowledged });
    Ok(acknowledged)
}

/// The rush and the calm; when the calm began.
async fn rush_and_calm(
    couples: &[(Arc<Socket>, Socket, String)],
    found: &Arc<Found>,
) -> (Instant, Vec<Arc<Semaphore>>, usize) {
    let rush_ends = Instant::now() + LASTS;
    let windows: Vec<_> = couples.iter().map(|_| Arc::new(Semaphore::new(WINDOW))).collect();
    let senders = couples.iter().zip(&windows).map(|((socket, _, to), window)| async move {
        let next = send_at(TOO_FAST, rush_ends, 0, socket, to, window, found).await;
        send_at(SLOW, rush_ends + LASTS, next, socket, to, window, found).await
    });
    let frames = join_all(senders).await.into_iter().sum();
    (rush_ends, windows, frames)
}

/// The middle one of the times to an acknowledgement, of those sent from then on.
fn median_after(found: &Found, from: Instant) -> Duration {
    let tries = found.tries.lock().expect("no panic");
    let mut times: Vec<_> =
        tries.iter().filter(|t| t.acknowledged && t.sent >= from).map(|t| t.answered_after).collect();
    times.sort_unstable();
    times.get(times.len() / 2).copied().unwrap_or(Duration::MAX)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_was_overloaded_lost_nothing_pushed_nothing_twice_and_is_fast_again_at_once() {
    let target = small_server(Duration::from_millis(200)).await;
    let (mut couples, found) = (couples(&target).await, Arc::default());
    let (calm, windows, frames) = rush_and_calm(&couples, &found).await;
    let median = median_after(&found, calm + RECOVERY);
    assert!(median < 8 * WRITE, "still slow: {median:?}");

    // Late, but not lost: all places in all windows are free again only when everything is acknowledged.
    for window in &windows {
        drop(window.acquire_many(WINDOW as u32).await);
    }
    let sent = std::mem::take(&mut *found.sent.lock().expect("no panic"));
    assert_eq!(sent.len(), frames);
    assert!(sent.iter().any(|frame| frame.refused > 0), "it was not overloaded");
    let slowest = found.tries.lock().expect("no panic").iter().map(|t| t.answered_after).max();
    assert!(slowest < Some(Duration::from_secs(2)), "an answer took {slowest:?}");

    let mut arrived: HashMap<usize, usize> = HashMap::new();
    for (_, at_bob, _) in &mut couples {
        at_bob.ack("ping", json!({})).await;
        for event in at_bob.drain().iter().filter(|event| event["event"] == "receiveIceCandidate") {
            *arrived.entry(event["data"]["seq"].as_u64().expect("a number") as usize - 1).or_default() += 1;
        }
    }
    let mut taken: HashMap<usize, (usize, usize)> = HashMap::new();
    for Sent { number, tries, refused } in &sent {
        let all = taken.entry(*number).or_default();
        *all = (all.0 + 1, all.1 + tries - refused);
    }
    for (number, (frames, tries)) in taken {
        let arrivals = arrived.get(&number).copied().unwrap_or_default();
        assert!(arrivals >= frames, "{number} is lost");
        assert!(arrivals <= tries, "{number} was taken {tries} times and pushed {arrivals} times");
    }
}

/// That the test above can fail: the same, where everything waits until its turn comes.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_refuses_nothing_stays_slow_after_the_rush() {
    let target = small_server(Duration::from_secs(3600)).await;
    let (couples, found) = (couples(&target).await, Arc::default());
    let (calm, _windows, _frames) = rush_and_calm(&couples, &found).await;
    let median = median_after(&found, calm + RECOVERY);
    assert!(median > 20 * WRITE, "fast without refusing anything: {median:?}");
}

/// The server is full: its four functions wait for a slow table.
#[tokio::test]
async fn a_frame_that_waited_too_long_is_refused_by_its_id_and_answered_once() {
    let target = small_server(Duration::from_millis(20)).await;
    let Pair { bob, at_alice, .. } = target.pair().await;
    let frames = (0..40).map(|_| at_alice.request("sendOffer", support::offer(&bob.id, "v=0")));
    let answers = join_all(frames).await;
    let codes: Vec<_> =
        answers.iter().map(|answer| answer.as_ref().expect("an answer")["data"]["code"].as_str()).collect();
    assert!(codes.contains(&None) && codes.contains(&Some("unavailable")), "{codes:?}");
    assert!(codes.iter().all(|code| code.is_none_or(|code| code == "unavailable")), "{codes:?}");
}

#[tokio::test]
async fn a_request_that_waited_too_long_is_refused_with_retry_after() {
    let limits = Limits { requests_at_once: 0, wait: Duration::from_millis(20), ..Options::default().limits };
    let target = Target::with(Options { limits, ..Options::default() }).await;
    let reply = target.api.get("/health", None).await;
    assert_eq!((reply.status.as_u16(), reply.code(), reply.header("retry-after")), (503, "unavailable", "1"));
    assert!(!reply.header("x-request-id").is_empty());
}

/// How much a slow line carries: a message of [`LONGEST`] characters in this time, some 100 KB a second.
const LINE: Duration = Duration::from_millis(40);
/// The longest chat message, in characters.
const LONGEST: usize = 4096;
/// How long a client waits until it has joined again; the SDK waits for 10 s.
const JOIN: Duration = Duration::from_secs(6);

/// Somebody says as much as they can until the connection is gone.
async fn flood(socket: Arc<Socket>) {
    let frame = json!({ "message": "x".repeat(LONGEST) });
    while socket.request("sendMessage", frame.clone()).await.is_ok() {
        tokio::time::sleep(Duration::from_millis(8)).await;
    }
}

/// Joins again over a slow line; the ack, if it comes in time.
async fn resume_slowly(address: &str, session: &str, since: &str) -> Option<Value> {
    let host = address.strip_prefix("ws://").and_then(|rest| rest.split('/').next()).expect("an address");
    let host = host.replace("localhost", "127.0.0.1").parse().expect("a host and a port");
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.set_recv_buffer_size(4096).expect("a small buffer");
    let stream = socket.connect(host).await.expect("a server");
    let (mut line, _) = tokio_tungstenite::client_async(address, stream).await.expect("an open door");
    let join = json!({ "action": "joinSession", "id": "join", "data": { "sessionId": session, "since": since } });
    line.send(Message::text(join.to_string())).await.expect("an open line");
    let ack = async {
        while let Some(Ok(message)) = line.next().await {
            let frame: Value = serde_json::from_str(message.to_text().unwrap_or_default()).unwrap_or_default();
            if frame["id"] == "join" {
                return Some(frame);
            }
            tokio::time::sleep(LINE * u32::try_from(message.len()).expect("a frame") / LONGEST as u32).await;
        }
        None
    };
    tokio::time::timeout(JOIN, ack).await.ok().flatten()
}

/// Bob was away while alice filled the chat, and comes back over a slow line while she goes on.
async fn resume_while_somebody_floods(chat_per_second: u32, chat_burst: u32) -> Option<Value> {
    let settings = [(settings::CHAT_PER_SECOND, chat_per_second), (settings::CHAT_BURST, chat_burst)];
    let target = Target::with_settings(settings).await;
    let Pair { alice, bob, session, at_alice, at_bob } = target.pair().await;
    let since =
        target.detail(&alice, &session).await["participants"][0]["joinedAt"].as_str().expect("a time").to_owned();
    drop(at_bob);
    let flooding = tokio::spawn(flood(Arc::new(at_alice)));
    tokio::time::sleep(LASTS).await;
    let address = target.api.ticket(&bob, &session).await;
    let joined = resume_slowly(&address, &session, &since).await;
    flooding.abort();
    joined
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_of_chat_keeps_nobody_on_a_slow_line_from_coming_back() {
    let policy = domain::Policy::default();
    let joined = resume_while_somebody_floods(policy.chat_per_second, policy.chat_burst).await.expect("an ack in time");
    assert_eq!(joined["event"], "ack", "{joined}");
}

/// That the test above can fail: the same, where chat has the rate of all frames.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_rate_of_its_own_chat_keeps_slow_lines_out() {
    let policy = domain::Policy::default();
    let joined = resume_while_somebody_floods(policy.frames_per_second, policy.frames_burst).await;
    assert!(joined.is_none(), "{joined:?}");
}
