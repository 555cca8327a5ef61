//! A session's waiting room: each place is an item of its own, which ends with the lease of whoever waits there.

use aws_sdk_dynamodb::types::ReturnValue;
use domain::happenings::Wait;
use domain::ports::{Emptied, Knock, Outcome, Verdict, WaitingRoom, Waits};
use domain::{ConnectionId, Result, SessionId, Timestamp, UserId, Username};
use serde::{Deserialize, Serialize};

use crate::errors::{Malformed, misfit};
use crate::items::{Item, expiry, millis, text};
use crate::records::kept_identity;
use crate::requests::{Change, MARK};
use crate::visits::Found;
use crate::{Store, keys, words};

impl WaitingRoom for Store {
    async fn wait(&self, knock: &Knock, now: Timestamp) -> Result<bool> {
        let mut item: Item = serde_dynamo::to_item(WaitingRecord::of(knock)).map_err(misfit)?;
        item.insert(MARK.to_owned(), millis(now));
        let own = "userId = :user AND waitingSince = :since";
        let another = "userId <> :user OR waitingSince <> :since";
        let free = format!(
            "attribute_not_exists(pk) OR ({own} AND attribute_not_exists(outcome)) OR (attribute_exists(outcome) AND ({another}))"
        );
        let values = Item::from([
            (":user".to_owned(), text(knock.user_id.to_string())),
            (":since".to_owned(), millis(knock.since)),
        ]);
        self.put_item_if(item, &free, values).await
    }

    async fn keep_waiting(
        &self,
        waits: &Waits,
        connection: &ConnectionId,
        now: Timestamp,
        lease_until: Timestamp,
    ) -> Result<bool> {
        let change = Change::to(
            keys::waiting(waits.session, waits.place),
            "SET liveConnection = :connection, leaseUntil = :lease, expiresAt = :gone",
            "userId = :user AND leaseUntil > :now AND attribute_not_exists(outcome)",
        )
        .with(":connection", text(connection.as_str()))
        .with(":lease", millis(lease_until))
        .with(":gone", expiry(lease_until))
        .with(":user", text(waits.user.to_string()))
        .with(":now", millis(now));
        Ok(self.change(change, ReturnValue::None).await?.is_done())
    }

    async fn stop_waiting(&self, waits: &Waits, only: &Emptied, outcome: Outcome, now: Timestamp) -> Result<bool> {
        let key = keys::waiting(waits.session, waits.place);
        let waited = "userId = :user AND attribute_not_exists(outcome)";
        let (condition, value) = match only {
            Emptied::Anyway => (waited.to_owned(), None),
            Emptied::On(connection) => {
                let theirs = "liveConnection = :only OR attribute_not_exists(liveConnection)";
                (format!("{waited} AND ({theirs})"), Some(text(connection.as_str())))
            }
            Emptied::RunOut(lease) => (format!("{waited} AND leaseUntil = :only"), Some(millis(*lease))),
        };
        let change = Change::to(key.clone(), "SET outcome = :outcome", condition)
            .happens(now)
            .with(":outcome", text(words::outcome::of(outcome)))
            .with(":user", text(waits.user.to_string()));
        let change = value.into_iter().fold(change, |change, value| change.with(":only", value));
        let noted = self.change(change, ReturnValue::None).await?.is_done();
        if noted {
            // Nobody waits there any more, whether the place is taken away or not; whoever knocks next may take it.
            self.delete_item_if(key, "attribute_exists(outcome)", Item::new()).await?;
        }
        Ok(noted)
    }

    async fn let_pass(&self, session: SessionId, user: UserId, now: Timestamp, noted_until: Timestamp) -> Result<()> {
        let update = "SET admitted = :yes, takenAt = if_not_exists(takenAt, :now), expiresAt = :gone";
        let change = Change::unconditional(keys::visit(user, session), update)
            .with(":yes", aws_sdk_dynamodb::types::AttributeValue::Bool(true))
            .with(":now", millis(now))
            .with(":gone", expiry(noted_until));
        self.change(change, ReturnValue::None).await.map(drop)
    }

    async fn verdict(&self, session: SessionId, user: UserId) -> Result<Verdict> {
        let visit = self.get_item(keys::visit(user, session), true).await?.map(Found::of).transpose()?;
        Ok(match visit {
            Some(Found { admitted: true, .. }) => Verdict::Passes,
            Some(Found { banned_until: Some(until), .. }) => Verdict::KeptOut(until),
            Some(_) | None => Verdict::Open,
        })
    }
}

/// A place where somebody waits.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct WaitingRecord {
    pk: String,
    sk: String,
    user_id: String,
    username: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    app_identity: Option<String>,
    waiting_since: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    live_connection: Option<String>,
    lease_until: u64,
    expires_at: u64,
    /// What became of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    outcome: Option<String>,
}

impl WaitingRecord {
    fn of(knock: &Knock) -> Self {
        let keys::Key { pk, sk } = keys::waiting(knock.session, knock.place);
        Self {
            pk,
            sk,
            user_id: knock.user_id.to_string(),
            username: knock.username.as_str().to_owned(),
            app_identity: knock.identity.as_ref().map(|identity| identity.as_str().to_owned()),
            waiting_since: knock.since.millis(),
            live_connection: knock.connection.as_ref().map(|connection| connection.as_str().to_owned()),
            lease_until: knock.lease_until.millis(),
            expires_at: knock.lease_until.seconds_up(),
            outcome: None,
        }
    }

    fn into_knock(self) -> Result<Knock> {
        Ok(Knock {
            session: keys::session_of(&self.pk).ok_or(Malformed("session of a place"))?,
            place: keys::waiting_place_of(&self.sk).ok_or(Malformed("place to wait"))?,
            user_id: self.user_id.parse().map_err(|_| Malformed("user of a place"))?,
            username: Username::kept(&self.username).ok_or(Malformed("name of somebody who waits"))?,
            identity: kept_identity(self.app_identity.as_deref())?,
            since: Timestamp::from_millis(self.waiting_since),
            connection: self.live_connection.map(ConnectionId::new),
            lease_until: Timestamp::from_millis(self.lease_until),
        })
    }
}

/// Whoever waits in the place of an item; nobody once it is known what became of them.
pub(crate) fn knock(item: Item) -> Result<Option<Knock>> {
    let record: WaitingRecord = serde_dynamo::from_item(item).map_err(misfit)?;
    if record.outcome.is_some() { Ok(None) } else { record.into_knock().map(Some) }
}

/// Whoever waits, or waited, in the place of an item.
pub(crate) fn wait(item: Item) -> Result<Wait> {
    let record: WaitingRecord = serde_dynamo::from_item(item).map_err(misfit)?;
    let outcome =
        record.outcome.as_deref().map(|word| words::outcome::parse(word).ok_or(Malformed("outcome of a wait")));
    let (outcome, knock) = (outcome.transpose()?, record.into_knock()?);
    let Knock { session, user_id, username, identity, since, .. } = knock;
    Ok(Wait { session, user: user_id, username, identity, since, outcome })
}
