//! Connecting and joining, many at a time.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use crate::Result;
use crate::people::{self, Guest};
use crate::server::{Server, Subject};
use crate::socket::Socket;

/// How many connect. API Gateway takes 500 at once after a pause.
const CONNECTIONS: usize = 500;
/// How many of them at a time.
const AT_ONCE: usize = 50;
/// After it, API Gateway takes a second's worth of connections.
const PAUSE: Duration = Duration::from_millis(1100);

/// What came of it.
pub struct Connects {
    /// Connections joined in a second.
    pub rate: f64,
    /// The server's processor time for one.
    pub used: Duration,
}

/// From the TCP connection to the answer that says joined; what REST did before does not count.
pub async fn measure(subject: &Subject) -> Result<Connects> {
    let server = Server::start(subject)?;
    let guests = Arc::new(people::pairs(&server, CONNECTIONS / 2).await);
    tokio::time::sleep(PAUSE).await;
    let server = Arc::new(server);
    let (before, begin) = (server.processor_time()?, Instant::now());
    let mut lanes = JoinSet::new();
    for lane in 0..AT_ONCE {
        lanes.spawn(connect(Arc::clone(&server), Arc::clone(&guests), lane));
    }
    let mut open = Vec::with_capacity(CONNECTIONS);
    while let Some(sockets) = lanes.join_next().await {
        open.append(&mut sockets??);
    }
    let (took, used) = (begin.elapsed(), server.processor_time()? - before);
    Ok(Connects { rate: open.len() as f64 / took.as_secs_f64(), used: used / u32::try_from(open.len())? })
}

/// Every guest of a lane, one after the other.
async fn connect(server: Arc<Server>, guests: Arc<Vec<Guest>>, lane: usize) -> Result<Vec<Socket>> {
    let mut open = Vec::new();
    for guest in guests.iter().skip(lane).step_by(AT_ONCE) {
        let mut socket = Socket::connect(server.address(), server.dialect(), guest).await?;
        socket.join(guest).await?;
        open.push(socket);
    }
    Ok(open)
}
