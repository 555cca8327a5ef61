//! A session's waiting room: each place is an item of its own, which ends with the lease of whoever waits there.

use aws_sdk_dynamodb::types::ReturnValue;
use domain::ports::{Emptied, Knock, WaitingRoom, Waits};
use domain::{ConnectionId, Result, SessionId, Timestamp, UserId, Username};
use serde::{Deserialize, Serialize};

use crate::errors::{Malformed, misfit};
use crate::items::{Item, expiry, millis, text};
use crate::records::kept_identity;
use crate::requests::Change;
use crate::visits::Found;
use crate::{Store, keys};

impl WaitingRoom for Store {
    async fn wait(&self, knock: &Knock, now: Timestamp) -> Result<bool> {
        let item = serde_dynamo::to_item(WaitingRecord::of(knock)).map_err(misfit)?;
        let free = "attribute_not_exists(pk) OR userId = :user OR leaseUntil <= :now";
        let values =
            Item::from([(":user".to_owned(), text(knock.user_id.to_string())), (":now".to_owned(), millis(now))]);
        self.put_item_if(item, free, values).await
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
            "userId = :user AND leaseUntil > :now",
        )
        .with(":connection", text(connection.as_str()))
        .with(":lease", millis(lease_until))
        .with(":gone", expiry(lease_until))
        .with(":user", text(waits.user.to_string()))
        .with(":now", millis(now));
        Ok(self.change(change, ReturnValue::None).await?.is_done())
    }

    async fn stop_waiting(&self, waits: &Waits, only: &Emptied) -> Result<bool> {
        let mut values = Item::from([(":user".to_owned(), text(waits.user.to_string()))]);
        let condition = match only {
            Emptied::Anyway => "userId = :user",
            Emptied::On(connection) => {
                values.insert(":connection".to_owned(), text(connection.as_str()));
                "userId = :user AND (liveConnection = :connection OR attribute_not_exists(liveConnection))"
            }
            Emptied::RunOut(lease) => {
                values.insert(":lease".to_owned(), millis(*lease));
                "userId = :user AND leaseUntil = :lease"
            }
        };
        self.delete_item_if(keys::waiting(waits.session, waits.place), condition, values).await
    }

    async fn let_pass(&self, session: SessionId, user: UserId, now: Timestamp, noted_until: Timestamp) -> Result<()> {
        let update = "SET admitted = :yes, takenAt = if_not_exists(takenAt, :now), expiresAt = :gone";
        let change = Change::unconditional(keys::visit(user, session), update)
            .with(":yes", aws_sdk_dynamodb::types::AttributeValue::Bool(true))
            .with(":now", millis(now))
            .with(":gone", expiry(noted_until));
        self.change(change, ReturnValue::None).await.map(drop)
    }

    async fn passes(&self, session: SessionId, user: UserId) -> Result<bool> {
        let visit = self.get_item(keys::visit(user, session), true).await?.map(Found::of).transpose()?;
        Ok(visit.is_some_and(|visit| visit.admitted))
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

/// Whoever waits in the place of an item.
pub(crate) fn knock(item: Item) -> Result<Knock> {
    serde_dynamo::from_item::<_, WaitingRecord>(item).map_err(misfit)?.into_knock()
}
