//! The stream of the table: what marked writes made of its items, out of what the embedded database keeps of them.

use apigateway::{StreamRecord, StreamSource};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use crate::database::Table;

/// The stream of one table.
pub struct TableStream {
    embedded: Table,
    table: &'static str,
}

impl TableStream {
    /// Of that table.
    pub fn new(embedded: Table, table: &'static str) -> Self {
        Self { embedded, table }
    }
}

impl StreamSource for TableStream {
    fn next(&self, limit: usize) -> BoxFuture<'_, Vec<StreamRecord>> {
        async move {
            let records = self.embedded.records(self.table, limit).await;
            let images = |image| serde_json::to_value(image).expect("an item has texts for keys");
            let told = records.into_iter().map(|record| StreamRecord {
                number: record.number,
                keys: images(record.key),
                old_image: record.before.map(images),
                new_image: record.after.map(images),
            });
            told.collect()
        }
        .boxed()
    }

    fn handed_over(&self, records: &[StreamRecord]) -> BoxFuture<'_, ()> {
        let numbers: Vec<_> = records.iter().map(|record| record.number).collect();
        async move {
            if let Err(error) = self.embedded.handed_over(self.table, numbers).await {
                // They are handed over once more, which does no harm.
                tracing::warn!(%error, "what was handed over is kept");
            }
        }
        .boxed()
    }
}
