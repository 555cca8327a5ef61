//! Who may speak to the hub: what its clients show, and whom that admits.

use auth::{Ticket, Tickets, Tokens};
use config::{FromRuntime, Runtime, SettingError};
use domain::{Error, Person, Result, Timestamp};
use http::HeaderMap;
use http::header::AUTHORIZATION;

/// What a client shows when it connects, or asks how to.
#[derive(Debug, Clone, Copy, Default)]
pub struct Shown<'a> {
    /// `ticket` in the query.
    pub ticket: Option<&'a str>,
    /// `access_token` in the query: browsers cannot send headers with a WebSocket.
    pub access_token: Option<&'a str>,
    /// `id` in the query: the connection token of a negotiation.
    pub id: Option<&'a str>,
    /// The header `Authorization`.
    pub authorization: Option<&'a str>,
}

impl<'a> Shown<'a> {
    /// From headers, and whatever reads a query.
    pub fn new(headers: &'a HeaderMap, query: impl Fn(&str) -> Option<&'a str>) -> Self {
        let filled = |name| query(name).filter(|value| !value.is_empty());
        Self {
            ticket: filled("ticket"),
            access_token: filled("access_token"),
            id: filled("id"),
            authorization: headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()),
        }
    }
}

/// Whom a handshake admits, and how they will speak.
#[derive(Debug)]
pub enum Admitted {
    /// A ticket, to our own frames.
    Own(Ticket),
    /// A ticket, to the hub: to the one session that it names.
    HubByTicket(Ticket),
    /// An access token, to the hub.
    HubByToken(Person),
}

/// Tells whom tickets and tokens admit, without touching the table.
#[derive(Debug, Clone)]
pub struct Doorkeeper {
    tickets: Tickets,
    tokens: Tokens,
}

impl Doorkeeper {
    /// A ticket alone opens a connection for our own frames. With a token, or with the `id` of a negotiation, the client is one of
    /// the hub: the WebSocket API has one address for both, and no event says by which name it was reached.
    ///
    /// # Errors
    /// `Unauthorized` when what is shown is missing, malformed, expired or forged.
    pub fn admit(&self, shown: Shown<'_>, now: Timestamp) -> Result<Admitted> {
        match shown {
            Shown { ticket: Some(ticket), id: None, .. } => self.tickets.verify(ticket, now).map(Admitted::Own),
            _ => self.admit_to_hub(shown, now),
        }
    }

    /// The same for somebody who can only mean the hub.
    ///
    /// # Errors
    /// The same.
    pub fn admit_to_hub(&self, shown: Shown<'_>, now: Timestamp) -> Result<Admitted> {
        match shown {
            Shown { access_token: Some(token), .. } => self.tokens.verify(token, now).map(Admitted::HubByToken),
            Shown { authorization: Some(_), .. } => {
                self.tokens.verify_bearer(shown.authorization, now).map(Admitted::HubByToken)
            }
            Shown { ticket: Some(ticket), .. } => self.tickets.verify(ticket, now).map(Admitted::HubByTicket),
            Shown { .. } => Err(Error::Unauthorized),
        }
    }
}

impl FromRuntime for Doorkeeper {
    fn from_runtime(runtime: &Runtime) -> Result<Self, SettingError> {
        Ok(Self { tickets: runtime.get::<Tickets>()?, tokens: runtime.get::<Tokens>()? })
    }
}
