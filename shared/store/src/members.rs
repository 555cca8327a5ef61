//! One participant.

use aws_sdk_dynamodb::types::ReturnValue;
use domain::ports::Members;
use domain::{Participant, Result, SessionId, UserId};

use crate::items::{millis, text};
use crate::requests::Change;
use crate::{Store, keys, records, words};

impl Members for Store {
    /// Whoever left or was released may still be found after `expiresAt`; their membership says that they are no longer
    /// there.
    async fn member(&self, session: SessionId, user: UserId) -> Result<Option<Participant>> {
        self.get_item(keys::participant(session, user), true).await?.map(records::participant).transpose()
    }

    async fn told(&self, participant: &Participant) -> Result<()> {
        let Some(untold) = participant.untold else {
            return Ok(());
        };
        // Whoever left and came back has a newer time of joining.
        let condition = "untold = :untold AND joinedAt = :joined";
        let key = keys::participant(participant.session_id, participant.user_id);
        let change = Change::to(key, "REMOVE untold", condition)
            .with(":untold", text(words::untold::of(untold)))
            .with(":joined", millis(participant.joined_at));
        self.change(change, ReturnValue::None).await.map(drop)
    }

    async fn member_hint(&self, session: SessionId, user: UserId) -> Result<Option<Participant>> {
        self.get_item(keys::participant(session, user), false).await?.map(records::participant).transpose()
    }
}
