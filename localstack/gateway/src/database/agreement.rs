//! The two ways to the embedded database, held together: called by the store's trait, and asked by the SDK's client over
//! HTTP messages and JSON. Each sequence runs on a database of its own and must be answered alike.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::Arc;

use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::operation::batch_get_item::builders::BatchGetItemInputBuilder;
use aws_sdk_dynamodb::operation::batch_write_item::builders::BatchWriteItemInputBuilder;
use aws_sdk_dynamodb::operation::delete_item::DeleteItemError;
use aws_sdk_dynamodb::operation::delete_item::builders::DeleteItemInputBuilder;
use aws_sdk_dynamodb::operation::get_item::builders::GetItemInputBuilder;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::operation::put_item::builders::PutItemInputBuilder;
use aws_sdk_dynamodb::operation::query::builders::QueryInputBuilder;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::operation::transact_write_items::builders::TransactWriteItemsInputBuilder;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemInputBuilder;
use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::{
    AttributeValue, ConditionCheck, Delete, DeleteRequest, KeysAndAttributes, Put, PutRequest, ReturnValue,
    ReturnValuesOnConditionCheckFailure as OnFailure, TransactWriteItem, Update, WriteRequest,
};
use store::{Engine, TableDefinition};

use super::Database;
use super::attributes::Item;
use crate::{aws, object_store};

const TABLE: &str = "rooms";

/// What came of a request, in words that can be compared.
type Told = String;

/// Asks everything of one engine.
struct Asked {
    engine: Engine,
    told: Vec<Told>,
}

#[tokio::test]
async fn both_ways_answer_alike() {
    let (one, other) = (opened().await, opened().await);
    let direct = Engine::new(one.table());
    let over_http = Engine::sdk(&aws::config(other.table(), Arc::default(), &object_store::keys("key"), None, None));
    let (direct, over_http) = (everything(direct).await, everything(over_http).await);
    for (direct, over_http) in direct.iter().zip(&over_http) {
        assert_eq!(direct, over_http);
    }
    assert_eq!(direct.len(), over_http.len());
    // The sequences reach what they are meant to.
    for code in [
        "ConditionalCheckFailedException",
        "TransactionCanceledException",
        "ResourceNotFoundException",
        "ValidationException",
    ] {
        assert!(direct.iter().any(|told| told.contains(code)), "nothing was refused with {code}: {direct:#?}");
    }
    assert!(direct.iter().any(|told| told.contains("left: Some")), "every batch was read whole");
    one.stop().await;
    other.stop().await;
}

#[tokio::test]
async fn a_database_that_is_closed_answers_alike_too() {
    let mut told = Vec::new();
    for way in [
        |table| Engine::new(table),
        |table| Engine::sdk(&aws::config(table, Arc::default(), &object_store::keys("key"), None, None)),
    ] {
        let database = Database::open(None).unwrap();
        let engine = way(database.table());
        database.stop().await;
        let got = engine.get_item(GetItemInputBuilder::default().table_name(TABLE).set_key(Some(key("a", "1")))).await;
        told.push(refused(&got.unwrap_err()));
    }
    assert_eq!(told[0], told[1]);
    assert!(told[0].starts_with("500 InternalServerError"), "{told:?}");
}

/// A database with the table.
async fn opened() -> Database {
    let database = Database::open(None).unwrap();
    let sdk = aws::config(database.table(), Arc::default(), &object_store::keys("key"), None, None);
    TableDefinition::new(&sdk, TABLE).create_table().await.unwrap();
    database
}

async fn everything(engine: Engine) -> Vec<Told> {
    let mut asked = Asked { engine, told: Vec::new() };
    asked.values().await;
    asked.conditions().await;
    asked.updates().await;
    asked.deletions().await;
    asked.transactions().await;
    asked.batches().await;
    asked.many().await;
    asked.pages().await;
    asked.nonsense().await;
    asked.told
}

impl Asked {
    fn tell(&mut self, what: impl Into<Told>) {
        self.told.push(what.into());
    }

    /// Every kind of value goes in and comes out.
    async fn values(&mut self) {
        for (sk, value) in kinds() {
            let mut item = key("kinds", sk);
            item.insert("value".to_owned(), value);
            self.put(item, None, &[]).await;
            self.get(key("kinds", sk)).await;
        }
        self.get(key("kinds", "absent")).await;
        let mut item = key("kinds", "text");
        item.insert("value".to_owned(), text("another"));
        self.put(item, None, &[]).await;
    }

    async fn conditions(&mut self) {
        let mut item = key("a", "1");
        item.insert("seats".to_owned(), number(3));
        for condition in [None, Some("attribute_not_exists(pk)"), Some("seats > :seats")] {
            let values: &[_] = if condition == Some("seats > :seats") { &[(":seats", number(5))] } else { &[] };
            self.put(item.clone(), condition, values).await;
        }
        self.put(item.clone(), Some("seats >"), &[]).await;
        self.put(item.clone(), Some("seats > :missing"), &[]).await;
        self.put(item, Some("attribute_exists(pk)"), &[(":unused", number(1))]).await;
    }

    async fn updates(&mut self) {
        for returned in [ReturnValue::None, ReturnValue::AllOld, ReturnValue::AllNew, ReturnValue::UpdatedNew] {
            self.update("SET seats = seats + :n", "attribute_exists(pk)", ("a", "1"), returned).await;
        }
        self.update("SET seats = :n REMOVE host", "attribute_not_exists(pk)", ("a", "1"), ReturnValue::AllNew).await;
        self.update("SET seats = :n", "attribute_exists(pk)", ("a", "absent"), ReturnValue::AllNew).await;
        self.update("SET seats = :n", "attribute_not_exists(pk)", ("a", "2"), ReturnValue::AllOld).await;
        self.update("SET pk = :n", "attribute_exists(pk)", ("a", "1"), ReturnValue::None).await;
        self.update("ADD guests :n", "attribute_exists(pk)", ("a", "1"), ReturnValue::AllNew).await;
    }

    async fn deletions(&mut self) {
        for condition in [Some("attribute_not_exists(pk)"), Some("attribute_exists(pk)"), None] {
            let request = DeleteItemInputBuilder::default()
                .table_name(TABLE)
                .set_key(Some(key("a", "2")))
                .return_values(ReturnValue::AllOld)
                .set_condition_expression(condition.map(str::to_owned))
                .return_values_on_condition_check_failure(OnFailure::AllOld);
            let told = match self.engine.delete_item(request).await {
                Ok(done) => format!("deleted {}", shown(done.attributes())),
                Err(error) => match error.as_service_error() {
                    Some(DeleteItemError::ConditionalCheckFailedException(refusal)) => {
                        format!("{} {}", refused(&error), shown(refusal.item()))
                    }
                    _ => refused(&error),
                },
            };
            self.tell(told);
        }
    }

    async fn transactions(&mut self) {
        self.transact(vec![put_step(("b", "1"), None), put_step(("b", "2"), Some("attribute_not_exists(pk)"))]).await;
        self.transact(vec![put_step(("b", "3"), None), put_step(("b", "1"), Some("attribute_not_exists(pk)"))]).await;
        self.get(key("b", "3")).await;
        self.transact(vec![update_step("attribute_exists(pk)"), check_step("attribute_not_exists(pk)")]).await;
        self.transact(vec![update_step("attribute_exists(pk)"), delete_step("attribute_exists(pk)")]).await;
        self.transact(vec![put_step(("b", "1"), None), put_step(("b", "1"), None)]).await;
        self.transact(Vec::new()).await;
        let many = (0..101).map(|number| put_step(("c", &number.to_string()), None)).collect();
        self.transact(many).await;
    }

    async fn batches(&mut self) {
        let put = |number: usize| {
            let put = PutRequest::builder().set_item(Some(key("many", &format!("{number:03}")))).build().unwrap();
            WriteRequest::builder().put_request(put).build()
        };
        let delete = |number: usize| {
            let delete = DeleteRequest::builder().set_key(Some(key("many", &format!("{number:03}")))).build().unwrap();
            WriteRequest::builder().delete_request(delete).build()
        };
        let batches = [
            (0..25).map(put).collect(),
            vec![delete(3), delete(400), put(25)],
            vec![delete(3), put(3)],
            (0..26).map(put).collect(),
            Vec::new(),
        ];
        for batch in batches {
            let request = BatchWriteItemInputBuilder::default().request_items(TABLE, batch);
            let written = self.engine.batch_write_item(request).await;
            let told = written.map_or_else(
                |error| refused(&error),
                |written| format!("left: {}", written.unprocessed_items().map_or(0, |left| left.len())),
            );
            self.tell(told);
        }
    }

    /// Batches of reads: what is there and what is not, the same key twice, too many, and more than one answer holds.
    async fn many(&mut self) {
        let text_of_300_kb = || text("x".repeat(300 * 1024));
        for number in 0..60 {
            let mut item = key("large", &format!("{number:02}"));
            item.insert("text".to_owned(), text_of_300_kb());
            let request = PutItemInputBuilder::default().table_name(TABLE).set_item(Some(item));
            let put = self.engine.put_item(request).await;
            self.tell(put.map_or_else(|error| refused(&error), |_| "put".to_owned()));
        }
        let keys =
            |pk: &str, count: usize| (0..count).map(|number| key(pk, &format!("{number:03}"))).collect::<Vec<_>>();
        let large = (0..60).map(|number| key("large", &format!("{number:02}"))).collect();
        for wanted in [keys("many", 30), vec![key("many", "001"); 2], keys("many", 101), large] {
            self.get_batch(wanted).await;
        }
    }

    async fn get_batch(&mut self, keys: Vec<Item>) {
        let wanted = KeysAndAttributes::builder().set_keys(Some(keys)).projection_expression("pk, sk").build().unwrap();
        let request = BatchGetItemInputBuilder::default().request_items(TABLE, wanted);
        let told = match self.engine.batch_get_item(request).await {
            Ok(got) => {
                let items = got.responses().and_then(|tables| tables.get(TABLE)).into_iter().flatten();
                let mut items: Vec<_> = items.map(|item| shown(Some(item))).collect();
                items.sort();
                let rest = got.unprocessed_keys().and_then(|tables| tables.get(TABLE));
                let rest = rest.map(|rest| (rest.keys().len(), rest.projection_expression().map(str::to_owned)));
                format!("{items:?}, left: {rest:?}")
            }
            Err(error) => refused(&error),
        };
        self.tell(told);
    }

    async fn pages(&mut self) {
        // Every kind of value, more than one page holds, and nothing.
        for pk in ["kinds", "large", "nobody"] {
            self.query(partition(pk)).await;
        }
        for forward in [true, false] {
            let mut from = None;
            loop {
                let request = partition("many").limit(10).scan_index_forward(forward).set_exclusive_start_key(from);
                from = self.query(request).await;
                if from.is_none() {
                    break;
                }
            }
        }
        let range = partition("many").key_condition_expression("pk = :pk AND sk BETWEEN :first AND :last");
        let range = range
            .expression_attribute_values(":first", text("010"))
            .expression_attribute_values(":last", text("015"))
            .consistent_read(true)
            .projection_expression("sk");
        self.query(range.clone()).await;
        let filter = range.filter_expression("sk <> :twelve").expression_attribute_values(":twelve", text("012"));
        self.query(filter.limit(3)).await;
        let listed = QueryInputBuilder::default()
            .table_name(TABLE)
            .index_name("active")
            .key_condition_expression("activePk = :shard")
            .expression_attribute_values(":shard", text("shard"));
        self.query(listed.clone()).await;
        let mut item = key("a", "3");
        item.extend([("activePk".to_owned(), text("shard")), ("activeSk".to_owned(), text("9"))]);
        item.insert("secret".to_owned(), text("not in the index"));
        self.put(item, None, &[]).await;
        self.query(listed.clone()).await;
        // Without its attributes the item leaves the index.
        self.put(key("a", "3"), None, &[]).await;
        self.query(listed).await;
    }

    /// What no code of ours sends is refused alike.
    async fn nonsense(&mut self) {
        self.put(Item::new(), None, &[]).await;
        self.put(key("", "1"), None, &[]).await;
        let mut large = key("a", "large");
        large.insert("text".to_owned(), text("x".repeat(410 * 1024)));
        self.put(large, None, &[]).await;
        self.get(Item::from([("pk".to_owned(), text("a"))])).await;
        self.query(partition("many").limit(0)).await;
        self.query(partition("many").key_condition_expression("sk = :pk")).await;
        let elsewhere = GetItemInputBuilder::default().table_name("elsewhere").set_key(Some(key("a", "1")));
        let got = self.engine.get_item(elsewhere).await;
        self.tell(refused(&got.unwrap_err()));
    }

    async fn put(&mut self, item: Item, condition: Option<&str>, values: &[(&str, AttributeValue)]) {
        let values: Item = values.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
        let request = PutItemInputBuilder::default()
            .table_name(TABLE)
            .set_item(Some(item))
            .set_condition_expression(condition.map(str::to_owned))
            .set_expression_attribute_values((!values.is_empty()).then_some(values))
            .return_values(ReturnValue::AllOld)
            .return_values_on_condition_check_failure(OnFailure::AllOld);
        let told = match self.engine.put_item(request).await {
            Ok(done) => format!("put over {}", shown(done.attributes())),
            Err(error) => match error.as_service_error() {
                Some(PutItemError::ConditionalCheckFailedException(refusal)) => {
                    format!("{} {}", refused(&error), shown(refusal.item()))
                }
                _ => refused(&error),
            },
        };
        self.tell(told);
    }

    async fn get(&mut self, key: Item) {
        let request = GetItemInputBuilder::default().table_name(TABLE).set_key(Some(key)).consistent_read(true);
        let got = self.engine.get_item(request).await;
        self.tell(got.map_or_else(|error| refused(&error), |got| format!("got {}", shown(got.item()))));
    }

    async fn update(&mut self, update: &str, condition: &str, (pk, sk): (&str, &str), returned: ReturnValue) {
        let request = UpdateItemInputBuilder::default()
            .table_name(TABLE)
            .set_key(Some(key(pk, sk)))
            .update_expression(update)
            .condition_expression(condition)
            .expression_attribute_values(":n", number(1))
            .return_values(returned)
            .return_values_on_condition_check_failure(OnFailure::AllOld);
        let told = match self.engine.update_item(request).await {
            Ok(done) => format!("updated {}", shown(done.attributes())),
            Err(error) => match error.as_service_error() {
                Some(UpdateItemError::ConditionalCheckFailedException(refusal)) => {
                    format!("{} {}", refused(&error), shown(refusal.item()))
                }
                _ => refused(&error),
            },
        };
        self.tell(told);
    }

    async fn transact(&mut self, items: Vec<TransactWriteItem>) {
        let request = TransactWriteItemsInputBuilder::default().set_transact_items(Some(items));
        let told = match self.engine.transact_write_items(request).await {
            Ok(_) => "transacted".to_owned(),
            Err(error) => match error.as_service_error() {
                Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) => {
                    let reasons = cancelled.cancellation_reasons().iter();
                    let reasons = reasons.map(|r| format!("{:?} {:?} {}", r.code(), r.message(), shown(r.item())));
                    format!("{} {:?}", refused(&error), reasons.collect::<Vec<_>>())
                }
                _ => refused(&error),
            },
        };
        self.tell(told);
    }

    async fn query(&mut self, request: QueryInputBuilder) -> Option<Item> {
        match self.engine.query(request).await {
            Ok(page) => {
                let items: Vec<_> = page.items().iter().map(|item| shown(Some(item))).collect();
                let (count, scanned) = (page.count(), page.scanned_count());
                self.tell(format!("{count} of {scanned}: {items:?}, then {}", shown(page.last_evaluated_key())));
                page.last_evaluated_key
            }
            Err(error) => {
                self.tell(refused(&error));
                None
            }
        }
    }
}

/// An item in an order that can be compared; sets have none.
fn shown(item: Option<&Item>) -> Told {
    let sorted = |value: &AttributeValue| match value {
        AttributeValue::Ss(texts) => {
            let mut texts = texts.clone();
            texts.sort();
            format!("{texts:?}")
        }
        AttributeValue::M(map) => shown(Some(map)),
        other => format!("{other:?}"),
    };
    let item = item.map(|item| item.iter().map(|(name, value)| (name, sorted(value))).collect::<BTreeMap<_, _>>());
    format!("{item:?}")
}

fn refused<E: ProvideErrorMetadata + Debug>(error: &SdkError<E>) -> Told {
    let status = error.raw_response().map_or(0, |response| response.status().as_u16());
    let told = error.as_service_error().map(|error| (error.code(), error.message()));
    match told {
        // How a request that is no request is described depends on where it is noticed; nobody reads that.
        Some((Some(code @ "ValidationException"), _)) => format!("{status} {code}"),
        Some((code, message)) => format!("{status} {} {}", code.unwrap_or("?"), message.unwrap_or_default()),
        None => format!("not sent: {error:?}"),
    }
}

fn text(text: impl Into<String>) -> AttributeValue {
    AttributeValue::S(text.into())
}

fn number(number: i32) -> AttributeValue {
    AttributeValue::N(number.to_string())
}

fn key(pk: &str, sk: &str) -> Item {
    Item::from([("pk".to_owned(), text(pk)), ("sk".to_owned(), text(sk))])
}

fn kinds() -> Vec<(&'static str, AttributeValue)> {
    let texts = |all: &[&str]| AttributeValue::Ss(all.iter().map(|&text| text.to_owned()).collect());
    vec![
        ("text", text("grüße \u{1f600}")),
        ("empty", text("")),
        ("number", number(7)),
        ("long number", AttributeValue::N("0012345678901234567.50".to_owned())),
        ("no number", AttributeValue::N("seven".to_owned())),
        ("bytes", AttributeValue::B(Blob::new([0, 255]))),
        ("true", AttributeValue::Bool(true)),
        ("null", AttributeValue::Null(true)),
        ("texts", texts(&["b", "a"])),
        ("texts twice", texts(&["a", "a"])),
        ("no texts", texts(&[])),
        ("numbers", AttributeValue::Ns(vec!["2".to_owned(), "10".to_owned()])),
        ("many bytes", AttributeValue::Bs(vec![Blob::new([1]), Blob::new([2])])),
        ("list", AttributeValue::L(vec![number(1), text("a"), AttributeValue::L(vec![])])),
        ("map", AttributeValue::M(key("x", "y"))),
    ]
}

fn partition(pk: &str) -> QueryInputBuilder {
    QueryInputBuilder::default()
        .table_name(TABLE)
        .key_condition_expression("pk = :pk")
        .expression_attribute_values(":pk", text(pk))
}

fn put_step((pk, sk): (&str, &str), condition: Option<&str>) -> TransactWriteItem {
    let put = Put::builder()
        .table_name(TABLE)
        .set_item(Some(key(pk, sk)))
        .set_condition_expression(condition.map(str::to_owned))
        .return_values_on_condition_check_failure(OnFailure::AllOld);
    TransactWriteItem::builder().put(put.build().unwrap()).build()
}

fn update_step(condition: &str) -> TransactWriteItem {
    let update = Update::builder()
        .table_name(TABLE)
        .set_key(Some(key("b", "1")))
        .update_expression("SET seats = :n")
        .condition_expression(condition)
        .expression_attribute_values(":n", number(4))
        .return_values_on_condition_check_failure(OnFailure::AllOld);
    TransactWriteItem::builder().update(update.build().unwrap()).build()
}

fn check_step(condition: &str) -> TransactWriteItem {
    let check = ConditionCheck::builder()
        .table_name(TABLE)
        .set_key(Some(key("b", "2")))
        .condition_expression(condition)
        .return_values_on_condition_check_failure(OnFailure::AllOld);
    TransactWriteItem::builder().condition_check(check.build().unwrap()).build()
}

fn delete_step(condition: &str) -> TransactWriteItem {
    let delete = Delete::builder()
        .table_name(TABLE)
        .set_key(Some(key("b", "2")))
        .condition_expression(condition)
        .return_values_on_condition_check_failure(OnFailure::AllOld);
    TransactWriteItem::builder().delete(delete.build().unwrap()).build()
}
