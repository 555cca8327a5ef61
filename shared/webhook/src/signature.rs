//! Standard Webhooks 1.0: how a message is signed, and what its secret looks like
//! (<https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md>).

use std::fmt;

use aws_lc_rs::{hmac, rand};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;

/// How a secret's text begins.
const PREFIX: &str = "whsec_";
/// The bytes of a new secret. The specification has 24 to 64.
const BYTES: usize = 32;

/// A text that is no secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a webhook's secret is `whsec_` and the base64 of 24 to 64 bytes")]
pub struct BadSecret;

/// What signs the messages to one endpoint.
#[derive(Clone)]
pub struct Secret {
    text: String,
    key: hmac::Key,
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

impl Secret {
    /// A new one.
    pub fn random() -> Self {
        let mut bytes = [0; BYTES];
        rand::fill(&mut bytes).expect("the system has randomness");
        Self::of(&bytes)
    }

    fn of(bytes: &[u8]) -> Self {
        let text = format!("{PREFIX}{}", BASE64_STANDARD.encode(bytes));
        Self { text, key: hmac::Key::new(hmac::HMAC_SHA256, bytes) }
    }

    /// Parses `whsec_...`.
    ///
    /// # Errors
    /// [`BadSecret`] for any other text.
    pub fn parse(text: &str) -> Result<Self, BadSecret> {
        let bytes =
            text.strip_prefix(PREFIX).and_then(|encoded| BASE64_STANDARD.decode(encoded).ok()).ok_or(BadSecret)?;
        if (24..=64).contains(&bytes.len()) { Ok(Self::of(&bytes)) } else { Err(BadSecret) }
    }

    /// As it is shown to whoever verifies.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The signature of one try; `seconds` is when it is made, since the Unix epoch.
    pub fn sign(&self, id: &str, seconds: u64, body: &str) -> String {
        let signed = format!("{id}.{seconds}.{body}");
        format!("v1,{}", BASE64_STANDARD.encode(hmac::sign(&self.key, signed.as_bytes())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_the_specification_is_signed_as_there() {
        let secret = Secret::parse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").expect("a secret");
        let signature = secret.sign("msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, r#"{"test": 2432232314}"#);
        assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn a_secret_survives_its_text_and_no_other_text_is_one() {
        let secret = Secret::random();
        let again = Secret::parse(secret.as_str()).expect("a secret");
        assert_eq!(again.sign("id", 1, "{}"), secret.sign("id", 1, "{}"));
        assert_ne!(Secret::random().as_str(), secret.as_str());
        assert_eq!(format!("{secret:?}"), "Secret(..)");
        for text in ["", "whsec_", "whsec_AAAA", "whsec_!", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"] {
            assert!(Secret::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn the_official_library_verifies_it() {
        let secret = Secret::random();
        let now = std::time::UNIX_EPOCH.elapsed().expect("after the epoch").as_secs();
        let body = r#"{"id":"evt_1","type":"participant.left"}"#;
        let headers = |signature: String| {
            let mut headers = http::HeaderMap::new();
            let entries = [("webhook-id", "evt_1".to_owned()), ("webhook-timestamp", now.to_string())];
            for (name, value) in entries.into_iter().chain([("webhook-signature", signature)]) {
                headers.insert(name, value.parse().expect("a value"));
            }
            headers
        };
        let library = standardwebhooks::Webhook::new(secret.as_str()).expect("the library takes the secret");
        let signature = secret.sign("evt_1", now, body);
        library.verify(body.as_bytes(), &headers(signature.clone())).expect("verified");
        let both = format!("{} {signature}", Secret::random().sign("evt_1", now, body));
        library.verify(body.as_bytes(), &headers(both)).expect("one of two is enough");
        assert!(library.verify(b"{}", &headers(signature)).is_err(), "another body");
    }
}
