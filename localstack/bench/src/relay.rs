//! Candidates at a fixed rate.
//!
//! The schedule is fixed before it begins and each latency counts from the moment the candidate was due, so a server that
//! makes the client wait is not let off the candidates that would have been sent meanwhile (coordinated omission).

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;
use tokio::task::JoinSet;

use crate::Result;
use crate::people::{self, Guest};
use crate::report::{Report, Value::Time};
use crate::server::Server;
use crate::socket::{Incoming, Socket, Writer};
use crate::spread::Spread;

/// How many pairs take part.
pub const PAIRS: usize = 100;
/// The first candidates, which are not counted: connections are made and caches filled.
const WARMING_UP: Duration = Duration::from_secs(2);
/// How long the last candidates may be on their way.
const PATIENCE: Duration = Duration::from_secs(10);

/// Relays `rate` candidates a second for `seconds`.
pub async fn measure(binary: &Path, rate: u32, seconds: u32, report: &mut Report) -> Result<()> {
    let server = Server::start(binary)?;
    let (guests, sockets) = couples(&server).await?;
    let writers = sockets.iter().map(Socket::writer).collect::<Result<_>>()?;

    let unmeasured = rate as usize * WARMING_UP.as_secs() as usize;
    let flights = Arc::new(Flights::new(unmeasured + rate as usize * seconds as usize, Duration::from_secs(1) / rate));
    let before = server.processor_time()?;
    let sender = thread::spawn({
        let flights = Arc::clone(&flights);
        move || flights.send(&guests, writers)
    });
    receive(sockets, &flights).await?;
    sender.join().map_err(|_| "the sender panicked")??;
    let used = server.processor_time()? - before;

    let count = flights.arrived.len();
    let arrived = Spread::of(flights.latencies(&flights.arrived, unmeasured));
    let acked = Spread::of(flights.latencies(&flights.acked, unmeasured));
    let at = format!("candidate at {rate}/s over {PAIRS} pairs");
    report.goal(&format!("{at}, arrives, p50"), Time(arrived.median()), Time(Duration::from_millis(1)))?;
    report.goal(&format!("{at}, arrives, p99"), Time(arrived.quantile(0.99)), Time(Duration::from_millis(8)))?;
    report.note(&format!("{at}, arrives, max"), Time(arrived.longest()))?;
    report.note(&format!("{at}, acknowledged, p50"), Time(acked.median()))?;
    report.note(&format!("{at}, acknowledged, p99"), Time(acked.quantile(0.99)))?;
    report.note("server's processor time for a candidate", Time(used / u32::try_from(count)?))
}

/// Connected pairs.
pub async fn couples(server: &Server) -> Result<(Vec<Guest>, Vec<Socket>)> {
    let api = server.api();
    let accounts = people::accounts(&api, 2).await;
    let guests = people::pairs(&api, [&accounts[0], &accounts[1]], PAIRS).await;
    let sockets = Socket::join_all(server.address(), &guests).await?;
    Ok((guests, sockets))
}

/// A candidate as browsers send it, numbered.
pub fn candidate(to: &Guest, number: usize) -> String {
    let candidate = "candidate:842163049 1 udp 1677729535 198.51.100.17 46154 typ srflx raddr 10.0.0.17 rport 46154 \
                     generation 0 ufrag 4ZcD network-cost 999";
    let candidate = json!({ "candidate": candidate, "sdpMid": "0", "sdpMLineIndex": 0 });
    let data = json!({ "targetUserId": to.user, "candidate": candidate, "epoch": "bench", "seq": number });
    json!({ "action": "sendIceCandidate", "id": number.to_string(), "data": data }).to_string()
}

/// The partner's place.
pub fn partner(of: usize) -> usize {
    of ^ 1
}

/// When each candidate is due and when it was seen. Numbers start at 1, as `seq` does.
struct Flights {
    begin: Instant,
    every: Duration,
    /// When each arrived, in nanoseconds since the beginning; 0 until it does.
    arrived: Vec<AtomicU64>,
    /// When each was acknowledged, the same way.
    acked: Vec<AtomicU64>,
}

impl Flights {
    fn new(count: usize, every: Duration) -> Self {
        let unseen = || std::iter::repeat_with(AtomicU64::default).take(count).collect();
        // What is due at once would be late before the sender runs.
        let begin = Instant::now() + Duration::from_millis(100);
        Self { begin, every, arrived: unseen(), acked: unseen() }
    }

    fn due(&self, number: usize) -> Duration {
        self.every * u32::try_from(number).unwrap_or(u32::MAX)
    }

    /// Sends each candidate when it is due, in turn over all sockets.
    fn send(&self, guests: &[Guest], mut writers: Vec<Writer>) -> Result<()> {
        for number in 1..=self.arrived.len() {
            let from = number % writers.len();
            let text = candidate(&guests[partner(from)], number);
            if let Some(early) = (self.begin + self.due(number)).checked_duration_since(Instant::now()) {
                thread::sleep(early);
            }
            writers[from].send(text)?;
        }
        Ok(())
    }

    fn see(&self, seen: &[AtomicU64], number: usize) {
        let nanos = u64::try_from(self.begin.elapsed().as_nanos()).unwrap_or(u64::MAX);
        seen[number - 1].store(nanos, Ordering::Relaxed);
    }

    fn note(&self, text: &str) -> Result<bool> {
        let frame = Incoming::read(text)?;
        match (frame.acknowledged()?, frame.data.seq) {
            (Some(number), _) => self.see(&self.acked, number),
            (None, Some(number)) => self.see(&self.arrived, number),
            (None, None) => return Ok(false),
        }
        Ok(true)
    }

    /// From due to seen, without the first `skipped`.
    fn latencies(&self, seen: &[AtomicU64], skipped: usize) -> Vec<Duration> {
        let nanos = seen.iter().map(|nanos| Duration::from_nanos(nanos.load(Ordering::Relaxed)));
        let latencies = nanos.enumerate().map(|(at, seen)| seen.saturating_sub(self.due(at + 1)));
        latencies.skip(skipped).collect()
    }
}

/// Reads until everything has arrived and is acknowledged.
async fn receive(sockets: Vec<Socket>, flights: &Arc<Flights>) -> Result<()> {
    let (sender, mut seen) = tokio::sync::mpsc::unbounded_channel();
    let mut readers = JoinSet::new();
    for mut socket in sockets {
        let (flights, sender) = (Arc::clone(flights), sender.clone());
        readers.spawn(async move {
            let mut is_open = true;
            while is_open {
                let noted = socket.next().await.and_then(|text| flights.note(&text));
                is_open = noted.is_ok();
                // Whoever has seen enough does not listen any more.
                drop(sender.send(noted));
            }
        });
    }
    let last = flights.begin + flights.due(flights.arrived.len()) + PATIENCE;
    let mut missing = 2 * flights.arrived.len();
    while missing > 0 {
        match tokio::time::timeout_at(last.into(), seen.recv()).await {
            Ok(Some(noted)) => missing -= usize::from(noted?),
            Ok(None) | Err(_) => return Err(format!("{missing} arrivals and acknowledgements are missing").into()),
        }
    }
    Ok(())
}
