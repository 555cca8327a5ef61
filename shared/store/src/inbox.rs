//! Signals that wait for their target.
//!
//! A write costs one unit for each KB, so a frame that does not fit the first KB is compressed when that saves a unit.

use std::io::{Read, Write};

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use domain::ports::{Inbox, Page, Signal};
use domain::{Frame, Result, SessionId, SignalId, Timestamp, UserId};
use flate2::Compression;
use flate2::read::DeflateDecoder;
use flate2::write::DeflateEncoder;

use crate::Store;
use crate::errors::Malformed;
use crate::items::{Item, expiry, has_ended, text};
use crate::keys::{self, Key};

/// The frame as it is.
const PLAIN: &str = "frame";
/// The frame, compressed (RFC 1951).
const PACKED: &str = "packed";
/// What one write unit pays for, in bytes.
/// <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/read-write-operations.html>
const WRITE_UNIT: usize = 1024;
/// Every frame is smaller, in bytes: what unpacks to more is malformed.
const LARGEST_FRAME: u64 = 1024 * 1024;

impl Inbox for Store {
    async fn put(&self, signal: &Signal, keep_until: Timestamp) -> Result<()> {
        self.put_item(item(signal, keep_until)).await
    }

    async fn take_back(&self, signal: &Signal) -> Result<()> {
        self.delete_item(keys::signal(signal.session, signal.to, signal.id)).await
    }

    async fn signal(&self, session: SessionId, user: UserId, id: SignalId, now: Timestamp) -> Result<Option<Frame>> {
        let item = self.get_item(keys::signal(session, user, id), true).await?.filter(|item| !has_ended(item, now));
        Ok(item.map(frame).transpose()?)
    }

    async fn signals(
        &self,
        session: SessionId,
        user: UserId,
        from: SignalId,
        now: Timestamp,
    ) -> Result<Page<Frame, SignalId>> {
        let inbox = keys::inbox_partition(session, user);
        let Page { items, next } = self.page_from(inbox, from.to_string(), now).await?;
        let items = items.into_iter().map(|item| Ok(frame(item)?)).collect::<Result<_>>()?;
        Ok(Page { items, next: next.map(|last| after(&last)).transpose()? })
    }
}

fn after(last: &Key) -> Result<SignalId> {
    let last: SignalId = last.sk.parse().map_err(|_| Malformed("signal key"))?;
    Ok(last.successor())
}

fn item(signal: &Signal, keep_until: Timestamp) -> Item {
    let mut item = keys::signal(signal.session, signal.to, signal.id).into_item();
    item.insert("expiresAt".to_owned(), expiry(keep_until));
    let rest = size(&item);
    let plain = &signal.frame.0;
    let cost = |name: &str, bytes: usize| (rest + name.len() + bytes).div_ceil(WRITE_UNIT);
    if cost(PLAIN, plain.len()) > 1 {
        let packed = pack(plain);
        if cost(PACKED, packed.len()) < cost(PLAIN, plain.len()) {
            item.insert(PACKED.to_owned(), AttributeValue::B(Blob::new(packed)));
            return item;
        }
    }
    item.insert(PLAIN.to_owned(), text(plain));
    item
}

fn frame(mut item: Item) -> Result<Frame, Malformed> {
    match (item.remove(PLAIN), item.remove(PACKED)) {
        (Some(AttributeValue::S(plain)), None) => Ok(Frame(plain)),
        (None, Some(AttributeValue::B(packed))) => unpack(packed.as_ref()).map(Frame),
        _ => Err(Malformed("inbox item without a frame")),
    }
}

/// What the texts and numbers of an item weigh: names and values in UTF-8; a number takes a byte for two digits and one
/// more, and is counted here with two spare ones.
fn size(item: &Item) -> usize {
    item.iter().map(|(name, value)| name.len() + value_size(value)).sum()
}

fn value_size(value: &AttributeValue) -> usize {
    match value {
        AttributeValue::S(text) => text.len(),
        AttributeValue::N(digits) => digits.len() / 2 + 3,
        AttributeValue::B(bytes) => bytes.as_ref().len(),
        _ => 0,
    }
}

fn pack(text: &str) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(text.as_bytes()).and_then(|()| encoder.finish()).expect("a vector takes every byte")
}

fn unpack(packed: &[u8]) -> Result<String, Malformed> {
    let mut text = String::new();
    match DeflateDecoder::new(packed).take(LARGEST_FRAME).read_to_string(&mut text) {
        Ok(read) if (read as u64) < LARGEST_FRAME => Ok(text),
        Ok(_) | Err(_) => Err(Malformed("inbox item that does not unpack to a frame")),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::arbitrary;

    fn signal_of(text: &str) -> impl Strategy<Value = Signal> + use<> {
        let frame = Frame(text.to_owned());
        (arbitrary::signal_id(), arbitrary::session_id(), arbitrary::user_id())
            .prop_map(move |(id, session, to)| Signal { id, session, to, frame: frame.clone() })
    }

    fn signal() -> impl Strategy<Value = Signal> {
        prop_oneof!["\\PC{0,3000}", "(candidate:[0-9]{1,4} ){0,300}"].prop_flat_map(|text| signal_of(&text))
    }

    fn units(item: &Item) -> usize {
        size(item).div_ceil(WRITE_UNIT)
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

        #[test]
        fn a_frame_survives_its_item(signal in signal(), end in arbitrary::timestamp()) {
            prop_assert_eq!(frame(item(&signal, end)).unwrap(), signal.frame);
        }

        #[test]
        fn packing_is_done_only_where_it_saves_a_write_unit(signal in signal(), end in arbitrary::timestamp()) {
            let stored = item(&signal, end);
            let mut plain = stored.clone();
            plain.remove(PACKED);
            plain.insert(PLAIN.to_owned(), text(&signal.frame.0));
            if stored.contains_key(PACKED) {
                prop_assert!(units(&stored) < units(&plain));
            } else {
                prop_assert_eq!(stored, plain);
            }
        }

        #[test]
        fn whatever_is_packed_in_an_item_never_panics(packed in proptest::collection::vec(any::<u8>(), 0..200)) {
            let spoilt = Item::from([(PACKED.to_owned(), AttributeValue::B(Blob::new(packed)))]);
            if let Err(refused) = frame(spoilt) {
                prop_assert!(refused.to_string().contains("malformed"));
            }
        }
    }

    #[test]
    fn an_item_that_unpacks_to_more_than_any_frame_is_malformed() {
        assert!(unpack(&pack(&"x".repeat(4 * LARGEST_FRAME as usize))).is_err());
    }
}
