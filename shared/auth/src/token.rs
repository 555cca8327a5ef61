//! Access tokens: who calls a REST function.

use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use domain::{Caller, Error, FamilyId, Result, Timestamp, User, Username};
use serde::{Deserialize, Serialize};

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
    pub fn verify(&self, token: &str, now: Timestamp) -> Result<Caller> {
        let (claims, expires_at) = self.0.verify::<Claims>(token, now)?;
        Ok(Caller {
            user_id: claims.sub.parse().map_err(unauthorized)?,
            username: Username::parse(&claims.name).map_err(unauthorized)?,
            family: claims.fam.parse().map_err(unauthorized)?,
            expires_at,
        })
    }

    /// The same for the value of an `Authorization` header, `Bearer <token>` (RFC 6750, section 2.1).
    pub fn verify_bearer(&self, header: Option<&str>, now: Timestamp) -> Result<Caller> {
        let (scheme, token) = header.and_then(|value| value.split_once(' ')).ok_or(Error::Unauthorized)?;
        if !scheme.eq_ignore_ascii_case("Bearer") {
            return Err(Error::Unauthorized);
        }
        self.verify(token.trim(), now)
    }
}
