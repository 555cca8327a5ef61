//! Who connected, when, from where, and how it ended.

use aws_sdk_dynamodb::types::ReturnValue;
use domain::ports::{Admission, Closure, ConnectionLog, LoggedConnection};
use domain::{ConnectionId, Result, TicketId, Timestamp, UserId};
use serde::{Deserialize, Serialize};

use crate::Store;
use crate::errors::{Malformed, misfit};
use crate::items::{Item, millis, number, text};
use crate::keys::{self, Key};
use crate::requests::Change;

impl ConnectionLog for Store {
    async fn open(&self, admission: &Admission, keep_until: Timestamp) -> Result<bool> {
        let item = serde_dynamo::to_item(ConnectionRecord::of(admission, keep_until)).map_err(misfit)?;
        // The same connection again is a try whose answer was lost.
        let condition = "attribute_not_exists(pk) OR connectionId = :connection";
        let values = Item::from([(":connection".to_owned(), text(admission.connection.as_str()))]);
        self.put_item_if(item, condition, values).await
    }

    async fn close(&self, user: UserId, ticket: TicketId, closure: &Closure) -> Result<()> {
        let update = "SET closedAt = :at, closeCode = :code, closeReason = :reason";
        let change = Change::to(keys::connection(user, ticket), update, "attribute_exists(pk)")
            .with(":at", millis(closure.at))
            .with(":code", number(closure.code))
            .with(":reason", text(&closure.reason));
        // Refused when the log is gone: its time ran out, or its user's account was deleted.
        self.change(change, ReturnValue::None).await.map(drop)
    }

    async fn is_closed(&self, user: UserId, ticket: TicketId) -> Result<bool> {
        let item = self.get_item(keys::connection(user, ticket), true).await?;
        Ok(item.is_some_and(|item| item.contains_key("closedAt")))
    }

    async fn forget(&self, user: UserId, ticket: TicketId) -> Result<()> {
        self.delete_item(keys::connection(user, ticket)).await
    }

    /// Callers look back less far than the log is kept, so `from` leaves out what is over.
    async fn of_user(&self, user: UserId, from: Timestamp) -> Result<Vec<LoggedConnection>> {
        let [first, last] = keys::connections_from(TicketId::first_at(from));
        let query = self
            .query()
            .consistent_read(true)
            .key_condition_expression("pk = :user AND sk BETWEEN :first AND :last")
            .expression_attribute_values(":user", text(keys::user_partition(user)))
            .expression_attribute_values(":first", text(first))
            .expression_attribute_values(":last", text(last));
        self.every(query).await?.into_iter().map(logged).collect()
    }
}

/// A connection's item.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ConnectionRecord {
    pk: String,
    sk: String,
    session_id: String,
    family_id: String,
    connection_id: String,
    opened_at: u64,
    address: String,
    user_agent: String,
    expires_at: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    closed_at: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    close_code: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    close_reason: Option<String>,
}

impl ConnectionRecord {
    fn of(admission: &Admission, keep_until: Timestamp) -> Self {
        let Key { pk, sk } = keys::connection(admission.user, admission.ticket);
        Self {
            pk,
            sk,
            session_id: admission.session.to_string(),
            family_id: admission.family.to_string(),
            connection_id: admission.connection.to_string(),
            opened_at: admission.at.millis(),
            address: admission.address.clone(),
            user_agent: admission.user_agent.clone(),
            expires_at: keep_until.seconds_up(),
            closed_at: None,
            close_code: None,
            close_reason: None,
        }
    }
}

fn logged(item: Item) -> Result<LoggedConnection> {
    let record: ConnectionRecord = serde_dynamo::from_item(item).map_err(misfit)?;
    let admission = Admission {
        ticket: keys::ticket_of(&record.sk).ok_or(Malformed("ticket"))?,
        user: keys::user_of(&record.pk).ok_or(Malformed("connection's user"))?,
        session: record.session_id.parse().map_err(|_| Malformed("connection's session"))?,
        family: record.family_id.parse().map_err(|_| Malformed("connection's family"))?,
        connection: ConnectionId::new(record.connection_id),
        at: Timestamp::from_millis(record.opened_at),
        address: record.address,
        user_agent: record.user_agent,
    };
    let closure = record.closed_at.zip(record.close_code).map(|(at, code)| Closure {
        at: Timestamp::from_millis(at),
        code,
        reason: record.close_reason.unwrap_or_default(),
    });
    Ok(LoggedConnection { admission, closure })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::arbitrary;

    proptest! {
        #[test]
        fn a_connection_survives_its_item(
            admission in arbitrary::admission(),
            closure in proptest::option::of(arbitrary::closure()),
            end in arbitrary::timestamp(),
        ) {
            let mut record = ConnectionRecord::of(&admission, end);
            record.closed_at = closure.as_ref().map(|closure| closure.at.millis());
            record.close_code = closure.as_ref().map(|closure| closure.code);
            record.close_reason = closure.as_ref().map(|closure| closure.reason.clone());
            let item: Item = serde_dynamo::to_item(record).unwrap();
            prop_assert_eq!(logged(item).unwrap(), LoggedConnection { admission, closure });
        }
    }
}
