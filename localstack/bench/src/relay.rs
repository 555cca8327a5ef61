//! Candidates at a fixed rate.
//!
//! The schedule is fixed before it begins and each latency counts from the moment the candidate was due, so a server that
//! makes the client wait is not let off the candidates that would have been sent meanwhile (coordinated omission).

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use crate::Result;
use crate::dialect::{Dialect, Seen};
use crate::people::{self, Guest};
use crate::server::{Server, Subject};
use crate::socket::{Socket, Writer};
use crate::spread::Spread;

/// How many pairs take part.
pub const PAIRS: usize = 100;
/// The first candidates, which are not counted: connections are made and caches filled.
const WARMING_UP: Duration = Duration::from_secs(2);
/// How long the last candidates may be on their way.
const PATIENCE: Duration = Duration::from_secs(10);

/// What came of it.
pub struct Relayed {
    /// From due to arrived.
    pub arrived: Spread,
    /// From due to acknowledged, where the server acknowledges.
    pub acknowledged: Option<Spread>,
    /// The server's processor time for a candidate.
    pub used: Duration,
}

/// Relays `rate` candidates a second for `seconds`.
pub async fn measure(subject: &Subject, rate: u32, seconds: u32) -> Result<Relayed> {
    let server = Server::start(subject)?;
    let (guests, sockets) = couples(&server).await?;
    between(&server, guests, sockets, rate, seconds).await
}

/// The same between these.
pub async fn between(
    server: &Server,
    guests: Vec<Guest>,
    sockets: Vec<Socket>,
    rate: u32,
    seconds: u32,
) -> Result<Relayed> {
    let dialect = server.dialect();
    let writers = sockets.iter().map(Socket::writer).collect::<Result<_>>()?;

    let unmeasured = rate as usize * WARMING_UP.as_secs() as usize;
    let flights = Arc::new(Flights::new(unmeasured + rate as usize * seconds as usize, Duration::from_secs(1) / rate));
    let before = server.processor_time()?;
    let sender = thread::spawn({
        let flights = Arc::clone(&flights);
        move || flights.send(dialect, &guests, writers)
    });
    receive(sockets, &flights, if dialect.acknowledges() { 2 } else { 1 }).await?;
    sender.join().map_err(|_| "the sender panicked")??;
    let used = server.processor_time()? - before;

    let acknowledged = dialect.acknowledges().then(|| Spread::of(flights.latencies(&flights.acknowledged, unmeasured)));
    Ok(Relayed {
        arrived: Spread::of(flights.latencies(&flights.arrived, unmeasured)),
        acknowledged,
        used: used / u32::try_from(flights.arrived.len())?,
    })
}

/// Connected pairs.
pub async fn couples(server: &Server) -> Result<(Vec<Guest>, Vec<Socket>)> {
    let guests = people::pairs(server, PAIRS).await;
    let sockets = Socket::join_all(server, &guests).await?;
    Ok((guests, sockets))
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
    acknowledged: Vec<AtomicU64>,
}

impl Flights {
    fn new(count: usize, every: Duration) -> Self {
        let unseen = || std::iter::repeat_with(AtomicU64::default).take(count).collect();
        // What is due at once would be late before the sender runs.
        let begin = Instant::now() + Duration::from_millis(100);
        Self { begin, every, arrived: unseen(), acknowledged: unseen() }
    }

    fn due(&self, number: usize) -> Duration {
        self.every * u32::try_from(number).unwrap_or(u32::MAX)
    }

    /// Sends each candidate when it is due, in turn over all sockets.
    fn send(&self, dialect: Dialect, guests: &[Guest], mut writers: Vec<Writer>) -> Result<()> {
        for number in 1..=self.arrived.len() {
            let from = number % writers.len();
            let text = dialect.candidate(&guests[partner(from)], number);
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

    /// Notes what was seen; whether it was one of those that are waited for.
    fn note(&self, seen: &Seen) -> bool {
        match *seen {
            Seen::Acknowledged(number) => self.see(&self.acknowledged, number),
            Seen::Candidate(number) => self.see(&self.arrived, number),
            Seen::Refused(_) | Seen::Chat(_) | Seen::Asked(_) | Seen::Welcome | Seen::Other => return false,
        }
        true
    }

    /// From due to seen, without the first `skipped`.
    fn latencies(&self, seen: &[AtomicU64], skipped: usize) -> Vec<Duration> {
        let nanos = seen.iter().map(|nanos| Duration::from_nanos(nanos.load(Ordering::Relaxed)));
        let latencies = nanos.enumerate().map(|(at, seen)| seen.saturating_sub(self.due(at + 1)));
        latencies.skip(skipped).collect()
    }
}

/// Reads until everything has arrived and is acknowledged: `each` sights of a candidate.
async fn receive(sockets: Vec<Socket>, flights: &Arc<Flights>, each: usize) -> Result<()> {
    let (sender, mut seen) = tokio::sync::mpsc::unbounded_channel();
    let mut readers = JoinSet::new();
    for mut socket in sockets {
        let (flights, sender) = (Arc::clone(flights), sender.clone());
        readers.spawn(async move {
            let mut is_open = true;
            while is_open {
                let noted = socket.next().await.map(|seen| flights.note(&seen));
                is_open = noted.is_ok();
                // Whoever has seen enough does not listen any more.
                drop(sender.send(noted));
            }
        });
    }
    let last = flights.begin + flights.due(flights.arrived.len()) + PATIENCE;
    let mut missing = each * flights.arrived.len();
    while missing > 0 {
        match tokio::time::timeout_at(last.into(), seen.recv()).await {
            Ok(Some(noted)) => missing -= usize::from(noted?),
            Ok(None) | Err(_) => return Err(format!("{missing} arrivals and acknowledgements are missing").into()),
        }
    }
    Ok(())
}
