//! What is left of an account, deleted.

use std::collections::BTreeSet;

use domain::ports::{Counted, Erasures, Log};
use domain::quality::Listed;
use domain::{Email, Membership, ProjectId, Result, SessionId, UserId};

use crate::items::{Item, text};
use crate::keys::{self, Key};
use crate::{Store, words};

/// Whatever keeps what was said.
const LOGS: [Log; 2] = [Log::Chat, Log::Captions];

impl Erasures for Store {
    async fn created_by(&self, user: UserId) -> Result<Vec<SessionId>> {
        let created = self.keys_between(keys::user_partition(user), keys::created_sessions()).await?;
        let created = created.iter().filter_map(|key| keys::created_of(&key.sk));
        let hosted = self.keys_of(keys::hosted_partition(user)).await?;
        let hosted = hosted.iter().filter_map(|key| keys::run_of(&key.sk).map(|(session, _)| session));
        Ok(created.chain(hosted).collect::<BTreeSet<_>>().into_iter().collect())
    }

    async fn reported_by(&self, user: UserId) -> Result<Vec<SessionId>> {
        let reported = self.keys_between(keys::user_partition(user), keys::all_reported()).await?;
        Ok(reported.iter().filter_map(|key| keys::reported_of(&key.sk)).collect())
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
        self.delete_all(self.keys_of(keys::invites_partition(session)).await?).await?;
        self.delete_all(self.keys_of(keys::inbox_partition(session, creator)).await?).await?;
        self.delete_all(vec![keys::metadata(session)]).await?;
        self.erase_calls(creator, session).await?;
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
        self.erase_reports(user, session).await?;
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
            let leads_elsewhere = [keys::visit_of, keys::created_of, keys::reported_of, keys::recorded_of]
                .iter()
                .any(|of| of(sk).is_some());
            !keys::is_profile(sk) && !leads_elsewhere
        });
        let counted = [
            Counted::WrongPasswordsOf(user),
            Counted::SessionsOf(user),
            Counted::TicketsOf(user),
            Counted::TranscribeLinesOf(user),
            Counted::RecordingsOf(user),
        ];
        records.extend(counted.iter().map(keys::counter));
        self.delete_all(records).await
    }

    async fn erase_failed_logins(&self, email: &Email) -> Result<()> {
        self.delete_item(keys::counter(&Counted::FailedLoginsOfAccount(email.key()))).await
    }
}

impl Store {
    /// Deletes the quality of the calls in a session that an account hosts: what everybody's client said, and that it did.
    async fn erase_calls(&self, host: UserId, session: SessionId) -> Result<()> {
        self.delete_all(self.keys_of(keys::minutes_partition(session)).await?).await?;
        let mut users = BTreeSet::new();
        // The host's own list leads here, so it goes last.
        for list in [Listed::Project(ProjectId::default()), Listed::Host(host)] {
            let runs = self.keys_between(keys::runs_partition(&list, session), keys::runs_of(session, None)).await?;
            users.extend(runs.iter().filter_map(|key| keys::run_of(&key.sk)).map(|(_, user)| user));
            let reported = users.iter().map(|user| keys::reported(*user, session));
            self.delete_all(reported.chain(runs.clone()).collect()).await?;
        }
        Ok(())
    }

    /// Deletes what a user's client reported of a session, and then that it did.
    async fn erase_reports(&self, user: UserId, session: SessionId) -> Result<()> {
        let reported = keys::reported(user, session);
        let Some(noted) = self.get_item(reported.clone(), true).await? else { return Ok(()) };
        for list in noted.get("lists").and_then(|lists| lists.as_ss().ok()).into_iter().flatten() {
            self.delete_all(self.keys_between(list.clone(), keys::runs_of(session, Some(user))).await?).await?;
        }
        let minutes = self.keys_between(keys::minutes_partition(session), keys::minutes_of(user)).await?;
        self.delete_all(minutes).await?;
        self.delete_item(reported).await
    }
}
