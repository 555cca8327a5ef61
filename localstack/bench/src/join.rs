//! Joining a session over REST.

use std::path::Path;
use std::time::{Duration, Instant};

use crate::Result;
use crate::people;
use crate::report::{Report, Value::Time};
use crate::server::Server;
use crate::spread::Spread;

const SESSIONS: usize = 100;
const PEOPLE: usize = 6;

/// Joins sessions one after the other, each time as somebody who was not in it, over a new TCP connection.
pub async fn measure(binary: &Path, report: &mut Report) -> Result<()> {
    let server = Server::start(binary)?;
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
    let spread = Spread::of(joins);
    report.goal("REST join, median", Time(spread.median()), Time(Duration::from_millis(5)))?;
    report.note("REST join, p99", Time(spread.quantile(0.99)))?;
    report.note("server's processor time for a join", Time(used))
}
