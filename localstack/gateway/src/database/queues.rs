//! The messages of a queue, kept in the table: they outlive the process where the table does.

use std::collections::HashMap;

use apigateway::{Journal, Kept};
use dynoxide::actions::{delete_item, put_item, query};
use dynoxide::{AttributeValue, DynoxideError};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use super::Table;
use super::attributes::EmbeddedItem;

/// The attribute that holds a message, as JSON.
const MESSAGE: &str = "message";

/// What is kept of one queue.
pub struct QueueJournal {
    embedded: Table,
    table: &'static str,
    queue: &'static str,
}

impl QueueJournal {
    /// Of that queue, in that table.
    pub fn new(embedded: Table, table: &'static str, queue: &'static str) -> Self {
        Self { embedded, table, queue }
    }

    fn key(&self, message: &Kept) -> EmbeddedItem {
        // Messages of different groups have a time of their own; within one the place tells the order.
        [("pk", self.partition()), ("sk", format!("{:020}#{}", message.place, message.id))]
            .map(|(name, text)| (name.to_owned(), AttributeValue::S(text)))
            .into()
    }

    fn partition(&self) -> String {
        format!("QUEUE#{}", self.queue)
    }

    async fn put(&self, message: Kept) -> Result<(), DynoxideError> {
        let mut item = self.key(&message);
        let text = serde_json::to_string(&message).map_err(|error| malformed(&error))?;
        item.insert(MESSAGE.to_owned(), AttributeValue::S(text));
        let request = put_item::PutItemRequest { table_name: self.table.to_owned(), item, ..Default::default() };
        self.embedded.run(move |engine| engine.put_item(request)).await.map(drop)
    }

    async fn read(&self) -> Result<Vec<Kept>, DynoxideError> {
        let (mut all, mut start) = (Vec::new(), None);
        loop {
            let request = query::QueryRequest {
                table_name: self.table.to_owned(),
                key_condition_expression: Some("pk = :queue".to_owned()),
                expression_attribute_values: Some(HashMap::from([(
                    ":queue".to_owned(),
                    AttributeValue::S(self.partition()),
                )])),
                scan_index_forward: true,
                exclusive_start_key: start,
                ..Default::default()
            };
            let page = self.embedded.run(move |engine| engine.query(request)).await?;
            for item in page.items.unwrap_or_default() {
                all.push(message(&item)?);
            }
            match page.last_evaluated_key {
                Some(last) => start = Some(last),
                None => return Ok(all),
            }
        }
    }
}

impl Journal for QueueJournal {
    fn keep(&self, message: Kept) -> BoxFuture<'_, bool> {
        async move {
            let kept = self.put(message).await;
            if let Err(error) = &kept {
                tracing::warn!(queue.name = self.queue, %error, "a message could not be kept");
            }
            kept.is_ok()
        }
        .boxed()
    }

    fn forget(&self, message: Kept) -> BoxFuture<'_, ()> {
        async move {
            let request = delete_item::DeleteItemRequest {
                table_name: self.table.to_owned(),
                key: self.key(&message),
                ..Default::default()
            };
            if let Err(error) = self.embedded.run(move |engine| engine.delete_item(request)).await {
                tracing::warn!(queue.name = self.queue, %error, "a message that is done with is kept");
            }
        }
        .boxed()
    }

    fn all(&self) -> BoxFuture<'_, Vec<Kept>> {
        async move {
            self.read().await.unwrap_or_else(|error| {
                tracing::error!(queue.name = self.queue, %error, "the messages that are kept cannot be read");
                Vec::new()
            })
        }
        .boxed()
    }
}

fn message(item: &EmbeddedItem) -> Result<Kept, DynoxideError> {
    let text = match item.get(MESSAGE) {
        Some(AttributeValue::S(text)) => text.as_str(),
        _ => "",
    };
    serde_json::from_str(text).map_err(|error| malformed(&error))
}

fn malformed(error: &serde_json::Error) -> DynoxideError {
    DynoxideError::InternalServerError(error.to_string())
}
