//! One participant.

use aws_sdk_dynamodb::types::ReturnValue;
use domain::ports::{About, Held, Members};
use domain::{Membership, Participant, Result, SessionId, Timestamp, Untold, UserId};

use crate::items::{Item, millis, number, text};
use crate::requests::Change;
use crate::{Store, about, keys, records, words};

impl Members for Store {
    /// Whoever was released may still be found after `expiresAt`; their membership says that they are no longer there.
    async fn member(&self, session: SessionId, user: UserId) -> Result<Option<Participant>> {
        self.get_item(keys::participant(session, user), true).await?.map(records::participant).transpose()
    }

    async fn told(&self, participant: &Participant, keep_until: Timestamp) -> Result<()> {
        match participant.untold {
            None => Ok(()),
            Some(untold @ (Untold::Join | Untold::Change)) => self.clear_note(participant, untold).await,
            Some(untold @ Untold::Departure(_)) => match self.keep_left(participant, keep_until).await? {
                true => self.take_out(participant, untold).await,
                // Without a note of the visit the participant itself remembers what it must, for as long.
                false => self.clear_note(participant, untold).await,
            },
        }
    }

    async fn was_left(&self, held: &Held) -> Result<bool> {
        self.keeps_unfenced(held).await
    }

    async fn note_waiting(&self, session: SessionId, user: UserId) -> Result<bool> {
        let key = keys::participant(session, user);
        let change = Change::to(key, "ADD waiting :one", "attribute_exists(catchingUp)").with(":one", number(1));
        Ok(self.change(change, ReturnValue::None).await?.is_done())
    }

    async fn about(&self, session: SessionId, user: UserId) -> Result<Option<About>> {
        self.get_item(keys::about(session, user), true).await?.map(about::read).transpose()
    }

    async fn member_hint(&self, session: SessionId, user: UserId) -> Result<Option<Participant>> {
        self.get_item(keys::participant(session, user), false).await?.map(records::participant).transpose()
    }
}

impl Store {
    async fn clear_note(&self, participant: &Participant, untold: Untold) -> Result<()> {
        // Whoever left and came back has a newer time of joining.
        let condition = "untold = :untold AND joinedAt = :joined";
        let key = keys::participant(participant.session_id, participant.user_id);
        let change = Change::to(key, "REMOVE untold", condition)
            .with(":untold", text(words::untold::of(untold)))
            .with(":joined", millis(participant.joined_at));
        self.change(change, ReturnValue::None).await.map(drop)
    }

    /// Takes somebody who left out of the session's roster.
    async fn take_out(&self, participant: &Participant, untold: Untold) -> Result<()> {
        // Whoever came back has been given a newer attempt.
        let condition = "membership = :left AND tickets = :tickets AND untold = :untold";
        let values = Item::from([
            (":left".to_owned(), text(words::membership::of(Membership::Left))),
            (":tickets".to_owned(), number(participant.tickets)),
            (":untold".to_owned(), text(words::untold::of(untold))),
        ]);
        self.delete_item_if(keys::participant(participant.session_id, participant.user_id), condition, values)
            .await
            .map(drop)
    }
}
