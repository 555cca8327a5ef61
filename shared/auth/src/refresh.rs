//! Refresh tokens: opaque to clients, known to the table by a hash alone.

use aws_lc_rs::digest;
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use domain::ports::{MintedRefresh, PresentedRefresh, RefreshMint};
use domain::{FamilyId, UserId};

/// Makes and reads refresh tokens: base64url of the user (16 bytes), the family (16 bytes) and a random secret
/// (32 bytes). The secret has 256 random bits, so a fast hash keeps it as safe as a slow one would.
#[derive(Debug, Clone, Copy, Default)]
pub struct RefreshTokens;

impl RefreshTokens {
    /// What a token names and what proves it; `None` for what was never one of ours.
    pub fn parse(token: &str) -> Option<PresentedRefresh> {
        let bytes: [u8; 64] = BASE64_URL_SAFE_NO_PAD.decode(token).ok()?.try_into().ok()?;
        let (user, rest) = bytes.split_first_chunk()?;
        let (family, secret) = rest.split_first_chunk()?;
        Some(PresentedRefresh {
            user: UserId::from_bytes(*user).ok()?,
            family: FamilyId::from_bytes(*family).ok()?,
            hash: hash(secret),
        })
    }
}

impl RefreshMint for RefreshTokens {
    fn mint(&self, user: UserId, family: FamilyId) -> MintedRefresh {
        let secret = crate::random::bytes::<32>();
        let token = [user.as_bytes().as_slice(), family.as_bytes(), &secret].concat();
        MintedRefresh { token: BASE64_URL_SAFE_NO_PAD.encode(token), hash: hash(&secret) }
    }
}

fn hash(secret: &[u8]) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, secret))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::samples::{family_id, junk, tampered, user_id};

    #[test]
    fn a_token_names_its_user_and_family_and_hashes_to_what_the_table_keeps() {
        let minted = RefreshTokens.mint(user_id(), family_id());
        let expected = PresentedRefresh { user: user_id(), family: family_id(), hash: minted.hash.clone() };
        assert_eq!(RefreshTokens::parse(&minted.token), Some(expected));
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
    fn no_two_tokens_have_the_same_secret() {
        let [one, other] = [(), ()].map(|()| RefreshTokens.mint(user_id(), family_id()));
        assert_ne!(one.hash, other.hash);
    }

    proptest! {
        #[test]
        fn junk_is_not_a_token(text in junk()) {
            prop_assert_eq!(RefreshTokens::parse(&text), None);
        }

        #[test]
        fn any_change_names_or_proves_something_else(at in any::<usize>()) {
            let minted = RefreshTokens.mint(user_id(), family_id());
            let good = RefreshTokens::parse(&minted.token);
            prop_assert_ne!(RefreshTokens::parse(&tampered(&minted.token, at)), good);
        }
    }
}
