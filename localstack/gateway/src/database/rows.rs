//! Items as dynoxide keeps them in SQLite, made from the SDK's types and read into them without what lies between.

use std::fmt;

use aws_sdk_dynamodb::operation::get_item::GetItemInput;
use aws_sdk_dynamodb::operation::put_item::PutItemInput;
use aws_sdk_dynamodb::operation::query::QueryInput;
use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use dynoxide::AttributeValue as Embedded;
use dynoxide::storage::compute_hash_prefix;
use dynoxide::types::{MAX_ITEM_SIZE, number_size};
use serde::de::{Error as _, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::attributes::{EmbeddedItem, Item};
use super::outbox;

/// The longest partition key and sort key, in bytes
/// (<https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html>).
const LONGEST_KEYS: [usize; 2] = [2048, 1024];
/// DynamoDB keeps 38 digits of a number; shorter ones of digits alone are kept as they are.
const DIGITS: usize = 38;

/// Where an item is: the table, and the keys as they are kept.
#[derive(Debug, PartialEq, Eq)]
pub struct Place {
    pub table: String,
    pub pk: String,
    pub sk: String,
}

/// An item as it is kept.
#[derive(Debug, PartialEq, Eq)]
pub struct Row {
    pub place: Place,
    pub json: String,
    /// As DynamoDB weighs it, in bytes.
    pub size: usize,
    /// What parallel scans go by.
    pub hash_prefix: String,
}

/// Where a request looks that reads a whole item; `None` of any other, and of one that is refused.
pub fn place(request: &GetItemInput) -> Option<Place> {
    let is_whole = request.projection_expression.is_none() && request.expression_attribute_names.is_none();
    let key = request.key.as_ref().filter(|key| is_whole && key.len() == LONGEST_KEYS.len())?;
    place_in(request.table_name.as_deref()?, key)
}

/// The row of a request that puts an item of texts, numbers, bytes and truths, which is in no index and marks nothing, whatever is
/// there; `None` of any other, and of one that is refused.
pub fn row(request: &PutItemInput) -> Option<Row> {
    let is_bare = request.condition_expression.is_none()
        && request.expression_attribute_names.is_none()
        && request.expression_attribute_values.is_none();
    let item = request.item.as_ref().filter(|item| is_bare && !item.contains_key(outbox::MARK))?;
    if store::INDEX_ATTRIBUTES.iter().any(|&name| item.contains_key(name)) {
        return None;
    }
    let place = place_in(request.table_name.as_deref()?, item)?;
    let attributes: Vec<_> = item.iter().map(|(name, value)| Some((name, Plain::of(value)?))).collect::<Option<_>>()?;
    let size = attributes.iter().map(|(name, value)| name.len() + value.size()).sum();
    if size > MAX_ITEM_SIZE || attributes.iter().any(|(name, _)| name.is_empty()) {
        return None;
    }
    let json = serde_json::to_string(&InOrder(&attributes)).ok()?;
    let pk = item.get("pk")?.as_s().ok()?.clone();
    Some(Row { place, json, size, hash_prefix: compute_hash_prefix(&dynoxide::AttributeValue::S(pk)) })
}

/// The table and the partition of a request that reads all of it from its beginning; `None` of any other, and of one that is refused.
pub fn partition(request: &QueryInput) -> Option<(String, String)> {
    let is_whole = request.key_condition_expression.as_deref() == Some("pk = :pk")
        && request.index_name.is_none()
        && request.filter_expression.is_none()
        && request.projection_expression.is_none()
        && request.expression_attribute_names.is_none()
        && request.exclusive_start_key.is_none()
        && request.limit.is_none()
        && request.select.is_none()
        && request.scan_index_forward != Some(false);
    let values = request.expression_attribute_values.as_ref().filter(|values| is_whole && values.len() == 1)?;
    let pk = kept_key(values.get(":pk")?, LONGEST_KEYS[0])?;
    Some((request.table_name.clone().filter(|table| is_name(table))?, pk))
}

/// An item from the JSON that it is kept as.
pub fn read(json: &str) -> serde_json::Result<Item> {
    serde_json::from_str(json).map(|Kept(item)| item)
}

fn place_in(table: &str, item: &Item) -> Option<Place> {
    let [longest_pk, longest_sk] = LONGEST_KEYS;
    let (pk, sk) = (kept_key(item.get("pk")?, longest_pk)?, kept_key(item.get("sk")?, longest_sk)?);
    is_name(table).then(|| Place { table: table.to_owned(), pk, sk })
}

/// Where an item of the embedded database is; `None` where its key is none.
pub fn place_of(table: &str, key: &EmbeddedItem) -> Option<Place> {
    let kept = |name: &str| match key.get(name) {
        Some(Embedded::S(text)) => Some(format!("S:{text}")),
        _ => None,
    };
    Some(Place { table: table.to_owned(), pk: kept("pk")?, sk: kept("sk")? })
}

/// Whether a table may be called that: SQL has such a name between quotes as it is.
fn is_name(table: &str) -> bool {
    table.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte))
}

/// A key that is a text, as it is kept.
fn kept_key(value: &AttributeValue, longest: usize) -> Option<String> {
    let text = value.as_s().ok().filter(|text| (1..=longest).contains(&text.len()))?;
    Some(format!("S:{text}"))
}

/// A value that is kept as it came.
#[derive(Serialize)]
enum Plain<'a> {
    S(&'a str),
    N(&'a str),
    #[serde(serialize_with = "as_base64")]
    B(&'a [u8]),
    #[serde(rename = "BOOL")]
    Bool(bool),
}

impl<'a> Plain<'a> {
    fn of(value: &'a AttributeValue) -> Option<Self> {
        Some(match value {
            AttributeValue::S(text) => Self::S(text),
            AttributeValue::N(number) if is_plain_number(number) => Self::N(number),
            AttributeValue::B(bytes) => Self::B(bytes.as_ref()),
            AttributeValue::Bool(is) => Self::Bool(*is),
            _ => return None,
        })
    }

    /// As DynamoDB weighs it, in bytes.
    fn size(&self) -> usize {
        match self {
            Self::S(text) => text.len(),
            Self::N(number) => number_size(number),
            Self::B(bytes) => bytes.len(),
            Self::Bool(_) => 1,
        }
    }
}

/// Whether a number is written in the one way that needs no other: digits, none of them a leading zero.
fn is_plain_number(number: &str) -> bool {
    let digits = number.as_bytes();
    (1..=DIGITS).contains(&digits.len())
        && digits.iter().all(u8::is_ascii_digit)
        && (digits[0] != b'0' || digits.len() == 1)
}

fn as_base64<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&STANDARD.encode(bytes))
}

struct InOrder<'a>(&'a [(&'a String, Plain<'a>)]);

impl Serialize for InOrder<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, value)| (name, value)))
    }
}

/// A value as it is kept.
#[derive(Deserialize)]
enum KeptValue {
    S(String),
    N(String),
    B(String),
    #[serde(rename = "BOOL")]
    Bool(bool),
    #[serde(rename = "NULL")]
    Null(bool),
    #[serde(rename = "SS")]
    Texts(Vec<String>),
    #[serde(rename = "NS")]
    Numbers(Vec<String>),
    #[serde(rename = "BS")]
    AllBytes(Vec<String>),
    L(Vec<KeptValue>),
    M(Kept),
}

impl KeptValue {
    fn outward(self) -> Result<AttributeValue, base64::DecodeError> {
        let blob = |text: String| STANDARD.decode(text).map(Blob::new);
        Ok(match self {
            Self::S(text) => AttributeValue::S(text),
            Self::N(number) => AttributeValue::N(number),
            Self::B(text) => AttributeValue::B(blob(text)?),
            Self::Bool(is) => AttributeValue::Bool(is),
            Self::Null(is) => AttributeValue::Null(is),
            Self::Texts(texts) => AttributeValue::Ss(texts),
            Self::Numbers(numbers) => AttributeValue::Ns(numbers),
            Self::AllBytes(all) => AttributeValue::Bs(all.into_iter().map(blob).collect::<Result<_, _>>()?),
            Self::L(values) => AttributeValue::L(values.into_iter().map(Self::outward).collect::<Result<_, _>>()?),
            Self::M(Kept(map)) => AttributeValue::M(map),
        })
    }
}

/// Attributes by name, from what is kept.
struct Kept(Item);

impl<'de> Deserialize<'de> for Kept {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(KeptVisitor)
    }
}

struct KeptVisitor;

impl<'de> Visitor<'de> for KeptVisitor {
    type Value = Kept;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("attributes by name")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Kept, A::Error> {
        // Most have about so many, and growing costs more than room.
        let mut item = Item::with_capacity(16);
        while let Some((name, value)) = map.next_entry::<String, KeptValue>()? {
            item.insert(name, value.outward().map_err(A::Error::custom)?);
        }
        Ok(Kept(item))
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_dynamodb::operation::put_item::builders::PutItemInputBuilder;

    use super::*;

    fn put(attributes: &[(&str, AttributeValue)]) -> PutItemInput {
        let key = [("pk", AttributeValue::S("room".to_owned())), ("sk", AttributeValue::S("1".to_owned()))];
        let item = key.iter().chain(attributes).map(|(name, value)| ((*name).to_owned(), value.clone()));
        let request = PutItemInputBuilder::default().table_name("rooms").set_item(Some(item.collect()));
        request.build().expect("a request")
    }

    fn number(digits: &str) -> AttributeValue {
        AttributeValue::N(digits.to_owned())
    }

    #[test]
    fn a_row_is_what_dynoxide_would_have_kept() {
        let request = put(&[
            ("text", AttributeValue::S("\"ü\"".to_owned())),
            ("number", number("1764331200")),
            ("bytes", AttributeValue::B(Blob::new([0, 255]))),
            ("is", AttributeValue::Bool(true)),
        ]);
        let item = request.item.clone().expect("an item");
        let row = row(&request).expect("a plain item");
        let embedded = super::super::attributes::inward(item.clone()).expect("known kinds");
        assert_eq!(row.size, dynoxide::types::item_size(&embedded));
        assert_eq!(serde_json::from_str::<dynoxide::Item>(&row.json).expect("JSON"), embedded);
        assert_eq!(read(&row.json).expect("JSON"), item);
        assert_eq!((row.place.pk.as_str(), row.place.sk.as_str()), ("S:room", "S:1"));
    }

    #[test]
    fn what_dynoxide_refuses_or_keeps_otherwise_is_left_to_it() {
        let index = store::INDEX_ATTRIBUTES[0];
        for (name, value) in [
            ("pk", AttributeValue::S(String::new())),
            ("sk", number("1")),
            ("sk", AttributeValue::S("x".repeat(1025))),
            ("", number("1")),
            ("number", number("007")),
            ("number", number("1.0")),
            ("number", number(&"9".repeat(39))),
            ("set", AttributeValue::Ss(vec!["a".to_owned()])),
            ("large", AttributeValue::S("x".repeat(400 * 1024))),
            (index, AttributeValue::S("shard".to_owned())),
            (outbox::MARK, number("1")),
        ] {
            assert_eq!(row(&put(&[(name, value)])), None, "{name}");
        }
        assert!(row(&put(&[])).is_some());
    }
}
