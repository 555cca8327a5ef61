//! dynoxide's operations on a database that is ours alone, one at a time.
//!
//! dynoxide parses the SQL of every request anew, and reads items through a tree of JSON values while it holds the lock. The requests
//! that every message makes are answered from its own tables instead, by prepared statements ([`Engine::item_json`],
//! [`Engine::insert`], [`Engine::partition`]); what holds them to dynoxide's own answers is `agreement.rs`.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use dynoxide::actions::vector_lifecycle::VectorIndexLifecycle;
use dynoxide::actions::{
    batch_get_item, batch_write_item, create_table, delete_item, describe_table, get_item, put_item, query,
    transact_write_items, update_item, update_table, update_time_to_live,
};
use dynoxide::storage::{ScanParams, Storage};
use dynoxide::{AttributeValue, DynoxideError};
use futures_util::FutureExt;
use rusqlite::{Connection, OptionalExtension};

use super::attributes::EmbeddedItem;
use super::rows::{Place, Row};

/// So many items are looked at in a row for whether they have expired.
const SWEEP_PAGE: usize = 25;

/// How long a transaction that is asked for again with the same token is not done again
/// (<https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html>).
const TOKEN_LASTS: Duration = Duration::from_secs(600);

/// The most that one page of a query holds, in bytes
/// (<https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Query.Pagination.html>).
const QUERY_PAGE: usize = 1024 * 1024;

/// A database that is open.
pub struct Engine {
    storage: Mutex<Storage>,
    lifecycle: VectorIndexLifecycle,
    /// When something was written under a token, and what it was, hashed: all of it would stay in memory that long.
    tokens: Mutex<HashMap<String, (Instant, u64)>>,
}

impl Engine {
    /// In that file.
    pub fn open(path: &str) -> Result<Self, DynoxideError> {
        Storage::new(path).map(Self::of)
    }

    /// In memory.
    pub fn memory() -> Result<Self, DynoxideError> {
        Storage::memory().map(Self::of)
    }

    fn of(storage: Storage) -> Self {
        Self { storage: Mutex::new(storage), lifecycle: VectorIndexLifecycle::new(), tokens: Mutex::default() }
    }

    fn storage(&self) -> MutexGuard<'_, Storage> {
        self.storage.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// `BatchGetItem`.
    pub fn batch_get_item(
        &self,
        request: batch_get_item::BatchGetItemRequest,
    ) -> Result<batch_get_item::BatchGetItemResponse, DynoxideError> {
        done(batch_get_item::execute(&*self.storage(), request))
    }

    /// `BatchWriteItem`.
    pub fn batch_write_item(
        &self,
        request: batch_write_item::BatchWriteItemRequest,
    ) -> Result<batch_write_item::BatchWriteItemResponse, DynoxideError> {
        done(batch_write_item::execute(&*self.storage(), request))
    }

    /// `CreateTable`.
    pub fn create_table(
        &self,
        request: create_table::CreateTableRequest,
    ) -> Result<create_table::CreateTableResponse, DynoxideError> {
        done(create_table::execute(&*self.storage(), request))
    }

    /// `DescribeTable`.
    pub fn describe_table(
        &self,
        request: describe_table::DescribeTableRequest,
    ) -> Result<describe_table::DescribeTableResponse, DynoxideError> {
        done(describe_table::execute(&*self.storage(), request, &self.lifecycle))
    }

    /// `DeleteItem`.
    pub fn delete_item(
        &self,
        request: delete_item::DeleteItemRequest,
    ) -> Result<delete_item::DeleteItemResponse, DynoxideError> {
        done(delete_item::execute(&*self.storage(), request))
    }

    /// `GetItem`.
    pub fn get_item(&self, request: get_item::GetItemRequest) -> Result<get_item::GetItemResponse, DynoxideError> {
        done(get_item::execute(&*self.storage(), request))
    }

    /// `PutItem`.
    pub fn put_item(&self, request: put_item::PutItemRequest) -> Result<put_item::PutItemResponse, DynoxideError> {
        done(put_item::execute(&*self.storage(), request))
    }

    /// `Query`.
    pub fn query(&self, request: query::QueryRequest) -> Result<query::QueryResponse, DynoxideError> {
        done(query::execute(&*self.storage(), request))
    }

    /// `TransactWriteItems`. The same under the same token does nothing again, and another under it is refused.
    pub fn transact_write_items(
        &self,
        request: transact_write_items::TransactWriteItemsRequest,
    ) -> Result<transact_write_items::TransactWriteItemsResponse, DynoxideError> {
        let Some(token) = request.client_request_token.clone() else {
            return done(transact_write_items::execute(&*self.storage(), request));
        };
        let asked = hash_of(&request.transact_items)?;
        // Held to the end, so that two of the same are not done twice.
        let mut tokens = self.tokens.lock().unwrap_or_else(PoisonError::into_inner);
        tokens.retain(|_, (at, _)| at.elapsed() < TOKEN_LASTS);
        match tokens.get(&token) {
            Some((_, before)) if *before == asked => Ok(transact_write_items::TransactWriteItemsResponse::default()),
            Some(_) => Err(DynoxideError::IdempotentParameterMismatchException(
                "An error occurred (IdempotentParameterMismatchException)".to_owned(),
            )),
            None => {
                let answer = done(transact_write_items::execute(&*self.storage(), request))?;
                tokens.insert(token, (Instant::now(), asked));
                Ok(answer)
            }
        }
    }

    /// `UpdateItem`.
    pub fn update_item(
        &self,
        request: update_item::UpdateItemRequest,
    ) -> Result<update_item::UpdateItemResponse, DynoxideError> {
        done(update_item::execute(&*self.storage(), request))
    }

    /// `UpdateTable`.
    pub fn update_table(
        &self,
        request: update_table::UpdateTableRequest,
    ) -> Result<update_table::UpdateTableResponse, DynoxideError> {
        done(update_table::execute(&*self.storage(), request, &self.lifecycle))
    }

    /// `UpdateTimeToLive`.
    pub fn update_time_to_live(
        &self,
        request: update_time_to_live::UpdateTimeToLiveRequest,
    ) -> Result<update_time_to_live::UpdateTimeToLiveResponse, DynoxideError> {
        done(update_time_to_live::execute(&*self.storage(), request))
    }

    /// The item at that place, in JSON as it is kept.
    pub fn item_json(&self, place: &Place) -> Result<Option<String>, DynoxideError> {
        let sql = format!(r#"SELECT item_json FROM "{}" WHERE pk = ?1 AND sk = ?2"#, place.table);
        let storage = self.storage();
        let mut statement = storage.conn().prepare_cached(&sql)?;
        Ok(statement.query_row((&place.pk, &place.sk), |row| row.get(0)).optional()?)
    }

    /// Puts an item where there is none; false, and nothing done, where there is one. It must have no attribute of an index.
    pub fn insert(&self, row: &Row) -> Result<bool, DynoxideError> {
        let Row { place, json, size, hash_prefix } = row;
        let sql = format!(
            r#"INSERT INTO "{}" (pk, sk, item_json, item_size, hash_prefix) VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT DO NOTHING"#,
            place.table
        );
        let storage = self.storage();
        let mut statement = storage.conn().prepare_cached(&sql)?;
        Ok(statement.execute((&place.pk, &place.sk, json, size, hash_prefix))? == 1)
    }

    /// Every item of a partition, in order, in JSON as they are kept; `None` where they are more than one page holds.
    pub fn partition(&self, table: &str, pk: &str) -> Result<Option<Vec<String>>, DynoxideError> {
        partition(self.storage().conn(), table, pk)
    }

    /// The tables of which what has expired is deleted, and the attribute that says when.
    pub fn expiring_tables(&self) -> Result<Vec<(String, String)>, DynoxideError> {
        let tables = self.storage().list_ttl_enabled_tables()?.into_iter();
        Ok(tables.filter_map(|table| Some((table.table_name, table.ttl_attribute?))).collect())
    }

    /// Deletes what has expired of one page; the last place that was looked at, if there may be more.
    pub fn sweep_page(
        &self,
        table: &str,
        attribute: &str,
        after: Option<(String, String)>,
    ) -> Result<Option<(String, String)>, DynoxideError> {
        let storage = self.storage();
        let page = ScanParams {
            limit: Some(SWEEP_PAGE),
            exclusive_start_pk: after.as_ref().map(|(pk, _)| pk.as_str()),
            exclusive_start_sk: after.as_ref().map(|(_, sk)| sk.as_str()),
            ..ScanParams::default()
        };
        let rows = storage.scan_items(table, &page)?;
        let now = dynoxide::storage_backend::Clock::now_unix_secs(&dynoxide::storage_backend::SystemClock);
        let items = rows.iter().filter_map(|(_, _, json)| serde_json::from_str::<EmbeddedItem>(json).ok());
        for item in items.filter(|item| has_expired(item, attribute, now)) {
            let key = item.into_iter().filter(|(name, _)| name == "pk" || name == "sk").collect();
            let request = delete_item::DeleteItemRequest { table_name: table.to_owned(), key, ..Default::default() };
            done(delete_item::execute(&*storage, request))?;
        }
        Ok(rows.into_iter().nth(SWEEP_PAGE - 1).map(|(pk, sk, _)| (pk, sk)))
    }
}

/// dynoxide's operations are written for engines that wait; this one's never do.
fn done<T>(operation: impl Future<Output = Result<T, DynoxideError>>) -> Result<T, DynoxideError> {
    operation.now_or_never().expect("what runs on SQLite is done at once")
}

/// The same for the same items, in whatever order their attributes are.
fn hash_of(items: &[transact_write_items::TransactWriteItem]) -> Result<u64, DynoxideError> {
    let items = serde_json::to_value(items).map_err(|error| DynoxideError::InternalServerError(error.to_string()))?;
    let mut hasher = DefaultHasher::new();
    items.hash(&mut hasher);
    Ok(hasher.finish())
}

fn partition(connection: &Connection, table: &str, pk: &str) -> Result<Option<Vec<String>>, DynoxideError> {
    let sql = format!(r#"SELECT item_json, item_size FROM "{table}" WHERE pk = ?1 ORDER BY sk"#);
    let mut statement = connection.prepare_cached(&sql)?;
    let mut rows = statement.query((pk,))?;
    let (mut items, mut bytes) = (Vec::new(), 0);
    while let Some(row) = rows.next()? {
        bytes += row.get::<_, usize>(1)?;
        if bytes > QUERY_PAGE {
            return Ok(None);
        }
        items.push(row.get(0)?);
    }
    Ok(Some(items))
}

fn has_expired(item: &EmbeddedItem, attribute: &str, now: u64) -> bool {
    match item.get(attribute) {
        Some(AttributeValue::N(at)) => at.parse::<u64>().is_ok_and(|at| at < now),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use dynoxide::actions::transact_write_items::{TransactUpdate, TransactWriteItem, TransactWriteItemsRequest};

    use super::*;

    const TABLE: &str = "rooms";

    fn opened() -> Engine {
        let engine = Engine::memory().expect("a database in memory");
        let request = serde_json::json!({
            "TableName": TABLE,
            "BillingMode": "PAY_PER_REQUEST",
            "KeySchema": [
                { "AttributeName": "pk", "KeyType": "HASH" },
                { "AttributeName": "sk", "KeyType": "RANGE" },
            ],
            "AttributeDefinitions": [
                { "AttributeName": "pk", "AttributeType": "S" },
                { "AttributeName": "sk", "AttributeType": "S" },
            ],
        });
        engine.create_table(serde_json::from_value(request).expect("a request")).expect("a table");
        engine
    }

    fn item(sk: &str, attributes: &[(&str, u64)]) -> EmbeddedItem {
        let key =
            [("pk", "room"), ("sk", sk)].map(|(name, text)| (name.to_owned(), AttributeValue::S(text.to_owned())));
        let numbers = attributes.iter().map(|(name, n)| ((*name).to_owned(), AttributeValue::N(n.to_string())));
        key.into_iter().chain(numbers).collect()
    }

    fn held(engine: &Engine) -> Vec<EmbeddedItem> {
        let items = engine.partition(TABLE, "S:room").expect("a query").expect("one page");
        items.iter().map(|json| serde_json::from_str(json).expect("an item")).collect()
    }

    #[test]
    fn a_transaction_is_done_once_for_its_token_and_another_is_refused_under_it() {
        let engine = opened();
        let transaction = |sk: &str| {
            let update = TransactUpdate {
                table_name: TABLE.to_owned(),
                key: item(sk, &[]),
                update_expression: "ADD seats :one".to_owned(),
                expression_attribute_values: Some([(":one".to_owned(), AttributeValue::N("1".to_owned()))].into()),
                ..TransactUpdate::default()
            };
            let step = TransactWriteItem { update: Some(update), ..TransactWriteItem::default() };
            TransactWriteItemsRequest {
                transact_items: vec![step],
                client_request_token: Some("token".to_owned()),
                ..TransactWriteItemsRequest::default()
            }
        };
        for _ in 0..2 {
            engine.transact_write_items(transaction("1")).expect("done");
        }
        assert_eq!(held(&engine), [item("1", &[("seats", 1)])]);
        let refused = engine.transact_write_items(transaction("2")).expect_err("another transaction");
        assert!(matches!(refused, DynoxideError::IdempotentParameterMismatchException(_)), "{refused}");
        assert_eq!(held(&engine).len(), 1);
    }

    #[test]
    fn what_has_expired_is_deleted_however_many_pages_it_takes() {
        let engine = opened();
        let ttl = serde_json::json!({
            "TableName": TABLE,
            "TimeToLiveSpecification": { "AttributeName": "expiresAt", "Enabled": true },
        });
        engine.update_time_to_live(serde_json::from_value(ttl).expect("a request")).expect("enabled");
        let (past, never) = (1, u64::from(u32::MAX) * 2);
        for number in 0..3 * SWEEP_PAGE as u64 {
            let expires = if number.is_multiple_of(3) { never } else { past };
            let item = item(&format!("{number:03}"), &[("expiresAt", expires)]);
            let request = put_item::PutItemRequest { table_name: TABLE.to_owned(), item, ..Default::default() };
            engine.put_item(request).expect("put");
        }
        let tables = engine.expiring_tables().expect("a table");
        assert_eq!(tables, [(TABLE.to_owned(), "expiresAt".to_owned())]);
        let mut after = None;
        for page in 1..=4 {
            after = engine.sweep_page(TABLE, "expiresAt", after).expect("swept");
            assert_eq!(after.is_some(), page < 4, "{page}");
        }
        let left = held(&engine);
        assert_eq!(left.len(), SWEEP_PAGE);
        assert!(left.iter().all(|item| item["expiresAt"] == AttributeValue::N(never.to_string())));
    }
}
