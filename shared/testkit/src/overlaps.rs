//! What the embedded database does not do: while a transaction is under way, DynamoDB refuses every other write to its items
//! (<https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis.html#transaction-conflict-handling>).

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::lock;

/// The keys of an item, as they stand in a request.
type ItemKey = (String, String);

/// The items of the transactions that are under way, each for the same time.
#[derive(Debug)]
pub struct Overlaps {
    lasts: Duration,
    busy: Mutex<HashMap<ItemKey, Instant>>,
}

/// What becomes of a request.
#[derive(Debug, Clone, PartialEq)]
pub enum Passage {
    /// It is done after this time.
    After(Duration),
    /// It is refused with this answer, of status 400.
    Refused(Value),
}

impl Overlaps {
    /// A transaction takes so long.
    pub fn new(lasts: Duration) -> Self {
        Self { lasts, busy: Mutex::default() }
    }

    /// Decides over one request by its operation and its body.
    pub fn judge(&self, operation: &str, body: &[u8]) -> Passage {
        let body: Value = serde_json::from_slice(body).unwrap_or_default();
        let keys = written_keys(operation, &body);
        let is_transaction = operation == "TransactWriteItems";
        let now = Instant::now();
        let mut busy = lock(&self.busy);
        busy.retain(|_, until| *until > now);
        let conflicts: Vec<_> = keys.iter().map(|key| busy.contains_key(key)).collect();
        if conflicts.contains(&true) {
            return Passage::Refused(if is_transaction { cancelled(&conflicts) } else { conflicting() });
        }
        if !is_transaction {
            return Passage::After(Duration::ZERO);
        }
        busy.extend(keys.into_iter().map(|key| (key, now + self.lasts)));
        Passage::After(self.lasts)
    }
}

/// The items that a request writes; none for one that reads.
fn written_keys(operation: &str, body: &Value) -> Vec<ItemKey> {
    match operation {
        "PutItem" | "UpdateItem" | "DeleteItem" => vec![key(body)],
        "TransactWriteItems" => {
            let items = body["TransactItems"].as_array().into_iter().flatten();
            items.filter_map(|item| item.as_object()?.values().next()).map(key).collect()
        }
        _ => Vec::new(),
    }
}

/// A put has its key in the item, everything else beside it.
fn key(write: &Value) -> ItemKey {
    let of = |name: &str| {
        let holder = if write["Item"].is_null() { &write["Key"] } else { &write["Item"] };
        holder[name]["S"].as_str().unwrap_or_default().to_owned()
    };
    (of("pk"), of("sk"))
}

fn cancelled(conflicts: &[bool]) -> Value {
    let code = |conflict: &bool| if *conflict { "TransactionConflict" } else { "None" };
    let reasons: Vec<_> = conflicts.iter().map(|conflict| json!({ "Code": code(conflict) })).collect();
    json!({
        "__type": "com.amazonaws.dynamodb.v20120810#TransactionCanceledException",
        "Message": "Transaction cancelled, please refer cancellation reasons for specific reasons",
        "CancellationReasons": reasons,
    })
}

fn conflicting() -> Value {
    json!({
        "__type": "com.amazonaws.dynamodb.v20120810#TransactionConflictException",
        "message": "Transaction is ongoing for the item",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(3600);

    fn named(name: &str) -> Value {
        json!({ "pk": { "S": name }, "sk": { "S": "META" } })
    }

    fn transaction(names: &[&str]) -> Vec<u8> {
        let update = |name: &&str| json!({ "Update": { "Key": named(name) } });
        json!({ "TransactItems": names.iter().map(update).collect::<Vec<_>>() }).to_string().into_bytes()
    }

    fn codes(passage: &Passage) -> Vec<&str> {
        let Passage::Refused(answer) = passage else { panic!("{passage:?}") };
        answer["CancellationReasons"].as_array().unwrap().iter().filter_map(|r| r["Code"].as_str()).collect()
    }

    #[test]
    fn a_transaction_is_refused_at_the_position_of_the_item_that_is_busy() {
        let overlaps = Overlaps::new(LONG);
        assert_eq!(overlaps.judge("TransactWriteItems", &transaction(&["a", "b"])), Passage::After(LONG));
        let refused = overlaps.judge("TransactWriteItems", &transaction(&["c", "b"]));
        assert_eq!(codes(&refused), ["None", "TransactionConflict"]);
        // What was refused holds nothing.
        assert_eq!(overlaps.judge("TransactWriteItems", &transaction(&["c"])), Passage::After(LONG));
    }

    #[test]
    fn a_single_write_is_refused_and_a_read_is_not() {
        let overlaps = Overlaps::new(LONG);
        overlaps.judge("TransactWriteItems", &transaction(&["a"]));
        let of = |holder: &str, name: &str| json!({ holder: named(name) }).to_string().into_bytes();
        for (operation, holder) in [("PutItem", "Item"), ("UpdateItem", "Key"), ("DeleteItem", "Key")] {
            let Passage::Refused(answer) = overlaps.judge(operation, &of(holder, "a")) else { panic!("{operation}") };
            assert_eq!(answer["__type"], "com.amazonaws.dynamodb.v20120810#TransactionConflictException");
            assert_eq!(overlaps.judge(operation, &of(holder, "b")), Passage::After(Duration::ZERO));
        }
        assert_eq!(overlaps.judge("GetItem", &of("Key", "a")), Passage::After(Duration::ZERO));
    }

    #[test]
    fn what_is_over_is_in_nobodys_way() {
        let overlaps = Overlaps::new(Duration::ZERO);
        for _ in 0..2 {
            assert_eq!(overlaps.judge("TransactWriteItems", &transaction(&["a"])), Passage::After(Duration::ZERO));
        }
    }
}
