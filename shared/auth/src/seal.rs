//! The secrets of API keys: made here, and sealed while they are kept, because checking a signature takes the secret itself.

use std::fmt;

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use domain::ports::{KeyMint, MintedKey};
use domain::{AppKey, Error, KeyId, Result};

use crate::random;
use crate::sealing::Sealing;
use crate::secrets::{Purpose, Secrets};

/// The digits of base62, of which key identifiers are made.
const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

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

/// Seals secrets of API keys.
#[derive(Clone)]
pub struct Sealer(Sealing);

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
        Self(Sealing::new(secrets, Purpose::Seal))
    }

    /// The secret as it is kept with its key, and opens for no other one.
    pub fn seal(&self, id: &KeyId, secret: &KeySecret) -> String {
        self.0.seal(id.as_str(), secret.reveal())
    }

    /// The secret of that key, unless the seal is another one's or of a deployment secret that is gone.
    pub fn open(&self, id: &KeyId, sealed: &str) -> Option<Opened> {
        let opened = self.0.open(id.as_str(), sealed)?;
        Some(Opened { secret: KeySecret(opened.text), is_current: opened.is_current })
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

impl fmt::Debug for Sealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sealer(..)")
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::samples::{before_rotation, rotated, secrets};

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
    fn a_key_is_sealed_anew_after_a_rotation_and_left_alone_otherwise() {
        let (before, after) = (Sealer::new(&before_rotation()), Sealer::new(&rotated()));
        let opened = after.open(&id(), &before.seal(&id(), &KeySecret::new("kept"))).expect("the previous secret");
        assert!(!opened.is_current && opened.secret.reveal() == "kept");
        assert!(after.open(&id(), &after.seal(&id(), &opened.secret)).is_some_and(|opened| opened.is_current));
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
