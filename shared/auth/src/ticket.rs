//! Tickets: what admits one WebSocket connection of one user to one session.

use std::time::Duration;

use domain::{Error, FamilyId, Identity, Result, SessionId, TicketId, Timestamp, UserId, Username};
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
    /// Where whoever waits to be admitted does; a seat if there is none.
    pub waiting: Option<u8>,
    /// What the app calls its user; an account has none.
    pub identity: Option<Identity>,
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
    #[serde(default, skip_serializing_if = "Option::is_none")]
    waiting: Option<u8>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    identity: Option<String>,
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
            waiting: ticket.waiting,
            identity: ticket.identity.as_ref().map(|identity| identity.as_str().to_owned()),
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
            username: Username::kept(&claims.name).ok_or(Error::Unauthorized)?,
            session: claims.session.parse().map_err(unauthorized)?,
            attempt: claims.attempt,
            family: claims.fam.parse().map_err(unauthorized)?,
            access_expires_at: Timestamp::from_millis(claims.access_expires_at),
            waiting: claims.waiting,
            identity: claims.identity.as_deref().map(Identity::parse).transpose().map_err(|_| Error::Unauthorized)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use domain::Error;
    use proptest::prelude::*;

    use super::*;
    use crate::Tokens;
    use crate::samples::{NOW, alice, family_id, junk, secrets, tampered, ticket};

    const MINUTE: Duration = Duration::from_secs(60);

    /// Made by another implementation of RFC 5869 and RFC 7519.
    const MADE_ELSEWHERE: &str = "\
        eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCIsImtpZCI6IjMxWk1VR2tJelhvIn0.\
        eyJpc3MiOiJUdW5SVEMiLCJhdWQiOiJUdW5SVEMuU2lnbmFsaW5nIiwic3ViIjoiMDFhMWVkNWMtODYwMC03MDAwLTgwMDAt\
        MDAwMDAwMDAwMDAxIiwibmFtZSI6ImFsaWNlIiwiZmFtIjoiMDFhMWVkNWMtODYwMC03MDAwLTgwMDAtMDAwMDAwMDAwMDAy\
        IiwianRpIjoiMDFhMWVkNWMtODYwMC03MDAwLTgwMDAtMDAwMDAwMDAwMDAzIiwic2Vzc2lvbiI6IjAxYTFlZDVjLTg2MDAt\
        NzAwMC04MDAwLTAwMDAwMDAwMDAwNCIsImF0dGVtcHQiOjcsImFjY2Vzc0V4cGlyZXNBdCI6MTc5NTAwMzYwMDAwMCwiaWF0\
        IjoxNzk1MDAwMDAwLCJleHAiOjE3OTUwMDAwNjB9.\
        j7P0GiI16i_u8DJiVA7u2TenSr-4oJ1ggE_OOp9ylU8";

    fn tickets() -> Tickets {
        Tickets::new(&secrets())
    }

    fn is_refused(text: &str, now: Timestamp) -> bool {
        matches!(tickets().verify(text, now), Err(Error::Unauthorized))
    }

    #[test]
    fn a_ticket_lives_for_its_lifetime() {
        let (text, expires_at) = tickets().mint(&ticket(), NOW, MINUTE);
        assert_eq!(expires_at, NOW + MINUTE);
        assert!(!is_refused(&text, expires_at.minus(Duration::from_millis(1))));
        assert!(is_refused(&text, expires_at));
    }

    #[test]
    fn a_ticket_does_not_outlive_the_access_behind_it() {
        let access_expires_at = NOW + Duration::from_secs(10);
        let (text, expires_at) = tickets().mint(&Ticket { access_expires_at, ..ticket() }, NOW, MINUTE);
        assert_eq!(expires_at, access_expires_at);
        assert!(is_refused(&text, access_expires_at));
    }

    #[test]
    fn a_ticket_made_elsewhere_from_the_same_secret_is_good() {
        assert_eq!(tickets().verify(MADE_ELSEWHERE, NOW).expect("good"), ticket());
    }

    #[test]
    fn an_access_token_is_no_ticket() {
        let (token, _) = Tokens::new(&secrets()).issue(&alice(), family_id(), NOW, MINUTE);
        assert!(is_refused(&token, NOW));
    }

    proptest! {
        #[test]
        fn what_a_ticket_says_survives_its_text(attempt in any::<u64>(), name in "[^\\pC\\s]{1,50}", millis in 60_000..u64::MAX / 2) {
            let username = Username::kept(&name).expect("a name");
            let access_expires_at = Timestamp::from_millis(NOW.millis() + millis);
            let ticket = Ticket { attempt, username, access_expires_at, ..ticket() };
            let (text, _) = tickets().mint(&ticket, NOW, MINUTE);
            prop_assert!(text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b)), "safe in a URL");
            prop_assert_eq!(tickets().verify(&text, NOW).expect("good"), ticket);
        }

        #[test]
        fn junk_and_changed_tickets_are_refused(text in junk(), at in any::<usize>()) {
            prop_assert!(is_refused(&text, NOW));
            let (good, _) = tickets().mint(&ticket(), NOW, MINUTE);
            prop_assert!(is_refused(&tampered(&good, at), NOW));
        }
    }
}
