//! What many logins and registrations at once leave in memory: each hashes a password, which takes some 20 MiB for a moment.

use std::time::Duration;

use http::StatusCode;
use serde_json::json;
use testclient::Api;
use tokio::task::JoinSet;

use crate::Result;
use crate::server::{Server, Subject};

/// Registrations, and as many logins after them.
pub const EACH: usize = 500;
/// How many of them at a time.
const AT_ONCE: usize = 100;
/// How long the server may settle before its memory is read. What an allocator keeps for a moment it gives back with the
/// next requests, so there are some.
const SETTLING: Duration = Duration::from_millis(1500);
/// How many requests follow before the memory is read.
const REQUESTS_AFTER: usize = 20;

/// What came of it, in bytes.
pub struct Passwords {
    /// The server's resident memory before.
    pub before: f64,
    /// After, settled.
    pub after: f64,
}

/// Registers 500 accounts and logs each in.
pub async fn measure(subject: &Subject) -> Result<Passwords> {
    let server = Server::start(subject)?;
    let before = server.memory()?;
    let api = server.api();
    for (path, status) in [("/api/auth/register", StatusCode::CREATED), ("/api/auth/login", StatusCode::OK)] {
        let mut lanes = JoinSet::new();
        for lane in 0..AT_ONCE {
            lanes.spawn(call(api.clone(), path, status, lane));
        }
        while let Some(done) = lanes.join_next().await {
            done??;
        }
    }
    tokio::time::sleep(SETTLING).await;
    for _ in 0..REQUESTS_AFTER {
        api.get("/health", None).await;
    }
    Ok(Passwords { before, after: server.memory()? })
}

async fn call(api: Api, path: &'static str, status: StatusCode, lane: usize) -> Result<()> {
    for number in (lane..EACH).step_by(AT_ONCE) {
        let (email, password) = (format!("user{number}@example.org"), "correct horse");
        let body = match path {
            "/api/auth/login" => json!({ "email": email, "password": password }),
            _ => json!({ "username": format!("user{number}"), "email": email, "password": password }),
        };
        let reply = api.post(path, None, body).await;
        if reply.status != status {
            return Err(format!("{path} was answered {} {}", reply.status, reply.body).into());
        }
    }
    Ok(())
}
