//! Three times what the server can do, from clients that send again what is not answered, and then a third of it.
//!
//! Each connection behaves as the SDK: at most 64 frames are unanswered, and one is sent again after 3, 6, 12, 24 s, between half
//! of that and all of it, counted from its refusal where it is refused. A signal whose turn comes while the window is full is
//! held back and never sent. The rates are multiples of what the server did a moment before, closed loop, beside this program.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use crate::Result;
use crate::dialect::{Dialect, Seen};
use crate::people::Guest;
use crate::relay::{couples, partner};
use crate::report::Value::{Count, Rate, Time};
use crate::report::{Goal, Report, Value};
use crate::server::{Server, Subject};
use crate::socket::{Socket, Writer};
use crate::spread::Spread;
use crate::throughput;

/// Frames of a connection that may be unanswered.
const WINDOW: usize = 64;
/// The longest waits before a frame is sent again.
const RESEND: [Duration; 4] =
    [Duration::from_secs(3), Duration::from_secs(6), Duration::from_secs(12), Duration::from_secs(24)];
/// At a third of the capacity, before the rush.
const QUIET: Duration = Duration::from_secs(10);
/// At a third of the capacity, after the rush.
const CALM: Duration = Duration::from_secs(30);
/// How long what is left may take after that.
const PATIENCE: Duration = Duration::from_secs(180);
/// After the rush, the server is looked at in steps of this length.
const STEP: Duration = Duration::from_millis(500);
/// So soon after the rush it is to be at full speed again.
const RECOVERY: Duration = Duration::from_secs(2);

/// What must not happen.
const NONE: Goal = Goal::AtMost(Count(0));

/// One signal.
struct Flight {
    socket: usize,
    sends: u32,
    refusals: u32,
    arrivals: u32,
    sent: Instant,
    acknowledged: bool,
}

/// An answer to a signal: when that was sent last, how long it took, and whether it was accepted.
struct Answer {
    sent: Instant,
    took: Duration,
    accepted: bool,
}

/// Everything that was sent and what became of it.
struct Book {
    flights: Vec<Flight>,
    unanswered: Vec<usize>,
    /// When a signal is sent again, if it was neither sent nor refused since that many sends and refusals.
    again: BinaryHeap<Reverse<(Instant, usize, u32)>>,
    answers: Vec<Answer>,
    held_back: u64,
}

impl Book {
    fn new(sockets: usize) -> Self {
        let (flights, answers) = (Vec::new(), Vec::new());
        Self { flights, unanswered: vec![0; sockets], again: BinaryHeap::new(), answers, held_back: 0 }
    }

    /// A new signal over that socket, if there is room for it.
    fn offer(&mut self, socket: usize, now: Instant) -> Option<usize> {
        if self.unanswered[socket] == WINDOW {
            self.held_back += 1;
            return None;
        }
        self.unanswered[socket] += 1;
        self.flights.push(Flight { socket, sends: 0, refusals: 0, arrivals: 0, sent: now, acknowledged: false });
        self.send(self.flights.len() - 1, now);
        Some(self.flights.len() - 1)
    }

    fn send(&mut self, at: usize, now: Instant) {
        let flight = &mut self.flights[at];
        (flight.sends, flight.sent) = (flight.sends + 1, now);
        self.schedule(at, now);
    }

    fn schedule(&mut self, at: usize, now: Instant) {
        let flight = &self.flights[at];
        let longest = RESEND[RESEND.len().min(flight.sends as usize) - 1];
        // Spread evenly, and the same in every run.
        let random = ((at + flight.sends as usize) as f64 * 0.618_033_988_75).fract();
        let due = now + longest.mul_f64(0.5 + 0.5 * random);
        self.again.push(Reverse((due, at, flight.sends + flight.refusals)));
    }

    /// The next signal that has to be sent again by now.
    fn resend(&mut self, now: Instant) -> Option<usize> {
        while let Some(Reverse((due, at, events))) = self.again.peek().copied() {
            if due > now {
                return None;
            }
            self.again.pop();
            let flight = &self.flights[at];
            if !flight.acknowledged && flight.sends + flight.refusals == events {
                self.send(at, now);
                return Some(at);
            }
        }
        None
    }

    fn note(&mut self, seen: &Seen, now: Instant) {
        match seen {
            Seen::Acknowledged(number) => self.answered(number - 1, true, now),
            Seen::Refused(number) => self.answered(number - 1, false, now),
            Seen::Candidate(number) => self.flights[number - 1].arrivals += 1,
            Seen::Chat(_) | Seen::Asked(_) | Seen::Welcome | Seen::Other => {}
        }
    }

    fn answered(&mut self, at: usize, accepted: bool, now: Instant) {
        let flight = &mut self.flights[at];
        self.answers.push(Answer { sent: flight.sent, took: now - flight.sent, accepted });
        flight.refusals += u32::from(!accepted);
        if accepted && !flight.acknowledged {
            flight.acknowledged = true;
            self.unanswered[flight.socket] -= 1;
        }
        if !flight.acknowledged {
            self.schedule(at, now);
        }
    }
}

type Shared = Arc<Mutex<Book>>;

fn lock(book: &Shared) -> MutexGuard<'_, Book> {
    book.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The moments at which a phase ends.
struct Phases {
    rush: Instant,
    calm: Instant,
    end: Instant,
}

/// Finds the capacity, then overloads the server for so many seconds.
pub async fn measure(subject: &Subject, seconds: u32, report: &mut Report) -> Result<()> {
    let capacity = throughput::measure(subject).await?.rate;
    report.note("capacity, as fast as acknowledged", Rate(capacity))?;
    let server = Server::start(subject)?;
    let (guests, sockets) = couples(&server).await?;
    let writers = sockets.iter().map(Socket::writer).collect::<Result<_>>()?;
    let book: Shared = Arc::new(Mutex::new(Book::new(sockets.len())));
    let rush = Instant::now() + QUIET;
    let calm = rush + Duration::from_secs(seconds.into());
    let phases = Phases { rush, calm, end: calm + CALM };

    let mut readers = JoinSet::new();
    for mut socket in sockets {
        let book = Arc::clone(&book);
        readers.spawn(async move {
            loop {
                let seen = socket.next().await?;
                lock(&book).note(&seen, Instant::now());
            }
        });
    }
    let sender = tokio::task::spawn_blocking({
        let book = Arc::clone(&book);
        move || drive(&book, &guests, writers, capacity, &phases).map(|()| phases)
    });
    tokio::select! {
        phases = sender => tell(&lock(&book), &phases??, report),
        Some(broken) = readers.join_next() => broken?,
    }
}

/// Sends what is due until everything is acknowledged, or for as long as that may take.
fn drive(book: &Shared, guests: &[Guest], mut writers: Vec<Writer>, capacity: f64, phases: &Phases) -> Result<()> {
    let (mut next, mut turn) = (Instant::now(), 0);
    loop {
        let now = Instant::now();
        while next <= now.min(phases.end) {
            turn += 1;
            let at = lock(book).offer(turn % writers.len(), now);
            transmit(book, at, guests, &mut writers)?;
            let share = if next >= phases.rush && next < phases.calm { 3.0 } else { 1.0 / 3.0 };
            next += Duration::from_secs_f64(1.0 / (capacity * share));
        }
        loop {
            let at = lock(book).resend(now);
            if at.is_none() {
                break;
            }
            transmit(book, at, guests, &mut writers)?;
        }
        if now >= phases.end && (lock(book).unanswered.iter().all(|count| *count == 0) || now >= phases.end + PATIENCE)
        {
            // The last arrivals.
            thread::sleep(STEP);
            return Ok(());
        }
        thread::sleep(Duration::from_millis(1));
    }
}

fn transmit(book: &Shared, at: Option<usize>, guests: &[Guest], writers: &mut [Writer]) -> Result<()> {
    let Some(at) = at else { return Ok(()) };
    let socket = lock(book).flights[at].socket;
    writers[socket].send(Dialect::TunRtc.candidate(&guests[partner(socket)], at + 1))
}

fn tell(book: &Book, phases: &Phases, report: &mut Report) -> Result<()> {
    let flights = &book.flights;
    let count = |which: fn(&Flight) -> u64| Count(flights.iter().map(which).sum());
    report.note("signals that were sent", Count(flights.len() as u64))?;
    report.note("held back by a full window", Count(book.held_back))?;
    report.note("refused, all tries together", count(|f| f.refusals.into()))?;
    report.note("sent again, all tries together", count(|f| (f.sends - 1).into()))?;
    report.goal("never acknowledged", count(|f| u64::from(!f.acknowledged)), NONE)?;
    report.goal("acknowledged and lost", count(|f| u64::from(f.acknowledged && f.arrivals == 0)), NONE)?;
    let haste = count(|f| f.arrivals.saturating_sub(f.sends - f.refusals).into());
    report.goal("pushed more often than it was accepted", haste, NONE)?;
    report.note("pushed again because it was sent again", count(|f| f.arrivals.saturating_sub(1).into()))?;

    let of = |accepted, from: Instant, to: Instant| {
        let answers = book.answers.iter().filter(move |a| a.accepted == accepted && a.sent >= from && a.sent < to);
        answers.map(|answer| answer.took).collect::<Vec<_>>()
    };
    let quiet = Spread::of(of(true, phases.rush - QUIET / 2, phases.rush)).median();
    report.note("acknowledged before the rush, p50", Time(quiet))?;
    let accepted = of(true, phases.rush, phases.calm);
    report.note("acknowledged in the rush", Rate(accepted.len() as f64 / (phases.calm - phases.rush).as_secs_f64()))?;
    let accepted = Spread::of(accepted);
    report.note("acknowledged in the rush, p50", Time(accepted.median()))?;
    report.note("acknowledged in the rush, p99", Time(accepted.quantile(0.99)))?;
    let refused = of(false, phases.rush, phases.calm);
    if !refused.is_empty() {
        report.note("refused in the rush, p50", Time(Spread::of(refused).median()))?;
    }
    let calm = Spread::of(of(true, phases.calm + RECOVERY, phases.end));
    report.note("acknowledged from 2 s after the rush, p50", Time(calm.median()))?;
    report.note("acknowledged from 2 s after the rush, p99", Time(calm.quantile(0.99)))?;
    let late = of(false, phases.calm + RECOVERY, phases.end).len() as u64;
    report.note("refused from 2 s after the rush", Count(late))?;
    report.goal(
        "full speed again after the rush",
        recovery(book, phases, 3 * quiet + STEP / 50),
        Goal::AtMost(Time(RECOVERY)),
    )
}

/// How long after the rush there was last a step in which half of the answers took longer than `slow`, or more than one in
/// twenty was a refusal.
fn recovery(book: &Book, phases: &Phases, slow: Duration) -> Value {
    let steps = CALM.div_duration_f64(STEP) as u32;
    let is_slow = |step: &u32| {
        let from = phases.calm + STEP * *step;
        let answers: Vec<_> = book.answers.iter().filter(|a| a.sent >= from && a.sent < from + STEP).collect();
        let took: Vec<_> = answers.iter().filter(|answer| answer.accepted).map(|answer| answer.took).collect();
        let refused = answers.len() - took.len();
        20 * refused > answers.len() || (!took.is_empty() && Spread::of(took).median() > slow)
    };
    Time(STEP * (0..steps).filter(is_slow).max().map_or(0, |step| step + 1))
}
