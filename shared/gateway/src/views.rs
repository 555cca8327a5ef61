//! Answers that more than one function gives.

use std::time::Duration;

use auth::{Ice, Ticket, Tickets};
use domain::{Timestamp, UserId};
use protocol::rest::{IceServer, Signaling};

/// How to connect: a fresh ticket for the address of the WebSocket API.
pub fn signaling(tickets: &Tickets, url: &str, ticket: &Ticket, now: Timestamp, lifetime: Duration) -> Signaling {
    let (ticket, expires_at) = tickets.mint(ticket, now, lifetime);
    Signaling { url: url.to_owned(), ticket, expires_at: protocol::format_time(expires_at) }
}

/// STUN servers, and TURN servers with credentials made for that user.
pub fn ice_servers(ice: &Ice, user: UserId, now: Timestamp) -> Vec<IceServer> {
    let servers = ice.servers(user, now).into_iter();
    servers.map(|s| IceServer { urls: s.urls, username: s.username, credential: s.credential }).collect()
}
