//! Access tokens: who calls a REST function.

use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use domain::{Error, FamilyId, Person, Result, Timestamp, User, UserId, Username};
use serde::{Deserialize, Serialize};

use crate::callers::bearer;
use crate::jwt::{Signer, unauthorized};
use crate::random;
use crate::secrets::{Purpose, Secrets};

/// Issues and verifies access tokens (audience `TunRTC.Users`).
#[derive(Debug, Clone)]
pub struct Tokens(Signer);

#[derive(Serialize, Deserialize)]
struct Claims {
    sub: String,
    name: String,
    fam: String,
    jti: String,
}

impl Tokens {
    /// With keys of their own, derived from the secrets.
    pub fn new(secrets: &Secrets) -> Self {
        Self(Signer::new(secrets, Purpose::Access, "TunRTC.Users"))
    }

    /// A token for the user, and when it ends: after `lifetime`, rounded down to the second.
    pub fn issue(&self, user: &User, family: FamilyId, now: Timestamp, lifetime: Duration) -> (String, Timestamp) {
        let claims = Claims {
            sub: user.id.to_string(),
            name: user.username.as_str().to_owned(),
            fam: family.to_string(),
            jti: BASE64_URL_SAFE_NO_PAD.encode(random::bytes::<16>()),
        };
        self.0.sign(&claims, now, now + lifetime)
    }

    /// Who presents the token; `Unauthorized` unless it is ours and has not ended.
    pub fn verify(&self, token: &str, now: Timestamp) -> Result<Person> {
        let (claims, expires_at) = self.0.verify::<Claims>(token, now)?;
        let name = Username::kept(&claims.name).ok_or(Error::Unauthorized)?;
        let family = claims.fam.parse().map_err(unauthorized)?;
        Ok(Person::account(account(&claims.sub)?, name, family, expires_at))
    }

    /// The same for the value of an `Authorization` header, `Bearer <token>` (RFC 6750, section 2.1).
    pub fn verify_bearer(&self, header: Option<&str>, now: Timestamp) -> Result<Person> {
        self.verify(bearer(header.ok_or(Error::Unauthorized)?)?, now)
    }
}

/// An account, which a user of an app is not.
fn account(subject: &str) -> Result<UserId> {
    subject.parse().ok().filter(|user: &UserId| !user.is_of_app()).ok_or(Error::Unauthorized)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;
    use crate::Tickets;
    use crate::samples::{NOW, alice, family_id, junk, secrets, ticket, user_id};

    const DAY: Duration = Duration::from_secs(24 * 3600);

    /// Made by another implementation of RFC 5869 and RFC 7519. It keeps a change of the derivation, of a claim's name or
    /// of the issuer from invalidating every token in use unnoticed.
    const MADE_ELSEWHERE: &str = "\
        eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCIsImtpZCI6IkJCd3BRb2FFNERRIn0.\
        eyJpc3MiOiJUdW5SVEMiLCJhdWQiOiJUdW5SVEMuVXNlcnMiLCJzdWIiOiIwMWExZWQ1Yy04NjAwLTcwMDAtODAwMC0wMDAw\
        MDAwMDAwMDEiLCJuYW1lIjoiYWxpY2UiLCJmYW0iOiIwMWExZWQ1Yy04NjAwLTcwMDAtODAwMC0wMDAwMDAwMDAwMDIiLCJq\
        dGkiOiJ4IiwiaWF0IjoxNzk1MDAwMDAwLCJleHAiOjE3OTUwMDAwNjB9.\
        lVPN4k8alFij5XPg5bu9PCx7bIMsIsiHEhVDWqS82xg";

    fn tokens() -> Tokens {
        Tokens::new(&secrets())
    }

    #[test]
    fn a_token_says_who_calls() {
        let (token, expires_at) = tokens().issue(&alice(), family_id(), NOW, DAY);
        let caller = tokens().verify(&token, NOW).expect("good");
        assert_eq!(caller, Person::account(user_id(), alice().username, family_id(), expires_at));
        assert_eq!(expires_at, NOW + DAY);
    }

    #[test]
    fn a_token_made_elsewhere_from_the_same_secret_is_good() {
        let caller = tokens().verify(MADE_ELSEWHERE, NOW).expect("good");
        assert_eq!((caller.user_id, caller.username.as_str()), (user_id(), "alice"));
        assert_eq!(caller.expires_at, NOW + Duration::from_secs(60));
    }

    #[test]
    fn a_ticket_is_no_access_token() {
        let (ticket, _) = Tickets::new(&secrets()).mint(&ticket(), NOW, DAY);
        assert!(matches!(tokens().verify(&ticket, NOW), Err(Error::Unauthorized)));
    }

    #[test]
    fn no_two_tokens_are_the_same() {
        let issued: HashSet<_> = (0..100).map(|_| tokens().issue(&alice(), family_id(), NOW, DAY).0).collect();
        assert_eq!(issued.len(), 100);
    }

    #[test]
    fn a_bearer_header_is_read_whatever_the_case_of_its_scheme() {
        let (token, _) = tokens().issue(&alice(), family_id(), NOW, DAY);
        for good in [format!("Bearer {token}"), format!("bearer {token}"), format!("BEARER  {token} ")] {
            assert!(tokens().verify_bearer(Some(&good), NOW).is_ok(), "{good}");
        }
        for bad in ["", "Bearer", "Bearer ", &token, &format!("Basic {token}"), &format!("Bearer{token}")] {
            assert!(matches!(tokens().verify_bearer(Some(bad), NOW), Err(Error::Unauthorized)), "{bad}");
        }
        assert!(matches!(tokens().verify_bearer(None, NOW), Err(Error::Unauthorized)));
    }

    proptest! {
        #[test]
        fn a_header_of_junk_is_refused(text in junk()) {
            prop_assert!(matches!(tokens().verify_bearer(Some(&text), NOW), Err(Error::Unauthorized)));
            let bearer = format!("Bearer {text}");
            prop_assert!(matches!(tokens().verify_bearer(Some(&bearer), NOW), Err(Error::Unauthorized)));
        }
    }
}
