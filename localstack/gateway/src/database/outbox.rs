//! What marked writes leave to be told: this server's way to DynamoDB Streams. The embedded database has streams of its own, but with
//! one on the table every write costs several times as much, and the more the longer it runs. Here only a marked write pays.
//!
//! It runs while nothing else does. In a file, its items are read, kept as a record without an end, written, read again, and kept as a
//! whole record. A process that dies in between leaves a record without an end; the item as it is then is the end of it, because nothing
//! was written since. Records stay in the table until what reads them has handed them over. Where the table ends with the process, they
//! are in no table: all of that would be paid for nothing.

use std::collections::{HashMap, VecDeque};

use dynoxide::actions::{batch_write_item, delete_item, put_item, query, transact_write_items, update_item};
use dynoxide::{AttributeValue, DynoxideError};

use super::attributes::EmbeddedItem;
use super::engine::Engine;
use super::rows;

/// The attribute that marks an item, and the value of an expression that does.
pub const MARK: &str = "happened";
const MARK_VALUE: &str = ":happened";

/// Where records lie in the table.
const PARTITION: &str = "OUTBOX";
/// How many numbers of records are taken at a time; those that a process did not come to are left out.
const NUMBERS: u64 = 10_000;

/// So many items are deleted at a time.
const BATCH: usize = 25;
/// So many records are looked at at a time when a database is opened.
const PAGE: usize = 100;

/// One item that a request marks.
#[derive(Debug, Clone)]
pub struct Marked {
    table: String,
    key: EmbeddedItem,
}

/// What one write made of an item.
#[derive(Debug, Clone)]
pub struct Record {
    /// Its number; later ones are larger, over every start of the server.
    pub number: u64,
    /// The item's key.
    pub key: EmbeddedItem,
    /// The item before, if it was there.
    pub before: Option<EmbeddedItem>,
    /// The item after; what it is now where the write was cut short. `None` if it is gone since.
    pub after: Option<EmbeddedItem>,
}

/// Where records are until they are handed over.
#[derive(Debug)]
pub enum Outbox {
    /// In the table, under these numbers.
    InTable(Numbers),
    /// In memory, as the table is.
    InMemory(Held),
}

/// Records that are in no table.
#[derive(Debug, Default)]
pub struct Held {
    last: u64,
    records: VecDeque<Record>,
}

/// The numbers of records in a table.
#[derive(Debug, Default)]
pub struct Numbers {
    next: u64,
    end: u64,
}

/// The item that an update marks.
pub fn of_update(request: &update_item::UpdateItemRequest) -> Vec<Marked> {
    let marks = marks(request.expression_attribute_values.as_ref());
    let marked = || Marked { table: request.table_name.clone(), key: request.key.clone() };
    marks.then(marked).into_iter().collect()
}

/// The item that a put marks.
pub fn of_put(request: &put_item::PutItemRequest) -> Vec<Marked> {
    put(&request.table_name, &request.item).into_iter().collect()
}

/// The items that a transaction marks.
pub fn of_transaction(request: &transact_write_items::TransactWriteItemsRequest) -> Vec<Marked> {
    let steps = request.transact_items.iter().filter_map(|step| match (&step.update, &step.put) {
        (Some(update), _) => marks(update.expression_attribute_values.as_ref())
            .then(|| Marked { table: update.table_name.clone(), key: update.key.clone() }),
        (None, Some(new)) => put(&new.table_name, &new.item),
        (None, None) => None,
    });
    steps.collect()
}

fn marks(values: Option<&EmbeddedItem>) -> bool {
    values.is_some_and(|values| values.contains_key(MARK_VALUE))
}

fn put(table: &str, item: &EmbeddedItem) -> Option<Marked> {
    item.contains_key(MARK).then(|| {
        let key = ["pk", "sk"].into_iter().filter_map(|name| Some((name.to_owned(), item.get(name)?.clone())));
        Marked { table: table.to_owned(), key: key.collect() }
    })
}

/// Does a write that marks items, and keeps what it made of them. Nothing else may write meanwhile.
pub fn write<A>(
    engine: &Engine,
    outbox: &mut Outbox,
    marked: &[Marked],
    request: impl FnOnce(&Engine) -> Result<A, DynoxideError>,
) -> Result<A, DynoxideError> {
    match outbox {
        Outbox::InTable(numbers) => write_in_table(engine, numbers, marked, request),
        Outbox::InMemory(held) => held.write(engine, marked, request),
    }
}

fn write_in_table<A>(
    engine: &Engine,
    numbers: &mut Numbers,
    marked: &[Marked],
    request: impl FnOnce(&Engine) -> Result<A, DynoxideError>,
) -> Result<A, DynoxideError> {
    let mut records = Vec::with_capacity(marked.len());
    for each in marked {
        let number = numbers.next(engine, &each.table)?;
        records.push((each, number, item(engine, each)?));
    }
    for (each, number, before) in &records {
        keep(engine, each, *number, before.as_ref(), None)?;
    }
    let answer = match request(engine) {
        Ok(answer) => answer,
        Err(refused) => {
            for (each, number, _) in &records {
                forget(engine, &each.table, *number)?;
            }
            return Err(refused);
        }
    };
    for (each, number, before) in &records {
        let after = item(engine, each)?;
        keep(engine, each, *number, before.as_ref(), after.as_ref())?;
    }
    Ok(answer)
}

impl Held {
    fn write<A>(
        &mut self,
        engine: &Engine,
        marked: &[Marked],
        request: impl FnOnce(&Engine) -> Result<A, DynoxideError>,
    ) -> Result<A, DynoxideError> {
        let before = marked.iter().map(|each| item(engine, each)).collect::<Result<Vec<_>, _>>()?;
        let answer = request(engine)?;
        for (each, before) in marked.iter().zip(before) {
            let after = item(engine, each)?;
            self.last += 1;
            self.records.push_back(Record { number: self.last, key: each.key.clone(), before, after });
        }
        Ok(answer)
    }

    /// The oldest ones, at most so many.
    pub fn oldest(&self, limit: usize) -> Vec<Record> {
        self.records.iter().take(limit).cloned().collect()
    }

    /// These were handed over.
    pub fn handed_over(&mut self, numbers: &[u64]) {
        self.records.retain(|record| !numbers.contains(&record.number));
        self.records.shrink_to(2 * self.records.len());
    }
}

/// Gives an end to every record that has none: before anything else is written.
pub fn finish(engine: &Engine, table: &str) -> Result<(), DynoxideError> {
    let mut from = 0;
    loop {
        let page = oldest(engine, table, from, PAGE)?;
        for &Record { number, ref key, ref before, ref after } in &page {
            let of = Marked { table: table.to_owned(), key: key.clone() };
            keep(engine, &of, number, before.as_ref(), after.as_ref())?;
        }
        match page.last().filter(|_| page.len() == PAGE) {
            Some(last) => from = last.number + 1,
            None => return Ok(()),
        }
    }
}

/// The oldest records from that number on, at most so many.
pub fn oldest(engine: &Engine, table: &str, from: u64, limit: usize) -> Result<Vec<Record>, DynoxideError> {
    let bounds = [(":from", format!("{from:020}")), (":numbers", NUMBERS_KEY.to_owned())];
    let mut values = HashMap::from([(":records".to_owned(), AttributeValue::S(PARTITION.to_owned()))]);
    values.extend(bounds.map(|(name, bound)| (name.to_owned(), AttributeValue::S(bound))));
    let request = query::QueryRequest {
        table_name: table.to_owned(),
        key_condition_expression: Some("pk = :records AND sk BETWEEN :from AND :numbers".to_owned()),
        expression_attribute_values: Some(values),
        scan_index_forward: true,
        limit: Some(limit),
        ..Default::default()
    };
    let found = engine.query(request)?.items.unwrap_or_default();
    let records = found.into_iter().filter(|row| row.contains_key("key"));
    records.map(|row| record(engine, table, row)).collect()
}

/// Records were handed over.
pub fn handed_over(engine: &Engine, table: &str, numbers: &[u64]) -> Result<(), DynoxideError> {
    for batch in numbers.chunks(BATCH) {
        let deletions = batch.iter().map(|number| batch_write_item::WriteRequest {
            put_request: None,
            delete_request: Some(batch_write_item::DeleteRequest { key: row_key(*number) }),
        });
        let request_items = HashMap::from([(table.to_owned(), deletions.collect())]);
        engine.batch_write_item(batch_write_item::BatchWriteItemRequest { request_items, ..Default::default() })?;
    }
    Ok(())
}

fn record(engine: &Engine, table: &str, mut row: EmbeddedItem) -> Result<Record, DynoxideError> {
    let number = match row.get("sk") {
        Some(AttributeValue::S(number)) => number.parse().ok(),
        _ => None,
    };
    let mut map = |name: &str| match row.remove(name) {
        Some(AttributeValue::M(map)) => Some(map),
        _ => None,
    };
    let (Some(number), Some(key)) = (number, map("key")) else {
        return Err(DynoxideError::InternalServerError("a record is malformed".to_owned()));
    };
    let (before, after) = (map("before"), map("after"));
    let after = match after {
        Some(after) => Some(after),
        None => item(engine, &Marked { table: table.to_owned(), key: key.clone() })?,
    };
    Ok(Record { number, key, before, after })
}

fn item(engine: &Engine, of: &Marked) -> Result<Option<EmbeddedItem>, DynoxideError> {
    let Some(place) = rows::place_of(&of.table, &of.key) else { return Ok(None) };
    let json = engine.item_json(&place)?;
    let item = json.as_deref().map(serde_json::from_str).transpose();
    item.map_err(|error| DynoxideError::InternalServerError(error.to_string()))
}

fn keep(
    engine: &Engine,
    of: &Marked,
    number: u64,
    before: Option<&EmbeddedItem>,
    after: Option<&EmbeddedItem>,
) -> Result<(), DynoxideError> {
    let mut row = row_key(number);
    let parts = [("key", Some(&of.key)), ("before", before), ("after", after)];
    row.extend(parts.into_iter().filter_map(|(name, map)| Some((name.to_owned(), AttributeValue::M(map?.clone())))));
    engine.put_item(put_item::PutItemRequest { table_name: of.table.clone(), item: row, ..Default::default() })?;
    Ok(())
}

fn forget(engine: &Engine, table: &str, number: u64) -> Result<(), DynoxideError> {
    let request =
        delete_item::DeleteItemRequest { table_name: table.to_owned(), key: row_key(number), ..Default::default() };
    engine.delete_item(request).map(drop)
}

fn row_key(number: u64) -> EmbeddedItem {
    place(&format!("{number:020}"))
}

fn place(sort: &str) -> EmbeddedItem {
    HashMap::from([
        ("pk".to_owned(), AttributeValue::S(PARTITION.to_owned())),
        ("sk".to_owned(), AttributeValue::S(sort.to_owned())),
    ])
}

/// Where the next numbers are kept: it sorts behind every number.
const NUMBERS_KEY: &str = "NUMBERS";

impl Numbers {
    /// The next number. Blocks of them are taken from the table, so that none comes twice, whenever the process ends.
    fn next(&mut self, engine: &Engine, table: &str) -> Result<u64, DynoxideError> {
        if self.next == self.end {
            let request = update_item::UpdateItemRequest {
                table_name: table.to_owned(),
                key: place(NUMBERS_KEY),
                update_expression: Some("ADD taken :block".to_owned()),
                expression_attribute_values: Some(HashMap::from([(
                    ":block".to_owned(),
                    AttributeValue::N(NUMBERS.to_string()),
                )])),
                return_values: Some("UPDATED_NEW".to_owned()),
                ..Default::default()
            };
            let taken = engine.update_item(request)?.attributes.and_then(|mut new| new.remove("taken"));
            let Some(AttributeValue::N(taken)) = taken else {
                return Err(DynoxideError::InternalServerError("the numbers of records are malformed".to_owned()));
            };
            self.end = taken.parse().map_err(|_| DynoxideError::InternalServerError(taken))?;
            self.next = self.end - NUMBERS;
        }
        self.next += 1;
        Ok(self.next)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::database::{Database, Table};
    use crate::{aws, object_store};

    const TABLE: &str = "rooms";

    async fn opened() -> Table {
        let database = Database::open(None).expect("a database in memory");
        let sdk = aws::config(database.table(), Arc::default(), &object_store::keys("key"), None, None);
        store::TableDefinition::new(&sdk, TABLE).create_table().await.expect("a table");
        database.table()
    }

    fn text(value: &str) -> AttributeValue {
        AttributeValue::S(value.to_owned())
    }

    fn seat() -> EmbeddedItem {
        HashMap::from([("pk".to_owned(), text("SESSION#1")), ("sk".to_owned(), text("PARTICIPANT#2"))])
    }

    fn update(expression: &str, condition: Option<&str>) -> update_item::UpdateItemRequest {
        update_item::UpdateItemRequest {
            table_name: TABLE.to_owned(),
            key: seat(),
            update_expression: Some(format!("{expression}, happened = :happened")),
            condition_expression: condition.map(str::to_owned),
            expression_attribute_values: Some(HashMap::from([
                (":happened".to_owned(), AttributeValue::N("7".to_owned())),
                (":word".to_owned(), text("here")),
            ])),
            ..Default::default()
        }
    }

    fn written(engine: &Engine, outbox: &mut Outbox, request: update_item::UpdateItemRequest) -> bool {
        let marked = of_update(&request);
        assert_eq!(marked.len(), 1);
        write(engine, outbox, &marked, |engine| engine.update_item(request)).is_ok()
    }

    fn in_table() -> Outbox {
        Outbox::InTable(Numbers::default())
    }

    fn in_memory() -> Outbox {
        Outbox::InMemory(Held::default())
    }

    fn kept(engine: &Engine, outbox: &Outbox, limit: usize) -> Result<Vec<Record>, DynoxideError> {
        match outbox {
            Outbox::InTable(_) => oldest(engine, TABLE, 0, limit),
            Outbox::InMemory(held) => Ok(held.oldest(limit)),
        }
    }

    fn word(image: Option<&EmbeddedItem>) -> Option<&AttributeValue> {
        image.and_then(|image| image.get("word"))
    }

    #[tokio::test]
    async fn a_marked_write_leaves_the_item_before_and_after_and_a_refused_one_nothing() {
        for mut outbox in [in_table(), in_memory()] {
            let told = opened().await.run_here(|engine| {
                assert!(written(engine, &mut outbox, update("SET word = :word", None)));
                assert!(written(engine, &mut outbox, update("SET later = :word", None)));
                assert!(!written(engine, &mut outbox, update("SET word = :word", Some("attribute_not_exists(pk)"))));
                kept(engine, &outbox, 9)
            });
            let told = told.expect("records");
            assert_eq!(told.len(), 2, "{told:?}");
            assert!(told[0].number < told[1].number);
            assert_eq!((told[0].before.is_none(), word(told[0].after.as_ref())), (true, Some(&text("here"))));
            assert_eq!(told[1].before, told[0].after);
            assert!(told[1].after.as_ref().is_some_and(|after| after.contains_key("later")));
        }
    }

    #[tokio::test]
    async fn what_is_held_in_memory_is_there_in_order_until_it_was_handed_over() {
        let table = opened().await;
        let mut held = Held::default();
        let wrote = table.run_here(|engine| {
            for _ in 0..5 {
                let request = update("SET word = :word", None);
                held.write(engine, &of_update(&request), |engine| engine.update_item(request))?;
            }
            Ok(())
        });
        wrote.expect("written");
        let numbers = |held: &Held, limit| held.oldest(limit).iter().map(|record| record.number).collect::<Vec<_>>();
        assert_eq!(numbers(&held, 3), [1, 2, 3]);
        assert_eq!(numbers(&held, 3), [1, 2, 3], "looked at, not taken");
        held.handed_over(&[1, 2]);
        assert_eq!(numbers(&held, 9), [3, 4, 5]);
    }

    #[tokio::test]
    async fn a_record_of_a_process_that_died_gets_the_item_as_it_is_and_numbers_go_on_above_it() {
        let told = opened().await.run_here(|engine| {
            let marked = of_update(&update("SET word = :word", None)).remove(0);
            let mut numbers = Numbers::default();
            let number = numbers.next(engine, TABLE)?;
            // It had noted the beginning, and died once the write was done.
            keep(engine, &marked, number, None, None)?;
            engine.update_item(update("SET word = :word", None))?;
            finish(engine, TABLE)?;
            // Another write in the next process changes nothing of that.
            assert!(written(engine, &mut in_table(), update("SET later = :word", None)));
            oldest(engine, TABLE, 0, 9)
        });
        let told = told.expect("records");
        assert_eq!(word(told[0].after.as_ref()), Some(&text("here")));
        assert!(!told[0].after.as_ref().is_some_and(|after| after.contains_key("later")));
        assert!(told[0].number < told[1].number);
    }

    #[tokio::test]
    async fn what_was_handed_over_is_gone_and_the_numbers_are_kept() {
        let told = opened().await.run_here(|engine| {
            let mut outbox = in_table();
            for _ in 0..30 {
                assert!(written(engine, &mut outbox, update("SET word = :word", None)));
            }
            let first = oldest(engine, TABLE, 0, 29)?;
            handed_over(engine, TABLE, &first.iter().map(|record| record.number).collect::<Vec<_>>())?;
            let rest = oldest(engine, TABLE, 0, 99)?;
            let next = Numbers::default().next(engine, TABLE)?;
            Ok((first.len(), rest, next))
        });
        let (first, rest, next) = told.expect("records");
        assert_eq!((first, rest.len()), (29, 1));
        assert!(next > rest[0].number);
    }

    #[test]
    fn only_what_is_marked_is_recorded() {
        let quiet = update_item::UpdateItemRequest {
            expression_attribute_values: Some(HashMap::from([(":word".to_owned(), text("x"))])),
            ..update("SET word = :word", None)
        };
        assert!(of_update(&quiet).is_empty());
        let put = |item| put_item::PutItemRequest { table_name: TABLE.to_owned(), item, ..Default::default() };
        assert!(of_put(&put(seat())).is_empty());
        let mut marked = seat();
        marked.insert(MARK.to_owned(), AttributeValue::N("7".to_owned()));
        assert_eq!(of_put(&put(marked)).first().map(|marked| marked.key.clone()), Some(seat()));
    }
}
