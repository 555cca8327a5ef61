//! One participant.

use domain::ports::Members;
use domain::{Participant, Result, SessionId, UserId};

use crate::{Store, keys, records};

impl Members for Store {
    /// Whoever left or was released may still be found after `expiresAt`; their membership says that they are no longer
    /// there.
    async fn member(&self, session: SessionId, user: UserId) -> Result<Option<Participant>> {
        self.get_item(keys::participant(session, user), true).await?.map(records::participant).transpose()
    }

    async fn member_hint(&self, session: SessionId, user: UserId) -> Result<Option<Participant>> {
        self.get_item(keys::participant(session, user), false).await?.map(records::participant).transpose()
    }
}
