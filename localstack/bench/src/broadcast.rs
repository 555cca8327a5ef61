//! A chat message to everybody in a session.

use std::time::{Duration, Instant};

use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::Result;
use crate::dialect::Seen;
use crate::people::{self, Guest};
use crate::server::{Server, Subject};
use crate::socket::Socket;
use crate::spread::Spread;

/// How many take part.
pub const PEOPLE: u8 = 50;
const MESSAGES: usize = 200;
/// From one message to the next: a connection may send 10 in a second.
const PAUSE: Duration = Duration::from_millis(110);
const PATIENCE: Duration = Duration::from_secs(10);

/// What came of it.
pub struct Broadcast {
    /// From sending until the last one has it.
    pub last: Spread,
    /// The server's processor time for a message.
    pub used: Duration,
}

/// One participant of 50 says something; it counts when the last of them, the sender too, has it.
pub async fn measure(subject: &Subject) -> Result<Broadcast> {
    let server = Server::start(subject)?;
    let guests = people::crowd(&server, PEOPLE).await;
    let sockets = Socket::join_all(&server, &guests).await?;
    among(&server, &guests, sockets).await
}

/// The same among these, who are all of a session.
pub async fn among(server: &Server, guests: &[Guest], sockets: Vec<Socket>) -> Result<Broadcast> {
    let mut sender = sockets[0].writer()?;

    let (seen, mut arrivals) = mpsc::unbounded_channel();
    let mut readers = JoinSet::new();
    for socket in sockets {
        readers.spawn(read(socket, seen.clone()));
    }
    let before = server.processor_time()?;
    let mut durations = Vec::with_capacity(MESSAGES);
    for number in 1..=MESSAGES {
        tokio::time::sleep(PAUSE).await;
        let (frames, begin) = (server.dialect().chat(guests, number), Instant::now());
        for frame in frames {
            sender.send(frame)?;
        }
        durations.push(last_of(&mut arrivals, guests.len(), number).await? - begin);
    }
    let used = (server.processor_time()? - before) / u32::try_from(durations.len())?;
    Ok(Broadcast { last: Spread::of(durations), used })
}

type Arrival = Result<(usize, Instant)>;

async fn read(mut socket: Socket, seen: mpsc::UnboundedSender<Arrival>) {
    let mut is_open = true;
    while is_open {
        let arrival = match socket.next().await {
            Ok(Seen::Chat(number)) => Ok((number, Instant::now())),
            Ok(_) => continue,
            Err(error) => Err(error),
        };
        is_open = arrival.is_ok();
        // Whoever has seen enough does not listen any more.
        drop(seen.send(arrival));
    }
}

/// When the last of so many participants got that message.
async fn last_of(arrivals: &mut mpsc::UnboundedReceiver<Arrival>, people: usize, number: usize) -> Result<Instant> {
    let mut last = Instant::now();
    for _ in 0..people {
        let arrival = tokio::time::timeout(PATIENCE, arrivals.recv()).await;
        let (arrived, at) = arrival.map_err(|_| "a chat message did not reach everybody")?.ok_or("no reader")??;
        if arrived != number {
            return Err(format!("message {arrived} came while {number} was on its way").into());
        }
        last = last.max(at);
    }
    Ok(last)
}
