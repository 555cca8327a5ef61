//! Joining a session over REST.

use std::time::{Duration, Instant};

use crate::Result;
use crate::people;
use crate::server::{Server, Subject};
use crate::spread::Spread;

const SESSIONS: usize = 100;
const PEOPLE: usize = 6;

/// What came of it.
pub struct Joins {
    /// From connecting to the answer.
    pub took: Spread,
    /// The server's processor time for a join.
    pub used: Duration,
}

/// Joins sessions one after the other, each time as somebody who was not in it, over a new TCP connection.
pub async fn measure(subject: &Subject) -> Result<Joins> {
    let server = Server::start(subject)?;
    let api = server.api();
    let accounts = people::accounts(&api, PEOPLE).await;
    let mut sessions = Vec::with_capacity(SESSIONS);
    for _ in 0..SESSIONS {
        sessions.push(api.create_session(&accounts[0], 10).await);
    }
    let before = server.processor_time()?;
    let mut joins = Vec::with_capacity(SESSIONS * PEOPLE);
    for account in &accounts {
        for session in &sessions {
            let begin = Instant::now();
            let reply = api.join(account, session).await;
            joins.push(begin.elapsed());
            if !reply.status.is_success() {
                return Err(format!("a join was refused: {} {}", reply.status, reply.body).into());
            }
        }
    }
    let used = (server.processor_time()? - before) / u32::try_from(joins.len())?;
    Ok(Joins { took: Spread::of(joins), used })
}
