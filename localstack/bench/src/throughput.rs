//! Candidates as fast as they are acknowledged.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use crate::Result;
use crate::dialect::{Dialect, Seen};
use crate::people::Guest;
use crate::relay::{couples, partner};
use crate::server::{Server, Subject};
use crate::socket::Socket;

/// How many of a socket's candidates are on their way at once: 400 of all 200.
const WINDOW: usize = 2;
const LASTS: Duration = Duration::from_secs(10);
/// How long the last answers may be on their way.
const PATIENCE: Duration = Duration::from_secs(10);

/// What came of it.
pub struct Throughput {
    /// Candidates in a second.
    pub rate: f64,
    /// The server's processor time for a candidate.
    pub used: Duration,
}

/// Every participant of 100 pairs sends the next candidate when one is acknowledged; when one arrives, where the server
/// acknowledges nothing.
pub async fn measure(subject: &Subject) -> Result<Throughput> {
    let server = Server::start(subject)?;
    let dialect = server.dialect();
    let (guests, sockets) = couples(&server).await?;
    let guests = Arc::new(guests);
    let (before, begin) = (server.processor_time()?, Instant::now());
    let mut senders = JoinSet::new();
    for (place, socket) in sockets.into_iter().enumerate() {
        senders.spawn(send(socket, dialect, place, Arc::clone(&guests), begin + LASTS));
    }
    let mut done = 0;
    while let Some(sent) = senders.join_next().await {
        done += sent??;
    }
    let used = server.processor_time()? - before;
    Ok(Throughput { rate: done as f64 / begin.elapsed().as_secs_f64(), used: used / u32::try_from(done)? })
}

/// Sends until `end`, then waits for the answers that are still to come; says how many were acknowledged. A busy machine
/// refuses some.
async fn send(
    mut socket: Socket,
    dialect: Dialect,
    place: usize,
    guests: Arc<Vec<Guest>>,
    end: Instant,
) -> Result<usize> {
    let target = &guests[partner(place)];
    for number in 1..=WINDOW {
        socket.send(dialect.candidate(target, number)).await?;
    }
    let (mut sent, mut done, mut refused) = (WINDOW, 0, 0);
    // What nobody acknowledges has no last answer to wait for.
    let last = if dialect.acknowledges() { end + PATIENCE } else { end };
    while done + refused < sent {
        match tokio::time::timeout_at(last.into(), socket.next()).await {
            Ok(Ok(Seen::Acknowledged(_))) => done += 1,
            Ok(Ok(Seen::Refused(_))) => refused += 1,
            Ok(Ok(Seen::Candidate(_))) if !dialect.acknowledges() => done += 1,
            Ok(Ok(_)) => continue,
            Ok(Err(error)) => return Err(error),
            Err(_) if dialect.acknowledges() => return Err("candidates were not acknowledged".into()),
            Err(_) => return Ok(done),
        }
        if Instant::now() < end {
            sent += 1;
            socket.send(dialect.candidate(target, sent)).await?;
        }
    }
    Ok(done)
}
