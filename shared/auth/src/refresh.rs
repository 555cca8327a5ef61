//! Refresh tokens: opaque to clients, known to the table by a hash alone.

use aws_lc_rs::{digest, hmac};
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use domain::ports::{MintedRefresh, PresentedRefresh, RefreshMint, RefreshSecret};
use domain::{FamilyId, UserId};

use crate::secrets::{Purpose, Secrets};

/// Makes and reads refresh tokens: base64url of the user (16 bytes), the family (16 bytes) and a random secret
/// (32 bytes). The secret has 256 random bits, so a fast hash keeps it as safe as a slow one would.
///
/// The first token of a family is random. The successor of a token is computed from it with a key of the deployment, so
/// that presenting it twice leads to the same successor, and yet nobody who has a token knows the ones after it.
#[derive(Clone)]
pub struct RefreshTokens {
    key: hmac::Key,
}

impl RefreshTokens {
    /// With a key of their own, derived from the secret.
    pub fn new(secrets: &Secrets) -> Self {
        let key = secrets.keys(Purpose::Refresh).current;
        Self { key: hmac::Key::new(hmac::HMAC_SHA256, key.encoding.as_bytes()) }
    }

    /// What a token names and what proves it; `None` for what was never one of ours.
    pub fn parse(token: &str) -> Option<PresentedRefresh> {
        let bytes: [u8; 64] = BASE64_URL_SAFE_NO_PAD.decode(token).ok()?.try_into().ok()?;
        let (user, rest) = bytes.split_first_chunk()?;
        let (family, secret) = rest.split_first_chunk()?;
        Some(PresentedRefresh {
            user: UserId::from_bytes(*user).ok()?,
            family: FamilyId::from_bytes(*family).ok()?,
            hash: hash(secret),
            secret: RefreshSecret(secret.try_into().ok()?),
        })
    }
}

impl RefreshMint for RefreshTokens {
    fn mint(&self, user: UserId, family: FamilyId) -> MintedRefresh {
        minted(user, family, &crate::random::bytes::<32>())
    }

    fn successor(&self, presented: &PresentedRefresh) -> MintedRefresh {
        let (user, family) = (presented.user, presented.family);
        let made_of = [user.as_bytes().as_slice(), family.as_bytes(), &presented.secret.0].concat();
        minted(user, family, hmac::sign(&self.key, &made_of).as_ref())
    }
}

impl std::fmt::Debug for RefreshTokens {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("RefreshTokens(..)")
    }
}

fn minted(user: UserId, family: FamilyId, secret: &[u8]) -> MintedRefresh {
    let token = [user.as_bytes().as_slice(), family.as_bytes(), secret].concat();
    MintedRefresh { token: BASE64_URL_SAFE_NO_PAD.encode(token), hash: hash(secret) }
}

fn hash(secret: &[u8]) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, secret))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::samples::{before_rotation, family_id, junk, secrets, tampered, user_id};

    fn tokens() -> RefreshTokens {
        RefreshTokens::new(&secrets())
    }

    #[test]
    fn a_token_names_its_user_and_family_and_hashes_to_what_the_table_keeps() {
        let minted = tokens().mint(user_id(), family_id());
        let presented = RefreshTokens::parse(&minted.token).expect("one of ours");
        assert_eq!((presented.user, presented.family, &presented.hash), (user_id(), family_id(), &minted.hash));
        assert!(!minted.token.contains(&minted.hash));
    }

    #[test]
    fn the_layout_and_the_hash_are_those_of_tokens_in_use() {
        // The ids of the samples, then the bytes 0 to 31; their SHA-256.
        let token = "AaHtXIYAcACAAAAAAAAAAQGh7VyGAHAAgAAAAAAAAAIAAQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHw";
        let presented = RefreshTokens::parse(token).expect("one of ours");
        assert_eq!((presented.user, presented.family), (user_id(), family_id()));
        assert_eq!(presented.hash, "Yw3NKWbEM2aRElRIu7JbT_QSpJxzLbLIq8G4WBvXEN0");
    }

    #[test]
    fn a_token_has_one_successor_which_only_the_deployment_can_make() {
        let first = RefreshTokens::parse(&tokens().mint(user_id(), family_id()).token).expect("one of ours");
        let [one, again] = [tokens(), tokens()].map(|tokens| tokens.successor(&first));
        let elsewhere = RefreshTokens::new(&before_rotation()).successor(&first);
        assert_eq!(one.token, again.token);
        assert!(one.token != elsewhere.token && one.hash != first.hash);
        let second = RefreshTokens::parse(&one.token).expect("one of ours");
        assert_eq!((second.user, second.family, &second.hash), (first.user, first.family, &one.hash));
        assert_ne!(tokens().successor(&second).token, one.token);
        assert_eq!(format!("{:?} {:?}", tokens(), first.secret), "RefreshTokens(..) RefreshSecret(..)");
    }

    #[test]
    fn no_two_tokens_have_the_same_secret() {
        let [one, other] = [(), ()].map(|()| tokens().mint(user_id(), family_id()));
        assert_ne!(one.hash, other.hash);
    }

    proptest! {
        #[test]
        fn junk_is_not_a_token(text in junk()) {
            prop_assert_eq!(RefreshTokens::parse(&text), None);
        }

        #[test]
        fn any_change_names_or_proves_something_else(at in any::<usize>()) {
            let minted = tokens().mint(user_id(), family_id());
            let good = RefreshTokens::parse(&minted.token);
            prop_assert_ne!(RefreshTokens::parse(&tampered(&minted.token, at)), good);
        }
    }
}
