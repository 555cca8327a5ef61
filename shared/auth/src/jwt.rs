//! JSON Web Tokens as TunRTC uses them: HS256 alone, a key named by `kid`, our own issuer, no leeway.

use std::fmt;

use domain::{Error, Result, Timestamp};
use jsonwebtoken::{Algorithm, Header, Validation};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::secrets::{KeyRing, Purpose, Secrets};

/// Who issues every token.
const ISSUER: &str = "TunRTC";

/// Signs and verifies the tokens of one use.
#[derive(Clone)]
pub(crate) struct Signer {
    keys: KeyRing,
    audience: &'static str,
    validation: Validation,
}

/// What every token says, whatever it is for.
#[derive(Serialize)]
struct Issued<'a, C> {
    iss: &'a str,
    aud: &'a str,
    iat: u64,
    exp: u64,
    #[serde(flatten)]
    claims: &'a C,
}

/// The same, read back; issuer and audience are the validation's to check.
#[derive(Deserialize)]
struct Presented<C> {
    exp: u64,
    #[serde(flatten)]
    claims: C,
}

impl Signer {
    pub(crate) fn new(secrets: &Secrets, purpose: Purpose, audience: &'static str) -> Self {
        let mut validation = Validation::new(Algorithm::HS256);
        validation.set_issuer(&[ISSUER]);
        validation.set_audience(&[audience]);
        validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        // The library would look at the system's clock; `verify` looks at the moment it is given.
        validation.validate_exp = false;
        Self { keys: secrets.keys(purpose), audience, validation }
    }

    /// Signs; the token ends with the whole second that `expires_at` falls into, which is returned.
    pub(crate) fn sign<C: Serialize>(&self, claims: &C, now: Timestamp, expires_at: Timestamp) -> (String, Timestamp) {
        let exp = expires_at.seconds();
        let issued = Issued { iss: ISSUER, aud: self.audience, iat: now.seconds(), exp, claims };
        let key = &self.keys.current;
        let header = Header { kid: Some(key.kid.clone()), ..Header::new(Algorithm::HS256) };
        let token = jsonwebtoken::encode(&header, &issued, &key.encoding)
            .expect("texts and numbers are JSON, and an HMAC takes any key");
        (token, Timestamp::from_millis(exp.saturating_mul(1000)))
    }

    /// The claims and the end of a token that is ours and has not ended; `Unauthorized` for everything else.
    pub(crate) fn verify<C: DeserializeOwned>(&self, token: &str, now: Timestamp) -> Result<(C, Timestamp)> {
        let header = jsonwebtoken::decode_header(token).map_err(unauthorized)?;
        let key = header.kid.and_then(|kid| self.keys.find(&kid)).ok_or(Error::Unauthorized)?;
        let presented =
            jsonwebtoken::decode::<Presented<C>>(token, &key.decoding, &self.validation).map_err(unauthorized)?.claims;
        let expires_at = Timestamp::from_millis(presented.exp.saturating_mul(1000));
        (now < expires_at).then_some((presented.claims, expires_at)).ok_or(Error::Unauthorized)
    }
}

/// Why a token is refused is nobody's business.
pub(crate) fn unauthorized<E>(_: E) -> Error {
    Error::Unauthorized
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Signer({}, ..)", self.audience)
    }
}
