//! What an idle connection holds in memory.

use std::time::Duration;

use testclient::Account;

use crate::Result;
use crate::dialect::Dialect;
use crate::people::{self, Guest};
use crate::server::{Server, Subject};
use crate::socket::{BETWEEN_CONNECTS, Socket};

/// Connections that are made and measured together: a ticket lives for a minute.
const TOGETHER: usize = 1000;
/// How long the server may settle before its memory is read. What an allocator keeps for a moment it gives back with the
/// next requests, so there are some.
const SETTLING: Duration = Duration::from_millis(1500);
/// How many requests TunRTC gets then.
const REQUESTS_AFTER: usize = 20;

/// What came of it, in bytes.
pub struct Idle {
    /// A connection.
    pub connected: f64,
    /// A connection that has joined.
    pub joined: f64,
    /// The server with all of them.
    pub whole: f64,
}

/// Opens that many connections and joins sessions with them. What REST stored before does not count.
pub async fn measure(subject: &Subject, connections: usize) -> Result<Idle> {
    let server = Server::start(subject)?;
    let accounts = match server.dialect() {
        Dialect::TunRtc => people::accounts(&server.api(), connections.div_ceil(100).next_multiple_of(2)).await,
        Dialect::SocketIo | Dialect::PeerServer => Vec::new(),
    };
    let (mut sockets, mut by_connecting, mut by_joining) = (Vec::with_capacity(connections), 0.0, 0.0);
    while sockets.len() < connections {
        let guests = guests(&server, &accounts, sockets.len()).await;
        let before = settled(&server).await?;
        let mut opened = Vec::with_capacity(guests.len());
        let mut turns = tokio::time::interval(BETWEEN_CONNECTS);
        for guest in &guests {
            turns.tick().await;
            opened.push(Socket::connect(server.address(), server.dialect(), guest).await?);
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
    let count = sockets.len() as f64;
    let (connected, joined) = (by_connecting / count, (by_connecting + by_joining) / count);
    Ok(Idle { connected, joined, whole: server.memory()? })
}

/// The next ones, after so many.
async fn guests(server: &Server, accounts: &[Account], after: usize) -> Vec<Guest> {
    match server.dialect() {
        Dialect::TunRtc => {
            // 200 connections a couple.
            let couples = accounts.chunks_exact(2).skip(after / 200).take(TOGETHER / 200).flatten();
            let accounts: Vec<_> = couples.cloned().collect();
            people::pairs_of(&server.api(), &accounts, TOGETHER / 2).await
        }
        Dialect::SocketIo | Dialect::PeerServer => people::strangers(server, after..after + TOGETHER),
    }
}

/// The server's memory once it has settled, in bytes.
pub async fn settled(server: &Server) -> Result<f64> {
    tokio::time::sleep(SETTLING).await;
    if server.dialect() == Dialect::TunRtc {
        for _ in 0..REQUESTS_AFTER {
            server.api().get("/health", None).await;
        }
    }
    server.memory()
}
