//! Who takes part: accounts, and the sessions they have joined over REST.

use testclient::{Account, Api, socket_address};

/// Somebody who has joined a session over REST.
pub struct Guest {
    /// The session.
    pub session: String,
    /// The account.
    pub user: String,
    /// The address of the socket, ticket included.
    pub address: String,
}

/// As many accounts as asked for; an address may open 100 in an hour.
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
pub async fn pairs(api: &Api, couple: [&Account; 2], count: usize) -> Vec<Guest> {
    let mut guests = Vec::with_capacity(2 * count);
    for _ in 0..count {
        let session = api.create_session(couple[0], 2).await;
        for account in couple {
            guests.push(join(api, account, &session).await);
        }
    }
    guests
}
