//! Who connected, when, from where, and how it ended.

use aws_sdk_dynamodb::types::ReturnValue;
use domain::ports::{Admission, Closure, ConnectionLog, LoggedConnection, Place, Places, Told};
use domain::{ConnectionId, Error, Result, SessionId, TicketId, Timestamp, UserId};
use serde::{Deserialize, Serialize};

use crate::Store;
use crate::errors::{Malformed, misfit};
use crate::items::{Item, millis, number, text};
use crate::keys::{self, Key};
use crate::requests::{Change, Written};

impl ConnectionLog for Store {
    async fn open(&self, admission: &Admission, keep_until: Timestamp) -> Result<bool> {
        let item = serde_dynamo::to_item(ConnectionRecord::of(admission, keep_until)).map_err(misfit)?;
        // The same connection again is a try whose answer was lost.
        let condition = "attribute_not_exists(pk) OR connectionId = :connection";
        let values = Item::from([(":connection".to_owned(), text(admission.connection.as_str()))]);
        self.put_item_if(item, condition, values).await
    }

    async fn close(&self, user: UserId, ticket: TicketId, closure: &Closure) -> Result<Option<SessionId>> {
        let update = "SET closedAt = :at, closeCode = :code, closeReason = :reason REMOVE unfinishedRecord";
        let change = Change::to(keys::connection(user, ticket), update, "attribute_exists(pk)")
            .with(":at", millis(closure.at))
            .with(":code", number(closure.code))
            .with(":reason", text(&closure.reason));
        // Refused when the log is gone: its time ran out, or its user's account was deleted.
        match self.change(change, ReturnValue::AllNew).await? {
            Written::Done(item) => Ok(PlaceRecord::from_item(item)?.session()?),
            Written::Refused(_) => Ok(None),
        }
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

impl Places for Store {
    async fn place(&self, user: UserId, ticket: TicketId, certain: bool) -> Result<Option<Place>> {
        let item = self.get_item(keys::connection(user, ticket), certain).await?;
        let record = item.map(PlaceRecord::from_item).transpose()?;
        record.filter(|record| record.closed_at.is_none()).map(PlaceRecord::into_place).transpose()
    }

    async fn set_place(
        &self,
        user: UserId,
        ticket: TicketId,
        joins: Option<(SessionId, u64)>,
        now: Timestamp,
    ) -> Result<()> {
        let key = keys::connection(user, ticket);
        let change = match joins {
            Some((session, attempt)) => Change::to(key, format!("{SET_PLACE} {FORGET_TOLD}"), OPEN)
                .with(":session", text(session.to_string()))
                .with(":attempt", number(attempt))
                .with(":now", millis(now)),
            None => Change::to(key, format!("{FORGET_TOLD}, sessionId, placedAt, attempt"), OPEN),
        };
        let noted = self.change(change, ReturnValue::None).await?;
        noted.is_done().then_some(()).ok_or(Error::NotJoined)
    }

    async fn set_told(&self, user: UserId, ticket: TicketId, told: Told) -> Result<()> {
        let key = keys::connection(user, ticket);
        let change =
            Change::to(key, "SET toldSignals = :signals, toldMessages = :messages, toldCaptions = :captions", OPEN)
                .with(":signals", text(told.signals.to_string()))
                .with(":messages", text(told.messages.to_string()))
                .with(":captions", text(told.captions.to_string()));
        let noted = self.change(change, ReturnValue::None).await?;
        noted.is_done().then_some(()).ok_or(Error::NotJoined)
    }

    async fn set_rest(&self, user: UserId, ticket: TicketId, known: Option<&str>, rest: Option<&str>) -> Result<bool> {
        let update = if rest.is_some() { "SET unfinishedRecord = :rest" } else { "REMOVE unfinishedRecord" };
        let unchanged =
            if known.is_some() { "unfinishedRecord = :known" } else { "attribute_not_exists(unfinishedRecord)" };
        let change = Change::to(keys::connection(user, ticket), update, format!("{OPEN} AND {unchanged}"));
        let values = [(":rest", rest), (":known", known)].into_iter();
        let change = values.fold(change, |change, (name, value)| match value {
            Some(value) => change.with(name, text(value)),
            None => change,
        });
        Ok(self.change(change, ReturnValue::None).await?.is_done())
    }
}

/// Of a connection that has not ended.
const OPEN: &str = "attribute_exists(pk) AND attribute_not_exists(closedAt)";
const SET_PLACE: &str = "SET sessionId = :session, placedAt = :now, attempt = :attempt";
/// Another session, or the same again: what was told of it is asked anew.
const FORGET_TOLD: &str = "REMOVE toldSignals, toldMessages, toldCaptions";

/// What is read of the item of a connection of the hub for each of its frames.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct PlaceRecord {
    session_id: Option<String>,
    placed_at: Option<u64>,
    attempt: Option<u64>,
    told_signals: Option<String>,
    told_messages: Option<String>,
    told_captions: Option<String>,
    unfinished_record: Option<String>,
    closed_at: Option<u64>,
}

impl PlaceRecord {
    fn from_item(item: Item) -> Result<Self> {
        serde_dynamo::from_item(item).map_err(misfit)
    }

    fn session(&self) -> Result<Option<SessionId>, Malformed> {
        let parsed = self.session_id.as_deref().map(str::parse).transpose();
        parsed.map_err(|_| Malformed("connection's session"))
    }

    fn told(&self) -> Result<Option<Told>> {
        let (Some(signals), Some(messages)) = (&self.told_signals, &self.told_messages) else { return Ok(None) };
        let signals = signals.parse().map_err(|_| Malformed("toldSignals"))?;
        let messages = messages.parse().map_err(|_| Malformed("toldMessages"))?;
        // One that was written before there were captions begins where the chat does.
        let captions = self.told_captions.as_deref().map_or(Ok(messages), str::parse);
        let captions = captions.map_err(|_| Malformed("toldCaptions"))?;
        Ok(Some(Told { signals, messages, captions }))
    }

    fn into_place(self) -> Result<Place> {
        let since = self.placed_at.map(Timestamp::from_millis);
        let (session, told) = (self.session()?, self.told()?);
        Ok(Place { session, since, attempt: self.attempt, told, rest: self.unfinished_record })
    }
}

/// A connection's item.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ConnectionRecord {
    pk: String,
    sk: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    session_id: Option<String>,
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
            session_id: admission.session.map(|session| session.to_string()),
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

pub(crate) fn logged(item: Item) -> Result<LoggedConnection> {
    let record: ConnectionRecord = serde_dynamo::from_item(item).map_err(misfit)?;
    let session = record.session_id.as_deref().map(str::parse).transpose();
    let admission = Admission {
        ticket: keys::ticket_of(&record.sk).ok_or(Malformed("ticket"))?,
        user: keys::user_of(&record.pk).ok_or(Malformed("connection's user"))?,
        session: session.map_err(|_| Malformed("connection's session"))?,
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
