//! Handshakes: who may connect.

use crate::ports::{Admission, ConnectionLog, Families};
use crate::{Context, Error, Result};

/// Admits a connection, once per ticket, and notes who connected from where.
///
/// # Errors
/// `Forbidden` for a ticket that was used, `Unauthorized` for one whose login is over.
pub async fn admit(
    store: &(impl ConnectionLog + Families + Sync),
    context: Context<'_>,
    admission: &Admission,
) -> Result<()> {
    let Admission { user, family, ticket, .. } = *admission;
    if !store.is_live(user, family, context.now).await? {
        return Err(Error::Unauthorized);
    }
    let first_use = store.open(admission, context.now + context.policy.connection_log).await?;
    first_use.then_some(()).ok_or_else(|| Error::forbidden("the ticket was used before"))?;
    // Whoever ends logins does that first and looks for their connections then; so one of the two sees the other.
    if !store.is_live(user, family, context.now).await? {
        store.forget(user, ticket).await?;
        return Err(Error::Unauthorized);
    }
    Ok(())
}
