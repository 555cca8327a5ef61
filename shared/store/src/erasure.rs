//! What is left of an account, deleted.

use domain::ports::{Counted, Erasures, Log};
use domain::{Email, Membership, Result, SessionId, UserId};

use crate::items::{Item, text};
use crate::keys::{self, Key};
use crate::{Store, words};

/// Whatever keeps what was said.
const LOGS: [Log; 2] = [Log::Chat, Log::Captions];

impl Erasures for Store {
    async fn created_by(&self, user: UserId) -> Result<Vec<SessionId>> {
        let created = self.keys_between(keys::user_partition(user), keys::created_sessions()).await?;
        Ok(created.iter().filter_map(|key| keys::created_of(&key.sk)).collect())
    }

    async fn erase_session(&self, creator: UserId, session: SessionId) -> Result<()> {
        let (meta, participants): (Vec<Key>, Vec<Key>) = self
            .keys_of(keys::session_partition(session))
            .await?
            .into_iter()
            .partition(|key| keys::participant_of(&key.sk).is_none());
        self.delete_all(participants).await?;
        for log in LOGS {
            self.delete_all(self.keys_of(keys::log_partition(session, log)).await?).await?;
        }
        self.delete_all(self.keys_of(keys::abouts_partition(session)).await?).await?;
        self.delete_all(self.keys_of(keys::inbox_partition(session, creator)).await?).await?;
        self.delete_all(vec![keys::metadata(session)]).await?;
        self.delete_all(meta).await?;
        self.delete_item(keys::created(creator, session)).await
    }

    async fn erase_traces(&self, user: UserId, session: SessionId) -> Result<()> {
        for log in LOGS {
            let said = self
                .query()
                .key_condition_expression("pk = :log")
                .filter_expression("authorId = :user")
                .expression_attribute_values(":log", text(keys::log_partition(session, log)))
                .expression_attribute_values(":user", text(user.to_string()));
            self.delete_all(self.keys_in(said).await?).await?;
        }
        self.delete_all(self.keys_of(keys::inbox_partition(session, user)).await?).await?;
        self.delete_item(keys::about(session, user)).await?;
        let seated = text(words::membership::of(Membership::Seated));
        let values = Item::from([(":seated".to_owned(), seated)]);
        let not_seated = "attribute_not_exists(pk) OR membership <> :seated";
        let took_part = self.deleting(keys::participant(session, user), not_seated, values)?;
        let visited = self.removing(keys::visit(user, session))?;
        // Refused when a seat was taken meanwhile: that is found by the note.
        self.transact(vec![took_part, visited]).await.map(drop)
    }

    async fn erase_records(&self, user: UserId) -> Result<()> {
        let mut records = self.keys_of(keys::user_partition(user)).await?;
        records.retain(|Key { sk, .. }| {
            !keys::is_profile(sk) && keys::visit_of(sk).is_none() && keys::created_of(sk).is_none()
        });
        let counted = [Counted::WrongPasswordsOf(user), Counted::SessionsOf(user), Counted::TicketsOf(user)];
        records.extend(counted.iter().map(keys::counter));
        self.delete_all(records).await
    }

    async fn erase_failed_logins(&self, email: &Email) -> Result<()> {
        self.delete_item(keys::counter(&Counted::FailedLoginsOfAccount(email.key()))).await
    }
}
