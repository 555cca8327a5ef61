//! The seats that a user took.

use domain::ports::{Visit, Visits};
use domain::{Result, Timestamp, UserId};
use serde::Deserialize;

use crate::Store;
use crate::errors::{Malformed, misfit};
use crate::items::{Item, text};
use crate::keys;
use crate::requests::every;

impl Visits for Store {
    async fn visits(&self, user: UserId) -> Result<Vec<Visit>> {
        let [first, last] = keys::visits();
        let query = self
            .query()
            .consistent_read(true)
            .key_condition_expression("pk = :user AND sk BETWEEN :first AND :last")
            .expression_attribute_values(":user", text(keys::user_partition(user)))
            .expression_attribute_values(":first", text(first))
            .expression_attribute_values(":last", text(last));
        every(query).await?.into_iter().map(visit).collect()
    }
}

/// What is read of a visit's item. One whose time ran out does no harm: it only says where to look.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct VisitRecord {
    sk: String,
    family_id: String,
    taken_at: u64,
}

fn visit(item: Item) -> Result<Visit> {
    let record: VisitRecord = serde_dynamo::from_item(item).map_err(misfit)?;
    Ok(Visit {
        session: keys::visit_of(&record.sk).ok_or(Malformed("visited session"))?,
        family: record.family_id.parse().map_err(|_| Malformed("visit's family"))?,
        at: Timestamp::from_millis(record.taken_at),
    })
}
