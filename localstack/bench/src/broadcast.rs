//! A chat message to everybody in a session.

use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::json;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::Result;
use crate::people;
use crate::report::{Report, Value::Time};
use crate::server::Server;
use crate::socket::{Incoming, Socket};
use crate::spread::Spread;

const PEOPLE: usize = 50;
const MESSAGES: usize = 200;
/// From one message to the next, so that each finds a quiet server.
const PAUSE: Duration = Duration::from_millis(20);
const PATIENCE: Duration = Duration::from_secs(10);

/// One participant of 50 says something; it counts when the last of them, the sender too, has it.
pub async fn measure(binary: &Path, report: &mut Report) -> Result<()> {
    let server = Server::start(binary)?;
    let api = server.api();
    let accounts = people::accounts(&api, PEOPLE).await;
    let session = api.create_session(&accounts[0], u8::try_from(PEOPLE)?).await;
    let mut guests = Vec::with_capacity(PEOPLE);
    for account in &accounts {
        guests.push(people::join(&api, account, &session).await);
    }
    let sockets = Socket::join_all(server.address(), &guests).await?;
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
        let (frame, begin) = (chat(number), Instant::now());
        sender.send(frame)?;
        durations.push(last_of(&mut arrivals, number).await? - begin);
    }
    let used = (server.processor_time()? - before) / u32::try_from(durations.len())?;
    let spread = Spread::of(durations);
    report.note("chat to 50, last one has it, p50", Time(spread.median()))?;
    report.note("chat to 50, last one has it, p99", Time(spread.quantile(0.99)))?;
    report.note("server's processor time for a chat message to 50", Time(used))
}

fn chat(number: usize) -> String {
    let data = json!({ "message": number.to_string() });
    json!({ "action": "sendMessage", "id": number.to_string(), "data": data }).to_string()
}

type Arrival = Result<(usize, Instant)>;

async fn read(mut socket: Socket, seen: mpsc::UnboundedSender<Arrival>) {
    let mut is_open = true;
    while is_open {
        let arrival = socket.next().await.and_then(|text| arrival(&text));
        is_open = arrival.is_ok();
        if let Some(arrival) = arrival.transpose() {
            // Whoever has seen enough does not listen any more.
            drop(seen.send(arrival));
        }
    }
}

/// Which message came, if the frame is one.
fn arrival(text: &str) -> Result<Option<(usize, Instant)>> {
    let frame = Incoming::read(text)?;
    frame.acknowledged()?;
    Ok(match (frame.event, frame.data.message) {
        ("receiveMessage", Some(number)) => Some((number.parse()?, Instant::now())),
        _ => None,
    })
}

/// When the last participant got that message.
async fn last_of(arrivals: &mut mpsc::UnboundedReceiver<Arrival>, number: usize) -> Result<Instant> {
    let mut last = Instant::now();
    for _ in 0..PEOPLE {
        let arrival = tokio::time::timeout(PATIENCE, arrivals.recv()).await;
        let (arrived, at) = arrival.map_err(|_| "a chat message did not reach everybody")?.ok_or("no reader")??;
        if arrived != number {
            return Err(format!("message {arrived} came while {number} was on its way").into());
        }
        last = last.max(at);
    }
    Ok(last)
}
