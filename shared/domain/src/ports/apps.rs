//! What apps need from storage: their keys, and whose tokens they have taken back.

use crate::{AppKey, KeyId, ProjectId, Result, Timestamp, UserId};

/// Finds API keys.
pub trait Keys {
    /// The key of that identifier, disabled ones too. It may be a little old.
    fn key(&self, id: &KeyId) -> impl Future<Output = Result<Option<AppKey>>> + Send;
}

/// What an operator does with API keys.
pub trait KeyAdministration {
    /// Keeps a new key; false when there is one of that identifier.
    fn add_key(&self, key: &AppKey) -> impl Future<Output = Result<bool>> + Send;
    /// The keys of a project, or of all, oldest first. Operators make them one by one, so all fit into memory.
    fn keys(&self, project: Option<&ProjectId>) -> impl Future<Output = Result<Vec<AppKey>>> + Send;
    /// Marks a key as disabled from then on, unless it was before; false when there is none of that identifier.
    fn disable_key(&self, id: &KeyId, at: Timestamp) -> impl Future<Output = Result<bool>> + Send;
    /// Puts a key's secret that is sealed anew in the place of the old seal, if that still stands there.
    fn reseal(&self, key: &AppKey, sealed: &str) -> impl Future<Output = Result<()>> + Send;
}

/// Makes API keys, and seals their secrets.
pub trait KeyMint {
    /// A new key.
    fn mint_key(&self) -> MintedKey;
    /// The seal of a secret anew, if it is not the current one's already.
    ///
    /// # Errors
    /// `Internal` for a seal that does not open: the deployment's secret under which it was made is gone.
    fn seal_anew(&self, key: &AppKey) -> Result<Option<String>>;
}

/// A new API key: the secret for its owner, the seal for the table.
#[derive(Clone)]
pub struct MintedKey {
    /// Its identifier.
    pub id: KeyId,
    /// What its owner keeps; shown once.
    pub secret: String,
    /// What the table keeps.
    pub sealed: String,
}

/// Takes tokens back.
pub trait Revocations {
    /// Every token of that user that was minted before `before` is refused from now on. That is remembered until `keep_until`.
    fn revoke_tokens(
        &self,
        user: UserId,
        before: Timestamp,
        keep_until: Timestamp,
    ) -> impl Future<Output = Result<()>> + Send;
}
