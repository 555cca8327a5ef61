//! Secrets that are kept sealed, because checking a signature, or making one, takes the secret itself: with AES-256-GCM
//! (NIST SP 800-38D), under a key derived from the deployment's secret.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;

use crate::random;
use crate::secrets::{Key, KeyRing, Purpose, Secrets};

/// What a seal begins with: its form.
const VERSION: &str = "v1";

/// Seals for one purpose: what is sealed for one never opens for another.
#[derive(Clone)]
pub(crate) struct Sealing(KeyRing);

/// A text that was sealed.
pub(crate) struct Unsealed {
    /// The text.
    pub(crate) text: String,
    /// Whether it was sealed under the deployment's current secret.
    pub(crate) is_current: bool,
}

impl Sealing {
    /// With a key of its own, derived from the secrets.
    pub(crate) fn new(secrets: &Secrets, purpose: Purpose) -> Self {
        Self(secrets.keys(purpose))
    }

    /// The text as it is kept with its owner, and opens for no other one: `v1.<sealing key>.<nonce, ciphertext and tag>`.
    pub(crate) fn seal(&self, owner: &str, text: &str) -> String {
        let key = &self.0.current;
        let nonce = random::bytes::<NONCE_LEN>();
        let mut sealed = text.as_bytes().to_vec();
        cipher(key)
            .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(owner), &mut sealed)
            .expect("a secret is shorter than what AES-GCM takes");
        format!("{VERSION}.{}.{}", key.kid, BASE64_URL_SAFE_NO_PAD.encode([nonce.as_slice(), &sealed].concat()))
    }

    /// The text of that owner, unless the seal is another one's, was changed, or is of a deployment secret that is gone.
    pub(crate) fn open(&self, owner: &str, sealed: &str) -> Option<Unsealed> {
        let (kid, sealed) = sealed.strip_prefix(VERSION)?.strip_prefix('.')?.split_once('.')?;
        let key = self.0.find(kid)?;
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(sealed).ok()?;
        let (nonce, text) = bytes.split_first_chunk::<NONCE_LEN>()?;
        let (nonce, mut text) = (Nonce::assume_unique_for_key(*nonce), text.to_vec());
        let opened = cipher(key).open_in_place(nonce, Aad::from(owner), &mut text).ok()?;
        Some(Unsealed { text: String::from_utf8(opened.to_vec()).ok()?, is_current: kid == self.0.current.kid })
    }
}

fn cipher(key: &Key) -> LessSafeKey {
    LessSafeKey::new(UnboundKey::new(&AES_256_GCM, key.encoding.as_bytes()).expect("a derived key has 32 bytes"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples::{before_rotation, rotated, secrets, tampered};

    fn sealing(secrets: &Secrets) -> Sealing {
        Sealing::new(secrets, Purpose::Seal)
    }

    #[test]
    fn a_text_opens_for_its_own_owner_and_purpose_alone() {
        let ours = sealing(&secrets());
        let sealed = ours.seal("one", "a secret");
        let opened = ours.open("one", &sealed).expect("its own");
        assert!(opened.text == "a secret" && opened.is_current);
        assert!(ours.open("other", &sealed).is_none());
        assert!(Sealing::new(&secrets(), Purpose::Webhook).open("one", &sealed).is_none());
        assert!(!sealed.contains("secret"));
        assert_ne!(ours.seal("one", "a secret"), sealed, "a nonce of its own");
    }

    #[test]
    fn a_changed_seal_does_not_open() {
        let ours = sealing(&secrets());
        let sealed = ours.seal("one", "a secret");
        for at in 0..sealed.len() {
            let changed = tampered(&sealed, at);
            assert!(ours.open("one", &changed).is_none(), "{changed}");
        }
        for junk in ["", "v1", "v1.", "v1..", "v1.x.y", "v2.x.y"] {
            assert!(ours.open("one", junk).is_none(), "{junk}");
        }
    }

    #[test]
    fn a_rotation_keeps_seals_until_the_old_secret_is_dropped() {
        let after = sealing(&rotated());
        let sealed = sealing(&before_rotation()).seal("one", "kept");
        let opened = after.open("one", &sealed).expect("the previous secret");
        assert!(!opened.is_current && opened.text == "kept");
        let without = sealing(&secrets());
        assert!(without.open("one", &sealed).is_none());
        assert!(without.open("one", &after.seal("one", "kept")).is_some_and(|opened| opened.is_current));
    }
}
