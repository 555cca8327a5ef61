//! The deployment's secret, and the keys derived from it.

use std::fmt;

use aws_lc_rs::{constant_time, hkdf};
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use jsonwebtoken::{DecodingKey, EncodingKey};

/// The length of every derived key, in bytes: what HMAC-SHA256 takes without loss (RFC 7518, section 3.2).
const KEY_BYTES: usize = 32;

/// The length of a key's public name, in bytes before base64.
const KID_BYTES: usize = 8;

/// Why a text cannot be a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SecretError {
    /// A secret that could be guessed.
    #[error("the {which} secret has {length} bytes; it must have at least {}", Secrets::MIN_BYTES)]
    TooShort {
        /// `current` or `previous`.
        which: &'static str,
        /// Its length in bytes.
        length: usize,
    },
}

/// The secret that signs, and the one that signed before it and is still accepted.
#[derive(Clone)]
pub struct Secrets {
    current: String,
    previous: Option<String>,
}

/// Whether two secrets are the same, in a time that does not tell where they differ.
pub fn same_secret(one: &str, other: &str) -> bool {
    constant_time::verify_slices_are_equal(one.as_bytes(), other.as_bytes()).is_ok()
}

impl Secrets {
    /// The shortest secret, in bytes of its text.
    pub const MIN_BYTES: usize = 32;

    /// Takes secrets as they are configured. They are used byte for byte: nothing is trimmed or decoded.
    pub fn parse(current: &str, previous: Option<&str>) -> Result<Self, SecretError> {
        let current = long_enough("current", current)?;
        let previous = previous.map(|text| long_enough("previous", text)).transpose()?;
        Ok(Self { current, previous })
    }

    /// The keys for one use; no key tells anything about the keys of another use.
    pub(crate) fn keys(&self, purpose: Purpose) -> KeyRing {
        KeyRing {
            current: Key::derive(&self.current, purpose),
            previous: self.previous.as_deref().map(|secret| Key::derive(secret, purpose)),
        }
    }
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secrets(..)")
    }
}

fn long_enough(which: &'static str, text: &str) -> Result<String, SecretError> {
    let length = text.len();
    (length >= Secrets::MIN_BYTES).then(|| text.to_owned()).ok_or(SecretError::TooShort { which, length })
}

/// What a key is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// Access tokens.
    Access,
    /// Signaling tickets.
    Ticket,
    /// Guests' tokens.
    Guest,
    /// The successors of refresh tokens.
    Refresh,
    /// The secrets of API keys, as they are kept.
    Seal,
    /// The secrets of webhook endpoints, as they are kept.
    Webhook,
}

impl Purpose {
    /// The context of the derivation (HKDF's `info`). A change makes every token in use invalid.
    fn info(self) -> &'static str {
        match self {
            Self::Access => "TunRTC v1 access",
            Self::Ticket => "TunRTC v1 ticket",
            Self::Guest => "TunRTC v1 guest",
            Self::Refresh => "TunRTC v1 refresh",
            Self::Seal => "TunRTC v1 seal",
            Self::Webhook => "TunRTC v1 webhook",
        }
    }
}

/// A key that signs and verifies, and its public name.
#[derive(Clone)]
pub(crate) struct Key {
    pub(crate) kid: String,
    pub(crate) encoding: EncodingKey,
    pub(crate) decoding: DecodingKey,
}

impl Key {
    /// HKDF-SHA256 (RFC 5869). The name is derived beside the key, so it gives nothing of it away.
    fn derive(secret: &str, purpose: Purpose) -> Self {
        let mut derived = [0; KEY_BYTES + KID_BYTES];
        hkdf::Salt::new(hkdf::HKDF_SHA256, b"TunRTC")
            .extract(secret.as_bytes())
            .expand(&[purpose.info().as_bytes()], DerivedBytes)
            .and_then(|okm| okm.fill(&mut derived))
            .expect("HKDF-SHA256 gives up to 8,160 bytes");
        let (key, kid) = derived.split_at(KEY_BYTES);
        Self {
            kid: BASE64_URL_SAFE_NO_PAD.encode(kid),
            encoding: EncodingKey::from_secret(key),
            decoding: DecodingKey::from_secret(key),
        }
    }
}

/// How much [`Key::derive`] asks for.
struct DerivedBytes;

impl hkdf::KeyType for DerivedBytes {
    fn len(&self) -> usize {
        KEY_BYTES + KID_BYTES
    }
}

/// The keys of one use: the one that signs, and the ones that verify.
#[derive(Clone)]
pub(crate) struct KeyRing {
    pub(crate) current: Key,
    previous: Option<Key>,
}

impl KeyRing {
    /// The key of that name.
    pub(crate) fn find(&self, kid: &str) -> Option<&Key> {
        std::iter::once(&self.current).chain(&self.previous).find(|key| key.kid == kid)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples::{OLD_SECRET, SECRET, before_rotation, rotated, secrets};

    #[test]
    fn a_short_secret_is_refused_by_name() {
        let error = Secrets::parse(&"x".repeat(31), None).expect_err("31 bytes");
        assert_eq!(error.to_string(), "the current secret has 31 bytes; it must have at least 32");
        let error = Secrets::parse(SECRET, Some("old")).expect_err("3 bytes");
        assert_eq!(error, SecretError::TooShort { which: "previous", length: 3 });
        assert!(Secrets::parse(&"ü".repeat(16), None).is_ok(), "bytes count, not characters");
    }

    #[test]
    fn each_use_and_each_secret_has_its_own_key() {
        let keys = [
            secrets().keys(Purpose::Access).current,
            secrets().keys(Purpose::Ticket).current,
            secrets().keys(Purpose::Refresh).current,
            secrets().keys(Purpose::Seal).current,
            secrets().keys(Purpose::Webhook).current,
            before_rotation().keys(Purpose::Access).current,
            before_rotation().keys(Purpose::Ticket).current,
        ];
        for (i, one) in keys.iter().enumerate() {
            for other in &keys[i + 1..] {
                assert_ne!(one.kid, other.kid);
                assert_ne!(one.encoding.as_bytes(), other.encoding.as_bytes());
            }
        }
    }

    #[test]
    fn a_name_finds_the_current_and_the_previous_key_alone() {
        let ring = rotated().keys(Purpose::Access);
        let old = before_rotation().keys(Purpose::Access).current;
        let kid = ring.current.kid.as_str();
        assert_eq!(ring.find(kid).map(|key| key.kid.as_str()), Some(kid));
        assert_eq!(ring.find(&old.kid).map(|key| key.encoding.as_bytes()), Some(old.encoding.as_bytes()));
        assert!(ring.find("").is_none());
        assert!(secrets().keys(Purpose::Access).find(&old.kid).is_none());
    }

    #[test]
    fn secrets_do_not_show_in_debug_output() {
        let shown = format!("{:?} {:?}", rotated(), crate::Tokens::new(&rotated()));
        assert_eq!(shown, "Secrets(..) Tokens(Signer(TunRTC.Users, ..))");
        assert!(!shown.contains(SECRET) && !shown.contains(OLD_SECRET));
    }
}
