//! The secrets of webhook endpoints, sealed while they are kept: signing takes the secret itself.

use std::fmt;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;

use crate::random;
use crate::secrets::{Key, KeyRing, Purpose, Secrets};

/// What a seal begins with: its form.
const VERSION: &str = "v1";

/// Seals texts with AES-256-GCM (NIST SP 800-38D) under a key derived from the deployment's secret.
#[derive(Clone)]
pub struct WebhookSealer(KeyRing);

impl WebhookSealer {
    /// With a key of its own, derived from the secrets.
    pub fn new(secrets: &Secrets) -> Self {
        Self(secrets.keys(Purpose::Webhook))
    }

    /// The text as it is kept with that endpoint; it opens for no other one: `v1.<sealing key>.<nonce, ciphertext and tag>`.
    pub fn seal(&self, endpoint: &str, text: &str) -> String {
        let key = &self.0.current;
        let nonce = random::bytes::<NONCE_LEN>();
        let mut sealed = text.as_bytes().to_vec();
        cipher(key)
            .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(endpoint), &mut sealed)
            .expect("a secret is shorter than what AES-GCM takes");
        format!("{VERSION}.{}.{}", key.kid, BASE64_URL_SAFE_NO_PAD.encode([nonce.as_slice(), &sealed].concat()))
    }

    /// The text, unless the seal is another endpoint's, was changed, or is of a deployment secret that is gone.
    pub fn open(&self, endpoint: &str, sealed: &str) -> Option<String> {
        let (kid, sealed) = sealed.strip_prefix(VERSION)?.strip_prefix('.')?.split_once('.')?;
        let key = self.0.find(kid)?;
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(sealed).ok()?;
        let (nonce, text) = bytes.split_first_chunk::<NONCE_LEN>()?;
        let (nonce, mut text) = (Nonce::assume_unique_for_key(*nonce), text.to_vec());
        let opened = cipher(key).open_in_place(nonce, Aad::from(endpoint), &mut text).ok()?;
        String::from_utf8(opened.to_vec()).ok()
    }
}

fn cipher(key: &Key) -> LessSafeKey {
    LessSafeKey::new(UnboundKey::new(&AES_256_GCM, key.encoding.as_bytes()).expect("a derived key has 32 bytes"))
}

impl fmt::Debug for WebhookSealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WebhookSealer(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples::{before_rotation, rotated, secrets, tampered};

    #[test]
    fn a_text_opens_for_its_own_endpoint_alone() {
        let sealer = WebhookSealer::new(&secrets());
        let sealed = sealer.seal("one", "whsec_x");
        assert_eq!(sealer.open("one", &sealed).as_deref(), Some("whsec_x"));
        assert_eq!(sealer.open("other", &sealed), None);
        assert!(!sealed.contains("whsec"));
        assert_ne!(sealer.seal("one", "whsec_x"), sealed, "a nonce of its own");
        assert_eq!(format!("{sealer:?}"), "WebhookSealer(..)");
    }

    #[test]
    fn a_changed_seal_does_not_open() {
        let sealer = WebhookSealer::new(&secrets());
        let sealed = sealer.seal("one", "whsec_x");
        for at in 0..sealed.len() {
            assert_eq!(sealer.open("one", &tampered(&sealed, at)), None, "{at}");
        }
        for junk in ["", "v1", "v1.", "v1..", "v1.x.y", "v2.x.y"] {
            assert_eq!(sealer.open("one", junk), None, "{junk}");
        }
    }

    #[test]
    fn a_rotation_keeps_seals_until_the_old_secret_is_dropped() {
        let sealed = WebhookSealer::new(&before_rotation()).seal("one", "whsec_x");
        assert!(WebhookSealer::new(&rotated()).open("one", &sealed).is_some());
        assert_eq!(WebhookSealer::new(&secrets()).open("one", &sealed), None);
    }
}
