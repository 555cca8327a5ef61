//! Small helpers for attribute values.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use domain::{ConnectionId, Timestamp};

/// An item, or the values of an expression.
pub(crate) type Item = HashMap<String, AttributeValue>;

/// A text.
pub(crate) fn text(value: impl Into<String>) -> AttributeValue {
    AttributeValue::S(value.into())
}

/// A whole number.
pub(crate) fn number(value: impl Into<i128>) -> AttributeValue {
    AttributeValue::N(value.into().to_string())
}

/// A point in time, in milliseconds.
pub(crate) fn millis(at: Timestamp) -> AttributeValue {
    number(at.millis())
}

/// When an item ends: the value of `expiresAt`, in seconds, never too early.
pub(crate) fn expiry(at: Timestamp) -> AttributeValue {
    number(at.seconds_up())
}

/// What `expiresAt` must be greater than for an item to be live.
pub(crate) fn expiry_now(now: Timestamp) -> AttributeValue {
    number(now.seconds())
}

/// Whether an item with that `expiresAt` is over.
pub(crate) fn is_over(expires_at: u64, now: Timestamp) -> bool {
    expires_at <= now.seconds()
}

/// Whether an item with an end is over.
pub(crate) fn has_ended(item: &Item, now: Timestamp) -> bool {
    let end = item.get("expiresAt").and_then(|end| end.as_n().ok()).and_then(|end| end.parse().ok());
    end.is_some_and(|end| is_over(end, now))
}

/// A set of connections, which must not be empty.
pub(crate) fn connection_set(connections: &[ConnectionId]) -> AttributeValue {
    AttributeValue::Ss(connections.iter().map(ToString::to_string).collect())
}
