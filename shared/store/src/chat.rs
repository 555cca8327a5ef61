//! Chat: written once, replayed by identifier, paged newest first.

use domain::ports::{ChatHistory, ChatLog, ChatMessage};
use domain::{MessageId, Result, SessionId, Timestamp, Username};
use serde::{Deserialize, Serialize};

use crate::Store;
use crate::errors::{Malformed, failed, misfit};
use crate::items::{Item, expiry_now, text};
use crate::keys::{self, Key};
use crate::requests::every;

impl ChatLog for Store {
    async fn append(&self, message: &ChatMessage, keep_until: Timestamp) -> Result<()> {
        self.put_item(serde_dynamo::to_item(ChatRecord::of(message, keep_until)).map_err(misfit)?).await
    }

    async fn messages_since(&self, session: SessionId, from: MessageId, now: Timestamp) -> Result<Vec<ChatMessage>> {
        let query = self
            .query()
            .consistent_read(true)
            .key_condition_expression("pk = :chat AND sk >= :from")
            .filter_expression("expiresAt > :now")
            .expression_attribute_values(":chat", text(keys::chat_partition(session)))
            .expression_attribute_values(":from", text(from.to_string()))
            .expression_attribute_values(":now", expiry_now(now));
        every(query).await?.into_iter().map(message).collect()
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
        let query = self
            .query()
            .scan_index_forward(false)
            .limit(i32::try_from(limit).unwrap_or(i32::MAX))
            .filter_expression("expiresAt > :now")
            .expression_attribute_values(":chat", text(keys::chat_partition(session)))
            .expression_attribute_values(":now", expiry_now(now));
        let mut query = match before {
            None => query.key_condition_expression("pk = :chat"),
            Some(before) => query
                .key_condition_expression("pk = :chat AND sk < :before")
                .expression_attribute_values(":before", text(before.to_string())),
        };
        let mut messages = Vec::new();
        // DynamoDB counts what the filter drops, so a page may hold less than the limit.
        while messages.len() < limit {
            let page = query.clone().send().await.map_err(failed)?;
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
}

/// A chat item.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ChatRecord {
    pk: String,
    sk: String,
    author_id: String,
    author_name: String,
    message: String,
    expires_at: u64,
}

impl ChatRecord {
    fn of(message: &ChatMessage, keep_until: Timestamp) -> Self {
        let Key { pk, sk } = keys::message(message.session, message.id);
        Self {
            pk,
            sk,
            author_id: message.from.to_string(),
            author_name: message.username.as_str().to_owned(),
            message: message.text.clone(),
            expires_at: keep_until.seconds_up(),
        }
    }
}

fn message(item: Item) -> Result<ChatMessage> {
    let record: ChatRecord = serde_dynamo::from_item(item).map_err(misfit)?;
    Ok(ChatMessage {
        id: record.sk.parse().map_err(|_| Malformed("chat key"))?,
        session: keys::chat_of(&record.pk).ok_or(Malformed("chat's session"))?,
        from: record.author_id.parse().map_err(|_| Malformed("author"))?,
        username: Username::kept(&record.author_name).ok_or(Malformed("author's name"))?,
        text: record.message,
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
