//! Attribute values and items, between the SDK's types and the embedded database's.

use std::collections::HashMap;

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use dynoxide::{AttributeValue as Embedded, DynoxideError};

/// Attributes by name, as the SDK has them.
pub type Item = HashMap<String, AttributeValue>;
/// Attributes by name, as the embedded database has them.
pub type EmbeddedItem = HashMap<String, Embedded>;

/// An item for the embedded database.
pub fn inward(item: Item) -> Result<EmbeddedItem, DynoxideError> {
    item.into_iter().map(|(name, value)| Ok((name, value_inward(value)?))).collect()
}

/// The same of an item that need not be there.
pub fn inward_if_any(item: Option<Item>) -> Result<Option<EmbeddedItem>, DynoxideError> {
    item.map(inward).transpose()
}

/// An item from the embedded database.
pub fn outward(item: EmbeddedItem) -> Item {
    item.into_iter().map(|(name, value)| (name, value_outward(value))).collect()
}

fn value_inward(value: AttributeValue) -> Result<Embedded, DynoxideError> {
    Ok(match value {
        AttributeValue::S(text) => Embedded::S(text),
        AttributeValue::N(number) => Embedded::N(number),
        AttributeValue::B(bytes) => Embedded::B(bytes.into_inner()),
        AttributeValue::Bool(is) => Embedded::BOOL(is),
        AttributeValue::Null(is) => Embedded::NULL(is),
        AttributeValue::Ss(texts) => Embedded::SS(texts),
        AttributeValue::Ns(numbers) => Embedded::NS(numbers),
        AttributeValue::Bs(all) => Embedded::BS(all.into_iter().map(Blob::into_inner).collect()),
        AttributeValue::L(values) => Embedded::L(values.into_iter().map(value_inward).collect::<Result<_, _>>()?),
        AttributeValue::M(map) => Embedded::M(inward(map)?),
        // The SDK's types may get more kinds.
        other => return Err(DynoxideError::ValidationException(format!("no kind of value that is known: {other:?}"))),
    })
}

fn value_outward(value: Embedded) -> AttributeValue {
    match value {
        Embedded::S(text) => AttributeValue::S(text),
        Embedded::N(number) => AttributeValue::N(number),
        Embedded::B(bytes) => AttributeValue::B(Blob::new(bytes)),
        Embedded::BOOL(is) => AttributeValue::Bool(is),
        Embedded::NULL(is) => AttributeValue::Null(is),
        Embedded::SS(texts) => AttributeValue::Ss(texts),
        Embedded::NS(numbers) => AttributeValue::Ns(numbers),
        Embedded::BS(all) => AttributeValue::Bs(all.into_iter().map(Blob::new).collect()),
        Embedded::L(values) => AttributeValue::L(values.into_iter().map(value_outward).collect()),
        Embedded::M(map) => AttributeValue::M(outward(map)),
    }
}
