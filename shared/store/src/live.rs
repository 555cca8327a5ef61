//! What goes on in projects: an item each, counted when somebody asks.

use aws_sdk_dynamodb::types::Select;
use domain::ports::{Live, LiveKind, Living};
use domain::{ProjectId, Result, Timestamp};

use crate::items::{expiry, expiry_now, text};
use crate::{Store, keys};

impl Live for Store {
    async fn note_live(&self, project: &ProjectId, what: &Living, keep_until: Timestamp) -> Result<()> {
        let mut item = keys::live(project, what).into_item();
        item.insert("expiresAt".to_owned(), expiry(keep_until));
        self.put_item(item).await
    }

    async fn note_over(&self, project: &ProjectId, what: &Living) -> Result<()> {
        self.delete_item(keys::live(project, what)).await
    }

    async fn count_live(&self, project: &ProjectId, kind: LiveKind, most: u32, now: Timestamp) -> Result<u32> {
        let [first, last] = keys::all_live(kind);
        // As many as there may be lie on one page of 1 MB, unless an operator allows more than 8,000.
        let query = self
            .query()
            .select(Select::Count)
            .limit(i32::try_from(most).unwrap_or(i32::MAX))
            .key_condition_expression("pk = :project AND sk BETWEEN :first AND :last")
            .filter_expression("expiresAt > :now")
            .expression_attribute_values(":project", text(keys::live_partition(project)))
            .expression_attribute_values(":first", text(first))
            .expression_attribute_values(":last", text(last))
            .expression_attribute_values(":now", expiry_now(now));
        Ok(u32::try_from(self.page(query).await?.count).unwrap_or_default())
    }
}
