//! The ledger of stays that are over: a partition for each project and day, in the order of their ends.

use aws_sdk_dynamodb::types::AttributeValue;
use domain::ports::{Ledger, Page, UsedStay};
use domain::{ProjectId, Result, RoomName, Timestamp};
use serde::{Deserialize, Serialize};

use crate::errors::{Malformed, misfit};
use crate::items::{Item, expiry_now, number, text};
use crate::{Store, keys};

impl Ledger for Store {
    async fn note_stay(&self, project: &ProjectId, stay: &UsedStay, keep_until: Timestamp) -> Result<()> {
        let record = Record {
            pk: keys::usage_partition(project, stay.ended),
            sk: keys::event_place(stay.ended, &stay.stay),
            session: stay.session.to_string(),
            room: stay.room.as_ref().map(|room| room.as_str().to_owned()),
            began: stay.began.millis(),
            relayed: stay.relayed,
            expires_at: keep_until.seconds_up(),
        };
        let item = serde_dynamo::to_item(record).map_err(misfit)?;
        match stay.relayed {
            None => self.put_item(item).await,
            // A longer part of the log knows more.
            Some(bytes) => {
                let values = Item::from([(":bytes".to_owned(), number(bytes))]);
                let condition = "attribute_not_exists(pk) OR relayed < :bytes";
                self.put_item_if(item, condition, values).await.map(drop)
            }
        }
    }

    async fn stays(
        &self,
        project: &ProjectId,
        (from, until): (Timestamp, Timestamp),
        last: Option<&str>,
        now: Timestamp,
    ) -> Result<Page<UsedStay, String>> {
        let day = keys::usage_partition(project, from);
        let start = last.map(|sk| Item::from([("pk".to_owned(), text(&day)), ("sk".to_owned(), text(sk))]));
        let query = self
            .query()
            .key_condition_expression("pk = :day AND sk BETWEEN :from AND :until")
            .expression_attribute_values(":day", text(&day))
            .expression_attribute_values(":from", text(keys::event_place(from, "")))
            .expression_attribute_values(":until", text(keys::event_place(until, "")))
            .filter_expression("expiresAt > :now")
            .expression_attribute_values(":now", expiry_now(now))
            .set_exclusive_start_key(start);
        let page = self.page(query).await?;
        let next = page.last_evaluated_key.and_then(|mut key| key.remove("sk"));
        let next = next.and_then(|sk| match sk {
            AttributeValue::S(sk) => Some(sk),
            _ => None,
        });
        let items = page.items.unwrap_or_default().into_iter().map(stay).collect::<Result<_>>()?;
        Ok(Page { items, next })
    }
}

/// A stay's item.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Record {
    pk: String,
    sk: String,
    session: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    room: Option<String>,
    began: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    relayed: Option<u64>,
    expires_at: u64,
}

fn stay(item: Item) -> Result<UsedStay> {
    let record: Record = serde_dynamo::from_item(item).map_err(misfit)?;
    let (ended, stay) = keys::stay_of(&record.sk).ok_or(Malformed("place in the ledger"))?;
    Ok(UsedStay {
        stay,
        session: record.session.parse().map_err(|_| Malformed("session of a stay"))?,
        room: record.room.as_deref().map(RoomName::kept).transpose().map_err(|_| Malformed("room of a stay"))?,
        began: Timestamp::from_millis(record.began),
        ended,
        relayed: record.relayed,
    })
}
