//! Who takes part: accounts, and the sessions they have joined.

use std::ops::Range;

use testclient::{Account, Api, socket_address};

use crate::dialect::Dialect;
use crate::server::Server;

/// Sessions of each couple: an account may get 300 tickets a minute and create 240 sessions an hour.
pub const SESSIONS: usize = 100;

/// Somebody who may connect.
pub struct Guest {
    /// The session.
    pub session: String,
    /// The account.
    pub user: String,
    /// The address of the socket, ticket included.
    pub address: String,
}

/// As many accounts as asked for.
pub async fn accounts(api: &Api, count: usize) -> Vec<Account> {
    let mut accounts = Vec::with_capacity(count);
    for n in 0..count {
        accounts.push(api.register(&format!("guest{n}")).await);
    }
    accounts
}

/// Joins a session.
///
/// # Panics
/// It is refused.
pub async fn join(api: &Api, account: &Account, session: &str) -> Guest {
    let reply = api.join(account, session).await;
    assert!(reply.status.is_success(), "a join was refused: {} {}", reply.status, reply.body);
    let address = socket_address(&reply.body["signaling"]);
    Guest { session: session.to_owned(), user: account.id.clone(), address }
}

/// `count` pairs, each in a session of its own: partners stand beside each other.
pub async fn pairs(server: &Server, count: usize) -> Vec<Guest> {
    if server.dialect() != Dialect::TunRtc {
        return strangers(server, 0..2 * count);
    }
    let api = server.api();
    let accounts = accounts(&api, 2 * count.div_ceil(SESSIONS)).await;
    pairs_of(&api, &accounts, count).await
}

/// The same, of these accounts, two of which share at most 100 sessions.
pub async fn pairs_of(api: &Api, accounts: &[Account], count: usize) -> Vec<Guest> {
    let mut guests = Vec::with_capacity(2 * count);
    let turns = accounts.chunks_exact(2).flat_map(|couple| std::iter::repeat_n(couple, SESSIONS));
    for couple in turns.take(count) {
        let session = api.create_session(&couple[0], 2).await;
        for account in couple {
            guests.push(join(api, account, &session).await);
        }
    }
    guests
}

/// So many people in one session.
pub async fn crowd(server: &Server, count: u8) -> Vec<Guest> {
    if server.dialect() != Dialect::TunRtc {
        return (0..usize::from(count)).map(|place| stranger(server, place, 0)).collect();
    }
    let api = server.api();
    let accounts = accounts(&api, count.into()).await;
    let session = api.create_session(&accounts[0], count).await;
    let mut guests = Vec::with_capacity(accounts.len());
    for account in &accounts {
        guests.push(join(&api, account, &session).await);
    }
    guests
}

/// Pairs that a peer of TunRTC takes by their names, from and to that place.
pub fn strangers(server: &Server, places: Range<usize>) -> Vec<Guest> {
    places.map(|place| stranger(server, place, place / 2)).collect()
}

/// Somebody that a peer of TunRTC, which knows no accounts, takes by its name.
fn stranger(server: &Server, place: usize, session: usize) -> Guest {
    let (address, user) = (server.address(), format!("user-{place}"));
    let address = match server.dialect() {
        Dialect::PeerServer => format!("ws://{address}/peerjs?key=peerjs&id={user}&token=token&version=1.5.5"),
        Dialect::SocketIo | Dialect::TunRtc => format!("ws://{address}/socket.io/?EIO=4&transport=websocket"),
    };
    Guest { session: format!("session-{session}"), user, address }
}
