//! Conditional writes, transactions and queries, with the retries that are ours to make.

use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::batch_get_item::builders::BatchGetItemInputBuilder;
use aws_sdk_dynamodb::operation::batch_write_item::builders::BatchWriteItemInputBuilder;
use aws_sdk_dynamodb::operation::delete_item::DeleteItemError;
use aws_sdk_dynamodb::operation::delete_item::builders::DeleteItemInputBuilder;
use aws_sdk_dynamodb::operation::get_item::builders::GetItemInputBuilder;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::operation::put_item::builders::PutItemInputBuilder;
use aws_sdk_dynamodb::operation::query::QueryOutput;
use aws_sdk_dynamodb::operation::query::builders::QueryInputBuilder;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::operation::transact_write_items::builders::TransactWriteItemsInputBuilder;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemInputBuilder;
use aws_sdk_dynamodb::types::{
    AttributeValue, CancellationReason, Delete, DeleteRequest, KeysAndAttributes, Put, ReturnValue,
    ReturnValuesOnConditionCheckFailure, TransactWriteItem, Update, WriteRequest,
};
use domain::ports::Page;
use domain::{Error, Result, SessionId, Timestamp};

use crate::Store;
use crate::errors::{Malformed, cancellation, failed, passes, transaction_failed, unbuilt};
use crate::items::{Item, expiry_now, millis};
use crate::keys::{self, Key};

/// What marks a write as one by which something happened, and when, in milliseconds. The filter on the table's stream asks for it.
pub(crate) const MARK: &str = "happened";

/// What is written to one item, and when.
#[derive(Debug, Clone)]
pub(crate) struct Change {
    key: Key,
    update: String,
    condition: Option<String>,
    values: Item,
    happens: bool,
}

impl Change {
    /// To that item: an update expression, as long as the condition holds.
    pub(crate) fn to(key: Key, update: impl Into<String>, condition: impl Into<String>) -> Self {
        Self { key, update: update.into(), condition: Some(condition.into()), values: Item::new(), happens: false }
    }

    /// To that item, whatever it is; an item is made if there is none.
    pub(crate) fn unconditional(key: Key, update: impl Into<String>) -> Self {
        Self { key, update: update.into(), condition: None, values: Item::new(), happens: false }
    }

    /// A value that the expressions name.
    pub(crate) fn with(mut self, name: &str, value: AttributeValue) -> Self {
        self.values.insert(name.to_owned(), value);
        self
    }

    /// What [`crate::due::SET_DUE`] sets: the sweep looks at the item then.
    pub(crate) fn due(self, session: SessionId, at: Timestamp) -> Self {
        let [part, at] = keys::due(session, at);
        self.with(":duePart", AttributeValue::S(part)).with(":dueAt", AttributeValue::S(at))
    }

    /// Something happens by this, then, that is told to the outside ([`crate::stream`]): the item is marked by it.
    pub(crate) fn happens(self, at: Timestamp) -> Self {
        Self { happens: true, ..self.with(":happened", millis(at)) }
    }

    /// The update, with the mark of what happens set or taken away. Every change to what can be marked does one of
    /// the two, so that a mark stands for the last write alone, and no ping wakes whoever reads the stream.
    fn expression(&self) -> String {
        match (self.happens, self.key.may_be_marked()) {
            (true, _) if self.update.contains("SET ") => {
                self.update.replacen("SET ", &format!("SET {MARK} = :happened, "), 1)
            }
            (true, _) => format!("SET {MARK} = :happened {}", self.update),
            (false, false) => self.update.clone(),
            (false, true) if self.update.contains("REMOVE ") => {
                self.update.replacen("REMOVE ", &format!("REMOVE {MARK}, "), 1)
            }
            (false, true) => format!("{} REMOVE {MARK}", self.update),
        }
    }

    /// As one item of a transaction; a refusal brings the item as it is.
    pub(crate) fn in_transaction(self, table: &str) -> Result<TransactWriteItem> {
        let update = Update::builder()
            .table_name(table)
            .update_expression(self.expression())
            .set_key(Some(self.key.into_item()))
            .set_condition_expression(self.condition)
            .set_expression_attribute_values(Some(self.values))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .build()
            .map_err(unbuilt)?;
        Ok(TransactWriteItem::builder().update(update).build())
    }
}

/// What came of a conditional write.
#[derive(Debug)]
pub(crate) enum Written {
    /// It was written; the item that was asked for, empty if there was none.
    Done(Item),
    /// The condition did not hold; the item as it is, if there is one.
    Refused(Option<Item>),
}

impl Written {
    /// Whether it was written.
    pub(crate) fn is_done(&self) -> bool {
        matches!(self, Written::Done(_))
    }
}

/// What came of a transaction.
#[derive(Debug)]
pub(crate) enum Transacted {
    /// All of it was written.
    Done,
    /// None of it was, because of conditions that did not hold.
    Refused(Refusals),
}

impl Transacted {
    /// Whether it was written.
    pub(crate) fn is_done(&self) -> bool {
        matches!(self, Transacted::Done)
    }
}

/// Which conditions of a transaction did not hold, by position.
#[derive(Debug)]
pub(crate) struct Refusals(Vec<CancellationReason>);

impl Refusals {
    /// Whether the condition at that position did not hold.
    pub(crate) fn at(&self, position: usize) -> bool {
        self.0.get(position).is_some_and(|reason| reason.code() == Some("ConditionalCheckFailed"))
    }

    /// Takes the item at that position, if its condition did not hold and it is there.
    pub(crate) fn take_item(&mut self, position: usize) -> Option<Item> {
        self.0.get_mut(position)?.item.take()
    }
}

/// Items of one page: frames have up to 32 KB, and a small function holds a page or two.
const PAGE: i32 = 100;
/// DynamoDB takes so many items in one batch.
const BATCH: usize = 25;
/// It reads so many at a time.
const READ_BATCH: usize = 100;

impl Store {
    /// Updates one item.
    pub(crate) async fn change(&self, change: Change, returned: ReturnValue) -> Result<Written> {
        let request = UpdateItemInputBuilder::default()
            .table_name(&self.table)
            .update_expression(change.expression())
            .set_key(Some(change.key.into_item()))
            .set_condition_expression(change.condition)
            .set_expression_attribute_values((!change.values.is_empty()).then_some(change.values))
            .return_values(returned)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        match self
            .patiently(|| self.engine.update_item(request.clone()), UpdateItemError::is_transaction_conflict_exception)
            .await
        {
            Ok(output) => Ok(Written::Done(output.attributes.unwrap_or_default())),
            Err(SdkError::ServiceError(context)) if context.err().is_conditional_check_failed_exception() => {
                match context.into_err() {
                    UpdateItemError::ConditionalCheckFailedException(refused) => Ok(Written::Refused(refused.item)),
                    other => Err(Error::Internal(Box::new(other))),
                }
            }
            Err(error) => Err(failed(error)),
        }
    }

    /// Puts one item, over whatever is there.
    pub(crate) async fn put_item(&self, item: Item) -> Result<()> {
        let request = PutItemInputBuilder::default().table_name(&self.table).set_item(Some(item));
        let put = self
            .patiently(|| self.engine.put_item(request.clone()), PutItemError::is_transaction_conflict_exception)
            .await;
        put.map(drop).map_err(failed)
    }

    /// Puts one item as long as the condition holds; false when it does not.
    pub(crate) async fn put_item_if(&self, item: Item, condition: &str, values: Item) -> Result<bool> {
        Ok(self.put_conditionally(item, condition, values).await?.is_done())
    }

    /// Puts one item as long as the condition holds; otherwise the item that is there.
    pub(crate) async fn put_or_find(&self, item: Item, condition: &str, values: Item) -> Result<Option<Item>> {
        match self.put_conditionally(item, condition, values).await? {
            Written::Done(_) => Ok(None),
            Written::Refused(found) => Ok(found),
        }
    }

    /// Puts one item as long as the condition holds; a refusal brings the item that is there.
    pub(crate) async fn put_conditionally(&self, item: Item, condition: &str, values: Item) -> Result<Written> {
        let request = PutItemInputBuilder::default()
            .table_name(&self.table)
            .set_item(Some(item))
            .condition_expression(condition)
            .set_expression_attribute_values((!values.is_empty()).then_some(values))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        match self
            .patiently(|| self.engine.put_item(request.clone()), PutItemError::is_transaction_conflict_exception)
            .await
        {
            Ok(_) => Ok(Written::Done(Item::new())),
            Err(SdkError::ServiceError(context)) if context.err().is_conditional_check_failed_exception() => {
                match context.into_err() {
                    PutItemError::ConditionalCheckFailedException(refused) => Ok(Written::Refused(refused.item)),
                    other => Err(Error::Internal(Box::new(other))),
                }
            }
            Err(error) => Err(failed(error)),
        }
    }

    /// Reads one item; at half the price if it may be a little old.
    pub(crate) async fn get_item(&self, key: Key, consistent: bool) -> Result<Option<Item>> {
        let request = GetItemInputBuilder::default()
            .table_name(&self.table)
            .set_key(Some(key.into_item()))
            .consistent_read(consistent);
        self.engine.get_item(request).await.map(|output| output.item).map_err(failed)
    }

    /// Reads many items, as they were a moment ago, in no order; those that are not there are left out.
    pub(crate) async fn get_all(&self, keys: Vec<Key>) -> Result<Vec<Item>> {
        let mut found = Vec::with_capacity(keys.len());
        for batch in keys.chunks(READ_BATCH) {
            found.extend(self.read_batch(batch.iter().cloned().map(Key::into_item).collect()).await?);
        }
        Ok(found)
    }

    /// Reads one batch; what DynamoDB had no capacity for is asked for again.
    async fn read_batch(&self, keys: Vec<Item>) -> Result<Vec<Item>> {
        let mut found = Vec::with_capacity(keys.len());
        let mut wanted = KeysAndAttributes::builder().set_keys(Some(keys)).build().map_err(unbuilt)?;
        let mut tries = self.conflicts.begin();
        loop {
            let request = BatchGetItemInputBuilder::default().request_items(&self.table, wanted);
            let output = self.engine.batch_get_item(request).await.map_err(failed)?;
            found.extend(output.responses.and_then(|mut tables| tables.remove(&self.table)).unwrap_or_default());
            let Some(rest) = output.unprocessed_keys.and_then(|mut tables| tables.remove(&self.table)) else {
                return Ok(found);
            };
            wanted = rest;
            if !tries.again().await {
                return Err(Error::Unavailable("a batch was not read to its end".into()));
            }
        }
    }

    /// Deletes one item, whether it is there or not.
    pub(crate) async fn delete_item(&self, key: Key) -> Result<()> {
        let request = DeleteItemInputBuilder::default().table_name(&self.table).set_key(Some(key.into_item()));
        let deleted = self
            .patiently(|| self.engine.delete_item(request.clone()), DeleteItemError::is_transaction_conflict_exception)
            .await;
        deleted.map(drop).map_err(failed)
    }

    /// Deletes one item as long as the condition holds; whether it did.
    pub(crate) async fn delete_item_if(&self, key: Key, condition: &str, values: Item) -> Result<bool> {
        let request = DeleteItemInputBuilder::default()
            .table_name(&self.table)
            .set_key(Some(key.into_item()))
            .condition_expression(condition)
            .set_expression_attribute_values((!values.is_empty()).then_some(values));
        match self
            .patiently(|| self.engine.delete_item(request.clone()), DeleteItemError::is_transaction_conflict_exception)
            .await
        {
            Ok(_) => Ok(true),
            Err(SdkError::ServiceError(context)) if context.err().is_conditional_check_failed_exception() => Ok(false),
            Err(error) => Err(failed(error)),
        }
    }

    /// Writes all or nothing.
    pub(crate) async fn transact(&self, items: Vec<TransactWriteItem>) -> Result<Transacted> {
        let request = TransactWriteItemsInputBuilder::default().set_transact_items(Some(items));
        match self.patiently(|| self.engine.transact_write_items(request.clone()), is_passing_cancellation).await {
            Ok(_) => Ok(Transacted::Done),
            Err(error) => match refusals(&error) {
                Some(refusals) => Ok(Transacted::Refused(refusals)),
                None => Err(transaction_failed(error)),
            },
        }
    }

    /// A put for a transaction: of an item that must not be there yet.
    pub(crate) fn putting_new(&self, item: Item) -> Result<TransactWriteItem> {
        let put = Put::builder()
            .table_name(&self.table)
            .set_item(Some(item))
            .condition_expression("attribute_not_exists(pk)")
            .build()
            .map_err(unbuilt)?;
        Ok(TransactWriteItem::builder().put(put).build())
    }

    /// A put for a transaction, over whatever is there.
    pub(crate) fn putting(&self, item: Item) -> Result<TransactWriteItem> {
        let put = Put::builder().table_name(&self.table).set_item(Some(item)).build().map_err(unbuilt)?;
        Ok(TransactWriteItem::builder().put(put).build())
    }

    /// A put for a transaction, as long as the condition holds; a refusal brings the item that is there.
    pub(crate) fn putting_if(&self, item: Item, condition: &str, values: Item) -> Result<TransactWriteItem> {
        let put = Put::builder()
            .table_name(&self.table)
            .set_item(Some(item))
            .condition_expression(condition)
            .set_expression_attribute_values((!values.is_empty()).then_some(values))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .build()
            .map_err(unbuilt)?;
        Ok(TransactWriteItem::builder().put(put).build())
    }

    /// A deletion for a transaction, whether the item is there or not.
    pub(crate) fn removing(&self, key: Key) -> Result<TransactWriteItem> {
        let delete =
            Delete::builder().table_name(&self.table).set_key(Some(key.into_item())).build().map_err(unbuilt)?;
        Ok(TransactWriteItem::builder().delete(delete).build())
    }

    /// A deletion for a transaction, as long as the condition holds.
    pub(crate) fn deleting(&self, key: Key, condition: &str, values: Item) -> Result<TransactWriteItem> {
        let delete = Delete::builder()
            .table_name(&self.table)
            .set_key(Some(key.into_item()))
            .condition_expression(condition)
            .set_expression_attribute_values((!values.is_empty()).then_some(values))
            .build()
            .map_err(unbuilt)?;
        Ok(TransactWriteItem::builder().delete(delete).build())
    }

    /// A query on the table.
    pub(crate) fn query(&self) -> QueryInputBuilder {
        QueryInputBuilder::default().table_name(&self.table)
    }

    /// One page of a query.
    pub(crate) async fn page(&self, query: QueryInputBuilder) -> Result<QueryOutput> {
        self.engine.query(query).await.map_err(failed)
    }

    /// Every item of a query, page by page.
    pub(crate) async fn every(&self, mut query: QueryInputBuilder) -> Result<Vec<Item>> {
        let mut items = Vec::new();
        loop {
            let page = self.page(query.clone()).await?;
            items.append(&mut page.items.unwrap_or_default());
            match page.last_evaluated_key {
                Some(key) => query = query.set_exclusive_start_key(Some(key)),
                None => return Ok(items),
            }
        }
    }

    /// The keys of every item of a query, strongly consistent.
    pub(crate) async fn keys_in(&self, query: QueryInputBuilder) -> Result<Vec<Key>> {
        let items = self.every(query.consistent_read(true).projection_expression("pk, sk")).await?;
        items.into_iter().map(key_of).collect()
    }

    /// Items of a partition from a sort key on that are not expired, in order, strongly consistent: so many that they fit
    /// into memory. `next` is the last one that was looked at, if there are more.
    pub(crate) async fn page_from(&self, pk: String, from: String, now: Timestamp) -> Result<Page<Item, Key>> {
        let query = self
            .query()
            .consistent_read(true)
            .limit(PAGE)
            .key_condition_expression("pk = :pk AND sk >= :from")
            .filter_expression("expiresAt > :now")
            .expression_attribute_values(":pk", AttributeValue::S(pk))
            .expression_attribute_values(":from", AttributeValue::S(from))
            .expression_attribute_values(":now", expiry_now(now));
        let page = self.page(query).await?;
        let next = page.last_evaluated_key.map(key_of).transpose()?;
        Ok(Page { items: page.items.unwrap_or_default(), next })
    }

    /// Every item of a partition whose sort key lies between the bounds, strongly consistent: the keys alone.
    pub(crate) async fn keys_between(&self, pk: String, [first, last]: [String; 2]) -> Result<Vec<Key>> {
        let query = self
            .query()
            .key_condition_expression("pk = :pk AND sk BETWEEN :first AND :last")
            .expression_attribute_values(":pk", AttributeValue::S(pk))
            .expression_attribute_values(":first", AttributeValue::S(first))
            .expression_attribute_values(":last", AttributeValue::S(last));
        self.keys_in(query).await
    }

    /// Every item of a partition, strongly consistent: the keys alone.
    pub(crate) async fn keys_of(&self, pk: String) -> Result<Vec<Key>> {
        let query =
            self.query().key_condition_expression("pk = :pk").expression_attribute_values(":pk", AttributeValue::S(pk));
        self.keys_in(query).await
    }

    /// Deletes items, as many at a time as DynamoDB takes.
    pub(crate) async fn delete_all(&self, keys: Vec<Key>) -> Result<()> {
        let mut requests = Vec::with_capacity(keys.len());
        for key in keys {
            let delete = DeleteRequest::builder().set_key(Some(key.into_item())).build().map_err(unbuilt)?;
            requests.push(WriteRequest::builder().delete_request(delete).build());
        }
        for batch in requests.chunks(BATCH) {
            self.write_batch(batch.to_vec()).await?;
        }
        Ok(())
    }

    /// Writes one batch; what DynamoDB had no capacity for is sent again.
    async fn write_batch(&self, mut batch: Vec<WriteRequest>) -> Result<()> {
        let mut tries = self.conflicts.begin();
        loop {
            let request = BatchWriteItemInputBuilder::default().request_items(&self.table, batch);
            let output = self.engine.batch_write_item(request).await.map_err(failed)?;
            batch = output.unprocessed_items.and_then(|mut items| items.remove(&self.table)).unwrap_or_default();
            if batch.is_empty() {
                return Ok(());
            }
            if !tries.again().await {
                return Err(Error::Unavailable("a batch was not written to its end".into()));
            }
        }
    }

    /// Tries again, after a wait with jitter, what met a transaction on the same item: a conflict is no refusal.
    async fn patiently<T, E, F>(&self, mut send: impl FnMut() -> F, conflicts: fn(&E) -> bool) -> Result<T, SdkError<E>>
    where
        F: Future<Output = Result<T, SdkError<E>>>,
    {
        let mut tries = self.conflicts.begin();
        loop {
            let result = send().await;
            let conflict = result.as_ref().is_err_and(|error| error.as_service_error().is_some_and(conflicts));
            if !conflict || !tries.again().await {
                return result;
            }
        }
    }
}

fn is_passing_cancellation(error: &TransactWriteItemsError) -> bool {
    match error {
        TransactWriteItemsError::TransactionCanceledException(cancelled) => passes(cancelled.cancellation_reasons()),
        _ => false,
    }
}

/// The conditions that did not hold, if nothing else cancelled the transaction.
fn refusals(error: &SdkError<TransactWriteItemsError>) -> Option<Refusals> {
    let refusals = cancellation(error).filter(|reasons| !passes(reasons)).map(|reasons| Refusals(reasons.to_vec()))?;
    (0..refusals.0.len()).any(|position| refusals.at(position)).then_some(refusals)
}

/// The primary key of an item.
pub(crate) fn key_of(mut item: Item) -> Result<Key> {
    let mut take = |name: &str| match item.remove(name) {
        Some(AttributeValue::S(value)) => Ok(value),
        Some(_) | None => Err(Malformed("an item without a key")),
    };
    Ok(Key { pk: take("pk")?, sk: take("sk")? })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::arbitrary;

    fn clauses() -> impl Strategy<Value = &'static str> {
        prop_oneof![
            Just("SET seats = seats + :one"),
            Just("SET a = :a REMOVE b, c ADD d :d"),
            Just("REMOVE untold"),
            Just("ADD tickets :one"),
            Just("DELETE unfenced :fenced"),
        ]
    }

    proptest! {
        #[test]
        fn a_change_to_a_session_sets_the_mark_or_takes_it_away(
            room in arbitrary::session_id(),
            user in arbitrary::user_id(),
            update in clauses(),
        ) {
            for key in [keys::session(room), keys::participant(room, user)] {
                let quiet = Change::to(key.clone(), update, "").expression();
                prop_assert_eq!(quiet.matches("REMOVE ").count(), 1);
                prop_assert!(quiet.contains("REMOVE happened"));
                let loud = Change::to(key, update, "").happens(Timestamp::default());
                let rest = update.strip_prefix("SET ").map_or_else(|| format!(" {update}"), |sets| format!(", {sets}"));
                prop_assert_eq!(loud.expression(), format!("SET happened = :happened{rest}"));
                prop_assert!(!loud.expression().contains("REMOVE happened"));
                prop_assert_eq!(&loud.values[":happened"], &AttributeValue::N("0".to_owned()));
            }
            prop_assert_eq!(Change::to(keys::visit(user, room), update, "").expression(), update);
        }
    }
}
