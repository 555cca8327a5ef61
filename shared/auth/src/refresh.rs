//! Refresh tokens: opaque to clients, known to the table by a hash alone.

use aws_lc_rs::digest;
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use domain::accounts::{MintedRefresh, PresentedRefresh, RefreshMint};
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
