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

    /// Whether a token names a key of this use; it may be forged all the same.
    pub(crate) fn names_key(&self, token: &str) -> bool {
        let kid = jsonwebtoken::decode_header(token).ok().and_then(|header| header.kid);
        kid.is_some_and(|kid| self.keys.find(&kid).is_some())
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

/// One answer for every reason, so that it tells an attacker nothing.
pub(crate) fn unauthorized<E>(_: E) -> Error {
    Error::Unauthorized
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Signer({}, ..)", self.audience)
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine;
    use base64::prelude::BASE64_URL_SAFE_NO_PAD;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;
    use crate::samples::{NOW, before_rotation, junk, rotated, secrets, tampered};

    const AUDIENCE: &str = "TunRTC.Users";

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Sub {
        sub: String,
    }

    fn signer(secrets: &Secrets) -> Signer {
        Signer::new(secrets, Purpose::Access, AUDIENCE)
    }

    fn sub() -> Sub {
        Sub { sub: "alice".to_owned() }
    }

    fn later(seconds: u64) -> Timestamp {
        Timestamp::from_millis(NOW.millis() + seconds * 1000)
    }

    fn is_refused(token: &str, now: Timestamp) -> bool {
        matches!(signer(&rotated()).verify::<Sub>(token, now), Err(Error::Unauthorized))
    }

    /// A header as we make it, but for the algorithm.
    fn header(algorithm: Algorithm) -> Header {
        Header { kid: Some(signer(&secrets()).keys.current.kid), ..Header::new(algorithm) }
    }

    fn claims() -> Value {
        json!({ "iss": ISSUER, "aud": AUDIENCE, "sub": "alice", "iat": NOW.seconds(), "exp": NOW.seconds() + 60 })
    }

    /// A token signed with our own key, whatever it says.
    fn signed(header: &Header, claims: &Value) -> String {
        jsonwebtoken::encode(header, claims, &signer(&secrets()).keys.current.encoding).expect("JSON")
    }

    #[test]
    fn a_token_is_good_until_its_end_and_not_a_moment_longer() {
        let signer = signer(&secrets());
        let (token, expires_at) = signer.sign(&sub(), NOW, later(60));
        assert_eq!(expires_at, later(60));
        let last_moment = Timestamp::from_millis(expires_at.millis() - 1);
        assert_eq!(signer.verify::<Sub>(&token, last_moment).expect("good"), (sub(), expires_at));
        assert!(is_refused(&token, expires_at));
    }

    #[test]
    fn the_passed_in_moment_counts_and_not_the_systems_clock() {
        let signer = signer(&secrets());
        let start = Timestamp::from_millis(1_000_000);
        let (token, expires_at) = signer.sign(&sub(), start, Timestamp::from_millis(1_060_999));
        assert_eq!(expires_at.millis(), 1_060_000, "whole seconds");
        assert!(signer.verify::<Sub>(&token, start).is_ok());
    }

    #[test]
    fn the_samples_of_these_tests_are_good_before_anything_is_changed() {
        assert!(!is_refused(&signed(&header(Algorithm::HS256), &claims()), NOW));
    }

    #[test]
    fn another_algorithm_is_refused_even_with_our_key() {
        for algorithm in [Algorithm::HS384, Algorithm::HS512] {
            assert!(is_refused(&signed(&header(algorithm), &claims()), NOW), "{algorithm:?}");
        }
    }

    #[test]
    fn a_token_without_a_signature_is_refused() {
        let kid = header(Algorithm::HS256).kid;
        let body = BASE64_URL_SAFE_NO_PAD.encode(claims().to_string());
        for alg in ["none", "None", "NONE", "", "HS256"] {
            let head = BASE64_URL_SAFE_NO_PAD.encode(json!({ "alg": alg, "typ": "JWT", "kid": kid }).to_string());
            assert!(is_refused(&format!("{head}.{body}."), NOW), "{alg}");
            assert!(is_refused(&format!("{head}.{body}"), NOW), "{alg}");
        }
    }

    #[test]
    fn a_key_without_a_name_or_with_another_is_refused() {
        let nameless = Header::new(Algorithm::HS256);
        assert!(is_refused(&signed(&nameless, &claims()), NOW));
        let misnamed = Header { kid: Some("another".to_owned()), ..nameless };
        assert!(is_refused(&signed(&misnamed, &claims()), NOW));
        let stranger = jsonwebtoken::EncodingKey::from_secret(b"a key that is not ours, 32 bytes");
        let forged = jsonwebtoken::encode(&header(Algorithm::HS256), &claims(), &stranger).expect("JSON");
        assert!(is_refused(&forged, NOW));
    }

    #[test]
    fn a_claim_that_is_missing_or_wrong_is_refused() {
        for (claim, wrong) in [
            ("iss", json!("Another")),
            ("aud", json!("TunRTC.Signaling")),
            ("exp", json!("tomorrow")),
            ("exp", json!(-1)),
            ("exp", json!(NOW.seconds())),
            ("sub", json!(7)),
        ] {
            let mut changed = claims();
            changed[claim] = wrong;
            assert!(is_refused(&signed(&header(Algorithm::HS256), &changed), NOW), "{changed}");
            changed.as_object_mut().expect("an object").remove(claim);
            assert!(is_refused(&signed(&header(Algorithm::HS256), &changed), NOW), "{changed}");
        }
    }

    #[test]
    fn a_rotation_keeps_tokens_valid_until_the_old_secret_is_dropped() {
        let (token, _) = signer(&before_rotation()).sign(&sub(), NOW, later(60));
        assert!(signer(&rotated()).verify::<Sub>(&token, NOW).is_ok());
        assert!(signer(&secrets()).verify::<Sub>(&token, NOW).is_err());
        let (token, _) = signer(&rotated()).sign(&sub(), NOW, later(60));
        assert!(signer(&secrets()).verify::<Sub>(&token, NOW).is_ok(), "the current secret signs");
    }

    #[test]
    fn a_lifetime_without_bounds_does_not_overflow() {
        let (token, expires_at) = signer(&secrets()).sign(&sub(), NOW, Timestamp::from_millis(u64::MAX));
        assert!(expires_at > NOW);
        assert!(!is_refused(&token, NOW));
    }

    proptest! {
        #[test]
        fn junk_is_refused(text in junk()) {
            prop_assert!(is_refused(&text, NOW));
        }

        #[test]
        fn a_changed_character_is_noticed_wherever_it_is(at in any::<usize>()) {
            let (token, _) = signer(&secrets()).sign(&sub(), NOW, later(60));
            prop_assert!(is_refused(&tampered(&token, at), NOW));
        }

        #[test]
        fn a_token_that_was_cut_short_is_refused(at in any::<usize>()) {
            let (token, _) = signer(&secrets()).sign(&sub(), NOW, later(60));
            prop_assert!(is_refused(&token[..at % token.len()], NOW));
        }
    }
}
