//! Candidates as fast as they are acknowledged.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use crate::Result;
use crate::people::Guest;
use crate::relay::{candidate, couples, partner};
use crate::report::{Report, Value::Rate, Value::Time};
use crate::server::Server;
use crate::socket::{Incoming, Socket};

/// How many of a socket's candidates are on their way at once.
const WINDOW: usize = 4;
const LASTS: Duration = Duration::from_secs(10);

/// Every participant of 100 pairs sends the next candidate when one is acknowledged.
pub async fn measure(binary: &Path, report: &mut Report) -> Result<()> {
    let server = Server::start(binary)?;
    let (guests, sockets) = couples(&server).await?;
    let guests = Arc::new(guests);
    let (before, begin) = (server.processor_time()?, Instant::now());
    let mut senders = JoinSet::new();
    for (place, socket) in sockets.into_iter().enumerate() {
        senders.spawn(send(socket, place, Arc::clone(&guests), begin + LASTS));
    }
    let mut acknowledged = 0;
    while let Some(sent) = senders.join_next().await {
        acknowledged += sent??;
    }
    let used = server.processor_time()? - before;
    report.note("candidates, as fast as acknowledged", Rate(acknowledged as f64 / begin.elapsed().as_secs_f64()))?;
    report.note("server's processor time for a candidate then", Time(used / u32::try_from(acknowledged)?))
}

/// Sends until `end`, then waits for the answers that are still to come; says how many came.
async fn send(mut socket: Socket, place: usize, guests: Arc<Vec<Guest>>, end: Instant) -> Result<usize> {
    let target = &guests[partner(place)];
    for number in 1..=WINDOW {
        socket.send(candidate(target, number)).await?;
    }
    let (mut sent, mut acknowledged) = (WINDOW, 0);
    while acknowledged < sent {
        if Incoming::read(&socket.next().await?)?.acknowledged()?.is_none() {
            continue;
        }
        acknowledged += 1;
        if Instant::now() < end {
            sent += 1;
            socket.send(candidate(target, sent)).await?;
        }
    }
    Ok(acknowledged)
}
