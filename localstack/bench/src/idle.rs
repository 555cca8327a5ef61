//! What an idle connection holds in memory.

use std::path::Path;
use std::time::Duration;

use testclient::{Account, Api};

use crate::Result;
use crate::people::{self, Guest};
use crate::report::{Report, Value::Memory};
use crate::server::Server;
use crate::socket::Socket;

/// Sessions of each couple: an account may get 300 tickets a minute and create 240 sessions an hour.
const SESSIONS: usize = 100;
/// Couples that join, connect and are measured together: a ticket lives for a minute.
const COUPLES: usize = 5;
/// How long the server may settle before its memory is read.
const SETTLING: Duration = Duration::from_millis(500);
/// API Gateway takes 500 new connections a second; this stays below.
const BETWEEN_CONNECTS: Duration = Duration::from_micros(2500);
/// An idle connection may hold so much, in bytes.
const GOAL: f64 = 20.0 * 1024.0;

/// Opens that many connections and joins the sessions with them. What REST stored before does not count.
pub async fn measure(binary: &Path, connections: usize, report: &mut Report) -> Result<()> {
    let server = Server::start(binary)?;
    let api = server.api();
    let accounts = people::accounts(&api, 2 * connections.div_ceil(2 * SESSIONS)).await;
    let (mut sockets, mut by_connecting, mut by_joining) = (Vec::with_capacity(connections), 0.0, 0.0);
    for batch in accounts.chunks(2 * COUPLES) {
        let guests = guests(&api, batch, connections - sockets.len()).await;
        let before = settled(&server).await?;
        let mut opened = Vec::with_capacity(guests.len());
        let mut turns = tokio::time::interval(BETWEEN_CONNECTS);
        for guest in &guests {
            turns.tick().await;
            opened.push(Socket::connect(server.address(), guest).await?);
        }
        let connected = settled(&server).await?;
        for (socket, guest) in opened.iter_mut().zip(&guests) {
            socket.join(guest).await?;
        }
        let joined = settled(&server).await?;
        by_connecting += connected - before;
        by_joining += joined - connected;
        sockets.append(&mut opened);
    }
    let count = sockets.len();
    let each = |bytes: f64| Memory(bytes / count as f64);
    report.goal(&format!("memory of an idle connection, of {count}"), each(by_connecting), Memory(GOAL))?;
    report.note(&format!("memory of an idle participant, joined, of {count}"), each(by_connecting + by_joining))?;
    report.note("memory of the server with all of them", Memory(server.memory()?))
}

/// Couples of accounts, each in many sessions.
async fn guests(api: &Api, accounts: &[Account], at_most: usize) -> Vec<Guest> {
    let mut guests = Vec::with_capacity(2 * SESSIONS * COUPLES);
    for couple in accounts.chunks_exact(2) {
        let pairs = at_most.saturating_sub(guests.len()).div_ceil(2).min(SESSIONS);
        guests.extend(people::pairs(api, [&couple[0], &couple[1]], pairs).await);
    }
    guests
}

async fn settled(server: &Server) -> Result<f64> {
    tokio::time::sleep(SETTLING).await;
    server.memory()
}
