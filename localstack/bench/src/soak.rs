//! Calls that go on while people come and go: memory must not grow, and nothing may get lost or slow.
//!
//! What is kept for hours on purpose, a line for each visit, is little beside the rest; what is kept for the inbox window comes and goes
//! within it, so the server gets a short one, and is looked at once it has filled.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;
use tokio::task::JoinSet;

use crate::Result;
use crate::dialect::{Dialect, Seen as Frame};
use crate::people::{self, Guest};
use crate::relay::{couples, partner};
use crate::report::Value::{Count, Memory, Share, Time};
use crate::report::{Goal, Report};
use crate::server::{Server, Subject};
use crate::socket::{Socket, Writer};
use crate::spread::Spread;

/// A short inbox window, and what has to fit it; participants show no life but their signals.
const SETTINGS: [(&str, &str); 5] = [
    ("TUNRTC_INBOX_WINDOW_SECONDS", "60"),
    ("TUNRTC_HEARTBEAT_SECONDS", "20"),
    ("TUNRTC_DETECTION_SECONDS", "5"),
    ("TUNRTC_RECONNECT_GRACE_SECONDS", "10"),
    ("TUNRTC_LEASE_SECONDS", "86400"),
];
/// Until what is kept for the window comes and goes: the window, its margin and twice the sweep of what expired.
const FILLING: Duration = Duration::from_secs(210);
/// From one visitor to the next.
const BETWEEN_VISITS: Duration = Duration::from_secs(2);
/// Those who come and go in turn.
const VISITORS: usize = 10;
/// From one look at the memory to the next.
const BETWEEN_LOOKS: Duration = Duration::from_secs(5);
/// How long the last signals may be on their way.
const PATIENCE: Duration = Duration::from_secs(5);
/// Memory may be larger at the end by that share.
const GROWTH: f64 = 0.05;

/// What was sent and seen.
#[derive(Default)]
struct Seen {
    sent: Mutex<Vec<Instant>>,
    arrived: Mutex<Vec<(Instant, Duration)>>,
    acknowledged: AtomicUsize,
    visits: AtomicUsize,
    over: AtomicBool,
}

/// Relays `rate` signals a second for `seconds`.
pub async fn measure(subject: &Subject, rate: u32, seconds: u32, report: &mut Report) -> Result<()> {
    let lasts = Duration::from_secs(seconds.into());
    let filled = FILLING.min(lasts / 2);
    let server = Server::start_with(subject, &SETTINGS)?;
    let (guests, sockets) = couples(&server).await?;
    let writers = sockets.iter().map(Socket::writer).collect::<Result<_>>()?;
    let (seen, begin) = (Arc::new(Seen::default()), Instant::now());
    let mut work = JoinSet::new();
    for socket in sockets {
        work.spawn(read(socket, Arc::clone(&seen)));
    }
    let sender = thread::spawn({
        let seen = Arc::clone(&seen);
        move || send(&seen, &guests, writers, Duration::from_secs(1) / rate)
    });
    let looks = tokio::select! {
        looks = watch(&server, begin + lasts) => looks?,
        Some(broken) = work.join_next() => return Err(broken?.err().unwrap_or("a reader ended".into())),
        broken = visit(&server, &seen) => return broken,
    };
    seen.over.store(true, Ordering::Relaxed);
    sender.join().map_err(|_| "the sender panicked")??;
    tokio::time::sleep(PATIENCE).await;
    tell(&seen, &looks, begin + filled, report)
}

/// The memory of the server, now and then.
async fn watch(server: &Server, end: Instant) -> Result<Vec<(Instant, f64)>> {
    let mut looks = Vec::new();
    while Instant::now() < end {
        tokio::time::sleep(BETWEEN_LOOKS).await;
        looks.push((Instant::now(), server.memory()?));
    }
    Ok(looks)
}

fn send(seen: &Seen, guests: &[Guest], mut writers: Vec<Writer>, every: Duration) -> Result<()> {
    let mut due = Instant::now();
    while !seen.over.load(Ordering::Relaxed) {
        thread::sleep(due.saturating_duration_since(Instant::now()));
        let number = {
            let mut sent = seen.sent.lock().unwrap_or_else(PoisonError::into_inner);
            sent.push(due);
            sent.len()
        };
        let from = number % writers.len();
        writers[from].send(Dialect::TunRtc.candidate(&guests[partner(from)], number))?;
        due += every;
    }
    Ok(())
}

async fn read(mut socket: Socket, seen: Arc<Seen>) -> Result<()> {
    loop {
        match socket.next().await? {
            Frame::Acknowledged(_) => drop(seen.acknowledged.fetch_add(1, Ordering::Relaxed)),
            Frame::Candidate(number) => {
                let due = seen.sent.lock().unwrap_or_else(PoisonError::into_inner)[number - 1];
                let mut arrived = seen.arrived.lock().unwrap_or_else(PoisonError::into_inner);
                arrived.push((due, due.elapsed()));
            }
            Frame::Refused(_) | Frame::Chat(_) | Frame::Asked(_) | Frame::Welcome | Frame::Other => {}
        }
    }
}

/// Somebody joins, says something and leaves, again and again.
async fn visit(server: &Server, seen: &Seen) -> Result<()> {
    let api = server.api();
    let mut visitors = Vec::with_capacity(VISITORS);
    for number in 0..VISITORS {
        visitors.push(api.register(&format!("visitor{number}")).await);
    }
    let session = api.create_session(&visitors[0], 100).await;
    for visitor in visitors.iter().cycle() {
        tokio::time::sleep(BETWEEN_VISITS).await;
        let guest = people::join(&api, visitor, &session).await;
        let mut socket = Socket::connect(server.address(), server.dialect(), &guest).await?;
        socket.join(&guest).await?;
        for (id, action, data) in [("1", "sendMessage", json!({ "message": "0" })), ("2", "leaveSession", json!({}))] {
            socket.send(json!({ "action": action, "id": id, "data": data }).to_string()).await?;
        }
        // After the answer to the last frame the server closes.
        while socket.next().await.is_ok() {}
        seen.visits.fetch_add(1, Ordering::Relaxed);
    }
    Ok(())
}

fn tell(seen: &Seen, looks: &[(Instant, f64)], filled: Instant, report: &mut Report) -> Result<()> {
    let sent = seen.sent.lock().unwrap_or_else(PoisonError::into_inner).len();
    let arrived = seen.arrived.lock().unwrap_or_else(PoisonError::into_inner);
    report.note("signals", Count(sent as u64))?;
    report.note("visits", Count(seen.visits.load(Ordering::Relaxed) as u64))?;
    report.goal("signals that did not arrive", Count(sent.abs_diff(arrived.len()) as u64), Goal::AtMost(Count(0)))?;
    let unanswered = sent.abs_diff(seen.acknowledged.load(Ordering::Relaxed));
    report.goal("signals that were not acknowledged", Count(unanswered as u64), Goal::AtMost(Count(0)))?;

    let of = |part: &[(Instant, Duration)]| Spread::of(part.iter().map(|(_, took)| *took).collect());
    let third = arrived.len() / 3;
    for (name, part) in [("first", &arrived[..third]), ("last", &arrived[2 * third..])] {
        report.note(&format!("a signal arrives, {name} third, p50"), Time(of(part).median()))?;
        report.note(&format!("a signal arrives, {name} third, p99"), Time(of(part).quantile(0.99)))?;
    }
    let settled: Vec<_> = looks.iter().filter(|(at, _)| *at >= filled).map(|(_, bytes)| *bytes).collect();
    let part = (settled.len() / 4).max(1);
    let (first, last) = (middle(&settled[..part]), middle(&settled[settled.len() - part..]));
    report.note("memory once the inbox window is full", Memory(first))?;
    report.note("memory at the end", Memory(last))?;
    report.goal("growth in between", Share(last / first - 1.0), Goal::AtMost(Share(GROWTH)))
}

fn middle(values: &[f64]) -> f64 {
    let mut values = values.to_vec();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
