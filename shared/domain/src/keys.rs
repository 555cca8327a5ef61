//! What an operator does with API keys: creating, listing, disabling, and sealing them anew after the deployment's secret changed.

use crate::ports::{KeyAdministration, KeyMint};
use crate::{AppKey, Context, Error, KeyId, KeyLimits, ProjectId, Result, Timestamp};

/// What an operator wants a key to be.
#[derive(Debug)]
pub struct NewKey {
    /// Whose it is.
    pub project: ProjectId,
    /// What it is restricted to.
    pub limits: KeyLimits,
    /// Whether a join makes the room that it names.
    pub auto_create: bool,
}

/// Creates a key; it and its secret, which is shown this once.
pub async fn create(
    store: &(impl KeyAdministration + Sync),
    mint: &impl KeyMint,
    context: Context<'_>,
    new: NewKey,
) -> Result<(AppKey, String)> {
    if new.limits.ends_at.is_some_and(|end| end <= context.now) {
        return Err(Error::field("endsAt", "must be in the future"));
    }
    let minted = mint.mint_key();
    let key = AppKey {
        id: minted.id,
        project: new.project,
        sealed: minted.sealed,
        created_at: context.now,
        disabled_at: None,
        limits: new.limits,
        auto_create: new.auto_create,
    };
    let added = store.add_key(&key).await?;
    added.then_some((key, minted.secret)).ok_or_else(|| Error::Internal("a new key's identifier is taken".into()))
}

/// The keys of a project, or of all.
pub async fn list(store: &(impl KeyAdministration + Sync), project: Option<&ProjectId>) -> Result<Vec<AppKey>> {
    store.keys(project).await
}

/// Disables a key: within 30 s nothing of it is accepted any more. One that is disabled stays so.
pub async fn disable(store: &(impl KeyAdministration + Sync), id: &KeyId, now: Timestamp) -> Result<()> {
    let known = store.disable_key(id, now).await?;
    known.then_some(()).ok_or_else(|| Error::field("key", "is not known"))
}

/// Seals every secret under the deployment's current secret that still is under the previous one; how many. Before the previous
/// one is dropped, because nothing opens with it any more then. Safe to run again.
pub async fn reseal(store: &(impl KeyAdministration + Sync), mint: &impl KeyMint) -> Result<usize> {
    let mut count = 0;
    for key in store.keys(None).await? {
        if let Some(sealed) = mint.seal_anew(&key)? {
            store.reseal(&key, &sealed).await?;
            count += 1;
        }
    }
    Ok(count)
}
