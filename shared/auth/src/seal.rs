//! The secrets of API keys: made here, and sealed while they are kept, because checking a signature takes the secret itself.

use std::fmt;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use domain::ports::{KeyMint, MintedKey};
use domain::{AppKey, Error, KeyId, Result};

use crate::random;
use crate::secrets::{Key, KeyRing, Purpose, Secrets};

/// The digits of base62, of which key identifiers are made.
const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
/// What a seal begins with: its form.
const VERSION: &str = "v1";

/// The secret of an API key; never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct KeySecret(String);

impl KeySecret {
    /// What a local server's key for trying has. Public, and so good for nothing else.
    pub const DEVELOPMENT: &str = "tunrtc-development-secret-0123456789";

    /// A new one: 32 random bytes in base64url, 43 characters.
    pub fn random() -> Self {
        Self(BASE64_URL_SAFE_NO_PAD.encode(random::bytes::<32>()))
    }

    /// One that is known.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text, for signing and for the one time that it is shown.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for KeySecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeySecret(..)")
    }
}

/// A new key's identifier.
pub fn random_key_id() -> KeyId {
    let mut id = "TK".to_owned();
    while id.len() < 2 + KeyId::RANDOM {
        // What is left of a byte above four times 62 would make some characters more frequent than others.
        let [byte] = random::bytes::<1>();
        if usize::from(byte) < 4 * BASE62.len() {
            id.push(char::from(BASE62[usize::from(byte) % BASE62.len()]));
        }
    }
    KeyId::parse(&id).expect("that is how they are made")
}

/// Seals secrets with AES-256-GCM (NIST SP 800-38D) under a key derived from the deployment's secret.
#[derive(Clone)]
pub struct Sealer(KeyRing);

/// A secret that was sealed.
pub struct Opened {
    /// The secret.
    pub secret: KeySecret,
    /// Whether it was sealed under the deployment's current secret.
    pub is_current: bool,
}

impl Sealer {
    /// With a key of its own, derived from the secrets.
    pub fn new(secrets: &Secrets) -> Self {
        Self(secrets.keys(Purpose::Seal))
    }

    /// The secret as it is kept with its key, and opens for no other one: `v1.<sealing key>.<nonce, ciphertext and tag>`.
    pub fn seal(&self, id: &KeyId, secret: &KeySecret) -> String {
        let key = &self.0.current;
        let nonce = random::bytes::<NONCE_LEN>();
        let mut text = secret.0.as_bytes().to_vec();
        cipher(key)
            .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(id.as_str()), &mut text)
            .expect("a secret is shorter than what AES-GCM takes");
        format!("{VERSION}.{}.{}", key.kid, BASE64_URL_SAFE_NO_PAD.encode([nonce.as_slice(), &text].concat()))
    }

    /// The secret of that key, unless the seal is another one's or of a deployment secret that is gone.
    pub fn open(&self, id: &KeyId, sealed: &str) -> Option<Opened> {
        let (kid, sealed) = sealed.strip_prefix(VERSION)?.strip_prefix('.')?.split_once('.')?;
        let key = self.0.find(kid)?;
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(sealed).ok()?;
        let (nonce, text) = bytes.split_first_chunk::<NONCE_LEN>()?;
        let mut text = text.to_vec();
        let aad = Aad::from(id.as_str());
        let opened = cipher(key).open_in_place(Nonce::assume_unique_for_key(*nonce), aad, &mut text).ok()?;
        let secret = KeySecret(String::from_utf8(opened.to_vec()).ok()?);
        Some(Opened { secret, is_current: kid == self.0.current.kid })
    }
}

impl KeyMint for Sealer {
    fn mint_key(&self) -> MintedKey {
        let (id, secret) = (random_key_id(), KeySecret::random());
        MintedKey { sealed: self.seal(&id, &secret), secret: secret.reveal().to_owned(), id }
    }

    fn seal_anew(&self, key: &AppKey) -> Result<Option<String>> {
        let gone = || Error::Internal("an API key is sealed under a secret that is gone".into());
        let opened = self.open(&key.id, &key.sealed).ok_or_else(gone)?;
        Ok((!opened.is_current).then(|| self.seal(&key.id, &opened.secret)))
    }
}

fn cipher(key: &Key) -> LessSafeKey {
    LessSafeKey::new(UnboundKey::new(&AES_256_GCM, key.encoding.as_bytes()).expect("a derived key has 32 bytes"))
}

impl fmt::Debug for Sealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sealer(..)")
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::samples::{before_rotation, rotated, secrets, tampered};

    fn id() -> KeyId {
        KeyId::parse("TK0123456789abcdefghijAB").expect("well formed")
    }

    #[test]
    fn a_secret_opens_for_its_own_key_alone() {
        let (sealer, secret) = (Sealer::new(&secrets()), KeySecret::random());
        let sealed = sealer.seal(&id(), &secret);
        let opened = sealer.open(&id(), &sealed).expect("its own");
        assert!(opened.secret == secret && opened.is_current);
        assert!(sealer.open(&random_key_id(), &sealed).is_none(), "another key's");
        assert!(!sealed.contains(secret.reveal()));
        assert_ne!(sealer.seal(&id(), &secret), sealed, "a nonce of its own");
        assert_eq!(secret.reveal().len(), 43);
    }

    #[test]
    fn a_changed_seal_does_not_open() {
        let sealer = Sealer::new(&secrets());
        let sealed = sealer.seal(&id(), &KeySecret::random());
        for at in 0..sealed.len() {
            let changed = tampered(&sealed, at);
            assert!(sealer.open(&id(), &changed).is_none(), "{changed}");
        }
        for junk in ["", "v1", "v1.", "v1..", "v1.x.y", "v2.x.y"] {
            assert!(sealer.open(&id(), junk).is_none(), "{junk}");
        }
    }

    #[test]
    fn a_rotation_keeps_seals_until_the_old_secret_is_dropped() {
        let (before, after) = (Sealer::new(&before_rotation()), Sealer::new(&rotated()));
        let sealed = before.seal(&id(), &KeySecret::new("kept"));
        let opened = after.open(&id(), &sealed).expect("the previous secret");
        assert!(!opened.is_current && opened.secret.reveal() == "kept");
        let anew = after.seal(&id(), &opened.secret);
        let without = Sealer::new(&secrets());
        assert!(without.open(&id(), &sealed).is_none());
        assert!(without.open(&id(), &anew).is_some_and(|opened| opened.is_current));
    }

    #[test]
    fn identifiers_are_well_formed_and_different() {
        let ids: HashSet<_> = (0..200).map(|_| random_key_id()).collect();
        assert_eq!(ids.len(), 200);
    }

    #[test]
    fn secrets_do_not_show_in_debug_output() {
        let shown = format!("{:?} {:?}", KeySecret::new("a secret"), Sealer::new(&secrets()));
        assert_eq!(shown, "KeySecret(..) Sealer(..)");
    }
}
