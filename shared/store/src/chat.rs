//! What was said, chat and captions apart: written once, replayed by identifier, read page by page.

use aws_sdk_dynamodb::operation::query::builders::QueryInputBuilder;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue};
use domain::happenings::Written;
use domain::ports::{ChatHistory, ChatLog, ChatMessage, ClientMessageId, Log, Page, Spoken};
use domain::{MessageId, Result, Sender, SessionId, Timestamp, Username};
use serde::{Deserialize, Serialize};

use crate::Store;
use crate::errors::{Malformed, misfit};
use crate::items::{Item, expiry, expiry_now, has_ended, text};
use crate::keys::{self, Key};
use crate::records::kept_identity;
use crate::requests::Change;

impl ChatLog for Store {
    async fn append(&self, message: &ChatMessage, keep_until: Timestamp) -> Result<ChatMessage> {
        let id = match &message.client_id {
            None => message.id,
            Some(name) => self.name(message, name, keep_until).await?,
        };
        let message = ChatMessage { id, ..message.clone() };
        let item = serde_dynamo::to_item(ChatRecord::of(&message, keep_until)).map_err(misfit)?;
        if message.client_id.is_none() {
            return self.put_item(item).await.map(|()| message);
        }
        // Only a try that found a name may find its message too: the first text is the one that counts.
        match self.put_or_find(item, "attribute_not_exists(pk)", Item::new()).await? {
            None => Ok(message),
            Some(kept) => self::message(kept),
        }
    }

    async fn message(
        &self,
        session: SessionId,
        log: Log,
        id: MessageId,
        now: Timestamp,
    ) -> Result<Option<ChatMessage>> {
        let item = self.get_item(keys::message(session, log, id), true).await?.filter(|item| !has_ended(item, now));
        item.map(message).transpose()
    }

    async fn tell_of(&self, message: &ChatMessage, now: Timestamp) -> Result<()> {
        let key = keys::message(message.session, message.log(), message.id);
        let change = Change::to(key, "SET told = :yes", "attribute_exists(pk) AND attribute_not_exists(told)");
        let change = change.happens(now).with(":yes", AttributeValue::Bool(true));
        self.change(change, ReturnValue::None).await.map(drop)
    }

    async fn take_back_message(&self, message: &ChatMessage) -> Result<()> {
        // The name goes last: whoever was interrupted before that finds the same message again.
        let (session, log) = (message.session, message.log());
        self.delete_item(keys::message(session, log, message.id)).await?;
        match &message.client_id {
            Some(name) => self.delete_item(keys::named_message(session, log, message.from, name)).await,
            None => Ok(()),
        }
    }

    async fn messages_since(
        &self,
        session: SessionId,
        log: Log,
        from: MessageId,
        now: Timestamp,
    ) -> Result<Page<ChatMessage, MessageId>> {
        let Page { items, next } = self.page_from(keys::log_partition(session, log), from.to_string(), now).await?;
        let items = items.into_iter().map(message).collect::<Result<_>>()?;
        let next = next.map(|last| last.sk.parse().map_err(|_| Malformed("chat key"))).transpose()?;
        Ok(Page { items, next: next.map(MessageId::successor) })
    }
}

impl ChatHistory for Store {
    async fn history(
        &self,
        session: SessionId,
        limit: usize,
        before: Option<MessageId>,
        now: Timestamp,
    ) -> Result<Vec<ChatMessage>> {
        let query =
            self.query().scan_index_forward(false).expression_attribute_values(":names", text(keys::ABOVE_NAMES));
        let query = match before {
            None => query.key_condition_expression("pk = :log AND sk > :names"),
            Some(before) => query
                .key_condition_expression("pk = :log AND sk BETWEEN :names AND :before")
                .expression_attribute_values(":before", text(keys::last_before(before))),
        };
        self.said(query, session, Log::Chat, limit, now).await
    }

    async fn transcript(
        &self,
        session: SessionId,
        limit: usize,
        after: Option<MessageId>,
        now: Timestamp,
    ) -> Result<Vec<ChatMessage>> {
        let above = after.map_or_else(|| keys::ABOVE_NAMES.to_owned(), |after| after.to_string());
        let query = self
            .query()
            .key_condition_expression("pk = :log AND sk > :above")
            .expression_attribute_values(":above", text(above));
        self.said(query, session, Log::Captions, limit, now).await
    }
}

impl Store {
    /// What a query of a log finds that has not expired, up to `limit`.
    async fn said(
        &self,
        query: QueryInputBuilder,
        session: SessionId,
        log: Log,
        limit: usize,
        now: Timestamp,
    ) -> Result<Vec<ChatMessage>> {
        let mut query = query
            .limit(i32::try_from(limit).unwrap_or(i32::MAX))
            .filter_expression("expiresAt > :now")
            .expression_attribute_values(":log", text(keys::log_partition(session, log)))
            .expression_attribute_values(":now", expiry_now(now));
        let mut messages = Vec::new();
        // DynamoDB counts what the filter drops, so a page may hold less than the limit.
        while messages.len() < limit {
            let page = self.page(query.clone()).await?;
            for item in page.items.unwrap_or_default() {
                messages.push(message(item)?);
            }
            match page.last_evaluated_key {
                Some(key) => query = query.set_exclusive_start_key(Some(key)),
                None => break,
            }
        }
        messages.truncate(limit);
        Ok(messages)
    }

    /// Gives a message the name that its client calls it; the identifier of whichever message has that name.
    async fn name(&self, message: &ChatMessage, name: &ClientMessageId, keep_until: Timestamp) -> Result<MessageId> {
        let mut item = keys::named_message(message.session, message.log(), message.from, name).into_item();
        item.insert("authorId".to_owned(), text(message.from.to_string()));
        item.insert("messageId".to_owned(), text(message.id.to_string()));
        item.insert("expiresAt".to_owned(), expiry(keep_until));
        let now = Item::from([(":now".to_owned(), expiry_now(message.id.timestamp()))]);
        match self.put_or_find(item, "attribute_not_exists(pk) OR expiresAt <= :now", now).await? {
            None => Ok(message.id),
            Some(named) => match named.get("messageId") {
                Some(AttributeValue::S(id)) => Ok(id.parse().map_err(|_| Malformed("named message"))?),
                Some(_) | None => Err(Malformed("a name without a message").into()),
            },
        }
    }
}

/// A chat item, or a caption.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ChatRecord {
    pk: String,
    sk: String,
    author_id: String,
    author_name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    app_identity: Option<String>,
    message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    language: Option<String>,
    /// When it began to be spoken, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    began_at: Option<u64>,
    /// Whether endpoints are told of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    told: Option<bool>,
    expires_at: u64,
}

impl ChatRecord {
    fn of(message: &ChatMessage, keep_until: Timestamp) -> Self {
        let Key { pk, sk } = keys::message(message.session, message.log(), message.id);
        let spoken = message.spoken.as_ref();
        Self {
            pk,
            sk,
            author_id: message.from.to_string(),
            author_name: message.username.as_str().to_owned(),
            app_identity: message.identity.as_ref().map(|identity| identity.as_str().to_owned()),
            message: message.text.clone(),
            client_id: message.client_id.as_ref().map(|id| id.as_str().to_owned()),
            language: spoken.map(|spoken| spoken.language.clone()),
            began_at: spoken.map(|spoken| spoken.began.millis()),
            told: None,
            expires_at: keep_until.seconds_up(),
        }
    }
}

/// What the stream tells of a message.
pub(crate) fn written(item: Item) -> Result<Written> {
    let is_told = item.contains_key("told");
    let ChatMessage { id, session, from, username, identity, .. } = message(item)?;
    Ok(Written { id, session, from: Sender { user_id: from, username, identity }, is_told })
}

fn message(item: Item) -> Result<ChatMessage> {
    let record: ChatRecord = serde_dynamo::from_item(item).map_err(misfit)?;
    Ok(ChatMessage {
        id: record.sk.parse().map_err(|_| Malformed("chat key"))?,
        session: keys::log_of(&record.pk).ok_or(Malformed("chat's session"))?,
        from: record.author_id.parse().map_err(|_| Malformed("author"))?,
        username: Username::kept(&record.author_name).ok_or(Malformed("author's name"))?,
        identity: kept_identity(record.app_identity.as_deref())?,
        text: record.message,
        client_id: record.client_id.and_then(|id| ClientMessageId::parse(id).ok()),
        spoken: record
            .language
            .zip(record.began_at)
            .map(|(language, began)| Spoken { language, began: Timestamp::from_millis(began) }),
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::arbitrary;

    proptest! {
        #[test]
        fn a_message_survives_its_item(sent in arbitrary::message(), end in arbitrary::timestamp()) {
            let item: Item = serde_dynamo::to_item(ChatRecord::of(&sent, end)).unwrap();
            prop_assert_eq!(message(item).unwrap(), sent);
        }
    }
}
