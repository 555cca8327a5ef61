//! Answers that more than one function gives.

use auth::{Ice, Ticket, Tickets};
use config::{FromRuntime, Runtime, SettingError, settings};
use domain::ports::Knock;
use domain::{Context, Person, SessionId, TicketId, Timestamp, UserId};
use protocol::rest::{IceServer, Signaling};

use crate::rest::RestRequest;

/// The complete `wss://` address of the WebSocket API, without a ticket.
///
/// `{scheme}` and `{host}` in it stand for how the request came: a server that has no name of its own answers under the one
/// that it was asked by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignalingUrl(String);

impl FromRuntime for SignalingUrl {
    fn from_runtime(runtime: &Runtime) -> Result<Self, SettingError> {
        let (name, url) = (settings::SIGNALING_URL, runtime.settings.required(settings::SIGNALING_URL)?);
        let known = ["ws://", "wss://", "{scheme}://"].iter().any(|scheme| url.starts_with(scheme));
        let wrong = || SettingError { name, reason: "must start with ws:// or wss://".to_owned() };
        known.then(|| Self(url.to_owned())).ok_or_else(wrong)
    }
}

impl SignalingUrl {
    /// The address for whoever sent that request.
    pub fn answering(&self, request: &RestRequest<'_>) -> String {
        let scheme = if request.is_secure() { "wss" } else { "ws" };
        self.0.replace("{scheme}", scheme).replace("{host}", request.host())
    }
}

impl SignalingUrl {
    /// The link to this server's console that carries the code of an invitation. A fragment: browsers send it to nobody, so it stands in
    /// no log and no `Referer`.
    pub fn invitation(&self, request: &RestRequest<'_>, code: &str) -> String {
        let page = self.answering(request).replacen("ws", "http", 1);
        let authority = page.find("://").map_or(0, |at| at + 3);
        let end = page[authority..].find('/').map_or(page.len(), |at| authority + at);
        format!("{}/#/join/{code}", &page[..end])
    }
}

/// How to connect: a fresh ticket of that attempt, for the address of the WebSocket API.
pub fn signaling(
    tickets: &Tickets,
    url: String,
    context: Context<'_>,
    caller: &Person,
    session: SessionId,
    attempt: u64,
) -> Signaling {
    mint(tickets, url, context, caller, session, attempt, None)
}

/// How to connect for somebody who waits to be admitted.
pub fn waiting(tickets: &Tickets, url: String, context: Context<'_>, caller: &Person, knock: &Knock) -> Signaling {
    mint(tickets, url, context, caller, knock.session, 0, Some(knock.place))
}

fn mint(
    tickets: &Tickets,
    url: String,
    context: Context<'_>,
    caller: &Person,
    session: SessionId,
    attempt: u64,
    waiting: Option<u8>,
) -> Signaling {
    let ticket = Ticket {
        id: TicketId::new(context.ids, context.now),
        user: caller.user_id,
        username: caller.username.clone(),
        session,
        attempt,
        family: caller.family,
        access_expires_at: caller.expires_at,
        waiting,
        identity: caller.identity.clone(),
    };
    let (ticket, expires_at) = tickets.mint(&ticket, context.now, context.policy.ticket);
    Signaling { url, ticket, expires_at: protocol::format_time(expires_at) }
}

/// STUN servers, and TURN servers with credentials made for that user.
pub fn ice_servers(ice: &Ice, user: UserId, now: Timestamp) -> Vec<IceServer> {
    let servers = ice.servers(user, now).into_iter();
    servers.map(|s| IceServer { urls: s.urls, username: s.username, credential: s.credential }).collect()
}
