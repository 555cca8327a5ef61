//! How latency, processor time and memory grow with the people in a session and with the sessions: the figures behind the plots in
//! `docs/PERFORMANCE.md`.

use std::fs;
use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};

use crate::people::{self, Guest};
use crate::report::{Report, Value as Number, load};
use crate::server::{Server, Subject};
use crate::socket::Socket;
use crate::spread::Spread;
use crate::{Result, broadcast, idle, relay};

/// People in one session.
const PEOPLE: [u8; 7] = [2, 5, 10, 20, 35, 50, 100];
/// Sessions of two.
const SESSIONS: [usize; 7] = [1, 10, 100, 500, 1000, 2500, 5000];
/// Signals a second, over all sessions.
const RATE: u32 = 300;
/// How long they are relayed, in seconds.
const LASTS: u32 = 10;
/// Sessions that are filled together: a ticket lives for a minute.
const TOGETHER: usize = 500;

/// Measures both, and writes them to that file.
pub async fn measure(subject: &Subject, file: &Path, report: &mut Report) -> Result<()> {
    let before = load()?;
    let mut by_people = Vec::with_capacity(PEOPLE.len());
    for people in PEOPLE {
        by_people.push(of_people(subject, people, report).await?);
    }
    let mut by_sessions = Vec::with_capacity(SESSIONS.len());
    for sessions in SESSIONS {
        by_sessions.push(of_sessions(subject, sessions, report).await?);
    }
    let loads = [before, load()?];
    let measured =
        json!({ "loads": loads, "signalsPerSecond": RATE, "byPeople": by_people, "bySessions": by_sessions });
    fs::write(file, serde_json::to_string_pretty(&measured)? + "\n")?;
    Ok(())
}

/// A chat message to everybody in a session of so many.
async fn of_people(subject: &Subject, people: u8, report: &mut Report) -> Result<Value> {
    let server = Server::start(subject)?;
    let guests = people::crowd(&server, people).await;
    let sockets = Socket::join_all(&server, &guests).await?;
    let memory = idle::settled(&server).await?;
    let chat = broadcast::among(&server, &guests, sockets).await?;
    let what = format!("chat to {people}");
    note(report, &what, &chat.last, chat.used, memory)?;
    Ok(row("people", people.into(), &chat.last, chat.used, memory))
}

/// Signals at a fixed rate while so many sessions of two are there.
async fn of_sessions(subject: &Subject, sessions: usize, report: &mut Report) -> Result<Value> {
    let server = Server::start(subject)?;
    let (mut guests, mut sockets) = filled(&server, sessions).await?;
    let memory = idle::settled(&server).await?;
    // The others are there and say nothing.
    let others = sockets.split_off(sockets.len().min(2 * relay::PAIRS));
    guests.truncate(sockets.len());
    let relayed = relay::between(&server, guests, sockets, RATE, LASTS).await?;
    drop(others);
    let what = format!("signal, {sessions} sessions");
    note(report, &what, &relayed.arrived, relayed.used, memory)?;
    Ok(row("sessions", sessions, &relayed.arrived, relayed.used, memory))
}

/// So many sessions of two who have connected and joined.
async fn filled(server: &Server, sessions: usize) -> Result<(Vec<Guest>, Vec<Socket>)> {
    let (mut guests, mut sockets) = (Vec::with_capacity(2 * sessions), Vec::with_capacity(2 * sessions));
    let accounts = people::accounts(&server.api(), 2 * sessions.div_ceil(people::SESSIONS)).await;
    let api = server.api();
    let per_turn = 2 * TOGETHER / people::SESSIONS;
    for (turn, couples) in accounts.chunks(per_turn).enumerate() {
        let count = TOGETHER.min(sessions - turn * TOGETHER);
        let together = people::pairs_of(&api, couples, count).await;
        sockets.append(&mut Socket::join_all(server, &together).await?);
        guests.extend(together);
    }
    Ok((guests, sockets))
}

fn note(report: &mut Report, what: &str, took: &Spread, used: Duration, memory: f64) -> Result<()> {
    report.note(&format!("{what}: p50"), Number::Time(took.median()))?;
    report.note(&format!("{what}: p99"), Number::Time(took.quantile(0.99)))?;
    report.note(&format!("{what}: processor time"), Number::Time(used))?;
    report.note(&format!("{what}: memory of the server"), Number::Memory(memory))
}

fn row(of: &str, count: usize, took: &Spread, used: Duration, memory: f64) -> Value {
    let [p50, p99, used] = [took.median(), took.quantile(0.99), used].map(millis);
    let mib = (memory / 1024.0 / 1024.0 * 10.0).round() / 10.0;
    json!({ of: count, "p50Ms": p50, "p99Ms": p99, "processorMs": used, "memoryMiB": mib })
}

/// In milliseconds, to the microsecond.
fn millis(time: Duration) -> f64 {
    time.as_micros() as f64 / 1000.0
}
