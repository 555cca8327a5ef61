//! Who may speak to the hub: what its clients show, and whom that admits.

use std::time::Duration;

use auth::{Callers, Ticket, Tickets};
use config::{FromRuntime, Runtime, SettingError};
use domain::ports::Keys;
use domain::{Error, Person, Policy, Result, Timestamp};
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
pub enum Admitted<'a> {
    /// A ticket, to our own frames.
    Own(Ticket),
    /// A ticket, to the hub: to the one session that it names.
    HubByTicket(Ticket),
    /// An access token, to the hub.
    HubByToken(Person),
    /// A join token, to the hub. It is asked again at each join, so it comes along.
    HubByJoinToken(Person, &'a str),
}

/// Tells whom tickets and tokens admit. The table is read for join tokens alone: for their key, once in a while.
pub struct Doorkeeper {
    tickets: Tickets,
    callers: Callers,
    access: Duration,
}

impl Doorkeeper {
    /// A ticket alone opens a connection for our own frames. With a token, or with the `id` of a negotiation, the client is one of
    /// the hub: the WebSocket API has one address for both, and no event says by which name it was reached.
    ///
    /// # Errors
    /// `Unauthorized` when what is shown is missing, malformed, expired or forged; of a join token what is wrong with it.
    pub async fn admit<'a>(
        &self,
        store: &(impl Keys + Sync),
        shown: Shown<'a>,
        now: Timestamp,
    ) -> Result<Admitted<'a>> {
        match shown {
            Shown { ticket: Some(ticket), id: None, .. } => self.tickets.verify(ticket, now).map(Admitted::Own),
            _ => self.admit_to_hub(store, shown, now).await,
        }
    }

    /// The same for somebody who can only mean the hub.
    ///
    /// # Errors
    /// The same.
    pub async fn admit_to_hub<'a>(
        &self,
        store: &(impl Keys + Sync),
        shown: Shown<'a>,
        now: Timestamp,
    ) -> Result<Admitted<'a>> {
        match shown {
            Shown { access_token: Some(token), .. } => self.by_token(store, token, now).await,
            Shown { authorization: Some(header), .. } => self.by_token(store, auth::bearer(header)?, now).await,
            Shown { ticket: Some(ticket), .. } => self.tickets.verify(ticket, now).map(Admitted::HubByTicket),
            Shown { .. } => Err(Error::Unauthorized),
        }
    }

    /// A join token that has ended still connects, because its holder may have a seat to come back to. Whether so, the join says.
    async fn by_token<'a>(&self, store: &(impl Keys + Sync), token: &'a str, now: Timestamp) -> Result<Admitted<'a>> {
        let caller = self.callers.verify_token(store, token, now, self.access).await?.seated()?;
        let person = caller.person()?.clone();
        Ok(if person.identity.is_some() {
            Admitted::HubByJoinToken(person, token)
        } else {
            Admitted::HubByToken(person)
        })
    }
}

impl FromRuntime for Doorkeeper {
    fn from_runtime(runtime: &Runtime) -> Result<Self, SettingError> {
        let access = runtime.get::<Policy>()?.access_token;
        Ok(Self { tickets: runtime.get::<Tickets>()?, callers: runtime.get::<Callers>()?, access })
    }
}
