//! Tickets: what admits one WebSocket connection of one user to one session.

use std::time::Duration;

use domain::{FamilyId, Result, SessionId, TicketId, Timestamp, UserId, Username};
use serde::{Deserialize, Serialize};

use crate::jwt::{Signer, unauthorized};
use crate::secrets::{Purpose, Secrets};

/// What a ticket says. It goes into a URL as it is: base64url and dots.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ticket {
    /// The ticket's own identifier; it admits once.
    pub id: TicketId,
    /// Whom it admits.
    pub user: UserId,
    /// The user's name.
    pub username: Username,
    /// The session it is for.
    pub session: SessionId,
    /// The number of the connection attempt.
    pub attempt: u64,
    /// The login behind it.
    pub family: FamilyId,
    /// When the access token behind it ends.
    pub access_expires_at: Timestamp,
}

/// Mints and verifies tickets (audience `TunRTC.Signaling`).
#[derive(Debug, Clone)]
pub struct Tickets(Signer);

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Claims {
    jti: String,
    sub: String,
    name: String,
    fam: String,
    session: String,
    attempt: u64,
    /// Milliseconds since the Unix epoch.
    access_expires_at: u64,
}

impl Tickets {
    /// With keys of their own, derived from the secrets.
    pub fn new(secrets: &Secrets) -> Self {
        Self(Signer::new(secrets, Purpose::Ticket, "TunRTC.Signaling"))
    }

    /// The ticket as text, and when it ends: after `lifetime`, but not after the access behind it, rounded down
    /// to the second.
    pub fn mint(&self, ticket: &Ticket, now: Timestamp, lifetime: Duration) -> (String, Timestamp) {
        let claims = Claims {
            jti: ticket.id.to_string(),
            sub: ticket.user.to_string(),
            name: ticket.username.as_str().to_owned(),
            fam: ticket.family.to_string(),
            session: ticket.session.to_string(),
            attempt: ticket.attempt,
            access_expires_at: ticket.access_expires_at.millis(),
        };
        self.0.sign(&claims, now, ticket.access_expires_at.min(now + lifetime))
    }

    /// What the ticket says; `Unauthorized` unless it is ours and has not ended. Whether it was used before is for
    /// the connection log to say.
    pub fn verify(&self, ticket: &str, now: Timestamp) -> Result<Ticket> {
        let (claims, _) = self.0.verify::<Claims>(ticket, now)?;
        Ok(Ticket {
            id: claims.jti.parse().map_err(unauthorized)?,
            user: claims.sub.parse().map_err(unauthorized)?,
            username: Username::parse(&claims.name).map_err(unauthorized)?,
            session: claims.session.parse().map_err(unauthorized)?,
            attempt: claims.attempt,
            family: claims.fam.parse().map_err(unauthorized)?,
            access_expires_at: Timestamp::from_millis(claims.access_expires_at),
        })
    }
}
