//! What the sweep looks at, by when it is due.

use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue};
use domain::ports::{Due, DueTimes, Page};
use domain::{Result, Timestamp};

use crate::Store;
use crate::errors::Malformed;
use crate::items::{Item, text};
use crate::keys::{self, Key};
use crate::requests::{Change, key_of};

/// Sets the place in the index; the values come by [`Change::due`].
pub(crate) const SET_DUE: &str = "duePk = :duePart, dueSk = :dueAt";
/// Takes an item out of the index.
pub(crate) const NOT_DUE: &str = "duePk, dueSk";

/// So many are read at a time.
const PAGE: i32 = 100;

impl DueTimes for Store {
    async fn due(&self, part: u8, now: Timestamp, last: Option<&Due>) -> Result<Page<Due, Due>> {
        let query = self
            .query()
            .index_name(keys::DUE_INDEX)
            .limit(PAGE)
            .key_condition_expression("duePk = :part AND dueSk <= :now")
            .expression_attribute_values(":part", text(keys::due_partition(part)))
            .expression_attribute_values(":now", text(keys::due_by(now)))
            .set_exclusive_start_key(last.map(place));
        let page = self.page(query).await?;
        // What is not as this code writes it is nobody's to look at.
        let items = page.items.unwrap_or_default().into_iter().filter_map(|item| due(item).ok()).collect();
        Ok(Page { items, next: page.last_evaluated_key.map(due).transpose()? })
    }

    async fn put_off(&self, due: &Due, until: Option<Timestamp>) -> Result<()> {
        let [_, seen] = keys::due(due.session, due.at);
        let change = match until {
            Some(until) => {
                Change::to(keys::due_item(due), format!("SET {SET_DUE}"), "dueSk = :seen").due(due.session, until)
            }
            None => Change::to(keys::due_item(due), format!("REMOVE {NOT_DUE}"), "dueSk = :seen"),
        };
        // Refused when it was noted anew meanwhile, or is gone.
        self.change(change.with(":seen", text(seen)), ReturnValue::None).await.map(drop)
    }

    async fn note_due(&self, due: &Due) -> Result<()> {
        let absent = "attribute_exists(pk) AND attribute_not_exists(dueSk)";
        let change = Change::to(keys::due_item(due), format!("SET {SET_DUE}"), absent).due(due.session, due.at);
        self.change(change, ReturnValue::None).await.map(drop)
    }
}

/// All four keys of something due: where a page goes on.
fn place(due: &Due) -> Item {
    let [part, at] = keys::due(due.session, due.at);
    let mut place = keys::due_item(due).into_item();
    place.insert("duePk".to_owned(), text(part));
    place.insert("dueSk".to_owned(), text(at));
    place
}

fn due(mut item: Item) -> Result<Due> {
    let Some(AttributeValue::S(at)) = item.remove("dueSk") else {
        return Err(Malformed("something due without a time").into());
    };
    let key: Key = key_of(item)?;
    Ok(keys::due_of(&key, &at).ok_or(Malformed("something due"))?)
}
