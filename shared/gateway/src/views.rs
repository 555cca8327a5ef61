//! Answers that more than one function gives.

use auth::{Ice, Ticket, Tickets};
use config::{FromRuntime, Runtime, SettingError, settings};
use domain::{Caller, Context, SessionId, TicketId, Timestamp, UserId};
use protocol::rest::{IceServer, Signaling};

/// The complete `wss://` address of the WebSocket API, without a ticket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignalingUrl(String);

impl FromRuntime for SignalingUrl {
    fn from_runtime(runtime: &Runtime) -> Result<Self, SettingError> {
        runtime.settings.required(settings::SIGNALING_URL).map(|url| Self(url.to_owned()))
    }
}

/// How to connect: a fresh ticket of that attempt, for the address of the WebSocket API.
pub fn signaling(
    tickets: &Tickets,
    url: &SignalingUrl,
    context: Context<'_>,
    caller: &Caller,
    session: SessionId,
    attempt: u64,
) -> Signaling {
    let ticket = Ticket {
        id: TicketId::new(context.ids, context.now),
        user: caller.user_id,
        username: caller.username.clone(),
        session,
        attempt,
        family: caller.family,
        access_expires_at: caller.expires_at,
    };
    let (ticket, expires_at) = tickets.mint(&ticket, context.now, context.policy.ticket);
    Signaling { url: url.0.clone(), ticket, expires_at: protocol::format_time(expires_at) }
}

/// STUN servers, and TURN servers with credentials made for that user.
pub fn ice_servers(ice: &Ice, user: UserId, now: Timestamp) -> Vec<IceServer> {
    let servers = ice.servers(user, now).into_iter();
    servers.map(|s| IceServer { urls: s.urls, username: s.username, credential: s.credential }).collect()
}
